/* overlay/kad/server_get.c - GET and GET_PROVIDERS. */
#include "overlay/kad/server_state.h"

enum gn_err gn_server_get_begin(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                gn_time_us now)
{
    bool providers = ask->q.method == GN_MSG_GET_PROVIDERS;
    struct gn_store_request request = {.op = providers ? GN_STORE_LIST : GN_STORE_GET};
    struct gn_server_wait *w = gn_server_wait_new(s, ask, now);
    enum gn_err err;

    if (!w) {
        return gn_server_reply_status(s, box, ask, GN_MSG_BUSY);
    }
    w->ask.q.record = gn_slice_of(NULL, 0);
    request.limit = providers ? GN_SERVER_LIST_MAX : 1;
    request.entry.kind = providers ? GN_RECORD_PROVIDER : ask->q.kind;
    request.entry.target = ask->q.target;
    err = gn_server_wait_ask(s, box, w, providers ? GN_SERVER_WAIT_PROVIDERS : GN_SERVER_WAIT_FETCH, &request);
    if (err != GN_OK) {
        s->counters->outbox_full++;
        gn_server_wait_free(s, w);
    }
    return err;
}

/* Our own immutable record has its end as expiry, maybe far away: others hold it no longer than they may. */
static enum gn_err reply_owned(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                               const struct gn_store_entry *e, gn_wall_s wall)
{
    struct gn_record record;
    uint8_t *copy;
    size_t len = 0;
    enum gn_err err = gn_record_decode(&record, e->record, s->env->crypto);

    if (err != GN_OK) {
        return gn_server_reply_contacts(s, box, ask, GN_MSG_NOT_FOUND);
    }
    copy = (uint8_t *)gn_alloc_zeroed(s->env->alloc, 1, e->record.len);
    if (!copy) {
        return gn_server_reply_status(s, box, ask, GN_MSG_BUSY);
    }
    record.expiry = gn_record_expiry(&record, wall);
    err = gn_record_encode(copy, &len, e->record.len, &record);
    if (err == GN_OK) {
        err = gn_server_reply_record(s, box, ask, GN_MSG_OK, GN_MSG_TOO_BIG, gn_slice_of(copy, len));
    }
    gn_alloc_free(s->env->alloc, copy);
    return err;
}

static enum gn_err reply_fetched(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                 const struct gn_store_answer *answer, gn_wall_s wall)
{
    const struct gn_store_entry *e = answer->entries;

    if (answer->err != GN_OK && answer->err != GN_E_NOT_FOUND) {
        return gn_server_reply_status(s, box, ask, GN_MSG_BUSY);
    }
    if (answer->err != GN_OK || answer->entries_len == 0 || e->expires_at <= wall) {
        return gn_server_reply_contacts(s, box, ask, GN_MSG_NOT_FOUND);
    }
    if (ask->q.kind == GN_RECORD_MUTABLE && ask->q.has_known_seq && e->seq <= ask->q.known_seq) {
        return gn_server_reply_contacts(s, box, ask, GN_MSG_OK);
    }
    if (e->owned && e->kind == GN_RECORD_IMMUTABLE) {
        return reply_owned(s, box, ask, e, wall);
    }
    return gn_server_reply_record(s, box, ask, GN_MSG_OK, GN_MSG_TOO_BIG, e->record);
}

/* A provider record of our own stays in the store when it is over, until it is signed anew. */
static bool is_servable(const struct gn_server *s, const struct gn_store_entry *e, gn_wall_s wall)
{
    struct gn_record record;

    if (e->expires_at <= wall) {
        return false;
    }
    return !e->owned || (gn_record_decode(&record, e->record, s->env->crypto) == GN_OK && record.expiry > wall);
}

/* Moves to place `at` of the list of indices the newest of the rest, or any of them. */
static void choose(struct gn_server *s, uint16_t *list, size_t len, size_t at, const struct gn_store_entry *entries)
{
    size_t best = at;
    uint16_t swap;

    if (at % 2 == 1) {
        best = at + (size_t)gn_rng_below(s->env->rng, len - at);
    } else {
        for (size_t i = at + 1; i < len; i++) {
            best = entries[list[i]].stored_at > entries[list[best]].stored_at ? i : best;
        }
    }
    swap = list[at];
    list[at] = list[best];
    list[best] = swap;
}

/* Newest and random ones by turns: fresh providers are likely alive, random ones spread the load. */
static enum gn_err reply_providers(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                   const struct gn_store_answer *answer, gn_wall_s wall)
{
    uint16_t list[GN_SERVER_LIST_MAX];
    struct gn_slice records[GN_MSG_VALUES_MAX];
    size_t len = 0, chosen = 0;

    if (answer->err != GN_OK && answer->err != GN_E_NOT_FOUND) {
        return gn_server_reply_status(s, box, ask, GN_MSG_BUSY);
    }
    for (size_t i = 0; answer->err == GN_OK && i < answer->entries_len && i < GN_SERVER_LIST_MAX; i++) {
        if (is_servable(s, &answer->entries[i], wall)) {
            list[len] = (uint16_t)i;
            len++;
        }
    }
    if (len == 0) {
        return gn_server_reply_contacts(s, box, ask, GN_MSG_NOT_FOUND);
    }
    while (chosen < len && chosen < GN_MSG_VALUES_MAX) {
        choose(s, list, len, chosen, answer->entries);
        records[chosen] = answer->entries[list[chosen]].record;
        chosen++;
    }
    return gn_server_reply_list(s, box, ask, records, chosen);
}

enum gn_err gn_server_get_answer(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                                 const struct gn_store_answer *answer, gn_wall_s wall)
{
    enum gn_err err = w->state == GN_SERVER_WAIT_FETCH ? reply_fetched(s, box, &w->ask, answer, wall)
                                                       : reply_providers(s, box, &w->ask, answer, wall);

    gn_server_wait_free(s, w);
    return err;
}
