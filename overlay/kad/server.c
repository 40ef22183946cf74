/* overlay/kad/server.c - takes queries and the store's answers, and decides by method. */
#include "overlay/kad/server.h"

#include <string.h>

#include "overlay/kad/server_state.h"

#define BYTES_DEFAULT (UINT64_C(64) << 20)
#define KEYS_DEFAULT 1000U
#define PROVIDERS_DEFAULT 500U
#define WAITS_CHUNK 4U /* grown by so many: a quiet node pays for few */
#define PROBE_RATE 10U /* dial-backs per second for strangers: each costs others a padded query */
#define PROBE_BURST 50U

enum gn_err gn_server_new(struct gn_server **out, const struct gn_overlay_config *config, const struct gn_env *env,
                          const struct gn_server_view *view, struct gn_overlay_counters *counters, gn_time_us now)
{
    struct gn_server *s = (struct gn_server *)gn_alloc_zeroed(env->alloc, 1, sizeof(*s));

    *out = s;
    if (!s) {
        return GN_E_NO_MEMORY;
    }
    s->env = env;
    s->view = *view;
    s->counters = counters;
    s->self = config->self;
    s->bytes_max = config->store_bytes_max ? config->store_bytes_max : BYTES_DEFAULT;
    s->keys_max = config->keys_per_group_max ? config->keys_per_group_max : KEYS_DEFAULT;
    s->providers_max = config->providers_per_key_max ? config->providers_per_key_max : PROVIDERS_DEFAULT;
    if (s->providers_max > GN_SERVER_LIST_MAX) { /* all of one key are read to count them */
        s->providers_max = GN_SERVER_LIST_MAX;
    }
    gn_token_init(&s->token, env->rng, now);
    gn_limit_init(&s->limit, env->alloc, env->rng, config->allow_private, now);
    gn_ratelimit_init(&s->probes, PROBE_RATE, PROBE_BURST, now);
    gn_slab_init(&s->waits, env->alloc, sizeof(struct gn_server_wait), WAITS_CHUNK, GN_SERVER_WAITING_MAX);
    gn_list_init(&s->order);
    return GN_OK;
}

void gn_server_free(struct gn_server *s)
{
    if (!s) {
        return;
    }
    for (struct gn_list_node *n = gn_list_first(&s->order); n; n = gn_list_first(&s->order)) {
        gn_server_wait_free(s, GN_CONTAINER_OF(n, struct gn_server_wait, node));
    }
    gn_slab_fini(&s->waits);
    gn_limit_fini(&s->limit);
    gn_token_wipe(&s->token);
    gn_alloc_free(s->env->alloc, s);
}

/* ---- Queries ---- */

/* Whom to dial: the asker at the address it came from, or the one that another node hands on. */
static bool probe_subject(const struct gn_server *s, struct gn_contact *subject, const struct gn_server_ask *ask,
                          const struct gn_input_query *in)
{
    if (ask->q.has_subject) {
        *subject = ask->q.subject;
    } else if (in->has_self) {
        *subject = in->self;
        subject->addr = in->addr;
    } else {
        return false;
    }
    return !gn_id_is_zero(&subject->id) && !gn_id_eq(&subject->id, &s->self) && gn_addr_is_usable(&subject->addr) &&
           (s->limit.allow_private || !gn_addr_is_private(&subject->addr)) &&
           !(ask->q.has_subject && ask->q.hops > 0); /* handed on once, not twice */
}

static enum gn_err answer_probe(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                const struct gn_input_query *in, gn_time_us now)
{
    struct gn_server_probe probe = {.hand_on = ask->q.hops > 0};
    enum gn_msg_status status = GN_MSG_BUSY;
    enum gn_err err;

    if (!probe_subject(s, &probe.subject, ask, in)) {
        return gn_server_reply_status(s, box, ask, GN_MSG_REFUSED);
    }
    if (!gn_limit_is_exempt(&s->limit, &in->addr) && !gn_ratelimit_take(&s->probes, 1, now)) {
        return gn_server_reply_status(s, box, ask, GN_MSG_BUSY);
    }
    memcpy(probe.nonce, ask->q.nonce, sizeof(probe.nonce));
    err = s->view.probe(s->view.ctx, box, &probe);
    if (err == GN_OK) {
        status = GN_MSG_OK;
    } else if (err == GN_E_REFUSED) {
        status = GN_MSG_REFUSED;
    } else if (err == GN_E_NOT_FOUND) {
        status = GN_MSG_NOT_FOUND;
    }
    return gn_server_reply_status(s, box, ask, status);
}

