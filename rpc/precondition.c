/* rpc/precondition.c - If-Match and If-None-Match of writes. */
#include "rpc/precondition.h"

#include "transport/http/conditional.h"

enum gn_err gn_precondition_read(enum gn_api_kv_if *cond, uint64_t *version, struct gn_http_headers headers)
{
    struct gn_slice match;
    struct gn_slice none_match;
    struct gn_slice tag;
    enum gn_err has_match = gn_http_headers_one(&match, headers, "if-match");
    enum gn_err has_none = gn_http_headers_one(&none_match, headers, "if-none-match");
    *cond = GN_API_KV_ALWAYS;
    *version = 0;
    if (has_match == GN_E_NOT_FOUND && has_none == GN_E_NOT_FOUND)
        return GN_OK;
    if (has_match == GN_E_NOT_FOUND) {
        if (has_none || !gn_http_slice_is(none_match, "*"))
            return GN_E_INVALID;
        *cond = GN_API_KV_IF_ABSENT;
        return GN_OK;
    }
    if (has_match || has_none != GN_E_NOT_FOUND)
        return GN_E_INVALID;
    if (gn_http_slice_is(match, "*")) {
        *cond = GN_API_KV_IF_EXISTS;
        return GN_OK;
    }
    if (gn_conditional_one_tag(&tag, match) || gn_http_number(version, tag))
        return GN_E_INVALID;
    *cond = GN_API_KV_IF_VERSION;
    return GN_OK;
}
