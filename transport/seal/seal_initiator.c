/* transport/seal/seal_initiator.c - asking: keys for a peer, transmissions, and the packets that answer them. */
#include "transport/seal/seal_initiator.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"

void gn_seal_initiator_init(struct gn_seal_initiator *i, struct gn_seal_context *context, uint32_t peers_max,
                            uint32_t pending_max, gn_time_us now)
{
    memset(i, 0, sizeof *i);
    i->context = context;
    gn_seal_cache_init(&i->peers, context->alloc, sizeof(struct gn_seal_peer), peers_max, context->hash_key);
    gn_seal_pendings_init(&i->pendings, context->alloc, pending_max);
    gn_seal_keys_pair(&i->client, &context->rng);
    i->generation = 1;
    i->rotate_at = gn_time_add(now, GN_SEAL_CLIENT_KEY_US);
    i->old_until = GN_TIME_NEVER;
}

void gn_seal_initiator_fini(struct gn_seal_initiator *i)
{
    gn_seal_pendings_fini(&i->pendings);
    gn_seal_cache_fini(&i->peers);
    sodium_memzero(&i->client, sizeof i->client);
}

void gn_seal_initiator_rotate(struct gn_seal_initiator *i, gn_time_us now)
{
    uint32_t cursor = 0;

    gn_seal_keys_pair(&i->client, &i->context->rng);
    i->generation++;
    i->packets = 0;
    i->rotate_at = gn_time_add(now, GN_SEAL_CLIENT_KEY_US);
    i->old_until = gn_time_add(now, GN_SEAL_CLIENT_KEY_OLD_US);
    for (struct gn_seal_peer *p = gn_seal_cache_next(&i->peers, &cursor); p;
         p = gn_seal_cache_next(&i->peers, &cursor)) {
        sodium_memzero(&p->keys, sizeof p->keys);
        p->generation = 0;
    }
}

void gn_seal_initiator_timer(struct gn_seal_initiator *i, gn_time_us now)
{
    gn_seal_pendings_expire(&i->pendings, now);
    if (now >= i->old_until) {
        gn_seal_pendings_drop_before(&i->pendings, i->generation);
        i->old_until = GN_TIME_NEVER;
    }
    if (now >= i->rotate_at) {
        gn_seal_initiator_rotate(i, now);
    }
}

gn_time_us gn_seal_initiator_deadline(const struct gn_seal_initiator *i)
{
    return gn_time_min(gn_seal_pendings_deadline(&i->pendings), gn_time_min(i->rotate_at, i->old_until));
}

/* ---- Peers ------------------------------------------------------------------------------------------------------ */

static void peer_set_epoch(struct gn_seal_peer *peer, const uint8_t epk[32], uint64_t number)
{
    memcpy(peer->epk, epk, 32);
    gn_seal_keys_dst_tag(peer->dst_tag, epk);
    sodium_memzero(&peer->keys, sizeof peer->keys);
    peer->generation = 0;
    peer->epoch = number;
}

bool gn_seal_initiator_learn(struct gn_seal_initiator *i, const struct gn_id *id,
                             const uint8_t record[GN_SEAL_EPOCH_RECORD])
{
    struct gn_seal_peer *peer = gn_seal_cache_find(&i->peers, id->b);
    uint64_t number = gn_seal_epoch_number(record);

    if (peer && number > peer->epoch) {
        peer_set_epoch(peer, record, number);
    }
    return !peer || number >= peer->epoch;
}

static enum gn_err derive(const struct gn_seal_initiator *i, struct gn_seal_keys *keys, const struct gn_id *id,
                          const uint8_t epk[32])
{
    i->context->counters.dh_done++;
    return gn_seal_keys_client(keys, &i->client, epk, &i->context->net, id);
}

/* The peer of this query with keys for our present client key, or NULL: not known, or its epoch key is of low order. */
static struct gn_seal_peer *keyed_peer(struct gn_seal_initiator *i, const struct gn_id *id)
{
    struct gn_seal_peer *peer = gn_seal_cache_find(&i->peers, id->b);

    if (peer && peer->generation != i->generation) {
        if (derive(i, &peer->keys, id, peer->epk) != GN_OK) {
            gn_seal_cache_remove(&i->peers, peer);
            return NULL;
        }
        peer->generation = i->generation;
    } else if (peer) {
        i->context->counters.cache_hits++;
    }
    return peer;
}

