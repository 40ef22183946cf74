/* tests/unit/overlay/test_msg.c - queries and replies: what comes back, what is refused. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "overlay/msg/contacts.h"
#include "overlay/msg/msg.h"
#include "overlay/msg/pack.h"
#include "tests/unit/overlay/records.h"

static uint8_t buf[GN_MSG_QUERY_MAX + GN_MSG_REPLY_MAX];
static uint8_t again[GN_MSG_QUERY_MAX + GN_MSG_REPLY_MAX];
static uint8_t big[GN_MSG_RECORD_MAX + 1];

static struct gn_msg_query query_of(uint16_t method)
{
    struct gn_msg_query q = {.txid = UINT64_C(0x0102030405060708), .method = method, .target = test_id(0x11)};

    q.flags = GN_MSG_WANT_TOKEN;
    q.kind = GN_RECORD_MUTABLE;
    q.record = gn_slice_str("record");
    memset(q.token, 0x22, sizeof(q.token));
    memset(q.nonce, 0x33, sizeof(q.nonce));
    return q;
}

/* Encodes, decodes, encodes again: the same bytes. Returns what was decoded. */
static struct gn_msg_query there_and_back(const struct gn_msg_query *q)
{
    struct gn_msg_query out;
    size_t len = 0, len_again = 0;
    bool known = false;

    assert_int_equal(gn_msg_query_encode(buf, &len, sizeof(buf), q), GN_OK);
    assert_int_equal(gn_msg_query_decode(&out, &known, gn_slice_of(buf, len)), GN_OK);
    assert_true(known);
    assert_int_equal(gn_msg_query_encode(again, &len_again, sizeof(again), &out), GN_OK);
    assert_int_equal(len, len_again);
    assert_memory_equal(buf, again, len);
    assert_true(out.txid == q->txid && out.method == q->method && out.flags == q->flags);
    assert_true(gn_id_eq(&out.target, &q->target));
    return out;
}

static void every_query_comes_back_as_it_was(void **state)
{
    struct gn_msg_query q = query_of(GN_MSG_PING), out;

    (void)state;
    assert_false(there_and_back(&q).has_nonce);
    q.has_nonce = true;
    out = there_and_back(&q);
    assert_true(out.has_nonce);
    assert_memory_equal(out.nonce, q.nonce, sizeof(q.nonce));
    q = query_of(GN_MSG_FIND_NODE);
    (void)there_and_back(&q);
    q = query_of(GN_MSG_GET_PROVIDERS);
    (void)there_and_back(&q);

    q = query_of(GN_MSG_GET);
    out = there_and_back(&q);
    assert_true(out.kind == GN_RECORD_MUTABLE && !out.has_known_seq);
    q.has_known_seq = true;
    q.known_seq = UINT64_MAX;
    out = there_and_back(&q);
    assert_true(out.has_known_seq && out.known_seq == UINT64_MAX);

    q = query_of(GN_MSG_PUT);
    out = there_and_back(&q);
    assert_true(gn_slice_eq(out.record, gn_slice_str("record")) && !out.has_cas);
    assert_memory_equal(out.token, q.token, sizeof(q.token));
    q.has_cas = true;
    q.cas_seq = 0;
    out = there_and_back(&q);
    assert_true(out.has_cas && out.cas_seq == 0);
    q = query_of(GN_MSG_ADD_PROVIDER);
    assert_true(gn_slice_eq(there_and_back(&q).record, gn_slice_str("record")));
}

static void a_probe_carries_its_subject_in_both_families(void **state)
{
    static const char *const addrs[] = {"192.0.2.1:1", "[2001:db8::1]:65535"};
    struct gn_msg_query q = query_of(GN_MSG_PROBE_ME), out;

    (void)state;
    q.has_nonce = true;
    q.hops = 1;
    out = there_and_back(&q);
    assert_true(out.hops == 1 && !out.has_subject && out.has_nonce);
    q.hops = 0;
    q.has_subject = true;
    for (size_t i = 0; i < GN_ARRAY_LEN(addrs); i++) {
        q.subject = test_contact(5, addrs[i]);
        out = there_and_back(&q);
        assert_true(out.has_subject && gn_addr_eq(&out.subject.addr, &q.subject.addr));
        assert_memory_equal(out.subject.epk, q.subject.epk, 32);
    }
}

