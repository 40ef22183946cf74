/* overlay/overlay_look.c - looking into an overlay without changing it. */
#include "overlay/overlay_state.h"

#include "overlay/kad/op.h"
#include "overlay/kad/publish.h"

const struct gn_overlay_counters *gn_overlay_counters(const struct gn_overlay *o)
{
    return &o->kad.counters;
}

size_t gn_overlay_peers_len(const struct gn_overlay *o)
{
    return o->kad.table.len;
}

size_t gn_overlay_peers(const struct gn_overlay *o, struct gn_peer_info *out, size_t cap)
{
    const struct gn_kad *k = &o->kad;
    const struct gn_table_entry *e;
    uint32_t cursor = 0;
    unsigned bucket = 0;
    bool replacement = false;
    size_t n = 0;

    while ((e = gn_table_next(&k->table, &cursor, &bucket, &replacement)) != NULL) {
        if (n < cap) {
            out[n] = (struct gn_peer_info){
                .contact = *gn_book_get(k->book, e->contact),
                .bucket = bucket,
                .live = gn_table_is_live(e, k->now),
                .replacement = replacement,
                .srtt_us = e->rtt.srtt_us,
                .last_seen = GN_SECONDS(e->answered_s),
                .misses = e->misses,
            };
        }
        n++;
    }
    return n;
}

bool gn_overlay_is_server(const struct gn_overlay *o)
{
    return o->kad.server;
}

struct gn_addr gn_overlay_observed(const struct gn_overlay *o)
{
    return o->observed.majority;
}

size_t gn_overlay_ops_len(const struct gn_overlay *o)
{
    return gn_op_len(&o->kad);
}

void gn_overlay_publish_stats(const struct gn_overlay *o, struct gn_publish_stats *out)
{
    gn_publish_stats(o->kad.publish, out, o->kad.now);
}

size_t gn_overlay_table(const struct gn_overlay *o, uint8_t *out, size_t cap)
{
    return gn_table_save(&o->kad.table, out, cap, o->kad.now);
}

bool gn_overlay_is_sound(const struct gn_overlay *o)
{
    return gn_table_is_sound(&o->kad.table) && gn_heap_is_sound(&o->kad.timers.heap);
}
