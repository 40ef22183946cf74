/* overlay/files/link.c - links to shared content, read and written. */
#include "overlay/files/link.h"

#include <string.h>

#include "base/check.h"

#define SCHEME "ghost:"
#define SCHEME_LEN 6U
#define VALUE_MAX 1024U /* bytes of one value after decoding */

/* ---- reading ---- */

static bool read_size(uint64_t *out, struct gn_slice v)
{
    uint64_t n = 0;
    if (v.len == 0)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] < '0' || v.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)v.data[i] - '0';
        if (n > (UINT64_MAX - digit) / 10U)
            return false;
        n = n * 10U + digit;
    }
    *out = n; /* only a size that can be read replaces an earlier one */
    return true;
}

static void take_peer(struct gn_file_link *out, struct gn_slice v)
{
    struct gn_contact c;
    if (out->peers_len == GN_FILE_LINK_PEERS_MAX || gn_contact_parse(&c, (const char *)v.data, v.len) != GN_OK)
        return;
    if (gn_addr_is_usable(&c.addr))
        out->peers[out->peers_len++] = c;
}

static bool is_key(struct gn_slice key, const char *want)
{
    return gn_slice_eq(key, gn_slice_str(want));
}

static void take_parameter(struct gn_file_link *out, struct gn_slice key, struct gn_slice v)
{
    if (is_key(key, "name") && v.len > 0)
        gn_name_sanitize(out->name, v);
    else if (is_key(key, "size"))
        out->has_size = read_size(&out->size, v) || out->has_size;
    else if (is_key(key, "kind"))
        out->folder = is_key(v, "folder");
    else if (is_key(key, "peer"))
        take_peer(out, v);
}

/* One `key=value`; what is longer than any value we know is skipped with its key. */
static enum gn_err read_parameter(struct gn_file_link *out, struct gn_slice p)
{
    uint8_t value[VALUE_MAX];
    size_t len = 0;
    const uint8_t *equals = p.len > 0 ? memchr(p.data, '=', p.len) : NULL;
    if (!equals)
        return GN_OK;
    size_t key_len = (size_t)(equals - p.data);
    enum gn_err err = gn_name_unescape(value, &len, sizeof value, gn_slice_of(equals + 1, p.len - key_len - 1U));
    if (err == GN_E_LIMIT)
        return GN_OK;
    if (err == GN_OK)
        take_parameter(out, gn_slice_of(p.data, key_len), gn_slice_of(value, len));
    return err;
}

enum gn_err gn_file_link_parse(struct gn_file_link *out, const char *text, size_t len)
{
    memset(out, 0, sizeof *out);
    if (len > GN_FILE_LINK_MAX)
        return GN_E_LIMIT;
    if (len < SCHEME_LEN + GN_ID_TEXT_LEN || memcmp(text, SCHEME, SCHEME_LEN) != 0)
        return GN_E_INVALID;
    enum gn_err err = gn_id_parse(&out->root, text + SCHEME_LEN, GN_ID_TEXT_LEN);
    struct gn_slice rest = gn_slice_of(text + SCHEME_LEN + GN_ID_TEXT_LEN, len - SCHEME_LEN - GN_ID_TEXT_LEN);
    if (err == GN_OK && rest.len > 0 && rest.data[0] != '?')
        err = GN_E_INVALID;
    while (err == GN_OK && rest.len > 0) {
        rest = gn_slice_of(rest.data + 1, rest.len - 1U); /* the '?' or '&' */
        const uint8_t *end = rest.len > 0 ? memchr(rest.data, '&', rest.len) : NULL;
        size_t n = end ? (size_t)(end - rest.data) : rest.len;
        err = read_parameter(out, gn_slice_of(rest.data, n));
        rest = gn_slice_of(rest.data + n, rest.len - n);
    }
    if (err != GN_OK)
        memset(out, 0, sizeof *out);
    return err;
}

/* ---- writing ---- */

struct text {
    char *out;
    size_t len;
};

static void put(struct text *t, const char *s, size_t len)
{
    GN_CHECK(len <= GN_FILE_LINK_MAX - t->len);
    memcpy(t->out + t->len, s, len);
    t->len += len;
    t->out[t->len] = '\0';
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~:@[]", c));
}

static void put_parameter(struct text *t, const char *key, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";
    char *question = memchr(t->out, '?', t->len);
    put(t, question ? "&" : "?", 1);
    put(t, key, strlen(key));
    put(t, "=", 1);
    for (const char *c = value; *c; c++) {
        const char escaped[3] = {'%', digits[(uint8_t)*c >> 4U], digits[(uint8_t)*c & 15U]};
        if (is_plain(*c))
            put(t, c, 1);
        else
            put(t, escaped, 3);
    }
}

static void print_number(char out[21], uint64_t n)
{
    char reversed[20];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + n % 10U);
        n /= 10U;
    } while (n > 0);
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1U - i];
    out[len] = '\0';
}

void gn_file_link_print(char out[GN_FILE_LINK_MAX + 1U], const struct gn_file_link *link)
{
    char id[GN_ID_TEXT_LEN + 1U], number[21], peer[GN_CONTACT_TEXT_MAX];
    struct text t = {.out = out};
    gn_id_print(id, &link->root);
    put(&t, SCHEME, SCHEME_LEN);
    put(&t, id, GN_ID_TEXT_LEN);
    if (link->name[0] != '\0')
        put_parameter(&t, "name", link->name);
    if (link->has_size) {
        print_number(number, link->size);
        put_parameter(&t, "size", number);
    }
    if (link->folder)
        put_parameter(&t, "kind", "folder");
    for (size_t i = 0; i < link->peers_len && i < GN_FILE_LINK_PEERS_MAX; i++) {
        gn_contact_print(peer, &link->peers[i]);
        put_parameter(&t, "peer", peer);
    }
}
