#include "tests/support/quic_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAIN 65000U

static void fail(const char *why)
{
    (void)fprintf(stderr, "quic_pair: %s\n", why);
    abort();
}

uint8_t quic_pair_byte(size_t at)
{
    return (uint8_t)(at * 31U + (at >> 8U) * 7U + (at >> 16U));
}

void quic_pair_init(struct quic_pair *p, uint64_t seed)
{
    memset(p, 0, sizeof *p);
    gn_rng_init_test(&p->rng, seed, 1);
    p->now = GN_SECONDS(100);
    p->delay = GN_MS(10);
    for (unsigned i = 0; i < 2; i++) {
        struct quic_side *s = &p->side[i];

        gn_failing_alloc_init(&s->memory, 0);
        s->config.alloc = &s->memory.alloc;
        gn_rng_bytes(&p->rng, s->config.seed, sizeof s->config.seed);
        gn_rng_bytes(&p->rng, s->config.rng_seed, sizeof s->config.rng_seed);
        memset(s->config.net_id, 0x11, sizeof s->config.net_id);
        s->addr =
            (struct gn_addr){.family = GN_ADDR_V4, .ip = {10, 0, 0, (uint8_t)(i + 1)}, .port = (uint16_t)(4000 + i)};
    }
}

void quic_pair_start(struct quic_pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        if (gn_quic_new(&p->side[i].q, &p->side[i].config, p->now) != GN_OK) {
            fail("gn_quic_new");
        }
    }
}

void quic_pair_restart(struct quic_pair *p, unsigned side)
{
    gn_quic_free(p->side[side].q);
    if (gn_quic_new(&p->side[side].q, &p->side[side].config, p->now) != GN_OK) {
        fail("gn_quic_new");
    }
}

void quic_pair_fini(struct quic_pair *p)
{
    for (unsigned i = 0; i < 2; i++) {
        gn_quic_free(p->side[i].q);
        free(p->side[i].got);
        if (p->side[i].memory.live != 0) {
            fail("an endpoint leaks");
        }
    }
    for (size_t i = 0; i < p->flying_len; i++) {
        free(p->flying[i].data);
    }
    free(p->flying);
}

static void fly(struct quic_pair *p, unsigned from, const struct gn_udp_train *t, const uint8_t *data, size_t len)
{
    struct quic_packet k = {.at = p->now + p->delay, .number = p->sent++, .to = 1 - from, .ecn = t->ecn, .len = len};

    if (p->jitter > 0) {
        k.at += gn_rng_below(&p->rng, p->jitter);
    }
    if (p->rate > 0) { /* a bottleneck with an endless queue */
        const gn_time_us start = p->busy_until[from] > p->now ? p->busy_until[from] : p->now;

        p->busy_until[from] = start + len * 1000U / p->rate;
        k.at += p->busy_until[from] - p->now;
    }
    if (p->flying_len == p->flying_cap) {
        p->flying_cap = p->flying_cap == 0 ? 64 : p->flying_cap * 2;
        p->flying = realloc(p->flying, p->flying_cap * sizeof *p->flying);
        if (!p->flying) {
            fail("memory");
        }
    }
    k.from_addr = from == 0 && p->mapped.family != GN_ADDR_NONE ? p->mapped : p->side[from].addr;
    k.to_addr = t->remote;
    k.data = malloc(len);
    if (!k.data) {
        fail("memory");
    }
    memcpy(k.data, data, len);
    p->flying[p->flying_len++] = k;
}

static void send_packet(struct quic_pair *p, unsigned from, const struct gn_udp_train *t, uint8_t *data, size_t len)
{
    p->without_fixed_bit += (data[0] & 0x40U) == 0;
    p->bytes[from] += len;
    if (p->tap && !p->tap(p, from, data, len)) {
        return;
    }
    if (p->loss > 0 && gn_rng_below(&p->rng, 1000) < p->loss) {
        return;
    }
    fly(p, from, t, data, len);
    if (p->doubled > 0 && gn_rng_below(&p->rng, 1000) < p->doubled) {
        fly(p, from, t, data, len);
    }
}

static bool send_trains(struct quic_pair *p, unsigned side)
{
    static uint8_t buf[TRAIN];
    struct gn_udp_train t;
    bool any = false;

    while (gn_quic_send(p->side[side].q, &t, buf, sizeof buf, p->now)) {
        for (size_t at = 0; at < t.len; at += t.segment) {
            send_packet(p, side, &t, buf + at, t.len - at < t.segment ? t.len - at : t.segment);
        }
        any = true;
    }
    return any;
}

static void keep(struct quic_side *s, const struct gn_quic_event *e)
{
    if (s->got_len + e->data.len > s->got_cap) {
        s->got_cap = (s->got_len + e->data.len) * 2;
        s->got = realloc(s->got, s->got_cap);
        if (!s->got) {
            fail("memory");
        }
    }
    if (e->data.len > 0) {
        memcpy(s->got + s->got_len, e->data.data, e->data.len);
    }
    s->got_len += e->data.len;
    s->fin = s->fin || e->fin;
}

