/* tests/unit/transport/test_os_udp.c - one socket: offload, its run-time failure, and every errno of a send. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/support/gn_cmocka.h"
#include "transport/udp/os_udp.h"

static const struct gn_addr v4 = {.family = GN_ADDR_V4, .ip = {127, 0, 0, 1}};
static const struct gn_addr v6 = {.family = GN_ADDR_V6, .ip = {[15] = 1}};

struct inbox {
    unsigned count;
    size_t bytes;
    size_t lens[256];
    struct gn_udp_packet last;
    bool ordered;
    bool stop;
};

static bool take(void *data, const struct gn_udp_packet *p)
{
    struct inbox *in = data;

    in->ordered = in->ordered && p->len > 0 && p->data[0] == (uint8_t)in->count;
    if (in->count < 256) {
        in->lens[in->count] = p->len;
    }
    in->count++;
    in->bytes += p->len;
    in->last = *p;
    return !in->stop;
}

static uint8_t buffer[GN_OS_UDP_RECV_BYTES];

/* Receives until `count` datagrams are there; waits for the kernel, not for time. */
static void receive(struct gn_os_udp *s, struct inbox *in, unsigned count)
{
    while (in->count < count) {
        struct pollfd fd = {.fd = s->fd, .events = POLLIN};
        bool more;

        assert_int_equal(poll(&fd, 1, 5000), 1);
        assert_int_equal(gn_os_udp_receive(s, &more, buffer, take, in), GN_OK);
    }
}

/* --- injected failures --- */

struct fault {
    struct gn_os_udp_calls calls;
    int fail_segmented; /* errno for messages with UDP_SEGMENT */
    int fail_sourced;   /* errno for messages with a source address */
    int fail_next[4];   /* errno of the next calls */
    unsigned fail_at, calls_made, accept_max;
};

static bool has_control(const struct msghdr *h, int level)
{
    if (h->msg_controllen == 0) {
        return false;
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)h, c)) {
        if (c->cmsg_level == level) {
            return true;
        }
    }
    return false;
}

static int faulty_send(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    struct fault *f = ctx;

    f->calls_made++;
    if (f->fail_at < 4 && f->fail_next[f->fail_at] != 0) {
        errno = f->fail_next[f->fail_at++];
        return -1;
    }
    unsigned n = 0;
    for (; n < count; n++) {
        if (f->fail_segmented != 0 && has_control(&messages[n].msg_hdr, 17 /* SOL_UDP */)) {
            errno = f->fail_segmented;
            break;
        }
        if (f->fail_sourced != 0 && has_control(&messages[n].msg_hdr, 0 /* IPPROTO_IP */)) {
            errno = f->fail_sourced;
            break;
        }
    }
    if (n == 0) {
        return -1;
    }
    if (f->accept_max != 0 && n > f->accept_max) {
        n = f->accept_max;
    }
    return sendmmsg(fd, messages, n, flags);
}

static int plain_receive(void *ctx, int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    (void)ctx;
    return recvmmsg(fd, messages, count, flags, NULL);
}

static void fault_init(struct fault *f)
{
    memset(f, 0, sizeof *f);
    f->calls = (struct gn_os_udp_calls){.sendmmsg = faulty_send, .recvmmsg = plain_receive, .ctx = f};
}

struct two {
    struct gn_os_udp a, b;
    struct inbox in;
};

static void open_two(struct two *t, const struct gn_addr *addr, const struct gn_os_udp_options *options)
{
    const struct gn_os_udp_options none = {.no_gso = false};

    memset(&t->in, 0, sizeof t->in);
    t->in.ordered = true;
    assert_int_equal(gn_os_udp_open(&t->a, addr, options ? options : &none), GN_OK);
    assert_int_equal(gn_os_udp_open(&t->b, addr, &none), GN_OK);
    assert_true(t->a.bound.port != 0 && t->b.bound.port != 0);
}

