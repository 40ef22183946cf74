/* base/err.c - texts, classes and the mapping of errno. */
#include "base/err.h"

#include <errno.h>

const char *gn_err_name(enum gn_err e)
{
    switch (e) {
#define X(name, number, class, text) \
    case GN_E_##name: \
        return #name;
        GN_ERR_TABLE(X)
#undef X
    }
    return "UNKNOWN";
}

const char *gn_err_text(enum gn_err e)
{
    switch (e) {
#define X(name, number, class, text) \
    case GN_E_##name: \
        return text;
        GN_ERR_TABLE(X)
#undef X
    }
    return "unknown error";
}

enum gn_err_class gn_err_class(enum gn_err e)
{
    switch (e) {
#define X(name, number, class, text) \
    case GN_E_##name: \
        return GN_ERR_CLASS_##class;
        GN_ERR_TABLE(X)
#undef X
    }
    return GN_ERR_CLASS_FATAL;
}

static const struct {
    int from;
    enum gn_err to;
} errno_table[] = {
    {0, GN_OK},
    {EINVAL, GN_E_INVALID},
    {ENAMETOOLONG, GN_E_LIMIT},
    {EFBIG, GN_E_LIMIT},
    {EMSGSIZE, GN_E_LIMIT},
    {ENOENT, GN_E_NOT_FOUND},
    {ENODEV, GN_E_NOT_FOUND},
    {EEXIST, GN_E_EXISTS},
    {ENOTDIR, GN_E_NOT_FOUND},
    {EISDIR, GN_E_INVALID},
    {ENOTEMPTY, GN_E_EXISTS},
    {ETIMEDOUT, GN_E_TIMEOUT},
    {ECONNREFUSED, GN_E_REFUSED},
    {ENOBUFS, GN_E_FULL},
    {EAGAIN, GN_E_AGAIN},
    {EINTR, GN_E_AGAIN},
    {EINPROGRESS, GN_E_AGAIN},
    {ECANCELED, GN_E_CANCELLED},
    {EPIPE, GN_E_CLOSED},
    {ECONNRESET, GN_E_CLOSED},
    {ECONNABORTED, GN_E_CLOSED},
    {ENOTCONN, GN_E_CLOSED},
    {ENETUNREACH, GN_E_UNREACHABLE},
    {EHOSTUNREACH, GN_E_UNREACHABLE},
    {ENETDOWN, GN_E_UNREACHABLE},
    {EADDRNOTAVAIL, GN_E_UNREACHABLE},
    {ENOMEM, GN_E_NO_MEMORY},
    {ENOSPC, GN_E_NO_SPACE},
    {EDQUOT, GN_E_NO_SPACE},
    {EIO, GN_E_IO},
    {ETXTBSY, GN_E_LOCKED},
    {EBUSY, GN_E_LOCKED},
    {EACCES, GN_E_PERMISSION},
    {EPERM, GN_E_PERMISSION},
    {EROFS, GN_E_PERMISSION},
    {EMFILE, GN_E_DESCRIPTORS},
    {ENFILE, GN_E_DESCRIPTORS},
    {ENOSYS, GN_E_UNSUPPORTED},
    {EOPNOTSUPP, GN_E_UNSUPPORTED},
    {EAFNOSUPPORT, GN_E_UNSUPPORTED},
    {EPROTONOSUPPORT, GN_E_UNSUPPORTED},
    {EADDRINUSE, GN_E_IN_USE},
};

enum gn_err gn_err_from_errno(int errno_value)
{
    for (unsigned i = 0; i < sizeof errno_table / sizeof errno_table[0]; i++) {
        if (errno_table[i].from == errno_value) {
            return errno_table[i].to;
        }
    }
    return GN_E_SYSTEM;
}
