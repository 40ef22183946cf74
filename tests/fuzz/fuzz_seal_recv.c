/* tests/fuzz/fuzz_seal_recv.c - random and mutated datagrams at both roles, with time jumps and failing allocations.
 *
 * The input is a program: one byte of what to do, then its operands. Two honest nodes talk through a network that the
 * program owns: it may hold back, repeat, change, redirect and invent packets, and it knows the network tag. Besides
 * the sanitizers these claims are checked: an event is one of a few shapes, a body is inside the scratch it was opened
 * in, nobody says more than three times what it heard, memory stays within the limits of the configuration, and a REPLY
 * carries the id that was wanted.
 */
#include <string.h>

#include "base/check.h"
#include "tests/support/fuzz.h"
#include "tests/support/seal_world.h"

enum { HELD = 8, STEPS_MAX = 200, MEMORY_MAX = 512 * 1024 };

struct held {
    struct seal_packet packet;
    unsigned to;
    struct gn_addr from;
};

struct game {
    const uint8_t *data;
    size_t left;
    struct seal_world w;
    struct seal_node node[2];
    struct held held[HELD];
    unsigned held_next;
    struct gn_contact wanted[2][STEPS_MAX]; /* what the query of this cookie is for */
    unsigned cookies[2];
};

static uint8_t operand(struct game *g)
{
    if (g->left == 0) {
        return 0;
    }
    g->left--;
    return *g->data++;
}

static void hold(struct game *g, unsigned from, const uint8_t *bytes, size_t len)
{
    struct held *h = &g->held[g->held_next++ % HELD];

    memcpy(h->packet.bytes, bytes, len);
    h->packet.len = len;
    h->to = 1U - from;
    h->from = g->node[from].addr;
}

static void ask(struct game *g, unsigned who)
{
    struct seal_packet p;
    uint8_t shape = operand(g);
    bool again = (shape & 128) != 0 && g->cookies[who] != 0;
    unsigned cookie = again ? operand(g) % g->cookies[who] : g->cookies[who]++;
    struct gn_contact to = seal_contact(&g->node[1U - who]);
    uint8_t body[GN_SEAL_QUERY_BODY_MAX + 8];
    size_t len = (shape & 8) ? operand(g) * 5U : operand(g) % 16U;

    if (shape & 1) {
        memset(to.epk, 0, sizeof to.epk);
    }
    if (shape & 2) {
        memset(&to.id, 0, sizeof to.id);
    }
    if (shape & 4) {
        to.epk[operand(g) % 32U] ^= operand(g);
    }
    if (shape & 16) {
        to.id.b[operand(g) % 32U] ^= operand(g);
    }
    if (again) {
        to = g->wanted[who][cookie];
    }
    g->wanted[who][cookie] = to;
    memset(body, 0xa5, sizeof body);
    enum gn_err err = gn_seal_query(g->node[who].seal, p.bytes, &p.len,
                                    &(struct gn_seal_request){.cookie = cookie,
                                                              .to = &to,
                                                              .body = gn_slice_of(body, len),
                                                              .introduce = (shape & 32) != 0,
                                                              .expires_at = g->w.now + GN_SECONDS(1U + shape % 8U)},
                                    g->w.now);
    if (err == GN_OK) {
        GN_CHECK(p.len >= GN_SEAL_QUERY_MIN && p.len <= GN_SEAL_DATAGRAM_MAX);
        hold(g, who, p.bytes, p.len);
    } else {
        GN_CHECK(p.len == 0);
    }
}

static void answer(struct game *g, unsigned who, const struct gn_seal_event *e, size_t heard)
{
    struct seal_packet p;
    uint8_t body[GN_SEAL_DATAGRAM_MAX];
    size_t len = operand(g) & 1 ? e->reply_body_max : 3;

    memset(body, 0x5a, sizeof body);
    enum gn_err err =
        gn_seal_reply(g->node[who].seal, p.bytes, &p.len, &e->reply_key, gn_slice_of(body, len), g->w.now);
    GN_CHECK(err == GN_OK && p.len <= GN_SEAL_DATAGRAM_MAX);
    GN_CHECK(e->addr_proved || p.len <= 3 * heard);
    hold(g, who, p.bytes, p.len);
}

