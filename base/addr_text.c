/* base/addr_text.c - numeric addresses as text: RFC 4291 section 2.2 in, RFC 5952 out. */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"

struct cursor {
    const char *at;
    const char *end;
};

static bool next_is(const struct cursor *c, char wanted)
{
    return c->at < c->end && *c->at == wanted;
}

static bool skip(struct cursor *c, char wanted)
{
    if (!next_is(c, wanted)) {
        return false;
    }
    c->at++;
    return true;
}

/* A decimal number without leading zeros, at most max. */
static bool read_decimal(struct cursor *c, unsigned max, unsigned *out)
{
    const char *start = c->at;
    unsigned v = 0;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        v = v * 10U + (unsigned)(*c->at - '0');
        if (v > max || (c->at > start && *start == '0')) {
            return false;
        }
        c->at++;
    }
    *out = v;
    return c->at > start;
}

static bool read_v4(struct cursor *c, uint8_t ip[4])
{
    for (unsigned i = 0; i < 4; i++) {
        unsigned v = 0;

        if ((i > 0 && !skip(c, '.')) || !read_decimal(c, 255, &v)) {
            return false;
        }
        ip[i] = (uint8_t)v;
    }
    return true;
}

static int hex_value(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    if (ch >= 'a' && ch <= 'f') {
        return ch - 'a' + 10;
    }
    return ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

/* One to four hexadecimal digits. */
static bool read_group(struct cursor *c, uint8_t out[2])
{
    unsigned v = 0;
    unsigned digits = 0;

    while (c->at < c->end && digits < 4 && hex_value(*c->at) >= 0) {
        v = v << 4 | (unsigned)hex_value(*c->at);
        c->at++;
        digits++;
    }
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
    return digits > 0;
}

/* Reads groups up to the closing bracket; the bytes go to `ip`, *len says how many, *gap where "::" stood. */
static bool read_groups(struct cursor *c, uint8_t ip[16], size_t *len, size_t *gap)
{
    *len = 0;
    *gap = SIZE_MAX;
    if (next_is(c, ':')) {
        c->at++;
        if (!skip(c, ':')) {
            return false;
        }
        *gap = 0;
    }
    while (!next_is(c, ']')) {
        const struct cursor before = *c;

        if (*len > 14 || !read_group(c, ip + *len)) {
            return false;
        }
        if (next_is(c, '.')) {
            *c = before;
            if (*len > 12 || !read_v4(c, ip + *len)) {
                return false;
            }
            *len += 4;
            return next_is(c, ']');
        }
        *len += 2;
        if (next_is(c, ']')) {
            return true;
        }
        if (!skip(c, ':')) {
            return false;
        }
        if (skip(c, ':')) {
            if (*gap != SIZE_MAX) {
                return false;
            }
            *gap = *len;
        } else if (next_is(c, ']')) {
            return false; /* "1:]" */
        }
    }
    return true;
}

static bool read_v6(struct cursor *c, uint8_t ip[16])
{
    uint8_t got[16] = {0};
    size_t len;
    size_t gap;

    if (!read_groups(c, got, &len, &gap)) {
        return false;
    }
    memset(ip, 0, 16);
    if (gap == SIZE_MAX) {
        memcpy(ip, got, 16);
        return len == 16;
    }
    if (len > 14) {
        return false; /* "::" stands for at least one group */
    }
    memcpy(ip, got, gap);
    memcpy(ip + 16 - (len - gap), got + gap, len - gap);
    return true;
}

enum gn_err gn_addr_parse(struct gn_addr *out, const char *text, size_t len)
{
    struct cursor c = {text, text};
    uint8_t wire[GN_ADDR_WIRE_MAX] = {0};
    size_t ip_len = 4;
    unsigned port = 0;
    bool good;

    if (len > 0) {
        c.end += len;
    }
    if (skip(&c, '[')) {
        ip_len = 16;
        good = read_v6(&c, wire) && skip(&c, ']');
    } else {
        good = read_v4(&c, wire);
    }
    good = good && skip(&c, ':') && read_decimal(&c, 65535, &port) && c.at == c.end;
    if (!good) {
        return GN_E_INVALID;
    }
    wire[ip_len] = (uint8_t)(port >> 8);
    wire[ip_len + 1U] = (uint8_t)port;
    return gn_addr_from_wire(out, wire, ip_len + 2U); /* makes IPv4 of the IPv4-mapped */
}

/* The longest run of at least two zero groups, the first of equal ones (RFC 5952 section 4.2). */
static void find_gap(const uint16_t group[8], unsigned *first, unsigned *len)
{
    *first = 8;
    *len = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = 0;

        while (i + n < 8 && group[i + n] == 0) {
            n++;
        }
        if (n >= 2 && n > *len) {
            *first = i;
            *len = n;
        }
        i += n;
    }
}

static void print_v6(char out[GN_ADDR_TEXT_MAX], const struct gn_addr *a)
{
    uint16_t group[8];
    unsigned gap;
    unsigned gap_len;
    size_t at = 0;

    for (size_t i = 0; i < 8; i++) {
        group[i] = (uint16_t)((unsigned)a->ip[2U * i] << 8 | a->ip[2U * i + 1U]);
    }
    find_gap(group, &gap, &gap_len);
    out[at++] = '[';
    for (unsigned i = 0; i < 8; i++) {
        if (i == gap) {
            out[at++] = ':';
            out[at++] = ':';
            i += gap_len - 1U;
            continue;
        }
        if (i > 0 && out[at - 1U] != ':') {
            out[at++] = ':';
        }
        at += (size_t)snprintf(out + at, GN_ADDR_TEXT_MAX - at, "%x", (unsigned)group[i]);
    }
    (void)snprintf(out + at, GN_ADDR_TEXT_MAX - at, "]:%u", (unsigned)a->port);
}

void gn_addr_print(char out[GN_ADDR_TEXT_MAX], const struct gn_addr *a)
{
    if (a->family == GN_ADDR_V6) {
        print_v6(out, a);
    } else if (a->family == GN_ADDR_V4) {
        (void)snprintf(out, GN_ADDR_TEXT_MAX, "%u.%u.%u.%u:%u", (unsigned)a->ip[0], (unsigned)a->ip[1],
                       (unsigned)a->ip[2], (unsigned)a->ip[3], (unsigned)a->port);
    } else {
        (void)snprintf(out, GN_ADDR_TEXT_MAX, "none");
    }
}
