/* node/node_inside.h - the inside of the daemon: what node.c, bootstrap.c, watch.c and the api_*.c share.
 *
 * Life: see node/node.h. Threads: the loop's. Purity: none.
 */
#ifndef GN_NODE_NODE_INSIDE_H
#define GN_NODE_NODE_INSIDE_H

#include <uv.h>

#include "base/backoff.h"
#include "base/os_log.h"
#include "node/config.h"
#include "node/files/files.h"
#include "node/host.h"
#include "node/node.h"
#include "node/os_datadir.h"
#include "overlay/sodium_crypto.h"
#include "rpc/api.h"
#include "rpc/server.h"
#include "storage/store.h"

struct gn_bootstrap;
struct gn_watch;

struct gn_node {
    uv_loop_t loop;
    const struct gn_config *config;
    struct gn_datadir dir;
    struct gn_os_log log_sink;
    struct gn_log log;
    struct gn_store *store;
    struct gn_uv_udp_pool *pool;
    struct gn_host *host;
    struct gn_files *files;
    struct gn_rpc_server *rpc;
    struct gn_bootstrap *bootstrap;
    struct gn_watch *watch;
    struct gn_crypto crypto; /* signs the user's records */
    struct gn_sodium_identity identity;
    uv_signal_t sigint, sigterm, sighup;
    uv_timer_t deadline; /* of the drain */
    uv_timer_t upkeep;
    bool loop_ready, log_ready, signals_ready;
    gn_time_us started;
    char api_url[GN_ADDR_TEXT_MAX + 8];
    bool ready_told; /* the line on stdout */
    bool draining;
    unsigned draining_parts;
    enum gn_err err; /* first fatal one */
};

extern const struct gn_api_ops gn_node_api_ops;

/* Begins the end: stop taking requests, finish those in flight, close. May be called again. */
void gn_node_stop(struct gn_node *n);
/* The bootstrap's first round is over, or there was none: tells the world that the node is ready. */
void gn_node_tell_ready(struct gn_node *n);

/* bootstrap.c: joins through the configured peers, again with backoff while nobody is known. */
GN_MUST_CHECK enum gn_err gn_bootstrap_new(struct gn_bootstrap **out, struct gn_node *n);
bool gn_bootstrap_done(const struct gn_bootstrap *b); /* joined once, or nobody to join */
bool gn_bootstrap_is_peer(const struct gn_bootstrap *b, const struct gn_addr *addr);
void gn_bootstrap_close(struct gn_bootstrap *b);
/* Resolves "ID@HOST:PORT" or "HOST:PORT" and queries it; fn is called once, with the peer or an error. */
typedef void (*gn_bootstrap_fn)(void *data, enum gn_err err, const struct gn_contact *peer, gn_time_us rtt_us);
GN_MUST_CHECK enum gn_err gn_bootstrap_peer(struct gn_node *n, const char *text, gn_bootstrap_fn fn, void *data);

/* watch.c: netlink, suspends and clock jumps become gn_host_network_changed. */
GN_MUST_CHECK enum gn_err gn_watch_new(struct gn_watch **out, struct gn_node *n);
void gn_watch_close(struct gn_watch *w);

/* api_*.c */
void gn_api_node_info(void *node, struct gn_api_call *call);
void gn_api_config(void *node, struct gn_api_call *call);
void gn_api_nat(void *node, struct gn_api_call *call);
void gn_api_stop(void *node, struct gn_api_call *call);
bool gn_api_ready(void *node);
void gn_api_metrics(void *node, gn_api_metric_fn emit, void *data);
void gn_api_peers(void *node, struct gn_api_call *call);
void gn_api_peer_connect(void *node, struct gn_api_call *call, const struct gn_api_connect *req);
void gn_api_peer_forget(void *node, struct gn_api_call *call, const struct gn_id *id);
void gn_api_peer_ping(void *node, struct gn_api_call *call, const struct gn_id *id);
void gn_api_dht_find(void *node, struct gn_api_call *call, const struct gn_api_find *req);
void gn_api_record_put(void *node, struct gn_api_call *call, const struct gn_api_record_put *req);
void gn_api_record_get(void *node, struct gn_api_call *call, const struct gn_id *key);
void gn_api_kv_get(void *node, struct gn_api_call *call, const struct gn_api_kv_key *req);
void gn_api_kv_put(void *node, struct gn_api_call *call, const struct gn_api_kv_write *req);
void gn_api_kv_del(void *node, struct gn_api_call *call, const struct gn_api_kv_write *req);
void gn_api_kv_list(void *node, struct gn_api_call *call, const struct gn_api_kv_list *req);
void gn_api_share(void *node, struct gn_api_call *call, const struct gn_api_share *req);
void gn_api_upload_open(void *node, struct gn_api_call *call, const struct gn_api_share *req);
void gn_api_upload_write(void *node, struct gn_api_call *call, const struct gn_api_chunk *req);
void gn_api_upload_commit(void *node, struct gn_api_call *call, const struct gn_api_handle *req);
void gn_api_upload_abort(void *node, uint64_t handle);
void gn_api_files(void *node, struct gn_api_call *call);
void gn_api_unshare(void *node, struct gn_api_call *call, const struct gn_id *root);
void gn_api_file_open(void *node, struct gn_api_call *call, const struct gn_id *root);
void gn_api_file_read(void *node, struct gn_api_call *call, const struct gn_api_read *req);
void gn_api_file_close(void *node, uint64_t handle);
void gn_api_fetch(void *node, struct gn_api_call *call, const struct gn_api_fetch *req);
void gn_api_transfers(void *node, struct gn_api_call *call);
void gn_api_transfer_watch(void *node, struct gn_api_call *call, uint64_t id);
void gn_api_transfer_cancel(void *node, struct gn_api_call *call, uint64_t id);

#endif
