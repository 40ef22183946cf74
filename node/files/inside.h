/* node/files/inside.h - the inside of the file service: what its parts share.
 *
 * Life: see node/files/files.h. Threads: the loop's, but for the `run` of a work. Purity: none.
 */
#ifndef GN_NODE_FILES_INSIDE_H
#define GN_NODE_FILES_INSIDE_H

#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "node/files/files.h"
#include "overlay/files/link.h"
#include "overlay/sodium_crypto.h"
#include "storage/blob_entry.h"
#include "storage/os_blob.h"
#include "storage/os_blob_part.h"

#define GN_FILES_BUF ((size_t)256 * 1024U)             /* bytes of one buffer: 16 leaves */
#define GN_FILES_SERVE_BUFS 256U                       /* buffers lent to peers, in all: 64 MiB */
#define GN_FILES_WINDOW (UINT64_C(64) * 1024U * 1024U) /* bytes asked for, all transfers together */
#define GN_FILES_HEAVY 2U              /* long works at once: the other threads stay free for reading and verifying */
#define GN_FILES_ITEMS_MAX (1U << 20U) /* files known, members of folders included */
#define GN_FILES_TICK_MS 100U

/* ---- works: what may block runs on a thread of the pool (work.c) ---- */

struct gn_files_work {
    uv_work_t req;
    struct gn_list_node node; /* a heavy one that waits */
    struct gn_files *files;
    bool heavy;
    void (*run)(struct gn_files_work *w);  /* on a thread of the pool */
    void (*done)(struct gn_files_work *w); /* on the loop; may free what w is in */
};

/* A piece of memory that is filled by a thread and lent to QUIC, or filled from QUIC and written by a thread. */
struct gn_files_buf {
    struct gn_list_node node;
    struct gn_link_lend lend;
    void *owner; /* of the lend */
    uint8_t *data;
    size_t len;
};

/* ---- what is known (items.c) ---- */

enum gn_files_state { GN_FILES_SHARED, GN_FILES_CHANGED };

struct gn_files_item {
    struct gn_id id;
    struct gn_tree_hash root;
    uint64_t length; /* of the content: of a folder, its manifest */
    uint64_t total;  /* bytes of the file or of all files in the folder */
    uint64_t served;
    uint32_t flags; /* enum gn_blob_flag */
    enum gn_files_state state;
    char *name; /* NULL: a member of a folder, not listed */
    char *path; /* what the user shared or fetched; NULL: kept in the data folder */
};

/* ---- an open file, shared by those who read it (open.c) ---- */

struct gn_files_open {
    struct gn_list_node node; /* in files->opens; the least recently used first */
    struct gn_files *files;
    struct gn_blob *blob; /* NULL while it is being opened */
    struct gn_blob_entry entry;
    enum gn_err err;
    unsigned refs;
    bool opening, stale;
    struct gn_list waiters;
    struct gn_files_work work;
};
struct gn_files_waiter {
    struct gn_list_node node;
    /* Either with an open file, to be given back with gn_files_open_put, or an error. */
    void (*ready)(struct gn_files_waiter *w, struct gn_files_open *o, enum gn_err err);
};

struct gn_files {
    struct gn_files_config config;
    char *path;
    uv_loop_t *loop;
    struct gn_host *host;
    struct gn_links *links;
    const struct gn_alloc *alloc;
    const struct gn_log *log;
    struct gn_blob_dir *dir;
    struct gn_rng rng;
    struct gn_crypto crypto; /* to read records of providers, which are verified already */
    struct gn_sodium_identity nobody;
    uv_timer_t tick;
    bool tick_on;

    unsigned works, heavy;
    struct gn_list heavy_waiting;
    struct gn_list bufs_free;
    size_t bufs_used, bufs_lent, bufs_kept;

    struct gn_map items; /* id -> struct gn_files_item * */
    size_t listed;
    struct gn_list opens;
    size_t opens_len, opens_max;
    size_t gets_max; /* files fetched at once, in all */
    size_t gets_len;

    struct gn_list servers;   /* streams of peers (serve.c) */
    struct gn_list starved;   /* of these, those that wait for a buffer */
    struct gn_list shares;    /* being hashed (share.c) */
    struct gn_list uploads;   /* upload.c */
    struct gn_list readers;   /* reader.c */
    struct gn_list transfers; /* transfer.c */
    struct gn_list gets;      /* files being fetched, of all transfers (get.c) */
    struct gn_list pending;   /* entries to be written to the index (items.c) */
    size_t pending_len;
    struct gn_list ops; /* of the overlay, that we wait for (items.c) */
    bool rechecking;
    uint64_t next_handle, next_transfer;
    uint64_t served_bytes, fetched_bytes;

