/* tests/unit/rpc/test_server.c - every route of the control API over real sockets, with a fake node behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "rpc/server.h"
#include "tests/support/fake_api.h"
#include "tests/support/gn_cmocka.h"
#include "tests/support/http_peer.h"

#define TOKEN "correct-horse-battery-staple"

struct rig {
    uv_loop_t loop;
    struct gn_rpc_server *server;
    struct gn_fake_api node;
    char folder[64];
    char path[96];
    struct gn_addr tcp;
    struct gn_http_peer unix_peer;
    struct gn_http_peer tcp_peer;
    bool drained;
};

static void begin(struct rig *r, const struct gn_api_ops *ops)
{
    const struct gn_addr any = {.ip = {127, 0, 0, 1}, .family = GN_ADDR_V4};
    memset(r, 0, sizeof *r);
    gn_fake_api_init(&r->node);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    (void)snprintf(r->folder, sizeof r->folder, "/tmp/gn-rpc-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(r->path, sizeof r->path, "%s/api.sock", r->folder);
    const struct gn_rpc_server_config config = {.alloc = gn_alloc_default(),
                                                .loop = &r->loop,
                                                .ops = ops,
                                                .node = &r->node,
                                                .token = TOKEN,
                                                .version = "0.1.0"};
    assert_int_equal(gn_rpc_server_new(&r->server, &config), GN_OK);
    assert_int_equal(gn_rpc_server_listen_unix(r->server, r->path), GN_OK);
    assert_int_equal(gn_rpc_server_listen_tcp(r->server, &r->tcp, &any), GN_OK);
    assert_true(gn_http_peer_unix(&r->unix_peer, &r->loop, r->path));
    assert_true(gn_http_peer_tcp(&r->tcp_peer, &r->loop, &r->tcp));
}

static void on_drained(void *data)
{
    struct rig *r = data;
    r->drained = true;
}

static bool is_drained(void *data)
{
    const struct rig *r = data;
    return r->drained;
}

static void finish(struct rig *r)
{
    gn_http_peer_close(&r->unix_peer);
    gn_http_peer_close(&r->tcp_peer);
    gn_rpc_server_drain(r->server, 0, on_drained, r);
    assert_true(gn_http_peer_run(&r->loop, is_drained, r));
    while (r->node.held_len > 0)
        gn_fake_api_finish(&r->node, GN_E_CANCELLED);
    gn_rpc_server_free(r->server);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    assert_int_equal(rmdir(r->folder), 0);
}

/* Asks over the Unix socket, on a connection that stays, and waits until the answer contains `want`. */
static void ask(struct rig *r, const char *head, const char *body, const char *want)
{
    char text[4096];
    gn_http_peer_forget(&r->unix_peer);
    (void)snprintf(text, sizeof text, "%s\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(body),
                   body);
    assert_true(gn_http_peer_say(&r->unix_peer, text));
    if (!gn_http_peer_expect(&r->unix_peer, want))
        fail_msg("%s: no \"%s\" in:\n%s", head, want, r->unix_peer.got);
    gn_http_peer_settle(&r->loop);
}

static void must_hold(const struct rig *r, const char *text)
{
    if (!strstr(r->unix_peer.got, text))
        fail_msg("no \"%s\" in:\n%s", text, r->unix_peer.got);
}

#define ROOT "a4dqoaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PEER "beaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY "aucqaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define JSON "\r\nContent-Type: application/json"
#define BYTES "\r\nContent-Type: application/octet-stream"
#define LINES "\r\nAccept: application/x-ndjson"

