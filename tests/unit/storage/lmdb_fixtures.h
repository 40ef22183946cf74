/* tests/unit/storage/lmdb_fixtures.h - a folder for a store on disk, and records whose content follows from a number.
 *
 * Life: included by one test program. Threads: as the test. Purity: touches the disk.
 */
#ifndef GN_TESTS_UNIT_STORAGE_LMDB_FIXTURES_H
#define GN_TESTS_UNIT_STORAGE_LMDB_FIXTURES_H

#include "base/check.h"
#include "storage/lmdb_store.h"
#include "storage/store.h"
#include "tests/support/failing_disk.h"
#include "tests/unit/storage/fixtures.h"

#define MIB (UINT64_C(1024) * 1024U)

static inline int start(void **state)
{
    struct temp_dir *d = calloc(1, sizeof *d);
    temp_dir_make(d);
    *state = d;
    return 0;
}

static inline int end(void **state)
{
    (void)gn_failing_disk_disarm();
    temp_dir_remove(*state);
    free(*state);
    return 0;
}

static inline enum gn_err try_open(struct gn_store **s, char why[GN_LMDB_STORE_WHY_MAX], const char *path,
                                   uint64_t limit, bool no_sync)
{
    struct gn_lmdb_store_options options = {.path = path, .limit_bytes = limit, .no_sync = no_sync};
    return gn_lmdb_store_open(s, why, gn_alloc_default(), &options);
}

static inline struct gn_store *must_open(const char *path, uint64_t limit, bool no_sync)
{
    struct gn_store *s = NULL;
    char why[GN_LMDB_STORE_WHY_MAX];
    enum gn_err e = try_open(&s, why, path, limit, no_sync);
    if (e != GN_OK)
        print_message("%s: %s\n", gn_err_name(e), why);
    assert_int_equal(e, GN_OK);
    return s;
}

/* Record number `n` has a length and content that follow from n. */
struct numbered {
    struct gn_store_record r;
    uint8_t data[3000];
};

static inline void numbered_make(struct numbered *x, uint32_t n)
{
    size_t len = 1 + (n * 7919U) % sizeof x->data;
    memset(&x->r, 0, sizeof x->r);
    fill_pattern(x->data, len, n);
    x->r.key.kind = (uint8_t)(1 + n % 3);
    gn_store_u32(x->r.key.target.b, n * 2654435761U);
    gn_store_u32(x->r.key.target.b + 4, n);
    x->r.data = gn_slice_of(x->data, len);
    x->r.expires_at = 1000 + n;
    x->r.group = n % 5;
}

static inline enum gn_err numbered_put(struct gn_store *s, uint32_t n)
{
    struct numbered x;
    numbered_make(&x, n);
    return gn_store_put(s, &x.r);
}

/* OK: there and right. NOT_FOUND. Others as get. Fails the test when there and wrong. */
static inline enum gn_err numbered_get(struct gn_store *s, uint32_t n)
{
    struct numbered x;
    struct gn_store_record r;
    numbered_make(&x, n);
    enum gn_err e = gn_store_get(s, &r, &x.r.key);
    if (e == GN_OK)
        assert_true(gn_slice_eq(r.data, x.r.data) && r.expires_at == x.r.expires_at && r.group == x.r.group);
    return e;
}

static inline bool count_one(void *data, const struct gn_store_record *r)
{
    (void)r;
    ++*(uint64_t *)data;
    return true;
}

/* The indexes agree with the records. */
static inline uint64_t check_whole(struct gn_store *s)
{
    struct gn_store_scan scan;
    struct gn_store_stats st;
    uint64_t n = 0;
    uint64_t in_groups = 0;
    for (gn_store_scan_start(&scan); !scan.done;)
        assert_int_equal(gn_store_scan(s, &scan, 1000, count_one, &n), GN_OK);
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_true(st.all.count == n);
    for (uint64_t g = 0; g < 5; g++) {
        struct gn_store_usage u;
        assert_int_equal(gn_store_group_usage(s, &u, g), GN_OK);
        in_groups += u.count;
    }
    assert_true(in_groups == n);
    return n;
}

#endif
