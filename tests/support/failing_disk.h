/* tests/support/failing_disk.h - makes the n-th call that writes to a file fail, in this process and its libraries.
 *
 * A program that uses it has its own write, pwrite, writev, fsync, fdatasync, fallocate, ftruncate and renames, which
 * count and pass on.
 *
 * Life: the whole program. Threads: any. Purity: not pure, tests only.
 */
#ifndef GN_TESTS_SUPPORT_FAILING_DISK_H
#define GN_TESTS_SUPPORT_FAILING_DISK_H

#include <stdbool.h>

/* The n-th call from now fails with `error` (an errno), once; with `forever` all later ones too. 0: none fails. */
void gn_failing_disk_arm(int n, int error, bool forever);
/* Disarms. Did a call fail since it was armed? */
bool gn_failing_disk_disarm(void);
/* From now on fallocate says EOPNOTSUPP, or renameat2 says EINVAL: an old file system. */
void gn_failing_disk_old(bool no_fallocate, bool no_renameat2);

#endif
