/* tests/unit/node/test_files_swarm.c - several providers: honest, lying, silent, leaving; and clients that misbehave.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "overlay/files/link.h"
#include "overlay/files/wire.h"
#include "tests/support/files_villain.h"
#include "tests/support/gn_cmocka.h"

#define LENGTH ((UINT64_C(24) << 20U) + 777U)

static struct world w;
static struct world_answer a;
static struct villain villain;
static bool villain_on;
static char src[1024], dst[1024], uri[4200];

static int start(void **state)
{
    (void)state;
    world_start(&w);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(world_node_start(&w, i, i != 2), GN_OK); /* node 2 is for villains */
    (void)snprintf(src, sizeof src, "%s", world_path(&w, "source.bin"));
    (void)snprintf(dst, sizeof dst, "%s", world_path(&w, "fetched.bin"));
    world_file(src, LENGTH, 11);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (villain_on)
        villain_stop(&villain);
    villain_on = false;
    world_end(&w);
    return 0;
}

/* A link to the file with these nodes as peers, in this order. */
static void link_to(const struct gn_id *root, const unsigned *nodes, size_t len)
{
    struct gn_file_link link = {.root = *root, .peers_len = len};
    for (size_t i = 0; i < len; i++) {
        struct gn_addr listen[2];
        (void)gn_host_listen(w.nodes[nodes[i]].host, listen);
        link.peers[i] = (struct gn_contact){.id = *gn_host_id(w.nodes[nodes[i]].host), .addr = listen[0]};
    }
    gn_file_link_print(uri, &link);
}

static void start_villain(enum villainy how)
{
    villain_start(&villain, &w, 2, src, how);
    villain_on = true;
}

/* ---- villains ---- */

static void fetch_beside(enum villainy how, unsigned dropped)
{
    static const unsigned peers[] = {2, 0};
    assert_int_equal(world_share(&w, 0, &a, src), GN_OK);
    start_villain(how);
    link_to(&a.root, peers, 2);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    assert_true(world_same(src, dst));
    assert_true(a.dropped >= dropped);
}

static void an_honest_stranger_is_used(void **state)
{
    static const unsigned peers[] = {2};
    (void)state;
    start_villain(VILLAIN_HONEST);
    link_to(&villain.entry.id, peers, 1);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    assert_true(world_same(src, dst));
    assert_int_equal(a.dropped, 0);
    assert_int_equal(villain.requests, 7); /* each range once */
}

static void wrong_bytes_are_noticed_and_the_liar_is_dropped(void **state)
{
    (void)state;
    fetch_beside(VILLAIN_WRONG_BYTE, 1);
}

static void wrong_proofs_are_noticed(void **state)
{
    (void)state;
    fetch_beside(VILLAIN_WRONG_PROOF, 1);
}

static void a_wrong_root_is_noticed(void **state)
{
    (void)state;
    fetch_beside(VILLAIN_WRONG_ROOT, 1);
}

static void garbage_is_noticed(void **state)
{
    (void)state;
    fetch_beside(VILLAIN_GARBAGE, 1);
}

static void an_answer_that_nobody_asked_for_is_noticed(void **state)
{
    (void)state;
    fetch_beside(VILLAIN_EAGER, 0); /* one reply too many ends what it serves, or comes too late to matter */
}

static void a_silent_provider_costs_seconds_not_the_transfer(void **state)
{
    (void)state;
    fetch_beside(VILLAIN_SILENT, 0);
}

static void half_a_range_is_completed_elsewhere(void **state)
{
    (void)state;
    fetch_beside(VILLAIN_HALF, 0);
}

struct dropped_wait {
    uint64_t id;
    struct world_answer t;
};

static bool is_dropped(void *data)
{
    struct dropped_wait *d = data;
    return world_transfer(&w, 1, &d->t, d->id) == GN_OK && d->t.dropped > 0;
}

static void a_lone_liar_is_asked_no_more_and_nothing_of_it_is_believed(void **state)
{
    static const unsigned peers[] = {2};
    (void)state;
    start_villain(VILLAIN_WRONG_PROOF);
    link_to(&villain.entry.id, peers, 1);
    assert_int_equal(world_fetch(&w, 1, &a, uri, dst), GN_OK);
    static struct dropped_wait d;
    d.id = a.id;
    assert_true(world_run_until(&w, is_dropped, &d));
    unsigned requests = villain.requests;
    world_run_for(&w, 1500);
    assert_int_equal(villain.requests, requests);
    assert_int_equal(world_transfer(&w, 1, &a, d.id), GN_OK);
    assert_int_equal(a.have, 0);
    assert_int_not_equal(access(dst, F_OK), 0);
}

/* ---- swarms ---- */

struct have_wait {
    unsigned node;
    uint64_t id, want;
};

