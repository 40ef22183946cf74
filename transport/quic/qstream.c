#include "transport/quic/qstream.h"

#include <string.h>

#include "base/check.h"

#define SEGMENT_MIN 512U /* small writes share a segment */

static struct gn_quic_segment *segment_of(struct gn_list_node *n)
{
    return n ? GN_CONTAINER_OF(n, struct gn_quic_segment, node) : NULL;
}

enum gn_err gn_qstream_new(struct gn_quic_link *link, struct gn_quic_stream **out, int64_t id)
{
    struct gn_quic_stream *s = gn_alloc_zeroed(link->q->alloc, 1, sizeof *s);

    if (!s) {
        return GN_E_NO_MEMORY;
    }
    s->id = id;
    s->link = link;
    gn_list_init(&s->segments);
    gn_list_init(&s->chunks);
    const enum gn_err err = gn_map_set(&link->streams, &id, &s);

    if (err != GN_OK) {
        gn_alloc_free(link->q->alloc, s);
        return err;
    }
    *out = s;
    return GN_OK;
}

struct gn_quic_stream *gn_qstream_find(const struct gn_quic_link *link, int64_t id)
{
    struct gn_quic_stream **found = gn_map_get(&link->streams, &id);

    return found ? *found : NULL;
}

static void release_segment(struct gn_quic *q, struct gn_quic_segment *segment)
{
    gn_list_remove(&segment->node);
    if (segment->cap == 0) {
        gn_list_push_back(&q->released, &segment->node);
    } else {
        gn_alloc_free(q->alloc, segment);
    }
}

void gn_qstream_recycle(struct gn_quic *q, struct gn_quic_chunk *chunk)
{
    if (q->chunks_free_len < GN_QUIC_CHUNKS_KEPT) {
        gn_list_push_front(&q->chunks_free, &chunk->node);
        q->chunks_free_len++;
    } else {
        gn_alloc_free(q->alloc, chunk);
    }
}

void gn_qstream_trim(struct gn_quic *q)
{
    struct gn_list_node *n;

    while ((n = gn_list_pop_front(&q->chunks_free)) != NULL) {
        gn_alloc_free(q->alloc, GN_CONTAINER_OF(n, struct gn_quic_chunk, node));
    }
    q->chunks_free_len = 0;
}

void gn_qstream_credit(struct gn_quic_stream *s, uint64_t len)
{
    ngtcp2_conn *conn = s->link->conn;

    s->consumed += len;
    if (!conn || len == 0) {
        return;
    }
    if (!s->gone) { /* a stream that ngtcp2 has closed needs no window of its own */
        (void)ngtcp2_conn_extend_max_stream_offset(conn, s->id, len);
    }
    ngtcp2_conn_extend_max_offset(conn, len);
}

void gn_qstream_drop_input(struct gn_quic_stream *s)
{
    struct gn_list_node *n;

    s->in_over = true;
    while ((n = gn_list_pop_front(&s->chunks)) != NULL) {
        gn_qstream_recycle(s->link->q, GN_CONTAINER_OF(n, struct gn_quic_chunk, node));
    }
    gn_qstream_credit(s, s->received - s->consumed);
}

void gn_qstream_drop_output(struct gn_quic_stream *s)
{
    while (!gn_list_is_empty(&s->segments)) {
        release_segment(s->link->q, segment_of(gn_list_first(&s->segments)));
    }
    s->cursor = NULL;
    s->out_over = true;
    gn_list_remove(&s->send_node);
}

void gn_qstream_free(struct gn_quic_stream *s)
{
    struct gn_quic *q = s->link->q;

    gn_qstream_drop_input(s);
    gn_qstream_drop_output(s);
    gn_list_remove(&s->event_node);
    (void)gn_map_remove(&s->link->streams, &s->id);
    gn_alloc_free(q->alloc, s);
}

