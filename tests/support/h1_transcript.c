/* tests/support/h1_transcript.c - the engine's events as text. */
#include "tests/support/h1_transcript.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static void note(struct gn_h1_transcript *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->text + t->len, sizeof t->text - t->len, format, args);
    va_end(args);
    if (n > 0)
        t->len += (size_t)n < sizeof t->text - t->len ? (size_t)n : sizeof t->text - t->len - 1;
}

static void note_head(struct gn_h1_transcript *t, const struct gn_h1 *h, const struct gn_h1_head *head)
{
    static const char *const framings[] = {"none", "length", "chunked", "close"};
    if (h->server)
        note(t, "HEAD %.*s %.*s 1.%u ", (int)head->method.len, (const char *)head->method.data, (int)head->target.len,
             (const char *)head->target.data, head->minor);
    else
        note(t, "HEAD %u 1.%u ", head->status, head->minor);
    note(t, "%s", framings[head->framing]);
    if (head->framing == GN_H1_LENGTH)
        note(t, "=%" PRIu64, head->length);
    note(t, "%s%s%s|", head->keep_alive ? " keep" : "", head->expects_continue ? " expect" : "",
         head->upgrade ? " upgrade" : "");
}

static bool note_event(struct gn_h1_transcript *t, struct gn_h1 *h, const struct gn_h1_event *ev)
{
    if (t->in_body && ev->type != GN_H1_BODY && ev->type != GN_H1_MORE) {
        note(t, "|");
        t->in_body = false;
    }
    switch (ev->type) {
    case GN_H1_MORE:
        return false;
    case GN_H1_HEAD:
        note_head(t, h, ev->head);
        return true;
    case GN_H1_BODY:
        if (!t->in_body)
            note(t, "BODY ");
        for (size_t i = 0; i < ev->body.len; i++)
            note(t, "%c", ev->body.data[i] ? ev->body.data[i] : '0');
        t->in_body = true;
        return true;
    case GN_H1_END:
        note(t, "END|");
        gn_h1_next(h, false);
        return true;
    case GN_H1_REFUSED:
        note(t, "REFUSED %u|", ev->refusal.status);
        return false;
    }
    return false;
}

void gn_h1_transcript_feed(struct gn_h1_transcript *t, struct gn_h1 *h, const void *bytes, size_t len)
{
    struct gn_slice in = gn_slice_of(bytes, len);
    struct gn_h1_event ev;
    if (h->state == GN_H1_STATE_REFUSED)
        return;
    do
        gn_h1_read(h, &ev, &in);
    while (note_event(t, h, &ev) && (in.len > 0 || h->state != GN_H1_STATE_HEAD));
}

void gn_h1_transcript_eof(struct gn_h1_transcript *t, struct gn_h1 *h)
{
    struct gn_h1_event ev;
    if (h->state == GN_H1_STATE_REFUSED)
        return;
    gn_h1_eof(h, &ev);
    (void)note_event(t, h, &ev);
}
