/* rpc/route_kv.c - key-value spaces: values with versions, compare-and-set, lists. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "rpc/json.h"
#include "rpc/precondition.h"
#include "rpc/route.h"
#include "transport/http/conditional.h"

#define LIST_MAX 1000U

static bool read_space(struct gn_rpc_task *t, struct gn_id *space)
{
    memset(space, 0, sizeof *space);
    if (gn_http_slice_is(t->match.params[0], "own"))
        return true;
    return gn_rpc_task_id(t, space, 0, "the space (unless it is \"own\")");
}

static bool is_text(struct gn_slice s)
{
    return gn_utf8_is_valid(s.data, s.len) && (s.len == 0 || !memchr(s.data, 0, s.len));
}

static bool read_key(struct gn_rpc_task *t, struct gn_slice *key)
{
    *key = t->match.params[1];
    if (key->len <= GN_API_KV_KEY_MAX && is_text(*key))
        return true;
    gn_rpc_task_fail(t, GN_E_INVALID, "a key is UTF-8 text without NUL, at most 1024 bytes");
    return false;
}

/* ETag and X-Ghost-Expires of a value. */
struct labels {
    char etag[24];
    char expires[24];
    struct gn_http_header headers[2];
};

static void make_labels(struct labels *l, const struct gn_api_kv_value *v)
{
    (void)snprintf(l->etag, sizeof l->etag, "\"%" PRIu64 "\"", v->version);
    (void)snprintf(l->expires, sizeof l->expires, "%" PRIu64, v->expires);
    l->headers[0] = gn_http_header_of("ETag", l->etag);
    l->headers[1] = gn_http_header_of("X-Ghost-Expires", l->expires);
}

static void on_value(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_kv_value *v = result;
    const struct gn_http_header *known = gn_rpc_task_header(t, "if-none-match");
    struct labels l;
    make_labels(&l, v);
    struct gn_slice tag = gn_slice_of(l.etag + 1, strlen(l.etag) - 2);
    bool unchanged = known && gn_conditional_has_tag(known->value, tag, true);
    gn_rpc_task_bytes(t, unchanged ? 304 : 200, unchanged ? gn_slice_of(NULL, 0) : v->value, l.headers, 2);
}

void gn_rpc_route_kv_get(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_kv_key req;
    (void)body;
    if (gn_rpc_task_has(t, ops->kv_get != NULL) && read_space(t, &req.space) && read_key(t, &req.key))
        ops->kv_get(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_value, NULL), &req);
}

static void on_written(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_kv_value *v = result;
    struct labels l;
    struct gn_json j;
    make_labels(&l, v);
    gn_json_begin(&j);
    gn_json_set(&j, "version", gn_json_u64(v->version));
    gn_json_set(&j, "expires", gn_json_u64(v->expires));
    gn_json_set(&j, "replicas", gn_json_u64(v->replicas));
    gn_rpc_task_json(t, 200, gn_json_end(&j), l.headers, 2);
}

static bool read_write(struct gn_rpc_task *t, struct gn_api_kv_write *req)
{
    if (!read_space(t, &req->space) || !read_key(t, &req->key) || !gn_rpc_task_number(t, &req->ttl_s, "ttl"))
        return false;
    if (gn_precondition_read(&req->cond, &req->version, t->x->request.headers)) {
        gn_rpc_task_fail(t, GN_E_INVALID, "If-Match must be one \"VERSION\" or *, If-None-Match only *");
        return false;
    }
    return true;
}

void gn_rpc_route_kv_put(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_kv_write req = {.value = body};
    if (gn_rpc_task_has(t, ops->kv_put != NULL) && read_write(t, &req))
        ops->kv_put(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_written, NULL), &req);
}

void gn_rpc_route_kv_del(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_kv_write req = {.value = {NULL, 0}};
    (void)body;
    if (gn_rpc_task_has(t, ops->kv_del != NULL) && read_write(t, &req))
        ops->kv_del(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_written, NULL), &req);
}

static json_t *entry_json(const struct gn_api_kv_entry *e)
{
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "key", gn_json_bytes(e->key));
    gn_json_set(&j, "version", gn_json_u64(e->version));
    gn_json_set(&j, "size", gn_json_u64(e->size));
    gn_json_set(&j, "expires", gn_json_u64(e->expires));
    return gn_json_end(&j);
}

static void on_entries(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_kv_entries *entries = result;
    struct gn_json j;
    json_t *array = json_array();
    gn_json_begin(&j);
    for (size_t i = 0; i < entries->len; i++)
        j.bad |= !gn_json_append(array, entry_json(&entries->items[i]));
    gn_json_set(&j, "space", gn_json_bytes(t->match.params[0]));
    gn_json_set(&j, "entries", array);
    gn_json_set(&j, "more", json_boolean(entries->more));
    gn_rpc_task_json(t, 200, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_kv_list(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_kv_list req = {.limit = LIST_MAX};
    uint8_t prefix[GN_API_KV_KEY_MAX];
    uint8_t after[GN_API_KV_KEY_MAX];
    uint64_t limit = LIST_MAX;
    (void)body;
    if (!gn_rpc_task_has(t, ops->kv_list != NULL) || !read_space(t, &req.space) ||
        !gn_rpc_task_text(t, prefix, &req.prefix.len, sizeof prefix, "prefix") ||
        !gn_rpc_task_text(t, after, &req.after.len, sizeof after, "after") || !gn_rpc_task_number(t, &limit, "limit"))
        return;
    req.prefix.data = prefix;
    req.after.data = after;
    if (limit == 0 || limit > LIST_MAX) {
        gn_rpc_task_fail(t, GN_E_INVALID, "query parameter \"limit\" must be 1 to 1000");
        return;
    }
    req.limit = (size_t)limit;
    ops->kv_list(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_entries, NULL), &req);
}
