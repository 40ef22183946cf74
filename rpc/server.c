/* rpc/server.c - the control API: the table of routes, authority, bodies. */
#include "rpc/server.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "rpc/guard.h"
#include "rpc/route.h"
#include "rpc/server_inside.h"
#include "rpc/task.h"
#include "transport/http/uv_http_server.h"

#define JSON_BODY_MAX ((uint64_t)64 * 1024)
#define VALUE_BODY_MAX ((size_t)1024 * 1024)

static void begin_files_post(struct gn_rpc_task *t, struct gn_slice body);

/* Keep the two in step: the router's index is the number of the route. */
#define ROUTES(X) \
    X(GET, "/v1/node", NONE, false, gn_rpc_route_node) \
    X(POST, "/v1/node/stop", NONE, false, gn_rpc_route_stop) \
    X(GET, "/v1/config", NONE, false, gn_rpc_route_config) \
    X(GET, "/v1/nat", NONE, false, gn_rpc_route_nat) \
    X(GET, "/v1/peers", NONE, false, gn_rpc_route_peers) \
    X(POST, "/v1/peers", JSON, false, gn_rpc_route_peer_connect) \
    X(DELETE, "/v1/peers/{id}", NONE, false, gn_rpc_route_peer_forget) \
    X(POST, "/v1/peers/{id}/ping", NONE, false, gn_rpc_route_peer_ping) \
    X(POST, "/v1/dht/find", JSON, false, gn_rpc_route_find) \
    X(POST, "/v1/records", BYTES, false, gn_rpc_route_record_put) \
    X(GET, "/v1/records/{key}", NONE, false, gn_rpc_route_record_get) \
    X(GET, "/v1/kv/{space}", NONE, false, gn_rpc_route_kv_list) \
    X(GET, "/v1/kv/{space}/{key}", NONE, false, gn_rpc_route_kv_get) \
    X(PUT, "/v1/kv/{space}/{key}", BYTES, false, gn_rpc_route_kv_put) \
    X(DELETE, "/v1/kv/{space}/{key}", NONE, false, gn_rpc_route_kv_del) \
    X(POST, "/v1/files", OWN, false, begin_files_post) \
    X(GET, "/v1/files", NONE, false, gn_rpc_route_files) \
    X(GET, "/v1/files/{root}", NONE, false, gn_rpc_route_download) \
    X(DELETE, "/v1/files/{root}", NONE, false, gn_rpc_route_unshare) \
    X(POST, "/v1/transfers", JSON, false, gn_rpc_route_fetch) \
    X(GET, "/v1/transfers", NONE, false, gn_rpc_route_transfers) \
    X(GET, "/v1/transfers/{id}", NONE, false, gn_rpc_route_transfer) \
    X(DELETE, "/v1/transfers/{id}", NONE, false, gn_rpc_route_transfer_cancel) \
    X(GET, "/metrics", NONE, false, gn_rpc_route_metrics) \
    X(GET, "/healthz", NONE, true, gn_rpc_route_healthz) \
    X(GET, "/readyz", NONE, true, gn_rpc_route_readyz)

static const struct gn_rpc_route routes[] = {
#define X(method, pattern, body, open, begin) {GN_HTTP_##method, pattern, GN_RPC_BODY_##body, open, begin},
    ROUTES(X)
#undef X
};

static const struct gn_route patterns[] = {
#define X(method, pattern, body, open, begin) {GN_HTTP_##method, pattern, 0},
    ROUTES(X)
#undef X
};

/* ---- bodies ---- */

static bool type_is(const struct gn_rpc_task *t, const char *want)
{
    const struct gn_http_header *h = gn_rpc_task_header(t, "content-type");
    if (!h)
        return false;
    const uint8_t *semicolon = h->value.len ? memchr(h->value.data, ';', h->value.len) : NULL;
    size_t len = semicolon ? (size_t)(semicolon - h->value.data) : h->value.len;
    return gn_http_slice_like(gn_http_trim(gn_slice_of(h->value.data, len)), want);
}

static void collect(struct gn_rpc_task *t, uint64_t max)
{
    if (gn_exchange_collect(t->x, max))
        gn_rpc_task_fail(t, GN_E_NO_MEMORY, NULL);
}

