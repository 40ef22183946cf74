/* sim/world/world_link.c - packets between nodes: how long they take, what happens to them, whether they are accepted.
 */
#include <string.h>

#include "base/check.h"
#include "overlay/msg/msg.h"
#include "sim/engine/draw.h"
#include "sim/world/cities.h"
#include "sim/world/world_state.h"

#define REPLY_BODY_MAX 1150U /* of a datagram */
#define REORDER_MAX GN_MS(50)
#define ASKED_KEEP GN_SECONDS(3) /* nobody waits longer for an answer: the hard timeout is 1.5 s */
#define STREAM_TRIPS 3U          /* one-way trips until a query on a new stream has arrived */

/* Bytes around a body: docs/PROTOCOL.md, "Sealed envelope". */
#define QUERY_AROUND 97U
#define QUERY_SELF 136U
#define QUERY_LEAST 416U
#define REPLY_AROUND 76U
#define IP_UDP 28U

/* ---- Addresses: each place has a /24 of its own, neighbours differ in their /16 ---- */

struct gn_addr gn_world_addr(uint32_t place)
{
    struct gn_addr a = {.family = GN_ADDR_V4, .port = 4747};

    a.ip[0] = (uint8_t)(20U + (place >> 16U));
    a.ip[1] = (uint8_t)place;
    a.ip[2] = (uint8_t)(place >> 8U);
    a.ip[3] = 7;
    return a;
}

static struct gn_world_node *node_at(struct gn_world *w, const struct gn_addr *a)
{
    uint32_t place = ((uint32_t)a->ip[0] - 20U) << 16U | (uint32_t)a->ip[2] << 8U | a->ip[1];

    if (place >= w->config.places) {
        return NULL;
    }
    struct gn_addr right = gn_world_addr(place);
    return gn_addr_eq(a, &right) ? &w->nodes[place] : NULL;
}

/* ---- The way ---- */

static gn_time_us way(const struct gn_world *w, const struct gn_world_node *a, const struct gn_world_node *b,
                      uint64_t draw)
{
    gn_time_us t = gn_cities_rtt(a->city, b->city) / 2U + a->access_us + b->access_us;
    uint64_t span = t * w->config.net.jitter_percent / 100U;

    return span == 0 ? t : t - span + gn_draw_below(draw, (uint32_t)(2U * span + 1U));
}

static uint64_t tag_of(const struct gn_world *w, const struct gn_packet *p, uint32_t from, uint32_t to)
{
    uint64_t head[5] = {p->txid, p->to_id, p->contact, (uint64_t)from << 32U | to,
                        (uint64_t)p->life << 32U | (uint64_t)p->via << 8U | p->introduce};
    struct gn_slice pieces[] = {gn_slice_of(head, sizeof head), gn_slice_of(p->body, p->body_len)};

    return gn_null_crypto_tag(w->key, pieces, 2);
}

void gn_world_drop_packet(struct gn_world *w, uint32_t handle)
{
    gn_book_handle contact = gn_packets_get(&w->packets, handle)->contact;

    if (gn_packets_drop(&w->packets, handle)) {
        gn_book_drop(&w->book, contact);
    }
}

/* What the network does to a packet. Draws are counted by packet, one purpose each, so that another rate of one fault
 * leaves the others as they were. */
