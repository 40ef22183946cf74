/* transport/http/h1.h - the HTTP/1.1 engine: bytes in, events out, for both ends of a connection (RFC 9112).
 *
 * Life: gn_h1_init / gn_h1_fini; it owns a buffer for the head at hand. Threads: one owner. Purity: pure.
 *
 * The driver offers bytes, the engine consumes some and gives one event. A server's sequence for one request is HEAD,
 * any number of BODY, END; then it takes nothing until gn_h1_next, so pipelined requests wait in the driver's buffer,
 * and behind that in the kernel: back-pressure without a queue. A client's sequence is the same for the answer.
 * After REFUSED the connection is beyond repair: answer ev->refusal (a server) and close.
 */
#ifndef GN_TRANSPORT_HTTP_H1_H
#define GN_TRANSPORT_HTTP_H1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/slice.h"
#include "transport/http/h1_chunk.h"
#include "transport/http/h1_head.h"

struct gn_h1_limits {
    size_t head_max;   /* bytes of a head with its start line, and of a trailer section; 0 = 16 KiB */
    size_t target_max; /* 0 = 8 KiB */
    uint64_t body_max; /* 0 = no limit; a server may change it per request (gn_h1_body_max) */
};

enum gn_h1_event_type {
    GN_H1_MORE,    /* everything consumed: offer more */
    GN_H1_HEAD,    /* ev->head: stays valid until gn_h1_next */
    GN_H1_BODY,    /* ev->body: borrowed from the input, never empty */
    GN_H1_END,     /* the message is complete; repeated until gn_h1_next */
    GN_H1_REFUSED, /* ev->refusal; repeated for ever */
};

struct gn_h1_event {
    enum gn_h1_event_type type;
    const struct gn_h1_head *head;
    struct gn_slice body;
    struct gn_h1_refusal refusal;
};

enum gn_h1_state {
    GN_H1_STATE_HEAD,
    GN_H1_STATE_LENGTH,
    GN_H1_STATE_CHUNKS,
    GN_H1_STATE_TRAILER,
    GN_H1_STATE_CLOSE, /* the body ends with the connection */
    GN_H1_STATE_END,
    GN_H1_STATE_REFUSED,
};

struct gn_h1_buffer {
    uint8_t *data;
    size_t len;
    size_t cap;
    unsigned line_ends; /* bytes of "\r\n\r\n" at its end */
};

struct gn_h1 {
    const struct gn_alloc *alloc;
    struct gn_h1_limits limits;
    enum gn_h1_state state;
    bool server;
    bool to_head;              /* client: the request was a HEAD */
    unsigned blank_lines;      /* CRLF in front of a request line, skipped */
    unsigned interims;         /* 1xx answers skipped */
    struct gn_h1_buffer lines; /* of the head; what was handed out borrows from it */
    struct gn_h1_buffer trailer;
    uint64_t left;     /* with LENGTH */
    uint64_t body;     /* bytes of body handed out */
    uint64_t body_max; /* of this message */
    struct gn_h1_chunk chunk;
    struct gn_h1_refusal refusal;
    struct gn_h1_head *head; /* allocated with the first head, kept */
};

/* server: reads requests, else answers. limits is copied. Allocates nothing. */
void gn_h1_init(struct gn_h1 *h, const struct gn_alloc *alloc, bool server, const struct gn_h1_limits *limits);
void gn_h1_fini(struct gn_h1 *h);
/* Consumes from *in, fills *ev. Out of memory is a refusal with status 503. */
void gn_h1_read(struct gn_h1 *h, struct gn_h1_event *ev, struct gn_slice *in);
/* The peer has closed its side. MORE: fine, nothing was at hand. END: that was the end of the body.
 * REFUSED: in the middle of a message; the bytes so far must not be taken for the whole (RFC 9112 section 8). */
void gn_h1_eof(struct gn_h1 *h, struct gn_h1_event *ev);
/* Between HEAD and the next read: the most body bytes this message may have. */
void gn_h1_body_max(struct gn_h1 *h, uint64_t max);
/* Ready for the next message; only after END (or before anything was read). to_head: client, the next request is HEAD.
 * The head handed out before is gone. */
void gn_h1_next(struct gn_h1 *h, bool to_head);
/* No byte of the message at hand was read yet. */
bool gn_h1_is_idle(const struct gn_h1 *h);

#endif
