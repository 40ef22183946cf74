/* node/host.c - datagrams, timers and commands become inputs; effects are carried out. */
#include "node/host.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/os_clock.h"
#include "base/os_random.h"
#include <sodium.h>

#include "node/host_inside.h"

gn_time_us gn_host_now(void)
{
    return gn_os_clock_now();
}

/* ---- Inputs ---------------------------------------------------------------------------------------------------- */

void gn_host_input(struct gn_host *h, struct gn_input *in)
{
    in->now = gn_host_now();
    in->wall = gn_os_clock_wall();
    enum gn_err err = gn_overlay_step(h->overlay, h->outbox, in);
    if (err && gn_err_class(err) == GN_ERR_CLASS_FATAL)
        GN_LOG(h->config.log, GN_LOG_ERROR, "overlay.step.failed", GN_F_ERR("err", err));
}

static void input_query(struct gn_host *h, const struct gn_seal_event *ev)
{
    uint64_t token = gn_host_reply_keep(h, &ev->reply_key, NULL);
    if (token == 0)
        return; /* no memory: the asker will try again */
    struct gn_input in = {.type = GN_IN_QUERY};
    in.u.query = (struct gn_input_query){.reply_to = token,
                                         .via = GN_VIA_DATAGRAM,
                                         .addr = ev->addr,
                                         .addr_proved = ev->addr_proved,
                                         .has_self = ev->has_self,
                                         .self = ev->self,
                                         .reply_max = ev->reply_body_max,
                                         .body = ev->body};
    memcpy(in.u.query.client_key, ev->client_key, sizeof in.u.query.client_key);
    gn_host_input(h, &in);
}

static void receive_sealed(struct gn_host *h, const struct gn_udp_packet *packet)
{
    struct gn_seal_event ev;
    gn_seal_receive(h->seal, &ev, &packet->remote, gn_slice_of(packet->data, packet->len), gn_host_now(),
                    gn_os_clock_wall());
    switch (ev.type) {
    case GN_SEAL_NOTHING:
        return;
    case GN_SEAL_SEND:
        (void)gn_uv_udp_send_one(h->udp, &ev.addr, NULL, ev.packet.data, ev.packet.len);
        return;
    case GN_SEAL_QUERY:
        input_query(h, &ev);
        break;
    case GN_SEAL_REPLY: {
        struct gn_input in = {.type = GN_IN_REPLY};
        in.u.reply = (struct gn_input_reply){
            .txid = ev.cookie, .from = ev.from, .observed = ev.observed, .via = GN_VIA_DATAGRAM, .body = ev.body};
        gn_host_input(h, &in);
        break;
    }
    }
    gn_host_run(h);
}

static void on_packet(void *owner, const struct gn_udp_packet *packet)
{
    struct gn_host *h = owner;
    if (h->closing)
        return;
    enum gn_demux_kind kind = gn_demux_count(&h->demux, packet->data, packet->len);
    if (kind == GN_DEMUX_SEALED)
        receive_sealed(h, packet);
    else if (kind == GN_DEMUX_QUIC && h->links)
        gn_links_receive(h->links, packet);
}

static void on_received(void *owner)
{
    struct gn_host *h = owner;
    if (h->closing)
        return;
    if (h->links)
        gn_links_pump(h->links);
    gn_host_run(h);
}

static void on_writable(void *owner)
{
    struct gn_host *h = owner;
    if (h->links && !h->closing)
        gn_links_pump(h->links);
}

/* ---- Effects --------------------------------------------------------------------------------------------------- */

