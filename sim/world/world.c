/* sim/world/world.c - the loop: an event goes to its node, the node's effects become events. */
#include "sim/world/world.h"

#include <string.h>

#include "base/check.h"
#include "sim/engine/draw.h"
#include "sim/world/cities.h"
#include "sim/world/world_state.h"

#define START_US GN_SECONDS(100) /* time 0 means "never" in some places */
#define WALL_START UINT64_C(1700000000)
#define BOOK_MAX (UINT32_C(1) << 28U)
#define ACCESS_MIN_US 500U
#define ACCESS_SPAN_US 10000U
#define READS_MAX 64U

static const uint8_t book_key[16] = "ghostnet sim bk";

/* ---- Bookkeeping ---- */

uint32_t gn_world_place(const struct gn_world *w, const struct gn_world_node *n)
{
    return (uint32_t)(n - w->nodes);
}

void gn_world_fail(struct gn_world *w, enum gn_err err)
{
    if (w->err == GN_OK) {
        w->err = err;
    }
}

static void fold_seconds(struct gn_world *w)
{
    for (uint64_t second = w->now / GN_SECONDS(1); w->second < second; w->second++) {
        w->fold = gn_draw_mix(w->fold ^ w->sum) + w->second;
    }
}

void gn_world_note(struct gn_world *w, struct gn_world_node *n, uint64_t x)
{
    uint64_t was = n->hash;

    n->hash = gn_draw_mix(was ^ x) + w->now;
    w->sum += n->hash - was;
}

void gn_world_queue(struct gn_world *w, gn_time_us at, uint32_t to, struct gn_world_node *from, uint32_t ref)
{
    struct gn_event e = {.at = at, .to = to, .from = gn_world_place(w, from), .seq = from->seq++, .ref = ref};
    enum gn_err err = gn_wheel_push(&w->wheel, &e);

    if (err != GN_OK) {
        gn_world_fail(w, err);
    }
}

/* ---- Effects ---- */

/* The answer of a write comes back as a packet without a body: txid is the request, life tells which node asked. */
static void queue_stored(struct gn_world *w, struct gn_world_node *n, const struct gn_store_request *r,
                         const struct gn_store_answer *a)
{
    uint32_t handle;
    struct gn_packet *p;
    enum gn_err err = gn_packets_take(&w->packets, &handle, &p, 0);

    if (err != GN_OK) {
        gn_world_fail(w, err);
        return;
    }
    p->txid = r->req;
    p->tag = (uint64_t)a->err;
    p->to_id = a->records_total;
    p->contact = 0;
    p->life = n->life;
    gn_world_queue(w, w->now + w->config.store_us, gn_world_place(w, n), n,
                   (uint32_t)GN_WORLD_STORED << GN_WORLD_REF_BITS | handle);
}

static void ask_store(struct gn_world *w, struct gn_world_node *n, const struct gn_store_request *r)
{
    struct gn_store_answer a = {.req = r->req};
    uint32_t dropped = 0;

    if (gn_disk_is_read(r->op)) {
        if (w->reads_len == w->reads_cap) {
            size_t cap = w->reads_cap ? w->reads_cap * 2U : READS_MAX;
            struct gn_store_request *reads = gn_alloc_resize(&w->meter.alloc, w->reads, cap * sizeof *reads);
            if (!reads) {
                gn_world_fail(w, GN_E_NO_MEMORY);
                return;
            }
            w->reads = reads;
            w->reads_cap = cap;
        }
        w->reads[w->reads_len++] = *r;
        return;
    }
    if (r->op == GN_STORE_SAVE_TABLE && !w->config.keep_tables) {
        return;
    }
    a.err = gn_disk_write(&n->disk, &dropped, &w->meter.alloc, r);
    a.records_total = dropped;
    if (a.err == GN_E_NO_MEMORY) {
        gn_world_fail(w, a.err);
    } else if (r->op != GN_STORE_SAVE_TABLE) { /* nobody waits for that one */
        queue_stored(w, n, r, &a);
    }
}

static void take_effect(struct gn_world *w, struct gn_world_node *n, const struct gn_effect *fx)
{
    switch (fx->type) {
    case GN_FX_QUERY:
        gn_world_send_query(w, n, fx);
        break;
    case GN_FX_REPLY:
        gn_world_send_reply(w, n, fx);
        break;
    case GN_FX_STORE:
        gn_world_note(w, n, (uint64_t)fx->u.store.op);
        ask_store(w, n, &fx->u.store);
        break;
    case GN_FX_OP:
        gn_world_note(w, n, (uint64_t)fx->u.op.type << 32U | (uint64_t)fx->u.op.err);
        if (w->hooks.op) {
            w->hooks.op(w->hooks.ctx, gn_world_place(w, n), &fx->u.op);
        }
        break;
    }
}

