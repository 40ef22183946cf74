/* node/node.h - the daemon: data folder, store, host, files, control API, bootstrap, network watch, and its end.
 *
 * Life: gn_node_new .. gn_node_run (returns when the node has ended) .. gn_node_free. Threads: one; run() owns it.
 * Purity: none.
 */
#ifndef GN_NODE_NODE_H
#define GN_NODE_NODE_H

#include "base/err.h"
#include "node/config.h"

#define GN_NODE_WHY_MAX 512U

struct gn_node;

/* Opens everything: after it the ports are bound and the API listens. On an error `why` says what went wrong and what
 * to do. Borrows config until gn_node_free. LOCKED, CORRUPT, IN_USE, PERMISSION, NO_SPACE, INVALID, DESCRIPTORS, ... */
GN_MUST_CHECK enum gn_err gn_node_new(struct gn_node **out, char why[GN_NODE_WHY_MAX], const struct gn_config *config,
                                      const char *data_dir);
/* Joins the network, prints the ready line to stdout, runs until SIGINT, SIGTERM or a stop by the API, drains within
 * GN_NODE_DRAIN. Returns the first fatal error of the run, or GN_OK. */
GN_MUST_CHECK enum gn_err gn_node_run(struct gn_node *n);
#define GN_NODE_DRAIN GN_SECONDS(5)
void gn_node_free(struct gn_node *n);

#endif
