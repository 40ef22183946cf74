/* tests/step/test_swarm_trouble.c - loss, late answers, liars, dead ends, failing memory: nothing breaks, everything
 * ends in time.
 */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>
#include <string.h>

#include "overlay/kad/publish.h"
#include "overlay/msg/record.h"
#include "tests/support/step_net.h"

static uint8_t bytes[GN_RECORD_BYTES_MAX];

static struct step_net *swarm_of(struct step_net_config config, gn_time_us settle_us)
{
    struct step_net *n = step_net_new(&config);

    step_net_join_all(n, GN_MS(20));
    step_net_run(n, settle_us);
    return n;
}

static struct step_net_op *finish(struct step_net *n, struct step_net_op *op)
{
    assert_true(step_net_finish(n, op, GN_SECONDS(30)));
    return op;
}

static struct gn_id put_text(struct step_net *n, unsigned node, const char *text)
{
    struct gn_command c = {.type = GN_CMD_PUT};
    struct gn_record r;
    struct gn_crypto crypto;

    c.record = gn_slice_of(bytes, step_net_record(n, node, bytes, 0, text, 7200));
    step_net_crypto(n, node, &crypto);
    assert_int_equal(gn_record_decode(&r, c.record, &crypto), GN_OK);
    assert_int_equal(finish(n, step_net_command(n, node, &c))->err, GN_OK);
    return r.target;
}

static struct step_net_op *get(struct step_net *n, unsigned node, const struct gn_id *target)
{
    struct gn_command c = {
        .type = GN_CMD_GET, .kind = GN_RECORD_IMMUTABLE, .target = *target, .flags = GN_CMDF_EXPLAIN};

    return finish(n, step_net_command(n, node, &c));
}

static struct step_net_op *find(struct step_net *n, unsigned node, const struct gn_id *target)
{
    struct gn_command c = {.type = GN_CMD_FIND, .target = *target, .flags = GN_CMDF_EXPLAIN};

    return finish(n, step_net_command(n, node, &c));
}

static unsigned recall(struct step_net *n, const struct step_net_op *op, const struct gn_id *target)
{
    struct gn_id truth[16];
    size_t len = step_net_oracle(n, truth, 16, target, op->node);
    unsigned hit = 0;

    for (size_t i = 0; i < len; i++) {
        for (size_t j = 0; j < op->closest_len; j++) {
            hit += gn_id_eq(&truth[i], &op->closest[j].id);
        }
    }
    return hit;
}

static void a_fifth_of_all_datagrams_may_be_lost(void **state)
{
    struct step_net *n =
        swarm_of((struct step_net_config){.seed = 21, .nodes = 100, .loss_percent = 20}, GN_MINUTES(3));
    unsigned hits = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        char text[16];

        (void)snprintf(text, sizeof text, "%u", i);
        struct gn_id target = put_text(n, i, text);
        assert_int_equal(get(n, 99 - i, &target)->err, GN_OK);
        struct step_net_op *op = find(n, 50, &target);
        assert_int_equal(op->err, GN_OK);
        assert_int_equal(op->asked_twice, 0);
        hits += recall(n, op, &target);
    }
    print_message("recall with 20 %% loss: %u of 320\n", hits);
    /* A query and its answer both arrive in 64 of 100 cases, and only the three closest are asked again. */
    assert_true(hits >= 200);
    step_net_free(n);
}

static void a_late_answer_still_counts(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 22, .nodes = 12}, GN_SECONDS(5));
    struct gn_id target = {{5}};

    (void)state;
    for (unsigned i = 1; i < 12; i++) {
        step_net_slow_down(n, i, GN_MS(250));
    }
    struct step_net_op *op = find(n, 0, &target);
    assert_int_equal(op->err, GN_OK);
    assert_int_equal(op->closest_len, 11);
    assert_true(op->hop_status[GN_HOP_SLOW] > 0);
    assert_true(op->hop_status[GN_HOP_LATE] > 0);
    assert_int_equal(op->hop_status[GN_HOP_DEAD], 0);
    const struct gn_overlay_counters *c = gn_overlay_counters(step_net_overlay(n, 0));
    assert_true(c->replies_late > 0);
    assert_true(c->retransmits > 0);
    step_net_free(n);
}

