/* transport/http/h1_screen.h - the first look at the raw bytes of a head: lines, control characters, the start line.
 *
 * Life: plain calls on borrowed bytes. Threads: any. Purity: pure.
 */
#ifndef GN_TRANSPORT_HTTP_H1_SCREEN_H
#define GN_TRANSPORT_HTTP_H1_SCREEN_H

#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"
#include "transport/http/h1_head.h"

/* Finds the end of the start line; *line is it without CRLF, *fields all field lines, each with its CRLF, without the
 * empty line at the end. MALFORMED: no CRLF, a bare CR or LF, a NUL or another control character anywhere. */
GN_MUST_CHECK enum gn_err gn_h1_screen_split(struct gn_slice *line, struct gn_slice *fields,
                                             struct gn_h1_refusal *refusal, struct gn_slice bytes);
/* Every field line is `token ":" value`: no folding, no blank before the colon (RFC 9112 section 5.1), no empty name.
 * LIMIT (431): more than GN_H1_HEADERS_MAX. */
GN_MUST_CHECK enum gn_err gn_h1_screen_fields(struct gn_h1_refusal *refusal, struct gn_slice fields);
/* `token SP target SP HTTP/1.x`, single blanks. Fills method, target and minor of *head. */
GN_MUST_CHECK enum gn_err gn_h1_screen_request_line(struct gn_h1_head *head, struct gn_h1_refusal *refusal,
                                                    struct gn_slice line, size_t target_max);
/* `HTTP/1.x SP 3DIGIT SP reason`. Fills status and minor of *head. */
GN_MUST_CHECK enum gn_err gn_h1_screen_status_line(struct gn_h1_head *head, struct gn_h1_refusal *refusal,
                                                   struct gn_slice line);
/* Fills *refusal, returns MALFORMED. */
GN_MUST_CHECK enum gn_err gn_h1_screen_refuse(struct gn_h1_refusal *refusal, unsigned status, const char *reason);

#endif
