/* overlay/kad/publish_state.h - the inside of the publisher, shared by its files publish*.c.
 *
 * Life: see overlay/kad/publish.h. Threads: one owner. Purity: pure.
 *
 * publish.c is the clock and the jobs; publish_keys.c what is owned and when it is due; publish_own.c begins and ends
 * owning; publish_load.c gets an owned record ready to be sent; publish_sweep.c walks through the store.
 */
#ifndef GN_OVERLAY_KAD_PUBLISH_STATE_H
#define GN_OVERLAY_KAD_PUBLISH_STATE_H

#include "base/heap.h"
#include "base/map.h"
#include "base/slab.h"
#include "overlay/kad/publish.h"
#include "overlay/kad/server.h"
#include "overlay/msg/record.h"

#define GN_PUBLISH_KEEPS_MAX 1024U /* owned records on their way to the store */
#define GN_PUBLISH_SWEEP_BATCH 16U /* records per request of a sweep: they are read whole */
#define GN_PUBLISH_EXPIRE_BATCH 512U
#define GN_PUBLISH_PROVIDERS_PER_KEY 16U /* handed on */
#define GN_PUBLISH_INTERVAL_MIN_US GN_SECONDS(30)
#define GN_PUBLISH_STORE_WAIT_US GN_SECONDS(30) /* a store that is silent for so long is asked again */

/* What a store request was for, in its number: 4 bits, then a counter. */
enum gn_publish_purpose {
    GN_PUBLISH_SCAN = 1,
    GN_PUBLISH_LOAD = 2,
    GN_PUBLISH_KEEP = 3,
    GN_PUBLISH_EXPIRE = 4,
    GN_PUBLISH_FORGET = 5, /* nobody waits for the answer */
};
#define GN_PUBLISH_PURPOSE(req) (((req) >> 24) & 0x0fU)

struct gn_publish_name {
    uint8_t kind;
    struct gn_id target;
};

/* One owned key. */
struct gn_publish_key {
    struct gn_heap_node node; /* in `due` unless busy */
    struct gn_publish_name name;
    bool busy; /* a job has it */
    unsigned fails;
    gn_time_us due;
    gn_wall_s ends_at;
    uint64_t ttl_s;    /* of one publication */
    uint32_t keep_req; /* the last write of it that the store has not answered; 0: none */
};

enum gn_publish_job_state { GN_PUBLISH_JOB_FREE, GN_PUBLISH_JOB_LOADING, GN_PUBLISH_JOB_RUNNING };

struct gn_publish_job {
    enum gn_publish_job_state state;
    bool handoff;
    uint32_t key;    /* handle; 0 for hand-offs */
    uint32_t ticket; /* RUNNING */
    uint32_t req;    /* LOADING */
    gn_time_us deadline;
};

enum gn_publish_scan_mode { GN_PUBLISH_SCAN_NONE, GN_PUBLISH_SCAN_OWNED, GN_PUBLISH_SCAN_HELD };

struct gn_publish_scan {
    enum gn_publish_scan_mode mode;
    bool waiting; /* for the store */
    uint32_t req;
    gn_time_us at; /* waiting: until then; else: the next request not before */
    struct gn_store_entry cursor;
    unsigned siblings; /* provider records of the cursor's key handed on in this sweep */
};

struct gn_publish {
    const struct gn_env *env;
    struct gn_publish_calls calls;
    struct gn_overlay_counters *counters;
    struct gn_publish_config config;
    struct gn_addr addrs[GN_RECORD_ADDRS_MAX];
    size_t addrs_len;
    struct gn_slab keys;
    struct gn_map names; /* kind, target -> handle */
    struct gn_map keeps; /* request -> name */
    struct gn_heap due;
    struct gn_publish_job *jobs;
    struct gn_publish_scan scan;
    gn_time_us expire_at;
    gn_time_us sweep_at;
    gn_wall_s wall; /* the latest that was seen */
    uint32_t next_req;
    uint32_t next_ticket;
    bool started;
    struct gn_publish_stats stats; /* its counters */
};

/* ---- publish.c ---- */

/* Fills in the number and sends the request. */
enum gn_err gn_publish_ask(struct gn_publish *p, struct gn_outbox *box, enum gn_publish_purpose purpose,
                           struct gn_store_request *request);
/* A free job for an owned record or for a hand-off: each leaves the other some. NULL: none is free. */
struct gn_publish_job *gn_publish_job_free(struct gn_publish *p, bool handoff);
/* Starts the put; on OK the job runs. */
enum gn_err gn_publish_job_start(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_job *job,
                                 const struct gn_store_entry *entry, struct gn_slice record);

/* ---- publish_keys.c ---- */

void gn_publish_keys_init(struct gn_publish *p);
void gn_publish_keys_fini(struct gn_publish *p);
/* The key, new or known, not yet due again. LIMIT: owned_max; NO_MEMORY. */
enum gn_err gn_publish_keys_add(struct gn_publish *p, struct gn_publish_key **out, bool *is_new, uint8_t kind,
                                const struct gn_id *target);
struct gn_publish_key *gn_publish_keys_find(const struct gn_publish *p, uint8_t kind, const struct gn_id *target);
/* Forgets it; a job that has it goes on alone. */
void gn_publish_keys_remove(struct gn_publish *p, struct gn_publish_key *key);
/* Its life: until when, and for how long one publication lasts. */
void gn_publish_keys_set_life(struct gn_publish_key *key, gn_wall_s stored_at, gn_wall_s ends_at);
/* Puts it into the order, unless a job has it. */
void gn_publish_keys_set_due(struct gn_publish *p, struct gn_publish_key *key, gn_time_us due);
/* After 45 % of its time, or when it ends. */
void gn_publish_keys_set_next(struct gn_publish *p, struct gn_publish_key *key, gn_time_us now);
/* After a failure: 1 min, doubled each time up to 30 min. */
void gn_publish_keys_set_retry(struct gn_publish *p, struct gn_publish_key *key, gn_time_us now);
struct gn_publish_key *gn_publish_keys_first(const struct gn_publish *p);

/* ---- publish_load.c ---- */

enum gn_err gn_publish_load_begin(struct gn_publish *p, struct gn_outbox *box, struct gn_publish_job *job,
                                  struct gn_publish_key *key, gn_time_us now);
enum gn_err gn_publish_load_answer(struct gn_publish *p, struct gn_outbox *box, const struct gn_store_answer *answer,
                                   gn_time_us now);
/* A signed provider record of ours for content. */
enum gn_err gn_publish_load_provider(struct gn_publish *p, uint8_t *out, size_t *out_len, size_t cap,
                                     const struct gn_id *content, gn_wall_s end);

/* ---- publish_sweep.c ---- */

/* Asks for the next batch when it is time. */
enum gn_err gn_publish_sweep_timer(struct gn_publish *p, struct gn_outbox *box, gn_time_us now);
enum gn_err gn_publish_sweep_answer(struct gn_publish *p, struct gn_outbox *box, const struct gn_store_answer *answer,
                                    gn_time_us now);
gn_time_us gn_publish_sweep_deadline(const struct gn_publish *p);

#endif
