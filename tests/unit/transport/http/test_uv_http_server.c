/* tests/unit/transport/http/test_uv_http_server.c - the server over real sockets: requests, bodies, sockets, drain. */
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

static void requests_are_answered_on_one_connection(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    for (int i = 0; i < 3; i++) {
        gn_http_peer_forget(p);
        assert_true(gn_http_peer_say(p, GET("/hello")));
        assert_true(gn_http_peer_expect(p, "Hello, world!"));
        assert_non_null(strstr(p->got, "HTTP/1.1 200 OK\r\n"));
        assert_non_null(strstr(p->got, "Content-Length: 13\r\n"));
        assert_non_null(strstr(p->got, "Server: test\r\n"));
        assert_non_null(strstr(p->got, " GMT\r\n"));
        assert_null(strstr(p->got, "Connection: close"));
    }
    assert_int_equal(gn_uv_http_server_counters(a.server)->accepted, 1);
    assert_int_equal(a.closed, 3);
    assert_int_equal(a.incomplete, 0);
    gn_http_app_finish(&a);
}

static void pipelined_requests_are_answered_in_order_one_at_a_time(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, GET("/late") GET("/hello") GET("/late") GET("/missing")));
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_one_is_late, &a));
    gn_http_peer_settle(&a.loop);
    assert_int_equal(a.late_len, 1); /* the others wait */
    assert_int_equal(p->total, 0);
    gn_exchange_respond(a.late[0], 200, gn_http_app_no_headers, gn_slice_str("first"));
    assert_true(gn_http_peer_expect(p, "Hello, world!"));
    assert_true(strstr(p->got, "first") < strstr(p->got, "Hello, world!"));
    assert_int_equal(a.late_len, 2);
    gn_exchange_respond(a.late[1], 200, gn_http_app_no_headers, gn_slice_str("third"));
    assert_true(gn_http_peer_expect(p, "404"));
    assert_true(strstr(p->got, "third") < strstr(p->got, "404"));
    gn_http_app_finish(&a);
}

