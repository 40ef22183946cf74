/* transport/seal/seal_responder.c - answering: network tag, source token, epoch, load, keys, and only then the text. */
#include "transport/seal/seal_responder.h"

#include <sodium.h>
#include <string.h>

#include "base/hash.h"

void gn_seal_responder_init(struct gn_seal_responder *r, struct gn_seal_context *context,
                            struct gn_seal_initiator *peers, uint32_t clients_max, gn_time_us now)
{
    memset(r, 0, sizeof *r);
    r->context = context;
    r->peers = peers;
    r->load.second_at = now;
    gn_seal_cache_init(&r->clients, context->alloc, sizeof(struct gn_seal_client), clients_max, context->hash_key);
    gn_seal_tokens_init(&r->tokens, &context->rng, now);
    gn_ratelimit_init(&r->unproved, GN_SEAL_UNPROVED_RATE, GN_SEAL_UNPROVED_BURST, now);
    gn_ratelimit_table_init(&r->unproved_groups, context->alloc, GN_SEAL_UNPROVED_GROUP_RATE,
                            GN_SEAL_UNPROVED_GROUP_BURST, GN_SEAL_GROUPS_MAX);
    gn_ratelimit_table_init(&r->loaded_groups, context->alloc, GN_SEAL_LOADED_GROUP_RATE, GN_SEAL_LOADED_GROUP_BURST,
                            GN_SEAL_GROUPS_MAX);
}

void gn_seal_responder_fini(struct gn_seal_responder *r)
{
    gn_ratelimit_table_fini(&r->loaded_groups);
    gn_ratelimit_table_fini(&r->unproved_groups);
    gn_seal_cache_fini(&r->clients);
    sodium_memzero(&r->tokens, sizeof r->tokens);
}

void gn_seal_responder_epoch_began(struct gn_seal_responder *r)
{
    uint32_t cursor = 0;

    for (struct gn_seal_client *c = gn_seal_cache_next(&r->clients, &cursor); c;
         c = gn_seal_cache_next(&r->clients, &cursor)) {
        if (!gn_seal_epochs_find(&r->context->epochs, c->dst_tag)) {
            gn_seal_cache_remove(&r->clients, c);
        }
    }
}

/* One query on its way through the responder. */
struct visit {
    const struct gn_seal_arrival *in;
    struct gn_seal_event *event;
    const uint8_t *req_tag;
    uint8_t token[GN_SEAL_TOKEN]; /* for this address, as of now */
    bool proved;                  /* the query has shown one */
    const struct gn_seal_epoch *epoch;
    struct gn_seal_client *client; /* known, or NULL */
    struct gn_seal_keys keys;
};

static void send_event(struct gn_seal_responder *r, struct visit *v, size_t len)
{
    v->event->type = GN_SEAL_SEND;
    v->event->addr = *v->in->from;
    v->event->packet = gn_slice_of(r->context->scratch, len);
}

static void send_retry(struct gn_seal_responder *r, struct visit *v)
{
    gn_seal_wire_put_retry(r->context->scratch, v->req_tag, v->token);
    send_event(r, v, GN_SEAL_RETRY_LEN);
    r->context->counters.retries_sent++;
}

static void send_rekey(struct gn_seal_responder *r, struct visit *v)
{
    const struct gn_seal_epochs *epochs = &r->context->epochs;

    gn_seal_wire_put_rekey(r->context->scratch, v->req_tag, &epochs->id, epochs->kept[0].record);
    send_event(r, v, GN_SEAL_REKEY_LEN);
    r->context->counters.rekeys_sent++;
}

/* May we say something to an address that has not proved itself? Who else would be flooded by our answers? */
static bool may_answer(struct gn_seal_responder *r, const struct visit *v)
{
    return v->proved || (gn_ratelimit_table_take(&r->unproved_groups, gn_addr_group(v->in->from), 1, v->in->now) &&
                         gn_ratelimit_take(&r->unproved, 1, v->in->now));
}

/* Counts costly work that is wanted: 1 for a DH, 2 for a signature to verify. True: the load is high. */
static bool load_note(struct gn_seal_responder *r, gn_time_us now, uint32_t cost)
{
    struct gn_seal_load *load = &r->load;

    if (now < load->second_at || now - load->second_at >= GN_SECONDS(1)) {
        bool quiet = load->wanted < GN_SEAL_LOAD_LOW || now < load->second_at || now - load->second_at >= GN_SECONDS(2);
        if (load->high && quiet) {
            load->high = false;
            GN_LOG_PLAIN(r->context->log, GN_LOG_INFO, "seal.load.normal");
        }
        load->second_at = now;
        load->wanted = 0;
    }
    load->wanted += cost;
    if (!load->high && load->wanted > GN_SEAL_LOAD_HIGH) {
        load->high = true;
        GN_LOG(r->context->log, GN_LOG_WARN, "seal.load.high", GN_F_U64("wanted_per_s", load->wanted));
    }
    return load->high;
}

