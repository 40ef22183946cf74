/* tests/unit/overlay/server_world.h - an answering side with a store, a view and a client around it.
 *
 * Life: begin .. end. Threads: one. Purity: pure but for malloc.
 */
#ifndef GN_TESTS_UNIT_OVERLAY_SERVER_WORLD_H
#define GN_TESTS_UNIT_OVERLAY_SERVER_WORLD_H

#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/kad/server.h"
#include "tests/support/failing_alloc.h"
#include "tests/unit/overlay/fake_store.h"
#include "tests/unit/overlay/records.h"

#define T0 GN_HOURS(10)
#define DATAGRAM 1157U /* what a sealed reply leaves for the body */

struct world {
    struct gn_failing_alloc alloc;
    struct gn_rng rng;
    struct gn_log log;
    struct gn_env env;
    struct gn_overlay_config config;
    struct gn_overlay_counters counters;
    struct gn_server_view view;
    struct gn_server *server;
    struct gn_outbox *box;
    struct test_peer peer; /* who writes */
    struct fake_store store;
    gn_time_us now;
    gn_wall_s wall;
    /* the view */
    struct gn_contact contacts[GN_MSG_CONTACTS_MAX];
    size_t contacts_len;
    struct gn_id excluded;
    bool has_excluded;
    enum gn_err probe_err;
    struct gn_server_probe probe;
    unsigned probes;
    /* the last query */
    struct gn_input_query in;
    struct gn_msg_query decoded;
    uint8_t body[GN_MSG_QUERY_MAX];
    /* the last reply */
    uint64_t reply_to;
    struct gn_msg_reply reply;
    uint8_t reply_bytes[GN_MSG_REPLY_MAX];
    size_t reply_len;
    unsigned replies;
};

static inline size_t closest(void *ctx, struct gn_contact *out, size_t cap, const struct gn_id *target,
                             const struct gn_id *exclude)
{
    struct world *w = (struct world *)ctx;
    size_t n = w->contacts_len < cap ? w->contacts_len : cap;

    (void)target;
    w->has_excluded = exclude != NULL;
    if (exclude) {
        w->excluded = *exclude;
    }
    memcpy(out, w->contacts, n * sizeof(out[0]));
    return n;
}

static inline enum gn_err probe(void *ctx, struct gn_outbox *box, const struct gn_server_probe *p)
{
    struct world *w = (struct world *)ctx;

    assert_ptr_equal(box, w->box);
    w->probes++;
    w->probe = *p;
    return w->probe_err;
}

static inline void begin_with(struct world *w, const struct gn_overlay_config *config)
{
    memset(w, 0, sizeof(*w));
    gn_failing_alloc_init(&w->alloc, 0);
    gn_rng_init_test(&w->rng, 1, 2);
    test_peer_init(&w->peer, 1);
    w->env = (struct gn_env){.alloc = &w->alloc.alloc, .crypto = &w->peer.crypto, .rng = &w->rng, .log = &w->log};
    w->config = *config;
    w->config.self = test_id(0xee);
    w->view = (struct gn_server_view){.closest = closest, .probe = probe, .ctx = w};
    w->now = T0;
    w->wall = TEST_WALL;
    fake_store_init(&w->store);
    assert_int_equal(gn_server_new(&w->server, &w->config, &w->env, &w->view, &w->counters, w->now), GN_OK);
    assert_int_equal(gn_outbox_new(&w->box, gn_alloc_default()), GN_OK);
    w->in = (struct gn_input_query){.reply_to = 77, .addr = test_addr("198.51.100.1:1000"), .reply_max = DATAGRAM};
    memset(w->in.client_key, 5, sizeof(w->in.client_key));
    for (size_t i = 0; i < GN_MSG_CONTACTS_MAX; i++) {
        w->contacts[i] = test_contact((uint8_t)(i + 1), "192.0.2.1:4001");
    }
    w->contacts_len = GN_MSG_CONTACTS_MAX;
}

static inline void begin(struct world *w)
{
    begin_with(w, &(struct gn_overlay_config){.mode = GN_MODE_SERVER});
}

static inline void end(struct world *w)
{
    gn_server_free(w->server);
    gn_outbox_free(w->box);
    fake_store_fini(&w->store);
    assert_int_equal(w->alloc.live, 0);
}

static inline void take_reply(struct world *w, const struct gn_effect *e)
{
    assert_true(e->u.reply.body.len <= sizeof(w->reply_bytes));
    memcpy(w->reply_bytes, e->u.reply.body.data, e->u.reply.body.len);
    w->reply_len = e->u.reply.body.len;
    w->reply_to = e->u.reply.reply_to;
    w->replies++;
    assert_int_equal(gn_msg_reply_decode(&w->reply, gn_slice_of(w->reply_bytes, w->reply_len)), GN_OK);
}

