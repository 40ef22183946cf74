/* node/main_sim.c - options, the loop with its progress line, the report for people and for programs. */
#include "node/main_sim.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/os_clock.h"
#include "base/units.h"
#include "sim/sim.h"

#define SLICE GN_MS(250)      /* of virtual time between two looks at the clock */
#define SHOW_EVERY GN_MS(200) /* of real time */

/* Ctrl-C is not delivered but asked for, so that the report so far is written. */
static void hold_interrupts(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, set, NULL);
}

static bool is_interrupted(const sigset_t *set)
{
    return sigtimedwait(set, NULL, &(struct timespec){0}) > 0;
}

/* ---- Options ---- */

/* A whole number within limits; false: told. */
static bool take_number(const struct gn_cli *cli, const char *name, uint64_t *out, uint64_t least, uint64_t most)
{
    const char *text = gn_cli_value(cli, name);
    char *end = NULL;

    if (!text) {
        return true;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number < least || number > most) {
        (void)gn_cli_fail(GN_EXIT_USAGE, "--%s '%.40s' is not a number from %" PRIu64 " to %" PRIu64, name, text, least,
                          most);
        return false;
    }
    *out = number;
    return true;
}

static int no_scenario(const char *name)
{
    char names[256] = "";
    size_t len = 0;

    for (const struct gn_scenario *s = gn_scenarios; s->name; s++) {
        int n = snprintf(names + len, sizeof names - len, "%s%s", len > 0 ? ", " : "", s->name);
        len += n > 0 && (size_t)n < sizeof names - len ? (size_t)n : 0;
    }
    return gn_cli_fail(GN_EXIT_USAGE, "no scenario '%.40s': use %s", name, names);
}

/* -1: go on; else the exit code. */
static int take_options(const struct gn_cli *cli, struct gn_sim_options *o)
{
    const char *duration = gn_cli_value(cli, "duration"), *memory = gn_cli_value(cli, "memory");
    uint64_t nodes = 0;

    o->scenario = gn_scenario_find(cli->args[0]);
    if (!o->scenario) {
        return no_scenario(cli->args[0]);
    }
    o->seed = 1;
    if (!take_number(cli, "nodes", &nodes, GN_SIM_NODES_MIN, GN_WORLD_PLACES_MAX) ||
        !take_number(cli, "seed", &o->seed, 0, INT64_MAX)) {
        return GN_EXIT_USAGE;
    }
    o->nodes = (uint32_t)nodes;
    if (duration && (gn_units_parse_duration(&o->duration, duration, strlen(duration)) != GN_OK ||
                     o->duration < GN_SIM_DURATION_MIN || o->duration > GN_SIM_DURATION_MAX)) {
        return gn_cli_fail(GN_EXIT_USAGE, "--duration '%.40s' is no time from 1m to 336h", duration);
    }
    if (memory && (gn_units_parse_size(&o->memory_max, memory, strlen(memory)) != GN_OK || o->memory_max == 0)) {
        return gn_cli_fail(GN_EXIT_USAGE, "--memory '%.40s' is not a size: use 512MiB or 4GiB", memory);
    }
    return -1;
}

/* ---- Running ---- */

static void show_progress(struct gn_sim *s, gn_time_us took)
{
    struct gn_sim_report r;
    double seconds = (double)took / 1e6;

    gn_sim_report(s, &r);
    (void)fprintf(stderr, "\r\033[K%s: %.0f of %.0f s, %.0f x real time, %.0f events/s, %u nodes up", r.scenario->name,
                  (double)r.virtual_us / 1e6, (double)gn_sim_end(s) / 1e6, (double)r.virtual_us / 1e6 / seconds,
                  (double)r.events / seconds, r.nodes_up);
    (void)fflush(stderr);
}

static enum gn_err run(struct gn_sim *s, bool show, gn_time_us *took, bool *interrupted)
{
    gn_time_us began = gn_os_clock_now(), shown = began;
    enum gn_err err = GN_OK;
    sigset_t signals;

    hold_interrupts(&signals);
    while (err == GN_OK && !gn_sim_is_over(s) && !*interrupted) {
        err = gn_sim_run(s, gn_sim_now(s) + SLICE);
        *interrupted = is_interrupted(&signals);
        gn_time_us now = gn_os_clock_now();
        if (show && now - shown >= SHOW_EVERY) {
            show_progress(s, now - began + 1U);
            shown = now;
        }
    }
    *took = gn_os_clock_now() - began + 1U;
    if (show) {
        (void)fputs("\r\033[K", stderr);
    }
    return err;
}

/* ---- Telling ---- */

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 100.0;
}

