/* node/demo_swarm.h - real `ghostnet run` processes in a folder of their own: started, asked, killed, drained.
 *
 * Life: gn_swarm_start .. gn_swarm_end, which leaves nothing behind. Threads: the main one. Purity: none.
 */
#ifndef GN_NODE_DEMO_SWARM_H
#define GN_NODE_DEMO_SWARM_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/id.h"
#include "base/time.h"
#include "rpc/client.h"

#define GN_SWARM_MAX 64U
#define GN_SWARM_DIR_MAX 64U /* a Unix socket's path has 107 bytes */

struct gn_swarm_node {
    pid_t pid; /* 0: not running */
    int out;   /* its stdout */
    char dir[GN_SWARM_DIR_MAX + 16U];
    char id[GN_ID_TEXT_LEN + 1];
    char listen[64];
    struct gn_rpc_client *client;
};

struct gn_swarm {
    char dir[GN_SWARM_DIR_MAX];
    struct gn_swarm_node nodes[GN_SWARM_MAX];
    size_t len;
    char why[640]; /* of the last failure */
};

/* Makes the folder. From here to gn_swarm_end SIGINT and SIGTERM wait, but for the time of a call to a node, which they
 * end with CANCELLED. */
GN_MUST_CHECK enum gn_err gn_swarm_init(struct gn_swarm *s);
/* Starts one more node and waits for its ready line; it joins through the first one. */
GN_MUST_CHECK enum gn_err gn_swarm_add(struct gn_swarm *s);
/* Starts `count` nodes at once and waits for all of them. */
GN_MUST_CHECK enum gn_err gn_swarm_add_many(struct gn_swarm *s, size_t count);
/* Asks a node; *body (may be NULL) is the parsed answer, to be released with json_decref. `why` is filled on errors. */
GN_MUST_CHECK enum gn_err gn_swarm_ask(struct gn_swarm *s, size_t node, const struct gn_rpc_request *request,
                                       struct gn_rpc_response *response, json_t **body);
/* A signal waits: the user wants an end. */
bool gn_swarm_interrupted(void);
/* SIGKILL, and waits for its end. */
void gn_swarm_kill(struct gn_swarm *s, size_t index);
/* SIGTERM to all, waits at most `timeout`. Returns how many ended cleanly; *running is how many were asked. */
size_t gn_swarm_drain(struct gn_swarm *s, size_t *running, gn_time_us timeout);
/* Ends what still runs; removes the folder unless `keep`. */
void gn_swarm_end(struct gn_swarm *s, bool keep);

#endif
