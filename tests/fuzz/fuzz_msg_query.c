/* tests/fuzz/fuzz_msg_query.c - bodies of queries: what is accepted has one encoding, and that says the same. */
#include <string.h>

#include "base/check.h"
#include "overlay/msg/msg.h"
#include "tests/support/fuzz.h"

static uint8_t first[GN_MSG_QUERY_MAX];
static uint8_t second[GN_MSG_QUERY_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gn_msg_query zero;
    struct gn_msg_query q, again;
    size_t first_len = 0, second_len = 0;
    uint64_t txid;
    bool known;

    if (gn_msg_query_decode(&q, &known, gn_slice_of(data, size)) != GN_OK) {
        txid = q.txid;
        q.txid = 0;
        GN_CHECK(known || txid == 0);
        GN_CHECK(memcmp(&q, &zero, sizeof(q)) == 0);
        return 0;
    }
    GN_CHECK(known);
    if (gn_msg_query_encode(first, &first_len, sizeof(first), &q) != GN_OK) {
        /* only methods that we do not speak are understood without being spoken */
        GN_CHECK(strcmp(gn_msg_method_name(q.method), "?") == 0 || q.method == GN_MSG_WATCH ||
                 q.method == GN_MSG_PUNCH || q.method == GN_MSG_SAMPLE);
        return 0;
    }
    /* shorter only by what was ignored, or by nil at the end */
    GN_CHECK(first_len <= size && (first_len < size || memcmp(first, data, size) == 0));
    GN_CHECK(gn_msg_query_decode(&again, NULL, gn_slice_of(first, first_len)) == GN_OK);
    GN_CHECK(gn_msg_query_encode(second, &second_len, sizeof(second), &again) == GN_OK);
    GN_CHECK(second_len == first_len && memcmp(first, second, first_len) == 0);
    GN_CHECK(gn_msg_query_encode(second, &second_len, first_len - 1, &again) == GN_E_LIMIT);
    return 0;
}
