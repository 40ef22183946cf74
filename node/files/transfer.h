/* node/files/transfer.h - the inside of a transfer: a link being fetched from several providers.
 *
 * Life: gn_files_transfer_new .. freed when the service closes or it is forgotten. Threads: the loop's. Purity: none.
 *
 * Phases. INFO: the first provider that knows the content tells length and root, which the content id proves. MANIFEST:
 * a folder's list is fetched like any file, and kept in the data folder. FILES: the file, or the folder's files, a few
 * at a time. What has to be known after a kill is in the store (transfer_save.c); what is on disk already is found by
 * its own state files.
 */
#ifndef GN_NODE_FILES_TRANSFER_H
#define GN_NODE_FILES_TRANSFER_H

#include "node/files/get.h"
#include "overlay/files/fetch.h"
#include "overlay/files/manifest.h"
#include "overlay/files/wire.h"

#define GN_TRANSFERS_MAX 100U  /* at work; more are refused */
#define GN_TRANSFERS_KEPT 256U /* ended ones that are still listed */
#define GN_TRANSFER_GETS 16U   /* files of one folder at once */
#define GN_TRANSFER_DETAIL 256U

enum gn_transfer_phase { GN_TRANSFER_INFO, GN_TRANSFER_MANIFEST, GN_TRANSFER_FILES };
enum gn_transfer_state { GN_TRANSFER_RUNNING, GN_TRANSFER_DONE, GN_TRANSFER_FAILED, GN_TRANSFER_CANCELLED };

struct gn_files_channel;

struct gn_transfer_provider {
    struct gn_addr addrs[GN_HOST_ADDRS_MAX];
    size_t addrs_len, addr_at;
    struct gn_files_channel *channel; /* NULL: not connected */
};

struct gn_files_transfer {
    struct gn_list_node node;
    struct gn_files *files;
    uint64_t id;
    struct gn_file_link link;
    char *link_text;
    char *path;  /* what was asked for; NULL: data folder */
    char *place; /* where it goes: the file or folder itself; NULL: data folder */
    bool overwrite;
    enum gn_transfer_state state;
    enum gn_transfer_phase phase;
    enum gn_err err;
    char detail[GN_TRANSFER_DETAIL];
    struct gn_fetch *fetch; /* NULL: ended */
    struct gn_transfer_provider providers[GN_FETCH_PROVIDERS_MAX];
    uint32_t info_file;
    bool pumping, pump_again;
    bool searching;
    bool announced;
    struct gn_tree_hash root;
    uint64_t length; /* of the content */
    /* a folder */
    uint8_t *manifest_bytes;
    struct gn_manifest manifest;
    size_t manifest_at;
    bool reading; /* a thread reads the manifest, or syncs */
    bool resumed; /* it was cut off, by a stop or a kill */
    bool synced;  /* the small files of the folder are on the disk */
    struct gn_files_work work;
    enum gn_err work_err;
    /* files */
    struct gn_files_get *gets[GN_TRANSFER_GETS];
    size_t gets_len;
    bool no_more;   /* all files have been begun */
    uint64_t total; /* bytes of all files; 0 = not known */
    uint64_t have;  /* of finished ones */
    uint64_t rate, rate_have;
    gn_time_us rate_at;
    uint32_t dropped;
    unsigned ranges; /* on their way; it is not freed before they are over */
    struct gn_list watchers;
};

/* transfer.c */
GN_MUST_CHECK enum gn_err gn_files_transfer_new(struct gn_files_transfer **out, struct gn_files *f, const char *link,
                                                const char *path, bool overwrite);
void gn_files_transfer_begin(struct gn_files_transfer *t);
/* Does what the scheduler wants. */
void gn_files_transfer_pump(struct gn_files_transfer *t);
/* Ends it. detail may be NULL. */
void gn_files_transfer_end(struct gn_files_transfer *t, enum gn_transfer_state state, enum gn_err err,
                           const char *detail);
void gn_files_transfer_describe(const struct gn_files_transfer *t, struct gn_api_transfer *out);
uint64_t gn_files_transfer_have(const struct gn_files_transfer *t);
struct gn_files_get *gn_files_transfer_get_of(const struct gn_files_transfer *t, uint32_t number);
/* The answer to INFO, already decoded. */
void gn_files_transfer_info(struct gn_files_transfer *t, uint32_t provider, uint32_t file,
                            const struct gn_file_wire_info *info);
void gn_files_transfer_free(struct gn_files_transfer *t);

/* transfer_files.c: from the length and root on. */
void gn_files_transfer_known(struct gn_files_transfer *t);
void gn_files_transfer_fill(struct gn_files_transfer *t);
void gn_files_transfer_drop_gets(struct gn_files_transfer *t, bool discard);
/* Bytes of its files are verified and written. */
void gn_files_transfer_range_written(struct gn_files_transfer *t, uint64_t bytes);

/* transfer_peers.c: who may have it. */
void gn_files_transfer_add_peer(struct gn_files_transfer *t, const struct gn_id *id, const struct gn_addr *addrs,
                                size_t addrs_len);
void gn_files_transfer_search(struct gn_files_transfer *t);

/* transfer_save.c: transfers that go on after a kill. */
void gn_files_transfers_save(struct gn_files *f);

/* transfer_api.c */
void gn_files_transfer_tell(struct gn_files_transfer *t, bool ended);

/* channel.c: a stream to one provider. */
GN_MUST_CHECK enum gn_err gn_files_channel_new(struct gn_files_channel **out, struct gn_files_transfer *t,
                                               uint32_t provider, const struct gn_contact *peer);
bool gn_files_channel_up(const struct gn_files_channel *c);
/* Asks for what it has of a file. */
GN_MUST_CHECK enum gn_err gn_files_channel_look(struct gn_files_channel *c, uint32_t file, const struct gn_id *content);
/* Asks for the missing leaves of a range. EXISTS: none is missing. */
GN_MUST_CHECK enum gn_err gn_files_channel_ask(struct gn_files_channel *c, struct gn_files_get *g, uint32_t range);
/* Closes it; nothing is reported to the scheduler. */
void gn_files_channel_close(struct gn_files_channel *c);
/* Bytes of it wait for our threads. */
bool gn_files_channel_backlog(const struct gn_files_channel *c);

#endif
