/* tests/unit/transport/test_quic_identity.c - who is let in: ids, keys, networks, protocols, tickets. */
#include <string.h>

#include <sodium.h>

#include "tests/support/gn_cmocka.h"
#include "tests/support/quic_pair.h"
#include "transport/quic/state.h"

static bool closed0(struct quic_pair *p)
{
    return p->side[0].events[GN_QUIC_CLOSED] > 0;
}

static struct quic_pair pair; /* too large for some stacks under sanitizers */

static struct quic_pair *begin(uint64_t seed)
{
    quic_pair_init(&pair, seed);
    return &pair;
}

static gn_quic_conn dial(struct quic_pair *p, const struct gn_id *id)
{
    gn_quic_conn conn = 0;

    assert_int_equal(gn_quic_dial(p->side[0].q, &conn, id, &p->side[1].addr, &p->side[0].addr, p->now), GN_OK);
    assert_true(conn != 0);
    return conn;
}

static void a_dialler_that_wants_another_id_gets_nobody(void **state)
{
    struct quic_pair *p = begin(11);
    struct gn_id other = {.b = {1, 2, 3}};
    struct gn_quic_counters c;

    (void)state;
    quic_pair_start(p);
    (void)dial(p, &other);
    assert_true(quic_pair_run(p, GN_SECONDS(5), closed0));
    (void)quic_pair_run(p, GN_SECONDS(5), NULL);
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_AUTH);
    assert_int_equal(p->side[0].events[GN_QUIC_CONNECTED], 0);
    assert_int_equal(p->side[1].events[GN_QUIC_CONNECTED], 0);
    assert_int_equal(p->side[1].events[GN_QUIC_CLOSED], 0); /* the listener never heard of it */
    gn_quic_counters(p->side[0].q, &c);
    assert_int_equal(c.wrong_id, 1);
    assert_int_equal(c.handshakes_failed, 1);
    quic_pair_fini(p);
}

/* Endpoint `side` shows the public key of `victim` and signs with its own. */
static void steal_public_key(struct quic_pair *p, unsigned side, const struct gn_id *victim)
{
    static const uint8_t spki_prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    static const uint8_t pkcs8_prefix[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                           0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    struct gn_quic *q = p->side[side].q;
    uint8_t spki[44];
    uint8_t pkcs8[48];
    const gnutls_datum_t public = {.data = spki, .size = sizeof spki};
    const gnutls_datum_t private = {.data = pkcs8, .size = sizeof pkcs8};

    memcpy(spki, spki_prefix, sizeof spki_prefix);
    memcpy(spki + sizeof spki_prefix, victim->b, 32);
    memcpy(pkcs8, pkcs8_prefix, sizeof pkcs8_prefix);
    memcpy(pkcs8 + sizeof pkcs8_prefix, p->side[side].config.seed, 32);
    gnutls_certificate_free_keys(q->credentials);
    assert_true(gnutls_certificate_set_rawpk_key_mem(q->credentials, &public, &private, GNUTLS_X509_FMT_DER, NULL, 0,
                                                     NULL, 0, 0) >= 0);
}

static const struct gn_id *victim_id(struct gn_id *out)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    const uint8_t seed[32] = {9};

    (void)crypto_sign_seed_keypair(out->b, secret, seed);
    return out;
}

static void a_listener_with_a_stolen_public_key_is_refused(void **state)
{
    struct quic_pair *p = begin(12);
    struct gn_id victim;

    (void)state;
    quic_pair_start(p);
    steal_public_key(p, 1, victim_id(&victim));
    (void)dial(p, &victim);
    assert_true(quic_pair_run(p, GN_SECONDS(15), closed0));
    assert_int_equal(p->side[0].events[GN_QUIC_CONNECTED], 0);
    assert_int_equal(p->side[1].events[GN_QUIC_CONNECTED], 0);
    quic_pair_fini(p);
}

