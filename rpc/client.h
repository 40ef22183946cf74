/* rpc/client.h - asks a running node over its Unix socket and waits for the answer: what the command line uses.
 *
 * Life: gn_rpc_client_new / _free; it keeps one connection alive between calls. Threads: one owner; calls block.
 * Purity: runs a private event loop inside transport/http/uv_http_call.
 *
 *     struct gn_rpc_client *c;
 *     err = gn_rpc_client_new(&c, gn_alloc_default(), "/home/me/.local/share/ghostnet/api.sock");
 *     struct gn_rpc_request req = {.method = "GET", .target = "/v1/node", .timeout_us = GN_SECONDS(5)};
 *     struct gn_rpc_response resp;
 *     err = gn_rpc_call(c, &resp, &req);          // GN_E_UNREACHABLE: no node is running
 *     if (!err) fwrite(resp.body.data, 1, resp.body.len, stdout); else fputs(resp.detail, stderr);
 */
#ifndef GN_RPC_CLIENT_H
#define GN_RPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/time.h"
#include "transport/http/http.h"

struct gn_rpc_client;

#define GN_RPC_TARGET_MAX 8192U
#define GN_RPC_DETAIL_MAX 512U
#define GN_RPC_BODY_MAX 16777216U

struct gn_rpc_request {
    const char *method;                   /* "GET" ... */
    const char *target;                   /* path and query, percent-encoded (gn_rpc_target_*) */
    const char *content_type;             /* of the body; NULL with a body: application/json */
    struct gn_slice body;                 /* empty: none, unless `source` */
    const struct gn_http_header *headers; /* more request fields; borrowed */
    size_t headers_len;
    gn_time_us timeout_us; /* for the whole call; with on_line/on_bytes: since the last bytes. 0 = no limit */
    bool interruptible;    /* SIGINT and SIGTERM end the call with CANCELLED */
    /* All NULL: the answer is collected in the response (at most GN_RPC_BODY_MAX, else LIMIT). For a 2xx answer at most
     * one of them is used; they return GN_OK to go on, any other error ends the call with that error.
     * on_line: one JSON document of an application/x-ndjson answer, without its line feed, borrowed.
     * on_bytes: body bytes as they come. */
    enum gn_err (*on_line)(void *data, struct gn_slice line);
    enum gn_err (*on_bytes)(void *data, struct gn_slice bytes);
    void *data;
    /* Streams the request body: fills at most cap bytes; *len 0 = the end. May block (a file). NULL: `body`. */
    enum gn_err (*source)(void *data, uint8_t *out, size_t *len, size_t cap);
};

/* Borrowed until the next call on the same client or its free. */
struct gn_rpc_response {
    unsigned status; /* 0: no answer came */
    struct gn_http_headers headers;
    struct gn_slice body; /* collected; also the problem document of an error answer. NUL-terminated behind its end */
    const char *detail;   /* for people; never NULL. Filled on every error, empty on success */
};

/* Fills *out. Connects only with the first call. INVALID: the path does not fit a socket address. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_rpc_client_new(struct gn_rpc_client **out, const struct gn_alloc *alloc,
                                            const char *socket_path);
void gn_rpc_client_free(struct gn_rpc_client *c);

/* Sends one request and waits for the end of the answer. Always fills *out.
 * GN_OK: the status is 2xx. UNREACHABLE with out->status 0: nobody listens on the socket (no node is running).
 * TIMEOUT, CANCELLED, CLOSED (the node went away in the middle), LIMIT, MALFORMED (not HTTP).
 * For every other status: the gn_err that the problem document names (see rpc/problem.h), detail from the document.
 * An ndjson stream whose last line is {"error": problem} ends with that error too; that line is not given to on_line.
 */
GN_MUST_CHECK enum gn_err gn_rpc_call(struct gn_rpc_client *c, struct gn_rpc_response *out,
                                      const struct gn_rpc_request *req);

/* True when an UNREACHABLE of the last call means that no node is running, not that the node could not reach a peer. */
bool gn_rpc_client_no_node(const struct gn_rpc_client *c);
/* True when a CANCELLED of the last call came from SIGINT or SIGTERM here, not from the node. */
bool gn_rpc_client_interrupted(const struct gn_rpc_client *c);

/* Builds a target: start with "/v1/kv/", append segments and query values percent-encoded. */
struct gn_rpc_target {
    char text[GN_RPC_TARGET_MAX]; /* always NUL-terminated */
    size_t len;
    bool overflow; /* did not fit: the call will answer LIMIT */
};
void gn_rpc_target_init(struct gn_rpc_target *t, const char *path);
void gn_rpc_target_raw(struct gn_rpc_target *t, const char *text);
void gn_rpc_target_segment(struct gn_rpc_target *t, struct gn_slice bytes); /* everything but unreserved is encoded */
void gn_rpc_target_query(struct gn_rpc_target *t, const char *name, struct gn_slice value); /* adds ? or & itself */

#endif
