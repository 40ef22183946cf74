/* tests/unit/storage/test_store.c - what every back end of the store promises. */
#include "tests/unit/storage/store_fixtures.h"

struct seen {
    unsigned n;
    unsigned stop_at;
    uint32_t subs[64];
    uint32_t targets[64];
};

static bool see(void *data, const struct gn_store_record *r)
{
    struct seen *seen = data;
    assert_true(seen->n < GN_ARRAY_LEN(seen->subs));
    seen->targets[seen->n] = gn_load_u32(r->key.target.b);
    seen->subs[seen->n++] = gn_load_u32(r->key.sub.b);
    return seen->stop_at == 0 || seen->n < seen->stop_at;
}

static void a_record_comes_back_as_it_was_put(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    struct gn_store_record in = record_of(key_of(GN_STORE_MUTABLE, 5, 0), "hello", 1000);
    in.flags = GN_STORE_OWNED;
    assert_int_equal(gn_store_put(s, &in), GN_OK);
    struct gn_store_record out;
    assert_int_equal(gn_store_get(s, &out, &in.key), GN_OK);
    assert_true(gn_slice_eq(out.data, in.data));
    assert_memory_equal(&out.key, &in.key, sizeof in.key);
    assert_true(out.expires_at == 1000 && out.stored_at == 7 && out.seq == 3 && out.group == 9);
    assert_int_equal(out.flags, GN_STORE_OWNED);
    struct gn_store_key other = key_of(GN_STORE_IMMUTABLE, 5, 0);
    assert_int_equal(gn_store_get(s, &out, &other), GN_E_NOT_FOUND);
    assert_string_equal(gn_store_error_text(s), "");
}

static void the_longest_record_fits_and_one_byte_more_does_not(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    uint8_t *big = malloc(GN_STORE_RECORD_MAX + 1U);
    fill_pattern(big, GN_STORE_RECORD_MAX + 1U, 1);
    struct gn_store_record r = record_of(key_of(GN_STORE_IMMUTABLE, 1, 0), "", 5);
    assert_int_equal(gn_store_put(s, &r), GN_E_INVALID);
    r.data = gn_slice_of(big, GN_STORE_RECORD_MAX + 1U);
    assert_int_equal(gn_store_put(s, &r), GN_E_INVALID);
    r.data.len--;
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    struct gn_store_record out;
    assert_int_equal(gn_store_get(s, &out, &r.key), GN_OK);
    assert_true(gn_slice_eq(out.data, r.data));
    free(big);
}

static void keys_that_make_no_sense_are_refused(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    struct gn_store_record r = record_of(key_of(GN_STORE_IMMUTABLE, 1, 0), "x", 5);
    size_t n = 0;
    r.key.sub.b[3] = 1; /* only providers have one */
    assert_int_equal(gn_store_put(s, &r), GN_E_INVALID);
    assert_int_equal(gn_store_del(s, &r.key), GN_E_INVALID);
    assert_int_equal(gn_store_get(s, &r, &r.key), GN_E_INVALID);
    r.key = key_of(0, 1, 0);
    assert_int_equal(gn_store_put(s, &r), GN_E_INVALID);
    r.key.kind = 4;
    assert_int_equal(gn_store_put(s, &r), GN_E_INVALID);
    assert_int_equal(gn_store_count(s, &n, 4, &r.key.target, 10), GN_E_INVALID);
    assert_int_equal(gn_store_list(s, 0, &r.key.target, 10, see, NULL), GN_E_INVALID);
}

