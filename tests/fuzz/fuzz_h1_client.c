/* tests/fuzz/fuzz_h1_client.c - answers: no input crashes the engine, and how it is cut changes nothing.
 *
 * The first byte: lowest bit = the question was a HEAD, the rest is the length of the pieces of the second run.
 */
#include <string.h>

#include "base/check.h"
#include "tests/support/fuzz.h"
#include "tests/support/h1_transcript.h"

static void run(struct gn_h1_transcript *t, const uint8_t *data, size_t size, size_t piece, bool to_head)
{
    static const struct gn_h1_limits limits = {.head_max = 600, .body_max = 300};
    struct gn_h1 h;
    memset(t, 0, sizeof *t);
    gn_h1_init(&h, gn_alloc_default(), false, &limits);
    gn_h1_next(&h, to_head);
    for (size_t at = 0; at < size; at += piece)
        gn_h1_transcript_feed(t, &h, data + at, size - at < piece ? size - at : piece);
    gn_h1_transcript_eof(t, &h);
    GN_CHECK(h.lines.cap <= 1024 && h.trailer.cap <= 1024);
    gn_h1_fini(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gn_h1_transcript whole;
    static struct gn_h1_transcript cut;
    if (size < 1)
        return 0;
    bool to_head = data[0] & 1;
    run(&whole, data + 1, size - 1, size, to_head);
    run(&cut, data + 1, size - 1, (size_t)(data[0] >> 1) + 1, to_head);
    if (!strstr(whole.text, "REFUSED 413")) /* as in fuzz_h1_server.c */
        GN_CHECK(strcmp(whole.text, cut.text) == 0);
    return 0;
}
