/* base/hex.c - base16. */
#include "base/hex.h"

#include "base/check.h"

void gn_hex_encode(char *out, size_t out_cap, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    GN_CHECK(len < SIZE_MAX / 2U && out_cap > 2U * len);
    for (size_t i = 0; i < len; i++) {
        out[2U * i] = digits[data[i] >> 4];
        out[2U * i + 1U] = digits[data[i] & 15U];
    }
    out[2U * len] = '\0';
}

static int value_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum gn_err gn_hex_decode(uint8_t *out, size_t out_cap, size_t *out_len, const char *text, size_t len)
{
    *out_len = 0;
    if (len % 2U != 0) {
        return GN_E_INVALID;
    }
    if (len / 2U > out_cap) {
        return GN_E_LIMIT;
    }
    for (size_t i = 0; i < len / 2U; i++) {
        int high = value_of(text[2U * i]);
        int low = value_of(text[2U * i + 1U]);

        if (high < 0 || low < 0) {
            return GN_E_INVALID;
        }
        out[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    *out_len = len / 2U;
    return GN_OK;
}
