/* storage/lmdb_env.c - the LMDB environment under the store. */
#include "storage/lmdb_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/slice.h"
#include "storage/lmdb_check.h"

/* The worst that one batch can write: each of its GN_STORE_BATCH_OPS operations copies some 20 pages of the tables'
 * paths, and the payload lies on pages of its own. This is address space, not disk. */
#define HEADROOM (UINT64_C(128) * 1024U * 1024U)
#define RESERVE_MIN (UINT64_C(1024) * 1024U)
#define FULL_BELOW UINT64_C(262144) /* bytes */
#define PATH_LEN_MAX 4000U

static const char format_text[] = "ghostnet store";
static const char *const table_names[GN_LMDB_TABLES] = {"system", "records", "expiry", "groups", "meta", "files"};

MDB_val gn_lmdb_env_val(const void *data, size_t len)
{
    MDB_val v = {.mv_size = len};
    memcpy(&v.mv_data, &data, sizeof data); /* LMDB's type lacks the const that its use keeps */
    return v;
}

/* ---- errors ---- */

static enum gn_err code_of(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return GN_OK;
    case MDB_NOTFOUND:
        return GN_E_NOT_FOUND;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return GN_E_NO_SPACE;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
    case MDB_VERSION_MISMATCH:
    case MDB_BAD_VALSIZE:
    case MDB_BAD_DBI:
        return GN_E_CORRUPT;
    case MDB_PANIC:
    case EIO:
        return GN_E_IO;
    case ENOMEM:
        return GN_E_NO_MEMORY;
    default:
        return rc > 0 ? gn_err_from_errno(rc) : GN_E_SYSTEM;
    }
}

enum gn_err gn_lmdb_env_error(struct gn_lmdb_env *env, int rc, const char *what)
{
    enum gn_err e = code_of(rc);
    if (rc == MDB_MAP_FULL)
        (void)snprintf(env->why, sizeof env->why, "%s: the store's limit of %llu bytes is reached", what,
                       (unsigned long long)env->limit);
    else if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND)
        (void)snprintf(env->why, sizeof env->why, "%s: %s", what, mdb_strerror(rc));
    return e;
}

static enum gn_err fail(struct gn_lmdb_env *env, enum gn_err e, const char *text)
{
    (void)snprintf(env->why, sizeof env->why, "%s: %s", env->path ? env->path : "store", text);
    return e;
}

/* ---- opening ---- */

/* Looks at the data file before LMDB does. `fresh`: there is none yet. */
static enum gn_err look(struct gn_lmdb_env *env)
{
    char file[PATH_LEN_MAX + 16U];
    if (mkdir(env->path, 0700) != 0 && errno != EEXIST)
        return gn_lmdb_env_error(env, errno, "making the store's folder");
    (void)snprintf(file, sizeof file, "%s/data.mdb", env->path);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return GN_OK;
    if (fd < 0)
        return gn_lmdb_env_error(env, errno, "opening the store");
    const char *why = "";
    enum gn_err e = gn_lmdb_check_file(&why, env->alloc, fd);
    (void)close(fd);
    if (e == GN_E_CORRUPT) {
        (void)snprintf(env->why, sizeof env->why, "%.160s/data.mdb is damaged or not ours: %s", env->path, why);
        return e;
    }
    return e == GN_OK ? GN_OK : fail(env, e, gn_err_text(e));
}

static uint64_t reserve_of(const struct gn_lmdb_env *env)
{
    return env->limit / 16U > RESERVE_MIN ? env->limit / 16U : RESERVE_MIN;
}

static uint64_t whole_pages(uint64_t bytes)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1U) / page * page;
}

/* The map for a batch when `used` bytes are taken: doubles, up to the limit. */
static uint64_t map_for(const struct gn_lmdb_env *env, uint64_t used)
{
    uint64_t size = HEADROOM;
    while (size < used + HEADROOM && size < env->limit)
        size *= 2U;
    return whole_pages(size < env->limit ? size : env->limit);
}

