/* tests/unit/transport/test_seal_time.c - rotations with queries in flight, late answers, clocks that jump. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "tests/support/seal_world.h"
#include "transport/seal/seal_context.h"
#include "transport/seal/seal_epoch.h"
#include "transport/seal/seal_initiator.h"

struct pair {
    struct seal_world w;
    struct seal_node a;
    struct seal_node b;
};

static int setup(void **state)
{
    struct pair *t = test_calloc(1, sizeof *t);

    seal_world_init(&t->w);
    seal_node_init(&t->a, &t->w, 1);
    seal_node_init(&t->b, &t->w, 2);
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

static void rotate_epoch(struct pair *t, struct seal_node *n)
{
    seal_world_pass(&t->w, GN_MINUTES(66));
    gn_seal_timer(n->seal, t->w.now, t->w.wall);
}

static enum gn_err ask_long(struct pair *t, struct seal_packet *p, uint64_t cookie, gn_time_us timeout)
{
    struct gn_contact b = seal_contact(&t->b);

    return gn_seal_query(t->a.seal, p->bytes, &p->len,
                         &(struct gn_seal_request){
                             .cookie = cookie, .to = &b, .body = gn_slice_str("q"), .expires_at = t->w.now + timeout},
                         t->w.now);
}

static void epoch_lasts_an_hour_give_or_take_a_tenth(void **state)
{
    struct pair *t = *state;
    uint8_t epk[32];
    uint8_t last[32];
    gn_time_us began = t->w.now;
    unsigned epochs = 0;
    gn_time_us shortest = GN_TIME_NEVER;
    gn_time_us longest = 0;

    gn_seal_epoch_key(t->b.seal, last);
    while (epochs < 40) {
        gn_time_us due = gn_seal_deadline(t->b.seal);
        assert_true(due > t->w.now);
        seal_world_pass(&t->w, due - t->w.now);
        gn_seal_timer(t->b.seal, t->w.now, t->w.wall);
        gn_seal_epoch_key(t->b.seal, epk);
        if (memcmp(epk, last, 32) != 0) {
            gn_time_us lived = t->w.now - began;
            shortest = lived < shortest ? lived : shortest;
            longest = lived > longest ? lived : longest;
            memcpy(last, epk, 32);
            began = t->w.now;
            epochs++;
        }
    }
    assert_in_range(shortest, GN_MINUTES(54), GN_MINUTES(57));
    assert_in_range(longest, GN_MINUTES(63), GN_MINUTES(66));
}

static void query_sealed_before_the_epoch_ended_is_answered(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event last;

    assert_int_equal(ask_long(t, &p, 1, GN_HOURS(1) * 4), GN_OK);
    rotate_epoch(t, &t->b);
    assert_int_equal(seal_talk(&t->w, &t->a, &t->b, &p, &last), 2);
    assert_int_equal(last.type, GN_SEAL_REPLY);
}

static void epoch_that_ends_while_the_answer_is_made_still_signs_it(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event query;
    struct gn_seal_event e;

    assert_int_equal(ask_long(t, &p, 1, GN_HOURS(10)), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, &query, &t->a.addr, &p), GN_SEAL_QUERY);
    assert_true(query.reply_key.want_record);
    rotate_epoch(t, &t->b);
    rotate_epoch(t, &t->b);
    assert_int_equal(seal_answer(&t->w, &t->b, &p, &query, "yes"), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_REPLY);
    rotate_epoch(t, &t->b);
    assert_int_equal(seal_answer(&t->w, &t->b, &p, &query, "yes"), GN_E_EXPIRED);
}

static void old_epoch_keys_are_gone_after_three_and_their_clients_with_them(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(ask_long(t, &p, 1, GN_HOURS(10)), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    for (unsigned i = 0; i < 2; i++) {
        rotate_epoch(t, &t->b);
        assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_QUERY);
    }
    rotate_epoch(t, &t->b);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_SEND);
    assert_int_equal(e.packet.data[0], GN_SEAL_T_REKEY);
}

static void old_epochs_are_wiped_after_a_long_sleep_even_without_rotations(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(ask_long(t, &p, 1, GN_HOURS(20)), GN_OK);
    seal_world_pass(&t->w, GN_HOURS(5));
    gn_seal_timer(t->b.seal, t->w.now, t->w.wall); /* one rotation, where five were due */
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_SEND);
}

