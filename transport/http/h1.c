/* transport/http/h1.c - the HTTP/1.1 engine: collects heads, hands out bodies. */
#include "transport/http/h1.h"

#include <string.h>

#include "base/check.h"

#define HEAD_MAX_DEFAULT 16384U
#define TARGET_MAX_DEFAULT 8192U
#define BUF_FIRST 1024U
#define BUF_KEEP 4096U
#define BLANK_LINES_MAX 4U /* RFC 9112 section 2.2 wants at least one skipped */
#define INTERIMS_MAX 16U   /* 1xx answers in front of the real one */

void gn_h1_init(struct gn_h1 *h, const struct gn_alloc *alloc, bool server, const struct gn_h1_limits *limits)
{
    memset(h, 0, sizeof *h);
    h->alloc = alloc;
    h->server = server;
    h->limits = *limits;
    if (h->limits.head_max == 0)
        h->limits.head_max = HEAD_MAX_DEFAULT;
    if (h->limits.target_max == 0)
        h->limits.target_max = TARGET_MAX_DEFAULT;
    if (h->limits.body_max == 0)
        h->limits.body_max = UINT64_MAX;
    h->body_max = h->limits.body_max;
}

void gn_h1_fini(struct gn_h1 *h)
{
    gn_alloc_free(h->alloc, h->lines.data);
    gn_alloc_free(h->alloc, h->trailer.data);
    gn_alloc_free(h->alloc, h->head);
    h->lines = (struct gn_h1_buffer){0};
    h->trailer = (struct gn_h1_buffer){0};
    h->head = NULL;
}

static enum gn_h1_event_type refuse(struct gn_h1 *h, unsigned status, const char *reason)
{
    h->state = GN_H1_STATE_REFUSED;
    h->refusal.status = status;
    h->refusal.reason = reason;
    return GN_H1_REFUSED;
}

static bool append(struct gn_h1_buffer *b, const struct gn_alloc *alloc, uint8_t byte)
{
    if (b->len == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : BUF_FIRST;
        uint8_t *data = gn_alloc_resize(alloc, b->data, cap);
        if (!data)
            return false;
        b->data = data;
        b->cap = cap;
    }
    b->data[b->len++] = byte;
    return true;
}

/* Ready for new lines. A buffer that had to grow is given back: idle connections do not keep their longest head. */
static void clear(struct gn_h1_buffer *b, const struct gn_alloc *alloc)
{
    b->len = 0;
    b->line_ends = 0;
    if (b->cap > BUF_KEEP) {
        gn_alloc_free(alloc, b->data);
        b->data = NULL;
        b->cap = 0;
    }
}

/* How many bytes of "\r\n\r\n" the buffer ends with, after one more byte. */
static unsigned follow_line_ends(unsigned seen, uint8_t byte)
{
    if (byte == '\n')
        return seen == 1 || seen == 3 ? seen + 1 : 0;
    if (byte == '\r')
        return seen == 2 ? 3 : 1;
    return 0;
}

/* Too long a head: what exactly was too long decides about the status. */
static enum gn_h1_event_type refuse_long_head(struct gn_h1 *h, const struct gn_h1_buffer *b)
{
    if (h->server && b == &h->lines && !memchr(b->data, '\n', b->len))
        return refuse(h, 414, "the request line is too long");
    return refuse(h, 431, "the head is too long");
}

/* Looks at the byte just appended. MORE: go on. HEAD: the empty line is there. */
static enum gn_h1_event_type look_at_byte(struct gn_h1 *h, struct gn_h1_buffer *b, uint8_t byte)
{
    b->line_ends = follow_line_ends(b->line_ends, byte);
    if (byte == '\n' && b->line_ends == 0)
        return refuse(h, 400, "line feed without carriage return"); /* at once: the end may never come */
    if (b->len == 1 && byte != '\r' && !gn_http_is_tchar(byte))
        return refuse(h, 400, "this is not HTTP");
    if (b->len == 2 && b->line_ends == 2) {
        if (b == &h->trailer)
            return GN_H1_HEAD;
        clear(b, h->alloc); /* an empty line in front of the start line */
        return ++h->blank_lines > BLANK_LINES_MAX ? refuse(h, 400, "too many empty lines") : GN_H1_MORE;
    }
    if (b->line_ends == 4)
        return GN_H1_HEAD;
    return b->len >= h->limits.head_max ? refuse_long_head(h, b) : GN_H1_MORE;
}

