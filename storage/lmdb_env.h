/* storage/lmdb_env.h - an LMDB environment with our tables in it: opening, growing, transactions, errors.
 *
 * Life: caller's memory (zeroed); gn_lmdb_env_open .. _close. Threads: one owner. Purity: touches the disk.
 * Part of lmdb_store; nobody else includes it.
 */
#ifndef GN_STORAGE_LMDB_ENV_H
#define GN_STORAGE_LMDB_ENV_H

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "storage/lmdb_store.h"

enum gn_lmdb_table {
    GN_LMDB_SYSTEM,  /* "format", "totals" */
    GN_LMDB_RECORDS, /* key 65 -> header, encoded record */
    GN_LMDB_EXPIRY,  /* expires_at u64be, key 65 -> nothing */
    GN_LMDB_GROUPS,  /* group u64be -> count, bytes */
    GN_LMDB_META,    /* name -> checksum, value */
    GN_LMDB_FILES,   /* id 32 -> checksum, entry */
    GN_LMDB_TABLES,
};

struct gn_lmdb_env {
    const struct gn_alloc *alloc;
    char *path;
    uint64_t limit;
    bool no_sync;
    MDB_env *env; /* NULL: could not be opened again after a failure; the next call tries */
    MDB_dbi tables[GN_LMDB_TABLES];
    MDB_txn *read;  /* kept between calls */
    bool read_live; /* it holds a snapshot */
    MDB_txn *write;
    uint64_t map_bytes;
    char why[GN_LMDB_STORE_WHY_MAX];
};

/* Errors as gn_lmdb_store_open; then everything is closed and env->why says why. */
GN_MUST_CHECK enum gn_err gn_lmdb_env_open(struct gn_lmdb_env *env, const struct gn_alloc *alloc,
                                           const struct gn_lmdb_store_options *options);
void gn_lmdb_env_close(struct gn_lmdb_env *env);
/* Turns LMDB's result into ours and writes env->why. `what` names the act: "writing". */
enum gn_err gn_lmdb_env_error(struct gn_lmdb_env *env, int rc, const char *what);
/* Gives the write transaction if one is open, else a snapshot that lasts until gn_lmdb_env_release. */
GN_MUST_CHECK enum gn_err gn_lmdb_env_read(struct gn_lmdb_env *env, MDB_txn **out);
/* Lets the snapshot go, so that old pages can be used again. */
void gn_lmdb_env_release(struct gn_lmdb_env *env);
/* Opens the write transaction with room in the map for a whole batch, as far as the limit allows; `shrinking`: and the
 * reserve. */
GN_MUST_CHECK enum gn_err gn_lmdb_env_begin(struct gn_lmdb_env *env, bool shrinking);
/* Is the map so full that even a removal might not find room? */
bool gn_lmdb_env_is_tight(const struct gn_lmdb_env *env);
/* Ends the write transaction; when OK, it is on the disk. */
GN_MUST_CHECK enum gn_err gn_lmdb_env_commit(struct gn_lmdb_env *env);
void gn_lmdb_env_abort(struct gn_lmdb_env *env);
/* Lets go of the pages of the file that reading has mapped; they stay in the page cache. Ends the snapshot. */
void gn_lmdb_env_trim(struct gn_lmdb_env *env);
uint64_t gn_lmdb_env_used(const struct gn_lmdb_env *env);
/* LMDB's type of borrowed bytes. */
MDB_val gn_lmdb_env_val(const void *data, size_t len);

#endif
