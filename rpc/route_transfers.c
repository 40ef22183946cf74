/* rpc/route_transfers.c - fetching by link: start, watch, list, cancel. */
#include <inttypes.h>
#include <stdio.h>

#include "rpc/json.h"
#include "rpc/problem.h"
#include "rpc/route.h"

static json_t *problem_json(const struct gn_api_transfer *t)
{
    char text[GN_PROBLEM_MAX];
    if (t->err == GN_OK)
        return json_null();
    (void)gn_problem_write(text, t->err, 0, t->detail);
    return json_loads(text, 0, NULL);
}

static json_t *transfer_json(const struct gn_api_transfer *t)
{
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "id", gn_json_u64(t->id));
    gn_json_set(&j, "root", gn_json_id(&t->root));
    gn_json_set(&j, "name", gn_json_text(t->name));
    gn_json_set(&j, "path", gn_json_text(t->path));
    gn_json_set(&j, "state", gn_json_text(t->state));
    gn_json_set(&j, "size", gn_json_u64(t->size));
    gn_json_set(&j, "have", gn_json_u64(t->have));
    gn_json_set(&j, "rate", gn_json_u64(t->rate));
    gn_json_set(&j, "providers", gn_json_u64(t->providers));
    gn_json_set(&j, "dropped", gn_json_u64(t->dropped));
    gn_json_set(&j, "error", problem_json(t));
    return gn_json_end(&j);
}

static void on_progress(struct gn_rpc_task *t, const void *part)
{
    gn_rpc_task_line(t, "progress", transfer_json(part), true);
}

static void on_ended(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_transfer *transfer = result;
    if (transfer->err)
        gn_rpc_task_fail(t, transfer->err, transfer->detail);
    else
        gn_rpc_task_result(t, 200, transfer_json(transfer));
}

static void watch(struct gn_rpc_task *t, uint64_t id)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    if (gn_rpc_task_has(t, ops->transfer_watch != NULL))
        ops->transfer_watch(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_ended, on_progress), id);
}

static void on_begun(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_transfer *transfer = result;
    char location[48];
    if (t->lines) {
        uint64_t id = transfer->id;
        gn_rpc_task_line(t, "progress", transfer_json(transfer), false);
        if (t->x && !t->answered) /* leaving does not cancel the transfer */
            watch(t, id);
        return;
    }
    (void)snprintf(location, sizeof location, "/v1/transfers/%" PRIu64, transfer->id);
    const struct gn_http_header header = gn_http_header_of("Location", location);
    gn_rpc_task_json(t, 202, transfer_json(transfer), &header, 1);
}

void gn_rpc_route_fetch(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_fetch req = {.link = NULL};
    const struct gn_json_member members[] = {
        {.name = "link", .kind = GN_JSON_STRING, .required = true, .string = &req.link},
        {.name = "path", .kind = GN_JSON_STRING, .string = &req.path},
        {.name = "overwrite", .kind = GN_JSON_BOOL, .boolean = &req.overwrite},
    };
    char detail[GN_JSON_DETAIL_MAX];
    json_t *doc;
    if (!gn_rpc_task_has(t, ops->fetch != NULL))
        return;
    enum gn_err err = gn_json_read(&doc, detail, body, members, GN_ARRAY_LEN(members));
    if (err) {
        gn_rpc_task_fail(t, err, detail);
        return;
    }
    if (req.path && !t->x->request.from_unix)
        gn_rpc_task_fail(t, GN_E_PERMISSION, "a path can be given through the Unix socket only");
    else if (req.path && req.path[0] != '/')
        gn_rpc_task_fail(t, GN_E_INVALID, "member \"path\" must be absolute");
    else
        ops->fetch(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_begun, NULL), &req);
    json_decref(doc);
}

static void on_transfers(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_transfers *transfers = result;
    struct gn_json j;
    json_t *array = json_array();
    gn_json_begin(&j);
    for (size_t i = 0; i < transfers->len; i++)
        j.bad |= !gn_json_append(array, transfer_json(&transfers->items[i]));
    gn_json_set(&j, "transfers", array);
    gn_rpc_task_json(t, 200, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_transfers(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    (void)body;
    if (gn_rpc_task_has(t, ops->transfers != NULL))
        ops->transfers(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_transfers, NULL));
}

static bool read_id(struct gn_rpc_task *t, uint64_t *id)
{
    if (gn_http_number(id, t->match.params[0]) == GN_OK)
        return true;
    gn_rpc_task_fail(t, GN_E_INVALID, "a transfer's id is a number");
    return false;
}

static void on_look_up(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_transfers *transfers = result;
    uint64_t id = 0;
    if (!t->x || !read_id(t, &id))
        return;
    for (size_t i = 0; i < transfers->len; i++) {
        if (transfers->items[i].id == id) {
            gn_rpc_task_json(t, 200, transfer_json(&transfers->items[i]), NULL, 0);
            return;
        }
    }
    gn_rpc_task_fail(t, GN_E_NOT_FOUND, "no such transfer");
}

void gn_rpc_route_transfer(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    uint64_t id;
    (void)body;
    if (!read_id(t, &id))
        return;
    if (t->lines)
        watch(t, id);
    else if (gn_rpc_task_has(t, ops->transfers != NULL))
        ops->transfers(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_look_up, NULL));
}

static void on_cancelled(struct gn_rpc_task *t, const void *result)
{
    gn_rpc_task_json(t, 200, transfer_json(result), NULL, 0);
}

void gn_rpc_route_transfer_cancel(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    uint64_t id;
    (void)body;
    if (gn_rpc_task_has(t, ops->transfer_cancel != NULL) && read_id(t, &id))
        ops->transfer_cancel(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_cancelled, NULL), id);
}
