/* rpc/client.c - asks a running node and waits. */
#include "rpc/client.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "rpc/problem.h"
#include "transport/http/buffer.h"
#include "transport/http/uri.h"
#include "transport/http/uv_http_call.h"

#define LINE_MAX_BYTES ((size_t)1024 * 1024)
#define EXTRA_HEADERS 2U
#define HEADERS_MAX 16U

struct gn_rpc_client {
    const struct gn_alloc *alloc;
    struct gn_uv_http_call *call;
    const struct gn_rpc_request *req; /* during a call */
    unsigned status;
    bool is_lines;
    bool no_node;
    bool interrupted;
    struct gn_http_header fields[GN_H1_HEADERS_MAX];
    size_t fields_len;
    struct gn_buffer field_text; /* what fields point into */
    struct gn_buffer body;
    struct gn_buffer line;
    enum gn_err stream_err; /* of the last line */
    char detail[GN_RPC_DETAIL_MAX];
};

static void say(struct gn_rpc_client *c, const char *text)
{
    (void)snprintf(c->detail, sizeof c->detail, "%s", text);
}

/* ---- the answer comes ---- */

static bool is_good(const struct gn_rpc_client *c)
{
    return c->status >= 200 && c->status < 300;
}

/* The head's own memory ends with the request: the response keeps a copy of its fields. */
static enum gn_err copy_fields(struct gn_rpc_client *c, const struct gn_h1_head *head)
{
    gn_buffer_clear(&c->field_text, c->alloc);
    for (size_t i = 0; i < head->fields_len; i++) {
        const struct gn_http_header *f = &head->fields[i];
        if (!gn_buffer_append(&c->field_text, c->alloc, f->name.data, f->name.len) ||
            !gn_buffer_append(&c->field_text, c->alloc, f->value.data, f->value.len))
            return GN_E_NO_MEMORY;
    }
    size_t at = 0;
    for (size_t i = 0; i < head->fields_len; i++) { /* the buffer does not move any more */
        const struct gn_http_header *f = &head->fields[i];
        c->fields[i].name = gn_slice_of(c->field_text.data + at, f->name.len);
        c->fields[i].value = gn_slice_of(c->field_text.data + at + f->name.len, f->value.len);
        at += f->name.len + f->value.len;
    }
    c->fields_len = head->fields_len;
    return GN_OK;
}

static struct gn_http_headers headers_of(const struct gn_rpc_client *c)
{
    return (struct gn_http_headers){.items = c->fields, .len = c->fields_len};
}

static enum gn_err on_head(void *data, const struct gn_h1_head *head)
{
    struct gn_rpc_client *c = data;
    struct gn_slice type;
    c->status = head->status;
    enum gn_err err = copy_fields(c, head);
    c->is_lines =
        !gn_http_headers_one(&type, headers_of(c), "content-type") && gn_http_slice_like(type, "application/x-ndjson");
    return err;
}

/* {"error": problem} as the last line of a stream. */
static bool take_error(struct gn_rpc_client *c, struct gn_slice line)
{
    static const char start[] = "{\"error\":";
    if (line.len < sizeof start || memcmp(line.data, start, sizeof start - 1) != 0)
        return false;
    json_t *doc = json_loadb((const char *)line.data, line.len, 0, NULL);
    json_t *problem = json_object_get(doc, "error");
    json_int_t status = json_integer_value(json_object_get(problem, "status"));
    char *text = problem ? json_dumps(problem, JSON_COMPACT) : NULL;
    if (text) {
        unsigned code = status >= 400 && status < 600 ? (unsigned)status : 500;
        if (gn_problem_read(&c->stream_err, c->detail, sizeof c->detail, code, gn_slice_str(text)))
            say(c, "the node reported an error without details");
        json_free_t release;
        json_get_alloc_funcs(NULL, &release);
        release(text);
    }
    json_decref(doc);
    return text != NULL;
}

static enum gn_err take_line(struct gn_rpc_client *c, struct gn_slice line)
{
    if (c->stream_err)
        return c->stream_err; /* an error is the last line */
    if (line.len == 0 || take_error(c, line))
        return GN_OK;
    return c->req->on_line(c->req->data, line);
}

