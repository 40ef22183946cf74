/* node/host.h - one overlay on real sockets: a UDP port, sealed datagrams, QUIC, a store, and the loop between them.
 *
 * Life: gn_host_new .. gn_host_close (asynchronous). Borrows loop, pool, store, log, alloc. Threads: the loop's.
 * Purity: none. `ghostnet run` has one; a benchmark has hundreds on one loop.
 *
 * It turns datagrams, stream queries, timers and commands into inputs of gn_overlay_step, and carries out the effects.
 */
#ifndef GN_NODE_HOST_H
#define GN_NODE_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/contact.h"
#include "base/log.h"
#include "node/links.h"
#include "overlay/overlay.h"
#include "storage/store.h"
#include "transport/seal/seal.h"
#include "transport/udp/demux.h"
#include "transport/udp/uv_udp.h"

#define GN_HOST_ADDRS_MAX 8U

struct gn_host_config {
    uv_loop_t *loop;
    struct gn_uv_udp_pool *pool;
    const struct gn_alloc *alloc;
    const struct gn_log *log;
    struct gn_store *store;
    uint8_t identity_seed[32];
    uint8_t net_id[16];
    const struct gn_addr *listen; /* one per family at most */
    size_t listen_len;
    struct gn_overlay_config overlay; /* `self` is filled in */
    bool links;                       /* QUIC too: large values and files */
    uint32_t connections_max;
    enum gn_quic_cc congestion;
};

typedef void (*gn_host_op_fn)(void *data, const struct gn_op_event *event);

struct gn_host_counters {
    struct gn_os_udp_counters udp;
    struct gn_demux_counters demux;
    struct gn_quic_counters quic; /* zero without links */
    uint64_t store_commits, store_errors;
    enum gn_err store_last_error; /* of the last commit; OK again after a good one */
};

struct gn_host;

/* Opens the sockets, restores the saved table. IN_USE, PERMISSION, UNSUPPORTED (address family), NO_MEMORY, SYSTEM;
 * `*failed` (may be NULL) is the address that could not be opened. After an error the loop must run once more, to close
 * what was opened. */
GN_MUST_CHECK enum gn_err gn_host_new(struct gn_host **out, struct gn_addr *failed,
                                      const struct gn_host_config *config);
/* Saves the table, says goodbye, closes. `closed` comes from the loop. */
void gn_host_close(struct gn_host *h, void (*closed)(void *data), void *data);

/* Starts an operation: command->op is chosen here and given in *op. `fn` hears its events, GN_OPEV_DONE last; never
 * from within this call. FULL: too many operations. */
GN_MUST_CHECK enum gn_err gn_host_command(struct gn_host *h, gn_op_id *op, const struct gn_command *command,
                                          gn_host_op_fn fn, void *data);
/* DONE with GN_E_CANCELLED follows. */
void gn_host_cancel(struct gn_host *h, gn_op_id op);

/* Keeps the routing table now, for the next start; the overlay does it every five minutes. Errors are logged. */
void gn_host_save_table(struct gn_host *h);
/* Commits the overlay's open batch now, so that another user of the store can have a batch of its own. */
void gn_host_flush(struct gn_host *h);

const struct gn_id *gn_host_id(const struct gn_host *h);
/* As bound, real ports. Returns how many. */
size_t gn_host_listen(const struct gn_host *h, struct gn_addr out[2]);
/* What others may dial: interface addresses with our port, and the one that peers see us at. */
size_t gn_host_addrs(const struct gn_host *h, struct gn_addr out[GN_HOST_ADDRS_MAX]);
struct gn_overlay *gn_host_overlay(struct gn_host *h); /* to look in */
struct gn_links *gn_host_links(struct gn_host *h);     /* NULL without */
void gn_host_counters(const struct gn_host *h, struct gn_host_counters *out);
const struct gn_seal_counters *gn_host_seal_counters(const struct gn_host *h);
/* Addresses, routes, or a resume: opens the sockets again where needed, new keys, pings the table. */
void gn_host_network_changed(struct gn_host *h);

#endif
