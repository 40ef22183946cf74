/* tests/fuzz/fuzz_files_wire.c - the file protocol: what is accepted is what would have been written. */
#include <string.h>

#include "base/check.h"
#include "overlay/files/wire.h"
#include "tests/support/fuzz.h"

static void check_request(struct gn_slice in)
{
    uint8_t bytes[GN_FILE_WIRE_REQUEST], again[GN_FILE_WIRE_REQUEST];
    struct gn_file_wire_request r;
    struct gn_file_wire_part p;
    gn_file_wire_part_begin(&p, bytes, sizeof bytes);
    while (gn_file_wire_part_feed(&p, &in)) {
        if (gn_file_wire_request_read(&r, bytes) == GN_OK) {
            gn_file_wire_request_write(again, &r);
            GN_CHECK(memcmp(bytes, again, sizeof bytes) == 0);
            GN_CHECK(r.count <= GN_FILE_WIRE_GROUP);
        }
        gn_file_wire_part_begin(&p, bytes, sizeof bytes);
    }
}

static void check_reply(struct gn_slice in)
{
    uint8_t again[GN_FILE_WIRE_REPLY];
    struct gn_file_wire_reply r;
    struct gn_file_wire_info info;
    size_t uncles, leaves;
    if (in.len < GN_FILE_WIRE_REPLY || gn_file_wire_reply_read(&r, in.data) != GN_OK)
        return;
    gn_file_wire_reply_write(again, &r);
    GN_CHECK(memcmp(in.data, again, sizeof again) == 0);
    struct gn_slice body = gn_slice_of(in.data + GN_FILE_WIRE_REPLY, in.len - GN_FILE_WIRE_REPLY);
    if (r.op == GN_FILE_WIRE_OP_INFO && gn_file_wire_info_read(&info, body, r.flags & GN_FILE_WIRE_ALL) == GN_OK) {
        GN_CHECK(info.all == (info.bits.len == 0) && info.length <= UINT64_C(1) << 44U);
        for (uint64_t i = info.length / (UINT64_C(4) << 20U) + 1U; i < info.bits.len * 8U + 9U; i++)
            GN_CHECK(!gn_file_wire_bit(info.bits, i));
    }
    if (body.len >= GN_FILE_WIRE_PROOF && gn_file_wire_proof_read(&uncles, &leaves, body.data) == GN_OK)
        GN_CHECK(GN_FILE_WIRE_PROOF + 32U * (uncles + leaves) <= GN_FILE_WIRE_PROOF_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_request(gn_slice_of(data, size));
    check_reply(gn_slice_of(data, size));
    return 0;
}