/* ---- Transmission ----------------------------------------------------------------------------------------------- */

/* What the header of a transmission needs besides keys. All zero: a probe. */
struct envelope {
    uint8_t token[GN_SEAL_TOKEN];
    uint8_t dst_tag[4];
};

/* Brings q->keys up to date: from the peer we know, else from the epoch key that the caller's contact hints at. If they
 * change, a late answer to an earlier transmission will not open any more: it is dropped like any other such.
 * False: there is none, so we can only probe. */
static bool prepare(struct gn_seal_initiator *i, struct gn_seal_pending *q, struct envelope *envelope)
{
    struct gn_seal_peer *peer = gn_id_is_zero(&q->to.id) ? NULL : keyed_peer(i, &q->to.id);

    if (peer) {
        q->keys = peer->keys;
        memcpy(q->to.epk, peer->epk, 32);
        q->epoch = peer->epoch;
        q->proved = true;
        q->generation = i->generation;
        memcpy(envelope->token, peer->token, GN_SEAL_TOKEN);
        memcpy(envelope->dst_tag, peer->dst_tag, sizeof envelope->dst_tag);
        return true;
    }
    if (gn_id_is_zero(&q->to.id) || sodium_is_zero(q->to.epk, 32)) {
        return false;
    }
    if (q->generation != i->generation) {
        if (derive(i, &q->keys, &q->to.id, q->to.epk) != GN_OK) {
            memset(q->to.epk, 0, sizeof q->to.epk);
            q->generation = 0;
            q->proved = false;
            return false;
        }
        q->generation = i->generation;
    }
    gn_seal_keys_dst_tag(envelope->dst_tag, q->to.epk);
    return true;
}

static size_t put_text(struct gn_seal_initiator *i, uint8_t *text, const struct gn_seal_pending *q)
{
    struct gn_seal_ask ask = {.want_record = !q->proved, .body = gn_slice_of(q->body, q->body_len)};

    if (q->introduce && q->body_len <= GN_SEAL_QUERY_BODY_MAX_SELF) {
        ask.self = i->context->epochs.self;
    }
    return gn_seal_wire_put_ask(text, &ask);
}

/* Sends q once more: a fresh nonce, and with it a fresh req_tag, every time. EXISTS: that req_tag is in use (2^-64).
 * NO_MEMORY. After an error nothing was sent. */
static enum gn_err transmit(struct gn_seal_initiator *i, struct gn_seal_pending *q, uint8_t *packet, size_t *packet_len)
{
    struct gn_seal_context *context = i->context;
    struct envelope envelope = {.token = {0}};
    bool keyed = prepare(i, q, &envelope);

    packet[0] = GN_SEAL_T_QUERY;
    packet[1] = GN_SEAL_VERSION;
    memcpy(packet + GN_SEAL_Q_DST_TAG, envelope.dst_tag, sizeof envelope.dst_tag);
    memcpy(packet + GN_SEAL_Q_TOKEN, q->retried ? q->token : envelope.token, GN_SEAL_TOKEN);
    memcpy(packet + GN_SEAL_Q_CLIENT, i->client.pk, 32);
    gn_rng_bytes(&context->rng, packet + GN_SEAL_Q_NONCE, GN_SEAL_Q_NET_TAG - GN_SEAL_Q_NONCE);
    gn_seal_keys_net_tag(packet + GN_SEAL_Q_NET_TAG, &context->net, packet);

    enum gn_err err = gn_seal_pending_note(&i->pendings, q, packet + GN_SEAL_Q_NONCE);
    if (err != GN_OK) {
        return err;
    }
    if (keyed) {
        *packet_len = gn_seal_keys_close(packet, put_text(i, packet + GN_SEAL_Q_HEADER, q), q->keys.q);
    } else {
        /* nothing to say and nobody to say it to: looks like any other query */
        gn_rng_bytes(&context->rng, packet + GN_SEAL_Q_HEADER, GN_SEAL_QUERY_MIN - GN_SEAL_Q_HEADER);
        *packet_len = GN_SEAL_QUERY_MIN;
    }
    i->packets++;
    context->counters.queries_sent++;
    return GN_OK;
}

/* The same as an event that asks the caller to send. */
static void transmit_event(struct gn_seal_initiator *i, struct gn_seal_event *event, struct gn_seal_pending *q)
{
    size_t len = 0;

    if (transmit(i, q, i->context->scratch, &len) == GN_OK) {
        event->type = GN_SEAL_SEND;
        event->addr = q->to.addr;
        event->packet = gn_slice_of(i->context->scratch, len);
    }
}

