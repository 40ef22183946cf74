/* tests/unit/overlay/test_files_wire.c - the file protocol's bytes, and what is no message. */
#include <string.h>

#include "overlay/files/wire.h"
#include "tests/support/gn_cmocka.h"

static struct gn_file_wire_request q;
static struct gn_file_wire_reply r;
static struct gn_file_wire_info info;

static enum gn_err read_request(struct gn_file_wire_request in)
{
    uint8_t bytes[GN_FILE_WIRE_REQUEST];
    gn_file_wire_request_write(bytes, &in);
    return gn_file_wire_request_read(&q, bytes);
}

static void a_request_reads_back(void **state)
{
    struct gn_file_wire_request in = {
        .op = GN_FILE_WIRE_OP_RANGE, .flags = GN_FILE_WIRE_WANT_PROOF, .first = 512, .count = 256};
    (void)state;
    memset(in.content.b, 7, GN_ID_BYTES);
    assert_int_equal(read_request(in), GN_OK);
    assert_memory_equal(&q, &in, sizeof q);
    assert_int_equal(read_request((struct gn_file_wire_request){.op = GN_FILE_WIRE_OP_INFO}), GN_OK);
}

static void a_request_has_these_bytes(void **state)
{
    /* tests/vectors/files.json, "range" */
    uint8_t bytes[GN_FILE_WIRE_REQUEST];
    static const uint8_t want[] = {1,    2,    1,    0,    0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
                                   0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
                                   0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
                                   0xab, 0xab, 0xab, 0,    0,    1,    4,    0,    0,    0,    0x10};
    struct gn_file_wire_request in = {.op = GN_FILE_WIRE_OP_RANGE, .flags = 1, .first = 260, .count = 16};
    (void)state;
    memset(in.content.b, 0xab, GN_ID_BYTES);
    gn_file_wire_request_write(bytes, &in);
    assert_memory_equal(bytes, want, sizeof want);
}

static void requests_that_make_no_sense_are_malformed(void **state)
{
    const struct gn_file_wire_request bad[] = {
        {.op = 0},
        {.op = 3},
        {.op = GN_FILE_WIRE_OP_INFO, .first = 1},
        {.op = GN_FILE_WIRE_OP_INFO, .count = 1},
        {.op = GN_FILE_WIRE_OP_INFO, .flags = 1},
        {.op = GN_FILE_WIRE_OP_RANGE, .count = 0},
        {.op = GN_FILE_WIRE_OP_RANGE, .count = 257},
        {.op = GN_FILE_WIRE_OP_RANGE, .first = 255, .count = 2}, /* two groups */
        {.op = GN_FILE_WIRE_OP_RANGE, .first = 1, .count = 256},
        {.op = GN_FILE_WIRE_OP_RANGE, .count = 1, .flags = 2},
        {.op = GN_FILE_WIRE_OP_RANGE, .first = UINT32_MAX, .count = 1},
        {.op = GN_FILE_WIRE_OP_RANGE, .first = GN_FILE_WIRE_LEAVES_MAX, .count = 1},
        {.op = GN_FILE_WIRE_OP_RANGE, .first = UINT32_MAX, .count = UINT32_MAX},
    };
    uint8_t bytes[GN_FILE_WIRE_REQUEST];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_request(bad[i]), GN_E_MALFORMED);
    gn_file_wire_request_write(bytes, &(struct gn_file_wire_request){.op = GN_FILE_WIRE_OP_INFO});
    bytes[3] = 1;
    assert_int_equal(gn_file_wire_request_read(&q, bytes), GN_E_MALFORMED);
    bytes[0] = 2;
    assert_int_equal(gn_file_wire_request_read(&q, bytes), GN_E_VERSION);
}

static enum gn_err read_reply(struct gn_file_wire_reply in)
{
    uint8_t bytes[GN_FILE_WIRE_REPLY];
    gn_file_wire_reply_write(bytes, &in);
    enum gn_err err = gn_file_wire_reply_read(&r, bytes);
    if (err == GN_OK)
        assert_memory_equal(&r, &in, sizeof r);
    return err;
}

