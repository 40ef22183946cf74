/* transport/http/http.c - methods, header fields and status codes. */
#include "transport/http/http.h"

#include <string.h>

#include "base/check.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool gn_http_slice_is(struct gn_slice a, const char *text)
{
    size_t len = strlen(text);
    return a.len == len && (len == 0 || memcmp(a.data, text, len) == 0);
}

bool gn_http_slice_like(struct gn_slice a, const char *text)
{
    if (a.len != strlen(text))
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower((uint8_t)text[i]))
            return false;
    return true;
}

struct gn_slice gn_http_trim(struct gn_slice s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct gn_http_header gn_http_header_of(const char *name, const char *value)
{
    return (struct gn_http_header){.name = gn_slice_of(name, strlen(name)), .value = gn_slice_of(value, strlen(value))};
}

const struct gn_http_header *gn_http_headers_find(struct gn_http_headers headers, const char *name)
{
    for (size_t i = 0; i < headers.len; i++)
        if (gn_http_slice_like(headers.items[i].name, name))
            return &headers.items[i];
    return NULL;
}

enum gn_err gn_http_headers_one(struct gn_slice *out, struct gn_http_headers headers, const char *name)
{
    const struct gn_http_header *found = NULL;
    *out = gn_slice_of(NULL, 0);
    for (size_t i = 0; i < headers.len; i++) {
        if (!gn_http_slice_like(headers.items[i].name, name))
            continue;
        if (found)
            return GN_E_INVALID;
        found = &headers.items[i];
    }
    if (!found)
        return GN_E_NOT_FOUND;
    *out = found->value;
    return GN_OK;
}

bool gn_http_list_next(struct gn_slice *element, struct gn_slice *rest)
{
    while (rest->len > 0) {
        const uint8_t *comma = memchr(rest->data, ',', rest->len);
        size_t len = comma ? (size_t)(comma - rest->data) : rest->len;
        size_t skip = comma ? len + 1 : len;
        *element = gn_http_trim(gn_slice_of(rest->data, len));
        rest->data += skip;
        rest->len -= skip;
        if (element->len > 0) /* RFC 9110 section 5.6.1.2: empty elements do not count */
            return true;
    }
    return false;
}

bool gn_http_list_has(struct gn_slice value, const char *token)
{
    struct gn_slice element;
    while (gn_http_list_next(&element, &value))
        if (gn_http_slice_like(element, token))
            return true;
    return false;
}

bool gn_http_is_tchar(uint8_t c)
{
    if ((c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

bool gn_http_is_token(struct gn_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!gn_http_is_tchar(s.data[i]))
            return false;
    return s.len > 0;
}

bool gn_http_is_field_value(struct gn_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.data[i] < 0x20 && s.data[i] != '\t') || s.data[i] == 0x7f)
            return false;
    return true;
}

static const char *const method_names[GN_HTTP_METHODS] = {
    [GN_HTTP_OTHER] = "",  [GN_HTTP_GET] = "GET",       [GN_HTTP_HEAD] = "HEAD",       [GN_HTTP_POST] = "POST",
    [GN_HTTP_PUT] = "PUT", [GN_HTTP_DELETE] = "DELETE", [GN_HTTP_OPTIONS] = "OPTIONS", [GN_HTTP_PATCH] = "PATCH",
};

enum gn_http_method gn_http_method_parse(struct gn_slice s)
{
    for (unsigned m = GN_HTTP_GET; m < GN_HTTP_METHODS; m++)
        if (gn_http_slice_is(s, method_names[m])) /* methods are case-sensitive, RFC 9110 section 9.1 */
            return (enum gn_http_method)m;
    return GN_HTTP_OTHER;
}

const char *gn_http_method_name(enum gn_http_method m)
{
    GN_CHECK((unsigned)m < GN_HTTP_METHODS);
    return method_names[m];
}

const char *gn_http_reason(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"}, /* not of RFC 9110; nginx's number for a call that was given up */
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < GN_ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Unknown";
}

enum gn_err gn_http_number(uint64_t *out, struct gn_slice s)
{
    *out = 0;
    if (s.len == 0 || s.len > 19) /* 19 digits cannot exceed UINT64_MAX */
        return GN_E_INVALID;
    uint64_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return GN_E_INVALID;
        n = n * 10 + (uint64_t)(s.data[i] - '0');
    }
    if (n > INT64_MAX)
        return GN_E_INVALID;
    *out = n;
    return GN_OK;
}
