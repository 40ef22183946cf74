/* tests/fuzz/fuzz_router.c - targets, paths, queries, tags, ranges, and problem documents from the other side.
 *
 * The first byte is the method; the rest is a request target, and each of the other texts in turn.
 */
#include <string.h>

#include "base/check.h"
#include "rpc/precondition.h"
#include "rpc/problem.h"
#include "tests/support/fuzz.h"
#include "transport/http/conditional.h"
#include "transport/http/router.h"
#include "transport/http/uri.h"

static const struct gn_route routes[] = {
    {GN_HTTP_GET, "/", 0},
    {GN_HTTP_GET, "/v1/kv/{space}/{key}", 1},
    {GN_HTTP_PUT, "/v1/kv/{space}/{key}", 2},
    {GN_HTTP_POST, "/{a}/{b}/{c}/{d}", 3},
};

static void check_route(enum gn_http_method method, struct gn_slice path)
{
    struct gn_router_match m;
    gn_router_find(&m, routes, GN_ARRAY_LEN(routes), method, path);
    GN_CHECK(m.status == 200 || m.status == 400 || m.status == 404 || m.status == 405 || m.status == 414 ||
             m.status == 501);
    GN_CHECK(m.status != 200 || m.route);
    for (size_t i = 0; i < m.params_len; i++) {
        uint8_t again[3 * GN_ROUTER_TEXT_MAX];
        uint8_t back[GN_ROUTER_TEXT_MAX];
        struct gn_writer w;
        size_t len;
        GN_CHECK(m.params[i].data >= m.text && m.params[i].data + m.params[i].len <= m.text + sizeof m.text);
        gn_writer_init(&w, again, sizeof again);
        gn_uri_encode(&w, m.params[i]);
        GN_CHECK(gn_uri_decode(back, &len, sizeof back, gn_slice_of(again, w.len), false) == GN_OK);
        GN_CHECK(gn_slice_eq(gn_slice_of(back, len), m.params[i]));
    }
}

static void check_conditions(struct gn_slice text)
{
    const struct gn_http_header range = {gn_slice_str("Range"), text};
    const struct gn_http_header match = {gn_slice_str("If-Match"), text};
    struct gn_range r;
    enum gn_api_kv_if cond;
    uint64_t version;
    struct gn_slice tag;
    if (gn_conditional_range(&r, (struct gn_http_headers){&range, 1}, 1000, gn_slice_str("t")) == GN_RANGE_OK)
        GN_CHECK(r.len > 0 && r.first < 1000 && r.len <= 1000 - r.first);
    (void)gn_conditional_has_tag(text, gn_slice_str("t"), true);
    if (gn_conditional_one_tag(&tag, text) == GN_OK)
        GN_CHECK(tag.len + 2 == text.len);
    if (gn_precondition_read(&cond, &version, (struct gn_http_headers){&match, 1}) == GN_OK)
        GN_CHECK(cond == GN_API_KV_IF_EXISTS || cond == GN_API_KV_IF_VERSION);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_uri_target target;
    uint8_t value[32];
    size_t len;
    char detail[64];
    enum gn_err err;
    if (size < 1)
        return 0;
    enum gn_http_method method = (enum gn_http_method)(data[0] % GN_HTTP_METHODS);
    struct gn_slice text = gn_slice_of(data + 1, size - 1);
    if (gn_uri_parse_target(&target, text) == GN_OK) {
        check_route(method, target.path);
        GN_CHECK(gn_router_query(value, &len, sizeof value, target.query, "a") != GN_OK || len <= sizeof value);
    }
    check_route(method, text);
    check_conditions(text);
    enum gn_err read = gn_problem_read(&err, detail, sizeof detail, 400, text);
    GN_CHECK(err != GN_OK && memchr(detail, 0, sizeof detail));
    GN_CHECK(read == GN_OK || detail[0] == '\0');
    return 0;
}
