/* sim/scenario.c - the table. */
#include "sim/scenario.h"

#include <stddef.h>
#include <string.h>

const struct gn_scenario gn_scenarios[] = {
    {.name = "lookup",
     .line = "nothing fails: every lookup must find the nearest node and hear of all of the 16 closest",
     .nodes = 1000,
     .duration = GN_HOURS(1),
     .net = {.jitter_percent = 5},
     .lookup_every = GN_SECONDS(360),
     .recover = 0,
     .calm = true},
    {.name = "churn",
     .line = "nodes stay for an hour on average, are away for half an hour and come back; 1 % of packets is lost",
     .nodes = 1000,
     .duration = GN_HOURS(1),
     .net = {.loss_ppm = 10000, .duplicate_ppm = 1000, .reorder_ppm = 10000, .corrupt_ppm = 100, .jitter_percent = 10},
     .lookup_every = GN_SECONDS(360),
     .session = GN_HOURS(1),
     .offline = GN_MINUTES(30),
     .recover = GN_TIME_NEVER},
    {.name = "bamboo",
     .line = "half of the nodes are gone after 1.4 minutes, new ones take their places (Rhea 2004)",
     .nodes = 1000,
     .duration = GN_MINUTES(20),
     .net = {.jitter_percent = 5},
     .lookup_every = GN_SECONDS(60),
     .session = GN_MS(121184), /* median 84 s = mean * ln 2 */
     .fresh = true,
     .recover = GN_TIME_NEVER},
    {.name = "kv",
     .line = "values are stored and read, 30 % of the nodes crash, 1 % of packets is lost: no value may be lost",
     .nodes = 500,
     .duration = GN_MINUTES(20),
     .net = {.loss_ppm = 10000, .duplicate_ppm = 1000, .reorder_ppm = 10000, .corrupt_ppm = 100, .jitter_percent = 10},
     .put_every = GN_MINUTES(10),
     .get_every = GN_MINUTES(2),
     .crash_percent = 30,
     .recover = GN_TIME_NEVER},
    {.name = "crash",
     .line = "half of the nodes crash at once; ten minutes later every lookup must be right again",
     .nodes = 1000,
     .duration = GN_MINUTES(40),
     .net = {.jitter_percent = 5},
     .lookup_every = GN_SECONDS(120),
     .crash_percent = 50,
     .recover = GN_MINUTES(10)},
    {.name = "partition",
     .line = "the network is in two halves for five minutes; ten minutes later every lookup must be right again",
     .nodes = 1000,
     .duration = GN_MINUTES(40),
     .net = {.jitter_percent = 5},
     .lookup_every = GN_SECONDS(120),
     .cut = GN_MINUTES(5),
     .recover = GN_MINUTES(10)},
    {0},
};

const struct gn_scenario *gn_scenario_find(const char *name)
{
    for (const struct gn_scenario *s = gn_scenarios; s->name; s++) {
        if (strcmp(s->name, name) == 0) {
            return s;
        }
    }
    return NULL;
}
