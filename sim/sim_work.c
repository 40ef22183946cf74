/* sim/sim_work.c - what users do: they look up random ids, store values, read values of others. */
#include <string.h>

#include "base/check.h"
#include "overlay/msg/record.h"
#include "sim/engine/draw.h"
#include "sim/sim_state.h"

#define VALUE_MIN 32U
#define VALUE_SPAN 900U
#define VALUE_LARGE 5000U /* travels on a stream; one in 16 */
#define RECHECK_AFTER GN_SECONDS(30)
#define RECHECKS 3U
#define READ_SPAN GN_SECONDS(30) /* at the end all values are read within this time */

/* Users come at random, independent of each other: the times between are exponentially distributed. */
static enum gn_err plan(struct gn_sim *s, uint32_t place, enum gn_sim_what what, gn_time_us every)
{
    gn_time_us at = gn_world_now(s->world) + gn_draw_exponential(gn_sim_draw(s, place), every);

    return every > 0 && at < s->work_end ? gn_sim_alarm(s, at, place, what, 0) : GN_OK;
}

enum gn_err gn_sim_work_begin(struct gn_sim *s, uint32_t place)
{
    enum gn_err err = plan(s, place, GN_SIM_LOOKUP, s->scenario->lookup_every);

    if (err == GN_OK) {
        err = plan(s, place, GN_SIM_PUT, s->scenario->put_every);
    }
    if (err == GN_OK) {
        err = plan(s, place, GN_SIM_GET, s->scenario->get_every);
    }
    if (err == GN_OK && place == 0) {
        err = gn_sim_alarm(s, s->work_end, 0, GN_SIM_READ_ALL, 0);
    }
    return err;
}

/* ---- Lookups ---- */

static void draw_id(struct gn_sim *s, struct gn_id *out, uint32_t place)
{
    for (unsigned i = 0; i < GN_ID_BYTES; i += 8) {
        uint64_t draw = gn_sim_draw(s, place);
        for (unsigned j = 0; j < 8; j++) {
            out->b[i + j] = (uint8_t)(draw >> (8U * j));
        }
    }
}

enum gn_err gn_sim_lookup(struct gn_sim *s, uint32_t place)
{
    struct gn_command c = {.type = GN_CMD_FIND, .flags = GN_CMDF_EXPLAIN};
    enum gn_err err = plan(s, place, GN_SIM_LOOKUP, s->scenario->lookup_every);

    if (err != GN_OK || !s->places[place].joined) {
        return err;
    }
    struct gn_sim_op *op = gn_sim_op_take(s, GN_SIM_OP_LOOKUP, place, 0);
    if (!op) {
        return GN_E_NO_MEMORY;
    }
    draw_id(s, &op->target, place);
    gn_sim_nearest(s, &op->nearest, place, &op->target);
    c.target = op->target;
    s->lookups_started++;
    return gn_sim_op_start(s, op, &c);
}

/* ---- Values ---- */

static struct gn_sim_value *new_value(struct gn_sim *s)
{
    if (s->values_len == s->values_cap) {
        uint32_t cap = s->values_cap ? s->values_cap * 2U : 256U;
        struct gn_sim_value *values = gn_alloc_resize(&s->meter.alloc, s->values, cap * sizeof *values);
        if (!values) {
            return NULL;
        }
        s->values = values;
        s->values_cap = cap;
    }
    struct gn_sim_value *v = &s->values[s->values_len++];
    memset(v, 0, sizeof *v);
    return v;
}

/* Writes a value that there is once in the world, as a record. Returns its length. */
static size_t make_record(struct gn_sim *s, uint8_t *out, size_t cap, uint32_t place, struct gn_id *target)
{
    uint8_t value[VALUE_LARGE];
    struct gn_record r = {.kind = GN_RECORD_IMMUTABLE, .expiry = gn_world_wall(s->world) + GN_RECORD_TTL_MAX};
    size_t len = VALUE_MIN + gn_draw_below(gn_sim_draw(s, place), VALUE_SPAN), bytes = 0;
    uint64_t draw = gn_sim_draw(s, place);
    enum gn_err err;

    len = (draw & 15U) == 0 ? VALUE_LARGE : len;
    for (size_t i = 0; i < len; i++) {
        value[i] = (uint8_t)(gn_draw_mix(draw + i / 8U) >> (8U * (i % 8U)));
    }
    r.value = gn_slice_of(value, len);
    gn_record_set_target(&r, gn_world_crypto(s->world, place));
    *target = r.target;
    err = gn_record_sign(&r, out, &bytes, cap, gn_world_crypto(s->world, place));
    GN_CHECK(err == GN_OK);
    return bytes;
}

