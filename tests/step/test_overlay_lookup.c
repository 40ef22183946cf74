/* tests/step/test_overlay_lookup.c - whom an overlay asks, in which order, and what it makes of odd answers: its
 * peers, disk and clock are played by the test.
 */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "tests/support/step_script.h"

static void six_queries_at_once_to_the_nearest_first(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = script_peer(9).id};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 20);
    script_command(&s, &c);
    assert_int_equal(script_open_len(&s), 6);
    assert_true(gn_id_eq(&s.sent[0].to.id, &c.target));
    for (unsigned i = 1; i < 6; i++) {
        assert_true(gn_id_closer(&c.target, &s.sent[i - 1].to.id, &s.sent[i].to.id) < 0);
    }
    for (unsigned n = 7; n <= 16; n++) { /* an answer frees a place */
        struct gn_msg_reply r = {.status = GN_MSG_OK};

        script_answer(&s, &s.sent[n - 7], &r);
        assert_int_equal(s.sent_len, n);
        assert_int_equal(script_open_len(&s), 6);
    }
    assert_false(s.done);
    script_answer_all(&s);
    assert_true(s.done);
    assert_int_equal(s.sent_len, 16); /* sixteen have answered: nobody else is asked */
    assert_int_equal(s.end.closest_len, 16);
    script_end(&s);
}

static void background_lookup_takes_three_places_and_a_fast_one_ten(void **state)
{
    (void)state;
    for (unsigned fast = 0; fast < 2; fast++) {
        struct script s;
        struct gn_command c = {.type = GN_CMD_FIND, .target = script_peer(9).id};

        c.flags = fast ? GN_CMDF_FAST : GN_CMDF_BACKGROUND;
        script_begin(&s, GN_MODE_CLIENT);
        script_meet(&s, 20);
        script_command(&s, &c);
        assert_int_equal(script_open_len(&s), fast ? 10 : 3);
        script_end(&s);
    }
}

static void slow_peer_frees_its_place_and_three_are_asked_again(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = script_peer(9).id, .flags = GN_CMDF_EXPLAIN};
    unsigned again = 0;

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 20);
    script_command(&s, &c);
    for (unsigned i = 0; i < 50 && s.hops[GN_HOP_SLOW] < 6; i++) {
        script_wait_us(&s, GN_MS(20));
    }
    assert_true(s.hops[GN_HOP_SLOW] >= 6);
    for (size_t i = 0; i < s.sent_len; i++) {
        for (size_t j = 0; j < i; j++) {
            again += s.sent[i].txid == s.sent[j].txid;
        }
    }
    assert_int_equal(again, 3);
    assert_true(s.sent_len >= 6 + 6 + 3);
    script_answer_all(&s);
    assert_true(s.hops[GN_HOP_LATE] > 0);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    script_end(&s);
}

static void lookup_frontier_takes_two_of_a_network(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = {{0xff, 0xff}}};
    struct gn_msg_reply r = {.status = GN_MSG_OK};
    unsigned crowd = 0;

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 3);
    script_command(&s, &c);
    for (unsigned i = 0; i < 16; i++) { /* all in one /24, all nearer than anybody else */
        struct gn_contact *x = &r.contacts[r.contacts_len++];

        *x = script_peer(1);
        x->id.b[0] = 0xff;
        x->id.b[1] = (uint8_t)i;
        memcpy(x->addr.ip, (uint8_t[]){99, 1, 2, (uint8_t)i}, 4);
    }
    script_answer(&s, &s.sent[0], &r);
    script_answer_all(&s);
    for (size_t i = 0; i < s.sent_len; i++) {
        crowd += s.sent[i].to.addr.ip[0] == 99;
    }
    assert_int_equal(crowd, 2);
    assert_true(s.done);
    assert_int_equal(s.end.closest_len, 5);
    /* The two nearest of the crowd, not the first two named. */
    assert_int_equal(s.end.closest[0].id.b[1], 15);
    assert_int_equal(s.end.closest[1].id.b[1], 14);
    script_end(&s);
}

