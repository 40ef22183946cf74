/* tests/support/http_app.h - an HTTP server with a few handlers, chosen by the path, and three hand-driven clients.
 *
 * Life: begin, change config, listen (or start for both), ..., finish. Threads: one. Purity: tests only.
 *
 * /hello 13 bytes at once; /echo a body of at most 1,000; /late is kept for the test to answer; /stream `wanted` bytes
 * in chunks; /upload counts what comes; /short promises more than it gives; /split tries to add a field.
 */
#ifndef GN_TESTS_SUPPORT_HTTP_APP_H
#define GN_TESTS_SUPPORT_HTTP_APP_H

#include <stdbool.h>
#include <uv.h>

#include "tests/support/http_peer.h"
#include "transport/http/uv_http_server.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

struct gn_http_app {
    uv_loop_t loop;
    struct gn_uv_http_server *server;
    struct gn_uv_http_server_config config;
    char folder[64];
    char path[96];
    struct gn_exchange *late[8]; /* of /late: answered by the test */
    size_t late_len;
    unsigned closed;     /* on_close calls */
    unsigned incomplete; /* of them without a complete answer */
    uint64_t produced;   /* by /stream */
    uint64_t wanted;
    uint64_t received; /* by /upload */
    struct gn_exchange *upload;
    bool ended;
    bool drained;
    struct gn_http_peer peers[3];
};

extern const struct gn_http_headers gn_http_app_no_headers;

void gn_http_app_begin(struct gn_http_app *a);
void gn_http_app_listen(struct gn_http_app *a); /* and connects peers[0] */
void gn_http_app_start(struct gn_http_app *a);
void gn_http_app_finish(struct gn_http_app *a);
/* Conditions for gn_http_peer_run, and the callback for a drain. */
bool gn_http_app_one_is_late(void *data);
bool gn_http_app_one_is_incomplete(void *data);
bool gn_http_app_is_drained(void *data);
void gn_http_app_on_drained(void *data);

#endif
