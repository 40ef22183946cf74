/* base/units.h - durations ("30s") and sizes ("64KiB") as people write them.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 */
#ifndef GN_BASE_UNITS_H
#define GN_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"

#define GN_UNITS_TEXT_MAX 48U

/* One whole number and one unit of us, ms, s, m, h, d: "500ms", "30s", "10m", "2h", "1d"; "0" needs no unit.
 * INVALID: anything else. LIMIT: too long for gn_time_us (GN_TIME_NEVER is not a duration). */
GN_MUST_CHECK enum gn_err gn_units_parse_duration(gn_time_us *out, const char *text, size_t len);
/* One whole number and one unit of B, kB or KB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (powers of 1024), or
 * none (bytes): "512", "64KiB", "10MB". INVALID: anything else. LIMIT: above UINT64_MAX. */
GN_MUST_CHECK enum gn_err gn_units_parse_size(uint64_t *out, const char *text, size_t len);

/* Exact, in the largest unit that divides the value; parses back to the same number. */
void gn_units_print_duration(char out[GN_UNITS_TEXT_MAX], gn_time_us d);
void gn_units_print_size(char out[GN_UNITS_TEXT_MAX], uint64_t bytes);
/* Rounded for people: "412 us", "1.2 s", "3h 12m"; "512 B", "1.5 GiB". Does not parse back. */
void gn_units_show_duration(char out[GN_UNITS_TEXT_MAX], gn_time_us d);
void gn_units_show_size(char out[GN_UNITS_TEXT_MAX], uint64_t bytes);

#endif
