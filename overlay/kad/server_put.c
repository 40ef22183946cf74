/* overlay/kad/server_put.c - PUT and ADD_PROVIDER: check, compare with what is held, quotas, store, acknowledge. */
#include <string.h>

#include "overlay/kad/server_state.h"

/* ---- One write after the other ---- */

static bool same_key(const struct gn_server_wait *a, const struct gn_server_wait *b)
{
    return a->entry.kind == b->entry.kind && gn_id_eq(&a->entry.target, &b->entry.target);
}

static bool is_active_write(const struct gn_server_wait *w)
{
    return w->state >= GN_SERVER_WAIT_HELD;
}

static bool key_is_busy(const struct gn_server *s, const struct gn_server_wait *w)
{
    GN_LIST_FOR (n, &s->order) {
        const struct gn_server_wait *other = GN_CONTAINER_OF(n, struct gn_server_wait, node);

        if (other != w && is_active_write(other) && same_key(other, w)) {
            return true;
        }
    }
    return false;
}

static enum gn_err start(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w)
{
    bool provider = w->entry.kind == GN_RECORD_PROVIDER;
    struct gn_store_request request = {.op = provider ? GN_STORE_LIST : GN_STORE_GET,
                                       .limit = provider ? s->providers_max : 1};

    request.entry.kind = w->entry.kind;
    request.entry.target = w->entry.target;
    return gn_server_wait_ask(s, box, w, provider ? GN_SERVER_WAIT_SIBLINGS : GN_SERVER_WAIT_HELD, &request);
}

/* The first that waits in line for the key that `ended` has freed. */
static struct gn_server_wait *next_in_line(const struct gn_server *s, const struct gn_server_wait *ended)
{
    GN_LIST_FOR (n, &s->order) {
        struct gn_server_wait *w = GN_CONTAINER_OF(n, struct gn_server_wait, node);

        if (w != ended && w->state == GN_SERVER_WAIT_LINE && same_key(w, ended)) {
            return w;
        }
    }
    return NULL;
}

/* Ends w; the next in line starts. Those whose request finds no place in the outbox end without an answer. */
static enum gn_err leave(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w)
{
    struct gn_server_wait *next = is_active_write(w) ? next_in_line(s, w) : NULL;
    enum gn_err err = GN_OK;

    while (next) {
        err = start(s, box, next);
        if (err == GN_OK) {
            break;
        }
        s->counters->outbox_full++;
        gn_server_wait_free(s, next);
        next = next_in_line(s, w);
    }
    gn_server_wait_free(s, w);
    return err;
}

static enum gn_err end_with(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                            enum gn_msg_status status, struct gn_slice record)
{
    enum gn_err err, err_next;

    if (status == GN_MSG_OK) {
        s->counters->stores_accepted++;
    } else if (status == GN_MSG_QUOTA) {
        s->counters->stores_quota++;
    } else {
        s->counters->stores_refused++;
    }
    w->ask.q.flags |= GN_MSG_NO_CONTACTS; /* a writer has just looked for the closest nodes: we are one of them */
    err = record.len > 0 ? gn_server_reply_record(s, box, &w->ask, status, status, record)
                         : gn_server_reply_status(s, box, &w->ask, status);
    err_next = leave(s, box, w);
    return err != GN_OK ? err : err_next;
}

enum gn_err gn_server_put_end(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                              enum gn_msg_status status)
{
    return end_with(s, box, w, status, gn_slice_of(NULL, 0));
}

/* ---- The query ---- */

static enum gn_err refuse(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask, enum gn_err why)
{
    s->counters->stores_refused++;
    s->counters->records_bad++;
    switch ((int)why) {
    case GN_E_MALFORMED:
        return gn_server_reply_status(s, box, ask, GN_MSG_MALFORMED);
    case GN_E_VERSION:
        return gn_server_reply_status(s, box, ask, GN_MSG_UNSUPPORTED);
    default:
        return gn_server_reply_status(s, box, ask, GN_MSG_REFUSED);
    }
}

static enum gn_err check(struct gn_record *record, const struct gn_server *s, const struct gn_server_ask *ask,
                         gn_wall_s wall)
{
    bool provider = ask->q.method == GN_MSG_ADD_PROVIDER;
    enum gn_err err = gn_record_decode(record, ask->q.record, s->env->crypto);

    if (err != GN_OK) {
        return err;
    }
    if ((record->kind == GN_RECORD_PROVIDER) != provider || !gn_id_eq(&record->target, &ask->q.target)) {
        return GN_E_REFUSED;
    }
    return gn_record_verify(record, s->env->crypto, wall);
}

/* Copies the record; a wish to be kept longer than allowed is cut. A smaller number never takes more bytes. */
static enum gn_err copy_record(struct gn_server *s, struct gn_server_wait *w, struct gn_record *record, gn_wall_s wall)
{
    struct gn_slice bytes = w->ask.q.record;
    size_t len = bytes.len;
    enum gn_err err = gn_server_wait_room(s, w, len);

