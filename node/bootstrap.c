/* node/bootstrap.c - joining: resolve the configured peers, query them, try again with backoff while nobody is known.
 */
#include <stdlib.h>
#include <string.h>

#include "base/os_random.h"
#include "node/node_inside.h"

#define FIRST_WAIT GN_MS(500)
#define LONGEST_WAIT GN_SECONDS(60)
#define CHECK_EVERY_MS 15000U /* is anybody known still? */
#define CHECK_FIRST_MS 2000U  /* after joining: by then the first lookups have filled the table */
#define TEXT_MAX 384U

/* ---- One peer: resolve, then query ----------------------------------------------------------------------------- */

struct joining {
    struct gn_node *node;
    gn_bootstrap_fn fn;
    void *data;
    struct gn_contact contact;
    uv_getaddrinfo_t resolve;
};

static void joining_done(struct joining *j, enum gn_err err, const struct gn_contact *peer, gn_time_us rtt)
{
    j->fn(j->data, err, peer, rtt);
    free(j);
}

static void on_op(void *data, const struct gn_op_event *ev)
{
    struct joining *j = data;
    if (ev->type != GN_OPEV_DONE)
        return;
    struct gn_contact peer = j->contact;
    if (!ev->err && ev->closest_len > 0 && gn_id_is_zero(&peer.id))
        for (size_t i = 0; i < ev->closest_len; i++)
            if (gn_addr_eq(&ev->closest[i].addr, &peer.addr))
                peer = ev->closest[i];
    joining_done(j, ev->err, &peer, ev->rtt_us);
}

static void join(struct joining *j)
{
    gn_op_id op = 0;
    struct gn_command command = {.type = GN_CMD_BOOTSTRAP, .contact = j->contact};
    enum gn_err err = gn_host_command(j->node->host, &op, &command, on_op, j);
    if (err)
        joining_done(j, err, NULL, 0);
}

