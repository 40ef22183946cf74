/* tests/unit/node/test_datadir.c - the data folder: made, locked, read again, and left alone when it is not ours. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/os_datadir.h"
#include "tests/support/gn_cmocka.h"

static int make_folder(void **state)
{
    char *path = strdup("/tmp/gn-datadir-XXXXXX");
    *state = path;
    return path && mkdtemp(path) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
    int rc = system(command); /* NOLINT(cert-env33-c): our own temporary folder */
    free(*state);
    return rc;
}

static void write_file(const char *dir, const char *name, const char *text, mode_t mode)
{
    char path[PATH_MAX];
    assert_int_equal(gn_datadir_join(path, dir, name), GN_OK);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static mode_t mode_of(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat st;
    assert_int_equal(gn_datadir_join(path, dir, name), GN_OK);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void a_first_start_makes_secrets_that_only_we_may_read(void **state)
{
    struct gn_datadir d;
    char why[GN_DATADIR_WHY_MAX], path[PATH_MAX];
    assert_int_equal(gn_datadir_join(path, *state, "a/b/c"), GN_OK); /* parents are made too */
    assert_int_equal(gn_datadir_open(&d, why, path), GN_OK);
    assert_string_equal(why, "");
    assert_int_equal(mode_of(path, "."), 0700);
    assert_int_equal(mode_of(path, "identity.key"), 0600);
    assert_int_equal(mode_of(path, "api.token"), 0600);
    assert_int_equal(strlen(d.token), 64);
    assert_true(d.lock_fd >= 0);
    gn_datadir_close(&d);
    for (size_t i = 0; i < sizeof d.seed; i++)
        assert_int_equal(d.seed[i], 0); /* wiped */
    gn_datadir_close(&d);               /* again is fine */
}

static void the_second_start_finds_the_same_identity(void **state)
{
    struct gn_datadir d;
    char why[GN_DATADIR_WHY_MAX], token[GN_DATADIR_TOKEN_MAX];
    uint8_t seed[32];
    assert_int_equal(gn_datadir_open(&d, why, *state), GN_OK);
    memcpy(seed, d.seed, sizeof seed);
    memcpy(token, d.token, sizeof token);
    gn_datadir_close(&d);
    assert_int_equal(gn_datadir_open(&d, why, *state), GN_OK);
    assert_memory_equal(seed, d.seed, sizeof seed);
    assert_string_equal(token, d.token);
    gn_datadir_close(&d);
}

/* A lock of fcntl belongs to a process: only another one can be refused. */
static void another_process_is_refused_and_told_our_pid(void **state)
{
    struct gn_datadir d;
    char why[GN_DATADIR_WHY_MAX], pid[32];
    assert_false(gn_datadir_is_locked(*state));
    assert_int_equal(gn_datadir_open(&d, why, *state), GN_OK);
    (void)snprintf(pid, sizeof pid, "(pid %ld)", (long)getpid());
    pid_t child = fork();
    if (child == 0) {
        struct gn_datadir second;
        bool right = gn_datadir_is_locked(*state) && gn_datadir_open(&second, why, *state) == GN_E_LOCKED &&
                     strstr(why, pid) && second.lock_fd < 0;
        _exit(right ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    gn_datadir_close(&d);
    child = fork();
    if (child == 0)
        _exit(gn_datadir_is_locked(*state) ? 1 : 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void what_is_not_ours_is_refused_and_kept(void **state)
{
    static const struct {
        const char *name, *text;
        mode_t mode;
        enum gn_err err;
        const char *why;
    } cases[] = {
        {"photo.jpg", "x", 0600, GN_E_CORRUPT, "other files"},
        {"identity.key", "", 0600, GN_E_CORRUPT, "identity.key"},
        {"identity.key", "xyz", 0600, GN_E_CORRUPT, "identity.key"},
        {"identity.key", "g000000000000000000000000000000000000000000000000000000000000000", 0600, GN_E_CORRUPT,
         "backup"},
        {"identity.key", "00000000000000000000000000000000000000000000000000000000000000000", 0600, GN_E_CORRUPT,
         "backup"},
        {"identity.key", "0000000000000000000000000000000000000000000000000000000000000001", 0640, GN_E_PERMISSION,
         "chmod"},
        {"api.token", "0", 0600, GN_E_CORRUPT, "api.token"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gn_datadir d;
        char dir[PATH_MAX], path[PATH_MAX], name[16], why[GN_DATADIR_WHY_MAX], now[128] = {0};
        (void)snprintf(name, sizeof name, "%zu", i);
        assert_int_equal(gn_datadir_join(dir, *state, name), GN_OK);
        assert_int_equal(mkdir(dir, 0700), 0);
        write_file(dir, cases[i].name, cases[i].text, cases[i].mode);
        assert_int_equal(gn_datadir_open(&d, why, dir), cases[i].err);
        assert_non_null(strstr(why, cases[i].why));
        assert_int_equal(d.lock_fd, -1);
        assert_int_equal(gn_datadir_join(path, dir, cases[i].name), GN_OK);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        (void)fread(now, 1, sizeof now - 1, f);
        (void)fclose(f);
        assert_string_equal(now, cases[i].text);
    }
}

static void hidden_files_and_lost_and_found_are_nobodys(void **state)
{
    struct gn_datadir d;
    char why[GN_DATADIR_WHY_MAX], path[PATH_MAX];
    write_file(*state, ".hidden", "x", 0600);
    assert_int_equal(gn_datadir_join(path, *state, "lost+found"), GN_OK);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(gn_datadir_open(&d, why, *state), GN_OK);
    gn_datadir_close(&d);
    write_file(*state, "notes.txt", "x", 0600); /* ours already: the user may put things there */
    assert_int_equal(gn_datadir_open(&d, why, *state), GN_OK);
    gn_datadir_close(&d);
}

static void a_file_in_the_way_is_an_error(void **state)
{
    struct gn_datadir d;
    char why[GN_DATADIR_WHY_MAX], path[PATH_MAX];
    write_file(*state, "file", "x", 0600);
    assert_int_equal(gn_datadir_join(path, *state, "file"), GN_OK);
    assert_int_not_equal(gn_datadir_open(&d, why, path), GN_OK);
    assert_non_null(strstr(why, path));
    assert_int_equal(gn_datadir_join(path, *state, "file/below"), GN_OK);
    assert_int_not_equal(gn_datadir_open(&d, why, path), GN_OK);
    assert_non_null(strstr(why, path));
}

static void the_default_folder_follows_the_environment(void **state)
{
    char path[PATH_MAX], out[PATH_MAX];
    (void)state;
    assert_int_equal(setenv("HOME", "/home/me", 1) | setenv("XDG_DATA_HOME", "/data", 1), 0);
    assert_int_equal(gn_datadir_default(path), GN_OK);
    assert_string_equal(path, "/data/ghostnet");
    assert_int_equal(setenv("XDG_DATA_HOME", "relative", 1), 0); /* the specification says: ignore it */
    assert_int_equal(gn_datadir_default(path), GN_OK);
    assert_string_equal(path, "/home/me/.local/share/ghostnet");
    assert_int_equal(unsetenv("HOME") | unsetenv("XDG_DATA_HOME"), 0);
    assert_int_equal(gn_datadir_default(path), GN_E_INVALID);
    memset(path, 'x', sizeof path);
    path[PATH_MAX - 1] = '\0';
    assert_int_equal(gn_datadir_join(out, path, "y"), GN_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
        TEST(a_first_start_makes_secrets_that_only_we_may_read), TEST(the_second_start_finds_the_same_identity),
        TEST(another_process_is_refused_and_told_our_pid),       TEST(what_is_not_ours_is_refused_and_kept),
        TEST(hidden_files_and_lost_and_found_are_nobodys),       TEST(a_file_in_the_way_is_an_error),
        TEST(the_default_folder_follows_the_environment),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
