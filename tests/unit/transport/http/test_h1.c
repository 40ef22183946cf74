/* tests/unit/transport/http/test_h1.c - RFC 9112 as rows: bytes in, transcript out, cut at every position. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gn_cmocka.h"
#include "tests/support/h1_transcript.h"

struct row {
    const char *section; /* of RFC 9112, unless it says otherwise */
    const char *in;
    const char *out;
};

#define H "Host: a\r\n"

static const struct row requests[] = {
    /* plain requests */
    {"2.1", "GET / HTTP/1.1\r\n" H "\r\n", "HEAD GET / 1.1 none keep|END|"},
    {"2.2 empty line in front", "\r\nGET / HTTP/1.1\r\n" H "\r\n", "HEAD GET / 1.1 none keep|END|"},
    {"2.2 too many of them", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"2.2 bare LF after the request line", "GET / HTTP/1.1\n" H "\r\n", "REFUSED 400|"},
    {"2.2 bare LF after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", "REFUSED 400|"},
    {"2.2 bare LF as empty line", "GET / HTTP/1.1\r\n" H "\n", "REFUSED 400|"},
    {"2.2 bare CR in the target", "GET /\rx HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"2.2 bare CR in a value", "GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n", "REFUSED 400|"},
    {"2.2 blank in front of the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "REFUSED 400|"},
    {"2.3 version 1.0", "GET / HTTP/1.0\r\n\r\n", "HEAD GET / 1.0 none|END|"},
    {"2.3 version 1.2", "GET / HTTP/1.2\r\n" H "\r\n", "REFUSED 505|"},
    {"2.3 version 2.0", "GET / HTTP/2.0\r\n" H "\r\n", "REFUSED 505|"},
    {"2.3 version 0.9", "GET / HTTP/0.9\r\n" H "\r\n", "REFUSED 505|"},
    {"2.3 no version", "GET /\r\n\r\n", "REFUSED 400|"},
    {"2.3 lower case", "GET / http/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"2.3 two digits", "GET / HTTP/1.10\r\n" H "\r\n", "REFUSED 400|"},
    {"2.3 the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "REFUSED 505|"},
    {"2.3 TLS", "\x16\x03\x01\x02", "REFUSED 400|"},
    /* request line */
    {"3 two blanks", "GET  / HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3 blank at the end", "GET / HTTP/1.1 \r\n" H "\r\n", "REFUSED 400|"},
    {"3 tab", "GET\t/ HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3 blank in front", " GET / HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3.1 method is no token", "G(T / HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3.1 unknown method", "BREW / HTTP/1.1\r\n" H "\r\n", "REFUSED 501|"},
    {"3.1 lower-case method", "get / HTTP/1.1\r\n" H "\r\n", "REFUSED 501|"},
    {"3.2 fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3.2 no leading slash", "GET a HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3.2 broken escape", "GET /%zz HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3.2 eight bits", "GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3.2 no Host", "GET / HTTP/1.1\r\n\r\n", "REFUSED 400|"},
    {"3.2 two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "REFUSED 400|"},
    {"3.2 twice the same Host", "GET / HTTP/1.1\r\n" H H "\r\n", "REFUSED 400|"},
    {"3.2 empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", "REFUSED 400|"},
    {"3.2 Host with userinfo", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "REFUSED 400|"},
    {"3.2 Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "REFUSED 400|"},
    {"3.2 list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "REFUSED 400|"},
    {"3.2 Host with bad port", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", "REFUSED 400|"},
    {"3.2 IPv6 Host", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "HEAD GET / 1.1 none keep|END|"},
    {"3.2.2 absolute form", "GET http://b/x?y HTTP/1.1\r\n" H "\r\n", "HEAD GET http://b/x?y 1.1 none keep|END|"},
    {"3.2.2 other scheme", "GET ftp://b/x HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3.2.2 no host in it", "GET http:///x HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    {"3.2.3 CONNECT", "CONNECT a:80 HTTP/1.1\r\n" H "\r\n", "REFUSED 501|"},
    {"3.2.4 asterisk", "OPTIONS * HTTP/1.1\r\n" H "\r\n", "HEAD OPTIONS * 1.1 none keep|END|"},
    {"3.2.4 asterisk with GET", "GET * HTTP/1.1\r\n" H "\r\n", "REFUSED 400|"},
    /* fields */
    {"5.1 blank before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "REFUSED 400|"},
    {"5.1 blank before the colon of a length", "POST / HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\nabc", "REFUSED 400|"},
    {"5.1 no name", "GET / HTTP/1.1\r\n" H ": x\r\n\r\n", "REFUSED 400|"},
    {"5.1 no colon", "GET / HTTP/1.1\r\n" H "abc\r\n\r\n", "REFUSED 400|"},
    {"5.1 name is no token", "GET / HTTP/1.1\r\n" H "A/b: c\r\n\r\n", "REFUSED 400|"},
    {"5.2 folded line", "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", "REFUSED 400|"},
    {"5.2 folded with a tab", "GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n", "REFUSED 400|"},
    {"5.2 folded Transfer-Encoding", "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
     "REFUSED 400|"},
    {"9110 5.5 NUL is tested apart; BEL", "GET / HTTP/1.1\r\n" H "A: b\x07\r\n\r\n", "REFUSED 400|"},
    {"9110 5.5 DEL", "GET / HTTP/1.1\r\n" H "A: b\x7f\r\n\r\n", "REFUSED 400|"},
    {"9110 5.5 eight bits and tabs are fine", "GET / HTTP/1.1\r\n" H "A: b\tc \xe9\r\n\r\n",
     "HEAD GET / 1.1 none keep|END|"},
    {"9110 5.5 empty value", "GET / HTTP/1.1\r\n" H "A:\r\nB: \t \r\n\r\n", "HEAD GET / 1.1 none keep|END|"},
    /* bodies by length */
    {"6.2", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", "HEAD POST / 1.1 length=3 keep|BODY abc|END|"},
    {"6.2 zero", "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "HEAD POST / 1.1 none keep|END|"},
    {"6.2 GET with body", "GET / HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx",
     "HEAD GET / 1.1 length=1 keep|BODY x|END|"},
    {"6.3 plus sign", "POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", "REFUSED 400|"},
    {"6.3 minus sign", "POST / HTTP/1.1\r\n" H "Content-Length: -3\r\n\r\nabc", "REFUSED 400|"},
    {"6.3 hexadecimal", "POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\nabc", "REFUSED 400|"},
    {"6.3 blank inside", "POST / HTTP/1.1\r\n" H "Content-Length: 1 2\r\n\r\nabc", "REFUSED 400|"},
    {"6.3 fraction", "POST / HTTP/1.1\r\n" H "Content-Length: 3.0\r\n\r\nabc", "REFUSED 400|"},
    {"6.3 empty", "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", "REFUSED 400|"},
    {"6.3 list", "POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", "REFUSED 400|"},
    {"6.3 too large", "POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775808\r\n\r\n", "REFUSED 400|"},
    {"6.3 wraps around", "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551619\r\n\r\nabc", "REFUSED 400|"},
    {"6.3 two that differ", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
     "REFUSED 400|"},
    {"6.3 two alike", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "REFUSED 400|"},
    /* smuggling: two ways to frame a body */
    {"6.1 both, length first",
     "POST / HTTP/1.1\r\n" H "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "REFUSED 400|"},
    {"6.1 both, coding first",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", "REFUSED 400|"},
    {"6.1 in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "REFUSED 400|"},
    {"6.1 twice", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "REFUSED 400|"},
    {"6.1 chunked twice in a list", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
     "REFUSED 400|"},
    {"6.1 identity", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n", "REFUSED 400|"},
    {"6.1 chunked not last", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n\r\n", "REFUSED 400|"},
    {"6.1 unknown coding", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n", "REFUSED 501|"},
    {"6.1 xchunked", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n", "REFUSED 400|"},
    {"6.1 quoted", "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \"chunked\"\r\n\r\n", "REFUSED 400|"},
    {"6.1 vertical tab",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     "REFUSED 400|"},
    {"6.1 empty", "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n", "REFUSED 400|"},
    {"6.1 case does not matter", "POST / HTTP/1.1\r\n" H "TRANSFER-encoding: CHUNKED\r\n\r\n0\r\n\r\n",
     "HEAD POST / 1.1 chunked keep|END|"},
    {"6.1 underscore is another field",
     "POST / HTTP/1.1\r\n" H "Transfer_Encoding: chunked\r\nContent-Length: 1\r\n\r\nx",
     "HEAD POST / 1.1 length=1 keep|BODY x|END|"},
/* chunks */
#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_HEAD "HEAD POST / 1.1 chunked keep|"
    {"7.1", CHUNKED "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", CHUNKED_HEAD "BODY abcde|END|"},
    {"7.1 leading zeros and capitals", CHUNKED "000A\r\n0123456789\r\n00\r\n\r\n", CHUNKED_HEAD "BODY 0123456789|END|"},
    {"7.1 size missing", CHUNKED "\r\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 size not hexadecimal", CHUNKED "g\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 0x in front", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 minus", CHUNKED "-1\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 size too large", CHUNKED "8000000000000000\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 size wraps around", CHUNKED "10000000000000003\r\nabc\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 many zeros", CHUNKED "00000000000000003\r\nabc\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 bare LF after the size", CHUNKED "3\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 CR and something", CHUNKED "3\rXabc\r\n0\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 bare LF after the data", CHUNKED "3\r\nabc\n0\r\n\r\n", CHUNKED_HEAD "BODY abc|REFUSED 400|"},
    {"7.1 data longer than its size", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", CHUNKED_HEAD "BODY abc|REFUSED 400|"},
    {"7.1 data shorter than its size", CHUNKED "5\r\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "BODY abc\r\n|REFUSED 400|"},
    {"7.1 blank after the size", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1 blank in front of the size", CHUNKED " 3\r\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1.1 extension", CHUNKED "3;a=b;c=\"d e\"\r\nabc\r\n0;z\r\n\r\n", CHUNKED_HEAD "BODY abc|END|"},
    {"7.1.1 bad blank in front of it", CHUNKED "3 ;a\r\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "BODY abc|END|"},
    {"7.1.1 LF inside it", CHUNKED "3;a\nb\r\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1.1 CR inside it", CHUNKED "3;a\rb\r\nabc\r\n0\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1.2 trailer", CHUNKED "0\r\nA: b\r\nC: d\r\n\r\n", CHUNKED_HEAD "END|"},
    {"7.1.2 framing fields in it count for nothing",
     CHUNKED "0\r\nContent-Length: 5\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n",
     CHUNKED_HEAD "END|HEAD GET / 1.1 none keep|END|"},
    {"7.1.2 bare LF in it", CHUNKED "0\r\nA: b\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1.2 folded", CHUNKED "0\r\nA: b\r\n c\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1.2 no colon", CHUNKED "0\r\nA\r\n\r\n", CHUNKED_HEAD "REFUSED 400|"},
    {"7.1.2 bare LF as end", CHUNKED "0\r\n\n", CHUNKED_HEAD "REFUSED 400|"},
    /* connections */
    {"9.3 close", "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "HEAD GET / 1.1 none|END|"},
    {"9.3 close in a list", "GET / HTTP/1.1\r\n" H "Connection: x, Close\r\n\r\n", "HEAD GET / 1.1 none|END|"},
    {"9.3 close in a second field", "GET / HTTP/1.1\r\n" H "Connection: keep-alive\r\nConnection: close\r\n\r\n",
     "HEAD GET / 1.1 none|END|"},
    {"9.3 keep-alive of 1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HEAD GET / 1.0 none keep|END|"},
    {"9.3.2 pipelining",
     "GET /a HTTP/1.1\r\n" H "\r\nPOST /b HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nxyGET /c HTTP/1.1\r\n" H "\r\n",
     "HEAD GET /a 1.1 none keep|END|HEAD POST /b 1.1 length=2 keep|BODY xy|END|HEAD GET /c 1.1 none keep|END|"},
    {"7.8 of 9110: upgrade", "GET / HTTP/1.1\r\n" H "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
     "HEAD GET / 1.1 none keep upgrade|END|"},
    {"9110 10.1.1 expect", "PUT / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
     "HEAD PUT / 1.1 length=1 keep expect|BODY x|END|"},
    {"9110 10.1.1 without body", "GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\n\r\n",
     "HEAD GET / 1.1 none keep|END|"},
    {"9110 10.1.1 unknown", "PUT / HTTP/1.1\r\n" H "Expect: wonders\r\n\r\n", "REFUSED 417|"},
    {"9110 10.1.1 in 1.0", "PUT / HTTP/1.0\r\nExpect: wonders\r\n\r\n", "HEAD PUT / 1.0 none|END|"},
};

static const struct row responses[] = {
    {"4", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HEAD 200 1.1 length=2 keep|BODY hi|END|"},
    {"4 no reason", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "HEAD 200 1.1 none keep|END|"},
    {"4 no blank behind the code", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "REFUSED 400|"},
    {"4 two digits", "HTTP/1.1 20 OK\r\n\r\n", "REFUSED 400|"},
    {"4 out of range", "HTTP/1.1 600 OK\r\n\r\n", "REFUSED 400|"},
    {"4 letters", "HTTP/1.1 2x0 OK\r\n\r\n", "REFUSED 400|"},
    {"4 another protocol", "ICY 200 OK\r\n\r\n", "REFUSED 400|"},
    {"6.3 until close", "HTTP/1.1 200 OK\r\n\r\nall of it", "HEAD 200 1.1 close|BODY all of it|END|"},
    {"6.3 204", "HTTP/1.1 204 No Content\r\n\r\n", "HEAD 204 1.1 none keep|END|"},
    {"6.3 304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "HEAD 304 1.1 none keep|END|"},
    {"6.1 204 with chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "REFUSED 400|"},
    {"6.1 both", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "REFUSED 400|"},
    {"7.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
     "HEAD 200 1.1 chunked keep|BODY hi|END|"},
    {"9110 15.2 interim answers",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "1\r\n\r\nx",
     "HEAD 200 1.1 length=1 keep|BODY x|END|"},
    {"9110 15.2.2 switch nobody asked for",
     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "REFUSED 502|"},
    {"8 cut in the head", "HTTP/1.1 200 OK\r\nContent-", "REFUSED 400|"},
    {"8 cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
     "HEAD 200 1.1 length=9 keep|BODY abc|REFUSED 400|"},
    {"8 cut in the chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
     "HEAD 200 1.1 chunked keep|BODY abc|REFUSED 400|"},
    {"8 cut in the trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
     "HEAD 200 1.1 chunked keep|REFUSED 400|"},
    {"9.3 1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "HEAD 200 1.0 length=1|BODY x|END|"},
};

static const struct gn_h1_limits no_limits = {0};

static void feed_cut(struct gn_h1_transcript *t, const struct row *r, bool server, size_t step, size_t first)
{
    struct gn_h1 h;
    size_t len = strlen(r->in);
    memset(t, 0, sizeof *t);
    gn_h1_init(&h, gn_alloc_default(), server, &no_limits);
    gn_h1_transcript_feed(t, &h, r->in, first);
    for (size_t at = first; at < len; at += step)
        gn_h1_transcript_feed(t, &h, r->in + at, len - at < step ? len - at : step);
    if (!server)
        gn_h1_transcript_eof(t, &h);
    gn_h1_fini(&h);
}

static void check_rows(const struct row *rows, size_t n, bool server)
{
    static struct gn_h1_transcript t;
    for (size_t i = 0; i < n; i++) {
        const struct row *r = &rows[i];
        size_t len = strlen(r->in);
        for (size_t first = 0; first <= len; first++) {
            feed_cut(&t, r, server, len + 1, first);
            if (strcmp(t.text, r->out) != 0)
                fail_msg("RFC 9112 %s, cut at %zu: got \"%s\", not \"%s\"", r->section, first, t.text, r->out);
        }
        feed_cut(&t, r, server, 1, 0);
        if (strcmp(t.text, r->out) != 0)
            fail_msg("RFC 9112 %s, byte by byte: got \"%s\", not \"%s\"", r->section, t.text, r->out);
    }
}

static void requests_follow_rfc_9112_however_they_are_cut(void **state)
{
    (void)state;
    check_rows(requests, GN_ARRAY_LEN(requests), true);
}

static void responses_follow_rfc_9112_however_they_are_cut(void **state)
{
    (void)state;
    check_rows(responses, GN_ARRAY_LEN(responses), false);
}

static void nul_bytes_in_a_head_are_refused(void **state)
{
    static const char *const heads[] = {"GET /@ HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHo@st: a\r\n\r\n",
                                        "GET / HTTP/1.1\r\nHost: a@\r\n\r\n",
                                        "GET / HTTP/1.1\r\nHost: a\r\nB: @\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(heads); i++) {
        char bytes[64];
        size_t len = strlen(heads[i]);
        memcpy(bytes, heads[i], len);
        *(char *)memchr(bytes, '@', len) = '\0';
        struct gn_h1 h;
        struct gn_h1_transcript t = {.len = 0};
        gn_h1_init(&h, gn_alloc_default(), true, &no_limits);
        gn_h1_transcript_feed(&t, &h, bytes, len);
        assert_string_equal(t.text, "REFUSED 400|");
        gn_h1_fini(&h);
    }
}

static unsigned status_of(const struct gn_h1_limits *limits, const char *start, const char *fill, size_t times,
                          const char *end)
{
    struct gn_h1 h;
    static struct gn_h1_transcript t;
    unsigned status = 0;
    memset(&t, 0, sizeof t);
    gn_h1_init(&h, gn_alloc_default(), true, limits);
    gn_h1_transcript_feed(&t, &h, start, strlen(start));
    for (size_t i = 0; i < times; i++)
        gn_h1_transcript_feed(&t, &h, fill, strlen(fill));
    gn_h1_transcript_feed(&t, &h, end, strlen(end));
    (void)sscanf(t.text, "REFUSED %u", &status);
    if (strncmp(t.text, "HEAD", 4) == 0)
        status = 200;
    assert_true(h.lines.cap <= 32 * 1024);
    gn_h1_fini(&h);
    return status;
}

static void limits_are_exact_and_have_their_own_status(void **state)
{
    const struct gn_h1_limits small = {.head_max = 200, .target_max = 20};
    (void)state;
    assert_int_equal(status_of(&small, "GET /", "a", 19, " HTTP/1.1\r\n" H "\r\n"), 200);
    assert_int_equal(status_of(&small, "GET /", "a", 20, " HTTP/1.1\r\n" H "\r\n"), 414);
    assert_int_equal(status_of(&small, "GET /", "a", 100000, ""), 414);
    /* 16 + 9 + 3 + n + 2 + 2 bytes */
    assert_int_equal(status_of(&small, "GET / HTTP/1.1\r\n" H "A: ", "b", 168, "\r\n\r\n"), 200);
    assert_int_equal(status_of(&small, "GET / HTTP/1.1\r\n" H "A: ", "b", 169, "\r\n\r\n"), 431);
    assert_int_equal(status_of(&no_limits, "GET / HTTP/1.1\r\n" H, "A: b\r\n", 99, "\r\n"), 200);
    assert_int_equal(status_of(&no_limits, "GET / HTTP/1.1\r\n" H, "A: b\r\n", 100, "\r\n"), 431);
    assert_int_equal(status_of(&no_limits, "GET / HTTP/1.1\r\n" H "A: ", "b", 100000, ""), 431);
}

static void bodies_over_the_limit_are_refused(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"POST / HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\nabcd", "HEAD POST / 1.1 length=4 keep|BODY abcd|END|"},
        {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\n", "HEAD POST / 1.1 length=5 keep|REFUSED 413|"},
        {CHUNKED "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", CHUNKED_HEAD "BODY abcd|END|"},
        {CHUNKED "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", CHUNKED_HEAD "BODY ab|REFUSED 413|"},
    };
    const struct gn_h1_limits small = {.body_max = 4};
    (void)state;
    for (size_t i = 0; i < GN_ARRAY_LEN(rows); i++) {
        struct gn_h1 h;
        struct gn_h1_transcript t = {.len = 0};
        gn_h1_init(&h, gn_alloc_default(), true, &small);
        gn_h1_transcript_feed(&t, &h, rows[i].in, strlen(rows[i].in));
        assert_string_equal(t.text, rows[i].out);
        gn_h1_fini(&h);
    }
}

static void chunk_lines_and_trailers_are_bounded(void **state)
{
    struct gn_h1 h;
    struct gn_h1_transcript t = {.len = 0};
    (void)state;
    gn_h1_init(&h, gn_alloc_default(), true, &no_limits);
    gn_h1_transcript_feed(&t, &h, CHUNKED "1;", strlen(CHUNKED "1;"));
    for (int i = 0; i < 300; i++)
        gn_h1_transcript_feed(&t, &h, "x", 1);
    assert_string_equal(t.text, CHUNKED_HEAD "REFUSED 400|");
    gn_h1_fini(&h);

    struct gn_h1_transcript u = {.len = 0};
    gn_h1_init(&h, gn_alloc_default(), true, &no_limits);
    gn_h1_transcript_feed(&u, &h, CHUNKED "0\r\nA: ", strlen(CHUNKED "0\r\nA: "));
    for (int i = 0; i < 20000; i++)
        gn_h1_transcript_feed(&u, &h, "x", 1);
    assert_string_equal(u.text, CHUNKED_HEAD "REFUSED 431|");
    gn_h1_fini(&h);
}

static void nothing_is_consumed_after_the_end_until_next(void **state)
{
    static const char two[] = "GET /a HTTP/1.1\r\n" H "\r\nGET /b HTTP/1.1\r\n" H "\r\n";
    struct gn_slice in = gn_slice_str(two);
    struct gn_h1_event ev;
    struct gn_h1 h;
    (void)state;
    gn_h1_init(&h, gn_alloc_default(), true, &no_limits);
    gn_h1_read(&h, &ev, &in);
    assert_int_equal(ev.type, GN_H1_HEAD);
    size_t left = in.len;
    for (int i = 0; i < 3; i++) {
        gn_h1_read(&h, &ev, &in);
        assert_int_equal(ev.type, GN_H1_END);
        assert_int_equal(in.len, left);
        assert_memory_equal(ev.head->target.data, "/a", 2); /* still there */
    }
    gn_h1_next(&h, false);
    gn_h1_read(&h, &ev, &in);
    assert_int_equal(ev.type, GN_H1_HEAD);
    assert_memory_equal(ev.head->target.data, "/b", 2);
    gn_h1_fini(&h);
}

static void an_answer_to_head_has_no_body(void **state)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    struct gn_h1 h;
    struct gn_h1_transcript t = {.len = 0};
    (void)state;
    gn_h1_init(&h, gn_alloc_default(), false, &no_limits);
    gn_h1_next(&h, true);
    gn_h1_transcript_feed(&t, &h, text, strlen(text));
    assert_string_equal(t.text, "HEAD 200 1.1 none keep|END|HEAD 200 1.1 length=1 keep|BODY x|END|");
    gn_h1_fini(&h);
}

static void fields_are_cut_right(void **state)
{
    static const char text[] =
        "GET /x HTTP/1.1\r\nHost: h:1\r\nEmpty:\r\nX-Y:  a b \t\r\nConnection:  keep-alive , x \r\n\r\n";
    struct gn_slice in = gn_slice_str(text);
    struct gn_h1_event ev;
    struct gn_h1 h;
    (void)state;
    gn_h1_init(&h, gn_alloc_default(), true, &no_limits);
    gn_h1_read(&h, &ev, &in);
    assert_int_equal(ev.type, GN_H1_HEAD);
    assert_int_equal(ev.head->fields_len, 4);
    assert_true(gn_http_slice_is(ev.head->fields[1].name, "Empty"));
    assert_int_equal(ev.head->fields[1].value.len, 0);
    assert_true(gn_http_slice_is(ev.head->fields[2].name, "X-Y"));
    assert_true(gn_http_slice_is(ev.head->fields[2].value, "a b"));
    assert_true(gn_http_slice_is(ev.head->fields[3].value, "keep-alive , x"));
    assert_true(gn_http_slice_is(ev.head->host, "h:1"));
    gn_h1_fini(&h);
}

static void every_failing_allocation_is_answered_503(void **state)
{
    static const char text[] = "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n";
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct gn_failing_alloc fa;
        struct gn_h1 h;
        struct gn_h1_transcript t = {.len = 0};
        gn_failing_alloc_init(&fa, n);
        gn_h1_init(&h, &fa.alloc, true, &no_limits);
        gn_h1_transcript_feed(&t, &h, text, strlen(text));
        if (fa.failed)
            assert_non_null(strstr(t.text, "REFUSED 503|"));
        else
            assert_string_equal(t.text, CHUNKED_HEAD "BODY x|END|");
        gn_h1_fini(&h);
        assert_int_equal(fa.live, 0);
        if (!fa.failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_follow_rfc_9112_however_they_are_cut),
        cmocka_unit_test(responses_follow_rfc_9112_however_they_are_cut),
        cmocka_unit_test(nul_bytes_in_a_head_are_refused),
        cmocka_unit_test(limits_are_exact_and_have_their_own_status),
        cmocka_unit_test(bodies_over_the_limit_are_refused),
        cmocka_unit_test(chunk_lines_and_trailers_are_bounded),
        cmocka_unit_test(nothing_is_consumed_after_the_end_until_next),
        cmocka_unit_test(an_answer_to_head_has_no_body),
        cmocka_unit_test(fields_are_cut_right),
        cmocka_unit_test(every_failing_allocation_is_answered_503),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