static void late_answer_of_an_old_epoch_does_not_bring_it_back(void **state)
{
    struct pair *t = *state;
    struct seal_packet first;
    struct seal_packet p;
    struct gn_seal_event e;
    struct gn_contact a = seal_contact(&t->a);
    struct gn_contact old = seal_contact(&t->b);
    uint8_t tag[4];

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &old), 2);
    assert_int_equal(ask_long(t, &first, 2, GN_HOURS(2)), GN_OK);
    rotate_epoch(t, &t->b);
    /* b introduces itself with its new epoch, then the answer under the old one comes */
    struct gn_seal_request request = {.to = &a, .introduce = true, .expires_at = t->w.now + GN_SECONDS(1)};
    assert_int_equal(gn_seal_query(t->b.seal, p.bytes, &p.len, &request, t->w.now), GN_OK);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &p), GN_SEAL_QUERY);
    assert_true(e.has_self);
    assert_int_equal(seal_talk(&t->w, &t->a, &t->b, &first, &e), 2);
    assert_int_equal(e.type, GN_SEAL_REPLY);
    struct gn_contact b = seal_contact(&t->b);
    assert_memory_equal(e.from.epk, b.epk, 32);
    assert_int_equal(seal_ask(&t->w, &t->a, &p, 3, &old, "q"), GN_OK);
    gn_seal_keys_dst_tag(tag, b.epk);
    assert_memory_equal(p.bytes + GN_SEAL_Q_DST_TAG, tag, 4);
}

static void client_key_is_new_every_ten_minutes_and_late_answers_count_for_five_seconds(void **state)
{
    struct pair *t = *state;
    struct seal_packet before;
    struct seal_packet late[2];
    struct seal_packet after;
    struct gn_seal_event query;
    struct gn_seal_event e;

    t->w.now += GN_MINUTES(10) - GN_SECONDS(1);
    for (uint64_t i = 0; i < 2; i++) {
        assert_int_equal(ask_long(t, &before, i, GN_SECONDS(60)), GN_OK);
        assert_int_equal(seal_give(&t->w, &t->b, &query, &t->a.addr, &before), GN_SEAL_QUERY);
        assert_int_equal(seal_answer(&t->w, &t->b, &late[i], &query, "yes"), GN_OK);
    }
    assert_true(gn_seal_deadline(t->a.seal) <= t->w.now + GN_SECONDS(1));
    t->w.now += GN_SECONDS(1);
    gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    assert_int_equal(ask_long(t, &after, 9, GN_SECONDS(60)), GN_OK);
    assert_memory_not_equal(before.bytes + GN_SEAL_Q_CLIENT, after.bytes + GN_SEAL_Q_CLIENT, 32);
    t->w.now += GN_SECONDS(5) - 1;
    gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &late[0]), GN_SEAL_REPLY);
    assert_true(gn_seal_deadline(t->a.seal) == t->w.now + 1);
    t->w.now += 1;
    gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    assert_int_equal(seal_give(&t->w, &t->a, &e, &t->b.addr, &late[1]), GN_SEAL_NOTHING);
    /* the query of the new key lives on */
    assert_int_equal(seal_talk(&t->w, &t->a, &t->b, &after, &e), 2);
    assert_int_equal(e.type, GN_SEAL_REPLY);
}

