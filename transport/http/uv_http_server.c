/* transport/http/uv_http_server.c - listeners, connections and drain of the HTTP server. */
#include "transport/http/uv_http_server.h"

#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "transport/http/uv_http_conn.h"
#include "transport/http/uv_http_socket.h"

#define SWEEP_MIN_MS 10U
#define SWEEP_MAX_MS 1000U
#define BACKLOG 128

static void set_default(uint64_t *value, uint64_t fallback)
{
    if (*value == 0)
        *value = fallback;
}

static void fill_defaults(struct gn_uv_http_server_config *c)
{
    if (c->connections_max == 0)
        c->connections_max = 256;
    if (c->write_queue_max == 0)
        c->write_queue_max = (size_t)256 * 1024;
    set_default(&c->drop_max, UINT64_C(64) * 1024);
    set_default(&c->head_timeout_us, GN_SECONDS(10));
    set_default(&c->idle_timeout_us, GN_SECONDS(60));
    set_default(&c->body_timeout_us, GN_SECONDS(30));
    set_default(&c->write_timeout_us, GN_SECONDS(60));
    set_default(&c->linger_us, GN_SECONDS(1));
}

enum gn_err gn_uv_http_server_new(struct gn_uv_http_server **out, const struct gn_uv_http_server_config *config)
{
    GN_CHECK(config->alloc && config->loop && config->on_request);
    *out = NULL;
    struct gn_uv_http_server *s = gn_alloc_zeroed(config->alloc, 1, sizeof *s);
    if (!s)
        return GN_E_NO_MEMORY;
    s->config = *config;
    fill_defaults(&s->config);
    if (config->server && strlen(config->server) < sizeof s->server_name)
        memcpy(s->server_name, config->server, strlen(config->server) + 1);
    gn_uv_http_socket_ignore_sigpipe();
    gn_list_init(&s->listeners);
    gn_list_init(&s->conns);
    gn_list_init(&s->kicked);
    *out = s;
    return GN_OK;
}

void gn_uv_http_server_free(struct gn_uv_http_server *s)
{
    if (!s)
        return;
    GN_CHECK(s->handles == 0);
    gn_alloc_free(s->config.alloc, s);
}

const struct gn_uv_http_server_counters *gn_uv_http_server_counters(const struct gn_uv_http_server *s)
{
    return &s->counters;
}

const char *gn_uv_http_server_date(struct gn_uv_http_server *s)
{
    gn_wall_s now = gn_os_clock_wall();
    if (now != s->date_s || s->date[0] == '\0') {
        gn_h1_write_date(s->date, now);
        s->date_s = now;
    }
    return s->date;
}

/* ---- the two handles that serve all connections ---- */

static void on_kick(uv_idle_t *handle)
{
    struct gn_uv_http_server *s = handle->data;
    size_t n = 0;
    GN_LIST_FOR (node, &s->kicked)
        n++;
    while (n-- > 0) { /* those that are kicked meanwhile wait for the next turn */
        struct gn_list_node *node = gn_list_pop_front(&s->kicked);
        if (!node)
            break;
        gn_uv_http_conn_pump(GN_CONTAINER_OF(node, struct gn_uv_http_conn, kicked));
    }
    if (gn_list_is_empty(&s->kicked))
        (void)uv_idle_stop(handle);
}

void gn_uv_http_server_enqueue(struct gn_uv_http_conn *c)
{
    struct gn_uv_http_server *s = c->server;
    if (c->closing || gn_list_is_linked(&c->kicked))
        return;
    gn_list_push_back(&s->kicked, &c->kicked);
    (void)uv_idle_start(&s->kick, on_kick); /* fails only without a callback */
}

