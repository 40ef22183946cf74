/* tests/unit/transport/http/test_uv_http_server_trouble.c - the server with clients that are slow, greedy, gone or no
 * clients at all. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gn_cmocka.h"
#include "tests/support/http_app.h"

static void a_flood_of_pipelined_requests_is_not_read_beyond_the_stash(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, GET("/late")));
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_one_is_late, &a));
    int small = 16384;
    (void)setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    size_t sent = 0;
    for (int i = 0; i < 200000; i++) {
        ssize_t n = send(p->fd, GET("/hello"), strlen(GET("/hello")), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            gn_http_peer_settle(&a.loop);
        else
            sent += (size_t)n;
        if (n <= 0 && i > 20000)
            break;
    }
    assert_true(gn_uv_http_server_counters(a.server)->bytes_in < 3 * GN_UV_HTTP_STASH_MAX);
    assert_true(sent < 1000000);
    gn_http_app_finish(&a);
}

static void what_is_not_http_is_answered_400_and_closed(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/hello")));
    assert_true(gn_http_peer_expect_eof(p));
    assert_non_null(strstr(p->got, "HTTP/1.1 400 Bad Request\r\n"));
    assert_non_null(strstr(p->got, "Connection: close\r\n"));
    assert_non_null(strstr(p->got, "\"detail\":\"more than one Host\""));
    assert_null(strstr(p->got, "Hello"));
    assert_int_equal(a.closed, 0); /* no handler ever saw it */
    gn_http_app_finish(&a);
}

static void a_client_that_leaves_is_noticed_while_its_answer_is_pending(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/late")));
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_one_is_late, &a));
    gn_http_peer_close(&a.peers[0]);
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_one_is_incomplete, &a));
    assert_null(a.late[0]);
    assert_int_equal(gn_uv_http_server_counters(a.server)->gone, 1);
    assert_true(gn_http_peer_unix(&a.peers[1], &a.loop, a.path));
    assert_true(gn_http_peer_say(&a.peers[1], GET("/hello")));
    assert_true(gn_http_peer_expect(&a.peers[1], "Hello"));
    gn_http_app_finish(&a);
}

static void a_slow_reader_costs_one_queue_of_memory_and_gets_everything(void **state)
{
    struct gn_http_app a;
    const uint64_t size = 32U << 20;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    a.wanted = size;
    assert_true(gn_http_peer_say(p, GET("/stream")));
    gn_http_peer_settle(&a.loop);
    gn_http_peer_settle(&a.loop);
    assert_true(a.produced > 0);
    assert_true(a.produced < 256U * 1024U + 1024U * 1024U); /* the queue, and the kernel's buffers */
    uint64_t before = a.produced;
    gn_http_peer_settle(&a.loop);
    assert_int_equal(a.produced, before);
    assert_true(gn_http_peer_expect_total(p, size));
    gn_http_peer_settle(&a.loop); /* chunk lines come on top */
    assert_int_equal(a.closed, 1);
    assert_int_equal(a.produced, size);
    gn_http_app_finish(&a);
}

static void a_reader_that_takes_nothing_is_cut_off(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_begin(&a);
    a.config.write_timeout_us = GN_MS(60);
    gn_http_app_listen(&a);
    a.wanted = 32U << 20;
    assert_true(gn_http_peer_say(&a.peers[0], GET("/stream")));
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_one_is_incomplete, &a));
    assert_int_equal(gn_uv_http_server_counters(a.server)->timeouts, 1);
    gn_http_app_finish(&a);
}

static void slow_heads_and_bodies_are_answered_408_and_idle_connections_closed(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_begin(&a);
    a.config.head_timeout_us = GN_MS(40);
    a.config.body_timeout_us = GN_MS(40);
    a.config.idle_timeout_us = GN_MS(40);
    gn_http_app_listen(&a);
    assert_true(gn_http_peer_unix(&a.peers[1], &a.loop, a.path));
    assert_true(gn_http_peer_unix(&a.peers[2], &a.loop, a.path));
    assert_true(gn_http_peer_say(&a.peers[0], "GET / HTTP/1.1\r\nHost:"));
    assert_true(gn_http_peer_say(&a.peers[1], "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"));
    for (size_t i = 0; i < 3; i++)
        assert_true(gn_http_peer_expect_eof(&a.peers[i]));
    assert_non_null(strstr(a.peers[0].got, "HTTP/1.1 408 "));
    assert_non_null(strstr(a.peers[1].got, "HTTP/1.1 408 "));
    assert_int_equal(a.peers[2].total, 0);
    assert_int_equal(a.incomplete, 1); /* the handler of the body was told */
    gn_http_app_finish(&a);
}

