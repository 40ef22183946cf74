/* transport/http/h1_head.c - the head of a message: screen, llhttp, rules of framing. */
#include "transport/http/h1_head.h"

#include <llhttp.h>
#include <string.h>

#include "transport/http/h1_screen.h"

/* ---- llhttp cuts the head into fields ---- */

struct cutter {
    struct gn_h1_head *head;
    bool in_value; /* the last span belonged to a value: the next name begins a new field */
    bool too_many;
    bool complete;
};

static void extend(struct gn_slice *s, const char *at, size_t len)
{
    const uint8_t *first = (const uint8_t *)at;
    if (s->len == 0)
        s->data = first;
    s->len = (size_t)(first - s->data) + len; /* the head is one piece of memory: spans of one value join */
}

static int on_field(llhttp_t *p, const char *at, size_t len)
{
    struct cutter *c = p->data;
    struct gn_h1_head *h = c->head;
    if (h->fields_len == 0 || c->in_value) {
        if (h->fields_len == GN_H1_HEADERS_MAX) {
            c->too_many = true;
            return -1;
        }
        memset(&h->fields[h->fields_len++], 0, sizeof h->fields[0]);
        c->in_value = false;
    }
    extend(&h->fields[h->fields_len - 1].name, at, len);
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
    struct cutter *c = p->data;
    if (c->head->fields_len == 0)
        return -1;
    c->in_value = true;
    if (len > 0)
        extend(&c->head->fields[c->head->fields_len - 1].value, at, len);
    return 0;
}

static int on_value_complete(llhttp_t *p)
{
    struct cutter *c = p->data;
    c->in_value = true; /* an empty value has no span */
    return 0;
}

static int on_headers_complete(llhttp_t *p)
{
    struct cutter *c = p->data;
    c->complete = true;
    return HPE_PAUSED; /* bodies are not llhttp's business here */
}

static enum gn_err cut(struct gn_h1_head *head, struct gn_h1_refusal *refusal, struct gn_slice bytes,
                       llhttp_type_t type)
{
    struct cutter c = {.head = head};
    llhttp_settings_t settings;
    llhttp_t parser;
    llhttp_settings_init(&settings);
    settings.on_header_field = on_field;
    settings.on_header_value = on_value;
    settings.on_header_value_complete = on_value_complete;
    settings.on_headers_complete = on_headers_complete;
    llhttp_init(&parser, type, &settings);
    parser.data = &c;
    head->fields_len = 0;
    llhttp_errno_t e = llhttp_execute(&parser, (const char *)bytes.data, bytes.len);
    if (c.too_many)
        return gn_h1_screen_refuse(refusal, 431, "too many fields");
    if (e == HPE_INVALID_METHOD)
        return gn_h1_screen_refuse(refusal, 501, "unknown method");
    if (e != HPE_PAUSED || !c.complete)
        return gn_h1_screen_refuse(refusal, 400, "malformed head");
    for (size_t i = 0; i < head->fields_len; i++) {
        head->fields[i].value = gn_http_trim(head->fields[i].value);
        if (!gn_http_is_token(head->fields[i].name) || !gn_http_is_field_value(head->fields[i].value))
            return gn_h1_screen_refuse(refusal, 400, "malformed field");
    }
    return GN_OK;
}

/* ---- rules ---- */

static struct gn_http_headers fields_of(const struct gn_h1_head *head)
{
    return (struct gn_http_headers){.items = head->fields, .len = head->fields_len};
}

/* All Connection fields are one list (RFC 9110 section 7.6.1). */
static bool connection_has(const struct gn_h1_head *head, const char *token)
{
    for (size_t i = 0; i < head->fields_len; i++)
        if (gn_http_slice_like(head->fields[i].name, "connection") && gn_http_list_has(head->fields[i].value, token))
            return true;
    return false;
}

static void read_connection(struct gn_h1_head *head)
{
    if (connection_has(head, "close"))
        head->keep_alive = false;
    else
        head->keep_alive = head->minor == 1 || connection_has(head, "keep-alive");
    head->upgrade = connection_has(head, "upgrade") && gn_http_headers_find(fields_of(head), "upgrade") != NULL;
}

/* Content-Length and Transfer-Encoding, RFC 9112 sections 6.1 to 6.3. Sets framing to what the fields say. */
static enum gn_err read_framing(struct gn_h1_head *head, struct gn_h1_refusal *refusal)
{
    struct gn_slice coding;
    struct gn_slice length;
    enum gn_err has_coding = gn_http_headers_one(&coding, fields_of(head), "transfer-encoding");
    enum gn_err has_length = gn_http_headers_one(&length, fields_of(head), "content-length");
    head->framing = GN_H1_NO_BODY;
    head->length = 0;
    if (has_length == GN_E_INVALID)
        return gn_h1_screen_refuse(refusal, 400, "more than one Content-Length");
    if (has_coding != GN_E_NOT_FOUND && has_length != GN_E_NOT_FOUND)
        return gn_h1_screen_refuse(refusal, 400, "Content-Length together with Transfer-Encoding");
    if (has_coding == GN_E_INVALID)
        return gn_h1_screen_refuse(refusal, 400, "more than one Transfer-Encoding");
    if (has_coding == GN_OK) {
        if (head->minor == 0)
            return gn_h1_screen_refuse(refusal, 400, "Transfer-Encoding in HTTP/1.0");
        if (!gn_http_slice_like(coding, "chunked")) {
            struct gn_slice last = {NULL, 0};
            struct gn_slice one;
            unsigned chunked = 0;
            while (gn_http_list_next(&one, &coding)) {
                last = one;
                chunked += gn_http_slice_like(one, "chunked");
            }
            /* A coding that we do not know may still be framed; without chunked, once, at the end it is not even that.
             */
            unsigned status = chunked == 1 && gn_http_slice_like(last, "chunked") ? 501 : 400;
            return gn_h1_screen_refuse(refusal, status, "only the transfer coding chunked is understood");
        }
        head->framing = GN_H1_CHUNKED;
    } else if (has_length == GN_OK) {
        if (gn_http_number(&head->length, length))
            return gn_h1_screen_refuse(refusal, 400, "invalid Content-Length");
        head->framing = head->length ? GN_H1_LENGTH : GN_H1_NO_BODY;
    }
    return GN_OK;
}

