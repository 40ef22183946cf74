/* node/config.h - the settings of a node: one table, three sources (default, file, flag), values checked as they come.
 *
 * Life: caller's memory; gn_config_fini frees the values. Threads: one owner, read-only afterwards from any.
 * Purity: gn_config_read_file reads a file, the rest is pure.
 *
 * Every setting is a row of the table in config.c: its section and name in the file (INI, read with libinih), its flag,
 * its type, its default and one line of help. `ghostnet run --help`, `config show` and `config check` all come from it.
 */
#ifndef GN_NODE_CONFIG_H
#define GN_NODE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum gn_config_key {
    GN_CONF_MODE,
    GN_CONF_NETWORK,
    GN_CONF_NETWORK_KEY,
    GN_CONF_LISTEN,
    GN_CONF_BOOTSTRAP,
    GN_CONF_API,
    GN_CONF_LOG_LEVEL,
    GN_CONF_LOG_FORMAT,
    GN_CONF_RECORD_TTL,
    GN_CONF_STORE_MAX,
    GN_CONF_PRIVATE,
    GN_CONF_DB_MAX,
    GN_CONF_CONGESTION,
    GN_CONF_CONNECTIONS_MAX,
    GN_CONF_MDNS,
    GN_CONF_PORTMAP,
    GN_CONF_KEYS
};

enum gn_config_type {
    GN_CONF_TEXT,
    GN_CONF_PATH,
    GN_CONF_CHOICE, /* one of `choices`, separated by | */
    GN_CONF_ADDR,   /* numeric HOST:PORT */
    GN_CONF_PEER,   /* ID@HOST:PORT or HOST:PORT, the host may be a name */
    GN_CONF_DURATION,
    GN_CONF_SIZE,
    GN_CONF_COUNT,
    GN_CONF_BOOL, /* yes, no, true, false, on, off */
};

enum gn_config_source { GN_CONF_FROM_DEFAULT, GN_CONF_FROM_FILE, GN_CONF_FROM_FLAG };

#define GN_CONF_VALUES_MAX 64U /* of a repeatable setting */

struct gn_config_row {
    const char *section, *name;
    const char *flag;    /* "listen" for --listen; NULL: only in the file */
    const char *metavar; /* for the help; NULL: a switch --no-NAME that sets "no" */
    enum gn_config_type type;
    const char *choices;
    const char *standard; /* the default; NULL: none. Repeatable ones: values separated by a blank */
    bool repeatable;
    uint64_t min, max; /* COUNT, SIZE, DURATION (us) */
    const char *help;
};

struct gn_config_value {
    char **texts;
    size_t len;
    enum gn_config_source source;
};

struct gn_config {
    struct gn_config_value values[GN_CONF_KEYS];
};

/* Fills c with the defaults. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_config_init(struct gn_config *c);
void gn_config_fini(struct gn_config *c);
const struct gn_config_row *gn_config_row(enum gn_config_key key);
/* The row with this flag or NULL. */
const struct gn_config_row *gn_config_by_flag(const char *flag, enum gn_config_key *key);

/* Sets (or adds to, if repeatable) one setting; a higher source replaces what a lower one gave.
 * INVALID, LIMIT: `why` says what is allowed; nothing changed. NO_MEMORY. */
#define GN_CONF_WHY_MAX 256U
GN_MUST_CHECK enum gn_err gn_config_set(struct gn_config *c, char why[GN_CONF_WHY_MAX], enum gn_config_key key,
                                        const char *text, enum gn_config_source source);

/* Reads an INI file. Every mistake is written to `errors` as "FILE:LINE: what is wrong: what is allowed\n".
 * INVALID: there were mistakes; the good lines are in force. NOT_FOUND, PERMISSION, IO. */
GN_MUST_CHECK enum gn_err gn_config_read_file(struct gn_config *c, const char *path, FILE *errors);

/* Reading: the first value, or the default; "" for a text without any. */
const char *gn_config_text(const struct gn_config *c, enum gn_config_key key);
size_t gn_config_len(const struct gn_config *c, enum gn_config_key key);
const char *gn_config_text_at(const struct gn_config *c, enum gn_config_key key, size_t index);
uint64_t gn_config_number(const struct gn_config *c, enum gn_config_key key); /* bytes, microseconds or a count */
bool gn_config_bool(const struct gn_config *c, enum gn_config_key key);
const char *gn_config_source_name(enum gn_config_source source);

#endif
