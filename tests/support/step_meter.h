/* tests/support/step_meter.h - an allocator that counts bytes and calls, and fails at the n-th call.
 *
 * Life: caller's memory, must not move while its allocator is used. Threads: one. Purity: not pure, tests only.
 */
#ifndef GN_TESTS_SUPPORT_STEP_METER_H
#define GN_TESTS_SUPPORT_STEP_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

struct step_meter {
    struct gn_alloc alloc; /* hand out &alloc */
    uint64_t calls;        /* calloc and realloc so far */
    uint64_t fail_at;      /* the number of the call that fails; 0 = none */
    size_t bytes;          /* allocated now */
    bool failed;
};

void step_meter_init(struct step_meter *m, uint64_t fail_at);

#endif
