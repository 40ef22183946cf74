/* tests/unit/transport/test_uv_quic.c - QUIC over real sockets on loopback: two nodes on one libuv loop. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/gn_cmocka.h"
#include "transport/quic/uv_quic.h"
#include "transport/udp/demux.h"
#include "transport/udp/uv_udp.h"

#define TRANSFER ((size_t)8 * 1024 * 1024)
#define PIECE ((size_t)64 * 1024)

struct node {
    struct gn_uv_udp *udp;
    struct gn_quic *quic;
    struct gn_uv_quic *driver;
    struct gn_addr addr;
    gn_quic_conn conn;
    int64_t stream;
    size_t written, echoed;
    bool wrong, done;
    struct world *world;
};

struct world {
    uv_loop_t loop;
    uv_timer_t watchdog;
    struct gn_uv_udp_pool *pool;
    struct node node[2];
    bool gave_up;
};

static uint8_t byte_at(size_t at)
{
    return (uint8_t)(at * 13U + (at >> 11U));
}

static void on_receive(void *owner, const struct gn_udp_packet *packet)
{
    struct node *n = owner;

    if (gn_demux_classify(NULL, packet->data, packet->len) == GN_DEMUX_QUIC) {
        gn_uv_quic_receive(n->driver, packet);
    }
}

static void on_received(void *owner)
{
    struct node *n = owner;

    gn_uv_quic_pump(n->driver);
}

static void stop_all(struct world *w)
{
    for (unsigned i = 0; i < 2; i++) {
        gn_uv_quic_close(w->node[i].driver, NULL, NULL);
        gn_uv_udp_close(w->node[i].udp, NULL, NULL);
    }
    uv_close((uv_handle_t *)&w->watchdog, NULL);
    gn_uv_udp_pool_close(w->pool);
}

static void write_more(struct node *n)
{
    uint8_t piece[PIECE];

    while (n->written < TRANSFER) {
        for (size_t i = 0; i < PIECE; i++) {
            piece[i] = byte_at(n->written + i);
        }
        const enum gn_err err = gn_quic_stream_write(n->quic, n->conn, n->stream, gn_slice_of(piece, PIECE),
                                                     n->written + PIECE == TRANSFER);

        if (err == GN_E_FULL) {
            return;
        }
        assert_int_equal(err, GN_OK);
        n->written += PIECE;
    }
}

static void on_client_event(void *owner, const struct gn_quic_event *e)
{
    struct node *n = owner;

    switch ((int)e->type) {
    case GN_QUIC_CONNECTED:
        n->conn = e->conn;
        assert_int_equal(gn_quic_stream_open(n->quic, &n->stream, e->conn), GN_OK);
        write_more(n);
        break;
    case GN_QUIC_WRITABLE:
        write_more(n);
        break;
    case GN_QUIC_STREAM_DATA:
        for (size_t i = 0; i < e->data.len; i++) {
            n->wrong = n->wrong || e->data.data[i] != byte_at(e->offset + i);
        }
        n->echoed += e->data.len;
        assert_int_equal(gn_quic_stream_consume(n->quic, e->conn, e->stream, e->data.len), GN_OK);
        if (e->fin) {
            n->done = true;
            stop_all(n->world);
        }
        break;
    default:
        break;
    }
}

static void on_server_event(void *owner, const struct gn_quic_event *e)
{
    struct node *n = owner;

    if (e->type == GN_QUIC_STREAM_DATA) {
        assert_int_equal(gn_quic_stream_consume(n->quic, e->conn, e->stream, e->data.len), GN_OK);
        const enum gn_err err = gn_quic_stream_write(n->quic, e->conn, e->stream, e->data, e->fin);

        assert_int_equal(err, GN_OK);
    }
}

static void on_watchdog(uv_timer_t *t)
{
    struct world *w = t->data;

    w->gave_up = true;
    stop_all(w);
}

enum way { AS_IT_COMES, PLAIN, LARGE, PLAIN_AND_LARGE, STUBBORN };

/* A kernel that is full every third time, and takes one message only every other time. */
static int stubborn_send(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    unsigned *calls = ctx;

    if (++*calls % 3 == 0) {
        errno = EAGAIN;
        return -1;
    }
    return sendmmsg(fd, messages, *calls % 2 == 0 ? 1 : count, flags);
}

static int plain_receive(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)ctx;
    return recvmmsg(fd, messages, count, flags, NULL);
}

static unsigned stubborn_calls;
static const struct gn_os_udp_calls stubborn = {
    .sendmmsg = stubborn_send, .recvmmsg = plain_receive, .ctx = &stubborn_calls};

