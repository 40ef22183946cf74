/* node/watch.c - notices that the network changed: netlink messages, a resume from suspend; and jumps of the wall
 * clock. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/os_clock.h"
#include "node/node_inside.h"

#define SETTLE_MS 500U /* an address change comes as a burst of messages */
#define TICK_MS 5000U
#define SUSPEND_MIN GN_SECONDS(10)
#define CLOCK_JUMP_MIN_S 60

struct gn_watch {
    struct gn_node *node;
    int fd;
    uv_poll_t poll;
    uv_timer_t settle, tick;
    gn_time_us suspended; /* boot time ahead of monotonic time */
    int64_t wall_ahead_s; /* wall time ahead of boot time */
    unsigned parts;
};

static void on_settled(uv_timer_t *timer)
{
    struct gn_watch *w = timer->data;
    GN_LOG(&w->node->log, GN_LOG_INFO, "net.changed", GN_F_STR("by", "netlink"));
    gn_host_network_changed(w->node->host);
}

static bool is_change(const struct nlmsghdr *m)
{
    return m->nlmsg_type == RTM_NEWADDR || m->nlmsg_type == RTM_DELADDR || m->nlmsg_type == RTM_NEWROUTE ||
           m->nlmsg_type == RTM_DELROUTE;
}

static void on_netlink(uv_poll_t *poll, int status, int events)
{
    struct gn_watch *w = poll->data;
    _Alignas(struct nlmsghdr) char buf[8192];
    (void)status;
    (void)events;
    bool changed = false;
    for (;;) {
        ssize_t n = recv(w->fd, buf, sizeof buf, MSG_DONTWAIT);
        if (n < 0 && errno == ENOBUFS)
            changed = true; /* more happened than the kernel could tell */
        if (n <= 0)
            break;
        size_t left = (size_t)n;
        for (struct nlmsghdr *m = (struct nlmsghdr *)(void *)buf; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left))
            changed = changed || is_change(m);
    }
    if (changed)
        (void)uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

static int64_t wall_ahead(void)
{
    return (int64_t)gn_os_clock_wall() - (int64_t)(gn_os_clock_boot() / GN_SECONDS(1));
}

static void on_tick(uv_timer_t *timer)
{
    struct gn_watch *w = timer->data;
    gn_time_us suspended = gn_time_sub(gn_os_clock_boot(), gn_os_clock_now());
    gn_time_us slept = gn_time_sub(suspended, w->suspended);
    w->suspended = suspended;
    int64_t ahead = wall_ahead();
    int64_t jump = ahead - w->wall_ahead_s;
    w->wall_ahead_s = ahead;
    if (jump > CLOCK_JUMP_MIN_S || jump < -CLOCK_JUMP_MIN_S)
        GN_LOG(&w->node->log, GN_LOG_WARN, "clock.jumped", GN_F_I64("seconds", jump));
    if (slept < SUSPEND_MIN)
        return;
    GN_LOG(&w->node->log, GN_LOG_INFO, "net.changed", GN_F_STR("by", "resume"), GN_F_U64("slept_us", slept));
    gn_host_network_changed(w->node->host);
}

static int open_netlink(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    struct sockaddr_nl addr = {.nl_family = AF_NETLINK,
                               .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE};
    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

enum gn_err gn_watch_new(struct gn_watch **out, struct gn_node *n)
{
    struct gn_watch *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return GN_E_NO_MEMORY;
    w->node = n;
    w->suspended = gn_time_sub(gn_os_clock_boot(), gn_os_clock_now());
    w->wall_ahead_s = wall_ahead();
    w->parts = 2;
    (void)uv_timer_init(&n->loop, &w->settle);
    (void)uv_timer_init(&n->loop, &w->tick);
    w->settle.data = w;
    w->tick.data = w;
    (void)uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
    w->fd = open_netlink();
    if (w->fd < 0) {
        /* Some containers forbid it: resumes are still noticed, and peers that do not answer. */
        GN_LOG(&n->log, GN_LOG_WARN, "net.watch.unavailable", GN_F_STR("what", strerror(errno)));
        return GN_OK;
    }
    (void)uv_poll_init(&n->loop, &w->poll, w->fd);
    w->poll.data = w;
    w->parts = 3;
    (void)uv_poll_start(&w->poll, UV_READABLE, on_netlink);
    return GN_OK;
}

static void on_closed(uv_handle_t *handle)
{
    struct gn_watch *w = handle->data;
    if (--w->parts > 0)
        return;
    if (w->fd >= 0)
        (void)close(w->fd);
    free(w);
}

void gn_watch_close(struct gn_watch *w)
{
    if (!w)
        return;
    uv_close((uv_handle_t *)&w->settle, on_closed);
    uv_close((uv_handle_t *)&w->tick, on_closed);
    if (w->fd >= 0)
        uv_close((uv_handle_t *)&w->poll, on_closed);
}