static void useless_contacts_are_never_asked(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = {{0xff}}};
    struct gn_msg_reply r = {.status = GN_MSG_OK};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 2);
    script_command(&s, &c);
    size_t before = s.sent_len;
    for (unsigned i = 0; i < 6; i++) {
        r.contacts[i] = script_peer(100 + i);
    }
    r.contacts_len = 6;
    r.contacts[0].id = s.self;
    memset(&r.contacts[1].id, 0, sizeof r.contacts[1].id);
    memcpy(r.contacts[2].addr.ip, (uint8_t[]){192, 168, 1, 1}, 4);
    memcpy(r.contacts[3].addr.ip, (uint8_t[]){224, 0, 0, 1}, 4);
    r.contacts[4].addr.port = 0;
    memcpy(r.contacts[5].addr.ip, (uint8_t[]){127, 0, 0, 1}, 4);
    script_answer(&s, &s.sent[0], &r);
    script_answer_all(&s);
    assert_true(s.done);
    assert_int_equal(s.sent_len, before);
    script_end(&s);
}

static void only_the_asked_peer_may_answer(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = script_peer(2).id};
    struct gn_msg_reply r = {.status = GN_MSG_OK};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 4);
    script_command(&s, &c);
    uint64_t unknown = gn_overlay_counters(s.o)->replies_unknown;
    assert_int_equal(script_answer_as(&s, &s.sent[0], script_peer(66), &r), GN_E_NOT_FOUND);
    assert_int_equal(gn_overlay_counters(s.o)->replies_unknown, unknown + 1);
    s.sent[0].open = true;
    struct gn_msg_reply again = {.status = GN_MSG_OK};
    script_answer(&s, &s.sent[0], &again);
    assert_int_equal(script_answer_as(&s, &s.sent[0], s.sent[0].to, &again), GN_E_NOT_FOUND); /* once */
    script_end(&s);
}

static void first_valid_copy_ends_a_get_and_a_false_one_does_not(void **state)
{
    struct script s;
    uint8_t good[256], bad[256];
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_IMMUTABLE, .flags = GN_CMDF_EXPLAIN};
    struct gn_id other;
    struct gn_msg_reply r = {.status = GN_MSG_OK, .values_len = 1};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 20);
    struct gn_slice right = script_record(&s, good, GN_RECORD_IMMUTABLE, 0, "right", &c.target);
    struct gn_slice wrong = script_record(&s, bad, GN_RECORD_IMMUTABLE, 0, "wrong", &other);
    script_command(&s, &c);
    assert_int_equal(s.sent_len, 0); /* our own store comes first */
    script_store_answer(&s, GN_E_NOT_FOUND, NULL);
    assert_int_equal(script_open_len(&s), 6);
    r.values[0] = wrong;
    script_answer(&s, &s.sent[0], &r);
    assert_int_equal(s.hops[GN_HOP_LIED], 1);
    assert_int_equal(s.records, 0);
    r.values[0] = right;
    script_answer(&s, &s.sent[1], &r);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.records, 1);
    assert_memory_equal(s.record, right.data, right.len);
    script_end(&s);
}

static void get_among_near_nodes_begins_with_three(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_IMMUTABLE, .target = script_peer(9).id};
    struct gn_msg_reply r = {.status = GN_MSG_NOT_FOUND};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet_within(&s, 20, 100);
    script_command(&s, &c);
    script_store_answer(&s, GN_E_NOT_FOUND, NULL);
    assert_int_equal(script_open_len(&s), 3);
    script_answer(&s, &s.sent[0], &r); /* not there: then six at once */
    assert_int_equal(script_open_len(&s), 6);
    script_end(&s);
}

static void refusals_are_seen_in_the_trace(void **state)
{
    static const uint8_t says[4] = {GN_MSG_BUSY, GN_MSG_REFUSED, GN_MSG_UNSUPPORTED, 99};
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = script_peer(2).id, .flags = GN_CMDF_EXPLAIN};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 4);
    script_command(&s, &c);
    for (unsigned i = 0; i < 4; i++) {
        struct gn_msg_reply r = {.status = says[i]};

        script_answer(&s, &s.sent[i], &r);
    }
    assert_int_equal(s.hops[GN_HOP_ASKED], 4);
    assert_int_equal(s.hops[GN_HOP_REFUSED], 4);
    assert_true(s.done);
    script_end(&s);
}

