/* overlay/files/fetch_state.h - the inside of the scheduler, shared by the fetch files.
 *
 * Life, threads: overlay/files/fetch.h. Purity: pure. Nobody else includes it.
 */
#ifndef GN_OVERLAY_FILES_FETCH_STATE_H
#define GN_OVERLAY_FILES_FETCH_STATE_H

#include "base/backoff.h"
#include "overlay/files/fetch.h"

#define GN_FETCH_NONE UINT32_MAX
#define GN_FETCH_RANGE_DONE 0xffU /* else: how many providers are asked for it */
#define GN_FETCH_SLOTS_BITS 5U    /* a file's number: slot, and above it how often the slot was used */
_Static_assert(1U << GN_FETCH_SLOTS_BITS == GN_FETCH_FILES_MAX, "slots fit their bits");

struct gn_fetch_file {
    bool used;
    uint32_t number;
    uint64_t length;
    uint64_t order; /* of opening: older files first */
    uint32_t ranges, done;
    uint32_t first; /* every range before it is done */
    uint8_t *state; /* per range */
    bool told;      /* FILE_DONE was given */
};

enum gn_fetch_have_state { GN_FETCH_HAVE_ALL, GN_FETCH_HAVE_SOME, GN_FETCH_HAVE_NOTHING };

/* What a provider has of one open file. */
struct gn_fetch_have {
    enum gn_fetch_have_state state;
    bool looking;       /* LOOK was given, no answer yet */
    gn_time_us look_at; /* look again; GN_TIME_NEVER: it has everything */
    uint8_t *bits;
    size_t bits_len;
};

struct gn_fetch_ask {
    uint32_t file, range;
    gn_time_us late_at; /* when it takes too long; GN_TIME_NEVER once that was noticed */
    bool late;
};

enum gn_fetch_provider_state {
    GN_FETCH_P_FREE,
    GN_FETCH_P_IDLE, /* known; may be connected from next_at on */
    GN_FETCH_P_CONNECTING,
    GN_FETCH_P_CONNECTED,
    GN_FETCH_P_DROPPED, /* until next_at */
};

struct gn_fetch_provider {
    enum gn_fetch_provider_state state;
    struct gn_id id;
    gn_time_us next_at;
    gn_time_us pause_until; /* it said BUSY */
    struct gn_backoff backoff;
    uint32_t stalls, failures;
    bool delivered; /* at least one range, ever */
    bool want_close, want_dropped;
    enum gn_fetch_reason reason;
    gn_time_us heard_at;
    uint64_t rate;     /* bytes per second; 0 = not measured */
    uint64_t measured; /* bytes since measure_at */
    gn_time_us measure_at;
    uint64_t version;   /* of the last fruitless search for a range */
    uint64_t in_flight; /* bytes */
    uint32_t asks_len;
    struct gn_fetch_ask asks[GN_FETCH_ASKS_MAX];
    struct gn_fetch_have have[GN_FETCH_FILES_MAX];
};

struct gn_fetch {
    struct gn_fetch_config config;
    struct gn_fetch_file files[GN_FETCH_FILES_MAX];
    struct gn_fetch_provider *providers; /* GN_FETCH_PROVIDERS_MAX */
    uint32_t providers_len;              /* slots ever used */
    uint32_t turn;                       /* who is looked at first */
    uint64_t orders;
    uint64_t version; /* grows whenever there may be something new to ask */
    uint64_t in_flight;
    gn_time_us search_at;
    uint32_t lied, stalled;
};

/* The open file of this number; NULL: it is gone. */
struct gn_fetch_file *gn_fetch_file_of(struct gn_fetch *f, uint32_t number);
static inline uint32_t gn_fetch_slot(const struct gn_fetch_file *file)
{
    return file->number & (GN_FETCH_FILES_MAX - 1U);
}

/* fetch_provider.c */
void gn_fetch_provider_forget_file(struct gn_fetch *f, uint32_t slot);
void gn_fetch_provider_free(struct gn_fetch *f, struct gn_fetch_provider *p);
/* Stalls and lateness that the time has brought, and drops that are forgiven. */
void gn_fetch_provider_tick(struct gn_fetch *f, struct gn_fetch_provider *p, gn_time_us now);
/* Bytes that it may have in flight. */
uint64_t gn_fetch_provider_window(const struct gn_fetch_provider *p);

/* fetch_pick.c: what to ask p for next; false: nothing. */
bool gn_fetch_pick(struct gn_fetch *f, struct gn_fetch_provider *p, uint32_t *file, uint32_t *range);
/* Does p have this range, as far as we know? */
bool gn_fetch_pick_has(const struct gn_fetch_provider *p, uint32_t slot, uint32_t range);
/* Is there a missing range of the file that p is not known to have? */
bool gn_fetch_pick_lacks(const struct gn_fetch_provider *p, const struct gn_fetch_file *file);

#endif
