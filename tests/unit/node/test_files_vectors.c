/* tests/unit/node/test_files_vectors.c - our code gives the bytes of tests/vectors/files.json.
 *
 * tests/lint/files_vectors.py makes and checks the same file without our code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "overlay/files/link.h"
#include "overlay/files/manifest.h"
#include "overlay/files/wire.h"
#include "storage/tree.h"
#include "tests/support/gn_cmocka.h"

#define PATTERN (2U * GN_TREE_LEAF + 1U)

static char *json;
static uint8_t pattern[PATTERN];
static struct gn_tree_hash root, leaves[3];
static struct gn_id content;
static size_t leaves_len;

static void take_leaf(void *data, uint64_t index, const struct gn_tree_hash *hash)
{
    (void)data;
    leaves[index] = *hash;
    leaves_len = (size_t)index + 1U;
}

static void hash(size_t len)
{
    struct gn_tree_builder b;
    gn_tree_builder_init(&b, take_leaf, NULL);
    assert_int_equal(gn_tree_builder_add(&b, pattern, len), GN_OK);
    gn_tree_builder_end(&b, &root, &content);
}

static int begin(void **state)
{
    (void)state;
    FILE *f = fopen(GN_SOURCE_DIR "/tests/vectors/files.json", "rb");
    assert_non_null(f);
    json = calloc(1, 65536);
    assert_non_null(json);
    assert_true(fread(json, 1, 65535, f) > 1000);
    (void)fclose(f);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (uint8_t)(i % 251U);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(json);
    return 0;
}

/* The object that is called `name` says `"key": "value"`. */
static void says(const char *name, const char *key, const char *value)
{
    char want[8192];
    (void)snprintf(want, sizeof want, "\"name\": \"%s\"", name);
    const char *at = strstr(json, want);
    assert_non_null(at);
    const char *close = strchr(at, '}');
    (void)snprintf(want, sizeof want, "\"%s\": \"%s\"", key, value);
    at = strstr(at, want);
    assert_non_null(at);
    assert_true(at < close);
}

static void says_bytes(const char *name, const uint8_t *bytes, size_t len)
{
    static char hex[8192];
    gn_hex_encode(hex, sizeof hex, bytes, len);
    says(name, "bytes", hex);
}

static void trees_and_content_ids_are_the_same(void **state)
{
    static const struct {
        const char *name;
        size_t len;
    } files[] = {{"empty", 0},
                 {"one byte", 1},
                 {"a leaf", GN_TREE_LEAF},
                 {"a leaf and a byte", GN_TREE_LEAF + 1U},
                 {"two leaves and a byte", PATTERN}};
    char hex[65], id[GN_ID_TEXT_LEN + 1U];
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        hash(files[i].len);
        gn_hex_encode(hex, sizeof hex, root.b, sizeof root.b);
        gn_id_print(id, &content);
        says(files[i].name, "root", hex);
        says(files[i].name, "id", id);
    }
}

static void requests_are_the_same(void **state)
{
    uint8_t bytes[GN_FILE_WIRE_REQUEST];
    (void)state;
    hash(PATTERN);
    gn_file_wire_request_write(bytes, &(struct gn_file_wire_request){.op = GN_FILE_WIRE_OP_INFO, .content = content});
    says_bytes("ask INFO", bytes, sizeof bytes);
    gn_file_wire_request_write(
        bytes, &(struct gn_file_wire_request){
                   .op = GN_FILE_WIRE_OP_RANGE, .flags = GN_FILE_WIRE_WANT_PROOF, .content = content, .count = 3});
    says_bytes("ask leaves 0 to 2", bytes, sizeof bytes);
    gn_file_wire_request_write(bytes, &(struct gn_file_wire_request){
                                          .op = GN_FILE_WIRE_OP_RANGE, .content = content, .first = 260, .count = 1});
    says_bytes("ask leaf 260 without a proof", bytes, sizeof bytes);
}

