/* rpc/server_inside.h - the server's own memory; shared by server.c, task.c and the route files only.
 *
 * Life: see rpc/server.h. Threads: the loop's thread. Purity: declarations only.
 */
#ifndef GN_RPC_SERVER_INSIDE_H
#define GN_RPC_SERVER_INSIDE_H

#include "base/id.h"
#include "base/list.h"
#include "rpc/server.h"

struct gn_uv_http_server;

struct gn_rpc_server {
    struct gn_rpc_server_config config;
    struct gn_uv_http_server *http;
    struct gn_list tasks;
    struct gn_id token_hash;
    char name[64]; /* "ghostnet/0.1.0" */
    uint64_t requests;
    uint64_t denied; /* by the guard */
};

#endif
