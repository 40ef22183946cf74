/* base/contact.c - "<id>@host:port". */
#include "base/contact.h"

#include <string.h>

enum gn_err gn_contact_parse(struct gn_contact *out, const char *text, size_t len)
{
    struct gn_contact c = {.addr.family = GN_ADDR_NONE};

    if (len <= GN_ID_TEXT_LEN || text[GN_ID_TEXT_LEN] != '@' || gn_id_parse(&c.id, text, GN_ID_TEXT_LEN) != GN_OK ||
        gn_addr_parse(&c.addr, text + GN_ID_TEXT_LEN + 1U, len - GN_ID_TEXT_LEN - 1U) != GN_OK) {
        return GN_E_INVALID;
    }
    *out = c;
    return GN_OK;
}

void gn_contact_print(char out[GN_CONTACT_TEXT_MAX], const struct gn_contact *c)
{
    gn_id_print(out, &c->id);
    out[GN_ID_TEXT_LEN] = '@';
    gn_addr_print(out + GN_ID_TEXT_LEN + 1U, &c->addr);
}
