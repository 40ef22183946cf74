/* node/files/get.h - one file that is being fetched: its part on disk, and the works on it.
 *
 * Life: gn_files_get_new .. freed by itself after gn_files_get_end, when no work is left. Threads: the loop's; works
 * run on the pool. Purity: none.
 */
#ifndef GN_NODE_FILES_GET_H
#define GN_NODE_FILES_GET_H

#include "node/files/inside.h"

enum gn_files_get_state {
    GN_FILES_GET_WAITING, /* another transfer fetches the same content, or no descriptors are free */
    GN_FILES_GET_OPENING,
    GN_FILES_GET_RUNNING,
    GN_FILES_GET_FINISHING,
    GN_FILES_GET_ENDED,
};

struct gn_files_get {
    struct gn_list_node node; /* of files->gets */
    struct gn_files *files;
    void *owner;  /* the transfer */
    size_t index; /* the owner's */
    enum gn_files_get_state state;
    struct gn_blob_state what; /* id, root, length, flags, target */
    bool folder;               /* only a folder is to be made at the target */
    bool overwrite;
    bool quick;                /* a small file of a folder: the owner syncs them all at once, at the end */
    bool resumed;              /* the transfer was cut off: an empty file at the target is what a power cut left */
    struct gn_blob_part *part; /* while RUNNING or FINISHING */
    uint32_t number;           /* of the scheduler's file; UINT32_MAX: none */
    unsigned works;            /* that write to the part */
    unsigned pins;             /* of those who serve it */
    unsigned writers;          /* threads that write now (channel_range.c) */
    struct gn_list lane;       /* pieces that wait for one of them */
    bool busy;                 /* being opened, finished or saved for the end */
    bool want_finish, discard, saved;
    bool checkpointing;
    uint64_t unsaved; /* bytes since the last checkpoint */
    gn_time_us saved_at, retry_at;
    unsigned tries;
    enum gn_err err;
    struct gn_files_work work, checkpoint_work;
    bool have_entry;            /* of the finished file: it goes to the index */
    bool copied;                /* it was here already and was copied: the index knows it */
    struct gn_blob_entry entry; /* what is here already; then the finished file's */
    /* Told on the loop. opened: the part stands, or an error. finished: the file is at its target, or an error;
     * CORRUPT: some of it is missing again. After an error the owner calls gn_files_get_end. */
    void (*opened)(struct gn_files_get *g, enum gn_err err);
    void (*finished)(struct gn_files_get *g, enum gn_err err);
};

/* Gives out. `what` is copied. Starts as soon as it may. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_files_get_new(struct gn_files_get **out, struct gn_files *f,
                                           const struct gn_blob_state *what, void *owner);
/* Starts the waiting ones that may: nobody else fetches the same content, and descriptors are there. */
void gn_files_gets_start(struct gn_files *f, gn_time_us now);
/* All ranges are there: finishes it when the last work is done. */
void gn_files_get_finish(struct gn_files_get *g);
/* Takes g: gives it up, or it is finished. What is on disk stays, or goes with `discard`. No callback comes any more.
 */
void gn_files_get_end(struct gn_files_get *g, bool discard);
bool gn_files_get_is_open(const struct gn_files_get *g); /* leaves may be written */

/* Around every work that writes to the part, and around everything that serves it. */
void gn_files_get_hold(struct gn_files_get *g);
void gn_files_get_let_go(struct gn_files_get *g);
void gn_files_get_pin(struct gn_files_get *g);
void gn_files_get_unpin(struct gn_files_get *g);
/* Saves the state now and then. */
void gn_files_gets_tick(struct gn_files *f, gn_time_us now);

#endif
