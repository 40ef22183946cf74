/* tests/unit/rpc/test_problem.c - errors become problem documents and come back as the same errors. */
#include <string.h>

#include "base/check.h"
#include "rpc/problem.h"
#include "tests/support/gn_cmocka.h"

static const enum gn_err all[] = {
#define X(name, number, class, text) GN_E_##name,
    GN_ERR_TABLE(X)
#undef X
};

static void every_error_survives_the_way_to_the_client(void **state)
{
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(all); i++) {
        char doc[GN_PROBLEM_MAX];
        char detail[64];
        enum gn_err back = GN_OK;
        if (all[i] == GN_OK)
            continue;
        size_t len = gn_problem_write(doc, all[i], 0, "what \"went\" wrong");
        unsigned status = gn_problem_status(all[i]);
        assert_in_range(status, 400, 599);
        assert_int_equal(gn_problem_read(&back, detail, sizeof detail, status, gn_slice_of(doc, len)), GN_OK);
        assert_int_equal(back, all[i]);
        assert_string_equal(detail, "what \"went\" wrong");
    }
}

static void a_document_has_the_members_of_rfc_9457(void **state)
{
    char doc[GN_PROBLEM_MAX];
    (void)state;
    (void)gn_problem_write(doc, GN_E_NOT_FOUND, 0, NULL);
    assert_string_equal(doc,
                        "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":\"not found\","
                        "\"code\":\"NOT_FOUND\"}");
    (void)gn_problem_write(doc, GN_E_INVALID, 415, "x");
    assert_non_null(strstr(doc, "\"status\":415"));
}

static void any_detail_gives_valid_json_that_fits(void **state)
{
    char doc[GN_PROBLEM_MAX];
    char detail[GN_PROBLEM_MAX];
    char back[GN_PROBLEM_MAX];
    enum gn_err err;
    (void)state;
    for (int c = 1; c < 256; c++) {
        memset(detail, c, sizeof detail - 1);
        detail[sizeof detail - 1] = '\0';
        size_t len = gn_problem_write(doc, GN_E_IO, 0, detail);
        assert_true(len < sizeof doc);
        assert_int_equal(doc[len], '\0');
        assert_int_equal(gn_problem_read(&err, back, sizeof back, 500, gn_slice_of(doc, len)), GN_OK);
        assert_int_equal(err, GN_E_IO);
        if (c < 0x80)
            assert_int_equal(back[0], c);
    }
}

static void foreign_documents_fall_back_to_the_status(void **state)
{
    static const struct {
        const char *doc;
        unsigned status;
        enum gn_err result;
        enum gn_err err;
        const char *detail;
    } rows[] = {
        {"", 404, GN_E_MALFORMED, GN_E_NOT_FOUND, ""},
        {"<html>", 502, GN_E_MALFORMED, GN_E_UNREACHABLE, ""},
        {"[]", 504, GN_E_MALFORMED, GN_E_TIMEOUT, ""},
        {"{}", 413, GN_OK, GN_E_LIMIT, ""},
        {"{\"code\":\"WONDER\",\"detail\":\"d\"}", 403, GN_OK, GN_E_REFUSED, "d"},
        {"{\"code\":\"OK\"}", 500, GN_OK, GN_E_SYSTEM, ""},
        {"{\"code\":7,\"title\":\"t\"}", 400, GN_OK, GN_E_INVALID, "t"},
        {"{\"code\":\"QUOTA\",\"detail\":\"0123456789\"}", 400, GN_OK, GN_E_QUOTA, "0123456"},
    };
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        char detail[8];
        enum gn_err err = GN_OK;
        assert_int_equal(gn_problem_read(&err, detail, sizeof detail, rows[i].status, gn_slice_str(rows[i].doc)),
                         rows[i].result);
        assert_int_equal(err, rows[i].err);
        assert_string_equal(detail, rows[i].detail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_survives_the_way_to_the_client),
        cmocka_unit_test(a_document_has_the_members_of_rfc_9457),
        cmocka_unit_test(any_detail_gives_valid_json_that_fits),
        cmocka_unit_test(foreign_documents_fall_back_to_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
