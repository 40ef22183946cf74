/* transport/http/uv_http_socket.c - listening sockets. */
#include "transport/http/uv_http_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum gn_err gn_uv_http_socket_err(int uv_result)
{
    return uv_result < 0 ? gn_err_from_errno(-uv_result) : GN_OK; /* on Linux libuv's codes are -errno */
}

void gn_uv_http_socket_ignore_sigpipe(void)
{
    struct sigaction now;
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGPIPE, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL)
        (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* Does anybody accept on that socket file? */
static enum gn_err probe(const struct sockaddr_un *sun, bool *answers)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return gn_err_from_errno(errno);
    int rc = connect(fd, (const struct sockaddr *)sun, sizeof *sun);
    int code = errno;
    (void)close(fd);
    *answers = rc == 0 || code == EAGAIN || code == EINPROGRESS; /* EAGAIN: its queue is full */
    if (rc != 0 && code == EACCES)
        return GN_E_PERMISSION;
    return GN_OK;
}

static enum gn_err clear_stale(const struct sockaddr_un *sun)
{
    struct stat st;
    bool answers = false;
    if (lstat(sun->sun_path, &st) != 0)
        return errno == ENOENT ? GN_OK : gn_err_from_errno(errno);
    if (!S_ISSOCK(st.st_mode))
        return GN_E_INVALID;
    enum gn_err err = probe(sun, &answers);
    if (err)
        return err;
    if (answers)
        return GN_E_IN_USE;
    if (unlink(sun->sun_path) != 0 && errno != ENOENT)
        return gn_err_from_errno(errno);
    return GN_OK;
}

enum gn_err gn_uv_http_socket_unix(int *fd, uint64_t *dev, uint64_t *ino, const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct stat st;
    size_t len = strlen(path);
    *fd = -1;
    if (len == 0 || len >= sizeof sun.sun_path)
        return GN_E_INVALID;
    memcpy(sun.sun_path, path, len + 1);
    enum gn_err err = clear_stale(&sun);
    if (err)
        return err;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0)
        return gn_err_from_errno(errno);
    /* On Linux the file takes over the socket's own mode: no moment in which others could connect, no umask to change.
     */
    if (fchmod(s, 0600) != 0 || bind(s, (const struct sockaddr *)&sun, sizeof sun) != 0 || lstat(path, &st) != 0 ||
        listen(s, SOMAXCONN) != 0) {
        err = gn_err_from_errno(errno);
        (void)close(s);
        return err;
    }
    *fd = s;
    *dev = (uint64_t)st.st_dev;
    *ino = (uint64_t)st.st_ino;
    return GN_OK;
}

enum gn_err gn_uv_http_socket_tcp(int *fd, struct gn_addr *bound, const struct gn_addr *addr)
{
    struct sockaddr_storage sys;
    socklen_t len = addr->family == GN_ADDR_V6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int on = 1;
    *fd = -1;
    if (addr->family == GN_ADDR_NONE)
        return GN_E_INVALID;
    gn_uv_http_socket_to_sys(&sys, addr);
    int s = socket(sys.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0)
        return gn_err_from_errno(errno);
    /* Without REUSEADDR a restart would have to wait for the last connections' TIME_WAIT. */
    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (addr->family == GN_ADDR_V6 && setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(s, (const struct sockaddr *)&sys, len) != 0 || listen(s, SOMAXCONN) != 0) {
        enum gn_err err = errno == EADDRNOTAVAIL ? GN_E_INVALID : gn_err_from_errno(errno);
        (void)close(s);
        return err;
    }
    len = sizeof sys;
    if (getsockname(s, (struct sockaddr *)&sys, &len) != 0) {
        (void)close(s);
        return GN_E_SYSTEM;
    }
    gn_uv_http_socket_from_sys(bound, &sys);
    *fd = s;
    return GN_OK;
}

void gn_uv_http_socket_remove(const char *path, uint64_t dev, uint64_t ino)
{
    struct stat st;
    if (lstat(path, &st) == 0 && (uint64_t)st.st_dev == dev && (uint64_t)st.st_ino == ino)
        (void)unlink(path);
}

void gn_uv_http_socket_to_sys(struct sockaddr_storage *out, const struct gn_addr *addr)
{
    memset(out, 0, sizeof *out);
    if (addr->family == GN_ADDR_V6) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
        memcpy(&in6.sin6_addr, addr->ip, 16);
        memcpy(out, &in6, sizeof in6);
    } else {
        struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
        memcpy(&in4.sin_addr, addr->ip, 4);
        memcpy(out, &in4, sizeof in4);
    }
}

void gn_uv_http_socket_from_sys(struct gn_addr *out, const struct sockaddr_storage *sys)
{
    memset(out, 0, sizeof *out);
    if (sys->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sys, sizeof in6);
        out->family = GN_ADDR_V6;
        out->port = ntohs(in6.sin6_port);
        memcpy(out->ip, &in6.sin6_addr, 16);
    } else if (sys->ss_family == AF_INET) {
        struct sockaddr_in in4;
        memcpy(&in4, sys, sizeof in4);
        out->family = GN_ADDR_V4;
        out->port = ntohs(in4.sin_port);
        memcpy(out->ip, &in4.sin_addr, 4);
    }
}
