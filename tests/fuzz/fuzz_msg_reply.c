/* tests/fuzz/fuzz_msg_reply.c - bodies of replies: what is accepted has one encoding, of the predicted size. */
#include <string.h>

#include "base/check.h"
#include "overlay/msg/msg.h"
#include "tests/support/fuzz.h"

static uint8_t first[GN_MSG_REPLY_MAX * 17]; /* sixteen values of the greatest length are within the format */
static uint8_t second[sizeof(first)];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gn_msg_reply zero;
    struct gn_msg_reply r, again;
    size_t first_len = 0, second_len = 0;

    if (gn_msg_reply_decode(&r, gn_slice_of(data, size)) != GN_OK) {
        GN_CHECK(memcmp(&r, &zero, sizeof(r)) == 0);
        return 0;
    }
    GN_CHECK(r.contacts_len <= GN_MSG_CONTACTS_MAX && r.values_len <= GN_MSG_VALUES_MAX);
    GN_CHECK(gn_msg_reply_encode(first, &first_len, sizeof(first), &r) == GN_OK);
    GN_CHECK(gn_msg_reply_size(&r) == first_len);
    GN_CHECK(first_len <= size && (first_len < size || memcmp(first, data, size) == 0));
    GN_CHECK(gn_msg_reply_decode(&again, gn_slice_of(first, first_len)) == GN_OK);
    GN_CHECK(gn_msg_reply_encode(second, &second_len, sizeof(second), &again) == GN_OK);
    GN_CHECK(second_len == first_len && memcmp(first, second, first_len) == 0);
    GN_CHECK(gn_msg_status_err(r.status) != GN_OK || r.status == GN_MSG_OK);
    return 0;
}
