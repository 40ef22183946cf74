/* tests/support/step_lie.c - false contacts, false records, garbage. */
#include "tests/support/step_lie.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "overlay/msg/msg.h"

static void false_contacts(struct gn_rng *rng, struct gn_msg_reply *r, const struct gn_id *target, bool swapped)
{
    if (swapped) {
        for (size_t i = 0; i < r->contacts_len; i++) {
            r->contacts[i].addr.ip[3] = 99;
            r->contacts[i].addr.port = 9;
        }
        return;
    }
    for (size_t i = 0; i < GN_MSG_CONTACTS_MAX; i++) {
        struct gn_contact *c = &r->contacts[i];

        memset(c, 0, sizeof *c);
        c->id = *target;
        gn_rng_bytes(rng, c->id.b + 4, sizeof c->id.b - 4U);
        c->addr = (struct gn_addr){.family = GN_ADDR_V4, .port = 4000};
        c->addr.ip[0] = 90;
        gn_rng_bytes(rng, c->addr.ip + 1, 3);
    }
    r->contacts_len = GN_MSG_CONTACTS_MAX;
}

uint8_t *step_lie(struct gn_rng *rng, enum step_net_lie how, uint8_t *body, size_t *len)
{
    struct gn_msg_reply r;
    struct gn_id target;
    uint8_t *out = malloc(2048);

    GN_CHECK(out != NULL);
    gn_rng_bytes(rng, target.b, sizeof target.b);
    if (how == STEP_NET_GARBAGE) {
        *len = gn_rng_below(rng, 200);
        gn_rng_bytes(rng, out, *len);
        free(body);
        return out;
    }
    if (gn_msg_reply_decode(&r, gn_slice_of(body, *len)) != GN_OK) {
        free(out);
        return body;
    }
    uint8_t wrong[64] = {0x93, 1, 1, 0xc4, 1, 'x'};
    if (how == STEP_NET_FALSE_RECORDS) {
        r.status = GN_MSG_OK;
        r.values[0] = gn_slice_of(wrong, 6);
        r.values_len = 1;
        r.values_is_list = false;
    } else {
        false_contacts(rng, &r, r.contacts_len > 0 ? &r.contacts[0].id : &target, how == STEP_NET_SWAPPED);
    }
    enum gn_err err = gn_msg_reply_encode(out, len, 2048, &r);
    GN_CHECK(err == GN_OK);
    free(body);
    return out;
}
