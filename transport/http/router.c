/* transport/http/router.c - patterns, methods, parameters. */
#include "transport/http/router.h"

#include <string.h>

#include "base/check.h"
#include "transport/http/uri.h"

/* Cuts the segment up to the next slash off *rest; false when the path is used up. */
static bool next_segment(struct gn_slice *segment, struct gn_slice *rest, bool *more)
{
    if (!*more)
        return false;
    const uint8_t *slash = rest->len ? memchr(rest->data, '/', rest->len) : NULL;
    size_t len = slash ? (size_t)(slash - rest->data) : rest->len;
    *segment = gn_slice_of(rest->data, len);
    *more = slash != NULL;
    size_t skip = slash ? len + 1 : len;
    if (skip) {
        rest->data += skip;
        rest->len -= skip;
    }
    return true;
}

static bool is_param(struct gn_slice segment)
{
    return segment.len > 2 && segment.data[0] == '{';
}

/* Does the path have the shape of the pattern? Fills raw[] with its parameters, still encoded. */
static bool shape_fits(struct gn_slice raw[GN_ROUTER_PARAMS_MAX], size_t *raw_len, const char *pattern,
                       struct gn_slice path)
{
    struct gn_slice p = gn_slice_of(pattern, strlen(pattern));
    struct gn_slice want;
    struct gn_slice have;
    bool more_p = true;
    bool more_path = true;
    *raw_len = 0;
    while (next_segment(&want, &p, &more_p)) {
        if (!next_segment(&have, &path, &more_path))
            return false;
        if (is_param(want)) {
            if (have.len == 0)
                return false;
            GN_CHECK(*raw_len < GN_ROUTER_PARAMS_MAX);
            raw[(*raw_len)++] = have;
        } else if (!gn_slice_eq(want, have)) {
            return false;
        }
    }
    return !more_path;
}

static void decode_params(struct gn_router_match *out, const struct gn_slice *raw, size_t raw_len)
{
    size_t used = 0;
    for (size_t i = 0; i < raw_len; i++) {
        size_t len;
        enum gn_err err = gn_uri_decode(out->text + used, &len, sizeof out->text - used, raw[i], false);
        if (err) {
            out->status = err == GN_E_LIMIT ? 414 : 400;
            return;
        }
        out->params[i] = gn_slice_of(out->text + used, len);
        used += len;
    }
    out->params_len = raw_len;
}

static void write_allow(struct gn_router_match *out, const bool have[GN_HTTP_METHODS])
{
    struct gn_writer w;
    gn_writer_init(&w, (uint8_t *)out->allow, sizeof out->allow - 1);
    for (unsigned m = GN_HTTP_GET; m < GN_HTTP_METHODS; m++) {
        if (!have[m])
            continue;
        if (w.len > 0)
            gn_writer_bytes(&w, ", ", 2);
        const char *name = gn_http_method_name((enum gn_http_method)m);
        gn_writer_bytes(&w, name, strlen(name));
    }
    GN_CHECK(!w.overflow); /* all seven names fit */
    out->allow[w.len] = '\0';
}

void gn_router_find(struct gn_router_match *out, const struct gn_route *routes, size_t routes_len,
                    enum gn_http_method method, struct gn_slice path)
{
    bool have[GN_HTTP_METHODS] = {false};
    bool any = false;
    out->status = 404;
    out->route = NULL;
    out->params_len = 0;
    out->allow[0] = '\0';
    for (size_t i = 0; i < routes_len; i++) {
        const struct gn_route *r = &routes[i];
        struct gn_slice raw[GN_ROUTER_PARAMS_MAX];
        size_t raw_len;
        if (!shape_fits(raw, &raw_len, r->pattern, path))
            continue;
        if (r->method == method || (r->method == GN_HTTP_GET && method == GN_HTTP_HEAD)) {
            out->status = 200;
            out->route = r;
            decode_params(out, raw, raw_len);
            return;
        }
        any = true;
        have[r->method] = true;
        if (r->method == GN_HTTP_GET)
            have[GN_HTTP_HEAD] = true;
    }
    if (method == GN_HTTP_OTHER) {
        out->status = 501; /* RFC 9110 section 9.1: a method that no resource here knows */
        return;
    }
    if (any) {
        out->status = 405;
        write_allow(out, have);
    }
}

enum gn_err gn_router_query(uint8_t *out, size_t *len, size_t cap, struct gn_slice query, const char *name)
{
    struct gn_slice key;
    struct gn_slice value;
    struct gn_slice found = {NULL, 0};
    bool seen = false;
    *len = 0;
    while (gn_uri_query_next(&key, &value, &query)) {
        if (!gn_http_slice_is(key, name))
            continue;
        if (seen)
            return GN_E_INVALID;
        seen = true;
        found = value;
    }
    return seen ? gn_uri_decode(out, len, cap, found, true) : GN_E_NOT_FOUND;
}
