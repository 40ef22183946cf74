/* tests/bench/bench_dht.c - N nodes in one process over real loopback sockets, encryption on: join, put, get.
 *
 * Two threads, each with an event loop and half of the nodes. Values have 512 bytes. Prints one JSON object per line:
 * {"bench":"dht","system":"ghostnet","metric":...,"value":...,"unit":...}
 */
#include <malloc.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "base/os_random.h"
#include "node/host.h"
#include "overlay/msg/record.h"
#include "overlay/sodium_crypto.h"
#include "storage/mem_store.h"

#define NODES_MAX 1024U
#define THREADS_MAX 8U
#define KEYS 100U
#define KEYS_MAX 1000U
#define VALUE_BYTES 512U
#define JOINED_PEERS 8U
#define SAMPLES_MAX 200000U

struct bench;

struct node {
    struct gn_store *store;
    struct gn_host *host;
};

/* One event loop: runs `want` jobs at once until `jobs_left` of the bench is used up. */
struct worker {
    struct bench *bench;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    struct gn_uv_udp_pool *pool;
    struct gn_rng rng;
    size_t first, last; /* its nodes */
    unsigned running;
    bool quit;
    uint64_t samples_len, misses, errors;
    uint32_t *samples; /* microseconds */
};

enum phase { PHASE_IDLE, PHASE_PUT, PHASE_GET, PHASE_QUIT };

struct bench {
    struct node nodes[NODES_MAX];
    size_t nodes_len, keys_len, workers_len;
    struct worker workers[THREADS_MAX];
    struct gn_id keys[KEYS_MAX];
    bool acknowledged[KEYS_MAX]; /* only these are asked for */
    pthread_mutex_t lock;
    pthread_cond_t idle;
    enum phase phase;      /* under lock */
    unsigned workers_busy; /* under lock */
    unsigned want[THREADS_MAX];
    atomic_long jobs_left;
    atomic_long next_key;
};

struct job {
    struct worker *worker;
    gn_time_us began;
    bool found, put;
    long key;
};

static void print(const char *metric, double value, const char *unit)
{
    (void)printf("{\"bench\":\"dht\",\"system\":\"ghostnet\",\"metric\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n",
                 metric, value, unit);
    (void)fflush(stdout);
}

