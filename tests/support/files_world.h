/* tests/support/files_world.h - a few nodes with the file service in one process, on loopback, in folders that vanish.
 *
 * Life: world_start .. world_end. Threads: the caller's (and libuv's pool). Purity: sockets, files, clock.
 */
#ifndef GN_TESTS_SUPPORT_FILES_WORLD_H
#define GN_TESTS_SUPPORT_FILES_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "node/files/files.h"
#include "node/host.h"

#define WORLD_NODES 4U
#define WORLD_PATH 512U
#define WORLD_WAIT_MS 50000U

struct world_node {
    struct gn_host *host;
    struct gn_files *files; /* NULL: a node without the service, for test servers */
    struct gn_store *store;
    char dir[WORLD_PATH];
};

struct world {
    uv_loop_t loop;
    struct gn_uv_udp_pool *pool;
    uv_timer_t timer;
    bool late;
    char dir[WORLD_PATH];
    const struct gn_alloc *files_alloc; /* of services that are started; NULL: the C library's */
    struct world_node nodes[WORLD_NODES];
};

/* What an API call came to; texts are copies. */
struct world_answer {
    struct gn_api_call call;
    bool over;
    enum gn_err err;
    char detail[GN_API_DETAIL_MAX];
    struct gn_id root;
    char name[256], state[32], link[4200];
    uint64_t id, size, have, dropped, handle;
    size_t len; /* of a list; of bytes read */
    unsigned parts;
    uint8_t *bytes; /* where read bytes go; may be NULL */
};

void world_start(struct world *w);
void world_end(struct world *w);
/* Starts node i; `files` false: only host and links. The folder and key of a node stay over stop and start. Returns
 * what the service said. */
enum gn_err world_node_start(struct world *w, unsigned i, bool files);
void world_node_stop(struct world *w, unsigned i);
/* Removes a file or a folder with all that is in it. */
void world_remove(const char *path);
/* Empties the folder of a stopped node: it has never been anywhere. */
void world_node_wipe(struct world *w, unsigned i);
/* Runs the loop until *flag, or (false) WORLD_WAIT_MS have passed. */
bool world_run(struct world *w, const bool *flag);
/* Runs the loop until check(data) is true. */
bool world_run_until(struct world *w, bool (*check)(void *data), void *data);
void world_run_for(struct world *w, unsigned ms);
/* "<world's folder>/<name>", static memory of four places. */
const char *world_path(struct world *w, const char *name);
/* Writes a file of pseudo-random bytes that depend on the seed. */
void world_file(const char *path, uint64_t len, uint32_t seed);
bool world_same(const char *a, const char *b);

void world_answer_init(struct world_answer *a);
/* Each runs the loop until the answer is there. */
enum gn_err world_share(struct world *w, unsigned i, struct world_answer *a, const char *path);
enum gn_err world_fetch(struct world *w, unsigned i, struct world_answer *a, const char *link, const char *path);
/* Waits for the transfer's end; the error is the transfer's. */
enum gn_err world_wait(struct world *w, unsigned i, struct world_answer *a, uint64_t transfer);
enum gn_err world_fetch_all(struct world *w, unsigned i, struct world_answer *a, const char *link, const char *path);
/* The same, with overwrite. */
enum gn_err world_fetch_over(struct world *w, unsigned i, struct world_answer *a, const char *link, const char *path);
enum gn_err world_cancel(struct world *w, unsigned i, struct world_answer *a, uint64_t transfer);
/* One look at a transfer: NOT_FOUND when there is none. */
enum gn_err world_transfer(struct world *w, unsigned i, struct world_answer *a, uint64_t transfer);
enum gn_err world_commit(struct world *w, unsigned i, struct world_answer *a, uint64_t upload);
/* Opens the file, reads it to a->bytes (len: how much), closes it. */
enum gn_err world_read(struct world *w, unsigned i, struct world_answer *a, const struct gn_id *root);
/* Bytes that node i has sent to others. */
uint64_t world_served(struct world *w, unsigned i);
/* The listed file of this id: NOT_FOUND when there is none. */
enum gn_err world_listed(struct world *w, unsigned i, struct world_answer *a, const struct gn_id *root);

/* For world_run_until: has the listed file this state? */
struct state_wait {
    struct world *w;
    unsigned node;
    const struct gn_id *root;
    const char *want;
};
bool world_state_is(void *data);

#endif
