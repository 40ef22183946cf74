/* sim/oracle.h - who is really nearest: the ids of all nodes that have joined, sorted.
 *
 * Life: gn_oracle_init .. gn_oracle_fini. Threads: one owner. Purity: pure.
 */
#ifndef GN_SIM_ORACLE_H
#define GN_SIM_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"

struct gn_oracle_entry {
    uint64_t head; /* first 8 bytes of the id: enough, the ids are random */
    uint32_t place;
};

struct gn_oracle {
    const struct gn_alloc *alloc;
    struct gn_oracle_entry *entries;
    size_t len;
    size_t cap;
};

void gn_oracle_init(struct gn_oracle *o, const struct gn_alloc *alloc);
void gn_oracle_fini(struct gn_oracle *o);
GN_MUST_CHECK enum gn_err gn_oracle_add(struct gn_oracle *o, const struct gn_id *id, uint32_t place);
/* Nothing happens when it is not there. */
void gn_oracle_remove(struct gn_oracle *o, const struct gn_id *id);
/* Fills out with the places of the nodes nearest to target, nearest first, at most cap <= GN_ORACLE_MOST. Returns how
 * many. */
#define GN_ORACLE_MOST 64U
size_t gn_oracle_nearest(const struct gn_oracle *o, uint32_t *out, size_t cap, const struct gn_id *target);

#endif