static void close_two(struct two *t)
{
    gn_os_udp_close(&t->a);
    gn_os_udp_close(&t->b);
    gn_os_udp_close(&t->b);
}

/* Datagram i of a train begins with the byte i. */
static uint8_t *train_bytes(size_t len, size_t segment)
{
    static uint8_t bytes[65536];

    memset(bytes, 0xaa, len);
    for (size_t at = 0; at < len; at += segment) {
        bytes[at] = (uint8_t)(at / segment);
    }
    return bytes;
}

static struct gn_os_udp_out train_to(const struct two *t, size_t len, size_t segment)
{
    return (struct gn_os_udp_out){.train = {.remote = t->b.bound, .len = len, .segment = segment},
                                  .data = train_bytes(len, segment)};
}

static void round_trip(const struct gn_addr *addr, const struct gn_os_udp_options *options)
{
    struct two t;

    open_two(&t, addr, options);
    struct gn_os_udp_out out = train_to(&t, 40 * 1200 + 300, 1200);

    out.train.ecn = 2;
    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
    receive(&t.b, &t.in, 41);
    assert_int_equal(t.in.count, 41);
    assert_int_equal(t.in.bytes, 40 * 1200 + 300);
    assert_int_equal(t.in.lens[39], 1200);
    assert_int_equal(t.in.lens[40], 300);
    assert_true(t.in.ordered);
    assert_true(gn_addr_eq(&t.in.last.remote, &t.a.bound));
    assert_true(gn_addr_eq(&t.in.last.local, &t.b.bound));
    assert_int_equal(t.in.last.ecn, 2);
    assert_int_equal(t.a.counters.packets_out, 41);
    assert_int_equal(t.b.counters.packets_in, 41);
    if (t.a.gso && t.b.gro) {
        assert_int_equal(t.a.counters.calls_out, 1);
        assert_true(t.b.counters.coalesced_in >= 1);
    }
    close_two(&t);
}

static void a_train_arrives_in_pieces_of_the_right_size_and_order(void **state)
{
    const struct gn_os_udp_options plain = {.no_gso = true, .no_gro = true};

    (void)state;
    round_trip(&v4, NULL);
    round_trip(&v6, NULL);
    round_trip(&v4, &plain);
    round_trip(&v6, &plain);
}

static void a_train_of_more_segments_than_the_kernel_takes_is_cut(void **state)
{
    struct two t;

    (void)state;
    open_two(&t, &v4, NULL);
    struct gn_os_udp_out out = train_to(&t, 200 * 100, 100);

    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
    receive(&t.b, &t.in, 200);
    assert_true(t.in.ordered);
    assert_int_equal(t.a.counters.gso_fallbacks, 0);
    close_two(&t);
}

static void offload_that_fails_at_run_time_is_switched_off_and_nothing_is_lost(void **state)
{
    static const int errors[] = {EIO, EINVAL};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fault f;
        struct two t;

        fault_init(&f);
        const struct gn_os_udp_options options = {.calls = &f.calls};
        open_two(&t, &v4, &options);
        if (!t.a.gso) {
            close_two(&t);
            skip();
        }
        f.fail_segmented = errors[i];
        struct gn_os_udp_out out = train_to(&t, 30 * 1000, 1000);

        assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
        receive(&t.b, &t.in, 30);
        assert_true(t.in.ordered);
        assert_false(t.a.gso);
        assert_int_equal(t.a.counters.gso_fallbacks, 1);
        assert_int_equal(t.a.counters.packets_out, 30);
        /* And it stays off: no more failing calls. */
        const unsigned calls = f.calls_made;
        out = train_to(&t, 20 * 1000, 1000);
        assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
        assert_int_equal(f.calls_made, calls + 1);
        close_two(&t);
    }
}