static int check_format(struct gn_lmdb_env *env, MDB_txn *txn, enum gn_err *e)
{
    MDB_val key = gn_lmdb_env_val("format", 6);
    MDB_val value;
    int rc = mdb_get(txn, env->tables[GN_LMDB_SYSTEM], &key, &value);
    const size_t len = sizeof format_text - 1U;
    if (rc == MDB_NOTFOUND ||
        (rc == 0 && (value.mv_size != len + 4U || memcmp(value.mv_data, format_text, len) != 0))) {
        *e = fail(env, GN_E_CORRUPT, "this LMDB folder belongs to another program");
        return 0;
    }
    if (rc != 0)
        return rc;
    if (gn_load_u32((const uint8_t *)value.mv_data + len) != GN_LMDB_STORE_FORMAT)
        *e = fail(env, GN_E_VERSION, "the store was written by another version of ghostnet");
    return 0;
}

/* Opens the tables of a store that exists. `fresh` becomes true, and nothing was done, when the environment is empty.
 */
static int open_tables(struct gn_lmdb_env *env, bool *fresh, enum gn_err *e)
{
    MDB_txn *txn = NULL;
    MDB_dbi main_table = 0;
    MDB_stat st;
    int rc = mdb_txn_begin(env->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &main_table);
    if (rc == 0)
        rc = mdb_stat(txn, main_table, &st);
    *fresh = rc == 0 && st.ms_entries == 0;
    for (unsigned i = 0; rc == 0 && !*fresh && i < GN_LMDB_TABLES; i++)
        rc = mdb_dbi_open(txn, table_names[i], 0, &env->tables[i]);
    if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE) {
        *e = fail(env, GN_E_CORRUPT, "this LMDB folder belongs to another program");
        rc = 0;
    } else if (rc == 0 && !*fresh) {
        rc = check_format(env, txn, e);
    }
    if (rc != 0 || *e != GN_OK || *fresh)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn); /* keeps the tables' handles */
    return rc;
}

static int make_tables(struct gn_lmdb_env *env)
{
    MDB_txn *txn = NULL;
    uint8_t format[sizeof format_text - 1U + 4U];
    int rc = mdb_txn_begin(env->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; rc == 0 && i < GN_LMDB_TABLES; i++)
        rc = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &env->tables[i]);
    memcpy(format, format_text, sizeof format_text - 1U);
    gn_store_u32(format + sizeof format_text - 1U, GN_LMDB_STORE_FORMAT);
    MDB_val key = gn_lmdb_env_val("format", 6);
    MDB_val value = gn_lmdb_env_val(format, sizeof format);
    if (rc == 0)
        rc = mdb_put(txn, env->tables[GN_LMDB_SYSTEM], &key, &value, 0);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static void shut(struct gn_lmdb_env *env)
{
    gn_lmdb_env_abort(env);
    if (env->read)
        mdb_txn_abort(env->read);
    env->read = NULL;
    env->read_live = false;
    if (env->env)
        mdb_env_close(env->env);
    env->env = NULL;
}

