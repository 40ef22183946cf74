/* rpc/route_peers.c - known peers: list, connect, forget, ping. */
#include "rpc/json.h"
#include "rpc/route.h"

static void set_contact(struct gn_json *j, const struct gn_contact *c)
{
    gn_json_set(j, "id", gn_id_is_zero(&c->id) ? json_null() : gn_json_id(&c->id));
    gn_json_set(j, "address", gn_json_addr(&c->addr));
}

json_t *gn_rpc_route_contact_json(const struct gn_contact *c)
{
    struct gn_json j;
    gn_json_begin(&j);
    set_contact(&j, c);
    return gn_json_end(&j);
}

json_t *gn_rpc_route_peer_json(const struct gn_api_peer *p)
{
    struct gn_json j;
    gn_json_begin(&j);
    set_contact(&j, &p->contact);
    gn_json_set(&j, "state", gn_json_text(p->state));
    gn_json_set(&j, "rtt_ms", gn_json_ms_or_null(p->rtt_us));
    gn_json_set(&j, "seen_ago_ms", gn_json_ms(p->seen_ago_us));
    gn_json_set(&j, "known_ms", gn_json_ms(p->known_us));
    gn_json_set(&j, "common_bits", gn_json_u64(p->common_bits));
    gn_json_set(&j, "connected", json_boolean(p->connected));
    gn_json_set(&j, "bootstrap", json_boolean(p->bootstrap));
    return gn_json_end(&j);
}

static void on_peers(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_peers *peers = result;
    struct gn_json j;
    json_t *array = json_array();
    gn_json_begin(&j);
    for (size_t i = 0; i < peers->len; i++)
        j.bad |= !gn_json_append(array, gn_rpc_route_peer_json(&peers->items[i]));
    gn_json_set(&j, "peers", array);
    gn_rpc_task_json(t, 200, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_peers(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    (void)body;
    if (gn_rpc_task_has(t, ops->peers != NULL))
        ops->peers(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_peers, NULL));
}

static void on_connected(struct gn_rpc_task *t, const void *result)
{
    gn_rpc_task_json(t, 201, gn_rpc_route_peer_json(result), NULL, 0);
}

void gn_rpc_route_peer_connect(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_connect req = {.address = NULL};
    const struct gn_json_member members[] = {
        {.name = "address", .kind = GN_JSON_STRING, .required = true, .string = &req.address},
    };
    char detail[GN_JSON_DETAIL_MAX];
    json_t *doc;
    if (!gn_rpc_task_has(t, ops->peer_connect != NULL))
        return;
    enum gn_err err = gn_json_read(&doc, detail, body, members, GN_ARRAY_LEN(members));
    if (err) {
        gn_rpc_task_fail(t, err, detail);
        return;
    }
    ops->peer_connect(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_connected, NULL), &req);
    json_decref(doc);
}

static void on_forgotten(struct gn_rpc_task *t, const void *result)
{
    (void)result;
    gn_rpc_task_empty(t, 204);
}

void gn_rpc_route_peer_forget(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_id id;
    (void)body;
    if (gn_rpc_task_has(t, ops->peer_forget != NULL) && gn_rpc_task_id(t, &id, 0, "the peer's id"))
        ops->peer_forget(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_forgotten, NULL), &id);
}

static void on_pong(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_pong *pong = result;
    struct gn_json j;
    gn_json_begin(&j);
    set_contact(&j, &pong->contact);
    gn_json_set(&j, "rtt_ms", gn_json_ms(pong->rtt_us));
    gn_rpc_task_json(t, 200, gn_json_end(&j), NULL, 0);
}

void gn_rpc_route_peer_ping(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_id id;
    (void)body;
    if (gn_rpc_task_has(t, ops->peer_ping != NULL) && gn_rpc_task_id(t, &id, 0, "the peer's id"))
        ops->peer_ping(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_pong, NULL), &id);
}
