/* tests/unit/node/test_files_memory.c - without memory at any one moment: an error, no crash, no leak, and later it
 * works.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "tests/support/files_world.h"
#include "tests/support/gn_cmocka.h"

/* As tests/support/failing_alloc.h, for several threads. */
static atomic_ulong calls, fail_at, failures;
static atomic_long live;

static bool fails(void)
{
    unsigned long call = atomic_fetch_add(&calls, 1) + 1U;
    if (call != atomic_load(&fail_at))
        return false;
    atomic_fetch_add(&failures, 1);
    return true;
}

static void *counted_calloc(void *ctx, size_t n, size_t size)
{
    (void)ctx;
    void *p = fails() ? NULL : calloc(n, size);
    atomic_fetch_add(&live, p != NULL);
    return p;
}

static void *counted_realloc(void *ctx, void *p, size_t size)
{
    (void)ctx;
    void *q = fails() ? NULL : realloc(p, size);
    atomic_fetch_add(&live, q && !p);
    return q;
}

static void counted_free(void *ctx, void *p)
{
    (void)ctx;
    atomic_fetch_sub(&live, p != NULL);
    free(p);
}

static const struct gn_alloc failing = {.calloc = counted_calloc, .realloc = counted_realloc, .free = counted_free};

static struct world w;
static struct world_answer a;
static char uri[4200];

static void set_failure(unsigned long n)
{
    atomic_store(&calls, 0);
    atomic_store(&failures, 0);
    atomic_store(&fail_at, n);
}

/* ---- one moment after the other ---- */

/* Runs `act` on node `node` with the n-th allocation of its service failing, from its start to its end, for growing n,
 * until none fails. */
static void with_failures(unsigned node, void (*act)(void))
{
    w.files_alloc = &failing;
    for (unsigned long n = 1;; n++) {
        world_node_stop(&w, node);
        world_node_wipe(&w, node);
        world_remove(world_path(&w, "copy"));
        set_failure(n);
        enum gn_err err = world_node_start(&w, node, true);
        assert_true(err == GN_OK || (err == GN_E_NO_MEMORY && atomic_load(&failures) > 0));
        if (!err)
            act();
        bool failed = atomic_load(&failures) > 0;
        atomic_store(&fail_at, 0);
        world_node_stop(&w, node);
        assert_int_equal(atomic_load(&live), 0);
        if (!failed)
            break;
        assert_true(n < 20000);
    }
    w.files_alloc = NULL;
}

static void share_folder(void)
{
    enum gn_err err = world_share(&w, 0, &a, world_path(&w, "folder"));
    assert_true(err == GN_OK || err == GN_E_NO_MEMORY);
    assert_true(err == GN_OK || atomic_load(&failures) > 0);
}

static void fetch_folder(void)
{
    enum gn_err err = world_fetch(&w, 1, &a, uri, world_path(&w, "copy"));
    uint64_t id = a.id;
    if (err == GN_OK)
        err = world_wait(&w, 1, &a, id);
    assert_true(err == GN_OK || atomic_load(&failures) > 0);
    assert_int_not_equal(err, GN_E_TIMEOUT);
}

static int start(void **state)
{
    (void)state;
    world_start(&w);
    assert_int_equal(mkdir(world_path(&w, "folder"), 0755), 0);
    assert_int_equal(mkdir(world_path(&w, "folder/inner"), 0755), 0);
    world_file(world_path(&w, "folder/big"), 300000, 1);
    world_file(world_path(&w, "folder/inner/small"), 10, 2);
    world_file(world_path(&w, "folder/nothing"), 0, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end(&w);
    return 0;
}

static void sharing_survives_any_failing_allocation(void **state)
{
    (void)state;
    with_failures(0, share_folder);
    assert_int_equal(world_node_start(&w, 0, true), GN_OK);
    assert_int_equal(world_share(&w, 0, &a, world_path(&w, "folder")), GN_OK);
}

static void fetching_survives_any_failing_allocation(void **state)
{
    (void)state;
    assert_int_equal(world_node_start(&w, 0, true), GN_OK);
    assert_int_equal(world_share(&w, 0, &a, world_path(&w, "folder")), GN_OK);
    (void)snprintf(uri, sizeof uri, "%s", a.link);
    with_failures(1, fetch_folder);
    assert_int_equal(world_node_start(&w, 1, true), GN_OK);
    assert_int_equal(world_fetch_all(&w, 1, &a, uri, world_path(&w, "copy")), GN_OK);
    assert_true(world_same(world_path(&w, "folder/big"), world_path(&w, "copy/big")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sharing_survives_any_failing_allocation, start, end),
        cmocka_unit_test_setup_teardown(fetching_survives_any_failing_allocation, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
