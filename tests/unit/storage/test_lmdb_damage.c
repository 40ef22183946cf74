/* tests/unit/storage/test_lmdb_damage.c - files that are cut, scribbled on, foreign, or whole after all. */
#include <lmdb.h>

#include "base/rng.h"
#include "tests/unit/storage/lmdb_fixtures.h"

/* ---- damage ---- */

static void what_is_no_store_is_refused_and_left_alone(void **state)
{
    const struct temp_dir *d = *state;
    struct gn_store *s = NULL;
    char why[GN_LMDB_STORE_WHY_MAX];
    char path[512];
    static uint8_t junk[20000];
    (void)temp_dir_join(d, path, "data.mdb");
    fill_pattern(junk, sizeof junk, 5);
    for (size_t len = 1; len < sizeof junk; len = len * 3U + 7U) {
        write_file(path, junk, len);
        assert_int_equal(try_open(&s, why, d->path, 0, true), GN_E_CORRUPT);
        assert_non_null(strstr(why, "data.mdb is damaged or not ours"));
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, len);
    }
    write_file(path, "", 0); /* killed before the first byte: as good as new */
    gn_store_close(must_open(d->path, 0, true));
}

static void every_healthy_store_passes_the_check(void **state)
{
    const struct temp_dir *d = *state;
    static uint8_t data[GN_STORE_RECORD_MAX];
    struct gn_rng rng;
    gn_rng_init_test(&rng, 8, 8);
    for (unsigned round = 0; round < 25;
         round++) { /* a history of all sizes, and the file as it is on the disk after it */
        struct gn_store *s = must_open(d->path, 64 * MIB, true);
        for (unsigned batch = 0; batch < 12; batch++) {
            assert_int_equal(gn_store_begin(s), GN_OK);
            for (unsigned k = 0; k < 20; k++) {
                struct gn_store_record r = {.key = {.kind = GN_STORE_IMMUTABLE},
                                            .expires_at = gn_rng_below(&rng, 1000)};
                r.key.target.b[0] = (uint8_t)gn_rng_below(&rng, 80);
                r.group = r.key.target.b[0] % 5;
                r.data = gn_slice_of(data, 1 + gn_rng_below(&rng, gn_rng_below(&rng, 3) ? 800 : sizeof data));
                if (gn_rng_below(&rng, 3) == 0)
                    assert_true(gn_store_del(s, &r.key) != GN_E_CORRUPT);
                else
                    assert_int_equal(gn_store_put(s, &r), GN_OK); /* often the same key twice, shorter or longer */
            }
            size_t removed = 0;
            if (gn_rng_below(&rng, 4) == 0)
                assert_int_equal(gn_store_expire(s, &removed, 300, 50), GN_OK);
            assert_int_equal(gn_store_meta_put(s, "m", gn_slice_of(data, gn_rng_below(&rng, sizeof data))), GN_OK);
            assert_int_equal(gn_store_commit(s), GN_OK);
        }
        (void)check_whole(s);
        gn_store_close(s);
    }
}

/* Writes `value` under `name` in `table` with LMDB itself; table NULL: into the main one. */
static void write_raw(const char *path, const char *table, const char *name, const void *value, size_t len)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    MDB_val k = {.mv_size = strlen(name), .mv_data = strdup(name)};
    MDB_val v = {.mv_size = len, .mv_data = malloc(len)};
    memcpy(v.mv_data, value, len);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, MDB_CREATE, &dbi), 0);
    assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    free(k.mv_data);
    free(v.mv_data);
}

static void stores_of_others_and_of_other_versions_are_refused(void **state)
{
    const struct temp_dir *d = *state;
    struct gn_store *s = NULL;
    char why[GN_LMDB_STORE_WHY_MAX];
    char path[512];
    assert_int_equal(mkdir(temp_dir_join(d, path, "a"), 0700), 0);
    write_raw(path, NULL, "something", "else", 4);
    assert_int_equal(try_open(&s, why, path, 0, true), GN_E_CORRUPT);
    assert_non_null(strstr(why, "another program"));
    assert_int_equal(mkdir(temp_dir_join(d, path, "b"), 0700), 0);
    write_raw(path, "records", "something", "else", 4);
    assert_int_equal(try_open(&s, why, path, 0, true), GN_E_CORRUPT);
    assert_non_null(strstr(why, "another program"));
    (void)temp_dir_join(d, path, "c");
    gn_store_close(must_open(path, 0, true));
    write_raw(path, "system", "format", "ghostnet store\0\0\0\2", 18);
    assert_int_equal(try_open(&s, why, path, 0, true), GN_E_VERSION);
    assert_non_null(strstr(why, "another version"));
    write_raw(path, "system", "format", "other store!\0\0\0\2", 16);
    assert_int_equal(try_open(&s, why, path, 0, true), GN_E_CORRUPT);
    (void)temp_dir_join(d, path, "e");
    gn_store_close(must_open(path, 0, true));
    write_raw(path, "system", "totals", "short", 5);
    assert_int_equal(try_open(&s, why, path, 0, true), GN_E_CORRUPT);
    assert_non_null(strstr(why, "totals"));
    assert_null(s);
}

