/* base/id.c - ids, their XOR distance and text form. */
#include "base/id.h"

#include <string.h>

#include "base/base32.h"
#include "base/check.h"

bool gn_id_eq(const struct gn_id *a, const struct gn_id *b)
{
    return memcmp(a->b, b->b, GN_ID_BYTES) == 0;
}

bool gn_id_is_zero(const struct gn_id *a)
{
    uint8_t any = 0;

    for (size_t i = 0; i < GN_ID_BYTES; i++) {
        any |= a->b[i];
    }
    return any == 0;
}

int gn_id_cmp(const struct gn_id *a, const struct gn_id *b)
{
    return memcmp(a->b, b->b, GN_ID_BYTES);
}

int gn_id_closer(const struct gn_id *target, const struct gn_id *a, const struct gn_id *b)
{
    for (size_t i = 0; i < GN_ID_BYTES; i++) {
        int da = a->b[i] ^ target->b[i];
        int db = b->b[i] ^ target->b[i];

        if (da != db) {
            return da - db;
        }
    }
    return 0;
}

void gn_id_xor(struct gn_id *out, const struct gn_id *a, const struct gn_id *b)
{
    for (size_t i = 0; i < GN_ID_BYTES; i++) {
        out->b[i] = (uint8_t)(a->b[i] ^ b->b[i]);
    }
}

unsigned gn_id_common_bits(const struct gn_id *a, const struct gn_id *b)
{
    for (unsigned i = 0; i < GN_ID_BYTES; i++) {
        unsigned d = (unsigned)a->b[i] ^ b->b[i];
        unsigned bits = 0;

        if (d == 0) {
            continue;
        }
        for (; (d & 0x80U) == 0; d <<= 1) {
            bits++;
        }
        return i * 8U + bits;
    }
    return GN_ID_BITS;
}

bool gn_id_bit(const struct gn_id *a, unsigned index)
{
    GN_CHECK(index < GN_ID_BITS);
    return (a->b[index / 8U] >> (7U - index % 8U)) & 1U;
}

void gn_id_set_bit(struct gn_id *a, unsigned index, bool value)
{
    unsigned mask;

    GN_CHECK(index < GN_ID_BITS);
    mask = 0x80U >> (index % 8U);
    a->b[index / 8U] = (uint8_t)(value ? a->b[index / 8U] | mask : a->b[index / 8U] & ~mask);
}

void gn_id_print(char out[GN_ID_TEXT_LEN + 1], const struct gn_id *id)
{
    gn_base32_encode(out, GN_ID_TEXT_LEN + 1U, id->b, GN_ID_BYTES);
}

enum gn_err gn_id_parse(struct gn_id *out, const char *text, size_t len)
{
    struct gn_id id;
    size_t got;

    if (len != GN_ID_TEXT_LEN || gn_base32_decode(id.b, sizeof id.b, &got, text, len) != GN_OK) {
        return GN_E_INVALID;
    }
    GN_CHECK(got == GN_ID_BYTES);
    *out = id;
    return GN_OK;
}