static void on_sweep(uv_timer_t *handle)
{
    struct gn_uv_http_server *s = handle->data;
    uint64_t now = uv_now(s->config.loop);
    bool cut = s->draining && now >= s->drain_until_ms;
    GN_LIST_FOR_SAFE (node, after, &s->conns) { /* closing frees later, from the loop */
        struct gn_uv_http_conn *c = GN_CONTAINER_OF(node, struct gn_uv_http_conn, node);
        if (cut)
            gn_uv_http_conn_close(c);
        else
            gn_uv_http_conn_sweep(c, now);
    }
    if (gn_list_is_empty(&s->conns) && !s->draining)
        (void)uv_timer_stop(handle); /* an idle node does not wake up for nothing */
}

static uint64_t sweep_interval_ms(const struct gn_uv_http_server *s)
{
    const struct gn_uv_http_server_config *c = &s->config;
    gn_time_us shortest = gn_time_min(gn_time_min(c->head_timeout_us, c->idle_timeout_us),
                                      gn_time_min(c->body_timeout_us, c->write_timeout_us));
    uint64_t ms = gn_time_min(shortest, c->linger_us) / 4000;
    return ms < SWEEP_MIN_MS ? SWEEP_MIN_MS : ms > SWEEP_MAX_MS ? SWEEP_MAX_MS : ms;
}

static void start_sweep(struct gn_uv_http_server *s)
{
    uint64_t ms = sweep_interval_ms(s);
    if (!uv_is_active((const uv_handle_t *)&s->sweep))
        (void)uv_timer_start(&s->sweep, on_sweep, ms, ms);
}

/* ---- end ---- */

static void close_service_handles(struct gn_uv_http_server *s);

void gn_uv_http_server_handle_closed(struct gn_uv_http_server *s)
{
    GN_CHECK(s->handles > 0);
    s->handles--;
    if (s->draining && gn_list_is_empty(&s->conns) && gn_list_is_empty(&s->listeners))
        close_service_handles(s);
    if (s->handles == 0 && s->draining && s->done) {
        void (*done)(void *) = s->done;
        s->done = NULL;
        done(s->done_data); /* may free the server */
    }
}

static void on_service_closed(uv_handle_t *handle)
{
    gn_uv_http_server_handle_closed(handle->data);
}

static void close_service_handles(struct gn_uv_http_server *s)
{
    if (s->closed)
        return;
    s->closed = true;
    uv_close((uv_handle_t *)&s->sweep, on_service_closed);
    uv_close((uv_handle_t *)&s->kick, on_service_closed);
}

static void free_listener(struct gn_uv_http_listener *l)
{
    const struct gn_alloc *alloc = l->server->config.alloc;
    if (!l->closed || l->spare_busy)
        return; /* a handle inside it is still open */
    gn_list_remove(&l->node);
    gn_alloc_free(alloc, l->path);
    gn_alloc_free(alloc, l);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct gn_uv_http_listener *l = handle->data;
    struct gn_uv_http_server *s = l->server;
    l->closed = true;
    free_listener(l);
    gn_uv_http_server_handle_closed(s);
}

void gn_uv_http_server_drain(struct gn_uv_http_server *s, gn_time_us timeout_us, void (*done)(void *data), void *data)
{
    bool again = s->draining;
    s->draining = true;
    s->done = done;
    s->done_data = data;
    if (s->handles == 0) { /* nothing ever listened: no loop to come from */
        s->done = NULL;
        done(data);
        return;
    }
    s->drain_until_ms = uv_now(s->config.loop) + timeout_us / 1000;
    GN_LIST_FOR (node, &s->listeners) {
        struct gn_uv_http_listener *l = GN_CONTAINER_OF(node, struct gn_uv_http_listener, node);
        if (uv_is_closing(&l->u.handle))
            continue;
        if (l->path)
            gn_uv_http_socket_remove(l->path, l->dev, l->ino);
        uv_close(&l->u.handle, on_listener_closed);
    }
    GN_LIST_FOR (conn, &s->conns)
        gn_uv_http_server_enqueue(GN_CONTAINER_OF(conn, struct gn_uv_http_conn, node));
    if (!again && !s->closed)
        (void)uv_timer_start(&s->sweep, on_sweep, SWEEP_MIN_MS, SWEEP_MIN_MS);
}