enum gn_err gn_sim_put(struct gn_sim *s, uint32_t place)
{
    uint8_t record[VALUE_LARGE + 64U];
    struct gn_command c = {.type = GN_CMD_PUT, .flags = GN_CMDF_KEEP};
    enum gn_err err = plan(s, place, GN_SIM_PUT, s->scenario->put_every);

    if (err != GN_OK || !s->places[place].joined) {
        return err;
    }
    struct gn_sim_value *v = new_value(s);
    struct gn_sim_op *op = v ? gn_sim_op_take(s, GN_SIM_OP_PUT, place, 0) : NULL;
    if (!op) {
        return GN_E_NO_MEMORY;
    }
    op->value = s->values_len - 1U;
    c.record = gn_slice_of(record, make_record(s, record, sizeof record, place, &v->target));
    s->puts_started++;
    return gn_sim_op_start(s, op, &c);
}

void gn_sim_put_done(struct gn_sim *s, const struct gn_sim_op *op, const struct gn_op_event *event)
{
    if (event->err == GN_OK) {
        (void)gn_sim_holds(s, event->stored > 0, "put.stored", "node %u: a put that nobody stored succeeds", op->place);
        s->values[op->value].acknowledged = true;
        s->values_acknowledged++;
    }
}

static enum gn_err read_value(struct gn_sim *s, uint32_t place, uint32_t value)
{
    struct gn_command c = {.type = GN_CMD_GET, .target = s->values[value].target, .kind = GN_RECORD_IMMUTABLE};
    struct gn_sim_op *op = gn_sim_op_take(s, GN_SIM_OP_GET, place, 0);

    if (!op) {
        return GN_E_NO_MEMORY;
    }
    op->value = value;
    s->gets_started++;
    return gn_sim_op_start(s, op, &c);
}

enum gn_err gn_sim_get(struct gn_sim *s, uint32_t place)
{
    enum gn_err err = plan(s, place, GN_SIM_GET, s->scenario->get_every);

    if (err != GN_OK || !s->places[place].joined || s->values_len == 0) {
        return err;
    }
    uint32_t value = gn_draw_below(gn_sim_draw(s, place), s->values_len);
    return s->values[value].acknowledged ? read_value(s, place, value) : GN_OK;
}

enum gn_err gn_sim_recheck(struct gn_sim *s, uint32_t value)
{
    uint32_t reader = gn_sim_somebody(s, value % s->options.nodes);

    if (!s->values[value].acknowledged || s->values[value].lost || !s->places[reader].joined) {
        return GN_OK;
    }
    return read_value(s, reader, value);
}

enum gn_err gn_sim_read_all(struct gn_sim *s)
{
    enum gn_err err = GN_OK;

    for (uint32_t i = 0; err == GN_OK && i < s->values_len; i++) {
        err = gn_sim_alarm(s, gn_world_now(s->world) + READ_SPAN * i / s->values_len, 0, GN_SIM_RECHECK, i);
    }
    return err;
}

/* Three readers in a row did not find it. */
static void count_lost(struct gn_sim *s, struct gn_sim_value *v, uint32_t number)
{
    uint32_t holders = 0;

    for (uint32_t i = 0; i < s->options.nodes; i++) {
        holders += gn_world_is_up(s->world, i) && gn_world_holds(s->world, i, GN_RECORD_IMMUTABLE, &v->target);
    }
    v->lost = true;
    s->values_lost++;
    (void)gn_sim_holds(s, false, holders > 0 ? "value.readable" : "value.kept",
                       "value %u was acknowledged and is not found by %u readers; %u nodes hold it", number, RECHECKS,
                       holders);
}

void gn_sim_get_done(struct gn_sim *s, const struct gn_sim_op *op)
{
    struct gn_sim_value *v = &s->values[op->value];

    s->gets_succeeded += op->found;
    if (op->found || v->lost) {
        (void)gn_sim_holds(s, true, "value.readable", "value %u", op->value);
        v->misses = 0;
        return;
    }
    if (++v->misses >= RECHECKS) {
        count_lost(s, v, op->value);
        return;
    }
    enum gn_err err = gn_sim_alarm(s, gn_world_now(s->world) + RECHECK_AFTER, 0, GN_SIM_RECHECK, op->value);
    s->err = s->err != GN_OK ? s->err : err;
}
