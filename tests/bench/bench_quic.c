/* tests/bench/bench_quic.c - memory to memory over one QUIC stream between two processes on loopback.
 *
 *     bench_quic [--mib 1024] [--cc cubic|bbr|auto] [--payload BYTES] [--plain] [--v4] [--runs 3] [--json]
 *
 * --payload 1452 makes packets as on Ethernet; without it they are as large as loopback takes them. --plain: no
 * offload.
 *
 * Prints MB/s (10^6 bytes) and CPU seconds per GiB of both ends together, per run and as the median.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/quic/uv_quic.h"
#include "transport/udp/demux.h"
#include "transport/udp/uv_udp.h"

#define PIECE ((size_t)256 * 1024)
#define RUNS_MAX 50U

struct options {
    uint64_t bytes;
    enum gn_quic_cc cc;
    bool plain, v4, json;
    unsigned runs;
    size_t payload;
};

struct end {
    uv_loop_t loop;
    struct gn_uv_udp_pool *pool;
    struct gn_uv_udp *udp;
    struct gn_quic *quic;
    struct gn_uv_quic *driver;
    const struct options *options;
    bool sends;
    gn_quic_conn conn;
    int64_t stream;
    uint64_t done;
    gn_time_us started, ended;
    uint8_t *piece;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_quic: %s failed\n", what);
    exit(1);
}

static void on_receive(void *owner, const struct gn_udp_packet *packet)
{
    struct end *e = owner;

    if (gn_demux_classify(NULL, packet->data, packet->len) == GN_DEMUX_QUIC) {
        gn_uv_quic_receive(e->driver, packet);
    }
}

static void on_received(void *owner)
{
    struct end *e = owner;

    gn_uv_quic_pump(e->driver);
}

static void stop(struct end *e)
{
    gn_uv_quic_close(e->driver, NULL, NULL);
    gn_uv_udp_close(e->udp, NULL, NULL);
    gn_uv_udp_pool_close(e->pool);
}

static void send_more(struct end *e)
{
    while (e->done < e->options->bytes) {
        const uint64_t left = e->options->bytes - e->done;
        const size_t len = left < PIECE ? (size_t)left : PIECE;
        const enum gn_err err = gn_quic_stream_lend(e->quic, e->conn, e->stream, gn_slice_of(e->piece, len), NULL);

        if (err == GN_E_FULL) {
            return;
        }
        if (err != GN_OK) {
            die("lend");
        }
        e->done += len;
    }
    if (gn_quic_stream_finish(e->quic, e->conn, e->stream) != GN_OK) {
        die("finish");
    }
}

static void on_event(void *owner, const struct gn_quic_event *ev)
{
    struct end *e = owner;

    switch ((int)ev->type) {
    case GN_QUIC_CONNECTED:
        e->conn = ev->conn;
        e->started = gn_uv_quic_now();
        if (e->sends) {
            if (gn_quic_stream_open(e->quic, &e->stream, ev->conn) != GN_OK) {
                die("stream");
            }
            send_more(e);
        }
        break;
    case GN_QUIC_WRITABLE:
        send_more(e);
        break;
    case GN_QUIC_STREAM_DATA:
        e->done += ev->data.len;
        if (gn_quic_stream_consume(e->quic, ev->conn, ev->stream, ev->data.len) != GN_OK) {
            die("consume");
        }
        if (ev->fin) {
            e->ended = gn_uv_quic_now();
            if (gn_quic_close(e->quic, ev->conn, 0, e->ended) != GN_OK) {
                die("close");
            }
        }
        break;
    case GN_QUIC_CLOSED:
        if (!e->sends) {
            break; /* our own close: its packet still has to leave */
        }
        stop(e);
        break;
    default:
        break;
    }
}

