/* base/stamp.c - the civil calendar (proleptic Gregorian) from a count of days. */
#include "base/stamp.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define LAST_SECOND UINT64_C(253402300799) /* 9999-12-31T23:59:59Z */

struct date {
    unsigned year;
    unsigned month;
    unsigned day;
};

static bool is_leap(unsigned year)
{
    return (year % 4U == 0 && year % 100U != 0) || year % 400U == 0;
}

static struct date date_of(uint64_t days)
{
    static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    struct date d = {.year = 1970, .month = 1};

    /* 400 years have 146,097 days; what is left takes at most 400 short steps. */
    d.year += (unsigned)(days / 146097U) * 400U;
    days %= 146097U;
    while (days >= (is_leap(d.year) ? 366U : 365U)) {
        days -= is_leap(d.year) ? 366U : 365U;
        d.year++;
    }
    for (;;) {
        unsigned len = month_days[d.month - 1U] + (d.month == 2 && is_leap(d.year) ? 1U : 0U);

        if (days < len) {
            break;
        }
        days -= len;
        d.month++;
    }
    d.day = (unsigned)days + 1U;
    return d;
}

/* Without the "Z" (and the fraction); returns the length. */
static size_t print_seconds(char out[GN_STAMP_MAX], uint64_t wall)
{
    struct date d = date_of(wall / 86400U);
    unsigned s = (unsigned)(wall % 86400U);
    int n = snprintf(out, GN_STAMP_MAX, "%04u-%02u-%02uT%02u:%02u:%02u", d.year % 10000U, d.month, d.day, s / 3600U,
                     s / 60U % 60U, s % 60U);

    return n < 0 ? 0 : (size_t)n;
}

void gn_stamp_print_ms(char out[GN_STAMP_MAX], uint64_t wall_ms)
{
    bool late = wall_ms / 1000U > LAST_SECOND;
    size_t n = print_seconds(out, late ? LAST_SECOND : wall_ms / 1000U);

    (void)snprintf(out + n, GN_STAMP_MAX - n, ".%03uZ", late ? 999U : (unsigned)(wall_ms % 1000U));
}

void gn_stamp_print(char out[GN_STAMP_MAX], gn_wall_s wall)
{
    size_t n = print_seconds(out, wall > LAST_SECOND ? LAST_SECOND : wall);

    (void)snprintf(out + n, GN_STAMP_MAX - n, "Z");
}