/* RFC 9112 section 3.2: exactly one valid Host in HTTP/1.1. */
static enum gn_err read_host(struct gn_h1_head *head, struct gn_h1_refusal *refusal)
{
    enum gn_err err = gn_http_headers_one(&head->host, fields_of(head), "host");
    if (err == GN_E_INVALID)
        return gn_h1_screen_refuse(refusal, 400, "more than one Host");
    if (err == GN_E_NOT_FOUND && head->minor == 1)
        return gn_h1_screen_refuse(refusal, 400, "no Host");
    struct gn_slice name;
    uint16_t port;
    if (!err && gn_uri_parse_authority(&name, &port, head->host))
        return gn_h1_screen_refuse(refusal, 400, "invalid Host");
    if (head->uri.authority.len > 0) /* section 3.2.2: the absolute form wins */
        head->host = head->uri.authority;
    return GN_OK;
}

static enum gn_err read_expect(struct gn_h1_head *head, struct gn_h1_refusal *refusal)
{
    struct gn_slice value;
    enum gn_err err = gn_http_headers_one(&value, fields_of(head), "expect");
    if (err == GN_E_NOT_FOUND || head->minor == 0) /* RFC 9110 section 10.1.1: ignored from HTTP/1.0 */
        return GN_OK;
    if (err || !gn_http_slice_like(value, "100-continue"))
        return gn_h1_screen_refuse(refusal, 417, "unknown expectation");
    head->expects_continue = head->framing != GN_H1_NO_BODY;
    return GN_OK;
}

enum gn_err gn_h1_head_request(struct gn_h1_head *out, struct gn_h1_refusal *refusal, struct gn_slice bytes,
                               size_t target_max)
{
    struct gn_slice line = {NULL, 0};
    struct gn_slice fields = {NULL, 0};
    memset(out, 0, offsetof(struct gn_h1_head, fields));
    out->fields_len = 0;
    if (gn_h1_screen_split(&line, &fields, refusal, bytes) ||
        gn_h1_screen_request_line(out, refusal, line, target_max) || gn_h1_screen_fields(refusal, fields))
        return GN_E_MALFORMED;
    if (gn_http_slice_is(out->method, "CONNECT"))
        return gn_h1_screen_refuse(refusal, 501, "this is no proxy");
    if (gn_uri_parse_target(&out->uri, out->target))
        return gn_h1_screen_refuse(refusal, 400, "invalid target");
    if (gn_http_slice_is(out->uri.path, "*") && !gn_http_slice_is(out->method, "OPTIONS"))
        return gn_h1_screen_refuse(refusal, 400, "the target * is for OPTIONS only");
    if (cut(out, refusal, bytes, HTTP_REQUEST))
        return GN_E_MALFORMED;
    if (read_host(out, refusal) || read_framing(out, refusal) || read_expect(out, refusal))
        return GN_E_MALFORMED;
    read_connection(out);
    return GN_OK;
}

enum gn_err gn_h1_head_response(struct gn_h1_head *out, struct gn_h1_refusal *refusal, struct gn_slice bytes,
                                bool to_head)
{
    struct gn_slice line = {NULL, 0};
    struct gn_slice fields = {NULL, 0};
    memset(out, 0, offsetof(struct gn_h1_head, fields));
    out->fields_len = 0;
    if (gn_h1_screen_split(&line, &fields, refusal, bytes) || gn_h1_screen_status_line(out, refusal, line) ||
        gn_h1_screen_fields(refusal, fields) || cut(out, refusal, bytes, HTTP_RESPONSE) || read_framing(out, refusal))
        return GN_E_MALFORMED;
    read_connection(out);
    bool bodyless = out->status < 200 || out->status == 204 || out->status == 304; /* RFC 9112 section 6.3 */
    if (bodyless && out->status != 304 && out->framing == GN_H1_CHUNKED)
        return gn_h1_screen_refuse(refusal, 400, "Transfer-Encoding in an answer that has no body");
    if (bodyless || to_head) {
        out->framing = GN_H1_NO_BODY;
    } else if (out->framing == GN_H1_NO_BODY && !gn_http_headers_find(fields_of(out), "content-length")) {
        out->framing = GN_H1_UNTIL_CLOSE;
        out->keep_alive = false;
    }
    return GN_OK;
}

enum gn_err gn_h1_head_trailer(struct gn_h1_refusal *refusal, struct gn_slice bytes)
{
    struct gn_slice line = {NULL, 0};
    struct gn_slice fields = {NULL, 0};
    if (bytes.len == 2 && memcmp(bytes.data, "\r\n", 2) == 0)
        return GN_OK;
    if (gn_h1_screen_split(&line, &fields, refusal, bytes))
        return GN_E_MALFORMED;
    /* Without a start line the first field stands there. */
    return gn_h1_screen_fields(refusal, gn_slice_of(bytes.data, bytes.len - 2));
}
