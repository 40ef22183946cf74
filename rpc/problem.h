/* rpc/problem.h - errors as problem documents (RFC 9457), and back.
 *
 * Life: plain calls. Threads: any. Purity: pure (jansson).
 *
 * {"type":"about:blank","title":"Not Found","status":404,"detail":"...","code":"NOT_FOUND"}: `code` is gn_err_name, so
 * that the other side gets exactly the error that the node had; `detail` is for people.
 */
#ifndef GN_RPC_PROBLEM_H
#define GN_RPC_PROBLEM_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

#define GN_PROBLEM_MAX 4096U
#define GN_PROBLEM_TYPE "application/problem+json"

/* The HTTP status for an error; docs/API.md has the table. */
unsigned gn_problem_status(enum gn_err err);
/* The error for a status when there is no problem document. GN_OK for 1xx, 2xx, 3xx. */
enum gn_err gn_problem_err(unsigned status);
/* Writes the document without a line feed and a NUL behind it; returns its length. status 0: gn_problem_status(err).
 * detail NULL: the text of err. A detail that is not UTF-8 or too long is cut or replaced: the document is valid JSON.
 */
size_t gn_problem_write(char out[GN_PROBLEM_MAX], enum gn_err err, unsigned status, const char *detail);
/* Reads a document: *err is its code (gn_problem_err(status) when it has none that is known), detail filled and
 * NUL-terminated, empty when there is none. MALFORMED: not such a document; *err is still set from status. */
GN_MUST_CHECK enum gn_err gn_problem_read(enum gn_err *err, char *detail, size_t detail_cap, unsigned status,
                                          struct gn_slice document);

#endif
