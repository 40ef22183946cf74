/* rpc/task.c - the life of one request, and the ways to answer it. */
#include "rpc/task.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "rpc/json.h"
#include "rpc/problem.h"
#include "rpc/server_inside.h"

#define LINE_ROOM ((size_t)128 * 1024) /* a droppable line leaves at least this for the lines that must go */
#define HEADERS_MAX 6U

const struct gn_api_ops *gn_rpc_task_ops(const struct gn_rpc_task *t)
{
    return t->server->config.ops;
}

void *gn_rpc_task_node(const struct gn_rpc_task *t)
{
    return t->server->config.node;
}

/* ---- life ---- */

void gn_rpc_task_release(struct gn_rpc_task *t)
{
    if (t->x || t->pending)
        return;
    if (t->on_over)
        t->on_over(t);
    if (t->pending)
        return; /* on_over had to ask the node once more */
    gn_list_remove(&t->node);
    json_decref(t->parts);
    gn_alloc_free(t->server->config.alloc, t);
}

void gn_rpc_task_closed(struct gn_rpc_task *t)
{
    t->x = NULL;
    if (t->pending) {
        t->call.gone = true;
        if (t->call.cancel)
            t->call.cancel(&t->call); /* may finish the call, and with it the task */
        return;
    }
    gn_rpc_task_release(t);
}

/* ---- asking ---- */

static void on_finish(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct gn_rpc_task *t = call->asker;
    GN_CHECK(t->pending);
    t->pending = false;
    t->call.cancel = NULL;
    if (!err)
        t->on_result(t, result);
    else if (t->on_fail)
        t->on_fail(t, err, detail);
    else
        gn_rpc_task_fail(t, err, detail);
    gn_rpc_task_release(t);
}

static void on_part(struct gn_api_call *call, const void *part)
{
    struct gn_rpc_task *t = call->asker;
    if (t->on_part && t->x)
        t->on_part(t, part);
}

struct gn_api_call *gn_rpc_task_ask(struct gn_rpc_task *t, gn_rpc_result_fn on_result, gn_rpc_part_fn part)
{
    GN_CHECK(!t->pending);
    t->pending = true;
    t->on_result = on_result;
    t->on_part = part;
    t->call =
        (struct gn_api_call){.finish = on_finish, .part = part ? on_part : NULL, .asker = t, .gone = t->x == NULL};
    return &t->call;
}

void gn_rpc_task_unsupported(struct gn_rpc_task *t)
{
    gn_rpc_task_fail(t, GN_E_UNSUPPORTED, "this node cannot do that");
}

/* ---- answering ---- */

static void respond(struct gn_rpc_task *t, unsigned status, const char *type, struct gn_slice body,
                    struct gn_http_headers more)
{
    struct gn_http_header fields[HEADERS_MAX + 2];
    size_t n = 0;
    if (!t->x || t->answered)
        return;
    GN_CHECK(more.len <= HEADERS_MAX && !t->started);
    if (type)
        fields[n++] = gn_http_header_of("Content-Type", type);
    fields[n++] = gn_http_header_of("Cache-Control", "no-store");
    for (size_t i = 0; i < more.len; i++)
        fields[n++] = more.items[i];
    t->answered = true;
    gn_exchange_respond(t->x, status, (struct gn_http_headers){.items = fields, .len = n}, body);
}

static void respond_problem(struct gn_rpc_task *t, unsigned status, enum gn_err err, const char *detail)
{
    char doc[GN_PROBLEM_MAX];
    struct gn_http_header extra = {{NULL, 0}, {NULL, 0}};
    size_t len = gn_problem_write(doc, err, status, detail);
    unsigned code = status ? status : gn_problem_status(err);
    if (code == 401)
        extra = gn_http_header_of("WWW-Authenticate", "Bearer realm=\"ghostnet\"");
    if (code == 405)
        extra = gn_http_header_of("Allow", t->match.allow);
    respond(t, code, GN_PROBLEM_TYPE, gn_slice_of(doc, len),
            (struct gn_http_headers){.items = &extra, .len = extra.name.len ? 1 : 0});
}

void gn_rpc_task_fail_as(struct gn_rpc_task *t, unsigned status, enum gn_err err, const char *detail)
{
    char doc[GN_PROBLEM_MAX];
    if (!t->x || t->answered)
        return;
    if (!t->started) {
        respond_problem(t, status, err, detail);
        return;
    }
    if (!t->lines) { /* bytes that cannot be completed: cut, so that nobody takes them for the whole */
        t->answered = true;
        gn_exchange_abort(t->x);
        return;
    }
    (void)gn_problem_write(doc, err, status, detail);
    gn_rpc_task_line(t, "error", json_loads(doc, 0, NULL), false);
    if (t->answered)
        return;
    t->answered = true;
    gn_exchange_end(t->x);
}

void gn_rpc_task_fail(struct gn_rpc_task *t, enum gn_err err, const char *detail)
{
    gn_rpc_task_fail_as(t, 0, err, detail);
}

