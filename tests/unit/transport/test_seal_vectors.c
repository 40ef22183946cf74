/* tests/unit/transport/test_seal_vectors.c - fixed seeds give the exact bytes of tests/vectors/seal.json.
 *
 * After a wanted change of the format: GN_VECTORS_WRITE=1 build/dev/unit_transport_seal_vectors writes the file anew.
 */
#include "tests/support/gn_cmocka.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "tests/support/seal_world.h"
#include "transport/seal/seal_epoch.h"
#include "transport/seal/seal_token.h"

#define FILE_NAME GN_SOURCE_DIR "/tests/vectors/seal.json"
#define NETWORK "vectors"
#define SECRET "open sesame"

struct text {
    char bytes[32768];
    size_t len;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(t->bytes + t->len, sizeof t->bytes - t->len, format, args);
    va_end(args);
    assert_in_range(len, 0, sizeof t->bytes - t->len - 1);
    t->len += (size_t)len;
}

static void put_hex(struct text *t, const char *name, const void *data, size_t len)
{
    char hex[2 * GN_SEAL_DATAGRAM_MAX + 1];

    gn_hex_encode(hex, sizeof hex, data, len);
    put(t, ",\n  \"%s\": \"%s\"", name, hex);
}

/* The secrets of a node, drawn from its seed in the order in which gn_seal_new draws them. */
struct secrets {
    struct gn_seal_keypair epoch;
    struct gn_seal_keypair client;
    uint8_t token_key[32];
};

static void secrets_of(struct secrets *s, const struct seal_node *n)
{
    struct gn_rng rng;
    uint8_t hash_key[16];

    gn_rng_init(&rng, n->config.rng_seed);
    gn_rng_bytes(&rng, hash_key, sizeof hash_key);
    gn_seal_keys_pair(&s->epoch, &rng);
    (void)gn_rng_jitter(&rng, GN_SEAL_EPOCH_US, GN_SEAL_EPOCH_JITTER);
    gn_seal_keys_pair(&s->client, &rng);
    gn_rng_bytes(&rng, s->token_key, sizeof s->token_key);
}

struct scene {
    struct seal_world w;
    struct seal_node a; /* asks */
    struct seal_node b; /* answers */
};

static void put_setting(struct text *t, struct scene *s)
{
    struct secrets a;
    struct secrets b;
    struct gn_seal_net net;
    uint8_t record[GN_SEAL_EPOCH_RECORD];
    uint8_t sign_key[64];
    uint8_t pk[32];
    uint8_t dst_tag[4];

    secrets_of(&a, &s->a);
    secrets_of(&b, &s->b);
    gn_seal_keys_net(&net, s->w.net_id);
    crypto_sign_seed_keypair(pk, sign_key, s->b.config.identity_seed);
    gn_seal_epoch_sign(record, sign_key, &net, gn_seal_id(s->b.seal), b.epoch.pk, s->w.wall);
    gn_seal_keys_dst_tag(dst_tag, b.epoch.pk);
    put(t, "{\n  \"network_name\": \"%s\",\n  \"network_secret\": \"%s\"", NETWORK, SECRET);
    put_hex(t, "net_id", net.id, sizeof net.id);
    put_hex(t, "net_tag_key", net.tag_key, sizeof net.tag_key);
    put(t, ",\n  \"wall\": %llu,\n  \"token_bucket\": %llu", (unsigned long long)s->w.wall,
        (unsigned long long)(s->w.now / GN_SEAL_TOKEN_BUCKET_US));
    put(t, ",\n  \"asker_address\": \"10.1.0.1:4001\"");
    put_hex(t, "asker_identity_seed", s->a.config.identity_seed, 32);
    put_hex(t, "asker_id", gn_seal_id(s->a.seal)->b, 32);
    put_hex(t, "asker_client_secret", a.client.sk, 32);
    put_hex(t, "asker_client_key", a.client.pk, 32);
    put_hex(t, "asker_epoch_key", a.epoch.pk, 32);
    put_hex(t, "answerer_identity_seed", s->b.config.identity_seed, 32);
    put_hex(t, "answerer_id", gn_seal_id(s->b.seal)->b, 32);
    put_hex(t, "answerer_epoch_secret", b.epoch.sk, 32);
    put_hex(t, "answerer_epoch_key", b.epoch.pk, 32);
    put_hex(t, "answerer_epoch_record", record, sizeof record);
    put_hex(t, "answerer_dst_tag", dst_tag, sizeof dst_tag);
    put_hex(t, "answerer_token_key", b.token_key, sizeof b.token_key);
}

static void put_keys(struct text *t, struct scene *s, struct gn_seal_keys *keys)
{
    struct secrets a;
    struct secrets b;
    struct gn_seal_net net;
    uint8_t rx[32];
    uint8_t tx[32];

    secrets_of(&a, &s->a);
    secrets_of(&b, &s->b);
    gn_seal_keys_net(&net, s->w.net_id);
    assert_int_equal(crypto_kx_client_session_keys(rx, tx, a.client.pk, a.client.sk, b.epoch.pk), 0);
    assert_int_equal(gn_seal_keys_client(keys, &a.client, b.epoch.pk, &net, gn_seal_id(s->b.seal)), GN_OK);
    put_hex(t, "kx_asker_to_answerer", tx, sizeof tx);
    put_hex(t, "kx_answerer_to_asker", rx, sizeof rx);
    put_hex(t, "k_q", keys->q, sizeof keys->q);
    put_hex(t, "k_r", keys->r, sizeof keys->r);
}

