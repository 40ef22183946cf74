/* tests/unit/rpc/test_client.c - the blocking client against the API server, which runs in a thread of its own. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "tests/support/fake_api.h"
#include "tests/support/gn_cmocka.h"

/* The thread owns everything but `stop`; the fake is set up before it starts and looked at after it has ended. */
struct rig {
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    struct gn_rpc_server *server;
    struct gn_fake_api node;
    struct gn_rpc_client *client;
    bool running;
    char folder[64];
    char path[96];
};

static void on_drained(void *data)
{
    struct rig *r = data;
    while (r->node.held_len > 0)
        gn_fake_api_finish(&r->node, GN_E_CANCELLED);
    uv_close((uv_handle_t *)&r->stop, NULL);
}

static void on_stop(uv_async_t *async)
{
    struct rig *r = async->data;
    gn_rpc_server_drain(r->server, 0, on_drained, r);
}

static void *serve(void *data)
{
    struct rig *r = data;
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void begin(struct rig *r)
{
    memset(r, 0, sizeof *r);
    gn_fake_api_init(&r->node);
    (void)snprintf(r->folder, sizeof r->folder, "/tmp/gn-rpc-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    (void)snprintf(r->path, sizeof r->path, "%s/api.sock", r->folder);
    assert_int_equal(gn_rpc_client_new(&r->client, gn_alloc_default(), r->path), GN_OK);
}

static void start(struct rig *r)
{
    assert_int_equal(uv_loop_init(&r->loop), 0);
    assert_int_equal(uv_async_init(&r->loop, &r->stop, on_stop), 0);
    r->stop.data = r;
    const struct gn_rpc_server_config config = {
        .alloc = gn_alloc_default(), .loop = &r->loop, .ops = &gn_fake_api_ops, .node = &r->node};
    assert_int_equal(gn_rpc_server_new(&r->server, &config), GN_OK);
    assert_int_equal(gn_rpc_server_listen_unix(r->server, r->path), GN_OK);
    r->running = true;
    assert_int_equal(pthread_create(&r->thread, NULL, serve, r), 0);
}

static void stop(struct rig *r)
{
    if (!r->running)
        return;
    r->running = false;
    (void)uv_async_send(&r->stop);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    gn_rpc_server_free(r->server);
    assert_int_equal(uv_loop_close(&r->loop), 0);
}

static void finish(struct rig *r)
{
    gn_rpc_client_free(r->client);
    stop(r);
    assert_int_equal(rmdir(r->folder), 0);
}

static enum gn_err get(struct rig *r, struct gn_rpc_response *out, const char *target)
{
    const struct gn_rpc_request req = {.method = "GET", .target = target, .timeout_us = GN_SECONDS(5)};
    return gn_rpc_call(r->client, out, &req);
}

static void no_node_is_told_from_a_node_that_reached_nobody(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    (void)state;
    begin(&r);
    assert_int_equal(get(&r, &resp, "/v1/node"), GN_E_UNREACHABLE);
    assert_true(gn_rpc_client_no_node(r.client));
    assert_int_equal(resp.status, 0);
    assert_non_null(strstr(resp.detail, "no node is running"));
    r.node.fail_with = GN_E_UNREACHABLE;
    start(&r);
    assert_int_equal(get(&r, &resp, "/v1/node"), GN_E_UNREACHABLE);
    assert_false(gn_rpc_client_no_node(r.client));
    assert_int_equal(resp.status, 502);
    assert_string_equal(resp.detail, "the fake was told to fail");
    finish(&r);
}

static void answers_come_whole_with_their_fields(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    (void)state;
    begin(&r);
    start(&r);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(&r, &resp, "/v1/node"), GN_OK);
        assert_int_equal(resp.status, 200);
        assert_string_equal(resp.detail, "");
        assert_non_null(strstr((const char *)resp.body.data, "\"network\":\"test\""));
        assert_int_equal(resp.body.data[resp.body.len], '\0');
        const struct gn_http_header *type = gn_http_headers_find(resp.headers, "content-type");
        assert_non_null(type);
        assert_true(gn_http_slice_is(type->value, "application/json"));
    }
    assert_int_equal(get(&r, &resp, "/v1/nothing"), GN_E_NOT_FOUND);
    assert_string_equal(resp.detail, "no such resource");
    finish(&r);
}

