/* tests/fuzz/fuzz_server.c - the answering side under strangers' bytes, odd stores and time that jumps.
 *
 * The input is a list of acts: one byte says which, the rest is its operands. A query's body is made of the input's
 * bytes, its write token replaced by a good one when the act says so.
 */
#include <string.h>

#include "base/check.h"
#include "overlay/kad/server.h"
#include "overlay/msg/record.h"
#include "overlay/sodium_crypto.h"
#include "tests/support/fuzz.h"

#define REQUESTS_MAX 300U
#define RECORD_KEPT 600U

struct state {
    struct gn_reader r;
    struct gn_server *server;
    struct gn_outbox *box;
    gn_time_us now;
    gn_wall_s wall;
    uint32_t requests[REQUESTS_MAX]; /* not yet answered */
    size_t requests_len;
    struct gn_store_entry entry; /* what the store says it holds */
    uint8_t record[RECORD_KEPT];
    uint8_t body[2048];
    uint64_t queries, replies;
    struct gn_msg_query last;
    bool has_token;
    uint8_t token[GN_MSG_TOKEN_BYTES];
};

static size_t closest(void *ctx, struct gn_contact *out, size_t cap, const struct gn_id *target,
                      const struct gn_id *exclude)
{
    (void)ctx;
    (void)exclude;
    for (size_t i = 0; i < cap; i++) {
        out[i] = (struct gn_contact){.id = *target};
        out[i].addr = (struct gn_addr){.ip = {192, 0, 2, 1}, .port = 1, .family = GN_ADDR_V4};
    }
    return cap;
}

static enum gn_err probe(void *ctx, struct gn_outbox *box, const struct gn_server_probe *p)
{
    (void)ctx;
    (void)box;
    GN_CHECK(gn_addr_is_usable(&p->subject.addr) && !gn_id_is_zero(&p->subject.id));
    return GN_OK;
}

static void take_reply(struct state *s, struct gn_slice body, size_t reply_max)
{
    struct gn_msg_reply reply;

    s->replies++;
    GN_CHECK(body.len <= reply_max);
    GN_CHECK(gn_msg_reply_decode(&reply, body) == GN_OK);
    if (reply.has_token) {
        s->has_token = true;
        memcpy(s->token, reply.token, sizeof(s->token));
    }
}

static void drain(struct state *s)
{
    for (size_t i = 0; i < gn_outbox_len(s->box); i++) {
        const struct gn_effect *e = gn_outbox_at(s->box, i);

        if (e->type == GN_FX_REPLY) {
            take_reply(s, e->u.reply.body, (size_t)e->u.reply.reply_to);
            continue;
        }
        GN_CHECK(e->type == GN_FX_STORE && s->requests_len < REQUESTS_MAX);
        s->requests[s->requests_len] = e->u.store.req;
        s->requests_len++;
        if (e->u.store.op == GN_STORE_PUT && e->u.store.entry.record.len <= RECORD_KEPT) {
            s->entry = e->u.store.entry;
            memcpy(s->record, s->entry.record.data, s->entry.record.len);
            s->entry.record.data = s->record;
        }
    }
    gn_outbox_clear(s->box);
}

static void act_query(struct state *s, uint8_t how)
{
    struct gn_input_query in = {.via = GN_VIA_DATAGRAM};
    size_t len = gn_reader_u16(&s->r) % sizeof(s->body);
    struct gn_slice bytes = gn_reader_take(&s->r, len < gn_reader_left(&s->r) ? len : gn_reader_left(&s->r));

    memcpy(s->body, bytes.data ? bytes.data : s->body, bytes.len);
    in.reply_max = 20U + how * 10U;
    in.reply_to = in.reply_max; /* so that the reply can be judged */
    in.addr = (struct gn_addr){.ip = {192, 0, 2, how & 3U}, .port = 1, .family = GN_ADDR_V4};
    in.has_self = (how & 4U) != 0;
    in.body = gn_slice_of(s->body, bytes.len);
    /* a token stands behind the array header, txid, method, flags and target */
    if ((how & 8U) != 0 && s->has_token && bytes.len > 65) {
        memcpy(s->body + 49, s->token, sizeof(s->token));
    }
    s->queries++;
    (void)!gn_server_query(s->server, s->box, &s->last, &in, s->now, s->wall);
}