/* One call of the overlay, without the reads that it asks for. */
static enum gn_err step_once(struct gn_world *w, struct gn_world_node *n, struct gn_input *in)
{
    enum gn_err err;

    in->now = w->now;
    in->wall = gn_world_wall(w);
    err = gn_overlay_step(n->overlay, w->out, in);
    for (size_t i = 0; i < gn_outbox_len(w->out); i++) {
        take_effect(w, n, gn_outbox_at(w->out, i));
    }
    gn_outbox_clear(w->out);
    if (err == GN_E_NO_MEMORY) {
        gn_world_fail(w, err);
    }
    return err;
}

static void arm_timer(struct gn_world *w, struct gn_world_node *n)
{
    gn_time_us due = gn_time_max(gn_overlay_deadline(n->overlay), w->now);

    if (due < n->timer_at) {
        n->timer_at = due;
        gn_world_queue(w, due, gn_world_place(w, n), n, (uint32_t)GN_WORLD_TIMER << GN_WORLD_REF_BITS);
    }
}

enum gn_err gn_world_step(struct gn_world *w, struct gn_world_node *n, struct gn_input *in)
{
    enum gn_err err = step_once(w, n, in);

    for (size_t i = 0; i < w->reads_len; i++) { /* grows while it runs */
        struct gn_store_request request = w->reads[i];
        struct gn_input answer = {.type = GN_IN_STORE};
        gn_disk_read(&n->disk, &answer.u.store, &w->scratch, &request);
        if (answer.u.store.err == GN_E_NO_MEMORY) {
            gn_world_fail(w, GN_E_NO_MEMORY);
        }
        (void)step_once(w, n, &answer); /* about an operation that has ended meanwhile */
    }
    w->reads_len = 0;
    arm_timer(w, n);
    return err;
}

/* ---- Events ---- */

static void take_stored(struct gn_world *w, struct gn_world_node *n, uint32_t handle)
{
    const struct gn_packet *p = gn_packets_get(&w->packets, handle);
    struct gn_input in = {.type = GN_IN_STORE};

    if (n->overlay && p->life == n->life) {
        in.u.store.req = (uint32_t)p->txid;
        in.u.store.err = (enum gn_err)p->tag;
        in.u.store.records_total = p->to_id;
        (void)gn_world_step(w, n, &in); /* as above */
    }
    gn_world_drop_packet(w, handle);
}

static void take_timer(struct gn_world *w, struct gn_world_node *n, gn_time_us at)
{
    struct gn_input in = {.type = GN_IN_TIMER};

    if (n->overlay && at == n->timer_at) { /* else one was set for earlier since, or another node lives here */
        n->timer_at = GN_TIME_NEVER;
        (void)gn_world_step(w, n, &in); /* a timer is never refused */
    }
}

static void take_event(struct gn_world *w, const struct gn_event *e)
{
    struct gn_world_node *n = &w->nodes[e->to];

    switch ((enum gn_world_kind)(e->ref >> GN_WORLD_REF_BITS)) {
    case GN_WORLD_QUERY:
    case GN_WORLD_REPLY:
        gn_world_take_packet(w, n, e);
        break;
    case GN_WORLD_STORED:
        take_stored(w, n, e->ref & GN_WORLD_REF_MASK);
        break;
    case GN_WORLD_TIMER:
        take_timer(w, n, e->at);
        break;
    case GN_WORLD_ALARM:
        gn_world_fail(w, w->hooks.alarm(w->hooks.ctx, e->to, e->ref & GN_WORLD_REF_MASK));
        break;
    }
}

enum gn_err gn_world_run(struct gn_world *w, gn_time_us until)
{
    struct gn_event e;
    enum gn_err err = GN_OK;

    while (w->err == GN_OK && gn_wheel_pop(&w->wheel, &e, until, &err)) {
        if (e.at > w->now) {
            w->now = e.at;
            fold_seconds(w);
        }
        w->totals.events++;
        gn_world_note(w, &w->nodes[e.to], (uint64_t)e.from << 32U ^ (uint64_t)e.seq << 3U ^ e.ref >> GN_WORLD_REF_BITS);
        take_event(w, &e);
    }
    gn_world_fail(w, err);
    if (w->err == GN_OK && until > w->now) {
        w->now = until;
        fold_seconds(w);
    }
    return w->err;
}