static void what_a_query_cannot_say_is_invalid(void **state)
{
    struct gn_msg_query q = query_of(GN_MSG_PUT);
    size_t len;

    (void)state;
    q.record.len = 0;
    assert_int_equal(gn_msg_query_encode(buf, &len, sizeof(buf), &q), GN_E_INVALID);
    q.record = gn_slice_of(big, GN_MSG_RECORD_MAX + 1);
    assert_int_equal(gn_msg_query_encode(buf, &len, sizeof(buf), &q), GN_E_INVALID);
    q = query_of(GN_MSG_PROBE_ME);
    assert_int_equal(gn_msg_query_encode(buf, &len, sizeof(buf), &q), GN_E_INVALID); /* no nonce */
    q.has_nonce = true;
    q.hops = 2;
    assert_int_equal(gn_msg_query_encode(buf, &len, sizeof(buf), &q), GN_E_INVALID);
    q.hops = 0;
    q.has_subject = true; /* without an address */
    assert_int_equal(gn_msg_query_encode(buf, &len, sizeof(buf), &q), GN_E_INVALID);
    for (uint16_t method = 0; method < 20; method++) {
        q = query_of(method);
        if (method == 0 || method == GN_MSG_WATCH || method >= GN_MSG_PUNCH) {
            assert_int_equal(gn_msg_query_encode(buf, &len, sizeof(buf), &q), GN_E_INVALID);
        }
    }
}

static void a_buffer_that_is_one_byte_short_is_a_limit(void **state)
{
    struct gn_msg_query q = query_of(GN_MSG_PUT), out;
    struct gn_msg_reply r = {.txid = 1, .has_token = true, .contacts_len = 1}, r_out;
    size_t len, other;

    (void)state;
    assert_int_equal(gn_msg_query_encode(buf, &len, sizeof(buf), &q), GN_OK);
    for (size_t cap = 0; cap < len; cap++) {
        assert_int_equal(gn_msg_query_encode(again, &other, cap, &q), GN_E_LIMIT);
        /* and so is every truncation on the way in */
        assert_int_equal(gn_msg_query_decode(&out, NULL, gn_slice_of(buf, cap)), GN_E_MALFORMED);
    }
    assert_int_equal(gn_msg_query_encode(again, &other, len, &q), GN_OK);
    r.contacts[0] = test_contact(1, "192.0.2.1:1");
    assert_int_equal(gn_msg_reply_encode(buf, &len, sizeof(buf), &r), GN_OK);
    for (size_t cap = 0; cap < len; cap++) {
        assert_int_equal(gn_msg_reply_encode(again, &other, cap, &r), GN_E_LIMIT);
        assert_int_equal(gn_msg_reply_decode(&r_out, gn_slice_of(buf, cap)), GN_E_MALFORMED);
    }
    /* nor may a byte follow */
    buf[len] = 0xc0;
    assert_int_equal(gn_msg_reply_decode(&r_out, gn_slice_of(buf, len + 1)), GN_E_MALFORMED);
}

static void the_longest_record_fits_a_query_and_a_reply(void **state)
{
    struct gn_msg_query q = query_of(GN_MSG_PUT);
    struct gn_msg_reply r = {.values_len = 1}, out;
    size_t len;

    (void)state;
    q.record = gn_slice_of(big, GN_MSG_RECORD_MAX);
    q.has_cas = true;
    q.cas_seq = UINT64_MAX;
    assert_int_equal(there_and_back(&q).record.len, GN_MSG_RECORD_MAX);
    assert_int_equal(gn_msg_query_encode(buf, &len, GN_MSG_QUERY_MAX, &q), GN_OK);
    r.values[0] = q.record;
    for (; r.contacts_len < GN_MSG_CONTACTS_MAX; r.contacts_len++) {
        r.contacts[r.contacts_len] = test_contact(1, "[2001:db8::1]:1");
    }
    r.has_token = true;
    assert_int_equal(gn_msg_reply_encode(buf, &len, GN_MSG_REPLY_MAX, &r), GN_OK);
    assert_int_equal(gn_msg_reply_size(&r), len);
    assert_int_equal(gn_msg_reply_decode(&out, gn_slice_of(buf, len)), GN_OK);
    assert_int_equal(out.values[0].len, GN_MSG_RECORD_MAX);
}

