/* tests/support/gn_cmocka.h - cmocka with the headers that its own header forgets.
 *
 * Life: include instead of cmocka.h. Threads: any. Purity: not pure, tests only.
 *
 * cmocka 1.1.5 needs these four before it, in any order.
 */
#ifndef GN_TESTS_SUPPORT_GN_CMOCKA_H
#define GN_TESTS_SUPPORT_GN_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
