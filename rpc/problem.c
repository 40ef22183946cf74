/* rpc/problem.c - errors as problem documents. */
#include "rpc/problem.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"
#include "transport/http/http.h"

unsigned gn_problem_status(enum gn_err err)
{
    switch (err) {
    case GN_E_OK:
        return 200;
    case GN_E_INVALID:
    case GN_E_MALFORMED:
    case GN_E_STALE:
    case GN_E_EXPIRED:
        return 400;
    case GN_E_AUTH:
        return 401;
    case GN_E_REFUSED:
    case GN_E_QUOTA:
    case GN_E_PERMISSION:
        return 403;
    case GN_E_NOT_FOUND:
        return 404;
    case GN_E_EXISTS:
    case GN_E_CHANGED:
    case GN_E_LOCKED:
    case GN_E_IN_USE:
        return 409;
    case GN_E_CONFLICT:
        return 412;
    case GN_E_LIMIT:
        return 413;
    case GN_E_FULL:
    case GN_E_AGAIN:
        return 429;
    case GN_E_CANCELLED:
        return 499;
    case GN_E_UNSUPPORTED:
        return 501;
    case GN_E_UNREACHABLE:
        return 502;
    case GN_E_CLOSED:
    case GN_E_DESCRIPTORS:
        return 503;
    case GN_E_TIMEOUT:
        return 504;
    case GN_E_NO_SPACE:
        return 507;
    case GN_E_VERSION:
    case GN_E_NO_MEMORY:
    case GN_E_IO:
    case GN_E_CORRUPT:
    case GN_E_CRYPTO:
    case GN_E_SYSTEM:
        return 500;
    }
    return 500;
}

enum gn_err gn_problem_err(unsigned status)
{
    switch (status) {
    case 401:
        return GN_E_AUTH;
    case 403:
        return GN_E_REFUSED;
    case 404:
        return GN_E_NOT_FOUND;
    case 405:
    case 501:
    case 505:
        return GN_E_UNSUPPORTED;
    case 408:
    case 504:
        return GN_E_TIMEOUT;
    case 409:
        return GN_E_EXISTS;
    case 412:
        return GN_E_CONFLICT;
    case 413:
    case 414:
    case 431:
        return GN_E_LIMIT;
    case 429:
        return GN_E_FULL;
    case 499:
        return GN_E_CANCELLED;
    case 502:
        return GN_E_UNREACHABLE;
    case 503:
        return GN_E_CLOSED;
    case 507:
        return GN_E_NO_SPACE;
    default:
        break;
    }
    if (status >= 500)
        return GN_E_SYSTEM;
    return status >= 400 ? GN_E_INVALID : GN_OK;
}

static bool err_by_name(enum gn_err *out, const char *name)
{
    static const struct {
        const char *name;
        enum gn_err err;
    } names[] = {
#define X(name, number, class, text) {#name, GN_E_##name},
        GN_ERR_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < GN_ARRAY_LEN(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            *out = names[i].err;
            return true;
        }
    }
    return false;
}

/* Room for six characters per byte of detail, as \u00XX; the rest of the document needs less than 300. */
#define DETAIL_MAX ((GN_PROBLEM_MAX - 300U) / 6U)

size_t gn_problem_write(char out[GN_PROBLEM_MAX], enum gn_err err, unsigned status, const char *detail)
{
    unsigned code = status ? status : gn_problem_status(err);
    const char *text = detail ? detail : gn_err_text(err);
    size_t len = strlen(text);
    len = gn_utf8_cut((const uint8_t *)text, len, DETAIL_MAX); /* stops at the first byte that is not UTF-8 */
    json_t *doc = json_pack("{s:s, s:s, s:i, s:s%, s:s}", "type", "about:blank", "title", gn_http_reason(code),
                            "status", (int)code, "detail", text, len, "code", gn_err_name(err));
    size_t n = doc ? json_dumpb(doc, out, GN_PROBLEM_MAX - 1, JSON_COMPACT) : 0;
    json_decref(doc);
    if (n == 0 || n >= GN_PROBLEM_MAX) { /* out of memory: the smallest document, without jansson */
        int made = snprintf(out, GN_PROBLEM_MAX, "{\"type\":\"about:blank\",\"status\":%u,\"code\":\"%s\"}", code,
                            gn_err_name(err));
        GN_CHECK(made > 0 && (size_t)made < GN_PROBLEM_MAX);
        return (size_t)made;
    }
    out[n] = '\0';
    return n;
}

enum gn_err gn_problem_read(enum gn_err *err, char *detail, size_t detail_cap, unsigned status,
                            struct gn_slice document)
{
    GN_CHECK(detail_cap > 0);
    *err = gn_problem_err(status);
    detail[0] = '\0';
    if (document.len == 0)
        return GN_E_MALFORMED;
    json_t *doc = json_loadb((const char *)document.data, document.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(doc)) {
        json_decref(doc);
        return GN_E_MALFORMED;
    }
    const char *code = json_string_value(json_object_get(doc, "code"));
    if (code && err_by_name(err, code) && *err == GN_OK)
        *err = gn_problem_err(status); /* a problem that says OK is none of ours */
    const char *text = json_string_value(json_object_get(doc, "detail"));
    if (!text)
        text = json_string_value(json_object_get(doc, "title"));
    if (text) {
        size_t len = gn_utf8_cut((const uint8_t *)text, strlen(text), detail_cap - 1);
        memcpy(detail, text, len);
        detail[len] = '\0';
    }
    json_decref(doc);
    return GN_OK;
}