/* ---- Hand-made bytes ---- */

struct made {
    struct gn_writer w;
    uint8_t bytes[4096];
};

static void make_begin(struct made *m, size_t elements)
{
    gn_writer_init(&m->w, m->bytes, sizeof(m->bytes));
    gn_pack_put_array(&m->w, elements);
}

static void make_query_head(struct made *m, size_t elements, uint64_t method)
{
    static const uint8_t zeros[32];

    make_begin(m, elements);
    gn_pack_put_bin(&m->w, zeros, 8);
    gn_pack_put_uint(&m->w, method);
    gn_pack_put_uint(&m->w, 0);
    gn_pack_put_bin(&m->w, zeros, 32);
}

static enum gn_err decode_query(const struct made *m, bool *txid_known)
{
    struct gn_msg_query q;

    assert_false(m->w.overflow);
    return gn_msg_query_decode(&q, txid_known, gn_slice_of(m->bytes, m->w.len));
}

static void missing_arguments_are_malformed_and_the_txid_is_known(void **state)
{
    static const struct {
        uint64_t method;
        size_t mandatory;
    } rows[] = {{GN_MSG_PING, 0},          {GN_MSG_FIND_NODE, 0},    {GN_MSG_GET, 1},     {GN_MSG_PUT, 2},
                {GN_MSG_GET_PROVIDERS, 0}, {GN_MSG_ADD_PROVIDER, 2}, {GN_MSG_PROBE_ME, 2}};
    struct made m;
    bool known;

    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        make_query_head(&m, 4, rows[i].method);
        known = false;
        assert_int_equal(decode_query(&m, &known), rows[i].mandatory == 0 ? GN_OK : GN_E_MALFORMED);
        assert_true(known);
        /* only the first of two */
        make_query_head(&m, 5, rows[i].method);
        gn_pack_put_bin(&m.w, "0123456789abcdef", rows[i].method == GN_MSG_PROBE_ME ? 8 : 16);
        if (rows[i].mandatory == 2) {
            assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
        }
    }
}

static void later_elements_are_ignored_and_unknown_methods_have_no_arguments(void **state)
{
    struct gn_msg_query q;
    struct gn_msg_reply r;
    struct made m;
    bool known;

    (void)state;
    make_query_head(&m, 8, GN_MSG_GET);
    gn_pack_put_uint(&m.w, GN_RECORD_IMMUTABLE);
    gn_pack_put_nil(&m.w); /* no known seq */
    gn_pack_put_array(&m.w, 2);
    gn_pack_put_uint(&m.w, 1);
    gn_pack_put_nil(&m.w);
    gn_writer_u8(&m.w, 0xc3); /* true */
    assert_int_equal(gn_msg_query_decode(&q, &known, gn_slice_of(m.bytes, m.w.len)), GN_OK);
    assert_true(q.kind == GN_RECORD_IMMUTABLE && !q.has_known_seq);

    make_query_head(&m, 5, 60000);
    gn_pack_put_uint(&m.w, 7);
    assert_int_equal(gn_msg_query_decode(&q, &known, gn_slice_of(m.bytes, m.w.len)), GN_OK);
    assert_int_equal(q.method, 60000);

    make_begin(&m, 8);
    gn_pack_put_bin(&m.w, "12345678", 8);
    gn_pack_put_uint(&m.w, 77); /* a status of the future */
    for (size_t i = 0; i < 4; i++) {
        gn_pack_put_nil(&m.w);
    }
    gn_pack_put_uint(&m.w, 1);
    gn_pack_put_array(&m.w, 0);
    assert_int_equal(gn_msg_reply_decode(&r, gn_slice_of(m.bytes, m.w.len)), GN_OK);
    assert_int_equal(r.status, 77);
    assert_int_equal(gn_msg_status_err(r.status), GN_E_REFUSED);
}

