/* node/api_op.h - a call of the control API that waits for operations of the overlay, one after the other.
 *
 * Life: gn_api_op_new .. gn_api_op_done or gn_api_op_fail, which finish the call and free it. Threads: the loop's.
 * Purity: none.
 */
#ifndef GN_NODE_API_OP_H
#define GN_NODE_API_OP_H

#include "node/node_inside.h"

struct gn_api_op;
typedef void (*gn_api_op_fn)(struct gn_api_op *op, const struct gn_op_event *event);

struct gn_api_op {
    struct gn_node *node;
    struct gn_api_call *call;
    gn_op_id running; /* 0: none */
    gn_api_op_fn fn;
    struct gn_id target;
    struct gn_contact contact;
    void *extra; /* freed with it */
};

/* NULL: no memory, and the call was failed. */
struct gn_api_op *gn_api_op_new(struct gn_node *n, struct gn_api_call *call);
/* Starts an operation; fn hears its events and ends the op, or runs the next one, on DONE. When it cannot be started
 * the op is failed. If the asker leaves, the operation is cancelled and DONE comes with CANCELLED. */
void gn_api_op_run(struct gn_api_op *op, const struct gn_command *command, gn_api_op_fn fn);
void gn_api_op_done(struct gn_api_op *op, const void *result);
void gn_api_op_fail(struct gn_api_op *op, enum gn_err err, const char *detail);

#endif