static void print_failures(const struct gn_sim_report *r)
{
    for (size_t i = 0; i < r->failures_len; i++) {
        (void)fprintf(stderr, "violated: %s at %.3f s: %s\n", r->failures[i].invariant, (double)r->failures[i].at / 1e6,
                      r->failures[i].text);
    }
    if (r->violated > r->failures_len) {
        (void)fprintf(stderr, "and %" PRIu64 " more\n", r->violated - r->failures_len);
    }
}

static void print_report(const struct gn_sim_report *r, gn_time_us took)
{
    double wall = (double)took / 1e6, virtual_s = (double)r->virtual_us / 1e6;

    (void)printf("%s: %u nodes, seed %" PRIu64 "\n", r->scenario->name, r->nodes, r->seed);
    (void)printf("  time        %.1f s virtual in %.2f s: %.1f x real time\n", virtual_s, wall, virtual_s / wall);
    (void)printf("  events      %" PRIu64 ", %.0f a second; trace hash %016" PRIx64 "\n", r->events,
                 (double)r->events / wall, r->trace_hash);
    (void)printf("  memory      %" PRIu64 " bytes a node at most\n", r->bytes_per_node);
    (void)printf("  nodes       %u up, %" PRIu64 " starts, %" PRIu64 " crashes\n", r->nodes_up, r->starts, r->stops);
    (void)printf("  packets     %" PRIu64 " lost, %" PRIu64 " twice, %" PRIu64 " damaged, %" PRIu64
                 " refused for damage, %" PRIu64 " cut off\n",
                 r->lost, r->duplicated, r->corrupted, r->refused, r->cut);
    (void)printf("  traffic     %" PRIu64 " bytes a node and second\n", r->traffic_bytes_per_node_s);
    if (r->lookups_judged > 0) {
        (void)printf("  lookups     %" PRIu64 ", %.2f %% right, p50 %.0f ms, p95 %.0f ms, %.2f hops\n",
                     r->lookups_judged, share(r->lookups_succeeded, r->lookups_judged), (double)r->p50_us / 1e3,
                     (double)r->p95_us / 1e3, (double)r->mean_hops_milli / 1e3);
    }
    if (r->puts_started > 0) {
        (void)printf("  values      %" PRIu64 " of %" PRIu64 " puts acknowledged, %" PRIu64 " of %" PRIu64
                     " reads found theirs, %" PRIu64 " lost\n",
                     r->values_acknowledged, r->puts_started, r->gets_succeeded, r->gets_started, r->values_lost);
    }
    (void)printf("  invariants  %" PRIu64 " checks, %" PRIu64 " violated\n", r->checked, r->violated);
}

static json_t *failures_json(const struct gn_sim_report *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->failures_len; i++) {
        (void)json_array_append_new(list, json_pack("{s:s,s:f,s:s}", "invariant", r->failures[i].invariant, "at_s",
                                                    (double)r->failures[i].at / 1e6, "text", r->failures[i].text));
    }
    return list;
}

static int print_json(const struct gn_sim_report *r, gn_time_us took)
{
    char hash[17];
    double wall = (double)took / 1e6;

    (void)snprintf(hash, sizeof hash, "%016" PRIx64, r->trace_hash);
    json_t *doc = json_pack(
        "{s:s,s:I,s:I,s:f,s:f,s:I,s:f,s:s,s:I,s:{s:I,s:I,s:o},s:{s:I,s:I,s:I,s:I,s:f,s:f,s:f},s:I}", "scenario",
        r->scenario->name, "seed", (json_int_t)r->seed, "nodes", (json_int_t)r->nodes, "virtual_s",
        (double)r->virtual_us / 1e6, "wall_s", wall, "events", (json_int_t)r->events, "events_per_s",
        (double)r->events / wall, "trace_hash", hash, "bytes_per_node", (json_int_t)r->bytes_per_node, "invariants",
        "checked", (json_int_t)r->checked, "violated", (json_int_t)r->violated, "failures", failures_json(r), "lookups",
        "started", (json_int_t)r->lookups_started, "judged", (json_int_t)r->lookups_judged, "succeeded",
        (json_int_t)r->lookups_succeeded, "exact", (json_int_t)r->lookups_exact, "p50_ms", (double)r->p50_us / 1e3,
        "p95_ms", (double)r->p95_us / 1e3, "mean_hops", (double)r->mean_hops_milli / 1e3, "traffic_bytes_per_node_s",
        (json_int_t)r->traffic_bytes_per_node_s);
    json_t *more = json_pack("{s:{s:I,s:I,s:I,s:I,s:I},s:{s:I,s:I,s:I},s:{s:I,s:I,s:I,s:I,s:I}}", "values",
                             "acknowledged", (json_int_t)r->values_acknowledged, "lost", (json_int_t)r->values_lost,
                             "puts", (json_int_t)r->puts_started, "reads", (json_int_t)r->gets_started, "reads_found",
                             (json_int_t)r->gets_succeeded, "churn", "up", (json_int_t)r->nodes_up, "starts",
                             (json_int_t)r->starts, "crashes", (json_int_t)r->stops, "packets", "lost",
                             (json_int_t)r->lost, "duplicated", (json_int_t)r->duplicated, "damaged",
                             (json_int_t)r->corrupted, "refused", (json_int_t)r->refused, "cut", (json_int_t)r->cut);
    bool whole = doc && more && json_object_update(doc, more) == 0;
    json_decref(more);
    char *text = whole ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    if (!text) {
        return gn_cli_fail(GN_EXIT_FAILED, "out of memory: the report was not written");
    }
    (void)puts(text);
    free(text);
    return GN_EXIT_DONE;
}

