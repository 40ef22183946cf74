/* overlay/kad/table_save.c - the snapshot of the routing table: entries of one size, so that each is found by number.
 *
 *     version u8 = 1 | count u16be | count x (id 32 | epk 32 | family u8 | ip 16 | port u16be)
 */
#include "overlay/kad/table.h"

#include <string.h>

#include "base/check.h"

#define VERSION 1U
#define HEADER_BYTES 3U
#define ENTRY_BYTES 83U

static void write_contact(struct gn_writer *w, const struct gn_contact *c)
{
    gn_writer_bytes(w, c->id.b, sizeof c->id.b);
    gn_writer_bytes(w, c->epk, sizeof c->epk);
    gn_writer_u8(w, c->addr.family);
    gn_writer_bytes(w, c->addr.ip, sizeof c->addr.ip);
    gn_writer_u16(w, c->addr.port);
}

size_t gn_table_save(const struct gn_table *t, uint8_t *out, size_t cap, gn_time_us now)
{
    struct gn_writer w;
    uint16_t count = 0;

    GN_CHECK(cap >= GN_TABLE_SAVE_BYTES);
    gn_writer_init(&w, out, cap);
    gn_writer_u8(&w, VERSION);
    gn_writer_u16(&w, 0);
    for (unsigned rank = 0; rank < GN_TABLE_WIDEST && count < GN_TABLE_SAVE_MAX; rank++) {
        for (unsigned i = t->buckets_len; i > 0 && count < GN_TABLE_SAVE_MAX; i--) {
            const struct gn_bucket *b = &t->buckets[i - 1U];

            if (rank < b->len && gn_table_is_live(&b->entries[rank], now)) {
                write_contact(&w, gn_book_get(t->book, b->entries[rank].contact));
                count++;
            }
        }
    }
    GN_CHECK(!w.overflow);
    gn_store_u16(out + 1, count);
    return w.len;
}

bool gn_table_saved(struct gn_contact *out, struct gn_slice snapshot, size_t index)
{
    struct gn_reader r;

    gn_reader_init(&r, snapshot);
    uint8_t version = gn_reader_u8(&r);
    size_t count = gn_reader_u16(&r);
    if (r.failed || version != VERSION || count > GN_TABLE_SAVE_MAX || index >= count ||
        snapshot.len != HEADER_BYTES + count * ENTRY_BYTES) {
        return false;
    }
    (void)gn_reader_take(&r, index * ENTRY_BYTES);
    memset(out, 0, sizeof *out);
    gn_reader_copy(&r, out->id.b, sizeof out->id.b);
    gn_reader_copy(&r, out->epk, sizeof out->epk);
    out->addr.family = gn_reader_u8(&r);
    gn_reader_copy(&r, out->addr.ip, sizeof out->addr.ip);
    out->addr.port = gn_reader_u16(&r);
    if (out->addr.family == GN_ADDR_V4) {
        memset(out->addr.ip + 4, 0, sizeof out->addr.ip - 4U); /* equal addresses must be equal bytes */
    } else if (out->addr.family != GN_ADDR_V6) {
        memset(&out->addr, 0, sizeof out->addr);
    }
    return !r.failed;
}
