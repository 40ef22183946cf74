/* tests/unit/base/test_os_file.c - whole files: reading within limits, replacing at once, making folders. */
#include "tests/support/gn_cmocka.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"
#include "tests/support/failing_alloc.h"

static int enter_new_folder(void **state)
{
    const char *base = getenv("TMPDIR");
    char *path = malloc(PATH_MAX);

    if (!path) {
        return -1;
    }
    (void)snprintf(path, PATH_MAX, "%s/gn-os-file-XXXXXX", base ? base : "/tmp");
    *state = path;
    return mkdtemp(path) && chdir(path) == 0 ? 0 : -1;
}

/* Entries of a folder, without "." and "..". */
static int entries_of(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;

    assert_non_null(d);
    while (readdir(d)) {
        n++;
    }
    assert_int_equal(closedir(d), 0);
    return n - 2;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st;
    (void)kind;
    (void)place;
    return remove(path);
}

static int leave_folder(void **state)
{
    int result = chdir("/") == 0 ? nftw((const char *)*state, remove_one, 16, FTW_DEPTH | FTW_PHYS) : -1;

    free(*state);
    return result;
}

/* The absolute path of something in the folder that the test is in. */
static void absolute(char out[PATH_MAX], const char *name)
{
    char here[PATH_MAX / 2];

    assert_non_null(getcwd(here, sizeof here));
    (void)snprintf(out, PATH_MAX, "%s/%s", here, name);
}

static void assert_content(const char *path, const char *expected)
{
    uint8_t *data;
    size_t len;

    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, path, 1000), GN_OK);
    assert_int_equal(len, strlen(expected));
    assert_string_equal((char *)data, expected); /* so there is a NUL */
    gn_alloc_free(gn_alloc_default(), data);
}

static void a_file_is_written_whole_and_read_back(void **state)
{
    (void)state;
    assert_int_equal(gn_os_file_write("a", "hello", 5, 0600), GN_OK);
    assert_content("a", "hello");
    assert_int_equal(gn_os_file_write("./a", "bye", 3, 0600), GN_OK);
    assert_content("a", "bye");
    assert_int_equal(gn_os_file_write("empty", NULL, 0, 0600), GN_OK);
    assert_content("empty", "");
    assert_int_equal(entries_of("."), 2);
}

static void the_mode_is_exact_whatever_the_umask(void **state)
{
    mode_t old = umask(0077);
    struct stat st;

    (void)state;
    assert_int_equal(gn_os_file_write("open", "x", 1, 0644), GN_OK);
    umask(0);
    assert_int_equal(gn_os_file_write("secret", "x", 1, 0600), GN_OK);
    umask(old);
    assert_int_equal(stat("open", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(stat("secret", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_file_at_its_limit_is_read_and_one_byte_more_is_not(void **state)
{
    uint8_t *data;
    size_t len;

    (void)state;
    assert_int_equal(gn_os_file_write("ten", "0123456789", 10, 0600), GN_OK);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "ten", 10), GN_OK);
    assert_int_equal(len, 10);
    gn_alloc_free(gn_alloc_default(), data);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "ten", 9), GN_E_LIMIT);
    assert_null(data);
    assert_int_equal(len, 0);
}

static void files_of_proc_that_claim_to_be_empty_are_read_to_their_end(void **state)
{
    uint8_t *data;
    size_t len;

    (void)state;
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "/proc/self/status", 1 << 20), GN_OK);
    assert_true(len > 100);
    assert_non_null(strstr((char *)data, "Name:"));
    gn_alloc_free(gn_alloc_default(), data);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "/proc/self/status", 50), GN_E_LIMIT);
    assert_null(data);
}

static void what_is_not_a_file_is_refused_without_hanging(void **state)
{
    uint8_t *data;
    size_t len;

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "fifo", 10), GN_E_INVALID);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, ".", 10), GN_E_INVALID);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "/dev/zero", 10), GN_E_INVALID);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "missing", 10), GN_E_NOT_FOUND);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "", 10), GN_E_NOT_FOUND);
    assert_int_equal(gn_os_file_read(gn_alloc_default(), &data, &len, "/proc/self/mem", 10), GN_E_IO);
    assert_null(data);
}

static void reading_survives_every_missing_allocation(void **state)
{
    uint64_t rounds = 0;

    (void)state;
    for (uint64_t n = 1;; n++, rounds++) {
        struct gn_failing_alloc fa;
        uint8_t *data;
        size_t len;
        enum gn_err err;

        gn_failing_alloc_init(&fa, n);
        err = gn_os_file_read(&fa.alloc, &data, &len, "/proc/self/status", 1 << 20);
        assert_int_equal(err, fa.failed ? GN_E_NO_MEMORY : GN_OK);
        assert_int_equal(fa.live, err ? 0 : 1);
        if (!err) {
            gn_alloc_free(&fa.alloc, data);
            break;
        }
    }
    assert_true(rounds >= 2);
}

