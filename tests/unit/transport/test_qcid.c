/* tests/unit/transport/test_qcid.c - connection ids that prove something: vectors, forgeries, mixing. */
#include <string.h>

#include "tests/support/gn_cmocka.h"
#include "transport/quic/qcid.h"
#include "transport/quic/qticket.h"

static void setup(struct gn_qcid_keys *k)
{
    uint8_t seed[32];
    uint8_t net[16];

    for (unsigned i = 0; i < 32; i++) {
        seed[i] = (uint8_t)(0x20 + i);
    }
    for (unsigned i = 0; i < 16; i++) {
        net[i] = (uint8_t)i;
    }
    gn_qcid_init(k, seed, net);
}

static void from_hex(ngtcp2_cid *out, const char *hex)
{
    memset(out, 0, sizeof *out);
    out->datalen = strlen(hex) / 2;
    for (size_t i = 0; i < out->datalen; i++) {
        const char digits[] = "0123456789abcdef";
        const size_t high = (size_t)(strchr(digits, hex[2 * i]) - digits);
        const size_t low = (size_t)(strchr(digits, hex[2 * i + 1]) - digits);

        out->data[i] = (uint8_t)(high * 16 + low);
    }
}

/* The same values as in docs/PROTOCOL.md, made with another implementation of BLAKE2b (Python's hashlib). */
static void ids_and_mixing_agree_with_the_published_vectors(void **state)
{
    struct gn_qcid_keys k;
    ngtcp2_cid initial;
    ngtcp2_cid own;
    ngtcp2_cid want;
    ngtcp2_cid mixed;

    (void)state;
    setup(&k);
    from_hex(&initial, "a0a1a2a3a4a5a6a7a8a92f3b31d98aee10f9");
    assert_true(gn_qcid_is_initial(&k, initial.data, initial.datalen));
    from_hex(&own, "b0b1b2b3b459deb3");
    assert_true(gn_qcid_is_own(&k, own.data, own.datalen));
    from_hex(&want, "136f2be0d344ebf3ef2b952e6eb84987d407feb6");
    gn_qcid_mix(&k, &mixed, &initial);
    assert_int_equal(mixed.datalen, 20);
    assert_memory_equal(mixed.data, want.data, 20);
    from_hex(&want, "f94f2c1ff9dcff697b8d46cf4f62c5b03420d6c5");
    gn_qcid_mix(&k, &mixed, &own);
    assert_memory_equal(mixed.data, want.data, 20);
}

static void made_ids_pass_and_any_changed_bit_does_not(void **state)
{
    struct gn_qcid_keys k;
    struct gn_rng rng;
    ngtcp2_cid id;

    (void)state;
    setup(&k);
    gn_rng_init_test(&rng, 1, 1);
    for (unsigned round = 0; round < 20; round++) {
        gn_qcid_make_initial(&k, &id, &rng);
        assert_true(gn_qcid_is_initial(&k, id.data, id.datalen));
        for (unsigned bit = 0; bit < 18 * 8; bit++) {
            id.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_false(gn_qcid_is_initial(&k, id.data, id.datalen));
            id.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        gn_qcid_make_own(&k, &id, &rng);
        assert_true(gn_qcid_is_own(&k, id.data, id.datalen));
        for (unsigned bit = 40; bit < 64; bit++) {
            id.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_false(gn_qcid_is_own(&k, id.data, id.datalen));
            id.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

static void other_lengths_and_other_owners_never_pass(void **state)
{
    struct gn_qcid_keys k;
    struct gn_qcid_keys other;
    const uint8_t seed[32] = {1};
    const uint8_t net[16] = {1};
    struct gn_rng rng;
    ngtcp2_cid id;

    (void)state;
    setup(&k);
    gn_qcid_init(&other, seed, net);
    gn_rng_init_test(&rng, 2, 1);
    gn_qcid_make_initial(&k, &id, &rng);
    assert_false(gn_qcid_is_initial(&other, id.data, id.datalen));
    for (size_t len = 0; len < NGTCP2_MAX_CIDLEN; len++) {
        assert_int_equal(gn_qcid_is_initial(&k, id.data, len), len == GN_QCID_INITIAL_LEN);
        assert_false(gn_qcid_is_own(&k, id.data, len));
    }
    gn_qcid_make_own(&k, &id, &rng);
    assert_false(gn_qcid_is_own(&other, id.data, id.datalen));
}

static struct gn_id id_of(uint32_t n)
{
    struct gn_id id = {.b = {1}};

    gn_store_u32(id.b + 4, n);
    return id;
}

static void the_oldest_ticket_is_forgotten_and_each_is_given_once(void **state)
{
    struct gn_qticket_store s;
    const uint8_t bytes[4] = {1, 2, 3, 4};
    static const uint8_t huge[GN_QTICKET_BYTES_MAX + 1];
    struct gn_id id;

    (void)state;
    gn_qticket_init(&s, gn_alloc_default(), 10);
    for (uint32_t i = 0; i < 25; i++) {
        id = id_of(i);
        assert_int_equal(gn_qticket_put(&s, &id, gn_slice_of(bytes, 1 + i % 4)), GN_OK);
    }
    assert_int_equal(gn_qticket_len(&s), 10);
    id = id_of(14);
    assert_null(gn_qticket_take(&s, &id));
    id = id_of(15);
    assert_int_equal(gn_qticket_put(&s, &id, gn_slice_of(bytes, 4)), GN_OK); /* replaces, and is young again */
    assert_int_equal(gn_qticket_len(&s), 10);
    struct gn_qticket *t = gn_qticket_take(&s, &id);

    assert_non_null(t);
    assert_int_equal(t->len, 4);
    assert_memory_equal(t->bytes, bytes, 4);
    gn_qticket_free(&s, t);
    assert_null(gn_qticket_take(&s, &id));
    assert_int_equal(gn_qticket_put(&s, &id, gn_slice_of(huge, sizeof huge)), GN_E_LIMIT);
    assert_int_equal(gn_qticket_put(&s, &id, gn_slice_of(huge, 0)), GN_E_LIMIT);
    gn_qticket_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_mixing_agree_with_the_published_vectors),
        cmocka_unit_test(made_ids_pass_and_any_changed_bit_does_not),
        cmocka_unit_test(other_lengths_and_other_owners_never_pass),
        cmocka_unit_test(the_oldest_ticket_is_forgotten_and_each_is_given_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
