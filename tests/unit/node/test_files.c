/* tests/unit/node/test_files.c - sharing and fetching between nodes of one process, on loopback. */
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os_clock.h"
#include "storage/tree.h"
#include "tests/support/files_world.h"
#include "tests/support/gn_cmocka.h"

static struct world w;
static struct world_answer a;
static char src[1024], dst[1024], uri[4200];

static int start_two(void **state)
{
    (void)state;
    world_start(&w);
    assert_int_equal(world_node_start(&w, 0, true), GN_OK);
    assert_int_equal(world_node_start(&w, 1, true), GN_OK);
    (void)snprintf(src, sizeof src, "%s", world_path(&w, "source.bin"));
    (void)snprintf(dst, sizeof dst, "%s", world_path(&w, "fetched.bin"));
    return 0;
}

static int end_all(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static void share(unsigned node, const char *path)
{
    assert_int_equal(world_share(&w, node, &a, path), GN_OK);
    (void)snprintf(uri, sizeof uri, "%s", a.link);
}

static void share_and_fetch(uint64_t len)
{
    world_file(src, len, 7);
    share(0, src);
    assert_int_equal(a.size, len);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    assert_string_equal(a.state, "done");
    assert_int_equal(a.have, len);
    assert_true(world_same(src, dst));
}

/* ---- sizes ---- */

static void an_empty_file_arrives(void **state)
{
    (void)state;
    share_and_fetch(0);
}

static void one_byte_arrives(void **state)
{
    (void)state;
    share_and_fetch(1);
}

static void a_leaf_less_a_byte_arrives(void **state)
{
    (void)state;
    share_and_fetch(GN_TREE_LEAF - 1U);
}

static void a_leaf_arrives(void **state)
{
    (void)state;
    share_and_fetch(GN_TREE_LEAF);
}

static void a_leaf_and_a_byte_arrive(void **state)
{
    (void)state;
    share_and_fetch(GN_TREE_LEAF + 1U);
}

static void a_range_and_a_byte_arrive(void **state)
{
    (void)state;
    share_and_fetch((UINT64_C(4) << 20U) + 1U);
}

static void fifty_mebibytes_arrive(void **state)
{
    (void)state;
    share_and_fetch((UINT64_C(50) << 20U) + 12345U);
    assert_true(a.parts > 0);
}

static void a_sparse_file_of_ten_gibibytes_is_shared_without_reading_holes(void **state)
{
    (void)state;
    int fd = open(src, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)10 << 30U), 0);
    assert_int_equal(pwrite(fd, "end", 3, ((off_t)10 << 30U) - 3), 3);
    (void)close(fd);
    gn_time_us began = gn_os_clock_now();
    share(0, src);
    assert_int_equal(a.size, UINT64_C(10) << 30U);
    assert_true(gn_os_clock_now() - began < GN_SECONDS(40));
}

/* ---- what is listed ---- */

static void a_shared_file_is_listed_with_a_link_and_unshared(void **state)
{
    struct gn_id root;
    (void)state;
    world_file(src, 100000, 1);
    share(0, src);
    root = a.root;
    assert_int_equal(world_listed(&w, 0, &a, &root), GN_OK);
    assert_string_equal(a.state, "shared");
    assert_string_equal(a.name, "source.bin");
    assert_string_equal(a.link, uri);
    struct world_answer other;

    assert_int_equal(world_fetch_all(&w, 1, &other, uri, dst), GN_OK);
    assert_int_equal(world_listed(&w, 1, &a, &root), GN_OK);
    assert_string_equal(a.state, "complete");
}

static void on_plain(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct world_answer *answer = call->asker;
    (void)detail;
    (void)result;
    answer->over = true;
    answer->err = err;
}

static enum gn_err stop_sharing(unsigned node, const struct gn_id *root)
{
    world_answer_init(&a);
    a.call.finish = on_plain;
    gn_files_api_unshare(w.nodes[node].files, &a.call, root);
    assert_true(world_run(&w, &a.over));
    return a.err;
}

