/* transport/http/uv_http_conn.h - one accepted connection of the server; shared by uv_http_server, _conn and _out only.
 *
 * Life: from accept to libuv's close callback, which frees it. Threads: the loop's thread. Purity: none.
 */
#ifndef GN_TRANSPORT_HTTP_UV_HTTP_CONN_H
#define GN_TRANSPORT_HTTP_UV_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "transport/http/buffer.h"
#include "transport/http/exchange.h"
#include "transport/http/h1.h"
#include "transport/http/h1_write.h"
#include "transport/http/uv_http_server.h"

struct gn_uv_http_listener {
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
        uv_handle_t handle;
    } u;
    struct gn_uv_http_server *server;
    struct gn_list_node node;
    uv_tcp_t spare_tcp; /* to get rid of a connection without memory for it; libuv accepts nothing more until then */
    uv_pipe_t spare_pipe;
    bool spare_busy;
    bool spare_wanted;
    bool closed;
    bool is_unix;
    struct gn_addr addr;
    uint64_t dev;
    uint64_t ino;
    char *path; /* owned */
};

enum gn_uv_http_answer {
    GN_UV_HTTP_WAITING, /* for the handler */
    GN_UV_HTTP_STARTED,
    GN_UV_HTTP_ENDED, /* by the handler; maybe not flushed yet */
};

struct gn_uv_http_conn {
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
        uv_handle_t handle;
    } u;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct gn_uv_http_server *server;
    struct gn_list_node node;   /* of the server's connections */
    struct gn_list_node kicked; /* of those that want gn_uv_http_conn_pump */
    struct gn_h1 h1;
    struct gn_exchange x;
    struct gn_buffer stash;  /* read, not yet consumed */
    struct gn_buffer out;    /* written, not yet given to libuv */
    struct gn_buffer flight; /* with libuv */
    struct gn_buffer body;   /* gn_exchange_collect */
    struct gn_addr local;
    struct gn_addr peer;
    uint64_t progress_ms; /* of the last byte that moved, or the start of the phase */
    size_t flight_left;   /* at the last look, to notice a client that takes nothing */
    enum gn_uv_http_answer answer;
    bool is_unix;
    bool reading;
    bool eof;
    bool busy;         /* x is a live exchange */
    bool request_done; /* its body is read */
    bool want_whole;
    bool want_stream;
    bool paused;
    bool chunked;     /* the answer is */
    bool low;         /* little room is left: the handler waits for on_room */
    bool close_after; /* no further request on this connection */
    bool pumping;
    bool lingering; /* answered, our side is shut down, waiting for the client to close */
    bool closing;
};

struct gn_uv_http_server {
    struct gn_uv_http_server_config config;
    char server_name[64];
    uv_timer_t sweep; /* looks at deadlines while there are connections */
    uv_idle_t kick;   /* runs while `kicked` is not empty */
    struct gn_list listeners;
    struct gn_list conns;
    struct gn_list kicked;
    unsigned handles; /* of libuv, still open */
    size_t open[2];   /* connections: of TCP, of Unix sockets */
    struct gn_uv_http_server_counters counters;
    bool draining;
    bool closed;
    uint64_t drain_until_ms;
    void (*done)(void *data);
    void *done_data;
    uint64_t date_s; /* of `date` */
    char date[GN_H1_DATE_LEN + 1];
    uint8_t read_buffer[GN_UV_HTTP_READ_MAX]; /* of whichever connection reads: idle ones hold no memory */
};

/* Takes over the accepted stream in c->u. */
void gn_uv_http_conn_begin(struct gn_uv_http_conn *c);
/* Moves on: consumes what was read, ends what is answered, flushes. */
void gn_uv_http_conn_pump(struct gn_uv_http_conn *c);
/* Pumps soon, from the loop: for calls of handlers, which must not be called back inside. */
void gn_uv_http_conn_kick(struct gn_uv_http_conn *c);
/* At once; the exchange is told later, from the loop. */
void gn_uv_http_conn_close(struct gn_uv_http_conn *c);
/* The timeouts. */
void gn_uv_http_conn_sweep(struct gn_uv_http_conn *c, uint64_t now_ms);
/* Tells the handler that its exchange is over. */
void gn_uv_http_conn_end_exchange(struct gn_uv_http_conn *c, bool complete);

/* uv_http_out.c */
extern const struct gn_exchange_carrier gn_uv_http_out_carrier;
/* Sends what waits; false when the connection is broken. */
bool gn_uv_http_out_flush(struct gn_uv_http_conn *c);
bool gn_uv_http_out_is_empty(const struct gn_uv_http_conn *c);
/* The carrier's own answers. */
void gn_uv_http_out_refuse(struct gn_uv_http_conn *c, const struct gn_h1_refusal *why);
void gn_uv_http_out_continue(struct gn_uv_http_conn *c);
/* uv_http_server.c */
const char *gn_uv_http_server_date(struct gn_uv_http_server *s);
void gn_uv_http_server_handle_closed(struct gn_uv_http_server *s);
void gn_uv_http_server_enqueue(struct gn_uv_http_conn *c);

#endif
