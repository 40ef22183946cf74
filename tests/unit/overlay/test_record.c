/* tests/unit/overlay/test_record.c - records: one encoding, signatures, times, which one is newer. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "overlay/msg/pack.h"
#include "tests/unit/overlay/records.h"

static uint8_t buf[GN_RECORD_BYTES_MAX + 64];
static uint8_t value_bytes[GN_RECORD_VALUE_MAX + 1];

static void each_kind_comes_back_and_is_accepted(void **state)
{
    struct test_peer p;
    struct test_record t[3];
    struct gn_id content = test_id(0x42);

    (void)state;
    test_peer_init(&p, 1);
    test_immutable(&t[0], &p, "hello", TEST_WALL + 7200);
    test_mutable(&t[1], &p, "salt", 5, "hello", TEST_WALL + 7200);
    test_provider(&t[2], &p, &content, TEST_WALL + 7200);
    for (size_t i = 0; i < 3; i++) {
        struct gn_record r;
        size_t len;

        assert_int_equal(t[i].err, GN_OK);
        assert_int_equal(t[i].r.kind, i + 1);
        assert_int_equal(t[i].r.expiry, TEST_WALL + 7200);
        assert_int_equal(gn_record_encode(buf, &len, sizeof(buf), &t[i].r), GN_OK);
        assert_int_equal(len, t[i].len);
        assert_memory_equal(buf, t[i].bytes, len);
        assert_int_equal(gn_record_open(&r, test_record_slice(&t[i]), 0, &t[i].r.target, &p.crypto, TEST_WALL), GN_OK);
        assert_int_equal(
            gn_record_open(&r, test_record_slice(&t[i]), (uint8_t)(i + 1), &t[i].r.target, &p.crypto, TEST_WALL),
            GN_OK);
        /* another kind or target than the one wanted */
        assert_int_equal(gn_record_open(&r, test_record_slice(&t[i]), (uint8_t)(i == 0 ? 2 : 1), &t[i].r.target,
                                        &p.crypto, TEST_WALL),
                         GN_E_MALFORMED);
        assert_int_equal(gn_record_open(&r, test_record_slice(&t[i]), 0, &p.identity.id, &p.crypto, TEST_WALL),
                         GN_E_MALFORMED);
    }
    assert_true(gn_slice_eq(t[1].r.salt, gn_slice_str("salt")) && t[1].r.seq == 5);
    assert_int_equal(t[2].r.addrs_len, 2);
    assert_true(gn_id_eq(&t[2].r.target, &content) && gn_id_eq(&t[2].r.owner, &p.identity.id));
}

static void targets_are_hashes_of_what_they_should_be(void **state)
{
    struct test_peer p;
    struct test_record t;
    struct gn_id want;
    uint8_t joined[36];
    struct gn_slice s = gn_slice_str("hello");

    (void)state;
    test_peer_init(&p, 1);
    test_immutable(&t, &p, "hello", TEST_WALL + 1);
    p.crypto.hash(p.crypto.ctx, &want, NULL, &s, 1);
    assert_true(gn_id_eq(&t.r.target, &want));
    test_mutable(&t, &p, "salt", 1, "v", TEST_WALL + 1);
    memcpy(joined, p.identity.id.b, 32);
    memcpy(joined + 32, "salt", 4);
    s = gn_slice_of(joined, sizeof(joined));
    p.crypto.hash(p.crypto.ctx, &want, NULL, &s, 1);
    assert_true(gn_id_eq(&t.r.target, &want));
}

static void any_changed_byte_is_noticed(void **state)
{
    struct test_peer p;
    struct test_record t;
    struct gn_id content = test_id(0x42), target;

    (void)state;
    test_peer_init(&p, 1);
    for (unsigned kind = GN_RECORD_MUTABLE; kind <= GN_RECORD_PROVIDER; kind++) {
        if (kind == GN_RECORD_MUTABLE) {
            test_mutable(&t, &p, "salt", 5, "hello", TEST_WALL + 7200);
        } else {
            test_provider(&t, &p, &content, TEST_WALL + 7200);
        }
        target = t.r.target;
        for (size_t i = 0; i < t.len; i++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                struct gn_record r;

                t.bytes[i] ^= (uint8_t)(1U << bit);
                assert_int_not_equal(
                    gn_record_open(&r, test_record_slice(&t), (uint8_t)kind, &target, &p.crypto, TEST_WALL), GN_OK);
                t.bytes[i] ^= (uint8_t)(1U << bit);
            }
        }
    }
}

