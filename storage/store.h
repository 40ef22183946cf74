/* storage/store.h - the key-value store of a node: DHT records, small named values, the index of files.
 *
 * Life: a back end makes one (storage/mem_store.h, storage/lmdb_store.h); gn_store_close ends it.
 * Threads: one owner at a time.
 * Purity: this interface and mem_store are pure; lmdb_store touches the disk.
 *
 * A write outside a batch is a batch of its own: when the call returns GN_OK it is on the disk (lmdb) and survives a
 * kill or a power cut. Inside gn_store_begin .. gn_store_commit nothing is durable before commit returns GN_OK:
 * acknowledge only then. Reads inside a batch see its writes.
 *
 * Any call of the data kind may return
 *   INVALID     arguments outside the limits below
 *   NO_SPACE    the disk or the configured size is full: the write or the whole batch is undone, reads go on working
 *   IO          the disk failed: same
 *   CORRUPT     what is stored cannot be decoded: same; gn_store_error_text says where
 *   NO_MEMORY   same
 * After an error inside a batch every further call of the batch fails with the same error and commit undoes all of it.
 */
#ifndef GN_STORAGE_STORE_H
#define GN_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "base/time.h"

#define GN_STORE_RECORD_MAX (64U * 1024U + 512U) /* an encoded record: a 64 KiB value and its fields */
#define GN_STORE_META_MAX ((size_t)1024 * 1024U) /* a named value */
#define GN_STORE_META_NAME_MAX 64U               /* bytes, without NUL, at least 1 */
#define GN_STORE_FILE_MAX 8192U                  /* an encoded file entry */
#define GN_STORE_BATCH_OPS 1024U                 /* writes in one batch; more: LIMIT, the batch stays usable */
#define GN_STORE_BATCH_BYTES \
    ((size_t)8 * 1024U * 1024U) /* payload in one batch; more: LIMIT, the batch stays usable \
                                 */

enum gn_store_kind {
    GN_STORE_IMMUTABLE = 1,
    GN_STORE_MUTABLE = 2,
    GN_STORE_PROVIDER = 3,
};

enum gn_store_flag {
    GN_STORE_OWNED = 1U, /* written by this node's user: republished, not counted as held for others */
};

/* Order of keys everywhere: kind, then target, then sub, as big-endian numbers. */
struct gn_store_key {
    uint8_t kind;        /* enum gn_store_kind */
    struct gn_id target; /* position in the DHT */
    struct gn_id sub;    /* the provider's node id; all zero for the other kinds */
};
#define GN_STORE_KEY_BYTES 65U

struct gn_store_record {
    struct gn_store_key key;
    struct gn_slice data; /* the encoded record, 1 .. GN_STORE_RECORD_MAX bytes */
    gn_wall_s expires_at; /* UINT64_MAX: never */
    gn_wall_s stored_at;
    uint64_t seq;   /* mutable records; else 0 */
    uint64_t group; /* gn_addr_group of the writer; 0 for owned records */
    uint32_t flags; /* enum gn_store_flag */
};

/* Bytes count the encoded record and GN_STORE_OVERHEAD for keys and fields. */
#define GN_STORE_OVERHEAD 128U
struct gn_store_usage {
    uint64_t count;
    uint64_t bytes;
};

struct gn_store_stats {
    struct gn_store_usage all;   /* every record */
    struct gn_store_usage owned; /* of these, those with GN_STORE_OWNED */
    uint64_t kind_count[4];      /* by enum gn_store_kind; [0] is unused */
    uint64_t meta_count;
    uint64_t file_count;
    uint64_t size_bytes;  /* used in the data file (lmdb) or in memory (mem) */
    uint64_t limit_bytes; /* the configured end */
};

/* `record` and what it points to are borrowed for the call only. The visitor must not call the store.
 * Returns false to stop. */
typedef bool (*gn_store_visit_fn)(void *data, const struct gn_store_record *record);
typedef bool (*gn_store_file_visit_fn)(void *data, const struct gn_id *id, struct gn_slice entry);

struct gn_store;

/* ---- batches ---- */

/* INVALID: a batch is open already. */
GN_MUST_CHECK enum gn_err gn_store_begin(struct gn_store *s);
/* Ends the batch, in every case; on an error nothing of it happened. INVALID: no batch is open. */
GN_MUST_CHECK enum gn_err gn_store_commit(struct gn_store *s);
/* Ends the batch and undoes it; a no-op when none is open. */
void gn_store_rollback(struct gn_store *s);

/* ---- records ---- */

