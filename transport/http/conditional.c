/* transport/http/conditional.c - entity tags and ranges. */
#include "transport/http/conditional.h"

#include <string.h>

/* Cuts one tag off a list: [W/]"..." and the comma behind it. False: the end, or nothing that is a tag. */
static bool next_tag(struct gn_slice *tag, bool *weak, struct gn_slice *rest)
{
    while (rest->len > 0 && (rest->data[0] == ',' || rest->data[0] == ' ' || rest->data[0] == '\t')) {
        rest->data++;
        rest->len--;
    }
    *weak = rest->len >= 2 && memcmp(rest->data, "W/", 2) == 0;
    if (*weak) {
        rest->data += 2;
        rest->len -= 2;
    }
    if (rest->len < 2 || rest->data[0] != '"')
        return false;
    const uint8_t *end = memchr(rest->data + 1, '"', rest->len - 1);
    if (!end)
        return false;
    *tag = gn_slice_of(rest->data + 1, (size_t)(end - rest->data) - 1);
    rest->len -= tag->len + 2;
    rest->data = end + 1;
    return true;
}

bool gn_conditional_has_tag(struct gn_slice list, struct gn_slice tag, bool weak)
{
    if (gn_http_slice_is(list, "*"))
        return true;
    struct gn_slice have;
    bool is_weak;
    while (next_tag(&have, &is_weak, &list))
        if (gn_slice_eq(have, tag) && (weak || !is_weak))
            return true;
    return false;
}

enum gn_err gn_conditional_one_tag(struct gn_slice *tag, struct gn_slice value)
{
    bool weak;
    *tag = gn_slice_of(NULL, 0);
    if (value.len == 0 || (value.data[0] != '"'))
        return GN_E_INVALID;
    if (!next_tag(tag, &weak, &value) || value.len > 0)
        return GN_E_INVALID;
    return GN_OK;
}

/* "first-last", "first-" or "-suffix" for `size` bytes. */
static enum gn_range_result parse_range(struct gn_range *out, struct gn_slice spec, uint64_t size)
{
    const uint8_t *dash = spec.len ? memchr(spec.data, '-', spec.len) : NULL;
    if (!dash)
        return GN_RANGE_NONE;
    struct gn_slice left = gn_http_trim(gn_slice_of(spec.data, (size_t)(dash - spec.data)));
    struct gn_slice right = gn_http_trim(gn_slice_of(dash + 1, spec.len - (size_t)(dash - spec.data) - 1));
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    if (left.len > 0 && gn_http_number(&first, left))
        return GN_RANGE_NONE;
    if (right.len > 0 && gn_http_number(&last, right))
        return GN_RANGE_NONE;
    if (left.len == 0) {
        if (right.len == 0)
            return GN_RANGE_NONE;
        if (last == 0 || size == 0)
            return GN_RANGE_UNMET;
        out->len = last < size ? last : size;
        out->first = size - out->len;
        return GN_RANGE_OK;
    }
    if (right.len > 0 && last < first)
        return GN_RANGE_NONE;
    if (first >= size)
        return GN_RANGE_UNMET;
    if (last >= size)
        last = size - 1;
    out->first = first;
    out->len = last - first + 1;
    return GN_RANGE_OK;
}

enum gn_range_result gn_conditional_range(struct gn_range *out, struct gn_http_headers headers, uint64_t size,
                                          struct gn_slice tag)
{
    struct gn_slice value;
    out->first = 0;
    out->len = 0;
    if (gn_http_headers_one(&value, headers, "range"))
        return GN_RANGE_NONE;
    struct gn_slice if_range;
    enum gn_err err = gn_http_headers_one(&if_range, headers, "if-range");
    if (err != GN_E_NOT_FOUND) {
        struct gn_slice want;
        if (err || gn_conditional_one_tag(&want, if_range) || !gn_slice_eq(want, tag))
            return GN_RANGE_NONE;
    }
    static const char unit[] = "bytes=";
    size_t unit_len = sizeof unit - 1;
    if (value.len <= unit_len || !gn_http_slice_like(gn_slice_of(value.data, unit_len), unit))
        return GN_RANGE_NONE;
    struct gn_slice list = gn_slice_of(value.data + unit_len, value.len - unit_len);
    struct gn_slice one;
    struct gn_slice more;
    if (!gn_http_list_next(&one, &list) || gn_http_list_next(&more, &list))
        return GN_RANGE_NONE;
    return parse_range(out, one, size);
}
