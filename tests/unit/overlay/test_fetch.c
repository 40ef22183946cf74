/* tests/unit/overlay/test_fetch.c - the scheduler against simulated providers: fast, slow, lying, silent, leaving.
 *
 * Time is virtual and moves in milliseconds. A provider answers its asks in order, at its own rate.
 */
#include "overlay/files/fetch.h"

#include <string.h>

#include "base/check.h"
#include "tests/support/failing_alloc.h"
#include "tests/support/gn_cmocka.h"

#define PEERS 8U
#define MIB (UINT64_C(1) << 20U)
#define RANGES_MAX 512U

struct sim_ask {
    uint32_t file, range;
    uint64_t left;
};

struct sim_peer {
    /* how it is */
    uint64_t rate; /* bytes per ms; 0: never says anything */
    unsigned latency_ms;
    int lies_at;           /* the n-th range that it delivers is wrong; 0: never */
    unsigned leaves_at_ms; /* 0: never */
    bool unreachable, not_found;
    unsigned grows_ms; /* it gets a range of its own every so often; 0: it has everything */
    /* what happened */
    uint32_t number;
    bool connected, dropped;
    unsigned connects, asked, delivered, looks;
    unsigned connect_at;
    struct sim_ask asks[GN_FETCH_ASKS_MAX + 8U];
    size_t asks_len;
};

static struct sim_peer peers[PEERS];
static unsigned peers_len;
static struct gn_fetch *f;
static struct gn_rng rng;
static uint32_t file;
static uint64_t length;
static unsigned now_ms, searches;
static unsigned copies[RANGES_MAX], done_at[RANGES_MAX];
static bool file_done;
static enum gn_fetch_reason last_reason;

static gn_time_us now(void)
{
    return GN_SECONDS(100) + GN_MS(now_ms);
}

