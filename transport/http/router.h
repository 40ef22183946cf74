/* transport/http/router.h - finds the route of a request: patterns like "/v1/kv/{space}/{key}", methods, 404 and 405.
 *
 * Life: the routes are a constant table of the user; a match is caller's memory. Threads: any. Purity: pure.
 *
 * A pattern is a list of segments between slashes; {name} takes exactly one segment, which must not be empty and is
 * percent-decoded (so "%2F" is a slash inside a segment, never a separator). The literal segments are compared with the
 * undecoded path. Of several patterns that fit, the first of the table wins.
 */
#ifndef GN_TRANSPORT_HTTP_ROUTER_H
#define GN_TRANSPORT_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "transport/http/http.h"

#define GN_ROUTER_PARAMS_MAX 4U
#define GN_ROUTER_TEXT_MAX 2048U /* decoded bytes of all parameters of one path */
#define GN_ROUTER_ALLOW_MAX 64U

struct gn_route {
    enum gn_http_method method; /* a GET route also answers HEAD */
    const char *pattern;
    unsigned id; /* of the user */
};

struct gn_router_match {
    unsigned status; /* 200, 400 (broken escape), 404, 405, 414 (parameters too long), 501 (unknown method) */
    const struct gn_route *route;                 /* with 200 */
    struct gn_slice params[GN_ROUTER_PARAMS_MAX]; /* decoded, in the order of the pattern; borrow from `text` */
    size_t params_len;
    char allow[GN_ROUTER_ALLOW_MAX]; /* with 405 and for OPTIONS: "GET, HEAD, PUT" */
    uint8_t text[GN_ROUTER_TEXT_MAX];
};

/* Fills *out, which must not be moved afterwards. path: still encoded, without the query.
 * OPTIONS without a route of its own gives 405 with `allow` filled: the user may turn that into a 204. */
void gn_router_find(struct gn_router_match *out, const struct gn_route *routes, size_t routes_len,
                    enum gn_http_method method, struct gn_slice path);

/* Decodes the value of a query parameter into out (at most cap bytes). NOT_FOUND: it is absent (*len 0).
 * INVALID: broken escape, or the name comes twice. LIMIT: longer than cap. */
GN_MUST_CHECK enum gn_err gn_router_query(uint8_t *out, size_t *len, size_t cap, struct gn_slice query,
                                          const char *name);

#endif
