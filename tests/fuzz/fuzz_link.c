/* tests/fuzz/fuzz_link.c - links from strangers: what parses is safe, and prints to a link that means the same. */
#include <string.h>

#include "base/check.h"
#include "overlay/files/link.h"
#include "tests/support/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gn_file_link a, b;
    char text[GN_FILE_LINK_MAX + 1U];
    if (gn_file_link_parse(&a, (const char *)data, size) != GN_OK) {
        GN_CHECK(gn_id_is_zero(&a.root) && a.peers_len == 0);
        return 0;
    }
    GN_CHECK(a.name[0] == '\0' || gn_name_component_ok(gn_slice_str(a.name)));
    gn_file_link_print(text, &a);
    GN_CHECK(gn_file_link_parse(&b, text, strlen(text)) == GN_OK);
    GN_CHECK(gn_id_eq(&a.root, &b.root) && a.folder == b.folder && a.has_size == b.has_size && a.size == b.size);
    GN_CHECK(a.peers_len == b.peers_len && (a.name[0] == '\0') == (b.name[0] == '\0'));
    for (size_t i = 0; i < a.peers_len; i++)
        GN_CHECK(gn_id_eq(&a.peers[i].id, &b.peers[i].id) && gn_addr_eq(&a.peers[i].addr, &b.peers[i].addr));
    return 0;
}