/* ---- accept ---- */

static void on_reject_closed(uv_handle_t *handle)
{
    struct gn_uv_http_conn *c = handle->data;
    struct gn_uv_http_server *s = c->server;
    gn_alloc_free(s->config.alloc, c);
    gn_uv_http_server_handle_closed(s);
}

/* One too many: says so if that is possible at once, and closes. */
static void reject(struct gn_uv_http_conn *c)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n"
                               "Retry-After: 1\r\n\r\n";
    char bytes[sizeof text];
    memcpy(bytes, text, sizeof text);
    uv_buf_t buf = uv_buf_init(bytes, sizeof text - 1);
    (void)uv_try_write(&c->u.stream, &buf, 1);
    c->server->counters.rejected++;
    uv_close(&c->u.handle, on_reject_closed);
}

static void read_addresses(struct gn_uv_http_conn *c)
{
    struct sockaddr_storage sys;
    int len = sizeof sys;
    memset(&sys, 0, sizeof sys);
    if (c->is_unix)
        return;
    if (uv_tcp_getpeername(&c->u.tcp, (struct sockaddr *)&sys, &len) == 0)
        gn_uv_http_socket_from_sys(&c->peer, &sys);
    len = sizeof sys; /* a listener on all addresses: which of them was meant */
    if (uv_tcp_getsockname(&c->u.tcp, (struct sockaddr *)&sys, &len) == 0)
        gn_uv_http_socket_from_sys(&c->local, &sys);
}

static int accept_into(struct gn_uv_http_conn *c, struct gn_uv_http_listener *l)
{
    struct gn_uv_http_server *s = l->server;
    int rc = l->is_unix ? uv_pipe_init(s->config.loop, &c->u.pipe, 0) : uv_tcp_init(s->config.loop, &c->u.tcp);
    if (rc != 0)
        return rc;
    s->handles++;
    c->u.handle.data = c;
    rc = uv_accept(&l->u.stream, &c->u.stream);
    if (rc != 0)
        uv_close(&c->u.handle, on_reject_closed);
    return rc;
}

static void drop_connection(struct gn_uv_http_listener *l);

static void on_spare_closed(uv_handle_t *handle)
{
    struct gn_uv_http_listener *l = handle->data;
    struct gn_uv_http_server *s = l->server;
    bool again = l->spare_wanted && !uv_is_closing(&l->u.handle);
    l->spare_busy = false;
    l->spare_wanted = false;
    if (again)
        drop_connection(l);
    free_listener(l);
    gn_uv_http_server_handle_closed(s);
}

/* Out of memory: accepts and closes. */
static void drop_connection(struct gn_uv_http_listener *l)
{
    uv_loop_t *loop = l->server->config.loop;
    uv_handle_t *spare = l->is_unix ? (uv_handle_t *)&l->spare_pipe : (uv_handle_t *)&l->spare_tcp;
    if (l->spare_busy) {
        l->spare_wanted = true;
        return;
    }
    int rc = l->is_unix ? uv_pipe_init(loop, &l->spare_pipe, 0) : uv_tcp_init(loop, &l->spare_tcp);
    if (rc != 0)
        return;
    spare->data = l;
    l->spare_busy = true;
    l->server->handles++;
    l->server->counters.rejected++;
    (void)uv_accept(&l->u.stream, (uv_stream_t *)spare);
    uv_close(spare, on_spare_closed);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct gn_uv_http_listener *l = stream->data;
    struct gn_uv_http_server *s = l->server;
    if (status < 0)
        return; /* libuv has dropped it, for lack of descriptors for example */
    struct gn_uv_http_conn *c = gn_alloc_zeroed(s->config.alloc, 1, sizeof *c);
    if (!c) {
        drop_connection(l);
        return;
    }
    c->server = s;
    c->is_unix = l->is_unix;
    c->local = l->addr;
    enum gn_err err = gn_uv_http_socket_err(accept_into(c, l));
    if (err) {
        if (c->u.handle.data == NULL)
            gn_alloc_free(s->config.alloc, c);
        return;
    }
    if (s->open[c->is_unix] >= s->config.connections_max || s->draining) {
        reject(c);
        return;
    }
    read_addresses(c);
    if (!c->is_unix)
        (void)uv_tcp_nodelay(&c->u.tcp, 1);
    s->counters.accepted++;
    s->counters.connections++;
    s->open[c->is_unix]++;
    gn_list_push_back(&s->conns, &c->node);
    gn_h1_init(&c->h1, s->config.alloc, true, &s->config.limits);
    start_sweep(s);
    gn_uv_http_conn_begin(c);
}

