/* base/os_clock.c - clock_gettime. */
#include "base/os_clock.h"

#include <time.h>

#include "base/check.h"

static gn_time_us monotonic_us(clockid_t clock)
{
    struct timespec t;

    /* Fails only for a clock that the kernel does not know. */
    GN_CHECK(clock_gettime(clock, &t) == 0 && t.tv_sec >= 0);
    return (uint64_t)t.tv_sec * 1000000U + (uint64_t)t.tv_nsec / 1000U;
}

gn_time_us gn_os_clock_now(void)
{
    return monotonic_us(CLOCK_MONOTONIC);
}

gn_time_us gn_os_clock_boot(void)
{
    return monotonic_us(CLOCK_BOOTTIME);
}

uint64_t gn_os_clock_wall_ms(void)
{
    struct timespec t;

    GN_CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0);
    return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * 1000U + (uint64_t)t.tv_nsec / 1000000U;
}

gn_wall_s gn_os_clock_wall(void)
{
    return gn_os_clock_wall_ms() / 1000U;
}

void gn_os_clock_stamp(char out[GN_STAMP_MAX])
{
    gn_stamp_print_ms(out, gn_os_clock_wall_ms());
}
