/* tests/support/http_peer.h - a hand-driven client: a plain socket, while the server's loop runs in the same thread.
 *
 * Life: connect, ..., close. Threads: one. Purity: tests only.
 *
 * The wait functions run the loop until something is true, and give up after five seconds.
 */
#ifndef GN_TESTS_SUPPORT_HTTP_PEER_H
#define GN_TESTS_SUPPORT_HTTP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/addr.h"

struct gn_http_peer {
    uv_loop_t *loop;
    int fd;
    bool eof;
    size_t len;      /* of got */
    size_t total;    /* bytes received, also those that were dropped */
    char got[65536]; /* NUL-terminated; when full, the rest is counted and dropped */
};

bool gn_http_peer_unix(struct gn_http_peer *p, uv_loop_t *loop, const char *path);
bool gn_http_peer_tcp(struct gn_http_peer *p, uv_loop_t *loop, const struct gn_addr *addr);
/* Sends all of it, running the loop while the socket is full. False: the server has closed, or five seconds passed. */
bool gn_http_peer_send(struct gn_http_peer *p, const void *data, size_t len);
bool gn_http_peer_say(struct gn_http_peer *p, const char *text);
/* Receives until got contains the text; false at the end of the stream. */
bool gn_http_peer_expect(struct gn_http_peer *p, const char *text);
bool gn_http_peer_expect_total(struct gn_http_peer *p, size_t total);
bool gn_http_peer_expect_eof(struct gn_http_peer *p);
void gn_http_peer_forget(struct gn_http_peer *p); /* empties got */
void gn_http_peer_close(struct gn_http_peer *p);
/* Runs the loop until the condition holds. */
bool gn_http_peer_run(uv_loop_t *loop, bool (*condition)(void *data), void *data);
/* Runs the loop through everything that can happen now, without waiting for time to pass. */
void gn_http_peer_settle(uv_loop_t *loop);

#endif
