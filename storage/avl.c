/* storage/avl.c - the balanced search tree. */
#include "storage/avl.h"

#include "base/check.h"

static int height(const struct gn_avl_node *n)
{
    return n ? n->height : 0;
}

static void measure(struct gn_avl_node *n)
{
    int l = height(n->left);
    int r = height(n->right);
    n->height = 1 + (l > r ? l : r);
}

/* Puts `to` (may be NULL) where `from` hangs. */
static void replace(struct gn_avl *t, const struct gn_avl_node *from, struct gn_avl_node *to)
{
    struct gn_avl_node *parent = from->parent;
    if (!parent)
        t->root = to;
    else if (parent->left == from)
        parent->left = to;
    else
        parent->right = to;
    if (to)
        to->parent = parent;
}

/* Lifts n's right child above n; returns it. */
static struct gn_avl_node *turn_left(struct gn_avl *t, struct gn_avl_node *n)
{
    struct gn_avl_node *up = n->right;
    GN_CHECK(up);
    replace(t, n, up);
    n->right = up->left;
    if (n->right)
        n->right->parent = n;
    up->left = n;
    n->parent = up;
    measure(n);
    measure(up);
    return up;
}

static struct gn_avl_node *turn_right(struct gn_avl *t, struct gn_avl_node *n)
{
    struct gn_avl_node *up = n->left;
    GN_CHECK(up);
    replace(t, n, up);
    n->left = up->right;
    if (n->left)
        n->left->parent = n;
    up->right = n;
    n->parent = up;
    measure(n);
    measure(up);
    return up;
}

/* Restores the balance from n up to the root. */
static void balance(struct gn_avl *t, struct gn_avl_node *n)
{
    for (; n; n = n->parent) {
        measure(n);
        int lean = height(n->left) - height(n->right);
        if (lean > 1) {
            if (height(n->left->left) < height(n->left->right))
                (void)turn_left(t, n->left);
            n = turn_right(t, n);
        } else if (lean < -1) {
            if (height(n->right->right) < height(n->right->left))
                (void)turn_right(t, n->right);
            n = turn_left(t, n);
        }
    }
}

void gn_avl_init(struct gn_avl *t, gn_avl_cmp_fn cmp)
{
    t->root = NULL;
    t->cmp = cmp;
    t->len = 0;
}

struct gn_avl_node *gn_avl_find(const struct gn_avl *t, const void *key)
{
    struct gn_avl_node *n = t->root;
    while (n) {
        int c = t->cmp(key, n);
        if (c == 0)
            return n;
        n = c < 0 ? n->left : n->right;
    }
    return NULL;
}

struct gn_avl_node *gn_avl_at_least(const struct gn_avl *t, const void *key)
{
    struct gn_avl_node *best = NULL;
    for (struct gn_avl_node *n = t->root; n;) {
        if (t->cmp(key, n) <= 0) {
            best = n;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return best;
}

static struct gn_avl_node *leftmost(struct gn_avl_node *n)
{
    while (n && n->left)
        n = n->left;
    return n;
}

struct gn_avl_node *gn_avl_first(const struct gn_avl *t)
{
    return leftmost(t->root);
}

struct gn_avl_node *gn_avl_next(const struct gn_avl_node *n)
{
    if (n->right)
        return leftmost(n->right);
    struct gn_avl_node *up = n->parent;
    while (up && up->right == n) {
        n = up;
        up = up->parent;
    }
    return up;
}

void gn_avl_insert(struct gn_avl *t, struct gn_avl_node *n, const void *key)
{
    struct gn_avl_node *parent = NULL;
    struct gn_avl_node **at = &t->root;
    while (*at) {
        parent = *at;
        int c = t->cmp(key, parent);
        GN_CHECK(c != 0);
        at = c < 0 ? &parent->left : &parent->right;
    }
    *n = (struct gn_avl_node){.parent = parent, .height = 1};
    *at = n;
    t->len++;
    balance(t, parent);
}

void gn_avl_remove(struct gn_avl *t, struct gn_avl_node *n)
{
    GN_CHECK(t->len > 0);
    struct gn_avl_node *from; /* the lowest node whose subtree changed */
    if (n->left && n->right) {
        struct gn_avl_node *heir = leftmost(n->right);
        from = heir->parent == n ? heir : heir->parent;
        replace(t, heir, heir->right);
        heir->left = n->left;
        heir->right = n->right;
        replace(t, n, heir);
        heir->left->parent = heir;
        if (heir->right)
            heir->right->parent = heir;
    } else {
        from = n->parent;
        replace(t, n, n->left ? n->left : n->right);
    }
    t->len--;
    *n = (struct gn_avl_node){0};
    balance(t, from);
}

bool gn_avl_is_sound(const struct gn_avl *t)
{
    size_t seen = 0;
    if (t->root && t->root->parent)
        return false;
    for (const struct gn_avl_node *n = gn_avl_first(t); n; n = gn_avl_next(n)) {
        int l = height(n->left);
        int r = height(n->right);
        if (++seen > t->len || l - r > 1 || r - l > 1 || n->height != 1 + (l > r ? l : r))
            return false;
        if ((n->left && n->left->parent != n) || (n->right && n->right->parent != n))
            return false;
    }
    return seen == t->len;
}
