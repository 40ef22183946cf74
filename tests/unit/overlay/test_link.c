/* tests/unit/overlay/test_link.c - links: what is written can be read, and what strangers write does no harm. */
#include "overlay/files/link.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/gn_cmocka.h"

static struct gn_file_link l;

static const char id_text[] = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq";

/* text = a | b | c, NUL-terminated. */
static void join(char *text, size_t cap, const char *a, const char *b, const char *c)
{
    int n = snprintf(text, cap, "%s%s%s", a, b, c);
    assert_true(n > 0 && (size_t)n < cap);
}

static enum gn_err parse(const char *rest)
{
    char text[GN_FILE_LINK_MAX + 2048U];
    join(text, sizeof text, "ghost:", id_text, rest);
    return gn_file_link_parse(&l, text, strlen(text));
}

static void a_bare_id_is_a_link(void **state)
{
    (void)state;
    assert_int_equal(parse(""), GN_OK);
    for (unsigned i = 0; i < GN_ID_BYTES; i++)
        assert_int_equal(l.root.b[i], i);
    assert_false(l.folder || l.has_size);
    assert_string_equal(l.name, "");
    assert_int_equal(l.peers_len, 0);
}

static void what_is_printed_reads_back(void **state)
{
    char text[GN_FILE_LINK_MAX + 1U];
    struct gn_file_link in = {.folder = true, .has_size = true, .size = UINT64_MAX, .peers_len = 2}, out;
    (void)state;
    memset(in.root.b, 0xa5, sizeof in.root.b);
    memcpy(in.name, "a b&c=d?#%\xc3\xa4'\"", 15);
    memset(in.peers[0].id.b, 1, GN_ID_BYTES);
    memset(in.peers[1].id.b, 2, GN_ID_BYTES);
    assert_int_equal(gn_addr_parse(&in.peers[0].addr, "192.0.2.1:65535", 15), GN_OK);
    assert_int_equal(gn_addr_parse(&in.peers[1].addr, "[2001:db8::1]:1", 15), GN_OK);
    gn_file_link_print(text, &in);
    for (const char *c = text; *c; c++)
        assert_null(strchr(" '\"<>\\#", *c));
    assert_int_equal(gn_file_link_parse(&out, text, strlen(text)), GN_OK);
    assert_true(gn_id_eq(&in.root, &out.root));
    assert_true(out.folder && out.has_size && out.size == UINT64_MAX);
    assert_string_equal(out.name, in.name);
    assert_int_equal(out.peers_len, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(gn_id_eq(&in.peers[i].id, &out.peers[i].id));
        assert_true(gn_addr_eq(&in.peers[i].addr, &out.peers[i].addr));
    }
    char again[GN_FILE_LINK_MAX + 1U];
    gn_file_link_print(again, &out);
    assert_int_equal(gn_file_link_parse(&out, again, strlen(again)), GN_OK);
}

static void the_longest_link_fits(void **state)
{
    char text[GN_FILE_LINK_MAX + 1U];
    struct gn_file_link in = {
        .folder = true, .has_size = true, .size = UINT64_MAX, .peers_len = GN_FILE_LINK_PEERS_MAX};
    (void)state;
    memset(in.name, ' ', GN_NAME_COMPONENT_MAX); /* every byte becomes three */
    for (size_t i = 0; i < in.peers_len; i++) {
        static const char addr[] = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535";
        assert_int_equal(gn_addr_parse(&in.peers[i].addr, addr, sizeof addr - 1U), GN_OK);
    }
    gn_file_link_print(text, &in);
    assert_true(strlen(text) <= GN_FILE_LINK_MAX);
    assert_int_equal(gn_file_link_parse(&l, text, strlen(text)), GN_OK);
    assert_int_equal(l.peers_len, GN_FILE_LINK_PEERS_MAX);
}

static void unknown_parameters_and_broken_hints_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(parse("?x=1&later=%41&&=&name&size=12x&peer=nobody@host:1&kind=planet&size=99"), GN_OK);
    assert_true(l.has_size);
    assert_int_equal(l.size, 99);
    assert_false(l.folder);
    assert_int_equal(l.peers_len, 0);
    assert_int_equal(parse("?size=18446744073709551616"), GN_OK);
    assert_false(l.has_size);
    assert_int_equal(parse("?"), GN_OK);
}

static void no_link_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "ghost:",
                                      "ghost:abc",
                                      "http://example.org/",
                                      "Ghost:aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq",
                                      "ghost:1aaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(gn_file_link_parse(&l, bad[i], strlen(bad[i])), GN_E_INVALID);
    assert_int_equal(parse("/etc"), GN_E_INVALID);
    assert_int_equal(parse("?name=%4"), GN_E_INVALID);
    assert_int_equal(parse("?name=%zz"), GN_E_INVALID);
}

static void a_name_can_never_leave_its_folder(void **state)
{
    static const char *const names[] = {
        "?name=..",     "?name=.", "?name=%2e%2e%2fetc%2fpasswd", "?name=a/b/../../c", "?name=%00%0a%1b",
        "?name=%ff%fe", "?name=/"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(parse(names[i]), GN_OK);
        assert_true(gn_name_component_ok(gn_slice_str(l.name)));
    }
}

static void limits_hold(void **state)
{
    static char text[GN_FILE_LINK_MAX + 2U];
    (void)state;
    memset(text, 'a', sizeof text);
    join(text, sizeof text, "ghost:", id_text, "?name=");
    text[strlen(text)] = 'a';
    assert_int_equal(gn_file_link_parse(&l, text, GN_FILE_LINK_MAX + 1U), GN_E_LIMIT);
    assert_int_equal(gn_file_link_parse(&l, text, GN_FILE_LINK_MAX), GN_OK); /* the name is too long: skipped */
    assert_string_equal(l.name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_id_is_a_link),   cmocka_unit_test(what_is_printed_reads_back),
        cmocka_unit_test(the_longest_link_fits), cmocka_unit_test(unknown_parameters_and_broken_hints_are_skipped),
        cmocka_unit_test(no_link_is_refused),    cmocka_unit_test(a_name_can_never_leave_its_folder),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
