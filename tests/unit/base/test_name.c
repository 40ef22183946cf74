/* tests/unit/storage/test_name.c - names from peers: what is safe to create, and how the rest is shown. */
#include "base/name.h"

#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "tests/support/gn_cmocka.h"

static bool component(const char *s)
{
    return gn_name_component_ok(gn_slice_str(s));
}

static bool path(const char *s)
{
    return gn_name_path_ok(gn_slice_str(s));
}

static void ordinary_names_are_safe(void **state)
{
    (void)state;
    assert_true(component("a"));
    assert_true(component("..."));
    assert_true(component(".hidden"));
    assert_true(component("-rf"));
    assert_true(component("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x91\xbb"));
    assert_true(component("100%"));
    assert_true(path("a/b/c.txt"));
    assert_true(path("one"));
}

static void names_that_leave_their_folder_or_hide_are_not(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "a/b",
                                      "tab\there",
                                      "new\nline",
                                      "\x7f",
                                      "\xc2\x85",
                                      "\xff",
                                      "\xc0\xaf",
                                      "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80",
                                      "cut\xe2",
                                      "\xe2\x80\xa8",
                                      "\xe2\x80\xa9"};
    for (size_t i = 0; i < GN_ARRAY_LEN(bad); i++)
        assert_false(component(bad[i]));
    assert_false(gn_name_component_ok(gn_slice_of("a\0b", 3)));
    static const char *const bad_paths[] = {"",    "/",   "/etc", "a//b", "a/",    "../x",  "a/../b",
                                            "a/.", "./a", "a/..", "//",   "a\n/b", "a/\xff"};
    for (size_t i = 0; i < GN_ARRAY_LEN(bad_paths); i++)
        assert_false(path(bad_paths[i]));
}

static void lengths_have_limits(void **state)
{
    (void)state;
    static uint8_t text[GN_NAME_PATH_MAX + 1U];
    memset(text, 'a', sizeof text);
    assert_true(gn_name_component_ok(gn_slice_of(text, 255)));
    assert_false(gn_name_component_ok(gn_slice_of(text, 256)));
    for (size_t i = 200; i < sizeof text; i += 200)
        text[i] = '/';
    text[GN_NAME_PATH_MAX] = 'a';
    text[GN_NAME_PATH_MAX - 1U] = 'a';
    assert_false(gn_name_path_ok(gn_slice_of(text, sizeof text)));
    assert_true(gn_name_path_ok(gn_slice_of(text, GN_NAME_PATH_MAX)));
}

static void odd_bytes_are_shown_escaped(void **state)
{
    (void)state;
    char out[64];
    assert_int_equal(gn_name_escape(out, sizeof out, gn_slice_str("a b\n\xff%/\xc3\xa9"), false), GN_OK);
    assert_string_equal(out, "a b%0A%FF%25%2F\xc3\xa9");
    assert_int_equal(gn_name_escape(out, sizeof out, gn_slice_str("a/b"), true), GN_OK);
    assert_string_equal(out, "a/b");
    /* a right-to-left override would show exe.txt as txt.exe */
    assert_int_equal(gn_name_escape(out, sizeof out,
                                    gn_slice_str("x\xe2\x80\xae"
                                                 "txt.exe"),
                                    true),
                     GN_OK);
    assert_string_equal(out, "x%E2%80%AEtxt.exe");
    assert_int_equal(gn_name_escape(out, sizeof out, gn_slice_of(NULL, 0), true), GN_OK);
    assert_string_equal(out, "");
    assert_int_equal(gn_name_escape(out, 4, gn_slice_str("abc"), true), GN_OK);
    assert_int_equal(gn_name_escape(out, 3, gn_slice_str("abc"), true), GN_E_LIMIT);
    assert_string_equal(out, "");
    assert_int_equal(gn_name_escape(out, 3, gn_slice_str("\n"), true), GN_E_LIMIT);
    assert_int_equal(gn_name_escape(out, 0, gn_slice_str(""), true), GN_E_LIMIT);
}

static void escaping_can_be_undone_for_any_bytes(void **state)
{
    (void)state;
    struct gn_rng rng;
    gn_rng_init_test(&rng, 5, 5);
    for (unsigned round = 0; round < 2000; round++) {
        uint8_t in[40];
        uint8_t back[sizeof in];
        char text[3 * sizeof in + 1];
        size_t len = (size_t)gn_rng_below(&rng, sizeof in + 1U);
        size_t n = 0;
        gn_rng_bytes(&rng, in, len);
        assert_int_equal(gn_name_escape(text, sizeof text, gn_slice_of(in, len), round % 2 == 0), GN_OK);
        assert_int_equal(gn_name_unescape(back, &n, sizeof back, gn_slice_str(text)), GN_OK);
        assert_int_equal(n, len);
        assert_memory_equal(in, back, len);
    }
}

static void broken_escapes_are_refused(void **state)
{
    (void)state;
    uint8_t out[4];
    size_t n = 9;
    assert_int_equal(gn_name_unescape(out, &n, sizeof out, gn_slice_str("%4")), GN_E_INVALID);
    assert_int_equal(gn_name_unescape(out, &n, sizeof out, gn_slice_str("%g0")), GN_E_INVALID);
    assert_int_equal(gn_name_unescape(out, &n, sizeof out, gn_slice_str("%0/")), GN_E_INVALID);
    assert_int_equal(gn_name_unescape(out, &n, sizeof out, gn_slice_str("abcde")), GN_E_LIMIT);
    assert_int_equal(n, 0);
    assert_int_equal(gn_name_unescape(out, &n, sizeof out, gn_slice_str("%4a%4B")), GN_OK);
    assert_int_equal(n, 2);
    assert_memory_equal(out, "JK", 2);
}

static void any_name_can_be_made_safe(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
    } cases[] = {
        {"a.txt", "a.txt"},  {"/etc/passwd", "passwd"}, {"..", "%2E%2E"}, {".", "%2E"},   {"", "unnamed"},
        {"dir/", "unnamed"}, {"a\nb", "a%0Ab"},         {"\xff", "%FF"},  {"50%", "50%"}, {"x/..", "%2E%2E"},
    };
    char out[GN_NAME_COMPONENT_MAX + 1U];
    for (size_t i = 0; i < GN_ARRAY_LEN(cases); i++) {
        gn_name_sanitize(out, gn_slice_str(cases[i].from));
        assert_string_equal(out, cases[i].to);
    }
    struct gn_rng rng;
    gn_rng_init_test(&rng, 6, 6);
    for (unsigned round = 0; round < 500; round++) {
        uint8_t in[400];
        size_t len = (size_t)gn_rng_below(&rng, sizeof in + 1U);
        gn_rng_bytes(&rng, in, len);
        gn_name_sanitize(out, gn_slice_of(in, len));
        assert_true(gn_name_component_ok(gn_slice_str(out)));
    }
    uint8_t longer[300];
    for (size_t i = 0; i + 1U < sizeof longer; i += 2U)
        memcpy(longer + i, "\xc3\xa9", 2);
    gn_name_sanitize(out, gn_slice_of(longer, sizeof longer));
    assert_int_equal(strlen(out), 254); /* not in the middle of a character */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_names_are_safe),
        cmocka_unit_test(names_that_leave_their_folder_or_hide_are_not),
        cmocka_unit_test(lengths_have_limits),
        cmocka_unit_test(odd_bytes_are_shown_escaped),
        cmocka_unit_test(escaping_can_be_undone_for_any_bytes),
        cmocka_unit_test(broken_escapes_are_refused),
        cmocka_unit_test(any_name_can_be_made_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
