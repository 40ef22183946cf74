/* tests/step/test_overlay_put.c - what an overlay makes of the answers to its writes: its peers, disk and clock are
 * played by the test.
 */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "tests/support/step_script.h"

static size_t put_until_writes(struct script *s, unsigned peers, uint32_t flags)
{
    static uint8_t bytes[256];
    struct gn_command c = {.type = GN_CMD_PUT, .flags = flags, .cas_seq = 4};
    struct gn_id target;
    size_t i = 0;

    script_meet(s, peers);
    c.record = script_record(s, bytes, GN_RECORD_MUTABLE, 5, "v", &target);
    script_command(s, &c);
    for (; i < s->sent_len && s->sent[i].q.method == GN_MSG_FIND_NODE; i++) {
        struct gn_msg_reply r = {.status = GN_MSG_OK, .has_token = true};

        assert_true((s->sent[i].q.flags & GN_MSG_WANT_TOKEN) != 0);
        r.token[0] = s->sent[i].to.id.b[1];
        script_answer(s, &s->sent[i], &r);
    }
    assert_int_equal(s->sent_len - i, peers < 16 ? peers : 16);
    for (size_t j = i; j < s->sent_len; j++) {
        assert_int_equal(s->sent[j].q.method, GN_MSG_PUT);
        assert_int_equal(s->sent[j].q.token[0], s->sent[j].to.id.b[1]); /* each its own token */
        assert_int_equal(s->sent[j].q.has_cas, (flags & GN_CMDF_CAS) != 0);
    }
    return i;
}

static void put_counts_what_each_node_says(void **state)
{
    struct script s;
    static const uint8_t says[6] = {GN_MSG_OK, GN_MSG_OK, GN_MSG_STALE, GN_MSG_QUOTA, GN_MSG_REFUSED, GN_MSG_BUSY};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 6, 0);
    for (unsigned i = 0; i < 6; i++) {
        struct gn_msg_reply r = {.status = says[i]};

        assert_false(s.done);
        script_answer(&s, &s.sent[first + i], &r);
    }
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.end.stored, 2);
    assert_int_equal(s.stored, 2);
    assert_int_equal(s.end.conflicts, 1);
    script_end(&s);
}

static void put_that_nobody_takes_says_why(void **state)
{
    struct script s;

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 4, 0);
    for (unsigned i = 0; i < 4; i++) {
        struct gn_msg_reply r = {.status = GN_MSG_QUOTA};

        script_answer(&s, &s.sent[first + i], &r);
    }
    assert_int_equal(s.end.err, GN_E_QUOTA);
    script_end(&s);
}

static void lost_race_of_compare_and_set_is_a_conflict(void **state)
{
    struct script s;

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 4, GN_CMDF_CAS);
    for (unsigned i = 0; i < 4; i++) {
        struct gn_msg_reply r = {.status = i < 2 ? GN_MSG_CONFLICT : GN_MSG_OK};

        script_answer(&s, &s.sent[first + i], &r);
    }
    assert_int_equal(s.end.err, GN_E_CONFLICT); /* half of them said no */
    assert_int_equal(s.end.stored, 2);
    assert_int_equal(s.end.conflicts, 2);
    script_end(&s);
}

static void stale_token_is_renewed_once(void **state)
{
    struct script s;
    struct gn_msg_reply bad = {.status = GN_MSG_BAD_TOKEN};
    struct gn_msg_reply fresh = {.status = GN_MSG_OK, .has_token = true, .token = {0xaa}};
    struct gn_msg_reply ok = {.status = GN_MSG_OK};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 2, 0);
    script_answer(&s, &s.sent[first], &bad);
    size_t ask = s.sent_len - 1;
    assert_int_equal(s.sent[ask].q.method, GN_MSG_FIND_NODE);
    script_answer(&s, &s.sent[ask], &fresh);
    size_t put = s.sent_len - 1;
    assert_int_equal(s.sent[put].q.method, GN_MSG_PUT);
    assert_int_equal(s.sent[put].q.token[0], 0xaa);
    script_answer(&s, &s.sent[put], &bad); /* no third time */
    script_answer(&s, &s.sent[first + 1], &ok);
    assert_true(s.done);
    assert_int_equal(s.end.stored, 1);
    script_end(&s);
}

