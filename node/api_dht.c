/* node/api_dht.c - peers, pings and lookups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "node/api_op.h"
#include "node/node_inside.h"
#include "overlay/msg/record.h"

/* ---- Peers ----------------------------------------------------------------------------------------------------- */

static struct gn_api_peer peer_of(struct gn_node *n, const struct gn_peer_info *p, gn_time_us now)
{
    bool connected = gn_links_connected(gn_host_links(n->host), &p->contact.id);
    return (struct gn_api_peer){
        .contact = p->contact,
        .state = p->replacement ? "spare"
                 : p->live      ? "good"
                 : p->misses    ? "silent"
                                : "questionable",
        .rtt_us = p->srtt_us,
        .seen_ago_us = p->last_seen ? gn_time_sub(now, p->last_seen) : GN_TIME_NEVER,
        .common_bits = p->bucket,
        .connected = connected,
        .bootstrap = n->bootstrap && gn_bootstrap_is_peer(n->bootstrap, &p->contact.addr),
    };
}

/* All peers of the table; free it. NULL: none, or no memory (*len tells how many there are). */
static struct gn_peer_info *table_peers(struct gn_node *n, size_t *len)
{
    struct gn_overlay *o = gn_host_overlay(n->host);
    *len = gn_overlay_peers(o, NULL, 0);
    struct gn_peer_info *peers = *len ? calloc(*len, sizeof *peers) : NULL;
    if (peers)
        *len = gn_overlay_peers(o, peers, *len);
    return peers;
}

void gn_api_peers(void *node, struct gn_api_call *call)
{
    struct gn_node *n = node;
    size_t len = 0;
    struct gn_peer_info *peers = table_peers(n, &len);
    struct gn_api_peer *items = peers ? calloc(len, sizeof *items) : NULL;
    if (len > 0 && !items) {
        free(peers);
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return;
    }
    gn_time_us now = gn_os_clock_now();
    for (size_t i = 0; i < len; i++)
        items[i] = peer_of(n, &peers[i], now);
    gn_api_done(call, &(struct gn_api_peers){.items = items, .len = len});
    free(items);
    free(peers);
}

static bool find_peer(struct gn_node *n, struct gn_contact *out, const struct gn_id *id)
{
    size_t len = 0;
    bool found = false;
    struct gn_peer_info *peers = table_peers(n, &len);
    for (size_t i = 0; peers && i < len && !found; i++)
        if (gn_id_eq(&peers[i].contact.id, id)) {
            *out = peers[i].contact;
            found = true;
        }
    free(peers);
    return found;
}

void gn_api_peer_forget(void *node, struct gn_api_call *call, const struct gn_id *id)
{
    struct gn_node *n = node;
    struct gn_contact contact;
    if (!find_peer(n, &contact, id)) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such peer in the routing table");
        return;
    }
    gn_op_id op = 0;
    struct gn_command command = {.type = GN_CMD_FORGET, .contact = contact};
    enum gn_err err = gn_host_command(n->host, &op, &command, NULL, NULL);
    if (err)
        gn_api_fail(call, err, NULL);
    else
        gn_api_done(call, NULL);
}

/* A call that waits for gn_bootstrap_peer. The asker may leave: the join goes on, its end finishes the call. */
struct connecting {
    struct gn_node *node;
    struct gn_api_call *call;
};

static void on_joined(void *data, enum gn_err err, const struct gn_contact *peer, gn_time_us rtt)
{
    struct connecting *c = data;
    struct gn_api_peer item = {.state = "good", .rtt_us = rtt, .seen_ago_us = 0};
    if (err == GN_E_NOT_FOUND)
        gn_api_fail(c->call, err, "the host name has no usable address");
    else if (err)
        gn_api_fail(c->call, err, "the peer does not answer: check address, network name and key");
    else {
        item.contact = *peer;
        item.common_bits = gn_id_common_bits(gn_host_id(c->node->host), &peer->id);
        gn_api_done(c->call, &item);
    }
    free(c);
}

void gn_api_peer_connect(void *node, struct gn_api_call *call, const struct gn_api_connect *req)
{
    struct connecting *c = calloc(1, sizeof *c);
    if (!c) {
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return;
    }
    c->node = node;
    c->call = call;
    enum gn_err err = gn_bootstrap_peer(node, req->address, on_joined, c);
    if (err) {
        free(c);
        gn_api_fail(call, err, "not an address: use ID@HOST:PORT or HOST:PORT");
    }
}

/* ---- Ping ------------------------------------------------------------------------------------------------------ */

static void on_pong(struct gn_api_op *op, const struct gn_op_event *ev)
{
    if (ev->type != GN_OPEV_DONE)
        return;
    if (ev->err) {
        gn_api_op_fail(op, ev->err, "the peer does not answer");
        return;
    }
    struct gn_api_pong pong = {.contact = op->contact, .rtt_us = ev->rtt_us};
    gn_api_op_done(op, &pong);
}

static void ping(struct gn_api_op *op)
{
    struct gn_command command = {.type = GN_CMD_PING, .contact = op->contact};
    gn_api_op_run(op, &command, on_pong);
}

static void on_ping_found(struct gn_api_op *op, const struct gn_op_event *ev)
{
    if (ev->type != GN_OPEV_DONE)
        return;
    for (size_t i = 0; i < ev->closest_len; i++)
        if (gn_id_eq(&ev->closest[i].id, &op->target)) {
            op->contact = ev->closest[i];
            ping(op);
            return;
        }
    gn_api_op_fail(op, GN_E_NOT_FOUND, "no node of this id was found");
}