static void dead_nodes_cost_little_time_and_leave_the_table(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 23, .nodes = 100}, GN_MINUTES(2));
    struct gn_id target = {{0x5a}};

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        if (i % 5 == 1 || i % 5 == 3) {
            step_net_kill(n, i);
        }
    }
    struct step_net_op *op = find(n, 0, &target);
    assert_int_equal(op->err, GN_OK);
    print_message("recall with 40 %% dead: %u of 16\n", recall(n, op, &target));
    assert_true(recall(n, op, &target) >= 14);
    assert_true(op->elapsed_us < GN_SECONDS(5));
    print_message("find with 40 %% dead: %llu ms, %u queries, %u timeouts\n",
                  (unsigned long long)(op->elapsed_us / 1000U), op->queries, op->timeouts);
    step_net_run(n, GN_MINUTES(30));
    for (unsigned i = 0; i < 100; i += 5) {
        struct gn_peer_info peers[512];
        size_t len = gn_overlay_peers(step_net_overlay(n, i), peers, 512);

        assert_true(len <= 512);
        for (size_t j = 0; j < len; j++) {
            for (unsigned d = 0; d < 100; d++) {
                struct gn_contact c = step_net_contact(n, d);

                if (!step_net_is_up(n, d) && gn_id_eq(&c.id, &peers[j].contact.id)) {
                    assert_false(peers[j].live);
                }
            }
        }
        assert_true(gn_overlay_counters(step_net_overlay(n, i))->contacts_dropped > 0);
        assert_true(gn_overlay_is_sound(step_net_overlay(n, i)));
    }
    step_net_free(n);
}

static void liars_do_not_hide_values(void **state)
{
    static const enum step_net_lie lies[] = {STEP_NET_FALSE_CONTACTS, STEP_NET_FALSE_RECORDS, STEP_NET_GARBAGE,
                                             STEP_NET_SWAPPED};

    (void)state;
    for (unsigned kind = 0; kind < 4; kind++) {
        struct step_net *n = swarm_of((struct step_net_config){.seed = 24 + kind, .nodes = 100}, GN_SECONDS(90));
        unsigned found = 0;
        unsigned lied = 0;
        struct gn_id target = put_text(n, 10, "true");

        for (unsigned i = 0; i < 100; i++) {
            if (i % 5 == 2) {
                step_net_lie(n, i, lies[kind]);
            }
        }
        for (unsigned i = 0; i < 100; i += 3) {
            struct step_net_op *op = get(n, i, &target);

            found += op->err == GN_OK;
            lied += op->hop_status[GN_HOP_LIED];
            assert_int_equal(op->asked_twice, 0);
        }
        print_message("lie %u: %u of 34 found, %u lies noticed\n", (unsigned)lies[kind], found, lied);
        assert_int_equal(found, 34);
        if (lies[kind] == STEP_NET_FALSE_RECORDS || lies[kind] == STEP_NET_GARBAGE) {
            assert_true(lied > 0);
        }
        step_net_free(n);
    }
}

static void dead_bootstrap_ends_in_time_and_is_tried_again(void **state)
{
    struct step_net_config config = {.seed = 30, .nodes = 4};
    struct step_net *n = step_net_new(&config);
    struct gn_command c = {.type = GN_CMD_BOOTSTRAP, .contact = step_net_contact(n, 0)};

    (void)state;
    step_net_kill(n, 0);
    struct step_net_op *op = finish(n, step_net_command(n, 1, &c));
    assert_int_equal(op->err, GN_E_TIMEOUT);
    assert_int_equal(gn_overlay_peers_len(step_net_overlay(n, 1)), 0);
    step_net_run(n, GN_MINUTES(5));
    assert_true(step_net_restart(n, 0, false));
    step_net_run(n, GN_MINUTES(2)); /* the backoff is at most one minute */
    assert_int_equal(gn_overlay_peers_len(step_net_overlay(n, 1)), 1);
    step_net_free(n);
}

