/* tests/unit/transport/http/test_http.c - fields, tokens, targets, tags, ranges, dates, heads that are written. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/support/gn_cmocka.h"
#include "transport/http/conditional.h"
#include "transport/http/h1_chunk.h"
#include "transport/http/h1_head.h"
#include "transport/http/h1_write.h"
#include "transport/http/http.h"
#include "transport/http/uri.h"

#define S(text) gn_slice_str(text)

static void lists_are_read_without_case_blanks_and_empty_elements(void **state)
{
    (void)state;
    assert_true(gn_http_list_has(S("a, B ,c"), "b"));
    assert_true(gn_http_list_has(S(",,\t x"), "X"));
    assert_false(gn_http_list_has(S("ab"), "a"));
    assert_false(gn_http_list_has(S(""), "a"));
    assert_false(gn_http_list_has(S(", ,"), ""));
}

static void numbers_are_digits_and_fit(void **state)
{
    uint64_t n;
    (void)state;
    assert_int_equal(gn_http_number(&n, S("9223372036854775807")), GN_OK);
    assert_true(n == INT64_MAX);
    assert_int_equal(gn_http_number(&n, S("9223372036854775808")), GN_E_INVALID);
    assert_int_equal(gn_http_number(&n, S("00000000000000000001")), GN_E_INVALID);
    assert_int_equal(gn_http_number(&n, S("")), GN_E_INVALID);
    assert_int_equal(gn_http_number(&n, S("-1")), GN_E_INVALID);
    assert_int_equal(gn_http_number(&n, S("1 ")), GN_E_INVALID);
}

static void every_method_has_its_name(void **state)
{
    (void)state;
    for (unsigned m = GN_HTTP_GET; m < GN_HTTP_METHODS; m++)
        assert_int_equal(gn_http_method_parse(S(gn_http_method_name((enum gn_http_method)m))), m);
    assert_int_equal(gn_http_method_parse(S("get")), GN_HTTP_OTHER);
    assert_int_equal(gn_http_method_parse(S("")), GN_HTTP_OTHER);
    assert_string_equal(gn_http_reason(404), "Not Found");
    assert_string_equal(gn_http_reason(299), "Unknown");
}

static void authorities_are_host_and_port(void **state)
{
    static const struct {
        const char *text;
        enum gn_err err;
        const char *host;
        unsigned port;
    } rows[] = {
        {"a", GN_OK, "a", 0},           {"a:80", GN_OK, "a", 80},
        {"a:", GN_OK, "a", 0},          {"a:0", GN_OK, "a", 0},
        {"a:65535", GN_OK, "a", 65535}, {"a:65536", GN_E_INVALID, "", 0},
        {"", GN_E_INVALID, "", 0},      {":80", GN_E_INVALID, "", 0},
        {"u@a", GN_E_INVALID, "", 0},   {"a b", GN_E_INVALID, "", 0},
        {"a/b", GN_E_INVALID, "", 0},   {"[::1]", GN_OK, "[::1]", 0},
        {"[::1]:8", GN_OK, "[::1]", 8}, {"[::1", GN_E_INVALID, "", 0},
        {"[]", GN_E_INVALID, "", 0},    {"[::1]x", GN_E_INVALID, "", 0},
        {"[::g]", GN_E_INVALID, "", 0}, {"a:8:8", GN_E_INVALID, "", 0},
        {"a:+8", GN_E_INVALID, "", 0},  {"a\"b", GN_E_INVALID, "", 0},
    };
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        struct gn_slice host;
        uint16_t port;
        enum gn_err err = gn_uri_parse_authority(&host, &port, S(rows[i].text));
        if (err != rows[i].err)
            fail_msg("%s: %s", rows[i].text, gn_err_name(err));
        if (err)
            continue;
        assert_true(gn_http_slice_is(host, rows[i].host));
        assert_int_equal(port, rows[i].port);
    }
}

static void targets_are_taken_apart(void **state)
{
    struct gn_uri_target t;
    (void)state;
    assert_int_equal(gn_uri_parse_target(&t, S("/a/b?c=d?e")), GN_OK);
    assert_true(gn_http_slice_is(t.path, "/a/b"));
    assert_true(gn_http_slice_is(t.query, "c=d?e"));
    assert_int_equal(t.authority.len, 0);
    assert_int_equal(gn_uri_parse_target(&t, S("HTTPS://h:1?q")), GN_OK);
    assert_true(gn_http_slice_is(t.authority, "h:1"));
    assert_true(gn_http_slice_is(t.path, "/"));
    assert_true(gn_http_slice_is(t.query, "q"));
    assert_int_equal(gn_uri_parse_target(&t, S("http://")), GN_E_INVALID);
    assert_int_equal(gn_uri_parse_target(&t, S("javascript:x")), GN_E_INVALID);
    assert_int_equal(gn_uri_parse_target(&t, S("/a%2")), GN_E_INVALID);
    assert_int_equal(gn_uri_parse_target(&t, S("")), GN_E_INVALID);
}

static void percent_encoding_comes_back_the_same(void **state)
{
    uint8_t all[256];
    uint8_t encoded[768];
    uint8_t back[256];
    struct gn_writer w;
    size_t len;
    (void)state;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    gn_writer_init(&w, encoded, sizeof encoded);
    gn_uri_encode(&w, gn_slice_of(all, sizeof all));
    assert_false(w.overflow);
    for (size_t i = 0; i < w.len; i++)
        assert_true(encoded[i] > 0x20 && encoded[i] < 0x7f && encoded[i] != '/' && encoded[i] != '+');
    assert_int_equal(gn_uri_decode(back, &len, sizeof back, gn_slice_of(encoded, w.len), true), GN_OK);
    assert_int_equal(len, sizeof all);
    assert_memory_equal(back, all, sizeof all);
    assert_int_equal(gn_uri_decode(back, &len, 255, gn_slice_of(encoded, w.len), true), GN_E_LIMIT);
}

static void tags_match_strongly_or_weakly(void **state)
{
    struct gn_slice tag;
    (void)state;
    assert_true(gn_conditional_has_tag(S("\"a\", \"b\""), S("b"), false));
    assert_true(gn_conditional_has_tag(S("*"), S("b"), false));
    assert_true(gn_conditional_has_tag(S("W/\"b\""), S("b"), true));
    assert_false(gn_conditional_has_tag(S("W/\"b\""), S("b"), false));
    assert_false(gn_conditional_has_tag(S("b"), S("b"), true));
    assert_false(gn_conditional_has_tag(S("\"b"), S("b"), true));
    assert_true(gn_conditional_has_tag(S("\"a,\\\",\"b\""), S("b"), true)); /* a comma inside a tag is no separator */
    assert_int_equal(gn_conditional_one_tag(&tag, S("\"12\"")), GN_OK);
    assert_true(gn_http_slice_is(tag, "12"));
    assert_int_equal(gn_conditional_one_tag(&tag, S("\"12\",\"13\"")), GN_E_INVALID);
    assert_int_equal(gn_conditional_one_tag(&tag, S("W/\"12\"")), GN_E_INVALID);
    assert_int_equal(gn_conditional_one_tag(&tag, S("12")), GN_E_INVALID);
}

