/* transport/http/uri.h - percent-encoding, queries, and the two halves of a request target (RFC 3986).
 *
 * Life: plain calls on borrowed bytes. Threads: any. Purity: pure.
 */
#ifndef GN_TRANSPORT_HTTP_URI_H
#define GN_TRANSPORT_HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* A request target taken apart. Everything borrows from the target. */
struct gn_uri_target {
    struct gn_slice authority; /* of the absolute form; empty otherwise */
    struct gn_slice path;      /* begins with '/', still percent-encoded; "*" of the asterisk form */
    struct gn_slice query;     /* without the '?'; empty when there is none */
};

/* Origin form ("/a?b"), absolute form ("http://h/a?b", http and https) and asterisk form ("*"), RFC 9112 section 3.2.
 * INVALID: anything else, a fragment, bytes outside visible ASCII, a broken percent-escape. */
GN_MUST_CHECK enum gn_err gn_uri_parse_target(struct gn_uri_target *out, struct gn_slice target);

/* Decodes percent-escapes into out; plus_is_blank for query values. Sets *len.
 * LIMIT: more than cap bytes. INVALID: a broken escape. */
GN_MUST_CHECK enum gn_err gn_uri_decode(uint8_t *out, size_t *len, size_t cap, struct gn_slice text,
                                        bool plus_is_blank);
/* Encodes everything but unreserved characters (RFC 3986 section 2.3) into w. */
void gn_uri_encode(struct gn_writer *w, struct gn_slice bytes);
/* Cuts the next name=value off a query; both still encoded. False at the end. */
bool gn_uri_query_next(struct gn_slice *name, struct gn_slice *value, struct gn_slice *rest);

/* "host", "host:port", "[v6]:port" without userinfo; the port may be missing (*port is 0 then) or empty.
 * INVALID on anything else, also on an empty host (RFC 9110 section 4.2.1). *host keeps its brackets. */
GN_MUST_CHECK enum gn_err gn_uri_parse_authority(struct gn_slice *host, uint16_t *port, struct gn_slice authority);

#endif
