/* tests/support/failing_alloc.h - an allocator that fails at the n-th call and counts what is still allocated.
 *
 * Life: caller's memory, outlives the object under test. Threads: one. Purity: not pure, tests only.
 *
 *     for (uint64_t n = 1;; n++) {
 *         gn_failing_alloc_init(&fa, n);
 *         ... run the code under test with &fa.alloc, take it apart again ...
 *         assert_int_equal(fa.live, 0);
 *         if (!fa.failed) { break; }   every allocation of the code has failed once
 *     }
 */
#ifndef GN_TESTS_SUPPORT_FAILING_ALLOC_H
#define GN_TESTS_SUPPORT_FAILING_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"

struct gn_failing_alloc {
    struct gn_alloc alloc; /* hand out &alloc */
    uint64_t calls;        /* calloc and realloc so far */
    uint64_t fail_at;      /* the number of the call that fails; 0 = none */
    bool forever;          /* all later calls fail too */
    uint64_t failed;       /* calls that failed */
    uint64_t live;         /* blocks allocated and not freed */
};

/* The struct must not move afterwards. */
void gn_failing_alloc_init(struct gn_failing_alloc *f, uint64_t fail_at);

#endif
