/* storage/os_blob_part.c - downloads come and go: new, resumed, listed, discarded; and their bitmap. */
#include "storage/os_blob_part.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/name.h"
#include "base/os_file.h"
#include "base/utf8.h"
#include "storage/os_blob_part_impl.h"

#define PART_SUFFIX ".ghostnet-part"
#define NAME_KEPT 180U /* bytes of the target's name in the part's */
#define ID_KEPT 8      /* characters of the id in the part's name */

/* ---- paths ---- */

enum gn_err gn_blob_part_path(char out[GN_BLOB_PATH_MAX + 1U], const struct gn_blob_state *what)
{
    char id[GN_ID_TEXT_LEN + 1U];
    const char *slash = strrchr(what->target, '/');
    if (!slash || slash[1] == '\0')
        return GN_E_INVALID;
    if (strlen(slash + 1) > GN_NAME_COMPONENT_MAX)
        return GN_E_LIMIT; /* the last rename would fail */
    gn_id_print(id, &what->id);
    size_t name_len = gn_utf8_cut((const uint8_t *)slash + 1, strlen(slash + 1), NAME_KEPT);
    int n = snprintf(out, GN_BLOB_PATH_MAX + 1U, "%.*s/.%.*s.%.*s" PART_SUFFIX, (int)(slash - what->target),
                     what->target, (int)name_len, slash + 1, ID_KEPT, id);
    return n < 0 || (size_t)n > GN_BLOB_PATH_MAX ? GN_E_LIMIT : GN_OK;
}

static enum gn_err sync_folder_of(const char *path)
{
    char folder[GN_BLOB_PATH_MAX + 1U];
    const char *slash = strrchr(path, '/');
    size_t n = slash && slash != path ? (size_t)(slash - path) : 1U;
    memcpy(folder, path, n);
    folder[n] = '\0';
    return gn_os_file_sync_dir(folder);
}

/* ---- the bitmap ---- */

bool gn_blob_part_mark(struct gn_blob_part *p, uint64_t leaf)
{
    const uint64_t bit = UINT64_C(1) << (leaf % 64U);
    if (atomic_fetch_or(&p->bits[leaf / 64U], bit) & bit)
        return false;
    atomic_store(&p->dirty[leaf / GN_BLOB_STATE_PAGE_LEAVES],
                 1); /* after the bit: a checkpoint clears before it copies */
    atomic_fetch_add(&p->done_bytes, gn_tree_leaf_len(p->what.length, leaf));
    atomic_fetch_add(&p->done, 1);
    return true;
}

void gn_blob_part_unmark(struct gn_blob_part *p, uint64_t leaf)
{
    const uint64_t bit = UINT64_C(1) << (leaf % 64U);
    if (!(atomic_fetch_and(&p->bits[leaf / 64U], ~bit) & bit))
        return;
    atomic_store(&p->dirty[leaf / GN_BLOB_STATE_PAGE_LEAVES], 1);
    atomic_fetch_sub(&p->done_bytes, gn_tree_leaf_len(p->what.length, leaf));
    atomic_fetch_sub(&p->done, 1);
}

bool gn_blob_part_have(const struct gn_blob_part *p, uint64_t leaf)
{
    return leaf < p->leaves && (atomic_load(&p->bits[leaf / 64U]) >> (leaf % 64U)) & 1U;
}

bool gn_blob_part_missing(const struct gn_blob_part *p, uint64_t *first, uint64_t *run, uint64_t from, uint64_t run_max)
{
    *run = 0;
    while (from < p->leaves && gn_blob_part_have(p, from)) {
        /* whole words that are full are skipped at once */
        if (from % 64U == 0 && atomic_load(&p->bits[from / 64U]) == UINT64_MAX)
            from += 64U;
        else
            from++;
    }
    *first = from;
    while (*run < run_max && from + *run < p->leaves && !gn_blob_part_have(p, from + *run))
        ++*run;
    return *run > 0;
}

uint64_t gn_blob_part_leaves(const struct gn_blob_part *p)
{
    return p->leaves;
}

uint64_t gn_blob_part_leaves_done(const struct gn_blob_part *p)
{
    return atomic_load(&p->done);
}

uint64_t gn_blob_part_bytes(const struct gn_blob_part *p)
{
    return atomic_load(&p->done_bytes);
}

bool gn_blob_part_complete(const struct gn_blob_part *p)
{
    return atomic_load(&p->done) == p->leaves;
}

