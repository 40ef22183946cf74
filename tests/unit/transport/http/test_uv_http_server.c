/* tests/unit/transport/http/test_uv_http_server.c - the server over real sockets, with clients good and bad. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gn_cmocka.h"
#include "tests/support/http_peer.h"
#include "transport/http/uv_http_server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* One server with a few handlers, chosen by the path. */
struct app {
    uv_loop_t loop;
    struct gn_uv_http_server *server;
    struct gn_uv_http_server_config config;
    char folder[64];
    char path[96];
    struct gn_exchange *late[8]; /* of /late: answered by the test */
    size_t late_len;
    unsigned closed;     /* on_close calls */
    unsigned incomplete; /* of them without a complete answer */
    uint64_t produced;   /* by /stream */
    uint64_t wanted;
    uint64_t received; /* by /upload */
    struct gn_exchange *upload;
    bool ended;
    bool drained;
    struct gn_http_peer peers[3];
};

static const struct gn_http_headers none = {NULL, 0};

static void on_close(struct gn_exchange *x, bool complete)
{
    struct app *a = x->server_app;
    a->closed++;
    a->incomplete += !complete;
    for (size_t i = 0; i < a->late_len; i++)
        if (a->late[i] == x)
            a->late[i] = NULL;
}

static void echo(struct gn_exchange *x, struct gn_slice body)
{
    gn_exchange_respond(x, 200, none, body);
}

static void produce(struct gn_exchange *x)
{
    static const uint8_t piece[8192] = {'x'};
    struct app *a = x->server_app;
    while (a->produced < a->wanted) {
        if (gn_exchange_write(x, gn_slice_of(piece, sizeof piece)) != GN_OK)
            return; /* on_room comes */
        a->produced += sizeof piece;
    }
    gn_exchange_end(x);
}

static void take(struct gn_exchange *x, struct gn_slice data)
{
    struct app *a = x->server_app;
    a->received += data.len;
}

static void answer_upload(struct gn_exchange *x)
{
    gn_exchange_respond(x, 201, none, gn_slice_str("stored"));
}

static const struct gn_exchange_handler plain = {.on_close = on_close};
static const struct gn_exchange_handler collecting = {.on_body = echo, .on_close = on_close};
static const struct gn_exchange_handler streaming = {.on_room = produce, .on_close = on_close};
static const struct gn_exchange_handler uploading = {.on_data = take, .on_end = answer_upload, .on_close = on_close};

static void on_request(struct gn_exchange *x)
{
    struct app *a = x->server_app;
    struct gn_slice path = x->request.path;
    x->handler = &plain;
    if (gn_http_slice_is(path, "/hello")) {
        gn_exchange_respond(x, 200, none, gn_slice_str("Hello, world!"));
    } else if (gn_http_slice_is(path, "/echo")) {
        x->handler = &collecting;
        assert_int_equal(gn_exchange_collect(x, 1000), GN_OK);
    } else if (gn_http_slice_is(path, "/stream")) {
        x->handler = &streaming;
        a->produced = 0;
        assert_int_equal(gn_exchange_start(x, 200, none, GN_EXCHANGE_UNKNOWN), GN_OK);
        produce(x);
    } else if (gn_http_slice_is(path, "/upload")) {
        x->handler = &uploading;
        a->upload = x;
        assert_int_equal(gn_exchange_stream(x, UINT64_MAX), GN_OK);
    } else if (gn_http_slice_is(path, "/late")) {
        a->late[a->late_len++ % GN_ARRAY_LEN(a->late)] = x;
    } else if (gn_http_slice_is(path, "/short")) {
        assert_int_equal(gn_exchange_start(x, 200, none, 10), GN_OK);
        assert_int_equal(gn_exchange_write(x, gn_slice_str("12345")), GN_OK);
        assert_int_equal(gn_exchange_write(x, gn_slice_str("678901")), GN_E_LIMIT);
        gn_exchange_end(x);
    } else if (gn_http_slice_is(path, "/split")) { /* a header that would split the answer */
        const struct gn_http_header bad = gn_http_header_of("X", "a\r\nSet-Cookie: b");
        gn_exchange_respond(x, 200, (struct gn_http_headers){&bad, 1}, gn_slice_str("body"));
    } else {
        gn_exchange_respond(x, 404, none, gn_slice_str("no"));
    }
}

static void begin(struct app *a)
{
    memset(a, 0, sizeof *a);
    for (size_t i = 0; i < GN_ARRAY_LEN(a->peers); i++)
        a->peers[i].fd = -1;
    assert_int_equal(uv_loop_init(&a->loop), 0);
    (void)snprintf(a->folder, sizeof a->folder, "/tmp/gn-http-XXXXXX");
    assert_non_null(mkdtemp(a->folder));
    (void)snprintf(a->path, sizeof a->path, "%s/s", a->folder);
    a->config = (struct gn_uv_http_server_config){
        .alloc = gn_alloc_default(), .loop = &a->loop, .server = "test", .on_request = on_request, .app = a};
}