/* The port has a socket of one family or both: an address of the other cannot be dialled. */
static bool family_open(struct gn_node *n, int family)
{
    struct gn_addr bound[2];
    size_t len = gn_host_listen(n->host, bound);
    for (size_t i = 0; i < len; i++)
        if (bound[i].family == (family == AF_INET ? GN_ADDR_V4 : GN_ADDR_V6))
            return true;
    return false;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct joining *j = request->data;
    bool found = false;
    for (struct addrinfo *a = list; status == 0 && a && !found; a = a->ai_next) {
        if (!family_open(j->node, a->ai_family))
            continue;
        if (a->ai_family == AF_INET) {
            j->contact.addr.family = GN_ADDR_V4;
            memcpy(j->contact.addr.ip, &((struct sockaddr_in *)(void *)a->ai_addr)->sin_addr, 4);
        } else if (a->ai_family == AF_INET6) {
            j->contact.addr.family = GN_ADDR_V6;
            memcpy(j->contact.addr.ip, &((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_addr, 16);
        } else {
            continue;
        }
        found = true;
    }
    uv_freeaddrinfo(list);
    if (!found || j->node->draining)
        joining_done(j, j->node->draining ? GN_E_CANCELLED : GN_E_NOT_FOUND, NULL, 0);
    else
        join(j);
}

/* "host:port" with a name: the port is kept, the name is looked up. */
static enum gn_err resolve(struct joining *j, const char *host_port)
{
    char host[TEXT_MAX];
    const char *colon = strrchr(host_port, ':');
    size_t len = colon ? (size_t)(colon - host_port) : 0;
    if (len == 0 || len >= sizeof host)
        return GN_E_INVALID;
    memcpy(host, host_port, len);
    host[len] = '\0';
    unsigned long port = strtoul(colon + 1, NULL, 10);
    if (port == 0 || port > 65535)
        return GN_E_INVALID;
    j->contact.addr.port = (uint16_t)port;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
    j->resolve.data = j;
    return uv_getaddrinfo(&j->node->loop, &j->resolve, on_resolved, host, NULL, &hints) == 0 ? GN_OK : GN_E_INVALID;
}

enum gn_err gn_bootstrap_peer(struct gn_node *n, const char *text, gn_bootstrap_fn fn, void *data)
{
    if (strlen(text) >= TEXT_MAX)
        return GN_E_LIMIT;
    struct joining *j = calloc(1, sizeof *j);
    if (!j)
        return GN_E_NO_MEMORY;
    j->node = n;
    j->fn = fn;
    j->data = data;
    enum gn_err err = GN_OK;
    const char *at = strchr(text, '@');
    if (at)
        err = gn_id_parse(&j->contact.id, text, (size_t)(at - text));
    const char *host_port = at ? at + 1 : text;
    if (!err && gn_addr_parse(&j->contact.addr, host_port, strlen(host_port)) == GN_OK) {
        if (!gn_addr_is_usable(&j->contact.addr))
            err = GN_E_INVALID;
        else {
            join(j);
            return GN_OK;
        }
    }
    if (!err)
        err = resolve(j, host_port);
    if (err)
        free(j);
    return err;
}

/* ---- All configured peers -------------------------------------------------------------------------------------- */

struct gn_bootstrap {
    struct gn_node *node;
    uv_timer_t timer;
    struct gn_backoff backoff;
    struct gn_rng rng;
    unsigned running;
    unsigned held; /* by its timer and by peers in progress: freed at 0 */
    bool first_over, joined, closing;
    size_t saved;                             /* peers in the table when it was kept last */
    struct gn_addr addrs[GN_CONF_VALUES_MAX]; /* that answered */
    size_t addrs_len;
};

static void begin_round(struct gn_bootstrap *b);

static void let_go(struct gn_bootstrap *b)
{
    if (--b->held > 0)
        return;
    gn_rng_wipe(&b->rng);
    free(b);
}

/* Who is killed in the first minutes shall find the others again: the table is kept each time that it has doubled. */
static void save_table(struct gn_bootstrap *b, size_t peers)
{
    if (peers < 2 * b->saved)
        return;
    b->saved = peers;
    gn_host_save_table(b->node->host);
}

static void on_timer(uv_timer_t *timer)
{
    struct gn_bootstrap *b = timer->data;
    size_t peers = gn_overlay_peers_len(gn_host_overlay(b->node->host));
    if (peers > 0) {
        uint64_t wait_ms = b->saved ? CHECK_EVERY_MS : CHECK_FIRST_MS;
        b->joined = true;
        gn_backoff_reset(&b->backoff);
        save_table(b, peers);
        (void)uv_timer_start(&b->timer, on_timer, wait_ms, 0);
        return;
    }
    begin_round(b);
}

static void end_round(struct gn_bootstrap *b)
{
    bool known = gn_overlay_peers_len(gn_host_overlay(b->node->host)) > 0;
    uint64_t wait_ms = CHECK_FIRST_MS;
    b->joined = b->joined || known;
    if (known)
        gn_backoff_reset(&b->backoff);
    else
        wait_ms = gn_backoff_next(&b->backoff, &b->rng) / 1000 + 100;
    (void)uv_timer_start(&b->timer, on_timer, wait_ms, 0);
    if (!b->first_over) {
        b->first_over = true;
        gn_node_tell_ready(b->node);
    }
}

static void on_peer(void *data, enum gn_err err, const struct gn_contact *peer, gn_time_us rtt)
{
    struct gn_bootstrap *b = data;
    struct gn_node *n = b->node;
    b->running--;
    if (b->closing) {
        let_go(b);
        return;
    }
    if (err)
        GN_LOG(&n->log, GN_LOG_WARN, "bootstrap.failed", GN_F_ERR("err", err));
    else {
        GN_LOG(&n->log, GN_LOG_INFO, "bootstrap.answered", GN_F_ID("id", &peer->id), GN_F_ADDR("addr", &peer->addr),
               GN_F_U64("rtt_us", rtt));
        if (!gn_bootstrap_is_peer(b, &peer->addr) && b->addrs_len < GN_CONF_VALUES_MAX)
            b->addrs[b->addrs_len++] = peer->addr;
    }
    if (b->running == 0)
        end_round(b);
    let_go(b);
}

static void begin_round(struct gn_bootstrap *b)
{
    size_t len = gn_config_len(b->node->config, GN_CONF_BOOTSTRAP);
    b->running = 1; /* held until all are begun */
    for (size_t i = 0; i < len; i++) {
        b->running++;
        b->held++;
        const char *text = gn_config_text_at(b->node->config, GN_CONF_BOOTSTRAP, i);
        enum gn_err err = gn_bootstrap_peer(b->node, text, on_peer, b);
        if (err) {
            b->running--;
            b->held--;
            GN_LOG(&b->node->log, GN_LOG_WARN, "bootstrap.failed", GN_F_STR("peer", text), GN_F_ERR("err", err));
        }
    }
    if (--b->running == 0)
        end_round(b);
}

enum gn_err gn_bootstrap_new(struct gn_bootstrap **out, struct gn_node *n)
{
    *out = NULL;
    struct gn_bootstrap *b = calloc(1, sizeof *b);
    if (!b)
        return GN_E_NO_MEMORY;
    enum gn_err err = gn_os_random_seed(&b->rng);
    if (err) {
        free(b);
        return err;
    }
    b->node = n;
    b->held = 1;
    gn_backoff_init(&b->backoff, FIRST_WAIT, LONGEST_WAIT);
    (void)uv_timer_init(&n->loop, &b->timer);
    b->timer.data = b;
    *out = b;
    begin_round(b);
    return GN_OK;
}

bool gn_bootstrap_done(const struct gn_bootstrap *b)
{
    return b->joined || (b->first_over && gn_config_len(b->node->config, GN_CONF_BOOTSTRAP) == 0);
}

bool gn_bootstrap_is_peer(const struct gn_bootstrap *b, const struct gn_addr *addr)
{
    for (size_t i = 0; i < b->addrs_len; i++)
        if (gn_addr_eq(&b->addrs[i], addr))
            return true;
    return false;
}

static void on_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void gn_bootstrap_close(struct gn_bootstrap *b)
{
    if (!b)
        return;
    b->closing = true;
    uv_close((uv_handle_t *)&b->timer, on_closed);
}
