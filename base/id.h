/* base/id.h - 256-bit ids: nodes (Ed25519 public keys), targets of records, contents.
 *
 * Life: plain values. Threads: any. Purity: pure.
 * Text form: RFC 4648 base32, lower case, no padding, 52 characters.
 * Distance: XOR read as a big-endian number (Maymounkov and Mazieres, Kademlia, section 2.1).
 */
#ifndef GN_BASE_ID_H
#define GN_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define GN_ID_BYTES 32U
#define GN_ID_BITS 256U
#define GN_ID_TEXT_LEN 52U

struct gn_id {
    uint8_t b[GN_ID_BYTES];
};

bool gn_id_eq(const struct gn_id *a, const struct gn_id *b);
bool gn_id_is_zero(const struct gn_id *a);
int gn_id_cmp(const struct gn_id *a, const struct gn_id *b);
/* <0, 0, >0 as a is nearer to, as near as, farther from target than b. */
int gn_id_closer(const struct gn_id *target, const struct gn_id *a, const struct gn_id *b);
void gn_id_xor(struct gn_id *out, const struct gn_id *a, const struct gn_id *b);
/* Number of leading bits that a and b share, 0..256. */
unsigned gn_id_common_bits(const struct gn_id *a, const struct gn_id *b);
bool gn_id_bit(const struct gn_id *a, unsigned index); /* index 0 is the highest bit */
void gn_id_set_bit(struct gn_id *a, unsigned index, bool value);
/* Fills out with 52 characters and a NUL. */
void gn_id_print(char out[GN_ID_TEXT_LEN + 1], const struct gn_id *id);
/* Reads exactly 52 characters (either case). INVALID: wrong length, alphabet, or trailing bits not zero. */
GN_MUST_CHECK enum gn_err gn_id_parse(struct gn_id *out, const char *text, size_t len);

#endif