static void replies_have_bounds(void **state)
{
    const uint8_t info_op = GN_FILE_WIRE_OP_INFO, range = GN_FILE_WIRE_OP_RANGE;
    const uint32_t most = GN_FILE_WIRE_GROUP * GN_FILE_WIRE_LEAF;
    const struct {
        struct gn_file_wire_reply reply;
        enum gn_err err;
    } cases[] = {
        {{info_op, 0, GN_FILE_WIRE_ALL, 40}, GN_OK},
        {{info_op, 0, GN_FILE_WIRE_ALL, 41}, GN_E_MALFORMED},
        {{info_op, 0, 0, 40}, GN_E_MALFORMED},
        {{info_op, 0, 0, 41}, GN_OK},
        {{info_op, 0, 0, 40 + GN_FILE_WIRE_BITS_MAX}, GN_OK},
        {{info_op, 0, 0, 41 + GN_FILE_WIRE_BITS_MAX}, GN_E_MALFORMED},
        {{range, 0, 0, 1}, GN_OK},
        {{range, 0, 0, 0}, GN_E_MALFORMED},
        {{range, 0, 0, most}, GN_OK},
        {{range, 0, 0, most + 1U}, GN_E_MALFORMED},
        {{range, 0, GN_FILE_WIRE_HAS_PROOF, 35}, GN_E_MALFORMED},
        {{range, 0, GN_FILE_WIRE_HAS_PROOF, 36}, GN_OK},
        {{range, 0, GN_FILE_WIRE_HAS_PROOF, most + GN_FILE_WIRE_PROOF_MAX}, GN_OK},
        {{range, 0, GN_FILE_WIRE_HAS_PROOF, most + GN_FILE_WIRE_PROOF_MAX + 1U}, GN_E_MALFORMED},
        {{range, 0, 3, 100}, GN_E_MALFORMED},
        {{range, GN_FILE_WIRE_NOT_HERE, 0, 0}, GN_OK},
        {{range, GN_FILE_WIRE_NOT_HERE, 0, 1}, GN_E_MALFORMED},
        {{range, GN_FILE_WIRE_STATUS_LAST + 1, 0, 0}, GN_E_MALFORMED},
        {{0, 0, 0, 0}, GN_E_MALFORMED},
        {{3, 1, 0, 0}, GN_E_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(read_reply(cases[i].reply), cases[i].err);
}

static void availability_fits_the_length_exactly(void **state)
{
    uint8_t body[GN_FILE_WIRE_INFO + 8U] = {0}, root[32];
    const uint64_t length = 17U * (UINT64_C(4) << 20U); /* 17 groups: 3 bytes, 7 bits unused */
    (void)state;
    memset(root, 9, sizeof root);
    gn_file_wire_info_write(body, length, root);
    assert_int_equal(gn_file_wire_bits_len(length), 3);
    gn_file_wire_bit_set(body + GN_FILE_WIRE_INFO, 0);
    gn_file_wire_bit_set(body + GN_FILE_WIRE_INFO, 16);
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO + 3U), false), GN_OK);
    assert_int_equal(info.length, length);
    assert_memory_equal(info.root, root, 32);
    for (uint64_t i = 0; i < 40; i++)
        assert_int_equal(gn_file_wire_bit(info.bits, i), i == 0 || i == 16);
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO + 2U), false), GN_E_MALFORMED);
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO + 4U), false), GN_E_MALFORMED);
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO + 3U), true), GN_E_MALFORMED);
    gn_file_wire_bit_set(body + GN_FILE_WIRE_INFO, 17); /* behind the end */
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO + 3U), false), GN_E_MALFORMED);
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO), true), GN_OK);
    gn_file_wire_info_write(body, (UINT64_C(1) << 44U) + 1U, root);
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO), true), GN_E_LIMIT);
    gn_file_wire_info_write(body, UINT64_MAX, root);
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO), true), GN_E_LIMIT);
    gn_file_wire_info_write(body, 0, root);
    assert_int_equal(gn_file_wire_info_read(&info, gn_slice_of(body, GN_FILE_WIRE_INFO), false), GN_E_MALFORMED);
}

static void a_proof_has_bounds(void **state)
{
    uint8_t bytes[GN_FILE_WIRE_PROOF];
    size_t uncles, leaves;
    (void)state;
    gn_file_wire_proof_write(bytes, 30, 256);
    assert_int_equal(gn_file_wire_proof_read(&uncles, &leaves, bytes), GN_OK);
    assert_int_equal(uncles, 30);
    assert_int_equal(leaves, 256);
    gn_file_wire_proof_write(bytes, 31, 256);
    assert_int_equal(gn_file_wire_proof_read(&uncles, &leaves, bytes), GN_E_MALFORMED);
    gn_file_wire_proof_write(bytes, 0, 257);
    assert_int_equal(gn_file_wire_proof_read(&uncles, &leaves, bytes), GN_E_MALFORMED);
    gn_file_wire_proof_write(bytes, 0, 0);
    assert_int_equal(gn_file_wire_proof_read(&uncles, &leaves, bytes), GN_E_MALFORMED);
}

static void pieces_are_collected_however_they_come(void **state)
{
    static const uint8_t bytes[] = "0123456789abcdef";
    (void)state;
    for (size_t step = 1; step <= 16; step++) {
        uint8_t out[10];
        struct gn_file_wire_part p;
        size_t at = 0;
        gn_file_wire_part_begin(&p, out, sizeof out);
        for (bool done = false; !done;) {
            struct gn_slice piece = gn_slice_of(bytes + at, step < 16U - at ? step : 16U - at);
            size_t before = piece.len;
            done = gn_file_wire_part_feed(&p, &piece);
            at += before - piece.len;
            assert_int_equal(done, at == 10);
        }
        assert_memory_equal(out, bytes, 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reads_back),
        cmocka_unit_test(a_request_has_these_bytes),
        cmocka_unit_test(requests_that_make_no_sense_are_malformed),
        cmocka_unit_test(replies_have_bounds),
        cmocka_unit_test(availability_fits_the_length_exactly),
        cmocka_unit_test(a_proof_has_bounds),
        cmocka_unit_test(pieces_are_collected_however_they_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