static void drip(struct gn_http_peer *p)
{
    (void)send(p->fd, "A", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool drips_until_eof(void *data)
{
    struct gn_http_peer *p = data;
    char byte;
    drip(p);
    ssize_t n = recv(p->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return n >= 0;
}

static void a_head_that_drips_in_byte_by_byte_has_no_more_time_than_another(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_begin(&a);
    a.config.head_timeout_us = GN_MS(60);
    a.config.limits.head_max = (size_t)64 << 20; /* so that only time can end it */
    gn_http_app_listen(&a);
    assert_true(gn_http_peer_say(&a.peers[0], "GET / HTTP/1.1\r\nA:"));
    assert_true(gn_http_peer_run(&a.loop, drips_until_eof, &a.peers[0]));
    assert_true(gn_http_peer_expect(&a.peers[0], "HTTP/1.1 408 "));
    gn_http_app_finish(&a);
}

static void one_connection_too_many_is_answered_503(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_begin(&a);
    a.config.connections_max = 1;
    gn_http_app_listen(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/hello")));
    assert_true(gn_http_peer_expect(&a.peers[0], "Hello"));
    assert_true(gn_http_peer_unix(&a.peers[1], &a.loop, a.path));
    assert_true(gn_http_peer_expect_eof(&a.peers[1]));
    assert_non_null(strstr(a.peers[1].got, "HTTP/1.1 503 "));
    gn_http_peer_close(&a.peers[0]);
    gn_http_peer_settle(&a.loop);
    assert_true(gn_http_peer_unix(&a.peers[2], &a.loop, a.path));
    assert_true(gn_http_peer_say(&a.peers[2], GET("/hello")));
    assert_true(gn_http_peer_expect(&a.peers[2], "Hello"));
    assert_int_equal(gn_uv_http_server_counters(a.server)->rejected, 1);
    gn_http_app_finish(&a);
}

static bool half_is_received(void *data)
{
    const struct gn_http_app *a = data;
    return a->received >= 500000;
}

static void a_paused_upload_is_slowed_down_and_goes_on_when_resumed(void **state)
{
    struct gn_http_app a;
    static char piece[65536];
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 6553600\r\n\r\n"));
    assert_true(gn_http_peer_send(p, piece, sizeof piece));
    gn_http_peer_settle(&a.loop);
    gn_exchange_pause(a.upload, true);
    uint64_t before = a.received;
    size_t sent = sizeof piece;
    for (int i = 0; i < 200; i++) {
        ssize_t n = send(p->fd, piece, sizeof piece, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        (void)uv_run(&a.loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(a.received, before);
    assert_true(sent < 2U << 20);
    gn_exchange_pause(a.upload, false);
    while (sent < 6553600) {
        size_t n = 6553600 - sent < sizeof piece ? 6553600 - sent : sizeof piece;
        assert_true(gn_http_peer_send(p, piece, n));
        sent += n;
    }
    assert_true(gn_http_peer_run(&a.loop, half_is_received, &a));
    assert_true(gn_http_peer_expect(p, "stored"));
    assert_int_equal(a.received, 6553600);
    gn_http_app_finish(&a);
}

static void no_allocation_failure_crashes_or_leaks(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 100; n++) {
        struct gn_failing_alloc fa;
        struct gn_http_app a;
        gn_http_app_begin(&a);
        gn_failing_alloc_init(&fa, n);
        a.config.alloc = &fa.alloc;
        bool up = gn_uv_http_server_new(&a.server, &a.config) == GN_OK &&
                  gn_uv_http_server_listen_unix(a.server, a.path) == GN_OK;
        if (up && gn_http_peer_unix(&a.peers[0], &a.loop, a.path)) {
            (void)gn_http_peer_say(&a.peers[0], "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                                "3\r\nabc\r\n0\r\nA: b\r\n\r\n" GET("/hello"));
            (void)gn_http_peer_settle(&a.loop);
        }
        bool over = fa.failed == 0;
        gn_http_app_finish(&a);
        assert_int_equal(fa.live, 0);
        if (over)
            return;
    }
    fail_msg("the allocations never end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_pipelined_requests_is_not_read_beyond_the_stash),
        cmocka_unit_test(what_is_not_http_is_answered_400_and_closed),
        cmocka_unit_test(a_client_that_leaves_is_noticed_while_its_answer_is_pending),
        cmocka_unit_test(a_slow_reader_costs_one_queue_of_memory_and_gets_everything),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut_off),
        cmocka_unit_test(slow_heads_and_bodies_are_answered_408_and_idle_connections_closed),
        cmocka_unit_test(a_head_that_drips_in_byte_by_byte_has_no_more_time_than_another),
        cmocka_unit_test(one_connection_too_many_is_answered_503),
        cmocka_unit_test(a_paused_upload_is_slowed_down_and_goes_on_when_resumed),
        cmocka_unit_test(no_allocation_failure_crashes_or_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
