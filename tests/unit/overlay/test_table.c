/* tests/unit/overlay/test_table.c - who enters the routing table, who stays, who is handed on. */
#include "tests/support/gn_cmocka.h"

#include <string.h>

#include "overlay/kad/table.h"
#include "tests/support/failing_alloc.h"

struct fixture {
    struct gn_failing_alloc fa;
    struct gn_book book;
    struct gn_table table;
    gn_time_us now;
};

static const uint8_t key[16] = {1};

static void begin(struct fixture *f, bool allow_private)
{
    struct gn_id self = {{0}};

    gn_failing_alloc_init(&f->fa, 0);
    gn_book_init(&f->book, &f->fa.alloc, key, 10000);
    gn_table_init(&f->table, &f->fa.alloc, &f->book, &self, allow_private);
    f->now = GN_SECONDS(1000);
}

static void end(struct fixture *f)
{
    assert_true(gn_table_is_sound(&f->table));
    gn_table_fini(&f->table);
    assert_int_equal(gn_book_len(&f->book), 0);
    gn_book_fini(&f->book);
    assert_int_equal(f->fa.live, 0);
}

/* Node number n of bucket `bucket` (our id is zero): its low bits say which one it is. */
static struct gn_contact contact(unsigned bucket, unsigned n)
{
    struct gn_contact c = {.addr = {.family = GN_ADDR_V4, .port = 4000}};

    gn_id_set_bit(&c.id, bucket, true);
    c.id.b[30] = (uint8_t)(n >> 8U);
    c.id.b[31] = (uint8_t)n;
    c.addr.ip[0] = (uint8_t)(20U + bucket);
    c.addr.ip[1] = (uint8_t)(n >> 8U);
    c.addr.ip[2] = (uint8_t)n;
    c.addr.ip[3] = 1;
    return c;
}

/* The same, with the bits below the bucket's prefix set to `prefix` of `width` bits. */
static struct gn_contact spread(unsigned bucket, unsigned width, unsigned prefix, unsigned n)
{
    struct gn_contact c = contact(bucket, n);

    for (unsigned i = 0; i < width; i++) {
        gn_id_set_bit(&c.id, bucket + 1U + i, (prefix >> (width - 1U - i) & 1U) != 0);
    }
    return c;
}

static bool answered(struct fixture *f, const struct gn_contact *c, gn_time_us rtt_us)
{
    gn_book_handle h;

    assert_int_equal(gn_book_take(&f->book, &h, c), GN_OK);
    bool in = gn_table_answered(&f->table, h, rtt_us, f->now);
    gn_book_drop(&f->book, h);
    return in;
}

static size_t bucket_len(const struct fixture *f, unsigned wanted, bool spares)
{
    uint32_t cursor = 0;
    unsigned bucket = 0;
    bool replacement = false;
    size_t n = 0;

    while (gn_table_next(&f->table, &cursor, &bucket, &replacement) != NULL) {
        n += bucket == wanted && replacement == spares;
    }
    return n;
}

static void low_buckets_are_wide_and_losers_wait(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, false);
    for (unsigned bucket = 0; bucket < 6; bucket++) {
        for (unsigned n = 0; n < 150; n++) {
            struct gn_contact c = contact(bucket, n);

            (void)answered(&f, &c, GN_MS(50));
        }
    }
    assert_int_equal(bucket_len(&f, 0, false), 128);
    assert_int_equal(bucket_len(&f, 1, false), 64);
    assert_int_equal(bucket_len(&f, 2, false), 32);
    for (unsigned bucket = 3; bucket < 6; bucket++) {
        assert_int_equal(bucket_len(&f, bucket, false), 16);
    }
    for (unsigned bucket = 0; bucket < 6; bucket++) {
        assert_int_equal(bucket_len(&f, bucket, true), GN_TABLE_SPARES);
    }
    assert_int_equal(f.table.len, 128 + 64 + 32 + 3 * 16);
    assert_int_equal(f.table.counters.added, f.table.len);
    end(&f);
}

