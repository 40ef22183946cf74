/* node/run.h - `ghostnet run`: from settings to a node in the foreground, and the exit code of its end.
 *
 * Life: a plain call. Threads: the main one. Purity: none.
 */
#ifndef GN_NODE_RUN_H
#define GN_NODE_RUN_H

#include "base/err.h"
#include "node/config.h"

/* Runs a node until it is stopped. Errors are told on stderr as "ghostnet: what: what to do". Returns GN_OK after a
 * clean end. */
enum gn_err gn_run(const struct gn_config *config, const char *data_dir);

#endif