static void bootstrap_by_address_alone_learns_the_id(void **state)
{
    struct step_net_config config = {.seed = 31, .nodes = 3};
    struct step_net *n = step_net_new(&config);
    struct gn_command c = {.type = GN_CMD_BOOTSTRAP, .contact = step_net_contact(n, 0)};

    (void)state;
    memset(&c.contact.id, 0, sizeof c.contact.id);
    memset(c.contact.epk, 0, sizeof c.contact.epk);
    struct step_net_op *op = finish(n, step_net_command(n, 1, &c));
    assert_int_equal(op->err, GN_OK);
    assert_int_equal(op->closest_len, 1);
    struct gn_contact zero = step_net_contact(n, 0);
    assert_true(gn_id_eq(&op->closest[0].id, &zero.id));
    memset(&c.contact.addr, 0, sizeof c.contact.addr);
    assert_int_equal(step_net_command(n, 2, &c)->err, GN_E_INVALID);
    step_net_free(n);
}

static void ping_measures_or_times_out(void **state)
{
    struct step_net_config config = {.seed = 32, .nodes = 3};
    struct step_net *n = step_net_new(&config);
    struct gn_command c = {.type = GN_CMD_PING, .contact = step_net_contact(n, 1)};

    (void)state;
    struct step_net_op *op = finish(n, step_net_command(n, 0, &c));
    assert_int_equal(op->err, GN_OK);
    assert_in_range(op->rtt_us, GN_MS(10), GN_MS(200));
    assert_int_equal(gn_overlay_peers_len(step_net_overlay(n, 0)), 0); /* by a ping nobody enters the table */
    step_net_kill(n, 1);
    op = finish(n, step_net_command(n, 0, &c));
    assert_int_equal(op->err, GN_E_TIMEOUT);
    c.contact.id.b[0] ^= 1U; /* somebody else's address */
    c.contact.addr = step_net_contact(n, 2).addr;
    assert_int_equal(finish(n, step_net_command(n, 0, &c))->err, GN_E_TIMEOUT);
    step_net_free(n);
}

static void everything_ends_when_the_network_goes(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 33, .nodes = 30}, GN_SECONDS(5));
    struct step_net_op *ops[20];
    struct gn_id target = put_text(n, 2, "x");

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        static const enum gn_command_type types[] = {GN_CMD_FIND, GN_CMD_GET, GN_CMD_GET_PROVIDERS, GN_CMD_PROVIDE};
        struct gn_command c = {.type = types[i % 4], .kind = GN_RECORD_MUTABLE, .target = target};

        c.target.b[0] ^= (uint8_t)i;
        c.timeout_us = GN_MS(100) + GN_SECONDS(i);
        ops[i] = step_net_command(n, 5, &c);
    }
    for (unsigned i = 0; i < 30; i++) {
        step_net_mute(n, i, i != 5);
    }
    step_net_run(n, GN_SECONDS(21));
    for (unsigned i = 0; i < 20; i++) {
        assert_true(ops[i]->done); /* step_net itself checks each deadline */
        assert_int_not_equal(ops[i]->err, GN_E_NO_MEMORY);
    }
    assert_int_equal(gn_overlay_ops_len(step_net_overlay(n, 5)), 0);
    /* Nobody was dropped: when nobody at all answers, it is our own network that is gone. */
    size_t peers = gn_overlay_peers_len(step_net_overlay(n, 5));
    step_net_run(n, GN_MINUTES(30));
    assert_true(gn_overlay_peers_len(step_net_overlay(n, 5)) * 10 >= peers * 7);
    for (unsigned i = 0; i < 30; i++) {
        step_net_mute(n, i, false);
    }
    step_net_run(n, GN_MINUTES(3));
    assert_int_equal(find(n, 5, &target)->err, GN_OK);
    step_net_free(n);
}

static void node_comes_back_by_its_saved_table(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 34, .nodes = 60}, GN_MINUTES(8));
    struct gn_id target = put_text(n, 7, "still there");

    (void)state;
    static uint8_t table[GN_OVERLAY_TABLE_BYTES];
    struct gn_publish_stats stats;
    assert_true(gn_overlay_table(step_net_overlay(n, 20), table, sizeof table) > 1000); /* as at an orderly exit */
    gn_overlay_publish_stats(step_net_overlay(n, 20), &stats);
    assert_int_equal(stats.owned, 0);
    assert_true(stats.scanned);
    step_net_kill(n, 20);
    step_net_kill(n, 0); /* nor is there anybody to bootstrap from */
    step_net_run(n, GN_MINUTES(1));
    assert_true(step_net_restart(n, 20, true));
    step_net_run(n, GN_SECONDS(2));
    assert_true(gn_overlay_peers_len(step_net_overlay(n, 20)) >= 15);
    assert_int_equal(get(n, 20, &target)->err, GN_OK);
    step_net_free(n);
}

