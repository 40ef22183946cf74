/* tests/unit/transport/test_uv_udp.c - the port on a loop: staging, backlog, rebinding, closing at bad moments. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/failing_alloc.h"
#include "tests/support/gn_cmocka.h"
#include "transport/udp/uv_udp.h"

static const struct gn_addr v4 = {.family = GN_ADDR_V4, .ip = {127, 0, 0, 1}};
static const struct gn_addr v6 = {.family = GN_ADDR_V6, .ip = {[15] = 1}};

struct port {
    struct gn_uv_udp *udp;
    struct gn_addr addr;
    unsigned got, batches, writable;
    size_t bytes;
    unsigned close_after; /* closes itself in the receive callback of this datagram */
    bool closed;
    struct world *world;
};

struct world {
    uv_loop_t loop;
    struct gn_failing_alloc memory;
    struct gn_uv_udp_pool *pool;
    struct port port[2];
    uv_timer_t watchdog;
    bool late;
};

static void on_closed(void *data)
{
    struct port *p = data;

    p->closed = true;
}

static void on_receive(void *owner, const struct gn_udp_packet *packet)
{
    struct port *p = owner;

    assert_false(p->closed);
    p->got++;
    p->bytes += packet->len;
    if (p->close_after != 0 && p->got == p->close_after) {
        gn_uv_udp_close(p->udp, on_closed, p);
        p->udp = NULL;
    }
}

static void on_received(void *owner)
{
    struct port *p = owner;

    assert_non_null(p->udp);
    p->batches++;
}

static void on_writable(void *owner)
{
    struct port *p = owner;

    p->writable++;
}

static void on_late(uv_timer_t *t)
{
    struct world *w = t->data;

    w->late = true;
}

static void begin(struct world *w, const struct gn_os_udp_calls *calls, size_t backlog)
{
    memset(w, 0, sizeof *w);
    gn_failing_alloc_init(&w->memory, 0);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(gn_uv_udp_pool_new(&w->pool, &w->loop, &w->memory.alloc), GN_OK);
    assert_int_equal(uv_timer_init(&w->loop, &w->watchdog), 0);
    w->watchdog.data = w;
    assert_int_equal(uv_timer_start(&w->watchdog, on_late, 10000, 0), 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct gn_uv_udp_config config = {.pool = w->pool,
                                                .alloc = &w->memory.alloc,
                                                .receive = on_receive,
                                                .received = on_received,
                                                .writable = on_writable,
                                                .owner = &w->port[i],
                                                .backlog_max = backlog,
                                                .calls = i == 0 ? calls : NULL};

        w->port[i].world = w;
        assert_int_equal(gn_uv_udp_new(&w->port[i].udp, &config), GN_OK);
        assert_int_equal(gn_uv_udp_open(w->port[i].udp, &v4), GN_OK);
        assert_int_equal(gn_uv_udp_bound(w->port[i].udp, &w->port[i].addr, GN_ADDR_V4), GN_OK);
    }
}

static void end(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        if (w->port[i].udp) {
            gn_uv_udp_close(w->port[i].udp, on_closed, &w->port[i]);
        }
    }
    uv_close((uv_handle_t *)&w->watchdog, NULL);
    gn_uv_udp_pool_close(w->pool);
    assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
    assert_true(w->port[0].closed && w->port[1].closed);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(w->memory.live, 0);
    assert_false(w->late);
}

static void run_until(struct world *w, const unsigned *count, unsigned want)
{
    while (*count < want && !w->late) {
        (void)uv_run(&w->loop, UV_RUN_ONCE);
    }
    assert_int_equal(*count, want);
}

static const uint8_t bytes[60000];

static void datagrams_staged_in_one_turn_leave_together_before_the_loop_sleeps(void **state)
{
    struct world w;
    struct gn_os_udp_counters c;

    (void)state;
    begin(&w, NULL, 0);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(gn_uv_udp_send_one(w.port[0].udp, &w.port[1].addr, NULL, bytes, 500), GN_OK);
    }
    run_until(&w, &w.port[1].got, 50);
    gn_uv_udp_counters(w.port[0].udp, &c);
    assert_int_equal(c.packets_out, 50);
    assert_int_equal(c.calls_out, 1);
    assert_true(w.port[1].batches >= 1);
    end(&w);
}