static void a_record_signed_by_another_is_refused(void **state)
{
    struct test_peer p, mallory;
    struct test_record t;
    struct gn_record r = {.kind = GN_RECORD_MUTABLE, .seq = 9, .expiry = TEST_WALL + 60};

    (void)state;
    test_peer_init(&p, 1);
    test_peer_init(&mallory, 2);
    r.owner = p.identity.id; /* claims to be p, signs as mallory */
    test_record_finish(&t, &r, &mallory);
    assert_int_equal(t.err, GN_OK);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL), GN_E_AUTH);
    /* a provider's signature does not count for a mutable record, even over the same bytes */
    test_mutable(&t, &p, "", 1, "v", TEST_WALL + 60);
    {
        uint8_t message[44] = "ghostnet/1 p";
        struct gn_id hash;

        p.crypto.hash(p.crypto.ctx, &hash, NULL, &t.r.signed_bytes, 1);
        memcpy(message + 12, hash.b, 32);
        p.crypto.sign(p.crypto.ctx, t.r.sig, gn_slice_of(message, sizeof(message)));
    }
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL), GN_E_AUTH);
}

static void times_are_judged_to_the_second(void **state)
{
    struct test_peer p;
    struct test_record t;
    struct gn_id content = test_id(3);
    const gn_wall_s latest = TEST_WALL + GN_RECORD_TTL_MAX + GN_RECORD_SKEW;
    const gn_wall_s latest_provider = TEST_WALL + GN_RECORD_TTL_PROVIDER + GN_RECORD_SKEW;

    (void)state;
    test_peer_init(&p, 1);
    test_mutable(&t, &p, "", 1, "v", TEST_WALL);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL), GN_E_EXPIRED);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL - 1), GN_OK);
    test_mutable(&t, &p, "", 1, "v", latest);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL), GN_OK);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL - 1), GN_E_LIMIT);
    assert_int_equal(gn_record_expiry(&t.r, TEST_WALL), TEST_WALL + GN_RECORD_TTL_MAX);
    test_provider(&t, &p, &content, latest_provider);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL), GN_OK);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL - 1), GN_E_LIMIT);
    assert_int_equal(gn_record_expiry(&t.r, TEST_WALL), TEST_WALL + GN_RECORD_TTL_PROVIDER);
    /* the expiry of an immutable record is a wish: never refused, always cut */
    test_immutable(&t, &p, "v", UINT64_MAX);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL), GN_OK);
    assert_int_equal(gn_record_expiry(&t.r, TEST_WALL), TEST_WALL + GN_RECORD_TTL_MAX);
    assert_int_equal(gn_record_expiry(&t.r, UINT64_MAX - 1), UINT64_MAX);
    test_immutable(&t, &p, "v", TEST_WALL + 5);
    assert_int_equal(gn_record_expiry(&t.r, TEST_WALL), TEST_WALL + 5);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL + 5), GN_E_EXPIRED);
}

static void limits_of_fields_hold_on_the_way_out_and_in(void **state)
{
    struct test_peer p;
    struct gn_record r = {.kind = GN_RECORD_MUTABLE, .expiry = UINT64_MAX, .seq = UINT64_MAX}, out;
    size_t len;

    (void)state;
    test_peer_init(&p, 1);
    r.owner = p.identity.id;
    r.value = gn_slice_of(value_bytes, GN_RECORD_VALUE_MAX);
    r.salt = gn_slice_of(value_bytes, GN_RECORD_SALT_MAX);
    assert_int_equal(gn_record_sign(&r, buf, &len, GN_RECORD_BYTES_MAX, &p.crypto), GN_OK);
    assert_int_equal(gn_record_decode(&out, gn_slice_of(buf, len), &p.crypto), GN_OK);
    assert_int_equal(gn_record_sign(&r, buf, &len, len - 1, &p.crypto), GN_E_LIMIT);
    r.salt.len++;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
    r.salt.len = 0;
    r.value.len++;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
    r.kind = GN_RECORD_IMMUTABLE;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
    r.value.len--;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_OK);
    r.kind = GN_RECORD_MUTABLE;
    r.flags = GN_RECORD_TOMBSTONE; /* with a value */
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
    r.value.len = 0;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_OK);
    r.flags = 2;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
    r.kind = 4;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
    r.kind = 0;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
}

