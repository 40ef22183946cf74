/* transport/http/uv_http_socket.h - makes listening sockets: the Unix kind with a safe mode and without stale files.
 *
 * Life: gives file descriptors and uv handles. Threads: any. Purity: asks the system.
 */
#ifndef GN_TRANSPORT_HTTP_UV_HTTP_SOCKET_H
#define GN_TRANSPORT_HTTP_UV_HTTP_SOCKET_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/err.h"

/* Gives a listening Unix stream socket, close-on-exec and non-blocking; its file has mode 0600 from the
 * first moment. A socket file on which nobody answers is removed first; *dev and *ino name the new file.
 * INVALID: the path is empty, too long, or something that is not a socket. IN_USE: somebody answers there.
 * PERMISSION, NOT_FOUND (no such folder), DESCRIPTORS, SYSTEM. */
GN_MUST_CHECK enum gn_err gn_uv_http_socket_unix(int *fd, uint64_t *dev, uint64_t *ino, const char *path);
/* Gives a listening TCP socket; port 0 picks one. Fills *bound. IN_USE, PERMISSION, INVALID (no such address), ... */
GN_MUST_CHECK enum gn_err gn_uv_http_socket_tcp(int *fd, struct gn_addr *bound, const struct gn_addr *addr);
/* Removes the file if it is still the one of dev and ino. */
void gn_uv_http_socket_remove(const char *path, uint64_t dev, uint64_t ino);

void gn_uv_http_socket_to_sys(struct sockaddr_storage *out, const struct gn_addr *addr);
void gn_uv_http_socket_from_sys(struct gn_addr *out, const struct sockaddr_storage *sys);
/* libuv writes with write(2): unless the process ignores SIGPIPE, any peer that leaves could end it. If the signal is
 * at its default it is ignored from now on; a handler of the program's own is left alone. */
void gn_uv_http_socket_ignore_sigpipe(void);
/* The gn_err for a negative result of libuv. */
enum gn_err gn_uv_http_socket_err(int uv_result);

#endif
