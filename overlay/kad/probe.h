/* overlay/kad/probe.h - can others reach us? Dial-backs asked for, passed on and made; client and server mode.
 *
 * Life: embedded in the overlay. Threads: one owner. Purity: pure.
 *
 * We send PROBE_ME{nonce, hops 1} to X. X asks a third node T of another wide group (PROBE_ME, hops 0), and T sends one
 * PING with the nonce to the address that X saw: it can only arrive if strangers reach us. Three such PINGs from
 * distinct wide groups and 20 min of an unchanged observed address make us a server; two probes in a row without any
 * make us a client again. On a private network (allow_private, and no public address of ours) there is nobody to ask
 * and nothing to prove: we are a server at once.
 */
#ifndef GN_OVERLAY_KAD_PROBE_H
#define GN_OVERLAY_KAD_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ratelimit.h"
#include "base/timer.h"
#include "overlay/kad/server.h"

#define GN_PROBE_GROUPS 3U
#define GN_PROBE_STABLE_US GN_MINUTES(20)
#define GN_PROBE_EVERY_US GN_MINUTES(2)
#define GN_PROBE_SERVER_EVERY_US GN_MINUTES(30)
#define GN_PROBE_FAILURES 2U

struct gn_kad;
struct gn_observed;

struct gn_probe {
    struct gn_timer timer;
    struct gn_ratelimit passing; /* PROBE_ME we hand on, PINGs we send for others: 1/s each */
    struct gn_ratelimit dialling;
    uint64_t groups[GN_PROBE_GROUPS]; /* wide groups that reached us */
    uint64_t asked_group;             /* of X: a PING from there proves nothing */
    uint8_t nonce[GN_MSG_NONCE_BYTES];
    uint8_t groups_len;
    uint8_t failures;
    bool waiting;
};

/* Sets the mode to begin with. */
void gn_probe_init(struct gn_kad *k, struct gn_probe *p);
/* Our addresses are known or changed. */
void gn_probe_addrs(struct gn_kad *k, struct gn_probe *p);
/* The network changed: everything must be proved again, but we stay what we are until a probe fails. */
void gn_probe_reset(struct gn_kad *k, struct gn_probe *p);
/* The timer is due: asks for a dial-back, and judges the one before. */
void gn_probe_timer(struct gn_kad *k, struct gn_probe *p, const struct gn_observed *seen);
/* A PING with this nonce came from `from`. */
void gn_probe_pinged(struct gn_kad *k, struct gn_probe *p, const struct gn_observed *seen,
                     const uint8_t nonce[GN_MSG_NONCE_BYTES], const struct gn_addr *from);
/* Somebody else's probe. NOT_FOUND: no node of another wide group is known. FULL: rate limited, or no room to send. */
GN_MUST_CHECK enum gn_err gn_probe_help(struct gn_kad *k, struct gn_probe *p, const struct gn_server_probe *wanted);

#endif
