/* tests/support/fake_api.c - a node that is none. */
#include "tests/support/fake_api.h"

#include <stdio.h>
#include <string.h>

const struct gn_id gn_fake_api_root = {{7, 7, 7}};

void gn_fake_api_init(struct gn_fake_api *f)
{
    memset(f, 0, sizeof *f);
    f->ready = true;
    f->parts = 3;
    f->file_size = 100000;
    f->version = 10;
}

uint8_t gn_fake_api_byte(uint64_t offset)
{
    return (uint8_t)(offset * 131 + (offset >> 8) * 17);
}

/* True: the call is held or failed, nothing more to do. */
static bool taken(struct gn_fake_api *f, struct gn_api_call *call);

static void on_cancel(struct gn_api_call *call)
{
    struct gn_fake_api *f = call->work;
    f->cancelled++;
}

static bool taken(struct gn_fake_api *f, struct gn_api_call *call)
{
    if (f->hold && f->held_len < GN_FAKE_HELD_MAX) {
        call->work = f;
        call->cancel = on_cancel;
        f->held[f->held_len++] = call;
        return true;
    }
    if (f->fail_with) {
        gn_api_fail(call, f->fail_with, "the fake was told to fail");
        return true;
    }
    return false;
}

static void answer_node(struct gn_api_call *call)
{
    static const struct gn_addr listen = {.ip = {127, 0, 0, 1}, .port = 4770, .family = GN_ADDR_V4};
    const struct gn_api_node node = {
        .id = {{1, 2, 3}},
        .version = "0.1.0",
        .network = "test",
        .mode = "server",
        .data_dir = "/tmp/odd \"name\" \xff",
        .pid = 42,
        .uptime_us = GN_SECONDS(5),
        .ready = true,
        .listen = &listen,
        .listen_len = 1,
        .peers = 8,
    };
    gn_api_done(call, &node);
}

void gn_fake_api_finish(struct gn_fake_api *f, enum gn_err err)
{
    if (f->held_len == 0)
        return;
    struct gn_api_call *call = f->held[0];
    f->held_len--;
    for (size_t i = 0; i < f->held_len; i++)
        f->held[i] = f->held[i + 1];
    if (err)
        gn_api_fail(call, err, NULL);
    else
        answer_node(call);
}

static void op_node_info(void *node, struct gn_api_call *call)
{
    if (!taken(node, call))
        answer_node(call);
}

static void op_config(void *node, struct gn_api_call *call)
{
    static const struct gn_api_setting items[] = {{"dht", "k", "20", "default"}, {"api", "listen", "", "flag"}};
    const struct gn_api_settings settings = {.items = items, .len = 2};
    if (!taken(node, call))
        gn_api_done(call, &settings);
}

static void op_nat(void *node, struct gn_api_call *call)
{
    static const struct gn_api_check checks[] = {{"udp4", "ok", "bound", NULL}, {"clock", "warn", "2 s off", "set it"}};
    const struct gn_api_nat nat = {.reachability = "public", .mapping = "unknown", .checks = checks, .checks_len = 2};
    if (!taken(node, call))
        gn_api_done(call, &nat);
}

static const struct gn_api_peer fake_peer = {
    .contact = {.id = {{9}}, .addr = {.ip = {127, 0, 0, 1}, .port = 5, .family = GN_ADDR_V4}},
    .state = "good",
    .rtt_us = 1500,
    .seen_ago_us = GN_TIME_NEVER,
    .common_bits = 3,
};

static void op_peers(void *node, struct gn_api_call *call)
{
    const struct gn_api_peers peers = {.items = &fake_peer, .len = 1};
    if (!taken(node, call))
        gn_api_done(call, &peers);
}

static void op_peer_connect(void *node, struct gn_api_call *call, const struct gn_api_connect *req)
{
    struct gn_fake_api *f = node;
    (void)snprintf(f->last_text, sizeof f->last_text, "%s", req->address);
    if (!taken(f, call))
        gn_api_done(call, &fake_peer);
}

static void op_peer_forget(void *node, struct gn_api_call *call, const struct gn_id *id)
{
    if (taken(node, call))
        return;
    if (gn_id_eq(id, &fake_peer.contact.id))
        gn_api_done(call, NULL);
    else
        gn_api_fail(call, GN_E_NOT_FOUND, "no such peer");
}

static void op_peer_ping(void *node, struct gn_api_call *call, const struct gn_id *id)
{
    const struct gn_api_pong pong = {.contact = {.id = *id, .addr = fake_peer.contact.addr}, .rtt_us = 2500};
    if (!taken(node, call))
        gn_api_done(call, &pong);
}

