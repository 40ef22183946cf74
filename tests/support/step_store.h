/* tests/support/step_store.h - the store of a node in a step_net: a list in memory, in key order.
 *
 * Life: zeroed memory is an empty store; step_store_fini frees it and makes it empty. Threads: one. Purity: pure.
 */
#ifndef GN_TESTS_SUPPORT_STEP_STORE_H
#define GN_TESTS_SUPPORT_STEP_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "overlay/io.h"

struct step_store {
    struct gn_store_entry *entries; /* each owns its record's bytes */
    size_t len;
    size_t cap;
};

/* An answer on its way; owns copies of everything. */
struct step_store_answer {
    struct gn_store_answer answer;
    struct gn_store_entry *entries;
};

struct step_store_answer *step_store_do(struct step_store *s, const struct gn_store_request *r);
void step_store_answer_free(struct step_store_answer *a);
bool step_store_has(const struct step_store *s, const struct gn_id *target);
void step_store_fini(struct step_store *s);

#endif
