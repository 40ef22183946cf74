/* base/log.c - events to lines of text or JSON, in a buffer of fixed size.
 *
 * A piece (an escape, a number, a name with its equals sign) is written whole or not at all. After the first piece that
 * finds no room nothing more is written, and the closing characters have kept their place.
 */
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/utf8.h"

struct line {
    char *out;
    size_t len;
    size_t cap; /* without the room kept for the end */
    bool cut;
};

#define TEXT_END "...\n"
#define JSON_END ",\"cut\":true}\n"

/* Longest number, id or address. */
#define SCALAR_MAX 64U

static void put(struct line *l, const char *s, size_t len)
{
    if (l->cut || len > l->cap - l->len) {
        l->cut = true;
        return;
    }
    memcpy(l->out + l->len, s, len);
    l->len += len;
}

static void put_str(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

void gn_log_event(const struct gn_log *log, enum gn_log_level level, const char *event, const struct gn_field *fields,
                  size_t fields_len)
{
    if (log && log->sink && level <= log->level && level > GN_LOG_OFF) {
        log->sink(log->sink_data, level, event, fields, fields_len);
    }
}

static const char *const level_names[] = {"error", "warn", "info", "debug"};

const char *gn_log_level_name(enum gn_log_level level)
{
    return level >= GN_LOG_ERROR && level <= GN_LOG_DEBUG ? level_names[level] : "off";
}

enum gn_err gn_log_level_parse(enum gn_log_level *out, const char *text)
{
    for (int level = GN_LOG_OFF; level <= GN_LOG_DEBUG; level++) {
        if (strcmp(text, gn_log_level_name((enum gn_log_level)level)) == 0) {
            *out = (enum gn_log_level)level;
            return GN_OK;
        }
    }
    return GN_E_INVALID;
}

/* A value that is not a string of the caller's: fills out. */
static void scalar(char out[SCALAR_MAX], const struct gn_field *f)
{
    const char *word = "null";

    switch (f->type) {
    case GN_FIELD_U64:
        (void)snprintf(out, SCALAR_MAX, "%" PRIu64, f->v.u64);
        return;
    case GN_FIELD_I64:
        (void)snprintf(out, SCALAR_MAX, "%" PRId64, f->v.i64);
        return;
    case GN_FIELD_ID:
        if (f->v.id) {
            gn_id_print(out, f->v.id);
            return;
        }
        break;
    case GN_FIELD_ADDR:
        if (f->v.addr) {
            gn_addr_print(out, f->v.addr);
            return;
        }
        break;
    case GN_FIELD_BOOL:
        word = f->v.b ? "true" : "false";
        break;
    case GN_FIELD_ERR:
        word = gn_err_name(f->v.err);
        break;
    case GN_FIELD_STR:
        break;
    }
    (void)snprintf(out, SCALAR_MAX, "%s", word);
}

static bool has_text(const struct gn_field *f)
{
    return (f->type == GN_FIELD_STR && f->v.str) || (f->type == GN_FIELD_ID && f->v.id) ||
           (f->type == GN_FIELD_ADDR && f->v.addr) || f->type == GN_FIELD_ERR;
}

/* The next character of s: its bytes, 0 when they are not UTF-8. Control characters, of C1 too, are told apart because
 * a terminal obeys them. */
static size_t next_char(const char *s, size_t left, bool *is_control)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t n = gn_utf8_char_len(p, left);

    *is_control = (n == 1 && (p[0] < 0x20 || p[0] == 0x7f)) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
    return n;
}

/* One byte of a quoted text value that cannot stand as it is. */
static void text_escape(struct line *l, uint8_t byte)
{
    char hex[8];

    if (byte == '"' || byte == '\\') {
        hex[0] = '\\';
        hex[1] = (char)byte;
        put(l, hex, 2);
        return;
    }
    (void)snprintf(hex, sizeof hex, "\\x%02x", (unsigned)byte);
    put_str(l, hex);
}

static bool needs_quotes(const char *s, size_t len)
{
    if (len == 0) {
        return true;
    }
    for (size_t i = 0; i < len; i++) {
        if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' || s[i] == '=') {
            return true;
        }
    }
    return false;
}

