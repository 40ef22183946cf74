/* base/base32.h - RFC 4648 base32, lower case, without padding: the text form of ids and hashes.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 */
#ifndef GN_BASE_BASE32_H
#define GN_BASE_BASE32_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Characters that `len` bytes take, without the NUL. */
#define GN_BASE32_TEXT_LEN(len) (((len) / 5U) * 8U + (((len) % 5U) * 8U + 4U) / 5U)

/* Fills out with GN_BASE32_TEXT_LEN(len) characters and a NUL; out_cap must hold them (checked). */
void gn_base32_encode(char *out, size_t out_cap, const uint8_t *data, size_t len);
/* Reads either case. Fills out and *out_len.
 * INVALID: a character outside the alphabet, an impossible length, trailing bits that are not zero.
 * LIMIT: more than out_cap bytes. After an error *out_len is 0 and out is unspecified. */
GN_MUST_CHECK enum gn_err gn_base32_decode(uint8_t *out, size_t out_cap, size_t *out_len, const char *text, size_t len);

#endif
