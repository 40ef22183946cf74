/* node/api_node.c - what the node says of itself: identity, settings, reachability, metrics; and its stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "node/machine.h"
#include "node/node_inside.h"

bool gn_api_ready(void *node)
{
    struct gn_node *n = node;
    return !n->draining && n->bootstrap && gn_bootstrap_done(n->bootstrap);
}

void gn_api_stop(void *node, struct gn_api_call *call)
{
    gn_api_done(call, NULL);
    gn_node_stop(node);
}

void gn_api_node_info(void *node, struct gn_api_call *call)
{
    struct gn_node *n = node;
    struct gn_addr listen[2], external[GN_HOST_ADDRS_MAX];
    struct gn_store_stats stats;
    struct gn_host_counters counters;
    gn_host_counters(n->host, &counters);
    enum gn_err err = gn_store_stats(n->store, &stats);
    if (err) {
        gn_api_fail(call, err, gn_store_error_text(n->store));
        return;
    }
    struct gn_api_node info = {
        .id = *gn_host_id(n->host),
        .version = GN_VERSION,
        .network = gn_config_text(n->config, GN_CONF_NETWORK),
        .mode = gn_overlay_is_server(gn_host_overlay(n->host)) ? "server" : "client",
        .data_dir = n->dir.path,
        .api_url = n->api_url,
        .pid = (uint64_t)getpid(),
        .uptime_us = gn_os_clock_now() - n->started,
        .ready = gn_api_ready(n),
        .listen = listen,
        .listen_len = gn_host_listen(n->host, listen),
        .external = external,
        .external_len = gn_host_addrs(n->host, external),
        .peers = gn_overlay_peers_len(gn_host_overlay(n->host)),
        .connections = gn_links_len(gn_host_links(n->host)),
        .records = stats.all.count,
        .record_bytes = stats.all.bytes,
        .files = stats.file_count,
        .bytes_in = counters.udp.bytes_in,
        .bytes_out = counters.udp.bytes_out,
    };
    gn_api_done(call, &info);
}

void gn_api_config(void *node, struct gn_api_call *call)
{
    struct gn_node *n = node;
    struct gn_api_setting items[GN_CONF_KEYS + 2 * GN_CONF_VALUES_MAX]; /* two settings are repeatable */
    size_t len = 0;
    for (size_t k = 0; k < GN_CONF_KEYS; k++) {
        enum gn_config_key key = (enum gn_config_key)k;
        const struct gn_config_row *row = gn_config_row(key);
        size_t values = gn_config_len(n->config, key);
        for (size_t i = 0; i < (values ? values : 1) && len < GN_ARRAY_LEN(items); i++)
            items[len++] = (struct gn_api_setting){.section = row->section,
                                                   .name = row->name,
                                                   .value = gn_config_text_at(n->config, key, i),
                                                   .source = gn_config_source_name(n->config->values[key].source)};
    }
    gn_api_done(call, &(struct gn_api_settings){.items = items, .len = len});
}

/* ---- The doctor ------------------------------------------------------------------------------------------------ */

static void check_sockets(struct gn_node *n, struct gn_machine_report *r)
{
    struct gn_addr bound[2];
    char text[GN_ADDR_TEXT_MAX];
    bool v4 = false, v6 = false;
    size_t len = gn_host_listen(n->host, bound);
    for (size_t i = 0; i < len; i++) {
        gn_addr_print(text, &bound[i]);
        v4 = v4 || bound[i].family == GN_ADDR_V4;
        v6 = v6 || bound[i].family == GN_ADDR_V6;
        gn_machine_say(r, bound[i].family == GN_ADDR_V4 ? "udp4" : "udp6", "ok", NULL, "listening on %s", text);
    }
    if (!v4)
        gn_machine_say(r, "udp4", "warn", "add --listen 0.0.0.0:4747 unless this is meant", "no IPv4 socket");
    if (!v6)
        gn_machine_say(r, "udp6", "warn", "add --listen [::]:4747 unless this is meant", "no IPv6 socket");
}

