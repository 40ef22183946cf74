/* node/api_metrics.c - every counter as a Prometheus sample. */
#include <stddef.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "node/node_inside.h"

/* One counter: a field of a struct of counters, as one sample of `name`. Rows of one name stand together. */
struct row {
    const char *name, *help, *label, *value;
    size_t offset;
};

#define ROW(type, field, name, help, label, value) \
    { \
        name, help, label, value, offsetof(struct type, field) \
    }

static const struct row overlay_rows[] = {
    ROW(gn_overlay_counters, queries_sent, "ghostnet_dht_queries_total", "DHT queries.", "direction", "out"),
    ROW(gn_overlay_counters, queries_received, "ghostnet_dht_queries_total", "DHT queries.", "direction", "in"),
    ROW(gn_overlay_counters, replies_sent, "ghostnet_dht_replies_total", "DHT replies.", "direction", "out"),
    ROW(gn_overlay_counters, replies_received, "ghostnet_dht_replies_total", "DHT replies.", "direction", "in"),
    ROW(gn_overlay_counters, replies_late, "ghostnet_dht_late_replies_total", "Replies after the soft timeout.", NULL,
        NULL),
    ROW(gn_overlay_counters, timeouts_soft, "ghostnet_dht_timeouts_total", "Queries without an answer in time.", "kind",
        "soft"),
    ROW(gn_overlay_counters, timeouts_hard, "ghostnet_dht_timeouts_total", "Queries without an answer in time.", "kind",
        "hard"),
    ROW(gn_overlay_counters, retransmits, "ghostnet_dht_retransmits_total", "Queries sent again.", NULL, NULL),
    ROW(gn_overlay_counters, lookups_started, "ghostnet_lookups_total", "Lookups by outcome.", "state", "started"),
    ROW(gn_overlay_counters, lookups_done, "ghostnet_lookups_total", "Lookups by outcome.", "state", "done"),
    ROW(gn_overlay_counters, lookups_failed, "ghostnet_lookups_total", "Lookups by outcome.", "state", "failed"),
    ROW(gn_overlay_counters, stores_accepted, "ghostnet_stores_total", "Records that others asked us to keep.",
        "outcome", "accepted"),
    ROW(gn_overlay_counters, stores_refused, "ghostnet_stores_total", "Records that others asked us to keep.",
        "outcome", "refused"),
    ROW(gn_overlay_counters, stores_quota, "ghostnet_stores_total", "Records that others asked us to keep.", "outcome",
        "quota"),
    ROW(gn_overlay_counters, tokens_bad, "ghostnet_dht_bad_total", "Bad input from peers.", "what", "token"),
    ROW(gn_overlay_counters, records_bad, "ghostnet_dht_bad_total", "Bad input from peers.", "what", "record"),
    ROW(gn_overlay_counters, malformed, "ghostnet_dht_bad_total", "Bad input from peers.", "what", "body"),
    ROW(gn_overlay_counters, rate_limited, "ghostnet_dht_rate_limited_total", "Queries over the limit of an address.",
        NULL, NULL),
    ROW(gn_overlay_counters, contacts_added, "ghostnet_contacts_total", "Changes of the routing table.", "change",
        "added"),
    ROW(gn_overlay_counters, contacts_replaced, "ghostnet_contacts_total", "Changes of the routing table.", "change",
        "replaced"),
    ROW(gn_overlay_counters, contacts_dropped, "ghostnet_contacts_total", "Changes of the routing table.", "change",
        "dropped"),
    ROW(gn_overlay_counters, contacts_refused_diversity, "ghostnet_contacts_total", "Changes of the routing table.",
        "change", "refused"),
    ROW(gn_overlay_counters, republished, "ghostnet_republished_total", "Records published again.", NULL, NULL),
    ROW(gn_overlay_counters, expired, "ghostnet_expired_total", "Records dropped at their expiry.", NULL, NULL),
    ROW(gn_overlay_counters, probes_sent, "ghostnet_probes_total", "Dial-back probes.", "direction", "asked"),
    ROW(gn_overlay_counters, probes_answered, "ghostnet_probes_total", "Dial-back probes.", "direction", "answered"),
};

