/* tests/step/test_swarm_values.c - values are stored, found, replaced, repaired, and outlive many of their holders. */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "overlay/msg/record.h"
#include "tests/support/step_net.h"

static uint8_t bytes[GN_RECORD_BYTES_MAX];

static struct step_net *swarm_of(struct step_net_config config)
{
    struct step_net *n = step_net_new(&config);

    step_net_join_all(n, GN_MS(20));
    step_net_run(n, GN_SECONDS(90)); /* the lookups of our own ids are behind us */
    return n;
}

static struct step_net *swarm(unsigned nodes, uint64_t seed)
{
    return swarm_of((struct step_net_config){.seed = seed, .nodes = nodes});
}

static struct step_net_op *finish(struct step_net *n, struct step_net_op *op)
{
    assert_true(step_net_finish(n, op, GN_SECONDS(30)));
    return op;
}

static struct step_net_op *put(struct step_net *n, unsigned node, size_t len, struct gn_command *c)
{
    c->type = GN_CMD_PUT;
    c->record = gn_slice_of(bytes, len);
    return finish(n, step_net_command(n, node, c));
}

static struct gn_id put_text(struct step_net *n, unsigned node, const char *text, struct step_net_op **op)
{
    struct gn_command c = {.flags = 0};
    size_t len = step_net_record(n, node, bytes, 0, text, 7200);
    struct gn_id target;
    struct gn_slice value = gn_slice_str(text);
    struct gn_record r = {.kind = GN_RECORD_IMMUTABLE, .value = value};

    *op = put(n, node, len, &c);
    struct gn_crypto crypto;
    step_net_crypto(n, node, &crypto);
    gn_record_set_target(&r, &crypto);
    target = r.target;
    return target;
}

static struct step_net_op *get(struct step_net *n, unsigned node, uint8_t kind, const struct gn_id *target)
{
    struct gn_command c = {.type = GN_CMD_GET, .kind = kind, .target = *target};

    return finish(n, step_net_command(n, node, &c));
}

static void assert_value(struct step_net *n, const struct step_net_op *op, const char *text)
{
    struct gn_record r;
    struct gn_crypto crypto;

    step_net_crypto(n, op->node, &crypto);
    assert_int_equal(op->err, GN_OK);
    assert_non_null(op->record);
    assert_int_equal(gn_record_decode(&r, gn_slice_of(op->record, op->record_len), &crypto), GN_OK);
    assert_int_equal(r.value.len, strlen(text));
    assert_memory_equal(r.value.data, text, r.value.len);
}

static void value_is_found_from_every_node_with_few_queries(void **state)
{
    struct step_net *n = swarm(256, 3);
    struct step_net_op *op;
    unsigned queries = 0;
    unsigned worst = 0;
    unsigned asked = 0;

    (void)state;
    struct gn_id target = put_text(n, 5, "a value", &op);
    assert_int_equal(op->err, GN_OK);
    assert_in_range(op->stored, 16, 17);
    assert_int_equal(op->stored_events, op->stored);
    for (unsigned i = 0; i < 256; i++) {
        op = get(n, i, GN_RECORD_IMMUTABLE, &target);
        assert_value(n, op, "a value");
        queries += op->queries;
        asked += op->queries > 0;
        worst = op->queries > worst ? op->queries : worst;
    }
    print_message("warm get: %u.%02u queries on average, %u at most\n", queries / asked, queries * 100 / asked % 100,
                  worst);
    assert_true(worst <= 15);
    step_net_free(n);
}

static void holders_are_the_true_closest(void **state)
{
    struct step_net *n = swarm(200, 4);
    struct gn_id truth[16];
    struct step_net_op *op;
    unsigned held = 0;

    (void)state;
    struct gn_id target = put_text(n, 9, "near", &op);
    assert_int_equal(step_net_oracle(n, truth, 16, &target, 999), 16);
    for (unsigned i = 0; i < 200; i++) {
        struct gn_contact c = step_net_contact(n, i);

        for (unsigned j = 0; j < 16; j++) {
            held += gn_id_eq(&truth[j], &c.id) && step_net_holds(n, i, &target);
        }
    }
    assert_int_equal(held, 16);
    step_net_free(n);
}

static void missing_value_is_not_found(void **state)
{
    struct step_net *n = swarm(40, 5);
    struct gn_id target = {{9}};
    struct step_net_op *op = get(n, 3, GN_RECORD_IMMUTABLE, &target);

    (void)state;
    assert_int_equal(op->err, GN_E_NOT_FOUND);
    assert_int_equal(op->records, 0);
    step_net_free(n);
}