static double rss_kb(void)
{
    unsigned long pages = 0, ignored = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu %lu", &ignored, &pages) != 2)
        pages = 0;
    if (f)
        (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1000.0;
}

static double cpu_s(void)
{
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- Jobs ------------------------------------------------------------------------------------------------------ */

static void start_jobs(struct worker *w);

static void job_done(struct job *j, enum gn_err err)
{
    struct worker *w = j->worker;
    if (w->samples_len < SAMPLES_MAX)
        w->samples[w->samples_len++] = (uint32_t)gn_time_sub(gn_os_clock_now(), j->began);
    w->errors += err != GN_OK && err != GN_E_NOT_FOUND;
    w->misses += !j->put && !j->found;
    if (j->put)
        w->bench->acknowledged[j->key] = err == GN_OK;
    w->running--;
    free(j);
    start_jobs(w);
}

static void on_op(void *data, const struct gn_op_event *ev)
{
    struct job *j = data;
    if (ev->type == GN_OPEV_RECORD)
        j->found = true;
    if (ev->type == GN_OPEV_DONE)
        job_done(j, ev->err);
}

static size_t random_node(struct worker *w)
{
    return w->first + (size_t)gn_rng_below(&w->rng, w->last - w->first);
}

static void start_put(struct worker *w, struct job *j)
{
    uint8_t value[VALUE_BYTES], bytes[VALUE_BYTES + 64];
    size_t len = 0;
    struct gn_crypto crypto;
    struct gn_sodium_identity nobody = {0};
    gn_sodium_crypto_init(&crypto, &nobody); /* an immutable record is only hashed */
    long key = atomic_fetch_add(&w->bench->next_key, 1);
    gn_rng_bytes(&w->rng, value, sizeof value);
    struct gn_record r = {
        .kind = GN_RECORD_IMMUTABLE, .expiry = gn_os_clock_wall() + 7200, .value = gn_slice_of(value, sizeof value)};
    enum gn_err err = gn_record_sign(&r, bytes, &len, sizeof bytes, &crypto);
    GN_CHECK(!err && key >= 0 && (size_t)key < KEYS_MAX);
    j->key = key;
    gn_record_set_target(&r, &crypto);
    w->bench->keys[key] = r.target;
    struct gn_command command = {.type = GN_CMD_PUT, .target = r.target, .record = gn_slice_of(bytes, len)};
    gn_op_id op;
    j->put = true;
    err = gn_host_command(w->bench->nodes[random_node(w)].host, &op, &command, on_op, j);
    GN_CHECK(!err);
}

static void start_get(struct worker *w, struct job *j)
{
    struct gn_command command = {.type = GN_CMD_GET,
                                 .kind = GN_RECORD_IMMUTABLE,
                                 .target = w->bench->keys[gn_rng_below(&w->rng, w->bench->keys_len)]};
    gn_op_id op;
    enum gn_err err = gn_host_command(w->bench->nodes[random_node(w)].host, &op, &command, on_op, j);
    GN_CHECK(!err);
}

static void start_jobs(struct worker *w)
{
    struct bench *b = w->bench;
    size_t me = (size_t)(w - b->workers);
    while (w->running < b->want[me] && atomic_fetch_sub(&b->jobs_left, 1) > 0) {
        struct job *j = calloc(1, sizeof *j);
        GN_CHECK(j);
        j->worker = w;
        j->began = gn_os_clock_now();
        w->running++;
        if (b->phase == PHASE_PUT)
            start_put(w, j);
        else
            start_get(w, j);
    }
    if (w->running == 0 && b->want[me] > 0) {
        (void)pthread_mutex_lock(&b->lock);
        b->want[me] = 0;
        if (--b->workers_busy == 0)
            (void)pthread_cond_signal(&b->idle);
        (void)pthread_mutex_unlock(&b->lock);
    }
}

static void close_nodes(struct worker *w)
{
    for (size_t i = w->first; i < w->last; i++)
        gn_host_close(w->bench->nodes[i].host, NULL, NULL);
    uv_close((uv_handle_t *)&w->wake, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct worker *w = wake->data;
    if (w->bench->phase == PHASE_QUIT)
        close_nodes(w);
    else
        start_jobs(w);
}

/* ---- Threads --------------------------------------------------------------------------------------------------- */

static void *run_worker(void *data)
{
    struct worker *w = data;
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    gn_uv_udp_pool_close(w->pool);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    for (size_t i = w->first; i < w->last; i++)
        gn_store_close(w->bench->nodes[i].store);
    (void)uv_loop_close(&w->loop);
    return NULL;
}

static void wake_all(struct bench *b)
{
    for (size_t i = 0; i < b->workers_len; i++)
        (void)uv_async_send(&b->workers[i].wake);
}

/* Runs `jobs` jobs, `at_once` at a time over all threads (1: only the first thread). Returns the seconds it took. */
static double run_phase(struct bench *b, enum phase phase, long jobs, unsigned at_once)
{
    (void)pthread_mutex_lock(&b->lock);
    b->phase = phase;
    atomic_store(&b->jobs_left, jobs);
    b->workers_busy = 0;
    for (size_t i = 0; i < b->workers_len; i++) {
        struct worker *w = &b->workers[i];
        w->samples_len = w->misses = w->errors = 0;
        b->want[i] = at_once == 1 ? (i == 0) : at_once / (unsigned)b->workers_len;
        b->workers_busy += b->want[i] > 0;
    }
    gn_time_us began = gn_os_clock_now();
    wake_all(b);
    while (b->workers_busy > 0)
        (void)pthread_cond_wait(&b->idle, &b->lock);
    (void)pthread_mutex_unlock(&b->lock);
    return (double)(gn_os_clock_now() - began) / 1e6;
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(struct bench *b, double p)
{
    uint64_t len = 0;
    for (size_t i = 0; i < b->workers_len; i++)
        len += b->workers[i].samples_len;
    uint32_t *all = malloc((len ? len : 1) * sizeof *all);
    GN_CHECK(all);
    len = 0;
    for (size_t i = 0; i < b->workers_len; i++) {
        memcpy(all + len, b->workers[i].samples, b->workers[i].samples_len * sizeof *all);
        len += b->workers[i].samples_len;
    }
    qsort(all, len, sizeof *all, compare_u32);
    double value = len ? all[(uint64_t)((double)(len - 1) * p)] / 1000.0 : 0;
    free(all);
    return value;
}

/* Read while the loops run: counters of 64 bits, a torn or late value changes nothing that matters here. */
static uint64_t packets(struct bench *b)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < b->nodes_len; i++) {
        struct gn_host_counters c;
        gn_host_counters(b->nodes[i].host, &c);
        sum += c.udp.packets_out;
    }
    return sum;
}

static uint64_t sum_misses(struct bench *b)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < b->workers_len; i++)
        sum += b->workers[i].misses;
    return sum;
}

