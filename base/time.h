/* base/time.h - times as numbers and arithmetic that cannot wrap.
 *
 * Life: plain values. Threads: any. Purity: pure; nothing here asks a clock.
 *
 * gn_time_us is monotonic microseconds since an arbitrary start (a driver's clock, or virtual time).
 * gn_wall_s is seconds since 1970 (UTC); only records and epochs use it.
 */
#ifndef GN_BASE_TIME_H
#define GN_BASE_TIME_H

#include <stdint.h>

typedef uint64_t gn_time_us;
typedef uint64_t gn_wall_s;

#define GN_TIME_NEVER UINT64_MAX
#define GN_MS(n) ((gn_time_us)(n)*UINT64_C(1000))
#define GN_SECONDS(n) ((gn_time_us)(n)*UINT64_C(1000000))
#define GN_MINUTES(n) GN_SECONDS((gn_time_us)(n)*60U)
#define GN_HOURS(n) GN_MINUTES((gn_time_us)(n)*60U)

/* Saturating: never + x = never, small - large = 0. */
gn_time_us gn_time_add(gn_time_us t, gn_time_us d);
gn_time_us gn_time_sub(gn_time_us later, gn_time_us earlier);
gn_time_us gn_time_min(gn_time_us a, gn_time_us b);
gn_time_us gn_time_max(gn_time_us a, gn_time_us b);

#endif
