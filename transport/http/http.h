/* transport/http/http.h - the parts of an HTTP message that all versions share: methods, header fields, status.
 *
 * Life: plain values that borrow their bytes. Threads: any. Purity: pure.
 */
#ifndef GN_TRANSPORT_HTTP_HTTP_H
#define GN_TRANSPORT_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* Methods that the router knows; anything else that is a token is GN_HTTP_OTHER (answered 501). */
enum gn_http_method {
    GN_HTTP_OTHER = 0,
    GN_HTTP_GET = 1,
    GN_HTTP_HEAD = 2,
    GN_HTTP_POST = 3,
    GN_HTTP_PUT = 4,
    GN_HTTP_DELETE = 5,
    GN_HTTP_OPTIONS = 6,
    GN_HTTP_PATCH = 7,
};
#define GN_HTTP_METHODS 8U

/* One header field. Borrowed bytes; names compare without case. */
struct gn_http_header {
    struct gn_slice name;
    struct gn_slice value; /* without surrounding blanks */
};

struct gn_http_headers {
    const struct gn_http_header *items;
    size_t len;
};

/* A field from two C strings, borrowed. */
struct gn_http_header gn_http_header_of(const char *name, const char *value);
/* The first field of that name (given in any case); NULL when there is none. */
const struct gn_http_header *gn_http_headers_find(struct gn_http_headers headers, const char *name);
/* The value of the only field of that name. NOT_FOUND: none. INVALID: more than one. */
GN_MUST_CHECK enum gn_err gn_http_headers_one(struct gn_slice *out, struct gn_http_headers headers, const char *name);
/* Cuts the next non-empty element off a comma-separated list value; false at its end. RFC 9110 section 5.6.1. */
bool gn_http_list_next(struct gn_slice *element, struct gn_slice *rest);
/* Does the comma-separated list value hold this token (without case)? RFC 9110 section 5.6.1. */
bool gn_http_list_has(struct gn_slice value, const char *token);

bool gn_http_slice_is(struct gn_slice a, const char *text);   /* same bytes */
bool gn_http_slice_like(struct gn_slice a, const char *text); /* same but for ASCII case */
struct gn_slice gn_http_trim(struct gn_slice s);              /* without blanks and tabs at both ends */
bool gn_http_is_tchar(uint8_t c);
/* A token of RFC 9110 section 5.6.2. */
bool gn_http_is_token(struct gn_slice s);
/* Bytes allowed in a field value: no NUL, CR, LF or other control but TAB. */
bool gn_http_is_field_value(struct gn_slice s);

enum gn_http_method gn_http_method_parse(struct gn_slice s);
const char *gn_http_method_name(enum gn_http_method m); /* "GET"; "" for OTHER */
/* The reason phrase of RFC 9110 section 15, "Unknown" for numbers it does not list. Never NULL. */
const char *gn_http_reason(unsigned status);
/* A decimal number of 1..19 digits and nothing else. INVALID otherwise, or when it exceeds INT64_MAX. */
GN_MUST_CHECK enum gn_err gn_http_number(uint64_t *out, struct gn_slice s);

#endif
