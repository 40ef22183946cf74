/* storage/mem_store.h - the store in memory, bounded by bytes: for the simulator, benchmarks and tests.
 *
 * Life: gn_mem_store_new .. gn_store_close. Threads: one owner. Purity: pure.
 */
#ifndef GN_STORAGE_MEM_STORE_H
#define GN_STORAGE_MEM_STORE_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"

struct gn_store;

/* Gives `out`. Borrows `alloc` until gn_store_close. `limit_bytes` bounds everything stored with its overhead; a write
 * past it is NO_SPACE. An empty store takes less than 512 bytes. */
GN_MUST_CHECK enum gn_err gn_mem_store_new(struct gn_store **out, const struct gn_alloc *alloc, uint64_t limit_bytes);

#endif
