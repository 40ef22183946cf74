/* tests/support/step_net_state.h - the parts of a step_net; for its own files only.
 *
 * Life, Threads, Purity: as tests/support/step_net.h.
 */
#ifndef GN_TESTS_SUPPORT_STEP_NET_STATE_H
#define GN_TESTS_SUPPORT_STEP_NET_STATE_H

#include "base/rng.h"
#include "overlay/kad/book.h"
#include "tests/support/step_meter.h"
#include "tests/support/step_net.h"
#include "tests/support/step_store.h"

struct node {
    struct step_net *net;
    unsigned index;
    struct gn_overlay *overlay;
    struct gn_env env;
    struct gn_crypto crypto;
    struct gn_rng rng;
    struct step_meter meter;
    struct gn_contact contact;
    struct step_store store;
    uint8_t *table;
    size_t table_len;
    gn_time_us timer_at; /* a timer event is queued for then */
    gn_time_us extra_us;
    enum step_net_lie lie;
    unsigned lives; /* generation: events of an earlier life are void */
    bool up, mute, closed;
};

enum event_type { EV_QUERY, EV_REPLY, EV_STORE, EV_TIMER };

struct event {
    gn_time_us at;
    uint64_t seq;
    enum event_type type;
    unsigned node, from, life;
    enum gn_via via;
    uint64_t txid;
    bool introduce;
    struct gn_id to_id;
    struct gn_contact from_contact;
    struct gn_addr observed;
    uint8_t *body;
    size_t body_len;
    struct step_store_answer *answer;
};

struct asked {
    unsigned node, life;
    uint64_t txid;
    enum gn_via via;
    struct gn_addr addr;
    bool open;
};

struct step_net {
    struct step_net_config config;
    struct node nodes[STEP_NET_NODES_MAX];
    struct event *heap;
    size_t heap_len, heap_cap;
    struct asked *asked;
    size_t asked_len, asked_cap;
    struct gn_outbox *out;
    struct gn_book book;
    struct gn_rng links, lies;
    gn_time_us now;
    uint64_t seq, hash, queries, soft_errors;
    struct step_net_op *ops[STEP_NET_OPS_MAX];
    gn_op_id ops_len;
};

/* One step of one node, with everything that comes of it. */
enum gn_err step_net_step(struct step_net *n, struct node *node, struct gn_input *in);

#endif
