/* node/demo.h - `ghostnet demo`: a swarm of real nodes on this machine, told step by step.
 *
 * Life: a plain call. Threads: the main one. Purity: none: it starts processes and makes a folder, and removes both.
 */
#ifndef GN_NODE_DEMO_H
#define GN_NODE_DEMO_H

#include <stdbool.h>
#include <stdint.h>

struct gn_demo_options {
    unsigned nodes;      /* 0 = 10; 8 to 64 */
    uint64_t file_bytes; /* size of the large file; 0 = 256 MiB, less where the disk is small */
    bool keep;           /* leave the folder behind, for a look */
    bool colours;
};

/* Returns the exit code: 0 when everything worked. Errors are told on stderr. */
int gn_demo_run(const struct gn_demo_options *options);

#endif
