/* tests/support/files_villain.c - a small file server with one fault each. */
#include "tests/support/files_villain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "overlay/files/wire.h"

struct stream {
    struct gn_list_node node;
    struct villain *villain;
    struct gn_link_stream *stream;
    uint8_t in[GN_FILE_WIRE_REQUEST];
    struct gn_file_wire_part part;
    uint8_t *out; /* what could not be written yet */
    size_t out_len, out_at;
};

static void flush(struct stream *s)
{
    while (s->out_at < s->out_len) {
        size_t n = s->out_len - s->out_at < 65536U ? s->out_len - s->out_at : 65536U;
        if (gn_link_write(s->stream, gn_slice_of(s->out + s->out_at, n), false))
            return; /* writable comes */
        s->out_at += n;
    }
    free(s->out);
    s->out = NULL;
    s->out_len = s->out_at = 0;
}

static void say(struct stream *s, const void *data, size_t len)
{
    s->out = realloc(s->out, s->out_len + len);
    GN_CHECK(s->out != NULL);
    memcpy(s->out + s->out_len, data, len);
    s->out_len += len;
}

static void say_info(struct stream *s)
{
    struct villain *v = s->villain;
    uint8_t reply[GN_FILE_WIRE_REPLY], info[GN_FILE_WIRE_INFO];
    struct gn_tree_hash root = v->entry.root;
    if (v->how == VILLAIN_WRONG_ROOT)
        root.b[5] ^= 1U;
    gn_file_wire_reply_write(
        reply, &(struct gn_file_wire_reply){.op = GN_FILE_WIRE_OP_INFO, .flags = GN_FILE_WIRE_ALL, .len = sizeof info});
    gn_file_wire_info_write(info, v->entry.length, root.b);
    say(s, reply, sizeof reply);
    say(s, info, sizeof info);
}

static void say_range(struct stream *s, const struct gn_file_wire_request *r)
{
    struct villain *v = s->villain;
    struct gn_tree_hash leaves[GN_TREE_GROUP_LEAVES], uncles[GN_TREE_UNCLES_MAX];
    uint8_t head[GN_FILE_WIRE_REPLY], proof[GN_FILE_WIRE_PROOF];
    uint64_t first = 0;
    size_t uncles_len = 0;
    uint64_t count = gn_tree_range_at(&first, v->entry.length, r->first, GN_TREE_GROUP_LEAVES);
    uint64_t at = (uint64_t)r->first * GN_TREE_LEAF;
    size_t len = (size_t)gn_tree_range_len(v->entry.length, r->first, r->count);
    uint8_t *data = malloc(len);
    GN_CHECK(data && gn_blob_prove(v->blob, leaves, uncles, &uncles_len, first, count) == GN_OK);
    GN_CHECK(gn_blob_read(v->blob, data, at, len) == GN_OK);
    if (v->how == VILLAIN_WRONG_BYTE)
        data[len - 1U] ^= 0x40U;
    if (v->how == VILLAIN_WRONG_PROOF)
        leaves[0].b[0] ^= 1U;
    uint32_t body = (uint32_t)(GN_FILE_WIRE_PROOF + 32U * (uncles_len + count) + len);
    gn_file_wire_reply_write(
        head, &(struct gn_file_wire_reply){.op = GN_FILE_WIRE_OP_RANGE, .flags = GN_FILE_WIRE_HAS_PROOF, .len = body});
    gn_file_wire_proof_write(proof, uncles_len, (size_t)count);
    say(s, head, sizeof head);
    say(s, proof, sizeof proof);
    say(s, uncles, 32U * uncles_len);
    say(s, leaves, 32U * (size_t)count);
    say(s, data, v->how == VILLAIN_HALF ? len / 2U : len);
    if (v->how == VILLAIN_EAGER)
        say(s, head, sizeof head);
    free(data);
}

static void answer(struct stream *s, const struct gn_file_wire_request *r)
{
    static const uint8_t garbage[64] = {9, 9, 9, 9, 9};
    struct villain *v = s->villain;
    if (r->op == GN_FILE_WIRE_OP_INFO) {
        say_info(s);
        return;
    }
    v->requests++;
    if (v->how == VILLAIN_GARBAGE)
        say(s, garbage, sizeof garbage);
    else if (v->how != VILLAIN_SILENT)
        say_range(s, r);
}

static void on_data(void *user, struct gn_slice data, bool fin)
{
    struct stream *s = user;
    size_t len = data.len;
    (void)fin;
    while (gn_file_wire_part_feed(&s->part, &data)) {
        struct gn_file_wire_request r;
        GN_CHECK(gn_file_wire_request_read(&r, s->in) == GN_OK);
        answer(s, &r);
        gn_file_wire_part_begin(&s->part, s->in, sizeof s->in);
    }
    gn_link_consume(s->stream, len);
    flush(s);
}

static void on_writable(void *user)
{
    flush(user);
}

static void on_closed(void *user, enum gn_err err)
{
    struct stream *s = user;
    (void)err;
    gn_list_remove(&s->node);
    free(s->out);
    free(s);
}

static const struct gn_link_stream_ops ops = {.data = on_data, .writable = on_writable, .closed = on_closed};

static void *on_accept(void *owner, struct gn_link_stream *stream, const struct gn_contact *peer,
                       const struct gn_link_stream_ops **out)
{
    struct villain *v = owner;
    struct stream *s = calloc(1, sizeof *s);
    (void)peer;
    GN_CHECK(s != NULL);
    s->villain = v;
    s->stream = stream;
    gn_file_wire_part_begin(&s->part, s->in, sizeof s->in);
    gn_list_push_back(&v->streams, &s->node);
    *out = &ops;
    return s;
}

void villain_start(struct villain *v, struct world *w, unsigned i, const char *path, enum villainy how)
{
    char dir[2 * WORLD_PATH];
    struct gn_blob_hash *h = NULL;
    memset(v, 0, sizeof *v);
    v->how = how;
    v->links = gn_host_links(w->nodes[i].host);
    gn_list_init(&v->streams);
    (void)snprintf(dir, sizeof dir, "%s/villain", w->nodes[i].dir);
    GN_CHECK(gn_blob_dir_open(&v->dir, gn_alloc_default(), dir) == GN_OK);
    GN_CHECK(gn_blob_hash_open(&h, v->dir, path) == GN_OK);
    while (!gn_blob_hash_done(h))
        GN_CHECK(gn_blob_hash_step(h, UINT64_MAX) == GN_OK);
    GN_CHECK(gn_blob_hash_finish(h, &v->entry) == GN_OK);
    gn_blob_hash_close(h);
    GN_CHECK(gn_blob_open(&v->blob, v->dir, &v->entry) == GN_OK);
    gn_links_serve(v->links, GN_LINK_FILE, on_accept, v);
}

void villain_stop(struct villain *v)
{
    gn_links_serve(v->links, GN_LINK_FILE, NULL, NULL);
    for (struct gn_list_node *n; (n = gn_list_first(&v->streams));)
        gn_link_abort(GN_CONTAINER_OF(n, struct stream, node)->stream, GN_LINK_SHUTDOWN);
    gn_blob_close(v->blob);
    gn_blob_dir_close(v->dir);
}
