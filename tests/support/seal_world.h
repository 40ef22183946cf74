/* tests/support/seal_world.h - a few nodes that speak sealed datagrams under a clock and a network made of function
 * calls.
 *
 * Life: caller's memory; seal_node_fini. Threads: one. Purity: pure. All seeds are fixed: every run is the same.
 */
#ifndef GN_TESTS_SUPPORT_SEAL_WORLD_H
#define GN_TESTS_SUPPORT_SEAL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/contact.h"
#include "transport/seal/seal.h"
#include "transport/seal/seal_keys.h"
#include "transport/seal/seal_wire.h"

#define SEAL_WORLD_WALL UINT64_C(1750000000)

struct seal_world {
    gn_time_us now;
    gn_wall_s wall;
    uint8_t net_id[16];
    struct gn_rng rng; /* the attacker's */
};

struct seal_block;

/* An allocator that counts, that fails once `fail_in` allocations have succeeded (negative: never), and that can be
 * searched for a secret. */
struct seal_memory {
    struct gn_alloc alloc;
    long fail_in;
    size_t live;
    struct seal_block *blocks;
    const uint8_t *watched; /* 32 bytes; NULL = none */
    bool leaked;            /* a block was given back with the watched secret in it */
};

struct seal_node {
    struct gn_seal *seal;
    struct gn_addr addr;
    struct gn_seal_config config;
    struct seal_memory memory;
};

struct seal_packet {
    uint8_t bytes[GN_SEAL_DATAGRAM_MAX];
    size_t len;
};

void seal_memory_init(struct seal_memory *m);
/* Do these 32 bytes lie anywhere in what is allocated? */
bool seal_memory_has(const struct seal_memory *m, const uint8_t secret[32]);
void seal_world_init(struct seal_world *w);
void seal_world_pass(struct seal_world *w, gn_time_us us); /* both clocks */

/* number 1..200 gives seeds and the address 10.N.0.1:4000+N. Fails the process when the seal cannot be made. */
void seal_node_init(struct seal_node *n, struct seal_world *w, unsigned number);
void seal_node_start(struct seal_node *n, struct seal_world *w); /* with n->config as it is now */
void seal_node_fini(struct seal_node *n);
struct gn_addr seal_addr(unsigned a, unsigned b, unsigned c, unsigned d, unsigned port);
/* id, current epoch key and address of n. */
struct gn_contact seal_contact(const struct seal_node *n);
/* The same without epoch key, or without id too: only the address. */
struct gn_contact seal_contact_old(const struct seal_node *n);
struct gn_contact seal_contact_addr(const struct seal_node *n);

/* gn_seal_query with a timeout of 5 s. */
enum gn_err seal_ask(struct seal_world *w, struct seal_node *n, struct seal_packet *out, uint64_t cookie,
                     const struct gn_contact *to, const char *body);
/* gn_seal_receive. Returns the type of the event. */
enum gn_seal_event_type seal_give(struct seal_world *w, struct seal_node *n, struct gn_seal_event *event,
                                  const struct gn_addr *from, const struct seal_packet *packet);
/* The packet of a SEND event. */
void seal_sent(struct seal_packet *out, const struct gn_seal_event *event);
/* Answers the QUERY event with `body`. */
enum gn_err seal_answer(struct seal_world *w, struct seal_node *n, struct seal_packet *out,
                        const struct gn_seal_event *query, const char *body);
/* Delivers `packet` from a to b and all that follows between the two; b answers queries with "yes". Returns the number
 * of packets that travelled, the first included; `last` is the event at a that ended it (NOTHING: nobody had anything
 * to say), `bodies` compares with gn_slice_str. At most 12. */
unsigned seal_talk(struct seal_world *w, struct seal_node *a, struct seal_node *b, const struct seal_packet *packet,
                   struct gn_seal_event *last);
/* seal_ask and seal_talk: asks and expects a REPLY "yes" from b. Returns the packets used; 0 = it did not work. */
unsigned seal_exchange(struct seal_world *w, struct seal_node *a, struct seal_node *b, uint64_t cookie,
                       const struct gn_contact *to);

/* An attacker's query: all that the header says, sealed for epk under this label id. `plain` is encrypted as it is. */
struct seal_forgery {
    struct gn_seal_keypair client;
    uint8_t epk[32];
    uint8_t token[GN_SEAL_TOKEN];
    struct gn_id label_id;
    uint8_t net_id[16];
    bool low_order; /* client.pk is of low order: seal with the keys that a careless responder would derive */
    const uint8_t *plain;
    size_t plain_len;
};
/* A forgery that would be accepted: fresh client key, the target's current epoch, empty padded body in `plain` (cap
 * 1138). */
void seal_forgery_init(struct seal_forgery *f, struct seal_world *w, const struct seal_node *target, uint8_t *plain,
                       const char *body);
void seal_forge(struct seal_packet *out, struct seal_world *w, const struct seal_forgery *f);
/* The network tag again, after the header was changed. */
void seal_retag(struct seal_packet *p, const uint8_t net_id[16]);

#endif
