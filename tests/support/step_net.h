/* tests/support/step_net.h - a network of overlays in one process under virtual time: real codec, real tables, a cheap
 * but honest crypto, a store in memory, links with latency and loss, nodes that die or lie.
 *
 * Life: step_net_new .. step_net_free. Threads: one. Purity: pure; everything follows from the seed.
 */
#ifndef GN_TESTS_SUPPORT_STEP_NET_H
#define GN_TESTS_SUPPORT_STEP_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/overlay.h"

#define STEP_NET_NODES_MAX 512
#define STEP_NET_OPS_MAX 8192

struct step_net_config {
    uint64_t seed;
    unsigned nodes;
    gn_time_us latency_min_us; /* one way; each pair has its own, 0 = 5 ms */
    gn_time_us latency_max_us; /* 0 = 100 ms */
    unsigned jitter_percent;   /* of each packet's latency; 0 = none */
    unsigned loss_percent;     /* of datagrams */
    bool local;                /* all on 127.0.0.1 with allow_private */
    enum gn_overlay_mode mode; /* of a local network; the nodes of a public one are servers */
    unsigned first_auto;       /* in a public network: nodes from this one on are AUTO; 0 = none */
    bool shared_book;          /* one contact book for all */
    uint64_t fail_at;          /* the n-th allocation of node `fail_node` fails; 0 = none */
    unsigned fail_node;
    gn_time_us store_us; /* how long a store takes */
};

enum step_net_lie {
    STEP_NET_HONEST,
    STEP_NET_FALSE_CONTACTS, /* names nodes that do not exist, close to the target */
    STEP_NET_FALSE_RECORDS,  /* answers every GET with a wrong record */
    STEP_NET_GARBAGE,        /* answers with random bytes */
    STEP_NET_SWAPPED,        /* gives true ids with false addresses */
};

/* What an operation told. */
struct step_net_op {
    bool done;
    enum gn_err err;
    unsigned node;
    unsigned records;
    uint8_t *record; /* the last one, owned by the net */
    size_t record_len;
    unsigned stored, conflicts, stored_events;
    unsigned queries, answers, timeouts, hops_max;
    gn_time_us started, elapsed_us, rtt_us, deadline;
    struct gn_contact closest[16];
    size_t closest_len;
    unsigned hops;        /* GN_OPEV_HOP events */
    unsigned asked_twice; /* the same id at the same address, without the reason GN_HOP_RETRY */
    unsigned hop_status[8];
    struct gn_contact asked[128];
    unsigned asked_len;
};

struct step_net;

struct step_net *step_net_new(const struct step_net_config *config);
void step_net_free(struct step_net *n);

/* Creates node i (they exist from the start unless fail_at made that impossible). False: out of memory. */
bool step_net_is_up(const struct step_net *n, unsigned node);
struct gn_overlay *step_net_overlay(struct step_net *n, unsigned node);
struct gn_contact step_net_contact(const struct step_net *n, unsigned node);
gn_time_us step_net_now(const struct step_net *n);
gn_wall_s step_net_wall(const struct step_net *n);
/* The node's crypto, for encoding and checking records as it would. */
void step_net_crypto(const struct step_net *n, unsigned node, struct gn_crypto *out);
void step_net_set_store_delay(struct step_net *n, gn_time_us delay_us);
/* Bytes that the node has allocated now, and how often it has allocated. */
size_t step_net_bytes(const struct step_net *n, unsigned node);
uint64_t step_net_allocs(const struct step_net *n, unsigned node);
/* Contacts in the shared book. */
uint32_t step_net_book_len(const struct step_net *n);
/* Did the planned allocation failure happen? */
bool step_net_failed(const struct step_net *n);
/* A hash of everything that every node emitted, with time and order. */
uint64_t step_net_hash(const struct step_net *n);
uint64_t step_net_queries(const struct step_net *n);     /* datagram and stream queries sent by all */
uint64_t step_net_soft_errors(const struct step_net *n); /* steps that returned NO_MEMORY */

void step_net_kill(struct step_net *n, unsigned node);                     /* gone, with everything but its store */
bool step_net_restart(struct step_net *n, unsigned node, bool with_table); /* anew: the same id, and its saved table */
void step_net_mute(struct step_net *n, unsigned node, bool mute);          /* packets to and from it are lost */
void step_net_lie(struct step_net *n, unsigned node, enum step_net_lie what);
void step_net_set_loss(struct step_net *n, unsigned percent);
void step_net_slow_down(struct step_net *n, unsigned node, gn_time_us extra_us); /* its answers take longer */
/* As behind a strict NAT: answers reach it, queries do not. */
void step_net_block_queries(struct step_net *n, unsigned node, bool block);
void step_net_move(struct step_net *n, unsigned node); /* another address, NET_CHANGED */
void step_net_drop_store(struct step_net *n, unsigned node);
size_t step_net_stored(const struct step_net *n, unsigned node);
bool step_net_holds(const struct step_net *n, unsigned node, const struct gn_id *target);

/* Starts a command; gives its operation, valid until step_net_free. command->op is chosen here. */
struct step_net_op *step_net_command(struct step_net *n, unsigned node, struct gn_command *command);
void step_net_cancel(struct step_net *n, unsigned node, const struct step_net_op *op);
/* Runs until the operation is done, at most `most_us`. True: it is done. */
bool step_net_finish(struct step_net *n, const struct step_net_op *op, gn_time_us most_us);
void step_net_run(struct step_net *n, gn_time_us for_us);
/* Every node but 0 bootstraps from node 0, `apart_us` one after the other, and all of that ends. */
void step_net_join_all(struct step_net *n, gn_time_us apart_us);
/* Encodes a record of the text into `out` (GN_RECORD_BYTES_MAX): seq 0 an immutable one, else a mutable one with salt
 * "s", signed by the node. Returns its length. */
size_t step_net_record(struct step_net *n, unsigned node, uint8_t *out, uint64_t seq, const char *text, gn_wall_s ttl);
/* Fills the ids of the cap nodes that are up, servers and nearest to target, nearest first. */
size_t step_net_oracle(const struct step_net *n, struct gn_id *out, size_t cap, const struct gn_id *target,
                       unsigned except);

#endif