static bool has_some(void *data)
{
    static struct world_answer t;
    struct have_wait *h = data;
    return world_transfer(&w, h->node, &t, h->id) == GN_OK && t.have >= h->want;
}

static void a_provider_that_dies_in_mid_transfer_is_replaced(void **state)
{
    static const unsigned peers[] = {0, 3};
    struct gn_id root;
    (void)state;
    world_file(src, LENGTH * 4U, 11);
    assert_int_equal(world_node_start(&w, 3, true), GN_OK);
    assert_int_equal(world_share(&w, 0, &a, src), GN_OK);
    assert_int_equal(world_share(&w, 3, &a, src), GN_OK);
    root = a.root;
    link_to(&root, peers, 2);
    assert_int_equal(world_fetch(&w, 1, &a, uri, dst), GN_OK);
    struct have_wait some = {.node = 1, .id = a.id, .want = 2U << 20U};
    assert_true(world_run_until(&w, has_some, &some));
    world_node_stop(&w, 0);
    assert_int_equal(world_wait(&w, 1, &a, some.id), GN_OK);
    assert_true(world_same(src, dst));
}

static void both_providers_of_a_file_deliver(void **state)
{
    static const unsigned peers[] = {0, 3};
    (void)state;
    world_file(src, LENGTH * 4U, 11);
    assert_int_equal(world_node_start(&w, 3, true), GN_OK);
    assert_int_equal(world_share(&w, 0, &a, src), GN_OK);
    assert_int_equal(world_share(&w, 3, &a, src), GN_OK);
    link_to(&a.root, peers, 2);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    assert_true(world_same(src, dst));
    assert_true(world_served(&w, 0) > LENGTH / 4U);
    assert_true(world_served(&w, 3) > LENGTH / 4U);
}

static void who_has_a_part_serves_it(void **state)
{
    static const unsigned origin[] = {0}, partial[] = {1};
    char other[1024];
    struct gn_id root;
    (void)state;
    (void)snprintf(other, sizeof other, "%s", world_path(&w, "other.bin"));
    world_file(src, LENGTH * 4U, 11);
    assert_int_equal(world_node_start(&w, 3, true), GN_OK);
    assert_int_equal(world_share(&w, 0, &a, src), GN_OK);
    root = a.root;
    link_to(&root, origin, 1);
    assert_int_equal(world_fetch(&w, 1, &a, uri, dst), GN_OK);
    uint64_t first = a.id;
    struct have_wait some = {.node = 1, .id = first, .want = 4U << 20U};
    assert_true(world_run_until(&w, has_some, &some));
    link_to(&root, partial, 1); /* node 3 knows only node 1, which is not done yet */
    assert_int_equal(world_fetch(&w, 3, &a, uri, other), GN_OK);
    uint64_t second = a.id;
    assert_int_equal(world_wait(&w, 1, &a, first), GN_OK);
    assert_int_equal(world_wait(&w, 3, &a, second), GN_OK);
    assert_true(world_same(src, other));
    assert_true(world_served(&w, 1) >= LENGTH * 4U);
}

/* ---- clients ---- */

struct client {
    struct gn_link_stream *stream;
    size_t got;
    bool closed, up;
    enum gn_err err;
};

static void client_data(void *user, struct gn_slice data, bool fin)
{
    struct client *c = user;
    (void)fin;
    c->got += data.len;
    gn_link_consume(c->stream, data.len);
}

static void client_up(void *user)
{
    ((struct client *)user)->up = true;
}

static void client_closed(void *user, enum gn_err err)
{
    struct client *c = user;
    c->stream = NULL;
    c->closed = true;
    c->err = err;
}

static const struct gn_link_stream_ops client_ops = {
    .data = client_data, .writable = client_up, .closed = client_closed};

static void open_client(struct client *c)
{
    struct gn_addr listen[2];
    (void)gn_host_listen(w.nodes[0].host, listen);
    struct gn_contact peer = {.id = *gn_host_id(w.nodes[0].host), .addr = listen[0]};
    memset(c, 0, sizeof *c);
    assert_int_equal(gn_links_open(gn_host_links(w.nodes[2].host), &c->stream, &peer, GN_LINK_FILE, &client_ops, c),
                     GN_OK);
    assert_true(world_run(&w, &c->up));
}

static void a_malformed_request_ends_the_stream(void **state)
{
    static const uint8_t bytes[GN_FILE_WIRE_REQUEST] = {7};
    struct client c;
    (void)state;
    open_client(&c);
    assert_int_equal(gn_link_write(c.stream, gn_slice_of(bytes, sizeof bytes), false), GN_OK);
    assert_true(world_run(&w, &c.closed));
    assert_int_equal(c.err, GN_E_REFUSED);
    assert_int_equal(c.got, 0);
}