static void moved_node_is_found_at_its_new_address(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 35, .nodes = 40}, GN_MINUTES(2));
    struct gn_contact before = step_net_contact(n, 9);

    (void)state;
    step_net_move(n, 9);
    step_net_run(n, GN_SECONDS(10));
    struct gn_contact after = step_net_contact(n, 9);
    assert_false(gn_addr_eq(&before.addr, &after.addr));
    struct step_net_op *op = find(n, 30, &after.id);
    assert_int_equal(op->err, GN_OK);
    assert_true(gn_id_eq(&op->closest[0].id, &after.id));
    assert_true(gn_addr_eq(&op->closest[0].addr, &after.addr));
    struct gn_addr seen = gn_overlay_observed(step_net_overlay(n, 9));
    assert_true(gn_addr_eq(&seen, &after.addr));
    step_net_free(n);
}

static void cancelled_operation_says_so(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 36, .nodes = 20}, GN_SECONDS(2));
    struct gn_command c = {.type = GN_CMD_FIND};

    (void)state;
    struct step_net_op *op = step_net_command(n, 3, &c);
    assert_false(op->done);
    step_net_cancel(n, 3, op);
    assert_true(op->done);
    assert_int_equal(op->err, GN_E_CANCELLED);
    step_net_run(n, GN_SECONDS(5)); /* its answers come for nobody */
    assert_true(gn_overlay_is_sound(step_net_overlay(n, 3)));
    step_net_free(n);
}

static void too_many_operations_are_refused_and_a_flood_of_them_ends(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 37, .nodes = 30, .local = true}, GN_SECONDS(5));
    struct step_net_op *ops[300];
    unsigned full = 0;
    unsigned good = 0;

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        struct gn_command c = {.type = GN_CMD_FIND, .target = {{(uint8_t)i, (uint8_t)(i >> 8U)}}};

        ops[i] = step_net_command(n, 3, &c); /* 256 x 6 queries are more than 1,024 calls */
    }
    step_net_run(n, GN_SECONDS(11));
    for (unsigned i = 0; i < 300; i++) {
        assert_true(ops[i]->done);
        full += ops[i]->err == GN_E_FULL;
        good += ops[i]->err == GN_OK;
    }
    assert_int_equal(full, 300 - 256);
    assert_int_equal(good, 256);
    step_net_free(n);
}

static void foolish_commands_are_refused(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 38, .nodes = 3}, GN_SECONDS(1));
    struct gn_command bad_kind = {.type = GN_CMD_GET, .kind = GN_RECORD_PROVIDER};
    struct gn_command no_record = {.type = GN_CMD_PUT};
    struct gn_command stranger = {.type = GN_CMD_FORGET, .contact = {.id = {{1}}}};
    struct gn_command forget = {.type = GN_CMD_FORGET, .contact = step_net_contact(n, 0)};
    struct gn_command cas = {.type = GN_CMD_PUT, .flags = GN_CMDF_CAS};
    struct gn_command odd = {.type = (enum gn_command_type)99};

    (void)state;
    assert_int_equal(step_net_command(n, 1, &bad_kind)->err, GN_E_INVALID);
    assert_int_equal(step_net_command(n, 1, &no_record)->err, GN_E_MALFORMED);
    assert_int_equal(step_net_command(n, 1, &odd)->err, GN_E_INVALID);
    assert_int_equal(step_net_command(n, 1, &stranger)->err, GN_E_NOT_FOUND);
    cas.record = gn_slice_of(bytes, step_net_record(n, 1, bytes, 0, "x", 100));
    assert_int_equal(step_net_command(n, 1, &cas)->err, GN_E_INVALID);
    size_t before = gn_overlay_peers_len(step_net_overlay(n, 1));
    assert_int_equal(step_net_command(n, 1, &forget)->err, GN_OK);
    assert_int_equal(gn_overlay_peers_len(step_net_overlay(n, 1)), before - 1);
    step_net_free(n);
}