static void quicker_node_takes_the_place_of_a_slow_one(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, false);
    for (unsigned n = 0; n < 16; n++) { /* all of one prefix, one of them slow */
        struct gn_contact c = contact(5, n);

        assert_true(answered(&f, &c, n == 7 ? GN_MS(400) : GN_MS(50)));
    }
    struct gn_contact slower = contact(5, 100);
    struct gn_contact slightly = contact(5, 101);
    struct gn_contact quick = contact(5, 102);
    struct gn_contact victim = contact(5, 7);
    assert_false(answered(&f, &slower, GN_MS(500)));
    assert_false(answered(&f, &slightly, GN_MS(350))); /* not a quarter better */
    assert_true(answered(&f, &quick, GN_MS(100)));
    assert_null(gn_table_find(&f.table, &victim.id));
    assert_non_null(gn_table_find(&f.table, &quick.id));
    assert_int_equal(f.table.counters.replaced, 1);
    assert_int_equal(bucket_len(&f, 5, true), 3); /* the victim waits too */
    end(&f);
}

static void every_prefix_below_a_bucket_keeps_a_node(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, false);
    for (unsigned n = 0; n < 16; n++) {
        struct gn_contact c = spread(4, 4, 0, n);

        assert_true(answered(&f, &c, GN_MS(10)));
    }
    for (unsigned p = 1; p < 16; p++) { /* slow, but each alone in its prefix */
        struct gn_contact c = spread(4, 4, p, 100 + p);

        assert_true(answered(&f, &c, GN_MS(300)));
    }
    for (unsigned p = 1; p < 16; p++) {
        struct gn_contact c = spread(4, 4, p, 100 + p);

        assert_non_null(gn_table_find(&f.table, &c.id));
    }
    struct gn_contact quick = spread(4, 4, 0, 99);
    assert_false(answered(&f, &quick, GN_MS(9))); /* does not push another prefix out */
    end(&f);
}

static void an_address_group_gets_two_of_a_bucket_and_three_of_the_table(void **state)
{
    struct fixture f;
    unsigned in = 0;

    (void)state;
    begin(&f, false);
    for (unsigned n = 0; n < 4; n++) {
        struct gn_contact c = contact(0, n);

        memcpy(c.addr.ip, (uint8_t[]){9, 9, 9, (uint8_t)n}, 4);
        in += answered(&f, &c, GN_MS(10));
    }
    assert_int_equal(in, GN_TABLE_BUCKET_PER_GROUP);
    for (unsigned n = 0; n < 4; n++) {
        struct gn_contact c = contact(1 + n, n);

        memcpy(c.addr.ip, (uint8_t[]){9, 9, 9, (uint8_t)(50U + n)}, 4);
        in += answered(&f, &c, GN_MS(10));
    }
    assert_int_equal(in, GN_TABLE_PER_GROUP);
    assert_int_equal(f.table.counters.refused_diversity, 5);
    /* One that was elsewhere moves into the crowded group: it goes. */
    struct gn_contact mover = contact(2, 77);
    assert_true(answered(&f, &mover, GN_MS(10)));
    memcpy(mover.addr.ip, (uint8_t[]){9, 9, 9, 200}, 4);
    assert_false(gn_table_wants(&f.table, &mover, f.now));
    assert_false(answered(&f, &mover, GN_MS(10)));
    assert_null(gn_table_find(&f.table, &mover.id));
    end(&f);
}

static void private_addresses_are_exempt_where_allowed_and_unwanted_where_not(void **state)
{
    struct fixture f;
    struct gn_contact c = contact(0, 1);

    (void)state;
    memcpy(c.addr.ip, (uint8_t[]){127, 0, 0, 1}, 4);
    begin(&f, false);
    assert_false(gn_table_wants(&f.table, &c, f.now));
    end(&f);
    begin(&f, true);
    for (unsigned n = 0; n < 10; n++) {
        c = contact(0, n);
        memcpy(c.addr.ip, (uint8_t[]){127, 0, 0, 1}, 4);
        c.addr.port = (uint16_t)(5000U + n);
        assert_true(gn_table_wants(&f.table, &c, f.now));
        assert_true(answered(&f, &c, GN_MS(1)));
    }
    end(&f);
}

