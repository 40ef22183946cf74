/* rpc/route_find.c - lookups, with their hops as they happen or all together. */
#include <string.h>

#include "rpc/json.h"
#include "rpc/route.h"

#define HOPS_MAX 4096U /* collected for one answer; a lookup asks some dozens of peers */

static json_t *hop_json(const struct gn_api_hop *h)
{
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "seq", gn_json_u64(h->seq));
    gn_json_set(&j, "round", gn_json_u64(h->round));
    gn_json_set(&j, "at_ms", gn_json_ms(h->at_us));
    gn_json_set(&j, "id", gn_json_id(&h->peer.id));
    gn_json_set(&j, "address", gn_json_addr(&h->peer.addr));
    gn_json_set(&j, "common_bits", gn_json_u64(h->common_bits));
    gn_json_set(&j, "rtt_ms", gn_json_ms_or_null(h->rtt_us));
    gn_json_set(&j, "outcome", gn_json_text(h->outcome));
    gn_json_set(&j, "reason", gn_json_text(h->reason));
    gn_json_set(&j, "learned", gn_json_u64(h->learned));
    return gn_json_end(&j);
}

static void on_hop(struct gn_rpc_task *t, const void *part)
{
    json_t *hop = hop_json(part);
    if (t->lines)
        gn_rpc_task_line(t, "hop", hop, false);
    else if (json_array_size(t->parts) < HOPS_MAX)
        (void)gn_json_append(t->parts, hop); /* out of memory: the answer itself will notice */
    else
        json_decref(hop);
}

static json_t *nearest_json(const struct gn_api_found_peer *p)
{
    struct gn_json j;
    gn_json_begin(&j);
    gn_json_set(&j, "id", gn_json_id(&p->contact.id));
    gn_json_set(&j, "address", gn_json_addr(&p->contact.addr));
    gn_json_set(&j, "common_bits", gn_json_u64(p->common_bits));
    gn_json_set(&j, "rtt_ms", gn_json_ms_or_null(p->rtt_us));
    return gn_json_end(&j);
}

static void on_found(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_found *f = result;
    struct gn_json j;
    json_t *nearest = json_array();
    json_t *providers = json_array();
    gn_json_begin(&j);
    for (size_t i = 0; i < f->nearest_len; i++)
        j.bad |= !gn_json_append(nearest, nearest_json(&f->nearest[i]));
    for (size_t i = 0; i < f->providers_len; i++)
        j.bad |= !gn_json_append(providers, gn_rpc_route_contact_json(&f->providers[i]));
    gn_json_set(&j, "target", gn_json_id(&f->target));
    gn_json_set(&j, "nearest", nearest);
    gn_json_set(&j, "providers", providers);
    gn_json_set(&j, "value_found", json_boolean(f->value_found));
    gn_json_set(&j, "depth", gn_json_u64(f->hops));
    gn_json_set(&j, "asked", gn_json_u64(f->asked));
    gn_json_set(&j, "answered", gn_json_u64(f->answered));
    gn_json_set(&j, "timeouts", gn_json_u64(f->timeouts));
    gn_json_set(&j, "took_ms", gn_json_ms(f->took_us));
    if (t->parts) {
        gn_json_set(&j, "hops", t->parts);
        t->parts = NULL;
    }
    gn_rpc_task_result(t, 200, gn_json_end(&j));
}

static bool want_is_known(const char *want)
{
    return strcmp(want, "nodes") == 0 || strcmp(want, "value") == 0 || strcmp(want, "providers") == 0;
}

void gn_rpc_route_find(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_find req = {.want = "nodes"};
    const char *target = NULL;
    const struct gn_json_member members[] = {
        {.name = "target", .kind = GN_JSON_STRING, .required = true, .string = &target},
        {.name = "explain", .kind = GN_JSON_BOOL, .boolean = &req.explain},
        {.name = "want", .kind = GN_JSON_STRING, .string = &req.want},
    };
    char detail[GN_JSON_DETAIL_MAX];
    json_t *doc;
    if (!gn_rpc_task_has(t, ops->dht_find != NULL))
        return;
    enum gn_err err = gn_json_read(&doc, detail, body, members, GN_ARRAY_LEN(members));
    if (err) {
        gn_rpc_task_fail(t, err, detail);
        return;
    }
    if (gn_id_parse(&req.target, target, strlen(target))) {
        gn_rpc_task_fail(t, GN_E_INVALID, "member \"target\" must be 52 characters of base32");
    } else if (!want_is_known(req.want)) {
        gn_rpc_task_fail(t, GN_E_INVALID, "member \"want\" must be \"nodes\", \"value\" or \"providers\"");
    } else {
        if (req.explain && !t->lines)
            t->parts = json_array();
        ops->dht_find(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_found, req.explain ? on_hop : NULL), &req);
    }
    json_decref(doc);
}
