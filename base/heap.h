/* base/heap.h - an intrusive binary min-heap: nodes lie inside objects and are linked by pointers.
 *
 * Nothing is allocated, so an insertion cannot fail.
 *
 * Life: heap and nodes are caller's memory; a node must be removed before its memory ends.
 * Threads: one owner. Purity: pure.
 *
 * The order of equal nodes is not defined: give them a sequence number, as base/timer.h does.
 */
#ifndef GN_BASE_HEAP_H
#define GN_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct gn_heap_node {
    struct gn_heap_node *parent;
    struct gn_heap_node *left;
    struct gn_heap_node *right;
};

/* Does a come strictly before b? */
typedef bool (*gn_heap_before_fn)(const struct gn_heap_node *a, const struct gn_heap_node *b);

struct gn_heap {
    struct gn_heap_node *root;
    size_t len;
    gn_heap_before_fn before;
};

void gn_heap_init(struct gn_heap *h, gn_heap_before_fn before);
/* Links n, which must be in no heap. O(log n). */
void gn_heap_insert(struct gn_heap *h, struct gn_heap_node *n);
/* Unlinks n, which must be in this heap. O(log n). */
void gn_heap_remove(struct gn_heap *h, struct gn_heap_node *n);
/* Restores the order after the key of n has changed in place, up or down. O(log n). */
void gn_heap_rekey(struct gn_heap *h, struct gn_heap_node *n);
/* The first node, still linked; NULL when empty. */
struct gn_heap_node *gn_heap_peek(const struct gn_heap *h);
/* Unlinks and returns the first node; NULL when empty. */
struct gn_heap_node *gn_heap_pop(struct gn_heap *h);
/* Walks the whole heap; true when links, shape and order hold. For GN_CHECK_SLOW and tests. */
bool gn_heap_is_sound(const struct gn_heap *h);

#endif