static void node_is_dropped_after_three_misses_apart_while_others_answer(void **state)
{
    struct fixture f;
    struct gn_contact silent = contact(3, 1);
    struct gn_contact other = contact(3, 2);

    (void)state;
    begin(&f, false);
    assert_true(answered(&f, &silent, GN_MS(50)));
    assert_true(answered(&f, &other, GN_MS(50)));
    for (unsigned i = 0; i < 6; i++) {
        gn_table_missed(&f.table, &silent.id, f.now); /* all at once: one miss */
    }
    assert_int_equal(gn_table_find(&f.table, &silent.id)->misses, 1);
    assert_false(gn_table_is_live(gn_table_find(&f.table, &silent.id), f.now));
    f.now += GN_SECONDS(2);
    assert_true(answered(&f, &other, GN_MS(50)));
    gn_book_handle doubtful[4];
    assert_int_equal(gn_table_doubtful(&f.table, doubtful, 4, f.now), 1);
    gn_table_missed(&f.table, &silent.id, f.now);
    assert_int_equal(gn_table_find(&f.table, &silent.id)->misses, 2);
    f.now += GN_SECONDS(7);
    assert_int_equal(gn_table_doubtful(&f.table, doubtful, 4, f.now), 0);
    f.now += GN_SECONDS(1);
    gn_table_missed(&f.table, &silent.id, f.now);
    assert_null(gn_table_find(&f.table, &silent.id));
    assert_int_equal(f.table.counters.dropped, 1);
    end(&f);
}

static void nobody_is_dropped_while_nobody_answers(void **state)
{
    struct fixture f;
    struct gn_contact c = contact(3, 1);

    (void)state;
    begin(&f, false);
    assert_true(answered(&f, &c, GN_MS(50)));
    for (unsigned i = 0; i < 50; i++) {
        f.now += GN_SECONDS(70);
        gn_table_missed(&f.table, &c.id, f.now);
    }
    const struct gn_table_entry *e = gn_table_find(&f.table, &c.id);
    assert_non_null(e);
    assert_int_equal(e->misses, GN_TABLE_MISSES_MAX);
    assert_true(answered(&f, &c, GN_MS(50))); /* and there we are again */
    assert_true(gn_table_is_live(gn_table_find(&f.table, &c.id), f.now));
    end(&f);
}

static void the_best_replacement_moves_up_and_is_checked(void **state)
{
    struct fixture f;
    struct gn_contact gone = contact(6, 3);
    struct gn_contact next = contact(6, 21);

    (void)state;
    begin(&f, false);
    for (unsigned n = 0; n < 16; n++) {
        struct gn_contact c = contact(6, n);

        assert_true(answered(&f, &c, GN_MS(20)));
    }
    for (unsigned n = 20; n < 24; n++) {
        struct gn_contact c = contact(6, n);

        assert_false(answered(&f, &c, n == 21 ? GN_MS(30) : GN_MS(90)));
    }
    assert_true(gn_table_forget(&f.table, &gone.id));
    assert_false(gn_table_forget(&f.table, &gone.id));
    assert_non_null(gn_table_find(&f.table, &next.id));
    assert_int_equal(bucket_len(&f, 6, false), 16);
    assert_int_equal(bucket_len(&f, 6, true), 3);
    gn_book_handle h = gn_table_next_check(&f.table);
    assert_true(gn_id_eq(&gn_book_get(&f.book, h)->id, &next.id));
    assert_int_equal(gn_table_next_check(&f.table), 0);
    struct gn_contact spare = contact(6, 22);
    gn_table_missed(&f.table, &spare.id, f.now); /* a replacement that misses is no replacement */
    assert_int_equal(bucket_len(&f, 6, true), 2);
    end(&f);
}

