#include "transport/udp/uv_udp.h"

#include <string.h>

#include "base/check.h"
#include "base/list.h"

#define STAGE_BYTES ((size_t)4 * 65536U)
#define BACKLOG_DEFAULT ((size_t)1024 * 1024U)
#define BATCHES_PER_WAKE 4U  /* then the timers and the other sockets of the loop get their turn */
#define BACKLOG_PER_WAKE 16U /* trains handed over at once when the kernel has room again */

struct port_socket;

struct gn_uv_udp_pool {
    uv_prepare_t prepare; /* runs just before the loop sleeps, while something is staged */
    const struct gn_alloc *alloc;
    uint8_t *received; /* GN_OS_UDP_RECV_BYTES */
    uint8_t *stage;    /* STAGE_BYTES */
    size_t stage_len;
    struct gn_os_udp_out staged[GN_OS_UDP_SEND_BATCH];
    struct port_socket *staged_for[GN_OS_UDP_SEND_BATCH];
    size_t staged_count;
    bool flushing;
};

/* A train that waits for the kernel; its bytes follow. */
struct waiting {
    struct gn_list_node node;
    struct gn_os_udp_out out;
    uint8_t bytes[];
};

struct port_socket {
    uv_poll_t poll;
    struct gn_os_udp os;
    struct gn_uv_udp *port;
    struct gn_list backlog;
    size_t backlog_bytes;
    bool retired;
};

struct gn_uv_udp {
    struct gn_uv_udp_config config;
    struct port_socket *v4, *v6;
    struct gn_os_udp_counters retired; /* of sockets closed before */
    unsigned handles;                  /* sockets whose uv_close has not come back */
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

static void on_poll(uv_poll_t *handle, int status, int events);

enum gn_err gn_uv_udp_pool_new(struct gn_uv_udp_pool **out, uv_loop_t *loop, const struct gn_alloc *alloc)
{
    struct gn_uv_udp_pool *pool = gn_alloc_zeroed(alloc, 1, sizeof *pool);

    if (!pool) {
        return GN_E_NO_MEMORY;
    }
    pool->alloc = alloc;
    pool->received = gn_alloc_zeroed(alloc, 1, GN_OS_UDP_RECV_BYTES);
    if (!pool->received) {
        goto free_pool;
    }
    pool->stage = gn_alloc_zeroed(alloc, 1, STAGE_BYTES);
    if (!pool->stage) {
        goto free_received;
    }
    (void)uv_prepare_init(loop, &pool->prepare); /* cannot fail in libuv 1.x */
    pool->prepare.data = pool;
    *out = pool;
    return GN_OK;
free_received:
    gn_alloc_free(alloc, pool->received);
free_pool:
    gn_alloc_free(alloc, pool);
    return GN_E_NO_MEMORY;
}

static void on_pool_closed(uv_handle_t *handle)
{
    struct gn_uv_udp_pool *pool = handle->data;

    gn_alloc_free(pool->alloc, pool->stage);
    gn_alloc_free(pool->alloc, pool->received);
    gn_alloc_free(pool->alloc, pool);
}

void gn_uv_udp_pool_close(struct gn_uv_udp_pool *pool)
{
    if (pool) {
        GN_CHECK(pool->staged_count == 0);
        uv_close((uv_handle_t *)&pool->prepare, on_pool_closed);
    }
}

enum gn_err gn_uv_udp_new(struct gn_uv_udp **out, const struct gn_uv_udp_config *config)
{
    struct gn_uv_udp *u = gn_alloc_zeroed(config->alloc, 1, sizeof *u);

