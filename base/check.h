/* base/check.h - checks against our own mistakes, on in release too.
 *
 * Life: macros. Threads: any. Purity: pure until a check fails, then aborts.
 *
 * GN_CHECK guards invariants of this program only, never bytes from a peer, a disk or a user.
 * GN_CHECK_SLOW walks whole structures; it is compiled in when GN_SLOW_CHECKS is defined.
 */
#ifndef GN_BASE_CHECK_H
#define GN_BASE_CHECK_H

#include <stddef.h>

_Noreturn void gn_check_failed(const char *file, int line, const char *expression);

#define GN_CHECK(e) ((e) ? (void)0 : gn_check_failed(__FILE__, __LINE__, #e))
#ifdef GN_SLOW_CHECKS
#define GN_CHECK_SLOW(e) GN_CHECK(e)
#else
#define GN_CHECK_SLOW(e) ((void)sizeof(e))
#endif

#define GN_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define GN_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define GN_CONTAINER_OF_CONST(ptr, type, member) \
    ((const type *)(const void *)((const char *)(ptr)-offsetof(type, member)))

#endif
