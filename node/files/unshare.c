/* node/files/unshare.c - stops sharing: a file, or a folder with those of its members that no other folder has. */
#include <string.h>

#include "base/os_file.h"
#include "node/files/inside.h"
#include "overlay/files/manifest.h"

struct unshare {
    struct gn_files_work work;
    struct gn_files *files;
    struct gn_api_call *call;
    struct gn_id id;
    bool folder;
    struct gn_id *others; /* the other manifests */
    size_t others_len;
    struct gn_id *members;
    size_t members_len;
    struct gn_map needed; /* members of the others */
    enum gn_err err;
};

static void over(struct unshare *u)
{
    struct gn_files *f = u->files;
    if (u->call && u->err)
        gn_api_fail(u->call, u->err, NULL);
    else if (u->call)
        gn_api_done(u->call, NULL);
    gn_map_fini(&u->needed);
    gn_alloc_free(f->alloc, u->others);
    gn_alloc_free(f->alloc, u->members);
    gn_alloc_free(f->alloc, u);
}

/* ---- on a thread: what is in the manifests ---- */

static enum gn_err read_manifest(const struct unshare *u, uint8_t **bytes, struct gn_manifest *m,
                                 const struct gn_id *id)
{
    char path[GN_BLOB_PATH_MAX + 1U], text[GN_ID_TEXT_LEN + 1U];
    size_t len = 0;
    gn_id_print(text, id);
    *bytes = NULL;
    size_t n = strlen(u->files->path);
    if (n + sizeof text + 8U > sizeof path)
        return GN_E_LIMIT;
    memcpy(path, u->files->path, n);
    path[n] = '/';
    memcpy(path + n + 1U, text, GN_ID_TEXT_LEN);
    memcpy(path + n + 1U + GN_ID_TEXT_LEN, ".data", 6);
    enum gn_err err = gn_os_file_read(u->files->alloc, bytes, &len, path, GN_MANIFEST_BYTES_MAX);
    return err ? err : gn_manifest_open(m, gn_slice_of(*bytes, len));
}

static void member_id(struct gn_id *out, const struct gn_manifest_entry *e)
{
    struct gn_tree_hash root;
    memcpy(root.b, e->root, sizeof root.b);
    gn_tree_content_id(out, e->length, &root);
}

static enum gn_err find_members(struct unshare *u)
{
    struct gn_manifest m;
    struct gn_manifest_entry e;
    uint8_t *bytes = NULL;
    enum gn_err err = read_manifest(u, &bytes, &m, &u->id);
    if (!err && m.files > 0) {
        u->members = gn_alloc_zeroed(u->files->alloc, m.files, sizeof *u->members);
        err = u->members ? GN_OK : GN_E_NO_MEMORY;
        for (size_t at = 0; !err && gn_manifest_next(&m, &e, &at);) {
            if (e.type != GN_MANIFEST_FOLDER)
                member_id(&u->members[u->members_len++], &e);
        }
    }
    gn_alloc_free(u->files->alloc, bytes);
    return err;
}

static enum gn_err find_needed(struct unshare *u, const struct gn_id *other)
{
    struct gn_manifest m;
    struct gn_manifest_entry e;
    struct gn_id id;
    uint8_t *bytes = NULL;
    enum gn_err err = read_manifest(u, &bytes, &m, other);
    for (size_t at = 0; !err && gn_manifest_next(&m, &e, &at);) {
        if (e.type == GN_MANIFEST_FOLDER)
            continue;
        member_id(&id, &e);
        err = gn_map_set(&u->needed, &id, NULL);
    }
    gn_alloc_free(u->files->alloc, bytes);
    /* A manifest that cannot be read any more keeps nothing. */
    return err == GN_E_NO_MEMORY ? err : GN_OK;
}

static void run_read(struct gn_files_work *w)
{
    struct unshare *u = GN_CONTAINER_OF(w, struct unshare, work);
    if (u->folder && find_members(u) == GN_E_NO_MEMORY)
        u->err = GN_E_NO_MEMORY;
    for (size_t i = 0; !u->err && i < u->others_len; i++)
        u->err = find_needed(u, &u->others[i]);
}

/* ---- on the loop ---- */

static void remove_members(struct unshare *u)
{
    for (size_t i = 0; i < u->members_len; i++) {
        struct gn_files_item *item = gn_files_item_get(u->files, &u->members[i]);
        if (item && !item->name && !gn_map_get(&u->needed, &u->members[i]))
            gn_files_item_remove(u->files, item);
    }
}

static void on_read(struct gn_files_work *w)
{
    struct unshare *u = GN_CONTAINER_OF(w, struct unshare, work);
    struct gn_files_item *item = gn_files_item_get(u->files, &u->id);
    if (!u->err) {
        remove_members(u);
        if (item && gn_map_get(&u->needed, &u->id))
            gn_files_item_unlist(u->files, item);
        else if (item)
            gn_files_item_remove(u->files, item);
        u->err = gn_files_items_flush(u->files);
    }
    over(u);
}

static enum gn_err collect_others(struct unshare *u)
{
    void *value = NULL;
    size_t n = 0;
    for (uint32_t cursor = 0; gn_map_next(&u->files->items, &cursor, NULL, &value);)
        n += ((*(struct gn_files_item **)value)->flags & GN_BLOB_MANIFEST) != 0;
    u->others = gn_alloc_zeroed(u->files->alloc, n + 1U, sizeof *u->others);
    if (!u->others)
        return GN_E_NO_MEMORY;
    for (uint32_t cursor = 0; gn_map_next(&u->files->items, &cursor, NULL, &value);) {
        const struct gn_files_item *item = *(struct gn_files_item **)value;
        if ((item->flags & GN_BLOB_MANIFEST) && !gn_id_eq(&item->id, &u->id))
            u->others[u->others_len++] = item->id;
    }
    return GN_OK;
}

void gn_files_unshare(struct gn_files *f, struct gn_api_call *call, const struct gn_id *id)
{
    const struct gn_files_item *item = gn_files_item_get(f, id);
    if (!item || f->closing) {
        if (call)
            gn_api_fail(call, item ? GN_E_CLOSED : GN_E_NOT_FOUND, item ? NULL : "no such file is shared");
        return;
    }
    struct unshare *u = gn_alloc_zeroed(f->alloc, 1, sizeof *u);
    if (!u) {
        if (call)
            gn_api_fail(call, GN_E_NO_MEMORY, NULL);
        return;
    }
    u->files = f;
    u->call = call;
    u->id = *id;
    u->folder = (item->flags & GN_BLOB_MANIFEST) != 0;
    gn_map_init(&u->needed, f->alloc, GN_ID_BYTES, 0, 0);
    u->err = collect_others(u);
    if (u->err)
        over(u);
    else
        gn_files_work_heavy(f, &u->work, run_read, on_read);
}

void gn_files_api_unshare(void *files, struct gn_api_call *call, const struct gn_id *root)
{
    const struct gn_files_item *item = gn_files_item_get(files, root);
    if (item && !item->name)
        gn_api_fail(call, GN_E_NOT_FOUND, "it is part of a folder: stop sharing that");
    else
        gn_files_unshare(files, call, root);
}
