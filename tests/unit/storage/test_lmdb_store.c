/* tests/unit/storage/test_lmdb_store.c - the store on disk: kills, full and failing disks. */
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/rng.h"
#include "tests/support/failing_alloc.h"
#include "tests/unit/storage/lmdb_fixtures.h"

/* ---- opening ---- */

static void what_was_committed_is_there_after_reopening(void **state)
{
    const struct temp_dir *d = *state;
    char path[512];
    struct gn_slice out;
    struct gn_store *s = must_open(temp_dir_join(d, path, "store"), 0, false); /* makes the folder */
    for (uint32_t n = 0; n < 50; n++)
        assert_int_equal(numbered_put(s, n), GN_OK);
    assert_int_equal(gn_store_meta_put(s, "table", gn_slice_str("nodes")), GN_OK);
    assert_int_equal(gn_store_begin(s), GN_OK);
    assert_int_equal(numbered_put(s, 50), GN_OK);
    gn_store_close(s); /* in the middle of a batch: undone */
    s = must_open(path, 0, false);
    for (uint32_t n = 0; n < 50; n++)
        assert_int_equal(numbered_get(s, n), GN_OK);
    assert_int_equal(numbered_get(s, 50), GN_E_NOT_FOUND);
    assert_int_equal(check_whole(s), 50);
    assert_int_equal(gn_store_meta_get(s, &out, "table"), GN_OK);
    assert_true(gn_slice_eq(out, gn_slice_str("nodes")));
    struct gn_store_stats st;
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_true(st.limit_bytes == GN_LMDB_STORE_LIMIT && st.meta_count == 1);
    gn_store_close(s);
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0700);
}

static void bad_options_are_named(void **state)
{
    const struct temp_dir *d = *state;
    struct gn_store *s = NULL;
    char why[GN_LMDB_STORE_WHY_MAX];
    char path[512];
    static char longer[5000];
    memset(longer, 'x', sizeof longer - 1U);
    assert_int_equal(try_open(&s, why, "", 0, false), GN_E_INVALID);
    assert_int_equal(try_open(&s, why, NULL, 0, false), GN_E_INVALID);
    assert_int_equal(try_open(&s, why, longer, 0, false), GN_E_INVALID);
    assert_int_equal(try_open(&s, why, d->path, 1000, false), GN_E_INVALID);
    assert_non_null(strstr(why, "1 MiB"));
    assert_int_equal(try_open(&s, why, temp_dir_join(d, path, "a/b"), 0, false), GN_E_NOT_FOUND);
    assert_true(strlen(why) > 10);
    write_file(temp_dir_join(d, path, "file"), "x", 1);
    assert_int_not_equal(try_open(&s, why, path, 0, false), GN_OK);
    assert_null(s);
}

static void every_allocation_of_opening_may_fail(void **state)
{
    const struct temp_dir *d = *state;
    struct gn_store *s = must_open(d->path, 0, true);
    for (uint32_t n = 0; n < 200; n++)
        assert_int_equal(numbered_put(s, n), GN_OK);
    gn_store_close(s);
    for (uint64_t n = 1;; n++) {
        struct gn_failing_alloc fa;
        char why[GN_LMDB_STORE_WHY_MAX];
        struct gn_lmdb_store_options options = {.path = d->path, .no_sync = true};
        gn_failing_alloc_init(&fa, n);
        enum gn_err e = gn_lmdb_store_open(&s, why, &fa.alloc, &options);
        assert_int_equal(e, fa.failed ? GN_E_NO_MEMORY : GN_OK);
        assert_int_equal(why[0] != '\0', fa.failed != 0);
        gn_store_close(s);
        assert_int_equal(fa.live, 0);
        if (!fa.failed)
            break;
    }
}

/* ---- kills ---- */

#define ROUNDS 50U

/* Writes batches from `n` on and tells the last number of each after its commit. */
static void write_and_tell(const char *path, int tell, uint32_t n, uint64_t seed)
{
    struct gn_rng rng;
    struct gn_store *s = NULL;
    char why[GN_LMDB_STORE_WHY_MAX];
    gn_rng_init_test(&rng, seed, 1);
    if (try_open(&s, why, path, 64 * MIB, false) != GN_OK)
        _exit(2);
    for (;;) {
        if (gn_store_begin(s) != GN_OK)
            _exit(3);
        for (uint64_t k = 1 + gn_rng_below(&rng, 12); k > 0; k--) {
            if (numbered_put(s, n++) != GN_OK)
                _exit(4);
        }
        if (gn_store_commit(s) != GN_OK)
            _exit(5);
        uint32_t last = n;
        if (write(tell, &last, sizeof last) != sizeof last)
            _exit(6);
    }
}

