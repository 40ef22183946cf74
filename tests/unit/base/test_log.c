/* tests/unit/base/test_log.c - log lines: levels, escapes, cutting; JSON that is always JSON. */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "tests/support/json_check.h"

struct seen {
    int events;
    enum gn_log_level level;
    char event[64];
    size_t fields;
};

static void remember(void *sink, enum gn_log_level level, const char *event, const struct gn_field *fields,
                     size_t fields_len)
{
    struct seen *s = (struct seen *)sink;

    (void)fields;
    s->events++;
    s->level = level;
    (void)snprintf(s->event, sizeof s->event, "%s", event);
    s->fields = fields_len;
}

static int evaluated;

static int count_evaluation(void)
{
    return ++evaluated;
}

static void events_above_the_level_are_not_even_built(void **state)
{
    struct seen seen = {0};
    struct gn_log log = {.level = GN_LOG_WARN, .sink = remember, .sink_data = &seen};
    struct gn_log silent = {.level = GN_LOG_DEBUG};

    (void)state;
    evaluated = 0;
    GN_LOG(&log, GN_LOG_INFO, "a.b", GN_F_U64("n", count_evaluation()));
    GN_LOG(&silent, GN_LOG_ERROR, "a.b", GN_F_U64("n", count_evaluation()));
    GN_LOG((struct gn_log *)NULL, GN_LOG_ERROR, "a.b", GN_F_U64("n", count_evaluation()));
    GN_LOG_PLAIN(&log, GN_LOG_INFO, "a.b");
    assert_int_equal(evaluated, 0);
    assert_int_equal(seen.events, 0);
    GN_LOG(&log, GN_LOG_WARN, "a.warn", GN_F_U64("n", count_evaluation()), GN_F_BOOL("b", true));
    assert_int_equal(evaluated, 1);
    assert_int_equal(seen.events, 1);
    assert_int_equal(seen.fields, 2);
    assert_string_equal(seen.event, "a.warn");
    GN_LOG_PLAIN(&log, GN_LOG_ERROR, "a.plain");
    assert_int_equal(seen.events, 2);
    assert_int_equal(seen.fields, 0);
    log.level = GN_LOG_OFF;
    GN_LOG_PLAIN(&log, GN_LOG_ERROR, "a.plain");
    gn_log_event(&log, GN_LOG_ERROR, "a.direct", NULL, 0);
    gn_log_event(NULL, GN_LOG_ERROR, "a.direct", NULL, 0);
    gn_log_event(&log, GN_LOG_OFF, "a.direct", NULL, 0);
    assert_int_equal(seen.events, 2);
}

static void levels_have_names_both_ways(void **state)
{
    static const char *const names[] = {"off", "error", "warn", "info", "debug"};
    enum gn_log_level level = GN_LOG_INFO;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(gn_log_level_parse(&level, names[i]), GN_OK);
        assert_int_equal(level, i - 1);
        assert_string_equal(gn_log_level_name(level), names[i]);
    }
    assert_int_equal(gn_log_level_parse(&level, "verbose"), GN_E_INVALID);
    assert_int_equal(gn_log_level_parse(&level, ""), GN_E_INVALID);
    assert_int_equal(gn_log_level_parse(&level, "INFO"), GN_E_INVALID);
    assert_string_equal(gn_log_level_name((enum gn_log_level)77), "off");
}

static const struct gn_id id = {{0}};
static const struct gn_addr addr = {.ip = {1, 2, 3, 4}, .port = 5, .family = GN_ADDR_V4};

static void one_field_of_each_type(void **state)
{
    const struct gn_field fields[] = {
        GN_F_U64("u", UINT64_MAX), GN_F_I64("i", INT64_MIN), GN_F_BOOL("yes", true),   GN_F_BOOL("no", false),
        GN_F_STR("s", "plain"),    GN_F_ID("id", &id),       GN_F_ADDR("addr", &addr), GN_F_ERR("err", GN_E_TIMEOUT),
    };
    char out[GN_LOG_LINE_MAX];
    size_t len = gn_log_format_text(out, "", GN_LOG_INFO, "kad.done", fields, GN_ARRAY_LEN(fields));

    (void)state;
    assert_string_equal(out, "info kad.done u=18446744073709551615 i=-9223372036854775808 yes=true no=false s=plain "
                             "id=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa addr=1.2.3.4:5 err=TIMEOUT\n");
    assert_int_equal(len, strlen(out));
    len = gn_log_format_json(out, "2026", GN_LOG_WARN, "kad.done", fields, GN_ARRAY_LEN(fields));
    assert_string_equal(out, "{\"ts\":\"2026\",\"level\":\"warn\",\"event\":\"kad.done\",\"u\":18446744073709551615,"
                             "\"i\":-9223372036854775808,\"yes\":true,\"no\":false,\"s\":\"plain\","
                             "\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"addr\":\"1.2.3.4:5\","
                             "\"err\":\"TIMEOUT\"}\n");
    assert_int_equal(len, strlen(out));
    assert_true(gn_json_check(out, len));
}

