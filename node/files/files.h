/* node/files/files.h - sharing and fetching files: the service behind `share`, `fetch` and `files`.
 *
 * Life: gn_files_new .. gn_files_close (asynchronous). Borrows loop, host, store, log. Threads: the loop's; hashing,
 * verifying and disk work run on libuv's worker threads. Purity: none.
 *
 * The functions gn_files_api_* are those of struct gn_api_ops (rpc/api.h says what each does) with the service in place
 * of the node.
 */
#ifndef GN_NODE_FILES_FILES_H
#define GN_NODE_FILES_FILES_H

#include <uv.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "node/host.h"
#include "rpc/api.h"
#include "storage/store.h"

struct gn_files;

struct gn_files_config {
    uv_loop_t *loop;
    struct gn_host *host;   /* with links */
    struct gn_store *store; /* index of files */
    const char *path;       /* the folder for trees and downloads; copied */
    const struct gn_alloc *alloc;
    const struct gn_log *log;
};

/* Opens the folder, serves again what was shared and has not changed, continues transfers that a crash cut off. */
GN_MUST_CHECK enum gn_err gn_files_new(struct gn_files **out, const struct gn_files_config *config);
/* Ends transfers (their state stays for the next start) and streams, and closes the host's connections; `closed` comes
 * from the loop. The host outlives it. */
void gn_files_close(struct gn_files *f, void (*closed)(void *data), void *data);

struct gn_files_stats {
    uint64_t files;     /* listed: shared and fetched */
    uint64_t members;   /* of folders */
    uint64_t transfers; /* running */
    uint64_t streams;   /* of peers that we serve */
    uint64_t served_bytes, fetched_bytes;
};
void gn_files_stats(const struct gn_files *f, struct gn_files_stats *out);

void gn_files_api_share(void *files, struct gn_api_call *call, const struct gn_api_share *req);
void gn_files_api_upload_open(void *files, struct gn_api_call *call, const struct gn_api_share *req);
void gn_files_api_upload_write(void *files, struct gn_api_call *call, const struct gn_api_chunk *req);
void gn_files_api_upload_commit(void *files, struct gn_api_call *call, const struct gn_api_handle *req);
void gn_files_api_upload_abort(void *files, uint64_t handle);
void gn_files_api_files(void *files, struct gn_api_call *call);
void gn_files_api_unshare(void *files, struct gn_api_call *call, const struct gn_id *root);
void gn_files_api_file_open(void *files, struct gn_api_call *call, const struct gn_id *root);
void gn_files_api_file_read(void *files, struct gn_api_call *call, const struct gn_api_read *req);
void gn_files_api_file_close(void *files, uint64_t handle);
void gn_files_api_fetch(void *files, struct gn_api_call *call, const struct gn_api_fetch *req);
void gn_files_api_transfers(void *files, struct gn_api_call *call);
void gn_files_api_transfer_watch(void *files, struct gn_api_call *call, uint64_t id);
void gn_files_api_transfer_cancel(void *files, struct gn_api_call *call, uint64_t id);

#endif
