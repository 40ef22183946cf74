#include "transport/quic/quic.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "transport/quic/qconn.h"
#include "transport/quic/qend.h"
#include "transport/quic/qevent.h"
#include "transport/quic/qreceive.h"
#include "transport/quic/qsend.h"
#include "transport/quic/qstream.h"
#include "transport/quic/qtls.h"

#define CONNS_DEFAULT 1024U
#define HALF_OPEN_DEFAULT 256U
#define RETRY_DEFAULT 64U
#define INITIALS_DEFAULT 50U
#define STREAMS_DEFAULT 256U
#define TICKETS_DEFAULT 256U
#define CONN_WINDOW_DEFAULT (UINT64_C(16) * 1024U * 1024U)
#define STREAM_WINDOW_DEFAULT (UINT64_C(6) * 1024U * 1024U)
#define SEND_BUFFER_DEFAULT (UINT64_C(4) * 1024U * 1024U)
#define TIME_MAX GN_HOURS(24) /* longer time-outs and intervals are taken as this */
#define IDLE_DEFAULT GN_SECONDS(30)
#define HANDSHAKE_DEFAULT GN_SECONDS(10)
#define INITIAL_GROUPS 4096U  /* address groups whose rate of new connections is remembered */
#define RESETS_PER_SECOND 50U /* stateless resets are a courtesy */

static void *mem_malloc(size_t size, void *user)
{
    const struct gn_alloc *a = user;

    return a->realloc(a->ctx, NULL, size);
}

static void mem_free(void *p, void *user)
{
    const struct gn_alloc *a = user;

    a->free(a->ctx, p);
}

static void *mem_calloc(size_t n, size_t size, void *user)
{
    const struct gn_alloc *a = user;

    return a->calloc(a->ctx, n, size);
}

static void *mem_realloc(void *p, size_t size, void *user)
{
    const struct gn_alloc *a = user;

    return a->realloc(a->ctx, p, size);
}

