/* tests/support/h1_transcript.h - runs the HTTP/1.1 engine over bytes and writes down what it said.
 *
 * Life: plain calls. Threads: one. Purity: tests only.
 *
 * A transcript is a text like "HEAD GET /a 1.1 length=3 keep|BODY abc|END|" or "REFUSED 400|". Bodies that come in
 * pieces are joined, so that the same bytes give the same transcript however they were cut.
 */
#ifndef GN_TESTS_SUPPORT_H1_TRANSCRIPT_H
#define GN_TESTS_SUPPORT_H1_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "transport/http/h1.h"

struct gn_h1_transcript {
    char text[4096];
    size_t len;
    bool in_body;
};

/* Offers bytes, and calls gn_h1_next after each END, until everything is consumed or refused. */
void gn_h1_transcript_feed(struct gn_h1_transcript *t, struct gn_h1 *h, const void *bytes, size_t len);
void gn_h1_transcript_eof(struct gn_h1_transcript *t, struct gn_h1 *h);

#endif
