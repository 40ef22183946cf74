/* tests/fuzz/fuzz_manifest.c - manifests from strangers: accepted bytes are exactly the encoding of what they list. */
#include "base/check.h"
#include "base/name.h"
#include "overlay/files/manifest.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_manifest m;
    struct gn_manifest_entry e;
    struct gn_manifest_builder b;
    uint32_t entries = 0;
    if (gn_manifest_open(&m, gn_slice_of(data, size)) != GN_OK) {
        GN_CHECK(m.entries == 0 && m.bytes.len == 0);
        return 0;
    }
    gn_manifest_builder_init(&b, gn_alloc_default());
    for (size_t at = 0; gn_manifest_next(&m, &e, &at); entries++) {
        GN_CHECK(gn_name_path_ok(e.path));
        GN_CHECK(gn_manifest_builder_add(&b, &e) == GN_OK);
    }
    GN_CHECK(entries == m.entries);
    GN_CHECK(gn_slice_eq(gn_manifest_builder_bytes(&b), gn_slice_of(data, size)));
    gn_manifest_builder_fini(&b);
    return 0;
}
