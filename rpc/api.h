/* rpc/api.h - what a node can be asked: the functions that node/ implements and the control API calls.
 *
 * Life: struct gn_api_ops is a constant of node/. A struct gn_api_call belongs to who asks, from the op call until
 * finish. Threads: everything here happens on the thread of the node's loop. Purity: declarations only.
 *
 * One question = one op call with a request, and a call (the completion token):
 *   - the op borrows the request (and every slice and text in it) only until it returns: copy what is needed later;
 *   - it returns nothing: it finishes the call exactly once, by gn_api_done or gn_api_fail, inside the op or any time
 * later;
 *   - before that it may report progress any number of times (gn_api_part), if the table below names a part type;
 *   - results and parts are borrowed by the asker only during that call: they may live on the stack;
 *   - when the asker loses interest (its client went away, a deadline passed) it sets call->gone and calls
 * call->cancel, if the node has set one. The node should then stop the work, and must still finish the call exactly
 * once (GN_E_CANCELLED is usual). It may do so inside cancel. Parts of a gone call are ignored. An op that is NULL
 * answers GN_E_UNSUPPORTED.
 *
 * op              | request                  | part                   | result
 * ----------------+--------------------------+------------------------+---------------------------
 * node_info       | -                        | -                      | struct gn_api_node
 * config          | -                        | -                      | struct gn_api_settings
 * nat             | -                        | -                      | struct gn_api_nat
 * peers           | -                        | -                      | struct gn_api_peers
 * peer_connect    | struct gn_api_connect    | -                      | struct gn_api_peer
 * peer_forget     | struct gn_id             | -                      | NULL
 * peer_ping       | struct gn_id             | -                      | struct gn_api_pong
 * dht_find        | struct gn_api_find       | struct gn_api_hop      | struct gn_api_found
 * record_put      | struct gn_api_record_put | -                      | struct gn_api_stored
 * record_get      | struct gn_id             | -                      | struct gn_api_record
 * kv_get          | struct gn_api_kv_key     | -                      | struct gn_api_kv_value
 * kv_put          | struct gn_api_kv_write   | -                      | struct gn_api_kv_value (value empty)
 * kv_del          | struct gn_api_kv_write   | -                      | struct gn_api_kv_value (value empty)
 * kv_list         | struct gn_api_kv_list    | -                      | struct gn_api_kv_entries
 * share           | struct gn_api_share      | struct gn_api_progress | struct gn_api_file
 * upload_open     | struct gn_api_share      | -                      | struct gn_api_handle
 * upload_write    | struct gn_api_chunk      | -                      | NULL
 * upload_commit   | struct gn_api_handle     | -                      | struct gn_api_file (the handle is gone, also on
 * error) files           | -                        | -                      | struct gn_api_files unshare         |
 * struct gn_id (root)      | -                      | NULL file_open       | struct gn_id (root)      | - | struct
 * gn_api_open_file file_read       | struct gn_api_read       | -                      | struct gn_slice (1..len bytes)
 * fetch           | struct gn_api_fetch      | -                      | struct gn_api_transfer (as it starts)
 * transfers       | -                        | -                      | struct gn_api_transfers
 * transfer_watch  | uint64_t (transfer id)   | struct gn_api_transfer | struct gn_api_transfer (as it ended)
 * transfer_cancel | uint64_t (transfer id)   | -                      | struct gn_api_transfer
 * stop            | -                        | -                      | NULL, then the node drains
 */
#ifndef GN_RPC_API_H
#define GN_RPC_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/contact.h"
#include "base/err.h"
#include "base/id.h"
#include "base/slice.h"
#include "base/time.h"

#define GN_API_DETAIL_MAX 256U /* a longer detail of an error is cut */

/* The completion token of one question. */
struct gn_api_call {
    /* Set by the asker; use gn_api_done, gn_api_fail and gn_api_part instead of calling them. */
    void (*finish)(struct gn_api_call *call, enum gn_err err, const char *detail, const void *result);
    void (*part)(struct gn_api_call *call, const void *part); /* NULL: nobody wants parts */
    void *asker;
    bool gone; /* the asker does not listen any more */
    /* Set by the node, if it wants to; all NULL when the op is called. */
    void (*cancel)(struct gn_api_call *call);
    void *work;
};

