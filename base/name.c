/* base/name.c - safe names of files, and odd ones made visible. */
#include "base/name.h"

#include <string.h>

#include "base/utf8.h"

static const char digits[] = "0123456789ABCDEF";

/* The code point of a character that gn_utf8_char_len found valid. */
static uint32_t code_point(const uint8_t *p, size_t len)
{
    static const uint8_t first_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = p[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3fU);
    return c;
}

static bool is_control(uint32_t c)
{
    return c < 0x20U || (c >= 0x7fU && c <= 0x9fU) || c == 0x2028U || c == 0x2029U;
}

/* Characters that change the direction of what stands around them: a name could show a false ending. */
static bool is_bidi(uint32_t c)
{
    return c == 0x200eU || c == 0x200fU || c == 0x061cU || (c >= 0x202aU && c <= 0x202eU) ||
           (c >= 0x2066U && c <= 0x2069U);
}

static bool is_dots(struct gn_slice s)
{
    return (s.len == 1 && s.data[0] == '.') || (s.len == 2 && s.data[0] == '.' && s.data[1] == '.');
}

bool gn_name_component_ok(struct gn_slice name)
{
    if (name.len == 0 || name.len > GN_NAME_COMPONENT_MAX || is_dots(name))
        return false;
    for (size_t i = 0; i < name.len;) {
        size_t n = gn_utf8_char_len(name.data + i, name.len - i);
        if (n == 0)
            return false;
        uint32_t c = code_point(name.data + i, n);
        if (c == '/' || is_control(c))
            return false;
        i += n;
    }
    return true;
}

bool gn_name_path_ok(struct gn_slice path)
{
    if (path.len == 0 || path.len > GN_NAME_PATH_MAX)
        return false;
    for (;;) {
        const uint8_t *slash = memchr(path.data, '/', path.len);
        size_t n = slash ? (size_t)(slash - path.data) : path.len;
        if (!gn_name_component_ok(gn_slice_of(path.data, n)))
            return false;
        if (!slash)
            return true;
        path = gn_slice_of(slash + 1, path.len - n - 1U);
        if (path.len == 0)
            return false;
    }
}

/* ---- escaping ---- */

/* One piece of a name: a character that is shown as it is, or a byte or character that must be escaped. */
struct piece {
    size_t len;
    bool plain;
    uint32_t code; /* 0 for a byte that is no UTF-8 */
};

static struct piece next_piece(struct gn_slice s)
{
    struct piece p = {.len = gn_utf8_char_len(s.data, s.len)};
    if (p.len == 0) {
        p.len = 1;
        return p;
    }
    p.code = code_point(s.data, p.len);
    p.plain = !is_control(p.code) && !is_bidi(p.code);
    return p;
}

/* Appends a piece; false when it does not fit with the NUL. */
static bool append(char *out, size_t *used, size_t cap, const uint8_t *data, struct piece p)
{
    size_t need = p.plain ? p.len : p.len * 3U;
    if (need >= cap - *used)
        return false;
    for (size_t i = 0; i < p.len; i++) {
        if (p.plain) {
            out[(*used)++] = (char)data[i];
            continue;
        }
        out[(*used)++] = '%';
        out[(*used)++] = digits[data[i] >> 4];
        out[(*used)++] = digits[data[i] & 15U];
    }
    out[*used] = '\0';
    return true;
}

enum gn_err gn_name_escape(char *out, size_t cap, struct gn_slice name, bool keep_slash)
{
    size_t used = 0;
    if (cap == 0)
        return GN_E_LIMIT;
    out[0] = '\0';
    for (size_t i = 0; i < name.len;) {
        struct piece p = next_piece(gn_slice_of(name.data + i, name.len - i));
        if (p.code == '%' || (p.code == '/' && !keep_slash))
            p.plain = false;
        if (!append(out, &used, cap, name.data + i, p)) {
            out[0] = '\0';
            return GN_E_LIMIT;
        }
        i += p.len;
    }
    return GN_OK;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

enum gn_err gn_name_unescape(uint8_t *out, size_t *out_len, size_t cap, struct gn_slice text)
{
    size_t n = 0;
    *out_len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            if (text.len - i < 3U)
                return GN_E_INVALID;
            int high = hex_value(text.data[i + 1U]);
            int low = hex_value(text.data[i + 2U]);
            if (high < 0 || low < 0)
                return GN_E_INVALID;
            c = (uint8_t)(high * 16 + low);
            i += 2U;
        }
        if (n == cap)
            return GN_E_LIMIT;
        out[n++] = c;
    }
    *out_len = n;
    return GN_OK;
}

void gn_name_sanitize(char out[GN_NAME_COMPONENT_MAX + 1U], struct gn_slice name)
{
    static const char unnamed[] = "unnamed";
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1U] == '/') {
            name = gn_slice_of(name.data + i, name.len - i);
            break;
        }
    }
    if (name.len == 0)
        name = gn_slice_of(unnamed, sizeof unnamed - 1U);
    const bool dots = is_dots(name);
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < name.len;) {
        struct piece p = next_piece(gn_slice_of(name.data + i, name.len - i));
        if (dots)
            p.plain = false;
        if (!append(out, &used, GN_NAME_COMPONENT_MAX + 1U, name.data + i, p))
            return;
        i += p.len;
    }
}
