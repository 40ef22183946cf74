/* overlay/kad/maintain.h - keeping the table alive: pings, candidates, refresh, snapshot, bootstrap again.
 *
 * Life: embedded in the overlay. Threads: one owner. Purity: pure.
 *
 * Every 5 s the oldest entry of a random bucket is pinged, a bucket being chosen as often as it has entries; with more
 * than 144 entries oftener, so that every entry's turn comes within 12 min: else a wide bucket would fall silent, and
 * what has not answered for 15 min is not handed on.
 */
#ifndef GN_OVERLAY_KAD_MAINTAIN_H
#define GN_OVERLAY_KAD_MAINTAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/slice.h"
#include "base/timer.h"
#include "overlay/kad/book.h"

#define GN_MAINTAIN_LIVENESS_US GN_SECONDS(5)
#define GN_MAINTAIN_ROUND_US GN_MINUTES(12)
#define GN_MAINTAIN_REFRESH_US GN_MINUTES(10)
#define GN_MAINTAIN_SELF_FIRST_US GN_MINUTES(1)
#define GN_MAINTAIN_SELF_US GN_MINUTES(10)
#define GN_MAINTAIN_SAVE_US GN_MINUTES(5)
#define GN_MAINTAIN_RESTORED_MAX 128U /* contacts of a snapshot that are pinged, the best first */
#define GN_MAINTAIN_RESTORED_FIRST 50U
#define GN_MAINTAIN_RESTORED_ENOUGH 32U /* with so many live the rest of a snapshot is let go */
#define GN_MAINTAIN_BOOTS 16U

struct gn_kad;

struct gn_maintain {
    struct gn_timer liveness, sweep, refresh, self_lookup, save, bootstrap;
    struct gn_backoff backoff;
    gn_book_handle *restored; /* held; allocated while there are some */
    uint16_t restored_len;
    uint16_t restored_at;
    gn_book_handle boots[GN_MAINTAIN_BOOTS]; /* held: asked again when nobody is left */
    uint8_t boots_len;
    uint8_t boots_at;
    uint8_t settle_tries; /* lookups of our own id while few are known */
    bool settled;         /* the regular ones have begun */
};

void gn_maintain_init(struct gn_kad *k, struct gn_maintain *m);
void gn_maintain_fini(struct gn_kad *k, struct gn_maintain *m);
/* One of its timers is due. */
void gn_maintain_timer(struct gn_kad *k, struct gn_maintain *m, const struct gn_timer *t);
/* A way in, to be used again. The oldest of 16 makes place. */
void gn_maintain_remember(struct gn_kad *k, struct gn_maintain *m, const struct gn_contact *c);
/* A snapshot: its contacts are pinged, the best 50 at once, the others as long as too few live. MALFORMED. */
GN_MUST_CHECK enum gn_err gn_maintain_restore(struct gn_kad *k, struct gn_maintain *m, struct gn_slice snapshot);
/* The live contacts go to the store (GN_STORE_SAVE_TABLE), so that the next start finds them. Nothing when none live.
 */
void gn_maintain_save(struct gn_kad *k, struct gn_maintain *m);
/* Our addresses are known or changed. */
void gn_maintain_addrs(struct gn_kad *k, struct gn_maintain *m);
/* We have become a server: our neighbours should learn of us soon. */
void gn_maintain_introduce(struct gn_kad *k, struct gn_maintain *m);
void gn_maintain_net_changed(struct gn_kad *k, struct gn_maintain *m);

#endif