static void own_copy_of_an_immutable_record_needs_no_network(void **state)
{
    struct script s;
    uint8_t bytes[256];
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_IMMUTABLE};
    struct gn_store_entry entry = {.kind = GN_RECORD_IMMUTABLE, .expires_at = 1800000000};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 5);
    entry.record = script_record(&s, bytes, GN_RECORD_IMMUTABLE, 0, "mine", &c.target);
    script_command(&s, &c);
    script_store_answer(&s, GN_OK, &entry);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.sent_len, 0);
    script_end(&s);
}

static void slow_store_is_not_waited_for(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_MUTABLE, .target = {{5}}};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 5);
    script_command(&s, &c);
    script_wait_us(&s, GN_MS(60));
    assert_true(s.sent_len > 0);
    script_store_answer(&s, GN_E_NOT_FOUND, NULL); /* too late, and harmless */
    struct gn_msg_reply r = {.status = GN_MSG_NOT_FOUND};
    for (size_t i = 0; i < s.sent_len; i++) {
        if (s.sent[i].open) {
            script_answer(&s, &s.sent[i], &r);
        }
    }
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_E_NOT_FOUND);
    script_end(&s);
}

static void best_of_three_wins_and_the_others_are_repaired(void **state)
{
    struct script s;
    uint8_t a[256], b[256];
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_MUTABLE};
    struct gn_msg_reply r = {.status = GN_MSG_OK, .values_len = 1, .has_token = true};
    struct gn_msg_reply none = {.status = GN_MSG_NOT_FOUND, .has_token = true};
    unsigned puts = 0;

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 20);
    struct gn_slice older = script_record(&s, a, GN_RECORD_MUTABLE, 4, "older", &c.target);
    struct gn_slice newer = script_record(&s, b, GN_RECORD_MUTABLE, 5, "newer", &c.target);
    script_command(&s, &c);
    script_store_answer(&s, GN_E_NOT_FOUND, NULL);
    assert_true((s.sent[0].q.flags & GN_MSG_WANT_TOKEN) != 0);
    r.values[0] = older;
    script_answer(&s, &s.sent[0], &r);
    r.values[0] = newer;
    script_answer(&s, &s.sent[1], &r);
    assert_false(s.done);
    r.values[0] = older;
    script_answer(&s, &s.sent[2], &r);
    assert_true(s.done); /* three distinct nodes have spoken */
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.records, 2);
    assert_memory_equal(s.record, newer.data, newer.len);
    /* Behind: the answers that are still on their way are awaited, then whoever holds less gets the newest. */
    size_t asked = s.sent_len;
    for (size_t i = 3; i < asked; i++) {
        script_answer(&s, &s.sent[i], &none);
    }
    for (size_t i = asked; i < s.sent_len; i++) {
        assert_int_equal(s.sent[i].q.method, GN_MSG_PUT);
        assert_false(gn_id_eq(&s.sent[i].to.id, &s.sent[1].to.id));
        puts++;
    }
    assert_int_equal(puts, asked - 1);
    script_answer_all(&s);
    assert_int_equal(gn_overlay_ops_len(s.o), 0);
    script_end(&s);
}

static void value_too_big_for_a_datagram_is_fetched_on_a_stream(void **state)
{
    struct script s;
    uint8_t bytes[256];
    struct gn_command c = {.type = GN_CMD_GET, .kind = GN_RECORD_IMMUTABLE};
    struct gn_msg_reply big = {.status = GN_MSG_TOO_BIG};
    struct gn_msg_reply r = {.status = GN_MSG_OK, .values_len = 1};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 8);
    r.values[0] = script_record(&s, bytes, GN_RECORD_IMMUTABLE, 0, "big", &c.target);
    script_command(&s, &c);
    script_store_answer(&s, GN_E_NOT_FOUND, NULL);
    script_answer(&s, &s.sent[0], &big);
    struct script_sent *again = &s.sent[s.sent_len - 1];
    assert_int_equal(again->via, GN_VIA_STREAM);
    assert_true(gn_id_eq(&again->to.id, &s.sent[0].to.id));
    script_answer(&s, again, &r);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    script_end(&s);
}

