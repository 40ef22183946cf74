/* storage/store_ops.h - what a back end of the store provides; only storage/store.c calls it.
 *
 * Life: a back end embeds struct gn_store first. Threads: as storage/store.h. Purity: pure.
 *
 * Arguments are checked and limits of a batch are counted before a back end is asked. Every write comes inside a batch.
 */
#ifndef GN_STORAGE_STORE_OPS_H
#define GN_STORAGE_STORE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "storage/store.h"

enum gn_store_table { GN_STORE_TABLE_META, GN_STORE_TABLE_FILES };

struct gn_store_ops {
    enum gn_err (*begin)(struct gn_store *s);
    enum gn_err (*commit)(struct gn_store *s); /* ends the batch also on an error */
    void (*rollback)(struct gn_store *s);

    enum gn_err (*get)(struct gn_store *s, struct gn_store_record *out, const struct gn_store_key *key);
    enum gn_err (*put)(struct gn_store *s, const struct gn_store_record *record);
    enum gn_err (*del)(struct gn_store *s, const struct gn_store_key *key);
    /* Visits records from the first key >= from until the visitor says false. `with_data` false: data may be left
     * empty. */
    enum gn_err (*walk)(struct gn_store *s, const struct gn_store_key *from, bool with_data, gn_store_visit_fn visit,
                        void *data);
    enum gn_err (*group_usage)(struct gn_store *s, struct gn_store_usage *out, uint64_t group);
    enum gn_err (*expire)(struct gn_store *s, size_t *removed, gn_wall_s now, size_t limit);
    enum gn_err (*next_expiry)(struct gn_store *s, gn_wall_s *out);
    enum gn_err (*stats)(struct gn_store *s, struct gn_store_stats *out);

    enum gn_err (*blob_get)(struct gn_store *s, struct gn_slice *out, enum gn_store_table table, struct gn_slice key);
    enum gn_err (*blob_put)(struct gn_store *s, enum gn_store_table table, struct gn_slice key, struct gn_slice value);
    enum gn_err (*blob_del)(struct gn_store *s, enum gn_store_table table, struct gn_slice key);
    enum gn_err (*file_walk)(struct gn_store *s, const struct gn_id *after, size_t limit, gn_store_file_visit_fn visit,
                             void *data);
    void (*trim)(struct gn_store *s); /* NULL: nothing to give back */
    void (*close)(struct gn_store *s);
};

struct gn_store {
    const struct gn_store_ops *ops;
    const char *error_text; /* a literal or the back end's own buffer; never NULL */
    bool in_batch;
    enum gn_err batch_error; /* the first one of this batch */
    size_t batch_ops;
    size_t batch_bytes;
};

/* Keys as bytes, in an order that memcmp keeps. */
void gn_store_key_encode(uint8_t out[GN_STORE_KEY_BYTES], const struct gn_store_key *key);
void gn_store_key_decode(struct gn_store_key *out, const uint8_t bytes[GN_STORE_KEY_BYTES]);

#endif
