/* tests/unit/base/test_addr.c - addresses: text against the C library, wire form, kinds, groups; contacts. */
#include "tests/support/gn_cmocka.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/contact.h"
#include "base/rng.h"

static struct gn_addr addr(const char *text)
{
    struct gn_addr a;

    if (gn_addr_parse(&a, text, strlen(text)) != GN_OK) {
        fail_msg("%s does not parse", text);
    }
    return a;
}

static void addresses_print_as_rfc_5952_wants_them(void **state)
{
    static const char *const pairs[][2] = {
        {"1.2.3.4:5", "1.2.3.4:5"},
        {"255.255.255.255:65535", "255.255.255.255:65535"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"[::]:0", "[::]:0"},
        {"[::1]:80", "[::1]:80"},
        {"[1::]:80", "[1::]:80"},
        {"[2001:DB8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"},
        {"[2001:0db8::0001]:1", "[2001:db8::1]:1"},
        {"[2001:db8:0:1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"},
        {"[2001:0:0:1:0:0:0:1]:1", "[2001:0:0:1::1]:1"},
        {"[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"},
        {"[::2:3:4:5:6:7:8]:1", "[0:2:3:4:5:6:7:8]:1"},
        {"[1:2:3:4:5:6:7.8.9.10]:1", "[1:2:3:4:5:6:708:90a]:1"},
        {"[64:ff9b::1.2.3.4]:1", "[64:ff9b::102:304]:1"},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    };

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(pairs); i++) {
        struct gn_addr a = addr(pairs[i][0]);
        char text[GN_ADDR_TEXT_MAX];

        gn_addr_print(text, &a);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void mapped_ipv4_becomes_ipv4_in_text_and_on_the_wire(void **state)
{
    struct gn_addr v4 = addr("127.0.0.1:9");
    struct gn_addr a = addr("[::ffff:127.0.0.1]:9");
    uint8_t wire[18] = {[10] = 0xff, 0xff, 127, 0, 0, 1, 0, 9};

    (void)state;
    assert_true(gn_addr_eq(&a, &v4));
    a = addr("[::ffff:7f00:1]:9");
    assert_true(gn_addr_eq(&a, &v4));
    assert_int_equal(gn_addr_from_wire(&a, wire, sizeof wire), GN_OK);
    assert_true(gn_addr_eq(&a, &v4));
    assert_true(gn_addr_is_loopback(&a)); /* nobody gets round the check that way */
}

static void anything_else_is_refused_and_leaves_the_output_alone(void **state)
{
    static const char *const bad[] = {
        "",
        ":",
        "1.2.3.4",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:99999999999999999999",
        "1.2.3.4:-1",
        "1.2.3.4:+1",
        "1.2.3.4:01",
        "1.2.3.4:1 ",
        " 1.2.3.4:1",
        "1.2.3:1",
        "1.2.3.4.5:1",
        "1.2.3.256:1",
        "1.2.3.04:1",
        "1..2.3:1",
        "0x1.2.3.4:1",
        "localhost:1",
        "::1:1",
        "::1",
        "[::1]",
        "[::1]:",
        "[::1:5",
        "[::1]5",
        "[]:1",
        "[:]:1",
        "[:::]:1",
        "[:1]:1",
        "[1:]:1",
        "[1::2::3]:1",
        "[1:2:3:4:5:6:7]:1",
        "[1:2:3:4:5:6:7:8:9]:1",
        "[::1:2:3:4:5:6:7:8]:1",
        "[1:2:3:4:5:6:7:8::]:1",
        "[12345::]:1",
        "[g::]:1",
        "[fe80::1%eth0]:1",
        "[1.2.3.4]:1",
        "[::1.2.3]:1",
        "[::1.2.3.4.5]:1",
        "[::1.2.3.4:5]:1",
        "[1:2:3:4:5:6:7:1.2.3.4]:1",
        "[::ffff:1.2.3.256]:1",
    };
    struct gn_addr out = addr("9.9.9.9:9");
    struct gn_addr before = out;

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(bad); i++) {
        if (gn_addr_parse(&out, bad[i], strlen(bad[i])) != GN_E_INVALID) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    assert_int_equal(gn_addr_parse(&out, NULL, 0), GN_E_INVALID);
    assert_int_equal(gn_addr_parse(&out, "1.2.3.4\0:5", 10), GN_E_INVALID);
    assert_memory_equal(&out, &before, sizeof out);
}

/* Whatever inet_pton says of random near-addresses, the parser says too. */
static void the_parser_agrees_with_the_c_library_on_random_texts(void **state)
{
    static const char v6_letters[] = "::::0012afF.9";
    static const char v4_letters[] = "....0012259";
    struct gn_rng rng;
    int accepted = 0;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    for (int i = 0; i < 300000; i++) {
        bool v6 = i % 2;
        const char *letters = v6 ? v6_letters : v4_letters;
        char host[48];
        char text[64];
        size_t len = (size_t)gn_rng_below(&rng, v6 ? 18 : 12);
        uint8_t expected[16] = {0};
        struct gn_addr got;
        enum gn_err err;

        for (size_t k = 0; k < len; k++) {
            host[k] = letters[gn_rng_below(&rng, strlen(letters))];
        }
        host[len] = '\0';
        (void)snprintf(text, sizeof text, v6 ? "[%s]:7" : "%s:7", host);
        err = gn_addr_parse(&got, text, strlen(text));
        if ((inet_pton(v6 ? AF_INET6 : AF_INET, host, expected) == 1) != (err == GN_OK)) {
            fail_msg("disagreement on %s", text);
        }
        if (err == GN_OK && got.family == (v6 ? GN_ADDR_V6 : GN_ADDR_V4)) {
            assert_memory_equal(got.ip, expected, 16);
            accepted++;
        }
    }
    assert_true(accepted > 1000);
}

static void print_and_wire_forms_come_back_the_same(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 2, 0);
    for (int i = 0; i < 20000; i++) {
        struct gn_addr a = {.family = i % 2 ? GN_ADDR_V6 : GN_ADDR_V4, .port = (uint16_t)gn_rng_u32(&rng)};
        struct gn_addr b;
        char text[GN_ADDR_TEXT_MAX];
        char expected[INET6_ADDRSTRLEN + 16];
        char host[INET6_ADDRSTRLEN];
        uint8_t wire[GN_ADDR_WIRE_MAX];
        size_t len;

        gn_rng_bytes(&rng, a.ip, i % 2 ? 16 : 4);
        for (int k = 0; k < 16 && i % 2; k += 2) {
            if (k > 0 && gn_rng_below(&rng, 2)) {
                memset(a.ip + k, 0, 2); /* many zero groups */
            }
        }
        a.ip[0] |= 1; /* no mapped or compatible address, which inet_ntop prints in its own way */
        gn_addr_print(text, &a);
        assert_non_null(inet_ntop(i % 2 ? AF_INET6 : AF_INET, a.ip, host, sizeof host));
        (void)snprintf(expected, sizeof expected, i % 2 ? "[%s]:%u" : "%s:%u", host, (unsigned)a.port);
        assert_string_equal(text, expected);
        assert_int_equal(gn_addr_parse(&b, text, strlen(text)), GN_OK);
        assert_true(gn_addr_eq(&a, &b));
        len = gn_addr_to_wire(wire, &a);
        assert_int_equal(len, i % 2 ? 18 : 6);
        assert_int_equal(gn_addr_from_wire(&b, wire, len), GN_OK);
        assert_true(gn_addr_eq(&a, &b));
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void wire_forms_of_other_lengths_are_refused(void **state)
{
    uint8_t wire[32] = {1};
    struct gn_addr a;

    (void)state;
    for (size_t len = 0; len <= sizeof wire; len++) {
        assert_int_equal(gn_addr_from_wire(&a, wire, len), len == 6 || len == 18 ? GN_OK : GN_E_INVALID);
    }
}

static void no_address_prints_has_no_wire_form_and_no_group(void **state)
{
    struct gn_addr none = {.family = GN_ADDR_NONE};
    uint8_t wire[GN_ADDR_WIRE_MAX];
    char text[GN_ADDR_TEXT_MAX];

    (void)state;
    gn_addr_print(text, &none);
    assert_string_equal(text, "none");
    assert_int_equal(gn_addr_to_wire(wire, &none), 0);
    assert_int_equal(gn_addr_group(&none), 0);
    assert_int_equal(gn_addr_wide_group(&none), 0);
    none.port = 1;
    assert_false(gn_addr_is_usable(&none));
    assert_false(gn_addr_is_private(&none));
    assert_false(gn_addr_is_loopback(&none));
}

enum { USABLE = 1, PRIVATE = 2, LOOPBACK = 4 };

static void kinds_of_addresses_at_the_edges_of_their_ranges(void **state)
{
    static const struct {
        const char *text;
        unsigned kind;
    } cases[] = {
        {"8.8.8.8:1", USABLE},
        {"8.8.8.8:0", 0},
        {"0.0.0.0:1", 0},
        {"0.255.255.255:1", 0},
        {"1.0.0.0:1", USABLE},
        {"9.255.255.255:1", USABLE},
        {"10.0.0.0:1", USABLE | PRIVATE},
        {"10.255.255.255:1", USABLE | PRIVATE},
        {"11.0.0.0:1", USABLE},
        {"100.63.255.255:1", USABLE},
        {"100.64.0.0:1", USABLE | PRIVATE},
        {"100.127.255.255:1", USABLE | PRIVATE},
        {"100.128.0.0:1", USABLE},
        {"126.255.255.255:1", USABLE},
        {"127.0.0.0:1", USABLE | PRIVATE | LOOPBACK},
        {"127.255.255.255:1", USABLE | PRIVATE | LOOPBACK},
        {"128.0.0.0:1", USABLE},
        {"169.253.255.255:1", USABLE},
        {"169.254.0.0:1", USABLE | PRIVATE},
        {"169.255.0.0:1", USABLE},
        {"172.15.255.255:1", USABLE},
        {"172.16.0.0:1", USABLE | PRIVATE},
        {"172.31.255.255:1", USABLE | PRIVATE},
        {"172.32.0.0:1", USABLE},
        {"192.167.255.255:1", USABLE},
        {"192.168.0.0:1", USABLE | PRIVATE},
        {"192.169.0.0:1", USABLE},
        {"223.255.255.255:1", USABLE},
        {"224.0.0.0:1", 0},
        {"240.0.0.1:1", 0},
        {"255.255.255.255:1", 0},
        {"[::]:1", 0},
        {"[::1]:1", USABLE | PRIVATE | LOOPBACK},
        {"[::1]:0", PRIVATE | LOOPBACK},
        {"[::2]:1", USABLE},
        {"[2001:db8::1]:1", USABLE},
        {"[fbff::1]:1", USABLE},
        {"[fc00::1]:1", USABLE | PRIVATE},
        {"[fdff::1]:1", USABLE | PRIVATE},
        {"[fe7f::1]:1", USABLE},
        {"[fe80::1]:1", PRIVATE},
        {"[febf::1]:1", PRIVATE},
        {"[fec0::1]:1", USABLE},
        {"[ff02::1]:1", 0},
    };

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(cases); i++) {
        struct gn_addr a = addr(cases[i].text);
        unsigned kind = (gn_addr_is_usable(&a) ? USABLE : 0U) | (gn_addr_is_private(&a) ? PRIVATE : 0U) |
                        (gn_addr_is_loopback(&a) ? LOOPBACK : 0U);

        if (kind != cases[i].kind) {
            fail_msg("%s is of kind %u", cases[i].text, kind);
        }
    }
}

static void a_mapped_address_made_by_hand_is_not_usable(void **state)
{
    struct gn_addr a = {.ip = {[10] = 0xff, 0xff, 8, 8, 8, 8}, .port = 1, .family = GN_ADDR_V6};

    (void)state;
    assert_false(gn_addr_is_usable(&a));
}

static bool same_group(const char *a, const char *b)
{
    struct gn_addr x = addr(a);
    struct gn_addr y = addr(b);

    return gn_addr_group(&x) == gn_addr_group(&y);
}

static bool same_wide_group(const char *a, const char *b)
{
    struct gn_addr x = addr(a);
    struct gn_addr y = addr(b);

    return gn_addr_wide_group(&x) == gn_addr_wide_group(&y);
}

static void groups_are_the_24_and_48_wide_groups_the_16_and_32(void **state)
{
    (void)state;
    assert_true(same_group("1.2.3.4:5", "1.2.3.255:6"));
    assert_false(same_group("1.2.3.4:5", "1.2.4.4:5"));
    assert_true(same_group("[1:2:3:4::]:1", "[1:2:3:ffff::9]:2"));
    assert_false(same_group("[1:2:3::]:1", "[1:2:4::]:1"));
    assert_false(same_group("0.0.0.0:1", "[::]:1"));
    assert_true(same_wide_group("1.2.3.4:5", "1.2.255.4:5"));
    assert_false(same_wide_group("1.2.3.4:5", "1.3.3.4:5"));
    assert_true(same_wide_group("[1:2:3::]:1", "[1:2:4::]:1"));
    assert_false(same_wide_group("[1:2:3::]:1", "[1:3:3::]:1"));
    assert_false(same_wide_group("0.0.0.0:1", "[::]:1"));
}

static void equality_minds_the_port_and_same_ip_does_not(void **state)
{
    struct gn_addr a = addr("1.2.3.4:5");
    struct gn_addr b = addr("1.2.3.4:6");
    struct gn_addr c = addr("[102:304::]:5"); /* the same first bytes */

    (void)state;
    assert_true(gn_addr_same_ip(&a, &b));
    assert_false(gn_addr_eq(&a, &b));
    assert_true(gn_addr_eq(&a, &a));
    assert_false(gn_addr_same_ip(&a, &c));
}

static void contacts_print_and_parse(void **state)
{
    struct gn_contact c = {.id = {{1, 2, 3}}, .addr = addr("[2001:db8:1111:2222:3333:4444:5555:6666]:65535")};
    struct gn_contact back = {.epk = {9}};
    char text[GN_CONTACT_TEXT_MAX];

    (void)state;
    gn_contact_print(text, &c);
    assert_int_equal(text[GN_ID_TEXT_LEN], '@');
    assert_int_equal(gn_contact_parse(&back, text, strlen(text)), GN_OK);
    assert_memory_equal(&back, &c, sizeof c);
}

static void contacts_with_a_fault_anywhere_are_refused(void **state)
{
    struct gn_contact c = {.id = {{1, 2, 3}}, .addr = addr("1.2.3.4:5")};
    struct gn_contact out;
    char text[GN_CONTACT_TEXT_MAX];
    size_t len;

    (void)state;
    gn_contact_print(text, &c);
    len = strlen(text);
    assert_int_equal(gn_contact_parse(&out, text, len - 2), GN_E_INVALID);
    for (size_t n = 0; n <= GN_ID_TEXT_LEN + 1; n++) {
        assert_int_equal(gn_contact_parse(&out, text, n), GN_E_INVALID);
    }
    for (size_t i = 0; i < len; i++) {
        char kept = text[i];

        text[i] = '!';
        assert_int_equal(gn_contact_parse(&out, text, len), GN_E_INVALID);
        text[i] = kept;
    }
    assert_int_equal(gn_contact_parse(&out, text + 1, len - 1), GN_E_INVALID);
    assert_int_equal(gn_contact_parse(&out, text, len), GN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_print_as_rfc_5952_wants_them),
        cmocka_unit_test(mapped_ipv4_becomes_ipv4_in_text_and_on_the_wire),
        cmocka_unit_test(anything_else_is_refused_and_leaves_the_output_alone),
        cmocka_unit_test(the_parser_agrees_with_the_c_library_on_random_texts),
        cmocka_unit_test(print_and_wire_forms_come_back_the_same),
        cmocka_unit_test(wire_forms_of_other_lengths_are_refused),
        cmocka_unit_test(no_address_prints_has_no_wire_form_and_no_group),
        cmocka_unit_test(kinds_of_addresses_at_the_edges_of_their_ranges),
        cmocka_unit_test(a_mapped_address_made_by_hand_is_not_usable),
        cmocka_unit_test(groups_are_the_24_and_48_wide_groups_the_16_and_32),
        cmocka_unit_test(equality_minds_the_port_and_same_ip_does_not),
        cmocka_unit_test(contacts_print_and_parse),
        cmocka_unit_test(contacts_with_a_fault_anywhere_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
