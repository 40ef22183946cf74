/* storage/lmdb_check.h - reads an LMDB file without LMDB and says whether its structure is whole.
 *
 * LMDB trusts its file: a cut or overwritten one ends in SIGBUS or worse. So every page that LMDB could reach is looked
 * at before it is opened: kind, bounds, page numbers inside the file, no page used twice, free pages not in use.
 * Contents have checksums of their own (lmdb_store.c). Format: LMDB 0.9, of this machine's byte order and word size.
 *
 * Life: one call. Threads: any. Purity: reads a file.
 */
#ifndef GN_STORAGE_LMDB_CHECK_H
#define GN_STORAGE_LMDB_CHECK_H

#include "base/alloc.h"
#include "base/err.h"

/* `fd` is open for reading. OK also for an empty file, which LMDB takes as a new one.
 * CORRUPT: `why` is a short phrase (a literal). IO, NO_MEMORY. `why` is never NULL. */
GN_MUST_CHECK enum gn_err gn_lmdb_check_file(const char **why, const struct gn_alloc *alloc, int fd);

#endif