static void dead_nodes_make_place_first(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, false);
    for (unsigned n = 0; n < 16; n++) {
        struct gn_contact c = contact(6, n);

        assert_true(answered(&f, &c, GN_MS(20)));
    }
    f.now += GN_MINUTES(16);
    struct gn_contact fresh = contact(6, 50);
    assert_true(gn_table_wants(&f.table, &fresh, f.now));
    assert_true(answered(&f, &fresh, GN_MS(900))); /* slow, but alive */
    assert_int_equal(gn_table_live_len(&f.table, f.now), 1);
    end(&f);
}

static void only_live_nodes_are_handed_on_nearest_first(void **state)
{
    struct fixture f;
    gn_book_handle out[16];

    (void)state;
    begin(&f, false);
    for (unsigned bucket = 0; bucket < 8; bucket++) {
        for (unsigned n = 0; n < 10; n++) {
            struct gn_contact c = contact(bucket, n * 3);

            assert_true(answered(&f, &c, GN_MS(20)));
        }
    }
    struct gn_contact doubted = contact(5, 3);
    gn_table_missed(&f.table, &doubted.id, f.now);
    for (unsigned t = 0; t < 200; t++) {
        struct gn_id target = contact(t % 9, t * 7).id;
        struct gn_id except = contact(4, 6).id;
        struct gn_table_wish wish = {.target = &target, .except = &except, .which = GN_TABLE_LIVE, .now = f.now};
        size_t n = gn_table_closest(&f.table, out, 16, &wish);
        uint32_t cursor = 0;
        unsigned bucket = 0;
        bool replacement = false;
        const struct gn_table_entry *e;

        assert_int_equal(n, 16);
        for (size_t i = 1; i < n; i++) {
            assert_true(
                gn_id_closer(&target, &gn_book_get(&f.book, out[i - 1])->id, &gn_book_get(&f.book, out[i])->id) < 0);
        }
        /* Nobody who was left out is nearer than the last one. */
        while ((e = gn_table_next(&f.table, &cursor, &bucket, &replacement)) != NULL) {
            const struct gn_id *id = &gn_book_get(&f.book, e->contact)->id;
            bool chosen = false;

            for (size_t i = 0; i < n; i++) {
                chosen = chosen || out[i] == e->contact;
            }
            if (gn_id_eq(id, &doubted.id) || gn_id_eq(id, &except)) {
                assert_false(chosen);
            } else if (!chosen) {
                assert_true(gn_id_closer(&target, &gn_book_get(&f.book, out[n - 1])->id, id) < 0);
            }
        }
    }
    f.now += GN_MINUTES(16);
    struct gn_table_wish wish = {.target = &f.table.self, .which = GN_TABLE_LIVE, .now = f.now};
    assert_int_equal(gn_table_closest(&f.table, out, 16, &wish), 0);
    wish.which = GN_TABLE_ANY;
    assert_int_equal(gn_table_closest(&f.table, out, 16, &wish), 16);
    end(&f);
}

static void a_new_address_or_key_replaces_the_old_one(void **state)
{
    struct fixture f;
    struct gn_contact c = contact(2, 1);

    (void)state;
    begin(&f, false);
    assert_true(answered(&f, &c, GN_MS(50)));
    c.addr.port = 9;
    c.epk[0] = 7;
    assert_true(gn_table_wants(&f.table, &c, f.now));
    assert_true(answered(&f, &c, GN_MS(50)));
    assert_int_equal(f.table.len, 1);
    const struct gn_contact *now = gn_book_get(&f.book, gn_table_find(&f.table, &c.id)->contact);
    assert_int_equal(now->addr.port, 9);
    assert_int_equal(now->epk[0], 7);
    assert_false(gn_table_wants(&f.table, &c, f.now));
    struct gn_contact self = {.addr = c.addr};
    assert_false(gn_table_wants(&f.table, &self, f.now));
    assert_false(answered(&f, &self, GN_MS(50)));
    end(&f);
}

