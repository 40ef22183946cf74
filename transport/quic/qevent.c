#include "transport/quic/qevent.h"

#include "base/check.h"
#include "transport/quic/qend.h"
#include "transport/quic/qstream.h"

void gn_qevent_take_back(struct gn_quic *q)
{
    if (q->lent_chunk) {
        gn_qstream_recycle(q, q->lent_chunk);
        q->lent_chunk = NULL;
    }
    gn_alloc_free(q->alloc, q->lent_dgram);
    q->lent_dgram = NULL;
}

static bool take_bit(uint32_t *bits, uint32_t bit)
{
    const bool had = (*bits & bit) != 0;

    *bits &= ~bit;
    return had;
}

static bool data_event(struct gn_quic_stream *s, struct gn_quic_event *out)
{
    if (s->in_over) {
        return false;
    }
    const struct gn_quic_chunk *chunk = gn_qstream_take(s);
    const bool last = s->fin_received && gn_list_is_empty(&s->chunks);

    if (!chunk && (!last || s->fin_given)) {
        return false;
    }
    out->type = GN_QUIC_STREAM_DATA;
    out->offset = s->given;
    if (chunk) {
        out->data = gn_slice_of(chunk->bytes, chunk->len);
        out->offset -= chunk->len;
    }
    out->fin = last;
    s->fin_given = last;
    return true;
}

static bool stream_event(struct gn_quic_stream *s, struct gn_quic_event *out)
{
    out->stream = s->id;
    out->stream_user = s->user;
    if (take_bit(&s->events, GN_QUIC_WANT_OPENED)) {
        out->type = GN_QUIC_STREAM_OPENED;
    } else if (data_event(s, out)) {
        return true;
    } else if (take_bit(&s->events, GN_QUIC_WANT_RESET)) {
        out->type = GN_QUIC_STREAM_RESET;
        out->app_error = s->reset_error;
    } else if (take_bit(&s->events, GN_QUIC_WANT_STOPPED)) {
        out->type = GN_QUIC_STREAM_STOPPED;
    } else if (take_bit(&s->events, GN_QUIC_WANT_WRITABLE)) {
        out->type = GN_QUIC_WRITABLE;
    } else if (take_bit(&s->events, GN_QUIC_WANT_STREAM_CLOSED)) {
        out->type = GN_QUIC_STREAM_CLOSED;
        out->app_error = s->close_error;
        gn_qstream_free(s);
    } else {
        return false;
    }
    return true;
}

static bool any_stream_event(struct gn_quic_link *link, struct gn_quic_event *out)
{
    struct gn_list_node *n;

    while ((n = gn_list_first(&link->event_streams)) != NULL) {
        if (stream_event(GN_CONTAINER_OF(n, struct gn_quic_stream, event_node), out)) {
            return true;
        }
        gn_list_remove(n);
    }
    out->stream = -1;
    out->stream_user = NULL;
    return false;
}

static bool datagram_event(struct gn_quic_link *link, struct gn_quic_event *out)
{
    struct gn_list_node *n = gn_list_pop_front(&link->dgrams_in);

    if (!n) {
        return false;
    }
    struct gn_quic_dgram *d = GN_CONTAINER_OF(n, struct gn_quic_dgram, node);

    link->dgrams_in_len--;
    link->q->lent_dgram = d;
    out->type = GN_QUIC_DATAGRAM;
    out->data = gn_slice_of(d->bytes, d->len);
    return true;
}

/* CLOSED is the last one and may free the link. */
static bool link_event(struct gn_quic_link *link, struct gn_quic_event *out)
{
    *out = (struct gn_quic_event){.conn = link->id,
                                  .conn_user = link->user,
                                  .stream = -1,
                                  .peer = link->peer,
                                  .addr = link->remote,
                                  .inbound = link->inbound,
                                  .resumed = link->resumed};
    if (take_bit(&link->events, GN_QUIC_WANT_CONNECTED)) {
        out->type = GN_QUIC_CONNECTED;
    } else if (take_bit(&link->events, GN_QUIC_WANT_PATH)) {
        out->type = GN_QUIC_PATH_CHANGED;
    } else if (take_bit(&link->events, GN_QUIC_WANT_STREAMS)) {
        out->type = GN_QUIC_STREAMS_MORE;
    } else if (datagram_event(link, out) || any_stream_event(link, out)) {
        return true;
    } else if (take_bit(&link->events, GN_QUIC_WANT_CLOSED)) {
        out->type = GN_QUIC_CLOSED;
        out->err = link->err;
        out->app_error = link->app_error;
        gn_qend_reported(link);
    } else {
        return false;
    }
    return true;
}

static bool released_event(struct gn_quic *q, struct gn_quic_event *out)
{
    struct gn_list_node *n = gn_list_pop_front(&q->released);

    if (!n) {
        return false;
    }
    struct gn_quic_segment *segment = GN_CONTAINER_OF(n, struct gn_quic_segment, node);

    *out = (struct gn_quic_event){.type = GN_QUIC_RELEASED, .stream = -1, .token = segment->token};
    gn_alloc_free(q->alloc, segment);
    return true;
}

bool gn_qevent_next(struct gn_quic *q, struct gn_quic_event *out)
{
    struct gn_list_node *n;

    gn_qevent_take_back(q);
    if (released_event(q, out)) {
        return true;
    }
    while ((n = gn_list_first(&q->event_links)) != NULL) {
        if (link_event(GN_CONTAINER_OF(n, struct gn_quic_link, event_node), out)) {
            return true;
        }
        gn_list_remove(n);
    }
    return false;
}
