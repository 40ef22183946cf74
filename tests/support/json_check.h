/* tests/support/json_check.h - is a text one JSON value (RFC 8259)? A second opinion that shares nothing with our code.
 *
 * Life: plain call. Threads: any. Purity: pure.
 */
#ifndef GN_TESTS_SUPPORT_JSON_CHECK_H
#define GN_TESTS_SUPPORT_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* White space around the value is fine; strings must be UTF-8 without raw control characters. */
bool gn_json_check(const char *text, size_t len);

#endif
