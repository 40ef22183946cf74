/* overlay/msg/contacts.c - one contact, to bytes and back. */
#include "overlay/msg/contacts.h"

#include <string.h>

size_t gn_contacts_to_wire(uint8_t out[GN_CONTACTS_WIRE_MAX], const struct gn_contact *c)
{
    size_t addr_len = gn_addr_to_wire(out + 64, &c->addr);

    if (addr_len == 0) {
        return 0;
    }
    memcpy(out, c->id.b, 32);
    memcpy(out + 32, c->epk, 32);
    return 64U + addr_len;
}

enum gn_err gn_contacts_from_wire(struct gn_contact *out, struct gn_slice wire)
{
    uint8_t again[GN_ADDR_WIRE_MAX];
    struct gn_addr addr;

    if (wire.len <= 64 || gn_addr_from_wire(&addr, wire.data + 64, wire.len - 64) != GN_OK) {
        return GN_E_MALFORMED;
    }
    /* one contact has one encoding */
    if (gn_addr_to_wire(again, &addr) != wire.len - 64) {
        return GN_E_MALFORMED;
    }
    memcpy(out->id.b, wire.data, 32);
    memcpy(out->epk, wire.data + 32, 32);
    out->addr = addr;
    return GN_OK;
}