static void send_packet(struct gn_world *w, struct gn_world_node *from, struct gn_world_node *to, uint32_t kind,
                        uint32_t handle)
{
    const struct gn_world_net *net = &w->config.net;
    struct gn_packet *p = gn_packets_get(&w->packets, handle);
    uint32_t at = gn_world_place(w, from), place = gn_world_place(w, to), count = from->packets++;
    uint64_t fate = gn_draw(w->config.seed, at, GN_DRAW_LOSS, count);
    gn_time_us t = way(w, from, to, gn_draw(w->config.seed, at, GN_DRAW_LATENCY, count));
    bool datagram = p->via == GN_VIA_DATAGRAM;

    p->tag = tag_of(w, p, at, place);
    gn_world_note(w, from, p->tag);
    if (w->cut && gn_world_side(w, at) != gn_world_side(w, place)) {
        w->totals.cut++;
    } else if (datagram && gn_draw_hit(fate, net->loss_ppm)) {
        w->totals.lost++;
    } else {
        if (datagram && gn_draw_hit(gn_draw_mix(fate + 1U), net->corrupt_ppm) && p->body_len > 0) {
            uint64_t bit = gn_draw_mix(fate + 2U);
            p->body[gn_draw_below(bit, p->body_len)] ^= (uint8_t)(1U << (bit & 7U));
            w->totals.corrupted++;
        }
        if (datagram && gn_draw_hit(gn_draw_mix(fate + 3U), net->reorder_ppm)) {
            t += gn_draw_below(gn_draw_mix(fate + 4U), (uint32_t)REORDER_MAX);
        }
        t *= !datagram && kind == GN_WORLD_QUERY ? STREAM_TRIPS : 1U;
        if (datagram && gn_draw_hit(gn_draw_mix(fate + 5U), net->duplicate_ppm)) {
            gn_packets_hold(&w->packets, handle);
            gn_world_queue(w, w->now + t + gn_draw_below(gn_draw_mix(fate + 6U), (uint32_t)REORDER_MAX), place, from,
                           kind << GN_WORLD_REF_BITS | handle);
            w->totals.duplicated++;
        }
        gn_world_queue(w, w->now + t, place, from, kind << GN_WORLD_REF_BITS | handle);
        return;
    }
    gn_world_drop_packet(w, handle);
}

/* ---- Sending ---- */

static struct gn_packet *new_packet(struct gn_world *w, const struct gn_world_node *from, uint32_t *handle,
                                    struct gn_slice body)
{
    struct gn_packet *p;
    enum gn_err err = gn_packets_take(&w->packets, handle, &p, body.len);

    if (err != GN_OK) {
        gn_world_fail(w, err);
        return NULL;
    }
    if (body.len > 0) {
        memcpy(p->body, body.data, body.len);
    }
    p->contact = gn_book_hold(&w->book, from->contact);
    return p;
}

static uint64_t head_of(const struct gn_id *id)
{
    return gn_load_u64(id->b);
}

void gn_world_send_query(struct gn_world *w, struct gn_world_node *from, const struct gn_effect *fx)
{
    struct gn_world_node *to = node_at(w, &fx->u.query.to.addr);
    size_t wire = fx->u.query.body.len + QUERY_AROUND + (fx->u.query.introduce ? QUERY_SELF : 0U);
    uint32_t handle;

    w->totals.queries++;
    w->totals.stream_queries += fx->u.query.via == GN_VIA_STREAM;
    w->totals.bytes += (wire < QUERY_LEAST ? QUERY_LEAST : wire) + IP_UDP;
    if (!to) {
        w->totals.nobody++;
        return;
    }
    struct gn_packet *p = new_packet(w, from, &handle, fx->u.query.body);
    if (!p) {
        return;
    }
    p->txid = fx->u.query.txid;
    p->to_id = gn_id_is_zero(&fx->u.query.to.id) ? 0 : head_of(&fx->u.query.to.id);
    p->life = from->life;
    p->via = (uint8_t)fx->u.query.via;
    p->introduce = fx->u.query.introduce;
    send_packet(w, from, to, GN_WORLD_QUERY, handle);
}

void gn_world_send_reply(struct gn_world *w, struct gn_world_node *from, const struct gn_effect *fx)
{
    uint64_t number = fx->u.reply.reply_to;
    uint32_t handle;

    if (number < w->asked_first) {
        return; /* so late that nobody waits any more */
    }
    GN_CHECK(number < w->asked_next);
    struct gn_world_asked *a = &w->asked[number & (w->asked_cap - 1U)];
    GN_CHECK(a->open); /* a query is answered once */
    a->open = false;
    GN_CHECK(a->via == GN_VIA_STREAM || fx->u.reply.body.len <= REPLY_BODY_MAX);
    w->totals.replies++;
    w->totals.bytes += fx->u.reply.body.len + REPLY_AROUND + IP_UDP;
    struct gn_packet *p = new_packet(w, from, &handle, fx->u.reply.body);
    if (!p) {
        return;
    }
    p->txid = a->txid;
    p->to_id = 0;
    p->life = a->life;
    p->via = a->via;
    p->introduce = 0;
    send_packet(w, from, &w->nodes[a->place], GN_WORLD_REPLY, handle);
}

