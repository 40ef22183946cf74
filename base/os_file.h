/* base/os_file.h - small whole files and folders.
 *
 * Life: plain calls. Threads: any. Purity: touches files.
 *
 * Errors of the system come as gn_err_from_errno: NOT_FOUND, PERMISSION, NO_SPACE, DESCRIPTORS, IO, ...
 */
#ifndef GN_BASE_OS_FILE_H
#define GN_BASE_OS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/alloc.h"
#include "base/err.h"

/* Gives the content in *data (free with gn_alloc_free) with a NUL after it that *len does not count.
 * LIMIT: longer than max_len. INVALID: not a regular file. NO_MEMORY. After an error *data is NULL and *len 0. */
GN_MUST_CHECK enum gn_err gn_os_file_read(const struct gn_alloc *alloc, uint8_t **data, size_t *len, const char *path,
                                          size_t max_len);
/* Writes a temporary file beside path, syncs it, renames it over path and syncs the folder: after a crash path is the
 * old or the new file, whole. `mode` is exact (umask does not apply). LIMIT: the path is too long. After an error path
 * is untouched and the temporary file is gone; only when syncing the folder fails the new file is in place already. */
GN_MUST_CHECK enum gn_err gn_os_file_write(const char *path, const void *data, size_t len, mode_t mode);
/* Makes the folder and those above it that are missing, each with `mode` (umask applies). Existing ones stay as they
 * are. EXISTS: something on the way is not a folder. LIMIT: the path is too long. */
GN_MUST_CHECK enum gn_err gn_os_file_mkdirs(const char *path, mode_t mode);
/* Syncs a folder, so that a rename or a removal in it is on the disk. */
GN_MUST_CHECK enum gn_err gn_os_file_sync_dir(const char *path);

#endif
