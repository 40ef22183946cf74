/* overlay/kad/candidates.h - who might enter the table: a bounded queue of nodes to ping, paced.
 *
 * Life: embedded in struct gn_kad. Threads: one owner. Purity: pure.
 *
 * Candidates come from a query's `self`, from replies that named nodes which a lookup had no need to ask, and from the
 * saved table. Each is pinged once; only its answer lets it in (gn_table_answered). The queue keeps the table's own
 * wishes: whatever the table would not take is not queued. Those nearest to us come first, for on them depends whether
 * we can be found, and they are few; when the queue is full the farthest makes place.
 */
#ifndef GN_OVERLAY_KAD_CANDIDATES_H
#define GN_OVERLAY_KAD_CANDIDATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ratelimit.h"
#include "base/timer.h"
#include "overlay/kad/book.h"

#define GN_CANDIDATES_MAX 64U
#define GN_CANDIDATES_PER_S 4U /* pings, each a key agreement; burst 16 */
#define GN_CANDIDATES_BURST 16U
#define GN_CANDIDATES_RECENT 32U

struct gn_kad;

struct gn_candidates {
    struct gn_timer timer; /* the next pings */
    struct gn_ratelimit pace;
    gn_book_handle queue[GN_CANDIDATES_MAX]; /* held; in the order of their coming */
    uint8_t len;
    uint8_t recent_at;
    struct {
        uint32_t mark; /* of id and address */
        uint32_t at_s;
    } recent[GN_CANDIDATES_RECENT]; /* pinged lately: not again at once */
};

void gn_candidates_init(struct gn_kad *k);
void gn_candidates_fini(struct gn_kad *k);
/* Queues it if the table has a use for it. Copies. */
void gn_candidates_offer(struct gn_kad *k, const struct gn_contact *c);
/* The timer is due. */
void gn_candidates_timer(struct gn_kad *k);
/* A PING for the table's sake. False: it cannot be sent now. */
bool gn_candidates_ping(struct gn_kad *k, gn_book_handle to);

#endif