/* Fills `out`; out->data is borrowed until the next call on the store. Expired records are found until they are
 * removed: the caller compares expires_at with its clock. NOT_FOUND. */
GN_MUST_CHECK enum gn_err gn_store_get(struct gn_store *s, struct gn_store_record *out, const struct gn_store_key *key);
/* Copies `record`, replaces one with the same key. Whether a lower seq may replace a higher one is the caller's
 * question. */
GN_MUST_CHECK enum gn_err gn_store_put(struct gn_store *s, const struct gn_store_record *record);
/* NOT_FOUND: nothing to delete (a batch goes on). */
GN_MUST_CHECK enum gn_err gn_store_del(struct gn_store *s, const struct gn_store_key *key);
/* Visits at most `limit` records of (kind, target) in order of sub. */
GN_MUST_CHECK enum gn_err gn_store_list(struct gn_store *s, uint8_t kind, const struct gn_id *target, size_t limit,
                                        gn_store_visit_fn visit, void *data);
/* How many records (kind, target) has, counted up to `limit`: for the limit of providers per key. */
GN_MUST_CHECK enum gn_err gn_store_count(struct gn_store *s, size_t *out, uint8_t kind, const struct gn_id *target,
                                         size_t limit);
/* A walk over all records in key order, a bounded piece per call. Start with gn_store_scan_start; `done` becomes true
 * when the end was reached. Records written or removed between two calls are seen or not by their key, never twice. */
struct gn_store_scan {
    struct gn_store_key next;
    bool done;
};
void gn_store_scan_start(struct gn_store_scan *scan);
GN_MUST_CHECK enum gn_err gn_store_scan(struct gn_store *s, struct gn_store_scan *scan, size_t limit,
                                        gn_store_visit_fn visit, void *data);
/* What the writers of one address group hold here. All zero when nothing. */
GN_MUST_CHECK enum gn_err gn_store_group_usage(struct gn_store *s, struct gn_store_usage *out, uint64_t group);
/* Removes at most `limit` (<= GN_STORE_BATCH_OPS) records with expires_at <= now, the oldest first. */
GN_MUST_CHECK enum gn_err gn_store_expire(struct gn_store *s, size_t *removed, gn_wall_s now, size_t limit);
/* The smallest expires_at, UINT64_MAX when there is none. */
GN_MUST_CHECK enum gn_err gn_store_next_expiry(struct gn_store *s, gn_wall_s *out);
GN_MUST_CHECK enum gn_err gn_store_stats(struct gn_store *s, struct gn_store_stats *out);

/* ---- named values: saved table, high-water marks, settings ---- */

/* `out` is borrowed until the next call on the store. NOT_FOUND. */
GN_MUST_CHECK enum gn_err gn_store_meta_get(struct gn_store *s, struct gn_slice *out, const char *name);
GN_MUST_CHECK enum gn_err gn_store_meta_put(struct gn_store *s, const char *name, struct gn_slice value);
GN_MUST_CHECK enum gn_err gn_store_meta_del(struct gn_store *s, const char *name);

/* ---- index of files: content id -> encoded entry (storage/blob_entry.h) ---- */

/* `out` is borrowed until the next call on the store. NOT_FOUND. */
GN_MUST_CHECK enum gn_err gn_store_file_get(struct gn_store *s, struct gn_slice *out, const struct gn_id *id);
GN_MUST_CHECK enum gn_err gn_store_file_put(struct gn_store *s, const struct gn_id *id, struct gn_slice entry);
GN_MUST_CHECK enum gn_err gn_store_file_del(struct gn_store *s, const struct gn_id *id);
/* Visits at most `limit` entries in order of id, those after `after` (NULL: from the first). */
GN_MUST_CHECK enum gn_err gn_store_file_list(struct gn_store *s, const struct gn_id *after, size_t limit,
                                             gn_store_file_visit_fn visit, void *data);

/* ---- life ---- */

/* Gives back memory that only makes reading faster (lmdb: pages of the mapped file, which count as the process's). What
 * was borrowed ends. Call it now and then when there is little to do; cheap. Not inside a batch: then it does nothing.
 */
void gn_store_trim(struct gn_store *s);

/* What the last error was about, for people: "the store's limit of 1073741824 bytes is reached". Never NULL; "" when
 * there was none. Borrowed until the next call. */
const char *gn_store_error_text(const struct gn_store *s);
/* Rolls an open batch back, closes, frees. NULL is fine. */
void gn_store_close(struct gn_store *s);

#endif