static void query_in_flight_survives_a_new_client_key_by_retransmission(void **state)
{
    struct pair *t = *state;
    struct seal_packet first;
    struct seal_packet second;
    struct gn_seal_event last;

    assert_int_equal(ask_long(t, &first, 1, GN_SECONDS(60)), GN_OK);
    gn_seal_network_changed(t->a.seal, t->w.now);
    assert_int_equal(ask_long(t, &second, 1, GN_SECONDS(60)), GN_OK);
    assert_memory_not_equal(first.bytes + GN_SEAL_Q_CLIENT, second.bytes + GN_SEAL_Q_CLIENT, 32);
    t->w.now += GN_SECONDS(6);
    gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    assert_int_equal(seal_talk(&t->w, &t->a, &t->b, &second, &last), 2);
    assert_int_equal(last.type, GN_SEAL_REPLY);
}

static void known_peer_is_keyed_again_after_a_new_client_key(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    gn_seal_network_changed(t->a.seal, t->w.now);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 2);
    assert_int_equal(gn_seal_counters(t->a.seal)->dh_done, 2);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 3, &b), 2);
    assert_int_equal(gn_seal_counters(t->a.seal)->dh_done, 2);
}

static void client_key_is_new_after_a_million_packets(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct gn_seal_context context = {.alloc = gn_alloc_default()};
    struct gn_seal_initiator i;
    struct seal_packet p;
    struct gn_seal_request request = {.to = &b, .expires_at = t->w.now + 1};

    gn_rng_init_test(&context.rng, 1, 1);
    gn_seal_keys_net(&context.net, t->w.net_id);
    gn_seal_initiator_init(&i, &context, 16, 16, t->w.now);
    uint8_t first[32];
    memcpy(first, i.client.pk, 32);
    i.packets = GN_SEAL_CLIENT_KEY_PACKETS - 1U;
    assert_int_equal(gn_seal_initiator_query(&i, p.bytes, &p.len, &request, t->w.now), GN_OK);
    assert_memory_equal(p.bytes + GN_SEAL_Q_CLIENT, first, 32);
    assert_int_equal(gn_seal_initiator_query(&i, p.bytes, &p.len, &request, t->w.now), GN_OK);
    assert_memory_not_equal(p.bytes + GN_SEAL_Q_CLIENT, first, 32);
    assert_int_equal(i.packets, 1);
    gn_seal_initiator_fini(&i);
}

static void wall_clock_a_day_wrong_isolates_and_its_correction_heals(void **state)
{
    struct pair *t = *state;
    static const int64_t jumps[] = {172800, -172800};

    for (unsigned i = 0; i < 2; i++) {
        struct gn_contact b = seal_contact(&t->b);
        assert_true(seal_exchange(&t->w, &t->a, &t->b, 1, &b) > 0);
        /* b's clock jumps, b begins an epoch with a number that a refuses */
        gn_seal_timer(t->b.seal, t->w.now, t->w.wall + (gn_wall_s)jumps[i]);
        struct gn_contact wrong = seal_contact(&t->b);
        assert_memory_not_equal(wrong.epk, b.epk, 32);
        /* who knows b's last epoch goes on */
        assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 2, &b), 2);
        /* who meets it now cannot */
        seal_node_fini(&t->a);
        seal_node_start(&t->a, &t->w);
        assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 3, &wrong), 0);
        gn_seal_cancel(t->a.seal, 3);
        /* until the clock is right again */
        seal_world_pass(&t->w, GN_MINUTES(1));
        gn_seal_timer(t->b.seal, t->w.now, t->w.wall);
        struct gn_contact right = seal_contact(&t->b);
        assert_memory_not_equal(wrong.epk, right.epk, 32);
        assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 4, &right), 2);
    }
}

static void small_steps_of_the_wall_clock_change_nothing(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    uint8_t epk[32];

    gn_seal_timer(t->b.seal, t->w.now, t->w.wall + 1700);
    gn_seal_timer(t->b.seal, t->w.now, t->w.wall);
    gn_seal_epoch_key(t->b.seal, epk);
    assert_memory_equal(epk, b.epk, 32);
}