static void op_dht_find(void *node, struct gn_api_call *call, const struct gn_api_find *req)
{
    struct gn_fake_api *f = node;
    if (taken(f, call))
        return;
    for (unsigned i = 0; i < f->parts; i++) {
        const struct gn_api_hop hop = {.seq = i, .peer = fake_peer.contact, .outcome = "answered", .reason = "nearest"};
        gn_api_part(call, &hop);
    }
    const struct gn_api_found_peer nearest = {.contact = fake_peer.contact, .common_bits = 3};
    const struct gn_api_found found = {.target = req->target, .nearest = &nearest, .nearest_len = 1, .asked = 3};
    gn_api_done(call, &found);
}

static void op_record_put(void *node, struct gn_api_call *call, const struct gn_api_record_put *req)
{
    struct gn_fake_api *f = node;
    f->last_ttl = req->ttl_s;
    if (taken(f, call))
        return;
    if (req->value.len > 65536) {
        gn_api_fail(call, GN_E_LIMIT, "a value has at most 65536 bytes");
        return;
    }
    struct gn_fake_value *v = &f->values[0];
    v->len = req->value.len < sizeof v->value ? req->value.len : sizeof v->value;
    memcpy(v->value, req->value.data, v->len);
    const struct gn_api_stored stored = {.key = {{5, 5}}, .seq = req->is_mutable ? 1 : 0, .expires = 99, .replicas = 2};
    gn_api_done(call, &stored);
}

static void op_record_get(void *node, struct gn_api_call *call, const struct gn_id *key)
{
    struct gn_fake_api *f = node;
    static const struct gn_id known = {{5, 5}};
    if (taken(f, call))
        return;
    if (!gn_id_eq(key, &known)) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such record");
        return;
    }
    const struct gn_api_record r = {.value = {f->values[0].value, f->values[0].len}, .expires = 99};
    gn_api_done(call, &r);
}

static struct gn_fake_value *find_value(struct gn_fake_api *f, struct gn_slice key, bool make)
{
    struct gn_fake_value *spare = NULL;
    for (size_t i = 0; i < GN_FAKE_VALUES_MAX; i++) {
        struct gn_fake_value *v = &f->values[i];
        if (v->used && strlen(v->key) == key.len && memcmp(v->key, key.data, key.len) == 0)
            return v;
        if (!v->used)
            spare = v;
    }
    if (!make || !spare || key.len >= sizeof spare->key)
        return NULL;
    memset(spare, 0, sizeof *spare);
    memcpy(spare->key, key.data, key.len);
    return spare;
}

static void op_kv_get(void *node, struct gn_api_call *call, const struct gn_api_kv_key *req)
{
    struct gn_fake_api *f = node;
    if (taken(f, call))
        return;
    const struct gn_fake_value *v = find_value(f, req->key, false);
    const struct gn_api_kv_value value = {
        .value = {v ? v->value : NULL, v ? v->len : 0}, .version = v ? v->version : 0, .expires = 77};
    if (v)
        gn_api_done(call, &value);
    else
        gn_api_fail(call, GN_E_NOT_FOUND, "no such key");
}

static bool condition_holds(const struct gn_fake_value *v, const struct gn_api_kv_write *req)
{
    bool exists = v && v->used;
    switch (req->cond) {
    case GN_API_KV_ALWAYS:
        return true;
    case GN_API_KV_IF_EXISTS:
        return exists;
    case GN_API_KV_IF_ABSENT:
        return !exists;
    case GN_API_KV_IF_VERSION:
        return exists && v->version == req->version;
    }
    return false;
}

static void op_kv_put(void *node, struct gn_api_call *call, const struct gn_api_kv_write *req)
{
    struct gn_fake_api *f = node;
    if (taken(f, call))
        return;
    struct gn_fake_value *v = find_value(f, req->key, true);
    if (!v || req->value.len > sizeof v->value) {
        gn_api_fail(call, GN_E_LIMIT, NULL);
        return;
    }
    if (!condition_holds(v, req)) {
        gn_api_fail(call, GN_E_CONFLICT, "the version differs");
        return;
    }
    v->used = true;
    v->len = req->value.len;
    if (v->len)
        memcpy(v->value, req->value.data, v->len);
    v->version = ++f->version;
    const struct gn_api_kv_value value = {.version = v->version, .expires = 77, .replicas = 1};
    gn_api_done(call, &value);
}