static void a_replaced_record_is_counted_once(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    struct gn_store_key k = key_of(GN_STORE_MUTABLE, 5, 0);
    put(s, k, "first", 100);
    struct gn_store_record r = record_of(k, "second one", 200);
    r.group = 44;
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    struct gn_store_stats st;
    struct gn_store_usage u;
    gn_wall_s next = 0;
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_true(st.all.count == 1 && st.all.bytes == 10 + GN_STORE_OVERHEAD);
    assert_true(st.kind_count[GN_STORE_MUTABLE] == 1 && st.limit_bytes == LIMIT && st.size_bytes > 0);
    assert_int_equal(gn_store_group_usage(s, &u, 9), GN_OK);
    assert_true(u.count == 0 && u.bytes == 0);
    assert_int_equal(gn_store_group_usage(s, &u, 44), GN_OK);
    assert_true(u.count == 1 && u.bytes == st.all.bytes);
    assert_int_equal(gn_store_next_expiry(s, &next), GN_OK);
    assert_int_equal(next, 200); /* nothing is left of the 100 */
}

static void a_deleted_record_leaves_no_trace(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    struct gn_store_key k = key_of(GN_STORE_PROVIDER, 5, 6);
    assert_int_equal(gn_store_del(s, &k), GN_E_NOT_FOUND);
    put(s, k, "x", 100);
    assert_int_equal(gn_store_del(s, &k), GN_OK);
    assert_int_equal(gn_store_del(s, &k), GN_E_NOT_FOUND);
    struct gn_store_stats st;
    struct gn_store_usage u;
    gn_wall_s next = 0;
    assert_false(has(s, k));
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_true(st.all.count == 0 && st.all.bytes == 0 && st.kind_count[GN_STORE_PROVIDER] == 0);
    assert_int_equal(gn_store_group_usage(s, &u, 9), GN_OK);
    assert_true(u.count == 0 && u.bytes == 0);
    assert_int_equal(gn_store_next_expiry(s, &next), GN_OK);
    assert_true(next == UINT64_MAX);
}

static void providers_of_a_target_are_listed_in_order_and_no_others(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    for (unsigned i = 20; i-- > 0;)
        put(s, key_of(GN_STORE_PROVIDER, 5, i), "p", 100);
    put(s, key_of(GN_STORE_PROVIDER, 4, 99), "p", 100);
    put(s, key_of(GN_STORE_PROVIDER, 6, 0), "p", 100);
    put(s, key_of(GN_STORE_MUTABLE, 5, 0), "m", 100);
    struct gn_id target = key_of(GN_STORE_PROVIDER, 5, 0).target;
    struct seen seen = {0};
    assert_int_equal(gn_store_list(s, GN_STORE_PROVIDER, &target, 100, see, &seen), GN_OK);
    assert_int_equal(seen.n, 20);
    for (unsigned i = 0; i < 20; i++)
        assert_true(seen.targets[i] == 5 && seen.subs[i] == i);
    seen = (struct seen){0};
    assert_int_equal(gn_store_list(s, GN_STORE_PROVIDER, &target, 7, see, &seen), GN_OK);
    assert_int_equal(seen.n, 7);
    seen = (struct seen){.stop_at = 3};
    assert_int_equal(gn_store_list(s, GN_STORE_PROVIDER, &target, 7, see, &seen), GN_OK);
    assert_int_equal(seen.n, 3);
    seen = (struct seen){0};
    assert_int_equal(gn_store_list(s, GN_STORE_PROVIDER, &target, 0, see, &seen), GN_OK);
    assert_int_equal(seen.n, 0);
    size_t n = 0;
    assert_int_equal(gn_store_count(s, &n, GN_STORE_PROVIDER, &target, 100), GN_OK);
    assert_int_equal(n, 20);
    assert_int_equal(gn_store_count(s, &n, GN_STORE_PROVIDER, &target, 11), GN_OK);
    assert_int_equal(n, 11);
    assert_int_equal(gn_store_count(s, &n, GN_STORE_IMMUTABLE, &target, 11), GN_OK);
    assert_int_equal(n, 0);
}

