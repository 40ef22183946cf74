/* node/api.c - the table of what this node answers. */
#include "node/node_inside.h"

#define FILES(op) .op = gn_files_api_##op

const struct gn_api_ops gn_node_api_ops = {
    .node_info = gn_api_node_info,
    .config = gn_api_config,
    .nat = gn_api_nat,
    .peers = gn_api_peers,
    .peer_connect = gn_api_peer_connect,
    .peer_forget = gn_api_peer_forget,
    .peer_ping = gn_api_peer_ping,
    .dht_find = gn_api_dht_find,
    .record_put = gn_api_record_put,
    .record_get = gn_api_record_get,
    .kv_get = gn_api_kv_get,
    .kv_put = gn_api_kv_put,
    .kv_del = gn_api_kv_del,
    .kv_list = gn_api_kv_list,
    .stop = gn_api_stop,
    .ready = gn_api_ready,
    .metrics = gn_api_metrics,
};