void gn_rpc_task_bytes(struct gn_rpc_task *t, unsigned status, struct gn_slice body,
                       const struct gn_http_header *headers, size_t headers_len)
{
    respond(t, status, "application/octet-stream", body,
            (struct gn_http_headers){.items = headers, .len = headers_len});
}

void gn_rpc_task_json(struct gn_rpc_task *t, unsigned status, json_t *doc, const struct gn_http_header *headers,
                      size_t headers_len)
{
    char *text;
    size_t len;
    if (gn_json_print(&text, &len, doc)) {
        gn_rpc_task_fail(t, GN_E_NO_MEMORY, NULL);
    } else {
        respond(t, status, "application/json", gn_slice_of(text, len),
                (struct gn_http_headers){.items = headers, .len = headers_len});
        gn_json_free_text(text);
    }
    json_decref(doc);
}

void gn_rpc_task_empty(struct gn_rpc_task *t, unsigned status)
{
    respond(t, status, NULL, gn_slice_of(NULL, 0), (struct gn_http_headers){NULL, 0});
}

static enum gn_err start_lines(struct gn_rpc_task *t)
{
    if (t->started)
        return GN_OK;
    const struct gn_http_header fields[] = {
        gn_http_header_of("Content-Type", "application/x-ndjson"),
        gn_http_header_of("Cache-Control", "no-store"),
    };
    enum gn_err err =
        gn_exchange_start(t->x, 200, (struct gn_http_headers){fields, GN_ARRAY_LEN(fields)}, GN_EXCHANGE_UNKNOWN);
    t->started = !err;
    return err;
}

void gn_rpc_task_line(struct gn_rpc_task *t, const char *name, json_t *value, bool droppable)
{
    struct gn_json line;
    char *text = NULL;
    size_t len = 0;
    if (!t->x || t->answered || (droppable && gn_exchange_room(t->x) < LINE_ROOM)) {
        json_decref(value);
        return;
    }
    gn_json_begin(&line);
    gn_json_set(&line, name, value);
    json_t *doc = gn_json_end(&line);
    enum gn_err err = gn_json_print(&text, &len, doc);
    if (!err)
        err = start_lines(t);
    if (!err)
        err = gn_exchange_write(t->x, gn_slice_of(text, len));
    gn_json_free_text(text);
    json_decref(doc);
    if (err && !droppable) { /* a line that must not be missing is: the client has to notice */
        t->answered = true;
        gn_exchange_abort(t->x);
    }
}

void gn_rpc_task_result(struct gn_rpc_task *t, unsigned status, json_t *doc)
{
    if (!t->lines) {
        gn_rpc_task_json(t, status, doc, NULL, 0);
        return;
    }
    gn_rpc_task_line(t, "result", doc, false);
    if (!t->x || t->answered)
        return;
    t->answered = true;
    gn_exchange_end(t->x);
}

/* ---- the request ---- */

const struct gn_http_header *gn_rpc_task_header(const struct gn_rpc_task *t, const char *name)
{
    return t->x ? gn_http_headers_find(t->x->request.headers, name) : NULL;
}

bool gn_rpc_task_id(struct gn_rpc_task *t, struct gn_id *out, size_t i, const char *what)
{
    char detail[96];
    GN_CHECK(i < t->match.params_len);
    if (gn_id_parse(out, (const char *)t->match.params[i].data, t->match.params[i].len) == GN_OK)
        return true;
    (void)snprintf(detail, sizeof detail, "%s must be 52 characters of base32", what);
    gn_rpc_task_fail(t, GN_E_INVALID, detail);
    return false;
}

/* False: an error was answered. *present tells an empty parameter from none. */
static bool query(struct gn_rpc_task *t, struct gn_writer *out, bool *present, const char *name)
{
    char detail[96];
    enum gn_err err = gn_router_query(out->data, &out->len, out->cap, t->x->request.query, name);
    *present = err == GN_OK;
    if (!err || err == GN_E_NOT_FOUND)
        return true;
    const char *why = err == GN_E_LIMIT ? "too long" : "malformed or doubled";
    (void)snprintf(detail, sizeof detail, "query parameter \"%s\" is %s", name, why);
    gn_rpc_task_fail(t, GN_E_INVALID, detail);
    return false;
}

bool gn_rpc_task_text(struct gn_rpc_task *t, uint8_t *out, size_t *len, size_t cap, const char *name)
{
    struct gn_writer w;
    bool present;
    gn_writer_init(&w, out, cap);
    bool fine = query(t, &w, &present, name);
    *len = fine ? w.len : 0;
    return fine;
}

bool gn_rpc_task_number(struct gn_rpc_task *t, uint64_t *out, const char *name)
{
    uint8_t text[24];
    struct gn_writer w;
    bool present;
    uint64_t n = 0;
    char detail[96];
    gn_writer_init(&w, text, sizeof text);
    if (!query(t, &w, &present, name))
        return false;
    if (!present)
        return true;
    if (gn_http_number(&n, gn_slice_of(text, w.len))) {
        (void)snprintf(detail, sizeof detail, "query parameter \"%s\" must be a number", name);
        gn_rpc_task_fail(t, GN_E_INVALID, detail);
        return false;
    }
    *out = n;
    return true;
}
