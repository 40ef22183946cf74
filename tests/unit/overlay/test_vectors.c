/* tests/unit/overlay/test_vectors.c - fixed seeds give the bytes of tests/vectors/overlay.json.
 *
 * With GN_VECTORS_WRITE in the environment the file is written anew. tests/lint/overlay_vectors.py checks the same file
 * with an implementation of its own.
 */
#include "tests/support/gn_cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "overlay/msg/msg.h"
#include "tests/unit/overlay/records.h"

#define FILE_NAME GN_SOURCE_DIR "/tests/vectors/overlay.json"
#define EXPIRY (TEST_WALL + 7200U)

struct text {
    char bytes[65536];
    size_t len;
};

static void put(struct text *t, const char *s)
{
    size_t len = strlen(s);

    assert_true(t->len + len < sizeof(t->bytes));
    memcpy(t->bytes + t->len, s, len);
    t->len += len;
}

static void put_hex(struct text *t, const char *name, const void *data, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)data;
    char pair[3];

    put(t, ", \"");
    put(t, name);
    put(t, "\": \"");
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(pair, sizeof(pair), "%02x", bytes[i]);
        put(t, pair);
    }
    put(t, "\"");
}

static void put_number(struct text *t, const char *name, uint64_t v)
{
    char number[32];

    (void)snprintf(number, sizeof(number), "\": %llu", (unsigned long long)v);
    put(t, ", \"");
    put(t, name);
    put(t, number);
}

static void put_word(struct text *t, const char *name, const char *value)
{
    put(t, ", \"");
    put(t, name);
    put(t, "\": \"");
    put(t, value);
    put(t, "\"");
}

static void put_open(struct text *t, bool *first, const char *name)
{
    put(t, *first ? "\n    {\"name\": \"" : ",\n    {\"name\": \"");
    put(t, name);
    put(t, "\"");
    *first = false;
}

static void put_contact(struct text *t, const struct gn_contact *c)
{
    char addr[GN_ADDR_TEXT_MAX];

    gn_addr_print(addr, &c->addr);
    put(t, "{\"address\": \"");
    put(t, addr);
    put(t, "\"");
    put_hex(t, "id", c->id.b, 32);
    put_hex(t, "epoch_key", c->epk, 32);
    put(t, "}");
}

/* ---- Records ---- */

struct scene {
    struct test_peer peer;
    struct gn_id content;
    struct test_record immutable, mutable, tombstone, provider;
};

static void put_addrs(struct text *t, const struct gn_record *r)
{
    put(t, ", \"addresses\": [");
    for (size_t i = 0; i < r->addrs_len; i++) {
        char addr[GN_ADDR_TEXT_MAX];

        gn_addr_print(addr, &r->addrs[i]);
        put(t, i > 0 ? ", \"" : "\"");
        put(t, addr);
        put(t, "\"");
    }
    put(t, "]");
}

static void put_record(struct text *t, bool *first, const char *name, const struct test_record *made)
{
    const struct gn_record *r = &made->r;

    assert_int_equal(made->err, GN_OK);
    put_open(t, first, name);
    put_number(t, "kind", r->kind);
    put_number(t, "expiry", r->expiry);
    put_hex(t, "target", r->target.b, 32);
    if (r->kind == GN_RECORD_MUTABLE) {
        put_hex(t, "owner", r->owner.b, 32);
        put_hex(t, "salt", r->salt.data, r->salt.len);
        put_number(t, "seq", r->seq);
        put_number(t, "flags", r->flags);
    } else if (r->kind == GN_RECORD_PROVIDER) {
        put_hex(t, "node", r->owner.b, 32);
        put_addrs(t, r);
    }
    if (r->kind != GN_RECORD_PROVIDER) {
        put_hex(t, "value", r->value.data, r->value.len);
    }
    if (r->kind != GN_RECORD_IMMUTABLE) {
        put_hex(t, "sig", r->sig, 64);
    }
    put_hex(t, "bytes", made->bytes, made->len);
    put(t, "}");
}

static void make_scene(struct scene *s)
{
    struct gn_record r = {.kind = GN_RECORD_MUTABLE, .seq = 43, .expiry = EXPIRY, .flags = GN_RECORD_TOMBSTONE};

    test_peer_init(&s->peer, 1);
    s->content = test_id(0xc0);
    test_immutable(&s->immutable, &s->peer, "hello, swarm", EXPIRY);
    test_mutable(&s->mutable, &s->peer, "profile", 42, "first words", EXPIRY);
    r.owner = s->peer.identity.id;
    r.salt = gn_slice_str("profile");
    test_record_finish(&s->tombstone, &r, &s->peer);
    test_provider(&s->provider, &s->peer, &s->content, EXPIRY);
}