static enum gn_err take_lines(struct gn_rpc_client *c, struct gn_slice bytes)
{
    while (bytes.len > 0) {
        const uint8_t *end = memchr(bytes.data, '\n', bytes.len);
        size_t len = end ? (size_t)(end - bytes.data) : bytes.len;
        if (c->line.len + len > LINE_MAX_BYTES)
            return GN_E_LIMIT;
        if (!gn_buffer_append(&c->line, c->alloc, bytes.data, len))
            return GN_E_NO_MEMORY;
        bytes.data += end ? len + 1 : len;
        bytes.len -= end ? len + 1 : len;
        if (!end)
            break;
        enum gn_err err = take_line(c, gn_buffer_slice(&c->line));
        gn_buffer_clear(&c->line, c->alloc);
        if (err)
            return err;
    }
    return GN_OK;
}

static enum gn_err on_bytes(void *data, struct gn_slice bytes)
{
    struct gn_rpc_client *c = data;
    if (is_good(c) && c->req->on_line && c->is_lines)
        return take_lines(c, bytes);
    if (is_good(c) && c->req->on_bytes)
        return c->req->on_bytes(c->req->data, bytes);
    if (c->body.len + bytes.len > GN_RPC_BODY_MAX)
        return GN_E_LIMIT;
    return gn_buffer_append(&c->body, c->alloc, bytes.data, bytes.len) ? GN_OK : GN_E_NO_MEMORY;
}

static enum gn_err on_source(void *data, uint8_t *out, size_t *len, size_t cap)
{
    struct gn_rpc_client *c = data;
    return c->req->source(c->req->data, out, len, cap);
}

/* ---- the result ---- */

static enum gn_err explain_status(struct gn_rpc_client *c)
{
    enum gn_err err;
    enum gn_err read = gn_problem_read(&err, c->detail, sizeof c->detail, c->status, gn_buffer_slice(&c->body));
    if (read || c->detail[0] == '\0')
        (void)snprintf(c->detail, sizeof c->detail, "the node answered %u %s", c->status, gn_http_reason(c->status));
    return err ? err : GN_E_MALFORMED; /* 3xx: the API has none */
}

static enum gn_err explain_failure(struct gn_rpc_client *c, enum gn_err err)
{
    c->no_node = err == GN_E_UNREACHABLE && c->status == 0;
    if (c->detail[0] != '\0')
        return err;
    if (c->no_node)
        say(c, "no node is running on this data folder");
    else if (err == GN_E_TIMEOUT)
        say(c, "the node did not answer in time");
    else if (err == GN_E_CLOSED)
        say(c, "the node ended the connection before its answer was complete");
    else if (err == GN_E_PERMISSION && c->status == 0)
        say(c, "the node's socket belongs to another user");
    else
        say(c, gn_err_text(err));
    return err;
}

static enum gn_err conclude(struct gn_rpc_client *c, enum gn_err err)
{
    c->interrupted = err == GN_E_CANCELLED && !c->stream_err;
    if (!err && c->line.len > 0)
        err = GN_E_CLOSED; /* a line without its end */
    if (c->stream_err)
        err = c->stream_err;
    if (err)
        return explain_failure(c, err);
    return is_good(c) ? GN_OK : explain_status(c);
}

static void fill(struct gn_rpc_client *c, struct gn_rpc_response *out)
{
    /* The promised NUL behind the body; without memory for it the body is left out. */
    if (!gn_buffer_append(&c->body, c->alloc, "", 1))
        gn_buffer_clear(&c->body, c->alloc);
    else
        c->body.len--;
    out->status = c->status;
    out->headers = headers_of(c);
    out->body = c->body.data ? gn_slice_of(c->body.data + c->body.at, c->body.len) : gn_slice_of("", 0);
    out->detail = c->detail;
}

/* ---- calls ---- */

static void reset(struct gn_rpc_client *c, const struct gn_rpc_request *req)
{
    c->req = req;
    c->status = 0;
    c->is_lines = false;
    c->no_node = false;
    c->interrupted = false;
    c->fields_len = 0;
    c->stream_err = GN_OK;
    c->detail[0] = '\0';
    gn_buffer_clear(&c->body, c->alloc);
    gn_buffer_clear(&c->line, c->alloc);
}