static void values_survive_forty_percent_of_the_nodes(void **state)
{
    struct step_net *n = swarm(150, 6);
    struct gn_id targets[20];
    struct step_net_op *op;
    char text[32];

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(text, sizeof text, "value %u", i);
        targets[i] = put_text(n, i * 7 % 150, text, &op);
        assert_int_equal(op->err, GN_OK);
    }
    for (unsigned i = 0; i < 150; i++) {
        if (i % 5 < 2) {
            step_net_kill(n, i);
        }
    }
    for (unsigned i = 0; i < 20; i++) {
        (void)snprintf(text, sizeof text, "value %u", i);
        assert_value(n, get(n, 5 * i + 4, GN_RECORD_IMMUTABLE, &targets[i]), text);
    }
    step_net_free(n);
}

static struct gn_id mutable_target(struct step_net *n, unsigned owner, const char *salt)
{
    struct gn_contact c = step_net_contact(n, owner);
    struct gn_record r = {.kind = GN_RECORD_MUTABLE, .owner = c.id, .salt = gn_slice_str(salt)};
    struct gn_crypto crypto;

    step_net_crypto(n, owner, &crypto);
    gn_record_set_target(&r, &crypto);
    return r.target;
}

static struct step_net_op *put_mutable(struct step_net *n, unsigned owner, uint64_t seq, const char *text,
                                       const uint64_t *cas)
{
    struct gn_command c = {.flags = cas ? GN_CMDF_CAS : 0, .cas_seq = cas ? *cas : 0};
    size_t len = step_net_record(n, owner, bytes, seq, text, 7200);

    return put(n, owner, len, &c);
}

static void newest_version_wins_and_older_writes_are_refused(void **state)
{
    struct step_net *n = swarm(80, 7);
    struct gn_id target = mutable_target(n, 4, "s");

    (void)state;
    assert_int_equal(put_mutable(n, 4, 1, "one", NULL)->err, GN_OK);
    assert_int_equal(put_mutable(n, 4, 2, "two", NULL)->err, GN_OK);
    assert_value(n, get(n, 50, GN_RECORD_MUTABLE, &target), "two");
    struct step_net_op *op = put_mutable(n, 4, 1, "one", NULL);
    assert_int_equal(op->err, GN_E_CONFLICT);
    assert_int_equal(op->stored, 0);
    assert_true(op->conflicts >= 16);
    assert_value(n, get(n, 51, GN_RECORD_MUTABLE, &target), "two");
    step_net_free(n);
}

static void compare_and_set_lets_only_the_right_version_through(void **state)
{
    struct step_net *n = swarm(60, 8);
    uint64_t zero = 0;
    uint64_t one = 1;
    uint64_t seven = 7;
    struct gn_id target = mutable_target(n, 4, "s");

    (void)state;
    assert_int_equal(put_mutable(n, 4, 1, "one", &zero)->err, GN_OK);
    assert_int_equal(put_mutable(n, 4, 9, "nine", &seven)->err, GN_E_CONFLICT);
    assert_value(n, get(n, 20, GN_RECORD_MUTABLE, &target), "one");
    assert_int_equal(put_mutable(n, 4, 2, "two", &one)->err, GN_OK);
    assert_value(n, get(n, 21, GN_RECORD_MUTABLE, &target), "two");
    step_net_free(n);
}

static void reading_repairs_stale_replicas_behind(void **state)
{
    struct step_net *n = swarm(60, 9);
    struct gn_id target = mutable_target(n, 4, "s");
    struct gn_id truth[16];
    unsigned emptied = 60;
    unsigned nearest = 60;

    (void)state;
    assert_int_equal(put_mutable(n, 4, 1, "one", NULL)->err, GN_OK);
    assert_int_equal(step_net_oracle(n, truth, 16, &target, 999), 16);
    for (unsigned i = 0; i < 60; i++) {
        struct gn_contact c = step_net_contact(n, i);

        nearest = gn_id_eq(&c.id, &truth[0]) ? i : nearest;
        emptied = gn_id_eq(&c.id, &truth[1]) ? i : emptied;
    }
    step_net_drop_store(n, emptied);
    assert_false(step_net_holds(n, emptied, &target));
    assert_value(n, get(n, nearest == 30 || emptied == 30 ? 31 : 30, GN_RECORD_MUTABLE, &target), "one");
    step_net_run(n, GN_SECONDS(5));
    assert_true(step_net_holds(n, emptied, &target));
    step_net_free(n);
}

static void big_value_travels_on_streams(void **state)
{
    static char text[60001];
    struct step_net *n = swarm(50, 10);
    struct step_net_op *op;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    struct gn_id target = put_text(n, 3, text, &op);
    assert_int_equal(op->err, GN_OK);
    assert_true(op->stored >= 16);
    assert_value(n, get(n, 40, GN_RECORD_IMMUTABLE, &target), text);
    step_net_free(n);
}

