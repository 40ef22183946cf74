/* sim/sim.c - the beginning and the end of a run, and what alarms are for. */
#include "sim/sim.h"

#include <string.h>

#include "base/check.h"
#include "sim/engine/draw.h"
#include "sim/sim_state.h"

#define JOIN_LEAST GN_SECONDS(30)
#define JOIN_EACH GN_MS(3)
#define SETTLE GN_MINUTES(2)
#define STORE_US GN_MS(2)
#define TAIL GN_SECONDS(20)         /* operations take at most 10 s */
#define TAIL_VALUES GN_SECONDS(150) /* every value is read once more, three times if it must be */

enum gn_err gn_sim_alarm(struct gn_sim *s, gn_time_us at, uint32_t place, enum gn_sim_what what, uint32_t argument)
{
    uint32_t most = GN_WORLD_WHAT_MAX >> GN_SIM_WHAT_BITS;

    return gn_world_alarm(s->world, at, place, (argument & most) << GN_SIM_WHAT_BITS | (uint32_t)what);
}

uint64_t gn_sim_draw(struct gn_sim *s, uint32_t place)
{
    return gn_draw(s->options.seed, place, GN_DRAW_WORKLOAD, s->places[place].draws++);
}

static enum gn_err on_tick(struct gn_sim *s)
{
    gn_time_us now = gn_world_now(s->world);

    gn_sim_op_overdue(s);
    gn_sim_check_tables(s);
    return now + GN_SECONDS(1) <= s->end ? gn_sim_alarm(s, now + GN_SECONDS(1), 0, GN_SIM_TICK, 0) : GN_OK;
}

static enum gn_err dispatch(struct gn_sim *s, uint32_t place, enum gn_sim_what what, uint32_t argument)
{
    switch (what) {
    case GN_SIM_JOIN:
        return gn_sim_join(s, place, argument, true);
    case GN_SIM_AGAIN:
        return gn_sim_join(s, place, argument, false);
    case GN_SIM_DIE:
        return gn_sim_die(s, place, argument);
    case GN_SIM_LOOKUP:
        return gn_sim_lookup(s, place);
    case GN_SIM_PUT:
        return gn_sim_put(s, place);
    case GN_SIM_GET:
        return gn_sim_get(s, place);
    case GN_SIM_BEGIN:
        return gn_sim_begin(s);
    case GN_SIM_CRASH:
        return gn_sim_crash(s);
    case GN_SIM_CUT:
    case GN_SIM_HEAL:
        gn_sim_cut(s, what == GN_SIM_CUT);
        return GN_OK;
    case GN_SIM_TICK:
        return on_tick(s);
    case GN_SIM_READ_ALL:
        return gn_sim_read_all(s);
    case GN_SIM_RECHECK:
        return gn_sim_recheck(s, argument);
    }
    return GN_E_INVALID;
}

static enum gn_err on_alarm(void *ctx, uint32_t place, uint32_t what)
{
    struct gn_sim *s = ctx;
    enum gn_err err =
        dispatch(s, place, (enum gn_sim_what)(what & ((1U << GN_SIM_WHAT_BITS) - 1U)), what >> GN_SIM_WHAT_BITS);

    return err != GN_OK ? err : s->err;
}

/* ---- Beginning ---- */

static enum gn_err plan_times(struct gn_sim *s)
{
    const struct gn_scenario *sc = s->scenario;
    gn_time_us span = JOIN_LEAST + s->options.nodes * JOIN_EACH;
    gn_time_us quarter = s->options.duration / 4U;
    enum gn_err err;