void gn_api_peer_ping(void *node, struct gn_api_call *call, const struct gn_id *id)
{
    struct gn_node *n = node;
    struct gn_api_op *op = gn_api_op_new(n, call);
    if (!op)
        return;
    op->target = *id;
    if (gn_id_eq(id, gn_host_id(n->host))) {
        gn_api_op_fail(op, GN_E_INVALID, "this is our own id");
        return;
    }
    if (find_peer(n, &op->contact, id)) {
        ping(op);
        return;
    }
    struct gn_command command = {.type = GN_CMD_FIND, .target = *id};
    gn_api_op_run(op, &command, on_ping_found);
}

/* ---- Find ------------------------------------------------------------------------------------------------------ */

static const char *outcome_of(const struct gn_hop *hop)
{
    switch (hop->status) {
    case GN_HOP_ASKED:
        return "asked";
    case GN_HOP_ANSWERED:
        return hop->has_value ? "value" : "answered";
    case GN_HOP_SLOW:
        return "slow";
    case GN_HOP_LATE:
        return "late";
    case GN_HOP_DEAD:
        return "timeout";
    case GN_HOP_LIED:
        return "lied";
    case GN_HOP_REFUSED:
        return "refused";
    }
    return "unknown";
}

static const char *reason_of(const struct gn_hop *hop)
{
    switch (hop->reason) {
    case GN_HOP_FROM_TABLE:
        return "closest in our table";
    case GN_HOP_FROM_REPLY:
        return "named by a closer peer";
    case GN_HOP_RETRY:
        return "asked once more";
    }
    return "unknown";
}

struct finding {
    struct gn_contact providers[64];
    size_t providers_len;
    bool value_found;
    uint32_t hops;
};

static void tell_hop(struct gn_api_op *op, const struct gn_hop *h)
{
    struct finding *f = op->extra;
    if (h->status == GN_HOP_ASKED)
        return; /* its end will be told */
    gn_api_part(op->call, &(struct gn_api_hop){.seq = f->hops++,
                                               .round = h->depth ? h->depth - 1 : 0,
                                               .at_us = h->at_us,
                                               .peer = h->contact,
                                               .common_bits = h->common_bits,
                                               .rtt_us = h->rtt_us,
                                               .outcome = outcome_of(h),
                                               .reason = reason_of(h),
                                               .learned = h->contacts});
}

static void take_record(struct gn_api_op *op, struct gn_slice bytes)
{
    struct finding *f = op->extra;
    struct gn_record record;
    f->value_found = true;
    if (gn_record_decode(&record, bytes, &op->node->crypto) || record.kind != GN_RECORD_PROVIDER ||
        record.addrs_len == 0 || f->providers_len == GN_ARRAY_LEN(f->providers))
        return;
    f->providers[f->providers_len++] = (struct gn_contact){.id = record.owner, .addr = record.addrs[0]};
}

static void on_find(struct gn_api_op *op, const struct gn_op_event *ev)
{
    struct finding *f = op->extra;
    struct gn_api_found_peer nearest[32];
    if (ev->type == GN_OPEV_HOP)
        tell_hop(op, &ev->hop);
    if (ev->type == GN_OPEV_RECORD)
        take_record(op, ev->record);
    if (ev->type != GN_OPEV_DONE)
        return;
    if (ev->err && ev->err != GN_E_NOT_FOUND && ev->answers == 0) {
        gn_api_op_fail(op, ev->err, ev->queries ? "no peer answers" : "no peer is known: see 'ghostnet doctor'");
        return;
    }
    size_t len = ev->closest_len < GN_ARRAY_LEN(nearest) ? ev->closest_len : GN_ARRAY_LEN(nearest);
    for (size_t i = 0; i < len; i++)
        nearest[i] = (struct gn_api_found_peer){
            .contact = ev->closest[i],
            .common_bits = gn_id_common_bits(&op->target, &ev->closest[i].id),
        };
    struct gn_api_found found = {.target = op->target,
                                 .nearest = nearest,
                                 .nearest_len = len,
                                 .providers = f->providers,
                                 .providers_len = f->providers_len,
                                 .value_found = f->value_found,
                                 .hops = ev->hops_max,
                                 .asked = ev->queries,
                                 .answered = ev->answers,
                                 .timeouts = ev->timeouts,
                                 .took_us = ev->elapsed_us};
    gn_api_op_done(op, &found);
}

void gn_api_dht_find(void *node, struct gn_api_call *call, const struct gn_api_find *req)
{
    struct gn_api_op *op = gn_api_op_new(node, call);
    if (!op)
        return;
    op->target = req->target;
    op->extra = calloc(1, sizeof(struct finding));
    if (!op->extra) {
        gn_api_op_fail(op, GN_E_NO_MEMORY, NULL);
        return;
    }
    struct gn_command command = {.type = GN_CMD_FIND, .target = req->target};
    if (req->explain)
        command.flags |= GN_CMDF_EXPLAIN;
    if (req->want && strcmp(req->want, "value") == 0) {
        command.type = GN_CMD_GET;
        command.kind = GN_RECORD_IMMUTABLE;
    } else if (req->want && strcmp(req->want, "providers") == 0) {
        command.type = GN_CMD_GET_PROVIDERS;
    }
    gn_api_op_run(op, &command, on_find);
}