static void values_that_were_altered_are_not_given_out(void **state)
{
    const struct temp_dir *d = *state;
    struct gn_slice out;
    struct gn_id id = {{'i'}};
    gn_store_close(must_open(d->path, 0, true));
    write_raw(d->path, "meta", "name", "12345678value", 13);
    write_raw(d->path, "meta", "short", "123", 3);
    write_raw(d->path, "files", "i", "12345678value", 13);
    char key[66] = "\1target";
    memset(key + 7, 'x', 58);
    write_raw(d->path, "records", key, "too short", 9);
    struct gn_store *s = must_open(d->path, 0, true);
    assert_int_equal(gn_store_meta_get(s, &out, "name"), GN_E_CORRUPT);
    assert_non_null(strstr(gn_store_error_text(s), "checksum"));
    assert_int_equal(gn_store_meta_get(s, &out, "short"), GN_E_CORRUPT);
    assert_int_equal(gn_store_file_get(s, &out, &id), GN_E_NOT_FOUND);
    assert_int_equal(gn_store_file_list(s, NULL, 5, NULL, NULL), GN_E_CORRUPT);
    struct gn_store_scan scan;
    uint64_t n = 0;
    gn_store_scan_start(&scan);
    assert_int_equal(gn_store_scan(s, &scan, 5, count_one, &n), GN_E_CORRUPT);
    assert_false(scan.done);
    /* the rest goes on */
    assert_int_equal(numbered_put(s, 3), GN_OK);
    assert_int_equal(numbered_get(s, 3), GN_OK);
    gn_store_close(s);
}

static void copy_file(const char *from, const char *to, off_t *len)
{
    struct stat st;
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    void *p = malloc((size_t)st.st_size);
    assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
    (void)close(fd);
    write_file(to, p, (size_t)st.st_size);
    free(p);
    *len = st.st_size;
}

/* Opens a damaged store and uses it. Whatever comes: an error or right answers, never a crash or a wrong value. */
static bool use_damaged(const char *path)
{
    struct gn_store *s = NULL;
    char why[GN_LMDB_STORE_WHY_MAX];
    enum gn_err e = try_open(&s, why, path, 64 * MIB, true);
    if (e != GN_OK) {
        assert_true(e == GN_E_CORRUPT || e == GN_E_VERSION);
        assert_true(strlen(why) > 10);
        return false;
    }
    for (uint32_t n = 0; n < 300; n++) {
        e = numbered_get(s, n);
        assert_true(e == GN_OK || e == GN_E_NOT_FOUND || e == GN_E_CORRUPT);
    }
    e = numbered_put(s, 1000);
    assert_true(e == GN_OK || e == GN_E_CORRUPT);
    gn_store_close(s);
    return true;
}

static void a_cut_or_scribbled_file_is_noticed_or_harmless(void **state)
{
    const struct temp_dir *d = *state;
    char good[512];
    char path[512];
    char bad[512];
    char file[600];
    struct gn_rng rng;
    off_t len = 0;
    unsigned refused = 0;
    gn_rng_init_test(&rng, 77, 1);
    struct gn_store *s = must_open(temp_dir_join(d, path, "good"), 64 * MIB, true);
    for (uint32_t n = 0; n < 300; n++)
        assert_int_equal(numbered_put(s, n), GN_OK);
    size_t removed = 0;
    assert_int_equal(gn_store_expire(s, &removed, 1060, 100), GN_OK); /* so that there are free pages */
    gn_store_close(s);
    (void)temp_dir_join(d, good, "good/data.mdb");
    assert_int_equal(mkdir(temp_dir_join(d, bad, "bad"), 0700), 0);
    (void)snprintf(file, sizeof file, "%s/data.mdb", bad);
    for (unsigned round = 0; round < 400; round++) {
        copy_file(good, file, &len);
        if (round % 4 == 0) {
            assert_int_equal(truncate(file, (off_t)gn_rng_below(&rng, (uint64_t)len)), 0);
        } else {
            uint8_t scribble[64];
            size_t n = 1 + (size_t)gn_rng_below(&rng, round % 4 == 1 ? 2 : sizeof scribble);
            int fd = open(file, O_RDWR | O_CLOEXEC);
            off_t at = (off_t)gn_rng_below(&rng, (uint64_t)len - n);
            if (round % 4 == 3) /* where the structure is: the beginning of a page */
                at = at / 4096 * 4096 + (off_t)gn_rng_below(&rng, 128);
            gn_rng_bytes(&rng, scribble, n);
            assert_int_equal(pwrite(fd, scribble, n, at), n);
            (void)close(fd);
        }
        refused += use_damaged(bad) ? 0 : 1;
    }
    print_message("400 damaged files: %u refused at the start, the others answered rightly\n", refused);
    assert_true(refused > 100);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_store_is_refused_and_left_alone),         TEST(every_healthy_store_passes_the_check),
        TEST(stores_of_others_and_of_other_versions_are_refused), TEST(values_that_were_altered_are_not_given_out),
        TEST(a_cut_or_scribbled_file_is_noticed_or_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