enum gn_err gn_seal_initiator_query(struct gn_seal_initiator *i, uint8_t *packet, size_t *packet_len,
                                    const struct gn_seal_request *request, gn_time_us now)
{
    *packet_len = 0;
    if (!gn_addr_is_usable(&request->to->addr) || request->expires_at <= now) {
        return GN_E_INVALID;
    }
    if (request->body.len > GN_SEAL_QUERY_BODY_MAX) {
        return GN_E_LIMIT;
    }
    gn_seal_pendings_expire(&i->pendings, now);
    if (i->packets >= GN_SEAL_CLIENT_KEY_PACKETS) {
        gn_seal_initiator_rotate(i, now);
    }
    struct gn_seal_pending *q = gn_seal_pending_by_cookie(&i->pendings, request->cookie);
    if (q) {
        enum gn_err err = transmit(i, q, packet, packet_len);
        if (err == GN_OK) {
            gn_seal_pending_set_expiry(&i->pendings, q, request->expires_at);
        }
        return err;
    }
    enum gn_err err = gn_seal_pending_add(&i->pendings, &q, request->cookie, request->body, request->expires_at);
    if (err != GN_OK) {
        return err;
    }
    q->to = *request->to;
    if (gn_id_is_zero(&q->to.id)) {
        memset(q->to.epk, 0, sizeof q->to.epk); /* a key without its owner's id is good for nothing */
    }
    q->introduce = request->introduce;
    err = transmit(i, q, packet, packet_len);
    if (err != GN_OK) {
        gn_seal_pending_remove(&i->pendings, q);
    }
    return err;
}

void gn_seal_initiator_cancel(struct gn_seal_initiator *i, uint64_t cookie)
{
    struct gn_seal_pending *q = gn_seal_pending_by_cookie(&i->pendings, cookie);

    if (q) {
        gn_seal_pending_remove(&i->pendings, q);
    }
}

/* ---- Answers ---------------------------------------------------------------------------------------------------- */

/* The query that this packet answers: its tag is one of ours and it comes from where we asked. */
static struct gn_seal_pending *asked(struct gn_seal_initiator *i, const struct gn_seal_arrival *in)
{
    struct gn_seal_pending *q = gn_seal_pending_by_tag(&i->pendings, in->bytes.data + GN_SEAL_R_REQ_TAG);

    if (q && gn_addr_eq(&q->to.addr, in->from)) {
        return q;
    }
    i->context->counters.dropped_unknown++;
    return NULL;
}

/* Rule 1: an answer under an epoch key that nobody has signed yet needs a record of just this key by the wanted id. */
static enum gn_err prove(struct gn_seal_initiator *i, struct gn_seal_pending *q, const uint8_t *record, gn_wall_s wall)
{
    if (q->proved) {
        return GN_OK;
    }
    if (!record || memcmp(record, q->to.epk, 32) != 0) {
        return GN_E_AUTH;
    }
    uint64_t number = gn_seal_epoch_number(record);
    const struct gn_seal_peer *peer = gn_seal_cache_find(&i->peers, q->to.id.b);
    if (!gn_seal_epoch_is_fresh(number, wall) || (peer && number < peer->epoch)) {
        return GN_E_STALE;
    }
    enum gn_err err = gn_seal_epoch_verify(record, &i->context->net, &q->to.id);
    if (err == GN_OK) {
        q->epoch = number;
        q->proved = true;
    }
    return err;
}

/* Keeps what the answer has taught about its sender, unless something newer is known by now. The peer; NULL: no memory,
 * so asking again will cost a little more, that is all. */
static const struct gn_seal_peer *remember(struct gn_seal_initiator *i, const struct gn_seal_pending *q,
                                           const uint8_t token[GN_SEAL_TOKEN])
{
    struct gn_seal_peer *peer = gn_seal_cache_add(&i->peers, q->to.id.b);

    if (!peer) {
        return NULL;
    }
    if (q->epoch > peer->epoch) {
        peer_set_epoch(peer, q->to.epk, q->epoch);
    }
    if (peer->generation == 0 && q->generation == i->generation && memcmp(peer->epk, q->to.epk, 32) == 0) {
        peer->keys = q->keys;
        peer->generation = q->generation;
    }
    memcpy(peer->token, token, GN_SEAL_TOKEN);
    return peer;
}