static int begin(void **state)
{
    (void)state;
    memset(peers, 0, sizeof peers);
    memset(copies, 0, sizeof copies);
    memset(done_at, 0, sizeof done_at);
    peers_len = now_ms = searches = 0;
    file_done = false;
    gn_rng_init_test(&rng, 4, 2);
    assert_int_equal(gn_fetch_new(&f, &(struct gn_fetch_config){.alloc = gn_alloc_default(), .rng = &rng}), GN_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gn_fetch_free(f);
    return 0;
}

static struct sim_peer *peer(uint64_t rate)
{
    struct sim_peer *p = &peers[peers_len];
    struct gn_id id = {.b = {(uint8_t)++peers_len}};
    *p = (struct sim_peer){.rate = rate, .latency_ms = 5};
    assert_int_equal(gn_fetch_provider_add(f, &p->number, &id, now()), GN_OK);
    return p;
}

static struct sim_peer *by_number(uint32_t number)
{
    for (unsigned i = 0; i < peers_len; i++) {
        if (peers[i].number == number)
            return &peers[i];
    }
    fail();
    return NULL;
}

static unsigned has_of(const struct sim_peer *p)
{
    return p->grows_ms ? now_ms / p->grows_ms : UINT32_MAX;
}

static void look(struct sim_peer *p)
{
    uint8_t bits[RANGES_MAX / 8U] = {0};
    uint32_t n = gn_fetch_ranges(length);
    p->looks++;
    for (uint32_t i = 0; i < n && i < has_of(p); i++)
        bits[i / 8U] |= (uint8_t)(0x80U >> (i % 8U));
    gn_fetch_available(f, p->number, file, has_of(p) >= n, gn_slice_of(bits, (n + 7U) / 8U), now());
}

static void act_on(const struct gn_fetch_act *act)
{
    struct sim_peer *p =
        act->type == GN_FETCH_SEARCH || act->type == GN_FETCH_FILE_DONE ? NULL : by_number(act->provider);
    switch (act->type) {
    case GN_FETCH_CONNECT:
        assert_false(p->dropped || p->connected);
        p->connects++;
        p->connect_at = now_ms + p->latency_ms;
        return;
    case GN_FETCH_LOOK:
        assert_true(p->connected);
        look(p);
        return;
    case GN_FETCH_ASK:
        assert_true(p->connected && !p->dropped); /* never a dropped one */
        assert_int_equal(done_at[act->range], 0); /* never what is there */
        assert_true(p->asks_len < GN_FETCH_ASKS_MAX);
        assert_true(++copies[act->range] <= GN_FETCH_COPIES);
        p->asked++;
        p->asks[p->asks_len++] =
            (struct sim_ask){.file = act->file, .range = act->range, .left = gn_fetch_range_len(length, act->range)};
        return;
    case GN_FETCH_CLOSE:
        p->connected = false;
        p->connect_at = 0;
        for (size_t i = 0; i < p->asks_len; i++)
            copies[p->asks[i].range]--;
        p->asks_len = 0;
        return;
    case GN_FETCH_DROPPED:
        p->dropped = true;
        last_reason = act->reason;
        return;
    case GN_FETCH_SEARCH:
        searches++;
        return;
    case GN_FETCH_FILE_DONE:
        assert_int_equal(act->file, file);
        file_done = true;
        return;
    }
}

static void lose(struct sim_peer *p)
{
    for (size_t i = 0; i < p->asks_len; i++)
        copies[p->asks[i].range]--;
    p->asks_len = 0;
    p->connected = false;
    p->connect_at = 0;
    gn_fetch_disconnected(f, p->number, now());
}

static void answer_first(struct sim_peer *p)
{
    struct sim_ask a = p->asks[0];
    memmove(p->asks, p->asks + 1, --p->asks_len * sizeof *p->asks);
    copies[a.range]--;
    if (p->not_found) {
        gn_fetch_failed(f, p->number, a.file, a.range, GN_FETCH_F_NOT_FOUND, now());
    } else if (a.range >= has_of(p)) {
        gn_fetch_failed(f, p->number, a.file, a.range, GN_FETCH_F_NOT_HERE, now());
    } else if (p->lies_at && (int)++p->delivered >= p->lies_at) {
        gn_fetch_failed(f, p->number, a.file, a.range, GN_FETCH_F_LIE, now());
    } else {
        p->delivered += !p->lies_at;
        done_at[a.range] = now_ms + 1U;
        gn_fetch_done(f, p->number, a.file, a.range, now());
    }
}

static void live(struct sim_peer *p)
{
    if (p->connect_at && now_ms >= p->connect_at && !p->connected) {
        p->connect_at = 0;
        p->connected = !p->unreachable;
        if (p->connected)
            gn_fetch_connected(f, p->number, now());
        else
            gn_fetch_disconnected(f, p->number, now());
    }
    if (p->connected && p->leaves_at_ms && now_ms >= p->leaves_at_ms) {
        p->unreachable = true;
        lose(p);
    }
    uint64_t budget = p->rate;
    while (p->connected && p->asks_len > 0 && budget > 0) {
        bool refuses = p->not_found || p->asks[0].range >= has_of(p);
        uint64_t n = refuses ? p->asks[0].left : p->asks[0].left < budget ? p->asks[0].left : budget;
        p->asks[0].left -= n;
        budget -= refuses ? 0 : n;
        gn_fetch_progress(f, p->number, refuses ? 8 : n, now());
        if (p->asks[0].left == 0)
            answer_first(p);
    }
}

static void pump(void)
{
    struct gn_fetch_act act;
    for (unsigned i = 0; gn_fetch_next(f, &act, now()); i++) {
        assert_true(i < 10000); /* it ends */
        act_on(&act);
    }
    assert_true(file_done || gn_fetch_deadline(f) > now() || gn_fetch_deadline(f) == GN_TIME_NEVER);
}

/* Returns the ms that it took; fails when it took more than `most`. */
static unsigned run(unsigned most)
{
    for (; now_ms < most && !file_done; now_ms++) {
        pump();
        for (unsigned i = 0; i < peers_len; i++)
            live(&peers[i]);
        pump();
    }
    assert_true(file_done);
    for (uint32_t i = 0; i < gn_fetch_ranges(length); i++)
        assert_true(done_at[i] > 0);
    return now_ms;
}

static void run_on(unsigned until)
{
    for (; now_ms < until && !file_done; now_ms++) {
        pump();
        for (unsigned i = 0; i < peers_len; i++)
            live(&peers[i]);
    }
}

static void open_file(uint64_t bytes)
{
    length = bytes;
    assert_int_equal(gn_fetch_file_add(f, &file, bytes), GN_OK);
}

/* ---- one provider ---- */

static void one_provider_delivers_in_order_and_stays_busy(void **state)
{
    (void)state;
    struct sim_peer *p = peer(100000); /* 100 MB/s */
    open_file(200U * MIB + 1U);
    unsigned took = run(10000);
    assert_int_equal(p->asked, 51);
    assert_true(took < 2300); /* 2,097 ms at full rate */
    for (uint32_t i = 1; i < 51; i++)
        assert_true(done_at[i] >= done_at[i - 1U]);
}

static void a_slow_line_with_latency_is_kept_full(void **state)
{
    (void)state;
    struct sim_peer *p = peer(2000);
    p->latency_ms = 300;
    open_file(20U * MIB);
    assert_true(run(30000) < 11500); /* 10,486 ms at full rate */
}

static void what_is_there_already_is_not_asked(void **state)
{
    (void)state;
    struct sim_peer *p = peer(100000);
    open_file(40U * MIB);
    for (uint32_t i = 0; i < 10; i += 2) {
        gn_fetch_file_mark(f, file, i);
        done_at[i] = 1;
    }
    (void)run(10000);
    assert_int_equal(p->asked, 5);
}

/* ---- several ---- */

static void the_fast_get_more(void **state)
{
    (void)state;
    struct sim_peer *fast = peer(80000), *slow = peer(8000);
    open_file(400U * MIB);
    unsigned took = run(20000);
    assert_true(fast->delivered > 5U * slow->delivered);
    assert_true(slow->delivered >= 3);
    assert_true(took < 5600); /* 4,766 ms at the sum of both rates; the end game hides the slow one's last range */
}

static void the_last_ranges_do_not_wait_for_the_slowest(void **state)
{
    (void)state;
    (void)peer(50000);
    (void)peer(100); /* 40 s per range */
    open_file(40U * MIB);
    assert_true(run(60000) < 2500);
}

static void a_liar_is_dropped_and_never_asked_again(void **state)
{
    struct gn_id id = {.b = {1}};
    uint32_t number;
    (void)state;
    struct sim_peer *liar = peer(90000);
    liar->lies_at = 3;
    (void)peer(50000);
    open_file(200U * MIB);
    (void)run(20000);
    assert_true(liar->dropped);
    assert_int_equal(last_reason, GN_FETCH_LIED);
    assert_int_equal(liar->connects, 1);
    now_ms += 10U * 60U * 1000U;
    assert_int_equal(gn_fetch_provider_add(f, &number, &id, now()), GN_E_REFUSED); /* for good */
}

static void a_silent_provider_is_given_up_after_two_seconds_and_three_stalls(void **state)
{
    (void)state;
    struct sim_peer *silent = peer(0);
    (void)peer(1000);
    open_file(60U * MIB);
    run_on(1900);
    assert_true(silent->connected);
    run_on(2200);
    assert_int_equal(silent->connects, 1);
    assert_false(silent->connected);
    (void)run(90000);
    assert_int_equal(silent->connects, 3);
    assert_true(silent->dropped);
    assert_int_equal(last_reason, GN_FETCH_STALLED);
}

static void a_provider_that_leaves_is_replaced(void **state)
{
    (void)state;
    struct sim_peer *leaver = peer(50000);
    leaver->leaves_at_ms = 700;
    (void)peer(50000);
    open_file(200U * MIB);
    (void)run(10000);
    assert_true(leaver->delivered > 0);
}

static void who_has_nothing_is_dropped(void **state)
{
    (void)state;
    struct sim_peer *none = peer(50000);
    none->not_found = true;
    (void)peer(50000);
    open_file(40U * MIB);
    (void)run(10000);
    assert_true(none->dropped);
    assert_int_equal(last_reason, GN_FETCH_NOT_FOUND);
    assert_int_equal(none->connects, 1);
}

static void who_cannot_be_reached_is_tried_a_few_times(void **state)
{
    (void)state;
    struct sim_peer *away = peer(50000);
    away->unreachable = true;
    open_file(40U * MIB);
    run_on(110000);
    assert_int_equal(away->connects, 6);
    assert_true(away->dropped);
    assert_true(searches >= 2); /* and others are looked for */
}

static void a_dropped_sleeper_may_come_back_later(void **state)
{
    struct gn_id id = {.b = {1}};
    uint32_t number;
    (void)state;
    struct sim_peer *silent = peer(0);
    open_file(8U * MIB);
    run_on(30000);
    assert_true(silent->dropped);
    assert_int_equal(gn_fetch_provider_add(f, &number, &id, now()), GN_E_REFUSED);
    now_ms += (unsigned)(GN_FETCH_FORGIVE / 1000U);
    assert_int_equal(gn_fetch_provider_add(f, &number, &id, now()), GN_OK);
    silent->number = number;
    silent->dropped = false;
    silent->rate = 50000;
    (void)run(now_ms + 10000U);
}

/* ---- parts ---- */

static void a_growing_provider_is_asked_for_what_it_has(void **state)
{
    (void)state;
    struct sim_peer *p = peer(50000);
    p->grows_ms = 300;
    open_file(40U * MIB);
    (void)run(30000);
    assert_true(p->looks >= 1);
    assert_false(p->dropped);
}

static void the_rarest_range_comes_first(void **state)
{
    (void)state;
    struct sim_peer *origin = peer(4000);            /* about a range per second */
    uint8_t bits[] = {0xff, 0xff, 0xf7, 0xff, 0xff}; /* the others have all but range 20 */
    open_file(UINT64_C(160) * MIB);
    for (unsigned i = 0; i < 2; i++) {
        struct sim_peer *p = peer(4000);
        p->grows_ms = 0;
        p->latency_ms = 1;
    }
    origin->latency_ms = 1;
    pump();
    now_ms++;
    for (unsigned i = 1; i < 3; i++) { /* connected, and told what they have before anything is asked */
        gn_fetch_connected(f, peers[i].number, now());
        peers[i].connected = true;
        peers[i].connect_at = 0;
        gn_fetch_available(f, peers[i].number, file, false, gn_slice_of(bits, sizeof bits), now());
    }
    gn_fetch_connected(f, origin->number, now());
    origin->connected = true;
    origin->connect_at = 0;
    pump();
    assert_true(origin->asks_len > 0);
    assert_int_equal(origin->asks[0].range, 20);
}

/* ---- limits ---- */

static void the_window_bounds_what_is_in_flight(void **state)
{
    struct gn_fetch_stats stats;
    (void)state;
    for (unsigned i = 0; i < PEERS; i++)
        (void)peer(100000);
    gn_fetch_set_window(f, 16U * MIB);
    open_file(400U * MIB);
    while (!file_done && now_ms < 20000) {
        pump();
        gn_fetch_stats(f, &stats);
        assert_true(stats.in_flight <= 4);
        for (unsigned i = 0; i < peers_len; i++)
            live(&peers[i]);
        now_ms++;
    }
    assert_true(file_done);
}

static void no_more_than_eight_are_connected(void **state)
{
    struct gn_fetch_act act;
    unsigned connects = 0;
    uint32_t number;
    (void)state;
    open_file(400U * MIB);
    for (unsigned i = 0; i < GN_FETCH_PROVIDERS_MAX; i++) {
        struct gn_id id = {.b = {1, (uint8_t)i}};
        assert_int_equal(gn_fetch_provider_add(f, &number, &id, now()), GN_OK);
        assert_int_equal(gn_fetch_provider_add(f, &number, &id, now()), GN_E_EXISTS);
    }
    assert_int_equal(gn_fetch_provider_add(f, &number, &(struct gn_id){{9}}, now()), GN_E_FULL);
    while (gn_fetch_next(f, &act, now()))
        connects += act.type == GN_FETCH_CONNECT;
    assert_int_equal(connects, GN_FETCH_CONNECTED_MAX);
}

static void a_removed_file_is_forgotten_and_late_news_of_it_ignored(void **state)
{
    (void)state;
    struct sim_peer *p = peer(1000);
    open_file(40U * MIB);
    run_on(50);
    assert_true(p->asks_len > 0);
    uint32_t old = file;
    struct sim_ask a = p->asks[0];
    p->asks_len = 0;
    memset(copies, 0, sizeof copies);
    gn_fetch_file_remove(f, old);
    open_file(8U * MIB); /* takes the same place */
    assert_int_not_equal(old, file);
    gn_fetch_done(f, p->number, old, a.range, now());
    gn_fetch_failed(f, p->number, old, a.range, GN_FETCH_F_OURS, now());
    assert_false(gn_fetch_has(f, file, 0));
    (void)run(60000);
    struct gn_fetch_stats stats;
    gn_fetch_stats(f, &stats);
    assert_int_equal(stats.in_flight, 0);
}

static void many_small_files_are_fetched_side_by_side(void **state)
{
    uint32_t numbers[GN_FETCH_FILES_MAX], more;
    struct gn_fetch_act act;
    unsigned asked = 0, done = 0;
    (void)state;
    struct sim_peer *p = peer(1000);
    for (unsigned i = 0; i < GN_FETCH_FILES_MAX; i++)
        assert_int_equal(gn_fetch_file_add(f, &numbers[i], 1000), GN_OK);
    assert_int_equal(gn_fetch_file_add(f, &more, 1000), GN_E_FULL);
    assert_true(gn_fetch_next(f, &act, now()));
    assert_int_equal(act.type, GN_FETCH_CONNECT);
    gn_fetch_connected(f, p->number, now());
    while (gn_fetch_next(f, &act, now())) {
        if (act.type != GN_FETCH_ASK)
            continue;
        assert_int_equal(act.file, numbers[asked]); /* in the order of opening */
        asked++;
    }
    assert_int_equal(asked, GN_FETCH_FILES_MAX);
    for (unsigned i = 0; i < GN_FETCH_FILES_MAX; i++)
        gn_fetch_done(f, p->number, numbers[i], 0, now());
    while (gn_fetch_next(f, &act, now()))
        done += act.type == GN_FETCH_FILE_DONE;
    assert_int_equal(done, GN_FETCH_FILES_MAX);
    assert_int_equal(gn_fetch_file_add(f, &more, 1000), GN_OK);
}

static void memory_may_fail_anywhere(void **state)
{
    struct gn_failing_alloc fa;
    (void)state;
    for (uint64_t n = 1;; n++) {
        struct gn_fetch *g = NULL;
        uint32_t number, provider;
        static const uint8_t bits[] = {0x80};
        gn_failing_alloc_init(&fa, n);
        enum gn_err err = gn_fetch_new(&g, &(struct gn_fetch_config){.alloc = &fa.alloc, .rng = &rng});
        if (err == GN_OK)
            err = gn_fetch_file_add(g, &number, 8U * MIB);
        if (err == GN_OK) {
            struct gn_fetch_act act;
            assert_int_equal(gn_fetch_provider_add(g, &provider, &(struct gn_id){{3}}, now()), GN_OK);
            assert_true(gn_fetch_next(g, &act, now()));
            gn_fetch_connected(g, provider, now());
            gn_fetch_available(g, provider, number, false, gn_slice_of(bits, 1), now());
            while (gn_fetch_next(g, &act, now()))
                continue;
        }
        gn_fetch_free(g);
        assert_int_equal(fa.live, 0);
        if (!fa.failed)
            break;
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(one_provider_delivers_in_order_and_stays_busy),
        T(a_slow_line_with_latency_is_kept_full),
        T(what_is_there_already_is_not_asked),
        T(the_fast_get_more),
        T(the_last_ranges_do_not_wait_for_the_slowest),
        T(a_liar_is_dropped_and_never_asked_again),
        T(a_silent_provider_is_given_up_after_two_seconds_and_three_stalls),
        T(a_provider_that_leaves_is_replaced),
        T(who_has_nothing_is_dropped),
        T(who_cannot_be_reached_is_tried_a_few_times),
        T(a_dropped_sleeper_may_come_back_later),
        T(a_growing_provider_is_asked_for_what_it_has),
        T(the_rarest_range_comes_first),
        T(the_window_bounds_what_is_in_flight),
        T(no_more_than_eight_are_connected),
        T(a_removed_file_is_forgotten_and_late_news_of_it_ignored),
        T(many_small_files_are_fetched_side_by_side),
        T(memory_may_fail_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
