/* node/machine.h - what the machine allows a node: descriptors, disk, clock, UDP buffers; checks that need no running
 * node.
 *
 * Life: the caller's report, filled by each call. Threads: any. Purity: asks the system, changes nothing.
 */
#ifndef GN_NODE_MACHINE_H
#define GN_NODE_MACHINE_H

#include <stddef.h>

#include "node/config.h"

#define GN_MACHINE_CHECKS_MAX 16U
#define GN_MACHINE_TEXT_MAX 192U

struct gn_machine_check {
    const char *name, *status; /* status: ok, warn, fail */
    const char *advice;        /* NULL: nothing to do */
    char text[GN_MACHINE_TEXT_MAX];
};

struct gn_machine_report {
    struct gn_machine_check checks[GN_MACHINE_CHECKS_MAX];
    size_t len;
};

/* Adds a line; nothing when the report is full. Borrows name, status and advice: constants. */
__attribute__((format(printf, 5, 6))) void gn_machine_say(struct gn_machine_report *r, const char *name,
                                                          const char *status, const char *advice, const char *format,
                                                          ...);
void gn_machine_check_descriptors(struct gn_machine_report *r);
/* Free space where the data folder is, or will be made. */
void gn_machine_check_disk(struct gn_machine_report *r, const char *data_dir);
void gn_machine_check_clock(struct gn_machine_report *r);
/* The largest buffers that the kernel gives to a UDP socket. */
void gn_machine_check_buffers(struct gn_machine_report *r);
/* May we write to the data folder, and nobody else read its secrets? */
void gn_machine_check_folder(struct gn_machine_report *r, const char *data_dir);
/* Can the configured UDP addresses be bound? Only useful while no node runs on them. */
void gn_machine_check_ports(struct gn_machine_report *r, const struct gn_config *config);

#endif