/* Collects lines until the empty one: HEAD then, MORE when the input is used up. */
static enum gn_h1_event_type collect(struct gn_h1 *h, struct gn_h1_buffer *b, struct gn_slice *in)
{
    enum gn_h1_event_type type = GN_H1_MORE;
    while (in->len > 0 && type == GN_H1_MORE) {
        uint8_t byte = in->data[0];
        in->data++;
        in->len--;
        if (!append(b, h->alloc, byte))
            return refuse(h, 503, "out of memory");
        type = look_at_byte(h, b, byte);
    }
    return type;
}

static enum gn_h1_event_type begin_body(struct gn_h1 *h)
{
    const struct gn_h1_head *head = h->head;
    h->body = 0;
    h->left = head->length;
    h->body_max = h->limits.body_max;
    switch (head->framing) {
    case GN_H1_NO_BODY:
        h->state = GN_H1_STATE_END;
        break;
    case GN_H1_LENGTH:
        h->state = GN_H1_STATE_LENGTH;
        break;
    case GN_H1_CHUNKED:
        gn_h1_chunk_init(&h->chunk);
        h->state = GN_H1_STATE_CHUNKS;
        break;
    case GN_H1_UNTIL_CLOSE:
        h->state = GN_H1_STATE_CLOSE;
        break;
    }
    return GN_H1_HEAD;
}

static enum gn_h1_event_type finish_head(struct gn_h1 *h)
{
    if (!h->head) {
        h->head = gn_alloc_zeroed(h->alloc, 1, sizeof *h->head);
        if (!h->head)
            return refuse(h, 503, "out of memory");
    }
    struct gn_h1_refusal why = {0, NULL};
    struct gn_slice bytes = gn_slice_of(h->lines.data, h->lines.len);
    enum gn_err err = h->server ? gn_h1_head_request(h->head, &why, bytes, h->limits.target_max)
                                : gn_h1_head_response(h->head, &why, bytes, h->to_head);
    if (err)
        return refuse(h, why.status, why.reason);
    if (!h->server && h->head->status < 200) {
        /* Interim answers are not for this client; 101 answers an Upgrade that it never sends. */
        if (h->head->status == 101 || ++h->interims > INTERIMS_MAX)
            return refuse(h, 502, "unexpected interim answer");
        clear(&h->lines, h->alloc);
        return GN_H1_MORE;
    }
    return begin_body(h);
}

static enum gn_h1_event_type read_head(struct gn_h1 *h, struct gn_slice *in)
{
    enum gn_h1_event_type type = GN_H1_MORE;
    while (type == GN_H1_MORE && in->len > 0) { /* more than once: interim answers */
        type = collect(h, &h->lines, in);
        if (type == GN_H1_HEAD)
            type = finish_head(h);
    }
    return type;
}

static enum gn_h1_event_type hand_out(struct gn_h1 *h, struct gn_h1_event *ev, struct gn_slice data)
{
    if (data.len > h->body_max - h->body)
        return refuse(h, 413, "the body is too long");
    h->body += data.len;
    ev->body = data;
    return GN_H1_BODY;
}

static struct gn_slice take(struct gn_slice *in, uint64_t max)
{
    struct gn_slice data = gn_slice_of(in->data, in->len < max ? in->len : (size_t)max);
    in->data += data.len;
    in->len -= data.len;
    return data;
}

