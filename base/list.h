/* base/list.h - an intrusive, doubly linked list: the node lies inside the object, nothing is allocated.
 *
 * Life: list and nodes are caller's memory; a node must be removed before its memory ends. A zeroed node is unlinked.
 * Threads: one owner. Purity: pure.
 *
 * From a node to its object: GN_CONTAINER_OF(node, struct thing, member) of base/check.h.
 */
#ifndef GN_BASE_LIST_H
#define GN_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

struct gn_list_node {
    struct gn_list_node *prev; /* NULL: in no list */
    struct gn_list_node *next;
};

/* A ring through `ends`; never copy a list that is in use. */
struct gn_list {
    struct gn_list_node ends;
};

static inline void gn_list_init(struct gn_list *l)
{
    l->ends.prev = &l->ends;
    l->ends.next = &l->ends;
}

static inline bool gn_list_is_empty(const struct gn_list *l)
{
    return l->ends.next == &l->ends;
}

static inline bool gn_list_is_linked(const struct gn_list_node *n)
{
    return n->prev != NULL;
}

/* Puts the unlinked node n in front of the linked node (or the end) `at`. */
static inline void gn_list_insert_before(struct gn_list_node *at, struct gn_list_node *n)
{
    GN_CHECK(n->prev == NULL && at->prev != NULL);
    n->prev = at->prev;
    n->next = at;
    at->prev->next = n;
    at->prev = n;
}

static inline void gn_list_push_back(struct gn_list *l, struct gn_list_node *n)
{
    gn_list_insert_before(&l->ends, n);
}

static inline void gn_list_push_front(struct gn_list *l, struct gn_list_node *n)
{
    gn_list_insert_before(l->ends.next, n);
}

/* Unlinks n; nothing happens when it is in no list. */
static inline void gn_list_remove(struct gn_list_node *n)
{
    if (!n->prev) {
        return;
    }
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = NULL;
    n->next = NULL;
}

/* The neighbours; NULL at the ends. */
static inline struct gn_list_node *gn_list_next(const struct gn_list *l, const struct gn_list_node *n)
{
    /* The analyzer does not follow that a freed owner was unlinked first. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    return n->next == &l->ends ? NULL : n->next;
}

static inline struct gn_list_node *gn_list_prev(const struct gn_list *l, const struct gn_list_node *n)
{
    return n->prev == &l->ends ? NULL : n->prev;
}

static inline struct gn_list_node *gn_list_first(const struct gn_list *l)
{
    return gn_list_next(l, &l->ends);
}

static inline struct gn_list_node *gn_list_last(const struct gn_list *l)
{
    return gn_list_prev(l, &l->ends);
}

/* Unlinks and returns the first node; NULL when empty. */
static inline struct gn_list_node *gn_list_pop_front(struct gn_list *l)
{
    struct gn_list_node *n = gn_list_first(l);

    if (n) {
        gn_list_remove(n);
    }
    return n;
}

/* Moves a linked node to the back: "just used" of an LRU list. */
static inline void gn_list_move_back(struct gn_list *l, struct gn_list_node *n)
{
    gn_list_remove(n);
    gn_list_push_back(l, n);
}

/* GN_LIST_FOR (n, list) { ... }: from first to last; the body must not unlink n. */
#define GN_LIST_FOR(n, l) for (struct gn_list_node *n = gn_list_first(l); n; n = gn_list_next((l), n))
/* The body may unlink n, but not its successor. */
#define GN_LIST_FOR_SAFE(n, after, l) \
    for (struct gn_list_node *n = gn_list_first(l), *after = n ? gn_list_next((l), n) : NULL; n; \
         n = after, after = n ? gn_list_next((l), n) : NULL)

#endif
