/* overlay/kad/lookup.h - the iterative lookup: a shortlist by distance, a few queries at a time, until the k closest
 * that live have answered.
 *
 * Life: embedded in an operation; gn_lookup_end drops what it holds. Threads: one owner. Purity: pure.
 * After Maymounkov and Mazieres, Kademlia (2002), section 2.3.
 *
 * A node waits in the shortlist (NEW), is asked (ASKED, takes one of alpha places), may turn SLOW (the place is free,
 * the end still waits for it), LATE (the end does not wait any more) and DEAD; it can answer from each of these but the
 * last. No endpoint is asked twice, except: one retransmission to each of the three closest, a stream after the answer
 * "too big", and another address for a node that was dead at the first one (a liar may have named that).
 *
 * Where other things will go in: several disjoint paths are a `path` number per node with its own count of places and
 * its own end, next() choosing among the nodes of one path; storing on a whole region is a wider `wanted` than k for
 * gn_lookup_is_finished; the density alarm reads the distances of the answered nodes in gn_lookup_closest; an
 * optimistic put is a caller that looks at gn_lookup_closest after every answer instead of at the end.
 */
#ifndef GN_OVERLAY_KAD_LOOKUP_H
#define GN_OVERLAY_KAD_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/io.h"
#include "overlay/kad/book.h"
#include "overlay/kad/rpc.h"
#include "overlay/msg/msg.h"

struct gn_kad;

#define GN_LOOKUP_NODES 64U /* bound of the shortlist, and of the nodes that one lookup asks */
#define GN_LOOKUP_PER_GROUP 2U
#define GN_LOOKUP_ALPHA 6U
#define GN_LOOKUP_ALPHA_BACKGROUND 3U
#define GN_LOOKUP_ALPHA_FAST 10U
/* A GET begins with three where the nearest answers within 10 ms: waiting for a second round costs less there than
 * three queries, each of them a key agreement if the peer is new. */
#define GN_LOOKUP_ALPHA_NEAR 3U
#define GN_LOOKUP_NEAR_US GN_MS(10)

enum gn_lookup_state {
    GN_LOOKUP_NEW,
    GN_LOOKUP_ASKED,
    GN_LOOKUP_SLOW,
    GN_LOOKUP_LATE,
    GN_LOOKUP_ANSWERED,
    GN_LOOKUP_DEAD,
};

/* What a node that answered has to do with the record that is read or written (kad/op_put.c, kad/op_get.c). */
enum gn_lookup_holds {
    GN_LOOKUP_HOLDS_UNKNOWN,
    GN_LOOKUP_HOLDS_NOTHING,
    GN_LOOKUP_HOLDS_BEST,  /* the record that is the best so far */
    GN_LOOKUP_HOLDS_OLDER, /* one that is not as good */
    GN_LOOKUP_TOKEN_ASKED, /* a (new) write token is asked for */
    GN_LOOKUP_PUT_SENT,
    GN_LOOKUP_SETTLED, /* acknowledged, refused or gone */
};

#define GN_LOOKUP_NO_SLOT 0xffU

struct gn_lookup_node {
    gn_book_handle contact; /* 0: the place is free */
    uint32_t far;           /* first 32 bits of the distance */
    uint32_t call;          /* handle, or 0 */
    uint8_t state;          /* enum gn_lookup_state */
    uint8_t holds;          /* enum gn_lookup_holds */
    uint8_t from;           /* slot of the node that named it; NO_SLOT: our table */
    uint8_t depth;          /* 1 = from our table */
    bool has_token : 1;
    bool resent : 1;
    bool moved : 1; /* was tried at another address before */
    bool by_stream : 1;
    bool retold : 1; /* a second token was asked for */
};

struct gn_lookup_goal {
    struct gn_id target;
    uint8_t method;      /* FIND_NODE, GET, GET_PROVIDERS */
    uint8_t kind;        /* of GET */
    uint8_t alpha_first; /* places until the first answer or silence; 0 = alpha */
    uint8_t alpha;
    bool want_token;
    gn_op_id explain; /* 0: no hop events */
    uint32_t op;      /* handle that the calls carry */
};

struct gn_lookup {
    struct gn_lookup_goal goal;
    gn_time_us began;
    uint8_t order[GN_LOOKUP_NODES]; /* slots, nearest first */
    uint8_t len;
    uint8_t asking; /* nodes in state ASKED */
    uint8_t places; /* how many may be */
    bool starved;   /* a query could not be sent now: call gn_lookup_pump again soon */
    uint8_t hops_max;
    uint16_t queries, answers, timeouts;
    uint8_t (*tokens)[GN_MSG_TOKEN_BYTES]; /* write tokens by slot; owned; NULL before the first */
    struct gn_lookup_node nodes[GN_LOOKUP_NODES];
};

/* Begins with the nearest of our table; asks nobody yet. */
void gn_lookup_start(struct gn_kad *k, struct gn_lookup *l, const struct gn_lookup_goal *goal);
/* The nearest of our table answers within GN_LOOKUP_NEAR_US. */
bool gn_lookup_is_near(const struct gn_kad *k, const struct gn_id *target);
/* Names a node from outside (bootstrap). */
void gn_lookup_offer(struct gn_kad *k, struct gn_lookup *l, const struct gn_contact *c);
/* Asks as many as there are places. */
void gn_lookup_pump(struct gn_kad *k, struct gn_lookup *l);
/* The node in `slot` answered: takes its contacts and token. `has_value` is for the trace. */
void gn_lookup_answered(struct gn_kad *k, struct gn_lookup *l, unsigned slot, const struct gn_call *call,
                        const struct gn_msg_reply *reply, bool has_value);
/* The same node again, on a stream. False: it cannot be asked. */
bool gn_lookup_by_stream(struct gn_kad *k, struct gn_lookup *l, unsigned slot);
/* Its call became slow, late or dead. */
void gn_lookup_stalled(struct gn_kad *k, struct gn_lookup *l, unsigned slot, const struct gn_call *call);
/* It sent something false: as dead. */
void gn_lookup_lied(struct gn_kad *k, struct gn_lookup *l, unsigned slot);
/* The k closest that live have answered, or nobody is left to ask. */
bool gn_lookup_is_finished(const struct gn_lookup *l);
/* Nobody is being waited for. */
bool gn_lookup_is_quiet(const struct gn_lookup *l);
/* Fills the slots of the nearest nodes that answered, at most cap, nearest first. */
size_t gn_lookup_closest(const struct gn_lookup *l, uint8_t *slots, size_t cap);
/* Keeps the write token of the node in `slot`; without memory it has none. */
void gn_lookup_set_token(struct gn_kad *k, struct gn_lookup *l, unsigned slot, const uint8_t token[GN_MSG_TOKEN_BYTES]);
/* Lets go of contacts and calls; a second time is harmless. */
void gn_lookup_end(struct gn_kad *k, struct gn_lookup *l);

#endif