static void a_provider_names_at_most_eight_usable_addresses(void **state)
{
    static const char *const bad[] = {"0.0.0.0:1", "224.0.0.1:5", "192.0.2.1:0", "255.255.255.255:1", "[::]:1"};
    struct test_peer p;
    struct gn_record r = {.kind = GN_RECORD_PROVIDER, .expiry = TEST_WALL + 1}, out;
    size_t len;

    (void)state;
    test_peer_init(&p, 1);
    r.owner = p.identity.id;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_OK); /* none: found through the id */
    assert_int_equal(gn_record_decode(&out, gn_slice_of(buf, len), &p.crypto), GN_OK);
    for (; r.addrs_len < GN_RECORD_ADDRS_MAX; r.addrs_len++) {
        r.addrs[r.addrs_len] = test_addr("[2001:db8::1]:1");
    }
    assert_int_equal(gn_record_sign(&r, buf, &len, 512, &p.crypto), GN_OK);
    assert_int_equal(gn_record_decode(&out, gn_slice_of(buf, len), &p.crypto), GN_OK);
    assert_int_equal(out.addrs_len, GN_RECORD_ADDRS_MAX);
    r.addrs_len++;
    assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
    r.addrs_len = 1;
    for (size_t i = 0; i < GN_ARRAY_LEN(bad); i++) {
        r.addrs[0] = test_addr(bad[i]);
        assert_int_equal(gn_record_sign(&r, buf, &len, sizeof(buf), &p.crypto), GN_E_INVALID);
    }
}

/* Bytes that say the same in another way must not exist: they would have another hash under the same signature. */
static void only_the_one_encoding_is_accepted(void **state)
{
    struct test_peer p;
    struct test_record t;
    struct gn_record r;
    struct gn_id content = test_id(1);
    uint8_t other[2048];

    (void)state;
    test_peer_init(&p, 1);
    test_mutable(&t, &p, "s", 5, "v", TEST_WALL + 1);
    for (size_t len = 0; len < t.len; len++) {
        assert_int_equal(gn_record_decode(&r, gn_slice_of(t.bytes, len), &p.crypto), GN_E_MALFORMED);
    }
    memcpy(other, t.bytes, t.len); /* one byte more */
    other[t.len] = 0;
    assert_int_equal(gn_record_decode(&r, gn_slice_of(other, t.len + 1), &p.crypto), GN_E_MALFORMED);
    other[0]++; /* one element more */
    assert_int_equal(gn_record_decode(&r, gn_slice_of(other, t.len + 1), &p.crypto), GN_E_MALFORMED);
    other[0] = 0xdc; /* the array's header in three bytes */
    other[1] = 0;
    other[2] = t.bytes[0] & 0x0fU;
    memcpy(other + 3, t.bytes + 1, t.len - 1);
    assert_int_equal(gn_record_decode(&r, gn_slice_of(other, t.len + 2), &p.crypto), GN_E_MALFORMED);
    memcpy(other, t.bytes, t.len);
    other[1] = 4; /* a kind of the future */
    assert_int_equal(gn_record_decode(&r, gn_slice_of(other, t.len), &p.crypto), GN_E_VERSION);
    other[1] = t.bytes[1];
    other[2] = 2; /* a version of the future */
    assert_int_equal(gn_record_decode(&r, gn_slice_of(other, t.len), &p.crypto), GN_E_VERSION);
    other[2] = 0xc0;
    assert_int_equal(gn_record_decode(&r, gn_slice_of(other, t.len), &p.crypto), GN_E_MALFORMED);
    /* addresses */
    {
        static const uint8_t wrong[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7, 0, 9};
        struct gn_writer w;

        /* the mapped address, and one that nobody can send to; only the right one is accepted */
        static const uint8_t multicast[] = {224, 0, 0, 1, 0, 9}, right[] = {192, 0, 2, 7, 0, 9};
        const struct gn_slice addrs[] = {gn_slice_of(wrong, sizeof(wrong)), gn_slice_of(multicast, sizeof(multicast)),
                                         gn_slice_of(right, sizeof(right))};

        test_provider(&t, &p, &content, TEST_WALL + 1);
        for (size_t i = 0; i < 3; i++) {
            gn_writer_init(&w, other, sizeof(other));
            gn_pack_put_array(&w, 7);
            gn_pack_put_uint(&w, GN_RECORD_PROVIDER);
            gn_pack_put_uint(&w, 1);
            gn_pack_put_bin(&w, content.b, 32);
            gn_pack_put_bin(&w, p.identity.id.b, 32);
            gn_pack_put_array(&w, 1);
            gn_pack_put_bin(&w, addrs[i].data, addrs[i].len);
            gn_pack_put_uint(&w, TEST_WALL + 1);
            gn_pack_put_bin(&w, t.r.sig, 64);
            assert_int_equal(gn_record_decode(&r, gn_slice_of(other, w.len), &p.crypto),
                             i < 2 ? GN_E_MALFORMED : GN_OK);
        }
    }
}