static void routes_answer_what_the_node_says(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    ask(&r, "GET /v1/node HTTP/1.1", "", "\"bytes_out\":0}\n");
    must_hold(&r, "HTTP/1.1 200 OK\r\n");
    must_hold(&r, "Content-Type: application/json\r\n");
    must_hold(&r, "\"data_dir\":\"/tmp/odd \\\"name\\\" \xef\xbf\xbd\"");
    must_hold(&r, "\"listen\":[\"127.0.0.1:4770\"]");
    must_hold(&r, "\"api_url\":null");
    must_hold(&r, "\"uptime_ms\":5000");
    ask(&r, "GET /v1/config HTTP/1.1", "",
        "{\"section\":\"dht\",\"name\":\"k\",\"value\":\"20\",\"source\":\"default\"}");
    ask(&r, "GET /v1/nat HTTP/1.1", "", "\"advice\":\"set it\"}]}\n");
    ask(&r, "GET /v1/peers HTTP/1.1", "", "\"rtt_ms\":1.5,\"seen_ago_ms\":null");
    ask(&r, "POST /v1/peers HTTP/1.1" JSON, "{\"address\":\"x@y:1\"}", "HTTP/1.1 201 Created");
    assert_string_equal(r.node.last_text, "x@y:1");
    ask(&r, "DELETE /v1/peers/" PEER " HTTP/1.1", "", "HTTP/1.1 204 No Content");
    ask(&r, "DELETE /v1/peers/" ROOT " HTTP/1.1", "", "\"code\":\"NOT_FOUND\"");
    ask(&r, "POST /v1/peers/" PEER "/ping HTTP/1.1", "", "\"rtt_ms\":2.5");
    ask(&r, "GET /v1/files HTTP/1.1", "", "\"root\":\"" ROOT "\"");
    ask(&r, "DELETE /v1/files/" ROOT " HTTP/1.1", "", "HTTP/1.1 204 ");
    ask(&r, "GET /v1/transfers HTTP/1.1", "", "\"state\":\"fetching\"");
    ask(&r, "GET /v1/transfers/3 HTTP/1.1", "", "\"id\":3");
    ask(&r, "GET /v1/transfers/4 HTTP/1.1", "", "HTTP/1.1 404 ");
    ask(&r, "GET /v1/transfers/x HTTP/1.1", "", "HTTP/1.1 400 ");
    ask(&r, "DELETE /v1/transfers/3 HTTP/1.1", "", "\"state\":\"cancelled\"");
    ask(&r, "GET /healthz HTTP/1.1", "", "\r\n\r\nok\n");
    ask(&r, "GET /readyz HTTP/1.1", "", "\r\n\r\nok\n");
    r.node.ready = false;
    ask(&r, "GET /readyz HTTP/1.1", "", "HTTP/1.1 503 ");
    ask(&r, "POST /v1/node/stop HTTP/1.1", "", "{\"stopping\":true}");
    assert_true(r.node.stopped);
    finish(&r);
}

static void lookups_show_their_hops_together_or_as_they_happen(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    ask(&r, "POST /v1/dht/find HTTP/1.1" JSON, "{\"target\":\"" PEER "\"}", "\"took_ms\":0.0}\n");
    assert_null(strstr(r.unix_peer.got, "hops"));
    ask(&r, "POST /v1/dht/find HTTP/1.1" JSON, "{\"target\":\"" PEER "\",\"explain\":true}", "\"hops\":[{\"seq\":0");
    must_hold(&r, "\"seq\":2");
    ask(&r, "POST /v1/dht/find HTTP/1.1" JSON LINES, "{\"target\":\"" PEER "\",\"explain\":true}", "0\r\n\r\n");
    must_hold(&r, "Content-Type: application/x-ndjson\r\n");
    must_hold(&r, "{\"hop\":{\"seq\":0");
    must_hold(&r, "{\"result\":{\"target\"");
    finish(&r);
}

static void request_objects_are_strict(void **state)
{
    static const struct {
        const char *body;
        const char *detail;
    } rows[] = {
        {"", "not valid JSON"},
        {"{", "not valid JSON"},
        {"[1]", "must be a JSON object"},
        {"{}", "member \\\"target\\\" is missing"},
        {"{\"target\":7}", "member \\\"target\\\" must be a string"},
        {"{\"target\":\"x\",\"explain\":1}", "member \\\"explain\\\" must be a boolean"},
        {"{\"target\":\"x\",\"tarqet\":1}", "unknown member \\\"tarqet\\\""},
        {"{\"target\":\"x\",\"target\":\"y\"}", "not valid JSON"},
        {"{\"target\":\"x\"}", "52 characters"},
        {"{\"target\":\"" PEER "\",\"want\":\"gold\"}", "member \\\"want\\\" must be"},
        {"{\"target\":\"a\\u0000b\"}", "not valid JSON"},
        {"{\"target\":\"\xff\"}", "not valid JSON"},
    };
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        ask(&r, "POST /v1/dht/find HTTP/1.1" JSON, rows[i].body, rows[i].detail);
        must_hold(&r, "HTTP/1.1 400 ");
        must_hold(&r, "Content-Type: application/problem+json\r\n");
        must_hold(&r, "\"code\":\"INVALID\"");
    }
    ask(&r, "POST /v1/dht/find HTTP/1.1\r\nContent-Type: text/plain", "{}", "HTTP/1.1 415 ");
    finish(&r);
}