    if (err != GN_OK) {
        return err;
    }
    memcpy(w->copy, bytes.data, len);
    if (record->kind == GN_RECORD_IMMUTABLE && record->expiry > gn_record_expiry(record, wall)) {
        record->expiry = gn_record_expiry(record, wall);
        err = gn_record_encode(w->copy, &len, w->copy_len, record);
    }
    w->ask.q.record = gn_slice_of(w->copy, len);
    return err;
}

/* Fills in what will be stored and starts, or stands in line. On an error w has ended. */
static enum gn_err enter(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                         const struct gn_input_query *in, const struct gn_record *record, gn_wall_s wall)
{
    enum gn_err err;

    w->exempt = gn_limit_is_exempt(&s->limit, &in->addr);
    w->entry.kind = record->kind;
    w->entry.target = record->target;
    w->entry.seq = record->seq;
    w->entry.group = gn_addr_group(&in->addr);
    w->entry.stored_at = wall;
    w->entry.expires_at = gn_record_expiry(record, wall);
    if (record->kind == GN_RECORD_PROVIDER) {
        w->entry.sub = record->owner;
    }
    if (key_is_busy(s, w)) {
        return GN_OK;
    }
    err = start(s, box, w);
    if (err != GN_OK) {
        s->counters->outbox_full++;
        gn_server_wait_free(s, w);
    }
    return err;
}

enum gn_err gn_server_put_begin(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                const struct gn_input_query *in, gn_time_us now, gn_wall_s wall)
{
    struct gn_token_for whom = {.addr = &in->addr, .client_key = in->client_key, .target = &ask->q.target};
    struct gn_record record;
    struct gn_server_wait *w;
    enum gn_err err;

    if (!gn_token_check(&s->token, ask->q.token, &whom, s->env->rng, now)) {
        s->counters->tokens_bad++;
        return gn_server_reply_status(s, box, ask, GN_MSG_BAD_TOKEN);
    }
    /* before a signature is checked: no work for what cannot be taken */
    if (gn_slab_len(&s->waits) == GN_SERVER_WAITING_MAX || ask->q.record.len > GN_SERVER_COPIES_MAX - s->copies) {
        return gn_server_reply_status(s, box, ask, GN_MSG_BUSY);
    }
    err = check(&record, s, ask, wall);
    if (err != GN_OK) {
        return refuse(s, box, ask, err);
    }
    w = gn_server_wait_new(s, ask, now);
    if (!w) {
        return gn_server_reply_status(s, box, ask, GN_MSG_BUSY);
    }
    w->state = GN_SERVER_WAIT_LINE;
    if (copy_record(s, w, &record, wall) != GN_OK) {
        gn_server_wait_free(s, w);
        return gn_server_reply_status(s, box, ask, GN_MSG_BUSY);
    }
    return enter(s, box, w, in, &record, wall);
}

/* ---- The store's answers ---- */

/* The next request of w; without a place in the outbox it ends, and its asker will ask again. */
static enum gn_err go_on(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                         enum gn_server_wait_state state, struct gn_store_request *request)
{
    enum gn_err err = gn_server_wait_ask(s, box, w, state, request);

    if (err != GN_OK) {
        s->counters->outbox_full++;
        (void)leave(s, box, w);
    }
    return err;
}

static enum gn_err put_entry(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                             const struct gn_store_entry *entry)
{
    struct gn_store_request request = {.op = GN_STORE_PUT, .entry = *entry};

    return go_on(s, box, w, GN_SERVER_WAIT_STORED, &request);
}

/* Somebody stores what we hold already: it need not be handed on for an hour, which its time of storing says. */
static enum gn_err refresh(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                           const struct gn_store_entry *held, gn_wall_s wall)
{
    struct gn_store_entry entry = *held;

    if (held->owned || (held->stored_at <= wall && wall - held->stored_at < GN_SERVER_REFRESH_S)) {
        return gn_server_put_end(s, box, w, GN_MSG_OK);
    }
    entry.stored_at = wall;
    return put_entry(s, box, w, &entry);
}

static enum gn_err ask_usage(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w)
{
    struct gn_store_request request = {.op = GN_STORE_USAGE, .group = w->entry.group};

    return go_on(s, box, w, GN_SERVER_WAIT_USAGE, &request);
}

static enum gn_err replace(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                           const struct gn_store_entry *held)
{
    w->replaces = true;
    w->replaced_len = held->record.len;
    w->entry.owned = held->owned;
    w->entry.group = held->group; /* who handed it on does not pay for it */
    if (held->owned && w->entry.kind == GN_RECORD_PROVIDER && held->expires_at > w->entry.expires_at) {
        w->entry.expires_at = held->expires_at; /* the end of our announcement, not of one signature */
    }
    return ask_usage(s, box, w);
}

