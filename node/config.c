/* node/config.c - the table of settings, their checks, and the INI file. */
#include "node/config.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/addr.h"
#include "base/check.h"
#include "base/contact.h"
#include "base/time.h"
#include "base/units.h"

#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)

static const struct gn_config_row rows[GN_CONF_KEYS] = {
    [GN_CONF_MODE] = {.section = "node",
                      .name = "mode",
                      .flag = "mode",
                      .metavar = "MODE",
                      .type = GN_CONF_CHOICE,
                      .choices = "auto|client|server",
                      .standard = "auto",
                      .help = "serve the DHT to others: when others can reach us, never, always"},
    [GN_CONF_NETWORK] = {.section = "node",
                         .name = "network",
                         .flag = "network",
                         .metavar = "NAME",
                         .type = GN_CONF_TEXT,
                         .standard = "ghostnet",
                         .max = 64,
                         .help = "name of the network; nodes of other networks do not see this one"},
    [GN_CONF_NETWORK_KEY] = {.section = "node",
                             .name = "network-key",
                             .flag = "network-key",
                             .metavar = "FILE",
                             .type = GN_CONF_PATH,
                             .max = 4095,
                             .help = "file with the secret of a private network (16 to 4096 bytes)"},
    [GN_CONF_LISTEN] = {.section = "node",
                        .name = "listen",
                        .flag = "listen",
                        .metavar = "HOST:PORT",
                        .type = GN_CONF_ADDR,
                        .standard = "0.0.0.0:4747 [::]:4747",
                        .repeatable = true,
                        .help = "UDP address of the node, one per address family; port 0 picks one"},
    [GN_CONF_BOOTSTRAP] = {.section = "node",
                           .name = "bootstrap",
                           .flag = "bootstrap",
                           .metavar = "ID@HOST:PORT",
                           .type = GN_CONF_PEER,
                           .repeatable = true,
                           .max = 320,
                           .help = "a node to join through; without ID@ whoever answers there is trusted to be one"},
    [GN_CONF_API] = {.section = "api",
                     .name = "listen",
                     .flag = "api",
                     .metavar = "HOST:PORT",
                     .type = GN_CONF_ADDR,
                     .standard = "127.0.0.1:0",
                     .help = "TCP address of the control API (bearer token from api.token)"},
    [GN_CONF_LOG_LEVEL] = {.section = "log",
                           .name = "level",
                           .flag = "log-level",
                           .metavar = "LEVEL",
                           .type = GN_CONF_CHOICE,
                           .choices = "error|warn|info|debug|off",
                           .standard = "info",
                           .help = "what to log"},
    [GN_CONF_LOG_FORMAT] = {.section = "log",
                            .name = "format",
                            .flag = "log-format",
                            .metavar = "FORMAT",
                            .type = GN_CONF_CHOICE,
                            .choices = "text|json",
                            .standard = "text",
                            .help = "for people, or one JSON object per line"},
    [GN_CONF_RECORD_TTL] = {.section = "dht",
                            .name = "ttl",
                            .type = GN_CONF_DURATION,
                            .standard = "2h",
                            .min = GN_MINUTES(1),
                            .max = GN_HOURS(48),
                            .help = "how long a value lives unless --ttl says otherwise"},
    [GN_CONF_STORE_MAX] = {.section = "dht",
                           .name = "store-max",
                           .type = GN_CONF_SIZE,
                           .standard = "64MiB",
                           .min = MIB,
                           .max = TIB,
                           .help = "bytes of records held for others"},
    [GN_CONF_DB_MAX] = {.section = "storage",
                        .name = "db-max",
                        .type = GN_CONF_SIZE,
                        .standard = "1GiB",
                        .min = 4 * MIB,
                        .max = TIB,
                        .help = "largest size of the database file"},
    [GN_CONF_PRIVATE] = {.section = "dht",
                         .name = "private-addresses",
                         .type = GN_CONF_BOOL,
                         .standard = "yes",
                         .help = "peers on loopback and private addresses count like any other (LAN, one machine)"},
    [GN_CONF_CONGESTION] = {.section = "transport",
                            .name = "congestion",
                            .type = GN_CONF_CHOICE,
                            .choices = "auto|bbr|cubic",
                            .standard = "auto",
                            .help = "QUIC congestion control; auto: cubic on loopback and private addresses, else bbr"},
    [GN_CONF_CONNECTIONS_MAX] = {.section = "transport",
                                 .name = "connections-max",
                                 .type = GN_CONF_COUNT,
                                 .standard = "256",
                                 .min = 4,
                                 .max = 65536,
                                 .help = "QUIC connections at once"},
    [GN_CONF_MDNS] = {.section = "nat",
                      .name = "mdns",
                      .flag = "no-mdns",
                      .type = GN_CONF_BOOL,
                      .standard = "no",
                      .help = "look for peers on the LAN by mDNS (this version does not)"},
    [GN_CONF_PORTMAP] = {.section = "nat",
                         .name = "portmap",
                         .flag = "no-portmap",
                         .type = GN_CONF_BOOL,
                         .standard = "no",
                         .help = "ask the router for a port mapping (this version does not)"},
};

