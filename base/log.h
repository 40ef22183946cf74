/* base/log.h - log events: a name plus typed fields; a sink stamps time and writes them.
 *
 * Life: gn_log is caller's memory and borrows its sink. Threads: one owner per gn_log; a sink says itself.
 * Purity: pure; text and JSON sinks format into a buffer and hand the line to a write function.
 *
 * error = a person must act; warn = odd but handled; info = life cycle; debug = per message.
 * Never keys (secret), never payloads. Field values are ids, addresses, numbers, short texts.
 */
#ifndef GN_BASE_LOG_H
#define GN_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/id.h"

enum gn_log_level { GN_LOG_ERROR, GN_LOG_WARN, GN_LOG_INFO, GN_LOG_DEBUG, GN_LOG_OFF = -1 };

enum gn_field_type {
    GN_FIELD_U64,
    GN_FIELD_I64,
    GN_FIELD_BOOL,
    GN_FIELD_STR,
    GN_FIELD_ID,
    GN_FIELD_ADDR,
    GN_FIELD_ERR
};

struct gn_field {
    const char *name; /* borrowed, a literal */
    enum gn_field_type type;
    union {
        uint64_t u64;
        int64_t i64;
        bool b;
        const char *str;
        const struct gn_id *id;
        const struct gn_addr *addr;
        enum gn_err err;
    } v;
};

#define GN_F_U64(n, x) ((struct gn_field){.name = (n), .type = GN_FIELD_U64, .v.u64 = (uint64_t)(x)})
#define GN_F_I64(n, x) ((struct gn_field){.name = (n), .type = GN_FIELD_I64, .v.i64 = (int64_t)(x)})
#define GN_F_BOOL(n, x) ((struct gn_field){.name = (n), .type = GN_FIELD_BOOL, .v.b = (x)})
#define GN_F_STR(n, x) ((struct gn_field){.name = (n), .type = GN_FIELD_STR, .v.str = (x)})
#define GN_F_ID(n, x) ((struct gn_field){.name = (n), .type = GN_FIELD_ID, .v.id = (x)})
#define GN_F_ADDR(n, x) ((struct gn_field){.name = (n), .type = GN_FIELD_ADDR, .v.addr = (x)})
#define GN_F_ERR(n, x) ((struct gn_field){.name = (n), .type = GN_FIELD_ERR, .v.err = (x)})

typedef void (*gn_log_sink_fn)(void *sink, enum gn_log_level level, const char *event, const struct gn_field *fields,
                               size_t fields_len);

struct gn_log {
    enum gn_log_level level; /* events above this level are not built */
    gn_log_sink_fn sink;     /* NULL: silent */
    void *sink_data;
};

void gn_log_event(const struct gn_log *log, enum gn_log_level level, const char *event, const struct gn_field *fields,
                  size_t fields_len);
/* GN_LOG(log, GN_LOG_INFO, "kad.lookup.done", GN_F_U64("rounds", 3), ...): fields are evaluated only if wanted. */
#define GN_LOG(log, lvl, event, ...) \
    do { \
        const struct gn_log *gn_log_l = (log); \
        if (gn_log_l && gn_log_l->sink && (lvl) <= gn_log_l->level) { \
            const struct gn_field gn_log_f[] = {__VA_ARGS__}; \
            gn_log_event(gn_log_l, (lvl), (event), gn_log_f, sizeof gn_log_f / sizeof gn_log_f[0]); \
        } \
    } while (0)

/* An event without fields (C11 forbids an empty list above). */
#define GN_LOG_PLAIN(log, lvl, event) \
    do { \
        const struct gn_log *gn_log_l = (log); \
        if (gn_log_l && gn_log_l->sink && (lvl) <= gn_log_l->level) { \
            gn_log_event(gn_log_l, (lvl), (event), NULL, 0); \
        } \
    } while (0)

#define GN_LOG_LINE_MAX 1024U
/* One line `level event name=value ...\n`, values with blanks quoted; cut at GN_LOG_LINE_MAX with "...".
 * stamp is put in front (may be ""). Returns the length, NUL excluded. */
size_t gn_log_format_text(char out[GN_LOG_LINE_MAX], const char *stamp, enum gn_log_level level, const char *event,
                          const struct gn_field *fields, size_t fields_len);
/* One JSON object and \n: {"ts":stamp,"level":...,"event":...,name:value...}; always valid JSON (RFC 8259). */
size_t gn_log_format_json(char out[GN_LOG_LINE_MAX], const char *stamp, enum gn_log_level level, const char *event,
                          const struct gn_field *fields, size_t fields_len);
const char *gn_log_level_name(enum gn_log_level level);
GN_MUST_CHECK enum gn_err gn_log_level_parse(enum gn_log_level *out, const char *text);

#endif