static void listen_there(struct app *a)
{
    assert_int_equal(gn_uv_http_server_new(&a->server, &a->config), GN_OK);
    assert_int_equal(gn_uv_http_server_listen_unix(a->server, a->path), GN_OK);
    assert_true(gn_http_peer_unix(&a->peers[0], &a->loop, a->path));
}

static void start(struct app *a)
{
    begin(a);
    listen_there(a);
}

static void on_drained(void *data)
{
    struct app *a = data;
    a->drained = true;
}

static bool is_drained(void *data)
{
    const struct app *a = data;
    return a->drained;
}

static void finish(struct app *a)
{
    for (size_t i = 0; i < GN_ARRAY_LEN(a->peers); i++)
        gn_http_peer_close(&a->peers[i]);
    if (a->server && !a->drained) {
        gn_uv_http_server_drain(a->server, 0, on_drained, a);
        assert_true(gn_http_peer_run(&a->loop, is_drained, a));
    }
    gn_uv_http_server_free(a->server);
    (void)uv_run(&a->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&a->loop), 0);
    (void)unlink(a->path);
    assert_int_equal(rmdir(a->folder), 0);
}

static bool one_is_late(void *data)
{
    const struct app *a = data;
    return a->late_len > 0;
}

static bool one_is_incomplete(void *data)
{
    const struct app *a = data;
    return a->incomplete > 0;
}

static void requests_are_answered_on_one_connection(void **state)
{
    struct app a;
    (void)state;
    start(&a);
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
    finish(&a);
}

static void pipelined_requests_are_answered_in_order_one_at_a_time(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, GET("/late") GET("/hello") GET("/late") GET("/missing")));
    assert_true(gn_http_peer_run(&a.loop, one_is_late, &a));
    gn_http_peer_settle(&a.loop);
    assert_int_equal(a.late_len, 1); /* the others wait */
    assert_int_equal(p->total, 0);
    gn_exchange_respond(a.late[0], 200, none, gn_slice_str("first"));
    assert_true(gn_http_peer_expect(p, "Hello, world!"));
    assert_true(strstr(p->got, "first") < strstr(p->got, "Hello, world!"));
    assert_int_equal(a.late_len, 2);
    gn_exchange_respond(a.late[1], 200, none, gn_slice_str("third"));
    assert_true(gn_http_peer_expect(p, "404"));
    assert_true(strstr(p->got, "third") < strstr(p->got, "404"));
    finish(&a);
}

static void a_flood_of_pipelined_requests_is_not_read_beyond_the_stash(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, GET("/late")));
    assert_true(gn_http_peer_run(&a.loop, one_is_late, &a));
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
    finish(&a);
}

