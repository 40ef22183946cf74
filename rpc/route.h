/* rpc/route.h - the routes of the API: one begin function each; shared by server.c and the route files only.
 *
 * Life: constants. Threads: the loop's thread. Purity: pure.
 */
#ifndef GN_RPC_ROUTE_H
#define GN_RPC_ROUTE_H

#include "rpc/task.h"

enum gn_rpc_body {
    GN_RPC_BODY_NONE,  /* `begin` is called with the head; a body is ignored */
    GN_RPC_BODY_JSON,  /* `begin` gets the body: application/json, at most 64 KiB */
    GN_RPC_BODY_BYTES, /* `begin` gets the body: application/octet-stream, at most body_max */
    GN_RPC_BODY_OWN,   /* `begin` is called with the head and takes the body itself */
};

struct gn_rpc_route {
    enum gn_http_method method;
    const char *pattern;
    enum gn_rpc_body body;
    bool open; /* no token is asked */
    void (*begin)(struct gn_rpc_task *t, struct gn_slice body);
};

/* route_node.c */
void gn_rpc_route_node(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_stop(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_config(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_nat(struct gn_rpc_task *t, struct gn_slice body);
/* route_metrics.c */
void gn_rpc_route_metrics(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_healthz(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_readyz(struct gn_rpc_task *t, struct gn_slice body);
/* route_peers.c */
void gn_rpc_route_peers(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_peer_connect(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_peer_forget(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_peer_ping(struct gn_rpc_task *t, struct gn_slice body);
/* route_find.c, route_records.c */
void gn_rpc_route_find(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_record_put(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_record_get(struct gn_rpc_task *t, struct gn_slice body);
/* route_kv.c */
void gn_rpc_route_kv_list(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_kv_get(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_kv_put(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_kv_del(struct gn_rpc_task *t, struct gn_slice body);
/* route_files.c */
void gn_rpc_route_share(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_files(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_unshare(struct gn_rpc_task *t, struct gn_slice body);
/* route_upload.c, route_download.c */
void gn_rpc_route_upload(struct gn_rpc_task *t);
void gn_rpc_route_download(struct gn_rpc_task *t, struct gn_slice body);
/* route_transfers.c */
void gn_rpc_route_fetch(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_transfers(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_transfer(struct gn_rpc_task *t, struct gn_slice body);
void gn_rpc_route_transfer_cancel(struct gn_rpc_task *t, struct gn_slice body);

/* Parts of answers that several routes share. They give; NULL: out of memory. */
json_t *gn_rpc_route_file_json(const struct gn_api_file *f);
json_t *gn_rpc_route_peer_json(const struct gn_api_peer *p);
json_t *gn_rpc_route_contact_json(const struct gn_contact *c); /* {id, address} */

#endif