static void a_scan_in_pieces_sees_everything_once(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    for (unsigned i = 0; i < 23; i++)
        put(s, key_of((uint8_t)(1 + i % 3), i, i), "r", 100);
    struct gn_store_key last = {.kind = GN_STORE_PROVIDER};
    memset(last.target.b, 0xff, sizeof last.target.b);
    memset(last.sub.b, 0xff, sizeof last.sub.b);
    put(s, last, "the greatest key there can be", 100);
    for (size_t piece = 1; piece < 30; piece += 4) {
        struct gn_store_scan scan;
        struct seen seen = {0};
        unsigned calls = 0;
        for (gn_store_scan_start(&scan); !scan.done; calls++) {
            unsigned before = seen.n;
            assert_int_equal(gn_store_scan(s, &scan, piece, see, &seen), GN_OK);
            assert_true(seen.n - before <= piece);
            assert_true(calls < 40);
        }
        assert_int_equal(seen.n, 24);
        assert_int_equal(gn_store_scan(s, &scan, piece, see, &seen), GN_OK);
        assert_int_equal(seen.n, 24); /* over is over */
    }
    struct gn_store_scan scan;
    struct seen seen = {.stop_at = 1};
    gn_store_scan_start(&scan);
    for (unsigned i = 1; i <= 24; i++) { /* a visitor that stops is called again with the next one */
        seen.stop_at = i;
        assert_int_equal(gn_store_scan(s, &scan, 10, see, &seen), GN_OK);
        assert_int_equal(seen.n, i);
    }
    assert_int_equal(gn_store_scan(s, &scan, 10, see, &seen), GN_OK);
    assert_int_equal(seen.n, 24);
    assert_true(scan.done);
}

static void a_scan_goes_on_although_records_come_and_go(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    for (unsigned i = 0; i < 10; i++)
        put(s, key_of(GN_STORE_IMMUTABLE, i * 10, 0), "r", 100);
    struct gn_store_scan scan;
    struct seen seen = {0};
    gn_store_scan_start(&scan);
    assert_int_equal(gn_store_scan(s, &scan, 5, see, &seen), GN_OK);
    struct gn_store_key next = key_of(GN_STORE_IMMUTABLE, 50, 0);
    assert_int_equal(gn_store_del(s, &next), GN_OK);
    put(s, key_of(GN_STORE_IMMUTABLE, 7, 0), "behind the cursor", 100);
    put(s, key_of(GN_STORE_IMMUTABLE, 55, 0), "before the cursor", 100);
    assert_int_equal(gn_store_scan(s, &scan, 50, see, &seen), GN_OK);
    assert_true(scan.done);
    assert_int_equal(seen.n, 10);
    assert_int_equal(seen.targets[5], 55);
}

static void expiry_takes_the_oldest_first_in_bounded_bites(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    for (unsigned i = 0; i < 10; i++)
        put(s, key_of(GN_STORE_IMMUTABLE, i, 0), "r", 100 + (i * 7) % 10);
    put(s, key_of(GN_STORE_IMMUTABLE, 77, 0), "for ever", UINT64_MAX);
    size_t n = 99;
    gn_wall_s next = 0;
    assert_int_equal(gn_store_next_expiry(s, &next), GN_OK);
    assert_int_equal(next, 100);
    assert_int_equal(gn_store_expire(s, &n, 99, 100), GN_OK);
    assert_int_equal(n, 0);
    assert_int_equal(gn_store_expire(s, &n, 104, 3), GN_OK);
    assert_int_equal(n, 3);
    assert_int_equal(gn_store_next_expiry(s, &next), GN_OK);
    assert_int_equal(next, 103);
    assert_int_equal(gn_store_expire(s, &n, 104, 100), GN_OK);
    assert_int_equal(n, 2);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(has(s, key_of(GN_STORE_IMMUTABLE, i, 0)), (i * 7) % 10 > 4);
    assert_int_equal(gn_store_expire(s, &n, UINT64_MAX, 100), GN_OK);
    assert_int_equal(n, 5);
    assert_true(has(s, key_of(GN_STORE_IMMUTABLE, 77, 0)));
    assert_int_equal(gn_store_expire(s, &n, UINT64_MAX, GN_STORE_BATCH_OPS + 1U), GN_E_INVALID);
    assert_int_equal(gn_store_expire(s, &n, UINT64_MAX, 0), GN_OK);
    struct gn_store_usage u;
    assert_int_equal(gn_store_group_usage(s, &u, 9), GN_OK);
    assert_int_equal(u.count, 1);
}

