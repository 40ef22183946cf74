/* tests/unit/overlay/records.h - identities from a seed byte and ready-made records, for tests of the overlay.
 *
 * Life: caller's memory. Threads: one. Purity: pure.
 */
#ifndef GN_TESTS_UNIT_OVERLAY_RECORDS_H
#define GN_TESTS_UNIT_OVERLAY_RECORDS_H

#include <string.h>

#include "base/contact.h"
#include "overlay/msg/record.h"
#include "overlay/sodium_crypto.h"

#define TEST_WALL UINT64_C(1700000000)

struct test_peer {
    struct gn_sodium_identity identity;
    struct gn_crypto crypto;
};

/* The identity whose seed is 32 times `seed`. */
static inline void test_peer_init(struct test_peer *p, uint8_t seed)
{
    uint8_t bytes[32];

    memset(bytes, seed, sizeof(bytes));
    gn_sodium_crypto_identity(&p->identity, bytes);
    gn_sodium_crypto_init(&p->crypto, &p->identity);
}

static inline struct gn_addr test_addr(const char *text)
{
    struct gn_addr a;

    if (gn_addr_parse(&a, text, strlen(text)) != GN_OK) {
        memset(&a, 0, sizeof(a));
    }
    return a;
}

static inline struct gn_id test_id(uint8_t fill)
{
    struct gn_id id;

    memset(id.b, fill, sizeof(id.b));
    return id;
}

static inline struct gn_contact test_contact(uint8_t fill, const char *addr)
{
    struct gn_contact c = {.id = test_id(fill), .addr = test_addr(addr)};

    memset(c.epk, fill ^ 0xff, sizeof(c.epk));
    return c;
}

/* Bytes of one record, and its decoded form that borrows them. */
struct test_record {
    uint8_t bytes[2048];
    size_t len;
    struct gn_record r;
    enum gn_err err;
};

static inline struct gn_slice test_record_slice(const struct test_record *t)
{
    return gn_slice_of(t->bytes, t->len);
}

static inline void test_record_finish(struct test_record *t, struct gn_record *r, const struct test_peer *p)
{
    t->len = 0;
    t->err = gn_record_sign(r, t->bytes, &t->len, sizeof(t->bytes), &p->crypto);
    if (t->err == GN_OK) {
        t->err = gn_record_decode(&t->r, test_record_slice(t), &p->crypto);
    }
}

static inline void test_mutable(struct test_record *t, const struct test_peer *p, const char *salt, uint64_t seq,
                                const char *value, gn_wall_s expiry)
{
    struct gn_record r = {.kind = GN_RECORD_MUTABLE,
                          .owner = p->identity.id,
                          .salt = gn_slice_str(salt),
                          .seq = seq,
                          .expiry = expiry,
                          .value = gn_slice_str(value)};

    test_record_finish(t, &r, p);
}

static inline void test_immutable(struct test_record *t, const struct test_peer *p, const char *value, gn_wall_s expiry)
{
    struct gn_record r = {.kind = GN_RECORD_IMMUTABLE, .expiry = expiry, .value = gn_slice_str(value)};

    test_record_finish(t, &r, p);
}

static inline void test_provider(struct test_record *t, const struct test_peer *p, const struct gn_id *content,
                                 gn_wall_s expiry)
{
    struct gn_record r = {
        .kind = GN_RECORD_PROVIDER, .target = *content, .owner = p->identity.id, .expiry = expiry, .addrs_len = 2};

    r.addrs[0] = test_addr("192.0.2.7:4001");
    r.addrs[1] = test_addr("[2001:db8::7]:4001");
    test_record_finish(t, &r, p);
}

#endif