static void providers_are_announced_found_and_withdrawn(void **state)
{
    struct step_net *n = swarm(80, 11);
    struct gn_id content = {{1, 2, 3}};
    struct gn_command provide = {.type = GN_CMD_PROVIDE, .target = content, .flags = GN_CMDF_KEEP};
    struct gn_command ask = {.type = GN_CMD_GET_PROVIDERS, .target = content};
    struct gn_command stop = {.type = GN_CMD_UNPROVIDE, .target = content};

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        struct step_net_op *op = finish(n, step_net_command(n, i, &provide));

        assert_int_equal(op->err, GN_OK);
        assert_true(op->stored >= 16);
    }
    struct step_net_op *op = finish(n, step_net_command(n, 70, &ask));
    assert_int_equal(op->err, GN_OK);
    assert_in_range(op->records, 10, 24); /* a datagram has room for a few of them, newest and random ones */
    op = finish(n, step_net_command(n, 5, &stop));
    assert_int_equal(op->err, GN_OK);
    op = finish(n, step_net_command(n, 5, &stop));
    assert_int_equal(op->err, GN_E_NOT_FOUND);
    ask.target.b[0] = 77;
    assert_int_equal(finish(n, step_net_command(n, 70, &ask))->err, GN_E_NOT_FOUND);
    step_net_free(n);
}

static void kept_value_is_published_again_to_new_holders(void **state)
{
    struct step_net *n = swarm(60, 12);
    struct gn_command c = {.flags = GN_CMDF_KEEP};
    size_t len = step_net_record(n, 2, bytes, 1, "kept", 40000);
    struct gn_id target = mutable_target(n, 2, "s");

    (void)state;
    assert_int_equal(put(n, 2, len, &c)->err, GN_OK);
    for (unsigned i = 0; i < 60; i++) {
        if (i != 2) {
            step_net_drop_store(n, i); /* everybody else forgets */
        }
    }
    assert_int_equal(get(n, 40, GN_RECORD_MUTABLE, &target)->err,
                     step_net_holds(n, 2, &target) ? GN_OK : GN_E_NOT_FOUND);
    struct gn_command again = {.type = GN_CMD_REPUBLISH};
    assert_int_equal(finish(n, step_net_command(n, 2, &again))->err, GN_OK);
    step_net_run(n, GN_SECONDS(60));
    unsigned held = 0;
    for (unsigned i = 0; i < 60; i++) {
        held += step_net_holds(n, i, &target);
    }
    assert_true(held >= 16);
    assert_value(n, get(n, 40, GN_RECORD_MUTABLE, &target), "kept");
    step_net_free(n);
}

static void lone_server_keeps_its_own_values(void **state)
{
    struct step_net *n = swarm(1, 13);
    struct step_net_op *op;

    (void)state;
    struct gn_id target = put_text(n, 0, "alone", &op);
    assert_int_equal(op->err, GN_OK);
    assert_int_equal(op->stored, 1);
    assert_value(n, get(n, 0, GN_RECORD_IMMUTABLE, &target), "alone");
    target.b[0] ^= 1U;
    assert_int_equal(get(n, 0, GN_RECORD_IMMUTABLE, &target)->err, GN_E_UNREACHABLE);
    step_net_free(n);
}

static void slow_disk_does_not_hold_up_a_get(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){
        .seed = 14, .nodes = 40, .store_us = GN_MS(30), .latency_max_us = GN_MS(10), .latency_min_us = GN_MS(1)});
    struct step_net_op *op;

    (void)state;
    struct gn_id target = put_text(n, 3, "v", &op);
    assert_int_equal(op->err, GN_OK);
    step_net_set_store_delay(n, GN_SECONDS(100)); /* the disks hang: ours, and everybody's */
    op = get(n, 20, GN_RECORD_IMMUTABLE, &target);
    assert_true(op->done);
    assert_int_not_equal(op->err, GN_OK);
    step_net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_is_found_from_every_node_with_few_queries),
        cmocka_unit_test(holders_are_the_true_closest),
        cmocka_unit_test(missing_value_is_not_found),
        cmocka_unit_test(values_survive_forty_percent_of_the_nodes),
        cmocka_unit_test(newest_version_wins_and_older_writes_are_refused),
        cmocka_unit_test(compare_and_set_lets_only_the_right_version_through),
        cmocka_unit_test(reading_repairs_stale_replicas_behind),
        cmocka_unit_test(big_value_travels_on_streams),
        cmocka_unit_test(providers_are_announced_found_and_withdrawn),
        cmocka_unit_test(kept_value_is_published_again_to_new_holders),
        cmocka_unit_test(lone_server_keeps_its_own_values),
        cmocka_unit_test(slow_disk_does_not_hold_up_a_get),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