static const struct row seal_rows[] = {
    ROW(gn_seal_counters, dropped_malformed, "ghostnet_sealed_dropped_total", "Sealed datagrams dropped.", "reason",
        "malformed"),
    ROW(gn_seal_counters, dropped_auth, "ghostnet_sealed_dropped_total", "Sealed datagrams dropped.", "reason", "auth"),
    ROW(gn_seal_counters, dropped_unknown, "ghostnet_sealed_dropped_total", "Sealed datagrams dropped.", "reason",
        "unknown"),
    ROW(gn_seal_counters, dropped_rate, "ghostnet_sealed_dropped_total", "Sealed datagrams dropped.", "reason", "rate"),
    ROW(gn_seal_counters, rekeys_sent, "ghostnet_sealed_rekeys_total", "REKEY datagrams.", "direction", "out"),
    ROW(gn_seal_counters, rekeys_taken, "ghostnet_sealed_rekeys_total", "REKEY datagrams.", "direction", "in"),
    ROW(gn_seal_counters, retries_sent, "ghostnet_sealed_retries_total", "RETRY datagrams.", "direction", "out"),
    ROW(gn_seal_counters, retries_taken, "ghostnet_sealed_retries_total", "RETRY datagrams.", "direction", "in"),
    ROW(gn_seal_counters, dh_done, "ghostnet_sealed_key_agreements_total", "X25519 key agreements.", NULL, NULL),
};

static const struct row host_rows[] = {
    ROW(gn_host_counters, udp.packets_in, "ghostnet_udp_packets_total", "UDP datagrams.", "direction", "in"),
    ROW(gn_host_counters, udp.packets_out, "ghostnet_udp_packets_total", "UDP datagrams.", "direction", "out"),
    ROW(gn_host_counters, udp.bytes_in, "ghostnet_udp_bytes_total", "Bytes of UDP payload.", "direction", "in"),
    ROW(gn_host_counters, udp.bytes_out, "ghostnet_udp_bytes_total", "Bytes of UDP payload.", "direction", "out"),
    ROW(gn_host_counters, udp.dropped_full, "ghostnet_udp_dropped_total", "Datagrams not sent.", "reason", "full"),
    ROW(gn_host_counters, udp.too_big, "ghostnet_udp_dropped_total", "Datagrams not sent.", "reason", "too_big"),
    ROW(gn_host_counters, udp.not_permitted, "ghostnet_udp_dropped_total", "Datagrams not sent.", "reason",
        "not_permitted"),
    ROW(gn_host_counters, udp.unreachable, "ghostnet_udp_dropped_total", "Datagrams not sent.", "reason",
        "unreachable"),
    ROW(gn_host_counters, quic.handshakes_done, "ghostnet_quic_handshakes_total", "QUIC handshakes.", "outcome",
        "done"),
    ROW(gn_host_counters, quic.handshakes_failed, "ghostnet_quic_handshakes_total", "QUIC handshakes.", "outcome",
        "failed"),
    ROW(gn_host_counters, quic.handshakes_timed_out, "ghostnet_quic_handshakes_total", "QUIC handshakes.", "outcome",
        "timeout"),
    ROW(gn_host_counters, quic.dropped_stranger, "ghostnet_quic_dropped_total", "QUIC datagrams dropped.", "reason",
        "stranger"),
    ROW(gn_host_counters, quic.dropped_malformed, "ghostnet_quic_dropped_total", "QUIC datagrams dropped.", "reason",
        "malformed"),
    ROW(gn_host_counters, quic.dropped_unknown, "ghostnet_quic_dropped_total", "QUIC datagrams dropped.", "reason",
        "unknown"),
    ROW(gn_host_counters, quic.path_changes, "ghostnet_quic_path_changes_total",
        "Validated changes of a peer's address.", NULL, NULL),
    ROW(gn_host_counters, store_commits, "ghostnet_store_commits_total", "Commits of the store.", NULL, NULL),
    ROW(gn_host_counters, store_errors, "ghostnet_store_errors_total", "Failed writes of the store.", NULL, NULL),
};

