/* overlay/kad/lookup.c - whom to ask next, and when it is over. */
#include "overlay/kad/lookup.h"

#include <string.h>

#include "base/check.h"
#include "overlay/kad/kad.h"
#include "overlay/kad/trace.h"

#define RESEND_TO_CLOSEST 3U
/* More than k: when many nodes have just died, all neighbours name the same k, half of them dead; whom we know beyond
 * those then closes the gap. They are asked only if needed. */
#define SEEDS 40U

/* ---- The shortlist ---- */

static const struct gn_contact *contact_at(const struct gn_kad *k, const struct gn_lookup *l, unsigned slot)
{
    return gn_book_get(k->book, l->nodes[slot].contact);
}

/* Place in `order` where an id belongs; *known: the slot that has it already, or NO_SLOT. */
static unsigned find_place(const struct gn_kad *k, const struct gn_lookup *l, const struct gn_id *id, uint32_t far,
                           unsigned *known)
{
    unsigned low = 0;
    unsigned high = l->len;

    *known = GN_LOOKUP_NO_SLOT;
    while (low < high) {
        unsigned mid = (low + high) / 2U;
        unsigned slot = l->order[mid];
        int side = 0;

        if (far != l->nodes[slot].far) {
            side = far < l->nodes[slot].far ? -1 : 1;
        } else {
            side = gn_id_closer(&l->goal.target, id, &contact_at(k, l, slot)->id);
        }
        if (side == 0) {
            *known = slot;
            return mid;
        }
        if (side < 0) {
            high = mid;
        } else {
            low = mid + 1U;
        }
    }
    return low;
}

static void remove_at(struct gn_kad *k, struct gn_lookup *l, unsigned place)
{
    struct gn_lookup_node *n = &l->nodes[l->order[place]];

    gn_book_drop(k->book, n->contact);
    memset(n, 0, sizeof *n);
    memmove(&l->order[place], &l->order[place + 1U], l->len - place - 1U);
    l->len--;
}

/* Of this group: how many could still matter, and the farthest that was not asked yet (place, or len). */
static unsigned crowd(const struct gn_kad *k, const struct gn_lookup *l, const struct gn_addr *addr, unsigned *farthest)
{
    uint64_t group = gn_addr_group(addr);
    unsigned n = 0;

    *farthest = l->len;
    if (k->config.allow_private && gn_addr_is_private(addr)) {
        return 0;
    }
    for (unsigned i = 0; i < l->len; i++) {
        const struct gn_lookup_node *node = &l->nodes[l->order[i]];

        if (node->state == GN_LOOKUP_DEAD || gn_addr_group(&contact_at(k, l, l->order[i])->addr) != group) {
            continue;
        }
        n++;
        *farthest = node->state == GN_LOOKUP_NEW ? i : *farthest;
    }
    return n;
}

/* Makes room for a node that belongs at `place`. False: it is not worth it. */
static bool make_room(struct gn_kad *k, struct gn_lookup *l, unsigned *place, const struct gn_addr *addr)
{
    unsigned victim;

    if (crowd(k, l, addr, &victim) >= GN_LOOKUP_PER_GROUP) {
        if (victim >= l->len || victim < *place) {
            return false;
        }
        remove_at(k, l, victim);
        return true;
    }
    if (l->len < GN_LOOKUP_NODES) {
        return true;
    }
    for (victim = l->len; victim > *place; victim--) {
        if (l->nodes[l->order[victim - 1U]].state == GN_LOOKUP_NEW) {
            remove_at(k, l, victim - 1U);
            return true;
        }
    }
    return false;
}

static bool may_ask(const struct gn_kad *k, const struct gn_contact *c)
{
    return !gn_id_is_zero(&c->id) && !gn_id_eq(&c->id, &k->config.self) && gn_addr_is_usable(&c->addr) &&
           (k->config.allow_private || !gn_addr_is_private(&c->addr));
}

/* A node that was dead where we looked for it is said to be somewhere else: one more try. */
static void try_elsewhere(struct gn_kad *k, struct gn_lookup_node *n, gn_book_handle contact)
{
    if (n->state != GN_LOOKUP_DEAD || n->moved ||
        gn_addr_eq(&gn_book_get(k->book, n->contact)->addr, &gn_book_get(k->book, contact)->addr)) {
        return;
    }
    gn_book_drop(k->book, n->contact);
    n->contact = gn_book_hold(k->book, contact);
    n->state = GN_LOOKUP_NEW;
    n->moved = true;
    n->resent = false;
}

