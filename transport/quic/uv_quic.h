/* transport/quic/uv_quic.h - drives a QUIC endpoint on a libuv loop: events, trains to the UDP port, one timer.
 *
 * Life: gn_uv_quic_new .. gn_uv_quic_close (asynchronous); borrows the endpoint and the port, which outlive it.
 * Threads: the loop's. Purity: system (libuv's clock and timer).
 */
#ifndef GN_QUIC_UV_QUIC_H
#define GN_QUIC_UV_QUIC_H

#include <uv.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/time.h"
#include "transport/quic/quic.h"
#include "transport/udp/uv_udp.h"

struct gn_uv_quic;

struct gn_uv_quic_config {
    uv_loop_t *loop;
    struct gn_quic *quic;  /* borrowed */
    struct gn_uv_udp *udp; /* borrowed */
    const struct gn_alloc *alloc;
    void (*event)(void *owner, const struct gn_quic_event *event); /* may call any gn_quic function but not free */
    void *owner;
};

GN_MUST_CHECK enum gn_err gn_uv_quic_new(struct gn_uv_quic **out, const struct gn_uv_quic_config *config);
/* From the port's `receive` callback, for datagrams that gn_demux_classify calls QUIC. */
void gn_uv_quic_receive(struct gn_uv_quic *g, const struct gn_udp_packet *packet);
/* Events, packets, timer. Call it from the port's `received` and `writable` callbacks, and after any gn_quic call made
 * outside of `event`. */
void gn_uv_quic_pump(struct gn_uv_quic *g);
/* The clock that this driver gives to the endpoint: monotonic microseconds (uv_hrtime). */
gn_time_us gn_uv_quic_now(void);
/* Stops the timer and frees; `closed` may be NULL. Takes g. */
void gn_uv_quic_close(struct gn_uv_quic *g, void (*closed)(void *data), void *data);

#endif