/* ---- Life ---- */

static void settle(struct gn_world *w, uint32_t place)
{
    struct gn_world_node *n = &w->nodes[place];
    uint64_t draw = gn_draw(w->config.seed, place, GN_DRAW_IDENTITY, 0);

    n->city = (uint16_t)gn_draw_below(draw, GN_CITIES);
    n->access_us = (uint16_t)(ACCESS_MIN_US + gn_draw_below(gn_draw_mix(draw), ACCESS_SPAN_US));
    n->timer_at = GN_TIME_NEVER;
    n->hash = gn_draw_mix(draw + 1U);
    w->sum += n->hash;
}

enum gn_err gn_world_new(struct gn_world **out, const struct gn_world_config *config,
                         const struct gn_world_hooks *hooks)
{
    struct gn_world *w = gn_alloc_zeroed(gn_alloc_default(), 1, sizeof *w);

    *out = NULL;
    if (!w) {
        return GN_E_NO_MEMORY;
    }
    GN_CHECK(config->places > 0 && config->places <= GN_WORLD_PLACES_MAX);
    w->config = *config;
    w->hooks = *hooks;
    gn_meter_init(&w->meter, config->memory_max);
    w->scratch.alloc = &w->meter.alloc;
    gn_wheel_init(&w->wheel, &w->meter.alloc);
    gn_packets_init(&w->packets, &w->meter.alloc);
    gn_book_init(&w->book, &w->meter.alloc, book_key, BOOK_MAX);
    w->now = START_US;
    w->second = START_US / GN_SECONDS(1);
    w->key = gn_draw(config->seed, 0, GN_DRAW_IDENTITY, UINT64_MAX);
    w->nodes = gn_alloc_zeroed(&w->meter.alloc, config->places, sizeof *w->nodes);
    if (!w->nodes || gn_outbox_new(&w->out, &w->meter.alloc) != GN_OK) {
        gn_world_free(w);
        return GN_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < config->places; i++) {
        settle(w, i);
    }
    *out = w;
    return GN_OK;
}

void gn_world_free(struct gn_world *w)
{
    if (!w) {
        return;
    }
    for (uint32_t i = 0; w->nodes && i < w->config.places; i++) {
        gn_overlay_free(w->nodes[i].overlay);
        gn_disk_fini(&w->nodes[i].disk, &w->meter.alloc);
    }
    gn_book_fini(&w->book);
    gn_packets_fini(&w->packets);
    gn_wheel_fini(&w->wheel);
    gn_disk_scratch_fini(&w->scratch);
    gn_outbox_free(w->out);
    gn_alloc_free(&w->meter.alloc, w->reads);
    gn_alloc_free(&w->meter.alloc, w->asked);
    gn_alloc_free(&w->meter.alloc, w->nodes);
    GN_CHECK(w->meter.bytes == 0); /* nothing leaks, whatever failed */
    gn_alloc_free(gn_alloc_default(), w);
}

/* ---- Looking in ---- */

gn_time_us gn_world_now(const struct gn_world *w)
{
    return w->now;
}

gn_wall_s gn_world_wall(const struct gn_world *w)
{
    return WALL_START + w->now / GN_SECONDS(1);
}

void gn_world_cut(struct gn_world *w, bool on)
{
    w->cut = on;
}

unsigned gn_world_side(const struct gn_world *w, uint32_t place)
{
    return gn_draw(w->config.seed, place, GN_DRAW_FAULT, 0) & 1U;
}

void gn_world_set_net(struct gn_world *w, const struct gn_world_net *net)
{
    w->config.net = *net;
}

uint64_t gn_world_hash(const struct gn_world *w)
{
    return gn_draw_mix(w->fold ^ w->sum);
}

uint64_t gn_world_bytes(const struct gn_world *w)
{
    return w->meter.bytes;
}

uint64_t gn_world_bytes_most(const struct gn_world *w)
{
    return w->meter.bytes_most;
}

size_t gn_world_pending(const struct gn_world *w)
{
    return gn_wheel_len(&w->wheel);
}

void gn_world_totals(const struct gn_world *w, struct gn_world_totals *out)
{
    gn_time_us up = 0;

    *out = w->totals;
    for (uint32_t i = 0; i < w->config.places; i++) {
        up += w->nodes[i].overlay ? w->now - w->nodes[i].since : 0;
    }
    out->up_us += up;
}
