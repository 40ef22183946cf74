/* transport/udp/os_sockaddr.h - between gn_addr and the system's socket addresses.
 *
 * Life: plain values. Threads: any. Purity: system types only.
 */
#ifndef GN_UDP_OS_SOCKADDR_H
#define GN_UDP_OS_SOCKADDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/addr.h"

/* Fills out; returns its length. Family NONE is taken as IPv6. */
socklen_t gn_os_sockaddr_set(struct sockaddr_storage *out, const struct gn_addr *a);
/* False: neither IPv4 nor IPv6; out has family NONE then. */
bool gn_os_sockaddr_get(struct gn_addr *out, const struct sockaddr_storage *a);

#endif