static void ranges_follow_rfc_9110_section_14(void **state)
{
    static const struct {
        const char *range;
        uint64_t size;
        enum gn_range_result result;
        uint64_t first;
        uint64_t len;
    } rows[] = {
        {"bytes=0-0", 10, GN_RANGE_OK, 0, 1},
        {"bytes=2-4", 10, GN_RANGE_OK, 2, 3},
        {"bytes=5-", 10, GN_RANGE_OK, 5, 5},
        {"bytes=-3", 10, GN_RANGE_OK, 7, 3},
        {"bytes=-99", 10, GN_RANGE_OK, 0, 10},
        {"bytes=8-99", 10, GN_RANGE_OK, 8, 2},
        {"bytes=10-", 10, GN_RANGE_UNMET, 0, 0},
        {"bytes=-0", 10, GN_RANGE_UNMET, 0, 0},
        {"bytes=0-", 0, GN_RANGE_UNMET, 0, 0},
        {"bytes=-1", 0, GN_RANGE_UNMET, 0, 0},
        {"bytes=4-2", 10, GN_RANGE_NONE, 0, 0},
        {"bytes=", 10, GN_RANGE_NONE, 0, 0},
        {"bytes=-", 10, GN_RANGE_NONE, 0, 0},
        {"bytes=1-2,4-5", 10, GN_RANGE_NONE, 0, 0},
        {"lines=1-2", 10, GN_RANGE_NONE, 0, 0},
        {"bytes=a-b", 10, GN_RANGE_NONE, 0, 0},
        {"BYTES= 1-2", 10, GN_RANGE_OK, 1, 2},
        {"bytes=1--2", 10, GN_RANGE_NONE, 0, 0},
        {"bytes=0-9223372036854775807", 10, GN_RANGE_OK, 0, 10},
        {"bytes=0-99999999999999999999", 10, GN_RANGE_NONE, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        const struct gn_http_header h = gn_http_header_of("Range", rows[i].range);
        struct gn_range r;
        enum gn_range_result got = gn_conditional_range(&r, (struct gn_http_headers){&h, 1}, rows[i].size, S("t"));
        if (got != rows[i].result)
            fail_msg("%s of %" PRIu64 ": %d", rows[i].range, rows[i].size, (int)got);
        if (got == GN_RANGE_OK) {
            assert_int_equal(r.first, rows[i].first);
            assert_int_equal(r.len, rows[i].len);
        }
    }
}

static void dates_are_imf_fixdates(void **state)
{
    static const struct {
        uint64_t s;
        const char *text;
    } rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},          {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},  {1709251199, "Thu, 29 Feb 2024 23:59:59 GMT"},
        {1709251200, "Fri, 01 Mar 2024 00:00:00 GMT"}, {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {UINT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        char text[GN_H1_DATE_LEN + 1];
        gn_h1_write_date(text, rows[i].s);
        assert_string_equal(text, rows[i].text);
    }
}

static void written_heads_are_read_back(void **state)
{
    const struct gn_http_header fields[] = {gn_http_header_of("X-A", "b c"), gn_http_header_of("Empty", "")};
    static struct gn_h1_head head;
    struct gn_h1_refusal why;
    uint8_t bytes[512];
    struct gn_writer w;
    (void)state;
    gn_writer_init(&w, bytes, sizeof bytes);
    const struct gn_h1_question q = {
        .method = S("PUT"), .target = S("/x?y"), .host = S("h:1"), .headers = {fields, 2}, .length = 7};
    assert_int_equal(gn_h1_write_question(&w, &q), GN_OK);
    assert_int_equal(gn_h1_head_request(&head, &why, gn_slice_of(bytes, w.len), 100), GN_OK);
    assert_int_equal(head.framing, GN_H1_LENGTH);
    assert_int_equal(head.length, 7);
    assert_true(gn_http_slice_is(head.host, "h:1"));
    gn_writer_init(&w, bytes, sizeof bytes);
    const struct gn_h1_answer a = {.status = 206,
                                   .headers = {fields, 2},
                                   .length = GN_H1_WRITE_CHUNKED,
                                   .close = true,
                                   .date = "d",
                                   .server = "s"};
    assert_int_equal(gn_h1_write_answer(&w, &a), GN_OK);
    assert_int_equal(gn_h1_head_response(&head, &why, gn_slice_of(bytes, w.len), false), GN_OK);
    assert_int_equal(head.framing, GN_H1_CHUNKED);
    assert_false(head.keep_alive);
    assert_int_equal(head.status, 206);
    gn_writer_init(&w, bytes, 40);
    assert_int_equal(gn_h1_write_answer(&w, &a), GN_E_LIMIT);
}

static void heads_that_could_be_split_are_not_written(void **state)
{
    static const char *const values[] = {"a\r\nB: c", "a\nb", "a\rb", "\x01"};
    static const char *const names[] = {"a b", "", "a:", "Content-Length", "transfer-encoding", "CONNECTION"};
    uint8_t bytes[512];
    struct gn_writer w;
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(values) + GN_ARRAY_LEN(names); i++) {
        const struct gn_http_header h = i < GN_ARRAY_LEN(values)
                                            ? gn_http_header_of("A", values[i])
                                            : gn_http_header_of(names[i - GN_ARRAY_LEN(values)], "1");
        const struct gn_h1_answer a = {.status = 200, .headers = {&h, 1}};
        const struct gn_h1_question q = {.method = S("GET"), .target = S("/"), .host = S("h"), .headers = {&h, 1}};
        gn_writer_init(&w, bytes, sizeof bytes);
        assert_int_equal(gn_h1_write_answer(&w, &a), GN_E_INVALID);
        gn_writer_init(&w, bytes, sizeof bytes);
        assert_int_equal(gn_h1_write_question(&w, &q), GN_E_INVALID);
    }
    const struct gn_h1_question spaces = {.method = S("GET"), .target = S("/ HTTP/1.1\r\nX: y"), .host = S("h")};
    gn_writer_init(&w, bytes, sizeof bytes);
    assert_int_equal(gn_h1_write_question(&w, &spaces), GN_E_INVALID);
}

