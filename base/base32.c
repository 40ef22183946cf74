/* base/base32.c - RFC 4648 section 6, with the lower-case alphabet and no padding. */
#include "base/base32.h"

#include "base/check.h"

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void gn_base32_encode(char *out, size_t out_cap, const uint8_t *data, size_t len)
{
    unsigned bits = 0; /* how many low bits of `hold` are still to be written */
    unsigned hold = 0;
    size_t at = 0;

    GN_CHECK(len <= SIZE_MAX / 2U && out_cap > GN_BASE32_TEXT_LEN(len));
    for (size_t i = 0; i < len; i++) {
        hold = (hold << 8 | data[i]) & 0xfffU;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out[at++] = alphabet[(hold >> bits) & 31U];
        }
    }
    if (bits > 0) {
        out[at++] = alphabet[(hold << (5 - bits)) & 31U];
    }
    out[at] = '\0';
    GN_CHECK(at == GN_BASE32_TEXT_LEN(len));
}

static int value_of(char c)
{
    if (c >= 'a' && c <= 'z') {
        return c - 'a';
    }
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

enum gn_err gn_base32_decode(uint8_t *out, size_t out_cap, size_t *out_len, const char *text, size_t len)
{
    unsigned bits = 0;
    unsigned hold = 0;
    size_t rest = len % 8U;
    size_t at = 0;

    *out_len = 0;
    /* 1, 3 and 6 characters over cannot come from whole bytes. */
    if (rest == 1 || rest == 3 || rest == 6) {
        return GN_E_INVALID;
    }
    for (size_t i = 0; i < len; i++) {
        int v = value_of(text[i]);

        if (v < 0) {
            return GN_E_INVALID;
        }
        hold = (hold << 5 | (unsigned)v) & 0xfffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            if (at == out_cap) {
                return GN_E_LIMIT;
            }
            out[at++] = (uint8_t)(hold >> bits);
        }
    }
    if ((hold & ((1U << bits) - 1U)) != 0) {
        return GN_E_INVALID; /* two texts for the same bytes */
    }
    *out_len = at;
    return GN_OK;
}
