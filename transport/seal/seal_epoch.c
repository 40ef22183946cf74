/* transport/seal/seal_epoch.c - epoch records, and our own epoch keys. */
#include "transport/seal/seal_epoch.h"

#include <sodium.h>
#include <string.h>

#include "base/slice.h"

#define LABEL "ghostnet/1 e"
#define LABEL_LEN (sizeof LABEL - 1U)
#define SIGNED_LEN (LABEL_LEN + 16U + 32U + 32U + 8U)
#define UNSIGNED_LEN 40U /* epk | epoch: the part of a record before its signature */

uint64_t gn_seal_epoch_number(const uint8_t record[GN_SEAL_EPOCH_RECORD])
{
    return gn_load_u64(record + 32);
}

bool gn_seal_epoch_is_fresh(uint64_t number, gn_wall_s wall)
{
    return number >= wall ? number - wall <= GN_SEAL_EPOCH_AHEAD_S : wall - number <= GN_SEAL_EPOCH_OLD_S;
}

static void signed_text(uint8_t text[SIGNED_LEN], const struct gn_seal_net *net, const struct gn_id *id,
                        const uint8_t record[GN_SEAL_EPOCH_RECORD])
{
    memcpy(text, LABEL, LABEL_LEN);
    memcpy(text + LABEL_LEN, net->id, 16);
    memcpy(text + LABEL_LEN + 16, id->b, 32);
    memcpy(text + LABEL_LEN + 48, record, UNSIGNED_LEN);
}

void gn_seal_epoch_sign(uint8_t record[GN_SEAL_EPOCH_RECORD], const uint8_t sign_key[64], const struct gn_seal_net *net,
                        const struct gn_id *id, const uint8_t epk[32], uint64_t number)
{
    uint8_t text[SIGNED_LEN];

    memcpy(record, epk, 32);
    gn_store_u64(record + 32, number);
    signed_text(text, net, id, record);
    (void)crypto_sign_detached(record + UNSIGNED_LEN, NULL, text, sizeof text, sign_key);
}

enum gn_err gn_seal_epoch_verify(const uint8_t record[GN_SEAL_EPOCH_RECORD], const struct gn_seal_net *net,
                                 const struct gn_id *id)
{
    uint8_t text[SIGNED_LEN];

    signed_text(text, net, id, record);
    return crypto_sign_verify_detached(record + UNSIGNED_LEN, text, sizeof text, id->b) == 0 ? GN_OK : GN_E_AUTH;
}

/* A tag of zero means "epoch unknown" in a query, and two equal ones could not be told apart. */
static bool tag_is_usable(const struct gn_seal_epochs *e, const uint8_t tag[4])
{
    static const uint8_t none[4];

    return memcmp(tag, none, sizeof none) != 0 && gn_seal_epochs_find(e, tag) == NULL;
}

/* Larger than the last one, so that peers prefer it, unless the last one lies so far in the future that nobody has
 * accepted it anyway. */
static uint64_t next_number(uint64_t last, gn_wall_s wall)
{
    if (last < wall) {
        return wall;
    }
    return last - wall < GN_SEAL_EPOCH_AHEAD_S ? last + 1U : wall;
}

static void begin(struct gn_seal_epochs *e, const struct gn_seal_net *net, struct gn_rng *rng, gn_time_us now,
                  gn_wall_s wall)
{
    struct gn_seal_epoch *current = &e->kept[0];

    sodium_memzero(&e->kept[GN_SEAL_EPOCHS_KEPT - 1U], sizeof e->kept[0]);
    memmove(&e->kept[1], &e->kept[0], (GN_SEAL_EPOCHS_KEPT - 1U) * sizeof e->kept[0]);
    sodium_memzero(current, sizeof *current);
    /* After a suspend the older ones may be much older than their places say. */
    for (unsigned i = 1; i < GN_SEAL_EPOCHS_KEPT; i++) {
        if (gn_time_sub(now, e->kept[i].made_at) > GN_SEAL_EPOCHS_KEPT * (GN_SEAL_EPOCH_US + GN_SEAL_EPOCH_US / 10U)) {
            sodium_memzero(&e->kept[i], sizeof e->kept[i]);
        }
    }
    do {
        gn_seal_keys_pair(&current->pair, rng);
        gn_seal_keys_dst_tag(current->dst_tag, current->pair.pk);
    } while (!tag_is_usable(e, current->dst_tag));
    e->number = next_number(e->number, wall);
    gn_seal_epoch_sign(current->record, e->sign_key, net, &e->id, current->pair.pk, e->number);
    current->live = true;
    current->made_at = now;
    memcpy(e->self, e->id.b, 32);
    memcpy(e->self + 32, current->record, sizeof current->record);
    e->next_at = gn_time_add(now, gn_rng_jitter(rng, GN_SEAL_EPOCH_US, GN_SEAL_EPOCH_JITTER));
}

void gn_seal_epochs_init(struct gn_seal_epochs *e, const uint8_t identity_seed[32], const struct gn_seal_net *net,
                         struct gn_rng *rng, gn_time_us now, gn_wall_s wall)
{
    memset(e, 0, sizeof *e);
    (void)crypto_sign_seed_keypair(e->id.b, e->sign_key, identity_seed);
    e->wall_ref = wall;
    e->now_ref = now;
    begin(e, net, rng, now, wall);
}

void gn_seal_epochs_fini(struct gn_seal_epochs *e)
{
    sodium_memzero(e, sizeof *e);
}

static bool clock_has_jumped(const struct gn_seal_epochs *e, gn_time_us now, gn_wall_s wall)
{
    gn_wall_s expected = e->wall_ref + gn_time_sub(now, e->now_ref) / GN_SECONDS(1);
    gn_wall_s off = wall > expected ? wall - expected : expected - wall;

    return off > GN_SEAL_CLOCK_JUMP_S;
}

bool gn_seal_epochs_timer(struct gn_seal_epochs *e, const struct gn_seal_net *net, struct gn_rng *rng, gn_time_us now,
                          gn_wall_s wall)
{
    bool jumped = clock_has_jumped(e, now, wall);

    e->wall_ref = wall;
    e->now_ref = now;
    if (now < e->next_at && !jumped) {
        return false;
    }
    begin(e, net, rng, now, wall);
    return true;
}

const struct gn_seal_epoch *gn_seal_epochs_find(const struct gn_seal_epochs *e, const uint8_t dst_tag[4])
{
    for (unsigned i = 0; i < GN_SEAL_EPOCHS_KEPT; i++) {
        if (e->kept[i].live && memcmp(e->kept[i].dst_tag, dst_tag, 4) == 0) {
            return &e->kept[i];
        }
    }
    return NULL;
}
