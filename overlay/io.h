/* overlay/io.h - what goes into a step and what comes out: inputs, effects, the outbox.
 *
 * Life: an input is borrowed for one call. Effects live in an outbox and borrow its arena until gn_outbox_clear.
 * Threads: one overlay, one thread. Purity: pure.
 *
 * A recorded list of inputs replays a node exactly: everything the overlay knows came in through one of these.
 */
#ifndef GN_OVERLAY_IO_H
#define GN_OVERLAY_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/contact.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/time.h"

#define GN_DATAGRAM_BODY_MAX 1135U /* body bytes of a sealed query without `self`; a longer one goes by stream */
#define GN_VALUE_INLINE_MAX 1000U  /* a value up to here travels in a datagram */
#define GN_VALUE_MAX 65536U        /* and up to here on a QUIC stream */

/* How a query travels. */
enum gn_via {
    GN_VIA_DATAGRAM, /* sealed UDP, one round trip */
    GN_VIA_STREAM,   /* one QUIC stream per query: values over one datagram */
};

/* ---- Commands: what the node's owner asks for ------------------------------------------------------------------ */

typedef uint32_t gn_op_id; /* chosen by the caller, not 0, unique among running operations */

enum gn_command_type {
    GN_CMD_PING,          /* is `contact` there? */
    GN_CMD_BOOTSTRAP,     /* query `contact` (its id may be zero: then whoever answers), then look up our own id */
    GN_CMD_FIND,          /* the k nodes closest to `target` */
    GN_CMD_GET,           /* the record `target` (kind immutable or mutable) */
    GN_CMD_PUT,           /* store `record` on the k closest nodes */
    GN_CMD_GET_PROVIDERS, /* who has content `target` */
    GN_CMD_PROVIDE,       /* announce that we have content `target`; signed and re-signed by the overlay */
    GN_CMD_UNPROVIDE,     /* stop announcing it */
    GN_CMD_REPUBLISH,     /* publish everything we own again, now */
    GN_CMD_FORGET,        /* drop `contact.id` from the table */
};

enum gn_command_flags {
    GN_CMDF_EXPLAIN = 1U << 0,    /* report every hop (GN_OPEV_HOP) */
    GN_CMDF_KEEP = 1U << 1,       /* PUT, PROVIDE: we own it: keep it on disk and republish it until it expires */
    GN_CMDF_CAS = 1U << 2,        /* PUT of a mutable record: only if the stored seq equals `cas_seq` */
    GN_CMDF_BACKGROUND = 1U << 3, /* background concurrency (3) instead of interactive (6) */
    GN_CMDF_FAST = 1U << 4,       /* ten queries at once: a little sooner, for a few packets more */
};

struct gn_command {
    gn_op_id op;
    enum gn_command_type type;
    uint32_t flags;
    struct gn_contact contact;
    struct gn_id target;
    uint8_t kind;        /* enum gn_record_kind, for GET */
    uint8_t replies_min; /* GET of a mutable: distinct answers wanted before done; 0 = default 3 */
    uint64_t cas_seq;
    struct gn_slice record; /* PUT: encoded and signed (overlay/msg/record.h) */
    gn_time_us timeout_us;  /* 0 = the default of 10 s */
};

/* ---- Store requests: the overlay asks, the driver's storage answers -------------------------------------------- */

enum gn_store_op {
    GN_STORE_GET, /* one record by kind, target, sub */
    GN_STORE_PUT, /* replace it; answered only when durable */
    GN_STORE_DELETE,
    GN_STORE_LIST,   /* all of kind and target (providers), at most `limit`, newest first */
    GN_STORE_SCAN,   /* the next `limit` records after the cursor (kind, target, sub), in key order; kind 0 = from the
                        start */
    GN_STORE_EXPIRE, /* drop at most `limit` records that expired before `wall` */
    GN_STORE_USAGE,  /* bytes and records held in all and for `group` */
    GN_STORE_SAVE_TABLE, /* keep `data` as the routing table snapshot */
};

struct gn_store_entry {
    uint8_t kind; /* enum gn_record_kind */
    bool owned;   /* ours: republished by us */
    struct gn_id target;
    struct gn_id sub; /* provider's node id; zero otherwise */
    uint64_t seq;
    gn_wall_s expires_at;
    gn_wall_s stored_at;
    uint64_t group; /* gn_addr_group of the writer, for quotas */
    struct gn_slice record;
};

struct gn_store_request {
    uint32_t req; /* echoed in the answer */
    enum gn_store_op op;
    uint32_t limit;
    gn_wall_s wall;
    uint64_t group;
    struct gn_store_entry entry; /* GET, PUT, DELETE, LIST, SCAN: the key; PUT: all of it */
    struct gn_slice data;        /* SAVE_TABLE */
};

struct gn_store_answer {
    uint32_t req;
    enum gn_err err; /* NOT_FOUND for a GET without result */
    const struct gn_store_entry *entries;
    size_t entries_len;
    uint64_t bytes_total, records_total, records_group; /* USAGE; EXPIRE: records_total = how many it dropped */
};

/* ---- Inputs ---------------------------------------------------------------------------------------------------- */

enum gn_input_type {
    GN_IN_TIMER,        /* nothing but the time */
    GN_IN_QUERY,        /* a query that the transport could open and authenticate */
    GN_IN_REPLY,        /* the answer to one of our queries */
    GN_IN_QUERY_FAILED, /* the transport gives up on one of our queries before its timeout */
    GN_IN_STORE,        /* answer to a store request */
    GN_IN_COMMAND,
    GN_IN_CANCEL,      /* end operation `cancel` now; it reports GN_E_CANCELLED */
    GN_IN_SELF,        /* our own contact: epoch key or addresses changed */
    GN_IN_TABLE,       /* a saved table snapshot, once after start */
    GN_IN_STOP,        /* the node is about to end: the table is saved; nothing else changes */
    GN_IN_NET_CHANGED, /* addresses, routes, or a resume from suspend: doubt everything, ping the table */
};