/* Finishes the call with its result (borrowed). The call must not be touched afterwards. */
static inline void gn_api_done(struct gn_api_call *call, const void *result)
{
    call->finish(call, GN_OK, NULL, result);
}
/* Finishes the call with an error (not GN_OK). detail: one lower-case phrase for people that says what was wrong with
 * which value ("peer 3xk.. does not answer"), borrowed; NULL: the text of err. Call must not be touched afterwards. */
static inline void gn_api_fail(struct gn_api_call *call, enum gn_err err, const char *detail)
{
    call->finish(call, err, detail, NULL);
}
/* Reports progress (borrowed). */
static inline void gn_api_part(struct gn_api_call *call, const void *part)
{
    if (call->part && !call->gone)
        call->part(call, part);
}

/* ---- the node ---- */

struct gn_api_node {
    struct gn_id id;
    const char *version;  /* "0.1.0" */
    const char *network;  /* its name; "" = the public one */
    const char *mode;     /* "server" or "client" of the DHT */
    const char *data_dir; /* absolute */
    const char *api_url;  /* "http://127.0.0.1:1234"; NULL: only the Unix socket */
    uint64_t pid;
    gn_time_us uptime_us;
    bool ready;                   /* bootstrapped, or nobody to bootstrap from */
    const struct gn_addr *listen; /* as bound */
    size_t listen_len;
    const struct gn_addr *external; /* as others see us, most certain first */
    size_t external_len;
    uint64_t peers;       /* contacts in the table */
    uint64_t connections; /* open QUIC connections */
    uint64_t records;     /* records held for others and for us */
    uint64_t record_bytes;
    uint64_t files; /* shared and fetched */
    uint64_t bytes_in;
    uint64_t bytes_out;
};

struct gn_api_setting {
    const char *section;
    const char *name;
    const char *value;  /* "" when secret */
    const char *source; /* "default", "file", "flag" */
};
struct gn_api_settings {
    const struct gn_api_setting *items;
    size_t len;
};

/* One finding of the doctor. */
struct gn_api_check {
    const char *name;   /* "udp4", "reachability", "clock" */
    const char *status; /* "ok", "warn", "fail", "unknown" */
    const char *text;   /* what was found */
    const char *advice; /* what to do; NULL: nothing */
};
struct gn_api_nat {
    const char *reachability; /* "public", "behind-nat", "unknown" */
    const char *mapping;      /* "endpoint-independent", "address-dependent", "unknown", ... */
    const struct gn_addr *external;
    size_t external_len;
    const struct gn_api_check *checks;
    size_t checks_len;
};

/* ---- peers ---- */

struct gn_api_peer {
    struct gn_contact contact;
    const char *state;      /* "good", "questionable", "connecting", ... */
    gn_time_us rtt_us;      /* 0 = not measured */
    gn_time_us seen_ago_us; /* GN_TIME_NEVER = never heard */
    gn_time_us known_us;    /* for how long */
    unsigned common_bits;   /* shared with our id: the bucket */
    bool connected;         /* a QUIC connection is open */
    bool bootstrap;         /* from the configuration */
};
struct gn_api_peers {
    const struct gn_api_peer *items;
    size_t len;
};
struct gn_api_connect {
    const char *address; /* "ID@HOST:PORT" or "HOST:PORT", not checked yet; host may be a name */
};
struct gn_api_pong {
    struct gn_contact contact;
    gn_time_us rtt_us;
};

/* ---- lookups and records ---- */

struct gn_api_find {
    struct gn_id target;
    bool explain;     /* report each hop as a part, as it happens */
    const char *want; /* "nodes" (default), "value", "providers" */
};
struct gn_api_hop {
    uint32_t seq;     /* 0, 1, 2.. */
    uint32_t round;   /* depth: 0 = from our own table */
    gn_time_us at_us; /* since the start of the lookup */
    struct gn_contact peer;
    unsigned common_bits; /* of the peer's id with the target */
    gn_time_us rtt_us;    /* 0 = no answer */
    const char *outcome;  /* "answered", "timeout", "value", "refused", "skipped", ... */
    const char *reason;   /* why this peer was asked, or why not */
    uint32_t learned;     /* contacts that the answer brought */
};
struct gn_api_found_peer {
    struct gn_contact contact;
    unsigned common_bits;
    gn_time_us rtt_us;
};
struct gn_api_found {
    struct gn_id target;
    const struct gn_api_found_peer *nearest; /* nearest first */
    size_t nearest_len;
    const struct gn_contact *providers;
    size_t providers_len;
    bool value_found;
    uint32_t hops; /* depth that found the nearest */
    uint32_t asked;
    uint32_t answered;
    uint32_t timeouts;
    gn_time_us took_us;
};