const struct gn_config_row *gn_config_row(enum gn_config_key key)
{
    GN_CHECK(key < GN_CONF_KEYS);
    return &rows[key];
}

const struct gn_config_row *gn_config_by_flag(const char *flag, enum gn_config_key *key)
{
    for (size_t i = 0; i < GN_CONF_KEYS; i++)
        if (rows[i].flag && strcmp(rows[i].flag, flag) == 0) {
            *key = (enum gn_config_key)i;
            return &rows[i];
        }
    return NULL;
}

const char *gn_config_source_name(enum gn_config_source source)
{
    static const char *const names[] = {"default", "file", "flag"};
    return names[source];
}

/* ---- Checks, one per type -------------------------------------------------------------------------------------- */

static enum gn_err refuse(char why[GN_CONF_WHY_MAX], const char *text, const char *allowed)
{
    (void)snprintf(why, GN_CONF_WHY_MAX, "'%.80s' is not valid: use %s", text, allowed);
    return GN_E_INVALID;
}

static bool choice_has(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *c = choices; c;) {
        const char *end = strchr(c, '|');
        size_t n = end ? (size_t)(end - c) : strlen(c);
        if (n == len && memcmp(c, text, n) == 0)
            return true;
        c = end ? end + 1 : NULL;
    }
    return false;
}

static bool parse_bool(bool *out, const char *text)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < GN_ARRAY_LEN(yes); i++) {
        if (strcasecmp(text, yes[i]) == 0)
            return *out = true, true;
        if (strcasecmp(text, no[i]) == 0)
            return *out = false, true;
    }
    return false;
}

static enum gn_err parse_number(uint64_t *out, const struct gn_config_row *row, const char *text)
{
    if (row->type == GN_CONF_SIZE)
        return gn_units_parse_size(out, text, strlen(text));
    if (row->type == GN_CONF_DURATION)
        return gn_units_parse_duration(out, text, strlen(text));
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '\0' || digits > 18)
        return GN_E_INVALID;
    *out = strtoull(text, NULL, 10);
    return GN_OK;
}

static enum gn_err check_number(char why[GN_CONF_WHY_MAX], const struct gn_config_row *row, const char *text)
{
    uint64_t n = 0;
    if (parse_number(&n, row, text))
        return refuse(why, text,
                      row->type == GN_CONF_SIZE       ? "a size such as 64MiB"
                      : row->type == GN_CONF_DURATION ? "a duration such as 30s or 2h"
                                                      : "a whole number");
    if (n >= row->min && n <= row->max)
        return GN_OK;
    char min[GN_UNITS_TEXT_MAX], max[GN_UNITS_TEXT_MAX];
    if (row->type == GN_CONF_DURATION) {
        gn_units_print_duration(min, row->min);
        gn_units_print_duration(max, row->max);
    } else if (row->type == GN_CONF_SIZE) {
        gn_units_print_size(min, row->min);
        gn_units_print_size(max, row->max);
    } else {
        (void)snprintf(min, sizeof min, "%llu", (unsigned long long)row->min);
        (void)snprintf(max, sizeof max, "%llu", (unsigned long long)row->max);
    }
    (void)snprintf(why, GN_CONF_WHY_MAX, "'%.80s' is out of range: use %s to %s", text, min, max);
    return GN_E_LIMIT;
}

static enum gn_err check_text(char why[GN_CONF_WHY_MAX], const struct gn_config_row *row, const char *text)
{
    if (text[0] != '\0' && strlen(text) <= row->max)
        return GN_OK;
    (void)snprintf(why, GN_CONF_WHY_MAX, "'%.80s' is %s: use 1 to %llu bytes", text, *text ? "too long" : "empty",
                   (unsigned long long)row->max);
    return GN_E_INVALID;
}