/* Keys whose put failed are not asked for. Returns how many failed. */
static size_t keep_acknowledged(struct bench *b)
{
    size_t kept = 0, all = b->keys_len;
    for (size_t i = 0; i < all; i++)
        if (b->acknowledged[i])
            b->keys[kept++] = b->keys[i];
    GN_CHECK(kept > 0);
    b->keys_len = kept;
    return all - kept;
}

static void start_node(struct bench *b, struct worker *w, size_t index)
{
    struct gn_addr listen = {.ip = {127, 0, 0, 1}, .family = GN_ADDR_V4};
    struct gn_host_config config = {
        .loop = &w->loop, .pool = w->pool, .alloc = gn_alloc_default(), .listen = &listen, .listen_len = 1};
    config.overlay.mode = GN_MODE_SERVER;
    config.overlay.allow_private = true;
    enum gn_err err = gn_mem_store_new(&b->nodes[index].store, gn_alloc_default(), UINT64_C(64) << 20);
    config.store = b->nodes[index].store;
    gn_rng_bytes(&w->rng, config.identity_seed, sizeof config.identity_seed);
    gn_seal_net_id(config.net_id, gn_slice_str("bench"), gn_slice_of(NULL, 0));
    if (!err)
        err = gn_host_new(&b->nodes[index].host, NULL, &config);
    if (err) {
        (void)fprintf(stderr, "bench_dht: node %zu: %s\n", index, gn_err_text(err));
        exit(1);
    }
    if (index == 0)
        return;
    struct gn_addr first[2];
    (void)gn_host_listen(b->nodes[0].host, first);
    struct gn_command join = {.type = GN_CMD_BOOTSTRAP,
                              .contact = {.id = *gn_host_id(b->nodes[0].host), .addr = first[0]}};
    gn_op_id op;
    err = gn_host_command(b->nodes[index].host, &op, &join, NULL, NULL);
    GN_CHECK(!err);
}

static bool all_joined(struct bench *b)
{
    for (size_t i = 0; i < b->nodes_len; i++)
        if (gn_overlay_peers_len(gn_host_overlay(b->nodes[i].host)) < JOINED_PEERS)
            return false;
    return true;
}

static void start(struct bench *b)
{
    size_t per = b->nodes_len / b->workers_len;
    for (size_t i = 0; i < b->workers_len; i++) {
        struct worker *w = &b->workers[i];
        w->bench = b;
        w->first = i * per;
        w->last = i + 1 == b->workers_len ? b->nodes_len : (i + 1) * per;
        enum gn_err err = gn_os_random_seed(&w->rng);
        GN_CHECK(!err && uv_loop_init(&w->loop) == 0);
        (void)uv_async_init(&w->loop, &w->wake, on_wake);
        w->wake.data = w;
        err = gn_uv_udp_pool_new(&w->pool, &w->loop, gn_alloc_default());
        GN_CHECK(!err);
        for (size_t n = w->first; n < w->last; n++)
            start_node(b, w, n);
    }
    for (size_t i = 0; i < b->workers_len; i++)
        if (pthread_create(&b->workers[i].thread, NULL, run_worker, &b->workers[i]) != 0)
            exit(1);
}