static void bodies_are_collected_up_to_their_limit(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"));
    gn_http_peer_settle(&a.loop);
    assert_true(gn_http_peer_say(p, "cde"));
    assert_true(gn_http_peer_expect(p, "\r\n\r\nabcde"));
    gn_http_peer_forget(p);
    assert_true(gn_http_peer_say(p, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                    "3\r\nxyz\r\n0\r\n\r\n"));
    assert_true(gn_http_peer_expect(p, "\r\n\r\nxyz"));
    gn_http_peer_forget(p);
    assert_true(gn_http_peer_say(p, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"));
    assert_true(gn_http_peer_expect_eof(p));
    assert_non_null(strstr(p->got, "HTTP/1.1 413 "));
    assert_int_equal(a.closed, 3);
    assert_int_equal(a.incomplete, 1);
    gn_http_app_finish(&a);
}

static void a_client_that_waits_for_100_continue_gets_it_only_if_the_body_is_wanted(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(
        gn_http_peer_say(p, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    assert_true(gn_http_peer_expect(p, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_true(gn_http_peer_say(p, "ok"));
    assert_true(gn_http_peer_expect(p, "\r\n\r\nok"));
    gn_http_peer_forget(p);
    assert_true(
        gn_http_peer_say(p, "POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    assert_true(gn_http_peer_expect_eof(p));
    assert_null(strstr(p->got, "100 Continue"));
    assert_non_null(strstr(p->got, "HTTP/1.1 404 "));
    gn_http_app_finish(&a);
}

static void head_is_answered_without_a_body_but_with_its_length(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    a.wanted = 100000;
    assert_true(gn_http_peer_say(
        p, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" GET("/missing")));
    assert_true(gn_http_peer_expect(p, "HTTP/1.1 404 "));
    assert_non_null(strstr(p->got, "Content-Length: 13\r\n"));
    assert_non_null(strstr(p->got, "Transfer-Encoding: chunked\r\n"));
    assert_null(strstr(p->got, "Hello"));
    assert_null(strstr(p->got, "x"));
    gn_http_app_finish(&a);
}

static void http_1_0_gets_no_chunks_and_a_close(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    a.wanted = 8192;
    assert_true(gn_http_peer_say(p, "GET /stream HTTP/1.0\r\n\r\n"));
    assert_true(gn_http_peer_expect_eof(p));
    assert_null(strstr(p->got, "chunked"));
    assert_int_equal(p->len, (size_t)(strstr(p->got, "\r\n\r\n") - p->got) + 4 + 8192);
    gn_http_app_finish(&a);
}

static void a_body_that_nobody_wants_is_dropped_or_ends_the_connection(void **state)
{
    struct gn_http_app a;
    static char big[200000];
    (void)state;
    gn_http_app_start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" GET("/missing")));
    assert_true(gn_http_peer_expect(p, "HTTP/1.1 404 "));
    gn_http_peer_forget(p);
    memset(big, 'z', sizeof big);
    assert_true(gn_http_peer_say(p, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"));
    assert_true(gn_http_peer_expect(p, "Hello, world!"));
    (void)gn_http_peer_send(p, big, sizeof big); /* lingering takes it, so that no reset kills the answer */
    assert_true(gn_http_peer_expect_eof(p));
    assert_non_null(strstr(p->got, "Connection: close\r\n"));
    gn_http_app_finish(&a);
}

static void an_answer_shorter_than_promised_cuts_the_connection(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/short")));
    assert_true(gn_http_peer_expect_eof(&a.peers[0]));
    assert_int_equal(a.incomplete, 1);
    gn_http_app_finish(&a);
}

static void a_header_that_would_split_the_answer_becomes_500(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/split")));
    assert_true(gn_http_peer_expect(&a.peers[0], "HTTP/1.1 500 "));
    assert_null(strstr(a.peers[0].got, "Set-Cookie"));
    gn_http_app_finish(&a);
}

static void drain_lets_answers_finish_and_closes_the_idle(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    assert_true(gn_http_peer_unix(&a.peers[1], &a.loop, a.path));
    assert_true(gn_http_peer_say(&a.peers[0], GET("/late")));
    assert_true(gn_http_peer_say(&a.peers[1], GET("/hello")));
    assert_true(gn_http_peer_expect(&a.peers[1], "Hello"));
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_one_is_late, &a));
    gn_uv_http_server_drain(a.server, GN_SECONDS(5), gn_http_app_on_drained, &a);
    assert_int_not_equal(access(a.path, F_OK), 0); /* the socket file is gone */
    assert_true(gn_http_peer_expect_eof(&a.peers[1]));
    assert_false(gn_http_peer_unix(&a.peers[2], &a.loop, a.path));
    assert_false(a.drained);
    gn_exchange_respond(a.late[0], 200, gn_http_app_no_headers, gn_slice_str("in time"));
    assert_true(gn_http_peer_expect(&a.peers[0], "in time"));
    assert_non_null(strstr(a.peers[0].got, "Connection: close\r\n"));
    gn_http_peer_close(&a.peers[0]);
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_is_drained, &a));
    assert_int_equal(a.incomplete, 0);
    gn_http_app_finish(&a);
}

static void drain_cuts_what_is_left_at_its_deadline(void **state)
{
    struct gn_http_app a;
    (void)state;
    gn_http_app_start(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/late")));
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_one_is_late, &a));
    gn_uv_http_server_drain(a.server, GN_MS(30), gn_http_app_on_drained, &a);
    assert_true(gn_http_peer_run(&a.loop, gn_http_app_is_drained, &a));
    assert_int_equal(a.incomplete, 1);
    gn_http_app_finish(&a);
}

static void the_socket_file_is_private_and_a_stale_one_is_replaced(void **state)
{
    struct gn_http_app a;
    struct gn_http_app b;
    struct stat st;
    (void)state;
    gn_http_app_start(&a);
    assert_int_equal(stat(a.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    gn_http_app_begin(&b);
    assert_int_equal(gn_uv_http_server_new(&b.server, &b.config), GN_OK);
    assert_int_equal(gn_uv_http_server_listen_unix(b.server, a.path), GN_E_IN_USE);
    FILE *file = fopen(b.path, "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(gn_uv_http_server_listen_unix(b.server, b.path), GN_E_INVALID); /* no socket: not ours to remove */
    assert_int_equal(access(b.path, F_OK), 0);
    assert_int_equal(unlink(b.path), 0);
    /* A socket file whose server has died: bound, and closed without unlink. */
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    memcpy(sun.sun_path, b.path, strlen(b.path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof sun), 0);
    (void)close(fd);
    assert_int_equal(gn_uv_http_server_listen_unix(b.server, b.path), GN_OK);
    assert_true(gn_http_peer_unix(&b.peers[0], &b.loop, b.path));
    char longer[300];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(gn_uv_http_server_listen_unix(b.server, longer), GN_E_INVALID);
    gn_http_app_finish(&b);
    gn_http_app_finish(&a);
}

static void tcp_picks_a_port_and_refuses_one_in_use(void **state)
{
    struct gn_http_app a;
    struct gn_addr any = {.ip = {127, 0, 0, 1}, .family = GN_ADDR_V4};
    struct gn_addr bound;
    struct gn_addr again;
    (void)state;
    gn_http_app_start(&a);
    assert_int_equal(gn_uv_http_server_listen_tcp(a.server, &bound, &any), GN_OK);
    assert_int_not_equal(bound.port, 0);
    assert_true(gn_http_peer_tcp(&a.peers[1], &a.loop, &bound));
    assert_true(gn_http_peer_say(&a.peers[1], GET("/hello")));
    assert_true(gn_http_peer_expect(&a.peers[1], "Hello"));
    assert_int_equal(gn_uv_http_server_listen_tcp(a.server, &again, &bound), GN_E_IN_USE);
    gn_http_app_finish(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_on_one_connection),
        cmocka_unit_test(pipelined_requests_are_answered_in_order_one_at_a_time),
        cmocka_unit_test(bodies_are_collected_up_to_their_limit),
        cmocka_unit_test(a_client_that_waits_for_100_continue_gets_it_only_if_the_body_is_wanted),
        cmocka_unit_test(head_is_answered_without_a_body_but_with_its_length),
        cmocka_unit_test(http_1_0_gets_no_chunks_and_a_close),
        cmocka_unit_test(a_body_that_nobody_wants_is_dropped_or_ends_the_connection),
        cmocka_unit_test(an_answer_shorter_than_promised_cuts_the_connection),
        cmocka_unit_test(a_header_that_would_split_the_answer_becomes_500),
        cmocka_unit_test(drain_lets_answers_finish_and_closes_the_idle),
        cmocka_unit_test(drain_cuts_what_is_left_at_its_deadline),
        cmocka_unit_test(the_socket_file_is_private_and_a_stale_one_is_replaced),
        cmocka_unit_test(tcp_picks_a_port_and_refuses_one_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
