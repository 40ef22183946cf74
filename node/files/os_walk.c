/* node/files/os_walk.c - walks a folder with one descriptor, however deep it is. */
#include "node/files/os_walk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/name.h"
#include "overlay/files/manifest.h"

#define PART_SUFFIX ".ghostnet-part"

/* Folders that are still to be read, relative to the root. */
struct todo {
    char **paths;
    size_t len, cap;
};

static enum gn_err fail(struct gn_walk *w, enum gn_err err, const char *path)
{
    char shown[160];
    if (gn_name_escape(shown, sizeof shown, gn_slice_str(path), true))
        (void)snprintf(shown, sizeof shown, "a file");
    (void)snprintf(w->detail, sizeof w->detail, "%s: %s", shown,
                   err == GN_E_INVALID ? "a name that cannot be shared (control characters, or no UTF-8)"
                                       : gn_err_text(err));
    return err;
}

static char *copy_text(const struct gn_alloc *alloc, const char *text)
{
    size_t len = strlen(text) + 1U;
    char *copy = gn_alloc_zeroed(alloc, 1, len);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

static enum gn_err add_file(struct gn_walk *w, const char *path, bool folder, uint64_t size)
{
    if (w->len == GN_MANIFEST_ENTRIES_MAX)
        return fail(w, GN_E_LIMIT, path);
    if (w->len == w->cap) {
        size_t cap = w->cap ? w->cap * 2U : 64U;
        struct gn_walk_file *files = gn_alloc_resize(w->alloc, w->files, cap * sizeof *files);
        if (!files)
            return GN_E_NO_MEMORY;
        w->files = files;
        w->cap = cap;
    }
    char *copy = copy_text(w->alloc, path);
    if (!copy)
        return GN_E_NO_MEMORY;
    w->files[w->len++] = (struct gn_walk_file){.path = copy, .folder = folder, .size = size};
    w->total += size;
    return GN_OK;
}

static enum gn_err push(const struct gn_walk *w, struct todo *t, const char *path)
{
    if (t->len == t->cap) {
        size_t cap = t->cap ? t->cap * 2U : 16U;
        char **paths = gn_alloc_resize(w->alloc, t->paths, cap * sizeof *paths);
        if (!paths)
            return GN_E_NO_MEMORY;
        t->paths = paths;
        t->cap = cap;
    }
    char *copy = copy_text(w->alloc, path);
    if (!copy)
        return GN_E_NO_MEMORY;
    t->paths[t->len++] = copy;
    return GN_OK;
}

static bool is_part(const char *name)
{
    size_t len = strlen(name), suffix = strlen(PART_SUFFIX);
    return len > suffix && strcmp(name + len - suffix, PART_SUFFIX) == 0;
}

static bool join(char out[GN_BLOB_PATH_MAX + 1U], const char *a, const char *b)
{
    int n = *a ? snprintf(out, GN_BLOB_PATH_MAX + 1U, "%s/%s", a, b) : snprintf(out, GN_BLOB_PATH_MAX + 1U, "%s", b);
    return n >= 0 && (size_t)n <= GN_BLOB_PATH_MAX;
}

/* One name in a folder. Sets *kept when it is part of the share. */
static enum gn_err visit(struct gn_walk *w, struct todo *t, bool *kept, const char *folder, const char *name)
{
    char relative[GN_BLOB_PATH_MAX + 1U], full[GN_BLOB_PATH_MAX + 1U];
    struct stat st;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return GN_OK;
    if (!join(relative, folder, name) || !join(full, w->root, relative))
        return fail(w, GN_E_LIMIT, name);
    if (lstat(full, &st) != 0)
        return errno == ENOENT ? GN_OK : fail(w, gn_err_from_errno(errno), relative);
    if ((!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) || is_part(name)) {
        w->skipped++;
        return GN_OK;
    }
    if (!gn_name_component_ok(gn_slice_str(name)))
        return fail(w, GN_E_INVALID, relative);
    if (!gn_name_path_ok(gn_slice_str(relative)))
        return fail(w, GN_E_LIMIT, relative);
    *kept = true;
    return S_ISDIR(st.st_mode) ? push(w, t, relative) : add_file(w, relative, false, (uint64_t)st.st_size);
}

static enum gn_err read_folder(struct gn_walk *w, struct todo *t, const char *folder, const atomic_bool *stop)
{
    char full[GN_BLOB_PATH_MAX + 1U];
    bool kept = false;
    enum gn_err err = GN_OK;
    if (!*folder)
        (void)snprintf(full, sizeof full, "%s", w->root);
    else if (!join(full, w->root, folder))
        return fail(w, GN_E_LIMIT, folder);
    DIR *dir = opendir(full);
    if (!dir)
        return fail(w, gn_err_from_errno(errno), *folder ? folder : full);
    while (!err) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            err = errno ? fail(w, gn_err_from_errno(errno), folder) : GN_OK;
            break;
        }
        err = atomic_load(stop) ? GN_E_CANCELLED : visit(w, t, &kept, folder, e->d_name);
    }
    (void)closedir(dir);
    if (!err && !kept && *folder)
        err = add_file(w, folder, true, 0);
    return err;
}

static int compare(const void *a, const void *b)
{
    const struct gn_walk_file *fa = a, *fb = b;
    return gn_manifest_compare(gn_slice_str(fa->path), gn_slice_str(fb->path));
}

static enum gn_err walk_folder(struct gn_walk *w, const atomic_bool *stop)
{
    struct todo t = {0};
    enum gn_err err = push(w, &t, "");
    while (!err && t.len > 0) {
        char *folder = t.paths[--t.len];
        err = read_folder(w, &t, folder, stop);
        gn_alloc_free(w->alloc, folder);
    }
    while (t.len > 0)
        gn_alloc_free(w->alloc, t.paths[--t.len]);
    gn_alloc_free(w->alloc, t.paths);
    if (!err && w->len > 1)
        qsort(w->files, w->len, sizeof *w->files, compare);
    return err;
}

enum gn_err gn_os_walk(struct gn_walk *w, const char *path, const atomic_bool *stop)
{
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(path, real) || stat(real, &st) != 0)
        return fail(w, gn_err_from_errno(errno), path);
    (void)snprintf(w->root, sizeof w->root, "%s", real);
    w->folder = S_ISDIR(st.st_mode);
    if (w->folder)
        return walk_folder(w, stop);
    if (!S_ISREG(st.st_mode)) {
        (void)snprintf(w->detail, sizeof w->detail, "only files and folders can be shared");
        return GN_E_INVALID;
    }
    return add_file(w, "", false, (uint64_t)st.st_size);
}

void gn_os_walk_free(struct gn_walk *w)
{
    for (size_t i = 0; i < w->len; i++)
        gn_alloc_free(w->alloc, w->files[i].path);
    gn_alloc_free(w->alloc, w->files);
    w->files = NULL;
    w->len = 0;
    w->cap = 0;
}