static void fields_of_wrong_type_are_malformed(void **state)
{
    struct test_peer p;
    struct test_record t[3];
    struct gn_id content = test_id(1);
    uint8_t other[2048];

    (void)state;
    test_peer_init(&p, 1);
    test_immutable(&t[0], &p, "v", 1);
    test_mutable(&t[1], &p, "s", 5, "v", 1);
    test_provider(&t[2], &p, &content, 1);
    /* each element in turn becomes `true` */
    for (size_t k = 0; k < 3; k++) {
        size_t elements = t[k].bytes[0] & 0x0fU;

        for (size_t skip = 0; skip < elements; skip++) {
            struct gn_pack pack;
            struct gn_writer w;
            struct gn_record r;

            assert_int_equal(gn_pack_parse(&pack, test_record_slice(&t[k])), GN_OK);
            gn_writer_init(&w, other, sizeof(other));
            gn_pack_put_array(&w, elements);
            for (size_t i = 0; i < elements; i++) {
                const msgpack_object *o = &pack.root.ptr[i];

                if (i == skip) {
                    gn_writer_u8(&w, 0xc3);
                } else if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
                    gn_pack_put_uint(&w, o->via.u64);
                } else if (o->type == MSGPACK_OBJECT_BIN) {
                    gn_pack_put_bin(&w, o->via.bin.ptr, o->via.bin.size);
                } else {
                    gn_pack_put_array(&w, 0);
                }
            }
            assert_int_equal(gn_record_decode(&r, gn_slice_of(other, w.len), &p.crypto), GN_E_MALFORMED);
        }
    }
}

static void newer_is_seq_then_content_then_expiry(void **state)
{
    struct test_peer p;
    struct test_record a, b;
    int order;

    (void)state;
    test_peer_init(&p, 1);
    test_mutable(&a, &p, "", 1, "old", TEST_WALL + 100);
    test_mutable(&b, &p, "", 2, "new", TEST_WALL + 1);
    assert_true(gn_record_compare(&a.r, &b.r, &p.crypto) < 0);
    assert_true(gn_record_compare(&b.r, &a.r, &p.crypto) > 0);
    assert_int_equal(gn_record_compare(&a.r, &a.r, &p.crypto), 0);
    /* the same seq twice: every node keeps the same one, whatever came first and whatever expires later */
    test_mutable(&a, &p, "", 2, "one", TEST_WALL + 100);
    test_mutable(&b, &p, "", 2, "two", TEST_WALL + 1);
    order = gn_record_compare(&a.r, &b.r, &p.crypto);
    assert_int_not_equal(order, 0);
    assert_true((order > 0) == (gn_record_compare(&b.r, &a.r, &p.crypto) < 0));
    test_mutable(&b, &p, "", 2, "two", TEST_WALL + 1000);
    assert_true((order > 0) == (gn_record_compare(&a.r, &b.r, &p.crypto) > 0));
    /* the same content, signed again for longer */
    test_mutable(&b, &p, "", 2, "one", TEST_WALL + 101);
    assert_true(gn_record_compare(&a.r, &b.r, &p.crypto) < 0);
}

static void a_tombstone_differs_from_an_empty_value(void **state)
{
    struct test_peer p;
    struct test_record a, b;
    struct gn_record r = {.kind = GN_RECORD_MUTABLE, .seq = 3, .expiry = TEST_WALL + 1, .flags = GN_RECORD_TOMBSTONE};

    (void)state;
    test_peer_init(&p, 1);
    r.owner = p.identity.id;
    test_record_finish(&a, &r, &p);
    test_mutable(&b, &p, "", 3, "", TEST_WALL + 1);
    assert_int_equal(a.err, GN_OK);
    assert_int_equal(a.r.flags, GN_RECORD_TOMBSTONE);
    assert_int_not_equal(gn_record_compare(&a.r, &b.r, &p.crypto), 0);
    test_mutable(&b, &p, "", 2, "value", TEST_WALL + 1);
    assert_true(gn_record_compare(&a.r, &b.r, &p.crypto) > 0); /* deleted */
    assert_int_equal(gn_record_verify(&a.r, &p.crypto, TEST_WALL), GN_OK);
}