static void send_query(struct gn_host *h, const struct gn_effect *fx)
{
    uint8_t packet[GN_SEAL_DATAGRAM_MAX];
    size_t len = 0;
    uint64_t txid = fx->u.query.txid;
    if (fx->u.query.via == GN_VIA_STREAM) {
        gn_host_query_send(h, txid, &fx->u.query.to, fx->u.query.body);
        return;
    }
    gn_time_us now = gn_host_now();
    struct gn_seal_request request = {.cookie = txid,
                                      .to = &fx->u.query.to,
                                      .body = fx->u.query.body,
                                      .introduce = fx->u.query.introduce,
                                      .expires_at = gn_time_add(now, GN_SECONDS(4))};
    enum gn_err err = gn_seal_query(h->seal, packet, &len, &request, now);
    if (!err)
        err = gn_uv_udp_send_one(h->udp, &fx->u.query.to.addr, NULL, packet, len);
    if (err) {
        struct gn_input in = {.type = GN_IN_QUERY_FAILED, .u.failed = {.txid = txid, .err = err}};
        gn_host_input(h, &in);
    }
}

static void send_reply(struct gn_host *h, uint64_t token, struct gn_slice body)
{
    struct gn_host_reply reply;
    uint8_t packet[GN_SEAL_DATAGRAM_MAX];
    size_t len = 0;
    if (!gn_host_reply_take(h, &reply, token))
        return; /* too late: the slot went to a newer query, or its stream ended */
    if (reply.stream) {
        gn_host_query_reply(h, reply.stream, body);
        return;
    }
    if (gn_seal_reply(h->seal, packet, &len, &reply.key, body, gn_host_now()) == GN_OK)
        (void)gn_uv_udp_send_one(h->udp, &reply.key.addr, NULL, packet, len);
}

static void tell_op(struct gn_host *h, const struct gn_op_event *event)
{
    struct gn_host_op *op = gn_map_get(&h->ops, &event->op);
    if (!op)
        return;
    struct gn_host_op told = *op;
    if (event->type == GN_OPEV_DONE)
        (void)gn_map_remove(&h->ops, &event->op);
    if (told.fn)
        told.fn(told.data, event);
}

static void carry_out(struct gn_host *h, const struct gn_effect *fx)
{
    switch (fx->type) {
    case GN_FX_QUERY:
        send_query(h, fx);
        return;
    case GN_FX_REPLY:
        send_reply(h, fx->u.reply.reply_to, fx->u.reply.body);
        return;
    case GN_FX_STORE:
        gn_host_store_request(h, &fx->u.store);
        return;
    case GN_FX_OP:
        tell_op(h, &fx->u.op);
        return;
    }
}

/* Commands that came in while effects were carried out, or from outside. */
static void run_commands(struct gn_host *h)
{
    struct gn_host_command_entry *e = h->commands;
    h->commands = NULL;
    h->commands_end = &h->commands;
    while (e) {
        struct gn_host_command_entry *next = e->next;
        struct gn_input in = {.type = GN_IN_COMMAND, .u.command = e->command};
        in.now = gn_host_now();
        in.wall = gn_os_clock_wall();
        gn_op_id op = e->command.op;
        enum gn_err err = gn_overlay_step(h->overlay, h->outbox, &in);
        if (err)
            tell_op(h, &(struct gn_op_event){.op = op, .type = GN_OPEV_DONE, .err = err});
        free(e->record);
        free(e);
        e = next;
    }
}

static void run_effects(struct gn_host *h)
{
    /* Carrying out one may add more at the end; the box is emptied when all are done. A round has a bound, so that a
     * mistake cannot hold the loop. */
    for (size_t i = 0; i < gn_outbox_len(h->outbox); i++) {
        struct gn_effect fx = *gn_outbox_at(h->outbox, i);
        carry_out(h, &fx);
    }
    gn_outbox_clear(h->outbox);
}

static void share_self(struct gn_host *h);
static void set_timer(struct gn_host *h);