static void an_unshared_file_is_gone_but_not_from_the_disk(void **state)
{
    struct gn_id root;
    struct stat st;
    (void)state;
    world_file(src, 100000, 1);
    share(0, src);
    root = a.root;
    assert_int_equal(stop_sharing(0, &root), GN_OK);
    assert_int_equal(world_listed(&w, 0, &a, &root), GN_E_NOT_FOUND);
    assert_int_equal(stop_sharing(0, &root), GN_E_NOT_FOUND);
    assert_int_equal(stat(src, &st), 0);
}

static void what_cannot_be_shared_says_why(void **state)
{
    (void)state;
    assert_int_equal(world_share(&w, 0, &a, "/no/such/file"), GN_E_NOT_FOUND);
    assert_true(a.detail[0] != '\0');
    assert_int_equal(world_share(&w, 0, &a, "relative"), GN_E_INVALID);
    assert_int_equal(world_share(&w, 0, &a, "/dev/null"), GN_E_INVALID);
    assert_int_equal(world_fetch(&w, 0, &a, "http://example.org", dst), GN_E_INVALID);
    assert_int_equal(world_fetch(&w, 0, &a, uri, "relative"), GN_E_INVALID);
}

/* ---- folders ---- */

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fputs(text, f) >= 0, 1);
    (void)fclose(f);
}

