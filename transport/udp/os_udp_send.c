#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "transport/udp/os_sockaddr.h"
#include "transport/udp/os_udp.h"

/* Linux 4.18; older C libraries do not name it. */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define SEGMENTS_MAX 64U         /* UDP_MAX_SEGMENTS of Linux before 6.9 */
#define MESSAGE_BYTES_MAX 65000U /* below 65,535 less IPv6 and UDP headers */
#define ERRORS_PER_CALL 256U     /* bound of the work that one gn_os_udp_send spends on failing messages */

/* Room for packet info, traffic class, segment size and whatever else a kernel may add. */
struct control {
    _Alignas(struct cmsghdr) uint8_t bytes[160];
};

static bool has_ip(const struct gn_addr *a)
{
    static const uint8_t none[sizeof a->ip];

    return a->family != GN_ADDR_NONE && memcmp(a->ip, none, sizeof none) != 0;
}

/* One sendmmsg under construction. */
struct batch {
    struct mmsghdr messages[GN_OS_UDP_SEND_BATCH];
    struct iovec iov[GN_OS_UDP_SEND_BATCH];
    struct sockaddr_storage to[GN_OS_UDP_SEND_BATCH];
    struct control control[GN_OS_UDP_SEND_BATCH];
    size_t train[GN_OS_UDP_SEND_BATCH]; /* which train a message belongs to */
    unsigned count;
};

static void *put_control(struct msghdr *h, int level, int type, size_t len)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)h->msg_control + h->msg_controllen);

    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(len);
    h->msg_controllen += CMSG_SPACE(len);
    return CMSG_DATA(c);
}

static void write_control(struct msghdr *h, const struct gn_os_udp_out *o, size_t segment)
{
    const bool v6 = o->train.remote.family == GN_ADDR_V6;

    if (!o->no_source && o->train.local.family == o->train.remote.family && has_ip(&o->train.local)) {
        if (v6) {
            struct in6_pktinfo info = {.ipi6_ifindex = 0};

            memcpy(&info.ipi6_addr, o->train.local.ip, sizeof info.ipi6_addr);
            memcpy(put_control(h, IPPROTO_IPV6, IPV6_PKTINFO, sizeof info), &info, sizeof info);
        } else {
            struct in_pktinfo info = {.ipi_ifindex = 0};

            memcpy(&info.ipi_spec_dst, o->train.local.ip, sizeof info.ipi_spec_dst);
            memcpy(put_control(h, IPPROTO_IP, IP_PKTINFO, sizeof info), &info, sizeof info);
        }
    }
    if (o->train.ecn != 0) {
        const int class = o->train.ecn & 3;

        memcpy(put_control(h, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, sizeof class), &class,
               sizeof class);
    }
    if (segment != 0) {
        const uint16_t size = (uint16_t)segment;

        memcpy(put_control(h, IPPROTO_UDP, UDP_SEGMENT, sizeof size), &size, sizeof size);
    }
}

/* Bytes of the train that the next message may carry. */
static size_t message_bytes(const struct gn_os_udp *s, const struct gn_udp_train *t, size_t left)
{
    if (t->segment >= left) {
        return left;
    }
    size_t segments = 1;

    if (s->gso) {
        segments = MESSAGE_BYTES_MAX / t->segment;
        segments = segments > SEGMENTS_MAX ? SEGMENTS_MAX : segments;
        segments = segments == 0 ? 1 : segments;
    }
    return segments * t->segment < left ? segments * t->segment : left;
}

static void add_message(struct batch *b, const struct gn_os_udp_out *o, size_t train, size_t at, size_t len)
{
    const unsigned i = b->count++;
    struct msghdr *h = &b->messages[i].msg_hdr;
    union {
        const uint8_t *in;
        void *out;
    } bytes = {.in = o->data + at}; /* iovec has no const; sendmsg only reads */

    memset(&b->messages[i], 0, sizeof b->messages[i]);
    b->train[i] = train;
    b->iov[i] = (struct iovec){.iov_base = bytes.out, .iov_len = len};
    h->msg_name = &b->to[i];
    h->msg_namelen = gn_os_sockaddr_set(&b->to[i], &o->train.remote);
    h->msg_iov = &b->iov[i];
    h->msg_iovlen = 1;
    memset(&b->control[i], 0, sizeof b->control[i]);
    h->msg_control = b->control[i].bytes;
    h->msg_controllen = 0;
    write_control(h, o, len > o->train.segment ? o->train.segment : 0);
    if (h->msg_controllen == 0) {
        h->msg_control = NULL;
    }
}