static void a_failed_write_leaves_the_old_file_and_no_rubbish(void **state)
{
    struct rlimit old;
    struct rlimit small;
    static uint8_t big[100000];
    enum gn_err err;

    (void)state;
    assert_int_equal(gn_os_file_write("kept", "old", 3, 0600), GN_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 50000;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    err = gn_os_file_write("kept", big, sizeof big, 0600);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(err, GN_E_LIMIT);
    assert_content("kept", "old");
    assert_int_equal(entries_of("."), 1);
}

static void writing_onto_a_folder_or_into_none_fails_cleanly(void **state)
{
    char path[PATH_MAX + 10];

    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(gn_os_file_write("folder", "x", 1, 0600), GN_E_INVALID);
    assert_int_equal(gn_os_file_write("missing/a", "x", 1, 0600), GN_E_NOT_FOUND);
    memset(path, 'a', sizeof path);
    path[PATH_MAX - 4] = '\0';
    assert_int_equal(gn_os_file_write(path, "x", 1, 0600), GN_E_LIMIT);
    path[300] = '\0'; /* a name longer than a folder can hold */
    assert_int_equal(gn_os_file_write(path, "x", 1, 0600), GN_E_LIMIT);
    assert_int_equal(entries_of("."), 1);
    assert_int_equal(entries_of("folder"), 0);
}

static void folders_are_made_all_the_way_and_twice(void **state)
{
    char full[PATH_MAX];
    mode_t old = umask(0);
    struct stat st;

    (void)state;
    assert_int_equal(gn_os_file_mkdirs("a//b/c/", 0750), GN_OK);
    umask(old);
    assert_int_equal(stat("a/b/c", &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0750);
    assert_int_equal(gn_os_file_mkdirs("a/b/c", 0700), GN_OK);
    assert_int_equal(stat("a/b/c", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0750); /* what was there stays as it was */
    absolute(full, "x/y");
    assert_int_equal(gn_os_file_mkdirs(full, 0700), GN_OK);
    assert_int_equal(stat("x/y", &st), 0);
    assert_int_equal(gn_os_file_mkdirs("/", 0700), GN_OK);
    assert_int_equal(gn_os_file_write("/proc/self/nothing", "x", 1, 0600), GN_E_NOT_FOUND);
}

static void a_file_in_the_way_of_a_folder_is_reported(void **state)
{
    char path[PATH_MAX + 10];

    (void)state;
    assert_int_equal(gn_os_file_write("file", "x", 1, 0600), GN_OK);
    assert_int_equal(gn_os_file_mkdirs("file", 0700), GN_E_EXISTS);
    assert_int_equal(gn_os_file_mkdirs("file/sub", 0700), GN_E_EXISTS);
    assert_int_equal(gn_os_file_mkdirs("", 0700), GN_E_INVALID);
    assert_int_equal(gn_os_file_mkdirs("/proc/nothing", 0700), GN_E_NOT_FOUND);
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(gn_os_file_mkdirs(path, 0700), GN_E_LIMIT);
    assert_content("file", "x");
}

static void folders_can_be_synced_and_files_cannot(void **state)
{
    (void)state;
    assert_int_equal(gn_os_file_sync_dir("."), GN_OK);
    assert_int_equal(gn_os_file_sync_dir("missing"), GN_E_NOT_FOUND);
    assert_int_equal(gn_os_file_write("file", "x", 1, 0600), GN_OK);
    assert_int_equal(gn_os_file_sync_dir("file"), GN_E_NOT_FOUND);
}

static void an_absolute_path_is_written_too(void **state)
{
    char full[PATH_MAX];

    (void)state;
    absolute(full, "abs");
    assert_int_equal(gn_os_file_write(full, "x", 1, 0600), GN_OK);
    assert_content("abs", "x");
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, enter_new_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_file_is_written_whole_and_read_back),
        IN_FOLDER(the_mode_is_exact_whatever_the_umask),
        IN_FOLDER(a_file_at_its_limit_is_read_and_one_byte_more_is_not),
        IN_FOLDER(files_of_proc_that_claim_to_be_empty_are_read_to_their_end),
        IN_FOLDER(what_is_not_a_file_is_refused_without_hanging),
        IN_FOLDER(reading_survives_every_missing_allocation),
        IN_FOLDER(a_failed_write_leaves_the_old_file_and_no_rubbish),
        IN_FOLDER(writing_onto_a_folder_or_into_none_fails_cleanly),
        IN_FOLDER(folders_are_made_all_the_way_and_twice),
        IN_FOLDER(a_file_in_the_way_of_a_folder_is_reported),
        IN_FOLDER(folders_can_be_synced_and_files_cannot),
        IN_FOLDER(an_absolute_path_is_written_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
