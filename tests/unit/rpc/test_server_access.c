/* tests/unit/rpc/test_server_access.c - who may ask: tokens, hosts, origins, paths of this machine; what does not
 * exist. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/support/api_rig.h"
#include "tests/support/gn_cmocka.h"

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
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &empty);
    for (size_t i = 0; i < GN_ARRAY_LEN(asked); i++) {
        char head[128];
        (void)snprintf(head, sizeof head, "%s HTTP/1.1", asked[i]);
        gn_api_rig_ask(&r, head, "", "\"code\":\"UNSUPPORTED\"");
    }
    gn_api_rig_finish(&r);
}

static void unknown_paths_and_methods_say_what_is_allowed(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    gn_api_rig_ask(&r, "GET /v2/node HTTP/1.1", "", "HTTP/1.1 404 ");
    gn_api_rig_ask(&r, "GET /v1/node/ HTTP/1.1", "", "HTTP/1.1 404 ");
    gn_api_rig_ask(&r, "GET /v1/kv/own/ HTTP/1.1", "", "HTTP/1.1 404 ");
    gn_api_rig_ask(&r, "DELETE /v1/node HTTP/1.1", "", "Allow: GET, HEAD\r\n");
    gn_api_rig_must_hold(&r, "HTTP/1.1 405 ");
    gn_api_rig_ask(&r, "PATCH /v1/kv/own/a HTTP/1.1", "", "Allow: GET, HEAD, PUT, DELETE\r\n");
    gn_api_rig_ask(&r, "TRACE /v1/node HTTP/1.1", "", "HTTP/1.1 501 ");
    gn_api_rig_finish(&r);
}

static void tcp_wants_the_token_and_refuses_web_pages(void **state)
{
    static const struct {
        const char *head;
        unsigned status;
    } rows[] = {
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: localhost:%" AUTH, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: [::1]:%" AUTH, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: LOCALHOST:%\r\nauthorization: bearer " GN_API_RIG_TOKEN, 200},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH "x", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nAuthorization: Bearer ", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nAuthorization: Bearer correct", 401},
        {"GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%\r\nAuthorization: Basic " GN_API_RIG_TOKEN, 401},
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
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        unsigned status = gn_api_rig_tcp_status(&r, rows[i].head);
        if (status != rows[i].status)
            fail_msg("%s: %u, not %u", rows[i].head, status, rows[i].status);
    }
    assert_int_equal(gn_api_rig_tcp_status(&r, "GET /v1/node HTTP/1.1\r\nHost: 127.0.0.1:%"), 401);
    assert_non_null(strstr(r.tcp_peer.got, "WWW-Authenticate: Bearer"));
    gn_api_rig_finish(&r);
}

static void the_unix_socket_needs_no_token_but_a_fitting_host(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    gn_api_rig_ask(&r, "GET /v1/node HTTP/1.1", "", "HTTP/1.1 200 ");
    gn_http_peer_forget(&r.unix_peer);
    assert_true(gn_http_peer_say(&r.unix_peer, "GET /v1/node HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
    assert_true(gn_http_peer_expect(&r.unix_peer, "HTTP/1.1 421 "));
    gn_api_rig_ask(&r, "GET /v1/node HTTP/1.1\r\nOrigin: http://evil.example", "", "HTTP/1.1 403 ");
    gn_api_rig_finish(&r);
}

static void paths_of_this_machine_are_for_the_unix_socket_only(void **state)
{
    struct gn_api_rig r;
    (void)state;
    gn_api_rig_begin(&r, &gn_fake_api_ops);
    assert_int_equal(gn_api_rig_tcp_status(&r, "POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH JSON
                                               "\r\nContent-Length: 16\r\n\r\n{\"path\":\"/x/yz\"}"),
                     403);
    assert_int_equal(gn_api_rig_tcp_status(&r, "POST /v1/transfers HTTP/1.1\r\nHost: 127.0.0.1:%" AUTH JSON
                                               "\r\nContent-Length: 30\r\n\r\n{\"link\":\"ghost:x\",\"path\":\"/a\"}"),
                     403);
    assert_string_equal(r.node.last_path, "");
    gn_api_rig_finish(&r);
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
        cmocka_unit_test(ops_that_are_missing_answer_501),
        cmocka_unit_test(unknown_paths_and_methods_say_what_is_allowed),
        cmocka_unit_test(tcp_wants_the_token_and_refuses_web_pages),
        cmocka_unit_test(the_unix_socket_needs_no_token_but_a_fitting_host),
        cmocka_unit_test(paths_of_this_machine_are_for_the_unix_socket_only),
        cmocka_unit_test(bad_tokens_and_tcp_without_token_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
