/* transport/seal/seal_epoch.h - epoch records (signed, short-lived keys) and our own last three epoch keys.
 *
 * Life: caller's memory; gn_seal_epochs_fini wipes it. Threads: one owner. Purity: pure.
 *
 * A record says "id's key is epk, since `epoch`": epk 32 | epoch u64be | Ed25519(id, "ghostnet/1 e" | net | id | epk |
 * epoch). epoch is the Unix second at which the key was made, and grows with every key of one run. The identity key
 * signs this and nothing else here; the epoch's secret lives in memory only, for at most three lifetimes.
 */
#ifndef GN_TRANSPORT_SEAL_SEAL_EPOCH_H
#define GN_TRANSPORT_SEAL_SEAL_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/time.h"
#include "transport/seal/seal.h"
#include "transport/seal/seal_keys.h"

#define GN_SEAL_EPOCHS_KEPT 3U
#define GN_SEAL_EPOCH_US GN_MINUTES(60)
#define GN_SEAL_EPOCH_JITTER 10U    /* percent */
#define GN_SEAL_EPOCH_OLD_S 86400U  /* a record older than this is refused */
#define GN_SEAL_EPOCH_AHEAD_S 3600U /* and one further in the future than this */
#define GN_SEAL_CLOCK_JUMP_S 1800U  /* wall against monotonic clock: more than this begins a new epoch */

uint64_t gn_seal_epoch_number(const uint8_t record[GN_SEAL_EPOCH_RECORD]);
/* Within the window of ages that anybody accepts? */
bool gn_seal_epoch_is_fresh(uint64_t number, gn_wall_s wall);
void gn_seal_epoch_sign(uint8_t record[GN_SEAL_EPOCH_RECORD], const uint8_t sign_key[64], const struct gn_seal_net *net,
                        const struct gn_id *id, const uint8_t epk[32], uint64_t number);
/* AUTH: id did not sign this record for this network. Says nothing about its age. Costs an Ed25519 verification. */
GN_MUST_CHECK enum gn_err gn_seal_epoch_verify(const uint8_t record[GN_SEAL_EPOCH_RECORD],
                                               const struct gn_seal_net *net, const struct gn_id *id);

struct gn_seal_epoch {
    struct gn_seal_keypair pair;
    uint8_t record[GN_SEAL_EPOCH_RECORD];
    uint8_t dst_tag[4]; /* never zero while live, different among the live ones */
    bool live;
    gn_time_us made_at;
};

struct gn_seal_epochs {
    struct gn_seal_epoch kept[GN_SEAL_EPOCHS_KEPT]; /* 0 = current, then older ones */
    uint8_t sign_key[64];
    uint8_t self[32U + GN_SEAL_EPOCH_RECORD]; /* id | current record: what a query introduces us with */
    struct gn_id id;
    gn_time_us next_at;
    uint64_t number;    /* of the current epoch */
    gn_wall_s wall_ref; /* the clocks at the last call, to notice a jump of the wall clock */
    gn_time_us now_ref;
};

/* Derives the identity from its seed and begins the first epoch. */
void gn_seal_epochs_init(struct gn_seal_epochs *e, const uint8_t identity_seed[32], const struct gn_seal_net *net,
                         struct gn_rng *rng, gn_time_us now, gn_wall_s wall);
void gn_seal_epochs_fini(struct gn_seal_epochs *e);
/* Begins a new epoch when it is time or when the wall clock has jumped. True when one began: keys derived from an epoch
 * that is no longer live must be wiped by their holders now. */
bool gn_seal_epochs_timer(struct gn_seal_epochs *e, const struct gn_seal_net *net, struct gn_rng *rng, gn_time_us now,
                          gn_wall_s wall);
/* The live epoch of this tag; NULL when there is none (also for the zero tag). */
const struct gn_seal_epoch *gn_seal_epochs_find(const struct gn_seal_epochs *e, const uint8_t dst_tag[4]);

#endif
