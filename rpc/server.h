/* rpc/server.h - the control API, version 1: routes, authority, JSON; answers come from struct gn_api_ops.
 *
 * Life: gn_rpc_server_new, listen, ..., gn_rpc_server_drain, and when its callback has come gn_rpc_server_free.
 * Threads: the loop's thread. Purity: none (drives transport/http/uv_http_server).
 *
 * Authority: on the Unix socket the file's mode decides, no token is asked. On TCP every route but /healthz and /readyz
 * wants `Authorization: Bearer TOKEN`, compared in constant time. On both, Host must name the listener (on TCP: its
 * address, or localhost / 127.0.0.1 / [::1] with its port) and Origin must be absent or the same origin, so that no web
 * page can drive a node by DNS rebinding or cross-site requests.
 */
#ifndef GN_RPC_SERVER_H
#define GN_RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/time.h"
#include "rpc/api.h"

struct gn_rpc_server;
struct uv_loop_s;

#define GN_RPC_TOKEN_MIN 16U
#define GN_RPC_TOKEN_MAX 128U

struct gn_rpc_server_config {
    const struct gn_alloc *alloc; /* borrowed, outlives the server */
    const struct gn_log *log;     /* borrowed; NULL: silent */
    struct uv_loop_s *loop;       /* borrowed */
    const struct gn_api_ops *ops; /* borrowed */
    void *node;                   /* given to the ops */
    const char *token;            /* copied; GN_RPC_TOKEN_MIN..MAX visible characters; NULL: TCP is refused */
    const char *version;          /* "0.1.0", copied; goes into the Server field */
    size_t connections_max;       /* 0 = 256 */
    size_t body_max;              /* largest JSON or value body; 0 = 1 MiB (files are streamed, not limited) */
    gn_time_us idle_timeout_us;   /* of a kept-alive connection; 0 = 60 s */
};

/* Fills *out. Copies the token. INVALID: a bad token. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_rpc_server_new(struct gn_rpc_server **out, const struct gn_rpc_server_config *config);
/* Listens on a Unix socket of mode 0600. A socket file on which nobody answers is removed first.
 * IN_USE: somebody answers there. INVALID: the path is too long or is no socket. PERMISSION, SYSTEM. */
GN_MUST_CHECK enum gn_err gn_rpc_server_listen_unix(struct gn_rpc_server *s, const char *path);
/* Listens on TCP; port 0 picks one. Fills *bound. IN_USE, PERMISSION; INVALID: there is no token. */
GN_MUST_CHECK enum gn_err gn_rpc_server_listen_tcp(struct gn_rpc_server *s, struct gn_addr *bound,
                                                   const struct gn_addr *addr);
/* Stops to accept, lets requests in flight finish, closes what is left after timeout_us, removes the socket file.
 * done(data) comes once, from the loop, also when nothing was open. Calls that the node has not finished by then are
 * marked gone (cancel is called): the node must finish them before gn_rpc_server_free. */
void gn_rpc_server_drain(struct gn_rpc_server *s, gn_time_us timeout_us, void (*done)(void *data), void *data);
/* After drain's callback. NULL is fine. */
void gn_rpc_server_free(struct gn_rpc_server *s);

#endif