    s->origin = gn_world_now(s->world);
    s->begin = s->origin + span + SETTLE;
    s->work_end = s->begin + s->options.duration;
    s->end = s->work_end + (sc->put_every > 0 ? TAIL_VALUES : TAIL);
    s->calm_from = GN_TIME_NEVER;
    err = gn_sim_alarm(s, s->begin, 0, GN_SIM_BEGIN, 0);
    if (err == GN_OK) {
        err = gn_sim_alarm(s, s->origin + GN_SECONDS(1), 0, GN_SIM_TICK, 0);
    }
    if (err == GN_OK && sc->crash_percent > 0) {
        err = gn_sim_alarm(s, s->begin + quarter, 0, GN_SIM_CRASH, 0);
    }
    if (err == GN_OK && sc->cut > 0) {
        err = gn_sim_alarm(s, s->begin + quarter, 0, GN_SIM_CUT, 0);
    }
    if (err == GN_OK && sc->cut > 0) {
        err = gn_sim_alarm(s, s->begin + quarter + gn_time_min(sc->cut, quarter), 0, GN_SIM_HEAL, 0);
    }
    for (uint32_t i = 0; err == GN_OK && i < s->options.nodes; i++) {
        err = gn_sim_alarm(s, s->origin + span * i / s->options.nodes, i, GN_SIM_JOIN, 0);
    }
    return err;
}

static enum gn_err choose(struct gn_sim *s, const struct gn_sim_options *o)
{
    s->options = *o;
    s->scenario = o->scenario;
    if (o->nodes == 0) {
        s->options.nodes = o->scenario->nodes;
    }
    if (o->duration == 0) {
        s->options.duration = o->scenario->duration;
    }
    return s->options.nodes < GN_SIM_NODES_MIN || s->options.nodes > GN_WORLD_PLACES_MAX ||
                   s->options.duration < GN_SIM_DURATION_MIN || s->options.duration > GN_SIM_DURATION_MAX
               ? GN_E_INVALID
               : GN_OK;
}

enum gn_err gn_sim_new(struct gn_sim **out, const struct gn_sim_options *options)
{
    struct gn_sim *s = gn_alloc_zeroed(gn_alloc_default(), 1, sizeof *s);
    enum gn_err err;

    *out = NULL;
    if (!s) {
        return GN_E_NO_MEMORY;
    }
    gn_meter_init(&s->meter, 0);
    gn_oracle_init(&s->oracle, &s->meter.alloc);
    err = choose(s, options);
    if (err == GN_OK) {
        struct gn_world_config config = {.seed = options->seed,
                                         .places = s->options.nodes,
                                         .net = s->scenario->net,
                                         .store_us = STORE_US,
                                         .keep_tables = s->scenario->session > 0 && !s->scenario->fresh,
                                         .memory_max = options->memory_max};
        struct gn_world_hooks hooks = {.ctx = s, .op = gn_sim_on_op, .alarm = on_alarm};
        err = gn_world_new(&s->world, &config, &hooks);
    }
    if (err == GN_OK) {
        s->places = gn_alloc_zeroed(&s->meter.alloc, s->options.nodes, sizeof *s->places);
        s->peers = gn_alloc_zeroed(&s->meter.alloc, GN_SIM_PEERS_MAX, sizeof *s->peers);
        err = s->places && s->peers ? plan_times(s) : GN_E_NO_MEMORY;
    }
    if (err != GN_OK) {
        gn_sim_free(s);
        return err;
    }
    *out = s;
    return GN_OK;
}

void gn_sim_free(struct gn_sim *s)
{
    if (!s) {
        return;
    }
    gn_world_free(s->world);
    for (uint32_t i = 0; i < s->ops_len; i++) {
        gn_alloc_free(&s->meter.alloc, s->ops[i]);
    }
    gn_alloc_free(&s->meter.alloc, s->ops);
    gn_alloc_free(&s->meter.alloc, s->values);
    gn_alloc_free(&s->meter.alloc, s->latencies);
    gn_alloc_free(&s->meter.alloc, s->peers);
    gn_alloc_free(&s->meter.alloc, s->places);
    gn_oracle_fini(&s->oracle);
    GN_CHECK(s->meter.bytes == 0);
    gn_alloc_free(gn_alloc_default(), s);
}

/* ---- Running ---- */

enum gn_err gn_sim_run(struct gn_sim *s, gn_time_us until)
{
    enum gn_err err = gn_world_run(s->world, gn_time_min(s->origin + until, s->end));

    return err != GN_OK ? err : s->err;
}

gn_time_us gn_sim_now(const struct gn_sim *s)
{
    return gn_world_now(s->world) - s->origin;
}

gn_time_us gn_sim_end(const struct gn_sim *s)
{
    return s->end - s->origin;
}

bool gn_sim_is_over(const struct gn_sim *s)
{
    return gn_world_now(s->world) >= s->end;
}