static void different_sizes_and_places_stay_what_they_are(void **state)
{
    struct world w;

    (void)state;
    begin(&w, NULL, 0);
    for (unsigned i = 1; i <= 100; i++) { /* growing: none can join the one before */
        assert_int_equal(gn_uv_udp_send_one(w.port[0].udp, &w.port[i % 2].addr, NULL, bytes, i), GN_OK);
    }
    run_until(&w, &w.port[1].got, 50);
    run_until(&w, &w.port[0].got, 50);
    assert_int_equal(w.port[0].bytes + w.port[1].bytes, 5050);
    end(&w);
}

static void what_cannot_be_sent_is_refused_at_once(void **state)
{
    struct world w;
    struct gn_udp_train train = {.len = 100, .segment = 100};
    const struct gn_addr nowhere = {.family = GN_ADDR_NONE};

    (void)state;
    begin(&w, NULL, 0);
    train.remote = v6;
    train.remote.port = 9;
    assert_int_equal(gn_uv_udp_send(w.port[0].udp, &train, bytes), GN_E_UNREACHABLE);
    assert_int_equal(gn_uv_udp_send_one(w.port[0].udp, &nowhere, NULL, bytes, 10), GN_E_INVALID);
    assert_int_equal(gn_uv_udp_send_one(w.port[0].udp, &w.port[1].addr, NULL, bytes, 0), GN_E_INVALID);
    train.remote = w.port[1].addr;
    train.len = GN_UV_UDP_TRAIN_MAX + 1;
    assert_int_equal(gn_uv_udp_send(w.port[0].udp, &train, bytes), GN_E_INVALID);
    end(&w);
}

struct gate {
    struct gn_os_udp_calls calls;
    bool shut;
};

static int gated_send(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    const struct gate *g = ctx;

    if (g->shut) {
        errno = EAGAIN;
        return -1;
    }
    return sendmmsg(fd, messages, count, flags);
}

static int plain_receive(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)ctx;
    return recvmmsg(fd, messages, count, flags, NULL);
}

static void a_full_kernel_makes_a_bounded_backlog_that_leaves_in_order(void **state)
{
    struct gate g = {.calls = {.sendmmsg = gated_send, .recvmmsg = plain_receive, .ctx = &g}, .shut = true};
    struct world w;
    struct gn_os_udp_counters c;
    unsigned accepted = 0;

    (void)state;
    begin(&w, &g.calls, 10000);
    for (unsigned i = 0; i < 20; i++) {
        const enum gn_err err = gn_uv_udp_send_one(w.port[0].udp, &w.port[1].addr, NULL, bytes, 1000);

        gn_uv_udp_flush(w.port[0].udp);
        accepted += err == GN_OK;
        assert_true(err == GN_OK || err == GN_E_FULL);
    }
    assert_int_equal(accepted, 10);
    assert_true(gn_uv_udp_blocked(w.port[0].udp));
    gn_uv_udp_counters(w.port[0].udp, &c);
    assert_int_equal(c.dropped_full, 10);
    assert_int_equal(w.port[0].writable, 0);
    g.shut = false;
    run_until(&w, &w.port[1].got, 10);
    run_until(&w, &w.port[0].writable, 1);
    assert_false(gn_uv_udp_blocked(w.port[0].udp));
    end(&w);
}

static void a_port_may_be_closed_while_it_has_a_backlog(void **state)
{
    struct gate g = {.calls = {.sendmmsg = gated_send, .recvmmsg = plain_receive, .ctx = &g}, .shut = true};
    struct world w;

    (void)state;
    begin(&w, &g.calls, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(gn_uv_udp_send_one(w.port[0].udp, &w.port[1].addr, NULL, bytes, 1000 + i), GN_OK);
    }
    gn_uv_udp_flush(w.port[0].udp);
    assert_true(gn_uv_udp_blocked(w.port[0].udp));
    end(&w);
}

static void a_port_may_close_itself_in_the_middle_of_a_batch(void **state)
{
    struct world w;

    (void)state;
    begin(&w, NULL, 0);
    w.port[1].close_after = 3;
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(gn_uv_udp_send_one(w.port[0].udp, &w.port[1].addr, NULL, bytes, 100), GN_OK);
    }
    run_until(&w, &w.port[1].got, 3);
    while (!w.port[1].closed && !w.late) {
        (void)uv_run(&w.loop, UV_RUN_ONCE);
    }
    assert_int_equal(w.port[1].got, 3);
    end(&w);
}