static void no_acknowledged_write_is_lost_when_the_process_is_killed(void **state)
{
    const struct temp_dir *d = *state;
    struct gn_rng rng;
    uint32_t told = 0; /* records below this number were acknowledged */
    gn_rng_init_test(&rng, 1, 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int fds[2];
        int status = 0;
        uint32_t last = 0;
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_and_tell(d->path, fds[1], told, round);
        (void)close(fds[1]);
        for (uint64_t n = 1 + gn_rng_below(&rng, 6); n > 0 && read(fds[0], &last, sizeof last) == sizeof last; n--)
            told = last;
        /* somewhere in the work on the next batch */
        for (volatile uint64_t spin = gn_rng_below(&rng, 2000000); spin > 0; spin--) {
        }
        (void)kill(pid, SIGKILL);
        while (read(fds[0], &last, sizeof last) == sizeof last)
            told = last;
        (void)close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        struct gn_store *s = must_open(d->path, 64 * MIB, true);
        uint32_t first = told > 100 ? told - 100 : 0; /* the others were looked at in earlier rounds */
        for (uint32_t n = round + 1 == ROUNDS ? 0 : first; n < told; n++)
            assert_int_equal(numbered_get(s, n), GN_OK);
        uint64_t whole = check_whole(s);
        assert_true(whole >= told && whole <= told + 12U); /* at most the batch that was committed but not told */
        for (uint32_t n = told; n < whole; n++)
            assert_int_equal(numbered_get(s, n), GN_OK);
        gn_store_close(s);
        told = (uint32_t)whole;
    }
    print_message("%u kills, %u records acknowledged, none lost\n", ROUNDS, told);
    assert_true(told > ROUNDS);
}

/* ---- disks ---- */

static void every_disk_call_may_fail_and_nothing_committed_is_lost(void **state)
{
    const struct temp_dir *d = *state;
    uint32_t committed = 0;
    struct gn_store *s = must_open(d->path, 64 * MIB, false);
    for (int round = 1; round < 120; round++) {
        int error = round % 2 ? ENOSPC : EIO;
        gn_failing_disk_arm(1 + round / 4, error, round % 4 >= 2);
        enum gn_err e = GN_OK;
        uint32_t n = committed;
        while (e == GN_OK && n < committed + 40U) {
            e = gn_store_begin(s);
            for (unsigned k = 0; e == GN_OK && k < 8; k++)
                e = numbered_put(s, n++);
            if (e == GN_OK)
                e = gn_store_commit(s);
            else
                gn_store_rollback(s);
            if (e == GN_OK)
                committed = n;
        }
        /* reading goes on while the disk is bad */
        if (e != GN_OK) {
            assert_true(e == GN_E_NO_SPACE || e == GN_E_IO);
            assert_true(strlen(gn_store_error_text(s)) > 10);
            for (uint32_t i = committed > 50 ? committed - 50 : 0; i < committed; i++)
                assert_int_equal(numbered_get(s, i), GN_OK);
        }
        if (gn_failing_disk_disarm())
            assert_int_not_equal(e, GN_OK);
        assert_int_equal(numbered_put(s, committed), GN_OK); /* well again */
        committed++;
        assert_int_equal(check_whole(s), committed);
    }
    gn_store_close(s);
    s = must_open(d->path, 64 * MIB, false);
    for (uint32_t i = 0; i < committed; i++)
        assert_int_equal(numbered_get(s, i), GN_OK);
    assert_int_equal(check_whole(s), committed);
    gn_store_close(s);
}

static void a_full_disk_loses_nothing_and_can_be_written_again(void **state)
{
    const struct temp_dir *d = *state;
    char at[512];
    char path[600];
    char ballast[600];
    struct gn_store *s = NULL;
    char why[GN_LMDB_STORE_WHY_MAX];
    uint32_t n = 0;
    assert_int_equal(mkdir(temp_dir_join(d, at, "small"), 0700), 0);
    if (mount("tmpfs", at, "tmpfs", 0, "size=3m") != 0) {
        print_message("SKIPPED: no right to mount a small tmpfs: the full disk is only simulated in this run\n");
        skip();
    }
    (void)snprintf(path, sizeof path, "%s/store", at);
    (void)snprintf(ballast, sizeof ballast, "%s/ballast", at);
    int fd = open(ballast, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int balloon = fallocate(fd, 0, 0, 512 * 1024);
    enum gn_err opened = try_open(&s, why, path, 64 * MIB, false);
    enum gn_err full = GN_OK;
    while (opened == GN_OK && (full = numbered_put(s, n)) == GN_OK && n < 10000)
        n++;
    bool all_there = opened == GN_OK;
    for (uint32_t i = 0; all_there && i < n; i++)
        all_there = numbered_get(s, i) == GN_OK;
    int text = opened == GN_OK ? (int)strlen(gn_store_error_text(s)) : 0;
    (void)close(fd);
    int freed = unlink(ballast); /* somebody makes room */
    enum gn_err again = opened == GN_OK ? numbered_put(s, n) : opened;
    gn_store_close(s);
    s = NULL;
    enum gn_err reopened = try_open(&s, why, path, 64 * MIB, false);
    for (uint32_t i = 0; reopened == GN_OK && all_there && i <= n; i++)
        all_there = numbered_get(s, i) == GN_OK;
    gn_store_close(s);
    /* nothing is left at all: the error is the disk's, not "corrupt" */
    fd = open(ballast, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, path, sizeof path) > 0) {
    }
    (void)close(fd);
    (void)snprintf(path, sizeof path, "%s/other", at);
    struct gn_store *other = NULL;
    enum gn_err no_room = try_open(&other, why, path, 64 * MIB, false);
    gn_store_close(other);
    assert_int_equal(umount(at), 0);
    assert_int_equal(balloon, 0);
    assert_int_equal(freed, 0);
    assert_int_equal(opened, GN_OK);
    assert_int_equal(full, GN_E_NO_SPACE);
    assert_true(n > 100 && text > 10);
    assert_int_equal(again, GN_OK);
    assert_int_equal(reopened, GN_OK);
    assert_true(all_there);
    assert_int_equal(no_room, GN_E_NO_SPACE);
}