static void owned_records_are_counted_apart(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    struct gn_store_record r = record_of(key_of(GN_STORE_MUTABLE, 1, 0), "abc", 100);
    put(s, key_of(GN_STORE_MUTABLE, 2, 0), "abcd", 100);
    r.flags = GN_STORE_OWNED;
    r.group = 0;
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    struct gn_store_stats st;
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_true(st.all.count == 2 && st.owned.count == 1 && st.owned.bytes == 3 + GN_STORE_OVERHEAD);
    r.flags = 0;
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_true(st.all.count == 2 && st.owned.count == 0 && st.owned.bytes == 0);
}

static void a_batch_is_seen_by_its_own_reads_and_undone_by_a_rollback(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    struct gn_store_key a = key_of(GN_STORE_MUTABLE, 1, 0);
    struct gn_store_key b = key_of(GN_STORE_MUTABLE, 2, 0);
    struct gn_store_key c = key_of(GN_STORE_MUTABLE, 3, 0);
    struct gn_store_stats before;
    struct gn_store_stats after;
    struct gn_store_record out;
    struct gn_slice meta;
    size_t n = 0;
    put(s, a, "a1", 100);
    put(s, c, "c1", 50);
    assert_int_equal(gn_store_meta_put(s, "m", gn_slice_str("old")), GN_OK);
    assert_int_equal(gn_store_stats(s, &before), GN_OK);
    assert_int_equal(gn_store_begin(s), GN_OK);
    assert_int_equal(gn_store_begin(s), GN_E_INVALID);
    struct gn_store_record r = record_of(a, "a2", 200);
    r.group = 1234;
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    r.data = gn_slice_str("a3");
    assert_int_equal(gn_store_put(s, &r), GN_OK);
    put(s, b, "b", 100);
    assert_int_equal(gn_store_del(s, &b), GN_OK);
    assert_int_equal(gn_store_del(s, &b), GN_E_NOT_FOUND); /* does not spoil the batch */
    put(s, b, "b again", 100);
    assert_int_equal(gn_store_expire(s, &n, 60, 10), GN_OK);
    assert_int_equal(n, 1);
    assert_int_equal(gn_store_meta_put(s, "m", gn_slice_str("new")), GN_OK);
    assert_int_equal(gn_store_file_put(s, &a.target, gn_slice_str("file")), GN_OK);
    assert_int_equal(gn_store_get(s, &out, &a), GN_OK);
    assert_true(gn_slice_eq(out.data, gn_slice_str("a3")));
    assert_true(has(s, b) && !has(s, c));
    gn_store_rollback(s);
    gn_store_rollback(s); /* none open: nothing happens */
    assert_int_equal(gn_store_commit(s), GN_E_INVALID);
    assert_int_equal(gn_store_get(s, &out, &a), GN_OK);
    assert_true(gn_slice_eq(out.data, gn_slice_str("a1")) && out.group == 9);
    assert_true(!has(s, b) && has(s, c));
    assert_int_equal(gn_store_meta_get(s, &meta, "m"), GN_OK);
    assert_true(gn_slice_eq(meta, gn_slice_str("old")));
    assert_int_equal(gn_store_file_get(s, &meta, &a.target), GN_E_NOT_FOUND);
    assert_int_equal(gn_store_stats(s, &after), GN_OK);
    assert_true(after.all.count == before.all.count && after.all.bytes == before.all.bytes && after.file_count == 0);
    struct gn_store_usage u;
    assert_int_equal(gn_store_group_usage(s, &u, 1234), GN_OK);
    assert_int_equal(u.count, 0);
    assert_int_equal(gn_store_group_usage(s, &u, 9), GN_OK);
    assert_int_equal(u.count, 2);
    assert_int_equal(gn_store_expire(s, &n, 60, 10), GN_OK);
    assert_int_equal(n, 1); /* the expiry index came back, too */
}