static void act_answer(struct state *s, uint8_t how)
{
    static const enum gn_err errors[] = {GN_OK, GN_OK, GN_OK, GN_E_NOT_FOUND, GN_E_IO, GN_E_NO_SPACE};
    struct gn_store_answer a = {.err = errors[how % 6U]};
    size_t at;

    if (s->requests_len == 0) {
        return;
    }
    at = how % s->requests_len;
    a.req = (how & 0x80U) != 0 ? s->requests[at] ^ 1U : s->requests[at]; /* or one that nobody asked */
    if ((how & 0x40U) != 0 && s->entry.kind != 0) {
        a.entries = &s->entry;
        a.entries_len = 1;
    }
    a.bytes_total = (how & 0x20U) != 0 ? UINT64_MAX : 0;
    s->requests_len--;
    s->requests[at] = s->requests[s->requests_len];
    (void)!gn_server_store(s->server, s->box, &a, s->now, s->wall);
}

static void act_time(struct state *s, uint8_t how)
{
    static const gn_time_us steps[] = {1, GN_MS(1), GN_SECONDS(1), GN_SECONDS(4), GN_MINUTES(6), GN_HOURS(50)};
    gn_time_us step = steps[how % 6U];

    s->now = gn_time_add(s->now, step);
    s->wall = (how & 0x80U) != 0 ? s->wall - 3600U : s->wall + step / GN_SECONDS(1);
    GN_CHECK(gn_server_timer(s->server, s->box, s->now) == GN_OK);
    GN_CHECK(gn_server_deadline(s->server) > s->now);
}

static void play(struct state *s)
{
    while (gn_reader_left(&s->r) > 1) {
        uint8_t act = gn_reader_u8(&s->r);
        uint8_t how = gn_reader_u8(&s->r);

        if (act < 128) {
            act_query(s, how);
        } else if (act < 224) {
            act_answer(s, how);
        } else {
            act_time(s, how);
        }
        drain(s);
        GN_CHECK(gn_server_waiting(s->server) <= GN_SERVER_WAITING_MAX);
    }
    /* whatever happened: in the end nobody waits, and nobody got two answers */
    s->now = gn_time_add(s->now, GN_SERVER_WAIT_US);
    s->requests_len = 0;
    GN_CHECK(gn_server_timer(s->server, s->box, s->now) == GN_OK);
    drain(s);
    s->now = gn_time_add(s->now, GN_SERVER_WAIT_US);
    GN_CHECK(gn_server_timer(s->server, s->box, s->now) == GN_OK);
    drain(s);
    GN_CHECK(gn_server_waiting(s->server) == 0);
    GN_CHECK(s->replies <= s->queries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = {1};
    static struct state s;
    struct gn_sodium_identity identity;
    struct gn_crypto crypto;
    struct gn_rng rng;
    struct gn_log log = {.level = GN_LOG_OFF};
    struct gn_env env = {.alloc = gn_alloc_default(), .crypto = &crypto, .rng = &rng, .log = &log};
    struct gn_overlay_config config = {.mode = GN_MODE_SERVER};
    struct gn_overlay_counters counters = {0};
    struct gn_server_view view = {.closest = closest, .probe = probe};

    memset(&s, 0, sizeof(s));
    gn_reader_init(&s.r, gn_slice_of(data, size));
    s.now = GN_HOURS(1);
    s.wall = UINT64_C(1700000000);
    gn_sodium_crypto_identity(&identity, seed);
    gn_sodium_crypto_init(&crypto, &identity);
    gn_rng_init_test(&rng, 1, 1);
    memset(config.self.b, 7, sizeof(config.self.b));
    GN_CHECK(gn_server_new(&s.server, &config, &env, &view, &counters, s.now) == GN_OK);
    GN_CHECK(gn_outbox_new(&s.box, gn_alloc_default()) == GN_OK);
    play(&s);
    gn_outbox_free(s.box);
    gn_server_free(s.server);
    return 0;
}
