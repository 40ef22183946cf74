#include "transport/udp/os_sockaddr.h"

#include <netinet/in.h>
#include <string.h>

socklen_t gn_os_sockaddr_set(struct sockaddr_storage *out, const struct gn_addr *a)
{
    memset(out, 0, sizeof *out);
    if (a->family == GN_ADDR_V4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};

        memcpy(&in.sin_addr, a->ip, sizeof in.sin_addr);
        memcpy(out, &in, sizeof in);
        return (socklen_t)sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};

    memcpy(&in6.sin6_addr, a->ip, sizeof in6.sin6_addr);
    memcpy(out, &in6, sizeof in6);
    return (socklen_t)sizeof in6;
}

bool gn_os_sockaddr_get(struct gn_addr *out, const struct sockaddr_storage *a)
{
    memset(out, 0, sizeof *out);
    if (a->ss_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, a, sizeof in);
        memcpy(out->ip, &in.sin_addr, sizeof in.sin_addr);
        out->port = ntohs(in.sin_port);
        out->family = GN_ADDR_V4;
        return true;
    }
    if (a->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, a, sizeof in6);
        memcpy(out->ip, &in6.sin6_addr, sizeof in6.sin6_addr);
        out->port = ntohs(in6.sin6_port);
        out->family = GN_ADDR_V6;
        return true;
    }
    return false;
}