/* A web form can send other types to any site without asking; these two it cannot. */
static void take_json(struct gn_rpc_task *t)
{
    if (type_is(t, "application/json"))
        collect(t, JSON_BODY_MAX);
    else
        gn_rpc_task_fail_as(t, 415, GN_E_INVALID, "Content-Type must be application/json");
}

static void take_bytes(struct gn_rpc_task *t)
{
    if (!gn_rpc_task_header(t, "content-type") || type_is(t, "application/octet-stream"))
        collect(t, t->server->config.body_max);
    else
        gn_rpc_task_fail_as(t, 415, GN_E_INVALID, "Content-Type must be application/octet-stream");
}

/* The only route with two kinds of body: a path to share, or the bytes themselves. */
static void begin_files_post(struct gn_rpc_task *t, struct gn_slice body)
{
    if (body.data)
        gn_rpc_route_share(t, body);
    else if (type_is(t, "application/json"))
        collect(t, JSON_BODY_MAX);
    else if (type_is(t, "application/octet-stream"))
        gn_rpc_route_upload(t);
    else
        gn_rpc_task_fail_as(t, 415, GN_E_INVALID,
                            "Content-Type must be application/json (a path) or application/octet-stream (the bytes)");
}

static void on_body(struct gn_exchange *x, struct gn_slice body)
{
    struct gn_rpc_task *t = x->app;
    if (!t->answered)
        t->route->begin(t, body.data ? body : gn_slice_of("", 0));
}

static void on_close(struct gn_exchange *x, bool complete)
{
    (void)complete;
    gn_rpc_task_closed(x->app);
}

static const struct gn_exchange_handler task_handler = {.on_body = on_body, .on_close = on_close};

/* ---- requests ---- */

static bool check_guard(struct gn_rpc_task *t)
{
    const struct gn_exchange_request *req = &t->x->request;
    bool open = t->route && t->route->open;
    enum gn_guard_verdict verdict = gn_guard_check_site(req);
    if (verdict == GN_GUARD_PASS && !req->from_unix && !open)
        verdict = gn_guard_check_token(req, &t->server->token_hash);
    if (verdict == GN_GUARD_PASS)
        return true;
    t->server->denied++;
    if (verdict == GN_GUARD_WRONG_HOST)
        gn_rpc_task_fail_as(t, 421, GN_E_REFUSED, "the Host field does not name this listener");
    else if (verdict == GN_GUARD_WRONG_ORIGIN)
        gn_rpc_task_fail_as(t, 403, GN_E_REFUSED, "requests of web pages of other sites are refused");
    else
        gn_rpc_task_fail_as(t, 401, GN_E_AUTH, "a bearer token is needed: the line in api.token");
    return false;
}

static void no_route(struct gn_rpc_task *t)
{
    switch (t->match.status) {
    case 405:
        gn_rpc_task_fail_as(t, 405, GN_E_UNSUPPORTED, "this resource does not take that method");
        return;
    case 501:
        gn_rpc_task_fail_as(t, 501, GN_E_UNSUPPORTED, "unknown method");
        return;
    case 400:
        gn_rpc_task_fail(t, GN_E_INVALID, "broken percent-escape in the path");
        return;
    case 414:
        gn_rpc_task_fail_as(t, 414, GN_E_LIMIT, "the path is too long");
        return;
    default:
        gn_rpc_task_fail(t, GN_E_NOT_FOUND, "no such resource");
        return;
    }
}

static bool wants_lines(const struct gn_rpc_task *t)
{
    const struct gn_http_header *h = gn_rpc_task_header(t, "accept");
    return h && gn_http_list_has(h->value, "application/x-ndjson");
}

static void dispatch(struct gn_rpc_task *t)
{
    const struct gn_exchange_request *req = &t->x->request;
    gn_router_find(&t->match, patterns, GN_ARRAY_LEN(patterns), req->method, req->path);
    if (t->match.status == 200)
        t->route = &routes[t->match.route - patterns];
    if (!check_guard(t)) /* before anything is said about what exists */
        return;
    if (!t->route) {
        no_route(t);
        return;
    }
    t->lines = wants_lines(t);
    switch (t->route->body) {
    case GN_RPC_BODY_NONE:
    case GN_RPC_BODY_OWN:
        t->route->begin(t, gn_slice_of(NULL, 0));
        return;
    case GN_RPC_BODY_JSON:
        take_json(t);
        return;
    case GN_RPC_BODY_BYTES:
        take_bytes(t);
        return;
    }
}

