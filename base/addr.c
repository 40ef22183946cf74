/* base/addr.c - what kind of address it is, its groups and its wire form. */
#include "base/addr.h"

#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static size_t ip_len(const struct gn_addr *a)
{
    return a->family == GN_ADDR_V4 ? 4U : a->family == GN_ADDR_V6 ? 16U : 0U;
}

bool gn_addr_same_ip(const struct gn_addr *a, const struct gn_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, ip_len(a)) == 0;
}

bool gn_addr_eq(const struct gn_addr *a, const struct gn_addr *b)
{
    return gn_addr_same_ip(a, b) && a->port == b->port;
}

size_t gn_addr_to_wire(uint8_t out[GN_ADDR_WIRE_MAX], const struct gn_addr *a)
{
    size_t n = ip_len(a);

    if (n == 0) {
        return 0;
    }
    memcpy(out, a->ip, n);
    out[n] = (uint8_t)(a->port >> 8);
    out[n + 1U] = (uint8_t)a->port;
    return n + 2U;
}

enum gn_err gn_addr_from_wire(struct gn_addr *out, const uint8_t *data, size_t len)
{
    struct gn_addr a = {.family = GN_ADDR_NONE};

    if (len == 18U && memcmp(data, mapped_prefix, sizeof mapped_prefix) == 0) {
        data += sizeof mapped_prefix;
        len = 6U;
    }
    if (len != 6U && len != 18U) {
        return GN_E_INVALID;
    }
    a.family = len == 6U ? GN_ADDR_V4 : GN_ADDR_V6;
    memcpy(a.ip, data, len - 2U);
    a.port = (uint16_t)((unsigned)data[len - 2U] << 8 | data[len - 1U]);
    *out = a;
    return GN_OK;
}

/* The first `bytes` bytes of the ip below a byte that names the family. */
static uint64_t prefix_number(const struct gn_addr *a, unsigned bytes)
{
    uint64_t n = a->family;

    for (unsigned i = 0; i < bytes; i++) {
        n = n << 8 | a->ip[i];
    }
    return n;
}

uint64_t gn_addr_group(const struct gn_addr *a)
{
    switch (a->family) {
    case GN_ADDR_V4:
        return prefix_number(a, 3);
    case GN_ADDR_V6:
        return prefix_number(a, 6);
    default:
        return 0;
    }
}

uint64_t gn_addr_wide_group(const struct gn_addr *a)
{
    switch (a->family) {
    case GN_ADDR_V4:
        return prefix_number(a, 2);
    case GN_ADDR_V6:
        return prefix_number(a, 4);
    default:
        return 0;
    }
}

static bool v6_is_loopback(const uint8_t *ip)
{
    static const uint8_t loopback[16] = {[15] = 1};

    return memcmp(ip, loopback, sizeof loopback) == 0;
}

bool gn_addr_is_loopback(const struct gn_addr *a)
{
    if (a->family == GN_ADDR_V4) {
        return a->ip[0] == 127;
    }
    return a->family == GN_ADDR_V6 && v6_is_loopback(a->ip);
}

bool gn_addr_is_private(const struct gn_addr *a)
{
    const uint8_t *ip = a->ip;

    if (a->family == GN_ADDR_V4) {
        return ip[0] == 127 || ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
               (ip[0] == 192 && ip[1] == 168) || (ip[0] == 100 && (ip[1] & 0xc0) == 64) ||
               (ip[0] == 169 && ip[1] == 254);
    }
    if (a->family == GN_ADDR_V6) {
        return v6_is_loopback(ip) || (ip[0] & 0xfe) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80);
    }
    return false;
}

bool gn_addr_is_usable(const struct gn_addr *a)
{
    static const uint8_t zero[16] = {0};
    const uint8_t *ip = a->ip;

    if (a->port == 0) {
        return false;
    }
    if (a->family == GN_ADDR_V4) {
        return ip[0] != 0 && ip[0] < 224; /* from 224 on: multicast, reserved, broadcast */
    }
    if (a->family == GN_ADDR_V6) {
        return memcmp(ip, zero, sizeof zero) != 0 && ip[0] != 0xff && !(ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) &&
               memcmp(ip, mapped_prefix, sizeof mapped_prefix) != 0;
    }
    return false;
}
