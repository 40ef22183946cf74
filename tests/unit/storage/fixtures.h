/* tests/unit/storage/fixtures.h - what the tests of storage share: folders that vanish, an allocator that fails on
 * demand.
 *
 * Life: included by one test program. Threads: as the test. Purity: touches the disk.
 */
#ifndef GN_TESTS_UNIT_STORAGE_FIXTURES_H
#define GN_TESTS_UNIT_STORAGE_FIXTURES_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/gn_cmocka.h"

struct temp_dir {
    char path[256];
};

static inline void temp_dir_make(struct temp_dir *d)
{
    const char *root = getenv("TMPDIR");
    (void)snprintf(d->path, sizeof d->path, "%s/gn-storage-XXXXXX", root && strlen(root) < 200 ? root : "/tmp");
    assert_non_null(mkdtemp(d->path));
}

static inline int temp_dir_unlink(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void temp_dir_remove(struct temp_dir *d)
{
    (void)nftw(d->path, temp_dir_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path inside; the result lives in `out`. */
static inline const char *temp_dir_join(const struct temp_dir *d, char out[512], const char *name)
{
    (void)snprintf(out, 512, "%s/%s", d->path, name);
    return out;
}

static inline void write_file(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    const char *p = data;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        assert_true(n > 0);
        p += n;
        len -= (size_t)n;
    }
    assert_int_equal(close(fd), 0);
}

/* Fills `len` bytes with a pattern that differs everywhere and between seeds. */
static inline void fill_pattern(uint8_t *out, size_t len, uint32_t seed)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1U;
    for (size_t i = 0; i < len; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out[i] = (uint8_t)(x >> 32);
    }
}

#endif
