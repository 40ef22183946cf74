/* transport/http/exchange.h - one request and its answer, as handlers see them: the same for every version of HTTP.
 *
 * Life: owned by the carrier (the server driver). Valid from its on_request callback until the handler's on_close has
 * returned, which comes exactly once for every exchange, always last. Threads: the server's loop. Purity: pure; it only
 * forwards to the carrier.
 *
 * A handler gets an exchange in on_request, sets x->handler and x->app there, and answers then or any time later:
 *   gn_exchange_respond                                   the whole answer at once
 *   gn_exchange_start, gn_exchange_write ..., gn_exchange_end   in pieces, with back-pressure
 * If it wants the request's body it calls gn_exchange_collect or gn_exchange_stream inside on_request; otherwise the
 * body is read and dropped (or the connection closed, if it is long).
 * When the client goes away first, on_close comes with complete = false: forget the exchange, whatever is pending.
 */
#ifndef GN_TRANSPORT_HTTP_EXCHANGE_H
#define GN_TRANSPORT_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/slice.h"
#include "transport/http/http.h"

struct gn_exchange;

#define GN_EXCHANGE_UNKNOWN UINT64_MAX /* a length */

struct gn_exchange_request {
    enum gn_http_method method;
    struct gn_slice method_text;
    struct gn_slice target; /* as sent */
    struct gn_slice path;   /* percent-encoded */
    struct gn_slice query;
    struct gn_slice host; /* "host:port" that the client means */
    struct gn_http_headers headers;
    bool has_body;
    uint64_t body_len;    /* GN_EXCHANGE_UNKNOWN: chunked */
    bool from_unix;       /* through a Unix socket */
    struct gn_addr peer;  /* family NONE from a Unix socket */
    struct gn_addr local; /* the listener's */
};

/* All but on_close may be NULL. */
struct gn_exchange_handler {
    /* After gn_exchange_collect: the whole body, borrowed. */
    void (*on_body)(struct gn_exchange *x, struct gn_slice body);
    /* After gn_exchange_stream: bytes of the body as they come, borrowed; then on_end. */
    void (*on_data)(struct gn_exchange *x, struct gn_slice data);
    void (*on_end)(struct gn_exchange *x);
    /* After a write that left less than half of the room: there is room again. */
    void (*on_room)(struct gn_exchange *x);
    /* The exchange is over; complete: the answer was handed to the system in full. */
    void (*on_close)(struct gn_exchange *x, bool complete);
};

/* Implemented by the carriers. */
struct gn_exchange_carrier {
    enum gn_err (*want_body)(struct gn_exchange *x, bool whole, uint64_t max);
    void (*pause)(struct gn_exchange *x, bool paused);
    enum gn_err (*start)(struct gn_exchange *x, unsigned status, struct gn_http_headers headers, uint64_t length);
    enum gn_err (*write)(struct gn_exchange *x, struct gn_slice data, bool bounded);
    void (*end)(struct gn_exchange *x);
    void (*abort)(struct gn_exchange *x);
    size_t (*room)(const struct gn_exchange *x);
};

struct gn_exchange {
    struct gn_exchange_request request; /* its slices are valid until on_close */
    const struct gn_exchange_handler *handler;
    void *app;        /* the handler's own */
    void *server_app; /* of the server's configuration */
    /* private to exchange.c and the carrier */
    const struct gn_exchange_carrier *carrier;
    bool started;
    bool ended;
    uint64_t left; /* of an answer with a length */
};

/* Inside on_request only. At most max bytes of body, else the carrier answers 413 itself and closes (on_close comes).
 * Without a body on_body gets an empty slice, on_end comes at once; both may come inside the call. */
GN_MUST_CHECK enum gn_err gn_exchange_collect(struct gn_exchange *x, uint64_t max);
GN_MUST_CHECK enum gn_err gn_exchange_stream(struct gn_exchange *x, uint64_t max);
/* While paused no on_data comes, and the client is slowed down. */
void gn_exchange_pause(struct gn_exchange *x, bool paused);

/* Sends everything and ends; copies. body is left out for HEAD, its length is still sent. INVALID: a header that
 * cannot be sent (500 is sent instead). May call on_close before it returns: x must not be touched afterwards. */
void gn_exchange_respond(struct gn_exchange *x, unsigned status, struct gn_http_headers headers, struct gn_slice body);

/* Sends the head. length: GN_EXCHANGE_UNKNOWN = chunked. Never calls back.
 * INVALID: a header that cannot be sent; nothing was started. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_exchange_start(struct gn_exchange *x, unsigned status, struct gn_http_headers headers,
                                            uint64_t length);
/* Copies data into the connection's queue. Never calls back.
 * FULL: more than gn_exchange_room; nothing was taken, on_room will come. NO_MEMORY: nothing was taken.
 * LIMIT: more than the length that was promised. */
GN_MUST_CHECK enum gn_err gn_exchange_write(struct gn_exchange *x, struct gn_slice data);
/* Bytes that gn_exchange_write will take now. */
size_t gn_exchange_room(const struct gn_exchange *x);
/* The answer is complete. If bytes that were promised are missing, the connection is cut instead, so that the client
 * notices. May call on_close before it returns. */
void gn_exchange_end(struct gn_exchange *x);
/* Cuts the connection: the client sees that the answer is not complete. May call on_close before it returns. */
void gn_exchange_abort(struct gn_exchange *x);

#endif
