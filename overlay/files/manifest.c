/* overlay/files/manifest.c - the list of files of a folder: canonical bytes, strictly read.
 *
 *   "GNMF" | version u8 | entries u32, then per entry: type u8 | length of the path u16 | path | files: length u64 |
 * root 32
 */
#include "overlay/files/manifest.h"

#include <string.h>

#include "base/name.h"

#define MAGIC "GNMF"
#define MAGIC_LEN 4U
#define HEADER 9U
#define ENTRY_FIXED 3U
#define FILE_FIXED 40U
#define CAP_FIRST 1024U

/* ---- order ---- */

static int rank(uint8_t c)
{
    return c == '/' ? 0 : (int)c + 1;
}

int gn_manifest_compare(struct gn_slice a, struct gn_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) {
        if (a.data[i] != b.data[i])
            return rank(a.data[i]) - rank(b.data[i]);
    }
    return a.len == b.len ? 0 : (a.len < b.len ? -1 : 1);
}

/* May `path` come behind `last`? Not before it, not again, and not inside it: a file is no folder, and an empty folder
 * has nothing in it. Everything inside `last` would stand right behind it, so looking at the neighbour is enough. */
static bool follows(struct gn_slice last, struct gn_slice path)
{
    if (gn_manifest_compare(last, path) >= 0)
        return false;
    return !(path.len > last.len && path.data[last.len] == '/' && memcmp(path.data, last.data, last.len) == 0);
}

static bool is_safe(struct gn_slice path)
{
    size_t depth = 1;
    if (!gn_name_path_ok(path))
        return false;
    for (size_t i = 0; i < path.len; i++)
        depth += path.data[i] == '/';
    return depth <= GN_MANIFEST_DEPTH_MAX;
}

static bool is_file(uint8_t type)
{
    return type != GN_MANIFEST_FOLDER;
}

static bool entry_ok(const struct gn_manifest_entry *e)
{
    static const uint8_t zero[32];
    if (e->type > GN_MANIFEST_FOLDER || !is_safe(e->path))
        return false;
    if (!is_file(e->type))
        return true;
    return e->length <= GN_MANIFEST_FILE_MAX && (e->length > 0 || memcmp(e->root, zero, sizeof zero) == 0);
}

/* ---- reading ---- */

static bool read_entry(struct gn_reader *r, struct gn_manifest_entry *out)
{
    memset(out, 0, sizeof *out);
    out->type = gn_reader_u8(r);
    out->path = gn_reader_take(r, gn_reader_u16(r));
    if (is_file(out->type)) {
        out->length = gn_reader_u64(r);
        gn_reader_copy(r, out->root, sizeof out->root);
    }
    return !r->failed;
}

static enum gn_err check_entries(struct gn_manifest *m)
{
    struct gn_manifest_entry e, last = {0};
    struct gn_reader r;
    gn_reader_init(&r, m->bytes);
    (void)gn_reader_take(&r, HEADER);
    for (uint32_t i = 0; i < m->entries; i++) {
        if (!read_entry(&r, &e) || !entry_ok(&e))
            return GN_E_MALFORMED;
        if (i > 0 && !follows(last.path, e.path))
            return GN_E_MALFORMED;
        m->files += is_file(e.type);
        m->total += e.length; /* a million times 2^44 bytes fit */
        last = e;
    }
    return gn_reader_left(&r) == 0 ? GN_OK : GN_E_MALFORMED;
}

enum gn_err gn_manifest_open(struct gn_manifest *out, struct gn_slice bytes)
{
    struct gn_reader r;
    memset(out, 0, sizeof *out);
    if (bytes.len > GN_MANIFEST_BYTES_MAX)
        return GN_E_LIMIT;
    gn_reader_init(&r, bytes);
    struct gn_slice magic = gn_reader_take(&r, MAGIC_LEN);
    uint8_t version = gn_reader_u8(&r);
    uint32_t entries = gn_reader_u32(&r);
    if (r.failed || memcmp(magic.data, MAGIC, MAGIC_LEN) != 0)
        return GN_E_MALFORMED;
    if (version != GN_MANIFEST_VERSION)
        return GN_E_VERSION;
    if (entries > GN_MANIFEST_ENTRIES_MAX)
        return GN_E_LIMIT;
    struct gn_manifest m = {.bytes = bytes, .entries = entries};
    enum gn_err err = check_entries(&m);
    if (err == GN_OK)
        *out = m;
    return err;
}