const struct gn_blob_state *gn_blob_part_what(const struct gn_blob_part *p)
{
    return &p->what;
}

/* ---- making ---- */

static enum gn_err part_alloc(struct gn_blob_part **out, struct gn_blob_dir *d, const struct gn_blob_state *what)
{
    struct gn_blob_part *p = gn_alloc_zeroed(d->alloc, 1, sizeof *p);
    *out = NULL;
    if (!p)
        return GN_E_NO_MEMORY;
    p->dir = d;
    p->what = *what;
    p->fd = -1;
    p->state_fd = -1;
    p->tree.fd = -1;
    p->leaves = gn_tree_leaves(what->length);
    p->pages = gn_blob_state_pages(what->length);
    p->bits = gn_alloc_zeroed(d->alloc, (size_t)p->pages * GN_BLOB_PART_PAGE_WORDS + 1U, sizeof *p->bits);
    p->dirty = gn_alloc_zeroed(d->alloc, (size_t)p->pages + 1U, sizeof *p->dirty);
    enum gn_err e = p->bits && p->dirty ? gn_blob_part_path(p->path, what) : GN_E_NO_MEMORY;
    if (e == GN_OK)
        *out = p;
    else
        gn_blob_part_close(p);
    return e;
}

/* Reserves the room. Where the file system cannot, at least asks whether there is enough now. */
static enum gn_err reserve(int fd, uint64_t length)
{
    struct statvfs fs;
    if (length == 0)
        return GN_OK;
    int rc = 0;
    do {
        rc = fallocate(fd, 0, 0, (off_t)length);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return GN_OK;
    if (errno != EOPNOTSUPP && errno != ENOSYS)
        return errno == EFBIG ? GN_E_NO_SPACE : gn_err_from_errno(errno);
    if (fstatvfs(fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < length)
        return GN_E_NO_SPACE;
    return ftruncate(fd, (off_t)length) == 0 ? GN_OK : gn_err_from_errno(errno);
}

static enum gn_err make_data(struct gn_blob_part *p)
{
    p->fd = open(p->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0666);
    if (p->fd < 0)
        return gn_err_from_errno(errno);
    return reserve(p->fd, p->what.length);
}

static enum gn_err make_tree(struct gn_blob_part *p)
{
    char name[GN_BLOB_NAME_MAX];
    gn_blob_tree_name(name, &p->what.id, GN_BLOB_PART_TREE);
    enum gn_err e = gn_blob_tree_create(&p->tree, p->dir, name, p->what.length);
    if (e == GN_OK)
        e = gn_blob_tree_seal(&p->tree, &p->what.id, &p->what.root, false);
    return e == GN_OK && !p->quick ? gn_blob_tree_sync(&p->tree) : e;
}

/* Last, and whole or not at all: where there is a state, there is the rest. */
static enum gn_err make_state(struct gn_blob_part *p)
{
    char name[GN_BLOB_NAME_MAX];
    char tmp[GN_BLOB_NAME_MAX];
    uint8_t block[GN_BLOB_STATE_HEADER];
    uint8_t page[GN_BLOB_STATE_PAGE] = {0};
    gn_blob_tree_name(name, &p->what.id, GN_BLOB_PART_STATE);
    gn_blob_tree_name(tmp, &p->what.id, ".tmp");
    enum gn_err e = gn_blob_state_encode(block, &p->what);
    if (e != GN_OK)
        return e;
    p->state_fd = openat(p->dir->fd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (p->state_fd < 0)
        return gn_err_from_errno(errno);
    e = gn_blob_tree_pwrite(p->state_fd, block, sizeof block, 0);
    for (uint64_t i = 0; e == GN_OK && i < p->pages; i++) {
        gn_blob_state_seal(page, &p->what.id, i);
        e = gn_blob_tree_pwrite(p->state_fd, page, sizeof page, sizeof block + i * sizeof page);
    }
    if (e == GN_OK && fsync(p->state_fd) != 0)
        e = gn_err_from_errno(errno);
    if (e == GN_OK)
        e = sync_folder_of(p->path);
    if (e == GN_OK && renameat(p->dir->fd, tmp, p->dir->fd, name) != 0)
        e = gn_err_from_errno(errno);
    if (e != GN_OK)
        (void)unlinkat(p->dir->fd, tmp, 0);
    else if (fsync(p->dir->fd) != 0)
        e = gn_err_from_errno(errno);
    return e;
}

static enum gn_err part_make(struct gn_blob_part **out, struct gn_blob_dir *d, const struct gn_blob_state *what,
                             bool quick)
{
    *out = NULL;
    struct gn_blob_part *p = NULL;
    struct stat st;
    char name[GN_BLOB_NAME_MAX];
    if (!memchr(what->target, '\0', sizeof what->target) || what->target[0] != '/')
        return GN_E_INVALID;
    enum gn_err e = gn_tree_verify_id(&what->id, what->length, &what->root);
    if (e != GN_OK)
        return e;
    gn_blob_tree_name(name, &what->id, GN_BLOB_PART_STATE);
    if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return GN_E_EXISTS;
    e = part_alloc(&p, d, what);
    if (e != GN_OK)
        return e;
    p->quick = quick;
    e = make_data(p);
    if (e == GN_OK)
        e = make_tree(p);
    if (e == GN_OK && !quick)
        e = make_state(p);
    if (e == GN_OK) {
        p->recheck_at = p->leaves; /* nothing to look at */
        *out = p;
        return GN_OK;
    }
    if (p->fd >= 0)
        (void)unlink(p->path);
    gn_blob_part_unlink(p);
    gn_blob_part_close(p);
    return e;
}

enum gn_err gn_blob_part_new(struct gn_blob_part **out, struct gn_blob_dir *d, const struct gn_blob_state *what)
{
    return part_make(out, d, what, false);
}

enum gn_err gn_blob_part_new_quick(struct gn_blob_part **out, struct gn_blob_dir *d, const struct gn_blob_state *what)
{
    return part_make(out, d, what, true);
}

enum gn_err gn_blob_sync(struct gn_blob_dir *d, const char *path)
{
    enum gn_err e = GN_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return gn_err_from_errno(errno);
    if (syncfs(fd) != 0 || syncfs(d->fd) != 0)
        e = gn_err_from_errno(errno);
    (void)close(fd);
    return e;
}

/* ---- resuming ---- */

static enum gn_err load_page(struct gn_blob_part *p, uint64_t index)
{
    uint8_t page[GN_BLOB_STATE_PAGE];
    enum gn_err e =
        gn_blob_tree_pread(p->state_fd, page, sizeof page, GN_BLOB_STATE_HEADER + index * GN_BLOB_STATE_PAGE);
    if (e != GN_OK && e != GN_E_CHANGED)
        return e;
    if (e == GN_E_CHANGED || !gn_blob_state_page_ok(page, &p->what, index)) {
        atomic_store(&p->dirty[index], 1); /* torn: its leaves are looked at again, and it is written anew */
        return GN_OK;
    }
    for (uint64_t i = 0; i < GN_BLOB_STATE_PAGE_LEAVES; i++) {
        if ((page[i / 8U] >> (i % 8U)) & 1U)
            (void)gn_blob_part_mark(p, index * GN_BLOB_STATE_PAGE_LEAVES + i);
    }
    atomic_store(&p->dirty[index], 0);
    return GN_OK;
}

/* The part file, or the finished file when a kill came right after its renaming. */
static enum gn_err open_data(struct gn_blob_part *p)
{
    struct stat st;
    p->fd = open(p->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    if (p->fd < 0 && errno == ENOENT) {
        p->placed = true;
        p->fd = open(p->what.target, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    }
    if (p->fd < 0)
        return gn_err_from_errno(errno);
    if (fstat(p->fd, &st) != 0)
        return gn_err_from_errno(errno);
    return S_ISREG(st.st_mode) && (uint64_t)st.st_size == p->what.length ? GN_OK : GN_E_NOT_FOUND;
}

/* The tree of the download, which may have its final name when the file has. */
static enum gn_err open_hashes(struct gn_blob_part *p)
{
    char name[GN_BLOB_NAME_MAX];
    char final[GN_BLOB_NAME_MAX];
    const struct gn_blob_tree_of of = {.id = &p->what.id, .root = &p->what.root, .length = p->what.length};
    gn_blob_tree_name(name, of.id, GN_BLOB_PART_TREE);
    gn_blob_tree_name(final, of.id, ".tree");
    enum gn_err e = gn_blob_tree_open(&p->tree, p->dir, name, &of, false);
    if (e == GN_E_NOT_FOUND && p->placed && renameat(p->dir->fd, final, p->dir->fd, name) == 0)
        e = gn_blob_tree_open(&p->tree, p->dir, name, &of, false);
    return e;
}

static enum gn_err read_state(struct gn_blob_state *out, int *fd, const struct gn_blob_dir *d, const struct gn_id *id)
{
    char name[GN_BLOB_NAME_MAX];
    uint8_t block[GN_BLOB_STATE_HEADER];
    memset(out, 0, sizeof *out);
    gn_blob_tree_name(name, id, GN_BLOB_PART_STATE);
    *fd = openat(d->fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return gn_err_from_errno(errno);
    enum gn_err e = gn_blob_tree_pread(*fd, block, sizeof block, 0);
    if (e == GN_OK)
        e = gn_blob_state_decode(out, gn_slice_of(block, sizeof block));
    if (e == GN_E_CHANGED || (e == GN_OK && !gn_id_eq(&out->id, id)))
        e = GN_E_CORRUPT;
    if (e != GN_OK) {
        (void)close(*fd);
        *fd = -1;
    }
    return e;
}

enum gn_err gn_blob_part_resume(struct gn_blob_part **out, struct gn_blob_dir *d, const struct gn_id *id)
{
    *out = NULL;
    struct gn_blob_state what;
    struct gn_blob_part *p = NULL;
    int fd = -1;
    enum gn_err e = read_state(&what, &fd, d, id);
    if (e != GN_OK)
        return e;
    e = part_alloc(&p, d, &what);
    if (e != GN_OK) {
        (void)close(fd);
        return e;
    }
    p->state_fd = fd;
    e = open_data(p);
    if (e == GN_OK)
        e = open_hashes(p);
    if (e == GN_E_NOT_FOUND)
        gn_blob_part_discard(p);
    for (uint64_t i = 0; e == GN_OK && !p->placed && i < p->pages; i++)
        e = load_page(p, i);
    if (e == GN_OK)
        *out = p;
    else
        gn_blob_part_close(p);
    return e;
}

/* ---- ending ---- */

void gn_blob_part_unlink(struct gn_blob_part *p)
{
    char name[GN_BLOB_NAME_MAX];
    gn_blob_tree_name(name, &p->what.id, GN_BLOB_PART_TREE);
    (void)unlinkat(p->dir->fd, name, 0);
    gn_blob_tree_name(name, &p->what.id, GN_BLOB_PART_STATE);
    (void)unlinkat(p->dir->fd, name, 0);
}

void gn_blob_part_discard(struct gn_blob_part *p)
{
    /* the state goes last: a kill in between leaves something that resume can clear away */
    (void)unlink(p->path);
    gn_blob_part_unlink(p);
}

void gn_blob_part_forget(struct gn_blob_dir *d, const struct gn_id *id)
{
    struct gn_blob_state what;
    char path[GN_BLOB_PATH_MAX + 1U];
    char name[GN_BLOB_NAME_MAX];
    int fd = -1;
    if (read_state(&what, &fd, d, id) == GN_OK) {
        (void)close(fd);
        if (gn_blob_part_path(path, &what) == GN_OK)
            (void)unlink(path);
    }
    gn_blob_tree_name(name, id, GN_BLOB_PART_TREE);
    (void)unlinkat(d->fd, name, 0);
    gn_blob_tree_name(name, id, GN_BLOB_PART_STATE);
    (void)unlinkat(d->fd, name, 0);
}

void gn_blob_part_close(struct gn_blob_part *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        (void)close(p->fd);
    if (p->state_fd >= 0)
        (void)close(p->state_fd);
    gn_blob_tree_close(&p->tree);
    gn_alloc_free(p->dir->alloc, p->bits);
    gn_alloc_free(p->dir->alloc, p->dirty);
    gn_alloc_free(p->dir->alloc, p);
}

enum gn_err gn_blob_part_list(struct gn_blob_dir *d, size_t limit, gn_blob_part_visit_fn visit, void *data)
{
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return gn_err_from_errno(errno);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        enum gn_err e = gn_err_from_errno(errno);
        (void)close(fd);
        return e;
    }
    for (const struct dirent *e = readdir(dir); e && limit > 0; e = readdir(dir)) {
        struct gn_id id;
        if (strlen(e->d_name) != GN_ID_TEXT_LEN + sizeof GN_BLOB_PART_STATE - 1U ||
            strcmp(e->d_name + GN_ID_TEXT_LEN, GN_BLOB_PART_STATE) != 0 ||
            gn_id_parse(&id, e->d_name, GN_ID_TEXT_LEN) != GN_OK)
            continue;
        limit--;
        if (!visit(data, &id))
            break;
    }
    (void)closedir(dir);
    return GN_OK;
}
