/* base/slice.h - borrowed bytes, and bounded readers and writers over them.
 *
 * Life: plain values, nothing to free. Threads: none shared. Purity: pure.
 */
#ifndef GN_BASE_SLICE_H
#define GN_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes. data may be NULL only when len is 0. */
struct gn_slice {
    const uint8_t *data;
    size_t len;
};

static inline struct gn_slice gn_slice_of(const void *data, size_t len)
{
    return (struct gn_slice){.data = (const uint8_t *)data, .len = len};
}
/* The bytes of a C string without its NUL. Borrows s. */
struct gn_slice gn_slice_str(const char *s);
bool gn_slice_eq(struct gn_slice a, struct gn_slice b);

/* Writes into a fixed buffer. After an overflow every write is a no-op and `overflow` stays set:
 * check once at the end. */
struct gn_writer {
    uint8_t *data;
    size_t cap;
    size_t len;
    bool overflow;
};
void gn_writer_init(struct gn_writer *w, uint8_t *data, size_t cap);
void gn_writer_u8(struct gn_writer *w, uint8_t v);
void gn_writer_u16(struct gn_writer *w, uint16_t v); /* big endian, like all of ours */
void gn_writer_u32(struct gn_writer *w, uint32_t v);
void gn_writer_u64(struct gn_writer *w, uint64_t v);
void gn_writer_bytes(struct gn_writer *w, const void *data, size_t len);
void gn_writer_zeros(struct gn_writer *w, size_t len);

/* Reads from borrowed bytes. After a short read every read gives zeros and `failed` stays set. */
struct gn_reader {
    const uint8_t *data;
    size_t len;
    size_t at;
    bool failed;
};
void gn_reader_init(struct gn_reader *r, struct gn_slice s);
uint8_t gn_reader_u8(struct gn_reader *r);
uint16_t gn_reader_u16(struct gn_reader *r);
uint32_t gn_reader_u32(struct gn_reader *r);
uint64_t gn_reader_u64(struct gn_reader *r);
/* Borrows `len` bytes of the input; an empty slice when it is too short. */
struct gn_slice gn_reader_take(struct gn_reader *r, size_t len);
void gn_reader_copy(struct gn_reader *r, void *out, size_t len); /* zeros when too short */
size_t gn_reader_left(const struct gn_reader *r);

uint16_t gn_load_u16(const uint8_t *p);
uint32_t gn_load_u32(const uint8_t *p);
uint64_t gn_load_u64(const uint8_t *p);
void gn_store_u16(uint8_t *p, uint16_t v);
void gn_store_u32(uint8_t *p, uint32_t v);
void gn_store_u64(uint8_t *p, uint64_t v);

#endif
