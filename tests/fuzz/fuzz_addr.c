/* tests/fuzz/fuzz_addr.c - the text parsers of base: what parses prints, and what is printed parses to the same.
 *
 * The first byte chooses the parser, the rest is its text.
 */
#include <string.h>

#include "base/addr.h"
#include "base/base32.h"
#include "base/check.h"
#include "base/contact.h"
#include "base/hex.h"
#include "base/id.h"
#include "base/units.h"
#include "base/utf8.h"
#include "tests/support/fuzz.h"

static void check_addr(const char *text, size_t len)
{
    struct gn_addr a;
    struct gn_addr b;
    char printed[GN_ADDR_TEXT_MAX];
    uint8_t wire[GN_ADDR_WIRE_MAX];
    size_t wire_len;

    if (gn_addr_parse(&a, text, len) != GN_OK) {
        return;
    }
    gn_addr_print(printed, &a);
    GN_CHECK(gn_addr_parse(&b, printed, strlen(printed)) == GN_OK && gn_addr_eq(&a, &b));
    wire_len = gn_addr_to_wire(wire, &a);
    GN_CHECK(gn_addr_from_wire(&b, wire, wire_len) == GN_OK && gn_addr_eq(&a, &b));
    GN_CHECK(!gn_addr_is_loopback(&a) || gn_addr_is_private(&a));
    GN_CHECK(gn_addr_group(&a) != 0 && gn_addr_wide_group(&a) != 0);
}

/* Bytes as a wire address: what is accepted goes out again in one form only. */
static void check_wire(const uint8_t *data, size_t len)
{
    struct gn_addr a;
    struct gn_addr b;
    uint8_t wire[GN_ADDR_WIRE_MAX];
    char printed[GN_ADDR_TEXT_MAX];
    size_t wire_len;

    if (gn_addr_from_wire(&a, data, len) != GN_OK) {
        GN_CHECK(len != 6 && len != 18);
        return;
    }
    wire_len = gn_addr_to_wire(wire, &a);
    GN_CHECK((wire_len == len && memcmp(wire, data, len) == 0) || (len == 18 && wire_len == 6));
    gn_addr_print(printed, &a);
    GN_CHECK(gn_addr_parse(&b, printed, strlen(printed)) == GN_OK && gn_addr_eq(&a, &b));
}

static void check_contact(const char *text, size_t len)
{
    struct gn_contact a;
    struct gn_contact b;
    char printed[GN_CONTACT_TEXT_MAX];

    if (gn_contact_parse(&a, text, len) != GN_OK) {
        return;
    }
    gn_contact_print(printed, &a);
    GN_CHECK(gn_contact_parse(&b, printed, strlen(printed)) == GN_OK);
    GN_CHECK(gn_id_eq(&a.id, &b.id) && gn_addr_eq(&a.addr, &b.addr));
}

static void check_id(const char *text, size_t len)
{
    struct gn_id id;
    char printed[GN_ID_TEXT_LEN + 1];

    if (gn_id_parse(&id, text, len) != GN_OK) {
        return;
    }
    gn_id_print(printed, &id);
    for (size_t i = 0; i < len; i++) {
        char lower = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];

        GN_CHECK(printed[i] == lower);
    }
}

static void check_base32_and_hex(const char *text, size_t len)
{
    uint8_t bytes[256];
    uint8_t again[256];
    char printed[520];
    size_t bytes_len;
    size_t again_len;

    if (gn_base32_decode(bytes, sizeof bytes, &bytes_len, text, len) == GN_OK) {
        gn_base32_encode(printed, sizeof printed, bytes, bytes_len);
        GN_CHECK(strlen(printed) == len);
        GN_CHECK(gn_base32_decode(again, sizeof again, &again_len, printed, len) == GN_OK);
        GN_CHECK(again_len == bytes_len && memcmp(again, bytes, bytes_len) == 0);
    }
    if (gn_hex_decode(bytes, sizeof bytes, &bytes_len, text, len) == GN_OK) {
        gn_hex_encode(printed, sizeof printed, bytes, bytes_len);
        GN_CHECK(strlen(printed) == len);
        GN_CHECK(gn_hex_decode(again, sizeof again, &again_len, printed, len) == GN_OK);
        GN_CHECK(again_len == bytes_len && memcmp(again, bytes, bytes_len) == 0);
    }
}

static void check_units(const char *text, size_t len)
{
    char printed[GN_UNITS_TEXT_MAX];
    gn_time_us d;
    gn_time_us d_again;
    uint64_t n;
    uint64_t n_again;

    if (gn_units_parse_duration(&d, text, len) == GN_OK) {
        GN_CHECK(d != GN_TIME_NEVER);
        gn_units_print_duration(printed, d);
        GN_CHECK(gn_units_parse_duration(&d_again, printed, strlen(printed)) == GN_OK && d_again == d);
        gn_units_show_duration(printed, d);
        GN_CHECK(printed[0] != '\0');
    }
    if (gn_units_parse_size(&n, text, len) == GN_OK) {
        gn_units_print_size(printed, n);
        GN_CHECK(gn_units_parse_size(&n_again, printed, strlen(printed)) == GN_OK && n_again == n);
        gn_units_show_size(printed, n);
        GN_CHECK(printed[0] != '\0');
    }
}

static void check_utf8(const uint8_t *data, size_t len)
{
    if (!gn_utf8_is_valid(data, len)) {
        return;
    }
    for (size_t max = 0; max <= len; max++) {
        size_t cut = gn_utf8_cut(data, len, max);

        GN_CHECK(cut <= max && max - cut < 4);
        GN_CHECK(gn_utf8_is_valid(data, cut) && gn_utf8_is_valid(data + cut, len - cut));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text;

    if (size == 0 || size > 2000) {
        return 0;
    }
    text = (const char *)data + 1;
    size--;
    switch (data[0] % 7U) {
    case 0:
        check_addr(text, size);
        break;
    case 1:
        check_wire(data + 1, size);
        break;
    case 2:
        check_contact(text, size);
        break;
    case 3:
        check_id(text, size);
        break;
    case 4:
        check_base32_and_hex(text, size);
        break;
    case 5:
        check_units(text, size);
        break;
    default:
        check_utf8(data + 1, size);
        break;
    }
    return 0;
}
