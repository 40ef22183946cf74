/* tests/unit/base/test_err.c - the table of errors, and checks that fail. */
#include "tests/support/gn_cmocka.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

static const struct {
    enum gn_err err;
    int number;
    const char *name;
} all[] = {
#define X(name, number, class, text) {GN_E_##name, number, #name},
    GN_ERR_TABLE(X)
#undef X
};

static void every_error_has_its_own_number_name_and_lower_case_text(void **state)
{
    (void)state;
    assert_int_equal(GN_OK, 0);
    for (size_t i = 0; i < GN_ARRAY_LEN(all); i++) {
        assert_int_equal((int)i, all[i].number);
        assert_string_equal(gn_err_name(all[i].err), all[i].name);
        assert_true(islower((unsigned char)gn_err_text(all[i].err)[0]));
        assert_true((gn_err_class(all[i].err) == GN_ERR_CLASS_NONE) == (i == 0));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(gn_err_text(all[i].err), gn_err_text(all[k].err));
        }
    }
}

static void a_number_from_nowhere_is_unknown_and_fatal(void **state)
{
    (void)state;
    assert_string_equal(gn_err_name((enum gn_err)9999), "UNKNOWN");
    assert_string_equal(gn_err_text((enum gn_err)9999), "unknown error");
    assert_int_equal(gn_err_class((enum gn_err)9999), GN_ERR_CLASS_FATAL);
}

static void classes_say_what_to_do(void **state)
{
    (void)state;
    assert_int_equal(gn_err_class(GN_E_INVALID), GN_ERR_CLASS_CALLER);
    assert_int_equal(gn_err_class(GN_E_MALFORMED), GN_ERR_CLASS_PEER);
    assert_int_equal(gn_err_class(GN_E_TIMEOUT), GN_ERR_CLASS_RETRY);
    assert_int_equal(gn_err_class(GN_E_NO_SPACE), GN_ERR_CLASS_FATAL);
}

static void errno_becomes_an_error_and_never_success(void **state)
{
    (void)state;
    assert_int_equal(gn_err_from_errno(0), GN_OK);
    assert_int_equal(gn_err_from_errno(ENOENT), GN_E_NOT_FOUND);
    assert_int_equal(gn_err_from_errno(ENOSPC), GN_E_NO_SPACE);
    assert_int_equal(gn_err_from_errno(EDQUOT), GN_E_NO_SPACE);
    assert_int_equal(gn_err_from_errno(EMFILE), GN_E_DESCRIPTORS);
    assert_int_equal(gn_err_from_errno(EADDRINUSE), GN_E_IN_USE);
    assert_int_equal(gn_err_from_errno(EACCES), GN_E_PERMISSION);
    assert_int_equal(gn_err_from_errno(EWOULDBLOCK), GN_E_AGAIN);
    assert_int_equal(gn_err_from_errno(EXDEV), GN_E_SYSTEM);
    for (int e = 1; e < 200; e++) {
        assert_int_not_equal(gn_err_from_errno(e), GN_OK);
    }
}

static sigjmp_buf after_abort;

static void leave_abort(int sig)
{
    (void)sig;
    siglongjmp(after_abort, 1);
}

static void a_failed_check_names_file_line_and_expression_and_aborts(void **state)
{
    struct sigaction act = {.sa_handler = leave_abort};
    struct sigaction old;
    char text[256] = "";
    FILE *volatile out = tmpfile();
    FILE *volatile kept = stderr;

    (void)state;
    assert_non_null(out);
    assert_int_equal(sigaction(SIGABRT, &act, &old), 0);
    if (sigsetjmp(after_abort, 1) == 0) {
        volatile int one = 1;

        stderr = out;
        GN_CHECK(one == 1);
        GN_CHECK(one == 2);
        stderr = kept;
        fail_msg("the check did not abort");
    }
    stderr = kept;
    assert_int_equal(sigaction(SIGABRT, &old, NULL), 0);
    rewind(out);
    assert_non_null(fgets(text, sizeof text, out));
    assert_non_null(strstr(text, "test_err.c:"));
    assert_non_null(strstr(text, "check failed: one == 2\n"));
    assert_int_equal(fclose(out), 0);
}

struct outer {
    int before;
    int inner;
};

static void a_container_is_found_from_its_member(void **state)
{
    struct outer o = {.before = 1, .inner = 2};

    (void)state;
    assert_ptr_equal(GN_CONTAINER_OF(&o.inner, struct outer, inner), &o);
    assert_int_equal(GN_CONTAINER_OF_CONST(&o.inner, struct outer, inner)->before, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_own_number_name_and_lower_case_text),
        cmocka_unit_test(a_number_from_nowhere_is_unknown_and_fatal),
        cmocka_unit_test(classes_say_what_to_do),
        cmocka_unit_test(errno_becomes_an_error_and_never_success),
        cmocka_unit_test(a_failed_check_names_file_line_and_expression_and_aborts),
        cmocka_unit_test(a_container_is_found_from_its_member),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
