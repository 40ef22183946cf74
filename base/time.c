/* base/time.c - saturating arithmetic on times. */
#include "base/time.h"

gn_time_us gn_time_add(gn_time_us t, gn_time_us d)
{
    return d > GN_TIME_NEVER - t ? GN_TIME_NEVER : t + d;
}

gn_time_us gn_time_sub(gn_time_us later, gn_time_us earlier)
{
    if (later == GN_TIME_NEVER) {
        return GN_TIME_NEVER;
    }
    return later > earlier ? later - earlier : 0;
}

gn_time_us gn_time_min(gn_time_us a, gn_time_us b)
{
    return a < b ? a : b;
}

gn_time_us gn_time_max(gn_time_us a, gn_time_us b)
{
    return a > b ? a : b;
}
