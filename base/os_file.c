/* base/os_file.c - whole files read and replaced. */
#include "base/os_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What grows while a file is read: `cap` bytes, one of them for the NUL. */
struct content {
    const struct gn_alloc *alloc;
    uint8_t *data;
    size_t len;
    size_t cap;
};

static enum gn_err grow(struct content *c, size_t cap)
{
    uint8_t *data = (uint8_t *)gn_alloc_resize(c->alloc, c->data, cap);

    if (!data) {
        return GN_E_NO_MEMORY;
    }
    c->data = data;
    c->cap = cap;
    return GN_OK;
}

/* Reads to the end. The size that stat gave is a first guess: files of /proc say 0, others grow meanwhile. */
static enum gn_err read_all(struct content *c, int fd, size_t guess, size_t max_len)
{
    enum gn_err err = grow(c, guess + 2U); /* one more than expected, so that the end is seen */

    while (!err) {
        ssize_t n = read(fd, c->data + c->len, c->cap - 1U - c->len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return gn_err_from_errno(errno);
        }
        if (n == 0) {
            c->data[c->len] = '\0';
            return GN_OK;
        }
        c->len += (size_t)n;
        if (c->len > max_len) {
            return GN_E_LIMIT;
        }
        if (c->len == c->cap - 1U) {
            err = grow(c, c->cap * 2U);
        }
    }
    return err;
}

enum gn_err gn_os_file_read(const struct gn_alloc *alloc, uint8_t **data, size_t *len, const char *path, size_t max_len)
{
    struct content c = {.alloc = alloc};
    struct stat st;
    enum gn_err err;
    int fd;

    *data = NULL;
    *len = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a FIFO must not hang us */
    if (fd < 0) {
        return gn_err_from_errno(errno);
    }
    if (fstat(fd, &st) != 0) {
        err = gn_err_from_errno(errno);
    } else if (!S_ISREG(st.st_mode)) {
        err = GN_E_INVALID;
    } else if ((uint64_t)st.st_size > max_len) {
        err = GN_E_LIMIT;
    } else {
        err = read_all(&c, fd, (size_t)st.st_size, max_len);
    }
    (void)close(fd);
    if (err) {
        gn_alloc_free(alloc, c.data);
        return err;
    }
    *data = c.data;
    *len = c.len;
    return GN_OK;
}

static enum gn_err write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? gn_err_from_errno(errno) : GN_E_IO;
        }
        data += n;
        len -= (size_t)n;
    }
    return GN_OK;
}

/* Content and mode onto the disk; closes fd. */
static enum gn_err fill_and_close(int fd, const void *data, size_t len, mode_t mode)
{
    enum gn_err err = write_all(fd, (const uint8_t *)data, len);

    if (!err && (fchmod(fd, mode) != 0 || fsync(fd) != 0)) {
        err = gn_err_from_errno(errno);
    }
    if (close(fd) != 0 && !err) {
        err = gn_err_from_errno(errno);
    }
    return err;
}

static enum gn_err sync_parent(const char *path)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    if (!slash) {
        return gn_os_file_sync_dir(".");
    }
    if (len == 0) {
        return gn_os_file_sync_dir("/");
    }
    memcpy(parent, path, len); /* shorter than the name of the temporary file, which did fit */
    parent[len] = '\0';
    return gn_os_file_sync_dir(parent);
}

enum gn_err gn_os_file_write(const char *path, const void *data, size_t len, mode_t mode)
{
    char temporary[PATH_MAX];
    enum gn_err err;
    int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd;

    if (n < 0 || (size_t)n >= sizeof temporary) {
        return GN_E_LIMIT;
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return gn_err_from_errno(errno);
    }
    err = fill_and_close(fd, data, len, mode);
    if (!err && rename(temporary, path) != 0) {
        err = gn_err_from_errno(errno);
    }
    if (err) {
        (void)unlink(temporary);
        return err;
    }
    return sync_parent(path);
}

enum gn_err gn_os_file_sync_dir(const char *path)
{
    enum gn_err err = GN_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);

    if (fd < 0) {
        return gn_err_from_errno(errno);
    }
    /* Some file systems cannot sync a folder and say EINVAL: then there is nothing to be done. */
    if (fsync(fd) != 0 && errno != EINVAL) {
        err = gn_err_from_errno(errno);
    }
    (void)close(fd);
    return err;
}

static enum gn_err make_one(const char *path, mode_t mode)
{
    struct stat st;
    int saved;

    if (mkdir(path, mode) == 0) {
        return GN_OK;
    }
    /* A folder that exists is fine, whatever mkdir said: on a read-only parent it may not say EEXIST. */
    saved = errno;
    if (stat(path, &st) == 0) {
        return S_ISDIR(st.st_mode) ? GN_OK : GN_E_EXISTS;
    }
    return gn_err_from_errno(saved);
}

enum gn_err gn_os_file_mkdirs(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len == 0) {
        return GN_E_INVALID;
    }
    if (len >= sizeof part) {
        return GN_E_LIMIT;
    }
    memcpy(part, path, len + 1U);
    for (size_t i = 1; i <= len; i++) {
        enum gn_err err;

        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        part[i] = '\0';
        err = make_one(part, mode);
        if (err) {
            return err;
        }
        part[i] = path[i];
    }
    return GN_OK;
}