/* Nothing valid is held: only a compare-and-set with "nothing" passes. */
static enum gn_err create(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w)
{
    if (w->ask.q.has_cas && w->ask.q.cas_seq != 0) {
        return gn_server_put_end(s, box, w, GN_MSG_CONFLICT);
    }
    return ask_usage(s, box, w);
}

static enum gn_err compare(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                           const struct gn_store_entry *held, gn_wall_s wall)
{
    struct gn_record mine, theirs;
    int order;

    if (gn_record_decode(&mine, held->record, s->env->crypto) != GN_OK ||
        gn_record_decode(&theirs, w->ask.q.record, s->env->crypto) != GN_OK) {
        return create(s, box, w); /* what is held is unreadable: the new one takes its place */
    }
    order = gn_record_compare(&theirs, &mine, s->env->crypto);
    if (order == 0 || (order < 0 && mine.kind == GN_RECORD_IMMUTABLE)) {
        return refresh(s, box, w, held, wall); /* a repeated PUT changes nothing and succeeds again */
    }
    if (w->ask.q.has_cas && mine.kind == GN_RECORD_MUTABLE && mine.seq != w->ask.q.cas_seq) {
        return end_with(s, box, w, GN_MSG_CONFLICT, held->record);
    }
    if (order < 0) {
        return end_with(s, box, w, GN_MSG_STALE, held->record);
    }
    return replace(s, box, w, held);
}

static enum gn_err take_held(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                             const struct gn_store_answer *answer, gn_wall_s wall)
{
    if (answer->err != GN_OK && answer->err != GN_E_NOT_FOUND) {
        return gn_server_put_end(s, box, w, GN_MSG_BUSY);
    }
    if (answer->err != GN_OK || answer->entries_len == 0 || answer->entries[0].expires_at <= wall) {
        return create(s, box, w);
    }
    return compare(s, box, w, &answer->entries[0], wall);
}

static enum gn_err take_siblings(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                                 const struct gn_store_answer *answer, gn_wall_s wall)
{
    size_t alive = 0;

    if (answer->err != GN_OK && answer->err != GN_E_NOT_FOUND) {
        return gn_server_put_end(s, box, w, GN_MSG_BUSY);
    }
    for (size_t i = 0; answer->err == GN_OK && i < answer->entries_len; i++) {
        const struct gn_store_entry *e = &answer->entries[i];

        if (gn_id_eq(&e->sub, &w->entry.sub) && e->expires_at > wall) {
            return compare(s, box, w, e, wall);
        }
        alive += e->expires_at > wall ? 1U : 0U;
    }
    /* Those who are known stay, and may renew: a flood of new ones does not wash them away. */
    if (alive >= s->providers_max) {
        return gn_server_put_end(s, box, w, GN_MSG_QUOTA);
    }
    return create(s, box, w);
}

static enum gn_err take_usage(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                              const struct gn_store_answer *answer)
{
    size_t len = w->ask.q.record.len;
    size_t more = len > w->replaced_len ? len - w->replaced_len : 0;

    if (answer->err != GN_OK) {
        return gn_server_put_end(s, box, w, GN_MSG_BUSY);
    }
    if (more > s->bytes_max || answer->bytes_total > s->bytes_max - more ||
        (!w->replaces && !w->exempt && answer->records_group >= s->keys_max)) {
        return gn_server_put_end(s, box, w, GN_MSG_QUOTA);
    }
    w->entry.record = w->ask.q.record;
    return put_entry(s, box, w, &w->entry);
}

static enum gn_err take_stored(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                               const struct gn_store_answer *answer)
{
    if (answer->err == GN_OK) {
        return gn_server_put_end(s, box, w, GN_MSG_OK);
    }
    if (answer->err == GN_E_NO_SPACE || answer->err == GN_E_QUOTA || answer->err == GN_E_FULL) {
        return gn_server_put_end(s, box, w, GN_MSG_QUOTA);
    }
    return gn_server_put_end(s, box, w, GN_MSG_BUSY);
}

enum gn_err gn_server_put_answer(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                                 const struct gn_store_answer *answer, gn_wall_s wall)
{
    switch (w->state) {
    case GN_SERVER_WAIT_HELD:
        return take_held(s, box, w, answer, wall);
    case GN_SERVER_WAIT_SIBLINGS:
        return take_siblings(s, box, w, answer, wall);
    case GN_SERVER_WAIT_USAGE:
        return take_usage(s, box, w, answer);
    case GN_SERVER_WAIT_STORED:
        return take_stored(s, box, w, answer);
    case GN_SERVER_WAIT_FETCH:
    case GN_SERVER_WAIT_PROVIDERS:
    case GN_SERVER_WAIT_LINE:
    default:
        return GN_E_INVALID; /* not states of a write that has asked */
    }
}
