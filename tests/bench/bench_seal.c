/* tests/bench/bench_seal.c - what a sealed datagram costs: microseconds per packet, bytes per node and per peer.
 *
 * Prints one line per case: name, microseconds (median of 9 runs). Usage: bench_seal
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/seal_world.h"

enum { RUNS = 9, CLIENTS = 400 };

static double now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void show(const char *name, double *runs)
{
    qsort(runs, RUNS, sizeof *runs, by_value);
    (void)printf("%-44s %8.2f us\n", name, runs[RUNS / 2]);
}

static void must(bool good, const char *what)
{
    if (!good) {
        (void)fprintf(stderr, "bench_seal: %s\n", what);
        exit(1);
    }
}

struct bench {
    struct seal_world w;
    struct seal_node a;
    struct seal_node b;
    struct gn_contact to;
};

/* One query and its answer; adds the CPU time of the four parts. */
static void round_trip(struct bench *t, uint64_t cookie, size_t reply_len, double part[4])
{
    static uint8_t body[GN_SEAL_DATAGRAM_MAX];
    struct gn_seal_event e;
    struct seal_packet p;
    double at[5];

    at[0] = now_us();
    must(gn_seal_query(
             t->a.seal, p.bytes, &p.len,
             &(struct gn_seal_request){
                 .cookie = cookie, .to = &t->to, .body = gn_slice_of(body, 64), .expires_at = t->w.now + GN_SECONDS(1)},
             t->w.now) == GN_OK,
         "query");
    at[1] = now_us();
    gn_seal_receive(t->b.seal, &e, &t->a.addr, gn_slice_of(p.bytes, p.len), t->w.now, t->w.wall);
    at[2] = now_us();
    must(e.type == GN_SEAL_QUERY, "query was not opened");
    size_t len = reply_len < e.reply_body_max ? reply_len : e.reply_body_max;
    must(gn_seal_reply(t->b.seal, p.bytes, &p.len, &e.reply_key, gn_slice_of(body, len), t->w.now) == GN_OK, "reply");
    at[3] = now_us();
    gn_seal_receive(t->a.seal, &e, &t->b.addr, gn_slice_of(p.bytes, p.len), t->w.now, t->w.wall);
    at[4] = now_us();
    must(e.type == GN_SEAL_REPLY, "reply was not opened");
    for (unsigned i = 0; i < 4; i++) {
        part[i] += at[i + 1] - at[i];
    }
}

static void bench_warm(struct bench *t)
{
    static const char *const names[5] = {"warm asker: seal 416 B query", "warm answerer: open 416 B query",
                                         "warm answerer: seal 1,232 B reply", "warm asker: open 1,232 B reply",
                                         "warm answerer: both"};
    enum { TRIPS = 2000 };
    double runs[5][RUNS];
    double timer = now_us();

    for (unsigned i = 0; i < 1000; i++) {
        (void)now_us();
    }
    timer = (now_us() - timer) / 1000; /* the cost of looking at the clock, once per part */
    for (unsigned r = 0; r < RUNS; r++) {
        double part[4] = {0};
        for (unsigned i = 0; i < TRIPS; i++) {
            round_trip(t, i, 2000, part);
        }
        for (unsigned k = 0; k < 4; k++) {
            runs[k][r] = part[k] / (double)TRIPS - timer;
        }
        runs[4][r] = runs[1][r] + runs[2][r];
    }
    for (unsigned k = 0; k < 5; k++) {
        show(names[k], runs[k]);
    }
}

