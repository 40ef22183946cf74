/* transport/quic/qticket.h - TLS resumption tickets by node id, in memory, oldest forgotten first.
 *
 * Life: caller's memory; gn_qticket_fini frees and wipes. Threads: one owner. Purity: pure.
 * A ticket is given once (RFC 8446 appendix C.4: reuse makes connections linkable).
 */
#ifndef GN_QUIC_QTICKET_H
#define GN_QUIC_QTICKET_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/id.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"

#define GN_QTICKET_BYTES_MAX 4096U

struct gn_qticket {
    struct gn_list_node age;
    struct gn_id id;
    size_t len;
    uint8_t bytes[];
};

struct gn_qticket_store {
    const struct gn_alloc *alloc;
    struct gn_map by_id;
    struct gn_list ages; /* oldest first */
    uint32_t max;
};

/* The store must not move afterwards. max >= 1. */
void gn_qticket_init(struct gn_qticket_store *s, const struct gn_alloc *alloc, uint32_t max);
void gn_qticket_fini(struct gn_qticket_store *s);
/* Copies bytes; replaces what is known of id. GN_E_LIMIT: too long. GN_E_NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_qticket_put(struct gn_qticket_store *s, const struct gn_id *id, struct gn_slice bytes);
/* Gives the ticket of id, NULL when there is none; the caller frees it with gn_qticket_free. */
struct gn_qticket *gn_qticket_take(struct gn_qticket_store *s, const struct gn_id *id);
void gn_qticket_free(struct gn_qticket_store *s, struct gn_qticket *t); /* wipes; NULL is fine */
uint32_t gn_qticket_len(const struct gn_qticket_store *s);

#endif
