/* overlay/kad/server_state.h - the inside of the answering side, shared by its files server*.c.
 *
 * Life: see overlay/kad/server.h. Threads: one owner. Purity: pure.
 *
 * server.c takes inputs and decides by method; server_get.c and server_put.c are what waits for the store;
 * server_wait.c is the table of the waiting; server_reply.c builds what goes out.
 */
#ifndef GN_OVERLAY_KAD_SERVER_STATE_H
#define GN_OVERLAY_KAD_SERVER_STATE_H

#include "base/list.h"
#include "base/ratelimit.h"
#include "base/slab.h"
#include "overlay/kad/limit.h"
#include "overlay/kad/server.h"
#include "overlay/kad/token.h"
#include "overlay/msg/record.h"

#define GN_SERVER_LIST_MAX 512U        /* providers that one GET_PROVIDERS chooses from */
#define GN_SERVER_REFRESH_S 600U       /* the time of storing on disk is renewed at most so often */
#define GN_SERVER_CONTACTS_RESERVED 6U /* provider records leave room for so many contacts */

/* Everything that the reply to one query needs. */
struct gn_server_ask {
    uint64_t reply_to;
    size_t reply_max;
    bool has_self;
    struct gn_id self; /* the asker: not named to itself */
    bool has_token;
    uint8_t token[GN_TOKEN_BYTES];
    struct gn_msg_query q;
};

enum gn_server_wait_state {
    GN_SERVER_WAIT_FETCH,     /* GET: the record */
    GN_SERVER_WAIT_PROVIDERS, /* GET_PROVIDERS: the records */
    GN_SERVER_WAIT_LINE,      /* a write: another write of this key goes first; no request is out */
    GN_SERVER_WAIT_HELD,      /* PUT: what is held */
    GN_SERVER_WAIT_SIBLINGS,  /* ADD_PROVIDER: who is held for this key */
    GN_SERVER_WAIT_USAGE,     /* a write: quotas */
    GN_SERVER_WAIT_STORED,    /* a write: durable? */
};

struct gn_server_wait {
    struct gn_list_node node; /* in order of arrival, which is the order of deadlines */
    enum gn_server_wait_state state;
    uint32_t req;
    gn_time_us deadline;
    struct gn_server_ask ask; /* q.record points to copy */
    uint8_t *copy;
    size_t copy_len;
    struct gn_store_entry entry; /* what a write will store; without its record */
    bool replaces;               /* something is held under this key */
    size_t replaced_len;
    bool exempt; /* the writer has no quota of its own */
};

struct gn_server {
    const struct gn_env *env;
    struct gn_server_view view;
    struct gn_overlay_counters *counters;
    struct gn_id self;
    uint64_t bytes_max;
    uint32_t keys_max;
    uint32_t providers_max;
    struct gn_token token;
    struct gn_limit limit;
    struct gn_ratelimit probes;
    struct gn_slab waits;
    struct gn_list order;
    size_t copies; /* bytes of all copies */
    uint32_t next_req;
};

/* ---- server_reply.c ---- */

/* A reply without value and contacts. */
enum gn_err gn_server_reply_status(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                   enum gn_msg_status status);
/* A reply with as many contacts as fit, unless they are not wanted. */
enum gn_err gn_server_reply_contacts(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                     enum gn_msg_status status);
/* A reply with the record if it fits, then contacts in what is left; else status `too_big`, with contacts. */
enum gn_err gn_server_reply_record(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                   enum gn_msg_status status, enum gn_msg_status too_big, struct gn_slice record);
/* A reply with the first of these records that fit, leaving room for some contacts. */
enum gn_err gn_server_reply_list(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                 const struct gn_slice *records, size_t records_len);

/* ---- server_wait.c ---- */

/* A new entry at the end of the line, with its deadline; NULL when the table is full or memory is missing. */
struct gn_server_wait *gn_server_wait_new(struct gn_server *s, const struct gn_server_ask *ask, gn_time_us now);
/* Gives the entry room for a copy of `len` bytes. FULL, NO_MEMORY. */
enum gn_err gn_server_wait_room(struct gn_server *s, struct gn_server_wait *w, size_t len);
/* Asks the store and remembers the state; fills in the request's number. */
enum gn_err gn_server_wait_ask(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                               enum gn_server_wait_state state, struct gn_store_request *request);
struct gn_server_wait *gn_server_wait_find(struct gn_server *s, uint32_t req);
/* Ends the entry without a reply. */
void gn_server_wait_free(struct gn_server *s, struct gn_server_wait *w);

/* ---- server_get.c ---- */

enum gn_err gn_server_get_begin(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                gn_time_us now);
/* Takes the store's answer; ends w. */
enum gn_err gn_server_get_answer(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                                 const struct gn_store_answer *answer, gn_wall_s wall);

/* ---- server_put.c ---- */

enum gn_err gn_server_put_begin(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                const struct gn_input_query *in, gn_time_us now, gn_wall_s wall);
/* Takes the store's answer; goes on with w or ends it. */
enum gn_err gn_server_put_answer(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                                 const struct gn_store_answer *answer, gn_wall_s wall);
/* Ends w with this status; whoever waits in line for the same key goes on. */
enum gn_err gn_server_put_end(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                              enum gn_msg_status status);

#endif
