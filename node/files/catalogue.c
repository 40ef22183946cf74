/* node/files/catalogue.c - the answer to `files`: what is shared, fetched, and on its way. */
#include "node/files/transfer.h"

struct list {
    struct gn_api_file *items;
    char (*links)[GN_FILE_LINK_MAX + 1U];
    size_t len, links_len;
};

static void add_items(struct gn_files *f, struct list *l)
{
    void *value = NULL;
    for (uint32_t cursor = 0; gn_map_next(&f->items, &cursor, NULL, &value);) {
        const struct gn_files_item *item = *(struct gn_files_item **)value;
        if (item->name)
            gn_files_item_describe(f, &l->items[l->len++], l->links[l->links_len++], item);
    }
}

static void add_transfers(struct gn_files *f, struct list *l)
{
    GN_LIST_FOR (at, &f->transfers) {
        const struct gn_files_transfer *t = GN_CONTAINER_OF(at, struct gn_files_transfer, node);
        const struct gn_files_item *item = gn_files_item_get(f, &t->link.root);
        if (!t->fetch || (item && item->name))
            continue;
        l->items[l->len++] = (struct gn_api_file){.root = t->link.root,
                                                  .name = t->link.name,
                                                  .path = t->place,
                                                  .kind = t->link.folder ? "folder" : "file",
                                                  .state = "fetching",
                                                  .link = t->link_text,
                                                  .size = t->total,
                                                  .have = gn_files_transfer_have(t)};
    }
}

void gn_files_api_files(void *files, struct gn_api_call *call)
{
    struct gn_files *f = files;
    struct list l = {0};
    l.items = gn_alloc_zeroed(f->alloc, f->listed + gn_files_transfers_running(f) + 1U, sizeof *l.items);
    l.links = gn_alloc_zeroed(f->alloc, f->listed + 1U, sizeof *l.links);
    if (!l.items || !l.links) {
        gn_api_fail(call, GN_E_NO_MEMORY, NULL);
    } else {
        add_items(f, &l);
        add_transfers(f, &l);
        struct gn_api_files out = {.items = l.items, .len = l.len};
        gn_api_done(call, &out);
    }
    gn_alloc_free(f->alloc, l.items);
    gn_alloc_free(f->alloc, l.links);
}