static void oldest_entry_of_a_bucket_is_pinged_unless_fresh(void **state)
{
    struct fixture f;
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 1);
    begin(&f, false);
    assert_int_equal(gn_table_oldest(&f.table, 20, &rng, f.now), 0);
    struct gn_contact old = contact(3, 1);
    struct gn_contact young = contact(3, 2);
    assert_true(answered(&f, &old, GN_MS(50)));
    assert_int_equal(gn_table_oldest(&f.table, 20, &rng, f.now), 0);
    f.now += GN_SECONDS(30);
    assert_true(answered(&f, &young, GN_MS(50)));
    gn_book_handle h = gn_table_oldest(&f.table, 20, &rng, f.now);
    assert_true(gn_id_eq(&gn_book_get(&f.book, h)->id, &old.id));
    end(&f);
}

static void idle_ranges_are_named_once_and_random_ids_fall_into_them(void **state)
{
    struct fixture f;
    struct gn_rng rng;

    (void)state;
    gn_rng_init_test(&rng, 1, 2);
    begin(&f, false);
    assert_int_equal(gn_table_idle_bucket(&f.table, GN_MINUTES(10), f.now), -1);
    struct gn_contact deep = contact(11, 1);
    assert_true(answered(&f, &deep, GN_MS(50)));
    for (unsigned i = 0; i < 12; i++) {
        struct gn_id id;
        int index = gn_table_idle_bucket(&f.table, GN_MINUTES(10), f.now);

        assert_int_equal(index, (int)i);
        gn_table_random_id(&f.table, &id, (unsigned)index, &rng);
        assert_int_equal(gn_id_common_bits(&f.table.self, &id), i);
        gn_table_touch(&f.table, &id, f.now);
    }
    assert_int_equal(gn_table_idle_bucket(&f.table, GN_MINUTES(10), f.now), -1);
    f.now += GN_MINUTES(10);
    assert_int_equal(gn_table_idle_bucket(&f.table, GN_MINUTES(10), f.now), 0);
    end(&f);
}

static void network_change_checks_everybody_once(void **state)
{
    struct fixture f;
    unsigned n = 0;

    (void)state;
    begin(&f, false);
    for (unsigned i = 0; i < 40; i++) {
        struct gn_contact c = contact(i % 4, i);

        assert_true(answered(&f, &c, GN_MS(50)));
    }
    gn_table_check_all(&f.table);
    struct gn_contact heard = contact(1, 1);
    assert_true(answered(&f, &heard, GN_MS(50))); /* needs no check any more */
    while (gn_table_next_check(&f.table) != 0) {
        n++;
    }
    assert_int_equal(n, 39);
    end(&f);
}

static void snapshot_comes_back_as_it_was(void **state)
{
    struct fixture f;
    static uint8_t bytes[GN_TABLE_SAVE_BYTES];
    struct gn_contact c;
    size_t n = 0;

    (void)state;
    begin(&f, false);
    for (unsigned bucket = 0; bucket < 8; bucket++) {
        for (unsigned i = 0; i < 40; i++) {
            c = contact(bucket, i);
            if (i == 5) {
                c.addr = (struct gn_addr){.family = GN_ADDR_V6, .port = 99, .ip = {0x20, 1, (uint8_t)bucket, 7}};
            }
            (void)answered(&f, &c, GN_MS(20));
        }
    }
    size_t len = gn_table_save(&f.table, bytes, sizeof bytes, f.now);
    while (gn_table_saved(&c, gn_slice_of(bytes, len), n)) {
        const struct gn_table_entry *e = gn_table_find(&f.table, &c.id);

        assert_non_null(e);
        assert_memory_equal(&c.addr, &gn_book_get(&f.book, e->contact)->addr, sizeof c.addr);
        if (n < 8) {
            assert_int_equal(gn_id_common_bits(&f.table.self, &c.id), 7 - n); /* one of each bucket first */
        }
        n++;
    }
    assert_int_equal(n, f.table.len < GN_TABLE_SAVE_MAX ? f.table.len : GN_TABLE_SAVE_MAX);
    f.now += GN_MINUTES(20);
    assert_int_equal(gn_table_save(&f.table, bytes, sizeof bytes, f.now), 3); /* nobody lives */
    end(&f);
}