/* Rule 4: under load nobody gets a DH who has not proved its address, and no address group more than its share. */
static bool may_cost_dh(struct gn_seal_responder *r, struct visit *v)
{
    if (!load_note(r, v->in->now, 1)) {
        return true;
    }
    if (!v->proved) {
        send_retry(r, v);
        return false;
    }
    if (!gn_ratelimit_table_take(&r->loaded_groups, gn_addr_group(v->in->from), 1, v->in->now)) {
        r->context->counters.dropped_rate++;
        return false;
    }
    return true;
}

/* Fills v->keys from the cache or by a DH. False: the query is done with. */
static bool find_keys(struct gn_seal_responder *r, struct visit *v)
{
    struct gn_seal_context *context = r->context;
    const uint8_t *client_pk = v->in->bytes.data + GN_SEAL_Q_CLIENT;

    v->client = gn_seal_cache_find(&r->clients, client_pk);
    if (v->client && memcmp(v->client->dst_tag, v->epoch->dst_tag, sizeof v->client->dst_tag) == 0) {
        v->keys = v->client->keys;
        context->counters.cache_hits++;
        return true;
    }
    v->client = NULL;
    if (!may_cost_dh(r, v)) {
        return false;
    }
    context->counters.dh_done++;
    if (gn_seal_keys_server(&v->keys, &v->epoch->pair, client_pk, &context->net, &context->epochs.id) != GN_OK) {
        context->counters.dropped_auth++;
        return false;
    }
    return true;
}

/* The query has opened: its client is worth remembering. */
static void remember(struct gn_seal_responder *r, struct visit *v)
{
    if (v->client) {
        return;
    }
    struct gn_seal_client *client = gn_seal_cache_add(&r->clients, v->in->bytes.data + GN_SEAL_Q_CLIENT);
    if (!client) {
        return; /* no memory: its next query costs a DH again */
    }
    client->keys = v->keys;
    memcpy(client->dst_tag, v->epoch->dst_tag, sizeof client->dst_tag);
    memset(client->self_tag, 0, sizeof client->self_tag);
    v->client = client;
}

/* Who the sender says it is. A record that its id did not sign is an attack (false: drop the query); one out of its
 * time, or older than what we know, or too costly to verify just now, only means that we do not hand the contact on. */
static bool take_self(struct gn_seal_responder *r, struct visit *v, const uint8_t *self)
{
    const uint8_t *record = self + 32;
    struct gn_id id;
    uint8_t tag[8];

    memcpy(id.b, self, sizeof id.b);
    gn_store_u64(tag, gn_hash_short(r->context->hash_key, self, GN_SEAL_SELF));
    bool known = v->client && sodium_memcmp(v->client->self_tag, tag, sizeof tag) == 0;
    if (!known) {
        if (load_note(r, v->in->now, 2)) {
            return true;
        }
        if (gn_seal_epoch_verify(record, &r->context->net, &id) != GN_OK) {
            return false;
        }
    }
    if (v->client) {
        memcpy(v->client->self_tag, tag, sizeof tag);
    }
    if (!gn_seal_epoch_is_fresh(gn_seal_epoch_number(record), v->in->wall) || gn_id_eq(&id, &r->context->epochs.id) ||
        !gn_seal_initiator_learn(r->peers, &id, record)) {
        return true;
    }
    v->event->has_self = true;
    v->event->self.id = id;
    memcpy(v->event->self.epk, record, 32);
    v->event->self.addr = *v->in->from;
    return true;
}

static void query_event(struct gn_seal_responder *r, struct visit *v, const struct gn_seal_ask *ask)
{
    struct gn_seal_event *event = v->event;
    struct gn_seal_reply_key *key = &event->reply_key;
    size_t three_times = 3U * v->in->bytes.len;

    memcpy(key->k_r, v->keys.r, sizeof key->k_r);
    memcpy(key->req_tag, v->req_tag, sizeof key->req_tag);
    memcpy(key->src_token, v->token, sizeof key->src_token);
    memcpy(key->dst_tag, v->epoch->dst_tag, sizeof key->dst_tag);
    key->addr = *v->in->from;
    key->want_record = ask->want_record;
    /* Rule 3. With today's smallest query it never binds; it keeps the rule true when that number changes. */
    key->reply_max = (uint16_t)(v->proved || three_times > GN_SEAL_DATAGRAM_MAX ? GN_SEAL_DATAGRAM_MAX : three_times);
    event->type = GN_SEAL_QUERY;
    event->addr = *v->in->from;
    event->body = ask->body;
    event->addr_proved = v->proved;
    memcpy(event->client_key, v->in->bytes.data + GN_SEAL_Q_CLIENT, sizeof event->client_key);
    event->reply_body_max = key->reply_max - gn_seal_wire_answer_overhead(&key->addr, key->want_record);
    r->context->counters.queries_opened++;
}

