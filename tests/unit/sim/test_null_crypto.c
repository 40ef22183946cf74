/* tests/unit/sim/test_null_crypto.c - cheap, but every changed bit is noticed. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "sim/world/null_crypto.h"

static struct gn_id id_of(uint8_t x)
{
    struct gn_id id;

    memset(id.b, x, sizeof id.b);
    return id;
}

static void a_signature_is_refused_after_any_change(void **state)
{
    struct gn_id alice = id_of(1), bob = id_of(2);
    struct gn_null_signer by_alice = {.key = 99, .id = &alice}, by_bob = {.key = 99, .id = &bob};
    struct gn_crypto a, b;
    uint8_t sig[64], message[61];
    struct gn_slice text = gn_slice_of(message, sizeof message);

    (void)state;
    memset(message, 0, sizeof message);
    gn_null_crypto_init(&a, &by_alice);
    gn_null_crypto_init(&b, &by_bob);
    a.sign(a.ctx, sig, text);
    assert_true(b.verify(b.ctx, sig, text, &alice));
    assert_false(b.verify(b.ctx, sig, text, &bob));
    for (size_t bit = 0; bit < 8U * sizeof message; bit++) {
        message[bit / 8U] ^= (uint8_t)(1U << (bit % 8U));
        assert_false(b.verify(b.ctx, sig, text, &alice));
        message[bit / 8U] ^= (uint8_t)(1U << (bit % 8U));
    }
    for (size_t bit = 0; bit < 8U * sizeof sig; bit++) {
        sig[bit / 8U] ^= (uint8_t)(1U << (bit % 8U));
        assert_false(b.verify(b.ctx, sig, text, &alice));
        sig[bit / 8U] ^= (uint8_t)(1U << (bit % 8U));
    }
    assert_false(b.verify(b.ctx, sig, gn_slice_of(message, sizeof message - 1U), &alice));
}

static void a_hash_depends_on_the_text_and_not_on_how_it_is_cut(void **state)
{
    static const uint8_t text[] = "a text of more than thirty bytes, cut at each place";
    struct gn_id me = id_of(1), whole, parts, keyed;
    struct gn_null_signer signer = {.key = 5, .id = &me};
    struct gn_slice all = gn_slice_of(text, sizeof text);
    uint8_t key[32] = {1};
    struct gn_crypto c;

    (void)state;
    gn_null_crypto_init(&c, &signer);
    c.hash(c.ctx, &whole, NULL, &all, 1);
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        struct gn_slice two[] = {gn_slice_of(text, cut), gn_slice_of(text + cut, sizeof text - cut)};
        c.hash(c.ctx, &parts, NULL, two, 2);
        assert_true(gn_id_eq(&whole, &parts));
    }
    all.len--;
    c.hash(c.ctx, &parts, NULL, &all, 1);
    assert_false(gn_id_eq(&whole, &parts));
    all.len++;
    c.hash(c.ctx, &keyed, key, &all, 1);
    assert_false(gn_id_eq(&whole, &keyed));
}

static void a_tag_tells_pieces_and_keys_apart(void **state)
{
    struct gn_slice one[] = {gn_slice_of("ab", 2), gn_slice_of("c", 1)},
                    two[] = {gn_slice_of("a", 1), gn_slice_of("bc", 2)};

    (void)state;
    assert_int_equal(gn_null_crypto_tag(1, one, 2), gn_null_crypto_tag(1, one, 2));
    assert_int_not_equal(gn_null_crypto_tag(1, one, 2), gn_null_crypto_tag(1, two, 2));
    assert_int_not_equal(gn_null_crypto_tag(1, one, 2), gn_null_crypto_tag(2, one, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_refused_after_any_change),
        cmocka_unit_test(a_hash_depends_on_the_text_and_not_on_how_it_is_cut),
        cmocka_unit_test(a_tag_tells_pieces_and_keys_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
