/* sim/sim_life.c - nodes come, leave, crash together, and are cut off. */
#include "base/check.h"
#include "sim/engine/draw.h"
#include "sim/sim_state.h"

#define AGAIN_AFTER GN_SECONDS(5)
#define TRIES 64U

uint32_t gn_sim_somebody(struct gn_sim *s, uint32_t except)
{
    uint32_t place = 0;

    for (unsigned i = 0; i < TRIES; i++) {
        place = gn_draw_below(gn_sim_draw(s, except), s->options.nodes);
        if (s->places[place].joined && place != except) {
            return place;
        }
    }
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        place = place + 1U < s->options.nodes ? place + 1U : 0;
        if (s->places[place].joined && place != except) {
            return place;
        }
    }
    return except;
}

/* Churn begins with the measured part; a session that begins before it lasts at least until then. */
static enum gn_err plan_death(struct gn_sim *s, uint32_t place)
{
    gn_time_us from = gn_time_max(gn_world_now(s->world), s->begin);
    uint64_t draw = gn_draw(s->options.seed, place, GN_DRAW_CHURN, UINT64_C(2) * s->places[place].life);

    if (s->scenario->session == 0) {
        return GN_OK;
    }
    return gn_sim_alarm(s, from + gn_draw_exponential(draw, s->scenario->session), place, GN_SIM_DIE,
                        s->places[place].life);
}

static enum gn_err bootstrap(struct gn_sim *s, uint32_t place)
{
    uint32_t other = gn_sim_somebody(s, place);
    struct gn_command c = {.type = GN_CMD_BOOTSTRAP};

    if (other == place) { /* the first one */
        gn_sim_joined(s, place, GN_OK);
        return s->err;
    }
    struct gn_sim_op *op = gn_sim_op_take(s, GN_SIM_OP_JOIN, place, 0);
    if (!op) {
        return GN_E_NO_MEMORY;
    }
    c.contact = *gn_world_contact(s->world, other);
    return gn_sim_op_start(s, op, &c);
}

enum gn_err gn_sim_join(struct gn_sim *s, uint32_t place, uint32_t life, bool start)
{
    struct gn_sim_place *p = &s->places[place];
    enum gn_err err;

    if (start) {
        p->life++;
        err = gn_world_start(s->world, place, p->life == 1 || s->scenario->fresh);
        if (err == GN_OK) {
            err = plan_death(s, place);
        }
        return err != GN_OK ? err : bootstrap(s, place);
    }
    return life == p->life && gn_world_is_up(s->world, place) && !p->joined ? bootstrap(s, place) : GN_OK;
}

void gn_sim_joined(struct gn_sim *s, uint32_t place, enum gn_err err)
{
    struct gn_sim_place *p = &s->places[place];

    if (err == GN_OK) {
        p->joined = true;
        s->joined++;
        err = gn_oracle_add(&s->oracle, &gn_world_contact(s->world, place)->id, place);
    } else {
        err = gn_sim_alarm(s, gn_world_now(s->world) + AGAIN_AFTER, place, GN_SIM_AGAIN, p->life);
    }
    s->err = s->err != GN_OK ? s->err : err;
}

static void crash(struct gn_sim *s, uint32_t place)
{
    struct gn_sim_place *p = &s->places[place];

    if (p->joined) {
        gn_oracle_remove(&s->oracle, &gn_world_contact(s->world, place)->id);
        s->joined--;
        p->joined = false;
    }
    gn_sim_op_forget(s, place);
    gn_world_stop(s->world, place);
}

enum gn_err gn_sim_die(struct gn_sim *s, uint32_t place, uint32_t life)
{
    uint64_t draw = gn_draw(s->options.seed, place, GN_DRAW_CHURN, UINT64_C(2) * s->places[place].life + 1U);

    if (life != s->places[place].life || !gn_world_is_up(s->world, place)) {
        return GN_OK; /* it was gone before */
    }
    crash(s, place);
    return gn_sim_alarm(s, gn_world_now(s->world) + gn_draw_exponential(draw, s->scenario->offline), place, GN_SIM_JOIN,
                        0);
}

enum gn_err gn_sim_begin(struct gn_sim *s)
{
    struct gn_world_totals totals;
    enum gn_err err = GN_OK;

    gn_world_totals(s->world, &totals);
    s->bytes_at_begin = totals.bytes;
    s->up_at_begin = totals.up_us;
    s->measuring = true;
    s->calm_from = s->begin;
    (void)gn_sim_holds(s, s->joined == s->options.nodes, "join.all", "%u of %u nodes have joined", s->joined,
                       s->options.nodes);
    for (uint32_t i = 0; err == GN_OK && i < s->options.nodes; i++) {
        err = gn_sim_work_begin(s, i);
    }
    return err;
}

enum gn_err gn_sim_crash(struct gn_sim *s)
{
    for (uint32_t i = 0; i < s->options.nodes; i++) {
        uint64_t draw = gn_draw(s->options.seed, i, GN_DRAW_FAULT, 1);
        if (gn_world_is_up(s->world, i) && gn_draw_below(draw, 100) < s->scenario->crash_percent) {
            crash(s, i);
        }
    }
    s->calm_from = gn_world_now(s->world);
    return GN_OK;
}

void gn_sim_cut(struct gn_sim *s, bool on)
{
    gn_world_cut(s->world, on);
    s->calm_from = on ? GN_TIME_NEVER : gn_world_now(s->world);
}