static void offload_stays_on_when_only_the_datagrams_were_too_big(void **state)
{
    struct fault f;
    struct two t;

    (void)state;
    fault_init(&f);
    const struct gn_os_udp_options options = {.calls = &f.calls};
    open_two(&t, &v4, &options);
    if (!t.a.gso) {
        close_two(&t);
        skip();
    }
    f.fail_next[0] = EINVAL; /* what older kernels say of segments above the path MTU */
    f.fail_next[1] = EMSGSIZE;
    struct gn_os_udp_out out = train_to(&t, 3000, 1000);

    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
    assert_true(t.a.gso);
    assert_int_equal(t.a.counters.too_big, 1);
    close_two(&t);
}

static void a_source_address_that_is_gone_is_left_to_the_kernel(void **state)
{
    struct two t;

    (void)state;
    open_two(&t, &v4, NULL);
    struct gn_os_udp_out out = train_to(&t, 100, 100);

    out.train.local = (struct gn_addr){.family = GN_ADDR_V4, .ip = {203, 0, 113, 77}, .port = 1};
    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
    receive(&t.b, &t.in, 1);
    assert_int_equal(t.a.counters.source_fallbacks, 1);
    assert_true(t.a.gso || t.a.counters.gso_fallbacks == 0);
    close_two(&t);
}

static void a_wanted_source_address_is_used(void **state)
{
    const struct gn_addr any = {.family = GN_ADDR_V4};
    const struct gn_os_udp_options none = {.no_gso = false};
    struct two t;

    (void)state;
    open_two(&t, &v4, NULL);
    gn_os_udp_close(&t.a);
    assert_int_equal(gn_os_udp_open(&t.a, &any, &none), GN_OK);
    struct gn_os_udp_out out = train_to(&t, 100, 100);

    out.train.local = (struct gn_addr){.family = GN_ADDR_V4, .ip = {127, 0, 0, 9}};
    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
    receive(&t.b, &t.in, 1);
    assert_int_equal(t.in.last.remote.ip[3], 9);
    close_two(&t);
}

static void a_full_kernel_keeps_the_rest_of_the_train_for_later(void **state)
{
    struct fault f;
    struct two t;

    (void)state;
    fault_init(&f);
    const struct gn_os_udp_options options = {.calls = &f.calls, .no_gso = true};
    open_two(&t, &v4, &options);
    f.accept_max = 5;
    f.fail_next[0] = EAGAIN;
    struct gn_os_udp_out out = train_to(&t, 20 * 500, 500);

    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 0);
    assert_int_equal(out.train.len, 20 * 500);
    f.fail_at = 4;
    f.fail_next[0] = 0;
    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
    receive(&t.b, &t.in, 20);
    assert_true(t.in.ordered);
    assert_int_equal(t.a.counters.again, 1);
    assert_int_equal(t.a.counters.calls_out, 5);
    close_two(&t);
}