void gn_host_run(struct gn_host *h)
{
    if (h->stepping || h->closing)
        return;
    h->stepping = true;
    for (unsigned round = 0; round < 64; round++) {
        if (h->commands)
            run_commands(h);
        if (gn_outbox_len(h->outbox) > 0)
            run_effects(h);
        else if (!h->commands && (gn_host_now() < h->commit_after || !gn_host_store_commit(h)))
            break;
    }
    h->stepping = false;
    struct gn_addr observed = gn_overlay_observed(h->overlay);
    if (!gn_addr_eq(&observed, &h->observed)) {
        h->observed = observed;
        share_self(h);
    }
    set_timer(h);
}

/* ---- Time ------------------------------------------------------------------------------------------------------ */

static void on_timer(uv_timer_t *timer)
{
    struct gn_host *h = timer->data;
    h->timer_due = GN_TIME_NEVER;
    uint8_t before[32], after[32];
    gn_time_us now = gn_host_now();
    if (gn_seal_deadline(h->seal) <= now) {
        gn_seal_epoch_key(h->seal, before);
        gn_seal_timer(h->seal, now, gn_os_clock_wall());
        gn_seal_epoch_key(h->seal, after);
        if (memcmp(before, after, sizeof before) != 0)
            share_self(h);
    }
    struct gn_input in = {.type = GN_IN_TIMER};
    gn_host_input(h, &in);
    gn_host_run(h);
}

static void set_timer(struct gn_host *h)
{
    gn_time_us due = gn_time_min(gn_overlay_deadline(h->overlay), gn_seal_deadline(h->seal));
    if (h->writes_len > 0)
        due = gn_time_min(due, h->commit_after);
    if (due == h->timer_due)
        return;
    h->timer_due = due;
    if (due == GN_TIME_NEVER) {
        (void)uv_timer_stop(&h->timer);
        return;
    }
    gn_time_us wait = gn_time_sub(due, gn_host_now());
    uv_update_time(h->config.loop);
    (void)uv_timer_start(&h->timer, on_timer, (wait + 999) / 1000, 0);
}

static void on_idle(uv_idle_t *idle)
{
    (void)uv_idle_stop(idle);
    gn_host_run(idle->data);
}

/* ---- Who we are ------------------------------------------------------------------------------------------------ */

static void add_addr(struct gn_host *h, struct gn_addr addr)
{
    if (!gn_addr_is_usable(&addr) || h->self_addrs_len == GN_HOST_ADDRS_MAX)
        return;
    for (size_t i = 0; i < h->self_addrs_len; i++)
        if (gn_addr_eq(&h->self_addrs[i], &addr))
            return;
    h->self_addrs[h->self_addrs_len++] = addr;
}

static bool is_unspecified(const struct gn_addr *a)
{
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, sizeof zero) == 0;
}

static struct gn_addr addr_of_interface(const uv_interface_address_t *i, uint16_t port)
{
    struct gn_addr a = {.port = port};
    if (i->address.address4.sin_family == AF_INET) {
        a.family = GN_ADDR_V4;
        memcpy(a.ip, &i->address.address4.sin_addr, 4);
    } else if (i->address.address6.sin6_family == AF_INET6 && i->address.address6.sin6_scope_id == 0) {
        a.family = GN_ADDR_V6;
        memcpy(a.ip, &i->address.address6.sin6_addr, 16);
    }
    return a;
}

static void add_interfaces(struct gn_host *h, const struct gn_addr *bound)
{
    uv_interface_address_t *list = NULL;
    int len = 0;
    if (uv_interface_addresses(&list, &len) != 0)
        return;
    for (int pass = 0; pass < 2; pass++) /* loopback last: it is of use only on one machine */
        for (int i = 0; i < len; i++) {
            struct gn_addr a = addr_of_interface(&list[i], bound->port);
            if (a.family == bound->family && (list[i].is_internal != 0) == (pass == 1))
                add_addr(h, a);
        }
    uv_free_interface_addresses(list, len);
}

static void find_addrs(struct gn_host *h)
{
    h->self_addrs_len = 0;
    add_addr(h, h->observed);
    struct gn_addr bound[2];
    size_t len = gn_host_listen(h, bound);
    for (size_t i = 0; i < len; i++) {
        if (is_unspecified(&bound[i]))
            add_interfaces(h, &bound[i]);
        else
            add_addr(h, bound[i]);
    }
}

