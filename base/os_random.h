/* base/os_random.h - true randomness from the kernel.
 *
 * Life: plain calls. Threads: any. Purity: asks the system (getrandom).
 */
#ifndef GN_BASE_OS_RANDOM_H
#define GN_BASE_OS_RANDOM_H

#include <stddef.h>

#include "base/err.h"
#include "base/rng.h"

/* Fills out. SYSTEM when the kernel refuses; out is then all zero and must not be used. */
GN_MUST_CHECK enum gn_err gn_os_random_fill(void *out, size_t len);
/* Seeds r with 32 fresh bytes. Errors as above; r is then not usable. */
GN_MUST_CHECK enum gn_err gn_os_random_seed(struct gn_rng *r);

#endif