static void text_string(struct line *l, const char *s)
{
    size_t len = strlen(s);

    if (!needs_quotes(s, len)) {
        size_t room = l->cap - l->len;

        put(l, s, len < room ? len : room);
        l->cut = l->cut || len > room;
        return;
    }
    put(l, "\"", 1);
    for (size_t i = 0; i < len;) {
        bool is_control;
        size_t n = next_char(s + i, len - i, &is_control);

        if (n == 0 || is_control || s[i] == '"' || s[i] == '\\') {
            for (size_t k = 0; k < (n ? n : 1U); k++) {
                text_escape(l, (uint8_t)s[i + k]);
            }
        } else {
            put(l, s + i, n);
        }
        i += n ? n : 1U;
    }
    put(l, "\"", 1);
}

size_t gn_log_format_text(char out[GN_LOG_LINE_MAX], const char *stamp, enum gn_log_level level, const char *event,
                          const struct gn_field *fields, size_t fields_len)
{
    struct line l = {.out = out, .cap = GN_LOG_LINE_MAX - sizeof TEXT_END};
    const char *end = "\n";

    if (stamp[0]) {
        put_str(&l, stamp);
        put(&l, " ", 1);
    }
    put_str(&l, gn_log_level_name(level));
    put(&l, " ", 1);
    put_str(&l, event);
    for (size_t i = 0; i < fields_len; i++) {
        char value[SCALAR_MAX];

        put(&l, " ", 1);
        put_str(&l, fields[i].name);
        put(&l, "=", 1);
        if (fields[i].type == GN_FIELD_STR && fields[i].v.str) {
            text_string(&l, fields[i].v.str);
        } else {
            scalar(value, &fields[i]);
            put_str(&l, value);
        }
    }
    if (l.cut) {
        end = TEXT_END;
    }
    memcpy(out + l.len, end, strlen(end) + 1U);
    return l.len + strlen(end);
}

/* The escape of one character; in: n bytes at s, 0 for a byte that is not UTF-8. */
static void json_char(struct line *l, const char *s, size_t n, bool is_control)
{
    char escape[8];

    if (n == 0) {
        put_str(l, "\\ufffd");
    } else if (is_control) {
        (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(uint8_t)s[n - 1U]);
        put_str(l, escape);
    } else if (s[0] == '"' || s[0] == '\\') {
        escape[0] = '\\';
        escape[1] = s[0];
        put(l, escape, 2);
    } else {
        put(l, s, n);
    }
}

/* A quoted string, cut at the end of the line if need be but closed in any case (RFC 8259 section 7). */
static void json_string(struct line *l, const char *s)
{
    size_t len = strlen(s);
    size_t cap = l->cap;

    if (l->cut || l->cap - l->len < 2U) {
        l->cut = true;
        return;
    }
    put(l, "\"", 1);
    l->cap--;
    for (size_t i = 0; i < len && !l->cut;) {
        bool is_control;
        size_t n = next_char(s + i, len - i, &is_control);

        json_char(l, s + i, n, is_control);
        i += n ? n : 1U;
    }
    l->cap = cap;
    l->out[l->len++] = '"';
}

/* `,"name":value`, or nothing at all when only a part of it (but of a string) found room. */
static void json_field(struct line *l, const char *name, const struct gn_field *f, const char *text)
{
    size_t start = l->len;
    char value[SCALAR_MAX];

    if (l->cut) {
        return;
    }
    put_str(l, l->len > 1 ? "," : "");
    json_string(l, name);
    put(l, ":", 1);
    if (l->cut) {
        l->len = start;
        return;
    }
    if (!text) {
        GN_CHECK(f != NULL);
        scalar(value, f);
        text = value;
    }
    if (!f || has_text(f)) {
        json_string(l, text);
        if (l->out[l->len - 1U] == ':') {
            l->len = start;
        }
        return;
    }
    put_str(l, text);
    if (l->cut) {
        l->len = start;
    }
}

size_t gn_log_format_json(char out[GN_LOG_LINE_MAX], const char *stamp, enum gn_log_level level, const char *event,
                          const struct gn_field *fields, size_t fields_len)
{
    struct line l = {.out = out, .cap = GN_LOG_LINE_MAX - sizeof JSON_END};
    const char *end = "}\n";

    put(&l, "{", 1);
    json_field(&l, "ts", NULL, stamp);
    json_field(&l, "level", NULL, gn_log_level_name(level));
    json_field(&l, "event", NULL, event);
    for (size_t i = 0; i < fields_len; i++) {
        bool is_str = fields[i].type == GN_FIELD_STR;

        json_field(&l, fields[i].name, &fields[i], is_str ? fields[i].v.str : NULL);
    }
    if (l.cut) {
        end = JSON_END;
    }
    memcpy(out + l.len, end, strlen(end) + 1U);
    return l.len + strlen(end);
}
