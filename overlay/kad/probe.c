/* overlay/kad/probe.c - dial-backs. */
#include "overlay/kad/probe.h"

#include <string.h>

#include "overlay/kad/kad.h"
#include "overlay/kad/observed.h"

#define PICK_TRIES 8U

static void set_server(struct gn_kad *k, bool server)
{
    if (k->server != server) {
        k->server = server;
        GN_LOG(k->env->log, GN_LOG_INFO, "kad.mode", GN_F_BOOL("server", server));
    }
}

void gn_probe_init(struct gn_kad *k, struct gn_probe *p)
{
    memset(p, 0, sizeof *p);
    gn_ratelimit_init(&p->passing, 1, 2, k->now);
    gn_ratelimit_init(&p->dialling, 1, 2, k->now);
    gn_timer_init(&p->timer, GN_KAD_TIMER_PROBE);
    k->server = k->config.mode == GN_MODE_SERVER;
    if (k->config.mode == GN_MODE_AUTO) {
        gn_timer_set(&k->timers, &p->timer, gn_time_add(k->now, gn_rng_jitter(k->env->rng, GN_SECONDS(30), 20)));
    }
}

void gn_probe_addrs(struct gn_kad *k, struct gn_probe *p)
{
    if (k->config.mode == GN_MODE_AUTO && k->all_private) {
        set_server(k, true);
        gn_timer_cancel(&k->timers, &p->timer);
    }
}

void gn_probe_reset(struct gn_kad *k, struct gn_probe *p)
{
    p->groups_len = 0;
    p->waiting = false;
    p->failures = 0;
    if (gn_timer_is_set(&p->timer)) {
        gn_timer_set(&k->timers, &p->timer, gn_time_add(k->now, gn_rng_jitter(k->env->rng, GN_SECONDS(30), 20)));
    }
}

/* A random live node; 0: none. `other` not NULL: of another wide group than this address, unless that is exempt. */
static gn_book_handle pick(struct gn_kad *k, const struct gn_contact *other)
{
    bool exempt = other && k->config.allow_private && gn_addr_is_private(&other->addr);

    for (unsigned i = 0; i < PICK_TRIES; i++) {
        struct gn_id near;
        struct gn_table_wish wish = {.target = &near, .except = other ? &other->id : NULL, .now = k->now};
        gn_book_handle h;

        gn_rng_bytes(k->env->rng, near.b, sizeof near.b);
        if (gn_table_closest(&k->table, &h, 1, &wish) == 0) {
            return 0;
        }
        const struct gn_addr *addr = &gn_book_get(k->book, h)->addr;
        if (!other || exempt || gn_addr_wide_group(addr) != gn_addr_wide_group(&other->addr)) {
            return h;
        }
    }
    return 0;
}

static enum gn_err send_probe(struct gn_kad *k, gn_book_handle to, const uint8_t *nonce,
                              const struct gn_contact *subject)
{
    struct gn_msg_query q = {.method = GN_MSG_PROBE_ME, .has_nonce = true, .hops = subject ? 0 : 1};
    struct gn_call_for whom = {.owner = GN_CALL_PROBE};
    uint32_t call;

    memcpy(q.nonce, nonce, sizeof q.nonce);
    if (subject) {
        q.has_subject = true;
        q.subject = *subject;
    }
    enum gn_err err = gn_rpc_send(k, &call, to, GN_VIA_DATAGRAM, &q, whom);
    if (err == GN_OK) {
        k->counters.probes_sent++;
    }
    return err;
}

static void judge(struct gn_kad *k, struct gn_probe *p, const struct gn_observed *seen)
{
    bool stable = seen->majority.family != GN_ADDR_NONE && gn_time_sub(k->now, seen->since) >= GN_PROBE_STABLE_US;

    if (p->failures >= GN_PROBE_FAILURES) {
        p->groups_len = 0; /* everything is to be proved again */
        set_server(k, false);
    } else if (p->groups_len == GN_PROBE_GROUPS && stable) {
        set_server(k, true);
    }
}

void gn_probe_timer(struct gn_kad *k, struct gn_probe *p, const struct gn_observed *seen)
{
    gn_book_handle x = pick(k, NULL);

    if (p->waiting && p->failures < UINT8_MAX) {
        p->failures++; /* nobody dialled since the last time */
    }
    p->waiting = false;
    judge(k, p, seen);
    if (x != 0) {
        gn_rng_bytes(k->env->rng, p->nonce, sizeof p->nonce);
        p->asked_group = gn_addr_wide_group(&gn_book_get(k->book, x)->addr);
        p->waiting = send_probe(k, x, p->nonce, NULL) == GN_OK;
    }
    gn_time_us every = k->server ? GN_PROBE_SERVER_EVERY_US : GN_PROBE_EVERY_US;
    gn_timer_set(&k->timers, &p->timer, gn_time_add(k->now, gn_rng_jitter(k->env->rng, every, 10)));
}

void gn_probe_pinged(struct gn_kad *k, struct gn_probe *p, const struct gn_observed *seen,
                     const uint8_t nonce[GN_MSG_NONCE_BYTES], const struct gn_addr *from)
{
    uint64_t group = gn_addr_wide_group(from);

    if (!p->waiting || memcmp(nonce, p->nonce, sizeof p->nonce) != 0 || group == p->asked_group) {
        return;
    }
    p->waiting = false;
    p->failures = 0;
    k->counters.probes_answered++;
    for (unsigned i = 0; i < p->groups_len; i++) {
        if (p->groups[i] == group) {
            return;
        }
    }
    if (p->groups_len < GN_PROBE_GROUPS) {
        p->groups[p->groups_len++] = group;
    }
    judge(k, p, seen);
}

enum gn_err gn_probe_help(struct gn_kad *k, struct gn_probe *p, const struct gn_server_probe *wanted)
{
    struct gn_msg_query ping = {.method = GN_MSG_PING, .has_nonce = true};
    struct gn_call_for whom = {.owner = GN_CALL_PROBE};
    gn_book_handle to;
    uint32_t call;

    if (wanted->hand_on) {
        to = pick(k, &wanted->subject);
        if (to == 0) {
            return GN_E_NOT_FOUND;
        }
        return gn_ratelimit_take(&p->passing, 1, k->now) ? send_probe(k, to, wanted->nonce, &wanted->subject)
                                                         : GN_E_FULL;
    }
    if (!gn_ratelimit_take(&p->dialling, 1, k->now)) {
        return GN_E_FULL;
    }
    memcpy(ping.nonce, wanted->nonce, sizeof ping.nonce);
    enum gn_err err = gn_book_take(k->book, &to, &wanted->subject);
    if (err == GN_OK) {
        err = gn_rpc_send(k, &call, to, GN_VIA_DATAGRAM, &ping, whom);
        gn_book_drop(k->book, to);
    }
    return err;
}
