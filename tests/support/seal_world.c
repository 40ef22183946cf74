/* tests/support/seal_world.c - nodes that speak sealed datagrams by function calls. */
#include "tests/support/seal_world.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct seal_block {
    struct seal_block *next;
    struct seal_block **link; /* what points to this one */
    size_t len;
    size_t pad; /* keeps what follows aligned to 16 */
};

static bool fails(struct seal_memory *m)
{
    if (m->fail_in < 0) {
        return false;
    }
    return m->fail_in-- == 0 ? (m->fail_in = 0, true) : false;
}

static void *take(struct seal_memory *m, size_t len)
{
    if (fails(m)) {
        return NULL;
    }
    struct seal_block *b = calloc(1, sizeof *b + len);
    GN_CHECK(b);
    b->len = len;
    b->next = m->blocks;
    b->link = &m->blocks;
    if (b->next) {
        b->next->link = &b->next;
    }
    m->blocks = b;
    m->live += len;
    return b + 1;
}

static void give_back(void *ctx, void *p)
{
    struct seal_memory *m = ctx;

    if (p) {
        struct seal_block *b = (struct seal_block *)p - 1;
        m->live -= b->len;
        m->leaked = m->leaked || (m->watched && memmem(p, b->len, m->watched, 32));
        *b->link = b->next;
        if (b->next) {
            b->next->link = b->link;
        }
        free(b);
    }
}

static void *take_zeroed(void *ctx, size_t n, size_t size)
{
    return take(ctx, n * size);
}

static void *take_again(void *ctx, void *p, size_t size)
{
    void *fresh = take(ctx, size);

    if (fresh && p) {
        size_t old = ((struct seal_block *)p - 1)->len;
        memcpy(fresh, p, old < size ? old : size);
        give_back(ctx, p);
    }
    return fresh;
}

void seal_memory_init(struct seal_memory *m)
{
    *m = (struct seal_memory){.fail_in = -1};
    m->alloc = (struct gn_alloc){.calloc = take_zeroed, .realloc = take_again, .free = give_back, .ctx = m};
}

bool seal_memory_has(const struct seal_memory *m, const uint8_t secret[32])
{
    for (const struct seal_block *b = m->blocks; b; b = b->next) {
        if (memmem(b + 1, b->len, secret, 32)) {
            return true;
        }
    }
    return false;
}

void seal_world_init(struct seal_world *w)
{
    GN_CHECK(sodium_init() >= 0);
    memset(w, 0, sizeof *w);
    w->now = GN_HOURS(1);
    w->wall = SEAL_WORLD_WALL;
    gn_seal_net_id(w->net_id, gn_slice_str("test"), gn_slice_of(NULL, 0));
    gn_rng_init_test(&w->rng, 1, 666);
}

void seal_world_pass(struct seal_world *w, gn_time_us us)
{
    w->now += us;
    w->wall += us / GN_SECONDS(1);
}

struct gn_addr seal_addr(unsigned a, unsigned b, unsigned c, unsigned d, unsigned port)
{
    return (struct gn_addr){
        .ip = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}, .port = (uint16_t)port, .family = GN_ADDR_V4};
}

void seal_node_start(struct seal_node *n, struct seal_world *w)
{
    n->config.alloc = &n->memory.alloc;
    GN_CHECK(gn_seal_new(&n->seal, &n->config, w->now, w->wall) == GN_OK);
}

void seal_node_init(struct seal_node *n, struct seal_world *w, unsigned number)
{
    memset(n, 0, sizeof *n);
    seal_memory_init(&n->memory);
    memset(n->config.identity_seed, (int)number, sizeof n->config.identity_seed);
    memset(n->config.rng_seed, (int)number + 50, sizeof n->config.rng_seed);
    memcpy(n->config.net_id, w->net_id, sizeof n->config.net_id);
    n->addr = seal_addr(10, number, 0, 1, 4000 + number);
    seal_node_start(n, w);
}

void seal_node_fini(struct seal_node *n)
{
    gn_seal_free(n->seal);
    n->seal = NULL;
    GN_CHECK(n->memory.live == 0);
}

struct gn_contact seal_contact_addr(const struct seal_node *n)
{
    return (struct gn_contact){.addr = n->addr};
}

struct gn_contact seal_contact_old(const struct seal_node *n)
{
    return (struct gn_contact){.addr = n->addr, .id = *gn_seal_id(n->seal)};
}

struct gn_contact seal_contact(const struct seal_node *n)
{
    struct gn_contact c = seal_contact_old(n);

    gn_seal_epoch_key(n->seal, c.epk);
    return c;
}

enum gn_err seal_ask(struct seal_world *w, struct seal_node *n, struct seal_packet *out, uint64_t cookie,
                     const struct gn_contact *to, const char *body)
{
    return gn_seal_query(
        n->seal, out->bytes, &out->len,
        &(struct gn_seal_request){
            .cookie = cookie, .to = to, .body = gn_slice_str(body), .expires_at = w->now + GN_SECONDS(5)},
        w->now);
}

enum gn_seal_event_type seal_give(struct seal_world *w, struct seal_node *n, struct gn_seal_event *event,
                                  const struct gn_addr *from, const struct seal_packet *packet)
{
    /* an exact heap copy, so that the address sanitizer sees a read of one byte too many */
    uint8_t *exact = malloc(packet->len ? packet->len : 1);

    GN_CHECK(exact);
    memcpy(exact, packet->bytes, packet->len);
    gn_seal_receive(n->seal, event, from, gn_slice_of(exact, packet->len), w->now, w->wall);
    free(exact);
    return event->type;
}

