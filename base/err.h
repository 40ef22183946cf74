/* base/err.h - the one list of errors: number, class and text.
 *
 * Life: constants. Threads: any. Purity: pure.
 *
 * The class is the policy of whoever sees the error:
 *   CALLER  the caller asked for something impossible: report it
 *   PEER    a peer sent something wrong: drop the packet, score the peer
 *   RETRY   may work later: back off
 *   FATAL   this component cannot go on: stop it, keep what is on disk
 */
#ifndef GN_BASE_ERR_H
#define GN_BASE_ERR_H

#define GN_ERR_TABLE(X) \
    X(OK, 0, NONE, "success") \
    X(INVALID, 1, CALLER, "invalid argument") \
    X(LIMIT, 2, CALLER, "a limit was exceeded") \
    X(NOT_FOUND, 3, CALLER, "not found") \
    X(EXISTS, 4, CALLER, "exists already") \
    X(TIMEOUT, 5, RETRY, "timed out") \
    X(REFUSED, 6, CALLER, "refused") \
    X(FULL, 7, RETRY, "a queue or table is full") \
    X(AGAIN, 8, RETRY, "would block") \
    X(CANCELLED, 9, CALLER, "cancelled") \
    X(MALFORMED, 10, PEER, "malformed message") \
    X(AUTH, 11, PEER, "authentication failed") \
    X(STALE, 12, PEER, "older than what is known") \
    X(CONFLICT, 13, CALLER, "the version does not match") \
    X(VERSION, 14, PEER, "unknown protocol version") \
    X(CLOSED, 15, RETRY, "closed") \
    X(UNREACHABLE, 16, RETRY, "unreachable") \
    X(EXPIRED, 17, PEER, "expired") \
    X(QUOTA, 18, CALLER, "quota exceeded") \
    X(CHANGED, 19, CALLER, "the data changed underneath") \
    X(NO_MEMORY, 20, FATAL, "out of memory") \
    X(NO_SPACE, 21, FATAL, "no space left on the disk") \
    X(IO, 22, FATAL, "input/output error") \
    X(CORRUPT, 23, FATAL, "corrupt data") \
    X(LOCKED, 24, CALLER, "in use by another process") \
    X(PERMISSION, 25, CALLER, "permission denied") \
    X(DESCRIPTORS, 26, RETRY, "out of file descriptors") \
    X(UNSUPPORTED, 27, CALLER, "not supported") \
    X(CRYPTO, 28, FATAL, "a cryptographic library failed") \
    X(SYSTEM, 29, FATAL, "system call failed") \
    X(IN_USE, 30, CALLER, "address already in use")

enum gn_err {
#define X(name, number, class, text) GN_E_##name = (number),
    GN_ERR_TABLE(X)
#undef X
        GN_OK = GN_E_OK
};

enum gn_err_class {
    GN_ERR_CLASS_NONE,
    GN_ERR_CLASS_CALLER,
    GN_ERR_CLASS_PEER,
    GN_ERR_CLASS_RETRY,
    GN_ERR_CLASS_FATAL,
};

/* A result that must be looked at. */
#define GN_MUST_CHECK __attribute__((warn_unused_result))

/* "GN_E_TIMEOUT" style short name without the prefix: "TIMEOUT". Never NULL. */
const char *gn_err_name(enum gn_err e);
/* One lower-case phrase for people. Never NULL. */
const char *gn_err_text(enum gn_err e);
enum gn_err_class gn_err_class(enum gn_err e);
/* The gn_err for a value of errno; SYSTEM when nothing fits better. */
enum gn_err gn_err_from_errno(int errno_value);

#endif
