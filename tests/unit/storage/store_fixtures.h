/* tests/unit/storage/store_fixtures.h - a store of either kind for a test: BOTH(t) runs t on memory and on LMDB.
 *
 * Life: included by one test program. Threads: as the test. Purity: touches the disk.
 */
#ifndef GN_TESTS_UNIT_STORAGE_STORE_FIXTURES_H
#define GN_TESTS_UNIT_STORAGE_STORE_FIXTURES_H

#include "base/check.h"
#include "storage/lmdb_store.h"
#include "storage/mem_store.h"
#include "storage/store.h"
#include "tests/unit/storage/fixtures.h"

#define LIMIT (UINT64_C(4) * 1024U * 1024U)

struct world {
    struct gn_store *store;
    struct temp_dir dir;
    bool disk;
};

static inline int make_mem(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_int_equal(gn_mem_store_new(&w->store, gn_alloc_default(), LIMIT), GN_OK);
    *state = w;
    return 0;
}

static inline int make_lmdb(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char why[GN_LMDB_STORE_WHY_MAX];
    temp_dir_make(&w->dir);
    w->disk = true;
    struct gn_lmdb_store_options options = {.path = w->dir.path, .limit_bytes = LIMIT, .no_sync = true};
    assert_int_equal(gn_lmdb_store_open(&w->store, why, gn_alloc_default(), &options), GN_OK);
    assert_string_equal(why, "");
    *state = w;
    return 0;
}

static inline int end(void **state)
{
    struct world *w = *state;
    gn_store_close(w->store);
    if (w->disk)
        temp_dir_remove(&w->dir);
    free(w);
    return 0;
}

static inline struct gn_store_key key_of(uint8_t kind, unsigned target, unsigned sub)
{
    struct gn_store_key k = {.kind = kind};
    gn_store_u32(k.target.b, target);
    if (kind == GN_STORE_PROVIDER)
        gn_store_u32(k.sub.b, sub);
    return k;
}

static inline struct gn_store_record record_of(struct gn_store_key key, const char *text, gn_wall_s expires_at)
{
    return (struct gn_store_record){
        .key = key, .data = gn_slice_str(text), .expires_at = expires_at, .stored_at = 7, .seq = 3, .group = 9};
}

static inline void put(struct gn_store *s, struct gn_store_key key, const char *text, gn_wall_s expires_at)
{
    struct gn_store_record r = record_of(key, text, expires_at);
    assert_int_equal(gn_store_put(s, &r), GN_OK);
}

static inline bool has(struct gn_store *s, struct gn_store_key key)
{
    struct gn_store_record r;
    enum gn_err e = gn_store_get(s, &r, &key);
    assert_true(e == GN_OK || e == GN_E_NOT_FOUND);
    return e == GN_OK;
}

#define BOTH(t) \
    {#t " (mem)", t, make_mem, end, NULL}, \
    { \
#t " (lmdb)", t, make_lmdb, end, NULL \
    }

#endif