static void too_many_unanswered_requests_end_the_stream(void **state)
{
    uint8_t bytes[GN_FILE_WIRE_REQUEST * (GN_FILE_WIRE_PENDING_MAX + 40U)];
    struct client c;
    (void)state;
    assert_int_equal(world_share(&w, 0, &a, src), GN_OK);
    struct gn_file_wire_request r = {.op = GN_FILE_WIRE_OP_RANGE, .content = a.root, .count = 256};
    for (size_t i = 0; i < sizeof bytes; i += GN_FILE_WIRE_REQUEST)
        gn_file_wire_request_write(bytes + i, &r);
    open_client(&c);
    assert_int_equal(gn_link_write(c.stream, gn_slice_of(bytes, sizeof bytes), false), GN_OK);
    assert_true(world_run(&w, &c.closed));
    assert_int_equal(c.err, GN_E_REFUSED);
}

struct reply_wait {
    struct client *c;
    size_t want;
};

static bool has_replied(void *data)
{
    struct reply_wait *r = data;
    return r->c->got >= r->want;
}

static void unknown_content_and_ranges_behind_the_end_are_refused_politely(void **state)
{
    uint8_t bytes[2U * GN_FILE_WIRE_REQUEST];
    struct client c;
    (void)state;
    assert_int_equal(world_share(&w, 0, &a, src), GN_OK);
    struct gn_file_wire_request r = {.op = GN_FILE_WIRE_OP_RANGE, .content = a.root, .first = 256U * 9000U, .count = 1};
    gn_file_wire_request_write(bytes, &r);
    r = (struct gn_file_wire_request){.op = GN_FILE_WIRE_OP_INFO};
    gn_file_wire_request_write(bytes + GN_FILE_WIRE_REQUEST, &r);
    open_client(&c);
    assert_int_equal(gn_link_write(c.stream, gn_slice_of(bytes, sizeof bytes), true), GN_OK);
    struct reply_wait wait = {.c = &c, .want = (size_t)2 * GN_FILE_WIRE_REPLY};
    assert_true(world_run_until(&w, has_replied, &wait));
    assert_true(world_run(&w, &c.closed));
    assert_int_equal(c.err, GN_OK); /* both directions ended in order */
    assert_int_equal(c.got, 2U * GN_FILE_WIRE_REPLY);
}

static void a_client_that_reads_nothing_holds_no_more_than_its_share(void **state)
{
    uint8_t bytes[GN_FILE_WIRE_REQUEST * 32U];
    struct gn_files_stats stats;
    struct client c;
    (void)state;
    assert_int_equal(world_share(&w, 0, &a, src), GN_OK);
    struct gn_file_wire_request r = {.op = GN_FILE_WIRE_OP_RANGE, .content = a.root, .count = 256};
    for (size_t i = 0; i < sizeof bytes; i += GN_FILE_WIRE_REQUEST)
        gn_file_wire_request_write(bytes + i, &r);
    static const struct gn_link_stream_ops deaf = {.writable = client_up, .closed = client_closed};
    open_client(&c);
    gn_link_abort(c.stream, GN_LINK_DONE);
    struct gn_addr listen[2];
    (void)gn_host_listen(w.nodes[0].host, listen);
    struct gn_contact peer = {.id = *gn_host_id(w.nodes[0].host), .addr = listen[0]};
    memset(&c, 0, sizeof c);
    assert_int_equal(gn_links_open(gn_host_links(w.nodes[2].host), &c.stream, &peer, GN_LINK_FILE, &deaf, &c), GN_OK);
    assert_int_equal(gn_link_write(c.stream, gn_slice_of(bytes, sizeof bytes), false), GN_OK);
    world_run_for(&w, 500);
    gn_files_stats(w.nodes[0].files, &stats);
    assert_int_equal(stats.streams, 1);
    assert_true(stats.served_bytes <= 12U << 20U); /* of 128 MiB: the peer's window and our buffers */
    gn_link_abort(c.stream, GN_LINK_DONE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        T(an_honest_stranger_is_used),
        T(wrong_bytes_are_noticed_and_the_liar_is_dropped),
        T(wrong_proofs_are_noticed),
        T(a_wrong_root_is_noticed),
        T(garbage_is_noticed),
        T(an_answer_that_nobody_asked_for_is_noticed),
        T(a_silent_provider_costs_seconds_not_the_transfer),
        T(half_a_range_is_completed_elsewhere),
        T(a_lone_liar_is_asked_no_more_and_nothing_of_it_is_believed),
        T(a_provider_that_dies_in_mid_transfer_is_replaced),
        T(both_providers_of_a_file_deliver),
        T(who_has_a_part_serves_it),
        T(a_malformed_request_ends_the_stream),
        T(too_many_unanswered_requests_end_the_stream),
        T(unknown_content_and_ranges_behind_the_end_are_refused_politely),
        T(a_client_that_reads_nothing_holds_no_more_than_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