static void what_is_not_http_is_answered_400_and_closed(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    struct gn_http_peer *p = &a.peers[0];
    assert_true(gn_http_peer_say(p, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" GET("/hello")));
    assert_true(gn_http_peer_expect_eof(p));
    assert_non_null(strstr(p->got, "HTTP/1.1 400 Bad Request\r\n"));
    assert_non_null(strstr(p->got, "Connection: close\r\n"));
    assert_non_null(strstr(p->got, "\"detail\":\"more than one Host\""));
    assert_null(strstr(p->got, "Hello"));
    assert_int_equal(a.closed, 0); /* no handler ever saw it */
    finish(&a);
}

static void bodies_are_collected_up_to_their_limit(void **state)
{
    struct app a;
    (void)state;
    start(&a);
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
    finish(&a);
}

static void a_client_that_waits_for_100_continue_gets_it_only_if_the_body_is_wanted(void **state)
{
    struct app a;
    (void)state;
    start(&a);
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
    finish(&a);
}

static void head_is_answered_without_a_body_but_with_its_length(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    struct gn_http_peer *p = &a.peers[0];
    a.wanted = 100000;
    assert_true(gn_http_peer_say(
        p, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" GET("/missing")));
    assert_true(gn_http_peer_expect(p, "HTTP/1.1 404 "));
    assert_non_null(strstr(p->got, "Content-Length: 13\r\n"));
    assert_non_null(strstr(p->got, "Transfer-Encoding: chunked\r\n"));
    assert_null(strstr(p->got, "Hello"));
    assert_null(strstr(p->got, "x"));
    finish(&a);
}

static void http_1_0_gets_no_chunks_and_a_close(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    struct gn_http_peer *p = &a.peers[0];
    a.wanted = 8192;
    assert_true(gn_http_peer_say(p, "GET /stream HTTP/1.0\r\n\r\n"));
    assert_true(gn_http_peer_expect_eof(p));
    assert_null(strstr(p->got, "chunked"));
    assert_int_equal(p->len, (size_t)(strstr(p->got, "\r\n\r\n") - p->got) + 4 + 8192);
    finish(&a);
}

static void a_body_that_nobody_wants_is_dropped_or_ends_the_connection(void **state)
{
    struct app a;
    static char big[200000];
    (void)state;
    start(&a);
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
    finish(&a);
}

static void a_client_that_leaves_is_noticed_while_its_answer_is_pending(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/late")));
    assert_true(gn_http_peer_run(&a.loop, one_is_late, &a));
    gn_http_peer_close(&a.peers[0]);
    assert_true(gn_http_peer_run(&a.loop, one_is_incomplete, &a));
    assert_null(a.late[0]);
    assert_int_equal(gn_uv_http_server_counters(a.server)->gone, 1);
    assert_true(gn_http_peer_unix(&a.peers[1], &a.loop, a.path));
    assert_true(gn_http_peer_say(&a.peers[1], GET("/hello")));
    assert_true(gn_http_peer_expect(&a.peers[1], "Hello"));
    finish(&a);
}

static void a_slow_reader_costs_one_queue_of_memory_and_gets_everything(void **state)
{
    struct app a;
    const uint64_t size = 32U << 20;
    (void)state;
    start(&a);
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
    finish(&a);
}

static void a_reader_that_takes_nothing_is_cut_off(void **state)
{
    struct app a;
    (void)state;
    begin(&a);
    a.config.write_timeout_us = GN_MS(60);
    listen_there(&a);
    a.wanted = 32U << 20;
    assert_true(gn_http_peer_say(&a.peers[0], GET("/stream")));
    assert_true(gn_http_peer_run(&a.loop, one_is_incomplete, &a));
    assert_int_equal(gn_uv_http_server_counters(a.server)->timeouts, 1);
    finish(&a);
}

static void slow_heads_and_bodies_are_answered_408_and_idle_connections_closed(void **state)
{
    struct app a;
    (void)state;
    begin(&a);
    a.config.head_timeout_us = GN_MS(40);
    a.config.body_timeout_us = GN_MS(40);
    a.config.idle_timeout_us = GN_MS(40);
    listen_there(&a);
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
    finish(&a);
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
    struct app a;
    (void)state;
    begin(&a);
    a.config.head_timeout_us = GN_MS(60);
    a.config.limits.head_max = (size_t)64 << 20; /* so that only time can end it */
    listen_there(&a);
    assert_true(gn_http_peer_say(&a.peers[0], "GET / HTTP/1.1\r\nA:"));
    assert_true(gn_http_peer_run(&a.loop, drips_until_eof, &a.peers[0]));
    assert_true(gn_http_peer_expect(&a.peers[0], "HTTP/1.1 408 "));
    finish(&a);
}

static void one_connection_too_many_is_answered_503(void **state)
{
    struct app a;
    (void)state;
    begin(&a);
    a.config.connections_max = 1;
    listen_there(&a);
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
    finish(&a);
}

static void an_answer_shorter_than_promised_cuts_the_connection(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/short")));
    assert_true(gn_http_peer_expect_eof(&a.peers[0]));
    assert_int_equal(a.incomplete, 1);
    finish(&a);
}

static void a_header_that_would_split_the_answer_becomes_500(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/split")));
    assert_true(gn_http_peer_expect(&a.peers[0], "HTTP/1.1 500 "));
    assert_null(strstr(a.peers[0].got, "Set-Cookie"));
    finish(&a);
}

static bool half_is_received(void *data)
{
    const struct app *a = data;
    return a->received >= 500000;
}

static void a_paused_upload_is_slowed_down_and_goes_on_when_resumed(void **state)
{
    struct app a;
    static char piece[65536];
    (void)state;
    start(&a);
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
    finish(&a);
}

static void drain_lets_answers_finish_and_closes_the_idle(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    assert_true(gn_http_peer_unix(&a.peers[1], &a.loop, a.path));
    assert_true(gn_http_peer_say(&a.peers[0], GET("/late")));
    assert_true(gn_http_peer_say(&a.peers[1], GET("/hello")));
    assert_true(gn_http_peer_expect(&a.peers[1], "Hello"));
    assert_true(gn_http_peer_run(&a.loop, one_is_late, &a));
    gn_uv_http_server_drain(a.server, GN_SECONDS(5), on_drained, &a);
    assert_int_not_equal(access(a.path, F_OK), 0); /* the socket file is gone */
    assert_true(gn_http_peer_expect_eof(&a.peers[1]));
    assert_false(gn_http_peer_unix(&a.peers[2], &a.loop, a.path));
    assert_false(a.drained);
    gn_exchange_respond(a.late[0], 200, none, gn_slice_str("in time"));
    assert_true(gn_http_peer_expect(&a.peers[0], "in time"));
    assert_non_null(strstr(a.peers[0].got, "Connection: close\r\n"));
    gn_http_peer_close(&a.peers[0]);
    assert_true(gn_http_peer_run(&a.loop, is_drained, &a));
    assert_int_equal(a.incomplete, 0);
    finish(&a);
}

static void drain_cuts_what_is_left_at_its_deadline(void **state)
{
    struct app a;
    (void)state;
    start(&a);
    assert_true(gn_http_peer_say(&a.peers[0], GET("/late")));
    assert_true(gn_http_peer_run(&a.loop, one_is_late, &a));
    gn_uv_http_server_drain(a.server, GN_MS(30), on_drained, &a);
    assert_true(gn_http_peer_run(&a.loop, is_drained, &a));
    assert_int_equal(a.incomplete, 1);
    finish(&a);
}

static void the_socket_file_is_private_and_a_stale_one_is_replaced(void **state)
{
    struct app a;
    struct app b;
    struct stat st;
    (void)state;
    start(&a);
    assert_int_equal(stat(a.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    begin(&b);
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
    finish(&b);
    finish(&a);
}

static void tcp_picks_a_port_and_refuses_one_in_use(void **state)
{
    struct app a;
    struct gn_addr any = {.ip = {127, 0, 0, 1}, .family = GN_ADDR_V4};
    struct gn_addr bound;
    struct gn_addr again;
    (void)state;
    start(&a);
    assert_int_equal(gn_uv_http_server_listen_tcp(a.server, &bound, &any), GN_OK);
    assert_int_not_equal(bound.port, 0);
    assert_true(gn_http_peer_tcp(&a.peers[1], &a.loop, &bound));
    assert_true(gn_http_peer_say(&a.peers[1], GET("/hello")));
    assert_true(gn_http_peer_expect(&a.peers[1], "Hello"));
    assert_int_equal(gn_uv_http_server_listen_tcp(a.server, &again, &bound), GN_E_IN_USE);
    finish(&a);
}

static void no_allocation_failure_crashes_or_leaks(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 100; n++) {
        struct gn_failing_alloc fa;
        struct app a;
        begin(&a);
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
        finish(&a);
        assert_int_equal(fa.live, 0);
        if (over)
            return;
    }
    fail_msg("the allocations never end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_on_one_connection),
        cmocka_unit_test(pipelined_requests_are_answered_in_order_one_at_a_time),
        cmocka_unit_test(a_flood_of_pipelined_requests_is_not_read_beyond_the_stash),
        cmocka_unit_test(what_is_not_http_is_answered_400_and_closed),
        cmocka_unit_test(bodies_are_collected_up_to_their_limit),
        cmocka_unit_test(a_client_that_waits_for_100_continue_gets_it_only_if_the_body_is_wanted),
        cmocka_unit_test(head_is_answered_without_a_body_but_with_its_length),
        cmocka_unit_test(http_1_0_gets_no_chunks_and_a_close),
        cmocka_unit_test(a_body_that_nobody_wants_is_dropped_or_ends_the_connection),
        cmocka_unit_test(a_client_that_leaves_is_noticed_while_its_answer_is_pending),
        cmocka_unit_test(a_slow_reader_costs_one_queue_of_memory_and_gets_everything),
        cmocka_unit_test(a_reader_that_takes_nothing_is_cut_off),
        cmocka_unit_test(slow_heads_and_bodies_are_answered_408_and_idle_connections_closed),
        cmocka_unit_test(a_head_that_drips_in_byte_by_byte_has_no_more_time_than_another),
        cmocka_unit_test(one_connection_too_many_is_answered_503),
        cmocka_unit_test(an_answer_shorter_than_promised_cuts_the_connection),
        cmocka_unit_test(a_header_that_would_split_the_answer_becomes_500),
        cmocka_unit_test(a_paused_upload_is_slowed_down_and_goes_on_when_resumed),
        cmocka_unit_test(drain_lets_answers_finish_and_closes_the_idle),
        cmocka_unit_test(drain_cuts_what_is_left_at_its_deadline),
        cmocka_unit_test(the_socket_file_is_private_and_a_stale_one_is_replaced),
        cmocka_unit_test(tcp_picks_a_port_and_refuses_one_in_use),
        cmocka_unit_test(no_allocation_failure_crashes_or_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
