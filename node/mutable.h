/* node/mutable.h - writing a record that this node's user signs: what is there now, the condition, the next version.
 *
 * Life: one call of the control API. Threads: the loop's. Purity: none.
 *
 * A key of the own key-value space is a mutable record with salt "k" + key, so KEY has at most 63 bytes. A version is
 * the record's seq. The own store knows the newest version; only when it knows none (a lost or restored data folder) or
 * when the network knows a newer one, the network is asked first.
 */
#ifndef GN_NODE_MUTABLE_H
#define GN_NODE_MUTABLE_H

#include "node/api_op.h"
#include "overlay/msg/record.h"

#define GN_KV_KEY_MAX (GN_RECORD_SALT_MAX - 1U)

struct gn_mutable_write {
    uint8_t salt[GN_RECORD_SALT_MAX];
    size_t salt_len;
    struct gn_slice value; /* copied */
    bool tombstone;
    uint64_t ttl_s; /* 0 = the default */
    enum gn_api_kv_if cond;
    uint64_t version;
};

struct gn_mutable_result {
    struct gn_id target;
    uint64_t seq;
    gn_wall_s expires;
    uint32_t replicas;
};
/* Finishes the call through op: gn_api_op_done with what the API wants. */
typedef void (*gn_mutable_fn)(struct gn_api_op *op, const struct gn_mutable_result *result);

/* Starts a write; errors fail the call: LIMIT (value, ttl), CONFLICT (condition), NOT_FOUND (deleting what is not
 * there), UNREACHABLE (nobody stored it; it is kept here and published later), those of the store. */
void gn_mutable_write(struct gn_node *n, struct gn_api_call *call, const struct gn_mutable_write *write,
                      gn_mutable_fn done);
/* The newest own version in the store. NOT_FOUND. Borrowed until the next call of the store. */
GN_MUST_CHECK enum gn_err gn_mutable_own(struct gn_node *n, struct gn_record *out, struct gn_slice salt);
/* Seconds of life: 0 = the configured default. LIMIT: more than 48 h. */
GN_MUST_CHECK enum gn_err gn_mutable_ttl(struct gn_node *n, uint64_t *ttl_s);

#endif
