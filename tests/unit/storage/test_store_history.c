/* tests/unit/storage/test_store_history.c - full stores, and long random histories, on every back end. */
#include "base/rng.h"
#include "tests/unit/storage/store_fixtures.h"

/* Fills the store until it refuses; returns how many fitted. */
static unsigned fill(struct gn_store *s, const uint8_t *data, size_t len)
{
    for (unsigned i = 0; i < 10000; i++) {
        struct gn_store_record r = record_of(key_of(GN_STORE_IMMUTABLE, i, 0), "", 100 + i);
        r.data = gn_slice_of(data, len);
        enum gn_err e = gn_store_put(s, &r);
        if (e == GN_E_NO_SPACE)
            return i;
        assert_int_equal(e, GN_OK);
    }
    fail();
    return 0;
}

static void a_full_store_says_so_keeps_everything_and_can_be_emptied(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    static uint8_t data[20000];
    for (unsigned round = 0; round < 3; round++) {
        unsigned n = fill(s, data, sizeof data);
        assert_true(n > 100 && n * sizeof data <= LIMIT);
        assert_non_null(strstr(gn_store_error_text(s), "limit"));
        struct gn_store_stats st;
        assert_int_equal(gn_store_stats(s, &st), GN_OK);
        assert_int_equal(st.all.count, n);
        for (unsigned i = 0; i < n; i++)
            assert_true(has(s, key_of(GN_STORE_IMMUTABLE, i, 0)));
        struct gn_store_key k = key_of(GN_STORE_IMMUTABLE, n / 2, 0);
        assert_int_equal(gn_store_del(s, &k), GN_OK);
        size_t removed = 0;
        assert_int_equal(gn_store_expire(s, &removed, 10000, GN_STORE_BATCH_OPS), GN_OK);
        assert_int_equal(removed, n - 1);
        assert_int_equal(gn_store_stats(s, &st), GN_OK);
        assert_int_equal(st.all.bytes, 0);
    }
}

static void a_batch_that_meets_the_limit_is_undone_as_a_whole(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    static uint8_t data[60000];
    put(s, key_of(GN_STORE_MUTABLE, 1, 0), "kept", 100);
    assert_int_equal(gn_store_begin(s), GN_OK);
    enum gn_err e = GN_OK;
    unsigned n = 0;
    for (; e == GN_OK && n < 100; n++) {
        struct gn_store_record r = record_of(key_of(GN_STORE_IMMUTABLE, n, 0), "", 100);
        r.data = gn_slice_of(data, sizeof data);
        e = gn_store_put(s, &r);
    }
    assert_int_equal(e, GN_E_NO_SPACE);
    struct gn_store_key k = key_of(GN_STORE_MUTABLE, 1, 0);
    assert_int_equal(gn_store_del(s, &k), GN_E_NO_SPACE); /* the batch is lost, all of it says so */
    assert_true(has(s, k));
    assert_int_equal(gn_store_commit(s), GN_E_NO_SPACE);
    struct gn_store_stats st;
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_int_equal(st.all.count, 1);
    assert_true(has(s, k));
    put(s, key_of(GN_STORE_MUTABLE, 2, 0), "goes on", 100);
}

/* ---- against a model that is too simple to be wrong ---- */

#define MODEL 48U
struct model {
    bool there[MODEL];
    uint8_t len[MODEL];
    gn_wall_s expires_at[MODEL];
    uint64_t group[MODEL];
};

static struct gn_store_key model_key(unsigned i)
{
    uint8_t kind = (uint8_t)(1 + i % 3);
    return key_of(kind, kind == GN_STORE_PROVIDER ? i / 6 : i, i);
}

