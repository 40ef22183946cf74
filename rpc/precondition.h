/* rpc/precondition.h - If-Match and If-None-Match of writes, as versions.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 */
#ifndef GN_RPC_PRECONDITION_H
#define GN_RPC_PRECONDITION_H

#include <stdint.h>

#include "base/err.h"
#include "rpc/api.h"
#include "transport/http/http.h"

/* Neither field: ALWAYS. If-Match "n": IF_VERSION. If-Match *: IF_EXISTS. If-None-Match *: IF_ABSENT.
 * INVALID: both, a list, a weak tag, a tag that is no number, If-None-Match with a tag. */
GN_MUST_CHECK enum gn_err gn_precondition_read(enum gn_api_kv_if *cond, uint64_t *version,
                                               struct gn_http_headers headers);

#endif