static void wrong_types_lengths_and_numbers_are_malformed(void **state)
{
    struct made m;
    bool known;

    (void)state;
    make_query_head(&m, 4, 65536); /* method over 16 bits */
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    assert_true(known);
    make_query_head(&m, 5, GN_MSG_GET);
    gn_pack_put_uint(&m.w, 256);
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    make_query_head(&m, 6, GN_MSG_GET);
    gn_pack_put_uint(&m.w, 2);
    gn_pack_put_bin(&m.w, "x", 1); /* known seq is no number */
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    make_query_head(&m, 5, GN_MSG_PING);
    gn_pack_put_bin(&m.w, "1234567", 7);
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    make_query_head(&m, 6, GN_MSG_PUT);
    gn_pack_put_bin(&m.w, "0123456789abcdef", 16);
    gn_pack_put_bin(&m.w, "", 0); /* empty record */
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    make_query_head(&m, 7, GN_MSG_PUT);
    gn_pack_put_bin(&m.w, "0123456789abcdef", 16);
    gn_pack_put_bin(&m.w, "r", 1);
    gn_pack_put_array(&m.w, 0); /* cas is no number */
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    make_query_head(&m, 6, GN_MSG_PROBE_ME);
    gn_pack_put_bin(&m.w, "12345678", 8);
    gn_pack_put_uint(&m.w, 2); /* hops */
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    make_query_head(&m, 7, GN_MSG_PROBE_ME);
    gn_pack_put_bin(&m.w, "12345678", 8);
    gn_pack_put_uint(&m.w, 0);
    gn_pack_put_bin(&m.w, big, 71); /* neither 70 nor 82 */
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    make_begin(&m, 4); /* the txid itself is wrong */
    gn_pack_put_bin(&m.w, "1234567", 7);
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
    assert_false(known);
    make_begin(&m, 0);
    assert_int_equal(decode_query(&m, &known), GN_E_MALFORMED);
}

static enum gn_err decode_reply_with(size_t index, struct gn_slice bytes)
{
    struct gn_msg_reply r;
    struct made m;

    make_begin(&m, 6);
    for (size_t i = 0; i < 6; i++) {
        if (i == index) {
            gn_writer_bytes(&m.w, bytes.data, bytes.len);
        } else if (i == 0) {
            gn_pack_put_bin(&m.w, "12345678", 8);
        } else if (i == 1) {
            gn_pack_put_uint(&m.w, 0);
        } else {
            gn_pack_put_nil(&m.w);
        }
    }
    return gn_msg_reply_decode(&r, gn_slice_of(m.bytes, m.w.len));
}

static void each_wrong_element_of_a_reply_is_malformed(void **state)
{
    struct gn_writer w;
    uint8_t bytes[2048];
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1, 0, 1};

    (void)state;
    assert_int_equal(decode_reply_with(99, gn_slice_of(NULL, 0)), GN_OK);
    for (size_t index = 0; index < 6; index++) { /* `true` is never right */
        assert_int_equal(decode_reply_with(index, gn_slice_str("\xc3")), GN_E_MALFORMED);
    }
    assert_int_equal(decode_reply_with(1, gn_slice_str("\xcd\x01\x2c")), GN_E_MALFORMED); /* status 300 */
    assert_int_equal(decode_reply_with(2, gn_slice_str("\xc4\x03tok")), GN_E_MALFORMED);
    gn_writer_init(&w, bytes, sizeof(bytes)); /* 17 contacts */
    gn_pack_put_bin(&w, big, 17 * 70);
    assert_int_equal(decode_reply_with(3, gn_slice_of(bytes, w.len)), GN_E_MALFORMED);
    gn_writer_init(&w, bytes, sizeof(bytes)); /* a contact and a half */
    gn_pack_put_bin(&w, big, 105);
    assert_int_equal(decode_reply_with(3, gn_slice_of(bytes, w.len)), GN_E_MALFORMED);
    gn_writer_init(&w, bytes, sizeof(bytes)); /* an empty list of contacts is nil */
    gn_pack_put_bin(&w, big, 0);
    assert_int_equal(decode_reply_with(4, gn_slice_of(bytes, w.len)), GN_E_MALFORMED);
    memcpy(big + 64, mapped, sizeof(mapped)); /* an IPv4 address dressed as IPv6 has a second encoding */
    gn_writer_init(&w, bytes, sizeof(bytes));
    gn_pack_put_bin(&w, big, 82);
    assert_int_equal(decode_reply_with(4, gn_slice_of(bytes, w.len)), GN_E_MALFORMED);
    memset(big, 0, sizeof(big));
    gn_writer_init(&w, bytes, sizeof(bytes)); /* 17 records */
    gn_pack_put_array(&w, 17);
    for (size_t i = 0; i < 17; i++) {
        gn_pack_put_bin(&w, "r", 1);
    }
    assert_int_equal(decode_reply_with(5, gn_slice_of(bytes, w.len)), GN_E_MALFORMED);
    assert_int_equal(decode_reply_with(5, gn_slice_str("\x91\x01")), GN_E_MALFORMED); /* [1] */
}