static void values_travel_as_bytes_and_keys_encoded(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    struct gn_rpc_target target;
    static const uint8_t value[] = {0, 1, 255, '\n', 0};
    (void)state;
    begin(&r);
    start(&r);
    gn_rpc_target_init(&target, "/v1/kv/own/");
    gn_rpc_target_segment(&target, gn_slice_str("a/b ?#%\xc3\xa9"));
    gn_rpc_target_query(&target, "ttl", gn_slice_str("60"));
    assert_string_equal(target.text, "/v1/kv/own/a%2Fb%20%3F%23%25%C3%A9?ttl=60");
    struct gn_rpc_request req = {.method = "PUT",
                                 .target = target.text,
                                 .content_type = "application/octet-stream",
                                 .body = {value, sizeof value},
                                 .timeout_us = GN_SECONDS(5)};
    assert_int_equal(gn_rpc_call(r.client, &resp, &req), GN_OK);
    gn_rpc_target_init(&target, "/v1/kv/own/");
    gn_rpc_target_segment(&target, gn_slice_str("a/b ?#%\xc3\xa9"));
    assert_int_equal(get(&r, &resp, target.text), GN_OK);
    assert_int_equal(resp.body.len, sizeof value);
    assert_memory_equal(resp.body.data, value, sizeof value);
    const struct gn_http_header cas = gn_http_header_of("If-Match", "\"3\"");
    req.target = target.text;
    req.headers = &cas;
    req.headers_len = 1;
    assert_int_equal(gn_rpc_call(r.client, &resp, &req), GN_E_CONFLICT);
    assert_int_equal(resp.status, 412);
    finish(&r);
}

static void a_target_that_does_not_fit_is_refused(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    struct gn_rpc_target target;
    static uint8_t key[GN_RPC_TARGET_MAX];
    (void)state;
    begin(&r);
    memset(key, ' ', sizeof key);
    gn_rpc_target_init(&target, "/v1/kv/own/");
    gn_rpc_target_segment(&target, gn_slice_of(key, sizeof key));
    assert_true(target.overflow);
    assert_int_equal(get(&r, &resp, target.text), GN_E_LIMIT);
    finish(&r);
}

struct lines {
    unsigned n;
    unsigned fail_at;
    char last[512];
};

static enum gn_err on_line(void *data, struct gn_slice line)
{
    struct lines *l = data;
    l->n++;
    (void)snprintf(l->last, sizeof l->last, "%.*s", (int)line.len, (const char *)line.data);
    return l->n == l->fail_at ? GN_E_CANCELLED : GN_OK;
}

static enum gn_err find(struct rig *r, struct lines *l, struct gn_rpc_response *resp)
{
    static const char body[] = "{\"target\":\"beaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"explain\":true}";
    const struct gn_rpc_request req = {.method = "POST",
                                       .target = "/v1/dht/find",
                                       .body = gn_slice_of(body, sizeof body - 1),
                                       .timeout_us = GN_SECONDS(5),
                                       .on_line = on_line,
                                       .data = l};
    return gn_rpc_call(r->client, resp, &req);
}

static void lines_come_one_by_one_and_may_end_the_call(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    struct lines l = {.n = 0};
    (void)state;
    begin(&r);
    r.node.parts = 300;
    start(&r);
    assert_int_equal(find(&r, &l, &resp), GN_OK);
    assert_int_equal(l.n, 301);
    assert_memory_equal(l.last, "{\"result\":", 10);
    struct lines two = {.fail_at = 2};
    assert_int_equal(find(&r, &two, &resp), GN_E_CANCELLED);
    assert_int_equal(two.n, 2);
    struct lines again = {.n = 0};
    assert_int_equal(find(&r, &again, &resp), GN_OK);
    assert_int_equal(again.n, 301);
    finish(&r);
}

static void an_error_before_any_line_is_the_result(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    struct lines l = {.n = 0};
    (void)state;
    begin(&r);
    r.node.fail_with = GN_E_TIMEOUT;
    start(&r);
    assert_int_equal(find(&r, &l, &resp), GN_E_TIMEOUT);
    assert_int_equal(resp.status, 504);
    assert_int_equal(l.n, 0);
    finish(&r);
}

struct sink {
    uint64_t len;
    bool wrong;
};

static enum gn_err on_bytes(void *data, struct gn_slice bytes)
{
    struct sink *s = data;
    for (size_t i = 0; i < bytes.len; i++)
        s->wrong |= bytes.data[i] != gn_fake_api_byte(s->len + i);
    s->len += bytes.len;
    return GN_OK;
}

