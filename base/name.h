/* base/name.h - names of files: which relative paths from a peer are safe to create, and how odd ones are shown.
 *
 * Life: plain calls. Threads: any. Purity: pure.
 */
#ifndef GN_BASE_NAME_H
#define GN_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define GN_NAME_COMPONENT_MAX 255U
#define GN_NAME_PATH_MAX 4000U /* leaves room for the folder it is put into */

/* One component: 1..255 bytes of valid UTF-8 (RFC 3629), no '/', no NUL, no control character (C0, DEL, C1, U+2028,
 * U+2029), not "." or "..". */
bool gn_name_component_ok(struct gn_slice name);
/* Components joined by single '/': not empty, not absolute, at most GN_NAME_PATH_MAX bytes. */
bool gn_name_path_ok(struct gn_slice path);

/* For people and links: every byte that is not printable, valid UTF-8 becomes %XX, and so do '%', bidirectional
 * controls (U+061C, U+200E, U+200F, U+202A..U+202E, U+2066..U+2069) and, unless `keep_slash`, '/'. What comes out is
 * valid UTF-8 and can be read back exactly with gn_name_unescape. NUL-terminated. LIMIT: `cap` is too small (3 *
 * name.len + 1 always suffices); out is "". */
GN_MUST_CHECK enum gn_err gn_name_escape(char *out, size_t cap, struct gn_slice name, bool keep_slash);
/* Fills out (not NUL-terminated) and out_len, at most text.len bytes. INVALID: a '%' without two hex digits. LIMIT:
 * cap. */
GN_MUST_CHECK enum gn_err gn_name_unescape(uint8_t *out, size_t *out_len, size_t cap, struct gn_slice text);
/* A safe component made from anything: the part after the last '/', bad bytes as %XX, "." and ".." escaped, empty
 * becomes "unnamed", cut to GN_NAME_COMPONENT_MAX bytes at a character. NUL-terminated. */
void gn_name_sanitize(char out[GN_NAME_COMPONENT_MAX + 1U], struct gn_slice name);

#endif
