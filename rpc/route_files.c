/* rpc/route_files.c - shared and fetched files: share a path, list, stop sharing. */
#include <string.h>

#include "rpc/json.h"
#include "rpc/route.h"

json_t *gn_rpc_route_file_json(const struct gn_api_file *f)
{
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "root", gn_json_id(&f->root));
    gn_json_set(&j, "name", gn_json_text(f->name));
    gn_json_set(&j, "path", gn_json_text(f->path));
    gn_json_set(&j, "kind", gn_json_text(f->kind));
    gn_json_set(&j, "state", gn_json_text(f->state));
    gn_json_set(&j, "link", gn_json_text(f->link));
    gn_json_set(&j, "size", gn_json_u64(f->size));
    gn_json_set(&j, "have", gn_json_u64(f->have));
    gn_json_set(&j, "served", gn_json_u64(f->served));
    return gn_json_end(&j);
}

static void on_progress(struct gn_rpc_task *t, const void *part)
{
    const struct gn_api_progress *p = part;
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "stage", gn_json_text(p->stage));
    gn_json_set(&j, "name", gn_json_text(p->name));
    gn_json_set(&j, "done", gn_json_u64(p->done));
    gn_json_set(&j, "total", gn_json_u64(p->total));
    gn_json_set(&j, "files", gn_json_u64(p->files));
    gn_rpc_task_line(t, "progress", gn_json_end(&j), true);
}

static void on_shared(struct gn_rpc_task *t, const void *result)
{
    gn_rpc_task_result(t, 201, gn_rpc_route_file_json(result));
}

void gn_rpc_route_share(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_share req = {.path = NULL};
    const struct gn_json_member members[] = {
        {.name = "path", .kind = GN_JSON_STRING, .required = true, .string = &req.path},
    };
    char detail[GN_JSON_DETAIL_MAX];
    json_t *doc;
    if (!gn_rpc_task_has(t, ops->share != NULL))
        return;
    if (!t->x->request.from_unix) { /* a token is not a right to read any file of this machine */
        gn_rpc_task_fail(t, GN_E_PERMISSION, "a path can be shared through the Unix socket only: send the bytes");
        return;
    }
    enum gn_err err = gn_json_read(&doc, detail, body, members, GN_ARRAY_LEN(members));
    if (err) {
        gn_rpc_task_fail(t, err, detail);
        return;
    }
    if (req.path[0] == '/')
        ops->share(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_shared, t->lines ? on_progress : NULL), &req);
    else
        gn_rpc_task_fail(t, GN_E_INVALID, "member \"path\" must be absolute");
    json_decref(doc);
}

static void on_files(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_files *files = result;
    struct gn_json j;
    json_t *array = json_array();
    gn_json_begin(&j);
    for (size_t i = 0; i < files->len; i++)
        j.bad |= !gn_json_append(array, gn_rpc_route_file_json(&files->items[i]));
    gn_json_set(&j, "files", array);
    gn_rpc_task_json(t, 200, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_files(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    (void)body;
    if (gn_rpc_task_has(t, ops->files != NULL))
        ops->files(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_files, NULL));
}

static void on_unshared(struct gn_rpc_task *t, const void *result)
{
    (void)result;
    gn_rpc_task_empty(t, 204);
}

void gn_rpc_route_unshare(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_id root;
    (void)body;
    if (gn_rpc_task_has(t, ops->unshare != NULL) && gn_rpc_task_id(t, &root, 0, "the root"))
        ops->unshare(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_unshared, NULL), &root);
}
