/* storage/avl.h - an intrusive balanced search tree (Adelson-Velsky and Landis): nodes lie inside objects.
 *
 * Nothing is allocated, so an insertion cannot fail; the height stays below 1.45 log2(n) whatever keys strangers
 * choose.
 *
 * Life: tree and nodes are caller's memory; a node is removed before its memory ends. Threads: one owner. Purity: pure.
 */
#ifndef GN_STORAGE_AVL_H
#define GN_STORAGE_AVL_H

#include <stdbool.h>
#include <stddef.h>

struct gn_avl_node {
    struct gn_avl_node *left;
    struct gn_avl_node *right;
    struct gn_avl_node *parent;
    int height; /* of the subtree; a leaf has 1 */
};

/* <0, 0, >0 as `key` comes before, is, comes after that of `n`. */
typedef int (*gn_avl_cmp_fn)(const void *key, const struct gn_avl_node *n);

struct gn_avl {
    struct gn_avl_node *root;
    gn_avl_cmp_fn cmp;
    size_t len;
};

void gn_avl_init(struct gn_avl *t, gn_avl_cmp_fn cmp);
/* NULL: not there. */
struct gn_avl_node *gn_avl_find(const struct gn_avl *t, const void *key);
/* The first node whose key is not before `key`; NULL: none. */
struct gn_avl_node *gn_avl_at_least(const struct gn_avl *t, const void *key);
/* The first in order; NULL when empty. */
struct gn_avl_node *gn_avl_first(const struct gn_avl *t);
/* The next in order; NULL behind the last. */
struct gn_avl_node *gn_avl_next(const struct gn_avl_node *n);
/* Links `n`, whose key is `key`, which must not be in the tree. */
void gn_avl_insert(struct gn_avl *t, struct gn_avl_node *n, const void *key);
/* Unlinks `n`, which must be in the tree. */
void gn_avl_remove(struct gn_avl *t, struct gn_avl_node *n);
/* Walks the whole tree: links, heights, balance and count hold. For tests. */
bool gn_avl_is_sound(const struct gn_avl *t);

#endif