static void a_broken_snapshot_is_no_snapshot(void **state)
{
    struct fixture f;
    static uint8_t bytes[GN_TABLE_SAVE_BYTES];
    struct gn_contact c = contact(1, 1);

    (void)state;
    begin(&f, false);
    assert_true(answered(&f, &c, GN_MS(20)));
    size_t len = gn_table_save(&f.table, bytes, sizeof bytes, f.now);
    assert_true(gn_table_saved(&c, gn_slice_of(bytes, len), 0));
    for (size_t cut = 0; cut < len; cut++) {
        assert_false(gn_table_saved(&c, gn_slice_of(bytes, cut), 0));
    }
    assert_false(gn_table_saved(&c, gn_slice_of(bytes, len + 1), 0));
    bytes[0] = 2; /* a later version */
    assert_false(gn_table_saved(&c, gn_slice_of(bytes, len), 0));
    bytes[0] = 1;
    bytes[1] = 0xff;
    assert_false(gn_table_saved(&c, gn_slice_of(bytes, len), 0));
    bytes[1] = 0;
    bytes[3 + 64] = 9; /* an address family that does not exist: an address that is not usable */
    assert_true(gn_table_saved(&c, gn_slice_of(bytes, len), 0));
    assert_int_equal(c.addr.family, GN_ADDR_NONE);
    end(&f);
}

static void failing_memory_refuses_but_breaks_nothing(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 60; nth++) {
        struct fixture f;

        begin(&f, false);
        f.fa.fail_at = nth;
        for (unsigned i = 0; i < 100; i++) {
            struct gn_contact c = contact(i % 5, i);
            gn_book_handle h;

            if (gn_book_take(&f.book, &h, &c) == GN_OK) {
                (void)gn_table_answered(&f.table, h, GN_MS(10 + i), f.now);
                gn_book_drop(&f.book, h);
            }
            assert_true(gn_table_is_sound(&f.table));
        }
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(low_buckets_are_wide_and_losers_wait),
        cmocka_unit_test(quicker_node_takes_the_place_of_a_slow_one),
        cmocka_unit_test(every_prefix_below_a_bucket_keeps_a_node),
        cmocka_unit_test(an_address_group_gets_two_of_a_bucket_and_three_of_the_table),
        cmocka_unit_test(private_addresses_are_exempt_where_allowed_and_unwanted_where_not),
        cmocka_unit_test(node_is_dropped_after_three_misses_apart_while_others_answer),
        cmocka_unit_test(nobody_is_dropped_while_nobody_answers),
        cmocka_unit_test(the_best_replacement_moves_up_and_is_checked),
        cmocka_unit_test(dead_nodes_make_place_first),
        cmocka_unit_test(only_live_nodes_are_handed_on_nearest_first),
        cmocka_unit_test(a_new_address_or_key_replaces_the_old_one),
        cmocka_unit_test(oldest_entry_of_a_bucket_is_pinged_unless_fresh),
        cmocka_unit_test(idle_ranges_are_named_once_and_random_ids_fall_into_them),
        cmocka_unit_test(network_change_checks_everybody_once),
        cmocka_unit_test(snapshot_comes_back_as_it_was),
        cmocka_unit_test(a_broken_snapshot_is_no_snapshot),
        cmocka_unit_test(failing_memory_refuses_but_breaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
