/* base/hex.h - base16, lower case.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 */
#ifndef GN_BASE_HEX_H
#define GN_BASE_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Fills out with 2 * len characters and a NUL; out_cap must hold them (checked). */
void gn_hex_encode(char *out, size_t out_cap, const uint8_t *data, size_t len);
/* Reads either case. Fills out and *out_len. INVALID: odd length or another character. LIMIT: more than out_cap bytes.
 * After an error *out_len is 0 and out is unspecified. */
GN_MUST_CHECK enum gn_err gn_hex_decode(uint8_t *out, size_t out_cap, size_t *out_len, const char *text, size_t len);

#endif