static void compare(struct gn_store *s, const struct model *m)
{
    uint64_t count = 0;
    uint64_t bytes = 0;
    gn_wall_s oldest = UINT64_MAX;
    struct gn_store_usage groups[4] = {{0}};
    for (unsigned i = 0; i < MODEL; i++) {
        struct gn_store_record r;
        struct gn_store_key k = model_key(i);
        enum gn_err e = gn_store_get(s, &r, &k);
        assert_int_equal(e, m->there[i] ? GN_OK : GN_E_NOT_FOUND);
        if (!m->there[i])
            continue;
        assert_true(r.data.len == m->len[i] && r.expires_at == m->expires_at[i] && r.group == m->group[i]);
        count++;
        bytes += m->len[i] + GN_STORE_OVERHEAD;
        groups[m->group[i]].count++;
        groups[m->group[i]].bytes += m->len[i] + GN_STORE_OVERHEAD;
        oldest = m->expires_at[i] < oldest ? m->expires_at[i] : oldest;
    }
    struct gn_store_stats st;
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_true(st.all.count == count && st.all.bytes == bytes);
    for (unsigned g = 0; g < 4; g++) {
        struct gn_store_usage u;
        assert_int_equal(gn_store_group_usage(s, &u, g), GN_OK);
        assert_true(u.count == groups[g].count && u.bytes == groups[g].bytes);
    }
    gn_wall_s next = 0;
    assert_int_equal(gn_store_next_expiry(s, &next), GN_OK);
    assert_true(next == oldest);
}

static void model_step(struct gn_store *s, struct model *m, struct gn_rng *rng)
{
    static const uint8_t data[256];
    unsigned i = (unsigned)gn_rng_below(rng, MODEL);
    struct gn_store_key k = model_key(i);
    size_t n = 0;
    gn_wall_s now = 0;
    unsigned left = 5;
    switch (gn_rng_below(rng, 8)) {
    case 0:
    case 1:
        assert_int_equal(gn_store_del(s, &k), m->there[i] ? GN_OK : GN_E_NOT_FOUND);
        m->there[i] = false;
        return;
    case 2: /* expire up to five */
        now = gn_rng_below(rng, 30);
        for (gn_wall_s t = 0; t <= now && left > 0; t++) {
            for (unsigned kind = 1; kind <= 3; kind++) { /* the order of keys breaks ties */
                for (unsigned j = 0; j < MODEL && left > 0; j++) {
                    if (m->there[j] && m->expires_at[j] == t && model_key(j).kind == kind) {
                        m->there[j] = false;
                        left--;
                    }
                }
            }
        }
        assert_int_equal(gn_store_expire(s, &n, now, 5), GN_OK);
        assert_int_equal(n, 5 - left);
        return;
    default:
        break;
    }
    struct gn_store_record r = record_of(k, "", 20 + gn_rng_below(rng, 100));
    r.group = gn_rng_below(rng, 4);
    r.data = gn_slice_of(data, 1 + gn_rng_below(rng, 255));
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    m->there[i] = true;
    m->len[i] = (uint8_t)r.data.len;
    m->expires_at[i] = r.expires_at;
    m->group[i] = r.group;
}

static void random_histories_agree_with_a_simple_model(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    struct gn_rng rng;
    struct model m = {0};
    gn_rng_init_test(&rng, 42, 1);
    for (unsigned batch = 0; batch < 150; batch++) {
        struct model before = m;
        bool explicit = gn_rng_below(&rng, 3) != 0;
        if (explicit)
            assert_int_equal(gn_store_begin(s), GN_OK);
        for (unsigned n = (unsigned)gn_rng_below(&rng, 20); n > 0; n--)
            model_step(s, &m, &rng);
        compare(s, &m);
        if (explicit && gn_rng_below(&rng, 3) == 0) {
            gn_store_rollback(s);
            m = before;
        } else if (explicit) {
            assert_int_equal(gn_store_commit(s), GN_OK);
        }
        compare(s, &m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_full_store_says_so_keeps_everything_and_can_be_emptied),
        BOTH(a_batch_that_meets_the_limit_is_undone_as_a_whole),
        BOTH(random_histories_agree_with_a_simple_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