static void numbers_of_epochs_grow_though_the_clock_goes_back(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact_old(&t->b);
    gn_wall_s wall = t->w.wall;

    /* Sixty epochs with a clock that is set back all the time: whoever has seen one takes the next. */
    for (unsigned i = 0; i < 20; i++) {
        assert_true(seal_exchange(&t->w, &t->a, &t->b, i, &b) > 0);
        for (unsigned k = 0; k < 3; k++) {
            t->w.now += GN_MINUTES(66);
            wall -= 20;
            gn_seal_timer(t->b.seal, t->w.now, wall);
        }
        t->w.wall = wall;
    }
    assert_int_equal(gn_seal_counters(t->a.seal)->rekeys_taken, 20);
}

static void monotonic_clock_that_jumps_forward_a_day_is_survived(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 1, &b), 2);
    assert_int_equal(ask_long(t, &p, 2, GN_SECONDS(5)), GN_OK);
    seal_world_pass(&t->w, GN_HOURS(24));
    gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    gn_seal_timer(t->b.seal, t->w.now, t->w.wall);
    assert_int_equal(seal_give(&t->w, &t->b, &e, &t->a.addr, &p), GN_SEAL_SEND);
    assert_true(gn_seal_deadline(t->a.seal) > t->w.now);
    assert_true(gn_seal_deadline(t->b.seal) > t->w.now);
    assert_int_equal(seal_exchange(&t->w, &t->a, &t->b, 3, &b), 4);
}

static void monotonic_clock_that_goes_back_does_no_harm(void **state)
{
    struct pair *t = *state;
    struct gn_contact b = seal_contact(&t->b);

    t->w.now = GN_HOURS(48);
    gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    gn_seal_timer(t->b.seal, t->w.now, t->w.wall);
    assert_true(seal_exchange(&t->w, &t->a, &t->b, 1, &b) > 0);
    t->w.now = GN_HOURS(24);
    gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    gn_seal_timer(t->b.seal, t->w.now, t->w.wall);
    assert_true(seal_exchange(&t->w, &t->a, &t->b, 2, &b) > 0);
    t->w.now = 0;
    assert_true(seal_exchange(&t->w, &t->a, &t->b, 3, &b) > 0);
}

static void deadline_always_moves_on(void **state)
{
    struct pair *t = *state;
    struct seal_packet p;

    for (unsigned i = 0; i < 2000; i++) {
        if (i % 3 == 0) {
            assert_int_equal(ask_long(t, &p, i, GN_SECONDS(1 + i % 7)), GN_OK);
        }
        gn_time_us due = gn_seal_deadline(t->a.seal);
        assert_true(due > t->w.now);
        seal_world_pass(&t->w, due - t->w.now);
        gn_seal_timer(t->a.seal, t->w.now, t->w.wall);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(epoch_lasts_an_hour_give_or_take_a_tenth),
        T(query_sealed_before_the_epoch_ended_is_answered),
        T(epoch_that_ends_while_the_answer_is_made_still_signs_it),
        T(old_epoch_keys_are_gone_after_three_and_their_clients_with_them),
        T(old_epochs_are_wiped_after_a_long_sleep_even_without_rotations),
        T(late_answer_of_an_old_epoch_does_not_bring_it_back),
        T(client_key_is_new_every_ten_minutes_and_late_answers_count_for_five_seconds),
        T(query_in_flight_survives_a_new_client_key_by_retransmission),
        T(known_peer_is_keyed_again_after_a_new_client_key),
        T(client_key_is_new_after_a_million_packets),
        T(wall_clock_a_day_wrong_isolates_and_its_correction_heals),
        T(small_steps_of_the_wall_clock_change_nothing),
        T(numbers_of_epochs_grow_though_the_clock_goes_back),
        T(monotonic_clock_that_jumps_forward_a_day_is_survived),
        T(monotonic_clock_that_goes_back_does_no_harm),
        T(deadline_always_moves_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
