/* transport/http/uv_http_server.h - an HTTP/1.1 server on libuv: Unix sockets and TCP, bounded in every direction.
 *
 * Life: new, listen, ..., drain, and when its callback has come free. Threads: the loop's thread. Purity: none; SIGPIPE
 * is ignored from new on.
 *
 * Requests of one connection are handled one after the other. While a handler works the connection is still read, so
 * that a client that leaves is noticed; at most GN_UV_HTTP_STASH_MAX bytes of pipelined requests are kept, then reading
 * stops. A client that ends its side of the connection before it has its answer counts as gone.
 * Answers wait in a queue of write_queue_max bytes; a client that takes nothing for write_timeout is cut off.
 */
#ifndef GN_TRANSPORT_HTTP_UV_HTTP_SERVER_H
#define GN_TRANSPORT_HTTP_UV_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/time.h"
#include "transport/http/exchange.h"
#include "transport/http/h1.h"

struct gn_uv_http_server;
struct uv_loop_s;

#define GN_UV_HTTP_READ_MAX 65536U
#define GN_UV_HTTP_STASH_MAX 65536U

struct gn_uv_http_server_config {
    const struct gn_alloc *alloc; /* borrowed, outlives the server */
    const struct gn_log *log;     /* borrowed; NULL: silent */
    struct uv_loop_s *loop;       /* borrowed */
    struct gn_h1_limits limits;
    const char *server;          /* value of the Server field, copied (at most 63 bytes); NULL: none */
    size_t connections_max;      /* of TCP, and again of Unix sockets, so that strangers cannot shut out
                                  * the owner; 0 = 256; more are answered 503 and closed */
    size_t write_queue_max;      /* 0 = 256 KiB */
    uint64_t drop_max;           /* bytes of a body nobody wants that are read to keep the connection; 0 = 64 KiB */
    gn_time_us head_timeout_us;  /* from a request's first byte to the end of its head; 0 = 10 s */
    gn_time_us idle_timeout_us;  /* without a request; 0 = 60 s */
    gn_time_us body_timeout_us;  /* without a byte of the body; 0 = 30 s */
    gn_time_us write_timeout_us; /* without a byte taken by the client; 0 = 60 s */
    gn_time_us linger_us;        /* after the last answer, until the client has closed too; 0 = 1 s */
    /* A request's head is there: set x->handler (on_close at least), answer now or later. */
    void (*on_request)(struct gn_exchange *x);
    void *app; /* x->server_app */
};

struct gn_uv_http_server_counters {
    uint64_t accepted;
    uint64_t rejected; /* connections_max */
    uint64_t requests;
    uint64_t refused;     /* malformed, too big */
    uint64_t timeouts;    /* head, body, write, idle */
    uint64_t gone;        /* clients that left before their answer was complete */
    uint64_t connections; /* open now */
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* Fills *out. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_uv_http_server_new(struct gn_uv_http_server **out,
                                                const struct gn_uv_http_server_config *config);
/* Mode 0600; a stale socket file is removed. Errors as gn_uv_http_socket_unix. */
GN_MUST_CHECK enum gn_err gn_uv_http_server_listen_unix(struct gn_uv_http_server *s, const char *path);
/* Port 0 picks one. Fills *bound. IN_USE, PERMISSION, ... */
GN_MUST_CHECK enum gn_err gn_uv_http_server_listen_tcp(struct gn_uv_http_server *s, struct gn_addr *bound,
                                                       const struct gn_addr *addr);
/* Stops accepting, closes idle connections, lets answers in flight finish (with Connection: close), cuts the rest after
 * timeout_us. done(data) comes once, from the loop, when every handle is closed. May be called again to shorten. */
void gn_uv_http_server_drain(struct gn_uv_http_server *s, gn_time_us timeout_us, void (*done)(void *data), void *data);
/* Only after drain's callback, or if no listen ever succeeded. NULL is fine. */
void gn_uv_http_server_free(struct gn_uv_http_server *s);
const struct gn_uv_http_server_counters *gn_uv_http_server_counters(const struct gn_uv_http_server *s);

#endif