static void a_node_becomes_server_when_three_networks_reached_it(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 39, .nodes = 40, .first_auto = 39}, GN_SECONDS(5));
    struct gn_contact shy = step_net_contact(n, 39);

    (void)state;
    assert_false(gn_overlay_is_server(step_net_overlay(n, 39)));
    step_net_run(n, GN_MINUTES(15));
    assert_false(gn_overlay_is_server(step_net_overlay(n, 39))); /* not before 20 min of a stable port */
    for (unsigned i = 0; i < 39; i++) {
        struct gn_peer_info peers[128];
        size_t len = gn_overlay_peers(step_net_overlay(n, i), peers, 128);

        for (size_t j = 0; j < len; j++) {
            assert_false(gn_id_eq(&peers[j].contact.id, &shy.id)); /* a client is in nobody's table */
        }
    }
    step_net_run(n, GN_MINUTES(15));
    assert_true(gn_overlay_is_server(step_net_overlay(n, 39)));
    assert_true(gn_overlay_counters(step_net_overlay(n, 39))->probes_answered >= 3);
    step_net_run(n, GN_MINUTES(15));
    struct step_net_op *op = find(n, 5, &shy.id);
    assert_true(gn_id_eq(&op->closest[0].id, &shy.id));
    /* Others do not reach it any more: it steps back. */
    step_net_block_queries(n, 39, true);
    step_net_run(n, GN_MINUTES(120));
    assert_false(gn_overlay_is_server(step_net_overlay(n, 39)));
    step_net_free(n);
}

static void a_private_network_has_servers_at_once(void **state)
{
    struct step_net *n =
        swarm_of((struct step_net_config){.seed = 40, .nodes = 5, .local = true, .mode = GN_MODE_AUTO}, GN_SECONDS(2));

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        assert_true(gn_overlay_is_server(step_net_overlay(n, i)));
        assert_int_equal(gn_overlay_peers_len(step_net_overlay(n, i)), 4); /* one address is no reason to refuse */
    }
    step_net_free(n);
}

/* The same for every n-th allocation of one node in a small swarm. True: the n-th happened. */
static bool lives_with_failure(uint64_t nth)
{
    struct step_net_config config = {.seed = 41, .nodes = 8, .fail_node = 3, .fail_at = nth, .local = true};
    struct step_net *n = step_net_new(&config);
    struct gn_command provide = {.type = GN_CMD_PROVIDE, .target = {{1}}, .flags = GN_CMDF_KEEP};
    struct gn_command providers = {.type = GN_CMD_GET_PROVIDERS, .target = {{1}}};

    step_net_join_all(n, GN_MS(20));
    step_net_run(n, GN_SECONDS(1));
    if (step_net_is_up(n, 3)) {
        struct gn_command put = {.type = GN_CMD_PUT};
        struct gn_command get = {.type = GN_CMD_GET, .kind = GN_RECORD_MUTABLE};
        struct gn_record r;
        struct gn_crypto crypto;

        put.record = gn_slice_of(bytes, step_net_record(n, 3, bytes, 1, "v", 7200));
        (void)finish(n, step_net_command(n, 3, &put));
        step_net_crypto(n, 3, &crypto);
        assert_int_equal(gn_record_decode(&r, put.record, &crypto), GN_OK);
        get.target = r.target;
        (void)finish(n, step_net_command(n, 3, &get));
        (void)finish(n, step_net_command(n, 3, &provide));
        (void)finish(n, step_net_command(n, 3, &providers));
        (void)finish(n, step_net_command(n, 2, &get));
        step_net_run(n, GN_MINUTES(6));
        step_net_move(n, 5);
        step_net_kill(n, 6);
        step_net_run(n, GN_MINUTES(1));
        assert_true(gn_overlay_is_sound(step_net_overlay(n, 3)));
    }
    bool failed = step_net_failed(n);
    step_net_free(n); /* checks that nothing leaked */
    return failed;
}

