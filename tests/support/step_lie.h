/* tests/support/step_lie.h - what a lying node makes of its own overlay's replies.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 */
#ifndef GN_TESTS_SUPPORT_STEP_LIE_H
#define GN_TESTS_SUPPORT_STEP_LIE_H

#include "base/rng.h"
#include "tests/support/step_net.h"

/* Takes `body` (from malloc) and gives another one, or the same. */
uint8_t *step_lie(struct gn_rng *rng, enum step_net_lie how, uint8_t *body, size_t *len);

#endif
