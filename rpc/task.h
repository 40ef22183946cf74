/* rpc/task.h - one request at the API: its exchange, its question to the node, its answer.
 *
 * Life: from the request's head until the exchange is closed and the node has finished its call, whichever is last; it
 * frees itself. Threads: the loop's thread. Purity: pure.
 */
#ifndef GN_RPC_TASK_H
#define GN_RPC_TASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "rpc/api.h"
#include "transport/http/exchange.h"
#include "transport/http/router.h"

struct gn_rpc_server;
struct gn_rpc_task;
struct gn_rpc_route;

/* What the answer to an API call is made of; a route sets it before it asks. */
typedef void (*gn_rpc_result_fn)(struct gn_rpc_task *t, const void *result);
typedef void (*gn_rpc_part_fn)(struct gn_rpc_task *t, const void *part);

/* Only for GET /v1/files/{root} and POST /v1/files with a body. */
struct gn_rpc_stream {
    bool open;    /* handle is to be given back */
    bool failed;  /* upload: the answer was an error; drop the rest */
    bool eof;     /* upload: everything has come */
    bool working; /* a loop is on the stack: results that come at once continue it */
    uint64_t handle;
    uint64_t at;
    uint64_t left;
    uint8_t *piece; /* upload: what is being written */
    size_t piece_len;
};

struct gn_rpc_task {
    struct gn_exchange *x; /* NULL: closed, nobody listens */
    struct gn_rpc_server *server;
    const struct gn_rpc_route *route;
    struct gn_list_node node; /* of the server's tasks */
    struct gn_api_call call;
    bool pending; /* the node has the call */
    bool lines;   /* answers as application/x-ndjson */
    bool started; /* the answer is */
    bool answered;
    gn_rpc_result_fn on_result;
    gn_rpc_part_fn on_part;
    void (*on_fail)(struct gn_rpc_task *t, enum gn_err err, const char *detail); /* NULL: gn_rpc_task_fail */
    void (*on_over)(struct gn_rpc_task *t); /* before the task is freed; no call is pending then */
    json_t *parts;                          /* collected for an answer that is not streamed */
    struct gn_rpc_stream stream;
    struct gn_router_match match;
};

/* Frees the task if nothing holds it any more. Called by task.c after each call, by server.c after setting up. */
void gn_rpc_task_release(struct gn_rpc_task *t);
/* The exchange is over: cancels what is pending. */
void gn_rpc_task_closed(struct gn_rpc_task *t);

/* ---- asking the node: `gn_rpc_task_ask(t, on_result); ops->x(node, &t->call, ...)` ---- */

/* Arms t->call. on_part may be NULL. The next line calls the op. */
struct gn_api_call *gn_rpc_task_ask(struct gn_rpc_task *t, gn_rpc_result_fn on_result, gn_rpc_part_fn on_part);
const struct gn_api_ops *gn_rpc_task_ops(const struct gn_rpc_task *t);
void *gn_rpc_task_node(const struct gn_rpc_task *t);
void gn_rpc_task_unsupported(struct gn_rpc_task *t);
/* Answers UNSUPPORTED when the op is missing: `if (!gn_rpc_task_has(t, ops->share != NULL)) return;` */
static inline bool gn_rpc_task_has(struct gn_rpc_task *t, bool implemented)
{
    if (!implemented)
        gn_rpc_task_unsupported(t);
    return implemented;
}

/* ---- answering; all do nothing when the client is gone ---- */

/* Takes doc; NULL: out of memory, 500. headers: more than Content-Type, at most 4. */
void gn_rpc_task_json(struct gn_rpc_task *t, unsigned status, json_t *doc, const struct gn_http_header *headers,
                      size_t headers_len);
void gn_rpc_task_bytes(struct gn_rpc_task *t, unsigned status, struct gn_slice body,
                       const struct gn_http_header *headers, size_t headers_len);
void gn_rpc_task_empty(struct gn_rpc_task *t, unsigned status);
/* A problem document; as the last line of a stream when that has begun. detail NULL: err's own text. */
void gn_rpc_task_fail(struct gn_rpc_task *t, enum gn_err err, const char *detail);
void gn_rpc_task_fail_as(struct gn_rpc_task *t, unsigned status, enum gn_err err, const char *detail);
/* One line {"name": value} of a stream; takes value. droppable: left out when the client reads too slowly. */
void gn_rpc_task_line(struct gn_rpc_task *t, const char *name, json_t *value, bool droppable);
/* The end: {"result": doc} as last line of a stream, else the document with `status`. Takes doc. */
void gn_rpc_task_result(struct gn_rpc_task *t, unsigned status, json_t *doc);

/* ---- what the request says ---- */

const struct gn_http_header *gn_rpc_task_header(const struct gn_rpc_task *t, const char *name);
/* Parameter number i of the path as an id. Answers 400 and gives false when it is none. */
bool gn_rpc_task_id(struct gn_rpc_task *t, struct gn_id *out, size_t i, const char *what);
/* A decimal query parameter, *out untouched when absent. Answers 400 and gives false when it is no number. */
bool gn_rpc_task_number(struct gn_rpc_task *t, uint64_t *out, const char *name);
/* A text query parameter of at most cap bytes; *len 0 when absent. Answers 400 and gives false. */
bool gn_rpc_task_text(struct gn_rpc_task *t, uint8_t *out, size_t *len, size_t cap, const char *name);

#endif