    if (!u) {
        return GN_E_NO_MEMORY;
    }
    u->config = *config;
    if (u->config.backlog_max == 0) {
        u->config.backlog_max = BACKLOG_DEFAULT;
    }
    *out = u;
    return GN_OK;
}

static void drop_backlog(struct port_socket *s)
{
    struct gn_list_node *n;

    while ((n = gn_list_pop_front(&s->backlog)) != NULL) {
        gn_alloc_free(s->port->config.alloc, GN_CONTAINER_OF(n, struct waiting, node));
    }
    s->backlog_bytes = 0;
}

static void finish_close(struct gn_uv_udp *u)
{
    void (*closed)(void *) = u->closed;
    void *data = u->closed_data;

    gn_alloc_free(u->config.alloc, u);
    if (closed) {
        closed(data);
    }
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct port_socket *s = handle->data;
    struct gn_uv_udp *u = s->port;

    gn_alloc_free(u->config.alloc, s);
    u->handles--;
    if (u->closing && u->handles == 0) {
        finish_close(u);
    }
}

/* Closes the descriptor at once; the memory follows when libuv is done with the handle. */
static void retire(struct port_socket *s)
{
    struct gn_uv_udp *u = s->port;

    gn_uv_udp_flush(u);
    s->retired = true;
    gn_os_udp_counters_add(&u->retired, &s->os.counters);
    drop_backlog(s);
    (void)uv_poll_stop(&s->poll);
    gn_os_udp_close(&s->os);
    uv_close((uv_handle_t *)&s->poll, on_socket_closed);
    if (u->v4 == s) {
        u->v4 = NULL;
    }
    if (u->v6 == s) {
        u->v6 = NULL;
    }
}

static struct port_socket **slot_of(struct gn_uv_udp *u, uint8_t family)
{
    return family == GN_ADDR_V6 ? &u->v6 : &u->v4;
}

static enum gn_err start_socket(struct gn_uv_udp *u, struct port_socket **out, const struct gn_addr *addr)
{
    const struct gn_os_udp_options options = {
        .no_gso = u->config.no_gso, .no_gro = u->config.no_gro, .calls = u->config.calls};
    struct port_socket *s = gn_alloc_zeroed(u->config.alloc, 1, sizeof *s);

    if (!s) {
        return GN_E_NO_MEMORY;
    }
    s->port = u;
    gn_list_init(&s->backlog);
    enum gn_err err = gn_os_udp_open(&s->os, addr, &options);

    if (err != GN_OK) {
        goto free_socket;
    }
    if (uv_poll_init(u->config.pool->prepare.loop, &s->poll, s->os.fd) != 0) {
        err = GN_E_SYSTEM;
        goto close_socket;
    }
    s->poll.data = s;
    u->handles++;
    if (uv_poll_start(&s->poll, UV_READABLE, on_poll) != 0) {
        gn_os_udp_close(&s->os);
        uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        return GN_E_SYSTEM;
    }
    *out = s;
    return GN_OK;
close_socket:
    gn_os_udp_close(&s->os);
free_socket:
    gn_alloc_free(u->config.alloc, s);
    return err;
}

enum gn_err gn_uv_udp_open(struct gn_uv_udp *u, const struct gn_addr *addr)
{
    struct port_socket **slot;
    struct port_socket *fresh = NULL;

    if (u->closing || (addr->family != GN_ADDR_V4 && addr->family != GN_ADDR_V6)) {
        return GN_E_INVALID;
    }
    slot = slot_of(u, addr->family);
    if (*slot && addr->port != 0 && (*slot)->os.bound.port == addr->port) {
        retire(*slot);
    }
    const enum gn_err err = start_socket(u, &fresh, addr);

    if (err != GN_OK) {
        GN_LOG(u->config.log, GN_LOG_WARN, "udp.open.failed", GN_F_ADDR("addr", addr), GN_F_ERR("err", err));
        return err;
    }
    if (*slot) {
        retire(*slot);
    }
    *slot = fresh;
    GN_LOG(u->config.log, GN_LOG_INFO, "udp.open", GN_F_ADDR("addr", &fresh->os.bound), GN_F_BOOL("gso", fresh->os.gso),
           GN_F_BOOL("gro", fresh->os.gro));
    return GN_OK;
}

enum gn_err gn_uv_udp_bound(const struct gn_uv_udp *u, struct gn_addr *out, uint8_t family)
{
    const struct port_socket *s = family == GN_ADDR_V6 ? u->v6 : u->v4;