static void open_end(struct end *e, const struct options *o, bool sends, struct gn_addr *bound)
{
    const struct gn_addr any = o->v4 ? (struct gn_addr){.family = GN_ADDR_V4, .ip = {127, 0, 0, 1}}
                                     : (struct gn_addr){.family = GN_ADDR_V6, .ip = {[15] = 1}};
    const struct gn_uv_udp_config udp = {.alloc = gn_alloc_default(),
                                         .receive = on_receive,
                                         .received = on_received,
                                         .writable = on_received,
                                         .owner = e,
                                         .no_gso = o->plain,
                                         .no_gro = o->plain};
    struct gn_quic_config quic = {.alloc = gn_alloc_default(), .cc = o->cc, .loopback_payload = o->payload};
    struct gn_uv_udp_config with_pool = udp;

    memset(e, 0, sizeof *e);
    e->options = o;
    e->sends = sends;
    memset(quic.seed, sends ? 1 : 2, sizeof quic.seed);
    memset(quic.rng_seed, sends ? 3 : 4, sizeof quic.rng_seed);
    e->piece = calloc(1, PIECE);
    if (!e->piece || uv_loop_init(&e->loop) != 0 ||
        gn_uv_udp_pool_new(&e->pool, &e->loop, gn_alloc_default()) != GN_OK) {
        die("loop");
    }
    with_pool.pool = e->pool;
    if (gn_uv_udp_new(&e->udp, &with_pool) != GN_OK || gn_uv_udp_open(e->udp, &any) != GN_OK ||
        gn_uv_udp_bound(e->udp, bound, any.family) != GN_OK ||
        gn_quic_new(&e->quic, &quic, gn_uv_quic_now()) != GN_OK) {
        die("endpoint");
    }
    const struct gn_uv_quic_config driver = {
        .loop = &e->loop, .quic = e->quic, .udp = e->udp, .alloc = gn_alloc_default(), .event = on_event, .owner = e};

    if (gn_uv_quic_new(&e->driver, &driver) != GN_OK) {
        die("driver");
    }
}

struct report {
    double seconds, cpu;
    uint64_t bytes;
};