/* The packet and, for sealed ones, what is inside. */
static void put_packet(struct text *t, const char *name, const struct seal_packet *p, const uint8_t *key)
{
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    char plain_name[64];
    size_t len = 0;

    put_hex(t, name, p->bytes, p->len);
    if (key) {
        assert_int_equal(gn_seal_keys_open(plain, &len, gn_slice_of(p->bytes, p->len), key), GN_OK);
        (void)snprintf(plain_name, sizeof plain_name, "%s_plaintext", name);
        put_hex(t, plain_name, plain, len);
    }
}

/* Others of the asker's /24 take what may be said to them unproved, so that the asker's query gets a RETRY. */
static void use_up_group(struct scene *s)
{
    struct seal_forgery f;
    uint8_t plain[GN_SEAL_DATAGRAM_MAX];
    struct seal_packet p;
    struct gn_seal_event e;
    struct gn_addr neighbour = s->a.addr;

    neighbour.ip[3] = 99;
    seal_forgery_init(&f, &s->w, &s->b, plain, "x");
    do {
        seal_forge(&p, &s->w, &f);
    } while (seal_give(&s->w, &s->b, &e, &neighbour, &p) == GN_SEAL_QUERY);
}

/* Probe, REKEY, QUERY, RETRY, QUERY, REPLY: every packet type in one conversation. */
static void put_conversation(struct text *t, struct scene *s, const struct gn_seal_keys *keys)
{
    static const uint8_t question[] = {0x92, 0xcd, 0x12, 0x34, 0xa4, 'p', 'i', 'n', 'g'};
    static const uint8_t answer[] = {0x92, 0xcd, 0x12, 0x34, 0xa4, 'p', 'o', 'n', 'g'};
    struct gn_contact b = seal_contact_addr(&s->b);
    struct seal_packet p;
    struct gn_seal_event e;

    assert_int_equal(gn_seal_query(s->a.seal, p.bytes, &p.len,
                                   &(struct gn_seal_request){.cookie = 1,
                                                             .to = &b,
                                                             .body = gn_slice_of(question, sizeof question),
                                                             .introduce = true,
                                                             .expires_at = s->w.now + 1},
                                   s->w.now),
                     GN_OK);
    put_packet(t, "probe", &p, NULL);
    assert_int_equal(seal_give(&s->w, &s->b, &e, &s->a.addr, &p), GN_SEAL_SEND);
    seal_sent(&p, &e);
    put_packet(t, "rekey", &p, NULL);
    assert_int_equal(seal_give(&s->w, &s->a, &e, &s->b.addr, &p), GN_SEAL_SEND);
    seal_sent(&p, &e);
    put_packet(t, "query", &p, keys->q);
    use_up_group(s);
    assert_int_equal(seal_give(&s->w, &s->b, &e, &s->a.addr, &p), GN_SEAL_SEND);
    seal_sent(&p, &e);
    put_packet(t, "retry", &p, NULL);
    assert_int_equal(seal_give(&s->w, &s->a, &e, &s->b.addr, &p), GN_SEAL_SEND);
    seal_sent(&p, &e);
    put_packet(t, "query_with_token", &p, keys->q);
    assert_int_equal(seal_give(&s->w, &s->b, &e, &s->a.addr, &p), GN_SEAL_QUERY);
    assert_true(e.addr_proved && e.has_self);
    e.reply_key.want_record = true; /* a proved peer is not asked for it; the vector shows where it goes */
    assert_int_equal(
        gn_seal_reply(s->b.seal, p.bytes, &p.len, &e.reply_key, gn_slice_of(answer, sizeof answer), s->w.now), GN_OK);
    put_packet(t, "reply", &p, keys->r);
    assert_int_equal(seal_give(&s->w, &s->a, &e, &s->b.addr, &p), GN_SEAL_REPLY);
    assert_true(gn_slice_eq(e.body, gn_slice_of(answer, sizeof answer)));
}

static void make_vectors(struct text *t)
{
    struct scene s;
    struct gn_seal_keys keys;

    t->len = 0;
    seal_world_init(&s.w);
    gn_seal_net_id(s.w.net_id, gn_slice_str(NETWORK), gn_slice_str(SECRET));
    seal_node_init(&s.a, &s.w, 1);
    seal_node_init(&s.b, &s.w, 2);
    put_setting(t, &s);
    put_keys(t, &s, &keys);
    put_conversation(t, &s, &keys);
    put(t, "\n}\n");
    seal_node_fini(&s.a);
    seal_node_fini(&s.b);
}

static void fixed_seeds_give_the_bytes_of_the_vectors(void **state)
{
    static struct text made;
    static struct text kept;

    (void)state;
    make_vectors(&made);
    if (getenv("GN_VECTORS_WRITE")) {
        FILE *f = fopen(FILE_NAME, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(made.bytes, 1, made.len, f), made.len);
        assert_int_equal(fclose(f), 0);
    }
    FILE *f = fopen(FILE_NAME, "rb");
    assert_non_null(f);
    kept.len = fread(kept.bytes, 1, sizeof kept.bytes, f);
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