static void start_node(struct world *w, unsigned i, const struct gn_addr *any, enum way way)
{
    struct node *n = &w->node[i];
    const bool plain = way == PLAIN || way == PLAIN_AND_LARGE;
    const bool large = way == LARGE || way == PLAIN_AND_LARGE;
    const struct gn_uv_udp_config udp = {.pool = w->pool,
                                         .alloc = gn_alloc_default(),
                                         .receive = on_receive,
                                         .received = on_received,
                                         .writable = on_received,
                                         .owner = n,
                                         .no_gso = plain,
                                         .no_gro = plain,
                                         .calls = way == STUBBORN ? &stubborn : NULL};
    struct gn_quic_config quic = {.alloc = gn_alloc_default(), .send_buffer = UINT64_C(64) * 1024 * 1024};

    n->world = w;
    memset(quic.seed, (int)(i + 1), sizeof quic.seed);
    memset(quic.rng_seed, (int)(i + 77), sizeof quic.rng_seed);
    quic.loopback_payload = large ? gn_os_udp_loopback_payload() : 0;
    if (i == 0) {
        quic.send_buffer = UINT64_C(1024) * 1024;
    }
    assert_int_equal(gn_uv_udp_new(&n->udp, &udp), GN_OK);
    assert_int_equal(gn_uv_udp_open(n->udp, any), GN_OK);
    assert_int_equal(gn_uv_udp_bound(n->udp, &n->addr, any->family), GN_OK);
    assert_int_equal(gn_quic_new(&n->quic, &quic, gn_uv_quic_now()), GN_OK);
    const struct gn_uv_quic_config driver = {.loop = &w->loop,
                                             .quic = n->quic,
                                             .udp = n->udp,
                                             .alloc = gn_alloc_default(),
                                             .event = i == 0 ? on_client_event : on_server_event,
                                             .owner = n};

    assert_int_equal(gn_uv_quic_new(&n->driver, &driver), GN_OK);
}

static void transfer(const struct gn_addr *loopback, enum way way)
{
    struct world w = {.gave_up = false};
    gn_quic_conn conn;

    assert_int_equal(uv_loop_init(&w.loop), 0);
    assert_int_equal(gn_uv_udp_pool_new(&w.pool, &w.loop, gn_alloc_default()), GN_OK);
    assert_int_equal(uv_timer_init(&w.loop, &w.watchdog), 0);
    w.watchdog.data = &w;
    assert_int_equal(uv_timer_start(&w.watchdog, on_watchdog, 30000, 0), 0);
    start_node(&w, 0, loopback, way);
    start_node(&w, 1, loopback, way);
    assert_int_equal(
        gn_quic_dial(w.node[0].quic, &conn, gn_quic_id(w.node[1].quic), &w.node[1].addr, NULL, gn_uv_quic_now()),
        GN_OK);
    gn_uv_quic_pump(w.node[0].driver);
    assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
    assert_false(w.gave_up);
    assert_true(w.node[0].done);
    assert_false(w.node[0].wrong);
    assert_int_equal(w.node[0].echoed, TRANSFER);
    for (unsigned i = 0; i < 2; i++) {
        gn_quic_free(w.node[i].quic);
    }
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

static const struct gn_addr v4 = {.family = GN_ADDR_V4, .ip = {127, 0, 0, 1}};
static const struct gn_addr v6 = {.family = GN_ADDR_V6, .ip = {[15] = 1}};

static void eight_megabytes_are_echoed_over_ipv4(void **state)
{
    (void)state;
    transfer(&v4, AS_IT_COMES);
}

static void eight_megabytes_are_echoed_over_ipv6(void **state)
{
    (void)state;
    transfer(&v6, AS_IT_COMES);
}

static void eight_megabytes_are_echoed_without_any_offload(void **state)
{
    (void)state;
    transfer(&v4, PLAIN);
}

static void eight_megabytes_are_echoed_in_packets_as_large_as_loopback_takes(void **state)
{
    (void)state;
    assert_true(gn_os_udp_loopback_payload() >= 1200);
    transfer(&v4, LARGE);
    transfer(&v6, LARGE);
    transfer(&v6, PLAIN_AND_LARGE);
}

static void a_kernel_that_is_often_full_slows_the_transfer_but_loses_nothing(void **state)
{
    (void)state;
    stubborn_calls = 0;
    transfer(&v4, STUBBORN);
    assert_true(stubborn_calls > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_megabytes_are_echoed_over_ipv4),
        cmocka_unit_test(eight_megabytes_are_echoed_over_ipv6),
        cmocka_unit_test(eight_megabytes_are_echoed_without_any_offload),
        cmocka_unit_test(eight_megabytes_are_echoed_in_packets_as_large_as_loopback_takes),
        cmocka_unit_test(a_kernel_that_is_often_full_slows_the_transfer_but_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