void seal_sent(struct seal_packet *out, const struct gn_seal_event *event)
{
    GN_CHECK(event->type == GN_SEAL_SEND && event->packet.len <= sizeof out->bytes);
    memcpy(out->bytes, event->packet.data, event->packet.len);
    out->len = event->packet.len;
}

enum gn_err seal_answer(struct seal_world *w, struct seal_node *n, struct seal_packet *out,
                        const struct gn_seal_event *query, const char *body)
{
    return gn_seal_reply(n->seal, out->bytes, &out->len, &query->reply_key, gn_slice_str(body), w->now);
}

/* What n says to the packet, if anything. */
static bool react(struct seal_world *w, struct seal_node *n, struct seal_packet *packet, struct gn_seal_event *event,
                  const struct gn_addr *from)
{
    switch (seal_give(w, n, event, from, packet)) {
    case GN_SEAL_SEND:
        seal_sent(packet, event);
        return true;
    case GN_SEAL_QUERY:
        return seal_answer(w, n, packet, event, "yes") == GN_OK;
    case GN_SEAL_NOTHING:
    case GN_SEAL_REPLY:
        break;
    }
    return false;
}

unsigned seal_talk(struct seal_world *w, struct seal_node *a, struct seal_node *b, const struct seal_packet *packet,
                   struct gn_seal_event *last)
{
    struct seal_packet p = *packet;
    struct gn_seal_event at_b;
    unsigned count = 0;

    memset(last, 0, sizeof *last);
    while (count < 12) {
        count++;
        if (!react(w, b, &p, &at_b, &a->addr)) {
            break;
        }
        count++;
        if (!react(w, a, &p, last, &b->addr)) {
            break;
        }
    }
    return count;
}

unsigned seal_exchange(struct seal_world *w, struct seal_node *a, struct seal_node *b, uint64_t cookie,
                       const struct gn_contact *to)
{
    struct seal_packet p;
    struct gn_seal_event last;

    if (seal_ask(w, a, &p, cookie, to, "question") != GN_OK) {
        return 0;
    }
    unsigned count = seal_talk(w, a, b, &p, &last);
    bool good = last.type == GN_SEAL_REPLY && last.cookie == cookie && gn_slice_eq(last.body, gn_slice_str("yes")) &&
                gn_id_eq(&last.from.id, gn_seal_id(b->seal)) && gn_addr_eq(&last.from.addr, &b->addr) &&
                gn_addr_eq(&last.observed, &a->addr);
    return good ? count : 0;
}

void seal_forgery_init(struct seal_forgery *f, struct seal_world *w, const struct seal_node *target, uint8_t *plain,
                       const char *body)
{
    struct gn_seal_ask ask = {.want_record = true, .body = gn_slice_str(body)};

    memset(f, 0, sizeof *f);
    gn_seal_keys_pair(&f->client, &w->rng);
    gn_seal_epoch_key(target->seal, f->epk);
    f->label_id = *gn_seal_id(target->seal);
    memcpy(f->net_id, w->net_id, sizeof f->net_id);
    f->plain = plain;
    f->plain_len = gn_seal_wire_put_ask(plain, &ask);
}

void seal_retag(struct seal_packet *p, const uint8_t net_id[16])
{
    struct gn_seal_net net;

    gn_seal_keys_net(&net, net_id);
    gn_seal_keys_net_tag(p->bytes + GN_SEAL_Q_NET_TAG, &net, p->bytes);
}

/* The keys that follow from an X25519 result of zero, which every low order point gives: anybody can compute them. */
static void weak_keys(struct gn_seal_keys *keys, const struct seal_forgery *f)
{
    static const char *const labels[2] = {"ghostnet/1 r", "ghostnet/1 q"};
    uint8_t text[96] = {0};
    uint8_t kx[64];

    memcpy(text + 32, f->client.pk, 32);
    memcpy(text + 64, f->epk, 32);
    GN_CHECK(crypto_generichash(kx, sizeof kx, text, sizeof text, NULL, 0) == 0);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t label[12 + 16 + 32];
        memcpy(label, labels[i], 12);
        memcpy(label + 12, f->net_id, 16);
        memcpy(label + 28, f->label_id.b, 32);
        GN_CHECK(crypto_generichash(i ? keys->q : keys->r, 32, label, sizeof label, kx + (size_t)32 * i, 32) == 0);
    }
}

void seal_forge(struct seal_packet *out, struct seal_world *w, const struct seal_forgery *f)
{
    struct gn_seal_net net;
    struct gn_seal_keys keys;

    gn_seal_keys_net(&net, f->net_id);
    out->bytes[0] = GN_SEAL_T_QUERY;
    out->bytes[1] = GN_SEAL_VERSION;
    gn_seal_keys_dst_tag(out->bytes + GN_SEAL_Q_DST_TAG, f->epk);
    memcpy(out->bytes + GN_SEAL_Q_TOKEN, f->token, GN_SEAL_TOKEN);
    memcpy(out->bytes + GN_SEAL_Q_CLIENT, f->client.pk, 32);
    gn_rng_bytes(&w->rng, out->bytes + GN_SEAL_Q_NONCE, 16);
    gn_seal_keys_net_tag(out->bytes + GN_SEAL_Q_NET_TAG, &net, out->bytes);
    if (f->low_order) {
        weak_keys(&keys, f);
    } else {
        GN_CHECK(gn_seal_keys_client(&keys, &f->client, f->epk, &net, &f->label_id) == GN_OK);
    }
    memcpy(out->bytes + GN_SEAL_Q_HEADER, f->plain, f->plain_len);
    out->len = gn_seal_keys_close(out->bytes, f->plain_len, keys.q);
}