static void the_map_grows_with_what_is_stored(void **state)
{
    const struct temp_dir *d = *state;
    static uint8_t data[GN_STORE_RECORD_MAX];
    struct gn_store *s = must_open(d->path, 512 * MIB, true);
    struct gn_store_record r = {.key = {.kind = GN_STORE_IMMUTABLE}, .data = gn_slice_of(data, sizeof data)};
    for (uint32_t n = 0; n < 2500;) { /* 160 MiB: more than the map at the start */
        assert_int_equal(gn_store_begin(s), GN_OK);
        for (unsigned k = 0; k < 100; k++, n++) {
            gn_store_u32(data, n);
            gn_store_u32(r.key.target.b, n);
            assert_int_equal(gn_store_put(s, &r), GN_OK);
        }
        assert_int_equal(gn_store_commit(s), GN_OK);
    }
    struct gn_store_stats st;
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_true(st.size_bytes > 160 * MIB && st.size_bytes < 512 * MIB);
    for (uint32_t n = 0; n < 2500; n += 100) {
        struct gn_store_record out;
        gn_store_u32(r.key.target.b, n);
        assert_int_equal(gn_store_get(s, &out, &r.key), GN_OK);
        assert_int_equal(gn_load_u32(out.data.data), n);
    }
    gn_store_close(s);
    /* a smaller limit than what is there already: still readable and removable, not writable */
    s = must_open(d->path, 8 * MIB, true);
    assert_int_equal(gn_store_put(s, &r), GN_E_NO_SPACE);
    assert_int_equal(gn_store_del(s, &r.key), GN_OK);
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_int_equal(st.all.count, 2499);
    gn_store_close(s);
}

/* Pages of files that are mapped into this process, in KiB. */
static long mapped_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "RssFile:", 8) == 0)
            kib = strtol(line + 8, NULL, 10);
    }
    (void)fclose(f);
    return kib;
}

static void memory_of_a_large_store_can_be_given_back(void **state)
{
    const struct temp_dir *d = *state;
    struct gn_store *s = must_open(d->path, 64 * MIB, true);
    gn_store_trim(s); /* as good as empty */
    for (uint32_t n = 0; n < 8000;) {
        assert_int_equal(gn_store_begin(s), GN_OK);
        for (unsigned k = 0; k < 500; k++)
            assert_int_equal(numbered_put(s, n++), GN_OK);
        gn_store_trim(s); /* in a batch: nothing happens */
        assert_int_equal(gn_store_commit(s), GN_OK);
    }
    assert_int_equal(check_whole(s), 8000);
    long before = mapped_kib();
    gn_store_trim(s);
    long after = mapped_kib();
    print_message("mapped: %ld KiB, after trimming %ld KiB\n", before, after);
    assert_true(before - after > 10000);
    for (uint32_t n = 0; n < 8000; n += 100)
        assert_int_equal(numbered_get(s, n), GN_OK);
    assert_int_equal(numbered_put(s, 8000), GN_OK);
    gn_store_close(s);
}

static void a_file_that_grew_behind_our_back_is_mapped_anew(void **state)
{
    const struct temp_dir *d = *state;
    struct gn_store *small = must_open(d->path, MIB, true);
    assert_int_equal(numbered_put(small, 0), GN_OK);
    struct gn_store *large = must_open(d->path, 64 * MIB, true);
    for (uint32_t n = 1; n < 1500; n++)
        assert_int_equal(numbered_put(large, n), GN_OK);
    gn_store_close(large);
    assert_int_equal(numbered_get(small, 1499), GN_OK);
    assert_int_equal(numbered_get(small, 0), GN_OK);
    struct numbered x;
    numbered_make(&x, 700);
    assert_int_equal(gn_store_del(small, &x.r.key), GN_OK); /* it is past its own limit: removing works */
    assert_int_equal(numbered_get(small, 700), GN_E_NOT_FOUND);
    gn_store_close(small);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_committed_is_there_after_reopening),
        TEST(bad_options_are_named),
        TEST(every_allocation_of_opening_may_fail),
        TEST(no_acknowledged_write_is_lost_when_the_process_is_killed),
        TEST(every_disk_call_may_fail_and_nothing_committed_is_lost),
        TEST(a_full_disk_loses_nothing_and_can_be_written_again),
        TEST(the_map_grows_with_what_is_stored),
        TEST(memory_of_a_large_store_can_be_given_back),
        TEST(a_file_that_grew_behind_our_back_is_mapped_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