static void a_reply_of_three_elements_is_malformed(void **state)
{
    struct gn_msg_reply r;
    struct made m;

    (void)state;
    make_begin(&m, 3);
    gn_pack_put_bin(&m.w, "12345678", 8);
    gn_pack_put_uint(&m.w, 0);
    gn_pack_put_nil(&m.w);
    assert_int_equal(gn_msg_reply_decode(&r, gn_slice_of(m.bytes, m.w.len)), GN_E_MALFORMED);
    m.bytes[0] = 0x94;
    gn_pack_put_nil(&m.w);
    assert_int_equal(gn_msg_reply_decode(&r, gn_slice_of(m.bytes, m.w.len)), GN_OK);
}

static void random_bytes_never_pass_unnoticed(void **state)
{
    struct gn_rng rng;
    uint8_t bytes[64];
    unsigned accepted = 0;

    (void)state;
    gn_rng_init_test(&rng, 7, 1);
    for (unsigned i = 0; i < 20000; i++) {
        size_t len = (size_t)gn_rng_below(&rng, sizeof(bytes));
        struct gn_msg_query q;
        struct gn_msg_reply r;

        gn_rng_bytes(&rng, bytes, sizeof(bytes));
        bytes[0] = (uint8_t)(0x90U | (bytes[0] & 7U));
        accepted += gn_msg_query_decode(&q, NULL, gn_slice_of(bytes, len)) == GN_OK ? 1U : 0U;
        accepted += gn_msg_reply_decode(&r, gn_slice_of(bytes, len)) == GN_OK ? 1U : 0U;
    }
    assert_int_equal(accepted, 0);
}

static void names_and_errors_exist_for_every_number(void **state)
{
    (void)state;
    assert_string_equal(gn_msg_method_name(GN_MSG_FIND_NODE), "FIND_NODE");
    assert_string_equal(gn_msg_method_name(0), "?");
    assert_string_equal(gn_msg_method_name(GN_MSG_SAMPLE + 1), "?");
    assert_string_equal(gn_msg_status_name(GN_MSG_TOO_BIG), "TOO_BIG");
    assert_string_equal(gn_msg_status_name(GN_MSG_UNSUPPORTED + 1), "?");
    assert_int_equal(gn_msg_status_err(GN_MSG_OK), GN_OK);
    assert_int_equal(gn_msg_status_err(GN_MSG_BAD_TOKEN), GN_E_AUTH);
    assert_int_equal(gn_msg_status_err(GN_MSG_BUSY), GN_E_FULL);
    assert_int_equal(gn_msg_status_err(255), GN_E_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_query_comes_back_as_it_was),
        cmocka_unit_test(a_probe_carries_its_subject_in_both_families),
        cmocka_unit_test(what_a_query_cannot_say_is_invalid),
        cmocka_unit_test(a_buffer_that_is_one_byte_short_is_a_limit),
        cmocka_unit_test(the_longest_record_fits_a_query_and_a_reply),
        cmocka_unit_test(missing_arguments_are_malformed_and_the_txid_is_known),
        cmocka_unit_test(later_elements_are_ignored_and_unknown_methods_have_no_arguments),
        cmocka_unit_test(wrong_types_lengths_and_numbers_are_malformed),
        cmocka_unit_test(each_wrong_element_of_a_reply_is_malformed),
        cmocka_unit_test(a_reply_of_three_elements_is_malformed),
        cmocka_unit_test(random_bytes_never_pass_unnoticed),
        cmocka_unit_test(names_and_errors_exist_for_every_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
