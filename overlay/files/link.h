/* overlay/files/link.h - links to shared content: ghost:<root>?name=...&size=...&kind=folder&peer=ID@HOST:PORT&peer=...
 *
 * Life: plain values. Threads: any. Purity: pure. Format: docs/PROTOCOL.md, "Files".
 *
 * <root> is the content id in base32, 52 characters. Everything behind it is a hint: what is fetched is checked against
 * the content id and nothing else. Unknown parameters are skipped, so that links can grow.
 */
#ifndef GN_OVERLAY_FILES_LINK_H
#define GN_OVERLAY_FILES_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contact.h"
#include "base/err.h"
#include "base/id.h"
#include "base/name.h"

#define GN_FILE_LINK_MAX 4096U    /* characters, without the NUL; a longer one is refused */
#define GN_FILE_LINK_PEERS_MAX 8U /* more peers are skipped */

struct gn_file_link {
    struct gn_id root;
    bool folder; /* kind=folder: the content is a manifest */
    bool has_size;
    uint64_t size;                         /* of the file, or of all files of the folder */
    char name[GN_NAME_COMPONENT_MAX + 1U]; /* a safe file name (gn_name_sanitize); "" = none was given */
    struct gn_contact peers[GN_FILE_LINK_PEERS_MAX];
    size_t peers_len;
};

/* Fills out. INVALID: not `ghost:` and 52 characters of an id, or a broken escape. LIMIT: longer than GN_FILE_LINK_MAX.
 * A size or peer that cannot be read is skipped, as are host names (a link holds numeric addresses). */
GN_MUST_CHECK enum gn_err gn_file_link_parse(struct gn_file_link *out, const char *text, size_t len);
/* Fills out, NUL-terminated. Only letters, digits and -._~:@[]% stand in values, so that a link survives shells, mails
 * and chats. Never longer than GN_FILE_LINK_MAX. */
void gn_file_link_print(char out[GN_FILE_LINK_MAX + 1U], const struct gn_file_link *link);

#endif