static void chunk_heads_are_hexadecimal(void **state)
{
    static const struct {
        uint64_t len;
        const char *text;
    } rows[] = {
        {1, "1\r\n"}, {15, "f\r\n"}, {16, "10\r\n"}, {65536, "10000\r\n"}, {UINT64_MAX, "ffffffffffffffff\r\n"}};
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        uint8_t out[GN_H1_CHUNK_HEAD_MAX];
        size_t n = gn_h1_chunk_write_head(out, rows[i].len);
        assert_int_equal(n, strlen(rows[i].text));
        assert_memory_equal(out, rows[i].text, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read_without_case_blanks_and_empty_elements),
        cmocka_unit_test(numbers_are_digits_and_fit),
        cmocka_unit_test(every_method_has_its_name),
        cmocka_unit_test(authorities_are_host_and_port),
        cmocka_unit_test(targets_are_taken_apart),
        cmocka_unit_test(percent_encoding_comes_back_the_same),
        cmocka_unit_test(tags_match_strongly_or_weakly),
        cmocka_unit_test(ranges_follow_rfc_9110_section_14),
        cmocka_unit_test(dates_are_imf_fixdates),
        cmocka_unit_test(written_heads_are_read_back),
        cmocka_unit_test(heads_that_could_be_split_are_not_written),
        cmocka_unit_test(chunk_heads_are_hexadecimal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
