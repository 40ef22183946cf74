/* tests/support/api_rig.h - the control API over real sockets with a fake node behind it, and two hand-driven clients.
 *
 * Life: begin, ask ..., finish. Threads: one: the loop runs inside the waiting functions. Purity: tests only.
 */
#ifndef GN_TESTS_SUPPORT_API_RIG_H
#define GN_TESTS_SUPPORT_API_RIG_H

#include <stdbool.h>
#include <uv.h>

#include "rpc/server.h"
#include "tests/support/fake_api.h"
#include "tests/support/http_peer.h"

#define GN_API_RIG_TOKEN "correct-horse-battery-staple"

/* gn_fake_api_root, the peer of the fake, and the key of its record, as text */
#define ROOT "a4dqoaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PEER "beaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY "aucqaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
/* fields, to be put behind a request line */
#define JSON "\r\nContent-Type: application/json"
#define BYTES "\r\nContent-Type: application/octet-stream"
#define LINES "\r\nAccept: application/x-ndjson"
#define AUTH "\r\nAuthorization: Bearer " GN_API_RIG_TOKEN

struct gn_api_rig {
    uv_loop_t loop;
    struct gn_rpc_server *server;
    struct gn_fake_api node;
    char folder[64];
    char path[96];
    struct gn_addr tcp;
    struct gn_http_peer unix_peer;
    struct gn_http_peer tcp_peer;
    bool drained;
};

void gn_api_rig_begin(struct gn_api_rig *r, const struct gn_api_ops *ops);
void gn_api_rig_finish(struct gn_api_rig *r);
/* Asks over the Unix socket, on a connection that stays: a request line with more fields, and a body. Fails the test
 * unless the answer contains `want`. */
void gn_api_rig_ask(struct gn_api_rig *r, const char *head, const char *body, const char *want);
/* The last answer contains this too. */
void gn_api_rig_must_hold(const struct gn_api_rig *r, const char *text);
/* One request over TCP on a connection of its own; every % in head becomes the port. The status of its answer. */
unsigned gn_api_rig_tcp_status(struct gn_api_rig *r, const char *head);

#endif