bool gn_manifest_next(const struct gn_manifest *m, struct gn_manifest_entry *out, size_t *at)
{
    struct gn_reader r;
    if (*at == 0)
        *at = HEADER;
    if (*at >= m->bytes.len)
        return false;
    gn_reader_init(&r, gn_slice_of(m->bytes.data + *at, m->bytes.len - *at));
    if (!read_entry(&r, out))
        return false;
    *at += r.at;
    return true;
}

/* ---- writing ---- */

void gn_manifest_builder_init(struct gn_manifest_builder *b, const struct gn_alloc *alloc)
{
    *b = (struct gn_manifest_builder){.alloc = alloc};
}

static enum gn_err make_room(struct gn_manifest_builder *b, size_t more)
{
    size_t want = b->len > 0 ? b->len : HEADER;
    if (more > GN_MANIFEST_BYTES_MAX - want)
        return GN_E_LIMIT;
    want += more;
    if (want <= b->cap)
        return GN_OK;
    size_t cap = b->cap > 0 ? b->cap : CAP_FIRST;
    while (cap < want)
        cap *= 2U;
    uint8_t *bytes = gn_alloc_resize(b->alloc, b->bytes, cap);
    if (!bytes)
        return GN_E_NO_MEMORY;
    b->bytes = bytes;
    b->cap = cap;
    return GN_OK;
}

static void write_header(struct gn_manifest_builder *b)
{
    memcpy(b->bytes, MAGIC, MAGIC_LEN);
    b->bytes[MAGIC_LEN] = GN_MANIFEST_VERSION;
    gn_store_u32(b->bytes + MAGIC_LEN + 1U, b->entries);
    if (b->len == 0)
        b->len = HEADER;
}

enum gn_err gn_manifest_builder_add(struct gn_manifest_builder *b, const struct gn_manifest_entry *e)
{
    struct gn_writer w;
    if (!entry_ok(e))
        return GN_E_INVALID;
    if (b->entries > 0) {
        struct gn_slice last = gn_slice_of(b->bytes + b->last + ENTRY_FIXED, gn_load_u16(b->bytes + b->last + 1));
        if (!follows(last, e->path))
            return GN_E_INVALID;
    }
    if (b->entries == GN_MANIFEST_ENTRIES_MAX)
        return GN_E_LIMIT;
    size_t size = ENTRY_FIXED + e->path.len + (is_file(e->type) ? FILE_FIXED : 0U);
    enum gn_err err = make_room(b, size);
    if (err != GN_OK)
        return err;
    write_header(b);
    b->last = b->len;
    gn_writer_init(&w, b->bytes + b->len, size);
    gn_writer_u8(&w, e->type);
    gn_writer_u16(&w, (uint16_t)e->path.len);
    gn_writer_bytes(&w, e->path.data, e->path.len);
    if (is_file(e->type)) {
        gn_writer_u64(&w, e->length);
        gn_writer_bytes(&w, e->root, sizeof e->root);
    }
    b->len += w.len;
    b->entries++;
    return GN_OK;
}

struct gn_slice gn_manifest_builder_bytes(struct gn_manifest_builder *b)
{
    if (b->len == 0 && make_room(b, 0) != GN_OK)
        return gn_slice_of(NULL, 0);
    write_header(b);
    return gn_slice_of(b->bytes, b->len);
}

void gn_manifest_builder_fini(struct gn_manifest_builder *b)
{
    gn_alloc_free(b->alloc, b->bytes);
    gn_manifest_builder_init(b, b->alloc);
}
