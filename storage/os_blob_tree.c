/* storage/os_blob_tree.c - tree files. */
#include "storage/os_blob_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/slice.h"

/* "GNTREE", version u8, complete u8, length u64, id 32, root 32, checksum u64, zeros. */
#define HEADER_BYTES 128U
#define SUM_AT 80U
#define VERSION 1U
#define CHUNK 256U /* hashes handled at once */

void gn_blob_tree_name(char out[GN_BLOB_NAME_MAX], const struct gn_id *id, const char *suffix)
{
    char text[GN_ID_TEXT_LEN + 1U];
    gn_id_print(text, id);
    (void)snprintf(out, GN_BLOB_NAME_MAX, "%s%s", text, suffix);
}

enum gn_err gn_blob_tree_pread(int fd, void *buf, size_t len, uint64_t offset)
{
    uint8_t *p = buf;
    while (len > 0) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return gn_err_from_errno(errno);
        if (n == 0)
            return GN_E_CHANGED;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return GN_OK;
}

enum gn_err gn_blob_tree_pwrite(int fd, const void *buf, size_t len, uint64_t offset)
{
    const uint8_t *p = buf;
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? gn_err_from_errno(errno) : GN_E_IO;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return GN_OK;
}

/* ---- life ---- */

enum gn_err gn_blob_tree_create(struct gn_blob_tree *t, const struct gn_blob_dir *d, const char *name, uint64_t length)
{
    t->length = length;
    t->fd = openat(d->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return t->fd < 0 ? gn_err_from_errno(errno) : GN_OK;
}

static void header_of(uint8_t out[HEADER_BYTES], uint64_t length, const struct gn_id *id,
                      const struct gn_tree_hash *root, bool complete)
{
    struct gn_writer w;
    memset(out, 0, HEADER_BYTES);
    gn_writer_init(&w, out, HEADER_BYTES);
    gn_writer_bytes(&w, "GNTREE", 6);
    gn_writer_u8(&w, VERSION);
    gn_writer_u8(&w, complete ? 1U : 0U);
    gn_writer_u64(&w, length);
    gn_writer_bytes(&w, id->b, sizeof id->b);
    gn_writer_bytes(&w, root->b, sizeof root->b);
    gn_store_u64(out + SUM_AT, gn_hash_table(out, SUM_AT));
}

static enum gn_err check_header(const struct gn_blob_tree *t, const struct gn_id *id, const struct gn_tree_hash *root,
                                bool complete)
{
    uint8_t want[HEADER_BYTES];
    uint8_t have[HEADER_BYTES];
    struct stat st;
    enum gn_err e = gn_blob_tree_pread(t->fd, have, sizeof have, 0);
    if (e != GN_OK)
        return e == GN_E_CHANGED ? GN_E_CORRUPT : e;
    header_of(want, t->length, id, root, true);
    bool fits = memcmp(want, have, sizeof want) == 0;
    if (!fits && !complete) {
        header_of(want, t->length, id, root, false);
        fits = memcmp(want, have, sizeof want) == 0;
    }
    if (!fits)
        return GN_E_CORRUPT;
    if (fstat(t->fd, &st) != 0)
        return gn_err_from_errno(errno);
    uint64_t size = HEADER_BYTES + gn_tree_stored_len(t->length) * sizeof(struct gn_tree_hash);
    return complete && (uint64_t)st.st_size != size ? GN_E_CORRUPT : GN_OK;
}

enum gn_err gn_blob_tree_open(struct gn_blob_tree *t, const struct gn_blob_dir *d, const char *name,
                              const struct gn_blob_tree_of *of, bool complete)
{
    t->length = of->length;
    t->fd = openat(d->fd, name, (complete ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
    if (t->fd < 0)
        return gn_err_from_errno(errno);
    enum gn_err e = check_header(t, of->id, of->root, complete);
    if (e != GN_OK)
        gn_blob_tree_close(t);
    return e;
}

void gn_blob_tree_close(struct gn_blob_tree *t)
{
    if (t->fd >= 0)
        (void)close(t->fd);
    t->fd = -1;
}

/* ---- hashes ---- */

enum gn_err gn_blob_tree_read(const struct gn_blob_tree *t, uint64_t pos, struct gn_tree_hash *out, size_t count)
{
    uint8_t *p = out->b;
    size_t len = count * sizeof *out;
    uint64_t offset = HEADER_BYTES + pos * sizeof *out;
    while (len > 0) {
        ssize_t n = pread(t->fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return gn_err_from_errno(errno);
        if (n == 0) {
            memset(p, 0, len);
            return GN_OK;
        }
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return GN_OK;
}

enum gn_err gn_blob_tree_write(const struct gn_blob_tree *t, uint64_t pos, const struct gn_tree_hash *in, size_t count)
{
    return gn_blob_tree_pwrite(t->fd, in->b, count * sizeof *in, HEADER_BYTES + pos * sizeof *in);
}

enum gn_err gn_blob_tree_group(const struct gn_blob_tree *t, struct gn_tree_hash *out, uint64_t index)
{
    struct gn_tree_hash leaves[GN_TREE_GROUP_LEAVES];
    struct gn_tree_fold fold;
    uint64_t first = index * GN_TREE_GROUP_LEAVES;
    uint64_t left = gn_tree_leaves(t->length) - first;
    size_t n = (size_t)(left < GN_TREE_GROUP_LEAVES ? left : GN_TREE_GROUP_LEAVES);
    enum gn_err e = gn_blob_tree_read(t, first, leaves, n);
    if (e != GN_OK)
        return e;
    gn_tree_fold_init(&fold);
    for (size_t i = 0; i < n; i++)
        gn_tree_fold_add(&fold, &leaves[i], 0);
    unsigned height = gn_tree_height(t->length);
    gn_tree_fold_root(&fold, out, height < GN_TREE_GROUP_LEVEL ? height : GN_TREE_GROUP_LEVEL);
    return GN_OK;
}

static enum gn_err build_groups(const struct gn_blob_tree *t)
{
    uint64_t pos = 0;
    for (uint64_t i = 0; gn_tree_stored_at(&pos, t->length, GN_TREE_GROUP_LEVEL, i); i++) {
        struct gn_tree_hash h;
        enum gn_err e = gn_blob_tree_group(t, &h, i);
        if (e == GN_OK)
            e = gn_blob_tree_write(t, pos, &h, 1);
        if (e != GN_OK)
            return e;
    }
    return GN_OK;
}

/* Level `level` from the stored one below it. */
static enum gn_err build_level(const struct gn_blob_tree *t, unsigned level)
{
    struct gn_tree_hash in[CHUNK];
    struct gn_tree_hash pad;
    uint64_t from = 0;
    uint64_t to = 0;
    const uint64_t below = ((gn_tree_leaves(t->length) - 1U) >> (level - 1U)) + 1U;
    gn_tree_pad_hash(&pad, level - 1U);
    if (!gn_tree_stored_at(&from, t->length, level - 1U, 0) || !gn_tree_stored_at(&to, t->length, level, 0))
        return GN_E_INVALID;
    for (uint64_t done = 0; done < below; done += CHUNK) {
        size_t n = (size_t)(below - done < CHUNK ? below - done : CHUNK);
        enum gn_err e = gn_blob_tree_read(t, from + done, in, n);
        if (e != GN_OK)
            return e;
        for (size_t i = 0; i < n; i += 2U)
            gn_tree_node_hash(&in[i / 2U], &in[i], i + 1U < n ? &in[i + 1U] : &pad);
        e = gn_blob_tree_write(t, to + done / 2U, in, (n + 1U) / 2U);
        if (e != GN_OK)
            return e;
    }
    return GN_OK;
}

enum gn_err gn_blob_tree_build(const struct gn_blob_tree *t, struct gn_tree_hash *root, bool groups_ready)
{
    const unsigned height = gn_tree_height(t->length);
    memset(root, 0, sizeof *root);
    if (t->length == 0)
        return GN_OK;
    if (height < GN_TREE_GROUP_LEVEL)
        return gn_blob_tree_group(t, root, 0);
    enum gn_err e = groups_ready ? GN_OK : build_groups(t);
    for (unsigned level = GN_TREE_GROUP_LEVEL + 1U; e == GN_OK && level <= height; level++)
        e = build_level(t, level);
    if (e != GN_OK)
        return e;
    return gn_blob_tree_read(t, gn_tree_stored_len(t->length) - 1U, root, 1);
}

enum gn_err gn_blob_tree_seal(const struct gn_blob_tree *t, const struct gn_id *id, const struct gn_tree_hash *root,
                              bool complete)
{
    uint8_t header[HEADER_BYTES];
    header_of(header, t->length, id, root, complete);
    return gn_blob_tree_pwrite(t->fd, header, sizeof header, 0);
}

enum gn_err gn_blob_tree_sync(const struct gn_blob_tree *t)
{
    return fdatasync(t->fd) == 0 ? GN_OK : gn_err_from_errno(errno);
}
