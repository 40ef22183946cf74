/* base/heap.c - a complete binary tree of linked nodes.
 *
 * Nodes are numbered from 1 in level order: the bits of a number below its highest one are the path from the root,
 * 0 = left, 1 = right. So the place of the last node is found without any array.
 */
#include "base/heap.h"

#include "base/check.h"

void gn_heap_init(struct gn_heap *h, gn_heap_before_fn before)
{
    *h = (struct gn_heap){.before = before};
}

static unsigned depth_of(size_t number)
{
    unsigned depth = 0;

    for (; number > 1; number >>= 1) {
        depth++;
    }
    return depth;
}

/* The link that holds (or will hold) node `number`; *parent is the node that the link lies in. */
static struct gn_heap_node **link_of(struct gn_heap *h, size_t number, struct gn_heap_node **parent)
{
    struct gn_heap_node **link = &h->root;

    *parent = NULL;
    for (unsigned bit = depth_of(number); bit > 0; bit--) {
        *parent = *link;
        link = number >> (bit - 1U) & 1U ? &(*link)->right : &(*link)->left;
    }
    return link;
}

/* Makes whatever pointed to `old` point to `n`. */
static void relink_parent(struct gn_heap *h, const struct gn_heap_node *old, struct gn_heap_node *n)
{
    if (!old->parent) {
        h->root = n;
    } else if (old->parent->left == old) {
        old->parent->left = n;
    } else {
        old->parent->right = n;
    }
}

static void adopt(struct gn_heap_node *parent)
{
    if (parent->left) {
        parent->left->parent = parent;
    }
    if (parent->right) {
        parent->right->parent = parent;
    }
}

/* n and its parent change places. */
static void rise(struct gn_heap *h, struct gn_heap_node *n)
{
    struct gn_heap_node *p = n->parent;
    struct gn_heap_node old = *n;

    relink_parent(h, p, n);
    n->parent = p->parent;
    n->left = p->left == n ? p : p->left;
    n->right = p->right == n ? p : p->right;
    p->left = old.left;
    p->right = old.right;
    adopt(n);
    adopt(p);
}

void gn_heap_insert(struct gn_heap *h, struct gn_heap_node *n)
{
    struct gn_heap_node *parent;

    h->len++;
    *link_of(h, h->len, &parent) = n;
    *n = (struct gn_heap_node){.parent = parent};
    gn_heap_rekey(h, n);
}

void gn_heap_rekey(struct gn_heap *h, struct gn_heap_node *n)
{
    while (n->parent && h->before(n, n->parent)) {
        rise(h, n);
    }
    for (;;) {
        struct gn_heap_node *least = n->left;

        if (n->right && h->before(n->right, n->left)) {
            least = n->right;
        }
        if (!least || !h->before(least, n)) {
            return;
        }
        rise(h, least);
    }
}

void gn_heap_remove(struct gn_heap *h, struct gn_heap_node *n)
{
    struct gn_heap_node *parent;
    struct gn_heap_node **link;
    struct gn_heap_node *last;

    GN_CHECK(h->len > 0 && (n->parent != NULL) != (h->root == n));
    link = link_of(h, h->len, &parent);
    last = *link;
    *link = NULL;
    h->len--;
    if (last != n) {
        relink_parent(h, n, last);
        *last = *n;
        adopt(last);
        gn_heap_rekey(h, last);
    }
    *n = (struct gn_heap_node){.parent = NULL};
}

struct gn_heap_node *gn_heap_peek(const struct gn_heap *h)
{
    return h->root;
}

struct gn_heap_node *gn_heap_pop(struct gn_heap *h)
{
    struct gn_heap_node *n = h->root;

    if (n) {
        gn_heap_remove(h, n);
    }
    return n;
}

/* Node `number`; NULL when a link on the way is missing. */
static const struct gn_heap_node *node_at(const struct gn_heap *h, size_t number)
{
    const struct gn_heap_node *n = h->root;

    for (unsigned bit = depth_of(number); bit > 0 && n; bit--) {
        n = number >> (bit - 1U) & 1U ? n->right : n->left;
    }
    return n;
}

bool gn_heap_is_sound(const struct gn_heap *h)
{
    if ((h->len == 0) != (h->root == NULL)) {
        return false;
    }
    for (size_t i = 1; i <= h->len; i++) {
        const struct gn_heap_node *n = node_at(h, i);

        if (!n || n->parent != (i == 1 ? NULL : node_at(h, i / 2U)) || (n->parent && h->before(n, n->parent))) {
            return false;
        }
        if ((n->left != NULL) != (2U * i <= h->len) || (n->right != NULL) != (2U * i + 1U <= h->len)) {
            return false;
        }
    }
    return true;
}
