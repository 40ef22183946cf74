/* tests/unit/rpc/test_server_stream.c - files down and up, answers that come late, clients that leave, errors of the
 * node. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/support/api_rig.h"
#include "tests/support/gn_cmocka.h"

static void check_bytes(struct gn_api_rig *r, uint64_t first, uint64_t len)
{
    const char *body = strstr(r->unix_peer.got, "\r\n\r\n");
    assert_non_null(body);
    size_t head = (size_t)(body - r->unix_peer.got) + 4;
    assert_true(gn_http_peer_expect_total(&r->unix_peer, r->unix_peer.total - r->unix_peer.len + head + len));
    body = r->unix_peer.got + head;
    for (uint64_t i = 0; i < len && head + i < r->unix_peer.len; i++)
        assert_int_equal((uint8_t)body[i], gn_fake_api_byte(first + i));
    assert_int_equal(r->unix_peer.len,
                     head + len < sizeof r->unix_peer.got - 1 ? head + len : sizeof r->unix_peer.got - 1);
}

static void files_stream_whole_and_in_ranges(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    r.node.file_size = 60000;
    gn_api_rig_ask(&r, "GET /v1/files/" ROOT " HTTP/1.1", "", "Content-Length: 60000\r\n");
    gn_api_rig_must_hold(&r, "HTTP/1.1 200 OK\r\n");
    gn_api_rig_must_hold(&r, "ETag: \"" ROOT "\"\r\n");
    gn_api_rig_must_hold(&r, "Accept-Ranges: bytes\r\n");
    gn_api_rig_must_hold(&r, "Content-Disposition: attachment; filename*=UTF-8''a%20file.txt\r\n");
    check_bytes(&r, 0, 60000);
    gn_api_rig_ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nRange: bytes=100-199", "",
                   "Content-Range: bytes 100-199/60000\r\n");
    gn_api_rig_must_hold(&r, "HTTP/1.1 206 Partial Content\r\n");
    check_bytes(&r, 100, 100);
    gn_api_rig_ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nRange: bytes=-5", "",
                   "Content-Range: bytes 59995-59999/60000\r\n");
    check_bytes(&r, 59995, 5);
    gn_api_rig_ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nRange: bytes=60000-", "",
                   "Content-Range: bytes */60000\r\n");
    gn_api_rig_must_hold(&r, "HTTP/1.1 416 ");
    gn_api_rig_ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nRange: bytes=0-1\r\nIf-Range: \"other\"", "",
                   "HTTP/1.1 200 OK");
    check_bytes(&r, 0, 60000);
    gn_api_rig_ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nIf-None-Match: \"" ROOT "\"", "", "HTTP/1.1 304 ");
    gn_api_rig_ask(&r, "HEAD /v1/files/" ROOT " HTTP/1.1", "", "Content-Length: 60000\r\n");
    gn_api_rig_must_hold(&r, "HTTP/1.1 200 OK");
    gn_api_rig_ask(&r, "GET /v1/files/" PEER " HTTP/1.1", "", "HTTP/1.1 404 ");
    r.node.file_size = 0;
    gn_api_rig_ask(&r, "GET /v1/files/" ROOT " HTTP/1.1", "", "Content-Length: 0\r\n");
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.node.opened, 8);
    assert_int_equal(r.node.closed, 8);
    gn_api_rig_finish(&r);
}

static void a_slow_reader_of_a_file_holds_back_the_disk(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    r.node.file_size = UINT64_C(64) << 20;
    assert_true(gn_http_peer_say(&r.unix_peer, "GET /v1/files/" ROOT " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    gn_http_peer_settle(&r.loop);
    assert_true(r.node.read_bytes > 0 && r.node.read_bytes < 2U << 20);
    gn_http_peer_close(&r.unix_peer); /* leaves in the middle: the handle is given back */
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.node.closed, 1);
    assert_true(r.node.read_bytes < 2U << 20);
    gn_api_rig_finish(&r);
}

static void uploads_reach_the_node_in_order(void **state)
{
    struct gn_api_rig r;
    static uint8_t body[300000];
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = gn_fake_api_byte(i);
    assert_true(gn_http_peer_say(&r.unix_peer, "POST /v1/files?name=a%20b HTTP/1.1\r\nHost: localhost" BYTES
                                               "\r\nContent-Length: 300000\r\n\r\n"));
    assert_true(gn_http_peer_send(&r.unix_peer, body, sizeof body));
    assert_true(gn_http_peer_expect(&r.unix_peer, "HTTP/1.1 201 Created"));
    assert_int_equal(r.node.uploaded, sizeof body);
    assert_false(r.node.upload_wrong);
    assert_string_equal(r.node.last_name, "a b");
    gn_api_rig_ask(&r, "POST /v1/files?name=..%2Fx HTTP/1.1" BYTES, "x", "without slashes");
    gn_api_rig_ask(&r, "POST /v1/files HTTP/1.1" BYTES, "x", "without slashes");
    gn_api_rig_ask(&r, "POST /v1/files?name=x HTTP/1.1\r\nContent-Type: image/png", "x", "HTTP/1.1 415 ");
    /* A full disk in the middle: the answer comes although the body has not. */
    r.node.upload_fail_at = 1000;
    gn_http_peer_forget(&r.unix_peer);
    assert_true(gn_http_peer_say(&r.unix_peer, "POST /v1/files?name=x HTTP/1.1\r\nHost: localhost" BYTES
                                               "\r\nContent-Length: 300000000\r\n\r\n"));
    assert_true(gn_http_peer_send(&r.unix_peer, body, 2000));
    assert_true(gn_http_peer_expect_eof(&r.unix_peer));
    assert_non_null(strstr(r.unix_peer.got, "HTTP/1.1 507 "));
    assert_non_null(strstr(r.unix_peer.got, "the disk is full"));
    assert_int_equal(r.node.opened, 2);
    assert_int_equal(r.node.closed, 2);
    gn_api_rig_finish(&r);
}

static void an_upload_that_is_broken_off_is_aborted(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    assert_true(gn_http_peer_say(&r.unix_peer, "POST /v1/files?name=x HTTP/1.1\r\nHost: localhost" BYTES
                                               "\r\nContent-Length: 1000\r\n\r\nabc"));
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.node.uploaded, 3);
    gn_http_peer_close(&r.unix_peer);
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.node.closed, 1);
    gn_api_rig_finish(&r);
}

