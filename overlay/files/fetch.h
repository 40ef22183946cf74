/* overlay/files/fetch.h - who is asked for what: the scheduler of a transfer from several providers at once.
 *
 * Life: gn_fetch_new .. gn_fetch_free. Borrows alloc and rng. Threads: one owner. Purity: pure; time is an argument.
 *
 * A transfer has open files (a folder opens a few at a time), each cut into ranges of 256 leaves (4 MiB), and
 * providers. The driver tells what happens and carries out the acts that gn_fetch_next gives until it gives none.
 *
 * Policy
 *   - Of the providers known, up to `connected_max` are connected; one that fails is tried again after a backoff.
 *   - Each has a window of ranges in flight: what it delivers in 250 ms, at least 2 and at most GN_FETCH_ASKS_MAX, and
 * 1 until its first bytes. So the fast ones get more, and no range waits long behind others.
 *   - The next range: the rarest among the providers that are known to have only part, ties at random; when all have
 *     everything: the first missing one, so that a file grows from its beginning.
 *   - A provider that owes something and sends nothing for 2 s stalls: its connection is closed, its ranges go to
 *     others, it comes back after a backoff. After 3 stalls without a finished range between it is dropped; it may be
 *     added again after GN_FETCH_FORGIVE. A range that takes over 4 times as long as its provider's rate promises may
 * be asked of a second one as well.
 *   - End game: when nothing is left to ask, idle providers are asked for ranges in flight elsewhere, at most
 *     GN_FETCH_COPIES in all.
 *   - A provider that sends one wrong hash or byte is dropped for good.
 */
#ifndef GN_OVERLAY_FILES_FETCH_H
#define GN_OVERLAY_FILES_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/rng.h"
#include "base/slice.h"
#include "base/time.h"

#define GN_FETCH_RANGE_BYTES (UINT64_C(4) * 1024U * 1024U)
#define GN_FETCH_FILE_MAX (UINT64_C(1) << 44)
#define GN_FETCH_FILES_MAX 32U     /* open at once */
#define GN_FETCH_PROVIDERS_MAX 64U /* known at once, dropped ones included */
#define GN_FETCH_CONNECTED_MAX 8U
#define GN_FETCH_ASKS_MAX 32U /* in flight at one provider: small files are short ranges */
#define GN_FETCH_COPIES 3U    /* providers that are asked for one range at the same time */
#define GN_FETCH_STALL GN_SECONDS(2)
#define GN_FETCH_STALLS_MAX 3U
#define GN_FETCH_FORGIVE GN_MINUTES(2)
#define GN_FETCH_LOOK_AGAIN GN_SECONDS(2)    /* a provider with a part of a file is asked again what it has */
#define GN_FETCH_SEARCH_AGAIN GN_SECONDS(15) /* between two searches for providers */

struct gn_fetch;

struct gn_fetch_config {
    const struct gn_alloc *alloc;
    struct gn_rng *rng;
    uint32_t connected_max; /* 0 = GN_FETCH_CONNECTED_MAX */
    uint64_t window_bytes;  /* in flight at all providers together; 0 = 64 MiB; at least one range always is */
};

enum gn_fetch_act_type {
    GN_FETCH_CONNECT,   /* provider: open a channel; then gn_fetch_connected or gn_fetch_disconnected */
    GN_FETCH_LOOK,      /* provider, file: ask what it has; then gn_fetch_available */
    GN_FETCH_ASK,       /* provider, file, range: ask for it; then gn_fetch_done or gn_fetch_failed */
    GN_FETCH_CLOSE,     /* provider: close the channel; no call about what was asked of it follows. Not called back */
    GN_FETCH_DROPPED,   /* provider, reason: it was closed before, if it was connected. For the log */
    GN_FETCH_SEARCH,    /* more providers are wanted */
    GN_FETCH_FILE_DONE, /* file: every range is there; its number is free again */
};
enum gn_fetch_reason { GN_FETCH_LIED, GN_FETCH_STALLED, GN_FETCH_NOT_FOUND, GN_FETCH_UNREACHABLE };