static int tell_end(const struct gn_sim_report *r, enum gn_err err, bool interrupted)
{
    if (err == GN_E_NO_MEMORY) {
        return gn_cli_fail(GN_EXIT_FAILED,
                           "out of memory after %.0f virtual seconds, with %u nodes up: use fewer --nodes, or more "
                           "--memory",
                           (double)r->virtual_us / 1e6, r->nodes_up);
    }
    if (err != GN_OK) {
        return gn_cli_fail(GN_EXIT_FAILED, "the run ended after %.0f virtual seconds: %s", (double)r->virtual_us / 1e6,
                           gn_err_text(err));
    }
    if (r->violated > 0) {
        return gn_cli_fail(GN_EXIT_FAILED, "%" PRIu64 " invariants were violated: repeat it with --seed %" PRIu64,
                           r->violated, r->seed);
    }
    return interrupted ? GN_EXIT_INTERRUPTED : GN_EXIT_DONE;
}

static int cmd_run(struct gn_cli *cli)
{
    struct gn_sim_options options = {0};
    struct gn_sim_report report;
    struct gn_sim *s = NULL;
    gn_time_us took = 0;
    bool interrupted = false;
    int code = take_options(cli, &options);

    if (code >= 0) {
        return code;
    }
    enum gn_err err = gn_sim_new(&s, &options);
    if (err != GN_OK) {
        return gn_cli_fail(GN_EXIT_FAILED, "the world cannot be built: %s: use fewer --nodes, or more --memory",
                           gn_err_text(err));
    }
    err = run(s, !cli->quiet && isatty(STDERR_FILENO), &took, &interrupted);
    gn_sim_report(s, &report);
    gn_sim_free(s);
    if (cli->json) {
        code = print_json(&report, took);
    } else {
        print_report(&report, took);
    }
    print_failures(&report);
    return code > 0 ? code : tell_end(&report, err, interrupted);
}

static int cmd_list(struct gn_cli *cli)
{
    for (const struct gn_scenario *s = gn_scenarios; s->name; s++) {
        double minutes = (double)s->duration / 60e6;
        if (cli->json) {
            json_t *line = json_pack("{s:s,s:s,s:I,s:f}", "scenario", s->name, "line", s->line, "nodes",
                                     (json_int_t)s->nodes, "duration_s", (double)s->duration / 1e6);
            char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
            (void)puts(text ? text : "{}");
            free(text);
            json_decref(line);
            continue;
        }
        (void)printf("%-10s %5u nodes, %3.0f min  %s\n", s->name, s->nodes, minutes, s->line);
    }
    return GN_EXIT_DONE;
}

/* ---- The table ---- */

static const struct gn_cli_option sim_options[] = {
    {"nodes", 0, "N", "how many nodes, 20 to 1048576 (default: the scenario's)"},
    {"seed", 0, "S", "everything random follows from it (default 1)"},
    {"duration", 0, "T", "virtual time of the measured part, from 1m on (default: the scenario's)"},
    {"memory", 0, "SIZE", "end the run when the world would take more than this"},
    {0},
};

const struct gn_cli_command gn_main_sim_commands[] = {
    {"sim run", "SCENARIO", "simulate a network in virtual time",
     "Runs many nodes of this program's own overlay in one process, without a clock or a socket: the same seed gives\n"
     "the same run, to the last event, on every machine. Nodes join, users work, things fail as the scenario says,\n"
     "and invariants are checked all the time; a violation is told with its time and nodes, and the exit code is 1.",
     sim_options, 1, 1, cmd_run},
    {"sim list", "", "the scenarios there are", "One line each: name, usual size, what happens.", NULL, 0, 0, cmd_list},
    {0},
};