/* "HOST:PORT" where HOST may be a name, or an address in brackets. */
static bool is_host_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || colon[1] == '\0')
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    if (colon[1 + digits] != '\0' || digits > 5)
        return false;
    unsigned long port = strtoul(colon + 1, NULL, 10);
    return port >= 1 && port <= 65535;
}

static bool is_peer(const char *text)
{
    struct gn_id id;
    const char *at = strchr(text, '@');
    if (at && gn_id_parse(&id, text, (size_t)(at - text)))
        return false;
    return is_host_port(at ? at + 1 : text);
}

static enum gn_err check_value(char why[GN_CONF_WHY_MAX], const struct gn_config_row *row, const char *text)
{
    struct gn_addr addr;
    bool b;
    switch (row->type) {
    case GN_CONF_TEXT:
    case GN_CONF_PATH:
        return check_text(why, row, text);
    case GN_CONF_CHOICE:
        return choice_has(row->choices, text) ? GN_OK : refuse(why, text, row->choices);
    case GN_CONF_ADDR:
        return gn_addr_parse(&addr, text, strlen(text))
                   ? refuse(why, text, "a numeric address such as 127.0.0.1:4747 or [::1]:4747")
                   : GN_OK;
    case GN_CONF_PEER:
        return is_peer(text) ? GN_OK : refuse(why, text, "ID@HOST:PORT or HOST:PORT");
    case GN_CONF_DURATION:
    case GN_CONF_SIZE:
    case GN_CONF_COUNT:
        return check_number(why, row, text);
    case GN_CONF_BOOL:
        return parse_bool(&b, text) ? GN_OK : refuse(why, text, "yes or no");
    }
    return GN_E_INVALID;
}

/* ---- Values ---------------------------------------------------------------------------------------------------- */

static void value_clear(struct gn_config_value *v)
{
    for (size_t i = 0; i < v->len; i++)
        free(v->texts[i]);
    free(v->texts);
    v->texts = NULL;
    v->len = 0;
}

static enum gn_err value_add(struct gn_config_value *v, const char *text, size_t len)
{
    char **texts = realloc(v->texts, (v->len + 1) * sizeof *texts);
    if (!texts)
        return GN_E_NO_MEMORY;
    v->texts = texts;
    texts[v->len] = strndup(text, len);
    if (!texts[v->len])
        return GN_E_NO_MEMORY;
    v->len++;
    return GN_OK;
}

enum gn_err gn_config_set(struct gn_config *c, char why[GN_CONF_WHY_MAX], enum gn_config_key key, const char *text,
                          enum gn_config_source source)
{
    const struct gn_config_row *row = gn_config_row(key);
    struct gn_config_value *v = &c->values[key];
    why[0] = '\0';
    if (source < v->source)
        return GN_OK;
    enum gn_err err = check_value(why, row, text);
    if (err)
        return err;
    if (source > v->source || !row->repeatable)
        value_clear(v);
    v->source = source;
    if (v->len == GN_CONF_VALUES_MAX) {
        (void)snprintf(why, GN_CONF_WHY_MAX, "given too often: at most %u times", GN_CONF_VALUES_MAX);
        return GN_E_LIMIT;
    }
    return value_add(v, text, strlen(text));
}

enum gn_err gn_config_init(struct gn_config *c)
{
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < GN_CONF_KEYS; i++) {
        for (const char *s = rows[i].standard; s && *s;) {
            size_t n = rows[i].repeatable ? strcspn(s, " ") : strlen(s);
            if (value_add(&c->values[i], s, n)) {
                gn_config_fini(c);
                return GN_E_NO_MEMORY;
            }
            s += n + (s[n] == ' ');
        }
    }
    return GN_OK;
}

void gn_config_fini(struct gn_config *c)
{
    for (size_t i = 0; i < GN_CONF_KEYS; i++)
        value_clear(&c->values[i]);
}

const char *gn_config_text(const struct gn_config *c, enum gn_config_key key)
{
    return gn_config_text_at(c, key, 0);
}

size_t gn_config_len(const struct gn_config *c, enum gn_config_key key)
{
    return c->values[key].len;
}

const char *gn_config_text_at(const struct gn_config *c, enum gn_config_key key, size_t index)
{
    return index < c->values[key].len ? c->values[key].texts[index] : "";
}