static void missing_values_are_null(void **state)
{
    const struct gn_field fields[] = {GN_F_STR("s", NULL), GN_F_ID("id", NULL), GN_F_ADDR("addr", NULL)};
    char out[GN_LOG_LINE_MAX];

    (void)state;
    (void)gn_log_format_text(out, "now", GN_LOG_DEBUG, "e", fields, 3);
    assert_string_equal(out, "now debug e s=null id=null addr=null\n");
    (void)gn_log_format_json(out, "", GN_LOG_DEBUG, "e", fields, 3);
    assert_string_equal(out,
                        "{\"ts\":\"\",\"level\":\"debug\",\"event\":\"e\",\"s\":null,\"id\":null,\"addr\":null}\n");
}

static void text_of(const char *value, const char *expected)
{
    const struct gn_field f = GN_F_STR("s", value);
    char out[GN_LOG_LINE_MAX];
    char line[256];

    (void)gn_log_format_text(out, "", GN_LOG_INFO, "e", &f, 1);
    (void)snprintf(line, sizeof line, "info e s=%s\n", expected);
    assert_string_equal(out, line);
}

static void text_values_are_quoted_when_a_reader_could_be_misled(void **state)
{
    (void)state;
    text_of("a-b/c:d", "a-b/c:d");
    text_of("", "\"\"");
    text_of("a b", "\"a b\"");
    text_of("a=b", "\"a=b\"");
    text_of("say \"x\\y\"", "\"say \\\"x\\\\y\\\"\"");
    text_of("two\nlines\r\t", "\"two\\x0alines\\x0d\\x09\"");
    text_of("\x1b[31mred", "\"\\x1b[31mred\"");
    text_of("\x7f", "\"\\x7f\"");
    text_of("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
    text_of("c1 \xc2\x9b", "\"c1 \\xc2\\x9b\"");
    text_of("bad \xff\xc3", "\"bad \\xff\\xc3\"");
}

static void json_of(const char *value, const char *expected)
{
    const struct gn_field f = GN_F_STR("s", value);
    char out[GN_LOG_LINE_MAX];
    char line[256];
    size_t len = gn_log_format_json(out, "", GN_LOG_INFO, "e", &f, 1);

    (void)snprintf(line, sizeof line, "{\"ts\":\"\",\"level\":\"info\",\"event\":\"e\",\"s\":\"%s\"}\n", expected);
    assert_string_equal(out, line);
    assert_true(gn_json_check(out, len));
}

static void json_strings_are_escaped_and_invalid_bytes_replaced(void **state)
{
    (void)state;
    json_of("", "");
    json_of("a b=c/d", "a b=c/d");
    json_of("\"\\", "\\\"\\\\");
    json_of("\x01\n\r\t\x1f\x7f", "\\u0001\\u000a\\u000d\\u0009\\u001f\\u007f");
    json_of("gr\xc3\xbc\xc3\x9f \xf0\x9f\x91\xbb", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x91\xbb");
    json_of("c1 \xc2\x9b", "c1 \\u009b");
    json_of("bad \xff\xc3", "bad \\ufffd\\ufffd");
    json_of("cut \xf0\x9f\x91", "cut \\ufffd\\ufffd\\ufffd");
    json_of("surrogate \xed\xa0\x80", "surrogate \\ufffd\\ufffd\\ufffd");
}

static void the_second_opinion_refuses_what_is_not_json(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"a\"}",
                                      "{\"a\":1,}",
                                      "[1 2]",
                                      "\"\x01\"",
                                      "\"\\x\"",
                                      "\"\\u12g4\"",
                                      "\"\xff\"",
                                      "\"\xc0\x80\"",
                                      "01",
                                      "1.",
                                      "{\"a\":1",
                                      "nul",
                                      "\"a",
                                      "{} x",
                                      "\"\xed\xa0\x80\"",
                                      "-"};
    static const char *const good[] = {"{}", " [1, -0.5e+3, \"\\u00e9\\n\", null, true, false, {\"a\": []}] \n"};

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(bad); i++) {
        assert_false(gn_json_check(bad[i], strlen(bad[i])));
    }
    for (size_t i = 0; i < GN_ARRAY_LEN(good); i++) {
        assert_true(gn_json_check(good[i], strlen(good[i])));
    }
}