static void write_too_long_for_the_path_goes_by_stream(void **state)
{
    struct script s;
    struct gn_msg_reply token = {.status = GN_MSG_OK, .has_token = true, .token = {0xbb}};
    struct gn_msg_reply none = {.status = GN_MSG_OK};
    struct gn_msg_reply ok = {.status = GN_MSG_OK};
    struct gn_msg_reply big = {.status = GN_MSG_TOO_BIG};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 3, 0);
    script_give_up(&s, &s.sent[first], GN_E_LIMIT);
    size_t ask = s.sent_len - 1;
    assert_int_equal(s.sent[ask].via, GN_VIA_STREAM);
    assert_int_equal(s.sent[ask].q.method, GN_MSG_FIND_NODE); /* tokens are bound to their path */
    assert_true((s.sent[ask].q.flags & GN_MSG_NO_CONTACTS) != 0);
    script_answer(&s, &s.sent[ask], &token);
    size_t put = s.sent_len - 1;
    assert_int_equal(s.sent[put].via, GN_VIA_STREAM);
    assert_int_equal(s.sent[put].q.token[0], 0xbb);
    script_answer(&s, &s.sent[put], &ok);
    script_answer(&s, &s.sent[first + 1], &big); /* the other end may also say so */
    ask = s.sent_len - 1;
    assert_int_equal(s.sent[ask].via, GN_VIA_STREAM);
    script_answer(&s, &s.sent[ask], &none); /* no token, no write */
    assert_false(s.done);
    script_give_up(&s, &s.sent[first + 2], GN_E_UNREACHABLE);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_OK);
    assert_int_equal(s.end.stored, 1);
    script_end(&s);
}

static void silent_writes_are_sent_twice_and_then_given_up(void **state)
{
    struct script s;

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    size_t first = put_until_writes(&s, 3, 0);
    script_wait_us(&s, GN_SECONDS(2));
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_E_TIMEOUT);
    for (unsigned i = 0; i < 3; i++) {
        unsigned copies = 0;

        for (size_t j = first; j < s.sent_len; j++) {
            copies += s.sent[j].txid == s.sent[first + i].txid;
        }
        assert_int_equal(copies, 2);
    }
    script_end(&s);
}

static void server_among_the_closest_keeps_the_record_unless_it_holds_a_newer_one(void **state)
{
    uint8_t newer[256];
    struct gn_msg_reply ok = {.status = GN_MSG_OK};

    (void)state;
    for (unsigned held = 0; held < 2; held++) {
        struct script s;
        struct gn_store_entry entry = {.kind = GN_RECORD_MUTABLE};
        struct gn_id target;

        script_begin(&s, GN_MODE_SERVER);
        size_t first = put_until_writes(&s, 3, 0);
        assert_int_equal(s.stores[s.stores_len - 1].op, GN_STORE_GET);
        entry.record = script_record(&s, newer, GN_RECORD_MUTABLE, held ? 9 : 1, "w", &target);
        script_store_answer(&s, GN_OK, &entry);
        if (!held) {
            assert_int_equal(s.stores[s.stores_len - 1].op, GN_STORE_PUT);
            assert_int_equal(s.stores[s.stores_len - 1].entry.seq, 5);
            assert_int_equal(s.stored, 0); /* not before it is written */
            script_store_answer(&s, GN_OK, NULL);
            assert_int_equal(s.stored, 1);
        }
        for (unsigned i = 0; i < 3; i++) {
            script_answer(&s, &s.sent[first + i], &ok);
        }
        assert_true(s.done);
        assert_int_equal(s.end.stored, held ? 3 : 4);
        assert_int_equal(s.end.conflicts, held ? 1 : 0);
        script_end(&s);
    }
}

