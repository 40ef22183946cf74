/* base/utf8.c - the table of well-formed sequences, RFC 3629 section 4. */
#include "base/utf8.h"

static bool is_tail(uint8_t b)
{
    return (b & 0xc0) == 0x80;
}

size_t gn_utf8_char_len(const uint8_t *data, size_t len)
{
    uint8_t first;
    uint8_t low = 0x80; /* allowed second bytes */
    uint8_t high = 0xbf;
    size_t n;

    if (len == 0) {
        return 0;
    }
    first = data[0];
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    n = first < 0xe0 ? 2U : first < 0xf0 ? 3U : 4U;
    if (first == 0xe0) {
        low = 0xa0; /* below: overlong */
    } else if (first == 0xed) {
        high = 0x9f; /* above: surrogates */
    } else if (first == 0xf0) {
        low = 0x90; /* below: overlong */
    } else if (first == 0xf4) {
        high = 0x8f; /* above: beyond U+10FFFF */
    }
    if (len < n || data[1] < low || data[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if (!is_tail(data[i])) {
            return 0;
        }
    }
    return n;
}

bool gn_utf8_is_valid(const uint8_t *data, size_t len)
{
    size_t at = 0;

    while (at < len) {
        size_t n = gn_utf8_char_len(data + at, len - at);

        if (n == 0) {
            return false;
        }
        at += n;
    }
    return true;
}

size_t gn_utf8_cut(const uint8_t *data, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    while (max > 0 && is_tail(data[max])) {
        max--;
    }
    return max;
}
