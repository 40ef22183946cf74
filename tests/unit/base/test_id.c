/* tests/unit/base/test_id.c - ids: order, XOR distance, bits, text. */
#include "tests/support/gn_cmocka.h"

#include <ctype.h>
#include <string.h>

#include "base/id.h"
#include "base/rng.h"

static void random_id(struct gn_id *id, struct gn_rng *rng)
{
    gn_rng_bytes(rng, id->b, GN_ID_BYTES);
    /* Often alike in front, so that the first difference lies anywhere. */
    memset(id->b, 0x5a, (size_t)gn_rng_below(rng, GN_ID_BYTES + 1));
}

static void equality_order_and_zero(void **state)
{
    struct gn_id a = {{0}};
    struct gn_id b = {{0}};

    (void)state;
    assert_true(gn_id_is_zero(&a));
    assert_true(gn_id_eq(&a, &b));
    assert_int_equal(gn_id_cmp(&a, &b), 0);
    b.b[31] = 1;
    assert_false(gn_id_is_zero(&b));
    assert_false(gn_id_eq(&a, &b));
    assert_true(gn_id_cmp(&a, &b) < 0);
    a.b[0] = 0x80; /* bytes compare unsigned */
    assert_true(gn_id_cmp(&a, &b) > 0);
}

static void closer_agrees_with_the_number_of_the_xor(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 0);
    for (int i = 0; i < 5000; i++) {
        struct gn_id t;
        struct gn_id a;
        struct gn_id b;
        struct gn_id ta;
        struct gn_id tb;
        int by_number;
        int got;

        random_id(&t, &rng);
        random_id(&a, &rng);
        random_id(&b, &rng);
        gn_id_xor(&ta, &t, &a);
        gn_id_xor(&tb, &t, &b);
        by_number = memcmp(ta.b, tb.b, GN_ID_BYTES);
        got = gn_id_closer(&t, &a, &b);
        assert_true((by_number < 0) == (got < 0) && (by_number > 0) == (got > 0));
        assert_int_equal(gn_id_closer(&t, &a, &a), 0);
    }
}

static void common_bits_agree_with_a_bit_by_bit_count(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 2, 0);
    for (int i = 0; i < 5000; i++) {
        struct gn_id a;
        struct gn_id b;
        unsigned n = 0;

        random_id(&a, &rng);
        b = a;
        if (i % 2) {
            unsigned at = (unsigned)gn_rng_below(&rng, GN_ID_BITS);

            gn_id_set_bit(&b, at, !gn_id_bit(&a, at));
        } else {
            random_id(&b, &rng);
        }
        while (n < GN_ID_BITS && gn_id_bit(&a, n) == gn_id_bit(&b, n)) {
            n++;
        }
        assert_int_equal(gn_id_common_bits(&a, &b), n);
    }
}

static void equal_ids_share_all_bits(void **state)
{
    struct gn_id a = {{9}};

    (void)state;
    assert_int_equal(gn_id_common_bits(&a, &a), GN_ID_BITS);
}

static void setting_a_bit_changes_that_bit_only(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GN_ID_BITS; i++) {
        struct gn_id a = {{0}};

        gn_id_set_bit(&a, i, true);
        for (unsigned k = 0; k < GN_ID_BITS; k++) {
            assert_int_equal(gn_id_bit(&a, k), i == k);
        }
        gn_id_set_bit(&a, i, false);
        assert_true(gn_id_is_zero(&a));
    }
}

static void index_0_is_the_highest_bit(void **state)
{
    struct gn_id a = {{0x80}};

    (void)state;
    assert_true(gn_id_bit(&a, 0));
    assert_false(gn_id_bit(&a, 1));
}

static void text_round_trip_in_either_case(void **state)
{
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 3, 0);
    for (int i = 0; i < 1000; i++) {
        struct gn_id a;
        struct gn_id b;
        char text[GN_ID_TEXT_LEN + 1];

        random_id(&a, &rng);
        gn_id_print(text, &a);
        assert_int_equal(strlen(text), GN_ID_TEXT_LEN);
        assert_int_equal(gn_id_parse(&b, text, GN_ID_TEXT_LEN), GN_OK);
        assert_true(gn_id_eq(&a, &b));
        for (char *c = text; *c; c++) {
            *c = (char)toupper((unsigned char)*c);
        }
        assert_int_equal(gn_id_parse(&b, text, GN_ID_TEXT_LEN), GN_OK);
        assert_true(gn_id_eq(&a, &b));
    }
}

static void wrong_texts_are_refused_and_leave_the_output_alone(void **state)
{
    struct gn_id zero = {{0}};
    struct gn_id out = {{7}};
    struct gn_id before = out;
    char text[GN_ID_TEXT_LEN + 2] = {0};

    (void)state;
    gn_id_print(text, &zero);
    assert_int_equal(gn_id_parse(&out, text, GN_ID_TEXT_LEN - 1), GN_E_INVALID);
    text[GN_ID_TEXT_LEN] = 'a';
    assert_int_equal(gn_id_parse(&out, text, GN_ID_TEXT_LEN + 1), GN_E_INVALID);
    assert_int_equal(gn_id_parse(&out, text, 0), GN_E_INVALID);
    text[3] = '1';
    assert_int_equal(gn_id_parse(&out, text, GN_ID_TEXT_LEN), GN_E_INVALID);
    text[3] = 'a';
    text[GN_ID_TEXT_LEN - 1] = 'b'; /* the last character has 4 spare bits */
    assert_int_equal(gn_id_parse(&out, text, GN_ID_TEXT_LEN), GN_E_INVALID);
    text[GN_ID_TEXT_LEN - 1] = 'q';
    assert_int_equal(gn_id_parse(&zero, text, GN_ID_TEXT_LEN), GN_OK);
    assert_memory_equal(&out, &before, sizeof out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_order_and_zero),
        cmocka_unit_test(closer_agrees_with_the_number_of_the_xor),
        cmocka_unit_test(common_bits_agree_with_a_bit_by_bit_count),
        cmocka_unit_test(equal_ids_share_all_bits),
        cmocka_unit_test(setting_a_bit_changes_that_bit_only),
        cmocka_unit_test(index_0_is_the_highest_bit),
        cmocka_unit_test(text_round_trip_in_either_case),
        cmocka_unit_test(wrong_texts_are_refused_and_leave_the_output_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