static void put_records(struct text *t, const struct scene *s)
{
    bool first = true;

    put(t, ",\n  \"records\": [");
    put_record(t, &first, "immutable", &s->immutable);
    put_record(t, &first, "mutable", &s->mutable);
    put_record(t, &first, "tombstone", &s->tombstone);
    put_record(t, &first, "provider", &s->provider);
    put(t, "\n  ]");
}

/* ---- Queries ---- */

static void put_query(struct text *t, bool *first, const char *name, const struct gn_msg_query *q)
{
    uint8_t bytes[2048];
    size_t len;

    assert_int_equal(gn_msg_query_encode(bytes, &len, sizeof(bytes), q), GN_OK);
    put_open(t, first, name);
    put_hex(t, "txid", "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    put_word(t, "method", gn_msg_method_name(q->method));
    put_number(t, "number", q->method);
    put_number(t, "flags", q->flags);
    put_hex(t, "target", q->target.b, 32);
    if (q->method == GN_MSG_GET) {
        put_number(t, "kind", q->kind);
    }
    if (q->has_known_seq) {
        put_number(t, "known_seq", q->known_seq);
    }
    if (q->record.len > 0) {
        put_hex(t, "token", q->token, sizeof(q->token));
        put_hex(t, "record", q->record.data, q->record.len);
    }
    if (q->has_cas) {
        put_number(t, "cas_seq", q->cas_seq);
    }
    if (q->has_nonce) {
        put_hex(t, "nonce", q->nonce, sizeof(q->nonce));
    }
    if (q->method == GN_MSG_PROBE_ME) {
        put_number(t, "hops", q->hops);
    }
    if (q->has_subject) {
        put(t, ", \"subject\": ");
        put_contact(t, &q->subject);
    }
    put_hex(t, "bytes", bytes, len);
    put(t, "}");
}

static struct gn_msg_query query_of(uint16_t method, const struct gn_id *target)
{
    struct gn_msg_query q = {.txid = UINT64_C(0x0102030405060708), .method = method};

    if (target) {
        q.target = *target;
    }
    memset(q.token, 0x22, sizeof(q.token));
    memset(q.nonce, 0x33, sizeof(q.nonce));
    return q;
}

static void put_gets(struct text *t, bool *first, const struct scene *s)
{
    struct gn_msg_query q = query_of(GN_MSG_GET, &s->immutable.r.target);

    q.kind = GN_RECORD_IMMUTABLE;
    put_query(t, first, "get immutable", &q);
    q = query_of(GN_MSG_GET, &s->mutable.r.target);
    q.flags = GN_MSG_NO_CONTACTS;
    q.kind = GN_RECORD_MUTABLE;
    q.has_known_seq = true;
    q.known_seq = 41;
    put_query(t, first, "get mutable, 41 is known", &q);
    q = query_of(GN_MSG_GET_PROVIDERS, &s->content);
    put_query(t, first, "get providers", &q);
}

static void put_writes(struct text *t, bool *first, const struct scene *s)
{
    struct gn_msg_query q = query_of(GN_MSG_PUT, &s->immutable.r.target);

    q.record = test_record_slice(&s->immutable);
    put_query(t, first, "put immutable", &q);
    q = query_of(GN_MSG_PUT, &s->mutable.r.target);
    q.record = test_record_slice(&s->mutable);
    q.has_cas = true;
    q.cas_seq = 41;
    put_query(t, first, "put mutable if 41 is held", &q);
    q = query_of(GN_MSG_ADD_PROVIDER, &s->content);
    q.record = test_record_slice(&s->provider);
    put_query(t, first, "add provider", &q);
}

static void put_queries(struct text *t, const struct scene *s)
{
    struct gn_msg_query q = query_of(GN_MSG_PING, NULL);
    bool first = true;

    put(t, ",\n  \"queries\": [");
    put_query(t, &first, "ping", &q);
    q.has_nonce = true;
    put_query(t, &first, "ping that answers a probe", &q);
    q = query_of(GN_MSG_FIND_NODE, &s->content);
    q.flags = GN_MSG_WANT_TOKEN;
    put_query(t, &first, "find node, token wanted", &q);
    put_gets(t, &first, s);
    put_writes(t, &first, s);
    q = query_of(GN_MSG_PROBE_ME, NULL);
    q.has_nonce = true;
    q.hops = 1;
    put_query(t, &first, "probe me", &q);
    q.hops = 0;
    q.has_subject = true;
    q.subject = test_contact(0x55, "192.0.2.55:4055");
    put_query(t, &first, "probe handed on, v4", &q);
    q.subject = test_contact(0x66, "[2001:db8::66]:4066");
    put_query(t, &first, "probe handed on, v6", &q);
    put(t, "\n  ]");
}

/* ---- Replies ---- */

static void put_reply(struct text *t, bool *first, const char *name, const struct gn_msg_reply *r)
{
    static uint8_t bytes[4096];
    size_t len;

    assert_int_equal(gn_msg_reply_encode(bytes, &len, sizeof(bytes), r), GN_OK);
    put_open(t, first, name);
    put_hex(t, "txid", "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    put_word(t, "status", gn_msg_status_name(r->status));
    put_number(t, "number", r->status);
    if (r->has_token) {
        put_hex(t, "token", r->token, sizeof(r->token));
    }
    put(t, ", \"contacts\": [");
    for (size_t i = 0; i < r->contacts_len; i++) {
        put(t, i > 0 ? ", " : "");
        put_contact(t, &r->contacts[i]);
    }
    put(t, "]");
    if (r->values_is_list) {
        put(t, ", \"values\": [");
        for (size_t i = 0; i < r->values_len; i++) {
            put(t, i > 0 ? ", {\"name\": \"record\"" : "{\"name\": \"record\"");
            put_hex(t, "bytes", r->values[i].data, r->values[i].len);
            put(t, "}");
        }
        put(t, "]");
    } else if (r->values_len == 1) {
        put_hex(t, "value", r->values[0].data, r->values[0].len);
    }
    put_hex(t, "bytes", bytes, len);
    put(t, "}");
}

static struct gn_msg_reply reply_of(uint8_t status)
{
    struct gn_msg_reply r = {.txid = UINT64_C(0x0102030405060708), .status = status};

    memset(r.token, 0x22, sizeof(r.token));
    return r;
}

static void put_value_replies(struct text *t, bool *first, const struct scene *s)
{
    struct gn_msg_reply r = reply_of(GN_MSG_OK);

    r.values[0] = test_record_slice(&s->immutable);
    r.values_len = 1;
    put_reply(t, first, "value without contacts", &r);
    r.contacts[0] = test_contact(0x55, "192.0.2.55:4055");
    r.contacts_len = 1;
    put_reply(t, first, "value and a contact", &r);
    r = reply_of(GN_MSG_OK);
    r.values_is_list = true;
    r.values[0] = test_record_slice(&s->provider);
    r.values_len = 1;
    put_reply(t, first, "providers", &r);
    r = reply_of(GN_MSG_STALE);
    r.values[0] = test_record_slice(&s->tombstone);
    r.values_len = 1;
    put_reply(t, first, "stale, with what is newer", &r);
}

static void put_replies(struct text *t, const struct scene *s)
{
    struct gn_msg_reply r = reply_of(GN_MSG_OK);
    bool first = true;

    put(t, ",\n  \"replies\": [");
    for (uint8_t status = 0; status <= GN_MSG_UNSUPPORTED; status++) {
        r = reply_of(status);
        put_reply(t, &first, gn_msg_status_name(status), &r);
    }
    r = reply_of(GN_MSG_OK);
    r.has_token = true;
    for (; r.contacts_len < GN_MSG_CONTACTS_MAX; r.contacts_len++) {
        r.contacts[r.contacts_len] = test_contact((uint8_t)r.contacts_len, "192.0.2.1:4001");
    }
    put_reply(t, &first, "sixteen contacts and a token", &r);
    r = reply_of(GN_MSG_NOT_FOUND);
    r.contacts[0] = test_contact(0x55, "192.0.2.55:4055");
    r.contacts[1] = test_contact(0x66, "[2001:db8::66]:4066");
    r.contacts_len = 2;
    put_reply(t, &first, "contacts of both families", &r);
    put_value_replies(t, &first, s);
    put(t, "\n  ]");
}

/* ---- The file ---- */

static void make_vectors(struct text *t)
{
    static struct scene s;
    char id[GN_ID_TEXT_LEN + 1];
    uint8_t seed[32];

    make_scene(&s);
    memset(seed, 1, sizeof(seed));
    gn_id_print(id, &s.peer.identity.id);
    t->len = 0;
    put(t, "{\n  \"identity\": {\"name\": \"owner\"");
    put_hex(t, "seed", seed, sizeof(seed));
    put_hex(t, "id", s.peer.identity.id.b, 32);
    put_word(t, "text", id);
    put(t, "}");
    put_records(t, &s);
    put_queries(t, &s);
    put_replies(t, &s);
    put(t, "\n}\n");
}

static void fixed_seeds_give_the_bytes_of_the_vectors(void **state)
{
    static struct text made, kept;
    FILE *f;

    (void)state;
    make_vectors(&made);
    if (getenv("GN_VECTORS_WRITE")) {
        f = fopen(FILE_NAME, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(made.bytes, 1, made.len, f), made.len);
        assert_int_equal(fclose(f), 0);
    }
    f = fopen(FILE_NAME, "rb");
    assert_non_null(f);
    kept.len = fread(kept.bytes, 1, sizeof(kept.bytes), f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(kept.len, made.len);
    assert_memory_equal(kept.bytes, made.bytes, made.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_seeds_give_the_bytes_of_the_vectors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
