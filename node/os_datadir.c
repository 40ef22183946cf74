/* node/os_datadir.c - opens the data folder: folder, lock, identity, token. */
#include "node/os_datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "base/hex.h"
#include "base/os_file.h"
#include "base/os_random.h"

#define SECRET_HEX 64U

enum gn_err gn_datadir_join(char out[PATH_MAX], const char *dir, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
    return n > 0 && n < PATH_MAX ? GN_OK : GN_E_LIMIT;
}

enum gn_err gn_datadir_default(char path[PATH_MAX])
{
    const char *xdg = getenv("XDG_DATA_HOME");
    if (xdg && xdg[0] == '/')
        return gn_datadir_join(path, xdg, "ghostnet");
    const char *home = getenv("HOME");
    if (home && home[0] == '/')
        return gn_datadir_join(path, home, ".local/share/ghostnet");
    return GN_E_INVALID;
}

static enum gn_err fail(char why[GN_DATADIR_WHY_MAX], enum gn_err err, const char *what, const char *path,
                        const char *advice)
{
    (void)snprintf(why, GN_DATADIR_WHY_MAX, "%s %.300s: %s%s%s", what, path, gn_err_text(err), *advice ? ": " : "",
                   advice);
    return err;
}

/* A folder that is not empty and holds nothing of ours is somebody else's. */
static enum gn_err check_ours(const char *path)
{
    static const char *const ours[] = {"identity.key", "api.token", "lock", "store", "blobs", "config.ini", "api.sock"};
    DIR *dir = opendir(path);
    if (!dir)
        return gn_err_from_errno(errno);
    bool foreign = false, known = false;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, "lost+found") == 0)
            continue; /* an empty file system has the latter */
        bool is_ours = false;
        for (size_t i = 0; i < GN_ARRAY_LEN(ours); i++)
            is_ours = is_ours || strcmp(e->d_name, ours[i]) == 0;
        known = known || is_ours;
        foreign = foreign || !is_ours;
    }
    (void)closedir(dir);
    return foreign && !known ? GN_E_CORRUPT : GN_OK;
}

static enum gn_err take_lock(struct gn_datadir *d, char why[GN_DATADIR_WHY_MAX])
{
    char path[PATH_MAX], pid[32];
    enum gn_err err = gn_datadir_join(path, d->path, "lock");
    if (err)
        return fail(why, err, "data folder", d->path, "use a shorter path");
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock_fd < 0)
        return fail(why, gn_err_from_errno(errno), "cannot open", path, "check the owner of the data folder");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(d->lock_fd, F_SETLK, &lock) != 0) {
        struct flock holder = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        bool known = fcntl(d->lock_fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
        (void)snprintf(
            why, GN_DATADIR_WHY_MAX,
            "a node is running on %.300s already (pid %ld): use --data-dir for a second one, or 'ghostnet stop'",
            d->path, known ? (long)holder.l_pid : 0L);
        return GN_E_LOCKED;
    }
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(d->lock_fd, 0) != 0 || pwrite(d->lock_fd, pid, (size_t)n, 0) != n)
        return fail(why, gn_err_from_errno(errno), "cannot write", path, "is the disk full?");
    return GN_OK;
}

bool gn_datadir_is_locked(const char *path)
{
    char name[PATH_MAX];
    struct flock holder = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (gn_datadir_join(name, path, "lock"))
        return false;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool locked = fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
    (void)close(fd);
    return locked;
}

/* Reads 32 bytes in hex from a file of mode 0600, or makes them. */
static enum gn_err secret(const struct gn_datadir *d, char why[GN_DATADIR_WHY_MAX], uint8_t out[32], const char *name)
{
    char path[PATH_MAX], text[SECRET_HEX + 2];
    uint8_t *data = NULL;
    size_t len = 0;
    struct stat st;
    enum gn_err err = gn_datadir_join(path, d->path, name);
    if (err)
        return fail(why, err, "data folder", d->path, "use a shorter path");
    err = gn_os_file_read(gn_alloc_default(), &data, &len, path, 4096);
    if (err == GN_E_NOT_FOUND) {
        err = gn_os_random_fill(out, 32);
        gn_hex_encode(text, sizeof text, out, 32);
        text[SECRET_HEX] = '\n';
        if (!err)
            err = gn_os_file_write(path, text, SECRET_HEX + 1, 0600);
        sodium_memzero(text, sizeof text);
        return err ? fail(why, err, "cannot write", path, "check space and permissions") : GN_OK;
    }
    if (err)
        return fail(why, err == GN_E_LIMIT ? GN_E_CORRUPT : err, "cannot read", path, "check the data folder");
    while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r'))
        len--;
    size_t got = 0;
    if (len != SECRET_HEX || gn_hex_decode(out, 32, &got, (const char *)data, len) || got != 32)
        err = fail(why, GN_E_CORRUPT, "not a ghostnet file:", path,
                   "restore it from a backup, or remove it to get a new one");
    else if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        err = fail(why, GN_E_PERMISSION, "others may read", path, "chmod 600 it");
    sodium_memzero(data, len);
    gn_alloc_free(gn_alloc_default(), data);
    return err;
}

enum gn_err gn_datadir_open(struct gn_datadir *d, char why[GN_DATADIR_WHY_MAX], const char *path)
{
    uint8_t token[32];
    memset(d, 0, sizeof *d);
    d->lock_fd = -1;
    why[0] = '\0';
    enum gn_err err = gn_os_file_mkdirs(path, 0700);
    if (err)
        return fail(why, err, "cannot make the data folder", path, "choose another with --data-dir");
    if (!realpath(path, d->path))
        return fail(why, gn_err_from_errno(errno), "cannot open the data folder", path, "");
    err = check_ours(d->path);
    if (err)
        return fail(why, err, "the folder holds other files and nothing of ghostnet:", d->path,
                    "choose an empty one with --data-dir");
    err = take_lock(d, why);
    if (!err)
        err = secret(d, why, d->seed, "identity.key");
    if (!err)
        err = secret(d, why, token, "api.token");
    if (!err)
        gn_hex_encode(d->token, sizeof d->token, token, sizeof token);
    sodium_memzero(token, sizeof token);
    if (err)
        gn_datadir_close(d);
    return err;
}

void gn_datadir_close(struct gn_datadir *d)
{
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd);
    d->lock_fd = -1;
    sodium_memzero(d->seed, sizeof d->seed);
    sodium_memzero(d->token, sizeof d->token);
}
