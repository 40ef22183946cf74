/* base/os_check.c - the end of a program that found a mistake in itself. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void gn_check_failed(const char *file, int line, const char *expression)
{
    fprintf(stderr, "ghostnet: %s:%d: check failed: %s\n", file, line, expression);
    abort();
}
