/* rpc/guard.c - Host, Origin, token. */
#include "rpc/guard.h"

#include <string.h>

#include "base/hash.h"
#include "transport/http/uri.h"

/* The address of a host without a port; family NONE when it is a name. */
static struct gn_addr literal(struct gn_slice host)
{
    struct gn_addr addr = {.family = GN_ADDR_NONE};
    char text[GN_ADDR_TEXT_MAX];
    if (host.len + 2 < sizeof text) {
        memcpy(text, host.data, host.len);
        memcpy(text + host.len, ":1", 2); /* gn_addr_parse wants a port */
        if (gn_addr_parse(&addr, text, host.len + 2))
            addr.family = GN_ADDR_NONE;
    }
    return addr;
}

static bool is_own_host(const struct gn_exchange_request *req, struct gn_slice authority)
{
    struct gn_slice host;
    uint16_t port;
    if (gn_uri_parse_authority(&host, &port, authority))
        return false;
    if (!req->from_unix && (port ? port : 80) != req->local.port)
        return false;
    if (gn_http_slice_like(host, "localhost"))
        return true;
    struct gn_addr addr = literal(host);
    if (addr.family == GN_ADDR_NONE)
        return false;
    return gn_addr_is_loopback(&addr) || (!req->from_unix && gn_addr_same_ip(&addr, &req->local));
}

static bool is_own_origin(const struct gn_exchange_request *req, struct gn_slice origin)
{
    static const char scheme[] = "http://";
    size_t len = sizeof scheme - 1;
    if (origin.len <= len || !gn_http_slice_like(gn_slice_of(origin.data, len), scheme))
        return false;
    struct gn_slice rest = gn_slice_of(origin.data + len, origin.len - len);
    return gn_slice_eq(rest, req->host);
}

enum gn_guard_verdict gn_guard_check_site(const struct gn_exchange_request *req)
{
    struct gn_slice origin;
    if (!is_own_host(req, req->host))
        return GN_GUARD_WRONG_HOST;
    enum gn_err err = gn_http_headers_one(&origin, req->headers, "origin");
    if (err == GN_E_NOT_FOUND)
        return GN_GUARD_PASS;
    return !err && is_own_origin(req, origin) ? GN_GUARD_PASS : GN_GUARD_WRONG_ORIGIN;
}

enum gn_guard_verdict gn_guard_check_token(const struct gn_exchange_request *req, const struct gn_id *token_hash)
{
    static const char scheme[] = "Bearer ";
    size_t len = sizeof scheme - 1;
    struct gn_slice value;
    struct gn_id hash;
    if (gn_http_headers_one(&value, req->headers, "authorization") || value.len <= len ||
        !gn_http_slice_like(gn_slice_of(value.data, len), scheme))
        return GN_GUARD_NO_TOKEN;
    /* Hashes have one length, so that not even the token's length shows in the time. */
    gn_hash_256(&hash, gn_http_trim(gn_slice_of(value.data + len, value.len - len)));
    return gn_hash_equal(hash.b, token_hash->b, sizeof hash.b) ? GN_GUARD_PASS : GN_GUARD_NO_TOKEN;
}