static void share_self(struct gn_host *h)
{
    find_addrs(h);
    struct gn_input in = {.type = GN_IN_SELF};
    in.u.self.contact.id = *gn_seal_id(h->seal);
    gn_seal_epoch_key(h->seal, in.u.self.contact.epk);
    if (h->self_addrs_len > 0)
        in.u.self.contact.addr = h->self_addrs[0];
    in.u.self.addrs = h->self_addrs;
    in.u.self.addrs_len = h->self_addrs_len;
    gn_host_input(h, &in);
}

/* ---- Commands -------------------------------------------------------------------------------------------------- */

enum gn_err gn_host_command(struct gn_host *h, gn_op_id *op, const struct gn_command *command, gn_host_op_fn fn,
                            void *data)
{
    *op = 0;
    if (h->closing)
        return GN_E_CLOSED;
    struct gn_host_command_entry *e = calloc(1, sizeof *e);
    if (!e)
        return GN_E_NO_MEMORY;
    e->command = *command;
    if (command->record.len > 0) {
        e->record = malloc(command->record.len);
        if (!e->record)
            goto no_memory;
        memcpy(e->record, command->record.data, command->record.len);
        e->command.record.data = e->record;
    }
    if (++h->next_op == 0)
        h->next_op = 1;
    e->command.op = h->next_op;
    enum gn_err err = gn_map_set(&h->ops, &e->command.op, &(struct gn_host_op){.fn = fn, .data = data});
    if (err) {
        free(e->record);
        free(e);
        return err;
    }
    *op = e->command.op;
    *h->commands_end = e;
    h->commands_end = &e->next;
    (void)uv_idle_start(&h->idle, on_idle);
    return GN_OK;

no_memory:
    free(e);
    return GN_E_NO_MEMORY;
}

void gn_host_cancel(struct gn_host *h, gn_op_id op)
{
    struct gn_input in = {.type = GN_IN_CANCEL, .u.cancel = op};
    if (h->closing)
        return;
    run_commands(h); /* it may still wait to begin */
    gn_host_input(h, &in);
    (void)uv_idle_start(&h->idle, on_idle);
}

void gn_host_flush(struct gn_host *h)
{
    if (gn_host_store_commit(h))
        gn_host_run(h);
}

/* ---- Looking in ------------------------------------------------------------------------------------------------ */

const struct gn_id *gn_host_id(const struct gn_host *h)
{
    return gn_seal_id(h->seal);
}

size_t gn_host_listen(const struct gn_host *h, struct gn_addr out[2])
{
    size_t len = 0;
    if (gn_uv_udp_bound(h->udp, &out[len], GN_ADDR_V4) == GN_OK)
        len++;
    if (gn_uv_udp_bound(h->udp, &out[len], GN_ADDR_V6) == GN_OK)
        len++;
    return len;
}

size_t gn_host_addrs(const struct gn_host *h, struct gn_addr out[GN_HOST_ADDRS_MAX])
{
    memcpy(out, h->self_addrs, h->self_addrs_len * sizeof *out);
    return h->self_addrs_len;
}

struct gn_overlay *gn_host_overlay(struct gn_host *h)
{
    return h->overlay;
}

struct gn_links *gn_host_links(struct gn_host *h)
{
    return h->links;
}

void gn_host_counters(const struct gn_host *h, struct gn_host_counters *out)
{
    memset(out, 0, sizeof *out);
    gn_uv_udp_counters(h->udp, &out->udp);
    out->demux = h->demux;
    if (h->links)
        gn_links_counters(h->links, &out->quic);
    out->store_commits = h->store_commits;
    out->store_errors = h->store_errors;
    out->store_last_error = h->store_last_error;
}