static void a_batch_has_limits_and_stays_usable_past_them(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    assert_int_equal(gn_store_begin(s), GN_OK);
    for (unsigned i = 0; i < GN_STORE_BATCH_OPS; i++)
        put(s, key_of(GN_STORE_IMMUTABLE, i, 0), "r", 100);
    struct gn_store_record r = record_of(key_of(GN_STORE_IMMUTABLE, 5000, 0), "r", 100);
    size_t n = 0;
    assert_int_equal(gn_store_put(s, &r), GN_E_LIMIT);
    assert_int_equal(gn_store_expire(s, &n, 200, 1), GN_E_LIMIT);
    assert_int_equal(gn_store_meta_put(s, "m", gn_slice_str("x")), GN_E_LIMIT);
    assert_int_equal(gn_store_meta_del(s, "m"), GN_E_LIMIT);
    assert_int_equal(gn_store_file_put(s, &r.key.target, gn_slice_str("x")), GN_E_LIMIT);
    assert_int_equal(gn_store_file_del(s, &r.key.target), GN_E_LIMIT);
    assert_int_equal(gn_store_del(s, &r.key), GN_E_LIMIT);
    assert_int_equal(gn_store_commit(s), GN_OK);
    struct gn_store_stats st;
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_int_equal(st.all.count, GN_STORE_BATCH_OPS);
    put(s, r.key, "r", 100);
    assert_int_equal(gn_store_expire(s, &n, 200, GN_STORE_BATCH_OPS), GN_OK);
    assert_int_equal(n, GN_STORE_BATCH_OPS);
}

