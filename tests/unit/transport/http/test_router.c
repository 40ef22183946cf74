/* tests/unit/transport/http/test_router.c - patterns, methods, parameters, queries. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/support/gn_cmocka.h"
#include "transport/http/router.h"

static const struct gn_route table[] = {
    {GN_HTTP_GET, "/", 0},
    {GN_HTTP_GET, "/v1/node", 1},
    {GN_HTTP_GET, "/v1/kv/{space}", 2},
    {GN_HTTP_GET, "/v1/kv/{space}/{key}", 3},
    {GN_HTTP_PUT, "/v1/kv/{space}/{key}", 4},
    {GN_HTTP_POST, "/v1/kv/{space}/watch", 5},
    {GN_HTTP_DELETE, "/v1/kv/{space}/{key}", 6},
    {GN_HTTP_OPTIONS, "/v1/opt", 7},
};

static void find(struct gn_router_match *m, enum gn_http_method method, const char *path)
{
    gn_router_find(m, table, GN_ARRAY_LEN(table), method, gn_slice_str(path));
}

static void paths_find_their_routes(void **state)
{
    static const struct {
        enum gn_http_method method;
        const char *path;
        unsigned status;
        unsigned id;
        const char *params; /* joined by | */
    } rows[] = {
        {GN_HTTP_GET, "/", 200, 0, ""},
        {GN_HTTP_GET, "/v1/node", 200, 1, ""},
        {GN_HTTP_HEAD, "/v1/node", 200, 1, ""},
        {GN_HTTP_GET, "/v1/node/", 404, 0, ""},
        {GN_HTTP_GET, "//v1/node", 404, 0, ""},
        {GN_HTTP_GET, "/v1//node", 404, 0, ""},
        {GN_HTTP_GET, "/V1/node", 404, 0, ""},
        {GN_HTTP_GET, "/v1/%6Eode", 404, 0, ""}, /* literal segments are compared as sent */
        {GN_HTTP_GET, "v1/node", 404, 0, ""},
        {GN_HTTP_GET, "", 404, 0, ""},
        {GN_HTTP_GET, "*", 404, 0, ""},
        {GN_HTTP_GET, "/v1/kv/own", 200, 2, "own"},
        {GN_HTTP_GET, "/v1/kv/", 404, 0, ""},
        {GN_HTTP_GET, "/v1/kv/own/", 404, 0, ""},
        {GN_HTTP_GET, "/v1/kv/own/a", 200, 3, "own|a"},
        {GN_HTTP_GET, "/v1/kv/own/a/b", 404, 0, ""},
        {GN_HTTP_GET, "/v1/kv/own/a%2Fb", 200, 3, "own|a/b"},
        {GN_HTTP_GET, "/v1/kv/own/a+b", 200, 3, "own|a+b"},
        {GN_HTTP_GET, "/v1/kv/own/..", 200, 3, "own|.."},
        {GN_HTTP_PUT, "/v1/kv/%C3%A9/%25", 200, 4, "\xc3\xa9|%"},
        {GN_HTTP_GET, "/v1/kv/own/%2", 400, 0, ""},
        {GN_HTTP_GET, "/v1/kv/own/%G0", 400, 0, ""},
        {GN_HTTP_POST, "/v1/kv/own/watch", 200, 5, "own"},
        {GN_HTTP_POST, "/v1/kv/own/other", 405, 0, ""},
        {GN_HTTP_OTHER, "/v1/node", 501, 0, ""},
        {GN_HTTP_OTHER, "/nowhere", 501, 0, ""},
        {GN_HTTP_OPTIONS, "/v1/opt", 200, 7, ""},
    };
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        struct gn_router_match m;
        char params[256] = "";
        size_t len = 0;
        find(&m, rows[i].method, rows[i].path);
        if (m.status != rows[i].status)
            fail_msg("%s: %u", rows[i].path, m.status);
        if (m.status != 200)
            continue;
        assert_int_equal(m.route->id, rows[i].id);
        for (size_t k = 0; k < m.params_len; k++)
            len += (size_t)snprintf(params + len, sizeof params - len, "%s%.*s", k ? "|" : "", (int)m.params[k].len,
                                    (const char *)m.params[k].data);
        assert_string_equal(params, rows[i].params);
    }
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    struct gn_router_match m;
    (void)state;
    find(&m, GN_HTTP_PATCH, "/v1/kv/own/a");
    assert_int_equal(m.status, 405);
    assert_string_equal(m.allow, "GET, HEAD, PUT, DELETE");
    find(&m, GN_HTTP_DELETE, "/v1/node");
    assert_string_equal(m.allow, "GET, HEAD");
    find(&m, GN_HTTP_GET, "/v1/opt");
    assert_string_equal(m.allow, "OPTIONS");
}

static void parameters_have_a_limit(void **state)
{
    struct gn_router_match m;
    char path[GN_ROUTER_TEXT_MAX + 64];
    (void)state;
    int n = snprintf(path, sizeof path, "/v1/kv/s/");
    memset(path + n, 'k', GN_ROUTER_TEXT_MAX - 1);
    path[(size_t)n + GN_ROUTER_TEXT_MAX - 1] = '\0';
    find(&m, GN_HTTP_GET, path);
    assert_int_equal(m.status, 200);
    assert_int_equal(m.params[1].len, GN_ROUTER_TEXT_MAX - 1);
    (void)snprintf(path + strlen(path), 2, "k");
    find(&m, GN_HTTP_GET, path);
    assert_int_equal(m.status, 414);
}

static void query_parameters_are_decoded_and_unique(void **state)
{
    static const struct {
        const char *query;
        enum gn_err err;
        const char *value;
    } rows[] = {
        {"", GN_E_NOT_FOUND, ""},
        {"b=1", GN_E_NOT_FOUND, ""},
        {"a=1", GN_OK, "1"},
        {"a", GN_OK, ""},
        {"a=", GN_OK, ""},
        {"x&&a=1&y", GN_OK, "1"},
        {"a=b=c", GN_OK, "b=c"},
        {"a=b+c%2Bd", GN_OK, "b c+d"},
        {"a=1&a=2", GN_E_INVALID, ""},
        {"a=%4", GN_E_INVALID, ""},
        {"A=1", GN_E_NOT_FOUND, ""},
        {"aa=1", GN_E_NOT_FOUND, ""},
        {"a=12345678", GN_OK, "12345678"},
        {"a=123456789", GN_E_LIMIT, ""},
    };
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        uint8_t value[8];
        size_t len = 99;
        enum gn_err err = gn_router_query(value, &len, sizeof value, gn_slice_str(rows[i].query), "a");
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].query, gn_err_name(err));
        if (!err) {
            assert_int_equal(len, strlen(rows[i].value));
            assert_memory_equal(value, rows[i].value, len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_their_routes),
        cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
        cmocka_unit_test(parameters_have_a_limit),
        cmocka_unit_test(query_parameters_are_decoded_and_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