static void measure(struct bench *b, double rss_before, gn_time_us began)
{
    while (!all_joined(b) && gn_os_clock_now() - began < GN_SECONDS(60))
        (void)usleep(1000);
    print("join", (double)(gn_os_clock_now() - began) / 1000.0, "ms");
    (void)usleep(3000000); /* what follows the join settles */
    print("node_memory_start", (rss_kb() - rss_before) / (double)b->nodes_len, "kB");
    uint64_t at = packets(b);
    (void)usleep(5000000);
    double idle = (double)(packets(b) - at) / 5.0;
    print("idle_packets_per_node", idle / (double)b->nodes_len, "1/s");

    at = packets(b);
    double s = run_phase(b, PHASE_PUT, (long)b->keys_len, 1);
    print("put_p50", percentile_ms(b, 0.5), "ms");
    print("put_refused", (double)keep_acknowledged(b), "keys");
    print("put_packets", ((double)(packets(b) - at) - idle * s) / KEYS, "packets");

    (void)run_phase(b, PHASE_GET, (long)b->nodes_len * 4, 16); /* everybody has met somebody */
    at = packets(b);
    s = run_phase(b, PHASE_GET, 1000, 1);
    print("get_p50", percentile_ms(b, 0.5), "ms");
    print("get_p95", percentile_ms(b, 0.95), "ms");
    print("get_packets", ((double)(packets(b) - at) - idle * s) / 1000, "packets");
    print("get_missed", (double)sum_misses(b) / 10, "%");

    double cpu = cpu_s();
    s = run_phase(b, PHASE_GET, 40000, 64);
    print("gets_per_second", 40000 / s, "1/s");
    print("gets_cores", (cpu_s() - cpu) / s, "cores");
    print("loaded_get_p50", percentile_ms(b, 0.5), "ms");
    print("loaded_get_p95", percentile_ms(b, 0.95), "ms");
    print("loaded_missed", (double)sum_misses(b) / 400, "%");
    print("node_memory_end", (rss_kb() - rss_before) / (double)b->nodes_len, "kB");
}

int main(int argc, char **argv)
{
    struct bench *b = calloc(1, sizeof *b);
    if (!b || sodium_init() < 0)
        return 1;
    b->nodes_len = argc > 1 ? strtoul(argv[1], NULL, 10) : 256;
    b->workers_len = argc > 2 ? strtoul(argv[2], NULL, 10) : 2;
    b->keys_len = KEYS;
    if (b->nodes_len < 16 || b->nodes_len > NODES_MAX || b->workers_len < 1 || b->workers_len > THREADS_MAX) {
        (void)fprintf(stderr, "usage: bench_dht [NODES 16..%u] [THREADS 1..%u]\n", NODES_MAX, THREADS_MAX);
        return 2;
    }
    (void)pthread_mutex_init(&b->lock, NULL);
    (void)pthread_cond_init(&b->idle, NULL);
    (void)mallopt(M_ARENA_MAX, (int)b->workers_len);
    for (size_t i = 0; i < b->workers_len; i++) {
        b->workers[i].samples = malloc(SAMPLES_MAX * sizeof *b->workers[i].samples);
        GN_CHECK(b->workers[i].samples);
        memset(b->workers[i].samples, 1, SAMPLES_MAX * sizeof *b->workers[i].samples); /* not memory of the nodes */
    }
    double rss_before = rss_kb();
    gn_time_us began = gn_os_clock_now();
    start(b);
    measure(b, rss_before, began);
    (void)pthread_mutex_lock(&b->lock);
    b->phase = PHASE_QUIT;
    (void)pthread_mutex_unlock(&b->lock);
    wake_all(b);
    for (size_t i = 0; i < b->workers_len; i++) {
        (void)pthread_join(b->workers[i].thread, NULL);
        free(b->workers[i].samples);
    }
    free(b);
    return 0;
}
