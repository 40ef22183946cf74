/* sim/sim_state.h - the parts of a run; for sim_*.c only.
 *
 * Life, Threads, Purity: as sim/sim.h.
 *
 *   sim.c         beginning, end, alarms
 *   sim_life.c    joining, churn, crashes, partition
 *   sim_op.c      operations that run, and what they tell
 *   sim_work.c    what users do: lookups, values
 *   sim_judge.c   was a lookup right?
 *   sim_check.c   invariants
 *   sim_report.c  figures
 */
#ifndef GN_SIM_SIM_STATE_H
#define GN_SIM_SIM_STATE_H

#include "sim/engine/meter.h"
#include "sim/oracle.h"
#include "sim/sim.h"
#include "sim/world/world.h"

#define GN_SIM_K 16U
#define GN_SIM_ASKED_MAX 192U
#define GN_SIM_PEERS_MAX 768U /* a table with its spares has fewer, as long as ids are random */

/* What an alarm is about: the lower 5 bits; above them the life that it is meant for, or a number. */
enum gn_sim_what {
    GN_SIM_JOIN,   /* a node begins */
    GN_SIM_AGAIN,  /* nobody answered: once more */
    GN_SIM_DIE,    /* its session is over */
    GN_SIM_LOOKUP, /* its user wants something */
    GN_SIM_PUT,
    GN_SIM_GET,
    GN_SIM_BEGIN, /* the measured part begins */
    GN_SIM_CRASH,
    GN_SIM_CUT,
    GN_SIM_HEAL,
    GN_SIM_TICK,     /* a virtual second is over */
    GN_SIM_READ_ALL, /* every value is read */
    GN_SIM_RECHECK,  /* the value with this number, once more, by somebody else */
};
#define GN_SIM_WHAT_BITS 5U

enum gn_sim_op_type { GN_SIM_OP_JOIN, GN_SIM_OP_LOOKUP, GN_SIM_OP_PUT, GN_SIM_OP_GET };

struct gn_sim_asked {
    uint64_t head; /* of the id */
    struct gn_addr addr;
    unsigned depth;
};

struct gn_sim_op {
    enum gn_sim_op_type type;
    bool running;
    bool strict; /* everybody had joined and nothing was broken when it began */
    bool found;  /* GET: the value came */
    uint32_t place;
    uint32_t number;
    uint32_t next_free; /* number + 1 */
    uint32_t value;     /* PUT, GET: its number */
    gn_time_us began;
    gn_time_us deadline;
    struct gn_id target;
    struct gn_id nearest; /* the node nearest to target when it began; zero: there was none */
    uint32_t asked_len;
    struct gn_sim_asked asked[GN_SIM_ASKED_MAX];
};

struct gn_sim_value {
    struct gn_id target;
    bool acknowledged, lost;
    uint8_t misses; /* reads in a row that did not find it */
};

/* What the run knows about a place. */
struct gn_sim_place {
    uint32_t life;  /* starts so far */
    uint32_t draws; /* counter of its own random choices */
    bool joined;
};

struct gn_sim {
    struct gn_meter meter; /* of the run's own memory; the world has its own */
    struct gn_sim_options options;
    const struct gn_scenario *scenario;
    struct gn_world *world;
    struct gn_oracle oracle;
    struct gn_sim_place *places;
    struct gn_sim_op **ops; /* by number; the id of an operation is its number + 1 */
    uint32_t ops_len;
    uint32_t ops_cap;
    uint32_t op_free; /* + 1 */
    struct gn_sim_value *values;
    uint32_t values_len;
    uint32_t values_cap;
    uint32_t *latencies; /* us, of lookups that were judged */
    size_t latencies_len;
    size_t latencies_cap;
    gn_time_us origin;   /* the world's time at the beginning */
    gn_time_us begin;    /* of the measured part */
    gn_time_us work_end; /* nothing new is asked after this */
    gn_time_us end;
    gn_time_us calm_from; /* since then nothing has been broken; GN_TIME_NEVER: it is */
    bool measuring;
    uint32_t check_at;          /* place whose table is checked next */
    struct gn_peer_info *peers; /* room for a table */
    uint32_t joined;
    uint64_t bytes_at_begin;
    gn_time_us up_at_begin;
    enum gn_err err; /* of something inside of a step: told after it */
    uint64_t lookups_started, lookups_judged, lookups_succeeded, lookups_exact, hops, hops_of;
    uint64_t puts_started, gets_started, gets_succeeded, values_acknowledged, values_lost;
    uint64_t checked, violated;
    size_t failures_len;
    struct gn_sim_failure failures[GN_SIM_FAILURES];
};

/* sim.c */
enum gn_err gn_sim_alarm(struct gn_sim *s, gn_time_us at, uint32_t place, enum gn_sim_what what, uint32_t argument);
uint64_t gn_sim_draw(struct gn_sim *s, uint32_t place);

/* sim_life.c */
enum gn_err gn_sim_join(struct gn_sim *s, uint32_t place, uint32_t life, bool start);
void gn_sim_joined(struct gn_sim *s, uint32_t place, enum gn_err err);
enum gn_err gn_sim_die(struct gn_sim *s, uint32_t place, uint32_t life);
enum gn_err gn_sim_begin(struct gn_sim *s);
enum gn_err gn_sim_crash(struct gn_sim *s);
void gn_sim_cut(struct gn_sim *s, bool on);
/* A node that is up and has joined, not `except`; `except` when there is no other. */
uint32_t gn_sim_somebody(struct gn_sim *s, uint32_t except);

/* sim_op.c */
void gn_sim_on_op(void *ctx, uint32_t place, const struct gn_op_event *event);
/* A free operation; NULL without memory. */
struct gn_sim_op *gn_sim_op_take(struct gn_sim *s, enum gn_sim_op_type type, uint32_t place, gn_time_us timeout);
/* Gives the command to its node. A refusal ends the operation. */
enum gn_err gn_sim_op_start(struct gn_sim *s, struct gn_sim_op *op, struct gn_command *command);
/* Forgets those of a node that has crashed. */
void gn_sim_op_forget(struct gn_sim *s, uint32_t place);
void gn_sim_op_overdue(struct gn_sim *s);

/* sim_work.c */
enum gn_err gn_sim_work_begin(struct gn_sim *s, uint32_t place);
enum gn_err gn_sim_lookup(struct gn_sim *s, uint32_t place);
enum gn_err gn_sim_put(struct gn_sim *s, uint32_t place);
enum gn_err gn_sim_get(struct gn_sim *s, uint32_t place);
enum gn_err gn_sim_read_all(struct gn_sim *s);
enum gn_err gn_sim_recheck(struct gn_sim *s, uint32_t value);
void gn_sim_put_done(struct gn_sim *s, const struct gn_sim_op *op, const struct gn_op_event *event);
void gn_sim_get_done(struct gn_sim *s, const struct gn_sim_op *op);

/* sim_judge.c */
bool gn_sim_is_calm(const struct gn_sim *s);
/* Fills out with the id of the node nearest to target that `asker` can reach; zero: there is none. */
void gn_sim_nearest(struct gn_sim *s, struct gn_id *out, uint32_t asker, const struct gn_id *target);
void gn_sim_judge(struct gn_sim *s, const struct gn_sim_op *op, const struct gn_op_event *event);

/* sim_check.c */
void gn_sim_check_tables(struct gn_sim *s);
/* Counts a check; when it did not hold, a violation. */
__attribute__((format(printf, 4, 5))) bool gn_sim_holds(struct gn_sim *s, bool claim, const char *invariant,
                                                        const char *format, ...);

#endif
