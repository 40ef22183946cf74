/* tests/support/step_crypto.h - crypto for tests: refuses tampering, at the price of a hash. Anybody could forge it.
 *
 * Life: borrows the id. Threads: any. Purity: pure.
 */
#ifndef GN_TESTS_SUPPORT_STEP_CRYPTO_H
#define GN_TESTS_SUPPORT_STEP_CRYPTO_H

#include "overlay/env.h"

/* Signs as `id`, which it borrows. */
void step_crypto_init(struct gn_crypto *out, struct gn_id *id);

#endif
