/* tests/unit/rpc/test_server.c - every route of the control API over real sockets, with a fake node behind it. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/support/api_rig.h"
#include "tests/support/gn_cmocka.h"

static void routes_answer_what_the_node_says(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    gn_api_rig_ask(&r, "GET /v1/node HTTP/1.1", "", "\"bytes_out\":0}\n");
    gn_api_rig_must_hold(&r, "HTTP/1.1 200 OK\r\n");
    gn_api_rig_must_hold(&r, "Content-Type: application/json\r\n");
    gn_api_rig_must_hold(&r, "\"data_dir\":\"/tmp/odd \\\"name\\\" \xef\xbf\xbd\"");
    gn_api_rig_must_hold(&r, "\"listen\":[\"127.0.0.1:4770\"]");
    gn_api_rig_must_hold(&r, "\"api_url\":null");
    gn_api_rig_must_hold(&r, "\"uptime_ms\":5000");
    gn_api_rig_ask(&r, "GET /v1/config HTTP/1.1", "",
                   "{\"section\":\"dht\",\"name\":\"k\",\"value\":\"20\",\"source\":\"default\"}");
    gn_api_rig_ask(&r, "GET /v1/nat HTTP/1.1", "", "\"advice\":\"set it\"}]}\n");
    gn_api_rig_ask(&r, "GET /v1/peers HTTP/1.1", "", "\"rtt_ms\":1.5,\"seen_ago_ms\":null");
    gn_api_rig_ask(&r, "POST /v1/peers HTTP/1.1" JSON, "{\"address\":\"x@y:1\"}", "HTTP/1.1 201 Created");
    assert_string_equal(r.node.last_text, "x@y:1");
    gn_api_rig_ask(&r, "DELETE /v1/peers/" PEER " HTTP/1.1", "", "HTTP/1.1 204 No Content");
    gn_api_rig_ask(&r, "DELETE /v1/peers/" ROOT " HTTP/1.1", "", "\"code\":\"NOT_FOUND\"");
    gn_api_rig_ask(&r, "POST /v1/peers/" PEER "/ping HTTP/1.1", "", "\"rtt_ms\":2.5");
    gn_api_rig_ask(&r, "GET /v1/files HTTP/1.1", "", "\"root\":\"" ROOT "\"");
    gn_api_rig_ask(&r, "DELETE /v1/files/" ROOT " HTTP/1.1", "", "HTTP/1.1 204 ");
    gn_api_rig_ask(&r, "GET /v1/transfers HTTP/1.1", "", "\"state\":\"fetching\"");
    gn_api_rig_ask(&r, "GET /v1/transfers/3 HTTP/1.1", "", "\"id\":3");
    gn_api_rig_ask(&r, "GET /v1/transfers/4 HTTP/1.1", "", "HTTP/1.1 404 ");
    gn_api_rig_ask(&r, "GET /v1/transfers/x HTTP/1.1", "", "HTTP/1.1 400 ");
    gn_api_rig_ask(&r, "DELETE /v1/transfers/3 HTTP/1.1", "", "\"state\":\"cancelled\"");
    gn_api_rig_ask(&r, "GET /healthz HTTP/1.1", "", "\r\n\r\nok\n");
    gn_api_rig_ask(&r, "GET /readyz HTTP/1.1", "", "\r\n\r\nok\n");
    r.node.ready = false;
    gn_api_rig_ask(&r, "GET /readyz HTTP/1.1", "", "HTTP/1.1 503 ");
    gn_api_rig_ask(&r, "POST /v1/node/stop HTTP/1.1", "", "{\"stopping\":true}");
    assert_true(r.node.stopped);
    gn_api_rig_finish(&r);
}

static void lookups_show_their_hops_together_or_as_they_happen(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    gn_api_rig_ask(&r, "POST /v1/dht/find HTTP/1.1" JSON, "{\"target\":\"" PEER "\"}", "\"took_ms\":0.0}\n");
    assert_null(strstr(r.unix_peer.got, "hops"));
    gn_api_rig_ask(&r, "POST /v1/dht/find HTTP/1.1" JSON, "{\"target\":\"" PEER "\",\"explain\":true}",
                   "\"hops\":[{\"seq\":0");
    gn_api_rig_must_hold(&r, "\"seq\":2");
    gn_api_rig_ask(&r, "POST /v1/dht/find HTTP/1.1" JSON LINES, "{\"target\":\"" PEER "\",\"explain\":true}",
                   "0\r\n\r\n");
    gn_api_rig_must_hold(&r, "Content-Type: application/x-ndjson\r\n");
    gn_api_rig_must_hold(&r, "{\"hop\":{\"seq\":0");
    gn_api_rig_must_hold(&r, "{\"result\":{\"target\"");
    gn_api_rig_finish(&r);
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
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        gn_api_rig_ask(&r, "POST /v1/dht/find HTTP/1.1" JSON, rows[i].body, rows[i].detail);
        gn_api_rig_must_hold(&r, "HTTP/1.1 400 ");
        gn_api_rig_must_hold(&r, "Content-Type: application/problem+json\r\n");
        gn_api_rig_must_hold(&r, "\"code\":\"INVALID\"");
    }
    gn_api_rig_ask(&r, "POST /v1/dht/find HTTP/1.1\r\nContent-Type: text/plain", "{}", "HTTP/1.1 415 ");
    gn_api_rig_finish(&r);
}

static void values_are_bytes_in_and_out(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    gn_api_rig_ask(&r, "POST /v1/records?ttl=60 HTTP/1.1" BYTES, "\x01\xff{}", "Location: /v1/records/" KEY "\r\n");
    gn_api_rig_must_hold(&r, "{\"key\":\"" KEY "\",\"seq\":0,\"expires\":99,\"replicas\":2}");
    assert_int_equal(r.node.last_ttl, 60);
    gn_api_rig_ask(&r, "GET /v1/records/" KEY " HTTP/1.1", "", "\r\n\r\n\x01\xff{}");
    gn_api_rig_must_hold(&r, "X-Ghost-Kind: immutable\r\n");
    gn_api_rig_must_hold(&r, "X-Ghost-Expires: 99\r\n");
    gn_api_rig_must_hold(&r, "ETag: \"" KEY "\"\r\n");
    gn_api_rig_ask(&r, "GET /v1/records/" ROOT " HTTP/1.1", "", "\"detail\":\"no such record\",\"code\":\"NOT_FOUND\"");
    gn_api_rig_ask(&r, "GET /v1/records/tooshort HTTP/1.1", "", "the key must be 52 characters");
    gn_api_rig_ask(&r, "POST /v1/records?ttl=soon HTTP/1.1" BYTES, "x", "query parameter \\\"ttl\\\" must be a number");
    gn_api_rig_ask(&r, "POST /v1/records?ttl=1&ttl=2 HTTP/1.1" BYTES, "x", "HTTP/1.1 400 ");
    gn_api_rig_ask(&r, "POST /v1/records HTTP/1.1" BYTES "\r\nIf-Match: \"1\"", "x", "needs a mutable record");
    gn_api_rig_ask(&r, "POST /v1/records?salt=a%20b HTTP/1.1" BYTES "\r\nIf-None-Match: *", "x", "\"seq\":1");
    gn_api_rig_ask(&r, "POST /v1/records HTTP/1.1\r\nContent-Type: application/json", "x", "HTTP/1.1 415 ");
    gn_api_rig_finish(&r);
}

static void keys_have_versions_and_compare_and_set(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    gn_api_rig_ask(&r, "GET /v1/kv/own/a%2Fb HTTP/1.1", "", "HTTP/1.1 404 ");
    gn_api_rig_ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-None-Match: *", "one", "ETag: \"11\"");
    gn_api_rig_ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-None-Match: *", "two", "HTTP/1.1 412 ");
    gn_api_rig_must_hold(&r, "\"code\":\"CONFLICT\"");
    gn_api_rig_ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-Match: \"10\"", "two", "HTTP/1.1 412 ");
    gn_api_rig_ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-Match: \"11\"", "two",
                   "{\"version\":12,\"expires\":77,\"replicas\":1}");
    gn_api_rig_ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-Match: W/\"12\"", "x", "HTTP/1.1 400 ");
    gn_api_rig_ask(&r, "PUT /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-Match: \"12\", \"13\"", "x", "HTTP/1.1 400 ");
    gn_api_rig_ask(&r, "GET /v1/kv/own/a%2Fb HTTP/1.1", "", "\r\n\r\ntwo");
    gn_api_rig_must_hold(&r, "ETag: \"12\"\r\n");
    gn_api_rig_must_hold(&r, "X-Ghost-Expires: 77\r\n");
    gn_api_rig_ask(&r, "GET /v1/kv/own/a%2Fb HTTP/1.1\r\nIf-None-Match: \"12\"", "", "HTTP/1.1 304 Not Modified");
    gn_api_rig_ask(&r, "PUT /v1/kv/own/empty HTTP/1.1", "", "\"version\":13");
    gn_api_rig_ask(&r, "GET /v1/kv/own?prefix=a%2F HTTP/1.1", "",
                   "{\"key\":\"a/b\",\"version\":12,\"size\":3,\"expires\":77}");
    assert_null(strstr(r.unix_peer.got, "empty"));
    gn_api_rig_must_hold(&r, "\"space\":\"own\"");
    gn_api_rig_must_hold(&r, "\"more\":false");
    gn_api_rig_ask(&r, "GET /v1/kv/own?limit=0 HTTP/1.1", "", "HTTP/1.1 400 ");
    gn_api_rig_ask(&r, "GET /v1/kv/" PEER "?limit=1000 HTTP/1.1", "", "HTTP/1.1 200 ");
    gn_api_rig_ask(&r, "GET /v1/kv/nonsense HTTP/1.1", "", "HTTP/1.1 400 ");
    gn_api_rig_ask(&r, "GET /v1/kv/own/%ff HTTP/1.1", "", "a key is UTF-8 text");
    gn_api_rig_ask(&r, "GET /v1/kv/own/%00 HTTP/1.1", "", "a key is UTF-8 text");
    gn_api_rig_ask(&r, "DELETE /v1/kv/own/a%2Fb HTTP/1.1", "", "\"version\":14");
    gn_api_rig_ask(&r, "GET /v1/kv/own/a%2Fb HTTP/1.1", "", "HTTP/1.1 404 ");
    gn_api_rig_finish(&r);
}

static void sharing_and_fetching_report_progress_as_lines(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    gn_api_rig_ask(&r, "POST /v1/files HTTP/1.1" JSON LINES, "{\"path\":\"/x/y\"}",
                   "{\"result\":{\"root\":\"" ROOT "\"");
    gn_api_rig_must_hold(&r, "{\"progress\":{\"stage\":\"hash\",\"name\":\"x\",\"done\":0,\"total\":3,\"files\":0}}\n");
    assert_string_equal(r.node.last_path, "/x/y");
    gn_api_rig_ask(&r, "POST /v1/files HTTP/1.1" JSON, "{\"path\":\"/x/y\"}", "HTTP/1.1 201 Created");
    gn_api_rig_ask(&r, "POST /v1/files HTTP/1.1" JSON, "{\"path\":\"x/y\"}", "must be absolute");
    gn_api_rig_ask(&r, "POST /v1/transfers HTTP/1.1" JSON, "{\"link\":\"ghost:x\"}", "Location: /v1/transfers/3\r\n");
    gn_api_rig_must_hold(&r, "HTTP/1.1 202 Accepted");
    gn_api_rig_ask(&r, "POST /v1/transfers HTTP/1.1" JSON LINES, "{\"link\":\"ghost:x\",\"path\":\"/o\"}",
                   "{\"result\":");
    gn_api_rig_must_hold(&r, "\"state\":\"done\"");
    assert_string_equal(r.node.last_path, "/o");
    gn_api_rig_ask(&r, "GET /v1/transfers/3 HTTP/1.1" LINES, "", "{\"result\":");
    gn_api_rig_ask(&r, "GET /v1/transfers/9 HTTP/1.1" LINES, "", "HTTP/1.1 404 "); /* nothing was streamed yet */
    gn_api_rig_finish(&r);
}

static void metrics_are_prometheus_text(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    gn_api_rig_ask(&r, "GET /metrics HTTP/1.1", "", "ghostnet_api_requests_total 1\n");
    gn_api_rig_must_hold(&r, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    gn_api_rig_must_hold(&r, "\r\n\r\n# HELP ghostnet_packets_total Packets.\n# TYPE ghostnet_packets_total counter\n"
                             "ghostnet_packets_total{kind=\"se\\\"aled\\n\"} 7\n"
                             "ghostnet_packets_total{kind=\"quic\"} 9007199254740992\n"
                             "# HELP ghostnet_peers Peers.\n# TYPE ghostnet_peers gauge\nghostnet_peers 8\n");
    gn_api_rig_finish(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_answer_what_the_node_says),
        cmocka_unit_test(lookups_show_their_hops_together_or_as_they_happen),
        cmocka_unit_test(request_objects_are_strict),
        cmocka_unit_test(values_are_bytes_in_and_out),
        cmocka_unit_test(keys_have_versions_and_compare_and_set),
        cmocka_unit_test(sharing_and_fetching_report_progress_as_lines),
        cmocka_unit_test(metrics_are_prometheus_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
