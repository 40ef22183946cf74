/* overlay/kad/op_find.c - FIND: the k nodes closest to a target. */
#include "overlay/kad/op_part.h"

static enum gn_err find_start(struct gn_kad *k, struct gn_op *op)
{
    gn_op_begin_lookup(k, op, GN_MSG_FIND_NODE, false);
    gn_op_advance(k, op);
    return GN_OK;
}

static void find_found(struct gn_kad *k, struct gn_op *op)
{
    const struct gn_lookup *l = &op->lookup;

    if (l->answers > 0) {
        gn_op_done(k, op, GN_OK);
    } else {
        gn_op_done(k, op, l->queries > 0 ? GN_E_TIMEOUT : GN_E_UNREACHABLE);
    }
}

const struct gn_op_kind gn_op_find_kind = {.start = find_start, .found = find_found, .has_lookup = true};