static void rebinding_takes_a_new_port_or_keeps_the_old_one_as_asked(void **state)
{
    struct world w;
    struct gn_addr fresh;
    struct gn_addr again;
    struct gn_os_udp_counters c;

    (void)state;
    begin(&w, NULL, 0);
    assert_int_equal(gn_uv_udp_send_one(w.port[1].udp, &w.port[0].addr, NULL, bytes, 10), GN_OK);
    run_until(&w, &w.port[0].got, 1);
    assert_int_equal(gn_uv_udp_open(w.port[0].udp, &v4), GN_OK);
    assert_int_equal(gn_uv_udp_bound(w.port[0].udp, &fresh, GN_ADDR_V4), GN_OK);
    assert_true(fresh.port != w.port[0].addr.port);
    assert_int_equal(gn_uv_udp_open(w.port[0].udp, &fresh), GN_OK); /* the same port: closed first */
    assert_int_equal(gn_uv_udp_bound(w.port[0].udp, &again, GN_ADDR_V4), GN_OK);
    assert_int_equal(again.port, fresh.port);
    assert_int_equal(gn_uv_udp_send_one(w.port[1].udp, &again, NULL, bytes, 10), GN_OK);
    run_until(&w, &w.port[0].got, 2);
    gn_uv_udp_counters(w.port[0].udp, &c);
    assert_int_equal(c.packets_in, 2); /* the closed sockets count too */
    assert_int_equal(gn_uv_udp_open(w.port[0].udp, &w.port[1].addr), GN_E_IN_USE);
    assert_int_equal(gn_uv_udp_bound(w.port[0].udp, &again, GN_ADDR_V4), GN_OK);
    assert_int_equal(again.port, fresh.port);
    assert_int_equal(gn_uv_udp_bound(w.port[0].udp, &again, GN_ADDR_V6), GN_E_NOT_FOUND);
    end(&w);
}

static void both_families_serve_one_port_object(void **state)
{
    struct world w;
    struct gn_addr six;

    (void)state;
    begin(&w, NULL, 0);
    assert_int_equal(gn_uv_udp_open(w.port[1].udp, &v6), GN_OK);
    assert_int_equal(gn_uv_udp_open(w.port[0].udp, &v6), GN_OK);
    assert_int_equal(gn_uv_udp_bound(w.port[1].udp, &six, GN_ADDR_V6), GN_OK);
    assert_int_equal(gn_uv_udp_send_one(w.port[0].udp, &six, NULL, bytes, 10), GN_OK);
    assert_int_equal(gn_uv_udp_send_one(w.port[0].udp, &w.port[1].addr, NULL, bytes, 10), GN_OK);
    run_until(&w, &w.port[1].got, 2);
    end(&w);
}

static void missing_memory_is_an_error_and_nothing_leaks(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 100; n++) {
        struct gn_failing_alloc memory;
        struct gn_uv_udp_pool *pool = NULL;
        struct gn_uv_udp *udp = NULL;
        uv_loop_t loop;

        gn_failing_alloc_init(&memory, n);
        assert_int_equal(uv_loop_init(&loop), 0);
        enum gn_err err = gn_uv_udp_pool_new(&pool, &loop, &memory.alloc);
        if (err == GN_OK) {
            const struct gn_uv_udp_config config = {.pool = pool, .alloc = &memory.alloc, .receive = on_receive};

            err = gn_uv_udp_new(&udp, &config);
        }
        if (err == GN_OK) {
            err = gn_uv_udp_open(udp, &v4);
        }
        assert_int_equal(err, memory.failed ? GN_E_NO_MEMORY : GN_OK);
        gn_uv_udp_close(udp, NULL, NULL);
        gn_uv_udp_pool_close(pool);
        assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
        assert_int_equal(uv_loop_close(&loop), 0);
        assert_int_equal(memory.live, 0);
        if (!memory.failed) {
            return;
        }
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_staged_in_one_turn_leave_together_before_the_loop_sleeps),
        cmocka_unit_test(different_sizes_and_places_stay_what_they_are),
        cmocka_unit_test(what_cannot_be_sent_is_refused_at_once),
        cmocka_unit_test(a_full_kernel_makes_a_bounded_backlog_that_leaves_in_order),
        cmocka_unit_test(a_port_may_be_closed_while_it_has_a_backlog),
        cmocka_unit_test(a_port_may_close_itself_in_the_middle_of_a_batch),
        cmocka_unit_test(rebinding_takes_a_new_port_or_keeps_the_old_one_as_asked),
        cmocka_unit_test(both_families_serve_one_port_object),
        cmocka_unit_test(missing_memory_is_an_error_and_nothing_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