static void each_error_of_a_send_is_counted_and_drops_one_datagram(void **state)
{
    static const struct {
        int error;
        size_t offset;
        bool lost;
    } cases[] = {
        {EMSGSIZE, offsetof(struct gn_os_udp_counters, too_big), true},
        {EPERM, offsetof(struct gn_os_udp_counters, not_permitted), true},
        {EACCES, offsetof(struct gn_os_udp_counters, not_permitted), true},
        {ENETUNREACH, offsetof(struct gn_os_udp_counters, unreachable), true},
        {EHOSTUNREACH, offsetof(struct gn_os_udp_counters, unreachable), true},
        {EADDRNOTAVAIL, offsetof(struct gn_os_udp_counters, unreachable), true},
        {ENOBUFS, offsetof(struct gn_os_udp_counters, other_errors), true},
        {EIO, offsetof(struct gn_os_udp_counters, other_errors), true},
        {ECONNREFUSED, offsetof(struct gn_os_udp_counters, refused), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fault f;
        struct two t;
        uint64_t counted;

        fault_init(&f);
        const struct gn_os_udp_options options = {.calls = &f.calls, .no_gso = true};
        open_two(&t, &v4, &options);
        f.fail_next[0] = cases[i].error;
        struct gn_os_udp_out out = train_to(&t, 3 * 100, 100);

        assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
        t.in.count = cases[i].lost ? 1 : 0; /* the first one is missing then */
        receive(&t.b, &t.in, 3);
        assert_true(t.in.ordered);
        memcpy(&counted, (const uint8_t *)&t.a.counters + cases[i].offset, sizeof counted);
        assert_int_equal(counted, 1);
        close_two(&t);
    }
}

static void an_endless_error_does_not_hold_up_the_caller_for_ever(void **state)
{
    struct fault f;
    struct two t;

    (void)state;
    fault_init(&f);
    const struct gn_os_udp_options options = {.calls = &f.calls};
    open_two(&t, &v4, &options);
    f.fail_sourced = ECONNREFUSED;
    struct gn_os_udp_out out = train_to(&t, 100, 100);

    out.train.local = v4;
    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
    assert_true(f.calls_made < 1000);
    close_two(&t);
}

static void a_used_port_and_a_foreign_address_are_told_apart(void **state)
{
    const struct gn_os_udp_options none = {.no_gso = false};
    const struct gn_addr foreign = {.family = GN_ADDR_V4, .ip = {203, 0, 113, 1}};
    const struct gn_addr nothing = {.family = GN_ADDR_NONE};
    struct gn_os_udp s;
    struct two t;

    (void)state;
    open_two(&t, &v4, NULL);
    assert_int_equal(gn_os_udp_open(&s, &t.a.bound, &none), GN_E_IN_USE);
    assert_int_equal(s.fd, -1);
    assert_int_equal(gn_os_udp_open(&s, &foreign, &none), GN_E_UNSUPPORTED);
    assert_int_equal(gn_os_udp_open(&s, &nothing, &none), GN_E_INVALID);
    /* The same port on the other family is free: IPv6 sockets take IPv6 only. */
    struct gn_addr same = {.family = GN_ADDR_V6, .port = t.a.bound.port};
    assert_int_equal(gn_os_udp_open(&s, &same, &none), GN_OK);
    gn_os_udp_close(&s);
    close_two(&t);
}

static void a_receiver_that_closes_the_socket_gets_nothing_more(void **state)
{
    struct two t;
    bool more;

    (void)state;
    open_two(&t, &v4, NULL);
    struct gn_os_udp_out out = train_to(&t, 10 * 100, 100);

    assert_int_equal(gn_os_udp_send(&t.a, &out, 1), 1);
    t.in.stop = true;
    assert_int_equal(gn_os_udp_receive(&t.b, &more, buffer, take, &t.in), GN_OK);
    assert_int_equal(t.in.count, 1);
    gn_os_udp_close(&t.b);
    assert_int_equal(gn_os_udp_receive(&t.b, &more, buffer, take, &t.in), GN_E_SYSTEM);
    close_two(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_train_arrives_in_pieces_of_the_right_size_and_order),
        cmocka_unit_test(a_train_of_more_segments_than_the_kernel_takes_is_cut),
        cmocka_unit_test(offload_that_fails_at_run_time_is_switched_off_and_nothing_is_lost),
        cmocka_unit_test(offload_stays_on_when_only_the_datagrams_were_too_big),
        cmocka_unit_test(a_source_address_that_is_gone_is_left_to_the_kernel),
        cmocka_unit_test(a_wanted_source_address_is_used),
        cmocka_unit_test(a_full_kernel_keeps_the_rest_of_the_train_for_later),
        cmocka_unit_test(each_error_of_a_send_is_counted_and_drops_one_datagram),
        cmocka_unit_test(an_endless_error_does_not_hold_up_the_caller_for_ever),
        cmocka_unit_test(a_used_port_and_a_foreign_address_are_told_apart),
        cmocka_unit_test(a_receiver_that_closes_the_socket_gets_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
