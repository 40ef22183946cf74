/* tests/support/api_rig.c - the control API with a fake node behind it. */
#include "tests/support/api_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/gn_cmocka.h"

void gn_api_rig_begin(struct gn_api_rig *r, const struct gn_api_ops *ops)
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
                                                .token = GN_API_RIG_TOKEN,
                                                .version = "0.1.0"};
    assert_int_equal(gn_rpc_server_new(&r->server, &config), GN_OK);
    assert_int_equal(gn_rpc_server_listen_unix(r->server, r->path), GN_OK);
    assert_int_equal(gn_rpc_server_listen_tcp(r->server, &r->tcp, &any), GN_OK);
    assert_true(gn_http_peer_unix(&r->unix_peer, &r->loop, r->path));
    assert_true(gn_http_peer_tcp(&r->tcp_peer, &r->loop, &r->tcp));
}

static void on_drained(void *data)
{
    struct gn_api_rig *r = data;
    r->drained = true;
}

static bool is_drained(void *data)
{
    const struct gn_api_rig *r = data;
    return r->drained;
}

void gn_api_rig_finish(struct gn_api_rig *r)
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

void gn_api_rig_ask(struct gn_api_rig *r, const char *head, const char *body, const char *want)
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

void gn_api_rig_must_hold(const struct gn_api_rig *r, const char *text)
{
    if (!strstr(r->unix_peer.got, text))
        fail_msg("no \"%s\" in:\n%s", text, r->unix_peer.got);
}

unsigned gn_api_rig_tcp_status(struct gn_api_rig *r, const char *head)
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
