/* overlay/msg/contacts.h - contacts as they lie in messages: id 32, epoch key 32, address 6 or 18.
 *
 * Life: plain calls. Threads: any. Purity: pure. Used by the codecs of this folder only.
 */
#ifndef GN_OVERLAY_MSG_CONTACTS_H
#define GN_OVERLAY_MSG_CONTACTS_H

#include "base/contact.h"
#include "base/err.h"
#include "base/slice.h"

#define GN_CONTACTS_WIRE_MAX 82U

/* Returns 70 or 82, 0 when the contact has no address. */
size_t gn_contacts_to_wire(uint8_t out[GN_CONTACTS_WIRE_MAX], const struct gn_contact *c);
/* MALFORMED: not 70 or 82 bytes, or an IPv4 address in the form of an IPv6 one. */
GN_MUST_CHECK enum gn_err gn_contacts_from_wire(struct gn_contact *out, struct gn_slice wire);

#endif