void gn_seal_initiator_reply(struct gn_seal_initiator *i, struct gn_seal_event *event, const struct gn_seal_arrival *in)
{
    struct gn_seal_context *context = i->context;
    struct gn_seal_pending *q = asked(i, in);
    struct gn_seal_answer answer;
    size_t len = 0;

    if (!q) {
        return;
    }
    if (q->generation == 0 || gn_seal_keys_open(context->scratch, &len, in->bytes, q->keys.r) != GN_OK) {
        context->counters.dropped_auth++;
        return;
    }
    if (gn_seal_wire_get_answer(&answer, gn_slice_of(context->scratch, len)) != GN_OK) {
        context->counters.dropped_malformed++;
        return;
    }
    if (prove(i, q, answer.record, in->wall) != GN_OK) {
        context->counters.dropped_auth++;
        return;
    }
    const struct gn_seal_peer *peer = remember(i, q, answer.token);
    event->type = GN_SEAL_REPLY;
    event->cookie = q->cookie;
    event->from = q->to;
    memcpy(event->from.epk, peer ? peer->epk : q->to.epk, sizeof event->from.epk); /* the newest that it has signed */
    event->observed = answer.observed;
    event->body = answer.body;
    context->counters.replies_opened++;
    gn_seal_pending_remove(&i->pendings, q);
}

/* Is this record news for q: by the wanted id, fresh, newer than what we sealed for, not older than what we know? */
static enum gn_err judge_rekey(struct gn_seal_initiator *i, struct gn_seal_pending *q, const struct gn_id *id,
                               const uint8_t *record, gn_wall_s wall)
{
    uint64_t number = gn_seal_epoch_number(record);
    const struct gn_seal_peer *peer = gn_seal_cache_find(&i->peers, id->b);

    if (gn_id_is_zero(id) || (!gn_id_is_zero(&q->to.id) && !gn_id_eq(id, &q->to.id))) {
        return GN_E_AUTH;
    }
    if (!gn_seal_epoch_is_fresh(number, wall) || number <= q->epoch || memcmp(record, q->to.epk, 32) == 0 ||
        (peer && number < peer->epoch)) {
        return GN_E_STALE;
    }
    if (peer && number == peer->epoch) {
        return memcmp(record, peer->epk, 32) == 0 ? GN_OK : GN_E_CONFLICT;
    }
    if (q->rekeys_seen >= GN_SEAL_REKEYS_MAX) {
        return GN_E_FULL;
    }
    q->rekeys_seen++;
    return gn_seal_epoch_verify(record, &i->context->net, id);
}

void gn_seal_initiator_rekey(struct gn_seal_initiator *i, struct gn_seal_event *event, const struct gn_seal_arrival *in)
{
    struct gn_seal_pending *q = asked(i, in);
    const uint8_t *record = in->bytes.data + 42;
    struct gn_id id;

    if (!q) {
        return;
    }
    memcpy(id.b, in->bytes.data + 10, sizeof id.b);
    if (q->rekeyed || judge_rekey(i, q, &id, record, in->wall) != GN_OK) {
        i->context->counters.dropped_auth++;
        return;
    }
    q->rekeyed = true;
    q->to.id = id;
    memcpy(q->to.epk, record, 32);
    q->epoch = gn_seal_epoch_number(record);
    q->proved = true;
    q->generation = 0;
    sodium_memzero(&q->keys, sizeof q->keys);
    struct gn_seal_peer *peer = gn_seal_cache_add(&i->peers, id.b);
    if (peer && peer->epoch != q->epoch) {
        peer_set_epoch(peer, record, q->epoch);
    }
    i->context->counters.rekeys_taken++;
    transmit_event(i, event, q);
}

void gn_seal_initiator_retry(struct gn_seal_initiator *i, struct gn_seal_event *event, const struct gn_seal_arrival *in)
{
    struct gn_seal_pending *q = asked(i, in);
    const uint8_t *token = in->bytes.data + 10;

    if (!q) {
        return;
    }
    if (q->retried || sodium_is_zero(token, GN_SEAL_TOKEN)) {
        i->context->counters.dropped_unknown++;
        return;
    }
    /* Nobody has signed this token: it serves this query only, the next one uses what an answer has brought. */
    memcpy(q->token, token, GN_SEAL_TOKEN);
    q->retried = true;
    i->context->counters.retries_taken++;
    transmit_event(i, event, q);
}