static void bench_cold(struct bench *t)
{
    static const char *const names[4] = {"cold asker: DH and seal", "cold answerer: DH and open",
                                         "cold answerer: seal with record", "cold asker: open and verify record"};
    double runs[4][RUNS];

    for (unsigned r = 0; r < RUNS; r++) {
        double part[4] = {0};
        for (unsigned i = 0; i < CLIENTS; i++) {
            seal_node_fini(&t->a);
            gn_store_u64(t->a.config.rng_seed, r * 1000 + i + 1);
            seal_node_start(&t->a, &t->w);
            t->a.addr.ip[2] = (uint8_t)i;
            t->a.addr.ip[1] = (uint8_t)r;
            t->w.now += GN_MS(20);
            round_trip(t, 1, 2000, part);
        }
        for (unsigned k = 0; k < 4; k++) {
            runs[k][r] = part[k] / (double)CLIENTS;
        }
    }
    for (unsigned k = 0; k < 4; k++) {
        show(names[k], runs[k]);
    }
}

/* One packet again and again: `type` is what the answerer must make of it. */
static void bench_one(struct bench *t, const char *name, const struct seal_packet *p, enum gn_seal_event_type type,
                      gn_time_us pace)
{
    enum { PACKETS = 2000 };
    double runs[RUNS];
    struct gn_seal_event e;

    for (unsigned r = 0; r < RUNS; r++) {
        double began = now_us();
        for (unsigned i = 0; i < PACKETS; i++) {
            gn_seal_receive(t->b.seal, &e, &t->a.addr, gn_slice_of(p->bytes, p->len), t->w.now, t->w.wall);
            must(e.type == type, name);
            t->w.now += pace;
        }
        runs[r] = (now_us() - began) / (double)PACKETS;
    }
    show(name, runs);
}

static void bench_refusals(struct bench *t)
{
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;

    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    seal_forge(&p, &t->w, &f);
    p.bytes[GN_SEAL_Q_NET_TAG] ^= 1;
    bench_one(t, "noise or a stranger's query: dropped", &p, GN_SEAL_NOTHING, 0);
    memset(p.bytes + GN_SEAL_Q_DST_TAG, 0, 4);
    seal_retag(&p, t->w.net_id);
    bench_one(t, "unknown epoch: REKEY", &p, GN_SEAL_SEND, GN_MS(100));
    for (unsigned i = 0; i < 3000; i++) { /* bring it under load */
        gn_seal_keys_pair(&f.client, &t->w.rng);
        seal_forge(&p, &t->w, &f);
        gn_seal_receive(t->b.seal, &e, &t->a.addr, gn_slice_of(p.bytes, p.len), t->w.now, t->w.wall);
    }
    bench_one(t, "new client under load: RETRY", &p, GN_SEAL_SEND, 0);
}

static void bench_memory(struct bench *t)
{
    enum { PEERS = 255 };
    size_t idle = t->a.memory.live;

    (void)printf("%-44s %8zu B\n", "idle seal", idle);
    for (unsigned i = 0; i < PEERS; i++) {
        seal_node_fini(&t->b);
        gn_store_u64(t->b.config.identity_seed, i + 1);
        gn_store_u64(t->b.config.rng_seed, i + 1);
        seal_node_start(&t->b, &t->w);
        t->w.now += GN_MS(100);
        t->to = seal_contact(&t->b);
        struct gn_contact a = seal_contact(&t->a);
        must(seal_exchange(&t->w, &t->a, &t->b, i, &t->to) > 0 && seal_exchange(&t->w, &t->b, &t->a, i, &a) > 0,
             "exchange");
    }
    (void)printf("%-44s %8zu B\n", "the same with 255 peers, each in both roles", t->a.memory.live);
    (void)printf("%-44s %8zu B\n", "so for one peer in both roles", (t->a.memory.live - idle) / PEERS);
}

int main(void)
{
    static struct bench t;

    seal_world_init(&t.w);
    seal_node_init(&t.a, &t.w, 1);
    seal_node_init(&t.b, &t.w, 2);
    t.to = seal_contact(&t.b);
    bench_warm(&t);
    bench_cold(&t);
    bench_refusals(&t);
    seal_node_fini(&t.a);
    seal_node_start(&t.a, &t.w);
    bench_memory(&t);
    seal_node_fini(&t.a);
    seal_node_fini(&t.b);
    return 0;
}