static void give(struct game *g, unsigned who, const struct gn_addr *from, const struct seal_packet *p)
{
    struct gn_seal_event e;

    switch (seal_give(&g->w, &g->node[who], &e, from, p)) {
    case GN_SEAL_NOTHING:
        GN_CHECK(e.packet.len == 0 && e.body.len == 0);
        break;
    case GN_SEAL_SEND:
        GN_CHECK(e.packet.len <= GN_SEAL_DATAGRAM_MAX && gn_addr_eq(&e.addr, from));
        /* a REKEY or RETRY is smaller than the query; our own query again is as large as it was, or a full one */
        GN_CHECK(p->bytes[0] != GN_SEAL_T_QUERY || e.packet.len < p->len);
        hold(g, who, e.packet.data, e.packet.len);
        break;
    case GN_SEAL_QUERY:
        GN_CHECK(p->bytes[0] == GN_SEAL_T_QUERY && e.body.len <= GN_SEAL_QUERY_BODY_MAX);
        GN_CHECK(e.reply_body_max >= 1000 && e.reply_key.reply_max <= GN_SEAL_DATAGRAM_MAX);
        answer(g, who, &e, p->len);
        break;
    case GN_SEAL_REPLY: {
        GN_CHECK(e.cookie < g->cookies[who]);
        const struct gn_contact *wanted = &g->wanted[who][e.cookie];
        GN_CHECK(p->bytes[0] == GN_SEAL_T_REPLY && gn_addr_eq(&e.from.addr, from));
        GN_CHECK(gn_id_is_zero(&wanted->id) || gn_id_eq(&wanted->id, &e.from.id));
        GN_CHECK(gn_id_eq(&e.from.id, gn_seal_id(g->node[1U - who].seal))); /* nobody else has an identity */
        break;
    }
    }
}

/* Delivers a held packet, perhaps changed, perhaps from elsewhere, perhaps to its own sender. */
static void deliver(struct game *g)
{
    struct held h = g->held[operand(g) % HELD];
    uint8_t how = operand(g);

    if (how & 1) {
        h.packet.bytes[operand(g) * 5U % GN_SEAL_DATAGRAM_MAX] ^= operand(g);
    }
    if (how & 2) {
        h.packet.bytes[operand(g) % GN_SEAL_Q_HEADER] = operand(g);
    }
    if (how & 4) {
        h.packet.len = operand(g) * 5U % (GN_SEAL_DATAGRAM_MAX + 1U);
    }
    if (how & 8) {
        h.from.port ^= operand(g);
    }
    if (how & 16) {
        h.to = 1U - h.to;
    }
    if (how & 32) {
        seal_retag(&h.packet, g->w.net_id);
    }
    give(g, h.to, &h.from, &h.packet);
}

/* A packet of the program's own bytes. */
static void invent(struct game *g)
{
    struct seal_packet p;
    uint8_t shape = operand(g);
    unsigned who = shape & 1U;
    const struct held *h = &g->held[operand(g) % HELD];

    p.len = operand(g) * 5U % (GN_SEAL_DATAGRAM_MAX + 1U);
    memset(p.bytes, 0, sizeof p.bytes);
    for (size_t i = 2; i < 60; i++) {
        p.bytes[i] = operand(g);
    }
    p.bytes[0] = (uint8_t)(4U + (shape >> 1) % 4U);
    p.bytes[1] = GN_SEAL_VERSION;
    if (shape & 8) { /* with the tag of a query in flight */
        memcpy(p.bytes + GN_SEAL_R_REQ_TAG, h->packet.bytes + GN_SEAL_Q_NONCE, GN_SEAL_REQ_TAG);
        p.len = p.bytes[0] == GN_SEAL_T_REKEY   ? GN_SEAL_REKEY_LEN
                : p.bytes[0] == GN_SEAL_T_RETRY ? GN_SEAL_RETRY_LEN
                                                : p.len;
    }
    if (p.bytes[0] == GN_SEAL_T_QUERY) {
        seal_retag(&p, g->w.net_id);
    }
    give(g, who, &g->node[1U - who].addr, &p);
}

