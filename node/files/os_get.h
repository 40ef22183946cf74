/* node/files/os_get.h - the slow parts of fetching a file: begin or go on, copy what is here already, put it in place.
 *
 * Life: plain calls on a get. Threads: of the pool, one at a time per get. Purity: touches the disk.
 */
#ifndef GN_NODE_FILES_OS_GET_H
#define GN_NODE_FILES_OS_GET_H

#include "node/files/get.h"

/* Sets g->part, or, when the finished file is at its target already or could be copied there, leaves it NULL.
 * g->copied: g->entry is what is here already. Sets g->have_entry when the target was found to be the file and is not
 * known yet. EXISTS: another file is at the target. Errors of storage/os_blob_part.h. */
GN_MUST_CHECK enum gn_err gn_os_get_open(struct gn_files_get *g);
/* Puts the complete part at its target and fills g->entry. Errors as gn_blob_part_finish. */
GN_MUST_CHECK enum gn_err gn_os_get_finish(struct gn_files_get *g);
/* Makes a folder and those above it. EXISTS: something else is there. */
GN_MUST_CHECK enum gn_err gn_os_get_mkdirs(const char *path);
bool gn_os_get_is_folder(const char *path);

#endif
