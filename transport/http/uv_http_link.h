/* transport/http/uv_http_link.h - one connection of the client; shared by uv_http_client and uv_http_link only.
 *
 * Life: from open until libuv has closed it, which frees it; the client may have opened another one meanwhile.
 * Threads: the loop's thread. Purity: none.
 */
#ifndef GN_TRANSPORT_HTTP_UV_HTTP_LINK_H
#define GN_TRANSPORT_HTTP_UV_HTTP_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>
#include <uv.h>

#include "transport/http/buffer.h"
#include "transport/http/h1.h"
#include "transport/http/uv_http_client.h"

#define GN_UV_HTTP_LINK_READ_MAX 65536U

struct gn_uv_http_link {
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
        uv_handle_t handle;
    } u;
    uv_connect_t connect;
    uv_write_t write;
    struct gn_uv_http_client *client; /* NULL: given up */
    const struct gn_alloc *alloc;
    struct gn_buffer flight;
    bool used; /* an answer has come on it */
};

struct gn_uv_http_client {
    struct gn_uv_http_client_config config;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char host[256];
    uv_timer_t timer;
    struct gn_uv_http_link *link; /* NULL: none */
    bool connected;
    bool reading;
    struct gn_h1 h1;
    struct gn_buffer out;      /* not yet with libuv */
    struct gn_buffer again;    /* the whole request, to repeat it on a new connection */
    struct gn_uv_http_ask ask; /* callbacks and options of the request under way */
    bool busy;
    bool to_head;
    bool repeatable;
    bool sent_all; /* streams: the end was written */
    bool low;      /* the streamer waits for on_room */
    bool answered; /* bytes of the answer have come */
    bool paused;
    bool send_broken;    /* the server takes no more; its answer may still be there to read */
    enum gn_err pending; /* to finish with, as soon as the loop is back */
    bool closing;
    bool timer_closed;
    unsigned links; /* not yet closed by libuv */
    void (*closed)(void *data);
    void *closed_data;
    uint8_t read_buffer[GN_UV_HTTP_LINK_READ_MAX];
};

/* uv_http_link.c */

/* Begins to connect; c->link is the new one. NO_MEMORY, UNREACHABLE, DESCRIPTORS, ... */
GN_MUST_CHECK enum gn_err gn_uv_http_link_open(struct gn_uv_http_client *c);
void gn_uv_http_link_drop(struct gn_uv_http_client *c);  /* closes it; nothing happens without one */
void gn_uv_http_link_flush(struct gn_uv_http_client *c); /* c->out leaves, as soon as that is possible */
void gn_uv_http_link_read(struct gn_uv_http_client *c);  /* reads, unless paused */

/* uv_http_client.c */

void gn_uv_http_client_finish(struct gn_uv_http_client *c, enum gn_err err); /* on_done, from the loop */
void gn_uv_http_client_moved(struct gn_uv_http_client *c);                   /* bytes have moved: the timer */
void gn_uv_http_client_link_closed(struct gn_uv_http_client *c);

#endif