/* Opens and judges the text of a query whose keys are in v. */
static void open_query(struct gn_seal_responder *r, struct visit *v)
{
    struct gn_seal_context *context = r->context;
    struct gn_seal_ask ask;
    size_t len = 0;

    if (gn_seal_keys_open(context->scratch, &len, v->in->bytes, v->keys.q) != GN_OK) {
        context->counters.dropped_auth++;
        return;
    }
    if (gn_seal_wire_get_ask(&ask, gn_slice_of(context->scratch, len)) != GN_OK) {
        context->counters.dropped_malformed++;
        return;
    }
    remember(r, v);
    if (!may_answer(r, v)) {
        send_retry(r, v);
        return;
    }
    if (ask.self && !take_self(r, v, ask.self)) {
        context->counters.dropped_auth++;
        return;
    }
    query_event(r, v, &ask);
}

/* Did a member of our network make the header? Costs 60 ns; strangers and noise end here, unanswered. */
static bool is_of_our_network(const struct gn_seal_responder *r, struct gn_slice bytes)
{
    uint8_t tag[8];

    gn_seal_keys_net_tag(tag, &r->context->net, bytes.data);
    return sodium_memcmp(tag, bytes.data + GN_SEAL_Q_NET_TAG, sizeof tag) == 0;
}

void gn_seal_responder_query(struct gn_seal_responder *r, struct gn_seal_event *event, const struct gn_seal_arrival *in)
{
    struct gn_seal_context *context = r->context;
    const uint8_t *bytes = in->bytes.data;

    if (!gn_addr_is_usable(in->from) || !is_of_our_network(r, in->bytes)) {
        context->counters.dropped_auth++;
        return;
    }
    struct visit v = {.in = in, .event = event, .req_tag = bytes + GN_SEAL_Q_NONCE};
    gn_seal_tokens_turn(&r->tokens, &context->rng, in->now);
    gn_seal_tokens_make(&r->tokens, v.token, in->from);
    v.proved = gn_seal_tokens_check(&r->tokens, bytes + GN_SEAL_Q_TOKEN, v.token, in->from);
    v.epoch = gn_seal_epochs_find(&context->epochs, bytes + GN_SEAL_Q_DST_TAG);
    if (v.epoch) {
        if (find_keys(r, &v)) {
            open_query(r, &v);
        }
    } else if (may_answer(r, &v)) {
        send_rekey(r, &v);
    } else {
        send_retry(r, &v);
    }
    sodium_memzero(&v.keys, sizeof v.keys);
}

enum gn_err gn_seal_responder_reply(struct gn_seal_responder *r, uint8_t *packet, size_t *packet_len,
                                    const struct gn_seal_reply_key *key, struct gn_slice body)
{
    struct gn_seal_context *context = r->context;
    struct gn_seal_answer answer = {.observed = key->addr, .token = key->src_token, .body = body};

    *packet_len = 0;
    if (gn_seal_wire_answer_overhead(&key->addr, key->want_record) + body.len > key->reply_max) {
        return GN_E_LIMIT;
    }
    if (key->want_record) {
        const struct gn_seal_epoch *epoch = gn_seal_epochs_find(&context->epochs, key->dst_tag);
        if (!epoch) {
            return GN_E_EXPIRED;
        }
        answer.record = epoch->record;
    }
    packet[0] = GN_SEAL_T_REPLY;
    packet[1] = GN_SEAL_VERSION;
    memcpy(packet + GN_SEAL_R_REQ_TAG, key->req_tag, sizeof key->req_tag);
    gn_rng_bytes(&context->rng, packet + GN_SEAL_R_NONCE, GN_SEAL_NONCE);
    size_t text_len = gn_seal_wire_put_answer(packet + GN_SEAL_R_HEADER, &answer);
    *packet_len = gn_seal_keys_close(packet, text_len, key->k_r);
    context->counters.replies_sent++;
    return GN_OK;
}
