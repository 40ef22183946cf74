/* node/host_query.c - overlay queries that do not fit a datagram: one QUIC stream each, body until FIN, both ways. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "node/host_inside.h"

#define BODY_MAX (GN_VALUE_MAX + 8192U) /* a value and what stands around it */
#define QUERIES_MAX 256U                /* at once, both directions */

struct gn_host_query {
    struct gn_list_node node;
    struct gn_host *host;
    struct gn_link_stream *stream;
    struct gn_contact peer;
    bool outgoing, complete;
    uint64_t txid;
    uint8_t *body;
    size_t body_len;
};

static struct gn_host_query *query_new(struct gn_host *h, const struct gn_contact *peer)
{
    if (h->queries_len >= QUERIES_MAX)
        return NULL;
    struct gn_host_query *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->host = h;
    q->peer = *peer;
    gn_list_push_back(&h->queries, &q->node);
    h->queries_len++;
    return q;
}

static void query_free(struct gn_host_query *q)
{
    gn_list_remove(&q->node);
    q->host->queries_len--;
    free(q->body);
    free(q);
}

static void query_failed(struct gn_host *h, uint64_t txid, enum gn_err err)
{
    struct gn_input in = {.type = GN_IN_QUERY_FAILED, .u.failed = {.txid = txid, .err = err}};
    gn_host_input(h, &in);
}

/* Collects the body. False: too long, or no memory. */
static bool query_collect(struct gn_host_query *q, struct gn_slice data)
{
    if (data.len == 0)
        return true;
    if (data.len > BODY_MAX - q->body_len)
        return false;
    uint8_t *body = realloc(q->body, q->body_len + data.len);
    if (!body)
        return false;
    memcpy(body + q->body_len, data.data, data.len);
    q->body = body;
    q->body_len += data.len;
    return true;
}

static void query_complete(struct gn_host_query *q)
{
    struct gn_host *h = q->host;
    struct gn_input in = {0};
    if (q->outgoing) {
        in.type = GN_IN_REPLY;
        in.u.reply = (struct gn_input_reply){
            .txid = q->txid, .from = q->peer, .via = GN_VIA_STREAM, .body = gn_slice_of(q->body, q->body_len)};
    } else {
        uint64_t token = gn_host_reply_keep(h, NULL, q);
        if (token == 0) {
            gn_link_abort(q->stream, GN_LINK_BUSY);
            return;
        }
        in.type = GN_IN_QUERY;
        in.u.query = (struct gn_input_query){.reply_to = token,
                                             .via = GN_VIA_STREAM,
                                             .addr = q->peer.addr,
                                             .addr_proved = true,
                                             .reply_max = BODY_MAX,
                                             .body = gn_slice_of(q->body, q->body_len)};
        memcpy(in.u.query.client_key, q->peer.id.b, sizeof in.u.query.client_key);
    }
    q->complete = true;
    gn_host_input(h, &in);
    gn_host_run(h);
}

static void on_data(void *user, struct gn_slice data, bool fin)
{
    struct gn_host_query *q = user;
    if (q->complete || !query_collect(q, data)) {
        gn_link_abort(q->stream, GN_LINK_BAD_REQUEST);
        return;
    }
    gn_link_consume(q->stream, data.len);
    if (fin)
        query_complete(q);
}

static void on_closed(void *user, enum gn_err err)
{
    struct gn_host_query *q = user;
    struct gn_host *h = q->host;
    bool failed = q->outgoing && !q->complete;
    uint64_t txid = q->txid;
    gn_host_reply_forget(h, q);
    query_free(q);
    if (failed && !h->closing) {
        query_failed(h, txid, err ? err : GN_E_CLOSED);
        gn_host_run(h);
    }
}

static const struct gn_link_stream_ops stream_ops = {.data = on_data, .closed = on_closed};

static void *accept_query(void *owner, struct gn_link_stream *stream, const struct gn_contact *peer,
                          const struct gn_link_stream_ops **ops)
{
    struct gn_host_query *q = query_new(owner, peer);
    if (q) {
        q->stream = stream;
        *ops = &stream_ops;
    }
    return q;
}

enum gn_err gn_host_query_start(struct gn_host *h)
{
    gn_links_serve(h->links, GN_LINK_QUERY, accept_query, h);
    return GN_OK;
}

void gn_host_query_send(struct gn_host *h, uint64_t txid, const struct gn_contact *to, struct gn_slice body)
{
    struct gn_host_query *q = h->links ? query_new(h, to) : NULL;
    if (!q) {
        query_failed(h, txid, h->links ? GN_E_FULL : GN_E_UNSUPPORTED);
        return;
    }
    q->outgoing = true;
    q->txid = txid;
    enum gn_err err = gn_links_open(h->links, &q->stream, to, GN_LINK_QUERY, &stream_ops, q);
    if (err) {
        query_free(q);
        query_failed(h, txid, err);
        return;
    }
    err = gn_link_write(q->stream, body, true);
    if (err)
        gn_link_abort(q->stream, GN_LINK_INTERNAL);
}

void gn_host_query_reply(struct gn_host *h, struct gn_host_query *q, struct gn_slice body)
{
    (void)h;
    if (gn_link_write(q->stream, body, true))
        gn_link_abort(q->stream, GN_LINK_INTERNAL);
}