static void build(struct batch *b, const struct gn_os_udp *s, const struct gn_os_udp_out *trains, size_t from,
                  size_t count)
{
    b->count = 0;
    for (size_t i = from; i < count && b->count < GN_OS_UDP_SEND_BATCH; i++) {
        size_t at = 0;

        while (at < trains[i].train.len && b->count < GN_OS_UDP_SEND_BATCH) {
            const size_t len = message_bytes(s, &trains[i].train, trains[i].train.len - at);

            add_message(b, &trains[i], i, at, len);
            at += len;
        }
    }
}

/* Moves past message i, sent or not. Returns the index of the first train that is not done. */
static size_t advance(struct gn_os_udp *s, struct gn_os_udp_out *trains, const struct batch *b, unsigned i, bool sent)
{
    struct gn_os_udp_out *o = &trains[b->train[i]];
    const size_t len = b->iov[i].iov_len;

    if (sent) {
        const size_t segment = o->train.segment < len ? o->train.segment : len;

        s->counters.packets_out += (len + segment - 1) / segment;
        s->counters.bytes_out += len;
    }
    o->data += len;
    o->train.len -= len;
    return o->train.len == 0 ? b->train[i] + 1 : b->train[i];
}

enum verdict { SEND_AGAIN, SKIP_IT, WAIT };

/* Decides about the first message of a batch that failed with errno e. */
static enum verdict judge(struct gn_os_udp *s, struct gn_os_udp_out *o, int e, bool segmented, bool *doubt)
{
    struct gn_os_udp_counters *c = &s->counters;
    const bool sourced = !o->no_source && has_ip(&o->train.local);

    switch (e) {
    case EINTR:
        return SEND_AGAIN;
    case EAGAIN:
        c->again++;
        return WAIT;
    case EINVAL:
    case EADDRNOTAVAIL:
    case ENETUNREACH:
        if (sourced) { /* the address that the peer talked to is gone: better from another one than not at all */
            o->no_source = true;
            c->source_fallbacks++;
            return SEND_AGAIN;
        }
        if (e == EINVAL && segmented) {
            break;
        }
        c->unreachable++;
        return SKIP_IT;
    case EIO:
        if (segmented) {
            break;
        }
        c->other_errors++;
        return SKIP_IT;
    case EMSGSIZE:
        if (*doubt) { /* not the offload was wrong but the size */
            s->gso = true;
            *doubt = false;
        }
        c->too_big++;
        return SKIP_IT;
    case EPERM:
    case EACCES:
        c->not_permitted++;
        return SKIP_IT;
    case EHOSTUNREACH:
    case ENETDOWN:
        c->unreachable++;
        return SKIP_IT;
    case ECONNREFUSED:
        c->refused++;
        return SEND_AGAIN;
    default: /* ENOBUFS, ENOMEM and what else: a full device drops, as the network would */
        c->other_errors++;
        return SKIP_IT;
    }
    s->gso = false;
    *doubt = true;
    c->gso_fallbacks++;
    return SEND_AGAIN;
}

size_t gn_os_udp_send(struct gn_os_udp *s, struct gn_os_udp_out *trains, size_t count)
{
    struct batch b;
    size_t done = 0;
    unsigned errors = 0;
    bool doubt = false;

    while (done < count) {
        build(&b, s, trains, done, count);
        if (b.count == 0) { /* an empty train sends nothing */
            done++;
            continue;
        }
        s->counters.calls_out++;
        const int n = s->calls->sendmmsg(s->calls->ctx, s->fd, b.messages, b.count, 0);

        for (int i = 0; i < n; i++) {
            done = advance(s, trains, &b, (unsigned)i, true);
        }
        if (n > 0) {
            continue;
        }
        struct gn_os_udp_out *o = &trains[b.train[0]];
        enum verdict v = judge(s, o, n < 0 ? errno : EAGAIN, b.iov[0].iov_len > o->train.segment, &doubt);

        if (v == SEND_AGAIN && ++errors > ERRORS_PER_CALL) {
            v = SKIP_IT;
        }
        if (v == WAIT) {
            break;
        }
        if (v == SKIP_IT) {
            done = advance(s, trains, &b, 0, false);
        }
    }
    return done;
}