static void values_are_bytes_in_and_out(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    ask(&r, "POST /v1/records?ttl=60 HTTP/1.1" BYTES, "\x01\xff{}", "Location: /v1/records/" KEY "\r\n");
    must_hold(&r, "{\"key\":\"" KEY "\",\"seq\":0,\"expires\":99,\"replicas\":2}");
    assert_int_equal(r.node.last_ttl, 60);
    ask(&r, "GET /v1/records/" KEY " HTTP/1.1", "", "\r\n\r\n\x01\xff{}");
    must_hold(&r, "X-Ghost-Kind: immutable\r\n");
    must_hold(&r, "X-Ghost-Expires: 99\r\n");
    must_hold(&r, "ETag: \"" KEY "\"\r\n");
    ask(&r, "GET /v1/records/" ROOT " HTTP/1.1", "", "\"detail\":\"no such record\",\"code\":\"NOT_FOUND\"");
    ask(&r, "GET /v1/records/tooshort HTTP/1.1", "", "the key must be 52 characters");
    ask(&r, "POST /v1/records?ttl=soon HTTP/1.1" BYTES, "x", "query parameter \\\"ttl\\\" must be a number");
    ask(&r, "POST /v1/records?ttl=1&ttl=2 HTTP/1.1" BYTES, "x", "HTTP/1.1 400 ");
    ask(&r, "POST /v1/records HTTP/1.1" BYTES "\r\nIf-Match: \"1\"", "x", "needs a mutable record");
    ask(&r, "POST /v1/records?salt=a%20b HTTP/1.1" BYTES "\r\nIf-None-Match: *", "x", "\"seq\":1");
    ask(&r, "POST /v1/records HTTP/1.1\r\nContent-Type: application/json", "x", "HTTP/1.1 415 ");
    finish(&r);
}

static void keys_have_versions_and_compare_and_set(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    ask(&r, "GET /v1/kv/own/a%2Fb HTTP/1.1", "", "HTTP/1.1 404 ");
    ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-None-Match: *", "one", "ETag: \"11\"");
    ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-None-Match: *", "two", "HTTP/1.1 412 ");
    must_hold(&r, "\"code\":\"CONFLICT\"");
    ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-Match: \"10\"", "two", "HTTP/1.1 412 ");
    ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-Match: \"11\"", "two",
        "{\"version\":12,\"expires\":77,\"replicas\":1}");
    ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-Match: W/\"12\"", "x", "HTTP/1.1 400 ");
    ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-Match: \"12\", \"13\"", "x", "HTTP/1.1 400 ");
    ask(&r, "GET /v1/kv/own/a%2Fb HTTP/1.1", "", "\r\n\r\ntwo");
    must_hold(&r, "ETag: \"12\"\r\n");
    must_hold(&r, "X-Ghost-Expires: 77\r\n");
    ask(&r, "GET /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-None-Match: \"12\"", "", "HTTP/1.1 304 Not Modified");
    ask(&r, "PUT /v1/kv/own/empty HTTP/1.1", "", "\"version\":13");
    ask(&r, "GET /v1/kv/own?prefix=a%2F HTTP/1.1", "", "{\"key\":\"a/b\",\"version\":12,\"size\":3,\"expires\":77}");
    assert_null(strstr(r.unix_peer.got, "empty"));
    must_hold(&r, "\"space\":\"own\"");
    must_hold(&r, "\"more\":false");
    ask(&r, "GET /v1/kv/own?limit=0 HTTP/1.1", "", "HTTP/1.1 400 ");
    ask(&r, "GET /v1/kv/" PEER "?limit=1000 HTTP/1.1", "", "HTTP/1.1 200 ");
    ask(&r, "GET /v1/kv/nonsense HTTP/1.1", "", "HTTP/1.1 400 ");
    ask(&r, "GET /v1/kv/own/%ff HTTP/1.1", "", "a key is UTF-8 text");
    ask(&r, "GET /v1/kv/own/%00 HTTP/1.1", "", "a key is UTF-8 text");
    ask(&r, "DELETE /v1/kv/own/a%2Fb HTTP/1.1", "", "\"version\":14");
    ask(&r, "GET /v1/kv/own/a%2Fb HTTP/1.1", "", "HTTP/1.1 404 ");
    finish(&r);
}

