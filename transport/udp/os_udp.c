#include "transport/udp/os_udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/udp/os_sockaddr.h"

/* Linux 4.18 and 5.0; older C libraries do not name them. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define HEADERS 48           /* IPv6 and UDP */
#define COALESCED_MAX 65536U /* the largest message that GRO makes */
#define SINGLE_MAX 16384U    /* the largest datagram that anybody sends us: QUIC on loopback */
#define BATCH_MAX (GN_OS_UDP_RECV_BYTES / SINGLE_MAX)
#define KERNEL_BUFFER (4 * 1024 * 1024) /* asked for; the kernel gives at most net.core.{r,w}mem_max */

/* Room for packet info, traffic class, segment size and whatever else a kernel may add. */
struct control {
    _Alignas(struct cmsghdr) uint8_t bytes[160];
};

static int system_sendmmsg(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)ctx;
    return sendmmsg(fd, messages, count, flags);
}

static int system_recvmmsg(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)ctx;
    return recvmmsg(fd, messages, count, flags, NULL);
}

static const struct gn_os_udp_calls system_calls = {.sendmmsg = system_sendmmsg, .recvmmsg = system_recvmmsg};

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, (socklen_t)sizeof value) == 0;
}

static void set_options(struct gn_os_udp *s, bool v6, const struct gn_os_udp_options *options)
{
    int segment = 0;
    socklen_t len = (socklen_t)sizeof segment;

    /* All of these are wishes: without one the socket is slower or knows less, but works. */
    (void)set_option(s->fd, SOL_SOCKET, SO_RCVBUF, KERNEL_BUFFER);
    (void)set_option(s->fd, SOL_SOCKET, SO_SNDBUF, KERNEL_BUFFER);
    if (v6) {
        (void)set_option(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        (void)set_option(s->fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
        (void)set_option(s->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    } else {
        (void)set_option(s->fd, IPPROTO_IP, IP_PKTINFO, 1);
        (void)set_option(s->fd, IPPROTO_IP, IP_RECVTOS, 1);
        (void)set_option(s->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    }
    s->gro = !options->no_gro && set_option(s->fd, IPPROTO_UDP, UDP_GRO, 1);
    s->gso = !options->no_gso && getsockopt(s->fd, IPPROTO_UDP, UDP_SEGMENT, &segment, &len) == 0;
}

static enum gn_err open_error(int e)
{
    switch (e) {
    case EADDRINUSE:
        return GN_E_IN_USE;
    case EACCES:
    case EPERM:
        return GN_E_PERMISSION;
    case EMFILE:
    case ENFILE:
        return GN_E_DESCRIPTORS;
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL:
        return GN_E_UNSUPPORTED;
    case ENOMEM:
    case ENOBUFS:
        return GN_E_NO_MEMORY;
    default:
        return GN_E_SYSTEM;
    }
}

enum gn_err gn_os_udp_open(struct gn_os_udp *s, const struct gn_addr *addr, const struct gn_os_udp_options *options)
{
    const bool v6 = addr->family == GN_ADDR_V6;
    struct sockaddr_storage ss;
    socklen_t len = (socklen_t)sizeof ss;
    enum gn_err err;

    memset(s, 0, sizeof *s);
    s->fd = -1;
    s->calls = options->calls ? options->calls : &system_calls;
    if (!v6 && addr->family != GN_ADDR_V4) {
        return GN_E_INVALID;
    }
    s->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        return open_error(errno);
    }
    if (v6 && !set_option(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
        err = open_error(errno);
        goto fail;
    }
    set_options(s, v6, options);
    if (bind(s->fd, (const struct sockaddr *)(const void *)&ss, gn_os_sockaddr_set(&ss, addr)) != 0 ||
        getsockname(s->fd, (struct sockaddr *)(void *)&ss, &len) != 0) {
        err = open_error(errno);
        goto fail;
    }
    if (!gn_os_sockaddr_get(&s->bound, &ss)) {
        err = GN_E_SYSTEM;
        goto fail;
    }
    return GN_OK;
fail:
    gn_os_udp_close(s);
    return err;
}

void gn_os_udp_close(struct gn_os_udp *s)
{
    if (s->fd >= 0) {
        (void)close(s->fd);
        s->fd = -1;
    }
}

/* What the control messages of one receive said. */
struct arrival {
    struct gn_addr local;
    size_t segment; /* 0: one datagram */
    uint8_t ecn;
};

static void read_control(struct arrival *out, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            memset(out->local.ip, 0, sizeof out->local.ip);
            memcpy(out->local.ip, &info.ipi_addr, sizeof info.ipi_addr);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(out->local.ip, &info.ipi6_addr, sizeof out->local.ip);
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
            out->ecn = *CMSG_DATA(c) & 3U;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
            int class = 0;

            memcpy(&class, CMSG_DATA(c), sizeof class);
            out->ecn = (uint8_t)((unsigned)class & 3U);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int segment = 0;

            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            out->segment = segment > 0 ? (size_t)segment : 0;
        }
    }
}

/* Hands over the datagrams of one message. False: the receiver closed the socket. */
static bool deliver(struct gn_os_udp *s, struct mmsghdr *m, bool (*receive)(void *, const struct gn_udp_packet *),
                    void *data)
{
    struct arrival a = {.local = s->bound};
    struct gn_udp_packet p = {0};
    struct sockaddr_storage from;
    const uint8_t *bytes = m->msg_hdr.msg_iov->iov_base;
    const size_t len = m->msg_len;

    memcpy(&from, m->msg_hdr.msg_name, sizeof from);
    if (m->msg_hdr.msg_flags & MSG_TRUNC) {
        s->counters.truncated_in++;
        return true;
    }
    if (!gn_os_sockaddr_get(&p.remote, &from)) {
        return true;
    }
    read_control(&a, &m->msg_hdr);
    p.local = a.local;
    p.ecn = a.ecn;
    const size_t segment = a.segment > 0 && a.segment < len ? a.segment : len;

    s->counters.coalesced_in += segment < len;
    s->counters.bytes_in += len;
    size_t at = 0;
    do {
        p.data = bytes + at;
        p.len = len - at < segment ? len - at : segment;
        s->counters.packets_in++;
        if (!receive(data, &p)) {
            return false;
        }
        at += p.len;
    } while (at < len);
    return true;
}

enum gn_err gn_os_udp_receive(struct gn_os_udp *s, bool *more, uint8_t *buf,
                              bool (*receive)(void *data, const struct gn_udp_packet *packet), void *data)
{
    const size_t size = s->gro ? COALESCED_MAX : SINGLE_MAX;
    const unsigned batch = (unsigned)(GN_OS_UDP_RECV_BYTES / size);
    struct mmsghdr messages[BATCH_MAX];
    struct iovec iov[BATCH_MAX];
    struct sockaddr_storage from[BATCH_MAX];
    struct control control[BATCH_MAX];

    *more = false;
    memset(messages, 0, batch * sizeof messages[0]);
    for (size_t i = 0; i < batch; i++) {
        struct msghdr *h = &messages[i].msg_hdr;

        iov[i] = (struct iovec){.iov_base = buf + i * size, .iov_len = size};
        h->msg_name = &from[i];
        h->msg_namelen = (socklen_t)sizeof from[i];
        h->msg_iov = &iov[i];
        h->msg_iovlen = 1;
        h->msg_control = control[i].bytes;
        h->msg_controllen = sizeof control[i].bytes;
    }
    s->counters.calls_in++;
    const int n = s->calls->recvmmsg(s->calls->ctx, s->fd, messages, batch, 0);

    if (n < 0) {
        switch (errno) {
        case EAGAIN:
            return GN_E_AGAIN;
        case EBADF:
        case ENOTSOCK:
        case EFAULT:
        case EINVAL:
            return GN_E_SYSTEM;
        default: /* an ICMP error of an earlier datagram, a signal, no kernel memory: the socket itself is fine */
            s->counters.refused++;
            *more = true;
            return GN_OK;
        }
    }
    for (int i = 0; i < n; i++) {
        if (!deliver(s, &messages[i], receive, data)) {
            return GN_OK;
        }
    }
    *more = n == (int)batch;
    return GN_OK;
}

size_t gn_os_udp_loopback_payload(void)
{
    const struct gn_addr loopback = {.family = GN_ADDR_V4, .ip = {127, 0, 0, 1}, .port = 9}; /* nothing is sent there */
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_storage ss;
    int mtu = 0;
    socklen_t len = (socklen_t)sizeof mtu;

    if (fd < 0) {
        return 0;
    }
    if (connect(fd, (const struct sockaddr *)(const void *)&ss, gn_os_sockaddr_set(&ss, &loopback)) != 0 ||
        getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len) != 0) {
        mtu = 0;
    }
    (void)close(fd);
    return mtu > HEADERS ? (size_t)(mtu - HEADERS) : 0;
}

void gn_os_udp_counters_add(struct gn_os_udp_counters *a, const struct gn_os_udp_counters *b)
{
    a->packets_in += b->packets_in;
    a->bytes_in += b->bytes_in;
    a->calls_in += b->calls_in;
    a->packets_out += b->packets_out;
    a->bytes_out += b->bytes_out;
    a->calls_out += b->calls_out;
    a->coalesced_in += b->coalesced_in;
    a->truncated_in += b->truncated_in;
    a->refused += b->refused;
    a->again += b->again;
    a->too_big += b->too_big;
    a->not_permitted += b->not_permitted;
    a->unreachable += b->unreachable;
    a->other_errors += b->other_errors;
    a->dropped_full += b->dropped_full;
    a->gso_fallbacks += b->gso_fallbacks;
    a->source_fallbacks += b->source_fallbacks;
}