static const struct gn_exchange_handler *no_memory_handler(void);

static void on_request(struct gn_exchange *x)
{
    struct gn_rpc_server *s = x->server_app;
    struct gn_rpc_task *t = gn_alloc_zeroed(s->config.alloc, 1, sizeof *t);
    s->requests++;
    if (!t) {
        x->handler = no_memory_handler();
        gn_exchange_respond(x, 503, (struct gn_http_headers){NULL, 0}, gn_slice_of(NULL, 0));
        return;
    }
    t->server = s;
    t->x = x;
    x->app = t;
    x->handler = &task_handler;
    gn_list_push_back(&s->tasks, &t->node);
    dispatch(t);
}

static void forget(struct gn_exchange *x, bool complete)
{
    (void)x;
    (void)complete;
}

static const struct gn_exchange_handler *no_memory_handler(void)
{
    static const struct gn_exchange_handler handler = {.on_close = forget};
    return &handler;
}

/* ---- life ---- */

static bool token_is_good(const char *token)
{
    size_t len = strlen(token);
    if (len < GN_RPC_TOKEN_MIN || len > GN_RPC_TOKEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (token[i] <= 0x20 || token[i] >= 0x7f)
            return false;
    return true;
}

static enum gn_err new_http(struct gn_rpc_server *s)
{
    const struct gn_uv_http_server_config http = {
        .alloc = s->config.alloc,
        .log = s->config.log,
        .loop = s->config.loop,
        .server = s->name,
        .connections_max = s->config.connections_max,
        .idle_timeout_us = s->config.idle_timeout_us,
        .on_request = on_request,
        .app = s,
    };
    return gn_uv_http_server_new(&s->http, &http);
}

enum gn_err gn_rpc_server_new(struct gn_rpc_server **out, const struct gn_rpc_server_config *config)
{
    GN_CHECK(config->alloc && config->loop && config->ops);
    *out = NULL;
    if (config->token && !token_is_good(config->token))
        return GN_E_INVALID;
    struct gn_rpc_server *s = gn_alloc_zeroed(config->alloc, 1, sizeof *s);
    if (!s)
        return GN_E_NO_MEMORY;
    s->config = *config;
    if (s->config.body_max == 0)
        s->config.body_max = VALUE_BODY_MAX;
    if (config->token) /* only its hash is kept */
        gn_hash_256(&s->token_hash, gn_slice_str(config->token));
    s->config.token = config->token ? "" : NULL;
    (void)snprintf(s->name, sizeof s->name, "ghostnet/%s", config->version ? config->version : "0");
    s->config.version = NULL;
    gn_list_init(&s->tasks);
    enum gn_err err = new_http(s);
    if (err) {
        gn_alloc_free(config->alloc, s);
        return err;
    }
    *out = s;
    return GN_OK;
}

enum gn_err gn_rpc_server_listen_unix(struct gn_rpc_server *s, const char *path)
{
    return gn_uv_http_server_listen_unix(s->http, path);
}

enum gn_err gn_rpc_server_listen_tcp(struct gn_rpc_server *s, struct gn_addr *bound, const struct gn_addr *addr)
{
    if (!s->config.token)
        return GN_E_INVALID;
    return gn_uv_http_server_listen_tcp(s->http, bound, addr);
}

void gn_rpc_server_drain(struct gn_rpc_server *s, gn_time_us timeout_us, void (*done)(void *data), void *data)
{
    gn_uv_http_server_drain(s->http, timeout_us, done, data);
}

void gn_rpc_server_free(struct gn_rpc_server *s)
{
    if (!s)
        return;
    GN_CHECK(gn_list_is_empty(&s->tasks)); /* the node has finished every call */
    gn_uv_http_server_free(s->http);
    gn_alloc_free(s->config.alloc, s);
}
