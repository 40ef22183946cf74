/* node/run.c - `ghostnet run`. */
#include "node/run.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "node/node.h"

/* Every connection and file takes a descriptor: take all that we may have. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

enum gn_err gn_run(const struct gn_config *config, const char *data_dir)
{
    struct gn_node *node = NULL;
    char why[GN_NODE_WHY_MAX];
    (void)signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    enum gn_err err = gn_node_new(&node, why, config, data_dir);
    if (err) {
        (void)fprintf(stderr, "ghostnet: %s\n", why);
        return err;
    }
    err = gn_node_run(node);
    gn_node_free(node);
    if (err)
        (void)fprintf(stderr, "ghostnet: the node ended: %s\n", gn_err_text(err));
    return err;
}