/* Takes the replies out of the outbox; gives the store request, if there is one, in *request with its record copied. */
static inline bool next_request(struct world *w, struct gn_store_request *request, uint8_t *record)
{
    bool found = false;

    for (size_t i = 0; i < gn_outbox_len(w->box); i++) {
        const struct gn_effect *e = gn_outbox_at(w->box, i);

        if (e->type == GN_FX_REPLY) {
            take_reply(w, e);
            continue;
        }
        assert_int_equal(e->type, GN_FX_STORE);
        assert_int_equal(GN_REQ_OWNER(e->u.store.req), GN_REQ_SERVER);
        assert_false(found); /* one step asks for one thing here */
        found = true;
        *request = e->u.store;
        if (request->entry.record.len > 0) {
            memcpy(record, request->entry.record.data, request->entry.record.len);
            request->entry.record.data = record;
        }
    }
    gn_outbox_clear(w->box);
    return found;
}

/* Lets the store answer until nothing is asked any more. */
static inline void run_store(struct world *w)
{
    static uint8_t record[GN_MSG_RECORD_MAX];
    struct gn_store_request request;

    while (next_request(w, &request, record)) {
        struct gn_store_answer a = fake_store_answer(&w->store, &request);

        assert_int_equal(gn_server_store(w->server, w->box, &a, w->now, w->wall), GN_OK);
    }
}

/* Encodes and gives the query to the server; the store does not answer yet. */
static inline enum gn_err send(struct world *w, struct gn_msg_query *q)
{
    size_t len;

    q->txid = w->in.reply_to + 1000;
    assert_int_equal(gn_msg_query_encode(w->body, &len, sizeof(w->body), q), GN_OK);
    w->in.body = gn_slice_of(w->body, len);
    return gn_server_query(w->server, w->box, &w->decoded, &w->in, w->now, w->wall);
}

/* Sends it, lets the store answer, returns the status of the reply. */
static inline unsigned ask(struct world *w, struct gn_msg_query *q)
{
    unsigned before = w->replies;

    assert_int_equal(send(w, q), GN_OK);
    run_store(w);
    assert_int_equal(w->replies, before + 1);
    assert_true(w->reply.txid == q->txid && w->reply_to == w->in.reply_to);
    assert_true(w->reply_len <= w->in.reply_max);
    assert_int_equal(gn_server_waiting(w->server), 0);
    return w->reply.status;
}

static inline void fetch_token(struct world *w, struct gn_msg_query *q, const struct gn_id *target)
{
    struct gn_msg_query find = {.method = GN_MSG_FIND_NODE, .flags = GN_MSG_WANT_TOKEN, .target = *target};

    assert_int_equal(ask(w, &find), GN_MSG_OK);
    assert_true(w->reply.has_token);
    memcpy(q->token, w->reply.token, sizeof(q->token));
}

static inline struct gn_msg_query write_of(struct world *w, const struct test_record *t)
{
    struct gn_msg_query q = {.method = GN_MSG_PUT, .target = t->r.target, .record = test_record_slice(t)};

    assert_int_equal(t->err, GN_OK);
    q.method = t->r.kind == GN_RECORD_PROVIDER ? GN_MSG_ADD_PROVIDER : GN_MSG_PUT;
    fetch_token(w, &q, &t->r.target);
    return q;
}

static inline unsigned put(struct world *w, const struct test_record *t)
{
    struct gn_msg_query q = write_of(w, t);

    return ask(w, &q);
}

static inline unsigned put_cas(struct world *w, const struct test_record *t, uint64_t cas)
{
    struct gn_msg_query q = write_of(w, t);

    q.has_cas = true;
    q.cas_seq = cas;
    return ask(w, &q);
}

static inline unsigned get(struct world *w, uint8_t kind, const struct gn_id *target)
{
    struct gn_msg_query q = {.method = GN_MSG_GET, .target = *target, .kind = kind};

    return ask(w, &q);
}

static inline void assert_value(const struct world *w, const struct test_record *t)
{
    assert_int_equal(w->reply.values_len, 1);
    assert_true(gn_slice_eq(w->reply.values[0], test_record_slice(t)));
}

/* The store now has n providers of content, stored in the last 50 seconds. */
static inline void fill_providers(struct world *w, const struct gn_id *content, size_t n)
{
    struct test_record t;
    struct gn_record r;
    size_t len = 0;

    test_provider(&t, &w->peer, content, TEST_WALL + 100);
    r = t.r;
    for (size_t i = 0; i < n; i++) { /* signatures do not matter here */
        r.owner = test_id(0);
        gn_store_u64(r.owner.b, i);
        assert_int_equal(gn_record_encode(t.bytes, &len, sizeof(t.bytes), &r), GN_OK);
        fake_store_put(&w->store, &(struct gn_store_entry){.kind = GN_RECORD_PROVIDER,
                                                           .target = *content,
                                                           .sub = r.owner,
                                                           .expires_at = TEST_WALL + 100,
                                                           .stored_at = TEST_WALL - i % 50,
                                                           .record = gn_slice_of(t.bytes, len)});
    }
}

#endif