    if (!s) {
        return GN_E_NOT_FOUND;
    }
    *out = s->os.bound;
    return GN_OK;
}

void gn_uv_udp_close(struct gn_uv_udp *u, void (*closed)(void *data), void *data)
{
    if (!u) {
        return;
    }
    u->closing = true;
    u->closed = closed;
    u->closed_data = data;
    if (u->v4) {
        retire(u->v4);
    }
    if (u->v6) {
        retire(u->v6);
    }
    if (u->handles == 0) {
        finish_close(u);
    }
}

static void watch(struct port_socket *s)
{
    const int events = gn_list_is_empty(&s->backlog) ? UV_READABLE : UV_READABLE | UV_WRITABLE;

    (void)uv_poll_start(&s->poll, events, on_poll); /* fails only for a handle that is closing */
}

static void wait_for_kernel(struct port_socket *s, const struct gn_os_udp_out *out)
{
    const struct gn_uv_udp_config *config = &s->port->config;
    struct waiting *w = NULL;

    if (s->backlog_bytes + out->train.len <= config->backlog_max) {
        w = gn_alloc_zeroed(config->alloc, 1, sizeof *w + out->train.len);
    }
    if (!w) {
        const size_t segment = out->train.segment < out->train.len ? out->train.segment : out->train.len;

        s->os.counters.dropped_full += (out->train.len + segment - 1) / segment;
        return;
    }
    w->out = *out;
    memcpy(w->bytes, out->data, out->train.len);
    w->out.data = w->bytes;
    gn_list_push_back(&s->backlog, &w->node);
    s->backlog_bytes += out->train.len;
    watch(s);
}

static void send_staged(struct port_socket *s, struct gn_os_udp_out *outs, size_t count)
{
    size_t done = 0;

    if (gn_list_is_empty(&s->backlog)) { /* else in order, behind what waits */
        done = gn_os_udp_send(&s->os, outs, count);
    }
    for (; done < count; done++) {
        wait_for_kernel(s, &outs[done]);
    }
}

static void flush_pool(struct gn_uv_udp_pool *pool)
{
    size_t from = 0;

    if (pool->flushing) {
        return;
    }
    pool->flushing = true;
    while (from < pool->staged_count) {
        size_t to = from + 1;

        while (to < pool->staged_count && pool->staged_for[to] == pool->staged_for[from]) {
            to++;
        }
        send_staged(pool->staged_for[from], &pool->staged[from], to - from);
        from = to;
    }
    pool->staged_count = 0;
    pool->stage_len = 0;
    pool->flushing = false;
    (void)uv_prepare_stop(&pool->prepare);
}

static void on_prepare(uv_prepare_t *handle)
{
    flush_pool(handle->data);
}

void gn_uv_udp_flush(struct gn_uv_udp *u)
{
    flush_pool(u->config.pool);
}

uint8_t *gn_uv_udp_reserve(struct gn_uv_udp *u)
{
    struct gn_uv_udp_pool *pool = u->config.pool;

    if (pool->staged_count == GN_OS_UDP_SEND_BATCH || STAGE_BYTES - pool->stage_len < GN_UV_UDP_TRAIN_MAX) {
        flush_pool(pool);
    }
    return pool->stage + pool->stage_len;
}

/* True: the new train was added to the last staged one, which goes to the same place in datagrams of the same size. */
static bool merge(struct gn_uv_udp_pool *pool, const struct port_socket *s, const struct gn_udp_train *train)
{
    if (pool->staged_count == 0 || pool->staged_for[pool->staged_count - 1] != s) {
        return false;
    }
    struct gn_udp_train *last = &pool->staged[pool->staged_count - 1].train;
    const bool fits = train->len <= last->segment || train->segment == last->segment;

    if (!fits || last->len % last->segment != 0 || last->len + train->len > GN_UV_UDP_TRAIN_MAX ||
        last->ecn != train->ecn || !gn_addr_eq(&last->remote, &train->remote) ||
        !gn_addr_eq(&last->local, &train->local)) {
        return false;
    }
    last->len += train->len;
    return true;
}

enum gn_err gn_uv_udp_commit(struct gn_uv_udp *u, const struct gn_udp_train *train)
{
    struct gn_uv_udp_pool *pool = u->config.pool;

    if (train->len == 0 || train->len > GN_UV_UDP_TRAIN_MAX || train->segment == 0 ||
        (train->remote.family != GN_ADDR_V4 && train->remote.family != GN_ADDR_V6) || train->remote.port == 0) {
        return GN_E_INVALID;
    }
    struct port_socket *s = *slot_of(u, train->remote.family);