static void check_bytes(struct rig *r, uint64_t first, uint64_t len)
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
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    r.node.file_size = 60000;
    ask(&r, "GET /v1/files/" ROOT " HTTP/1.1", "", "Content-Length: 60000\r\n");
    must_hold(&r, "HTTP/1.1 200 OK\r\n");
    must_hold(&r, "ETag: \"" ROOT "\"\r\n");
    must_hold(&r, "Accept-Ranges: bytes\r\n");
    must_hold(&r, "Content-Disposition: attachment; filename*=UTF-8''a%20file.txt\r\n");
    check_bytes(&r, 0, 60000);
    ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nRange: bytes=100-199", "", "Content-Range: bytes 100-199/60000\r\n");
    must_hold(&r, "HTTP/1.1 206 Partial Content\r\n");
    check_bytes(&r, 100, 100);
    ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nRange: bytes=-5", "", "Content-Range: bytes 59995-59999/60000\r\n");
    check_bytes(&r, 59995, 5);
    ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nRange: bytes=60000-", "", "Content-Range: bytes */60000\r\n");
    must_hold(&r, "HTTP/1.1 416 ");
    ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nRange: bytes=0-1\r\nIf-Range: \"other\"", "", "HTTP/1.1 200 OK");
    check_bytes(&r, 0, 60000);
    ask(&r, "GET /v1/files/" ROOT " HTTP/1.1\r\nIf-None-Match: \"" ROOT "\"", "", "HTTP/1.1 304 ");
    ask(&r, "HEAD /v1/files/" ROOT " HTTP/1.1", "", "Content-Length: 60000\r\n");
    must_hold(&r, "HTTP/1.1 200 OK");
    ask(&r, "GET /v1/files/" PEER " HTTP/1.1", "", "HTTP/1.1 404 ");
    r.node.file_size = 0;
    ask(&r, "GET /v1/files/" ROOT " HTTP/1.1", "", "Content-Length: 0\r\n");
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.node.opened, 8);
    assert_int_equal(r.node.closed, 8);
    finish(&r);
}

static void a_slow_reader_of_a_file_holds_back_the_disk(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    r.node.file_size = UINT64_C(64) << 20;
    assert_true(gn_http_peer_say(&r.unix_peer, "GET /v1/files/" ROOT " HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    gn_http_peer_settle(&r.loop);
    assert_true(r.node.read_bytes > 0 && r.node.read_bytes < 2U << 20);
    gn_http_peer_close(&r.unix_peer); /* leaves in the middle: the handle is given back */
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.node.closed, 1);
    assert_true(r.node.read_bytes < 2U << 20);
    finish(&r);
}

static void uploads_reach_the_node_in_order(void **state)
{
    struct rig r;
    static uint8_t body[300000];
    (void)state;
    begin(&r, &gn_fake_api_ops);
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = gn_fake_api_byte(i);
    assert_true(gn_http_peer_say(&r.unix_peer, "POST /v1/files?name=a%20b HTTP/1.1\r\nHost: localhost" BYTES
                                               "\r\nContent-Length: 300000\r\n\r\n"));
    assert_true(gn_http_peer_send(&r.unix_peer, body, sizeof body));
    assert_true(gn_http_peer_expect(&r.unix_peer, "HTTP/1.1 201 Created"));
    assert_int_equal(r.node.uploaded, sizeof body);
    assert_false(r.node.upload_wrong);
    assert_string_equal(r.node.last_name, "a b");
    ask(&r, "POST /v1/files?name=..%2Fx HTTP/1.1" BYTES, "x", "without slashes");
    ask(&r, "POST /v1/files HTTP/1.1" BYTES, "x", "without slashes");
    ask(&r, "POST /v1/files?name=x HTTP/1.1\r\nContent-Type: image/png", "x", "HTTP/1.1 415 ");
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
    finish(&r);
}

static void an_upload_that_is_broken_off_is_aborted(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    assert_true(gn_http_peer_say(&r.unix_peer, "POST /v1/files?name=x HTTP/1.1\r\nHost: localhost" BYTES
                                               "\r\nContent-Length: 1000\r\n\r\nabc"));
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.node.uploaded, 3);
    gn_http_peer_close(&r.unix_peer);
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.node.closed, 1);
    finish(&r);
}

