/* transport/udp/uv_udp.h - a node's UDP port on a libuv loop: one socket per address family, batched both ways.
 *
 * Life: gn_uv_udp_new .. gn_uv_udp_close (asynchronous, like every libuv handle); the pool outlives its ports.
 * Threads: the loop's. Purity: system (sockets through os_udp.h, libuv).
 *
 * Receiving: recvmmsg into the pool's buffers, with UDP_GRO where the kernel has it; each datagram is handed over
 * on its own. Sending: trains are staged in the pool's one buffer and leave with sendmmsg + UDP_SEGMENT just before the
 * loop sleeps (or at gn_uv_udp_flush, or when the stage is full). When the kernel is full (EAGAIN) the rest
 * waits in a bounded backlog of the socket; beyond it datagrams are dropped and counted, as a network would. An idle
 * port costs two small structures; the buffers belong to the pool, once per loop.
 */
#ifndef GN_UDP_UV_UDP_H
#define GN_UDP_UV_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "transport/udp/os_udp.h"
#include "transport/udp/packet.h"

struct gn_uv_udp_pool;
struct gn_uv_udp;

/* Receive and send buffers shared by all ports of one loop (about 0.8 MB when busy, untouched pages when idle).
 * GN_E_NO_MEMORY, GN_E_SYSTEM. */
GN_MUST_CHECK enum gn_err gn_uv_udp_pool_new(struct gn_uv_udp_pool **out, uv_loop_t *loop,
                                             const struct gn_alloc *alloc);
/* All ports must be closed. The memory goes when the loop has run its close callbacks. NULL is fine. */
void gn_uv_udp_pool_close(struct gn_uv_udp_pool *pool);

struct gn_uv_udp_config {
    struct gn_uv_udp_pool *pool; /* borrowed */
    const struct gn_alloc *alloc;
    const struct gn_log *log;
    /* Each datagram; the packet is borrowed for the call. May send, may close the port. */
    void (*receive)(void *owner, const struct gn_udp_packet *packet);
    /* After each batch of receive calls: the moment to answer. May be NULL. */
    void (*received)(void *owner);
    /* The backlog is empty again after gn_uv_udp_blocked was true. May be NULL. */
    void (*writable)(void *owner);
    void *owner;
    size_t backlog_max;                  /* bytes per socket; 0 = 1 MiB */
    bool no_gso, no_gro;                 /* do not even try */
    const struct gn_os_udp_calls *calls; /* NULL = the system's; tests inject failures */
};

GN_MUST_CHECK enum gn_err gn_uv_udp_new(struct gn_uv_udp **out, const struct gn_uv_udp_config *config);
/* Opens the socket of addr's family, or replaces it (rebind after a network change; the old one is closed only when
 * the new one is bound, unless both want the same port). Port 0: the kernel chooses. The IP may be unspecified.
 * GN_E_IN_USE, GN_E_PERMISSION, GN_E_DESCRIPTORS, GN_E_UNSUPPORTED (no such family here), GN_E_SYSTEM. On error the
 * socket that was open before stays, unless both wanted the same port. */
GN_MUST_CHECK enum gn_err gn_uv_udp_open(struct gn_uv_udp *u, const struct gn_addr *addr);
/* Fills out with the bound address of a family (GN_ADDR_V4, GN_ADDR_V6). GN_E_NOT_FOUND: no socket of it is open. */
GN_MUST_CHECK enum gn_err gn_uv_udp_bound(const struct gn_uv_udp *u, struct gn_addr *out, uint8_t family);
/* Sends what is staged, closes both sockets, frees everything; then `closed` is called (may be NULL). Takes u. */
void gn_uv_udp_close(struct gn_uv_udp *u, void (*closed)(void *data), void *data);

/* Stages one train; copies data (train->len bytes). Errors of the network are counted, not returned, as they come
 * later. GN_E_INVALID: empty, more than GN_UV_UDP_TRAIN_MAX, or no usable address. GN_E_UNREACHABLE: no socket of that
 * family. GN_E_FULL: the backlog is full, the train was dropped and counted. */
enum gn_err gn_uv_udp_send(struct gn_uv_udp *u, const struct gn_udp_train *train, const uint8_t *data);
/* One datagram; the kernel picks the source address if local is NULL. */
enum gn_err gn_uv_udp_send_one(struct gn_uv_udp *u, const struct gn_addr *to, const struct gn_addr *local,
                               const uint8_t *data, size_t len);
#define GN_UV_UDP_TRAIN_MAX 65000U

/* Without copying: a place of GN_UV_UDP_TRAIN_MAX bytes in the stage to write into, then commit (same errors as send),
 * or simply do not commit. Valid until the next call on any port of the pool. */
uint8_t *gn_uv_udp_reserve(struct gn_uv_udp *u);
enum gn_err gn_uv_udp_commit(struct gn_uv_udp *u, const struct gn_udp_train *train);

/* Hands the staged trains to the kernel now. */
void gn_uv_udp_flush(struct gn_uv_udp *u);
/* True while a socket has a backlog: whoever can wait (QUIC) should wait for `writable`. */
bool gn_uv_udp_blocked(const struct gn_uv_udp *u);
/* Sums of both sockets since the start, closed ones included. */
void gn_uv_udp_counters(const struct gn_uv_udp *u, struct gn_os_udp_counters *out);

#endif
