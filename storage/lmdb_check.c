/* storage/lmdb_check.c - the structure of an LMDB file, page by page. */
#include "storage/lmdb_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define META_MAGIC 0xBEEFC0DEU
#define META_VERSION 1U
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32U
#define PAGE_MAX 65536U
#define KEY_MAX 511U
/* Pages at the end that a transaction took and gave back may never have been written. */
#define TAIL_SLACK 65536U

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8, PAGE_KIND = 0x6f };
enum { NODE_BIG = 1, NODE_SUBTREE = 2, NODE_DUP = 4 };
enum { TREE_INTEGER_KEYS = 8 };

struct page_head {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower;
    uint16_t upper;
};

struct node_head {
    uint16_t low;
    uint16_t high;
    uint16_t flags;
    uint16_t key_len;
};

struct tree_head {
    uint32_t pad;
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root;
};

struct meta_head {
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_size;
    struct tree_head trees[2]; /* free pages, main */
    uint64_t last_page;
    uint64_t txn;
};
_Static_assert(sizeof(struct page_head) == 16 && sizeof(struct node_head) == 8, "as LMDB packs them");
_Static_assert(sizeof(struct tree_head) == 48 && sizeof(struct meta_head) == 136, "as LMDB packs them");

struct check {
    const struct gn_alloc *alloc;
    int fd;
    const char *why;
    uint64_t page_size;
    uint64_t file_pages;
    uint64_t last_page;
    uint8_t *seen; /* a bit per page of the file */
    uint8_t *pages[DEPTH_MAX];
    uint8_t taken[PAGE_MAX / 16U]; /* of the page at hand, a bit per two bytes: nodes lie side by side */
    bool in_free;                  /* the tree of free pages is being walked */
};

static enum gn_err bad(struct check *c, const char *why)
{
    c->why = why;
    return GN_E_CORRUPT;
}

