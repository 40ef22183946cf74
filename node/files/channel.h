/* node/files/channel.h - the inside of a channel: requests in flight, the reply at hand, ranges being written.
 *
 * Life: channel.c; a channel stays, without its stream, until the last work of its ranges is done. Threads: the loop's;
 * works on the pool. Purity: none.
 */
#ifndef GN_NODE_FILES_CHANNEL_H
#define GN_NODE_FILES_CHANNEL_H

#include "node/files/transfer.h"

enum gn_channel_step {
    GN_CHANNEL_REPLY,  /* the next thing is a reply's header */
    GN_CHANNEL_INFO,   /* the body of an INFO reply */
    GN_CHANNEL_PROOF,  /* the fixed part of a proof */
    GN_CHANNEL_HASHES, /* its hashes */
    GN_CHANNEL_DATA,
    GN_CHANNEL_SKIP, /* a range that nobody wants any more */
};

struct gn_channel_expect {
    uint8_t op;
    uint32_t file, range;  /* the scheduler's */
    uint32_t first, count; /* leaves that were asked for */
};

/* A range on its way: proof first, then pieces of 16 leaves that threads verify and write. */
struct gn_files_range {
    struct gn_files *files;
    struct gn_files_channel *channel;
    struct gn_files_transfer *transfer;
    uint32_t file, range;
    uint64_t length;       /* of the file */
    uint64_t first, count; /* leaves that come */
    uint64_t next;         /* the next of them */
    uint64_t group_first, group_count;
    size_t uncles;
    bool accepted, accepting, complete, reported;
    struct gn_files_get *accept_get; /* held while accepting */
    unsigned pieces;                 /* with threads, or waiting for `accepted` */
    enum gn_err err, accept_err;
    struct gn_list waiting;
    struct gn_files_work accept;
    struct gn_tree_hash hashes[GN_TREE_UNCLES_MAX + GN_TREE_GROUP_LEAVES]; /* uncles, then leaves */
};

struct gn_files_channel {
    struct gn_files *files;
    struct gn_files_transfer *transfer;
    uint32_t provider;
    struct gn_link_stream *stream; /* NULL: over */
    unsigned held;
    unsigned ranges; /* that have works or come still */
    bool up;
    uint64_t backlog; /* bytes with threads */
    enum gn_channel_step step;
    struct gn_channel_expect expects[GN_FILE_WIRE_PENDING_MAX];
    unsigned expects_first, expects_len;
    struct gn_file_wire_reply reply;
    struct gn_file_wire_part part;
    uint8_t small[GN_FILE_WIRE_REPLY];
    uint8_t *info;
    struct gn_files_range *range;
    struct gn_files_buf *buf; /* being filled */
    uint64_t left;            /* bytes of the range's data to come */
};

/* channel_read.c: takes bytes of replies. MALFORMED, AUTH: the provider lies. Sets *consumed: bytes that nothing waits
 * for any more. */
GN_MUST_CHECK enum gn_err gn_files_channel_read(struct gn_files_channel *c, struct gn_slice data, uint64_t *consumed);

/* channel_range.c */
GN_MUST_CHECK enum gn_err gn_files_range_new(struct gn_files_range **out, struct gn_files_channel *c,
                                             const struct gn_files_get *g, const struct gn_channel_expect *e);
/* The proof is there. */
void gn_files_range_proved(struct gn_files_range *r);
/* Takes buf with the next leaves. Returns the bytes that need not wait for a thread. */
uint64_t gn_files_range_piece(struct gn_files_range *r, struct gn_files_buf *buf);
/* Everything came, or (err) nothing more will: the range ends with its last work. */
void gn_files_range_complete(struct gn_files_range *r, enum gn_err err);
/* channel.c: frees a channel that is over, when nothing holds it. */
void gn_files_channel_check(struct gn_files_channel *c);

#endif
