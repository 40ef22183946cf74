/* tests/fuzz/fuzz_quic_recv.c - hostile datagrams into an endpoint, before, during and after a handshake.
 *
 * The input is a list of commands for a pair of endpoints on a virtual path: let time pass, let packets travel, damage,
 * cut, double, replay or swallow the next packet of either side, give either side raw bytes of the input, write, close.
 * After each input the endpoints are freed; a leak or a failed check is a finding. GnuTLS draws its own randomness, so
 * that packets differ from run to run; what the input does to them does not.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/fuzz.h"
#include "tests/support/quic_pair.h"

enum verb { PASS_TIME, TRAVEL, DAMAGE, CUT, REPLAY, SWALLOW, RAW, RAW_MEMBER, WRITE, CLOSE, DATAGRAM, RESTART, VERBS };

struct plan {
    struct gn_reader in;
    uint8_t saved[1500]; /* a packet to replay */
    size_t saved_len;
    unsigned saved_to;
    enum verb next; /* what happens to the next packet */
    uint8_t a, b;
};

static bool tap(struct quic_pair *p, unsigned from, uint8_t *data, size_t len)
{
    struct plan *plan = p->tap_data;
    const enum verb verb = plan->next;

    plan->next = TRAVEL;
    if (len <= sizeof plan->saved && (plan->saved_len == 0 || plan->a % 3 == 0)) {
        memcpy(plan->saved, data, len);
        plan->saved_len = len;
        plan->saved_to = 1 - from;
    }
    switch ((int)verb) {
    case DAMAGE:
        data[(plan->a * 7U) % len] ^= (uint8_t)(plan->b | 1U);
        return true;
    case CUT: {
        const struct gn_addr *from_addr = &p->side[from].addr;

        quic_pair_inject(p, 1 - from, from_addr, data, len * plan->a / 256U);
        return false;
    }
    case SWALLOW:
        return false;
    default:
        return true;
    }
}

static void raw(struct quic_pair *p, struct plan *plan, bool member)
{
    uint8_t bytes[1500];
    const unsigned to = plan->a & 1U;
    const size_t len = (size_t)(plan->b) * 6U;
    const struct gn_slice s =
        gn_reader_take(&plan->in, len > gn_reader_left(&plan->in) ? gn_reader_left(&plan->in) : len);

    if (s.len == 0) {
        return;
    }
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, s.data, s.len);
    if (member && plan->saved_len > s.len) { /* the head of a real packet, the rest from the input */
        memcpy(bytes, plan->saved, 27);
    }
    quic_pair_inject(p, to, &p->side[1 - to].addr, bytes, member ? 1200 : s.len);
}

static void act(struct quic_pair *p, struct plan *plan)
{
    static const uint8_t payload[4000];
    struct quic_side *s = &p->side[plan->a & 1U];
    int64_t stream;

    switch (plan->next) {
    case PASS_TIME:
        (void)quic_pair_run(p, (gn_time_us)plan->a * plan->b * 1000U, NULL);
        break;
    case RAW:
        raw(p, plan, false);
        break;
    case RAW_MEMBER:
        raw(p, plan, true);
        break;
    case REPLAY:
        if (plan->saved_len > 0) {
            quic_pair_inject(p, plan->saved_to, &p->side[1 - plan->saved_to].addr, plan->saved, plan->saved_len);
        }
        break;
    case WRITE:
        if (gn_quic_stream_open(s->q, &stream, s->conn) == GN_OK &&
            gn_quic_stream_write(s->q, s->conn, stream, gn_slice_of(payload, plan->b * 15U), true) != GN_OK) {
            abort();
        }
        break;
    case CLOSE:
        (void)gn_quic_close(s->q, s->conn, plan->b, p->now);
        break;
    case DATAGRAM:
        (void)gn_quic_datagram(s->q, s->conn, gn_slice_of(payload, plan->b));
        break;
    case RESTART:
        quic_pair_restart(p, plan->a & 1U);
        break;
    case TRAVEL:
    case DAMAGE:
    case CUT:
    case SWALLOW:
    case VERBS:
        (void)quic_pair_run(p, GN_MS(5), NULL);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct quic_pair p;
    struct plan plan = {.next = TRAVEL};
    gn_quic_conn conn;
    unsigned restarts = 0;

    quic_pair_init(&p, 5);
    p.tap = tap;
    p.tap_data = &plan;
    p.side[1].echo = true;
    p.side[1].config.retry_above = size > 0 && data[0] % 4 == 0 ? 1 : 64;
    quic_pair_start(&p);
    if (gn_quic_dial(p.side[0].q, &conn, gn_quic_id(p.side[1].q), &p.side[1].addr, &p.side[0].addr, p.now) != GN_OK) {
        abort();
    }
    gn_reader_init(&plan.in, gn_slice_of(data, size));
    for (unsigned i = 0; i < 200 && gn_reader_left(&plan.in) >= 3; i++) {
        plan.next = (enum verb)(gn_reader_u8(&plan.in) % VERBS);
        plan.a = gn_reader_u8(&plan.in);
        plan.b = gn_reader_u8(&plan.in);
        if (plan.next == RESTART && ++restarts > 2) {
            plan.next = TRAVEL;
        }
        act(&p, &plan);
    }
    /* Silence ends every connection: after the idle time, or three probe timeouts where an attacker on the path has
     * made the round trip look long (RFC 9000 section 10.1). */
    (void)quic_pair_run(&p, GN_HOURS(1), NULL);
    if (gn_quic_conns(p.side[0].q) != 0 || gn_quic_conns(p.side[1].q) != 0) {
        abort();
    }
    quic_pair_fini(&p);
    return 0;
}