static void a_dialler_with_a_stolen_public_key_is_refused(void **state)
{
    struct quic_pair *p = begin(13);
    struct gn_id victim;

    (void)state;
    quic_pair_start(p);
    steal_public_key(p, 0, victim_id(&victim));
    (void)dial(p, gn_quic_id(p->side[1].q));
    assert_true(quic_pair_run(p, GN_SECONDS(15), closed0));
    assert_int_equal(p->side[1].events[GN_QUIC_CONNECTED], 0);
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_REFUSED);
    quic_pair_fini(p);
}

static void another_network_gets_no_answer_at_all(void **state)
{
    struct quic_pair *p = begin(14);
    struct gn_quic_counters c;

    (void)state;
    p->side[1].config.net_id[15] ^= 1U;
    quic_pair_start(p);
    (void)dial(p, gn_quic_id(p->side[1].q));
    assert_true(quic_pair_run(p, GN_SECONDS(30), closed0));
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_TIMEOUT);
    assert_int_equal(p->bytes[1], 0);
    gn_quic_counters(p->side[1].q, &c);
    assert_true(c.dropped_stranger > 0);
    assert_int_equal(c.accepted, 0);
    assert_int_equal(gn_quic_conns(p->side[1].q), 0);
    quic_pair_fini(p);
}

/* Even with a stolen first connection id: the Initial keys differ too. */
static void a_right_connection_id_without_the_network_key_learns_nothing(void **state)
{
    struct quic_pair *p = begin(15);
    struct gn_quic_counters c;

    (void)state;
    p->side[0].config.net_id[0] ^= 1U;
    quic_pair_start(p);
    /* The attacker makes ids that pass, as if it had seen some on the wire, but not the keys behind them. */
    memcpy(p->side[0].q->cid_keys.initial, p->side[1].q->cid_keys.initial, 32);
    (void)dial(p, gn_quic_id(p->side[1].q));
    assert_true(quic_pair_run(p, GN_SECONDS(60), closed0));
    assert_int_equal(p->bytes[1], 0);
    assert_int_equal(p->side[0].events[GN_QUIC_CONNECTED], 0);
    gn_quic_counters(p->side[1].q, &c);
    assert_int_equal(c.handshakes_done, 0);
    (void)quic_pair_run(p, GN_SECONDS(60), NULL);
    assert_int_equal(gn_quic_conns(p->side[1].q), 0); /* what it made the listener keep is gone again */
    quic_pair_fini(p);
}

static void another_protocol_name_is_refused(void **state)
{
    struct quic_pair *p = begin(16);

    (void)state;
    p->side[0].config.alpn = "ghostnet/2";
    quic_pair_start(p);
    (void)dial(p, gn_quic_id(p->side[1].q));
    assert_true(quic_pair_run(p, GN_SECONDS(5), closed0));
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_REFUSED);
    assert_int_equal(p->side[1].events[GN_QUIC_CONNECTED], 0);
    quic_pair_fini(p);
}

static void close_both(struct quic_pair *p)
{
    p->side[0].events[GN_QUIC_CLOSED] = 0;
    assert_int_equal(gn_quic_close(p->side[0].q, p->side[0].conn, 7, p->now), GN_OK);
    (void)quic_pair_run(p, GN_SECONDS(5), NULL);
    assert_int_equal(p->side[0].events[GN_QUIC_CLOSED], 1);
    assert_int_equal(gn_quic_conns(p->side[0].q), 0);
    assert_int_equal(gn_quic_conns(p->side[1].q), 0);
}

static void the_second_connection_is_resumed_and_proves_the_same_id(void **state)
{
    struct quic_pair *p = begin(17);

    (void)state;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_run(p, GN_SECONDS(1), NULL); /* the ticket arrives */
    assert_false(p->side[0].last[GN_QUIC_CONNECTED].resumed);
    assert_int_equal(gn_qticket_len(&p->side[0].q->tickets), 1);
    close_both(p);
    assert_true(quic_pair_connect(p));
    assert_true(p->side[0].last[GN_QUIC_CONNECTED].resumed);
    assert_true(p->side[1].last[GN_QUIC_CONNECTED].resumed);
    assert_memory_equal(p->side[0].last[GN_QUIC_CONNECTED].peer.b, gn_quic_id(p->side[1].q)->b, 32);
    assert_memory_equal(p->side[1].last[GN_QUIC_CONNECTED].peer.b, gn_quic_id(p->side[0].q)->b, 32);
    quic_pair_fini(p);
}