struct gn_fetch_act {
    enum gn_fetch_act_type type;
    uint32_t provider, file, range;
    enum gn_fetch_reason reason;
};

/* Why a range did not come. */
enum gn_fetch_failure {
    GN_FETCH_F_LIE,       /* wrong bytes or hashes, or a broken protocol: drops the provider */
    GN_FETCH_F_NOT_HERE,  /* the provider has not got this range yet */
    GN_FETCH_F_NOT_FOUND, /* the provider has not got this file */
    GN_FETCH_F_BUSY,      /* not now */
    GN_FETCH_F_OURS,      /* we could not take it: asked again, nobody is blamed */
};

struct gn_fetch_stats {
    uint32_t files, providers, connected, dropped, lied, stalled;
    uint32_t in_flight; /* ranges asked for, copies counted */
    uint64_t rate;      /* bytes per second of all connected ones */
};

/* Gives out. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_fetch_new(struct gn_fetch **out, const struct gn_fetch_config *config);
void gn_fetch_free(struct gn_fetch *f);

/* Opens a file of 1 .. GN_FETCH_FILE_MAX bytes; gives its number. FULL: GN_FETCH_FILES_MAX are open. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_fetch_file_add(struct gn_fetch *f, uint32_t *file, uint64_t length);
/* This range is there already. */
void gn_fetch_file_mark(struct gn_fetch *f, uint32_t file, uint32_t range);
/* Gives the file up; what is in flight of it may still be reported and is ignored. */
void gn_fetch_file_remove(struct gn_fetch *f, uint32_t file);
/* Ranges of a file of `length` bytes, and the bytes of one. */
uint32_t gn_fetch_ranges(uint64_t length);
uint64_t gn_fetch_range_len(uint64_t length, uint32_t range);

/* Gives its number. EXISTS: known already. REFUSED: dropped, and not forgiven. FULL. */
GN_MUST_CHECK enum gn_err gn_fetch_provider_add(struct gn_fetch *f, uint32_t *provider, const struct gn_id *id,
                                                gn_time_us now);
const struct gn_id *gn_fetch_provider_id(const struct gn_fetch *f, uint32_t provider);
void gn_fetch_connected(struct gn_fetch *f, uint32_t provider, gn_time_us now);
/* The channel failed or ended by itself: what it owed is asked elsewhere. */
void gn_fetch_disconnected(struct gn_fetch *f, uint32_t provider, gn_time_us now);
/* What it has of a file: everything, or (all false) the ranges whose bits are set, the first one in the highest bit of
 * the first byte; no bits: nothing. Copies the bits. Without this call a provider is taken to have everything. */
void gn_fetch_available(struct gn_fetch *f, uint32_t provider, uint32_t file, bool all, struct gn_slice bits,
                        gn_time_us now);
/* Bytes came from it; 0: it is we who are slow (its bytes wait for our disk), so it does not stall. */
void gn_fetch_progress(struct gn_fetch *f, uint32_t provider, uint64_t bytes, gn_time_us now);
/* The range is verified and written. */
void gn_fetch_done(struct gn_fetch *f, uint32_t provider, uint32_t file, uint32_t range, gn_time_us now);
void gn_fetch_failed(struct gn_fetch *f, uint32_t provider, uint32_t file, uint32_t range, enum gn_fetch_failure why,
                     gn_time_us now);

/* The next thing to do; false: nothing now. */
bool gn_fetch_next(struct gn_fetch *f, struct gn_fetch_act *out, gn_time_us now);
/* When gn_fetch_next should be called even if nothing happened. */
gn_time_us gn_fetch_deadline(const struct gn_fetch *f);
/* Is this range there (verified)? */
bool gn_fetch_has(const struct gn_fetch *f, uint32_t file, uint32_t range);
void gn_fetch_set_window(struct gn_fetch *f, uint64_t bytes);
void gn_fetch_stats(const struct gn_fetch *f, struct gn_fetch_stats *out);

#endif
