/* tests/support/fake_api.h - a node that is none: implements struct gn_api_ops from a few variables.
 *
 * Life: caller's memory; init, use, and every held call finished before it ends. Threads: one. Purity: tests only.
 *
 * Files are made of a pattern (gn_fake_api_byte), so that any range can be checked without memory for it.
 */
#ifndef GN_TESTS_SUPPORT_FAKE_API_H
#define GN_TESTS_SUPPORT_FAKE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/api.h"

#define GN_FAKE_HELD_MAX 16U
#define GN_FAKE_VALUES_MAX 8U

struct gn_fake_value {
    bool used;
    char key[64];
    uint8_t value[4096];
    size_t len;
    uint64_t version;
};

struct gn_fake_api {
    bool hold;             /* keep calls instead of answering: see gn_fake_api_finish */
    bool hold_watch;       /* keep transfer_watch only */
    enum gn_err fail_with; /* answer everything with this error */
    struct gn_api_call *held[GN_FAKE_HELD_MAX];
    size_t held_len;
    unsigned cancelled; /* held calls whose asker went away */
    bool ready;
    unsigned parts; /* progress reports per share, fetch and find */
    uint64_t file_size;
    unsigned opened;
    unsigned closed;     /* files and uploads, given back or aborted */
    uint64_t read_bytes; /* asked for by file_read */
    uint64_t uploaded;
    bool upload_wrong;       /* bytes differed from the pattern */
    uint64_t upload_fail_at; /* 0: never; NO_SPACE from there on */
    struct gn_fake_value values[GN_FAKE_VALUES_MAX];
    uint64_t version;
    char last_path[256];
    char last_name[256];
    char last_text[256]; /* link, address */
    uint64_t last_ttl;
    bool stopped;
};

extern const struct gn_api_ops gn_fake_api_ops;
extern const struct gn_id gn_fake_api_root; /* the one file there is */

void gn_fake_api_init(struct gn_fake_api *f);
uint8_t gn_fake_api_byte(uint64_t offset);
/* Finishes the oldest held call: with err, or with node info when err is GN_OK. */
void gn_fake_api_finish(struct gn_fake_api *f, enum gn_err err);

#endif
