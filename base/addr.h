/* base/addr.h - an IP address and UDP or TCP port, without any system type.
 *
 * Life: plain values. Threads: any. Purity: pure.
 */
#ifndef GN_BASE_ADDR_H
#define GN_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum gn_addr_family { GN_ADDR_NONE = 0, GN_ADDR_V4 = 4, GN_ADDR_V6 = 6 };

struct gn_addr {
    uint8_t ip[16]; /* v4: the first 4 bytes, the rest zero */
    uint16_t port;  /* host order */
    uint8_t family; /* enum gn_addr_family */
};

#define GN_ADDR_TEXT_MAX 56U /* "[v6]:65535" and a NUL fit */
#define GN_ADDR_WIRE_MAX 18U

bool gn_addr_eq(const struct gn_addr *a, const struct gn_addr *b);
bool gn_addr_same_ip(const struct gn_addr *a, const struct gn_addr *b);
/* Numeric "1.2.3.4:5" or "[::1]:5". IPv4-mapped IPv6 becomes IPv4. INVALID on anything else. */
GN_MUST_CHECK enum gn_err gn_addr_parse(struct gn_addr *out, const char *text, size_t len);
void gn_addr_print(char out[GN_ADDR_TEXT_MAX], const struct gn_addr *a);
/* Wire form: 6 bytes (v4) or 18 bytes (v6), ip then port big endian. Returns the length, 0 for family NONE. */
size_t gn_addr_to_wire(uint8_t out[GN_ADDR_WIRE_MAX], const struct gn_addr *a);
/* IPv4-mapped IPv6 becomes IPv4 here too, so that no check is got round. INVALID unless len is 6 or 18. */
GN_MUST_CHECK enum gn_err gn_addr_from_wire(struct gn_addr *out, const uint8_t *data, size_t len);
/* The group used by diversity limits: the /24 of v4 or the /48 of v6 as a number; families differ. */
uint64_t gn_addr_group(const struct gn_addr *a);
/* The wide group (/16 of v4, /32 of v6) that must differ among dial-back peers. */
uint64_t gn_addr_wide_group(const struct gn_addr *a);
bool gn_addr_is_loopback(const struct gn_addr *a);
/* RFC 1918, RFC 6598 (100.64/10), link-local, unique local, loopback. */
bool gn_addr_is_private(const struct gn_addr *a);
/* A unicast address with a port that a packet may be sent to: not 0.0.0.0/8, multicast, reserved or broadcast, not the
 * link-local addresses of IPv6 (they need a zone, which struct gn_addr has not), port not 0. */
bool gn_addr_is_usable(const struct gn_addr *a);

#endif
