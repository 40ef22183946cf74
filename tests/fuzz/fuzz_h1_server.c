/* tests/fuzz/fuzz_h1_server.c - requests: no input crashes the engine, and how it is cut changes nothing.
 *
 * The first byte is the length of the pieces of the second run. A request that passes must hold what the engine
 * promises: one way to frame its body, a Host, fields that could be sent on.
 */
#include <string.h>

#include "base/check.h"
#include "tests/support/fuzz.h"
#include "tests/support/h1_transcript.h"

static void check_head(const struct gn_h1_head *head)
{
    const struct gn_http_headers fields = {head->fields, head->fields_len};
    struct gn_slice value;
    bool has_length = gn_http_headers_one(&value, fields, "content-length") != GN_E_NOT_FOUND;
    bool has_coding = gn_http_headers_one(&value, fields, "transfer-encoding") != GN_E_NOT_FOUND;
    GN_CHECK(!has_length || !has_coding);
    GN_CHECK(has_coding == (head->framing == GN_H1_CHUNKED));
    GN_CHECK(head->framing != GN_H1_UNTIL_CLOSE);
    GN_CHECK(head->minor == 0 || head->host.len > 0);
    GN_CHECK(gn_http_is_token(head->method));
    GN_CHECK(head->uri.path.len > 0);
    for (size_t i = 0; i < head->fields_len; i++) {
        GN_CHECK(gn_http_is_token(head->fields[i].name));
        GN_CHECK(gn_http_is_field_value(head->fields[i].value));
    }
}

static void check_heads(const uint8_t *data, size_t size)
{
    const struct gn_h1_limits limits = {.head_max = 600, .target_max = 100, .body_max = 300};
    struct gn_slice in = gn_slice_of(data, size);
    struct gn_h1_event ev = {.type = GN_H1_MORE};
    struct gn_h1 h;
    uint64_t body = 0;
    gn_h1_init(&h, gn_alloc_default(), true, &limits);
    do {
        size_t before = in.len;
        gn_h1_read(&h, &ev, &in);
        GN_CHECK(in.len <= before);
        if (ev.type == GN_H1_HEAD) {
            check_head(ev.head);
            body = 0;
        } else if (ev.type == GN_H1_BODY) {
            body += ev.body.len;
            GN_CHECK(ev.body.len > 0 && body <= limits.body_max);
        } else if (ev.type == GN_H1_END) {
            GN_CHECK(ev.head->framing != GN_H1_LENGTH || body == ev.head->length);
            gn_h1_next(&h, false);
        }
    } while (ev.type != GN_H1_MORE && ev.type != GN_H1_REFUSED);
    GN_CHECK(ev.type == GN_H1_REFUSED || in.len == 0);
    GN_CHECK(h.lines.cap <= 1024 && h.trailer.cap <= 1024);
    gn_h1_fini(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gn_h1_limits limits = {.head_max = 600, .target_max = 100, .body_max = 300};
    struct gn_h1_transcript runs[2];
    if (size < 1)
        return 0;
    size_t pieces[2] = {size, (size_t)data[0] + 1};
    data++;
    size--;
    memset(runs, 0, sizeof runs);
    for (size_t r = 0; r < 2; r++) {
        struct gn_h1 h;
        gn_h1_init(&h, gn_alloc_default(), true, &limits);
        for (size_t at = 0; at < size; at += pieces[r])
            gn_h1_transcript_feed(&runs[r], &h, data + at, size - at < pieces[r] ? size - at : pieces[r]);
        gn_h1_transcript_eof(&runs[r], &h);
        gn_h1_fini(&h);
    }
    /* A chunk's bytes are handed out before the limit of the whole is known: where it strikes depends on the pieces. */
    if (!strstr(runs[0].text, "REFUSED 413"))
        GN_CHECK(strcmp(runs[0].text, runs[1].text) == 0);
    check_heads(data, size);
    return 0;
}