void gn_qstream_notify(struct gn_quic_stream *s, uint32_t bits)
{
    s->events |= bits;
    if (!gn_list_is_linked(&s->event_node)) {
        gn_list_push_back(&s->link->event_streams, &s->event_node);
    }
    if (!gn_list_is_linked(&s->link->event_node)) {
        gn_list_push_back(&s->link->q->event_links, &s->link->event_node);
    }
}

/* --- out --- */

static void add_segment(struct gn_quic_stream *s, struct gn_quic_segment *segment)
{
    gn_list_push_back(&s->segments, &segment->node);
    if (!s->cursor) {
        s->cursor = &segment->node;
        s->cursor_at = 0;
    }
}

/* Room in the last segment: bytes behind those that a packet may refer to are still ours. */
static struct gn_quic_segment *last_with_room(struct gn_quic_stream *s)
{
    struct gn_quic_segment *last = segment_of(gn_list_last(&s->segments));

    return last && last->len < last->cap ? last : NULL;
}

enum gn_err gn_qstream_append(struct gn_quic_stream *s, struct gn_slice data)
{
    const struct gn_alloc *alloc = s->link->q->alloc;
    struct gn_quic_segment *last = last_with_room(s);
    const size_t head = !last ? 0 : last->cap - last->len < data.len ? last->cap - last->len : data.len;
    struct gn_list fresh;
    size_t at = head;

    gn_list_init(&fresh);
    while (at < data.len) {
        const size_t left = data.len - at;
        const size_t len = left < GN_QUIC_CHUNK ? left : GN_QUIC_CHUNK;
        const size_t cap = len < SEGMENT_MIN ? SEGMENT_MIN : len;
        struct gn_quic_segment *segment = gn_alloc_resize(alloc, NULL, sizeof *segment + cap);

        if (!segment) {
            goto fail;
        }
        *segment = (struct gn_quic_segment){.data = segment->bytes, .cap = cap, .len = len};
        memcpy(segment->bytes, data.data + at, len);
        gn_list_push_back(&fresh, &segment->node);
        at += len;
    }
    if (last) {
        memcpy(last->bytes + last->len, data.data, head);
        last->len += head;
        if (!s->cursor) { /* it was wholly sent: go on behind what is sent */
            s->cursor = &last->node;
            s->cursor_at = last->len - head;
        }
    }
    for (struct gn_list_node *n; (n = gn_list_pop_front(&fresh)) != NULL;) {
        add_segment(s, segment_of(n));
    }
    s->queued += data.len;
    return GN_OK;
fail:
    for (struct gn_list_node *n; (n = gn_list_pop_front(&fresh)) != NULL;) {
        gn_alloc_free(alloc, segment_of(n));
    }
    return GN_E_NO_MEMORY;
}

enum gn_err gn_qstream_lend(struct gn_quic_stream *s, struct gn_slice data, void *token)
{
    struct gn_quic_segment *segment = gn_alloc_zeroed(s->link->q->alloc, 1, sizeof *segment);

    if (!segment) {
        return GN_E_NO_MEMORY;
    }
    segment->data = data.data;
    segment->len = data.len;
    segment->token = token;
    add_segment(s, segment);
    s->queued += data.len;
    return GN_OK;
}

void gn_qstream_wake(struct gn_quic_stream *s)
{
    const bool wants = s->cursor != NULL || (s->fin_wanted && !s->fin_sent);

    if (wants && !s->out_over && !s->gone && !gn_list_is_linked(&s->send_node)) {
        gn_list_push_back(&s->link->sendable, &s->send_node);
    }
}

size_t gn_qstream_gather(const struct gn_quic_stream *s, ngtcp2_vec *vectors, size_t max, size_t limit, bool *fin)
{
    size_t count = 0;
    size_t bytes = 0;
    size_t at = s->cursor_at;
    struct gn_list_node *n = s->cursor;

    for (; n && count < max && bytes < limit; n = gn_list_next(&s->segments, n)) {
        struct gn_quic_segment *segment = segment_of(n);
        union {
            const uint8_t *in;
            uint8_t *out;
        } data = {.in = segment->data + at}; /* ngtcp2_vec has no const; it only reads */

        vectors[count++] = (ngtcp2_vec){.base = data.out, .len = segment->len - at};
        bytes += segment->len - at;
        at = 0;
    }
    *fin = !n && s->fin_wanted;
    return count;
}

