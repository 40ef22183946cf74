/* tests/fuzz/fuzz_lmdb_damage.c - a real store with bytes overwritten: refused, or used without a crash and without a
 * wrong value.
 *
 * Input: patches of 4 bytes each: page u8, offset u16 (12 bits), byte u8 (XORed).
 */
#include "tests/support/fuzz.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/slice.h"
#include "storage/lmdb_store.h"
#include "storage/store.h"

#define RECORDS 120U
#define PAGE 4096U

struct image {
    char folder[64];
    char file[96];
    uint8_t *bytes;
    size_t len;
};
static struct image image;

static void make_record(struct gn_store_record *r, uint8_t data[600], uint32_t n)
{
    memset(r, 0, sizeof *r);
    r->key.kind = (uint8_t)(1U + n % 3U);
    gn_store_u32(r->key.target.b, n * 2654435761U);
    memset(data, (int)n, 600);
    r->data = gn_slice_of(data, n == 7U ? 600U : 30U + n % 200U);
    r->expires_at = n;
    r->group = n % 3U;
}

static struct gn_store *open_store(void)
{
    struct gn_store *s = NULL;
    char why[GN_LMDB_STORE_WHY_MAX];
    struct gn_lmdb_store_options options = {.path = image.folder, .limit_bytes = 16U << 20, .no_sync = true};
    return gn_lmdb_store_open(&s, why, gn_alloc_default(), &options) == GN_OK ? s : NULL;
}

static void remove_image(void)
{
    (void)unlink(image.file);
    (void)rmdir(image.folder);
    free(image.bytes);
}

static void make_image(void)
{
    struct gn_store_record r;
    uint8_t data[600];
    size_t removed = 0;
    struct stat st;
    (void)snprintf(image.folder, sizeof image.folder, "%s/gn-fuzz-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(image.folder))
        abort();
    (void)snprintf(image.file, sizeof image.file, "%s/data.mdb", image.folder);
    struct gn_store *s = open_store();
    if (!s)
        abort();
    for (uint32_t n = 0; n < RECORDS; n++) {
        make_record(&r, data, n);
        if (gn_store_put(s, &r) != GN_OK)
            abort();
    }
    uint8_t big[9000] = {1};
    if (gn_store_meta_put(s, "long", gn_slice_of(big, sizeof big)) != GN_OK ||
        gn_store_expire(s, &removed, 20, 100) != GN_OK)
        abort();
    gn_store_close(s);
    int fd = open(image.file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        abort();
    image.len = (size_t)st.st_size;
    image.bytes = malloc(image.len);
    if (!image.bytes || read(fd, image.bytes, image.len) != (ssize_t)image.len)
        abort();
    (void)close(fd);
    (void)atexit(remove_image);
}

static void write_image(const uint8_t *patches, size_t size)
{
    uint8_t *copy = malloc(image.len);
    if (!copy)
        abort();
    memcpy(copy, image.bytes, image.len);
    for (size_t i = 0; i + 4U <= size; i += 4U) {
        size_t at = patches[i] * (size_t)PAGE + (((size_t)patches[i + 1U] << 8 | patches[i + 2U]) & (PAGE - 1U));
        copy[at % image.len] ^= patches[i + 3U];
    }
    int fd = open(image.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, copy, image.len) != (ssize_t)image.len)
        abort();
    (void)close(fd);
    free(copy);
}

static bool visit(void *data, const struct gn_store_record *r)
{
    *(uint64_t *)data += r->data.len;
    return true;
}

static void use(struct gn_store *s)
{
    struct gn_store_record want;
    struct gn_store_record got;
    struct gn_slice meta;
    struct gn_store_scan scan;
    uint8_t data[600];
    uint64_t bytes = 0;
    size_t removed = 0;
    for (uint32_t n = 0; n < RECORDS; n++) {
        make_record(&want, data, n);
        if (gn_store_get(s, &got, &want.key) == GN_OK && !gn_slice_eq(got.data, want.data))
            abort();
    }
    gn_store_scan_start(&scan);
    (void)!gn_store_scan(s, &scan, 1000, visit, &bytes);
    (void)!gn_store_meta_get(s, &meta, "long");
    make_record(&want, data, 1000);
    (void)!gn_store_put(s, &want);
    (void)!gn_store_expire(s, &removed, 40, 100);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!image.bytes)
        make_image();
    write_image(data, size);
    struct gn_store *s = open_store();
    if (s)
        use(s);
    gn_store_close(s);
    return 0;
}