static enum gn_err read_at(struct check *c, void *buf, size_t len, uint64_t offset)
{
    uint8_t *p = buf;
    while (len > 0) {
        ssize_t n = pread(c->fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            c->why = "it cannot be read";
            return gn_err_from_errno(errno);
        }
        if (n == 0)
            return bad(c, "it is cut short");
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return GN_OK;
}

static bool is_seen(const struct check *c, uint64_t page)
{
    return page < c->file_pages && (c->seen[page / 8U] >> (page % 8U)) & 1U;
}

static void mark_seen(struct check *c, uint64_t page)
{
    if (page < c->file_pages)
        c->seen[page / 8U] |= (uint8_t)(1U << (page % 8U));
}

/* Takes `count` pages from `page` for one use. */
static enum gn_err take_pages(struct check *c, uint64_t page, uint64_t count)
{
    if (page < 2 || page > c->last_page || count > c->last_page - page + 1U)
        return bad(c, "a page number is out of range");
    if (page + count > c->file_pages)
        return bad(c, "it is cut short");
    for (uint64_t i = page; i < page + count; i++) {
        if (is_seen(c, i))
            return bad(c, "a page is used twice");
        mark_seen(c, i);
    }
    return GN_OK;
}

/* The pages of a value that does not fit its leaf. */
static enum gn_err check_overflow(struct check *c, uint64_t page, uint64_t len)
{
    struct {
        uint64_t number;
        uint16_t pad;
        uint16_t flags;
        uint32_t count;
    } head;
    const uint64_t needed = (sizeof head - 1U + len) / c->page_size + 1U;
    enum gn_err e = page < c->file_pages ? read_at(c, &head, sizeof head, page * c->page_size)
                                         : bad(c, "a page number is out of range");
    if (e != GN_OK)
        return e;
    /* more pages than needed: a value that became shorter within one batch */
    if (head.number != page || (head.flags & PAGE_KIND) != PAGE_OVERFLOW || head.count < needed)
        return bad(c, "a long value's page is damaged");
    return take_pages(c, page, head.count);
}

/* A list of free pages: LMDB will write to them. */
static enum gn_err check_free_list(struct check *c, uint64_t offset, uint64_t len)
{
    uint64_t part[64];
    enum gn_err e = GN_OK;
    if (len < 8U || len % 8U != 0)
        return bad(c, "the list of free pages is damaged");
    e = read_at(c, part, 8, offset);
    if (e != GN_OK)
        return e;
    uint64_t left = part[0];
    if (left > len / 8U - 1U)
        return bad(c, "the list of free pages is damaged");
    for (offset += 8U; left > 0; offset += sizeof part) {
        size_t n = left < 64U ? (size_t)left : 64U;
        e = read_at(c, part, n * 8U, offset);
        for (size_t i = 0; e == GN_OK && i < n; i++) {
            if (part[i] < 2 || part[i] > c->last_page || is_seen(c, part[i]))
                return bad(c, "a page is free and in use");
            mark_seen(c, part[i]); /* and free only once */
        }
        if (e != GN_OK)
            return e;
        left -= n;
    }
    return GN_OK;
}

static size_t node_at(const uint8_t *page, size_t index)
{
    uint16_t at = 0;
    memcpy(&at, page + sizeof(struct page_head) + index * 2U, sizeof at);
    return at;
}

static enum gn_err walk_tree(struct check *c, const struct tree_head *t, bool main_tree);

/* Bytes of the node at `at`, as LMDB counts them. 0: it does not fit its page. */
static size_t node_len(const struct check *c, const uint8_t *page, size_t at, bool leaf)
{
    struct node_head node;
    memcpy(&node, page + at, sizeof node);
    uint64_t len = sizeof node + node.key_len;
    if (leaf)
        len += node.flags & NODE_BIG ? 8U : (uint64_t)node.low | (uint64_t)node.high << 16;
    len += len % 2U;
    return len <= c->page_size - at ? (size_t)len : 0;
}

/* LMDB moves nodes about as one block: they must fill the page from `upper` to its end, each byte once. */
static enum gn_err check_packing(struct check *c, const uint8_t *page, size_t keys, size_t upper, bool leaf)
{
    size_t sum = 0;
    memset(c->taken, 0, (size_t)c->page_size / 16U);
    for (size_t i = 0; i < keys; i++) {
        size_t at = node_at(page, i);
        size_t len = node_len(c, page, at, leaf);
        if (len == 0)
            return bad(c, "an entry is damaged");
        for (size_t j = at / 2U; j < (at + len) / 2U; j++) {
            if ((c->taken[j / 8U] >> (j % 8U)) & 1U)
                return bad(c, "entries overlap");
            c->taken[j / 8U] |= (uint8_t)(1U << (j % 8U));
        }
        sum += len;
    }
    return sum == c->page_size - upper ? GN_OK : bad(c, "a page has gaps");
}

static enum gn_err check_leaf_node(struct check *c, const uint8_t *page, size_t at, uint64_t number, bool main_tree)
{
    struct node_head node;
    memcpy(&node, page + at, sizeof node);
    const uint64_t len = (uint64_t)node.low | (uint64_t)node.high << 16;
    const size_t data = at + sizeof node + node.key_len;
    if (node.key_len == 0 || node.key_len > KEY_MAX || (c->in_free && node.key_len != sizeof(uint64_t)))
        return bad(c, "an entry is damaged");
    if ((node.flags & NODE_DUP) || (node.flags & NODE_SUBTREE && !main_tree))
        return bad(c, "it belongs to another program");
    enum gn_err e = GN_OK;
    uint64_t offset = number * c->page_size + data;
    if (node.flags & NODE_BIG) {
        uint64_t first = 0;
        memcpy(&first, page + data, sizeof first);
        e = check_overflow(c, first, len);
        offset = first * c->page_size + sizeof(struct page_head);
    } else if (node.flags & NODE_SUBTREE) {
        struct tree_head sub;
        if (len != sizeof sub)
            return bad(c, "a table is damaged");
        memcpy(&sub, page + data, sizeof sub);
        return walk_tree(c, &sub, false);
    }
    if (e == GN_OK && c->in_free)
        e = check_free_list(c, offset, len);
    return e;
}

/* Reads page `number` as one of a tree into `page`; fills `keys`. */
static enum gn_err read_page(struct check *c, uint8_t *page, size_t *keys, uint64_t number, bool leaf)
{
    enum gn_err e = take_pages(c, number, 1);
    if (e == GN_OK)
        e = read_at(c, page, (size_t)c->page_size, number * c->page_size);
    if (e != GN_OK)
        return e;
    struct page_head head;
    memcpy(&head, page, sizeof head);
    if (head.number != number || (head.flags & PAGE_KIND) != (leaf ? PAGE_LEAF : PAGE_BRANCH))
        return bad(c, "a page is not what it should be");
    if (head.lower < sizeof head || head.lower > head.upper || head.upper > c->page_size || head.lower % 2U != 0)
        return bad(c, "the bounds of a page are damaged");
    *keys = (head.lower - sizeof head) / 2U;
    if (*keys < (leaf ? 1U : 2U))
        return bad(c, "a page is empty");
    for (size_t i = 0; i < *keys; i++) {
        uint16_t at = 0;
        memcpy(&at, page + sizeof head + i * 2U, sizeof at);
        if (at < head.upper || at + sizeof(struct node_head) > c->page_size || at % 2U != 0)
            return bad(c, "an entry is out of its page");
    }
    return check_packing(c, page, *keys, head.upper, leaf);
}

/* Opens the child behind branch entry `index`. */
static enum gn_err branch_child(struct check *c, uint64_t *child, const uint8_t *page, size_t index)
{
    struct node_head node;
    const size_t at = node_at(page, index);
    memcpy(&node, page + at, sizeof node);
    if (node.key_len > KEY_MAX)
        return bad(c, "an entry is damaged");
    *child = (uint64_t)node.low | (uint64_t)node.high << 16 | (uint64_t)node.flags << 32;
    return GN_OK;
}

static enum gn_err check_leaf(struct check *c, const uint8_t *page, size_t keys, uint64_t number, bool main_tree)
{
    enum gn_err e = GN_OK;
    for (size_t i = 0; e == GN_OK && i < keys; i++)
        e = check_leaf_node(c, page, node_at(page, i), number, main_tree);
    return e;
}

/* Page buffers of the main tree and of the tree below it must not be the same: the lower ones start behind. */
static uint8_t *page_buffer(struct check *c, size_t level)
{
    if (level >= DEPTH_MAX)
        return NULL;
    if (!c->pages[level])
        c->pages[level] = gn_alloc_zeroed(c->alloc, 1, (size_t)c->page_size);
    return c->pages[level];
}

static enum gn_err walk_tree(struct check *c, const struct tree_head *t, bool main_tree)
{
    struct {
        uint64_t number;
        size_t keys;
        size_t next;
    } path[DEPTH_MAX / 2U];
    const size_t base = main_tree ? 0 : DEPTH_MAX / 2U;
    if (t->flags != (c->in_free ? TREE_INTEGER_KEYS : 0))
        return bad(c, "it belongs to another program");
    if (t->root == NO_PAGE)
        return t->entries == 0 ? GN_OK : bad(c, "a table lost its root");
    if (t->depth == 0 || t->depth > DEPTH_MAX / 2U)
        return bad(c, "a table is too deep");
    size_t level = 0;
    uint64_t number = t->root;
    for (;;) {
        uint8_t *page = page_buffer(c, base + level);
        if (!page)
            return GN_E_NO_MEMORY;
        const bool leaf = level + 1U == t->depth;
        enum gn_err e = read_page(c, page, &path[level].keys, number, leaf);
        if (e == GN_OK && leaf)
            e = check_leaf(c, page, path[level].keys, number, main_tree);
        if (e != GN_OK)
            return e;
        path[level].next = leaf ? path[level].keys : 0;
        while (path[level].next == path[level].keys) {
            if (level == 0)
                return GN_OK;
            level--;
        }
        e = branch_child(c, &number, page_buffer(c, base + level), path[level].next++);
        if (e != GN_OK)
            return e;
        level++;
    }
}

/* Fills `out` with the newer of the two meta pages. */
static enum gn_err read_meta(struct check *c, struct meta_head *out, uint64_t file_len)
{
    struct meta_head metas[2];
    struct page_head head;
    c->page_size = 0;
    for (unsigned i = 0; i < 2; i++) {
        enum gn_err e = read_at(c, &head, sizeof head, i * c->page_size);
        if (e == GN_OK)
            e = read_at(c, &metas[i], sizeof metas[i], i * c->page_size + sizeof head);
        if (e != GN_OK)
            return e;
        if (!(head.flags & PAGE_META) || metas[i].magic != META_MAGIC)
            return bad(c, "it is not an LMDB file");
        if (metas[i].version != META_VERSION)
            return bad(c, "it was made by another version of LMDB");
        uint64_t size = metas[i].trees[0].pad;
        if (size < 512U || size > PAGE_MAX || (size & (size - 1U)) != 0 || (i == 1 && size != c->page_size))
            return bad(c, "its first page is damaged");
        c->page_size = size;
    }
    *out = metas[metas[1].txn > metas[0].txn ? 1 : 0];
    c->file_pages = file_len / c->page_size;
    c->last_page = out->last_page;
    if (c->last_page < 1 || c->last_page >= c->file_pages + TAIL_SLACK)
        return bad(c, "it is cut short");
    return GN_OK;
}

enum gn_err gn_lmdb_check_file(const char **why, const struct gn_alloc *alloc, int fd)
{
    struct check c = {.alloc = alloc, .fd = fd, .why = ""};
    struct stat st;
    *why = "it cannot be read";
    if (fstat(fd, &st) != 0)
        return gn_err_from_errno(errno);
    *why = "";
    if (st.st_size == 0)
        return GN_OK;
    struct meta_head meta;
    enum gn_err e = read_meta(&c, &meta, (uint64_t)st.st_size);
    if (e == GN_OK) {
        c.seen = gn_alloc_zeroed(alloc, 1, (size_t)(c.file_pages / 8U + 1U));
        e = c.seen ? GN_OK : GN_E_NO_MEMORY;
    }
    if (e == GN_OK)
        e = walk_tree(&c, &meta.trees[1], true);
    c.in_free = true; /* last: by now every page in use is known */
    if (e == GN_OK)
        e = walk_tree(&c, &meta.trees[0], false);
    for (size_t i = 0; i < DEPTH_MAX; i++)
        gn_alloc_free(alloc, c.pages[i]);
    gn_alloc_free(alloc, c.seen);
    *why = c.why;
    return e;
}