static void op_kv_del(void *node, struct gn_api_call *call, const struct gn_api_kv_write *req)
{
    struct gn_fake_api *f = node;
    if (taken(f, call))
        return;
    struct gn_fake_value *v = find_value(f, req->key, false);
    if (!v) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such key");
        return;
    }
    v->used = false;
    const struct gn_api_kv_value value = {.version = ++f->version};
    gn_api_done(call, &value);
}

static void op_kv_list(void *node, struct gn_api_call *call, const struct gn_api_kv_list *req)
{
    struct gn_fake_api *f = node;
    struct gn_api_kv_entry items[GN_FAKE_VALUES_MAX];
    struct gn_api_kv_entries entries = {.items = items};
    if (taken(f, call))
        return;
    for (size_t i = 0; i < GN_FAKE_VALUES_MAX && entries.len < req->limit; i++) {
        const struct gn_fake_value *v = &f->values[i];
        size_t len = strlen(v->key);
        if (!v->used || len < req->prefix.len || memcmp(v->key, req->prefix.data, req->prefix.len) != 0)
            continue;
        items[entries.len++] = (struct gn_api_kv_entry){
            .key = {(const uint8_t *)v->key, len}, .version = v->version, .size = v->len, .expires = 77};
    }
    gn_api_done(call, &entries);
}

static const struct gn_api_file *fake_file(const struct gn_fake_api *f, struct gn_api_file *out)
{
    *out = (struct gn_api_file){
        .root = gn_fake_api_root, .name = "a file.txt", .kind = "file", .state = "shared", .size = f->file_size};
    return out;
}

static void op_share(void *node, struct gn_api_call *call, const struct gn_api_share *req)
{
    struct gn_fake_api *f = node;
    struct gn_api_file file;
    (void)snprintf(f->last_path, sizeof f->last_path, "%s", req->path);
    if (taken(f, call))
        return;
    for (unsigned i = 0; i < f->parts; i++) {
        const struct gn_api_progress p = {.stage = "hash", .name = "x", .done = i, .total = f->parts};
        gn_api_part(call, &p);
    }
    gn_api_done(call, fake_file(f, &file));
}

static void op_upload_open(void *node, struct gn_api_call *call, const struct gn_api_share *req)
{
    struct gn_fake_api *f = node;
    (void)snprintf(f->last_name, sizeof f->last_name, "%s", req->path);
    if (taken(f, call))
        return;
    f->opened++;
    f->uploaded = 0;
    const struct gn_api_handle h = {.handle = 1};
    gn_api_done(call, &h);
}

static void op_upload_write(void *node, struct gn_api_call *call, const struct gn_api_chunk *req)
{
    struct gn_fake_api *f = node;
    if (taken(f, call))
        return;
    for (size_t i = 0; i < req->data.len; i++)
        f->upload_wrong |= req->data.data[i] != gn_fake_api_byte(f->uploaded + i);
    f->uploaded += req->data.len;
    if (f->upload_fail_at && f->uploaded >= f->upload_fail_at)
        gn_api_fail(call, GN_E_NO_SPACE, "the disk is full");
    else
        gn_api_done(call, NULL);
}

static void op_upload_commit(void *node, struct gn_api_call *call, const struct gn_api_handle *req)
{
    struct gn_fake_api *f = node;
    struct gn_api_file file;
    (void)req;
    f->closed++;
    if (!taken(f, call))
        gn_api_done(call, fake_file(f, &file));
}

static void op_close(void *node, uint64_t handle)
{
    struct gn_fake_api *f = node;
    (void)handle;
    f->closed++;
}

static void op_files(void *node, struct gn_api_call *call)
{
    struct gn_fake_api *f = node;
    struct gn_api_file file;
    const struct gn_api_files files = {.items = fake_file(f, &file), .len = 1};
    if (!taken(f, call))
        gn_api_done(call, &files);
}

static void op_unshare(void *node, struct gn_api_call *call, const struct gn_id *root)
{
    if (taken(node, call))
        return;
    if (gn_id_eq(root, &gn_fake_api_root))
        gn_api_done(call, NULL);
    else
        gn_api_fail(call, GN_E_NOT_FOUND, "not shared");
}

static void op_file_open(void *node, struct gn_api_call *call, const struct gn_id *root)
{
    struct gn_fake_api *f = node;
    if (taken(f, call))
        return;
    if (!gn_id_eq(root, &gn_fake_api_root)) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such file");
        return;
    }
    f->opened++;
    const struct gn_api_open_file file = {.handle = 1, .size = f->file_size, .name = "a file.txt", .kind = "file"};
    gn_api_done(call, &file);
}

