/* transport/quic/qstream.h - one stream: what waits to be acknowledged and what waits for the application.
 *
 * Life: gn_qstream_new .. gn_qstream_free. Threads: one at a time. Purity: pure.
 */
#ifndef GN_QUIC_QSTREAM_H
#define GN_QUIC_QSTREAM_H

#include "base/err.h"
#include "transport/quic/state.h"

GN_MUST_CHECK enum gn_err gn_qstream_new(struct gn_quic_link *link, struct gn_quic_stream **out, int64_t id);
struct gn_quic_stream *gn_qstream_find(const struct gn_quic_link *link, int64_t id); /* NULL: unknown */
/* Unlinks and frees; lent bytes go to q->released, credit not given back yet goes to the connection. */
void gn_qstream_free(struct gn_quic_stream *s);
/* Adds event bits (0: only data or fin arrived) and puts stream and connection where events are looked for. */
void gn_qstream_notify(struct gn_quic_stream *s, uint32_t bits);

/* Out. Append copies; lend borrows. Errors: GN_E_NO_MEMORY; then nothing was added. */
GN_MUST_CHECK enum gn_err gn_qstream_append(struct gn_quic_stream *s, struct gn_slice data);
GN_MUST_CHECK enum gn_err gn_qstream_lend(struct gn_quic_stream *s, struct gn_slice data, void *token);
/* Puts the stream in the send list if it has something to send. */
void gn_qstream_wake(struct gn_quic_stream *s);
/* Fills up to max vectors with about `limit` bytes not sent yet. Fills *fin: these are the last ones. */
size_t gn_qstream_gather(const struct gn_quic_stream *s, ngtcp2_vec *vectors, size_t max, size_t limit, bool *fin);
/* `len` of them are in a packet now, and the fin if `fin`. */
void gn_qstream_sent(struct gn_quic_stream *s, size_t len, bool fin);
void gn_qstream_acked(struct gn_quic_stream *s, uint64_t len);
/* Releases all that waits to be acknowledged. Only when ngtcp2 does not know the stream any more. */
void gn_qstream_drop_output(struct gn_quic_stream *s);

/* In. Data in order from ngtcp2. GN_E_NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_qstream_received(struct gn_quic_stream *s, const uint8_t *data, size_t len, bool fin);
/* Gives the next chunk to q->lent_chunk; NULL: none waits. */
struct gn_quic_chunk *gn_qstream_take(struct gn_quic_stream *s);
/* Gives back credit for `len` bytes. */
void gn_qstream_credit(struct gn_quic_stream *s, uint64_t len);
/* No more data for the application: frees what waits and gives the credit back. */
void gn_qstream_drop_input(struct gn_quic_stream *s);

/* Returns a chunk to the free list of q, or to the allocator. */
void gn_qstream_recycle(struct gn_quic *q, struct gn_quic_chunk *chunk);
/* Frees the free list: an endpoint without connections keeps no buffers. */
void gn_qstream_trim(struct gn_quic *q);

#endif