static void replies_are_the_same(void **state)
{
    uint8_t bytes[GN_FILE_WIRE_REPLY + GN_FILE_WIRE_INFO + 256U] = {0};
    uint8_t *body = bytes + GN_FILE_WIRE_REPLY;
    (void)state;
    hash(PATTERN);
    struct gn_file_wire_reply r = {.op = GN_FILE_WIRE_OP_INFO, .flags = GN_FILE_WIRE_ALL, .len = GN_FILE_WIRE_INFO};
    gn_file_wire_reply_write(bytes, &r);
    gn_file_wire_info_write(body, PATTERN, root.b);
    says_bytes("INFO, all of it is here", bytes, GN_FILE_WIRE_REPLY + r.len);

    static const uint8_t zero[32];
    r = (struct gn_file_wire_reply){.op = GN_FILE_WIRE_OP_INFO, .len = GN_FILE_WIRE_INFO + 2U};
    gn_file_wire_reply_write(bytes, &r);
    gn_file_wire_info_write(body, UINT64_C(9) << 22U, zero);
    gn_file_wire_bit_set(body + GN_FILE_WIRE_INFO, 0);
    gn_file_wire_bit_set(body + GN_FILE_WIRE_INFO, 8);
    says_bytes("INFO, range 0 of 9 and range 8 are here", bytes, GN_FILE_WIRE_REPLY + r.len);

    r = (struct gn_file_wire_reply){.op = GN_FILE_WIRE_OP_RANGE,
                                    .flags = GN_FILE_WIRE_HAS_PROOF,
                                    .len = (uint32_t)(GN_FILE_WIRE_PROOF + 32U * leaves_len + 1U)};
    gn_file_wire_reply_write(bytes, &r);
    gn_file_wire_proof_write(body, 0, leaves_len);
    memcpy(body + GN_FILE_WIRE_PROOF, leaves, 32U * leaves_len);
    body[GN_FILE_WIRE_PROOF + 32U * leaves_len] = pattern[PATTERN - 1U];
    says_bytes("the beginning of leaf 2 and its proof", bytes, GN_FILE_WIRE_REPLY + r.len);

    r = (struct gn_file_wire_reply){.op = GN_FILE_WIRE_OP_RANGE, .status = GN_FILE_WIRE_NOT_HERE};
    gn_file_wire_reply_write(bytes, &r);
    says_bytes("not here yet", bytes, GN_FILE_WIRE_REPLY);
}

static void add(struct gn_manifest_builder *b, uint8_t type, const char *path, size_t len)
{
    struct gn_manifest_entry e = {.type = type, .path = gn_slice_str(path), .length = len};
    if (type != GN_MANIFEST_FOLDER) {
        hash(len);
        memcpy(e.root, root.b, sizeof e.root);
    }
    assert_int_equal(gn_manifest_builder_add(b, &e), GN_OK);
}

static void check_manifest(struct gn_manifest_builder *b, const char *name)
{
    char id_text[GN_ID_TEXT_LEN + 1U];
    struct gn_tree_builder t;
    struct gn_id id;
    struct gn_slice bytes = gn_manifest_builder_bytes(b);
    says_bytes(name, bytes.data, bytes.len);
    gn_tree_builder_init(&t, NULL, NULL);
    assert_int_equal(gn_tree_builder_add(&t, bytes.data, bytes.len), GN_OK);
    gn_tree_builder_end(&t, NULL, &id);
    gn_id_print(id_text, &id);
    says(name, "id", id_text);
}

static void manifests_are_the_same(void **state)
{
    struct gn_manifest_builder b;
    (void)state;
    gn_manifest_builder_init(&b, gn_alloc_default());
    check_manifest(&b, "an empty folder");
    pattern[0] = 'x';
    add(&b, GN_MANIFEST_FILE, "a/b", 1);
    pattern[0] = 0;
    add(&b, GN_MANIFEST_PROGRAM, "a!", 0);
    add(&b, GN_MANIFEST_FOLDER, "empty", 0);
    add(&b, GN_MANIFEST_FILE, "\xc3\xa4", PATTERN);
    check_manifest(&b, "a folder");
    gn_manifest_builder_fini(&b);
}

static void links_are_the_same(void **state)
{
    struct gn_file_link l = {.has_size = true, .size = PATTERN, .name = "a b.txt", .peers_len = 1};
    char text[GN_FILE_LINK_MAX + 1U];
    (void)state;
    hash(PATTERN);
    l.root = content;
    for (unsigned i = 0; i < GN_ID_BYTES; i++)
        l.peers[0].id.b[i] = (uint8_t)i;
    assert_int_equal(gn_addr_parse(&l.peers[0].addr, "[2001:db8::1]:4000", 18), GN_OK);
    gn_file_link_print(text, &l);
    says("a file", "link", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_and_content_ids_are_the_same),
        cmocka_unit_test(requests_are_the_same),
        cmocka_unit_test(replies_are_the_same),
        cmocka_unit_test(manifests_are_the_same),
        cmocka_unit_test(links_are_the_same),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
