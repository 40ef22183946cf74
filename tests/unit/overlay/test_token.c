/* tests/unit/overlay/test_token.c - write tokens: what they bind, how long they are good. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/kad/token.h"
#include "tests/unit/overlay/records.h"

#define T0 (GN_TOKEN_BUCKET_US * 1000U)

struct fixture {
    struct gn_rng rng;
    struct gn_token t;
    struct gn_addr addr;
    uint8_t client[32];
    struct gn_id target;
    uint8_t token[GN_TOKEN_BYTES];
};

static void make(struct fixture *f, gn_time_us now)
{
    struct gn_token_for whom = {.addr = &f->addr, .client_key = f->client, .target = &f->target};

    gn_token_make(&f->t, f->token, &whom, &f->rng, now);
}

static void begin(struct fixture *f, gn_time_us now)
{
    memset(f, 0, sizeof(*f));
    gn_rng_init_test(&f->rng, 1, 1);
    gn_token_init(&f->t, &f->rng, now);
    f->addr = test_addr("192.0.2.1:1000");
    memset(f->client, 7, sizeof(f->client));
    f->target = test_id(9);
    make(f, now);
}

static bool good(struct fixture *f, gn_time_us now)
{
    struct gn_token_for whom = {.addr = &f->addr, .client_key = f->client, .target = &f->target};

    return gn_token_check(&f->t, f->token, &whom, &f->rng, now);
}

static void a_token_is_good_for_its_bucket_and_the_next(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, T0);
    assert_true(good(&f, T0));
    assert_true(good(&f, T0 + GN_TOKEN_BUCKET_US - 1));
    assert_true(good(&f, T0 + GN_TOKEN_BUCKET_US));
    assert_true(good(&f, T0 + 2 * GN_TOKEN_BUCKET_US - 1));
    assert_false(good(&f, T0 + 2 * GN_TOKEN_BUCKET_US));
    /* made at the end of a bucket: five minutes remain */
    begin(&f, T0 + GN_TOKEN_BUCKET_US - 1);
    assert_true(good(&f, T0 + 2 * GN_TOKEN_BUCKET_US - 1));
    assert_false(good(&f, T0 + 2 * GN_TOKEN_BUCKET_US));
}

static void a_token_binds_address_client_and_target_but_not_the_port(void **state)
{
    struct fixture f, g;

    (void)state;
    begin(&f, T0);
    g = f;
    g.addr.port++;
    assert_true(good(&g, T0));
    g = f;
    g.addr = test_addr("192.0.2.2:1000");
    assert_false(good(&g, T0));
    g = f;
    g.addr = test_addr("[c000:201::]:1000"); /* the same leading bytes in the other family */
    assert_false(good(&g, T0));
    g = f;
    g.client[31] ^= 1U;
    assert_false(good(&g, T0));
    g = f;
    g.target.b[0] ^= 1U;
    assert_false(good(&g, T0));
    for (size_t i = 0; i < sizeof(f.token); i++) {
        g = f;
        g.token[i] ^= 0x80U;
        assert_false(good(&g, T0));
    }
}

static void a_long_silence_voids_both_keys(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, T0);
    assert_false(good(&f, T0 + 100 * GN_TOKEN_BUCKET_US));
    make(&f, T0 + 100 * GN_TOKEN_BUCKET_US);
    assert_true(good(&f, T0 + 100 * GN_TOKEN_BUCKET_US));
}

static void time_that_goes_back_counts_as_standing_still(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, T0);
    assert_true(good(&f, 0));
    assert_true(good(&f, T0 + GN_TOKEN_BUCKET_US));
    assert_true(good(&f, T0));
}

static void bucket_zero_has_no_predecessor(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, 0);
    assert_true(good(&f, 0));
    f.token[0] ^= 1U;
    assert_false(good(&f, 0));
}

static void wiping_leaves_no_key(void **state)
{
    struct fixture f;
    static const struct gn_token zero;

    (void)state;
    begin(&f, T0);
    gn_token_wipe(&f.t);
    assert_memory_equal(&f.t, &zero, sizeof(zero));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_good_for_its_bucket_and_the_next),
        cmocka_unit_test(a_token_binds_address_client_and_target_but_not_the_port),
        cmocka_unit_test(a_long_silence_voids_both_keys),
        cmocka_unit_test(time_that_goes_back_counts_as_standing_still),
        cmocka_unit_test(bucket_zero_has_no_predecessor),
        cmocka_unit_test(wiping_leaves_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
