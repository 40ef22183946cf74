/* tests/support/quic_pair.h - two QUIC endpoints in one process, joined by a path under virtual time.
 *
 * Life: caller's memory; quic_pair_init .. quic_pair_fini (fails the process when an endpoint leaks memory).
 * Threads: one. Purity: pure but for GnuTLS's own clock and entropy.
 *
 * Packets are delivered in the order of (time, number). The path may lose, double, delay and reorder them, and may show
 * side 0 under another source address than its own, as a NAT does.
 */
#ifndef GN_TESTS_SUPPORT_QUIC_PAIR_H
#define GN_TESTS_SUPPORT_QUIC_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "tests/support/failing_alloc.h"
#include "transport/quic/quic.h"

#define QUIC_PAIR_EVENT_TYPES 12U

struct quic_pair;

struct quic_side {
    struct gn_quic *q;
    struct gn_quic_config config;
    struct gn_failing_alloc memory;
    struct gn_addr addr;
    gn_quic_conn conn; /* the latest CONNECTED */
    unsigned events[QUIC_PAIR_EVENT_TYPES];
    struct gn_quic_event last[QUIC_PAIR_EVENT_TYPES]; /* the latest of each type; data is gone */
    bool echo;                                        /* writes back what it gets, and the fin */
    bool hold;                                        /* does not consume */
    uint8_t *got; /* stream bytes received, all streams together in order of arrival */
    size_t got_len, got_cap;
    bool fin;
};

struct quic_packet {
    gn_time_us at;
    uint64_t number;
    unsigned to;
    struct gn_addr from_addr, to_addr;
    uint8_t ecn;
    size_t len;
    uint8_t *data;
};

struct quic_pair {
    struct quic_side side[2];
    gn_time_us now;
    gn_time_us delay;       /* one way */
    gn_time_us jitter;      /* up to this much more: reorders */
    unsigned loss, doubled; /* per thousand */
    unsigned rate;          /* bytes per millisecond and direction; 0 = endless */
    gn_time_us busy_until[2];
    struct gn_addr mapped; /* how side 1 sees side 0; family NONE: as it is */
    struct gn_rng rng;
    struct quic_packet *flying;
    size_t flying_len, flying_cap;
    uint64_t sent, without_fixed_bit, bytes[2];
    /* Sees each packet before it flies; false: it is swallowed. May change the bytes. May be NULL. */
    bool (*tap)(struct quic_pair *p, unsigned from, uint8_t *data, size_t len);
    void *tap_data;
    void (*on_event)(struct quic_pair *p, unsigned side, const struct gn_quic_event *event);
    void *user;
};

/* Two endpoints of one network with fixed seeds; change p->side[i].config and call quic_pair_start. */
void quic_pair_init(struct quic_pair *p, uint64_t seed);
void quic_pair_start(struct quic_pair *p);
void quic_pair_restart(struct quic_pair *p, unsigned side); /* frees the endpoint and makes it again: a crash */
void quic_pair_fini(struct quic_pair *p);

/* Handles events and sends what is to be sent, now. */
void quic_pair_pump(struct quic_pair *p);
/* Goes on for `us` of virtual time, or until `done` says true (may be NULL). Returns whether it said so. */
bool quic_pair_run(struct quic_pair *p, gn_time_us us, bool (*done)(struct quic_pair *p));
/* Side 0 dials side 1 and both are connected. False: not within 5 s. */
bool quic_pair_connect(struct quic_pair *p);
/* Sends len bytes of a pattern on a new stream from `side`, and the fin. Returns the stream. */
int64_t quic_pair_send(struct quic_pair *p, unsigned side, size_t len);
/* The pattern's byte at `at`. */
uint8_t quic_pair_byte(size_t at);
/* True: the side has got exactly `len` bytes of the pattern. */
bool quic_pair_got(const struct quic_pair *p, unsigned side, size_t len);
/* Gives a datagram to a side as if it had come from `from`. */
void quic_pair_inject(struct quic_pair *p, unsigned to, const struct gn_addr *from, const uint8_t *data, size_t len);

#endif