static double cpu_seconds(int who)
{
    struct rusage u;

    (void)getrusage(who, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           ((double)u.ru_utime.tv_usec + (double)u.ru_stime.tv_usec) / 1e6;
}

struct hello {
    struct gn_addr addr;
    struct gn_id id;
};

static void on_grace(uv_timer_t *t)
{
    uv_close((uv_handle_t *)t, NULL);
    stop(t->data);
}

static void receive_all(const struct options *o, int to_parent)
{
    static struct end e;
    struct hello hello;
    uv_timer_t grace;

    open_end(&e, o, false, &hello.addr);
    hello.id = *gn_quic_id(e.quic);
    const double before = cpu_seconds(RUSAGE_SELF);

    if (write(to_parent, &hello, sizeof hello) != (ssize_t)sizeof hello) {
        die("pipe");
    }
    while (e.ended == 0 && uv_run(&e.loop, UV_RUN_ONCE) != 0) {
    }
    const struct report r = {
        .seconds = (double)(e.ended - e.started) / 1e6, .cpu = cpu_seconds(RUSAGE_SELF) - before, .bytes = e.done};

    (void)uv_timer_init(&e.loop, &grace);
    grace.data = &e;
    (void)uv_timer_start(&grace, on_grace, 50, 0);
    (void)uv_run(&e.loop, UV_RUN_DEFAULT);
    if (write(to_parent, &r, sizeof r) != (ssize_t)sizeof r) {
        die("pipe");
    }
    gn_quic_free(e.quic);
    exit(0);
}

static struct report run_once(const struct options *o)
{
    static struct end e;
    struct hello hello;
    struct gn_addr bound;
    struct report r;
    int fds[2];
    gn_quic_conn conn;

    if (pipe(fds) != 0) {
        die("pipe");
    }
    (void)fflush(stdout);
    const pid_t child = fork();

    if (child < 0) {
        die("fork");
    }
    if (child == 0) {
        (void)close(fds[0]);
        receive_all(o, fds[1]);
    }
    (void)close(fds[1]);
    if (read(fds[0], &hello, sizeof hello) != (ssize_t)sizeof hello) {
        die("pipe");
    }
    open_end(&e, o, true, &bound);
    const double before = cpu_seconds(RUSAGE_SELF);

    if (gn_quic_dial(e.quic, &conn, &hello.id, &hello.addr, NULL, gn_uv_quic_now()) != GN_OK) {
        die("dial");
    }
    gn_uv_quic_pump(e.driver);
    (void)uv_run(&e.loop, UV_RUN_DEFAULT);
    const double sender = cpu_seconds(RUSAGE_SELF) - before;

    if (read(fds[0], &r, sizeof r) != (ssize_t)sizeof r || r.bytes != o->bytes) {
        die("transfer");
    }
    (void)close(fds[0]);
    (void)waitpid(child, NULL, 0);
    gn_quic_free(e.quic);
    (void)uv_loop_close(&e.loop);
    free(e.piece);
    if (!o->json) {
        (void)printf("  %7.1f MB/s   CPU s/GiB: sender %.2f receiver %.2f\n", (double)r.bytes / r.seconds / 1e6,
                     sender / ((double)r.bytes / (1 << 30)), r.cpu / ((double)r.bytes / (1 << 30)));
    }
    r.cpu += sender;
    return r;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";

        if (strcmp(argv[i], "--plain") == 0) {
            o->plain = true;
        } else if (strcmp(argv[i], "--v4") == 0) {
            o->v4 = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            o->json = true;
        } else if (strcmp(argv[i], "--mib") == 0) {
            o->bytes = strtoull(value, NULL, 10) << 20U;
            i++;
        } else if (strcmp(argv[i], "--payload") == 0) {
            o->payload = strtoul(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--runs") == 0) {
            o->runs = (unsigned)strtoul(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--cc") == 0) {
            o->cc = strcmp(value, "bbr") == 0     ? GN_QUIC_CC_BBR
                    : strcmp(value, "cubic") == 0 ? GN_QUIC_CC_CUBIC
                                                  : GN_QUIC_CC_AUTO;
            i++;
        } else {
            (void)fprintf(
                stderr,
                "bench_quic [--mib N] [--cc cubic|bbr|auto] [--payload N] [--plain] [--v4] [--runs N] [--json]\n");
            exit(2);
        }
    }
    if (o->bytes == 0 || o->runs == 0 || o->runs > RUNS_MAX) {
        die("arguments");
    }
}

int main(int argc, char **argv)
{
    struct options o = {.bytes = UINT64_C(1) << 30U, .runs = 3, .payload = gn_os_udp_loopback_payload()};
    double rate[RUNS_MAX];
    double cpu[RUNS_MAX];

    parse(&o, argc, argv);
    for (unsigned i = 0; i < o.runs; i++) {
        const struct report r = run_once(&o);

        rate[i] = (double)r.bytes / r.seconds / 1e6;
        cpu[i] = r.cpu / ((double)r.bytes / (1 << 30));
    }
    qsort(rate, o.runs, sizeof *rate, ascending);
    qsort(cpu, o.runs, sizeof *cpu, ascending);
    if (o.json) {
        (void)printf("{\"mb_per_s\":%.1f,\"mb_per_s_min\":%.1f,\"mb_per_s_max\":%.1f,\"cpu_s_per_gib\":%.3f}\n",
                     rate[o.runs / 2], rate[0], rate[o.runs - 1], cpu[o.runs / 2]);
    } else {
        (void)printf("median %.1f MB/s (%.1f-%.1f), CPU %.2f s/GiB both ends\n", rate[o.runs / 2], rate[0],
                     rate[o.runs - 1], cpu[o.runs / 2]);
    }
    return 0;
}
