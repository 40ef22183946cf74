/* tests/unit/base/test_slice.c - bounded readers and writers. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "base/rng.h"
#include "base/slice.h"

static void slices_are_equal_by_content(void **state)
{
    (void)state;
    assert_true(gn_slice_eq(gn_slice_str("abc"), gn_slice_of("abc", 3)));
    assert_false(gn_slice_eq(gn_slice_str("abc"), gn_slice_str("abd")));
    assert_false(gn_slice_eq(gn_slice_str("abc"), gn_slice_str("ab")));
    assert_true(gn_slice_eq(gn_slice_of(NULL, 0), gn_slice_str("")));
}

static void numbers_are_written_big_endian(void **state)
{
    static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 'x', 'y', 0, 0};
    uint8_t out[sizeof expected];
    struct gn_writer w;

    (void)state;
    memset(out, 0xee, sizeof out);
    gn_writer_init(&w, out, sizeof out);
    gn_writer_u8(&w, 1);
    gn_writer_u16(&w, 0x0203);
    gn_writer_u32(&w, 0x04050607);
    gn_writer_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
    gn_writer_bytes(&w, "xy", 2);
    gn_writer_bytes(&w, NULL, 0);
    gn_writer_zeros(&w, 2);
    gn_writer_zeros(&w, 0);
    assert_false(w.overflow);
    assert_int_equal(w.len, sizeof expected);
    assert_memory_equal(out, expected, sizeof expected);
}

static void an_overflow_writes_nothing_and_stays(void **state)
{
    uint8_t out[10];

    (void)state;
    for (unsigned kind = 0; kind < 6; kind++) {
        struct gn_writer w;

        memset(out, 0xee, sizeof out);
        gn_writer_init(&w, out, 0);
        switch (kind) {
        case 0:
            gn_writer_u8(&w, 1);
            break;
        case 1:
            gn_writer_u16(&w, 1);
            break;
        case 2:
            gn_writer_u32(&w, 1);
            break;
        case 3:
            gn_writer_u64(&w, 1);
            break;
        case 4:
            gn_writer_bytes(&w, "abc", 3);
            break;
        default:
            gn_writer_zeros(&w, SIZE_MAX);
            break;
        }
        assert_true(w.overflow);
        w.cap = sizeof out;
        gn_writer_u8(&w, 1); /* would have room now, but the message is spoilt */
        assert_true(w.overflow);
        assert_int_equal(w.len, 0);
        assert_int_equal(out[0], 0xee);
    }
}

static void a_short_read_gives_zeros_and_stays_failed(void **state)
{
    static const uint8_t in[7] = {1, 2, 3, 4, 5, 6, 7};
    uint8_t copy[8];
    struct gn_reader r;

    (void)state;
    gn_reader_init(&r, gn_slice_of(in, sizeof in));
    assert_int_equal(gn_reader_u8(&r), 1);
    assert_int_equal(gn_reader_left(&r), 6);
    gn_reader_copy(&r, copy, 2);
    assert_int_equal(gn_load_u16(copy), 0x0203);
    assert_int_equal(gn_reader_left(&r), 4);
    memset(copy, 0xee, sizeof copy);
    gn_reader_copy(&r, copy, sizeof copy);
    assert_int_equal(gn_load_u64(copy), 0);
    assert_true(r.failed);
    assert_int_equal(gn_reader_left(&r), 0);
    assert_int_equal(gn_reader_u8(&r), 0);
    assert_int_equal(gn_reader_u16(&r), 0);
    assert_int_equal(gn_reader_u32(&r), 0);
    assert_int_equal(gn_reader_u64(&r), 0);
    assert_int_equal(gn_reader_take(&r, 1).len, 0);
    assert_true(r.failed);
}

static void an_absurd_length_does_not_wrap_around(void **state)
{
    static const uint8_t in[4] = {1, 2, 3, 4};
    struct gn_reader r;

    (void)state;
    gn_reader_init(&r, gn_slice_of(in, sizeof in));
    assert_int_equal(gn_reader_u16(&r), 0x0102);
    assert_int_equal(gn_reader_take(&r, SIZE_MAX).len, 0);
    assert_true(r.failed);
}

static void empty_pieces_may_be_taken_anywhere(void **state)
{
    struct gn_reader r;
    uint8_t none = 0xee;

    (void)state;
    gn_reader_init(&r, gn_slice_of(NULL, 0));
    assert_int_equal(gn_reader_take(&r, 0).len, 0);
    gn_reader_copy(&r, &none, 0);
    assert_int_equal(none, 0xee);
    assert_false(r.failed);
}

/* What a random sequence of writes wrote, the same sequence of reads gives back. */
static void reads_give_back_what_was_written(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        uint8_t buf[512];
        struct gn_rng ops;
        struct gn_writer w;
        struct gn_reader r;

        gn_rng_init_test(&ops, seed, 1);
        gn_writer_init(&w, buf, sizeof buf);
        for (int i = 0; i < 40; i++) {
            uint64_t v = gn_rng_u64(&ops);

            switch (v % 5) {
            case 0:
                gn_writer_u8(&w, (uint8_t)(v >> 8));
                break;
            case 1:
                gn_writer_u16(&w, (uint16_t)(v >> 8));
                break;
            case 2:
                gn_writer_u32(&w, (uint32_t)(v >> 8));
                break;
            case 3:
                gn_writer_u64(&w, v);
                break;
            default:
                gn_writer_bytes(&w, &v, 8);
                break;
            }
        }
        assert_false(w.overflow);
        gn_rng_init_test(&ops, seed, 1);
        gn_reader_init(&r, gn_slice_of(buf, w.len));
        for (int i = 0; i < 40; i++) {
            uint64_t v = gn_rng_u64(&ops);

            switch (v % 5) {
            case 0:
                assert_int_equal(gn_reader_u8(&r), (uint8_t)(v >> 8));
                break;
            case 1:
                assert_int_equal(gn_reader_u16(&r), (uint16_t)(v >> 8));
                break;
            case 2:
                assert_int_equal(gn_reader_u32(&r), (uint32_t)(v >> 8));
                break;
            case 3:
                assert_int_equal(gn_reader_u64(&r), v);
                break;
            default:
                assert_true(gn_slice_eq(gn_reader_take(&r, 8), gn_slice_of(&v, 8)));
                break;
            }
        }
        assert_false(r.failed);
        assert_int_equal(gn_reader_left(&r), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_equal_by_content),
        cmocka_unit_test(numbers_are_written_big_endian),
        cmocka_unit_test(an_overflow_writes_nothing_and_stays),
        cmocka_unit_test(a_short_read_gives_zeros_and_stays_failed),
        cmocka_unit_test(an_absurd_length_does_not_wrap_around),
        cmocka_unit_test(empty_pieces_may_be_taken_anywhere),
        cmocka_unit_test(reads_give_back_what_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
