/* transport/http/h1_screen.c - lines and control characters of a head. */
#include "transport/http/h1_screen.h"

#include <string.h>

enum gn_err gn_h1_screen_refuse(struct gn_h1_refusal *refusal, unsigned status, const char *reason)
{
    refusal->status = status;
    refusal->reason = reason;
    return GN_E_MALFORMED;
}

enum gn_err gn_h1_screen_split(struct gn_slice *line, struct gn_slice *fields, struct gn_h1_refusal *refusal,
                               struct gn_slice bytes)
{
    if (bytes.len < 4 || memcmp(bytes.data + bytes.len - 4, "\r\n\r\n", 4) != 0)
        return gn_h1_screen_refuse(refusal, 400, "the head does not end with an empty line");
    bool found = false;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        if (c == '\r') {
            if (i + 1 == bytes.len || bytes.data[i + 1] != '\n')
                return gn_h1_screen_refuse(refusal, 400, "carriage return without line feed");
            if (!found) {
                *line = gn_slice_of(bytes.data, i);
                *fields = gn_slice_of(bytes.data + i + 2, bytes.len - i - 4);
                found = true;
            }
            i++;
        } else if (c == '\n') {
            return gn_h1_screen_refuse(refusal, 400, "line feed without carriage return");
        } else if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return gn_h1_screen_refuse(refusal, 400, "control character in the head");
        }
    }
    return GN_OK;
}

enum gn_err gn_h1_screen_fields(struct gn_h1_refusal *refusal, struct gn_slice fields)
{
    size_t count = 0;
    while (fields.len > 0) {
        const uint8_t *end = memchr(fields.data, '\r', fields.len);
        size_t len = end ? (size_t)(end - fields.data) : fields.len;
        if (len == 0)
            return gn_h1_screen_refuse(refusal, 400, "empty line inside the head");
        if (fields.data[0] == ' ' || fields.data[0] == '\t')
            return gn_h1_screen_refuse(refusal, 400, "folded or indented field line");
        const uint8_t *colon = memchr(fields.data, ':', len);
        if (!colon || !gn_http_is_token(gn_slice_of(fields.data, (size_t)(colon - fields.data))))
            return gn_h1_screen_refuse(refusal, 400, "field line without a valid name");
        if (++count > GN_H1_HEADERS_MAX)
            return gn_h1_screen_refuse(refusal, 431, "too many fields");
        size_t skip = len + 2 <= fields.len ? len + 2 : fields.len;
        fields.data += skip;
        fields.len -= skip;
    }
    return GN_OK;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.0" or "HTTP/1.1". */
static enum gn_err read_version(struct gn_h1_head *head, struct gn_h1_refusal *refusal, struct gn_slice v)
{
    if (v.len != 8 || memcmp(v.data, "HTTP/", 5) != 0 || !is_digit(v.data[5]) || v.data[6] != '.' ||
        !is_digit(v.data[7]))
        return gn_h1_screen_refuse(refusal, 400, "not an HTTP version");
    if (v.data[5] != '1' || v.data[7] > '1')
        return gn_h1_screen_refuse(refusal, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    head->minor = (unsigned)(v.data[7] - '0');
    return GN_OK;
}

enum gn_err gn_h1_screen_request_line(struct gn_h1_head *head, struct gn_h1_refusal *refusal, struct gn_slice line,
                                      size_t target_max)
{
    const uint8_t *blank = line.len ? memchr(line.data, ' ', line.len) : NULL;
    if (!blank || !gn_http_is_token(gn_slice_of(line.data, (size_t)(blank - line.data))))
        return gn_h1_screen_refuse(refusal, 400, "no valid method");
    head->method = gn_slice_of(line.data, (size_t)(blank - line.data));
    struct gn_slice rest = gn_slice_of(blank + 1, line.len - head->method.len - 1);
    blank = rest.len ? memchr(rest.data, ' ', rest.len) : NULL;
    if (!blank) {
        if (rest.len > target_max)
            return gn_h1_screen_refuse(refusal, 414, "the target is too long");
        return gn_h1_screen_refuse(refusal, 400, "request line without a version");
    }
    head->target = gn_slice_of(rest.data, (size_t)(blank - rest.data));
    if (head->target.len > target_max)
        return gn_h1_screen_refuse(refusal, 414, "the target is too long");
    return read_version(head, refusal, gn_slice_of(blank + 1, rest.len - head->target.len - 1));
}

enum gn_err gn_h1_screen_status_line(struct gn_h1_head *head, struct gn_h1_refusal *refusal, struct gn_slice line)
{
    if (line.len < 13 || line.data[8] != ' ' || line.data[12] != ' ')
        return gn_h1_screen_refuse(refusal, 400, "not a status line");
    if (read_version(head, refusal, gn_slice_of(line.data, 8)))
        return GN_E_MALFORMED;
    head->status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (!is_digit(line.data[i]))
            return gn_h1_screen_refuse(refusal, 400, "not a status code");
        head->status = head->status * 10 + (unsigned)(line.data[i] - '0');
    }
    if (head->status < 100 || head->status > 599)
        return gn_h1_screen_refuse(refusal, 400, "status code out of range");
    return GN_OK;
}