/* A PUT of a small record up to the writes: sixteen at most, none answered yet. Gives the first one's place. */
static void unknown_inputs_and_broken_snapshots_change_nothing(void **state)
{
    struct script s;
    struct gn_input odd = {.type = (enum gn_input_type)77};
    struct gn_input table = {.type = GN_IN_TABLE};
    struct gn_input cancel = {.type = GN_IN_CANCEL};
    struct gn_input store = {.type = GN_IN_STORE};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    assert_int_equal(script_step(&s, &odd), GN_E_INVALID);
    table.u.table = gn_slice_str("not a table");
    assert_int_equal(script_step(&s, &table), GN_E_MALFORMED);
    cancel.u.cancel = 3;
    assert_int_equal(script_step(&s, &cancel), GN_E_NOT_FOUND);
    store.u.store.req = 12345;
    assert_int_equal(script_step(&s, &store), GN_OK);
    assert_int_equal(gn_overlay_peers_len(s.o), 0);
    script_end(&s);
}

static void reply_that_cannot_be_read_counts_against_its_sender(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = script_peer(2).id, .flags = GN_CMDF_EXPLAIN};
    struct gn_input in = {.type = GN_IN_REPLY};
    struct gn_peer_info peers[8];

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 4);
    script_command(&s, &c);
    in.u.reply.txid = s.sent[0].txid;
    in.u.reply.from = s.sent[0].to;
    in.u.reply.body = gn_slice_str("garbage");
    s.sent[0].open = false;
    assert_int_equal(script_step(&s, &in), GN_E_MALFORMED);
    assert_int_equal(s.hops[GN_HOP_LIED], 1);
    assert_int_equal(gn_overlay_peers(s.o, peers, 8), 4);
    unsigned doubted = 0;
    for (unsigned i = 0; i < 4; i++) {
        doubted += peers[i].misses == 1 && !peers[i].live && gn_id_eq(&peers[i].contact.id, &s.sent[0].to.id);
    }
    assert_int_equal(doubted, 1);
    script_answer_all(&s);
    assert_true(s.done);
    assert_int_equal(s.end.closest_len, 3);
    script_end(&s);
}

static void clock_that_jumps_back_keeps_timeouts_their_length(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_FIND, .target = script_peer(2).id};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    script_meet(&s, 4);
    script_command(&s, &c);
    s.now -= GN_SECONDS(20);
    struct gn_input in = {.type = GN_IN_TIMER};
    assert_int_equal(script_step(&s, &in), GN_OK);
    assert_true(gn_overlay_deadline(s.o) < s.now + GN_SECONDS(2));
    script_wait_us(&s, GN_SECONDS(3));
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_E_TIMEOUT);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_queries_at_once_to_the_nearest_first),
        cmocka_unit_test(background_lookup_takes_three_places_and_a_fast_one_ten),
        cmocka_unit_test(slow_peer_frees_its_place_and_three_are_asked_again),
        cmocka_unit_test(lookup_frontier_takes_two_of_a_network),
        cmocka_unit_test(useless_contacts_are_never_asked),
        cmocka_unit_test(only_the_asked_peer_may_answer),
        cmocka_unit_test(first_valid_copy_ends_a_get_and_a_false_one_does_not),
        cmocka_unit_test(get_among_near_nodes_begins_with_three),
        cmocka_unit_test(refusals_are_seen_in_the_trace),
        cmocka_unit_test(own_copy_of_an_immutable_record_needs_no_network),
        cmocka_unit_test(slow_store_is_not_waited_for),
        cmocka_unit_test(best_of_three_wins_and_the_others_are_repaired),
        cmocka_unit_test(value_too_big_for_a_datagram_is_fetched_on_a_stream),
        cmocka_unit_test(unknown_inputs_and_broken_snapshots_change_nothing),
        cmocka_unit_test(reply_that_cannot_be_read_counts_against_its_sender),
        cmocka_unit_test(clock_that_jumps_back_keeps_timeouts_their_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