static enum gn_err dispatch(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                            const struct gn_input_query *in, gn_time_us now, gn_wall_s wall)
{
    switch (ask->q.method) {
    case GN_MSG_PING:
        return gn_server_reply_status(s, box, ask, GN_MSG_OK);
    case GN_MSG_FIND_NODE:
        return gn_server_reply_contacts(s, box, ask, GN_MSG_OK);
    case GN_MSG_GET:
        if (ask->q.kind != GN_RECORD_IMMUTABLE && ask->q.kind != GN_RECORD_MUTABLE) {
            return gn_server_reply_contacts(s, box, ask, GN_MSG_UNSUPPORTED);
        }
        return gn_server_get_begin(s, box, ask, now);
    case GN_MSG_GET_PROVIDERS:
        return gn_server_get_begin(s, box, ask, now);
    case GN_MSG_PUT:
    case GN_MSG_ADD_PROVIDER:
        return gn_server_put_begin(s, box, ask, in, now, wall);
    case GN_MSG_PROBE_ME:
        return answer_probe(s, box, ask, in, now);
    default:
        return gn_server_reply_status(s, box, ask, GN_MSG_UNSUPPORTED);
    }
}

enum gn_err gn_server_query(struct gn_server *s, struct gn_outbox *box, struct gn_msg_query *q,
                            const struct gn_input_query *in, gn_time_us now, gn_wall_s wall)
{
    struct gn_server_ask ask = {.reply_to = in->reply_to, .reply_max = in->reply_max, .has_self = in->has_self};
    bool txid_known;

    memset(q, 0, sizeof(*q));
    if (!gn_limit_admit(&s->limit, &in->addr, now)) {
        s->counters->rate_limited++;
        return GN_E_LIMIT;
    }
    s->counters->queries_received++;
    if (gn_msg_query_decode(q, &txid_known, in->body) != GN_OK) {
        s->counters->malformed++;
        ask.q.txid = q->txid;
        if (txid_known) {
            (void)gn_server_reply_status(s, box, &ask, GN_MSG_MALFORMED);
        }
        return GN_E_MALFORMED;
    }
    ask.q = *q;
    ask.self = in->self.id;
    if ((q->flags & GN_MSG_WANT_TOKEN) != 0) {
        struct gn_token_for whom = {.addr = &in->addr, .client_key = in->client_key, .target = &q->target};

        ask.has_token = true;
        gn_token_make(&s->token, ask.token, &whom, s->env->rng, now);
    }
    return dispatch(s, box, &ask, in, now, wall);
}

/* ---- The store, the time ---- */

enum gn_err gn_server_store(struct gn_server *s, struct gn_outbox *box, const struct gn_store_answer *answer,
                            gn_time_us now, gn_wall_s wall)
{
    struct gn_server_wait *w = gn_server_wait_find(s, answer->req);

    (void)now;
    if (!w) {
        return GN_OK; /* answered BUSY meanwhile */
    }
    if (w->state == GN_SERVER_WAIT_FETCH || w->state == GN_SERVER_WAIT_PROVIDERS) {
        return gn_server_get_answer(s, box, w, answer, wall);
    }
    return gn_server_put_answer(s, box, w, answer, wall);
}

enum gn_err gn_server_timer(struct gn_server *s, struct gn_outbox *box, gn_time_us now)
{
    enum gn_err err = GN_OK;

    for (struct gn_list_node *n = gn_list_first(&s->order); n; n = gn_list_first(&s->order)) {
        struct gn_server_wait *w = GN_CONTAINER_OF(n, struct gn_server_wait, node);
        enum gn_err e;

        if (w->deadline > now) {
            break;
        }
        if (w->state == GN_SERVER_WAIT_FETCH || w->state == GN_SERVER_WAIT_PROVIDERS) {
            e = gn_server_reply_status(s, box, &w->ask, GN_MSG_BUSY);
            gn_server_wait_free(s, w);
        } else {
            e = gn_server_put_end(s, box, w, GN_MSG_BUSY);
        }
        err = e != GN_OK ? e : err;
    }
    return err;
}

gn_time_us gn_server_deadline(const struct gn_server *s)
{
    struct gn_list_node *n = gn_list_first(&s->order);

    return n ? GN_CONTAINER_OF(n, struct gn_server_wait, node)->deadline : GN_TIME_NEVER;
}

size_t gn_server_waiting(const struct gn_server *s)
{
    return gn_slab_len(&s->waits);
}

bool gn_server_is_banned(const struct gn_server *s, const struct gn_addr *addr, gn_time_us now)
{
    return gn_limit_is_banned(&s->limit, addr, now);
}