/* ---- listen ---- */

static void start_service_handles(struct gn_uv_http_server *s)
{
    if (s->handles > 0)
        return;
    (void)uv_timer_init(s->config.loop, &s->sweep); /* neither can fail */
    (void)uv_idle_init(s->config.loop, &s->kick);
    s->sweep.data = s;
    s->kick.data = s;
    s->handles = 2;
}

/* Takes fd, also on error. */
static enum gn_err listen_on(struct gn_uv_http_server *s, struct gn_uv_http_listener *l, int fd)
{
    l->server = s;
    int rc = l->is_unix ? uv_pipe_init(s->config.loop, &l->u.pipe, 0) : uv_tcp_init(s->config.loop, &l->u.tcp);
    if (rc != 0) {
        (void)close(fd);
        gn_alloc_free(s->config.alloc, l->path);
        gn_alloc_free(s->config.alloc, l);
        return gn_uv_http_socket_err(rc);
    }
    start_service_handles(s);
    s->handles++;
    l->u.handle.data = l;
    gn_list_push_back(&s->listeners, &l->node);
    rc = l->is_unix ? uv_pipe_open(&l->u.pipe, fd) : uv_tcp_open(&l->u.tcp, fd);
    if (rc != 0)
        (void)close(fd);
    else
        rc = uv_listen(&l->u.stream, BACKLOG, on_connection);
    if (rc != 0)
        uv_close(&l->u.handle, on_listener_closed);
    return gn_uv_http_socket_err(rc);
}

enum gn_err gn_uv_http_server_listen_unix(struct gn_uv_http_server *s, const char *path)
{
    GN_CHECK(!s->draining);
    const struct gn_alloc *alloc = s->config.alloc;
    struct gn_uv_http_listener *l = gn_alloc_zeroed(alloc, 1, sizeof *l);
    char *copy = gn_alloc_zeroed(alloc, 1, strlen(path) + 1);
    enum gn_err err = GN_E_NO_MEMORY;
    int fd = -1;
    if (!l || !copy)
        goto fail;
    memcpy(copy, path, strlen(path));
    err = gn_uv_http_socket_unix(&fd, &l->dev, &l->ino, path);
    if (err)
        goto fail;
    l->is_unix = true;
    l->path = copy;
    return listen_on(s, l, fd);
fail:
    gn_alloc_free(alloc, copy);
    gn_alloc_free(alloc, l);
    return err;
}

enum gn_err gn_uv_http_server_listen_tcp(struct gn_uv_http_server *s, struct gn_addr *bound, const struct gn_addr *addr)
{
    GN_CHECK(!s->draining);
    struct gn_uv_http_listener *l = gn_alloc_zeroed(s->config.alloc, 1, sizeof *l);
    int fd = -1;
    if (!l)
        return GN_E_NO_MEMORY;
    enum gn_err err = gn_uv_http_socket_tcp(&fd, bound, addr);
    if (err) {
        gn_alloc_free(s->config.alloc, l);
        return err;
    }
    l->addr = *bound;
    return listen_on(s, l, fd);
}