void gn_qstream_sent(struct gn_quic_stream *s, size_t len, bool fin)
{
    s->sent += len;
    s->link->bytes_sent += len;
    s->fin_sent = s->fin_sent || fin;
    while (s->cursor) {
        const struct gn_quic_segment *segment = segment_of(s->cursor);
        const size_t left = segment->len - s->cursor_at;

        if (len < left) {
            s->cursor_at += len;
            break;
        }
        len -= left;
        s->cursor = gn_list_next(&s->segments, s->cursor);
        s->cursor_at = 0;
    }
    if (!s->cursor && (!s->fin_wanted || s->fin_sent)) {
        gn_list_remove(&s->send_node);
    }
}

void gn_qstream_acked(struct gn_quic_stream *s, uint64_t len)
{
    struct gn_list_node *n;

    s->acked += len;
    while ((n = gn_list_first(&s->segments)) != NULL && n != s->cursor) {
        struct gn_quic_segment *segment = segment_of(n);

        if (s->first + segment->len > s->acked) {
            break;
        }
        s->first += segment->len;
        release_segment(s->link->q, segment);
    }
    if (s->want_room && s->queued - s->acked <= s->link->q->config.send_buffer / 2) {
        s->want_room = false;
        gn_qstream_notify(s, GN_QUIC_WANT_WRITABLE);
    }
}

/* --- in --- */

static struct gn_quic_chunk *chunk_new(struct gn_quic *q)
{
    struct gn_list_node *n = gn_list_pop_front(&q->chunks_free);
    struct gn_quic_chunk *chunk;

    if (n) {
        q->chunks_free_len--;
        chunk = GN_CONTAINER_OF(n, struct gn_quic_chunk, node);
    } else {
        chunk = gn_alloc_resize(q->alloc, NULL, sizeof *chunk); /* not zeroed: the bytes are overwritten first */
    }
    if (chunk) {
        chunk->node = (struct gn_list_node){.prev = NULL};
        chunk->len = 0;
    }
    return chunk;
}

enum gn_err gn_qstream_received(struct gn_quic_stream *s, const uint8_t *data, size_t len, bool fin)
{
    s->received += len;
    if (s->in_over) {
        gn_qstream_credit(s, len);
        return GN_OK;
    }
    s->link->bytes_received += len;
    s->fin_received = s->fin_received || fin;
    while (len > 0) {
        struct gn_list_node *n = gn_list_last(&s->chunks);
        struct gn_quic_chunk *chunk = n ? GN_CONTAINER_OF(n, struct gn_quic_chunk, node) : NULL;

        if (!chunk || chunk->len == GN_QUIC_CHUNK) {
            chunk = chunk_new(s->link->q);
            if (!chunk) {
                return GN_E_NO_MEMORY;
            }
            gn_list_push_back(&s->chunks, &chunk->node);
        }
        const size_t room = GN_QUIC_CHUNK - chunk->len;
        const size_t part = len < room ? len : room;

        memcpy(chunk->bytes + chunk->len, data, part);
        chunk->len += part;
        data += part;
        len -= part;
    }
    gn_qstream_notify(s, 0);
    return GN_OK;
}

struct gn_quic_chunk *gn_qstream_take(struct gn_quic_stream *s)
{
    struct gn_list_node *n = gn_list_pop_front(&s->chunks);

    if (!n) {
        return NULL;
    }
    struct gn_quic_chunk *chunk = GN_CONTAINER_OF(n, struct gn_quic_chunk, node);

    s->given += chunk->len;
    s->link->q->lent_chunk = chunk;
    return chunk;
}