/* Takes no reference of the caller's. True: it is new, and nearer than all others. */
static bool add(struct gn_kad *k, struct gn_lookup *l, gn_book_handle contact, unsigned from, unsigned depth)
{
    const struct gn_contact *c = gn_book_get(k->book, contact);
    uint32_t far = gn_load_u32(c->id.b) ^ gn_load_u32(l->goal.target.b);
    unsigned known;
    unsigned place = find_place(k, l, &c->id, far, &known);
    unsigned slot = 0;

    if (known != GN_LOOKUP_NO_SLOT) {
        try_elsewhere(k, &l->nodes[known], contact);
        return false;
    }
    if (!make_room(k, l, &place, &c->addr)) {
        return false;
    }
    while (l->nodes[slot].contact != 0) {
        slot++;
    }
    GN_CHECK(slot < GN_LOOKUP_NODES);
    l->nodes[slot] = (struct gn_lookup_node){.contact = gn_book_hold(k->book, contact),
                                             .far = far,
                                             .from = (uint8_t)from,
                                             .depth = (uint8_t)(depth < UINT8_MAX ? depth : UINT8_MAX)};
    memmove(&l->order[place + 1U], &l->order[place], l->len - place);
    l->order[place] = (uint8_t)slot;
    l->len++;
    return place == 0;
}

static bool add_contact(struct gn_kad *k, struct gn_lookup *l, const struct gn_contact *c, unsigned from,
                        unsigned depth)
{
    const struct gn_table_entry *known = gn_table_find(&k->table, &c->id);
    gn_book_handle h;

    if (!may_ask(k, c)) {
        return false;
    }
    /* Whom we know ourselves we ask where it answered us, whatever others say. */
    if (known && known->misses == 0) {
        return add(k, l, known->contact, from, depth);
    }
    if (gn_book_take(k->book, &h, c) != GN_OK) {
        return false;
    }
    bool nearest = add(k, l, h, from, depth);
    gn_book_drop(k->book, h);
    return nearest;
}

void gn_lookup_start(struct gn_kad *k, struct gn_lookup *l, const struct gn_lookup_goal *goal)
{
    gn_book_handle seeds[SEEDS];
    struct gn_table_wish wish = {.target = &goal->target, .which = GN_TABLE_LIVE, .now = k->now};
    size_t n = gn_table_closest(&k->table, seeds, SEEDS, &wish);

    memset(l, 0, sizeof *l);
    l->goal = *goal;
    l->began = k->now;
    l->places = goal->alpha_first ? goal->alpha_first : goal->alpha;
    if (n < GN_KAD_K) { /* few live ones: better doubtful ones than nobody */
        wish.which = GN_TABLE_ANY;
        n = gn_table_closest(&k->table, seeds, SEEDS, &wish);
    }
    for (size_t i = 0; i < n; i++) {
        (void)add(k, l, seeds[i], GN_LOOKUP_NO_SLOT, 1);
    }
    gn_table_touch(&k->table, &goal->target, k->now);
}

bool gn_lookup_is_near(const struct gn_kad *k, const struct gn_id *target)
{
    struct gn_table_wish wish = {.target = target, .which = GN_TABLE_LIVE, .now = k->now};
    gn_book_handle nearest;

    if (gn_table_closest(&k->table, &nearest, 1, &wish) == 0) {
        return false;
    }
    const struct gn_table_entry *e = gn_table_find(&k->table, &gn_book_get(k->book, nearest)->id);
    return e && e->rtt.srtt_us != 0 && e->rtt.srtt_us <= GN_LOOKUP_NEAR_US;
}

void gn_lookup_offer(struct gn_kad *k, struct gn_lookup *l, const struct gn_contact *c)
{
    (void)add_contact(k, l, c, GN_LOOKUP_NO_SLOT, 1);
}

/* ---- Asking ---- */

/* The nearest node that was not asked and that fewer than k precede which have answered or still may in good time;
 * NO_SLOT: none. */
