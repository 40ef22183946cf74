/* node/api_op.c - between a call of the control API and the operations that answer it. */
#include "node/api_op.h"

#include <stdlib.h>

static void on_cancel(struct gn_api_call *call)
{
    struct gn_api_op *op = call->work;
    if (op->running)
        gn_host_cancel(op->node->host, op->running);
}

struct gn_api_op *gn_api_op_new(struct gn_node *n, struct gn_api_call *call)
{
    struct gn_api_op *op = calloc(1, sizeof *op);
    if (!op) {
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return NULL;
    }
    op->node = n;
    op->call = call;
    call->work = op;
    call->cancel = on_cancel;
    return op;
}

static void on_event(void *data, const struct gn_op_event *event)
{
    struct gn_api_op *op = data;
    if (event->type == GN_OPEV_DONE)
        op->running = 0;
    op->fn(op, event);
}

void gn_api_op_run(struct gn_api_op *op, const struct gn_command *command, gn_api_op_fn fn)
{
    op->fn = fn;
    if (op->call->gone) {
        gn_api_op_fail(op, GN_E_CANCELLED, NULL);
        return;
    }
    enum gn_err err = gn_host_command(op->node->host, &op->running, command, on_event, op);
    if (err)
        gn_api_op_fail(op, err, err == GN_E_FULL ? "too many operations at once: try again" : NULL);
}

static void op_free(struct gn_api_op *op)
{
    op->call->work = NULL;
    op->call->cancel = NULL;
    free(op->extra);
    free(op);
}

void gn_api_op_done(struct gn_api_op *op, const void *result)
{
    struct gn_api_call *call = op->call;
    void *extra = op->extra; /* the result may live there */
    op->extra = NULL;
    op_free(op);
    gn_api_done(call, result);
    free(extra);
}

void gn_api_op_fail(struct gn_api_op *op, enum gn_err err, const char *detail)
{
    struct gn_api_call *call = op->call;
    op_free(op);
    gn_api_fail(call, err, detail);
}
