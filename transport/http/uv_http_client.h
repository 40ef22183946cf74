/* transport/http/uv_http_client.h - an HTTP/1.1 client on libuv: one server, one connection, one request at a time.
 *
 * Life: new, ask ..., close, and when its callback has come free. Threads: the loop's thread. Purity: none; SIGPIPE is
 * ignored from new on.
 *
 * The connection is made when it is needed and kept alive between requests. Requests that must not be repeated
 * (POST, PATCH) never use a kept connection, because the server may be closing it at that very moment; the others are
 * repeated once on a new connection if a kept one broke before a byte of the answer came.
 */
#ifndef GN_TRANSPORT_HTTP_UV_HTTP_CLIENT_H
#define GN_TRANSPORT_HTTP_UV_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/time.h"
#include "transport/http/h1.h"
#include "transport/http/http.h"

struct gn_uv_http_client;
struct uv_loop_s;

struct gn_uv_http_client_config {
    const struct gn_alloc *alloc; /* borrowed, outlives the client */
    struct uv_loop_s *loop;       /* borrowed */
    const char *unix_path;        /* copied; NULL: TCP to addr */
    struct gn_addr addr;
    const char *host; /* value of Host, copied; NULL: "localhost", or the address */
    struct gn_h1_limits limits;
    size_t write_queue_max; /* 0 = 256 KiB */
};

struct gn_uv_http_ask {
    struct gn_slice method;
    struct gn_slice target;
    struct gn_http_headers headers; /* without framing fields */
    struct gn_slice body;           /* copied; empty: none */
    bool streams;                   /* the body comes by gn_uv_http_client_write instead, chunked */
    gn_time_us timeout_us;          /* 0: none */
    bool timeout_is_idle;           /* the timeout counts from the last byte that moved, not from the start */
    /* All from the loop, never inside a function of the client. on_done comes exactly once, last. */
    void (*on_head)(void *data, const struct gn_h1_head *head); /* borrowed until on_done */
    void (*on_data)(void *data, struct gn_slice bytes);
    void (*on_room)(void *data); /* streams: connected, or room again after a FULL */
    /* GN_OK: the answer is complete. UNREACHABLE: nobody listens there (no such file, refused). PERMISSION, TIMEOUT,
     * CANCELLED. CLOSED: the connection ended before the answer did. MALFORMED: the answer is no HTTP. LIMIT: its head
     * or body is too long. NO_MEMORY. */
    void (*on_done)(void *data, enum gn_err err);
    void *data;
};

/* INVALID: the path does not fit into a socket address. */
GN_MUST_CHECK enum gn_err gn_uv_http_client_new(struct gn_uv_http_client **out,
                                                const struct gn_uv_http_client_config *config);
/* Sends a request; copies everything of it. FULL: one is under way. INVALID: method, target or a field cannot be sent.
 */
GN_MUST_CHECK enum gn_err gn_uv_http_client_ask(struct gn_uv_http_client *c, const struct gn_uv_http_ask *ask);
/* A piece of a streamed body. FULL: more than the room, on_room will come. CLOSED: the server wants no more of it. */
GN_MUST_CHECK enum gn_err gn_uv_http_client_write(struct gn_uv_http_client *c, struct gn_slice data);
size_t gn_uv_http_client_room(const struct gn_uv_http_client *c);
void gn_uv_http_client_end(struct gn_uv_http_client *c);
/* While paused nothing is read and the server is slowed down; what was read already (64 KiB at most) still comes. */
void gn_uv_http_client_pause(struct gn_uv_http_client *c, bool paused);
/* on_done comes with `err` (not GN_OK), soon. Nothing happens when no request is under way. */
void gn_uv_http_client_cancel(struct gn_uv_http_client *c, enum gn_err err);
/* Cancels, closes everything; then done(data), from the loop. */
void gn_uv_http_client_close(struct gn_uv_http_client *c, void (*done)(void *data), void *data);
void gn_uv_http_client_free(struct gn_uv_http_client *c); /* after close; NULL is fine */

#endif