static void make_folder(void)
{
    char path[1200];
    (void)snprintf(src, sizeof src, "%s", world_path(&w, "folder"));
    static const char *const folders[] = {"", "/a", "/a/b c", "/leer", "/a!", "/\xc3\xa4\xe2\x82\xac"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        (void)snprintf(path, sizeof path, "%s%s", src, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    static const char *const files[] = {
        "/a/b c/100% ?&=#.txt",    "/a/twin", "/a!/twin", "/-rf", "/\xc3\xa4\xe2\x82\xac/x", "/a/empty",
        "/ leading and trailing ", "/.hidden"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "%s%s", src, files[i]);
        put(path, strstr(files[i], "twin") ? "twins have one content" : strstr(files[i], "empty") ? "" : files[i]);
    }
    (void)snprintf(path, sizeof path, "%s/run.sh", src);
    put(path, "#!/bin/sh\n");
    assert_int_equal(chmod(path, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/big", src);
    world_file(path, (UINT64_C(9) << 20U) + 5U, 3);
    (void)snprintf(path, sizeof path, "%s/dangling", src);
    assert_int_equal(symlink("/nowhere", path), 0);
}

static bool same_tree(const char *one, const char *other)
{
    char name[] = "diff", option[] = "-r", a_path[1200], b_path[1200];
    char *const argv[] = {name, option, a_path, b_path, NULL};
    pid_t pid = 0;
    int status = -1;
    (void)snprintf(a_path, sizeof a_path, "%s/dangling", one);
    assert_int_equal(unlink(a_path), 0); /* links are not part of a share */
    (void)snprintf(a_path, sizeof a_path, "%s", one);
    (void)snprintf(b_path, sizeof b_path, "%s", other);
    assert_int_equal(posix_spawnp(&pid, name, NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int left_over;

static int count_left(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    left_over += kind == FTW_F && (strstr(path, ".ghostnet-part") || strstr(path, "node1/blobs/"));
    return 0;
}

static void a_folder_with_odd_names_arrives_whole(void **state)
{
    char path[1200];
    struct stat st;
    struct gn_id root;
    (void)state;
    make_folder();
    share(0, src);
    root = a.root;
    assert_non_null(strstr(uri, "kind=folder"));
    (void)snprintf(dst, sizeof dst, "%s", world_path(&w, "copy"));
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    assert_true(same_tree(src, dst));
    (void)snprintf(path, sizeof path, "%s/run.sh", dst);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_mode & 0100U);
    (void)snprintf(path, sizeof path, "%s/leer", dst);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(world_listed(&w, 1, &a, &root), GN_OK);
    assert_string_equal(a.state, "complete");
    assert_int_equal(a.len, 1); /* its members are not listed by themselves */
    assert_int_equal(stop_sharing(1, &root), GN_OK);
    assert_int_equal(world_listed(&w, 1, &a, &root), GN_E_NOT_FOUND);
}

static void an_empty_folder_arrives(void **state)
{
    struct stat st;
    (void)state;
    (void)snprintf(src, sizeof src, "%s", world_path(&w, "nothing"));
    assert_int_equal(mkdir(src, 0755), 0);
    share(0, src);
    (void)snprintf(dst, sizeof dst, "%s", world_path(&w, "nothing2"));
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    assert_int_equal(stat(dst, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
}

static void a_name_that_no_manifest_may_hold_is_an_error(void **state)
{
    char path[1200];
    (void)state;
    (void)snprintf(src, sizeof src, "%s", world_path(&w, "bad"));
    assert_int_equal(mkdir(src, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/line\nbreak", src);
    put(path, "x");
    assert_int_equal(world_share(&w, 0, &a, src), GN_E_INVALID);
    assert_non_null(strstr(a.detail, "%0A"));
}

/* ---- targets ---- */

static void a_file_that_is_there_already_is_taken_or_refused(void **state)
{
    (void)state;
    world_file(src, 70000, 1);
    share(0, src);
    world_file(dst, 70000, 2); /* another content of the same length */
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_E_EXISTS);
    assert_string_equal(a.state, "failed");
    assert_false(world_same(src, dst));
    world_file(dst, 70000, 1);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
}

static void overwrite_replaces_the_file(void **state)
{
    (void)state;
    world_file(src, 70000, 1);
    share(0, src);
    world_file(dst, 50, 2);
    world_answer_init(&a);
    assert_int_equal(world_fetch_over(&w, 1, &a, uri, dst), GN_OK);
    assert_true(world_same(src, dst));
}

static void a_second_fetch_copies_what_is_here(void **state)
{
    char other[1024];
    (void)state;
    world_file(src, 5000000, 1);
    share(0, src);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    world_node_stop(&w, 0); /* nobody else has it */
    (void)snprintf(other, sizeof other, "%s", world_path(&w, "again.bin"));
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, other), GN_OK);
    assert_true(world_same(src, other));
}

static void a_file_without_a_path_stays_in_the_data_folder(void **state)
{
    static uint8_t bytes[70000], want[70000];
    struct gn_id root;
    (void)state;
    world_file(src, sizeof bytes, 1);
    share(0, src);
    root = a.root;
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, NULL), GN_OK);
    a.bytes = bytes;
    assert_int_equal(world_read(&w, 1, &a, &root), GN_OK);
    assert_int_equal(a.len, sizeof bytes);
    FILE *f = fopen(src, "rb");
    assert_non_null(f);
    assert_int_equal(fread(want, 1, sizeof want, f), sizeof want);
    (void)fclose(f);
    assert_memory_equal(bytes, want, sizeof want);
    a.bytes = NULL;
    assert_int_equal(stop_sharing(1, &root), GN_OK); /* and then it is gone */
    assert_int_equal(world_read(&w, 1, &a, &root), GN_E_NOT_FOUND);
}

static void on_handle(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result)
{
    struct world_answer *answer = call->asker;
    const struct gn_api_handle *handle = result;
    on_plain(call, err, detail, NULL);
    answer->handle = handle ? handle->handle : 0;
}

static uint64_t open_upload(const char *name)
{
    world_answer_init(&a);
    a.call.finish = on_handle;
    gn_files_api_upload_open(w.nodes[0].files, &a.call, &(struct gn_api_share){.path = name});
    assert_true(world_run(&w, &a.over));
    assert_int_equal(a.err, GN_OK);
    return a.handle;
}

static void upload(uint64_t handle, const char *text)
{
    world_answer_init(&a);
    a.call.finish = on_plain;
    struct gn_api_chunk chunk = {.handle = handle, .data = gn_slice_str(text)};
    gn_files_api_upload_write(w.nodes[0].files, &a.call, &chunk);
    assert_true(world_run(&w, &a.over));
    assert_int_equal(a.err, GN_OK);
}

static void uploaded_bytes_are_shared_and_kept_over_a_start(void **state)
{
    static const char want[] = "first, second";
    uint8_t bytes[sizeof want] = {0};
    (void)state;
    uint64_t handle = open_upload("../odd name");
    upload(handle, "first, ");
    upload(handle, "second");
    assert_int_equal(world_commit(&w, 0, &a, handle), GN_OK);
    assert_string_equal(a.name, "odd name");
    assert_int_equal(a.size, sizeof want - 1U);
    struct gn_id root = a.root;
    assert_int_equal(world_commit(&w, 0, &a, handle), GN_E_NOT_FOUND); /* the handle is gone */
    world_node_stop(&w, 0);
    assert_int_equal(world_node_start(&w, 0, true), GN_OK);
    assert_int_equal(world_listed(&w, 0, &a, &root), GN_OK);
    (void)snprintf(uri, sizeof uri, "%s", a.link);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    a.bytes = bytes;
    assert_int_equal(world_read(&w, 1, &a, &root), GN_OK);
    assert_string_equal((char *)bytes, want);
    a.bytes = NULL;
}

static void an_aborted_upload_leaves_nothing(void **state)
{
    char path[1200];
    struct stat st;
    (void)state;
    uint64_t handle = open_upload("x");
    upload(handle, "some bytes");
    (void)snprintf(path, sizeof path, "%s/blobs/upload-%u.tmp", w.nodes[0].dir, (unsigned)handle);
    assert_int_equal(stat(path, &st), 0);
    gn_files_api_upload_abort(w.nodes[0].files, handle);
    assert_int_not_equal(stat(path, &st), 0);
}

/* ---- changes ---- */

static void a_file_that_changes_while_it_is_shared_is_not_served(void **state)
{
    struct gn_id root;
    (void)state;
    world_file(src, 3000000, 1);
    share(0, src);
    root = a.root;
    world_file(src, 3000000, 2);
    assert_int_equal(world_fetch(&w, 1, &a, uri, dst), GN_OK);
    uint64_t id = a.id;
    struct state_wait wait = {.w = &w, .node = 0, .root = &root, .want = "changed"};
    assert_true(world_run_until(&w, world_state_is, &wait));
    assert_int_equal(world_cancel(&w, 1, &a, id), GN_OK);
    assert_string_equal(a.state, "cancelled");
    assert_int_not_equal(access(dst, F_OK), 0);
}

static void after_a_start_the_unchanged_is_served_and_the_changed_is_not(void **state)
{
    char other[1024], old_link[4200];
    struct gn_id kept, changed;
    (void)state;
    (void)snprintf(other, sizeof other, "%s", world_path(&w, "other.bin"));
    world_file(src, 200000, 1);
    world_file(other, 200000, 2);
    share(0, other);
    changed = a.root;
    share(0, src);
    kept = a.root;
    (void)snprintf(old_link, sizeof old_link, "%s", uri);
    world_node_stop(&w, 0);
    world_file(other, 200001, 3);
    assert_int_equal(world_node_start(&w, 0, true), GN_OK);
    struct state_wait wait = {.w = &w, .node = 0, .root = &changed, .want = "changed"};
    assert_true(world_run_until(&w, world_state_is, &wait));
    assert_int_equal(world_listed(&w, 0, &a, &kept), GN_OK);
    assert_string_equal(a.state, "shared");
    assert_string_not_equal(a.link, old_link); /* another port */
    (void)snprintf(uri, sizeof uri, "%s", a.link);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK);
    assert_true(world_same(src, dst));
}

/* ---- interruptions ---- */

struct have_wait {
    unsigned node;
    uint64_t id, want;
};

static bool has_some(void *data)
{
    struct have_wait *h = data;
    struct world_answer t;
    return world_transfer(&w, h->node, &t, h->id) == GN_OK && t.have >= h->want;
}

static void a_transfer_goes_on_after_a_stop(void **state)
{
    (void)state;
    const uint64_t len = UINT64_C(96) << 20U;
    world_file(src, len, 5);
    share(0, src);
    assert_int_equal(world_fetch(&w, 1, &a, uri, dst), GN_OK);
    struct have_wait some = {.node = 1, .id = a.id, .want = 4U << 20U};
    assert_true(world_run_until(&w, has_some, &some));
    world_node_stop(&w, 1);
    assert_int_not_equal(access(dst, F_OK), 0);
    assert_int_equal(world_node_start(&w, 1, true), GN_OK);
    struct world_answer t;
    assert_int_equal(world_transfer(&w, 1, &t, some.id), GN_OK); /* the same number */
    assert_int_equal(world_wait(&w, 1, &a, some.id), GN_OK);
    assert_true(world_same(src, dst));
    assert_true(world_served(&w, 0) < len + (UINT64_C(40) << 20U)); /* what was written did not come twice */
}

static void a_cancelled_transfer_leaves_nothing(void **state)
{
    (void)state;
    world_file(src, UINT64_C(64) << 20U, 5);
    share(0, src);
    assert_int_equal(world_fetch(&w, 1, &a, uri, dst), GN_OK);
    struct have_wait some = {.node = 1, .id = a.id, .want = 1U << 20U};
    assert_true(world_run_until(&w, has_some, &some));
    assert_int_equal(world_cancel(&w, 1, &a, some.id), GN_OK);
    world_node_stop(&w, 1);
    left_over = 0;
    assert_int_equal(nftw(w.dir, count_left, 16, FTW_PHYS), 0);
    assert_int_equal(left_over, 0);
    assert_int_equal(world_node_start(&w, 1, true), GN_OK);
    struct world_answer t;
    assert_int_equal(world_transfer(&w, 1, &t, some.id), GN_E_NOT_FOUND);
}

static void a_full_disk_fails_with_a_clear_error_and_loses_nothing(void **state)
{
    char small[1024], target[1200];
    (void)state;
    (void)snprintf(small, sizeof small, "%s", world_path(&w, "small"));
    assert_int_equal(mkdir(small, 0700), 0);
    if (mount("tmpfs", small, "tmpfs", 0, "size=2m") != 0) {
        print_message("no right to mount a tmpfs: not tested here\n");
        skip();
    }
    world_file(src, 8000000, 1);
    share(0, src);
    (void)snprintf(target, sizeof target, "%s/out.bin", small);
    enum gn_err err = world_fetch_all(&w, 1, &a, uri, target);
    assert_int_equal(umount2(small, MNT_DETACH), 0);
    assert_int_equal(err, GN_E_NO_SPACE);
    assert_string_equal(a.state, "failed");
    assert_non_null(strstr(a.detail, "no space"));
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, dst), GN_OK); /* elsewhere it works */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start_two, end_all)
    const struct CMUnitTest tests[] = {
        T(an_empty_file_arrives),
        T(one_byte_arrives),
        T(a_leaf_less_a_byte_arrives),
        T(a_leaf_arrives),
        T(a_leaf_and_a_byte_arrive),
        T(a_range_and_a_byte_arrive),
        T(fifty_mebibytes_arrive),
        T(a_sparse_file_of_ten_gibibytes_is_shared_without_reading_holes),
        T(a_shared_file_is_listed_with_a_link_and_unshared),
        T(an_unshared_file_is_gone_but_not_from_the_disk),
        T(what_cannot_be_shared_says_why),
        T(a_folder_with_odd_names_arrives_whole),
        T(an_empty_folder_arrives),
        T(a_name_that_no_manifest_may_hold_is_an_error),
        T(a_file_that_is_there_already_is_taken_or_refused),
        T(overwrite_replaces_the_file),
        T(a_second_fetch_copies_what_is_here),
        T(a_file_without_a_path_stays_in_the_data_folder),
        T(uploaded_bytes_are_shared_and_kept_over_a_start),
        T(an_aborted_upload_leaves_nothing),
        T(a_file_that_changes_while_it_is_shared_is_not_served),
        T(after_a_start_the_unchanged_is_served_and_the_changed_is_not),
        T(a_transfer_goes_on_after_a_stop),
        T(a_cancelled_transfer_leaves_nothing),
        T(a_full_disk_fails_with_a_clear_error_and_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
