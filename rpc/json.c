/* rpc/json.c - building and reading JSON. */
#include "rpc/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void gn_json_begin(struct gn_json *j)
{
    j->object = json_object();
    j->bad = j->object == NULL;
}

void gn_json_set(struct gn_json *j, const char *name, json_t *value)
{
    if (!value || json_object_set_new(j->object, name, value) != 0) /* takes value on failure too */
        j->bad = true;
}

json_t *gn_json_end(struct gn_json *j)
{
    json_t *object = j->object;
    j->object = NULL;
    if (!j->bad)
        return object;
    json_decref(object);
    return NULL;
}

json_t *gn_json_bytes(struct gn_slice text)
{
    static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd};
    if (gn_utf8_is_valid(text.data, text.len))
        return json_stringn(text.len ? (const char *)text.data : "", text.len);
    if (text.len > SIZE_MAX / 3)
        return NULL;
    uint8_t *clean = malloc(text.len * 3);
    if (!clean)
        return NULL;
    size_t len = 0;
    for (size_t i = 0; i < text.len;) {
        size_t n = gn_utf8_char_len(text.data + i, text.len - i);
        memcpy(clean + len, n ? text.data + i : replacement, n ? n : sizeof replacement);
        len += n ? n : sizeof replacement;
        i += n ? n : 1;
    }
    json_t *value = json_stringn((const char *)clean, len);
    free(clean);
    return value;
}

json_t *gn_json_text(const char *text)
{
    return text ? gn_json_bytes(gn_slice_str(text)) : json_null();
}

json_t *gn_json_u64(uint64_t n)
{
    return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

json_t *gn_json_id(const struct gn_id *id)
{
    char text[GN_ID_TEXT_LEN + 1];
    gn_id_print(text, id);
    return json_string(text);
}

json_t *gn_json_addr(const struct gn_addr *addr)
{
    char text[GN_ADDR_TEXT_MAX];
    if (addr->family == GN_ADDR_NONE)
        return json_null();
    gn_addr_print(text, addr);
    return json_string(text);
}

json_t *gn_json_addrs(const struct gn_addr *addrs, size_t len)
{
    json_t *array = json_array();
    for (size_t i = 0; i < len; i++) {
        if (!gn_json_append(array, gn_json_addr(&addrs[i]))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *gn_json_ms(gn_time_us t)
{
    return t == GN_TIME_NEVER ? json_null() : json_real((double)t / 1000.0);
}

json_t *gn_json_ms_or_null(gn_time_us t)
{
    return t == 0 ? json_null() : gn_json_ms(t);
}

bool gn_json_append(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0; /* takes value on failure too */
}

enum gn_err gn_json_print(char **out, size_t *len, const json_t *value)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    *out = NULL;
    *len = 0;
    size_t need = value ? json_dumpb(value, NULL, 0, flags) : 0;
    if (need == 0)
        return GN_E_NO_MEMORY;
    char *text = malloc(need + 2);
    if (!text)
        return GN_E_NO_MEMORY;
    if (json_dumpb(value, text, need, flags) != need) {
        free(text);
        return GN_E_NO_MEMORY;
    }
    text[need] = '\n';
    text[need + 1] = '\0';
    *out = text;
    *len = need + 1;
    return GN_OK;
}

void gn_json_free_text(char *text)
{
    free(text);
}

/* ---- reading ---- */

static const struct gn_json_member *find(const struct gn_json_member *members, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static enum gn_err take(const struct gn_json_member *m, char detail[GN_JSON_DETAIL_MAX], const json_t *value)
{
    if (m->kind == GN_JSON_STRING && json_is_string(value)) {
        *m->string = json_string_value(value);
        return GN_OK;
    }
    if (m->kind == GN_JSON_BOOL && json_is_boolean(value)) {
        *m->boolean = json_is_true(value);
        return GN_OK;
    }
    (void)snprintf(detail, GN_JSON_DETAIL_MAX, "member \"%s\" must be a %s", m->name,
                   m->kind == GN_JSON_STRING ? "string" : "boolean");
    return GN_E_INVALID;
}

static enum gn_err take_all(json_t *doc, char detail[GN_JSON_DETAIL_MAX], const struct gn_json_member *members,
                            size_t members_len)
{
    const char *name;
    json_t *value;
    json_object_foreach(doc, name, value)
    {
        const struct gn_json_member *m = find(members, members_len, name);
        if (!m) {
            /* The name is the sender's own: shortened, so that the sentence stays whole. */
            int shown = (int)gn_utf8_cut((const uint8_t *)name, strlen(name), 64);
            (void)snprintf(detail, GN_JSON_DETAIL_MAX, "unknown member \"%.*s\"", shown, name);
            return GN_E_INVALID;
        }
        enum gn_err err = take(m, detail, value);
        if (err)
            return err;
    }
    for (size_t i = 0; i < members_len; i++) {
        if (members[i].required && !json_object_get(doc, members[i].name)) {
            (void)snprintf(detail, GN_JSON_DETAIL_MAX, "member \"%s\" is missing", members[i].name);
            return GN_E_INVALID;
        }
    }
    return GN_OK;
}

enum gn_err gn_json_read(json_t **doc, char detail[GN_JSON_DETAIL_MAX], struct gn_slice text,
                         const struct gn_json_member *members, size_t members_len)
{
    json_error_t why;
    detail[0] = '\0';
    *doc = json_loadb(text.len ? (const char *)text.data : "", text.len, JSON_REJECT_DUPLICATES, &why);
    if (!*doc) {
        (void)snprintf(detail, GN_JSON_DETAIL_MAX, "the body is not valid JSON: line %d, column %d", why.line,
                       why.column);
        return GN_E_INVALID;
    }
    enum gn_err err = GN_E_INVALID;
    if (json_is_object(*doc))
        err = take_all(*doc, detail, members, members_len);
    else
        (void)snprintf(detail, GN_JSON_DETAIL_MAX, "the body must be a JSON object");
    if (err) {
        json_decref(*doc);
        *doc = NULL;
    }
    return err;
}
