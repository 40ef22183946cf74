/* overlay/kad/server_reply.c - builds replies that fit their path. */
#include <string.h>

#include "overlay/kad/server_state.h"

/* Longer replies travel on streams and are rare: they get a buffer for the moment. */
#define REPLY_DATAGRAM 1280U

static void begin(struct gn_msg_reply *r, const struct gn_server_ask *ask, enum gn_msg_status status)
{
    memset(r, 0, sizeof(*r));
    r->txid = ask->q.txid;
    r->status = (uint8_t)status;
    r->has_token = ask->has_token;
    memcpy(r->token, ask->token, sizeof(r->token));
}

static enum gn_err push(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                        struct gn_slice body)
{
    struct gn_effect effect = {.type = GN_FX_REPLY};
    enum gn_err err;

    effect.u.reply.reply_to = ask->reply_to;
    effect.u.reply.body = body;
    err = gn_outbox_push(box, &effect);
    if (err == GN_OK) {
        s->counters->replies_sent++;
    } else {
        s->counters->outbox_full++;
    }
    return err;
}

static enum gn_err finish(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                          const struct gn_msg_reply *r)
{
    uint8_t small[REPLY_DATAGRAM];
    uint8_t *out = small;
    size_t cap = gn_msg_reply_size(r), len = 0;
    enum gn_err err;

    if (cap > ask->reply_max) {
        return GN_OK; /* not even the status fits: the path carries no answer */
    }
    if (cap > sizeof(small)) {
        out = (uint8_t *)gn_alloc_zeroed(s->env->alloc, 1, cap);
        if (!out) {
            return GN_E_NO_MEMORY;
        }
    }
    err = gn_msg_reply_encode(out, &len, cap, r);
    if (err == GN_OK) {
        err = push(s, box, ask, gn_slice_of(out, len));
    }
    if (out != small) {
        gn_alloc_free(s->env->alloc, out);
    }
    return err;
}

/* The nearest contacts that still fit, nearest first. */
static void add_contacts(const struct gn_server *s, const struct gn_server_ask *ask, struct gn_msg_reply *r)
{
    if ((ask->q.flags & GN_MSG_NO_CONTACTS) != 0) {
        return;
    }
    r->contacts_len = s->view.closest(s->view.ctx, r->contacts, GN_MSG_CONTACTS_MAX, &ask->q.target,
                                      ask->has_self ? &ask->self : NULL);
    GN_CHECK(r->contacts_len <= GN_MSG_CONTACTS_MAX);
    while (r->contacts_len > 0 && gn_msg_reply_size(r) > ask->reply_max) {
        r->contacts_len--;
    }
}

enum gn_err gn_server_reply_status(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                   enum gn_msg_status status)
{
    struct gn_msg_reply r;

    begin(&r, ask, status);
    return finish(s, box, ask, &r);
}

enum gn_err gn_server_reply_contacts(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                     enum gn_msg_status status)
{
    struct gn_msg_reply r;

    begin(&r, ask, status);
    add_contacts(s, ask, &r);
    return finish(s, box, ask, &r);
}

enum gn_err gn_server_reply_record(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                   enum gn_msg_status status, enum gn_msg_status too_big, struct gn_slice record)
{
    struct gn_msg_reply r;

    begin(&r, ask, status);
    r.values[0] = record;
    r.values_len = 1;
    if (gn_msg_reply_size(&r) > ask->reply_max) {
        r.values_len = 0;
        r.status = (uint8_t)too_big;
    }
    add_contacts(s, ask, &r);
    return finish(s, box, ask, &r);
}

enum gn_err gn_server_reply_list(struct gn_server *s, struct gn_outbox *box, const struct gn_server_ask *ask,
                                 const struct gn_slice *records, size_t records_len)
{
    bool wanted = (ask->q.flags & GN_MSG_NO_CONTACTS) == 0;
    size_t reserve = wanted ? GN_SERVER_CONTACTS_RESERVED * GN_MSG_CONTACT_V6 : 0;
    struct gn_msg_reply r;

    begin(&r, ask, GN_MSG_OK);
    r.values_is_list = true;
    for (size_t i = 0; i < records_len && r.values_len < GN_MSG_VALUES_MAX; i++) {
        /* at least one record goes out, rather than contacts alone */
        size_t room = r.values_len == 0 || ask->reply_max < reserve ? ask->reply_max : ask->reply_max - reserve;

        r.values[r.values_len] = records[i];
        r.values_len++;
        if (gn_msg_reply_size(&r) > room) {
            r.values_len--;
        }
    }
    if (r.values_len == 0) {
        r.values_is_list = false;
        r.status = GN_MSG_TOO_BIG;
    }
    add_contacts(s, ask, &r);
    return finish(s, box, ask, &r);
}
