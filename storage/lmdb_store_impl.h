/* storage/lmdb_store_impl.h - the inside of the LMDB store, shared by lmdb_store.c (writing) and lmdb_read.c (reading).
 *
 * Life, threads: storage/store.h. Purity: touches the disk. Nobody else includes it.
 */
#ifndef GN_STORAGE_LMDB_STORE_IMPL_H
#define GN_STORAGE_LMDB_STORE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "storage/lmdb_env.h"
#include "storage/lmdb_format.h"
#include "storage/store.h"
#include "storage/store_ops.h"

struct gn_lmdb_store {
    struct gn_store store;
    struct gn_lmdb_env env;
    struct gn_store_stats totals; /* as the open batch sees them */
    struct gn_store_stats before; /* as committed */
    size_t writes;                /* in the open batch */
    bool totals_known;
};

static inline struct gn_lmdb_store *gn_lmdb_store_of(struct gn_store *s)
{
    return GN_CONTAINER_OF(s, struct gn_lmdb_store, store);
}

static inline struct gn_slice gn_lmdb_slice(MDB_val v)
{
    return gn_slice_of(v.mv_data, v.mv_size);
}

/* Says that the checksum of `what` is wrong; returns CORRUPT. */
enum gn_err gn_lmdb_read_damaged(struct gn_lmdb_store *l, const char *what);
MDB_dbi gn_lmdb_read_table(const struct gn_lmdb_store *l, enum gn_store_table table);
/* Reads the totals if they are not known yet. */
GN_MUST_CHECK enum gn_err gn_lmdb_read_totals(struct gn_lmdb_store *l);
/* The oldest entry of the expiry index, as the open batch sees it. NOT_FOUND: it is empty. */
GN_MUST_CHECK enum gn_err gn_lmdb_read_oldest(struct gn_lmdb_store *l, uint8_t out[GN_LMDB_FORMAT_DUE]);

/* The reading half of struct gn_store_ops. */
enum gn_err gn_lmdb_read_get(struct gn_store *s, struct gn_store_record *out, const struct gn_store_key *key);
enum gn_err gn_lmdb_read_walk(struct gn_store *s, const struct gn_store_key *from, bool with_data,
                              gn_store_visit_fn visit, void *data);
enum gn_err gn_lmdb_read_group_usage(struct gn_store *s, struct gn_store_usage *out, uint64_t group);
enum gn_err gn_lmdb_read_next_expiry(struct gn_store *s, gn_wall_s *out);
enum gn_err gn_lmdb_read_stats(struct gn_store *s, struct gn_store_stats *out);
enum gn_err gn_lmdb_read_blob(struct gn_store *s, struct gn_slice *out, enum gn_store_table table,
                              struct gn_slice name);
enum gn_err gn_lmdb_read_files(struct gn_store *s, const struct gn_id *after, size_t limit,
                               gn_store_file_visit_fn visit, void *data);

#endif