static void sharing_and_fetching_report_progress_as_lines(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    ask(&r, "POST /v1/files HTTP/1.1" JSON LINES, "{\"path\":\"/x/y\"}", "{\"result\":{\"root\":\"" ROOT "\"");
    must_hold(&r, "{\"progress\":{\"stage\":\"hash\",\"name\":\"x\",\"done\":0,\"total\":3,\"files\":0}}\n");
    assert_string_equal(r.node.last_path, "/x/y");
    ask(&r, "POST /v1/files HTTP/1.1" JSON, "{\"path\":\"/x/y\"}", "HTTP/1.1 201 Created");
    ask(&r, "POST /v1/files HTTP/1.1" JSON, "{\"path\":\"x/y\"}", "must be absolute");
    ask(&r, "POST /v1/transfers HTTP/1.1" JSON, "{\"link\":\"ghost:x\"}", "Location: /v1/transfers/3\r\n");
    must_hold(&r, "HTTP/1.1 202 Accepted");
    ask(&r, "POST /v1/transfers HTTP/1.1" JSON LINES, "{\"link\":\"ghost:x\",\"path\":\"/o\"}", "{\"result\":");
    must_hold(&r, "\"state\":\"done\"");
    assert_string_equal(r.node.last_path, "/o");
    ask(&r, "GET /v1/transfers/3 HTTP/1.1" LINES, "", "{\"result\":");
    ask(&r, "GET /v1/transfers/9 HTTP/1.1" LINES, "", "HTTP/1.1 404 "); /* nothing was streamed yet */
    finish(&r);
}

static bool one_is_held(void *data)
{
    const struct rig *r = data;
    return r->node.held_len > 0;
}

static bool one_is_cancelled(void *data)
{
    const struct rig *r = data;
    return r->node.cancelled > 0;
}