static enum gn_h1_event_type read_length(struct gn_h1 *h, struct gn_h1_event *ev, struct gn_slice *in)
{
    if (h->left > h->body_max - h->body) /* says at once that it will be too long */
        return refuse(h, 413, "the body is too long");
    if (in->len == 0)
        return GN_H1_MORE;
    struct gn_slice data = take(in, h->left);
    h->left -= data.len;
    if (h->left == 0)
        h->state = GN_H1_STATE_END;
    return hand_out(h, ev, data);
}

static enum gn_h1_event_type read_trailer(struct gn_h1 *h, struct gn_slice *in)
{
    struct gn_h1_refusal why = {0, NULL};
    enum gn_h1_event_type type = collect(h, &h->trailer, in);
    if (type != GN_H1_HEAD)
        return type;
    if (gn_h1_head_trailer(&why, gn_slice_of(h->trailer.data, h->trailer.len)))
        return refuse(h, why.status, why.reason);
    h->state = GN_H1_STATE_END;
    return GN_H1_END;
}

static enum gn_h1_event_type read_chunks(struct gn_h1 *h, struct gn_h1_event *ev, struct gn_slice *in)
{
    struct gn_slice data = {NULL, 0};
    switch (gn_h1_chunk_read(&h->chunk, &data, in)) {
    case GN_H1_CHUNK_MORE:
        return GN_H1_MORE;
    case GN_H1_CHUNK_BYTES:
        return hand_out(h, ev, data);
    case GN_H1_CHUNK_BAD:
        return refuse(h, 400, "malformed chunk");
    case GN_H1_CHUNK_LAST:
        break;
    }
    h->state = GN_H1_STATE_TRAILER;
    clear(&h->trailer, h->alloc);
    return read_trailer(h, in);
}

void gn_h1_read(struct gn_h1 *h, struct gn_h1_event *ev, struct gn_slice *in)
{
    ev->body = gn_slice_of(NULL, 0);
    switch (h->state) {
    case GN_H1_STATE_HEAD:
        ev->type = read_head(h, in);
        break;
    case GN_H1_STATE_LENGTH:
        ev->type = read_length(h, ev, in);
        break;
    case GN_H1_STATE_CHUNKS:
        ev->type = read_chunks(h, ev, in);
        break;
    case GN_H1_STATE_TRAILER:
        ev->type = read_trailer(h, in);
        break;
    case GN_H1_STATE_CLOSE:
        ev->type = in->len ? hand_out(h, ev, take(in, UINT64_MAX)) : GN_H1_MORE;
        break;
    case GN_H1_STATE_END:
        ev->type = GN_H1_END;
        break;
    case GN_H1_STATE_REFUSED:
        ev->type = GN_H1_REFUSED;
        break;
    }
    ev->head = h->head;
    ev->refusal = h->refusal;
}

void gn_h1_eof(struct gn_h1 *h, struct gn_h1_event *ev)
{
    ev->body = gn_slice_of(NULL, 0);
    ev->head = h->head;
    if (h->state == GN_H1_STATE_END)
        ev->type = GN_H1_END;
    else if (h->state == GN_H1_STATE_REFUSED)
        ev->type = GN_H1_REFUSED;
    else if (h->state == GN_H1_STATE_CLOSE) {
        h->state = GN_H1_STATE_END;
        ev->type = GN_H1_END;
    } else if (gn_h1_is_idle(h))
        ev->type = GN_H1_MORE;
    else
        ev->type = refuse(h, 400, "the connection was closed inside a message");
    ev->refusal = h->refusal;
}

void gn_h1_body_max(struct gn_h1 *h, uint64_t max)
{
    h->body_max = max;
}

void gn_h1_next(struct gn_h1 *h, bool to_head)
{
    GN_CHECK(h->state == GN_H1_STATE_END || gn_h1_is_idle(h));
    h->state = GN_H1_STATE_HEAD;
    h->to_head = to_head;
    h->blank_lines = 0;
    h->interims = 0;
    clear(&h->lines, h->alloc);
    clear(&h->trailer, h->alloc);
}

bool gn_h1_is_idle(const struct gn_h1 *h)
{
    return h->state == GN_H1_STATE_HEAD && h->lines.len == 0;
}