    if (!s) {
        return GN_E_UNREACHABLE;
    }
    if (s->backlog_bytes + train->len > u->config.backlog_max) {
        s->os.counters.dropped_full += (train->len + train->segment - 1) / train->segment;
        return GN_E_FULL;
    }
    if (!merge(pool, s, train)) {
        pool->staged[pool->staged_count] =
            (struct gn_os_udp_out){.train = *train, .data = pool->stage + pool->stage_len};
        if (pool->staged[pool->staged_count].train.segment > train->len) {
            pool->staged[pool->staged_count].train.segment = train->len;
        }
        pool->staged_for[pool->staged_count++] = s;
    }
    pool->stage_len += train->len;
    (void)uv_prepare_start(&pool->prepare, on_prepare);
    return GN_OK;
}

enum gn_err gn_uv_udp_send(struct gn_uv_udp *u, const struct gn_udp_train *train, const uint8_t *data)
{
    if (train->len == 0 || train->len > GN_UV_UDP_TRAIN_MAX) {
        return GN_E_INVALID;
    }
    memcpy(gn_uv_udp_reserve(u), data, train->len);
    return gn_uv_udp_commit(u, train);
}

enum gn_err gn_uv_udp_send_one(struct gn_uv_udp *u, const struct gn_addr *to, const struct gn_addr *local,
                               const uint8_t *data, size_t len)
{
    struct gn_udp_train train = {.remote = *to, .len = len, .segment = len};

    if (local) {
        train.local = *local;
    }
    return gn_uv_udp_send(u, &train, data);
}

static bool on_datagram(void *data, const struct gn_udp_packet *packet)
{
    const struct port_socket *s = data;

    s->port->config.receive(s->port->config.owner, packet);
    return !s->retired;
}

static void receive_some(struct port_socket *s)
{
    struct gn_uv_udp *u = s->port;

    for (unsigned i = 0; i < BATCHES_PER_WAKE && !s->retired; i++) {
        bool more = false;
        const enum gn_err err = gn_os_udp_receive(&s->os, &more, u->config.pool->received, on_datagram, s);

        if (err == GN_E_AGAIN) {
            break;
        }
        if (err != GN_OK) {
            GN_LOG(u->config.log, GN_LOG_ERROR, "udp.receive.failed", GN_F_ADDR("addr", &s->os.bound),
                   GN_F_ERR("err", err));
            (void)uv_poll_stop(&s->poll);
            break;
        }
        if (!u->closing && u->config.received) {
            u->config.received(u->config.owner);
        }
        if (!more) {
            break;
        }
    }
}

static void send_backlog(struct port_socket *s)
{
    struct gn_uv_udp *u = s->port;

    for (unsigned i = 0; i < BACKLOG_PER_WAKE && !gn_list_is_empty(&s->backlog); i++) {
        struct gn_list_node *n = gn_list_first(&s->backlog);
        struct waiting *w = GN_CONTAINER_OF(n, struct waiting, node);
        const size_t before = w->out.train.len;
        const size_t done = gn_os_udp_send(&s->os, &w->out, 1);

        s->backlog_bytes -= before - w->out.train.len;
        if (done == 0) {
            return;
        }
        gn_list_remove(n);
        gn_alloc_free(u->config.alloc, w);
    }
    if (gn_list_is_empty(&s->backlog)) {
        watch(s);
        if (u->config.writable) {
            u->config.writable(u->config.owner);
        }
    }
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct port_socket *s = handle->data;

    if (status < 0) { /* a pending error: libuv has stopped the handle; receiving takes and counts the error */
        watch(s);
        events = UV_READABLE;
    }
    if ((events & UV_WRITABLE) && !s->retired) {
        send_backlog(s);
    }
    if ((events & UV_READABLE) && !s->retired) {
        receive_some(s);
    }
}

bool gn_uv_udp_blocked(const struct gn_uv_udp *u)
{
    return (u->v4 && !gn_list_is_empty(&u->v4->backlog)) || (u->v6 && !gn_list_is_empty(&u->v6->backlog));
}

void gn_uv_udp_counters(const struct gn_uv_udp *u, struct gn_os_udp_counters *out)
{
    *out = u->retired;
    if (u->v4) {
        gn_os_udp_counters_add(out, &u->v4->os.counters);
    }
    if (u->v6) {
        gn_os_udp_counters_add(out, &u->v6->os.counters);
    }
}
