/* base/os_clock.h - the clocks of the system.
 *
 * Life: plain calls. Threads: any. Purity: asks the system.
 */
#ifndef GN_BASE_OS_CLOCK_H
#define GN_BASE_OS_CLOCK_H

#include <stdint.h>

#include "base/stamp.h"
#include "base/time.h"

/* CLOCK_MONOTONIC: never goes back, stands still while the machine is suspended. */
gn_time_us gn_os_clock_now(void);
/* CLOCK_BOOTTIME: goes on during a suspend. A jump of (boot - now) is the length of a suspend. */
gn_time_us gn_os_clock_boot(void);
/* Seconds since 1970; a clock set before 1970 gives 0. */
gn_wall_s gn_os_clock_wall(void);
uint64_t gn_os_clock_wall_ms(void);
/* The present wall time as gn_stamp_print_ms writes it. */
void gn_os_clock_stamp(char out[GN_STAMP_MAX]);

#endif
