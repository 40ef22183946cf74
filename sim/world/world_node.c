/* sim/world/world_node.c - nodes begin, end, and are told what to do. */
#include <string.h>

#include "base/check.h"
#include "sim/engine/draw.h"
#include "sim/world/world_state.h"

static void draw_bytes(const struct gn_world *w, uint8_t *out, size_t len, uint32_t place, uint64_t counter)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(gn_draw(w->config.seed, place, GN_DRAW_IDENTITY, counter + i / 8U) >> (8U * (i % 8U)));
    }
}

/* Another identity, as if another machine had come to this address: nothing is left of the old one. */
static enum gn_err take_identity(struct gn_world *w, struct gn_world_node *n)
{
    struct gn_contact c = {.addr = gn_world_addr(gn_world_place(w, n))};
    gn_book_handle handle;
    uint64_t counter = 16U * (1U + (uint64_t)n->identity);
    enum gn_err err;

    draw_bytes(w, c.id.b, sizeof c.id.b, gn_world_place(w, n), counter);
    draw_bytes(w, c.epk, sizeof c.epk, gn_world_place(w, n), counter + 8U);
    err = gn_book_take(&w->book, &handle, &c);
    if (err != GN_OK) {
        return err;
    }
    gn_book_drop(&w->book, n->contact);
    gn_disk_fini(&n->disk, &w->meter.alloc);
    n->contact = handle;
    n->identity++;
    return GN_OK;
}

static void prepare(struct gn_world *w, struct gn_world_node *n)
{
    n->signer = (struct gn_null_signer){.key = w->key, .id = &gn_book_get(&w->book, n->contact)->id};
    gn_null_crypto_init(&n->crypto, &n->signer);
    gn_rng_init_test(&n->rng, gn_draw(w->config.seed, gn_world_place(w, n), GN_DRAW_PROTOCOL, 0), n->life);
    n->env = (struct gn_env){.alloc = &w->meter.alloc, .crypto = &n->crypto, .rng = &n->rng};
    n->timer_at = GN_TIME_NEVER;
    n->since = w->now;
}

enum gn_err gn_world_start(struct gn_world *w, uint32_t place, bool fresh)
{
    struct gn_world_node *n = &w->nodes[place];
    struct gn_overlay_config config = {.mode = GN_MODE_SERVER, .book = &w->book};
    struct gn_input in = {.type = GN_IN_SELF};
    struct gn_input table = {.type = GN_IN_TABLE};
    enum gn_err err = GN_OK;

    GN_CHECK(place < w->config.places && !n->overlay);
    if (fresh || n->contact == 0) {
        err = take_identity(w, n);
    }
    if (err != GN_OK) {
        return err;
    }
    n->life++;
    prepare(w, n);
    config.self = gn_book_get(&w->book, n->contact)->id;
    err = gn_overlay_new(&n->overlay, &config, &n->env, w->now, gn_world_wall(w));
    if (err != GN_OK) {
        return err;
    }
    w->totals.starts++;
    in.u.self.contact = *gn_book_get(&w->book, n->contact);
    in.u.self.addrs = &in.u.self.contact.addr;
    in.u.self.addrs_len = 1;
    err = gn_world_step(w, n, &in);
    if (err == GN_OK && n->disk.table_len > 0) {
        table.u.table = gn_slice_of(n->disk.table, n->disk.table_len);
        err = gn_world_step(w, n, &table);
    }
    return err;
}

void gn_world_stop(struct gn_world *w, uint32_t place)
{
    struct gn_world_node *n = &w->nodes[place];

    GN_CHECK(n->overlay);
    gn_overlay_free(n->overlay);
    n->overlay = NULL;
    w->totals.up_us += w->now - n->since;
    w->totals.stops++;
    gn_world_note(w, n, n->life);
}

enum gn_err gn_world_command(struct gn_world *w, uint32_t place, const struct gn_command *command)
{
    struct gn_input in = {.type = GN_IN_COMMAND, .u.command = *command};

    GN_CHECK(w->nodes[place].overlay);
    return gn_world_step(w, &w->nodes[place], &in);
}

enum gn_err gn_world_alarm(struct gn_world *w, gn_time_us at, uint32_t place, uint32_t what)
{
    GN_CHECK(place < w->config.places && what <= GN_WORLD_WHAT_MAX);
    gn_world_queue(w, at, place, &w->nodes[place], (uint32_t)GN_WORLD_ALARM << GN_WORLD_REF_BITS | what);
    return w->err;
}

bool gn_world_is_up(const struct gn_world *w, uint32_t place)
{
    return w->nodes[place].overlay != NULL;
}

const struct gn_contact *gn_world_contact(const struct gn_world *w, uint32_t place)
{
    static const struct gn_contact nobody = {0};
    gn_book_handle handle = w->nodes[place].contact;

    return handle != 0 ? gn_book_get(&w->book, handle) : &nobody;
}

const struct gn_overlay *gn_world_overlay(const struct gn_world *w, uint32_t place)
{
    return w->nodes[place].overlay;
}

const struct gn_crypto *gn_world_crypto(const struct gn_world *w, uint32_t place)
{
    return &w->nodes[place].crypto;
}

bool gn_world_holds(const struct gn_world *w, uint32_t place, uint8_t kind, const struct gn_id *target)
{
    return gn_disk_has(&w->nodes[place].disk, kind, target);
}