static bool one_is_held(void *data)
{
    const struct gn_api_rig *r = data;
    return r->node.held_len > 0;
}

static bool one_is_cancelled(void *data)
{
    const struct gn_api_rig *r = data;
    return r->node.cancelled > 0;
}

static void a_pending_call_is_cancelled_when_its_client_leaves(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    r.node.hold = true;
    assert_true(gn_http_peer_say(&r.unix_peer, "GET /v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_true(gn_http_peer_run(&r.loop, one_is_held, &r));
    assert_false(r.node.held[0]->gone);
    gn_http_peer_close(&r.unix_peer);
    assert_true(gn_http_peer_run(&r.loop, one_is_cancelled, &r));
    assert_true(r.node.held[0]->gone);
    gn_fake_api_finish(&r.node, GN_OK); /* late, and still allowed */
    gn_api_rig_finish(&r);
}

static void answers_may_come_late_and_pipelined_requests_wait(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    r.node.hold = true;
    assert_true(gn_http_peer_say(&r.unix_peer, "GET /v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                               "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_true(gn_http_peer_run(&r.loop, one_is_held, &r));
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.unix_peer.total, 0);
    gn_fake_api_finish(&r.node, GN_OK);
    assert_true(gn_http_peer_expect(&r.unix_peer, "\r\n\r\nok\n"));
    assert_true(strstr(r.unix_peer.got, "\"network\":\"test\"") < strstr(r.unix_peer.got, "\r\n\r\nok\n"));
    gn_api_rig_finish(&r);
}

static void every_error_of_the_node_is_a_problem_document(void **state)
{
    static const struct {
        enum gn_err err;
        const char *status;
        const char *code;
    } rows[] = {
        {GN_E_INVALID, "400", "INVALID"},
        {GN_E_LIMIT, "413", "LIMIT"},
        {GN_E_TIMEOUT, "504", "TIMEOUT"},
        {GN_E_REFUSED, "403", "REFUSED"},
        {GN_E_FULL, "429", "FULL"},
        {GN_E_CONFLICT, "412", "CONFLICT"},
        {GN_E_UNREACHABLE, "502", "UNREACHABLE"},
        {GN_E_NO_SPACE, "507", "NO_SPACE"},
        {GN_E_QUOTA, "403", "QUOTA"},
        {GN_E_CANCELLED, "499", "CANCELLED"},
        {GN_E_CORRUPT, "500", "CORRUPT"},
        {GN_E_UNSUPPORTED, "501", "UNSUPPORTED"},
    };
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        char want[64];
        r.node.fail_with = rows[i].err;
        (void)snprintf(want, sizeof want, "\"code\":\"%s\"}", rows[i].code);
        gn_api_rig_ask(&r, "GET /v1/node HTTP/1.1", "", want);
        (void)snprintf(want, sizeof want, "HTTP/1.1 %s ", rows[i].status);
        gn_api_rig_must_hold(&r, want);
        gn_api_rig_must_hold(&r, "\"detail\":\"the fake was told to fail\"");
    }
    gn_api_rig_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_stream_whole_and_in_ranges),
        cmocka_unit_test(a_slow_reader_of_a_file_holds_back_the_disk),
        cmocka_unit_test(uploads_reach_the_node_in_order),
        cmocka_unit_test(an_upload_that_is_broken_off_is_aborted),
        cmocka_unit_test(a_pending_call_is_cancelled_when_its_client_leaves),
        cmocka_unit_test(answers_may_come_late_and_pipelined_requests_wait),
        cmocka_unit_test(every_error_of_the_node_is_a_problem_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