static void a_pending_call_is_cancelled_when_its_client_leaves(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    r.node.hold = true;
    assert_true(gn_http_peer_say(&r.unix_peer, "GET /v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_true(gn_http_peer_run(&r.loop, one_is_held, &r));
    assert_false(r.node.held[0]->gone);
    gn_http_peer_close(&r.unix_peer);
    assert_true(gn_http_peer_run(&r.loop, one_is_cancelled, &r));
    assert_true(r.node.held[0]->gone);
    gn_fake_api_finish(&r.node, GN_OK); /* late, and still allowed */
    finish(&r);
}

static void answers_may_come_late_and_pipelined_requests_wait(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    r.node.hold = true;
    assert_true(gn_http_peer_say(&r.unix_peer, "GET /v1/node HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                               "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    assert_true(gn_http_peer_run(&r.loop, one_is_held, &r));
    gn_http_peer_settle(&r.loop);
    assert_int_equal(r.unix_peer.total, 0);
    gn_fake_api_finish(&r.node, GN_OK);
    assert_true(gn_http_peer_expect(&r.unix_peer, "\r\n\r\nok\n"));
    assert_true(strstr(r.unix_peer.got, "\"network\":\"test\"") < strstr(r.unix_peer.got, "\r\n\r\nok\n"));
    finish(&r);
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
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        char want[64];
        r.node.fail_with = rows[i].err;
        (void)snprintf(want, sizeof want, "\"code\":\"%s\"}", rows[i].code);
        ask(&r, "GET /v1/node HTTP/1.1", "", want);
        (void)snprintf(want, sizeof want, "HTTP/1.1 %s ", rows[i].status);
        must_hold(&r, want);
        must_hold(&r, "\"detail\":\"the fake was told to fail\"");
    }
    finish(&r);
}

static void ops_that_are_missing_answer_501(void **state)
{
    static const struct gn_api_ops empty = {.ready = NULL};
    static const char *const asked[] = {
        "GET /v1/node",
        "GET /v1/config",
        "GET /v1/nat",
        "GET /v1/peers",
        "DELETE /v1/peers/" PEER,
        "POST /v1/node/stop",
        "POST /v1/records",
        "GET /v1/records/" KEY,
        "GET /v1/kv/own",
        "GET /v1/kv/own/a",
        "PUT /v1/kv/own/a",
        "DELETE /v1/kv/own/a",
        "GET /v1/files",
        "GET /v1/files/" ROOT,
        "DELETE /v1/files/" ROOT,
        "GET /v1/transfers",
        "GET /v1/transfers/1",
        "DELETE /v1/transfers/1",
        "POST /v1/peers/" PEER "/ping",
    };
    struct rig r;
    (void)state;
    begin(&r, &empty);
    for (size_t i = 0; i < GN_ARRAY_LEN(asked); i++) {
        char head[128];
        (void)snprintf(head, sizeof head, "%s HTTP/1.1", asked[i]);
        ask(&r, head, "", "\"code\":\"UNSUPPORTED\"");
    }
    finish(&r);
}

static void unknown_paths_and_methods_say_what_is_allowed(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    ask(&r, "GET /v2/node HTTP/1.1", "", "HTTP/1.1 404 ");
    ask(&r, "GET /v1/node/ HTTP/1.1", "", "HTTP/1.1 404 ");
    ask(&r, "GET /v1/kv/own/ HTTP/1.1", "", "HTTP/1.1 404 ");
    ask(&r, "DELETE /v1/node HTTP/1.1", "", "Allow: GET, HEAD\r\n");
    must_hold(&r, "HTTP/1.1 405 ");
    ask(&r, "PATCH /v1/kv/own/a HTTP/1.1", "", "Allow: GET, HEAD, PUT, DELETE\r\n");
    ask(&r, "TRACE /v1/node HTTP/1.1", "", "HTTP/1.1 501 ");
    finish(&r);
}

/* One request over TCP on a connection of its own; %PORT% in head becomes the port. */
static unsigned tcp_status(struct rig *r, const char *head)
{
    char text[1024];
    char port[8];
    unsigned status = 0;
    size_t n = 0;
    (void)snprintf(port, sizeof port, "%u", r->tcp.port);
    for (const char *c = head; *c && n + sizeof port < sizeof text; c++) {
        if (*c == '%') {
            memcpy(text + n, port, strlen(port));
            n += strlen(port);
        } else {
            text[n++] = *c;
        }
    }
    text[n] = '\0';
    gn_http_peer_close(&r->tcp_peer);
    assert_true(gn_http_peer_tcp(&r->tcp_peer, &r->loop, &r->tcp));
    assert_true(gn_http_peer_say(&r->tcp_peer, text));
    assert_true(gn_http_peer_say(&r->tcp_peer, "\r\n\r\n"));
    assert_true(gn_http_peer_expect(&r->tcp_peer, "\r\n\r\n"));
    assert_int_equal(sscanf(r->tcp_peer.got, "HTTP/1.1 %u", &status), 1);
    return status;
}

#define AUTH "\r\nAuthorization: Bearer " TOKEN

static void tcp_wants_the_token_and_refuses_web_pages(void **state)
{
    static const struct {
        const char *head;
        unsigned status;
    } rows[] = {
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: localhost:%" AUTH, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: [::1]:%" AUTH, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: LOCALHOST:%\r\nauthorization: bearer " TOKEN, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH "x", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nAuthorization: Bearer ", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nAuthorization: Bearer correct", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nAuthorization: Basic " TOKEN, 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH AUTH, 401},
        {"GET /v1/nothing HTTP/1.1\r\nHost: 127.0.0.1:%", 401}, /* what exists is not told */
        {"GET /v1/nothing HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH, 404},
        {"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%", 200},
        {"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:%", 200},
        {"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: evil.example:%" AUTH, 421}, /* DNS rebinding */
        {"GET /v1/node HTTP/1.1\r\nHost: localhost.evil.example:%" AUTH, 421},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1" AUTH, 421},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:1" AUTH, 421},
        {"GET /v1/node HTTP/1.1\r\nHost: 10.0.0.1:%" AUTH, 421},
        {"GET /healthz HTTP/1.1\r\nHost: evil.example:%", 421},
        {"GET http://evil.example:%/v1/node HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH, 421}, /* the absolute form counts */
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nOrigin: http://127.0.0.1:%" AUTH, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nOrigin: http://evil.example" AUTH, 403},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nOrigin: http://localhost:%" AUTH, 403},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nOrigin: https://127.0.0.1:%" AUTH, 403},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nOrigin: null" AUTH, 403},
    };
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        unsigned status = tcp_status(&r, rows[i].head);
        if (status != rows[i].status)
            fail_msg("%s: %u, not %u", rows[i].head, status, rows[i].status);
    }
    assert_int_equal(tcp_status(&r, "GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%"), 401);
    assert_non_null(strstr(r.tcp_peer.got, "WWW-Authenticate: Bearer"));
    finish(&r);
}

static void the_unix_socket_needs_no_token_but_a_fitting_host(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    ask(&r, "GET /v1/node HTTP/1.1", "", "HTTP/1.1 200 ");
    gn_http_peer_forget(&r.unix_peer);
    assert_true(gn_http_peer_say(&r.unix_peer, "GET /v1/node HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
    assert_true(gn_http_peer_expect(&r.unix_peer, "HTTP/1.1 421 "));
    ask(&r, "GET /v1/node HTTP/1.1\r\nOrigin: http://evil.example", "", "HTTP/1.1 403 ");
    finish(&r);
}

static void paths_of_this_machine_are_for_the_unix_socket_only(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    assert_int_equal(tcp_status(&r, "POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH JSON
                                    "\r\nContent-Length: 16\r\n\r\n{\"path\":\"/x/yz\"}"),
                     403);
    assert_int_equal(tcp_status(&r, "POST /v1/transfers HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH JSON
                                    "\r\nContent-Length: 30\r\n\r\n{\"link\":\"ghost:x\",\"path\":\"/a\"}"),
                     403);
    assert_string_equal(r.node.last_path, "");
    finish(&r);
}

static void metrics_are_prometheus_text(void **state)
{
    struct rig r;
    (void)state;
    begin(&r, &gn_fake_api_ops);
    ask(&r, "GET /metrics HTTP/1.1", "", "ghostnet_api_requests_total 1\n");
    must_hold(&r, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    must_hold(&r, "\r\n\r\n# HELP ghostnet_packets_total Packets.\n# TYPE ghostnet_packets_total counter\n"
                  "ghostnet_packets_total{kind=\"se\\\"aled\\n\"} 7\n"
                  "ghostnet_packets_total{kind=\"quic\"} 9007199254740992\n"
                  "# HELP ghostnet_peers Peers.\n# TYPE ghostnet_peers gauge\nghostnet_peers 8\n");
    finish(&r);
}

static void bad_tokens_and_tcp_without_token_are_refused(void **state)
{
    static const char *const bad[] = {"", "short", "has a blank in the middle", "line\nfeed-in-the-middle"};
    struct gn_rpc_server *server;
    const struct gn_addr any = {.ip = {127, 0, 0, 1}, .family = GN_ADDR_V4};
    struct gn_addr bound;
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct gn_rpc_server_config config = {.alloc = gn_alloc_default(), .loop = &loop, .ops = &gn_fake_api_ops};
    for (size_t i = 0; i < GN_ARRAY_LEN(bad); i++) {
        config.token = bad[i];
        assert_int_equal(gn_rpc_server_new(&server, &config), GN_E_INVALID);
    }
    config.token = NULL;
    assert_int_equal(gn_rpc_server_new(&server, &config), GN_OK);
    assert_int_equal(gn_rpc_server_listen_tcp(server, &bound, &any), GN_E_INVALID);
    gn_rpc_server_free(server);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_answer_what_the_node_says),
        cmocka_unit_test(lookups_show_their_hops_together_or_as_they_happen),
        cmocka_unit_test(request_objects_are_strict),
        cmocka_unit_test(values_are_bytes_in_and_out),
        cmocka_unit_test(keys_have_versions_and_compare_and_set),
        cmocka_unit_test(files_stream_whole_and_in_ranges),
        cmocka_unit_test(a_slow_reader_of_a_file_holds_back_the_disk),
        cmocka_unit_test(uploads_reach_the_node_in_order),
        cmocka_unit_test(an_upload_that_is_broken_off_is_aborted),
        cmocka_unit_test(sharing_and_fetching_report_progress_as_lines),
        cmocka_unit_test(a_pending_call_is_cancelled_when_its_client_leaves),
        cmocka_unit_test(answers_may_come_late_and_pipelined_requests_wait),
        cmocka_unit_test(every_error_of_the_node_is_a_problem_document),
        cmocka_unit_test(ops_that_are_missing_answer_501),
        cmocka_unit_test(unknown_paths_and_methods_say_what_is_allowed),
        cmocka_unit_test(tcp_wants_the_token_and_refuses_web_pages),
        cmocka_unit_test(the_unix_socket_needs_no_token_but_a_fitting_host),
        cmocka_unit_test(paths_of_this_machine_are_for_the_unix_socket_only),
        cmocka_unit_test(metrics_are_prometheus_text),
        cmocka_unit_test(bad_tokens_and_tcp_without_token_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