/* A member of the network with a key of its own seals whatever the program wants it to. */
static void seal_anything(struct game *g)
{
    struct seal_forgery f;
    struct seal_packet p;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    unsigned who = operand(g) & 1U;

    seal_forgery_init(&f, &g->w, &g->node[who], plain, "");
    f.plain_len = GN_SEAL_QUERY_MIN - GN_SEAL_Q_HEADER - GN_SEAL_TAG + operand(g) % 64U;
    memset(plain, 0, sizeof plain);
    for (size_t i = 0; i < 16; i++) {
        plain[i] = operand(g);
        plain[i + 130] = operand(g);
    }
    gn_store_u64(plain + 65, g->w.wall);
    seal_forge(&p, &g->w, &f);
    give(g, who, &g->node[1U - who].addr, &p);
}

static void pass_time(struct game *g)
{
    static const gn_time_us steps[8] = {
        1, GN_MS(50), GN_SECONDS(1), GN_SECONDS(6), GN_MINUTES(5), GN_MINUTES(11), GN_MINUTES(67), GN_HOURS(24)};
    uint8_t how = operand(g);

    if (how & 8) {
        g->w.now -= steps[how % 8U] < g->w.now ? steps[how % 8U] : g->w.now;
    } else {
        g->w.now += steps[how % 8U];
    }
    if (how & 16) {
        g->w.wall += (how & 32) ? UINT64_C(86400) : steps[how % 8U] / GN_SECONDS(1);
    } else if (how & 64) {
        g->w.wall -= 4000;
    }
    for (unsigned who = 0; who < 2 && (how & 128) == 0; who++) {
        gn_seal_timer(g->node[who].seal, g->w.now, g->w.wall);
    }
}

static void step(struct game *g)
{
    uint8_t what = operand(g);

    switch (what % 8U) {
    case 0:
    case 1:
        ask(g, what >> 3 & 1U);
        break;
    case 2:
    case 3:
    case 4:
        deliver(g);
        break;
    case 5:
        if (what & 8) {
            seal_anything(g);
        } else {
            invent(g);
        }
        break;
    case 6:
        pass_time(g);
        break;
    default:
        if (what & 8) {
            g->node[what >> 4 & 1U].memory.fail_in = what & 32 ? operand(g) % 8 : -1;
        } else if (what & 16) {
            gn_seal_network_changed(g->node[what >> 5 & 1U].seal, g->w.now);
        } else {
            gn_seal_cancel(g->node[what >> 5 & 1U].seal, operand(g));
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct game g;

    memset(&g, 0, sizeof g);
    g.data = data;
    g.left = size;
    seal_world_init(&g.w);
    for (unsigned who = 0; who < 2; who++) {
        seal_node_init(&g.node[who], &g.w, who + 1);
        seal_node_fini(&g.node[who]);
        g.node[who].config.pending_max = 6;
        g.node[who].config.initiator_cache = 3;
        g.node[who].config.responder_cache = 3;
        seal_node_start(&g.node[who], &g.w);
    }
    for (unsigned i = 0; i < STEPS_MAX && g.left > 0; i++) {
        step(&g);
        GN_CHECK(g.node[0].memory.live <= MEMORY_MAX && g.node[1].memory.live <= MEMORY_MAX);
    }
    for (unsigned who = 0; who < 2; who++) {
        seal_node_fini(&g.node[who]);
    }
    return 0;
}