uint64_t gn_config_number(const struct gn_config *c, enum gn_config_key key)
{
    uint64_t n = 0;
    enum gn_err err = parse_number(&n, gn_config_row(key), gn_config_text(c, key));
    GN_CHECK(!err); /* values were checked when they were set, defaults by a test */
    return n;
}

bool gn_config_bool(const struct gn_config *c, enum gn_config_key key)
{
    bool b = false;
    bool ok = parse_bool(&b, gn_config_text(c, key));
    GN_CHECK(ok);
    return b;
}

/* ---- The file -------------------------------------------------------------------------------------------------- */

struct reading {
    struct gn_config *config;
    FILE *file, *errors;
    const char *path;
    int line; /* the one being parsed: Debian's libinih does not tell its handler */
    unsigned wrong;
    int line_of[GN_CONF_KEYS]; /* where a setting was given that is not repeatable; 0: not yet */
    bool no_memory;
};

static void report(struct reading *r, const char *what, const char *detail)
{
    r->wrong++;
    (void)fprintf(r->errors, "%s:%d: %s%s\n", r->path, r->line, what, detail);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* libinih tells only the first line that it cannot read, and goes on after it: each is told here instead. */
static void check_syntax(struct reading *r, const char *line)
{
    const char *s = line;
    if (r->line == 1 && strncmp(s, "\xef\xbb\xbf", 3) == 0)
        s += 3; /* a byte order mark */
    while (is_blank(*s))
        s++;
    if (*s == '\0' || *s == ';' || *s == '#' || (*s == '[' && strchr(s, ']')))
        return;
    if (*s == '[' || !strpbrk(s, "=:"))
        report(r, "neither a [section] nor a name = value", "");
    else if (s > line && is_blank(s[-1]))
        report(r, "a setting begins at the beginning of its line: this one would continue the one above", "");
}

static char *read_line(char *out, int cap, void *data)
{
    struct reading *r = data;
    if (!fgets(out, cap, r->file))
        return NULL;
    r->line++;
    size_t len = strlen(out);
    if (len > 0 && out[len - 1] == '\n') {
        check_syntax(r, out);
        return out;
    }
    int c = fgetc(r->file);
    if (c == EOF) { /* the last line, without its end */
        check_syntax(r, out);
        return out;
    }
    report(r, "the line is too long, or holds a NUL byte: use at most 190 bytes", "");
    while (c != '\n' && c != EOF)
        c = fgetc(r->file);
    (void)snprintf(out, (size_t)cap, "\n");
    return out;
}

static void take_value(struct reading *r, enum gn_config_key key, const char *text)
{
    char why[GN_CONF_WHY_MAX], label[160];
    if (r->line_of[key] > 0) {
        (void)snprintf(label, sizeof label, "%s was given in line %d already", rows[key].name, r->line_of[key]);
        report(r, label, ": give it once");
        return;
    }
    if (!rows[key].repeatable)
        r->line_of[key] = r->line;
    enum gn_err err = gn_config_set(r->config, why, key, text, GN_CONF_FROM_FILE);
    if (err == GN_E_NO_MEMORY) {
        r->no_memory = true;
    } else if (err) {
        (void)snprintf(label, sizeof label, "%s: ", rows[key].name);
        report(r, label, why);
    }
}

static int take_setting(void *data, const char *section, const char *name, const char *text)
{
    struct reading *r = data;
    char label[160];
    bool section_known = false;
    for (size_t i = 0; i < GN_CONF_KEYS; i++) {
        if (strcmp(rows[i].section, section) != 0)
            continue;
        section_known = true;
        if (strcmp(rows[i].name, name) != 0)
            continue;
        take_value(r, (enum gn_config_key)i, text);
        return 1;
    }
    (void)snprintf(label, sizeof label, "unknown %s '%.64s'", section_known ? "setting" : "section",
                   section_known ? name : section);
    report(r, label,
           section_known ? " in this section" : ": use [node], [api], [log], [dht], [storage], [transport] or [nat]");
    return 1;
}

enum gn_err gn_config_read_file(struct gn_config *c, const char *path, FILE *errors)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return gn_err_from_errno(errno);
    struct reading r = {.config = c, .file = file, .errors = errors, .path = path};
    int line = ini_parse_stream(read_line, &r, take_setting, &r); /* its lines are reported already */
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (line == -2 || r.no_memory)
        return GN_E_NO_MEMORY;
    if (failed)
        return GN_E_IO;
    return r.wrong || line > 0 ? GN_E_INVALID : GN_OK;
}
