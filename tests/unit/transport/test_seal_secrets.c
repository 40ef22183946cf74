/* tests/unit/transport/test_seal_secrets.c - when a secret's time is over it lies nowhere in memory any more. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "tests/support/seal_world.h"
#include "transport/seal/seal_epoch.h"

struct pair {
    struct seal_world w;
    struct seal_node a;
    struct seal_node b;
    struct gn_seal_keypair a_client; /* drawn from the seeds in the order in which gn_seal_new draws them */
    struct gn_seal_keypair b_epoch;
    struct gn_seal_keys keys; /* between the two */
    struct gn_contact to_b;
};

static void first_pairs(const struct seal_node *n, struct gn_seal_keypair *epoch, struct gn_seal_keypair *client)
{
    struct gn_rng rng;
    uint8_t hash_key[16];

    gn_rng_init(&rng, n->config.rng_seed);
    gn_rng_bytes(&rng, hash_key, sizeof hash_key);
    gn_seal_keys_pair(epoch, &rng);
    (void)gn_rng_jitter(&rng, GN_SEAL_EPOCH_US, GN_SEAL_EPOCH_JITTER);
    gn_seal_keys_pair(client, &rng);
}

static int setup(void **state)
{
    struct pair *t = test_calloc(1, sizeof *t);
    struct gn_seal_keypair unused;
    struct gn_seal_net net;

    seal_world_init(&t->w);
    seal_node_init(&t->a, &t->w, 1);
    seal_node_init(&t->b, &t->w, 2);
    first_pairs(&t->a, &unused, &t->a_client);
    first_pairs(&t->b, &t->b_epoch, &unused);
    gn_seal_keys_net(&net, t->w.net_id);
    assert_int_equal(gn_seal_keys_client(&t->keys, &t->a_client, t->b_epoch.pk, &net, gn_seal_id(t->b.seal)), GN_OK);
    t->to_b = seal_contact(&t->b);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &t->to_b), 2);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct pair *t = *state;

    seal_node_fini(&t->a);
    seal_node_fini(&t->b);
    test_free(t);
    return 0;
}

static void secrets_in_use_are_found_by_this_test(void **state)
{
    struct pair *t = *state;

    assert_true(seal_memory_has(&t->a.memory, t->a_client.sk));
    assert_true(seal_memory_has(&t->a.memory, t->keys.q));
    assert_true(seal_memory_has(&t->a.memory, t->keys.r));
    assert_true(seal_memory_has(&t->b.memory, t->b_epoch.sk));
    assert_true(seal_memory_has(&t->b.memory, t->keys.q));
    assert_true(seal_memory_has(&t->b.memory, t->keys.r));
}

static void new_client_key_wipes_the_old_one_and_all_that_came_of_it(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;

    gn_seal_network_changed(t->a.seal, t->w.now);
    assert_false(seal_memory_has(&t->a.memory, t->a_client.sk));
    assert_false(seal_memory_has(&t->a.memory, t->keys.q));
    assert_false(seal_memory_has(&t->a.memory, t->keys.r));
    /* with a query in flight the keys of this query stay, for five seconds */
    seal_node_fini(&t->a);
    seal_node_start(&t->a, &t->w);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 2, &t->to_b, "q"), GN_OK);
    gn_seal_network_changed(t->a.seal, t->w.now);
    assert_false(seal_memory_has(&t->a.memory, t->a_client.sk));
    assert_true(seal_memory_has(&t->a.memory, t->keys.r));
    t->w.now += GN_SECONDS(5);
    gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    assert_false(seal_memory_has(&t->a.memory, t->keys.r));
}

static void third_epoch_after_it_wipes_an_epoch_key_and_all_that_came_of_it(void **state)
{
    struct pair *t = *state;

    for (unsigned i = 0; i < 3; i++) {
        assert_true(seal_memory_has(&t->b.memory, t->b_epoch.sk));
        assert_true(seal_memory_has(&t->b.memory, t->keys.q));
        seal_world_pass(&t->w, GN_MINUTES(66));
        gn_seal_timer(t->b.seal, t->w.now, t->w.wall);
    }
    assert_false(seal_memory_has(&t->b.memory, t->b_epoch.sk));
    assert_false(seal_memory_has(&t->b.memory, t->keys.q));
    assert_false(seal_memory_has(&t->b.memory, t->keys.r));
}

static void answered_cancelled_and_expired_queries_leave_no_body_behind(void **state)
{
    struct pair *t = *state;
    char body[301];
    struct seal_packet p;
    struct gn_seal_event e;
    static const size_t lengths[2] = {90, 300}; /* kept inside the query, and beside it */

    memset(body, 0, sizeof body);
    memset(body, 'Z', 300);
    for (unsigned i = 0; i < 6; i++) {
        body[lengths[i % 2]] = 0;
        t->a.memory.watched = (const uint8_t *)body;
        assert_int_equal(seal_ask(&t->w, &t->a, &p, 10 + i, &t->to_b, body), GN_OK);
        assert_true(seal_memory_has(&t->a.memory, (const uint8_t *)body));
        if (i / 2 == 0) {
            (void)seal_talk(&t->w, &t->a, &t->b, &p, &e);
            assert_int_equal(e.type, GN_SEAL_REPLY);
        } else if (i / 2 == 1) {
            gn_seal_cancel(t->a.seal, 10 + i);
        } else {
            seal_world_pass(&t->w, GN_SECONDS(6));
            gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
        }
        assert_false(seal_memory_has(&t->a.memory, (const uint8_t *)body));
        assert_false(t->a.memory.leaked);
        memset(body, 'Z', 300);
    }
    t->a.memory.watched = NULL;
}

static void memory_is_given_back_wiped(void **state)
{
    struct pair *t = *state;
    const uint8_t *secrets[] = {t->a_client.sk, t->keys.q, t->keys.r, t->a.config.identity_seed,
                                t->b_epoch.sk,  t->keys.q, t->keys.r, t->b.config.identity_seed};

    for (unsigned i = 0; i < 8; i++) {
        struct seal_node *n = i < 4 ? &t->a : &t->b;
        seal_node_fini(&t->a);
        seal_node_fini(&t->b);
        seal_node_start(&t->a, &t->w);
        seal_node_start(&t->b, &t->w);
        struct seal_packet p;
        assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &t->to_b), 2);
        assert_int_equal(seal_ask(&t->w, &t->a, &p, 2, &t->to_b, "in flight"), GN_OK);
        assert_true(seal_memory_has(&n->memory, secrets[i]));
        n->memory.watched = secrets[i];
        seal_node_fini(n);
        assert_false(n->memory.leaked);
        n->memory.watched = NULL;
        seal_node_start(n, &t->w);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(secrets_in_use_are_found_by_this_test),
        T(new_client_key_wipes_the_old_one_and_all_that_came_of_it),
        T(third_epoch_after_it_wipes_an_epoch_key_and_all_that_came_of_it),
        T(answered_cancelled_and_expired_queries_leave_no_body_behind),
        T(memory_is_given_back_wiped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