/* ---- Receiving ---- */

static bool grow_asked(struct gn_world *w)
{
    uint64_t cap = w->asked_cap ? w->asked_cap * 2U : 256U;
    struct gn_world_asked *asked = gn_alloc_zeroed(&w->meter.alloc, cap, sizeof *asked);

    if (!asked) {
        gn_world_fail(w, GN_E_NO_MEMORY);
        return false;
    }
    for (uint64_t i = w->asked_first; i < w->asked_next; i++) {
        asked[i & (cap - 1U)] = w->asked[i & (w->asked_cap - 1U)];
    }
    gn_alloc_free(&w->meter.alloc, w->asked);
    w->asked = asked;
    w->asked_cap = cap;
    return true;
}

static bool keep_asked(struct gn_world *w, uint64_t *number, const struct gn_packet *p, uint32_t from)
{
    while (w->asked_first < w->asked_next && w->asked[w->asked_first & (w->asked_cap - 1U)].at + ASKED_KEEP < w->now) {
        w->asked_first++;
    }
    if (w->asked_next - w->asked_first == w->asked_cap && !grow_asked(w)) {
        return false;
    }
    *number = w->asked_next++;
    w->asked[*number & (w->asked_cap - 1U)] = (struct gn_world_asked){
        .txid = p->txid, .at = w->now, .place = from, .life = p->life, .via = p->via, .open = true};
    return true;
}

static void take_query(struct gn_world *w, struct gn_world_node *to, const struct gn_packet *p, uint32_t from)
{
    struct gn_input in = {.type = GN_IN_QUERY};
    struct gn_input_query *q = &in.u.query;
    const struct gn_contact *sender = gn_book_get(&w->book, p->contact);

    if (p->to_id != 0 && p->to_id != head_of(&gn_book_get(&w->book, to->contact)->id)) {
        w->totals.nobody++; /* sealed for one who was here before: it cannot be opened */
        return;
    }
    if (!keep_asked(w, &q->reply_to, p, from)) {
        return;
    }
    q->via = (enum gn_via)p->via;
    q->addr = sender->addr;
    q->addr_proved = true;
    q->has_self = p->introduce != 0;
    q->self = *sender;
    memcpy(q->client_key, sender->id.b, sizeof q->client_key);
    q->client_key[0] ^= p->via == GN_VIA_STREAM ? 0U : 0xffU; /* the two paths have different keys */
    q->reply_max = p->via == GN_VIA_STREAM ? GN_MSG_REPLY_MAX : REPLY_BODY_MAX;
    q->body = gn_slice_of(p->body, p->body_len);
    (void)gn_world_step(w, to, &in); /* a refusal is the answering side's own business */
}

static void take_reply(struct gn_world *w, struct gn_world_node *to, const struct gn_packet *p)
{
    struct gn_input in = {.type = GN_IN_REPLY};

    if (p->life != to->life) {
        w->totals.nobody++;
        return;
    }
    in.u.reply.txid = p->txid;
    in.u.reply.from = *gn_book_get(&w->book, p->contact);
    in.u.reply.observed = gn_book_get(&w->book, to->contact)->addr;
    in.u.reply.via = (enum gn_via)p->via;
    in.u.reply.body = gn_slice_of(p->body, p->body_len);
    (void)gn_world_step(w, to, &in); /* late answers have unknown numbers */
}

void gn_world_take_packet(struct gn_world *w, struct gn_world_node *to, const struct gn_event *event)
{
    uint32_t handle = event->ref & GN_WORLD_REF_MASK;
    const struct gn_packet *p = gn_packets_get(&w->packets, handle);

    if (!to->overlay) {
        w->totals.nobody++;
    } else if (p->tag != tag_of(w, p, event->from, event->to)) {
        w->totals.refused++;
    } else if (event->ref >> GN_WORLD_REF_BITS == GN_WORLD_QUERY) {
        take_query(w, to, p, event->from);
    } else {
        take_reply(w, to, p);
    }
    gn_world_drop_packet(w, handle);
}