static void handle(struct quic_pair *p, unsigned side, const struct gn_quic_event *e)
{
    struct quic_side *s = &p->side[side];

    s->events[e->type]++;
    s->last[e->type] = *e;
    if (e->type == GN_QUIC_CONNECTED) {
        s->conn = e->conn;
    }
    if (e->type == GN_QUIC_STREAM_DATA) {
        keep(s, e);
        if (!s->hold && gn_quic_stream_consume(s->q, e->conn, e->stream, e->data.len) == GN_E_INVALID) {
            fail("consume");
        }
        if (s->echo && gn_quic_stream_write(s->q, e->conn, e->stream, e->data, e->fin) != GN_OK) {
            fail("echo");
        }
    }
    if (p->on_event) {
        p->on_event(p, side, e);
    }
}

void quic_pair_pump(struct quic_pair *p)
{
    bool any;

    do {
        any = false;
        for (unsigned i = 0; i < 2; i++) {
            struct gn_quic_event e;

            while (gn_quic_next_event(p->side[i].q, &e)) {
                handle(p, i, &e);
                any = true;
            }
            any = send_trains(p, i) || any;
        }
    } while (any);
}

static size_t next_packet(const struct quic_pair *p)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < p->flying_len; i++) {
        const struct quic_packet *a = &p->flying[i];

        if (best == SIZE_MAX || a->at < p->flying[best].at ||
            (a->at == p->flying[best].at && a->number < p->flying[best].number)) {
            best = i;
        }
    }
    return best;
}

void quic_pair_inject(struct quic_pair *p, unsigned to, const struct gn_addr *from, const uint8_t *data, size_t len)
{
    const struct gn_udp_packet packet = {.local = p->side[to].addr, .remote = *from, .data = data, .len = len};

    gn_quic_receive(p->side[to].q, &packet, p->now);
}

static void deliver(struct quic_pair *p, size_t i)
{
    const struct quic_packet k = p->flying[i];
    const struct gn_addr *home = k.to == 0 && p->mapped.family != GN_ADDR_NONE ? &p->mapped : &p->side[k.to].addr;

    p->flying[i] = p->flying[--p->flying_len];
    if (gn_addr_eq(&k.to_addr, home)) {
        const struct gn_udp_packet packet = {
            .local = p->side[k.to].addr, .remote = k.from_addr, .data = k.data, .len = k.len, .ecn = k.ecn};

        gn_quic_receive(p->side[k.to].q, &packet, p->now);
    }
    free(k.data);
}

bool quic_pair_run(struct quic_pair *p, gn_time_us us, bool (*done)(struct quic_pair *p))
{
    const gn_time_us end = p->now + us;

    for (;;) {
        quic_pair_pump(p);
        if (done && done(p)) {
            return true;
        }
        const size_t i = next_packet(p);
        gn_time_us next = i == SIZE_MAX ? GN_TIME_NEVER : p->flying[i].at;

        for (unsigned s = 0; s < 2; s++) {
            next = gn_time_min(next, gn_quic_deadline(p->side[s].q));
        }
        if (next > end) {
            p->now = end;
            return false;
        }
        p->now = gn_time_max(next, p->now);
        if (i != SIZE_MAX && p->flying[i].at <= p->now) {
            deliver(p, i);
        }
        for (unsigned s = 0; s < 2; s++) {
            gn_quic_expire(p->side[s].q, p->now);
        }
    }
}

static bool both_connected(struct quic_pair *p)
{
    return p->side[0].events[GN_QUIC_CONNECTED] > 0 && p->side[1].events[GN_QUIC_CONNECTED] > 0;
}

bool quic_pair_connect(struct quic_pair *p)
{
    gn_quic_conn conn;

    p->side[0].events[GN_QUIC_CONNECTED] = 0;
    p->side[1].events[GN_QUIC_CONNECTED] = 0;
    if (gn_quic_dial(p->side[0].q, &conn, gn_quic_id(p->side[1].q), &p->side[1].addr, &p->side[0].addr, p->now) !=
        GN_OK) {
        return false;
    }
    return quic_pair_run(p, GN_SECONDS(5), both_connected);
}

int64_t quic_pair_send(struct quic_pair *p, unsigned side, size_t len)
{
    struct quic_side *s = &p->side[side];
    uint8_t *bytes = malloc(len == 0 ? 1 : len);
    int64_t stream = -1;

    if (!bytes || gn_quic_stream_open(s->q, &stream, s->conn) != GN_OK) {
        fail("stream");
    }
    for (size_t i = 0; i < len; i++) {
        bytes[i] = quic_pair_byte(i);
    }
    for (size_t at = 0; at < len || at == 0;) {
        const size_t part = len - at < GN_QUIC_WRITE_MAX ? len - at : GN_QUIC_WRITE_MAX;

        if (gn_quic_stream_write(s->q, s->conn, stream, gn_slice_of(bytes + at, part), at + part == len) != GN_OK) {
            fail("write");
        }
        at += part;
        if (part == 0) {
            break;
        }
    }
    free(bytes);
    return stream;
}

bool quic_pair_got(const struct quic_pair *p, unsigned side, size_t len)
{
    const struct quic_side *s = &p->side[side];

    if (s->got_len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (s->got[i] != quic_pair_byte(i)) {
            return false;
        }
    }
    return true;
}