static enum gn_err run(struct gn_rpc_client *c, const struct gn_rpc_request *req)
{
    struct gn_http_header headers[HEADERS_MAX + EXTRA_HEADERS];
    size_t n = 0;
    bool streams = req->source != NULL;
    if (req->headers_len > HEADERS_MAX || strlen(req->target) + 1 >= GN_RPC_TARGET_MAX)
        return GN_E_LIMIT;
    for (size_t i = 0; i < req->headers_len; i++)
        headers[n++] = req->headers[i];
    if (req->content_type || req->body.len > 0 || streams) {
        const char *type = streams ? "application/octet-stream" : "application/json";
        headers[n++] = gn_http_header_of("Content-Type", req->content_type ? req->content_type : type);
    }
    if (req->on_line)
        headers[n++] = gn_http_header_of("Accept", "application/x-ndjson");
    const struct gn_uv_http_call_request ask = {
        .method = gn_slice_str(req->method),
        .target = gn_slice_str(req->target),
        .headers = {.items = headers, .len = n},
        .body = req->body,
        .timeout_us = req->timeout_us,
        .timeout_is_idle = req->on_line || req->on_bytes || streams,
        .interruptible = req->interruptible,
        .on_head = on_head,
        .on_bytes = on_bytes,
        .source = streams ? on_source : NULL,
        .data = c,
    };
    return gn_uv_http_call_run(c->call, &ask);
}

enum gn_err gn_rpc_call(struct gn_rpc_client *c, struct gn_rpc_response *out, const struct gn_rpc_request *req)
{
    GN_CHECK(req->method && req->target);
    reset(c, req);
    enum gn_err err = conclude(c, run(c, req));
    c->req = NULL;
    fill(c, out);
    return err;
}

bool gn_rpc_client_no_node(const struct gn_rpc_client *c)
{
    return c->no_node;
}

bool gn_rpc_client_interrupted(const struct gn_rpc_client *c)
{
    return c->interrupted;
}

enum gn_err gn_rpc_client_new(struct gn_rpc_client **out, const struct gn_alloc *alloc, const char *socket_path)
{
    *out = NULL;
    struct gn_rpc_client *c = gn_alloc_zeroed(alloc, 1, sizeof *c);
    if (!c)
        return GN_E_NO_MEMORY;
    c->alloc = alloc;
    enum gn_err err = gn_uv_http_call_new(&c->call, alloc, socket_path);
    if (err) {
        gn_alloc_free(alloc, c);
        return err;
    }
    *out = c;
    return GN_OK;
}

void gn_rpc_client_free(struct gn_rpc_client *c)
{
    if (!c)
        return;
    gn_uv_http_call_free(c->call);
    gn_buffer_fini(&c->field_text, c->alloc);
    gn_buffer_fini(&c->body, c->alloc);
    gn_buffer_fini(&c->line, c->alloc);
    gn_alloc_free(c->alloc, c);
}

/* ---- targets ---- */

static void append(struct gn_rpc_target *t, const void *bytes, size_t len)
{
    if (t->overflow || len >= sizeof t->text - t->len) {
        t->overflow = true;
        /* An overlong target is refused by gn_rpc_call; a cut one would ask for something else. */
        memset(t->text, 'x', sizeof t->text - 1);
        t->text[sizeof t->text - 1] = '\0';
        t->len = sizeof t->text - 1;
        return;
    }
    memcpy(t->text + t->len, bytes, len);
    t->len += len;
    t->text[t->len] = '\0';
}

static void append_encoded(struct gn_rpc_target *t, struct gn_slice bytes)
{
    for (size_t i = 0; i < bytes.len && !t->overflow; i++) {
        uint8_t one[3];
        struct gn_writer w;
        gn_writer_init(&w, one, sizeof one);
        gn_uri_encode(&w, gn_slice_of(bytes.data + i, 1));
        append(t, one, w.len);
    }
}

void gn_rpc_target_init(struct gn_rpc_target *t, const char *path)
{
    t->len = 0;
    t->overflow = false;
    t->text[0] = '\0';
    gn_rpc_target_raw(t, path);
}

void gn_rpc_target_raw(struct gn_rpc_target *t, const char *text)
{
    append(t, text, strlen(text));
}

void gn_rpc_target_segment(struct gn_rpc_target *t, struct gn_slice bytes)
{
    append_encoded(t, bytes);
}

void gn_rpc_target_query(struct gn_rpc_target *t, const char *name, struct gn_slice value)
{
    append(t, strchr(t->text, '?') ? "&" : "?", 1);
    append(t, name, strlen(name));
    append(t, "=", 1);
    append_encoded(t, value);
}
