/* rpc/route_records.c - immutable and mutable records. */
#include <inttypes.h>
#include <stdio.h>

#include "base/hex.h"
#include "rpc/json.h"
#include "rpc/precondition.h"
#include "rpc/route.h"

#define SALT_MAX 64U

static void on_stored(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_stored *s = result;
    char location[80];
    char key[GN_ID_TEXT_LEN + 1];
    struct gn_json j;
    gn_id_print(key, &s->key);
    (void)snprintf(location, sizeof location, "/v1/records/%s", key);
    const struct gn_http_header header = gn_http_header_of("Location", location);
    gn_json_begin(&j);
    gn_json_set(&j, "key", gn_json_id(&s->key));
    gn_json_set(&j, "seq", gn_json_u64(s->seq));
    gn_json_set(&j, "expires", gn_json_u64(s->expires));
    gn_json_set(&j, "replicas", gn_json_u64(s->replicas));
    gn_rpc_task_json(t, 201, gn_json_end(&j), &header, 1);
}

/* Compare-and-set is for mutable records: the others never change. */
static bool read_condition(struct gn_rpc_task *t, struct gn_api_record_put *req)
{
    enum gn_api_kv_if cond;
    const char *wrong = NULL;
    enum gn_err err = gn_precondition_read(&cond, &req->seq, t->x->request.headers);
    if (err)
        wrong = "If-Match must be one \"SEQ\", If-None-Match only *";
    else if (cond == GN_API_KV_IF_EXISTS)
        wrong = "If-Match: * has no meaning for a record: give its \"SEQ\"";
    else if (cond != GN_API_KV_ALWAYS && !req->is_mutable)
        wrong = "a condition needs a mutable record: give it a salt";
    if (wrong) {
        gn_rpc_task_fail(t, GN_E_INVALID, wrong);
        return false;
    }
    req->has_seq = cond != GN_API_KV_ALWAYS; /* absent: seq 0 */
    return true;
}

void gn_rpc_route_record_put(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_api_record_put req = {.value = body};
    uint8_t salt[SALT_MAX];
    size_t salt_len = 0;
    if (!gn_rpc_task_has(t, ops->record_put != NULL))
        return;
    if (!gn_rpc_task_number(t, &req.ttl_s, "ttl") || !gn_rpc_task_text(t, salt, &salt_len, sizeof salt, "salt"))
        return;
    req.is_mutable = salt_len > 0;
    req.salt = gn_slice_of(salt, salt_len);
    if (read_condition(t, &req))
        ops->record_put(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_stored, NULL), &req);
}

static void on_record(struct gn_rpc_task *t, const void *result)
{
    const struct gn_api_record *r = result;
    struct gn_http_header headers[6];
    char expires[24];
    char seq[24];
    char etag[GN_ID_TEXT_LEN + 3];
    char owner[GN_ID_TEXT_LEN + 1];
    char salt[2 * SALT_MAX + 1] = "";
    size_t n = 0;
    (void)snprintf(expires, sizeof expires, "%" PRIu64, r->expires);
    (void)snprintf(seq, sizeof seq, "%" PRIu64, r->seq);
    headers[n++] = gn_http_header_of("X-Ghost-Kind", r->is_mutable ? "mutable" : "immutable");
    headers[n++] = gn_http_header_of("X-Ghost-Expires", expires);
    if (r->is_mutable) {
        gn_id_print(owner, &r->owner);
        if (r->salt.len <= SALT_MAX)
            gn_hex_encode(salt, sizeof salt, r->salt.data, r->salt.len);
        (void)snprintf(etag, sizeof etag, "\"%s\"", seq);
        headers[n++] = gn_http_header_of("X-Ghost-Owner", owner);
        headers[n++] = gn_http_header_of("X-Ghost-Seq", seq);
        headers[n++] = gn_http_header_of("X-Ghost-Salt", salt);
    } else {
        struct gn_id key;
        if (!t->x || gn_id_parse(&key, (const char *)t->match.params[0].data, t->match.params[0].len))
            return;
        gn_id_print(owner, &key);
        (void)snprintf(etag, sizeof etag, "\"%s\"", owner);
    }
    headers[n++] = gn_http_header_of("ETag", etag);
    gn_rpc_task_bytes(t, 200, r->value, headers, n);
}

void gn_rpc_route_record_get(struct gn_rpc_task *t, struct gn_slice body)
{
    const struct gn_api_ops *ops = gn_rpc_task_ops(t);
    struct gn_id key;
    (void)body;
    if (gn_rpc_task_has(t, ops->record_get != NULL) && gn_rpc_task_id(t, &key, 0, "the key"))
        ops->record_get(gn_rpc_task_node(t), gn_rpc_task_ask(t, on_record, NULL), &key);
}