static void a_large_file_streams_through(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    struct sink s = {.len = 0};
    char root[GN_ID_TEXT_LEN + 1];
    char target[80];
    (void)state;
    begin(&r);
    r.node.file_size = 20000000; /* more than a collected answer may have */
    start(&r);
    gn_id_print(root, &gn_fake_api_root);
    (void)snprintf(target, sizeof target, "/v1/files/%s", root);
    struct gn_rpc_request req = {
        .method = "GET", .target = target, .timeout_us = GN_SECONDS(5), .on_bytes = on_bytes, .data = &s};
    assert_int_equal(gn_rpc_call(r.client, &resp, &req), GN_OK);
    assert_int_equal(s.len, 20000000);
    assert_false(s.wrong);
    req.on_bytes = NULL;
    assert_int_equal(gn_rpc_call(r.client, &resp, &req), GN_E_LIMIT);
    finish(&r);
    assert_int_equal(r.node.closed, r.node.opened);
}

struct source {
    uint64_t at;
    uint64_t size;
};

static enum gn_err on_source(void *data, uint8_t *out, size_t *len, size_t cap)
{
    struct source *s = data;
    *len = s->size - s->at < cap ? (size_t)(s->size - s->at) : cap;
    for (size_t i = 0; i < *len; i++)
        out[i] = gn_fake_api_byte(s->at + i);
    s->at += *len;
    return GN_OK;
}

static void an_upload_streams_through_and_learns_of_a_full_disk(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    struct source s = {.size = 5000000};
    (void)state;
    begin(&r);
    start(&r);
    struct gn_rpc_request req = {
        .method = "POST", .target = "/v1/files?name=x", .timeout_us = GN_SECONDS(5), .source = on_source, .data = &s};
    assert_int_equal(gn_rpc_call(r.client, &resp, &req), GN_OK);
    assert_int_equal(resp.status, 201);
    stop(&r);
    assert_int_equal(r.node.uploaded, 5000000);
    assert_false(r.node.upload_wrong);
    r.node.upload_fail_at = 100000;
    start(&r);
    struct source big = {.size = UINT64_C(1) << 40};
    req.data = &big;
    assert_int_equal(gn_rpc_call(r.client, &resp, &req), GN_E_NO_SPACE);
    assert_string_equal(resp.detail, "the disk is full");
    assert_true(big.at < 5000000);
    finish(&r);
}

static void a_silent_node_times_out(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    (void)state;
    begin(&r);
    r.node.hold = true;
    start(&r);
    const struct gn_rpc_request req = {.method = "GET", .target = "/v1/node", .timeout_us = GN_MS(50)};
    assert_int_equal(gn_rpc_call(r.client, &resp, &req), GN_E_TIMEOUT);
    assert_false(gn_rpc_client_no_node(r.client));
    assert_non_null(strstr(resp.detail, "in time"));
    finish(&r);
}

/* The signal comes while the call waits for the next line, which never comes. */
static enum gn_err raise_once(void *data, struct gn_slice line)
{
    struct lines *l = data;
    (void)line;
    if (l->n++ == 0)
        (void)kill(getpid(), SIGINT);
    return GN_OK;
}

static void ctrl_c_ends_a_call_cleanly(void **state)
{
    struct rig r;
    struct gn_rpc_response resp;
    struct lines l = {.n = 0};
    static const char body[] = "{\"link\":\"ghost:x\"}";
    (void)state;
    begin(&r);
    r.node.hold_watch = true;
    start(&r);
    const struct gn_rpc_request req = {.method = "POST",
                                       .target = "/v1/transfers",
                                       .body = gn_slice_of(body, sizeof body - 1),
                                       .interruptible = true,
                                       .on_line = raise_once,
                                       .data = &l};
    assert_int_equal(gn_rpc_call(r.client, &resp, &req), GN_E_CANCELLED);
    assert_int_equal(l.n, 1);
    finish(&r);
}

static void a_path_that_is_no_socket_address_is_refused(void **state)
{
    struct gn_rpc_client *client;
    char longer[300];
    (void)state;
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(gn_rpc_client_new(&client, gn_alloc_default(), longer), GN_E_INVALID);
    assert_int_equal(gn_rpc_client_new(&client, gn_alloc_default(), ""), GN_E_INVALID);
    gn_rpc_client_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_node_is_told_from_a_node_that_reached_nobody),
        cmocka_unit_test(answers_come_whole_with_their_fields),
        cmocka_unit_test(values_travel_as_bytes_and_keys_encoded),
        cmocka_unit_test(a_target_that_does_not_fit_is_refused),
        cmocka_unit_test(lines_come_one_by_one_and_may_end_the_call),
        cmocka_unit_test(an_error_before_any_line_is_the_result),
        cmocka_unit_test(a_large_file_streams_through),
        cmocka_unit_test(an_upload_streams_through_and_learns_of_a_full_disk),
        cmocka_unit_test(a_silent_node_times_out),
        cmocka_unit_test(ctrl_c_ends_a_call_cleanly),
        cmocka_unit_test(a_path_that_is_no_socket_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
