/* tests/unit/transport/http/test_uv_http_client.c - the client against our server and against scripted ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gn_cmocka.h"
#include "tests/support/http_peer.h"
#include "transport/http/uv_http_client.h"

/* A client, and a listening socket whose answers the test writes by hand. */
struct rig {
    uv_loop_t loop;
    struct gn_uv_http_client *client;
    char folder[64];
    char path[96];
    int listener;
    struct gn_http_peer server; /* the accepted connection */
    unsigned status;
    size_t body_len;
    char body[1024];
    bool done;
    bool closed;
    enum gn_err err;
    size_t to_send; /* streamed request body */
    size_t was_sent;
};

static void on_head(void *data, const struct gn_h1_head *head)
{
    struct rig *r = data;
    r->status = head->status;
}

static void on_data(void *data, struct gn_slice bytes)
{
    struct rig *r = data;
    size_t n = bytes.len < sizeof r->body - 1 - r->body_len ? bytes.len : sizeof r->body - 1 - r->body_len;
    memcpy(r->body + r->body_len, bytes.data, n);
    r->body_len += n;
}

static void on_done(void *data, enum gn_err err)
{
    struct rig *r = data;
    assert_false(r->done);
    r->done = true;
    r->err = err;
}

static void on_room(void *data)
{
    static const uint8_t piece[10000] = {'u'};
    struct rig *r = data;
    while (r->was_sent < r->to_send) {
        if (gn_uv_http_client_write(r->client, gn_slice_of(piece, sizeof piece)))
            return;
        r->was_sent += sizeof piece;
    }
    gn_uv_http_client_end(r->client);
}

static void begin_with(struct rig *r, const struct gn_alloc *alloc)
{
    memset(r, 0, sizeof *r);
    r->server.fd = -1;
    r->server.loop = &r->loop;
    assert_int_equal(uv_loop_init(&r->loop), 0);
    (void)snprintf(r->folder, sizeof r->folder, "/tmp/gn-http-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(r->path, sizeof r->path, "%s/s", r->folder);
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    memcpy(sun.sun_path, r->path, strlen(r->path) + 1);
    r->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(r->listener, (const struct sockaddr *)&sun, sizeof sun), 0);
    assert_int_equal(listen(r->listener, 8), 0);
    const struct gn_uv_http_client_config config = {.alloc = alloc, .loop = &r->loop, .unix_path = r->path};
    enum gn_err err = gn_uv_http_client_new(&r->client, &config);
    assert_true(err == GN_OK || err == GN_E_NO_MEMORY);
}

static void begin(struct rig *r)
{
    begin_with(r, gn_alloc_default());
}

static void on_closed(void *data)
{
    struct rig *r = data;
    r->closed = true;
}

static bool is_closed(void *data)
{
    const struct rig *r = data;
    return r->closed;
}

static void finish(struct rig *r)
{
    if (r->client) {
        gn_uv_http_client_close(r->client, on_closed, r);
        assert_true(gn_http_peer_run(&r->loop, is_closed, r));
        gn_uv_http_client_free(r->client);
    }
    gn_http_peer_close(&r->server);
    (void)close(r->listener);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    (void)unlink(r->path);
    assert_int_equal(rmdir(r->folder), 0);
}

static enum gn_err ask_with(struct rig *r, const char *method, const char *body, gn_time_us timeout_us)
{
    const struct gn_uv_http_ask ask = {
        .method = gn_slice_str(method),
        .target = gn_slice_str("/t"),
        .body = gn_slice_str(body),
        .timeout_us = timeout_us,
        .streams = r->to_send > 0,
        .on_head = on_head,
        .on_data = on_data,
        .on_room = on_room,
        .on_done = on_done,
        .data = r,
    };
    r->done = false;
    r->status = 0;
    r->body_len = 0;
    memset(r->body, 0, sizeof r->body);
    return gn_uv_http_client_ask(r->client, &ask);
}

static void ask(struct rig *r, const char *method, const char *body)
{
    assert_int_equal(ask_with(r, method, body, GN_SECONDS(5)), GN_OK);
}

