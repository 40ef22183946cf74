/* tests/unit/storage/test_tree_libtorrent.c - roots of random files, ours against libtorrent's, in this very run.
 *
 * Needs Debian's python3-libtorrent; says so loudly and skips when it is missing. The vectors in test_tree.c came from
 * it.
 */
#include <spawn.h>
#include <sys/wait.h>

#include "base/hex.h"
#include "storage/tree.h"
#include "tests/unit/storage/fixtures.h"

#define FILES 12U

/* Runs the script with its output in `result`; returns its exit code. */
static int ask_libtorrent(const struct temp_dir *dir, char **paths, const char *result)
{
    char python[] = "/usr/bin/python3"; /* Debian's, which has Debian's modules */
    char script[] = GN_SOURCE_DIR "/tests/support/libtorrent_root.py";
    char *argv[FILES + 3U] = {python, script};
    char *env[] = {NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = 0;
    (void)dir;
    memcpy(argv + 2, paths, FILES * sizeof paths[0]);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, result, O_WRONLY | O_CREAT | O_TRUNC, 0600), 0);
    int rc = posix_spawn(&pid, python, &actions, NULL, argv, env);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (rc != 0)
        return 77;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void random_files_have_the_root_that_libtorrent_gives_them(void **state)
{
    (void)state;
    static const uint32_t lengths[FILES] = {1,      5000,    16384,   16385,   49152,    81920,
                                            262143, 1000000, 2097152, 4194305, 10000000, 17000003};
    struct temp_dir dir;
    char names[FILES][512];
    char *paths[FILES];
    char roots[FILES][65];
    char result[512];
    temp_dir_make(&dir);
    for (uint32_t i = 0; i < FILES; i++) {
        struct gn_tree_builder b;
        struct gn_tree_hash root;
        char name[32];
        uint8_t *data = malloc(lengths[i]);
        fill_pattern(data, lengths[i], i + (uint32_t)getpid());
        (void)snprintf(name, sizeof name, "file%u", i);
        (void)temp_dir_join(&dir, names[i], name);
        write_file(names[i], data, lengths[i]);
        paths[i] = names[i];
        gn_tree_builder_init(&b, NULL, NULL);
        assert_int_equal(gn_tree_builder_add(&b, data, lengths[i]), GN_OK);
        gn_tree_builder_end(&b, &root, NULL);
        gn_hex_encode(roots[i], sizeof roots[i], root.b, sizeof root.b);
        free(data);
    }
    int rc = ask_libtorrent(&dir, paths, temp_dir_join(&dir, result, "result"));
    if (rc == 77) {
        temp_dir_remove(&dir);
        print_message("SKIPPED: python3-libtorrent is not installed: no second opinion on the roots in this run\n");
        skip();
    }
    assert_int_equal(rc, 0);
    FILE *f = fopen(result, "re");
    assert_non_null(f);
    for (uint32_t i = 0; i < FILES; i++) {
        char line[80];
        assert_non_null(fgets(line, sizeof line, f));
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(line, roots[i]);
    }
    (void)fclose(f);
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_files_have_the_root_that_libtorrent_gives_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
