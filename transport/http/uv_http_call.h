/* transport/http/uv_http_call.h - one HTTP request after the other, each waited for: the client for simple programs.
 *
 * Life: new, run ..., free. Threads: one owner; run blocks. Purity: none; it has a loop of its own.
 */
#ifndef GN_TRANSPORT_HTTP_UV_HTTP_CALL_H
#define GN_TRANSPORT_HTTP_UV_HTTP_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/time.h"
#include "transport/http/h1_head.h"
#include "transport/http/http.h"

struct gn_uv_http_call;

struct gn_uv_http_call_request {
    struct gn_slice method;
    struct gn_slice target;
    struct gn_http_headers headers;
    struct gn_slice body;
    gn_time_us timeout_us; /* 0: none */
    bool timeout_is_idle;  /* counts from the last byte that moved */
    bool interruptible;    /* SIGINT and SIGTERM end the run with CANCELLED; they are caught only meanwhile */
    /* The first error that one of them returns ends the run, and is its result. */
    enum gn_err (*on_head)(void *data, const struct gn_h1_head *head);
    enum gn_err (*on_bytes)(void *data, struct gn_slice bytes);
    /* Not NULL: the body is streamed from it. Fills at most cap bytes; *len 0 is the end. May block. */
    enum gn_err (*source)(void *data, uint8_t *out, size_t *len, size_t cap);
    void *data;
};

/* INVALID: the path does not fit into a socket address. NO_MEMORY, DESCRIPTORS, SYSTEM. */
GN_MUST_CHECK enum gn_err gn_uv_http_call_new(struct gn_uv_http_call **out, const struct gn_alloc *alloc,
                                              const char *unix_path);
void gn_uv_http_call_free(struct gn_uv_http_call *c); /* NULL is fine */
/* Sends, and waits for the end of the answer. Results as gn_uv_http_ask's on_done. */
GN_MUST_CHECK enum gn_err gn_uv_http_call_run(struct gn_uv_http_call *c, const struct gn_uv_http_call_request *req);

#endif
