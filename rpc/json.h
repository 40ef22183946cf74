/* rpc/json.h - builds answers and reads requests, strictly, on top of jansson.
 *
 * Life: json_t is counted by jansson; functions that return one give it. Threads: one owner. Purity: pure (jansson).
 */
#ifndef GN_RPC_JSON_H
#define GN_RPC_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "base/time.h"

/* ---- building: values are NULL when memory is out, and that is noticed once, in gn_json_end ---- */

struct gn_json {
    json_t *object;
    bool bad;
};
void gn_json_begin(struct gn_json *j);
void gn_json_set(struct gn_json *j, const char *name, json_t *value); /* takes value */
json_t *gn_json_end(struct gn_json *j);                               /* gives; NULL: out of memory */

/* NULL becomes null; bytes that are not UTF-8 become U+FFFD. */
json_t *gn_json_text(const char *text);
json_t *gn_json_bytes(struct gn_slice text);
json_t *gn_json_u64(uint64_t n); /* above INT64_MAX: INT64_MAX */
json_t *gn_json_id(const struct gn_id *id);
json_t *gn_json_addr(const struct gn_addr *addr);
json_t *gn_json_addrs(const struct gn_addr *addrs, size_t len);
json_t *gn_json_ms(gn_time_us t);         /* milliseconds with three decimals; GN_TIME_NEVER: null */
json_t *gn_json_ms_or_null(gn_time_us t); /* 0: null too */
/* Appends to an array, taking value; false when either is NULL. */
bool gn_json_append(json_t *array, json_t *value);

/* Writes the document and a line feed into memory of *out (free with gn_json_free_text), NUL behind. NO_MEMORY. */
GN_MUST_CHECK enum gn_err gn_json_print(char **out, size_t *len, const json_t *value);
void gn_json_free_text(char *text);

/* ---- reading ---- */

enum gn_json_kind { GN_JSON_STRING, GN_JSON_BOOL };

struct gn_json_member {
    const char *name;
    enum gn_json_kind kind;
    bool required;
    const char **string; /* STRING: filled, borrows from the document; untouched when absent */
    bool *boolean;       /* BOOL: likewise */
};

#define GN_JSON_DETAIL_MAX 160U

/* Reads one object with exactly these members. *doc is given (json_decref), NULL after an error.
 * INVALID with `detail` filled: not JSON, not an object, an unknown, missing, doubled or wrongly typed member. */
GN_MUST_CHECK enum gn_err gn_json_read(json_t **doc, char detail[GN_JSON_DETAIL_MAX], struct gn_slice text,
                                       const struct gn_json_member *members, size_t members_len);

#endif
