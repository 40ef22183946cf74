/* tests/step/test_swarm_find.c - nodes join and find the true closest. */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "tests/support/step_net.h"

static struct step_net *swarm(unsigned nodes, uint64_t seed)
{
    struct step_net_config config = {.seed = seed, .nodes = nodes};
    struct step_net *n = step_net_new(&config);

    step_net_join_all(n, GN_MS(20));
    return n;
}

/* How many of the true k closest the lookup found. */
static unsigned recall(struct step_net *n, const struct step_net_op *op, const struct gn_id *target, unsigned from)
{
    struct gn_id truth[16];
    size_t len = step_net_oracle(n, truth, 16, target, from);
    unsigned hit = 0;

    for (size_t i = 0; i < len; i++) {
        for (size_t j = 0; j < op->closest_len; j++) {
            hit += gn_id_eq(&truth[i], &op->closest[j].id);
        }
    }
    return hit;
}

static void lookups_are_exact(struct step_net *n, unsigned nodes, unsigned count)
{
    struct gn_rng rng;
    unsigned queries = 0;
    unsigned hops = 0;

    gn_rng_init_test(&rng, 7, 7);
    for (unsigned i = 0; i < count; i++) {
        struct gn_command c = {.type = GN_CMD_FIND, .flags = GN_CMDF_EXPLAIN};
        unsigned from = (unsigned)gn_rng_below(&rng, nodes);

        gn_rng_bytes(&rng, c.target.b, sizeof c.target.b);
        struct step_net_op *op = step_net_command(n, from, &c);
        assert_true(step_net_finish(n, op, GN_SECONDS(11)));
        assert_int_equal(op->err, GN_OK);
        assert_int_equal(op->asked_twice, 0);
        assert_int_equal(op->closest_len, nodes - 1 < 16 ? nodes - 1 : 16);
        assert_int_equal(recall(n, op, &c.target, from), op->closest_len);
        queries += op->queries;
        hops += op->hops_max;
    }
    print_message("%u nodes: %u.%02u queries, %u.%02u hops a lookup\n", nodes, queries / count,
                  queries * 100 / count % 100, hops / count, hops * 100 / count % 100);
}

static void joined_nodes_find_the_true_closest(void **state)
{
    (void)state;
    static const unsigned sizes[] = {2, 8, 30, 100, 250, 500};

    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct step_net *n = swarm(sizes[i], i + 1);

        lookups_are_exact(n, sizes[i], 40);
        step_net_free(n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_nodes_find_the_true_closest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