/* Strings of every length around the limit, of characters that take 1 to 6 places when escaped. */
static void lines_that_are_cut_at_any_place_stay_valid(void **state)
{
    static const char *const pieces[] = {"a", "\"", "\n", "\xff", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x91\xbb"};
    char value[1200];
    char out[GN_LOG_LINE_MAX];

    (void)state;
    for (size_t p = 0; p < GN_ARRAY_LEN(pieces); p++) {
        size_t at = 0;

        while (at + 5 < sizeof value) {
            const struct gn_field fields[] = {GN_F_STR("first", value), GN_F_U64("second", 12345),
                                              GN_F_STR("third", "x")};
            size_t len;
            bool whole;

            value[at] = '\0';
            len = gn_log_format_json(out, "stamp", GN_LOG_INFO, "some.event", fields, 3);
            assert_true(len == strlen(out) && len < GN_LOG_LINE_MAX && out[len - 1] == '\n');
            assert_true(gn_json_check(out, len));
            whole = strstr(out, "\"third\":\"x\"}") != NULL;
            assert_true(whole != (strstr(out, ",\"cut\":true}") != NULL));
            len = gn_log_format_text(out, "stamp", GN_LOG_INFO, "some.event", fields, 3);
            assert_true(len == strlen(out) && len < GN_LOG_LINE_MAX && out[len - 1] == '\n');
            assert_true((strstr(out, " third=x\n") != NULL) != (strstr(out, "...\n") != NULL));
            assert_true(gn_utf8_is_valid((const uint8_t *)out, len));
            memcpy(value + at, pieces[p], strlen(pieces[p]));
            at += strlen(pieces[p]);
        }
    }
}

static void random_lines_of_random_bytes_are_always_valid(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    for (int i = 0; i < 5000; i++) {
        char texts[6][400];
        struct gn_field fields[6];
        char out[GN_LOG_LINE_MAX];
        size_t len;
        size_t n = (size_t)gn_rng_below(&rng, 7);

        for (size_t k = 0; k < n; k++) {
            size_t text_len = (size_t)gn_rng_below(&rng, sizeof texts[k]);

            gn_rng_bytes(&rng, texts[k], text_len);
            texts[k][text_len] = '\0';
            fields[k] = gn_rng_below(&rng, 2) ? GN_F_STR("name", texts[k]) : GN_F_STR(texts[k], "value");
            if (gn_rng_below(&rng, 4) == 0) {
                fields[k] = GN_F_ID("id", &id);
            }
        }
        len = gn_log_format_json(out, "stamp", GN_LOG_ERROR, n > 2 ? texts[1] : "event", fields, n);
        assert_int_equal(len, strlen(out));
        assert_true(gn_json_check(out, len));
        len = gn_log_format_text(out, "stamp", GN_LOG_ERROR, "event", fields, n);
        assert_true(len == strlen(out) && len < GN_LOG_LINE_MAX && out[len - 1] == '\n');
    }
}

static void absurdly_long_events_names_and_stamps_do_not_overflow(void **state)
{
    static char big[3000];
    const struct gn_field fields[] = {GN_F_U64(big, 1), GN_F_U64("n", 1)};
    char out[GN_LOG_LINE_MAX];
    size_t len;

    (void)state;
    memset(big, 'x', sizeof big - 1);
    len = gn_log_format_json(out, big, GN_LOG_INFO, big, fields, 2);
    assert_true(gn_json_check(out, len));
    len = gn_log_format_json(out, "", GN_LOG_INFO, "e", fields, 2);
    assert_true(gn_json_check(out, len));
    assert_non_null(strstr(out, "\"cut\":true"));
    len = gn_log_format_text(out, big, GN_LOG_INFO, big, fields, 2);
    assert_true(len < GN_LOG_LINE_MAX);
    len = gn_log_format_text(out, "", GN_LOG_INFO, "e", fields, 2);
    assert_string_equal(out + len - 4, "...\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_above_the_level_are_not_even_built),
        cmocka_unit_test(levels_have_names_both_ways),
        cmocka_unit_test(one_field_of_each_type),
        cmocka_unit_test(missing_values_are_null),
        cmocka_unit_test(text_values_are_quoted_when_a_reader_could_be_misled),
        cmocka_unit_test(json_strings_are_escaped_and_invalid_bytes_replaced),
        cmocka_unit_test(the_second_opinion_refuses_what_is_not_json),
        cmocka_unit_test(lines_that_are_cut_at_any_place_stay_valid),
        cmocka_unit_test(random_lines_of_random_bytes_are_always_valid),
        cmocka_unit_test(absurdly_long_events_names_and_stamps_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