struct gn_input_query {
    uint64_t reply_to; /* echoed in GN_FX_REPLY; opaque to the overlay */
    enum gn_via via;
    struct gn_addr addr; /* where it came from */
    bool addr_proved;    /* a valid source token, or a stream: replies may exceed 3 x the query */
    bool has_self;       /* the sender says it is a server: `self` was verified by signature (hour-fresh record) */
    struct gn_contact self;
    uint8_t client_key[32]; /* e_A, or the peer's id on a stream: write tokens bind to it */
    size_t reply_max;       /* bytes that the reply body may have on this path */
    struct gn_slice body;
};

struct gn_input_reply {
    uint64_t txid;
    struct gn_contact from;  /* proved: id, current epoch key, the address it answered from */
    struct gn_addr observed; /* our address as it sees it */
    enum gn_via via;
    struct gn_slice body;
};

struct gn_input {
    enum gn_input_type type;
    gn_time_us now;
    gn_wall_s wall;
    union {
        struct gn_input_query query;
        struct gn_input_reply reply;
        struct {
            uint64_t txid;
            enum gn_err err;
        } failed;
        struct gn_store_answer store;
        struct gn_command command;
        gn_op_id cancel;
        struct {
            struct gn_contact contact;   /* our id, epoch key, preferred address (family NONE: unknown) */
            const struct gn_addr *addrs; /* all addresses for provider records, at most 8 */
            size_t addrs_len;
        } self;
        struct gn_slice table;
    } u;
};

/* ---- Effects --------------------------------------------------------------------------------------------------- */

/* One step of a lookup, for `find --explain`. */
enum gn_hop_status {
    GN_HOP_ASKED,
    GN_HOP_ANSWERED,
    GN_HOP_SLOW,
    GN_HOP_LATE,
    GN_HOP_DEAD,
    GN_HOP_LIED,
    GN_HOP_REFUSED
};
enum gn_hop_reason { GN_HOP_FROM_TABLE, GN_HOP_FROM_REPLY, GN_HOP_RETRY };

struct gn_hop {
    struct gn_contact contact;
    struct gn_id learned_from; /* zero: our table */
    unsigned depth;            /* 1 = asked from our table, 2 = learned from one of those, ... */
    unsigned common_bits;      /* distance to the target: shared leading bits */
    enum gn_hop_status status;
    enum gn_hop_reason reason;
    gn_time_us at_us;  /* since the lookup began */
    gn_time_us rtt_us; /* 0 unless answered */
    unsigned contacts; /* how many contacts it named */
    unsigned closer;   /* how many of them were closer than the closest known */
    bool has_value;
};

enum gn_op_event_type {
    GN_OPEV_HOP,    /* `hop` */
    GN_OPEV_RECORD, /* `record`: a valid record found (a better one may follow; the last one counts) */
    GN_OPEV_STORED, /* `stored_by` acknowledged our put */
    GN_OPEV_DONE,   /* last event of the operation: `err`, and the totals */
};

struct gn_op_event {
    gn_op_id op;
    enum gn_op_event_type type;
    struct gn_hop hop;
    struct gn_slice record;
    struct gn_contact stored_by;
    /* DONE */
    enum gn_err err;
    const struct gn_contact *closest; /* at most k, nearest first, all answered */
    size_t closest_len;
    unsigned stored;    /* acknowledgements of a put */
    unsigned conflicts; /* refusals because of a newer seq or a CAS mismatch */
    unsigned queries, answers, timeouts, hops_max;
    gn_time_us rtt_us; /* PING */
    gn_time_us elapsed_us;
};

enum gn_effect_type {
    GN_FX_QUERY, /* send it; answer with GN_IN_REPLY or GN_IN_QUERY_FAILED (timeouts are the overlay's own) */
    GN_FX_REPLY, /* answer a GN_IN_QUERY */
    GN_FX_STORE, /* do it, answer with GN_IN_STORE */
    GN_FX_OP,    /* tell the operation's caller */
};

struct gn_effect {
    enum gn_effect_type type;
    union {
        struct {
            uint64_t txid;
            struct gn_contact to;
            enum gn_via via;
            bool introduce; /* add our id and epoch record: we are a server */
            struct gn_slice body;
        } query;
        struct {
            uint64_t reply_to;
            struct gn_slice body;
        } reply;
        struct gn_store_request store;
        struct gn_op_event op;
    } u;
};

/* Effects in order. Grows up to its limits; GN_E_FULL from a step means that nothing of that step's excess was
 * queued and the overlay counted it. */
struct gn_outbox;
GN_MUST_CHECK enum gn_err gn_outbox_new(struct gn_outbox **out, const struct gn_alloc *alloc);
void gn_outbox_free(struct gn_outbox *box);
size_t gn_outbox_len(const struct gn_outbox *box);
/* Borrowed until gn_outbox_clear. */
const struct gn_effect *gn_outbox_at(const struct gn_outbox *box, size_t index);
/* Empties it, keeps (bounded) memory for the next step. */
void gn_outbox_clear(struct gn_outbox *box);

/* For the overlay's own files: adds an effect, copying every slice and array it points to into the arena. */
GN_MUST_CHECK enum gn_err gn_outbox_push(struct gn_outbox *box, const struct gn_effect *effect);

#endif
