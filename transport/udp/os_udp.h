/* transport/udp/os_udp.h - one non-blocking UDP socket with batching, segmentation offload and packet info.
 *
 * Life: caller's memory; gn_os_udp_open .. gn_os_udp_close. Threads: one owner. Purity: system (sockets only).
 *
 * Offload is probed at open and may still fail at run time on some devices (EIO, EINVAL): then it is switched off for
 * this socket and the datagrams are sent again one by one. Datagrams carry Don't Fragment and are not held
 * to the kernel's own path MTU estimate (IP_PMTUDISC_PROBE): QUIC finds the path MTU itself (RFC 9000 section 14).
 */
#ifndef GN_UDP_OS_UDP_H
#define GN_UDP_OS_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "transport/udp/packet.h"

struct mmsghdr;

/* The two calls that tests replace to inject failures. Results and errno as sendmmsg(2) and recvmmsg(2). */
struct gn_os_udp_calls {
    int (*sendmmsg)(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags);
    int (*recvmmsg)(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags);
    void *ctx;
};

struct gn_os_udp_counters {
    uint64_t packets_in, bytes_in, calls_in;
    uint64_t packets_out, bytes_out, calls_out;
    uint64_t coalesced_in;     /* receives that held more than one datagram (GRO) */
    uint64_t truncated_in;     /* longer than the buffer, dropped */
    uint64_t refused;          /* ECONNREFUSED and other ICMP errors: nothing lost of ours */
    uint64_t again;            /* EAGAIN: kernel full, tried later */
    uint64_t too_big;          /* EMSGSIZE: larger than the path MTU, dropped */
    uint64_t not_permitted;    /* EPERM or EACCES: a local firewall, dropped */
    uint64_t unreachable;      /* ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, dropped */
    uint64_t other_errors;     /* anything else (ENOBUFS too), dropped */
    uint64_t dropped_full;     /* no room in the backlog */
    uint64_t gso_fallbacks;    /* times segmentation offload was switched off */
    uint64_t source_fallbacks; /* the wanted source address was gone: sent again without it */
};

struct gn_os_udp {
    int fd; /* -1 = closed */
    bool gso, gro;
    struct gn_addr bound;                /* with the real port */
    const struct gn_os_udp_calls *calls; /* never NULL */
    struct gn_os_udp_counters counters;
};

struct gn_os_udp_options {
    bool no_gso, no_gro;
    const struct gn_os_udp_calls *calls; /* borrowed; NULL = the system's */
};

/* Opens and binds. IPv6 sockets are IPv6 only. Asks for large kernel buffers and takes what it gets. Errors as
 * gn_uv_udp_open; on error s->fd is -1. */
GN_MUST_CHECK enum gn_err gn_os_udp_open(struct gn_os_udp *s, const struct gn_addr *addr,
                                         const struct gn_os_udp_options *options);
void gn_os_udp_close(struct gn_os_udp *s); /* may be called twice */

#define GN_OS_UDP_RECV_BYTES ((size_t)512 * 1024) /* 8 messages as large as GRO makes them, or 32 without it */
#define GN_OS_UDP_SEND_BATCH 64U                  /* trains per gn_os_udp_send */

/* One recvmmsg into buf (GN_OS_UDP_RECV_BYTES, borrowed), each datagram handed to `receive`; stops early when `receive`
 * gives false (the socket was closed: s is not touched again). Fills *more: the batch was full, there may be more.
 * GN_E_AGAIN: nothing there. GN_E_SYSTEM: the socket is broken. ICMP errors are counted and passed over. */
GN_MUST_CHECK enum gn_err gn_os_udp_receive(struct gn_os_udp *s, bool *more, uint8_t *buf,
                                            bool (*receive)(void *data, const struct gn_udp_packet *packet),
                                            void *data);

/* One train waiting to be sent. */
struct gn_os_udp_out {
    struct gn_udp_train train;
    const uint8_t *data; /* borrowed */
    bool no_source;      /* set inside: send without the source address */
};

/* Sends trains in order. Returns how many are done with (sent, or dropped because of an error that is counted);
 * fewer than count means that the kernel is full: send the rest when the socket is writable. A train may be half sent:
 * then its data, len are moved on to what is left. */
size_t gn_os_udp_send(struct gn_os_udp *s, struct gn_os_udp_out *trains, size_t count);

/* The largest UDP payload that the loopback device carries in one piece (its MTU less 48). 0: it cannot be told. */
size_t gn_os_udp_loopback_payload(void);

/* Adds b to a, field by field. */
void gn_os_udp_counters_add(struct gn_os_udp_counters *a, const struct gn_os_udp_counters *b);

#endif
