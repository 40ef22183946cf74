/* node/files/os_get.c - the slow parts of fetching a file. */
#include "node/files/os_get.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"

#define STEP (UINT64_C(64) * 1024U * 1024U)
#define COMPARE_BYTES ((size_t)256 * 1024U)
#define FOLDER_MODE 0777

enum gn_err gn_os_get_mkdirs(const char *path)
{
    return gn_os_file_mkdirs(path, FOLDER_MODE);
}

bool gn_os_get_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static enum gn_err make_parent(const char *target)
{
    char folder[GN_BLOB_PATH_MAX + 1U];
    const char *slash = strrchr(target, '/');
    if (!slash || slash == target)
        return GN_OK;
    memcpy(folder, target, (size_t)(slash - target));
    folder[slash - target] = '\0';
    return gn_os_get_mkdirs(folder);
}

/* A name beside the target that is ours. */
static enum gn_err beside(char out[GN_BLOB_PATH_MAX + 1U], const struct gn_blob_state *what)
{
    char id[GN_ID_TEXT_LEN + 1U];
    const char *slash = strrchr(what->target, '/');
    if (!slash)
        return GN_E_INVALID;
    gn_id_print(id, &what->id);
    int n =
        snprintf(out, GN_BLOB_PATH_MAX + 1U, "%.*s/.%.16s.ghostnet-new", (int)(slash - what->target), what->target, id);
    return n < 0 || (size_t)n > GN_BLOB_PATH_MAX ? GN_E_LIMIT : GN_OK;
}

/* ---- what is there already ---- */

