#include "transport/quic/uv_quic.h"

#define NS_PER_US 1000U
#define US_PER_MS 1000U
#define ROUNDS_MAX 64U /* events make packets and packets make events: then the loop gets a turn */

struct gn_uv_quic {
    struct gn_uv_quic_config config;
    uv_timer_t timer;
    gn_time_us now;
    bool now_is_fresh; /* `now` was read since the last pump: packets of one batch share it */
    bool pumping, closing;
    void (*closed)(void *data);
    void *closed_data;
};

static void on_timer(uv_timer_t *handle);

gn_time_us gn_uv_quic_now(void)
{
    return uv_hrtime() / NS_PER_US;
}

enum gn_err gn_uv_quic_new(struct gn_uv_quic **out, const struct gn_uv_quic_config *config)
{
    struct gn_uv_quic *g = gn_alloc_zeroed(config->alloc, 1, sizeof *g);

    if (!g) {
        return GN_E_NO_MEMORY;
    }
    g->config = *config;
    (void)uv_timer_init(config->loop, &g->timer); /* cannot fail in libuv 1.x */
    g->timer.data = g;
    *out = g;
    return GN_OK;
}

/* `more`: work is left that no timer of the endpoint knows of. */
static void arm(struct gn_uv_quic *g, gn_time_us now, bool more)
{
    const gn_time_us deadline = more ? now : gn_quic_deadline(g->config.quic);

    if (deadline == GN_TIME_NEVER) {
        (void)uv_timer_stop(&g->timer);
        return;
    }
    /* libuv counts whole milliseconds. Rounding down to 0 makes a busy loop near the deadline, so round up; ngtcp2's
     * pacer knows that a timer may be a millisecond late and sends that much more. */
    const uint64_t ms = deadline <= now ? 0 : (deadline - now + US_PER_MS - 1) / US_PER_MS;

    uv_update_time(g->config.loop);
    (void)uv_timer_start(&g->timer, on_timer, ms, 0);
}

static bool send_all(struct gn_uv_quic *g, gn_time_us now)
{
    struct gn_udp_train train;
    bool any = false;

    while (!gn_uv_udp_blocked(g->config.udp)) {
        uint8_t *buf = gn_uv_udp_reserve(g->config.udp);

        if (!gn_quic_send(g->config.quic, &train, buf, GN_UV_UDP_TRAIN_MAX, now)) {
            break;
        }
        /* What cannot be sent is lost to QUIC like a lost packet; the port has counted why. */
        (void)gn_uv_udp_commit(g->config.udp, &train);
        any = true;
    }
    return any;
}

void gn_uv_quic_pump(struct gn_uv_quic *g)
{
    struct gn_quic_event event;
    gn_time_us now;
    bool any = true;

    if (g->pumping || g->closing) { /* called from inside `event`: the outer call goes on */
        return;
    }
    g->pumping = true;
    g->now_is_fresh = false;
    now = gn_uv_quic_now();
    for (unsigned i = 0; i < ROUNDS_MAX && any; i++) {
        any = false;
        if (gn_quic_deadline(g->config.quic) <= now) {
            gn_quic_expire(g->config.quic, now);
        }
        while (!g->closing && gn_quic_next_event(g->config.quic, &event)) {
            g->config.event(g->config.owner, &event);
            any = true;
        }
        if (g->closing) {
            break;
        }
        any = send_all(g, now) || any;
    }
    g->pumping = false;
    if (!g->closing) {
        arm(g, now, any);
    }
}

void gn_uv_quic_receive(struct gn_uv_quic *g, const struct gn_udp_packet *packet)
{
    if (!g->now_is_fresh) {
        g->now = gn_uv_quic_now();
        g->now_is_fresh = true;
    }
    gn_quic_receive(g->config.quic, packet, g->now);
}

static void on_timer(uv_timer_t *handle)
{
    gn_uv_quic_pump(handle->data);
}

static void on_closed(uv_handle_t *handle)
{
    struct gn_uv_quic *g = handle->data;
    void (*closed)(void *) = g->closed;
    void *data = g->closed_data;

    gn_alloc_free(g->config.alloc, g);
    if (closed) {
        closed(data);
    }
}

void gn_uv_quic_close(struct gn_uv_quic *g, void (*closed)(void *data), void *data)
{
    if (!g) {
        return;
    }
    g->closing = true;
    g->closed = closed;
    g->closed_data = data;
    (void)uv_timer_stop(&g->timer);
    uv_close((uv_handle_t *)&g->timer, on_closed);
}
