/* transport/http/h1_head.h - reads the complete head of an HTTP/1.1 message and decides how its body is framed.
 *
 * Life: caller's memory; a parsed head borrows the bytes it was parsed from. Threads: any. Purity: pure.
 *
 * Three steps, each strict on its own. First a screen over the raw bytes (line ends, control characters, folded lines,
 * shape of the start line). Then llhttp cuts it into fields. Then our rules for Host, Content-Length and
 * Transfer-Encoding, RFC 9112 sections 3.2, 6 and 7. What llhttp tolerates differs between its releases (8.1 on Debian
 * 12, 9.2 on Debian 13); what decides about framing must not, so nothing here relies on llhttp to refuse anything.
 */
#ifndef GN_TRANSPORT_HTTP_H1_HEAD_H
#define GN_TRANSPORT_HTTP_H1_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "transport/http/http.h"
#include "transport/http/uri.h"

#define GN_H1_HEADERS_MAX 100U

enum gn_h1_framing {
    GN_H1_NO_BODY,
    GN_H1_LENGTH,      /* Content-Length */
    GN_H1_CHUNKED,     /* Transfer-Encoding: chunked */
    GN_H1_UNTIL_CLOSE, /* responses only */
};

struct gn_h1_head {
    struct gn_slice method;   /* requests; a token */
    struct gn_slice target;   /* requests, as sent */
    struct gn_uri_target uri; /* requests, taken apart */
    struct gn_slice host;     /* requests: what the request is for, "host:port"; empty only on HTTP/1.0 */
    unsigned status;          /* responses, 100..599 */
    unsigned minor;           /* HTTP/1.minor, 0 or 1 */
    enum gn_h1_framing framing;
    uint64_t length;       /* with GN_H1_LENGTH */
    bool keep_alive;       /* the sender wants the connection to stay */
    bool expects_continue; /* requests: Expect: 100-continue */
    bool upgrade;          /* Upgrade with Connection: upgrade; the value is in the fields */
    struct gn_http_header fields[GN_H1_HEADERS_MAX];
    size_t fields_len;
};

/* What to answer when a head is refused; the connection must be closed after it. */
struct gn_h1_refusal {
    unsigned status;    /* 400, 414, 417, 431, 501, 505 */
    const char *reason; /* literal, for the log and the answer's body */
};

/* bytes: from the first byte of the start line to the empty line, CRLF CRLF included. target_max: longest target.
 * MALFORMED with *refusal filled: the head must not be used. *out is not to be copied (it is big), but may be moved. */
GN_MUST_CHECK enum gn_err gn_h1_head_request(struct gn_h1_head *out, struct gn_h1_refusal *refusal,
                                             struct gn_slice bytes, size_t target_max);
/* The same for the head of an answer. to_head: the request was a HEAD, so that there is no body whatever the fields
 * say. MALFORMED: not to be trusted. */
GN_MUST_CHECK enum gn_err gn_h1_head_response(struct gn_h1_head *out, struct gn_h1_refusal *refusal,
                                              struct gn_slice bytes, bool to_head);
/* The fields behind the last chunk, same form as a head without its start line. They are checked and dropped. */
GN_MUST_CHECK enum gn_err gn_h1_head_trailer(struct gn_h1_refusal *refusal, struct gn_slice bytes);

#endif
