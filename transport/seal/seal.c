/* transport/seal/seal.c - the sealed datagrams of one node: dispatch to the asking and the answering role. */
#include "transport/seal/seal.h"

#include <sodium.h>
#include <string.h>

#include "transport/seal/seal_context.h"
#include "transport/seal/seal_initiator.h"
#include "transport/seal/seal_responder.h"

#define PENDING_MAX 1024U
#define INITIATOR_CACHE 4096U
#define RESPONDER_CACHE 4096U
#define CACHE_LIMIT (1U << 20) /* more than this is a mistake in a configuration */

struct gn_seal {
    struct gn_seal_context context;
    struct gn_seal_initiator initiator;
    struct gn_seal_responder responder;
};

static uint32_t limit(uint32_t wanted, uint32_t otherwise)
{
    return wanted == 0 ? otherwise : wanted > CACHE_LIMIT ? CACHE_LIMIT : wanted;
}

enum gn_err gn_seal_new(struct gn_seal **out, const struct gn_seal_config *config, gn_time_us now, gn_wall_s wall)
{
    struct gn_seal *s = gn_alloc_zeroed(config->alloc, 1, sizeof *s);

    *out = s;
    if (!s) {
        return GN_E_NO_MEMORY;
    }
    struct gn_seal_context *context = &s->context;
    context->alloc = config->alloc;
    context->log = config->log;
    gn_rng_init(&context->rng, config->rng_seed);
    gn_rng_bytes(&context->rng, context->hash_key, sizeof context->hash_key);
    gn_seal_keys_net(&context->net, config->net_id);
    gn_seal_epochs_init(&context->epochs, config->identity_seed, &context->net, &context->rng, now, wall);
    gn_seal_initiator_init(&s->initiator, context, limit(config->initiator_cache, INITIATOR_CACHE),
                           limit(config->pending_max, PENDING_MAX), now);
    gn_seal_responder_init(&s->responder, context, &s->initiator, limit(config->responder_cache, RESPONDER_CACHE), now);
    return GN_OK;
}

void gn_seal_free(struct gn_seal *s)
{
    if (!s) {
        return;
    }
    const struct gn_alloc *alloc = s->context.alloc;
    gn_seal_responder_fini(&s->responder);
    gn_seal_initiator_fini(&s->initiator);
    gn_seal_epochs_fini(&s->context.epochs);
    sodium_memzero(s, sizeof *s);
    gn_alloc_free(alloc, s);
}

const struct gn_id *gn_seal_id(const struct gn_seal *s)
{
    return &s->context.epochs.id;
}

void gn_seal_epoch_key(const struct gn_seal *s, uint8_t epk[32])
{
    memcpy(epk, s->context.epochs.kept[0].pair.pk, 32);
}

enum gn_err gn_seal_query(struct gn_seal *s, uint8_t *packet, size_t *packet_len, const struct gn_seal_request *request,
                          gn_time_us now)
{
    return gn_seal_initiator_query(&s->initiator, packet, packet_len, request, now);
}

void gn_seal_cancel(struct gn_seal *s, uint64_t cookie)
{
    gn_seal_initiator_cancel(&s->initiator, cookie);
}

enum gn_err gn_seal_reply(struct gn_seal *s, uint8_t *packet, size_t *packet_len, const struct gn_seal_reply_key *key,
                          struct gn_slice body, gn_time_us now)
{
    (void)now;
    return gn_seal_responder_reply(&s->responder, packet, packet_len, key, body);
}

void gn_seal_receive(struct gn_seal *s, struct gn_seal_event *event, const struct gn_addr *from,
                     struct gn_slice datagram, gn_time_us now, gn_wall_s wall)
{
    struct gn_seal_arrival in = {.from = from, .bytes = datagram, .now = now, .wall = wall};
    enum gn_seal_type type = GN_SEAL_T_QUERY;

    memset(event, 0, sizeof *event);
    event->addr = *from;
    if (gn_seal_wire_type(&type, datagram) != GN_OK) {
        s->context.counters.dropped_malformed++;
        return;
    }
    gn_seal_pendings_expire(&s->initiator.pendings, now);
    switch (type) {
    case GN_SEAL_T_QUERY:
        gn_seal_responder_query(&s->responder, event, &in);
        break;
    case GN_SEAL_T_REPLY:
        gn_seal_initiator_reply(&s->initiator, event, &in);
        break;
    case GN_SEAL_T_REKEY:
        gn_seal_initiator_rekey(&s->initiator, event, &in);
        break;
    case GN_SEAL_T_RETRY:
        gn_seal_initiator_retry(&s->initiator, event, &in);
        break;
    }
}

void gn_seal_timer(struct gn_seal *s, gn_time_us now, gn_wall_s wall)
{
    struct gn_seal_context *context = &s->context;
    bool due = now >= context->epochs.next_at;

    gn_seal_initiator_timer(&s->initiator, now);
    if (gn_seal_epochs_timer(&context->epochs, &context->net, &context->rng, now, wall)) {
        gn_seal_responder_epoch_began(&s->responder);
        if (!due) {
            GN_LOG(context->log, GN_LOG_WARN, "seal.clock.jump", GN_F_U64("wall", wall));
        }
        GN_LOG(context->log, GN_LOG_INFO, "seal.epoch.begin", GN_F_U64("epoch", context->epochs.number));
    }
}

gn_time_us gn_seal_deadline(const struct gn_seal *s)
{
    return gn_time_min(s->context.epochs.next_at, gn_seal_initiator_deadline(&s->initiator));
}

void gn_seal_network_changed(struct gn_seal *s, gn_time_us now)
{
    gn_seal_initiator_rotate(&s->initiator, now);
}

const struct gn_seal_counters *gn_seal_counters(const struct gn_seal *s)
{
    return &s->context.counters;
}

void gn_seal_net_id(uint8_t net_id[16], struct gn_slice name, struct gn_slice secret)
{
    uint8_t key[32];

    (void)crypto_generichash(key, sizeof key, secret.data, secret.len, NULL, 0);
    (void)crypto_generichash(net_id, 16, name.data, name.len, key, sizeof key);
    sodium_memzero(key, sizeof key);
}
