/* overlay/msg/msg.c - names of methods and statuses. */
#include "overlay/msg/msg.h"

#include "base/check.h"

static const char *const method_names[] = {
    [GN_MSG_PING] = "PING",     [GN_MSG_FIND_NODE] = "FIND_NODE",         [GN_MSG_GET] = "GET",
    [GN_MSG_PUT] = "PUT",       [GN_MSG_GET_PROVIDERS] = "GET_PROVIDERS", [GN_MSG_ADD_PROVIDER] = "ADD_PROVIDER",
    [GN_MSG_WATCH] = "WATCH",   [GN_MSG_PROBE_ME] = "PROBE_ME",           [GN_MSG_PUNCH] = "PUNCH",
    [GN_MSG_SAMPLE] = "SAMPLE",
};

static const struct {
    const char *name;
    enum gn_err err;
} statuses[] = {
    [GN_MSG_OK] = {"OK", GN_E_OK},
    [GN_MSG_NOT_FOUND] = {"NOT_FOUND", GN_E_NOT_FOUND},
    [GN_MSG_BAD_TOKEN] = {"BAD_TOKEN", GN_E_AUTH},
    [GN_MSG_REFUSED] = {"REFUSED", GN_E_REFUSED},
    [GN_MSG_QUOTA] = {"QUOTA", GN_E_QUOTA},
    [GN_MSG_STALE] = {"STALE", GN_E_STALE},
    [GN_MSG_CONFLICT] = {"CONFLICT", GN_E_CONFLICT},
    [GN_MSG_TOO_BIG] = {"TOO_BIG", GN_E_LIMIT},
    [GN_MSG_MALFORMED] = {"MALFORMED", GN_E_MALFORMED},
    [GN_MSG_BUSY] = {"BUSY", GN_E_FULL},
    [GN_MSG_UNSUPPORTED] = {"UNSUPPORTED", GN_E_UNSUPPORTED},
};

const char *gn_msg_method_name(unsigned method)
{
    return method < GN_ARRAY_LEN(method_names) && method_names[method] ? method_names[method] : "?";
}

const char *gn_msg_status_name(unsigned status)
{
    return status < GN_ARRAY_LEN(statuses) ? statuses[status].name : "?";
}

enum gn_err gn_msg_status_err(unsigned status)
{
    return status < GN_ARRAY_LEN(statuses) ? statuses[status].err : GN_E_REFUSED;
}