static unsigned next(const struct gn_lookup *l)
{
    unsigned good = 0;

    for (unsigned i = 0; i < l->len && good < GN_KAD_K; i++) {
        unsigned slot = l->order[i];

        if (l->nodes[slot].state == GN_LOOKUP_NEW) {
            return slot;
        }
        good += l->nodes[slot].state == GN_LOOKUP_ANSWERED || l->nodes[slot].state == GN_LOOKUP_ASKED;
    }
    return GN_LOOKUP_NO_SLOT;
}

static void fill_query(const struct gn_lookup *l, struct gn_msg_query *q)
{
    memset(q, 0, sizeof *q);
    q->method = l->goal.method;
    q->flags = l->goal.want_token ? GN_MSG_WANT_TOKEN : 0U;
    q->target = l->goal.target;
    q->kind = l->goal.kind;
}

static enum gn_err ask(struct gn_kad *k, struct gn_lookup *l, unsigned slot, enum gn_via via)
{
    struct gn_lookup_node *n = &l->nodes[slot];
    struct gn_msg_query q;
    struct gn_call_for whom = {.owner = GN_CALL_LOOKUP, .slot = (uint8_t)slot, .op = l->goal.op};

    fill_query(l, &q);
    enum gn_err err = gn_rpc_send(k, &n->call, n->contact, via, &q, whom);
    if (err != GN_OK) {
        return err;
    }
    n->state = GN_LOOKUP_ASKED;
    l->asking++;
    l->queries++;
    if (n->depth > l->hops_max) {
        l->hops_max = n->depth;
    }
    gn_trace_hop(k, l, slot, GN_HOP_ASKED, NULL);
    return GN_OK;
}

void gn_lookup_pump(struct gn_kad *k, struct gn_lookup *l)
{
    l->starved = false;
    while (l->asking < l->places) {
        unsigned slot = next(l);

        if (slot == GN_LOOKUP_NO_SLOT) {
            return;
        }
        if (ask(k, l, slot, GN_VIA_DATAGRAM) != GN_OK) {
            l->starved = true; /* too many calls, or no memory: the owner comes back */
            return;
        }
    }
}

static void leave_asking(struct gn_lookup *l, struct gn_lookup_node *n)
{
    if (n->state == GN_LOOKUP_ASKED) {
        GN_CHECK(l->asking > 0);
        l->asking--;
    }
}

bool gn_lookup_by_stream(struct gn_kad *k, struct gn_lookup *l, unsigned slot)
{
    struct gn_lookup_node *n = &l->nodes[slot];

    if (n->by_stream) {
        return false;
    }
    n->by_stream = true;
    leave_asking(l, n);
    n->state = GN_LOOKUP_SLOW; /* waits for the stream, without one of the places if that cannot begin */
    return ask(k, l, slot, GN_VIA_STREAM) == GN_OK;
}

/* ---- What comes back ---- */

void gn_lookup_set_token(struct gn_kad *k, struct gn_lookup *l, unsigned slot, const uint8_t token[GN_MSG_TOKEN_BYTES])
{
    if (!l->tokens) {
        l->tokens = gn_alloc_zeroed(k->env->alloc, GN_LOOKUP_NODES, sizeof *l->tokens);
    }
    if (l->tokens) {
        memcpy(l->tokens[slot], token, sizeof l->tokens[slot]);
        l->nodes[slot].has_token = true;
    }
}

/* For the trace: it is there, but will not do what it was asked. */
static bool is_refusal(const struct gn_msg_reply *reply)
{
    return reply->status == GN_MSG_BUSY || reply->status == GN_MSG_REFUSED || reply->status == GN_MSG_MALFORMED ||
           reply->status >= GN_MSG_UNSUPPORTED;
}

void gn_lookup_answered(struct gn_kad *k, struct gn_lookup *l, unsigned slot, const struct gn_call *call,
                        const struct gn_msg_reply *reply, bool has_value)
{
    struct gn_lookup_node *n = &l->nodes[slot];
    bool late = call->stage != GN_CALL_WAITING;
    struct gn_trace_answer answer = {.contacts = (unsigned)reply->contacts_len, .has_value = has_value};

    GN_CHECK(n->contact != 0);
    leave_asking(l, n);
    l->places = l->goal.alpha;
    n->state = GN_LOOKUP_ANSWERED;
    n->call = 0;
    l->answers++;
    if (reply->has_token) {
        gn_lookup_set_token(k, l, slot, reply->token);
    }
    for (size_t i = 0; i < reply->contacts_len; i++) {
        answer.closer += add_contact(k, l, &reply->contacts[i], slot, n->depth + 1U);
    }
    answer.rtt_us = gn_time_sub(k->now, call->sent_at);
    enum gn_hop_status status = late ? GN_HOP_LATE : GN_HOP_ANSWERED;
    gn_trace_hop(k, l, slot, is_refusal(reply) ? GN_HOP_REFUSED : status, &answer);
}

