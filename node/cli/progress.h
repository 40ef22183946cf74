/* node/cli/progress.h - a progress bar on stderr: drawn only on a terminal, ten times a second at most.
 *
 * Life: caller's memory; gn_progress_end clears the line. Threads: one owner. Purity: writes to stderr, asks the clock.
 */
#ifndef GN_NODE_CLI_PROGRESS_H
#define GN_NODE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

struct gn_progress {
    bool on;
    gn_time_us began, drawn;
    uint64_t first; /* `done` at the first update: what was there before does not count for the rate */
    bool started;
};

#define GN_PROGRESS_LINE_MAX 512U

/* on: draw at all (a terminal, and not -q). */
void gn_progress_init(struct gn_progress *p, bool on);
/* label: what is at work, cut to fit. total 0: unknown. rate 0: computed. */
void gn_progress_update(struct gn_progress *p, const char *label, uint64_t done, uint64_t total, uint64_t rate);
void gn_progress_end(struct gn_progress *p);
struct gn_progress_line {
    const char *label;
    uint64_t done, total, rate;
    gn_time_us eta_us; /* GN_TIME_NEVER: unknown */
};
/* One line of `width` columns without the line feed; pure. */
void gn_progress_format(char out[GN_PROGRESS_LINE_MAX], size_t width, const struct gn_progress_line *l);

#endif
