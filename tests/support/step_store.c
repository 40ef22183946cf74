/* tests/support/step_store.c - every operation of enum gn_store_op but SAVE_TABLE, which is the net's. */
#include "tests/support/step_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static int compare(const struct gn_store_entry *a, const struct gn_store_entry *b)
{
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    int c = gn_id_cmp(&a->target, &b->target);
    return c != 0 ? c : gn_id_cmp(&a->sub, &b->sub);
}

/* The place of the key, or where it belongs. */
static size_t find(const struct step_store *s, const struct gn_store_entry *key, bool *there)
{
    size_t i = 0;

    while (i < s->len && compare(&s->entries[i], key) < 0) {
        i++;
    }
    *there = i < s->len && compare(&s->entries[i], key) == 0;
    return i;
}

static struct gn_store_entry copy_entry(const struct gn_store_entry *e)
{
    struct gn_store_entry c = *e;
    uint8_t *bytes = malloc(e->record.len + 1U);

    GN_CHECK(bytes != NULL);
    if (e->record.len > 0) {
        memcpy(bytes, e->record.data, e->record.len);
    }
    c.record.data = bytes;
    return c;
}

static void free_record(struct gn_store_entry *e)
{
    free((void *)(uintptr_t)e->record.data);
}

static void delete_at(struct step_store *s, size_t i)
{
    free_record(&s->entries[i]);
    memmove(&s->entries[i], &s->entries[i + 1U], (s->len - i - 1U) * sizeof *s->entries);
    s->len--;
}

static void put(struct step_store *s, const struct gn_store_entry *e)
{
    bool there;
    size_t i = find(s, e, &there);

    if (there) {
        delete_at(s, i);
    }
    if (s->len == s->cap) {
        s->cap = s->cap ? s->cap * 2U : 8U;
        s->entries = realloc(s->entries, s->cap * sizeof *s->entries);
        GN_CHECK(s->entries != NULL);
    }
    memmove(&s->entries[i + 1U], &s->entries[i], (s->len - i) * sizeof *s->entries);
    s->entries[i] = copy_entry(e);
    s->len++;
}

static void give(struct step_store_answer *a, const struct gn_store_entry *e)
{
    a->entries = realloc(a->entries, (a->answer.entries_len + 1U) * sizeof *a->entries);
    GN_CHECK(a->entries != NULL);
    a->entries[a->answer.entries_len++] = copy_entry(e);
    a->answer.entries = a->entries;
}

static void collect(const struct step_store *s, struct step_store_answer *a, const struct gn_store_request *r)
{
    for (size_t i = 0; i < s->len && a->answer.entries_len < r->limit; i++) {
        const struct gn_store_entry *e = &s->entries[i];
        bool same_key = e->kind == r->entry.kind && gn_id_eq(&e->target, &r->entry.target);

        if (r->op == GN_STORE_SCAN ? (r->entry.kind == 0 || compare(e, &r->entry) > 0) : same_key) {
            give(a, e);
        }
    }
}

static void expire(struct step_store *s, const struct gn_store_request *r)
{
    uint32_t dropped = 0;

    for (size_t i = s->len; i > 0 && dropped < r->limit; i--) {
        if (s->entries[i - 1U].expires_at < r->wall) {
            delete_at(s, i - 1U);
            dropped++;
        }
    }
}

static void usage(const struct step_store *s, struct step_store_answer *a, const struct gn_store_request *r)
{
    a->answer.records_total = s->len;
    for (size_t i = 0; i < s->len; i++) {
        a->answer.bytes_total += s->entries[i].record.len;
        a->answer.records_group += s->entries[i].group == r->group;
    }
}

struct step_store_answer *step_store_do(struct step_store *s, const struct gn_store_request *r)
{
    struct step_store_answer *a = calloc(1, sizeof *a);
    bool there = false;

    GN_CHECK(a != NULL);
    a->answer.req = r->req;
    size_t i = find(s, &r->entry, &there);
    switch (r->op) {
    case GN_STORE_GET:
        if (there) {
            give(a, &s->entries[i]);
        } else {
            a->answer.err = GN_E_NOT_FOUND;
        }
        break;
    case GN_STORE_PUT:
        put(s, &r->entry);
        break;
    case GN_STORE_DELETE:
        if (there) {
            delete_at(s, i);
        }
        break;
    case GN_STORE_LIST:
    case GN_STORE_SCAN:
        collect(s, a, r);
        break;
    case GN_STORE_EXPIRE:
        expire(s, r);
        break;
    case GN_STORE_USAGE:
        usage(s, a, r);
        break;
    case GN_STORE_SAVE_TABLE:
        GN_CHECK(false);
        break;
    }
    return a;
}

void step_store_answer_free(struct step_store_answer *a)
{
    if (!a) {
        return;
    }
    for (size_t i = 0; i < a->answer.entries_len; i++) {
        free_record(&a->entries[i]);
    }
    free(a->entries);
    free(a);
}

bool step_store_has(const struct step_store *s, const struct gn_id *target)
{
    for (size_t i = 0; i < s->len; i++) {
        if (gn_id_eq(&s->entries[i].target, target)) {
            return true;
        }
    }
    return false;
}

void step_store_fini(struct step_store *s)
{
    for (size_t i = 0; i < s->len; i++) {
        free_record(&s->entries[i]);
    }
    free(s->entries);
    memset(s, 0, sizeof *s);
}
