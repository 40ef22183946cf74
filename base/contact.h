/* base/contact.h - what one node tells another about a third: id, epoch key, address.
 *
 * Life: plain values. Threads: any. Purity: pure.
 */
#ifndef GN_BASE_CONTACT_H
#define GN_BASE_CONTACT_H

#include <stdint.h>

#include "base/addr.h"
#include "base/id.h"

struct gn_contact {
    struct gn_id id; /* Ed25519 public key; all zero = not known yet */
    uint8_t epk[32]; /* current X25519 epoch key, a hint; all zero = not known yet */
    struct gn_addr addr;
};

/* Parses "<id>@host:port" with a numeric host. INVALID on anything else; epk is left zero. */
GN_MUST_CHECK enum gn_err gn_contact_parse(struct gn_contact *out, const char *text, size_t len);
#define GN_CONTACT_TEXT_MAX (GN_ID_TEXT_LEN + 1U + GN_ADDR_TEXT_MAX)
void gn_contact_print(char out[GN_CONTACT_TEXT_MAX], const struct gn_contact *c);

#endif
