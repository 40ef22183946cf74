/* transport/http/conditional.h - entity tags, preconditions and byte ranges (RFC 9110 sections 8.8.3, 13, 14).
 *
 * Life: plain calls on borrowed bytes. Threads: any. Purity: pure.
 */
#ifndef GN_TRANSPORT_HTTP_CONDITIONAL_H
#define GN_TRANSPORT_HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "transport/http/http.h"

/* Does a list of entity tags (the value of If-Match or If-None-Match, or "*") hold this opaque tag (without quotes)?
 * weak: W/ tags count too (If-None-Match), else they never match (If-Match). */
bool gn_conditional_has_tag(struct gn_slice list, struct gn_slice tag, bool weak);
/* One strong entity tag in quotes, and nothing else: *tag without the quotes. INVALID otherwise. */
GN_MUST_CHECK enum gn_err gn_conditional_one_tag(struct gn_slice *tag, struct gn_slice value);

struct gn_range {
    uint64_t first;
    uint64_t len; /* never 0 */
};

enum gn_range_result {
    GN_RANGE_NONE,  /* no Range, not for bytes, malformed, or several ranges: answer 200 with everything */
    GN_RANGE_OK,    /* 206 */
    GN_RANGE_UNMET, /* 416 */
};

/* The Range field of a request for a representation of `size` bytes, whose strong tag is `tag`. An If-Range that does
 * not match gives GN_RANGE_NONE. Several ranges may be answered whole (section 14.2: a server may ignore Range). */
enum gn_range_result gn_conditional_range(struct gn_range *out, struct gn_http_headers headers, uint64_t size,
                                          struct gn_slice tag);

#endif