static uint32_t or32(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static uint64_t or64(uint64_t value, uint64_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static void set_defaults(struct gn_quic_config *c)
{
    c->conns_max = or32(c->conns_max, CONNS_DEFAULT);
    c->half_open_max = or32(c->half_open_max, HALF_OPEN_DEFAULT);
    c->retry_above = or32(c->retry_above, RETRY_DEFAULT);
    c->initials_per_second = or32(c->initials_per_second, INITIALS_DEFAULT);
    c->streams_max = or32(c->streams_max, STREAMS_DEFAULT);
    c->tickets_max = or32(c->tickets_max, TICKETS_DEFAULT);
    c->conn_window = or64(c->conn_window, CONN_WINDOW_DEFAULT);
    c->stream_window = or64(c->stream_window, STREAM_WINDOW_DEFAULT);
    c->send_buffer = or64(c->send_buffer, SEND_BUFFER_DEFAULT);
    c->loopback_payload = c->loopback_payload < GN_QUIC_PAYLOAD       ? GN_QUIC_PAYLOAD
                          : c->loopback_payload > GN_QUIC_PAYLOAD_MAX ? GN_QUIC_PAYLOAD_MAX
                                                                      : c->loopback_payload;
    c->idle_timeout = gn_time_min(or64(c->idle_timeout, IDLE_DEFAULT), TIME_MAX);
    c->handshake_timeout = gn_time_min(or64(c->handshake_timeout, HANDSHAKE_DEFAULT), TIME_MAX);
    c->keep_alive = gn_time_min(c->keep_alive, TIME_MAX);
}

static bool timer_before(const struct gn_heap_node *a, const struct gn_heap_node *b)
{
    const struct gn_quic_link *x =
        (const struct gn_quic_link *)(const void *)((const char *)a - offsetof(struct gn_quic_link, timer));
    const struct gn_quic_link *y =
        (const struct gn_quic_link *)(const void *)((const char *)b - offsetof(struct gn_quic_link, timer));

    return x->deadline != y->deadline ? x->deadline < y->deadline : x->id < y->id;
}

static void init_tables(struct gn_quic *q, gn_time_us now)
{
    const struct gn_quic_config *c = &q->config;
    uint8_t hash_key[16];

    /* Tombstones are links too, as many as live ones at most. */
    gn_map_init(&q->links, q->alloc, sizeof(gn_quic_conn), sizeof(struct gn_quic_link *), 0);
    gn_map_init(&q->cids, q->alloc, sizeof(struct gn_quic_cid_key), sizeof(struct gn_quic_link *), 0);
    gn_rng_bytes(&q->rng, hash_key, sizeof hash_key);
    gn_map_set_hash_key(&q->cids, hash_key);
    gn_map_init(&q->tokens, q->alloc, NGTCP2_STATELESS_RESET_TOKENLEN, sizeof(struct gn_quic_link *), 0);
    gn_map_set_hash_key(&q->tokens, hash_key);
    gn_list_init(&q->ready);
    gn_list_init(&q->event_links);
    gn_list_init(&q->tombs);
    gn_list_init(&q->released);
    gn_list_init(&q->chunks_free);
    gn_list_init(&q->replies);
    gn_heap_init(&q->timers, timer_before);
    gn_ratelimit_table_init(&q->initials, q->alloc, c->initials_per_second, (uint64_t)c->initials_per_second * 2U,
                            INITIAL_GROUPS);
    gn_ratelimit_init(&q->resets, RESETS_PER_SECOND, RESETS_PER_SECOND, now);
    gn_qticket_init(&q->tickets, q->alloc, c->tickets_max);
}

enum gn_err gn_quic_new(struct gn_quic **out, const struct gn_quic_config *config, gn_time_us now)
{
    struct gn_quic *q = gn_alloc_zeroed(config->alloc, 1, sizeof *q);

    if (!q) {
        return GN_E_NO_MEMORY;
    }
    q->config = *config;
    q->alloc = config->alloc;
    set_defaults(&q->config);
    union {
        const struct gn_alloc *in;
        void *out;
    } alloc = {.in = q->alloc}; /* ngtcp2_mem has no const; we get it back as const */

    q->mem = (ngtcp2_mem){
        .user_data = alloc.out, .malloc = mem_malloc, .free = mem_free, .calloc = mem_calloc, .realloc = mem_realloc};
    gn_rng_init(&q->rng, config->rng_seed);
    sodium_memzero(q->config.rng_seed, sizeof q->config.rng_seed);
    const enum gn_err err = gn_qtls_init(q);

    if (err != GN_OK) {
        gn_rng_wipe(&q->rng);
        sodium_memzero(q->config.seed, sizeof q->config.seed);
        gn_alloc_free(q->alloc, q);
        return err;
    }
    gn_qcid_init(&q->cid_keys, q->config.seed, q->config.net_id);
    gn_rng_bytes(&q->rng, q->retry_secret, sizeof q->retry_secret);
    init_tables(q, now);
    *out = q;
    return GN_OK;
}

static void free_nodes(const struct gn_quic *q, struct gn_list *list, size_t offset)
{
    struct gn_list_node *n;

    while ((n = gn_list_pop_front(list)) != NULL) {
        gn_alloc_free(q->alloc, (char *)n - offset);
    }
}

void gn_quic_free(struct gn_quic *q)
{
    uint32_t cursor = 0;
    void *value = NULL;

    if (!q) {
        return;
    }
    while (gn_map_next(&q->links, &cursor, NULL, &value)) {
        gn_qend_forget(*(struct gn_quic_link **)value);
    }
    gn_qevent_take_back(q);
    free_nodes(q, &q->released, offsetof(struct gn_quic_segment, node));
    free_nodes(q, &q->replies, offsetof(struct gn_qreceive_reply, node));
    gn_qstream_trim(q);
    gn_alloc_free(q->alloc, q->stash);
    gn_map_fini(&q->links);
    gn_map_fini(&q->cids);
    gn_map_fini(&q->tokens);
    gn_ratelimit_table_fini(&q->initials);
    gn_qticket_fini(&q->tickets);
    gn_qtls_fini(q);
    gn_qcid_wipe(&q->cid_keys);
    gn_rng_wipe(&q->rng);
    const struct gn_alloc *alloc = q->alloc;

    sodium_memzero(q, sizeof *q);
    gn_alloc_free(alloc, q);
}

const struct gn_id *gn_quic_id(const struct gn_quic *q)
{
    return &q->id;
}

/* ngtcp2 must not see time go back (1.x asserts it), and callers take their `now` at different places of one turn. */
static gn_time_us forward(struct gn_quic *q, gn_time_us now)
{
    q->now = gn_time_max(q->now, now);
    return q->now;
}

void gn_quic_receive(struct gn_quic *q, const struct gn_udp_packet *packet, gn_time_us now)
{
    gn_qreceive_packet(q, packet, forward(q, now));
}

bool gn_quic_send(struct gn_quic *q, struct gn_udp_train *out, uint8_t *buf, size_t cap, gn_time_us now)
{
    return gn_qsend_train(q, out, buf, cap, forward(q, now));
}

bool gn_quic_next_event(struct gn_quic *q, struct gn_quic_event *out)
{
    return gn_qevent_next(q, out);
}

gn_time_us gn_quic_deadline(const struct gn_quic *q)
{
    struct gn_heap_node *n = gn_heap_peek(&q->timers);

    return n ? GN_CONTAINER_OF(n, struct gn_quic_link, timer)->deadline : GN_TIME_NEVER;
}

void gn_quic_expire(struct gn_quic *q, gn_time_us now)
{
    struct gn_heap_node *n;

    now = forward(q, now);
    while ((n = gn_heap_peek(&q->timers)) != NULL) {
        struct gn_quic_link *link = GN_CONTAINER_OF(n, struct gn_quic_link, timer);

        if (link->deadline > now) {
            return;
        }
        if (link->state != GN_QUIC_LIVE) {
            gn_qend_bury(link);
            continue;
        }
        gn_qconn_stop_timer(link); /* gn_quic_send sets it again */
        const int rv = ngtcp2_conn_handle_expiry(link->conn, gn_quic_ts(now));

        if (rv != 0) {
            gn_qend_by(link, rv, now);
        } else {
            gn_qconn_wake(link);
        }
    }
}

enum gn_err gn_quic_dial(struct gn_quic *q, gn_quic_conn *out, const struct gn_id *id, const struct gn_addr *remote,
                         const struct gn_addr *local, gn_time_us now)
{
    struct gn_quic_link *link;
    const struct gn_addr any = {.family = remote->family};

    if (!gn_addr_is_usable(remote) || gn_id_eq(id, &q->id) || gn_id_is_zero(id) ||
        (local && local->family != remote->family)) {
        return GN_E_INVALID;
    }
    if (q->draining) {
        return GN_E_CLOSED;
    }
    if (q->live >= q->config.conns_max) {
        return GN_E_FULL;
    }
    const enum gn_err err = gn_qconn_dial(q, &link, id, remote, local ? local : &any, forward(q, now));

    if (err == GN_OK) {
        *out = link->id;
    }
    return err;
}

static struct gn_quic_link *live(const struct gn_quic *q, gn_quic_conn conn)
{
    struct gn_quic_link *link = gn_qconn_find(q, conn);

    return link && link->state == GN_QUIC_LIVE ? link : NULL;
}

static void close_link(struct gn_quic_link *link, uint64_t app_error, gn_time_us now)
{
    struct gn_qend end = {.err = GN_E_CANCELLED, .drop_streams = true};

    ngtcp2_ccerr_default(&end.reason);
    ngtcp2_ccerr_set_application_error(&end.reason, app_error, NULL, 0);
    gn_qend_link(link, &end, now);
}

enum gn_err gn_quic_close(struct gn_quic *q, gn_quic_conn conn, uint64_t app_error, gn_time_us now)
{
    struct gn_quic_link *link = live(q, conn);

    if (!link) {
        return GN_E_CLOSED;
    }
    close_link(link, app_error, forward(q, now));
    return GN_OK;
}

void gn_quic_drain(struct gn_quic *q, uint64_t app_error, gn_time_us now)
{
    uint32_t cursor = 0;
    void *value = NULL;

    q->draining = true;
    while (gn_map_next(&q->links, &cursor, NULL, &value)) {
        close_link(*(struct gn_quic_link **)value, app_error, forward(q, now));
    }
}

uint32_t gn_quic_conns(const struct gn_quic *q)
{
    return q->live;
}

enum gn_err gn_quic_conn_info(const struct gn_quic *q, struct gn_quic_info *out, gn_quic_conn conn)
{
    const struct gn_quic_link *link = gn_qconn_find(q, conn);

    memset(out, 0, sizeof *out);
    if (!link) {
        return GN_E_CLOSED;
    }
    out->peer = link->peer;
    out->local = link->local;
    out->remote = link->remote;
    out->inbound = link->inbound;
    out->connected = link->connected;
    out->resumed = link->resumed;
    out->closing = link->state != GN_QUIC_LIVE;
    out->streams = gn_map_len(&link->streams);
    out->bytes_sent = link->bytes_sent;
    out->bytes_received = link->bytes_received;
    if (link->conn) {
        ngtcp2_conn_info info;

        ngtcp2_conn_get_conn_info(link->conn, &info);
        out->rtt = info.smoothed_rtt / NGTCP2_MICROSECONDS;
        out->min_rtt = info.min_rtt == UINT64_MAX ? 0 : info.min_rtt / NGTCP2_MICROSECONDS;
        out->cwnd = info.cwnd;
        out->in_flight = info.bytes_in_flight;
        out->mtu = ngtcp2_conn_get_path_max_tx_udp_payload_size(link->conn);
    }
    return GN_OK;
}

enum gn_err gn_quic_set_user(struct gn_quic *q, gn_quic_conn conn, void *user)
{
    struct gn_quic_link *link = gn_qconn_find(q, conn);

    if (!link) {
        return GN_E_CLOSED;
    }
    link->user = user;
    return GN_OK;
}

enum gn_err gn_quic_set_keep_alive(struct gn_quic *q, gn_quic_conn conn, gn_time_us interval)
{
    struct gn_quic_link *link = live(q, conn);

    if (!link) {
        return GN_E_CLOSED;
    }
    /* 0 turns it off in every release; the bound keeps ngtcp2's sums from wrapping. */
    ngtcp2_conn_set_keep_alive_timeout(link->conn, gn_time_min(interval, TIME_MAX) * NGTCP2_MICROSECONDS);
    gn_qconn_wake(link);
    return GN_OK;
}

void gn_quic_counters(const struct gn_quic *q, struct gn_quic_counters *out)
{
    *out = q->counters;
}
