/* base/stamp.h - wall time as RFC 3339 text in UTC.
 *
 * Life: plain calls. Threads: any. Purity: pure; the time is an argument.
 */
#ifndef GN_BASE_STAMP_H
#define GN_BASE_STAMP_H

#include <stdint.h>

#include "base/time.h"

#define GN_STAMP_MAX 32U

/* "2026-11-23T15:31:39.042Z" from milliseconds since 1970; years after 9999 print as 9999-12-31T23:59:59.999Z. */
void gn_stamp_print_ms(char out[GN_STAMP_MAX], uint64_t wall_ms);
/* "2026-11-23T15:31:39Z". */
void gn_stamp_print(char out[GN_STAMP_MAX], gn_wall_s wall);

#endif