static void check_peers(struct gn_node *n, struct gn_machine_report *r)
{
    size_t peers = gn_overlay_peers_len(gn_host_overlay(n->host));
    size_t wanted = gn_config_len(n->config, GN_CONF_BOOTSTRAP);
    if (peers > 0)
        gn_machine_say(r, "peers", "ok", NULL, "%zu peers in the routing table", peers);
    else if (wanted == 0)
        gn_machine_say(r, "peers", "warn", "give another node's address with --bootstrap ID@HOST:PORT",
                       "nobody is known and no bootstrap peer is configured");
    else
        gn_machine_say(
            r, "peers", "fail",
            "check that the bootstrap peers run, that UDP gets through, and that network name and key are theirs",
            "nobody is known: none of the %zu bootstrap peers answers", wanted);
}

static void check_packets(struct gn_node *n, struct gn_machine_report *r)
{
    struct gn_host_counters c;
    gn_host_counters(n->host, &c);
    const struct gn_seal_counters *s = gn_host_seal_counters(n->host);
    if (c.udp.packets_out > 10 && c.udp.packets_in == 0)
        gn_machine_say(r, "packets", "fail",
                       "allow UDP for this port in the firewall; compare --network and --network-key",
                       "%llu packets sent, none came back: dropped on the way, or nobody there is of this network",
                       (unsigned long long)c.udp.packets_out);
    else
        gn_machine_say(r, "packets", "ok", NULL, "%llu received, %llu sent, %llu not permitted by a local firewall",
                       (unsigned long long)c.udp.packets_in, (unsigned long long)c.udp.packets_out,
                       (unsigned long long)c.udp.not_permitted);
    if (s->dropped_auth > 100 && s->replies_opened == 0)
        gn_machine_say(r, "network", "fail", "compare --network and --network-key with those of the other nodes",
                       "%llu packets could not be opened: probably another network",
                       (unsigned long long)s->dropped_auth);
    if (c.udp.dropped_full > 0 || c.udp.again > c.udp.calls_out / 10)
        gn_machine_say(r, "buffers", "warn", "raise net.core.wmem_max and net.core.rmem_max",
                       "the kernel's UDP buffers are full at times");
}

static void check_machine(struct gn_node *n, struct gn_machine_report *r)
{
    struct gn_host_counters c;
    gn_host_counters(n->host, &c);
    gn_machine_check_descriptors(r);
    gn_machine_check_disk(r, n->dir.path);
    if (c.store_last_error)
        gn_machine_say(r, "store", "fail", "free some space, then check the log", "the last write failed: %s",
                       gn_store_error_text(n->store));
    else
        gn_machine_say(r, "store", "ok", NULL, "%llu commits, no error", (unsigned long long)c.store_commits);
    gn_machine_check_clock(r);
}

static void tell_report(struct gn_node *n, struct gn_api_call *call, const struct gn_machine_report *r)
{
    struct gn_api_check checks[GN_MACHINE_CHECKS_MAX];
    for (size_t i = 0; i < r->len; i++)
        checks[i] = (struct gn_api_check){.name = r->checks[i].name,
                                          .status = r->checks[i].status,
                                          .text = r->checks[i].text,
                                          .advice = r->checks[i].advice};
    struct gn_addr observed = gn_overlay_observed(gn_host_overlay(n->host));
    struct gn_addr bound[2];
    size_t len = gn_host_listen(n->host, bound);
    bool known = observed.family != GN_ADDR_NONE, same_port = false, own = false;
    struct gn_addr addrs[GN_HOST_ADDRS_MAX];
    size_t addrs_len = gn_host_addrs(n->host, addrs);
    for (size_t i = 0; i < len; i++)
        same_port = same_port || bound[i].port == observed.port;
    for (size_t i = 1; i < addrs_len; i++) /* [0] is the observed one itself, if it is known */
        own = own || gn_addr_same_ip(&addrs[i], &observed);
    bool server = gn_overlay_is_server(gn_host_overlay(n->host));
    struct gn_api_nat nat = {
        .reachability = !known                                            ? "unknown"
                        : server || own || gn_addr_is_loopback(&observed) ? "public"
                                                                          : "behind-nat",
        .mapping = !known      ? "unknown"
                   : same_port ? "port-preserving"
                               : "port-changed",
        .external = &observed,
        .external_len = known ? 1 : 0,
        .checks = checks,
        .checks_len = r->len,
    };
    gn_api_done(call, &nat);
}

void gn_api_nat(void *node, struct gn_api_call *call)
{
    struct gn_machine_report *r = calloc(1, sizeof *r);
    if (!r) {
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return;
    }
    check_sockets(node, r);
    check_peers(node, r);
    check_packets(node, r);
    check_machine(node, r);
    tell_report(node, call, r);
    free(r);
}
