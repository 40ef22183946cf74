/* tests/support/http_peer.c - a hand-driven client. */
#include "tests/support/http_peer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "transport/http/uv_http_socket.h"

#define PATIENCE_MS 5000U

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000U;
}

static bool begin(struct gn_http_peer *p, uv_loop_t *loop, const struct sockaddr *addr, socklen_t len)
{
    memset(p, 0, sizeof *p);
    p->loop = loop;
    p->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* The kernel completes the connection by itself, before the server accepts. */
    return p->fd >= 0 && connect(p->fd, addr, len) == 0;
}

bool gn_http_peer_unix(struct gn_http_peer *p, uv_loop_t *loop, const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sun.sun_path)
        return false;
    memcpy(sun.sun_path, path, strlen(path) + 1);
    return begin(p, loop, (const struct sockaddr *)&sun, sizeof sun);
}

bool gn_http_peer_tcp(struct gn_http_peer *p, uv_loop_t *loop, const struct gn_addr *addr)
{
    struct sockaddr_storage sys;
    gn_uv_http_socket_to_sys(&sys, addr);
    return begin(p, loop, (const struct sockaddr *)&sys, sizeof(struct sockaddr_in));
}

static void receive(struct gn_http_peer *p)
{
    char bytes[65536];
    while (!p->eof) {
        ssize_t n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            p->eof = true;
            return;
        }
        size_t room = sizeof p->got - 1 - p->len;
        size_t keep = (size_t)n < room ? (size_t)n : room;
        memcpy(p->got + p->len, bytes, keep);
        p->len += keep;
        p->got[p->len] = '\0';
        p->total += (size_t)n;
    }
}

bool gn_http_peer_run(uv_loop_t *loop, bool (*condition)(void *data), void *data)
{
    uint64_t end = now_ms() + PATIENCE_MS;
    while (!condition(data)) {
        if (now_ms() > end)
            return false;
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
    return true;
}

void gn_http_peer_settle(uv_loop_t *loop)
{
    for (int i = 0; i < 50; i++)
        (void)uv_run(loop, UV_RUN_NOWAIT);
}

bool gn_http_peer_send(struct gn_http_peer *p, const void *data, size_t len)
{
    const char *at = data;
    uint64_t end = now_ms() + PATIENCE_MS;
    while (len > 0) {
        ssize_t n = send(p->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0) {
            at += n;
            len -= (size_t)n;
            continue;
        }
        if (now_ms() > end)
            return false;
        (void)uv_run(p->loop, UV_RUN_NOWAIT);
    }
    return true;
}

bool gn_http_peer_say(struct gn_http_peer *p, const char *text)
{
    return gn_http_peer_send(p, text, strlen(text));
}

struct wish {
    struct gn_http_peer *peer;
    const char *text;
    size_t total;
};

static bool has_text(void *data)
{
    struct wish *w = data;
    receive(w->peer);
    return strstr(w->peer->got, w->text) != NULL || w->peer->eof;
}

bool gn_http_peer_expect(struct gn_http_peer *p, const char *text)
{
    struct wish w = {.peer = p, .text = text};
    return gn_http_peer_run(p->loop, has_text, &w) && strstr(p->got, text) != NULL;
}

static bool has_total(void *data)
{
    struct wish *w = data;
    receive(w->peer);
    return w->peer->total >= w->total || w->peer->eof;
}

bool gn_http_peer_expect_total(struct gn_http_peer *p, size_t total)
{
    struct wish w = {.peer = p, .total = total};
    return gn_http_peer_run(p->loop, has_total, &w) && p->total >= total;
}

static bool has_eof(void *data)
{
    struct wish *w = data;
    receive(w->peer);
    return w->peer->eof;
}

bool gn_http_peer_expect_eof(struct gn_http_peer *p)
{
    struct wish w = {.peer = p};
    return gn_http_peer_run(p->loop, has_eof, &w);
}

void gn_http_peer_forget(struct gn_http_peer *p)
{
    p->len = 0;
    p->got[0] = '\0';
}

void gn_http_peer_close(struct gn_http_peer *p)
{
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
}