const struct gn_seal_counters *gn_host_seal_counters(const struct gn_host *h)
{
    return gn_seal_counters(h->seal);
}

void gn_host_network_changed(struct gn_host *h)
{
    struct gn_addr bound[2];
    size_t len = gn_host_listen(h, bound);
    for (size_t i = 0; i < len; i++)
        if (gn_uv_udp_open(h->udp, &bound[i]))
            GN_LOG(h->config.log, GN_LOG_WARN, "net.rebind.failed", GN_F_ADDR("addr", &bound[i]));
    gn_seal_network_changed(h->seal, gn_host_now());
    share_self(h);
    struct gn_input in = {.type = GN_IN_NET_CHANGED};
    gn_host_input(h, &in);
    gn_host_run(h);
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

static enum gn_err open_port(struct gn_host *h, struct gn_addr *failed)
{
    struct gn_uv_udp_config config = {.pool = h->config.pool,
                                      .alloc = h->config.alloc,
                                      .log = h->config.log,
                                      .receive = on_packet,
                                      .received = on_received,
                                      .writable = on_writable,
                                      .owner = h};
    enum gn_err err = gn_uv_udp_new(&h->udp, &config);
    for (size_t i = 0; !err && i < h->config.listen_len; i++) {
        err = gn_uv_udp_open(h->udp, &h->config.listen[i]);
        if (err && failed)
            *failed = h->config.listen[i];
    }
    return err;
}

static enum gn_err make_seal(struct gn_host *h)
{
    struct gn_seal_config config = {.alloc = h->config.alloc, .log = h->config.log};
    memcpy(config.identity_seed, h->config.identity_seed, sizeof config.identity_seed);
    memcpy(config.net_id, h->config.net_id, sizeof config.net_id);
    gn_rng_bytes(&h->rng, config.rng_seed, sizeof config.rng_seed);
    enum gn_err err = gn_seal_new(&h->seal, &config, gn_host_now(), gn_os_clock_wall());
    sodium_memzero(&config, sizeof config);
    return err;
}

static enum gn_err make_overlay(struct gn_host *h)
{
    enum gn_err err = gn_outbox_new(&h->outbox, h->config.alloc);
    if (err)
        return err;
    gn_sodium_crypto_identity(&h->identity, h->config.identity_seed);
    gn_sodium_crypto_init(&h->crypto, &h->identity);
    h->env = (struct gn_env){.alloc = h->config.alloc, .crypto = &h->crypto, .rng = &h->rng, .log = h->config.log};
    h->config.overlay.self = *gn_seal_id(h->seal);
    return gn_overlay_new(&h->overlay, &h->config.overlay, &h->env, gn_host_now(), gn_os_clock_wall());
}

static enum gn_err make_links(struct gn_host *h)
{
    if (!h->config.links)
        return GN_OK;
    struct gn_links_config config = {.loop = h->config.loop, .udp = h->udp};
    config.quic.alloc = h->config.alloc;
    config.quic.log = h->config.log;
    config.quic.conns_max = h->config.connections_max;
    config.quic.cc = h->config.congestion;
    config.quic.loopback_payload = gn_os_udp_loopback_payload();
    memcpy(config.quic.seed, h->config.identity_seed, sizeof config.quic.seed);
    memcpy(config.quic.net_id, h->config.net_id, sizeof config.quic.net_id);
    gn_rng_bytes(&h->rng, config.quic.rng_seed, sizeof config.quic.rng_seed);
    enum gn_err err = gn_links_new(&h->links, &config);
    sodium_memzero(&config, sizeof config);
    return err ? err : gn_host_query_start(h);
}

static void free_parts(struct gn_host *h)
{
    gn_overlay_free(h->overlay);
    gn_outbox_free(h->outbox);
    gn_seal_free(h->seal);
    gn_sodium_crypto_wipe(&h->identity);
    gn_rng_wipe(&h->rng);
    for (struct gn_host_command_entry *e = h->commands, *next; e; e = next) {
        next = e->next;
        free(e->record);
        free(e);
    }
    gn_map_fini(&h->ops);
    if (h->replies) {
        sodium_memzero(h->replies, h->replies_cap * sizeof *h->replies);
        gn_alloc_free(h->config.alloc, h->replies);
    }
    free(h->writes);
    free(h->write_errs);
    sodium_memzero(h, sizeof *h);
    free(h);
}

static void on_part_closed(void *data)
{
    struct gn_host *h = data;
    if (--h->closing_parts > 0)
        return;
    void (*closed)(void *) = h->closed;
    void *closed_data = h->closed_data;
    free_parts(h);
    if (closed)
        closed(closed_data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void on_links_closed(void *data)
{
    struct gn_host *h = data;
    gn_uv_udp_close(h->udp, on_part_closed, h); /* after its last packets were staged */
}

/* Who waits for an operation must not wait for ever. */
static void cancel_ops(struct gn_host *h)
{
    const void *key = NULL;
    void *value = NULL;
    for (uint32_t cursor = 0; gn_map_next(&h->ops, &cursor, &key, &value);) {
        gn_op_id op = 0;
        memcpy(&op, key, sizeof op);
        tell_op(h, &(struct gn_op_event){.op = op, .type = GN_OPEV_DONE, .err = GN_E_CANCELLED});
    }
}

void gn_host_close(struct gn_host *h, void (*closed)(void *data), void *data)
{
    struct gn_input in = {.type = GN_IN_STOP};
    gn_host_input(h, &in);
    gn_host_run(h);
    while (gn_host_store_commit(h))
        gn_outbox_clear(h->outbox);
    h->closing = true;
    cancel_ops(h);
    h->closed = closed;
    h->closed_data = data;
    h->closing_parts = 3;
    uv_close((uv_handle_t *)&h->timer, on_handle_closed);
    uv_close((uv_handle_t *)&h->idle, on_handle_closed);
    if (h->links)
        gn_links_close(h->links, on_links_closed, h);
    else
        on_links_closed(h);
}

enum gn_err gn_host_new(struct gn_host **out, struct gn_addr *failed, const struct gn_host_config *config)
{
    *out = NULL;
    struct gn_host *h = calloc(1, sizeof *h);
    if (!h)
        return GN_E_NO_MEMORY;
    h->config = *config;
    h->commands_end = &h->commands;
    h->timer_due = GN_TIME_NEVER;
    gn_list_init(&h->queries);
    gn_map_init(&h->ops, config->alloc, sizeof(gn_op_id), sizeof(struct gn_host_op), 4096);
    (void)uv_timer_init(config->loop, &h->timer); /* neither can fail */
    (void)uv_idle_init(config->loop, &h->idle);
    h->timer.data = h;
    h->idle.data = h;
    h->writes = malloc(GN_HOST_WRITES_MAX * sizeof *h->writes);
    h->write_errs = malloc(GN_HOST_WRITES_MAX * sizeof *h->write_errs);
    enum gn_err err = h->writes && h->write_errs ? gn_os_random_seed(&h->rng) : GN_E_NO_MEMORY;
    if (!err)
        err = make_seal(h);
    if (!err)
        err = open_port(h, failed);
    if (!err)
        err = make_overlay(h);
    if (!err)
        err = make_links(h);
    sodium_memzero(h->config.identity_seed, sizeof h->config.identity_seed);
    if (err) {
        h->closing = true;
        h->closing_parts = h->udp ? 3 : 2;
        uv_close((uv_handle_t *)&h->timer, on_handle_closed);
        uv_close((uv_handle_t *)&h->idle, on_handle_closed);
        if (h->udp)
            gn_uv_udp_close(h->udp, on_part_closed, h);
        return err;
    }
    share_self(h);
    gn_host_store_restore(h);
    gn_host_run(h);
    *out = h;
    return GN_OK;
}
