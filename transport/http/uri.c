/* transport/http/uri.c - percent-encoding, queries and request targets. */
#include "transport/http/uri.h"

#include <string.h>

#include "transport/http/http.h"

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_unreserved(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/* Visible ASCII without '#', every '%' followed by two hex digits. */
static bool is_clean(struct gn_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] <= 0x20 || s.data[i] >= 0x7f || s.data[i] == '#')
            return false;
        if (s.data[i] == '%' && (s.len - i < 3 || hex_digit(s.data[i + 1]) < 0 || hex_digit(s.data[i + 2]) < 0))
            return false;
    }
    return true;
}

static bool cut_scheme(struct gn_slice *rest, struct gn_slice target, const char *scheme)
{
    size_t len = strlen(scheme);
    if (target.len < len || !gn_http_slice_like(gn_slice_of(target.data, len), scheme))
        return false;
    *rest = gn_slice_of(target.data + len, target.len - len);
    return true;
}

enum gn_err gn_uri_parse_target(struct gn_uri_target *out, struct gn_slice target)
{
    memset(out, 0, sizeof *out);
    if (target.len == 0 || !is_clean(target))
        return GN_E_INVALID;
    if (gn_http_slice_is(target, "*")) {
        out->path = target;
        return GN_OK;
    }
    struct gn_slice rest = target;
    if (target.data[0] != '/') {
        if (!cut_scheme(&rest, target, "http://") && !cut_scheme(&rest, target, "https://"))
            return GN_E_INVALID;
        size_t n = 0;
        while (n < rest.len && rest.data[n] != '/' && rest.data[n] != '?')
            n++;
        struct gn_slice host;
        uint16_t port;
        out->authority = gn_slice_of(rest.data, n);
        if (gn_uri_parse_authority(&host, &port, out->authority))
            return GN_E_INVALID;
        rest = gn_slice_of(rest.data + n, rest.len - n);
    }
    const uint8_t *mark = rest.len ? memchr(rest.data, '?', rest.len) : NULL;
    size_t path_len = mark ? (size_t)(mark - rest.data) : rest.len;
    out->path = gn_slice_of(rest.data, path_len);
    if (mark)
        out->query = gn_slice_of(mark + 1, rest.len - path_len - 1);
    if (path_len == 0) /* "http://host": the path is "/", RFC 9110 section 4.2.3 */
        out->path = gn_slice_of("/", 1);
    return GN_OK;
}

enum gn_err gn_uri_decode(uint8_t *out, size_t *len, size_t cap, struct gn_slice text, bool plus_is_blank)
{
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            if (text.len - i < 3)
                return GN_E_INVALID;
            int high = hex_digit(text.data[i + 1]);
            int low = hex_digit(text.data[i + 2]);
            if (high < 0 || low < 0)
                return GN_E_INVALID;
            c = (uint8_t)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (*len == cap)
            return GN_E_LIMIT;
        out[(*len)++] = c;
    }
    return GN_OK;
}

void gn_uri_encode(struct gn_writer *w, struct gn_slice bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        if (is_unreserved(c)) {
            gn_writer_u8(w, c);
            continue;
        }
        const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
        gn_writer_bytes(w, escape, sizeof escape);
    }
}

bool gn_uri_query_next(struct gn_slice *name, struct gn_slice *value, struct gn_slice *rest)
{
    while (rest->len > 0) {
        const uint8_t *amp = memchr(rest->data, '&', rest->len);
        size_t len = amp ? (size_t)(amp - rest->data) : rest->len;
        size_t skip = amp ? len + 1 : len;
        struct gn_slice pair = gn_slice_of(rest->data, len);
        rest->data += skip;
        rest->len -= skip;
        if (pair.len == 0)
            continue;
        const uint8_t *eq = memchr(pair.data, '=', pair.len);
        size_t name_len = eq ? (size_t)(eq - pair.data) : pair.len;
        *name = gn_slice_of(pair.data, name_len);
        *value = eq ? gn_slice_of(eq + 1, pair.len - name_len - 1) : gn_slice_of(NULL, 0);
        return true;
    }
    return false;
}

/* The length of the host at the front of an authority; 0 when there is none. */
static size_t host_length(struct gn_slice a)
{
    if (a.len > 0 && a.data[0] == '[') {
        const uint8_t *end = memchr(a.data, ']', a.len);
        size_t len = end ? (size_t)(end - a.data) + 1 : 0;
        for (size_t i = 1; i + 1 < len; i++)
            if (hex_digit(a.data[i]) < 0 && a.data[i] != ':' && a.data[i] != '.')
                return 0;
        return len > 2 ? len : 0;
    }
    size_t n = 0;
    while (n < a.len && a.data[n] != ':') {
        bool sub_delim = a.data[n] != 0 && strchr("!$&'()*+;=%", a.data[n]) != NULL;
        if (!is_unreserved(a.data[n]) && !sub_delim)
            return 0;
        n++;
    }
    return n;
}

enum gn_err gn_uri_parse_authority(struct gn_slice *host, uint16_t *port, struct gn_slice authority)
{
    *port = 0;
    *host = gn_slice_of(NULL, 0);
    size_t n = host_length(authority);
    if (n == 0)
        return GN_E_INVALID;
    *host = gn_slice_of(authority.data, n);
    if (n == authority.len)
        return GN_OK;
    if (authority.data[n] != ':')
        return GN_E_INVALID;
    struct gn_slice digits = gn_slice_of(authority.data + n + 1, authority.len - n - 1);
    uint64_t number = 0;
    if (digits.len > 0 && (gn_http_number(&number, digits) || number > UINT16_MAX))
        return GN_E_INVALID;
    *port = (uint16_t)number;
    return GN_OK;
}
