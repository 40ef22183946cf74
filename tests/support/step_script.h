/* tests/support/step_script.h - one overlay whose peers, disk and clock are played by the test.
 *
 * Life: script_begin .. script_end. Threads: one. Purity: pure. Failing expectations fail the cmocka test.
 */
#ifndef GN_TESTS_SUPPORT_STEP_SCRIPT_H
#define GN_TESTS_SUPPORT_STEP_SCRIPT_H

#include "overlay/msg/msg.h"
#include "overlay/msg/record.h"
#include "overlay/overlay.h"
#include "tests/support/step_meter.h"

#define SCRIPT_SENT_MAX 256

/* A query of the overlay's; `open` until it is answered. */
struct script_sent {
    uint64_t txid;
    struct gn_contact to;
    enum gn_via via;
    struct gn_msg_query q;
    bool open;
};

struct script {
    struct step_meter meter;
    struct gn_crypto crypto;
    struct gn_id self;
    struct gn_rng rng;
    struct gn_env env;
    struct gn_overlay *o;
    struct gn_outbox *out;
    gn_time_us now;
    struct script_sent sent[SCRIPT_SENT_MAX];
    size_t sent_len;
    struct gn_store_request stores[64];
    size_t stores_len;
    unsigned records, stored, hops[8];
    bool done;
    struct gn_op_event end;
    uint8_t record[2000];
    size_t record_len;
};

void script_begin(struct script *s, enum gn_overlay_mode mode);
/* Checks that nothing leaked. */
void script_end(struct script *s);
enum gn_err script_step(struct script *s, struct gn_input *in);
/* Lets time pass, with every timer on the way. */
void script_wait_us(struct script *s, gn_time_us us);
/* Peer number n: an address group of its own. */
struct gn_contact script_peer(unsigned n);
/* Fills the table with peers 1..n through a bootstrap whose answers name them. */
void script_meet(struct script *s, unsigned n);
/* The same with answers that take each_us more than the one before. */
void script_meet_within(struct script *s, unsigned n, gn_time_us each_us);
void script_command(struct script *s, struct gn_command *c);
/* Sets the reply's txid, and answers as the peer that was asked, or as another. */
void script_answer(struct script *s, struct script_sent *q, struct gn_msg_reply *r);
enum gn_err script_answer_as(struct script *s, struct script_sent *q, struct gn_contact from, struct gn_msg_reply *r);
/* Answers everything that is open with OK (and a token), until nothing new comes. */
void script_answer_all(struct script *s);
/* The transport gives up on the query. */
void script_give_up(struct script *s, struct script_sent *q, enum gn_err err);
size_t script_open_len(const struct script *s);
/* Answers the latest store request. */
void script_store_answer(struct script *s, enum gn_err err, const struct gn_store_entry *entry);
/* Signs a record as the overlay's node into `out` (GN_RECORD_BYTES_MAX may be needed). */
struct gn_slice script_record(struct script *s, uint8_t *out, uint8_t kind, uint64_t seq, const char *text,
                              struct gn_id *target);

#endif
