/* transport/http/h1_write.h - writes the heads of HTTP/1.1 messages.
 *
 * Life: plain calls into a bounded writer. Threads: any. Purity: pure.
 *
 * Framing fields are this file's business: the caller's fields must not contain Content-Length, Transfer-Encoding,
 * Connection or Keep-Alive, and no field may carry a CR, LF or NUL: INVALID, and what is in the writer must be dropped.
 * LIMIT: the writer is too small.
 */
#ifndef GN_TRANSPORT_HTTP_H1_WRITE_H
#define GN_TRANSPORT_HTTP_H1_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "transport/http/http.h"

#define GN_H1_WRITE_CHUNKED UINT64_MAX /* as a length: the body comes in chunks */
#define GN_H1_WRITE_NO_LENGTH \
    (UINT64_MAX - 1) /* neither field: an answer without a body, or one that ends by close \
                      */

struct gn_h1_answer {
    unsigned status;
    struct gn_http_headers headers;
    uint64_t length;    /* or one of the two above. 204 and 304 never get a Content-Length here */
    bool close;         /* Connection: close */
    bool keep_alive;    /* say so aloud: for HTTP/1.0 */
    const char *date;   /* value of Date; NULL: none */
    const char *server; /* value of Server; NULL: none */
};
GN_MUST_CHECK enum gn_err gn_h1_write_answer(struct gn_writer *w, const struct gn_h1_answer *a);

struct gn_h1_question {
    struct gn_slice method;
    struct gn_slice target;
    struct gn_slice host;
    struct gn_http_headers headers;
    uint64_t length;
    bool close;
};
GN_MUST_CHECK enum gn_err gn_h1_write_question(struct gn_writer *w, const struct gn_h1_question *q);

#define GN_H1_DATE_LEN 29U
/* "Mon, 23 Nov 2026 15:31:39 GMT" (IMF-fixdate, RFC 9110 section 5.6.7) and a NUL, for seconds since 1970. */
void gn_h1_write_date(char out[GN_H1_DATE_LEN + 1], uint64_t unix_s);

#endif