static void every_allocation_may_fail_once(void **state)
{
    uint64_t nth = 1;

    (void)state;
    while (lives_with_failure(nth)) {
        nth++;
    }
    print_message("%llu allocations failed, one in each run\n", (unsigned long long)(nth - 1));
    assert_true(nth > 25);
}

static uint64_t transcript(uint64_t seed, bool shared_book)
{
    struct step_net_config config = {
        .seed = seed, .nodes = 40, .loss_percent = 5, .jitter_percent = 20, .shared_book = shared_book};
    struct step_net *n = swarm_of(config, GN_SECONDS(30));
    struct gn_id target = put_text(n, 3, "same");

    (void)get(n, 17, &target);
    step_net_kill(n, 8);
    step_net_run(n, GN_MINUTES(5));
    uint64_t hash = step_net_hash(n);
    step_net_free(n);
    return hash;
}

static void the_same_seed_gives_the_same_transcript(void **state)
{
    (void)state;
    uint64_t first = transcript(50, false);
    assert_true(first == transcript(50, false));
    assert_true(first != transcript(51, false));
}

static void nodes_may_share_a_book_without_noticing(void **state)
{
    struct step_net *n =
        swarm_of((struct step_net_config){.seed = 53, .nodes = 256, .local = true, .shared_book = true}, GN_MINUTES(3));
    size_t bytes_sum = 0;

    (void)state;
    assert_true(transcript(50, true) == transcript(50, false));
    for (unsigned i = 0; i < 256; i++) {
        bytes_sum += step_net_bytes(n, i);
    }
    print_message("shared book: %u contacts for 256 nodes, %zu bytes a node besides\n", step_net_book_len(n),
                  bytes_sum / 256);
    assert_in_range(step_net_book_len(n), 256, 300);
    assert_true(bytes_sum / 256 <= (size_t)16 * 1024);
    step_net_free(n);
}

static void a_node_with_a_full_table_stays_small(void **state)
{
    struct step_net *n = swarm_of((struct step_net_config){.seed = 52, .nodes = 256, .local = true}, GN_MINUTES(15));
    size_t bytes_sum = 0;
    size_t peers_sum = 0;
    size_t worst = 0;

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        size_t b = step_net_bytes(n, i);

        bytes_sum += b;
        peers_sum += gn_overlay_peers_len(step_net_overlay(n, i));
        worst = b > worst ? b : worst;
    }
    print_message("256 nodes: %zu peers, %zu bytes a node, %zu at most\n", peers_sum / 256, bytes_sum / 256, worst);
    assert_true(bytes_sum / 256 <= (size_t)40 * 1024);
    uint64_t allocs = step_net_allocs(n, 100);
    step_net_run(n, GN_MINUTES(10));
    print_message("allocations in 10 idle minutes: %llu\n", (unsigned long long)(step_net_allocs(n, 100) - allocs));
    step_net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fifth_of_all_datagrams_may_be_lost),
        cmocka_unit_test(a_late_answer_still_counts),
        cmocka_unit_test(dead_nodes_cost_little_time_and_leave_the_table),
        cmocka_unit_test(liars_do_not_hide_values),
        cmocka_unit_test(dead_bootstrap_ends_in_time_and_is_tried_again),
        cmocka_unit_test(bootstrap_by_address_alone_learns_the_id),
        cmocka_unit_test(ping_measures_or_times_out),
        cmocka_unit_test(everything_ends_when_the_network_goes),
        cmocka_unit_test(node_comes_back_by_its_saved_table),
        cmocka_unit_test(moved_node_is_found_at_its_new_address),
        cmocka_unit_test(cancelled_operation_says_so),
        cmocka_unit_test(too_many_operations_are_refused_and_a_flood_of_them_ends),
        cmocka_unit_test(foolish_commands_are_refused),
        cmocka_unit_test(a_node_becomes_server_when_three_networks_reached_it),
        cmocka_unit_test(a_private_network_has_servers_at_once),
        cmocka_unit_test(every_allocation_may_fail_once),
        cmocka_unit_test(the_same_seed_gives_the_same_transcript),
        cmocka_unit_test(nodes_may_share_a_book_without_noticing),
        cmocka_unit_test(a_node_with_a_full_table_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