static bool has_connection(void *data)
{
    struct rig *r = data;
    r->server.fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
    return r->server.fd >= 0;
}

static void accept_one(struct rig *r)
{
    gn_http_peer_close(&r->server);
    gn_http_peer_forget(&r->server);
    r->server.eof = false;
    r->server.total = 0;
    assert_true(gn_http_peer_run(&r->loop, has_connection, r));
}

static bool is_done(void *data)
{
    const struct rig *r = data;
    return r->done;
}

static void expect_done(struct rig *r, enum gn_err err)
{
    assert_true(gn_http_peer_run(&r->loop, is_done, r));
    assert_int_equal(r->err, err);
}

static void answers_come_on_one_kept_connection(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    ask(&r, "GET", "");
    accept_one(&r);
    assert_true(gn_http_peer_expect(&r.server, "GET /t HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_int_equal(ask_with(&r, "GET", "", 0), GN_E_FULL);
    assert_true(gn_http_peer_say(&r.server, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"));
    expect_done(&r, GN_OK);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "one");
    gn_http_peer_forget(&r.server);
    ask(&r, "PUT", "value");
    assert_true(gn_http_peer_expect(&r.server, "Content-Length: 5\r\n\r\nvalue"));
    assert_true(gn_http_peer_say(&r.server,
                                 "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"));
    expect_done(&r, GN_OK);
    assert_int_equal(r.status, 404);
    assert_string_equal(r.body, "no");
    finish(&r);
}

static void a_kept_connection_that_was_closed_is_replaced_once(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    ask(&r, "GET", "");
    accept_one(&r);
    assert_true(gn_http_peer_say(&r.server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    expect_done(&r, GN_OK);
    gn_http_peer_close(&r.server); /* the client does not know yet: its loop has not run */
    ask(&r, "GET", "");
    accept_one(&r);
    assert_true(gn_http_peer_expect(&r.server, "GET /t"));
    gn_http_peer_close(&r.server); /* a new connection that breaks is an error */
    expect_done(&r, GN_E_CLOSED);
    finish(&r);
}

static void a_post_never_uses_a_kept_connection(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    ask(&r, "GET", "");
    accept_one(&r);
    assert_true(gn_http_peer_say(&r.server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    expect_done(&r, GN_OK);
    ask(&r, "POST", "x");
    accept_one(&r);
    assert_true(gn_http_peer_expect(&r.server, "POST /t"));
    assert_true(gn_http_peer_say(&r.server, "HTTP/1.1 204 No Content\r\n\r\n"));
    expect_done(&r, GN_OK);
    finish(&r);
}

static void nobody_there_is_unreachable(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    (void)close(r.listener); /* the file stays, nobody listens */
    r.listener = -1;
    ask(&r, "GET", "");
    expect_done(&r, GN_E_UNREACHABLE);
    assert_int_equal(unlink(r.path), 0); /* no file at all */
    ask(&r, "GET", "");
    expect_done(&r, GN_E_UNREACHABLE);
    finish(&r);
}

static void broken_answers_are_errors(void **state)
{
    static const struct {
        const char *answer;
        enum gn_err err;
    } rows[] = {
        {"", GN_E_CLOSED},
        {"HTTP/1.1 200 OK\r\nContent-", GN_E_CLOSED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", GN_E_CLOSED},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", GN_E_CLOSED},
        {"SSH-2.0-OpenSSH\r\n\r\n", GN_E_MALFORMED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", GN_E_MALFORMED},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", GN_E_MALFORMED},
        {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", GN_E_MALFORMED},
        {"HTTP/1.1 200 OK\r\n\r\nuntil the end", GN_OK},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", GN_OK}, /* one byte too many: not ours */
    };
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        struct rig r;
        begin(&r);
        ask(&r, "GET", "");
        accept_one(&r);
        assert_true(gn_http_peer_expect(&r.server, "\r\n\r\n"));
        assert_true(gn_http_peer_say(&r.server, rows[i].answer));
        gn_http_peer_close(&r.server);
        expect_done(&r, rows[i].err);
        finish(&r);
    }
}

static void a_silent_server_times_out(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    assert_int_equal(ask_with(&r, "GET", "", GN_MS(30)), GN_OK);
    accept_one(&r);
    assert_true(gn_http_peer_say(&r.server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"));
    expect_done(&r, GN_E_TIMEOUT);
    finish(&r);
}

static void cancel_ends_a_request_and_the_next_one_works(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    ask(&r, "GET", "");
    accept_one(&r);
    gn_uv_http_client_cancel(r.client, GN_E_CANCELLED);
    assert_false(r.done); /* not inside the call */
    expect_done(&r, GN_E_CANCELLED);
    gn_uv_http_client_cancel(r.client, GN_E_CANCELLED); /* nothing to cancel */
    ask(&r, "GET", "");
    accept_one(&r);
    assert_true(gn_http_peer_say(&r.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    expect_done(&r, GN_OK);
    assert_string_equal(r.body, "ok");
    finish(&r);
}

static void a_streamed_body_is_slowed_down_by_the_server(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    r.to_send = 4000000;
    ask(&r, "POST", "");
    accept_one(&r);
    gn_http_peer_settle(&r.loop);
    assert_true(r.was_sent > 0 && r.was_sent < 1500000); /* the queue, and the kernel's buffers */
    assert_true(gn_http_peer_expect(&r.server, "Transfer-Encoding: chunked\r\n"));
    assert_true(gn_http_peer_expect_total(&r.server, 4000000));
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.was_sent, 4000000);
    assert_true(gn_http_peer_say(&r.server, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"));
    expect_done(&r, GN_OK);
    assert_int_equal(r.status, 201);
    finish(&r);
}

static void an_early_answer_ends_an_upload(void **state)
{
    struct rig r;
    (void)state;
    begin(&r);
    r.to_send = 400000000;
    ask(&r, "POST", "");
    accept_one(&r);
    gn_http_peer_settle(&r.loop);
    assert_true(gn_http_peer_say(&r.server, "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 4\r\n\r\nfull"));
    gn_http_peer_close(&r.server); /* with unread bytes: a reset on TCP, an error on a Unix socket */
    expect_done(&r, GN_OK);
    assert_int_equal(r.status, 507);
    assert_string_equal(r.body, "full");
    finish(&r);
}

static void no_allocation_failure_crashes_or_leaks(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 100; n++) {
        struct gn_failing_alloc fa;
        struct rig r;
        gn_failing_alloc_init(&fa, n);
        begin_with(&r, &fa.alloc);
        if (r.client && ask_with(&r, "PUT", "abc", GN_SECONDS(1)) == GN_OK) {
            gn_http_peer_settle(&r.loop);
            r.server.fd = accept4(r.listener, NULL, NULL, SOCK_CLOEXEC);
            if (r.server.fd >= 0)
                (void)gn_http_peer_say(&r.server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                                  "1\r\nx\r\n0\r\nA: b\r\n\r\n");
            assert_true(gn_http_peer_run(&r.loop, is_done, &r));
            assert_true(r.err == GN_OK || r.err == GN_E_NO_MEMORY);
        }
        bool over = fa.failed == 0;
        finish(&r);
        assert_int_equal(fa.live, 0);
        if (over)
            return;
    }
    fail_msg("the allocations never end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_on_one_kept_connection),
        cmocka_unit_test(a_kept_connection_that_was_closed_is_replaced_once),
        cmocka_unit_test(a_post_never_uses_a_kept_connection),
        cmocka_unit_test(nobody_there_is_unreachable),
        cmocka_unit_test(broken_answers_are_errors),
        cmocka_unit_test(a_silent_server_times_out),
        cmocka_unit_test(cancel_ends_a_request_and_the_next_one_works),
        cmocka_unit_test(a_streamed_body_is_slowed_down_by_the_server),
        cmocka_unit_test(an_early_answer_ends_an_upload),
        cmocka_unit_test(no_allocation_failure_crashes_or_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
