/* transport/seal/seal_wire.c - parse and format of the sealed packets and of their plaintexts. */
#include "transport/seal/seal_wire.h"

#include <string.h>

#include "base/check.h"

enum gn_err gn_seal_wire_type(enum gn_seal_type *type, struct gn_slice datagram)
{
    if (datagram.len < GN_SEAL_RETRY_LEN || datagram.len > GN_SEAL_DATAGRAM_MAX) {
        return GN_E_MALFORMED;
    }
    if (datagram.data[1] != GN_SEAL_VERSION) {
        return GN_E_VERSION;
    }
    bool fits = false;
    switch (datagram.data[0]) {
    case GN_SEAL_T_QUERY:
        fits = datagram.len >= GN_SEAL_QUERY_MIN;
        break;
    case GN_SEAL_T_REPLY:
        fits = datagram.len >= GN_SEAL_R_HEADER + GN_SEAL_TAG;
        break;
    case GN_SEAL_T_REKEY:
        fits = datagram.len == GN_SEAL_REKEY_LEN;
        break;
    case GN_SEAL_T_RETRY:
        fits = datagram.len == GN_SEAL_RETRY_LEN;
        break;
    default:
        break;
    }
    if (!fits) {
        return GN_E_MALFORMED;
    }
    *type = (enum gn_seal_type)datagram.data[0];
    return GN_OK;
}

size_t gn_seal_wire_ask_len(size_t body_len, bool with_self)
{
    size_t len = GN_SEAL_Q_HEADER + 1U + (with_self ? GN_SEAL_SELF : 0U) + 2U + body_len + GN_SEAL_TAG;

    return len < GN_SEAL_QUERY_MIN ? GN_SEAL_QUERY_MIN : len;
}

size_t gn_seal_wire_put_ask(uint8_t *plain, const struct gn_seal_ask *ask)
{
    size_t len = gn_seal_wire_ask_len(ask->body.len, ask->self != NULL) - GN_SEAL_Q_HEADER - GN_SEAL_TAG;
    struct gn_writer w;

    gn_writer_init(&w, plain, len);
    gn_writer_u8(&w, (uint8_t)((ask->want_record ? GN_SEAL_F_WANT_RECORD : 0U) | (ask->self ? GN_SEAL_F_SELF : 0U)));
    if (ask->self) {
        gn_writer_bytes(&w, ask->self, GN_SEAL_SELF);
    }
    gn_writer_u16(&w, (uint16_t)ask->body.len);
    gn_writer_bytes(&w, ask->body.data, ask->body.len);
    gn_writer_zeros(&w, len - w.len);
    GN_CHECK(!w.overflow && w.len == len);
    return len;
}

enum gn_err gn_seal_wire_get_ask(struct gn_seal_ask *ask, struct gn_slice plain)
{
    struct gn_reader r;

    gn_reader_init(&r, plain);
    uint8_t flags = gn_reader_u8(&r);
    if ((flags & ~(GN_SEAL_F_WANT_RECORD | GN_SEAL_F_SELF)) != 0) {
        return GN_E_MALFORMED;
    }
    ask->want_record = (flags & GN_SEAL_F_WANT_RECORD) != 0;
    ask->self = (flags & GN_SEAL_F_SELF) != 0 ? gn_reader_take(&r, GN_SEAL_SELF).data : NULL;
    ask->body = gn_reader_take(&r, gn_reader_u16(&r));
    return r.failed ? GN_E_MALFORMED : GN_OK;
}

size_t gn_seal_wire_answer_overhead(const struct gn_addr *observed, bool with_record)
{
    uint8_t wire[GN_ADDR_WIRE_MAX];

    return GN_SEAL_R_HEADER + GN_SEAL_TAG + 1U + 1U + gn_addr_to_wire(wire, observed) + GN_SEAL_TOKEN +
           (with_record ? GN_SEAL_EPOCH_RECORD : 0U) + 2U;
}

size_t gn_seal_wire_put_answer(uint8_t *plain, const struct gn_seal_answer *answer)
{
    uint8_t observed[GN_ADDR_WIRE_MAX];
    size_t observed_len = gn_addr_to_wire(observed, &answer->observed);
    struct gn_writer w;

    gn_writer_init(&w, plain, GN_SEAL_DATAGRAM_MAX - GN_SEAL_R_HEADER - GN_SEAL_TAG);
    gn_writer_u8(&w, answer->record ? GN_SEAL_F_RECORD : 0U);
    gn_writer_u8(&w, (uint8_t)observed_len);
    gn_writer_bytes(&w, observed, observed_len);
    gn_writer_bytes(&w, answer->token, GN_SEAL_TOKEN);
    if (answer->record) {
        gn_writer_bytes(&w, answer->record, GN_SEAL_EPOCH_RECORD);
    }
    gn_writer_u16(&w, (uint16_t)answer->body.len);
    gn_writer_bytes(&w, answer->body.data, answer->body.len);
    GN_CHECK(!w.overflow);
    return w.len;
}

enum gn_err gn_seal_wire_get_answer(struct gn_seal_answer *answer, struct gn_slice plain)
{
    struct gn_reader r;

    gn_reader_init(&r, plain);
    uint8_t flags = gn_reader_u8(&r);
    struct gn_slice observed = gn_reader_take(&r, gn_reader_u8(&r));
    if ((flags & ~GN_SEAL_F_RECORD) != 0 || r.failed ||
        gn_addr_from_wire(&answer->observed, observed.data, observed.len) != GN_OK) {
        return GN_E_MALFORMED;
    }
    answer->token = gn_reader_take(&r, GN_SEAL_TOKEN).data;
    answer->record = (flags & GN_SEAL_F_RECORD) != 0 ? gn_reader_take(&r, GN_SEAL_EPOCH_RECORD).data : NULL;
    answer->body = gn_reader_take(&r, gn_reader_u16(&r));
    return r.failed || gn_reader_left(&r) != 0 ? GN_E_MALFORMED : GN_OK;
}

void gn_seal_wire_put_rekey(uint8_t out[GN_SEAL_REKEY_LEN], const uint8_t req_tag[GN_SEAL_REQ_TAG],
                            const struct gn_id *id, const uint8_t record[GN_SEAL_EPOCH_RECORD])
{
    out[0] = GN_SEAL_T_REKEY;
    out[1] = GN_SEAL_VERSION;
    memcpy(out + 2, req_tag, GN_SEAL_REQ_TAG);
    memcpy(out + 10, id->b, sizeof id->b);
    memcpy(out + 42, record, GN_SEAL_EPOCH_RECORD);
}

void gn_seal_wire_put_retry(uint8_t out[GN_SEAL_RETRY_LEN], const uint8_t req_tag[GN_SEAL_REQ_TAG],
                            const uint8_t token[GN_SEAL_TOKEN])
{
    out[0] = GN_SEAL_T_RETRY;
    out[1] = GN_SEAL_VERSION;
    memcpy(out + 2, req_tag, GN_SEAL_REQ_TAG);
    memcpy(out + 10, token, GN_SEAL_TOKEN);
}