/* KEEP says that we publish it from now on: that must outlive a crash, however many others have it. */
static void kept_put_ends_only_when_our_own_disk_has_it(void **state)
{
    struct gn_msg_reply ok = {.status = GN_MSG_OK};

    (void)state;
    for (unsigned mode = 0; mode < 2; mode++) {
        for (unsigned full = 0; full < 2; full++) {
            struct script s;

            script_begin(&s, mode ? GN_MODE_SERVER : GN_MODE_CLIENT);
            size_t first = put_until_writes(&s, 3, GN_CMDF_KEEP);
            assert_int_equal(s.stores[s.stores_len - 1].op, GN_STORE_PUT);
            assert_true(s.stores[s.stores_len - 1].entry.owned);
            for (unsigned i = 0; i < 3; i++) {
                script_answer(&s, &s.sent[first + i], &ok);
            }
            assert_int_equal(s.stored, 3);
            assert_false(s.done);
            script_store_answer(&s, full ? GN_E_NO_SPACE : GN_OK, NULL);
            assert_true(s.done);
            assert_int_equal(s.end.err, full ? GN_E_NO_SPACE : GN_OK);
            assert_int_equal(s.end.stored, mode && !full ? 4 : 3); /* a client is nobody's replica */
            script_end(&s);
        }
    }
}

static void compare_and_set_is_kept_after_the_others_took_it(void **state)
{
    struct gn_msg_reply ok = {.status = GN_MSG_OK};

    (void)state;
    for (unsigned full = 0; full < 2; full++) {
        struct script s;

        script_begin(&s, GN_MODE_CLIENT);
        size_t first = put_until_writes(&s, 3, GN_CMDF_KEEP | GN_CMDF_CAS);
        size_t stores = s.stores_len;
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(s.stores_len, stores);
            script_answer(&s, &s.sent[first + i], &ok);
        }
        assert_int_equal(s.stores_len, stores + 1);
        assert_false(s.done);
        script_store_answer(&s, full ? GN_E_IO : GN_OK, NULL);
        assert_true(s.done);
        assert_int_equal(s.end.err, full ? GN_E_IO : GN_OK);
        script_end(&s);
    }
}

static void commands_without_peers_end_at_once(void **state)
{
    static const enum gn_command_type types[] = {GN_CMD_FIND, GN_CMD_PUT, GN_CMD_PROVIDE};
    uint8_t bytes[256];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct script s;
        struct gn_command c = {.type = types[i]};
        struct gn_id target;

        script_begin(&s, GN_MODE_CLIENT);
        c.record = script_record(&s, bytes, GN_RECORD_MUTABLE, 5, "v", &target);
        script_command(&s, &c);
        assert_true(s.done);
        assert_int_equal(s.end.err, GN_E_UNREACHABLE);
        script_end(&s);
    }
}

static void announcing_needs_an_address(void **state)
{
    struct script s;
    struct gn_command c = {.type = GN_CMD_PROVIDE, .target = {{1}}};
    struct gn_input in = {.type = GN_IN_SELF};

    (void)state;
    script_begin(&s, GN_MODE_CLIENT);
    in.u.self.contact.id = s.self;
    assert_int_equal(script_step(&s, &in), GN_OK); /* no address any more */
    script_command(&s, &c);
    assert_true(s.done);
    assert_int_equal(s.end.err, GN_E_AGAIN);
    in.u.self.contact.id.b[0] ^= 1U; /* that is not us */
    assert_int_equal(script_step(&s, &in), GN_E_INVALID);
    script_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_counts_what_each_node_says),
        cmocka_unit_test(put_that_nobody_takes_says_why),
        cmocka_unit_test(lost_race_of_compare_and_set_is_a_conflict),
        cmocka_unit_test(stale_token_is_renewed_once),
        cmocka_unit_test(write_too_long_for_the_path_goes_by_stream),
        cmocka_unit_test(silent_writes_are_sent_twice_and_then_given_up),
        cmocka_unit_test(server_among_the_closest_keeps_the_record_unless_it_holds_a_newer_one),
        cmocka_unit_test(kept_put_ends_only_when_our_own_disk_has_it),
        cmocka_unit_test(compare_and_set_is_kept_after_the_others_took_it),
        cmocka_unit_test(commands_without_peers_end_at_once),
        cmocka_unit_test(announcing_needs_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