struct gn_api_record_put {
    struct gn_slice value;
    uint64_t ttl_s;       /* 0 = the default */
    bool is_mutable;      /* signed by this node under `salt` */
    struct gn_slice salt; /* mutable only, at most 64 bytes */
    bool has_seq;         /* compare-and-set: only if the stored seq is `seq` (0 = none stored), else CONFLICT */
    uint64_t seq;
};
struct gn_api_stored {
    struct gn_id key; /* what to GET */
    uint64_t seq;     /* mutable: the new one */
    gn_wall_s expires;
    uint32_t replicas; /* nodes that acknowledged, ourselves included */
};
struct gn_api_record {
    struct gn_slice value;
    bool is_mutable;
    struct gn_id owner; /* mutable only */
    struct gn_slice salt;
    uint64_t seq;
    gn_wall_s expires;
};

/* ---- key-value spaces ---- */

#define GN_API_KV_KEY_MAX 1024U /* bytes of UTF-8; the node may allow less (LIMIT) */

struct gn_api_kv_key {
    struct gn_id space;  /* all zero = the node's own */
    struct gn_slice key; /* valid UTF-8 without NUL, 1..GN_API_KV_KEY_MAX bytes */
};
enum gn_api_kv_if {
    GN_API_KV_ALWAYS,
    GN_API_KV_IF_VERSION, /* only if the version is `version`, else CONFLICT */
    GN_API_KV_IF_EXISTS,  /* else CONFLICT */
    GN_API_KV_IF_ABSENT,  /* else CONFLICT */
};
struct gn_api_kv_write {
    struct gn_id space;
    struct gn_slice key;
    struct gn_slice value; /* put only */
    uint64_t ttl_s;        /* put only; 0 = the default */
    enum gn_api_kv_if cond;
    uint64_t version;
};
struct gn_api_kv_value {
    struct gn_slice value;
    uint64_t version;
    gn_wall_s expires;
    uint32_t replicas; /* put, del */
};
struct gn_api_kv_list {
    struct gn_id space;
    struct gn_slice prefix;
    struct gn_slice after; /* keys greater than this only; empty: from the first */
    size_t limit;          /* most entries wanted, 1..1000 */
};
struct gn_api_kv_entry {
    struct gn_slice key;
    uint64_t version;
    uint64_t size;
    gn_wall_s expires;
};
struct gn_api_kv_entries { /* sorted by key, bytewise */
    const struct gn_api_kv_entry *items;
    size_t len;
    bool more; /* there are more after the last */
};

/* ---- files ---- */

struct gn_api_share {
    const char *path; /* share: absolute path; upload_open: the name to show, never a path */
};
struct gn_api_progress {
    const char *stage; /* "scan", "hash", "announce" */
    const char *name;  /* of the file at work */
    uint64_t done;     /* bytes */
    uint64_t total;    /* 0 = not known yet */
    uint64_t files;
};
struct gn_api_file {
    struct gn_id root;
    const char *name;
    const char *path;  /* NULL when unknown */
    const char *kind;  /* "file", "folder" */
    const char *state; /* "shared", "hashing", "fetching", "complete", "changed", "missing", ... */
    const char *link;  /* ghost:<root>?... ; NULL when it is not served */
    uint64_t size;
    uint64_t have;   /* verified bytes */
    uint64_t served; /* bytes sent to others */
};
struct gn_api_files {
    const struct gn_api_file *items;
    size_t len;
};
struct gn_api_handle {
    uint64_t handle;
};
struct gn_api_chunk {
    uint64_t handle;
    struct gn_slice data; /* unlike other requests: stays valid until the call is finished */
};
struct gn_api_open_file {
    uint64_t handle; /* given back by file_close, always */
    uint64_t size;
    const char *name;
    const char *kind; /* "folder": the bytes are the manifest */
};
struct gn_api_read {
    uint64_t handle;
    uint64_t offset; /* offset + len <= size */
    size_t len;      /* 1..GN_API_READ_MAX */
};
#define GN_API_READ_MAX 262144U