static void emit_rows(const struct row *rows, size_t len, const void *counters, gn_api_metric_fn emit, void *data)
{
    for (size_t i = 0; i < len; i++) {
        const uint64_t *value = (const uint64_t *)(const void *)((const char *)counters + rows[i].offset);
        emit(data, &(struct gn_api_metric){.name = rows[i].name,
                                           .help = rows[i].help,
                                           .type = GN_API_COUNTER,
                                           .label = rows[i].label,
                                           .label_value = rows[i].value,
                                           .value = (double)*value});
    }
}

static const struct row files_rows[] = {
    ROW(gn_files_stats, fetched_bytes, "ghostnet_file_bytes_total", "Bytes of files, verified or sent.", "direction",
        "in"),
    ROW(gn_files_stats, served_bytes, "ghostnet_file_bytes_total", "Bytes of files, verified or sent.", "direction",
        "out"),
};

static void gauge(gn_api_metric_fn emit, void *data, const char *name, const char *help, double value)
{
    emit(data, &(struct gn_api_metric){.name = name, .help = help, .type = GN_API_GAUGE, .value = value});
}

void gn_api_metrics(void *node, gn_api_metric_fn emit, void *data)
{
    struct gn_node *n = node;
    struct gn_overlay *overlay = gn_host_overlay(n->host);
    struct gn_host_counters host;
    struct gn_store_stats stats;
    gn_host_counters(n->host, &host);
    emit_rows(overlay_rows, GN_ARRAY_LEN(overlay_rows), gn_overlay_counters(overlay), emit, data);
    emit_rows(seal_rows, GN_ARRAY_LEN(seal_rows), gn_host_seal_counters(n->host), emit, data);
    emit_rows(host_rows, GN_ARRAY_LEN(host_rows), &host, emit, data);
    if (n->files) {
        struct gn_files_stats files;
        gn_files_stats(n->files, &files);
        emit_rows(files_rows, GN_ARRAY_LEN(files_rows), &files, emit, data);
        gauge(emit, data, "ghostnet_transfers", "Files and folders being fetched.", (double)files.transfers);
        gauge(emit, data, "ghostnet_file_streams", "Streams of peers that fetch from us.", (double)files.streams);
    }
    gauge(emit, data, "ghostnet_uptime_seconds", "Time since the start.",
          (double)(gn_os_clock_now() - n->started) / 1e6);
    gauge(emit, data, "ghostnet_peers", "Peers in the routing table.", (double)gn_overlay_peers_len(overlay));
    gauge(emit, data, "ghostnet_connections", "Open QUIC connections.", (double)gn_links_len(gn_host_links(n->host)));
    gauge(emit, data, "ghostnet_operations", "Running operations.", (double)gn_overlay_ops_len(overlay));
    gauge(emit, data, "ghostnet_dht_server", "1 when this node serves the DHT.", gn_overlay_is_server(overlay) ? 1 : 0);
    if (gn_store_stats(n->store, &stats) == GN_OK) {
        gauge(emit, data, "ghostnet_records", "Records held.", (double)stats.all.count);
        gauge(emit, data, "ghostnet_record_bytes", "Bytes of records held.", (double)stats.all.bytes);
        gauge(emit, data, "ghostnet_records_owned", "Records of this node's user.", (double)stats.owned.count);
        gauge(emit, data, "ghostnet_files", "Files shared or fetched.", (double)stats.file_count);
    }
}
