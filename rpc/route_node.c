/* rpc/route_node.c - the node itself: what it is, its settings, its NAT, stop. */
#include "rpc/json.h"
#include "rpc/route.h"

static void on_node(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_node *n = result;
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "id", gn_json_id(&n->id));
    gn_json_set(&j, "version", gn_json_text(n->version));
    gn_json_set(&j, "network", gn_json_text(n->network));
    gn_json_set(&j, "mode", gn_json_text(n->mode));
    gn_json_set(&j, "data_dir", gn_json_text(n->data_dir));
    gn_json_set(&j, "api_url", gn_json_text(n->api_url));
    gn_json_set(&j, "pid", gn_json_u64(n->pid));
    gn_json_set(&j, "uptime_ms", gn_json_u64(n->uptime_us / 1000));
    gn_json_set(&j, "ready", json_boolean(n->ready));
    gn_json_set(&j, "listen", gn_json_addrs(n->listen, n->listen_len));
    gn_json_set(&j, "external", gn_json_addrs(n->external, n->external_len));
    gn_json_set(&j, "peers", gn_json_u64(n->peers));
    gn_json_set(&j, "connections", gn_json_u64(n->connections));
    gn_json_set(&j, "records", gn_json_u64(n->records));
    gn_json_set(&j, "record_bytes", gn_json_u64(n->record_bytes));
    gn_json_set(&j, "files", gn_json_u64(n->files));
    gn_json_set(&j, "bytes_in", gn_json_u64(n->bytes_in));
    gn_json_set(&j, "bytes_out", gn_json_u64(n->bytes_out));
    gn_rpc_task_json(t, 200, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_node(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    (void)body;
    if (gn_rpc_task_has(t, ops->node_info != NULL))
        ops->node_info(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_node, NULL));
}

static void on_stop(struct gn_rpc_task *t, const void *result)
{
    struct gn_json j;
    (void)result;
    gn_json_begin(&j);
    gn_json_set(&j, "stopping", json_true());
    gn_rpc_task_json(t, 202, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_stop(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    (void)body;
    if (gn_rpc_task_has(t, ops->stop != NULL))
        ops->stop(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_stop, NULL));
}

static json_t *setting_json(const struct gn_api_setting *s)
{
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "section", gn_json_text(s->section));
    gn_json_set(&j, "name", gn_json_text(s->name));
    gn_json_set(&j, "value", gn_json_text(s->value));
    gn_json_set(&j, "source", gn_json_text(s->source));
    return gn_json_end(&j);
}

static void on_config(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_settings *settings = result;
    struct gn_json j;
    json_t *array = json_array();
    gn_json_begin(&j);
    for (size_t i = 0; i < settings->len; i++)
        j.bad |= !gn_json_append(array, setting_json(&settings->items[i]));
    gn_json_set(&j, "settings", array);
    gn_rpc_task_json(t, 200, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_config(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    (void)body;
    if (gn_rpc_task_has(t, ops->config != NULL))
        ops->config(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_config, NULL));
}

static json_t *check_json(const struct gn_api_check *c)
{
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "name", gn_json_text(c->name));
    gn_json_set(&j, "status", gn_json_text(c->status));
    gn_json_set(&j, "text", gn_json_text(c->text));
    gn_json_set(&j, "advice", gn_json_text(c->advice));
    return gn_json_end(&j);
}

static void on_nat(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_nat *nat = result;
    struct gn_json j;
    json_t *array = json_array();
    gn_json_begin(&j);
    gn_json_set(&j, "reachability", gn_json_text(nat->reachability));
    gn_json_set(&j, "mapping", gn_json_text(nat->mapping));
    gn_json_set(&j, "external", gn_json_addrs(nat->external, nat->external_len));
    for (size_t i = 0; i < nat->checks_len; i++)
        j.bad |= !gn_json_append(array, check_json(&nat->checks[i]));
    gn_json_set(&j, "checks", array);
    gn_rpc_task_json(t, 200, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_nat(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    (void)body;
    if (gn_rpc_task_has(t, ops->nat != NULL))
        ops->nat(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_nat, NULL));
}