static void named_values_come_back_are_replaced_and_removed(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    uint8_t *big = malloc(GN_STORE_META_MAX + 1U);
    fill_pattern(big, GN_STORE_META_MAX + 1U, 2);
    struct gn_slice out = gn_slice_str("x");
    assert_int_equal(gn_store_meta_get(s, &out, "table"), GN_E_NOT_FOUND);
    assert_int_equal(out.len, 0);
    assert_int_equal(gn_store_meta_put(s, "table", gn_slice_of(big, GN_STORE_META_MAX)), GN_OK);
    assert_int_equal(gn_store_meta_put(s, "tab", gn_slice_of(NULL, 0)), GN_OK);
    assert_int_equal(gn_store_meta_get(s, &out, "table"), GN_OK);
    assert_true(gn_slice_eq(out, gn_slice_of(big, GN_STORE_META_MAX)));
    assert_int_equal(gn_store_meta_get(s, &out, "tab"), GN_OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(gn_store_meta_put(s, "table", gn_slice_of(big, GN_STORE_META_MAX + 1U)), GN_E_INVALID);
    assert_int_equal(gn_store_meta_put(s, "table", gn_slice_str("short")), GN_OK);
    assert_int_equal(gn_store_meta_get(s, &out, "table"), GN_OK);
    assert_true(gn_slice_eq(out, gn_slice_str("short")));
    struct gn_store_stats st;
    assert_int_equal(gn_store_stats(s, &st), GN_OK);
    assert_int_equal(st.meta_count, 2);
    assert_int_equal(gn_store_meta_del(s, "table"), GN_OK);
    assert_int_equal(gn_store_meta_del(s, "table"), GN_E_NOT_FOUND);
    free(big);
}

static void names_have_one_to_sixty_four_bytes(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    char name[GN_STORE_META_NAME_MAX + 2U] = {0};
    struct gn_slice out;
    assert_int_equal(gn_store_meta_put(s, "", gn_slice_str("x")), GN_E_INVALID);
    assert_int_equal(gn_store_meta_get(s, &out, ""), GN_E_INVALID);
    assert_int_equal(gn_store_meta_get(s, &out, NULL), GN_E_INVALID);
    assert_int_equal(gn_store_meta_del(s, ""), GN_E_INVALID);
    memset(name, 'n', GN_STORE_META_NAME_MAX);
    assert_int_equal(gn_store_meta_put(s, name, gn_slice_str("x")), GN_OK);
    assert_int_equal(gn_store_meta_get(s, &out, name), GN_OK);
    name[GN_STORE_META_NAME_MAX] = 'n';
    assert_int_equal(gn_store_meta_put(s, name, gn_slice_str("x")), GN_E_INVALID);
}

struct files_seen {
    unsigned n;
    struct gn_id last;
};

static bool see_file(void *data, const struct gn_id *id, struct gn_slice entry)
{
    struct files_seen *f = data;
    assert_true(f->n == 0 || gn_id_cmp(&f->last, id) < 0);
    assert_int_equal(entry.len, 5);
    f->last = *id;
    return ++f->n < 7;
}

static void the_index_of_files_is_walked_in_pieces(void **state)
{
    struct gn_store *s = ((struct world *)*state)->store;
    struct gn_id id = {{0}};
    struct gn_slice out;
    for (unsigned i = 0; i < 15; i++) {
        id.b[0] = (uint8_t)(i * 37);
        assert_int_equal(gn_store_file_put(s, &id, gn_slice_str("entry")), GN_OK);
    }
    assert_int_equal(gn_store_file_get(s, &out, &id), GN_OK);
    assert_true(gn_slice_eq(out, gn_slice_str("entry")));
    struct files_seen f = {0};
    assert_int_equal(gn_store_file_list(s, NULL, 4, see_file, &f), GN_OK);
    assert_int_equal(f.n, 4);
    struct gn_id after = f.last;
    assert_int_equal(gn_store_file_list(s, &after, 100, see_file, &f), GN_OK);
    assert_int_equal(f.n, 7); /* the visitor stopped */
    after = f.last;
    after.b[31] = 1; /* an id that is not there: goes on behind it */
    f.n = 1;
    assert_int_equal(gn_store_file_list(s, &after, 6, see_file, &f), GN_OK);
    assert_int_equal(f.n, 7);
    memset(after.b, 0xff, sizeof after.b);
    f.n = 0;
    assert_int_equal(gn_store_file_list(s, &after, 6, see_file, &f), GN_OK);
    assert_int_equal(gn_store_file_list(s, NULL, 0, see_file, &f), GN_OK);
    assert_int_equal(f.n, 0);
    uint8_t big[GN_STORE_FILE_MAX + 1U] = {0};
    assert_int_equal(gn_store_file_put(s, &id, gn_slice_of(big, sizeof big)), GN_E_INVALID);
    assert_int_equal(gn_store_file_put(s, &id, gn_slice_of(big, 0)), GN_E_INVALID);
    assert_int_equal(gn_store_file_put(s, &id, gn_slice_of(big, sizeof big - 1U)), GN_OK);
    assert_int_equal(gn_store_file_del(s, &id), GN_OK);
    assert_int_equal(gn_store_file_del(s, &id), GN_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_record_comes_back_as_it_was_put),
        BOTH(the_longest_record_fits_and_one_byte_more_does_not),
        BOTH(keys_that_make_no_sense_are_refused),
        BOTH(a_replaced_record_is_counted_once),
        BOTH(a_deleted_record_leaves_no_trace),
        BOTH(providers_of_a_target_are_listed_in_order_and_no_others),
        BOTH(a_scan_in_pieces_sees_everything_once),
        BOTH(a_scan_goes_on_although_records_come_and_go),
        BOTH(expiry_takes_the_oldest_first_in_bounded_bites),
        BOTH(owned_records_are_counted_apart),
        BOTH(a_batch_is_seen_by_its_own_reads_and_undone_by_a_rollback),
        BOTH(a_batch_has_limits_and_stays_usable_past_them),
        BOTH(named_values_come_back_are_replaced_and_removed),
        BOTH(names_have_one_to_sixty_four_bytes),
        BOTH(the_index_of_files_is_walked_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
