/* tests/unit/transport/test_seal_low_order.c - points whose product with any key is known to everybody. */
#include "tests/support/gn_cmocka.h"

#include <sodium.h>
#include <string.h>

#include "tests/support/seal_world.h"
#include "transport/seal/seal_epoch.h"

struct trio {
    struct seal_world w;
    struct seal_node a;
    struct seal_node b;
    struct seal_node m; /* the attacker, when it is a member of the network */
};

static int setup(void **state)
{
    struct trio *t = test_calloc(1, sizeof *t);

    seal_world_init(&t->w);
    seal_node_init(&t->a, &t->w, 1);
    seal_node_init(&t->b, &t->w, 2);
    seal_node_init(&t->m, &t->w, 3);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct trio *t = *state;

    seal_node_fini(&t->a);
    seal_node_fini(&t->b);
    seal_node_fini(&t->m);
    test_free(t);
    return 0;
}

/* All points of order 1, 2, 4, 8 of curve25519 and of its twist, in every encoding below 2^255 (RFC 7748, section 7;
 * the list is that of libsodium and of the "Contributory" discussion), and with the top bit set. */
static const char *const low_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void each_low_order(void (*check)(struct trio *t, const uint8_t point[32]), struct trio *t)
{
    for (size_t i = 0; i < sizeof low_order / sizeof low_order[0]; i++) {
        uint8_t point[32];
        size_t len = 0;
        assert_int_equal(sodium_hex2bin(point, 32, low_order[i], 64, NULL, &len, NULL), 0);
        check(t, point);
        point[31] |= 0x80;
        check(t, point);
    }
}

static void check_as_client_key(struct trio *t, const uint8_t point[32])
{
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;
    uint64_t before = gn_seal_counters(t->b.seal)->dropped_auth;

    seal_forgery_init(&f, &t->w, &t->b, plain, "x");
    memcpy(f.client.pk, point, 32);
    f.low_order = true;
    seal_forge(&p, &t->w, &f);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->m.addr, &p), GN_SEAL_NOTHING);
    assert_int_equal(gn_seal_counters(t->b.seal)->dropped_auth, before + 1);
}

static void low_order_client_key_is_refused(void **state)
{
    each_low_order(check_as_client_key, *state);
}

static void check_as_hint(struct trio *t, const uint8_t point[32])
{
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    static const uint8_t none[4];

    memcpy(b.epk, point, 32);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &b, "secret question"), GN_OK);
    assert_memory_equal(p.bytes + GN_SEAL_Q_DST_TAG, none, 4); /* a probe: nothing is sealed for that */
    gn_seal_cancel(t->a.seal, 1);
}

static void low_order_epoch_key_in_a_contact_is_not_used(void **state)
{
    struct trio *t = *state;
    struct gn_contact b = seal_contact(&t->b);

    each_low_order(check_as_hint, t);
    /* and the query works all the same */
    memset(b.epk, 0, 32);
    b.epk[0] = 1;
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 4);
}

static void check_as_signed_epoch(struct trio *t, const uint8_t point[32])
{
    struct gn_contact m = seal_contact_old(&t->m);
    struct seal_packet p;
    struct seal_packet rekey;
    struct gn_seal_event e;
    struct gn_seal_net net;
    uint8_t pk[32];
    uint8_t sign_key[64];
    uint8_t record[GN_SEAL_EPOCH_RECORD];
    static const uint8_t none[4];

    gn_seal_keys_net(&net, t->w.net_id);
    crypto_sign_seed_keypair(pk, sign_key, t->m.config.identity_seed);
    gn_seal_epoch_sign(record, sign_key, &net, &m.id, point, t->w.wall);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 1, &m, "secret question"), GN_OK);
    gn_seal_wire_put_rekey(rekey.bytes, p.bytes + GN_SEAL_Q_NONCE, &m.id, record);
    rekey.len = GN_SEAL_REKEY_LEN;
    if (seal_give(&t->w, &t->a, &e, &t->m.addr, &rekey) == GN_SEAL_SEND) {
        assert_memory_equal(e.packet.data + GN_SEAL_Q_DST_TAG, none, 4);
    }
    gn_seal_cancel(t->a.seal, 1);
    seal_world_pass(&t->w, GN_SECONDS(1));
}

static void low_order_epoch_key_is_not_used_even_when_its_owner_signs_it(void **state)
{
    struct trio *t = *state;
    struct gn_contact m = seal_contact_old(&t->m);

    each_low_order(check_as_signed_epoch, t);
    /* the peer can come to its senses */
    seal_world_pass(&t->w, GN_HOURS(2));
    gn_seal_timer(t->m.seal, t->w.now, t->w.wall);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->m, 2, &m), 4);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(low_order_client_key_is_refused),
        T(low_order_epoch_key_in_a_contact_is_not_used),
        T(low_order_epoch_key_is_not_used_even_when_its_owner_signs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
