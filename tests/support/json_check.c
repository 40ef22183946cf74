/* tests/support/json_check.c - a recursive descent over the grammar of RFC 8259. */
#include "tests/support/json_check.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 64

struct parser {
    const unsigned char *at;
    const unsigned char *end;
    int depth;
};

static bool value(struct parser *p);

static void blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) {
        p->at++;
    }
}

static bool literal(struct parser *p, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(p->end - p->at) < len || memcmp(p->at, word, len) != 0) {
        return false;
    }
    p->at += len;
    return true;
}

static bool digits(struct parser *p)
{
    const unsigned char *start = p->at;

    while (p->at < p->end && isdigit(*p->at)) {
        p->at++;
    }
    return p->at > start;
}

static bool number(struct parser *p)
{
    (void)literal(p, "-");
    if (!literal(p, "0") && !digits(p)) {
        return false;
    }
    if (literal(p, ".") && !digits(p)) {
        return false;
    }
    if (literal(p, "e") || literal(p, "E")) {
        (void)(literal(p, "+") || literal(p, "-"));
        return digits(p);
    }
    return true;
}

static bool escape(struct parser *p)
{
    if (p->at == p->end) {
        return false;
    }
    if (*p->at != 'u') {
        return *p->at != '\0' && strchr("\"\\/bfnrt", *p->at++) != NULL;
    }
    p->at++;
    for (int i = 0; i < 4; i++) {
        if (p->at == p->end || !isxdigit(*p->at++)) {
            return false;
        }
    }
    return true;
}

/* One character of more than one byte, by decoding it and looking at the number. */
static bool wide_char(struct parser *p)
{
    unsigned first = *p->at++;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    unsigned long c = first & (0x3fU >> more);
    static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};

    if (first < 0xc0 || first > 0xf7) {
        return false;
    }
    for (int i = 0; i < more; i++) {
        if (p->at == p->end || (*p->at & 0xc0) != 0x80) {
            return false;
        }
        c = c << 6 | (*p->at++ & 0x3f);
    }
    return c >= least[more] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
}

static bool string(struct parser *p)
{
    if (!literal(p, "\"")) {
        return false;
    }
    while (p->at < p->end && *p->at != '"') {
        bool good = true;

        if (*p->at == '\\') {
            p->at++;
            good = escape(p);
        } else if (*p->at >= 0x80) {
            good = wide_char(p);
        } else {
            good = *p->at++ >= 0x20;
        }
        if (!good) {
            return false;
        }
    }
    return literal(p, "\"");
}

static bool members(struct parser *p, bool object, const char *close)
{
    blanks(p);
    if (literal(p, close)) {
        return true;
    }
    do {
        blanks(p);
        if (object) {
            if (!string(p)) {
                return false;
            }
            blanks(p);
            if (!literal(p, ":")) {
                return false;
            }
        }
        if (!value(p)) {
            return false;
        }
    } while (literal(p, ","));
    return literal(p, close);
}

static bool value(struct parser *p)
{
    bool good;

    if (++p->depth > DEPTH_MAX) {
        return false;
    }
    blanks(p);
    if (literal(p, "{")) {
        good = members(p, true, "}");
    } else if (literal(p, "[")) {
        good = members(p, false, "]");
    } else if (p->at < p->end && *p->at == '"') {
        good = string(p);
    } else {
        good = literal(p, "true") || literal(p, "false") || literal(p, "null") || number(p);
    }
    blanks(p);
    p->depth--;
    return good;
}

bool gn_json_check(const char *text, size_t len)
{
    struct parser p = {(const unsigned char *)text, (const unsigned char *)text + len, 0};

    return value(&p) && p.at == p.end;
}
