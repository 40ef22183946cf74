/* node/mutable.c - the steps of a signed write. */
#include "node/mutable.h"

#include <stdlib.h>
#include <string.h>

#include "base/os_clock.h"

struct writing {
    struct gn_mutable_write w;
    gn_mutable_fn done;
    struct gn_mutable_result result;
    bool asked_network;
    uint64_t current; /* seq of the newest known version; 0: none */
    bool exists;      /* and it is not a tombstone */
    uint8_t value[];
};

enum gn_err gn_mutable_ttl(struct gn_node *n, uint64_t *ttl_s)
{
    if (*ttl_s == 0)
        *ttl_s = gn_config_number(n->config, GN_CONF_RECORD_TTL) / GN_SECONDS(1);
    return *ttl_s <= GN_RECORD_TTL_MAX ? GN_OK : GN_E_LIMIT;
}

static void target_of(struct gn_node *n, struct gn_id *out, struct gn_slice salt)
{
    struct gn_record r = {.kind = GN_RECORD_MUTABLE, .owner = *gn_host_id(n->host), .salt = salt};
    gn_record_set_target(&r, &n->crypto);
    *out = r.target;
}

enum gn_err gn_mutable_own(struct gn_node *n, struct gn_record *out, struct gn_slice salt)
{
    struct gn_store_key key = {.kind = GN_STORE_MUTABLE};
    struct gn_store_record stored;
    target_of(n, &key.target, salt);
    enum gn_err err = gn_store_get(n->store, &stored, &key);
    return err ? err : gn_record_decode(out, stored.data, &n->crypto);
}

static void note_current(struct writing *s, const struct gn_record *r)
{
    if (r->seq < s->current)
        return;
    s->current = r->seq;
    s->exists = (r->flags & GN_RECORD_TOMBSTONE) == 0 && r->expiry > gn_os_clock_wall();
}

static void ask_network(struct gn_api_op *op);

static void on_put(struct gn_api_op *op, const struct gn_op_event *ev)
{
    struct writing *s = op->extra;
    if (ev->type != GN_OPEV_DONE)
        return;
    bool newer_elsewhere = ev->err == GN_E_CONFLICT || ev->err == GN_E_STALE;
    if (newer_elsewhere && !s->asked_network) {
        ask_network(op);
        return;
    }
    if (ev->err) {
        gn_api_op_fail(op, newer_elsewhere ? GN_E_CONFLICT : ev->err,
                       newer_elsewhere                               ? "another version was stored meanwhile"
                       : gn_err_class(ev->err) == GN_ERR_CLASS_FATAL ? NULL
                                                                     : "no node stored it");
        return;
    }
    s->result.replicas = ev->stored;
    s->done(op, &s->result);
}

static const char *refusal(const struct writing *s)
{
    switch (s->w.cond) {
    case GN_API_KV_ALWAYS:
        return NULL;
    case GN_API_KV_IF_VERSION:
        return s->w.version == (s->exists ? s->current : 0) ? NULL : "the version is another one by now";
    case GN_API_KV_IF_EXISTS:
        return s->exists ? NULL : "there is no such key";
    case GN_API_KV_IF_ABSENT:
        return s->exists ? "the key exists already" : NULL;
    }
    return NULL;
}

static void write_next(struct gn_api_op *op)
{
    struct writing *s = op->extra;
    const char *why = refusal(s);
    if (why) {
        gn_api_op_fail(op, GN_E_CONFLICT, why);
        return;
    }
    if (s->w.tombstone && !s->exists) {
        gn_api_op_fail(op, GN_E_NOT_FOUND, "there is no such key");
        return;
    }
    uint8_t *bytes = malloc(GN_RECORD_BYTES_MAX);
    size_t len = 0;
    struct gn_record r = {.kind = GN_RECORD_MUTABLE,
                          .owner = *gn_host_id(op->node->host),
                          .salt = gn_slice_of(s->w.salt, s->w.salt_len),
                          .seq = s->current + 1,
                          .expiry = gn_os_clock_wall() + s->w.ttl_s,
                          .flags = s->w.tombstone ? GN_RECORD_TOMBSTONE : 0,
                          .value = s->w.value};
    enum gn_err err = bytes ? gn_record_sign(&r, bytes, &len, GN_RECORD_BYTES_MAX, &op->node->crypto) : GN_E_NO_MEMORY;
    if (err) {
        free(bytes);
        gn_api_op_fail(op, err, NULL);
        return;
    }
    gn_record_set_target(&r, &op->node->crypto);
    s->result = (struct gn_mutable_result){.target = r.target, .seq = r.seq, .expires = r.expiry};
    struct gn_command command = {
        .type = GN_CMD_PUT, .flags = GN_CMDF_KEEP, .target = r.target, .record = gn_slice_of(bytes, len)};
    if (s->w.cond != GN_API_KV_ALWAYS) {
        command.flags |= GN_CMDF_CAS;
        command.cas_seq = s->current;
    }
    gn_api_op_run(op, &command, on_put);
    free(bytes);
}

static void on_get(struct gn_api_op *op, const struct gn_op_event *ev)
{
    struct writing *s = op->extra;
    struct gn_record r;
    if (ev->type == GN_OPEV_RECORD && gn_record_decode(&r, ev->record, &op->node->crypto) == GN_OK)
        note_current(s, &r);
    if (ev->type != GN_OPEV_DONE)
        return;
    if (ev->err == GN_E_CANCELLED)
        gn_api_op_fail(op, ev->err, NULL);
    else
        write_next(op); /* nobody has it, or nobody answers: then ours is the newest known */
}

static void ask_network(struct gn_api_op *op)
{
    struct writing *s = op->extra;
    s->asked_network = true;
    struct gn_command command = {.type = GN_CMD_GET, .kind = GN_RECORD_MUTABLE};
    target_of(op->node, &command.target, gn_slice_of(s->w.salt, s->w.salt_len));
    gn_api_op_run(op, &command, on_get);
}

void gn_mutable_write(struct gn_node *n, struct gn_api_call *call, const struct gn_mutable_write *write,
                      gn_mutable_fn done)
{
    struct gn_record own;
    struct gn_api_op *op = gn_api_op_new(n, call);
    if (!op)
        return;
    uint64_t ttl_s = write->ttl_s;
    if (write->value.len > GN_RECORD_VALUE_MAX) {
        gn_api_op_fail(op, GN_E_LIMIT, "a value has at most 65536 bytes: share it as a file");
        return;
    }
    if (gn_mutable_ttl(n, &ttl_s)) {
        gn_api_op_fail(op, GN_E_LIMIT, "a value lives at most 48 hours");
        return;
    }
    struct writing *s = calloc(1, sizeof *s + write->value.len);
    if (!s) {
        gn_api_op_fail(op, GN_E_NO_MEMORY, NULL);
        return;
    }
    op->extra = s;
    s->w = *write;
    s->w.ttl_s = ttl_s;
    s->done = done;
    if (write->value.len > 0)
        memcpy(s->value, write->value.data, write->value.len);
    s->w.value = gn_slice_of(s->value, write->value.len);
    enum gn_err err = gn_mutable_own(n, &own, gn_slice_of(s->w.salt, s->w.salt_len));
    if (err == GN_OK) {
        note_current(s, &own);
        write_next(op);
    } else if (err == GN_E_NOT_FOUND) {
        ask_network(op);
    } else {
        gn_api_op_fail(op, err, gn_store_error_text(n->store));
    }
}