    bool closing, closed_told;
    void (*closed)(void *data);
    void *closed_data;
};

/* files.c */
void gn_files_tick_start(struct gn_files *f);
/* When the service closes: is this the end? To be called wherever something ends. */
void gn_files_check_closed(struct gn_files *f);

/* work.c */
void gn_files_work(struct gn_files *f, struct gn_files_work *w, void (*run)(struct gn_files_work *),
                   void (*done)(struct gn_files_work *));
/* At most GN_FILES_HEAVY of them at once; the others wait in turn. */
void gn_files_work_heavy(struct gn_files *f, struct gn_files_work *w, void (*run)(struct gn_files_work *),
                         void (*done)(struct gn_files_work *));
struct gn_files_buf *gn_files_buf_take(struct gn_files *f); /* NULL: no memory */
void gn_files_buf_give(struct gn_files *f, struct gn_files_buf *buf);
void gn_files_buf_trim(struct gn_files *f); /* nobody needs buffers now */

/* items.c */
GN_MUST_CHECK enum gn_err gn_files_items_load(struct gn_files *f);
void gn_files_items_free(struct gn_files *f);
struct gn_files_item *gn_files_item_get(struct gn_files *f, const struct gn_id *id);
/* Takes a file into the index, or changes what is known of it. name NULL: a member of a folder. It is written to the
 * store with the next flush. FULL, NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_files_item_put(struct gn_files *f, const struct gn_blob_entry *entry, const char *name,
                                            const char *path, uint64_t total);
/* Writes what is pending, durably. Errors of the store. */
GN_MUST_CHECK enum gn_err gn_files_items_flush(struct gn_files *f);
/* Removes it from the index and its tree from the disk. */
void gn_files_item_remove(struct gn_files *f, struct gn_files_item *item);
/* It stays, as a member of a folder. */
void gn_files_item_unlist(struct gn_files *f, struct gn_files_item *item);
/* The file is not what was hashed any more: not served, not announced. */
void gn_files_item_changed(struct gn_files *f, struct gn_files_item *item);
void gn_files_provide(struct gn_files *f, const struct gn_id *id, bool provide);
/* An operation of the overlay; fn hears its events, DONE last. Cancelled when the service closes. */
GN_MUST_CHECK enum gn_err gn_files_op(struct gn_files *f, const struct gn_command *command, gn_host_op_fn fn,
                                      void *data);
void gn_files_ops_cancel(struct gn_files *f, const void *data); /* of this data; NULL: all */
/* A link with our addresses. */
void gn_files_item_link(struct gn_files *f, char out[GN_FILE_LINK_MAX + 1U], const struct gn_files_item *item);
void gn_files_item_describe(struct gn_files *f, struct gn_api_file *out, char link[GN_FILE_LINK_MAX + 1U],
                            const struct gn_files_item *item);

/* recheck.c: after a start, is every file still what it was? */
void gn_files_recheck_start(struct gn_files *f);

/* unshare.c: removes a file, or a folder with the members that no other folder has. `call` may be NULL. */
void gn_files_unshare(struct gn_files *f, struct gn_api_call *call, const struct gn_id *id);

/* open.c */
void gn_files_open_get(struct gn_files *f, struct gn_files_waiter *w, const struct gn_id *id);
void gn_files_open_put(struct gn_files_open *o);
void gn_files_open_cancel(struct gn_files_waiter *w); /* it does not want to be told any more */
void gn_files_open_forget(struct gn_files *f, const struct gn_id *id);
void gn_files_open_close_idle(struct gn_files *f);

/* serve.c */
void gn_files_serve_start(struct gn_files *f);
void gn_files_serve_close(struct gn_files *f);
void gn_files_serve_feed(struct gn_files *f); /* a buffer is free: those who wait */

/* share.c, upload.c, reader.c */
void gn_files_share_close(struct gn_files *f);
void gn_files_upload_close(struct gn_files *f);
void gn_files_reader_close(struct gn_files *f);

/* transfer.c, get.c */
void gn_files_transfers_load(struct gn_files *f);
void gn_files_transfers_tick(struct gn_files *f);
void gn_files_transfers_close(struct gn_files *f); /* ends them; they go on at the next start */
void gn_files_transfers_free(struct gn_files *f);
size_t gn_files_transfers_running(const struct gn_files *f);
struct gn_files_get;
/* The file of this id that is being fetched and has verified leaves; NULL: none. */
struct gn_files_get *gn_files_get_serving(struct gn_files *f, const struct gn_id *id);

/* Text helpers (items.c): copies; NULL without memory. */
char *gn_files_text(const struct gn_files *f, const char *text);

#endif
