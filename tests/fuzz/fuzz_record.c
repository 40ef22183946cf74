/* tests/fuzz/fuzz_record.c - records: accepted bytes are exactly the encoding of what they decode to. */
#include <string.h>

#include "base/check.h"
#include "overlay/msg/record.h"
#include "overlay/sodium_crypto.h"
#include "tests/support/fuzz.h"

#define WALL UINT64_C(1700000000)

static uint8_t out[GN_RECORD_BYTES_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {1};
    struct gn_sodium_identity identity;
    struct gn_crypto crypto;
    struct gn_record r, opened;
    size_t len = 0;
    enum gn_err verified;

    gn_sodium_crypto_identity(&identity, seed);
    gn_sodium_crypto_init(&crypto, &identity);
    if (gn_record_decode(&r, gn_slice_of(data, size), &crypto) != GN_OK) {
        GN_CHECK(r.kind == 0 && r.value.data == NULL);
        return 0;
    }
    GN_CHECK(size <= GN_RECORD_BYTES_MAX);
    GN_CHECK(gn_record_encode(out, &len, sizeof(out), &r) == GN_OK);
    GN_CHECK(len == size && memcmp(out, data, size) == 0);
    GN_CHECK(gn_record_compare(&r, &r, &crypto) == 0);
    GN_CHECK(gn_record_expiry(&r, WALL) <= WALL + GN_RECORD_TTL_MAX);
    verified = gn_record_verify(&r, &crypto, WALL);
    GN_CHECK(gn_record_open(&opened, gn_slice_of(data, size), r.kind, &r.target, &crypto, WALL) == verified);
    /* signed by ourselves instead it is good, unless its time is not */
    if (verified == GN_E_AUTH) {
        r.owner = identity.id;
        GN_CHECK(gn_record_sign(&r, out, &len, sizeof(out), &crypto) == GN_OK);
        GN_CHECK(gn_record_decode(&opened, gn_slice_of(out, len), &crypto) == GN_OK);
        GN_CHECK(gn_record_verify(&opened, &crypto, WALL) == GN_OK);
    }
    return 0;
}