/* Opens env->path; closed again on an error. */
static enum gn_err start(struct gn_lmdb_env *env)
{
    enum gn_err e = look(env);
    if (e != GN_OK)
        return e;
    /* NOLOCK: the folder has one owner (the node's lock sees to it), and no snapshot of ours lives while we write.
     * LMDB's own lock file would be mapped for writing: on a full disk that is a SIGBUS. */
    const unsigned flags = MDB_NORDAHEAD | MDB_NOTLS | MDB_NOLOCK | (env->no_sync ? MDB_NOSYNC : 0U);
    bool fresh = false;
    int rc = mdb_env_create(&env->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(env->env, GN_LMDB_TABLES);
    env->map_bytes = map_for(env, 0);
    if (rc == 0)
        rc = mdb_env_set_mapsize(env->env, env->map_bytes);
    if (rc == 0)
        rc = mdb_env_open(env->env, env->path, flags, 0600);
    if (rc == 0)
        rc = open_tables(env, &fresh, &e);
    if (rc == 0 && fresh)
        rc = make_tables(env);
    if (rc != 0)
        e = gn_lmdb_env_error(env, rc, "opening the store");
    if (e != GN_OK)
        shut(env);
    return e;
}

enum gn_err gn_lmdb_env_open(struct gn_lmdb_env *env, const struct gn_alloc *alloc,
                             const struct gn_lmdb_store_options *options)
{
    memset(env, 0, sizeof *env);
    env->alloc = alloc;
    env->limit = options->limit_bytes ? options->limit_bytes : GN_LMDB_STORE_LIMIT;
    env->no_sync = options->no_sync;
    size_t len = options->path ? strlen(options->path) : 0;
    if (len == 0 || len > PATH_LEN_MAX)
        return fail(env, GN_E_INVALID, "the path is empty or too long");
    if (env->limit < GN_LMDB_STORE_LIMIT_MIN)
        return fail(env, GN_E_INVALID, "the limit is below 1 MiB");
    env->path = gn_alloc_zeroed(alloc, 1, len + 1U);
    if (!env->path)
        return fail(env, GN_E_NO_MEMORY, gn_err_text(GN_E_NO_MEMORY));
    memcpy(env->path, options->path, len);
    enum gn_err e = start(env);
    if (e != GN_OK)
        gn_lmdb_env_close(env);
    return e;
}

void gn_lmdb_env_close(struct gn_lmdb_env *env)
{
    shut(env);
    gn_alloc_free(env->alloc, env->path);
    env->path = NULL;
}

/* ---- transactions ---- */

/* After a failed write of its meta page LMDB refuses everything: the only way on is to open anew. */
static enum gn_err restart(struct gn_lmdb_env *env)
{
    shut(env);
    return start(env);
}

void gn_lmdb_env_release(struct gn_lmdb_env *env)
{
    if (env->read_live)
        mdb_txn_reset(env->read);
    env->read_live = false;
}

/* Begins, or renews when it exists, a transaction; maps anew when the file became larger than the map. */
static int begin_txn(struct gn_lmdb_env *env, MDB_txn **txn, unsigned flags)
{
    int rc = *txn ? mdb_txn_renew(*txn) : mdb_txn_begin(env->env, NULL, flags, txn);
    if (rc != MDB_MAP_RESIZED)
        return rc;
    rc = mdb_env_set_mapsize(env->env, 0);
    if (rc != 0)
        return rc;
    return *txn ? mdb_txn_renew(*txn) : mdb_txn_begin(env->env, NULL, flags, txn);
}

static int open_snapshot(struct gn_lmdb_env *env)
{
    int rc = begin_txn(env, &env->read, MDB_RDONLY);
    env->read_live = rc == 0;
    return rc;
}

enum gn_err gn_lmdb_env_read(struct gn_lmdb_env *env, MDB_txn **out)
{
    *out = env->write;
    if (env->write)
        return GN_OK;
    if (!env->env) {
        enum gn_err e = restart(env);
        if (e != GN_OK)
            return e;
    }
    if (!env->read_live) {
        int rc = open_snapshot(env);
        if (rc == MDB_PANIC) {
            enum gn_err e = restart(env);
            if (e != GN_OK)
                return e;
            rc = open_snapshot(env);
        }
        if (rc != 0)
            return gn_lmdb_env_error(env, rc, "reading");
    }
    *out = env->read;
    return GN_OK;
}

uint64_t gn_lmdb_env_used(const struct gn_lmdb_env *env)
{
    MDB_envinfo info;
    MDB_stat st;
    if (!env->env || mdb_env_info(env->env, &info) != 0 || mdb_env_stat(env->env, &st) != 0)
        return 0;
    return ((uint64_t)info.me_last_pgno + 1U) * st.ms_psize;
}

bool gn_lmdb_env_is_tight(const struct gn_lmdb_env *env)
{
    return gn_lmdb_env_used(env) + reserve_of(env) > env->limit;
}

static int fit_map(struct gn_lmdb_env *env, bool shrinking)
{
    uint64_t used = gn_lmdb_env_used(env);
    uint64_t want = map_for(env, used);
    if (shrinking)
        want = whole_pages((used > env->limit ? used : env->limit) + reserve_of(env));
    if (want <= env->map_bytes && env->map_bytes <= whole_pages(env->limit))
        return 0;                                 /* big enough, and not the reserve of an earlier removal */
    int rc = mdb_env_set_mapsize(env->env, want); /* not below what is used: LMDB sees to it */
    if (rc == 0)
        env->map_bytes = want;
    return rc;
}

/* Where LMDB has mapped the file: it does not say, but every page of a tree carries its number. NULL: not known. */
static void *map_address(struct gn_lmdb_env *env)
{
    MDB_txn *txn = NULL;
    MDB_stat st;
    MDB_val key = gn_lmdb_env_val("format", 6);
    MDB_val value;
    uint64_t number = 0;
    if (gn_lmdb_env_read(env, &txn) != GN_OK || mdb_env_stat(env->env, &st) != 0 ||
        mdb_get(txn, env->tables[GN_LMDB_SYSTEM], &key, &value) != 0)
        return NULL;
    const uintptr_t page = (uintptr_t)value.mv_data / st.ms_psize * st.ms_psize;
    uint8_t *at = (uint8_t *)value.mv_data - ((uintptr_t)value.mv_data - page);
    memcpy(&number, at, sizeof number);
    return number <= page / st.ms_psize ? at - number * st.ms_psize : NULL;
}

void gn_lmdb_env_trim(struct gn_lmdb_env *env)
{
    if (env->write)
        return;
    void *map = map_address(env);
    gn_lmdb_env_release(env);
    if (map) /* a shared, read-only mapping of a file: what is dropped here is read again when it is needed */
        (void)madvise(map, (size_t)gn_lmdb_env_used(env), MADV_DONTNEED);
}

enum gn_err gn_lmdb_env_begin(struct gn_lmdb_env *env, bool shrinking)
{
    MDB_txn *snapshot = NULL;
    GN_CHECK(!env->write);
    enum gn_err e = gn_lmdb_env_read(env, &snapshot); /* opens anew what a failure closed */
    if (e != GN_OK)
        return e;
    gn_lmdb_env_release(env); /* the map must not move under it */
    int rc = fit_map(env, shrinking);
    if (rc == 0)
        rc = begin_txn(env, &env->write, 0);
    return gn_lmdb_env_error(env, rc, "beginning a write");
}

/* LMDB says EIO for a write that was cut short, which is what a disk does that is just becoming full. */
static bool disk_is_full(const struct gn_lmdb_env *env)
{
    struct statvfs fs;
    mdb_filehandle_t fd = -1;
    return mdb_env_get_fd(env->env, &fd) == 0 && fstatvfs(fd, &fs) == 0 &&
           (uint64_t)fs.f_bavail * fs.f_frsize < FULL_BELOW;
}

enum gn_err gn_lmdb_env_commit(struct gn_lmdb_env *env)
{
    MDB_txn *txn = env->write;
    env->write = NULL;
    if (!txn)
        return GN_E_IO;
    int rc = mdb_txn_commit(txn);
    if (rc == EIO && disk_is_full(env))
        rc = ENOSPC;
    return gn_lmdb_env_error(env, rc, "writing to the disk");
}

void gn_lmdb_env_abort(struct gn_lmdb_env *env)
{
    if (env->write)
        mdb_txn_abort(env->write);
    env->write = NULL;
}