/* Two files with the same bytes? */
static bool is_same(const char *a, const char *b, uint64_t length)
{
    bool same = false;
    uint8_t *buf = malloc(2U * COMPARE_BYTES);
    int fa = open(a, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int fb = open(b, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (!buf || fa < 0 || fb < 0)
        goto out;
    for (uint64_t at = 0; at < length; at += COMPARE_BYTES) {
        size_t n = (size_t)(length - at < COMPARE_BYTES ? length - at : COMPARE_BYTES);
        if (pread(fa, buf, n, (off_t)at) != (ssize_t)n || pread(fb, buf + COMPARE_BYTES, n, (off_t)at) != (ssize_t)n ||
            memcmp(buf, buf + COMPARE_BYTES, n) != 0)
            goto out;
    }
    same = true;
out:
    if (fa >= 0)
        (void)close(fa);
    if (fb >= 0)
        (void)close(fb);
    free(buf);
    return same;
}

/* The content id of the file at the target. */
static enum gn_err identify(struct gn_id *id, const struct gn_files_get *g)
{
    struct gn_tree_builder b;
    uint8_t *buf = malloc(COMPARE_BYTES);
    int fd = open(g->what.target, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum gn_err err = buf ? GN_OK : GN_E_NO_MEMORY;
    if (!err && fd < 0)
        err = gn_err_from_errno(errno);
    gn_tree_builder_init(&b, NULL, NULL);
    while (!err) {
        ssize_t n = read(fd, buf, COMPARE_BYTES);
        if (n == 0)
            break;
        if (n > 0)
            err = gn_tree_builder_add(&b, buf, (size_t)n);
        else if (errno != EINTR)
            err = gn_err_from_errno(errno);
    }
    if (!err)
        gn_tree_builder_end(&b, NULL, id);
    if (fd >= 0)
        (void)close(fd);
    free(buf);
    return err;
}

/* Is the file at the target the one we want? Then its tree is made, so that it can be served. */
static enum gn_err hash_target(struct gn_files_get *g)
{
    struct gn_blob_hash *h = NULL;
    struct gn_id id;
    enum gn_err err = identify(&id, g);
    if (!err && !gn_id_eq(&id, &g->what.id))
        return GN_E_EXISTS;
    if (!err)
        err = gn_blob_hash_open(&h, g->files->dir, g->what.target);
    while (!err && !gn_blob_hash_done(h))
        err = gn_blob_hash_step(h, STEP);
    if (!err)
        err = gn_blob_hash_finish(h, &g->entry);
    gn_blob_hash_close(h);
    if (err)
        return err;
    g->entry.flags |= g->what.flags | GN_BLOB_FETCHED;
    g->have_entry = true;
    return GN_OK;
}

/* NOT_FOUND: nothing is at the target. OK: the file we want. EXISTS: another one. */
static enum gn_err look_at_target(struct gn_files_get *g)
{
    struct stat st;
    if (lstat(g->what.target, &st) != 0)
        return errno == ENOENT ? GN_E_NOT_FOUND : gn_err_from_errno(errno);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != g->what.length) {
        g->overwrite = g->overwrite || (g->resumed && S_ISREG(st.st_mode) && st.st_size == 0);
        return GN_E_EXISTS;
    }
    if (g->copied)
        return strcmp(g->entry.path, g->what.target) == 0 || is_same(g->entry.path, g->what.target, g->what.length)
                   ? GN_OK
                   : GN_E_EXISTS;
    return hash_target(g);
}

/* Shares blocks where the file system can, else copies inside the kernel, else through a buffer. */
static enum gn_err copy_bytes(int from, int to)
{
    enum gn_err err = GN_OK;
    ssize_t n;
    do {
        n = copy_file_range(from, NULL, to, NULL, STEP, 0);
    } while (n > 0);
    if (n == 0)
        return GN_OK;
    uint8_t *buf = malloc(COMPARE_BYTES);
    if (!buf)
        return GN_E_NO_MEMORY;
    off_t at = lseek(to, 0, SEEK_CUR); /* where the kernel gave up */
    if (at < 0 || lseek(from, at, SEEK_SET) < 0)
        err = gn_err_from_errno(errno);
    while (!err && (n = read(from, buf, COMPARE_BYTES)) != 0) {
        if (n < 0 && errno != EINTR)
            err = gn_err_from_errno(errno);
        for (ssize_t done = 0, m; !err && done<n; done += m> 0 ? m : 0) {
            m = write(to, buf + done, (size_t)(n - done));
            if (m < 0 && errno != EINTR)
                err = gn_err_from_errno(errno);
        }
    }
    free(buf);
    return err;
}

static enum gn_err copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    enum gn_err err = out < 0 ? gn_err_from_errno(errno) : copy_bytes(in, out);
    if (in >= 0)
        (void)close(in);
    if (out >= 0 && close(out) != 0 && !err)
        err = gn_err_from_errno(errno);
    return err;
}

static enum gn_err copy_here(struct gn_files_get *g)
{
    char tmp[GN_BLOB_PATH_MAX + 1U];
    enum gn_err err = gn_blob_entry_check(&g->entry);
    if (!err)
        err = beside(tmp, &g->what);
    if (err)
        return err;
    err = copy_file(g->entry.path, tmp);
    if (!err)
        err = gn_blob_entry_check(&g->entry); /* what was copied is from before any change */
    if (!err && (g->what.flags & GN_BLOB_EXECUTABLE))
        (void)chmod(tmp, 0755);
    if (!err && rename(tmp, g->what.target) != 0)
        err = gn_err_from_errno(errno);
    if (err)
        (void)unlink(tmp);
    return err;
}

/* ---- begin, or go on ---- */

static enum gn_err recheck(struct gn_blob_part *p)
{
    bool done = false;
    enum gn_err err = GN_OK;
    while (!err && !done)
        err = gn_blob_part_recheck(p, &done, STEP);
    return err;
}

/* Goes on with what an earlier try has left. NOT_FOUND: nothing that can be used. */
static enum gn_err go_on(struct gn_files_get *g)
{
    struct gn_blob_part *p = NULL;
    enum gn_err err = gn_blob_part_resume(&p, g->files->dir, &g->what.id);
    if (!err && strcmp(gn_blob_part_what(p)->target, g->what.target) != 0) {
        gn_blob_part_discard(p); /* it was to go elsewhere */
        gn_blob_part_close(p);
        return GN_E_NOT_FOUND;
    }
    if (!err)
        err = recheck(p);
    if (err) {
        gn_blob_part_close(p);
        if (err == GN_E_CORRUPT)
            gn_blob_part_forget(g->files->dir, &g->what.id);
        return err == GN_E_CORRUPT ? GN_E_NOT_FOUND : err;
    }
    g->part = p;
    return GN_OK;
}

enum gn_err gn_os_get_open(struct gn_files_get *g)
{
    g->have_entry = false;
    if (g->folder)
        return gn_os_get_mkdirs(g->what.target);
    enum gn_err err = make_parent(g->what.target);
    if (!err)
        err = go_on(g);
    if (err != GN_E_NOT_FOUND)
        return err;
    err = look_at_target(g);
    if (err == GN_E_EXISTS && g->overwrite)
        err = GN_E_NOT_FOUND;
    if (err != GN_E_NOT_FOUND)
        return err;
    if (g->copied && copy_here(g) == GN_OK)
        return GN_OK;
    g->copied = false;
    return g->quick ? gn_blob_part_new_quick(&g->part, g->files->dir, &g->what)
                    : gn_blob_part_new(&g->part, g->files->dir, &g->what);
}

/* ---- in place ---- */

/* The file that is there is replaced in one step: it is there until the new one is. */
static enum gn_err replace(struct gn_files_get *g)
{
    char tmp[GN_BLOB_PATH_MAX + 1U];
    enum gn_err err = beside(tmp, &g->what);
    if (err)
        return err;
    (void)unlink(tmp); /* left by a killed one */
    err = gn_blob_part_finish(g->part, &g->entry, tmp);
    if (!err && rename(tmp, g->what.target) != 0)
        err = gn_err_from_errno(errno);
    if (!err)
        memcpy(g->entry.path, g->what.target, sizeof g->entry.path);
    return err;
}

enum gn_err gn_os_get_finish(struct gn_files_get *g)
{
    enum gn_err err = gn_blob_part_finish(g->part, &g->entry, NULL);
    return err == GN_E_EXISTS && g->overwrite ? replace(g) : err;
}
