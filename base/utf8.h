/* base/utf8.h - validation of UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 */
#ifndef GN_BASE_UTF8_H
#define GN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length (1..4) of the character at the beginning of data; 0 when it is invalid or incomplete, or len is 0. */
size_t gn_utf8_char_len(const uint8_t *data, size_t len);
/* All of it valid; empty is valid, a NUL byte is a character. */
bool gn_utf8_is_valid(const uint8_t *data, size_t len);
/* The longest beginning of valid data that has at most max bytes and does not cut a character. */
size_t gn_utf8_cut(const uint8_t *data, size_t len, size_t max);

#endif