static void op_file_read(void *node, struct gn_api_call *call, const struct gn_api_read *req)
{
    struct gn_fake_api *f = node;
    uint8_t piece[50000]; /* shorter than what may be asked for: pieces may be short */
    if (taken(f, call))
        return;
    size_t len = req->len < sizeof piece ? req->len : sizeof piece;
    for (size_t i = 0; i < len; i++)
        piece[i] = gn_fake_api_byte(req->offset + i);
    f->read_bytes += len;
    const struct gn_slice bytes = {piece, len};
    gn_api_done(call, &bytes);
}

static struct gn_api_transfer fake_transfer(const char *state)
{
    return (struct gn_api_transfer){
        .id = 3, .root = gn_fake_api_root, .name = "x", .state = state, .size = 10, .have = 5};
}

static void op_fetch(void *node, struct gn_api_call *call, const struct gn_api_fetch *req)
{
    struct gn_fake_api *f = node;
    const struct gn_api_transfer t = fake_transfer("searching");
    (void)snprintf(f->last_text, sizeof f->last_text, "%s", req->link);
    (void)snprintf(f->last_path, sizeof f->last_path, "%s", req->path ? req->path : "");
    if (!taken(f, call))
        gn_api_done(call, &t);
}

static void op_transfers(void *node, struct gn_api_call *call)
{
    const struct gn_api_transfer t = fake_transfer("fetching");
    const struct gn_api_transfers list = {.items = &t, .len = 1};
    if (!taken(node, call))
        gn_api_done(call, &list);
}

static void op_transfer_watch(void *node, struct gn_api_call *call, uint64_t id)
{
    struct gn_fake_api *f = node;
    struct gn_api_transfer t = fake_transfer("fetching");
    if (taken(f, call))
        return;
    if (f->hold_watch) {
        f->hold = true;
        (void)taken(f, call);
        f->hold = false;
        return;
    }
    if (id != 3) {
        gn_api_fail(call, GN_E_NOT_FOUND, "no such transfer");
        return;
    }
    for (unsigned i = 0; i < f->parts; i++)
        gn_api_part(call, &t);
    t.state = "done";
    gn_api_done(call, &t);
}

static void op_transfer_cancel(void *node, struct gn_api_call *call, uint64_t id)
{
    const struct gn_api_transfer t = fake_transfer("cancelled");
    if (taken(node, call))
        return;
    if (id == 3)
        gn_api_done(call, &t);
    else
        gn_api_fail(call, GN_E_NOT_FOUND, "no such transfer");
}

static void op_stop(void *node, struct gn_api_call *call)
{
    struct gn_fake_api *f = node;
    f->stopped = true;
    if (!taken(f, call))
        gn_api_done(call, NULL);
}

static bool op_ready(void *node)
{
    const struct gn_fake_api *f = node;
    return f->ready;
}

static void op_metrics(void *node, gn_api_metric_fn emit, void *data)
{
    (void)node;
    const struct gn_api_metric m[] = {
        {"ghostnet_packets_total", "Packets.", GN_API_COUNTER, "kind", "se\"aled\n", 7},
        {"ghostnet_packets_total", "Packets.", GN_API_COUNTER, "kind", "quic", 9007199254740992.0},
        {"ghostnet_peers", "Peers.", GN_API_GAUGE, NULL, NULL, 8},
    };
    for (size_t i = 0; i < sizeof m / sizeof m[0]; i++)
        emit(data, &m[i]);
}

const struct gn_api_ops gn_fake_api_ops = {
    .node_info = op_node_info,
    .config = op_config,
    .nat = op_nat,
    .peers = op_peers,
    .peer_connect = op_peer_connect,
    .peer_forget = op_peer_forget,
    .peer_ping = op_peer_ping,
    .dht_find = op_dht_find,
    .record_put = op_record_put,
    .record_get = op_record_get,
    .kv_get = op_kv_get,
    .kv_put = op_kv_put,
    .kv_del = op_kv_del,
    .kv_list = op_kv_list,
    .share = op_share,
    .upload_open = op_upload_open,
    .upload_write = op_upload_write,
    .upload_commit = op_upload_commit,
    .upload_abort = op_close,
    .files = op_files,
    .unshare = op_unshare,
    .file_open = op_file_open,
    .file_read = op_file_read,
    .file_close = op_close,
    .fetch = op_fetch,
    .transfers = op_transfers,
    .transfer_watch = op_transfer_watch,
    .transfer_cancel = op_transfer_cancel,
    .stop = op_stop,
    .ready = op_ready,
    .metrics = op_metrics,
};