static bool is_among_closest(const struct gn_lookup *l, unsigned slot)
{
    unsigned alive = 0;

    for (unsigned i = 0; i < l->len && alive < RESEND_TO_CLOSEST; i++) {
        if (l->order[i] == slot) {
            return true;
        }
        alive += l->nodes[l->order[i]].state != GN_LOOKUP_DEAD;
    }
    return false;
}

void gn_lookup_stalled(struct gn_kad *k, struct gn_lookup *l, unsigned slot, const struct gn_call *call)
{
    struct gn_lookup_node *n = &l->nodes[slot];
    struct gn_msg_query q;

    leave_asking(l, n);
    l->places = l->goal.alpha;
    if (call->stage == GN_CALL_DEAD) {
        n->state = GN_LOOKUP_DEAD;
        n->call = 0;
        l->timeouts++;
        gn_trace_hop(k, l, slot, GN_HOP_DEAD, NULL);
        return;
    }
    if (call->stage == GN_CALL_LATE) {
        n->state = GN_LOOKUP_LATE;
        return;
    }
    n->state = GN_LOOKUP_SLOW;
    gn_trace_hop(k, l, slot, GN_HOP_SLOW, NULL);
    if (!n->resent && call->via == GN_VIA_DATAGRAM && is_among_closest(l, slot)) {
        n->resent = true;
        fill_query(l, &q);
        (void)gn_rpc_resend(k, n->call, &q); /* if it cannot be sent, the first one still counts */
    }
}

void gn_lookup_lied(struct gn_kad *k, struct gn_lookup *l, unsigned slot)
{
    struct gn_lookup_node *n = &l->nodes[slot];

    leave_asking(l, n);
    l->places = l->goal.alpha;
    n->state = GN_LOOKUP_DEAD;
    n->moved = true; /* no second address for a liar */
    n->call = 0;
    gn_trace_hop(k, l, slot, GN_HOP_LIED, NULL);
}

/* ---- The end ---- */

bool gn_lookup_is_finished(const struct gn_lookup *l)
{
    unsigned answered = 0;

    for (unsigned i = 0; i < l->len && answered < GN_KAD_K; i++) {
        enum gn_lookup_state state = (enum gn_lookup_state)l->nodes[l->order[i]].state;

        if (state == GN_LOOKUP_NEW || state == GN_LOOKUP_ASKED || state == GN_LOOKUP_SLOW) {
            return false;
        }
        answered += state == GN_LOOKUP_ANSWERED;
    }
    return true;
}

bool gn_lookup_is_quiet(const struct gn_lookup *l)
{
    for (unsigned i = 0; i < l->len; i++) {
        enum gn_lookup_state state = (enum gn_lookup_state)l->nodes[l->order[i]].state;

        if (state == GN_LOOKUP_ASKED || state == GN_LOOKUP_SLOW) {
            return false;
        }
    }
    return true;
}

size_t gn_lookup_closest(const struct gn_lookup *l, uint8_t *slots, size_t cap)
{
    size_t n = 0;

    for (unsigned i = 0; i < l->len && n < cap; i++) {
        if (l->nodes[l->order[i]].state == GN_LOOKUP_ANSWERED) {
            slots[n++] = l->order[i];
        }
    }
    return n;
}

void gn_lookup_end(struct gn_kad *k, struct gn_lookup *l)
{
    for (unsigned i = 0; i < l->len; i++) {
        struct gn_lookup_node *n = &l->nodes[l->order[i]];

        if (n->state == GN_LOOKUP_NEW) { /* heard of, not needed here */
            gn_candidates_offer(k, gn_book_get(k->book, n->contact));
        }
        gn_rpc_disown(k, n->call);
        gn_book_drop(k->book, n->contact);
        n->contact = 0;
        n->call = 0;
    }
    l->len = 0;
    l->asking = 0;
    gn_alloc_free(k->env->alloc, l->tokens);
    l->tokens = NULL;
}
