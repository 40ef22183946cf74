/* tests/unit/overlay/fake_store.h - a driver's store in an array: answers the requests of an outbox, or fails as told.
 *
 * Life: fake_store_init .. fake_store_fini. Threads: one. Purity: pure but for malloc.
 */
#ifndef GN_TESTS_UNIT_OVERLAY_FAKE_STORE_H
#define GN_TESTS_UNIT_OVERLAY_FAKE_STORE_H

#include <stdlib.h>
#include <string.h>

#include "overlay/io.h"

#define FAKE_STORE_MAX 640U

struct fake_store {
    struct gn_store_entry entries[FAKE_STORE_MAX]; /* in key order; records are malloc'd */
    size_t len;
    struct gn_store_entry out[FAKE_STORE_MAX]; /* of the last answer */
    enum gn_err fail_op[8];                    /* by enum gn_store_op: what to answer instead */
    uint64_t bytes_extra, group_extra;         /* added to what USAGE says */
    unsigned asked[8];                         /* requests seen */
};

static inline void fake_store_init(struct fake_store *s)
{
    memset(s, 0, sizeof(*s));
}

static inline void fake_store_fini(struct fake_store *s)
{
    for (size_t i = 0; i < s->len; i++) {
        free((void *)(uintptr_t)s->entries[i].record.data);
    }
    s->len = 0;
}

static inline int fake_store_cmp(const struct gn_store_entry *a, const struct gn_store_entry *b)
{
    int order = (a->kind > b->kind) - (a->kind < b->kind);

    if (order == 0) {
        order = gn_id_cmp(&a->target, &b->target);
    }
    return order != 0 ? order : gn_id_cmp(&a->sub, &b->sub);
}

static inline struct gn_store_entry *fake_store_find(struct fake_store *s, const struct gn_store_entry *key)
{
    for (size_t i = 0; i < s->len; i++) {
        if (fake_store_cmp(&s->entries[i], key) == 0) {
            return &s->entries[i];
        }
    }
    return NULL;
}

static inline void fake_store_remove(struct fake_store *s, size_t at)
{
    free((void *)(uintptr_t)s->entries[at].record.data);
    memmove(&s->entries[at], &s->entries[at + 1], (s->len - at - 1) * sizeof(s->entries[0]));
    s->len--;
}

static inline void fake_store_put(struct fake_store *s, const struct gn_store_entry *e)
{
    struct gn_store_entry *held = fake_store_find(s, e);
    uint8_t *copy = (uint8_t *)malloc(e->record.len + 1);
    size_t at = 0;

    if (!copy || (!held && s->len == FAKE_STORE_MAX)) {
        abort();
    }
    if (e->record.len > 0) {
        memcpy(copy, e->record.data, e->record.len);
    }
    if (held) {
        free((void *)(uintptr_t)held->record.data);
    } else {
        while (at < s->len && fake_store_cmp(&s->entries[at], e) < 0) {
            at++;
        }
        memmove(&s->entries[at + 1], &s->entries[at], (s->len - at) * sizeof(s->entries[0]));
        s->len++;
        held = &s->entries[at];
    }
    *held = *e;
    held->record.data = copy;
}

static inline void fake_store_select(struct fake_store *s, struct gn_store_answer *a, const struct gn_store_request *r)
{
    for (size_t i = 0; i < s->len && a->entries_len < r->limit; i++) {
        const struct gn_store_entry *e = &s->entries[i];
        bool wanted;

        if (r->op == GN_STORE_SCAN) {
            wanted = r->entry.kind == 0 || fake_store_cmp(e, &r->entry) > 0;
        } else {
            wanted = e->kind == r->entry.kind && gn_id_eq(&e->target, &r->entry.target) &&
                     (r->op == GN_STORE_LIST || gn_id_eq(&e->sub, &r->entry.sub));
        }
        if (wanted) {
            s->out[a->entries_len] = *e;
            a->entries_len++;
        }
    }
    a->entries = s->out;
    if (r->op == GN_STORE_GET && a->entries_len == 0) {
        a->err = GN_E_NOT_FOUND;
    }
}

static inline void fake_store_expire(struct fake_store *s, struct gn_store_answer *a, const struct gn_store_request *r)
{
    for (size_t i = 0; i < s->len && a->records_total < r->limit;) {
        if (s->entries[i].expires_at < r->wall) {
            fake_store_remove(s, i);
            a->records_total++;
        } else {
            i++;
        }
    }
}

static inline void fake_store_usage(const struct fake_store *s, struct gn_store_answer *a,
                                    const struct gn_store_request *r)
{
    a->bytes_total = s->bytes_extra;
    a->records_group = s->group_extra;
    a->records_total = s->len;
    for (size_t i = 0; i < s->len; i++) {
        a->bytes_total += s->entries[i].record.len;
        a->records_group += s->entries[i].group == r->group ? 1U : 0U;
    }
}

/* What a driver would answer. The answer borrows from the store until the next call. */
static inline struct gn_store_answer fake_store_answer(struct fake_store *s, const struct gn_store_request *r)
{
    struct gn_store_answer a = {.req = r->req, .err = s->fail_op[r->op]};
    struct gn_store_entry *held;

    s->asked[r->op]++;
    if (a.err != GN_OK) {
        return a;
    }
    switch (r->op) {
    case GN_STORE_GET:
    case GN_STORE_LIST:
    case GN_STORE_SCAN:
        fake_store_select(s, &a, r);
        break;
    case GN_STORE_PUT:
        fake_store_put(s, &r->entry);
        break;
    case GN_STORE_DELETE:
        held = fake_store_find(s, &r->entry);
        if (held) {
            fake_store_remove(s, (size_t)(held - s->entries));
        } else {
            a.err = GN_E_NOT_FOUND;
        }
        break;
    case GN_STORE_EXPIRE:
        fake_store_expire(s, &a, r);
        break;
    case GN_STORE_USAGE:
        fake_store_usage(s, &a, r);
        break;
    case GN_STORE_SAVE_TABLE:
    default:
        break;
    }
    return a;
}

#endif
