/* overlay/kad/op_put.c - PUT and PROVIDE: find the k closest, then store there (kad/op_store.c). */
#include "overlay/kad/op_part.h"

#include "overlay/kad/publish.h"

/* What is shared is announced until it no longer is: ten years stand for "until then". */
#define PROVIDE_FOR_S ((gn_wall_s)10U * 365U * 86400U)

enum gn_err gn_op_put_prepare(struct gn_kad *k, struct gn_op *op, struct gn_slice record)
{
    struct gn_record r;
    enum gn_err err = gn_record_open(&r, record, 0, NULL, k->env->crypto, k->wall);

    if (err != GN_OK) {
        return err;
    }
    op->kind = r.kind;
    op->target = r.target;
    if ((op->flags & GN_CMDF_CAS) && r.kind != GN_RECORD_MUTABLE) {
        return GN_E_INVALID;
    }
    if ((op->flags & GN_CMDF_KEEP) && !(op->flags & GN_CMDF_CAS)) {
        err = gn_publish_keep(k->publish, k->out, record, r.expiry, k->now, k->wall);
    }
    return err == GN_OK ? gn_op_set_record(k, op, record) : err;
}

/* Signs a provider record. AGAIN: our addresses are not known yet. */
static enum gn_err provide_prepare(struct gn_kad *k, struct gn_op *op)
{
    struct gn_publish_announcement a = {
        .content = op->target, .end = k->wall + PROVIDE_FOR_S, .keep = (op->flags & GN_CMDF_KEEP) != 0};
    enum gn_err err = gn_publish_provide(k->publish, k->out, &a, k->now, k->wall);

    op->kind = GN_RECORD_PROVIDER;
    return err == GN_OK ? gn_op_set_record(k, op, gn_slice_of(a.record, a.record_len)) : err;
}

static enum gn_err put_start(struct gn_kad *k, struct gn_op *op)
{
    if (op->type == GN_CMD_PROVIDE) {
        enum gn_err err = provide_prepare(k, op);

        if (err == GN_E_AGAIN) {
            gn_op_done(k, op, err);
            return GN_OK;
        }
        if (err != GN_OK) {
            return err;
        }
    }
    gn_op_begin_lookup(k, op, GN_MSG_FIND_NODE, true);
    gn_op_advance(k, op);
    return GN_OK;
}

static void put_found(struct gn_kad *k, struct gn_op *op)
{
    gn_op_store_begin(k, op);
}

static bool put_has_result(const struct gn_op *op)
{
    return op->stored > 0 && !op->waits_kept; /* what is acknowledged is on our disk */
}

const struct gn_op_kind gn_op_put_kind = {
    .start = put_start,
    .found = put_found,
    .has_result = put_has_result,
    .has_lookup = true,
};