static void immutable_and_provider_records_go_by_expiry(void **state)
{
    struct test_peer p;
    struct test_record a, b;
    struct gn_id content = test_id(1);
    struct gn_record r;

    (void)state;
    test_peer_init(&p, 1);
    test_immutable(&a, &p, "v", 10);
    test_immutable(&b, &p, "v", 11);
    assert_true(gn_record_compare(&a.r, &b.r, &p.crypto) < 0);
    assert_int_equal(gn_record_compare(&a.r, &a.r, &p.crypto), 0);
    test_provider(&a, &p, &content, 10);
    test_provider(&b, &p, &content, 11);
    assert_true(gn_record_compare(&a.r, &b.r, &p.crypto) < 0);
    r = a.r; /* two announcements of one second with other addresses: still one order */
    r.addrs_len = 1;
    test_record_finish(&b, &r, &p);
    assert_int_not_equal(gn_record_compare(&a.r, &b.r, &p.crypto), 0);
    assert_true((gn_record_compare(&a.r, &b.r, &p.crypto) > 0) == (gn_record_compare(&b.r, &a.r, &p.crypto) < 0));
}

static void random_changes_of_good_records_never_decode_to_something_else(void **state)
{
    struct test_peer p;
    struct test_record t;
    struct gn_rng rng;
    uint8_t other[2048];
    unsigned accepted = 0;

    (void)state;
    test_peer_init(&p, 1);
    gn_rng_init_test(&rng, 3, 3);
    test_mutable(&t, &p, "salt", 77, "some value", TEST_WALL + 1);
    for (unsigned i = 0; i < 20000; i++) {
        struct gn_record r;
        size_t len = 0;

        memcpy(other, t.bytes, t.len);
        for (unsigned k = 0; k < 3; k++) {
            other[gn_rng_below(&rng, t.len)] = (uint8_t)gn_rng_u32(&rng);
        }
        if (gn_record_decode(&r, gn_slice_of(other, t.len), &p.crypto) == GN_OK) {
            accepted++;
            assert_int_equal(gn_record_encode(buf, &len, sizeof(buf), &r), GN_OK);
            assert_int_equal(len, t.len);
            assert_memory_equal(buf, other, len);
        }
    }
    assert_true(accepted > 100); /* the form often survives: so the loop above has looked at something */
}

static void a_wiped_identity_cannot_sign(void **state)
{
    struct test_peer p, q;
    struct test_record t;

    (void)state;
    test_peer_init(&p, 1);
    q = p;
    gn_sodium_crypto_init(&q.crypto, &q.identity);
    test_mutable(&t, &q, "", 1, "v", TEST_WALL + 1);
    assert_int_equal(gn_record_verify(&t.r, &p.crypto, TEST_WALL), GN_OK);
    gn_sodium_crypto_wipe(&q.identity);
    assert_true(gn_id_is_zero(&q.identity.id));
    for (size_t i = 0; i < sizeof(q.identity.secret); i++) {
        assert_int_equal(q.identity.secret[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_comes_back_and_is_accepted),
        cmocka_unit_test(targets_are_hashes_of_what_they_should_be),
        cmocka_unit_test(any_changed_byte_is_noticed),
        cmocka_unit_test(a_record_signed_by_another_is_refused),
        cmocka_unit_test(times_are_judged_to_the_second),
        cmocka_unit_test(limits_of_fields_hold_on_the_way_out_and_in),
        cmocka_unit_test(a_provider_names_at_most_eight_usable_addresses),
        cmocka_unit_test(only_the_one_encoding_is_accepted),
        cmocka_unit_test(fields_of_wrong_type_are_malformed),
        cmocka_unit_test(newer_is_seq_then_content_then_expiry),
        cmocka_unit_test(a_tombstone_differs_from_an_empty_value),
        cmocka_unit_test(immutable_and_provider_records_go_by_expiry),
        cmocka_unit_test(random_changes_of_good_records_never_decode_to_something_else),
        cmocka_unit_test(a_wiped_identity_cannot_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
