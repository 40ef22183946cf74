/* node/host_inside.h - the inside of a host: what host.c, host_store.c, host_query.c share.
 *
 * Life: see node/host.h. Threads: the loop's. Purity: none.
 */
#ifndef GN_NODE_HOST_INSIDE_H
#define GN_NODE_HOST_INSIDE_H

#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "node/host.h"
#include "overlay/sodium_crypto.h"

/* Queries that we owe an answer. A ring: the overlay answers within a step or a commit, so the oldest are the ones that
 * it decided not to answer. */
#define GN_HOST_REPLIES_MIN 8U
#define GN_HOST_REPLIES_MAX 1024U
#define GN_HOST_REPLY_AGE GN_SECONDS(10)

struct gn_host_reply {
    uint64_t token; /* 0: free */
    gn_time_us since;
    struct gn_host_query *stream; /* the query came by stream: answer there */
    struct gn_seal_reply_key key; /* else: by sealed datagram */
};

/* Writes of the store that wait for their commit. */
#define GN_HOST_WRITES_MAX 256U

struct gn_host_command_entry {
    struct gn_command command;
    uint8_t *record; /* a copy that command.record points to */
    struct gn_host_command_entry *next;
};

struct gn_host {
    struct gn_host_config config;
    struct gn_env env;
    struct gn_crypto crypto;
    struct gn_sodium_identity identity;
    struct gn_rng rng;
    struct gn_seal *seal;
    struct gn_overlay *overlay;
    struct gn_outbox *outbox;
    struct gn_uv_udp *udp;
    struct gn_links *links;
    uv_timer_t timer;
    uv_idle_t idle; /* runs what commands queued */
    gn_time_us timer_due;
    gn_time_us commit_after; /* not before: keeps the share of time spent in commits small */
    bool stepping, closing;
    unsigned closing_parts;
    void (*closed)(void *data);
    void *closed_data;

    struct gn_host_reply *replies;
    uint32_t replies_cap, replies_next;
    uint64_t reply_token;

    struct gn_map ops; /* gn_op_id -> struct gn_host_op */
    gn_op_id next_op;
    struct gn_host_command_entry *commands, **commands_end;

    uint32_t *writes; /* request ids inside the open batch */
    enum gn_err *write_errs;
    uint32_t expire_req; /* the open batch's EXPIRE, and how many records it removed */
    size_t expire_removed;
    uint32_t writes_len;

    struct gn_list queries; /* overlay queries by stream, both directions (host_query.c) */
    uint32_t queries_len;

    struct gn_addr self_addrs[GN_HOST_ADDRS_MAX];
    size_t self_addrs_len;
    struct gn_addr observed; /* what gn_overlay_observed last said */
    struct gn_demux_counters demux;
    uint64_t store_commits, store_errors;
    enum gn_err store_last_error;
};

struct gn_host_op {
    gn_host_op_fn fn;
    void *data;
};

gn_time_us gn_host_now(void);
/* Gives one input to the overlay; its effects are carried out by gn_host_run. */
void gn_host_input(struct gn_host *h, struct gn_input *in);
/* Carries out all effects, commits what must be, sets the timer. Does nothing when called from within. */
void gn_host_run(struct gn_host *h);

/* host_store.c: answers a store request at once, or with the commit of the batch. */
void gn_host_store_request(struct gn_host *h, const struct gn_store_request *request);
/* Commits the open batch and answers its writes. False: there was none. */
bool gn_host_store_commit(struct gn_host *h);
/* The saved table goes to the overlay. */
void gn_host_store_restore(struct gn_host *h);

/* host_query.c: overlay queries on QUIC streams. */
GN_MUST_CHECK enum gn_err gn_host_query_start(struct gn_host *h);
void gn_host_query_send(struct gn_host *h, uint64_t txid, const struct gn_contact *to, struct gn_slice body);
void gn_host_query_reply(struct gn_host *h, struct gn_host_query *q, struct gn_slice body);

/* host_reply.c: the ring. Token 0: no memory. */
uint64_t gn_host_reply_keep(struct gn_host *h, const struct gn_seal_reply_key *key, struct gn_host_query *stream);
/* Takes it out. False: forgotten. */
bool gn_host_reply_take(struct gn_host *h, struct gn_host_reply *out, uint64_t token);
/* The stream is gone: nobody to answer. */
void gn_host_reply_forget(struct gn_host *h, const struct gn_host_query *stream);

#endif