struct gn_api_fetch {
    const char *link; /* ghost:<root>?..., not checked yet */
    const char *path; /* absolute file or folder to write; NULL: keep it in the data folder only */
    bool overwrite;   /* a file that is there already may be replaced */
};
struct gn_api_transfer {
    uint64_t id;
    struct gn_id root;
    const char *name;
    const char *path;  /* where it goes; NULL: data folder */
    const char *state; /* "searching", "fetching", "verifying", "done", "failed", "cancelled" */
    uint64_t size;     /* 0 = not known yet */
    uint64_t have;     /* verified bytes */
    uint64_t rate;     /* bytes per second, lately */
    uint32_t providers;
    uint32_t dropped; /* providers that lied or stalled */
    enum gn_err err;  /* of a failed one */
    const char *detail;
};
struct gn_api_transfers {
    const struct gn_api_transfer *items;
    size_t len;
};

/* ---- metrics ---- */

enum gn_api_metric_type { GN_API_COUNTER, GN_API_GAUGE };

struct gn_api_metric {
    const char *name; /* "ghostnet_packets_total": [a-z_:][a-z0-9_:]*; all samples of a name come one after the other */
    const char *help; /* one sentence */
    enum gn_api_metric_type type;
    const char *label; /* NULL: none; else one label of this name */
    const char *label_value;
    double value;
};
typedef void (*gn_api_metric_fn)(void *data, const struct gn_api_metric *metric);

/* ---- the functions ---- */

/* `node` is what the server was configured with. `call` as described above. */
typedef void (*gn_api_plain_fn)(void *node, struct gn_api_call *call);
typedef void (*gn_api_id_fn)(void *node, struct gn_api_call *call, const struct gn_id *id);
typedef void (*gn_api_number_fn)(void *node, struct gn_api_call *call, uint64_t number);

struct gn_api_ops {
    gn_api_plain_fn node_info;
    gn_api_plain_fn config;
    gn_api_plain_fn nat;
    gn_api_plain_fn peers;
    void (*peer_connect)(void *node, struct gn_api_call *call, const struct gn_api_connect *req);
    gn_api_id_fn peer_forget;
    gn_api_id_fn peer_ping;
    void (*dht_find)(void *node, struct gn_api_call *call, const struct gn_api_find *req);
    void (*record_put)(void *node, struct gn_api_call *call, const struct gn_api_record_put *req);
    gn_api_id_fn record_get;
    void (*kv_get)(void *node, struct gn_api_call *call, const struct gn_api_kv_key *req);
    void (*kv_put)(void *node, struct gn_api_call *call, const struct gn_api_kv_write *req);
    void (*kv_del)(void *node, struct gn_api_call *call, const struct gn_api_kv_write *req);
    void (*kv_list)(void *node, struct gn_api_call *call, const struct gn_api_kv_list *req);
    void (*share)(void *node, struct gn_api_call *call, const struct gn_api_share *req);
    void (*upload_open)(void *node, struct gn_api_call *call, const struct gn_api_share *req);
    void (*upload_write)(void *node, struct gn_api_call *call, const struct gn_api_chunk *req);
    void (*upload_commit)(void *node, struct gn_api_call *call, const struct gn_api_handle *req);
    void (*upload_abort)(void *node, uint64_t handle); /* at once, no answer; never while a write is pending */
    gn_api_plain_fn files;
    gn_api_id_fn unshare;
    gn_api_id_fn file_open;
    void (*file_read)(void *node, struct gn_api_call *call, const struct gn_api_read *req);
    void (*file_close)(void *node, uint64_t handle); /* at once, no answer; never while a read is pending */
    void (*fetch)(void *node, struct gn_api_call *call, const struct gn_api_fetch *req);
    gn_api_plain_fn transfers;
    gn_api_number_fn transfer_watch; /* a part at once, then at most 10 a second */
    gn_api_number_fn transfer_cancel;
    gn_api_plain_fn stop;
    /* These answer at once. ready: may clients be sent here (GET /readyz)? metrics: calls emit once per sample. */
    bool (*ready)(void *node);
    void (*metrics)(void *node, gn_api_metric_fn emit, void *data);
};

#endif