static void a_resumed_session_of_another_node_is_not_the_wanted_node(void **state)
{
    struct quic_pair *p = begin(18);
    struct gn_id other;
    struct gn_qticket *t;

    (void)state;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    close_both(p);
    /* The ticket of side 1, filed under the id of somebody else: resumption works, the verify callback does not run. */
    t = gn_qticket_take(&p->side[0].q->tickets, gn_quic_id(p->side[1].q));
    assert_non_null(t);
    assert_int_equal(gn_qticket_put(&p->side[0].q->tickets, victim_id(&other), gn_slice_of(t->bytes, t->len)), GN_OK);
    gn_qticket_free(&p->side[0].q->tickets, t);
    p->side[0].events[GN_QUIC_CLOSED] = 0;
    p->side[0].events[GN_QUIC_CONNECTED] = 0;
    (void)dial(p, &other);
    assert_true(quic_pair_run(p, GN_SECONDS(5), closed0));
    assert_int_equal(p->side[0].last[GN_QUIC_CLOSED].err, GN_E_AUTH);
    assert_int_equal(p->side[0].events[GN_QUIC_CONNECTED], 0);
    quic_pair_fini(p);
}

static void after_a_restart_of_the_listener_the_old_ticket_leads_to_a_full_handshake(void **state)
{
    struct quic_pair *p = begin(19);

    (void)state;
    quic_pair_start(p);
    assert_true(quic_pair_connect(p));
    (void)quic_pair_run(p, GN_SECONDS(1), NULL);
    close_both(p);
    quic_pair_restart(p, 1);
    assert_true(quic_pair_connect(p));
    assert_false(p->side[0].last[GN_QUIC_CONNECTED].resumed);
    quic_pair_fini(p);
}

static void nobody_dials_itself_or_nowhere(void **state)
{
    struct quic_pair *p = begin(20);
    const struct gn_addr nowhere = {.family = GN_ADDR_V4, .port = 1};
    const struct gn_id zero = {.b = {0}};
    gn_quic_conn conn;

    (void)state;
    quic_pair_start(p);
    assert_int_equal(gn_quic_dial(p->side[0].q, &conn, gn_quic_id(p->side[0].q), &p->side[1].addr, NULL, p->now),
                     GN_E_INVALID);
    assert_int_equal(gn_quic_dial(p->side[0].q, &conn, gn_quic_id(p->side[1].q), &nowhere, NULL, p->now), GN_E_INVALID);
    assert_int_equal(gn_quic_dial(p->side[0].q, &conn, &zero, &p->side[1].addr, NULL, p->now), GN_E_INVALID);
    assert_int_equal(gn_quic_conns(p->side[0].q), 0);
    quic_pair_fini(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dialler_that_wants_another_id_gets_nobody),
        cmocka_unit_test(a_listener_with_a_stolen_public_key_is_refused),
        cmocka_unit_test(a_dialler_with_a_stolen_public_key_is_refused),
        cmocka_unit_test(another_network_gets_no_answer_at_all),
        cmocka_unit_test(a_right_connection_id_without_the_network_key_learns_nothing),
        cmocka_unit_test(another_protocol_name_is_refused),
        cmocka_unit_test(the_second_connection_is_resumed_and_proves_the_same_id),
        cmocka_unit_test(a_resumed_session_of_another_node_is_not_the_wanted_node),
        cmocka_unit_test(after_a_restart_of_the_listener_the_old_ticket_leads_to_a_full_handshake),
        cmocka_unit_test(nobody_dials_itself_or_nowhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
