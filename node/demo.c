/* node/demo.c - the story of a swarm: join, find, store, share, lose nodes, go on. */
#include "node/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/os_clock.h"
#include "base/rng.h"
#include "base/units.h"
#include "node/demo_swarm.h"
#include "node/os_datadir.h"

#define NODES_DEFAULT 10U
#define NODES_MIN 8U
#define FILE_BYTES (UINT64_C(256) << 20)

/* Who plays what. */
enum { FIRST = 0, WRITER = 1, READER = 7, SHARER = 2, SECOND = 4, THIRD = 6, ASKER = 3 };

struct demo {
    struct gn_swarm swarm;
    const struct gn_demo_options *options;
    size_t nodes;
    unsigned step;
    gn_time_us began;
    char key[GN_ID_TEXT_LEN + 1]; /* of the stored value */
    char *link;                   /* of the shared folder */
    char folder[PATH_MAX];
    uint64_t file_bytes;
    /* the second transfer */
    bool killed;
    char transfer_error[256];
    uint64_t have_at_kill;
};

static const char value_text[] = "hello from a swarm of ghosts";

/* ---- Telling --------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void title(struct demo *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)printf("%s%u. ", d->options->colours ? "\n\033[1m" : "\n", ++d->step);
    (void)vprintf(format, args);
    (void)printf("%s\n", d->options->colours ? "\033[0m" : "");
    va_end(args);
    (void)fflush(stdout);
}

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)printf("   ");
    (void)vprintf(format, args);
    (void)printf("\n");
    va_end(args);
    (void)fflush(stdout);
}

static double ms_since(gn_time_us began)
{
    return (double)(gn_os_clock_now() - began) / 1000.0;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* "node 3" for its id. */
static int node_of(const struct demo *d, const char *id)
{
    for (size_t i = 0; i < d->swarm.len; i++)
        if (strcmp(d->swarm.nodes[i].id, id) == 0)
            return (int)i;
    return -1;
}

/* ---- The steps ------------------------------------------------------------------------------------------------- */

static enum gn_err step_join(struct demo *d)
{
    title(d, "%zu nodes join: each is a process of its own with its own key and UDP port", d->nodes);
    gn_time_us began = gn_os_clock_now();
    enum gn_err err = gn_swarm_add(&d->swarm);
    if (!err)
        err = gn_swarm_add_many(&d->swarm, d->nodes - 1);
    if (err)
        return err;
    size_t least = d->nodes;
    for (size_t i = 0; i < d->nodes && !err; i++) {
        json_t *info = NULL;
        err = gn_swarm_ask(&d->swarm, i, &(struct gn_rpc_request){.method = "GET", .target = "/v1/node"}, NULL, &info);
        size_t peers = (size_t)number_of(info, "peers");
        least = peers < least ? peers : least;
        json_decref(info);
    }
    if (!err) {
        tell("all ready after %.0f ms; the first was told to nobody, the others only knew the first", ms_since(began));
        tell("now every node knows at least %zu others, e.g. node 1 is %.16s...@%s", least, d->swarm.nodes[1].id,
             d->swarm.nodes[1].listen);
    }
    return err;
}

static void tell_hop(const struct demo *d, const json_t *hop)
{
    const json_t *rtt = json_object_get(hop, "rtt_ms");
    int node = node_of(d, text_of(hop, "id"));
    tell("  hop %.0f: node %d, %3.0f shared bits, %-8s %s%.2f ms%s, named %.0f contacts", number_of(hop, "round"), node,
         number_of(hop, "common_bits"), text_of(hop, "outcome"), json_is_number(rtt) ? "in " : "after ",
         json_is_number(rtt) ? json_number_value(rtt) : number_of(hop, "at_ms"),
         json_is_number(rtt) ? "" : " no answer", number_of(hop, "learned"));
}

static enum gn_err find(struct demo *d, size_t asker, const char *target, size_t *answered)
{
    char body[256];
    json_t *found = NULL, *hop = NULL;
    size_t i = 0;
    int n = snprintf(body, sizeof body, "{\"target\":\"%s\",\"explain\":true}", target);
    struct gn_rpc_request request = {.method = "POST", .target = "/v1/dht/find", .body = gn_slice_of(body, (size_t)n)};
    enum gn_err err = gn_swarm_ask(&d->swarm, asker, &request, NULL, &found);
    if (err)
        return err;
    json_array_foreach(json_object_get(found, "hops"), i, hop)
    {
        if (i < 4)
            tell_hop(d, hop);
    }
    *answered = (size_t)number_of(found, "answered");
    const char *nearest = text_of(json_array_get(json_object_get(found, "nearest"), 0), "id");
    tell("  nearest: node %d, after %.0f questions in %.1f ms", node_of(d, nearest), number_of(found, "asked"),
         number_of(found, "took_ms"));
    json_decref(found);
    return GN_OK;
}

static enum gn_err step_find(struct demo *d)
{
    size_t answered = 0;
    title(d, "node %d looks up node %d by its id alone (Kademlia: each answer is closer)", ASKER, READER);
    enum gn_err err = find(d, ASKER, d->swarm.nodes[READER].id, &answered);
    if (!err && answered == 0) {
        (void)snprintf(d->swarm.why, sizeof d->swarm.why, "the lookup got no answer");
        err = GN_E_NOT_FOUND;
    }
    return err;
}

static enum gn_err step_store(struct demo *d)
{
    json_t *stored = NULL;
    title(d, "node %d stores a value in the swarm, node %d reads it", WRITER, READER);
    struct gn_rpc_request put = {.method = "POST",
                                 .target = "/v1/records",
                                 .content_type = "application/octet-stream",
                                 .body = gn_slice_of(value_text, sizeof value_text - 1)};
    gn_time_us began = gn_os_clock_now();
    enum gn_err err = gn_swarm_ask(&d->swarm, WRITER, &put, NULL, &stored);
    if (err)
        return err;
    (void)snprintf(d->key, sizeof d->key, "%s", text_of(stored, "key"));
    tell("put \"%s\" -> key %.16s..., %.0f replicas, %.1f ms", value_text, d->key, number_of(stored, "replicas"),
         ms_since(began));
    json_decref(stored);
    return GN_OK;
}

static enum gn_err read_value(struct demo *d, size_t node)
{
    char target[96];
    struct gn_rpc_response response;
    (void)snprintf(target, sizeof target, "/v1/records/%s", d->key);
    gn_time_us began = gn_os_clock_now();
    enum gn_err err =
        gn_swarm_ask(&d->swarm, node, &(struct gn_rpc_request){.method = "GET", .target = target}, &response, NULL);
    if (err)
        return err;
    if (!gn_slice_eq(response.body, gn_slice_of(value_text, sizeof value_text - 1))) {
        (void)snprintf(d->swarm.why, sizeof d->swarm.why, "node %zu read another value", node);
        return GN_E_CORRUPT;
    }
    tell("get on node %zu -> \"%.*s\", %.1f ms", node, (int)response.body.len, (const char *)response.body.data,
         ms_since(began));
    return GN_OK;
}

/* ---- Files ----------------------------------------------------------------------------------------------------- */

static enum gn_err write_file(struct demo *d, const char *name, uint64_t bytes)
{
    char path[PATH_MAX];
    static const size_t piece = 1U << 20;
    struct gn_rng rng;
    enum gn_err err = gn_datadir_join(path, d->folder, name);
    uint8_t *buf = malloc(piece);
    int fd = err || !buf ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        err = err ? err : buf ? gn_err_from_errno(errno) : GN_E_NO_MEMORY;
    gn_rng_init_test(&rng, bytes, 1);
    for (uint64_t at = 0; at < bytes && !err; at += piece) {
        size_t n = bytes - at < piece ? (size_t)(bytes - at) : piece;
        gn_rng_bytes(&rng, buf, n);
        if (write(fd, buf, n) != (ssize_t)n)
            err = gn_err_from_errno(errno ? errno : ENOSPC);
    }
    if (fd >= 0)
        (void)close(fd);
    free(buf);
    if (err)
        (void)snprintf(d->swarm.why, sizeof d->swarm.why, "cannot write %.300s: %s", path, gn_err_text(err));
    return err;
}

static enum gn_err make_folder(struct demo *d)
{
    struct statvfs disk;
    char sub[PATH_MAX];
    d->file_bytes = d->options->file_bytes ? d->options->file_bytes : FILE_BYTES;
    if (statvfs(d->swarm.dir, &disk) == 0)
        while (d->file_bytes > (8U << 20) && (uint64_t)disk.f_bavail * disk.f_frsize / 4 < d->file_bytes)
            d->file_bytes /= 2; /* three copies must fit */
    enum gn_err err = gn_datadir_join(d->folder, d->swarm.dir, "holiday");
    if (!err)
        err = gn_datadir_join(sub, d->folder, "letters");
    if (!err && (mkdir(d->folder, 0755) != 0 || mkdir(sub, 0755) != 0))
        err = gn_err_from_errno(errno);
    if (!err)
        err = write_file(d, "film.mkv", d->file_bytes);
    if (!err)
        err = write_file(d, "photo.jpg", (3U << 20) + 17);
    if (!err)
        err = write_file(d, "letters/one.txt", 1000);
    return err ? err : write_file(d, "empty", 0);
}

static enum gn_err step_share(struct demo *d)
{
    char body[PATH_MAX + 32], size[GN_UNITS_TEXT_MAX];
    json_t *file = NULL;
    enum gn_err err = make_folder(d);
    if (err)
        return err;
    gn_units_show_size(size, d->file_bytes + (3U << 20) + 1017);
    title(d, "node %d shares a folder of %s (4 files); it stays where it is", SHARER, size);
    int n = snprintf(body, sizeof body, "{\"path\":\"%s\"}", d->folder);
    struct gn_rpc_request share = {.method = "POST",
                                   .target = "/v1/files",
                                   .content_type = "application/json",
                                   .body = gn_slice_of(body, (size_t)n),
                                   .timeout_us = GN_SECONDS(60)};
    gn_time_us began = gn_os_clock_now();
    err = gn_swarm_ask(&d->swarm, SHARER, &share, NULL, &file);
    if (err)
        return err;
    d->link = strdup(text_of(file, "link"));
    json_decref(file);
    if (!d->link)
        return GN_E_NO_MEMORY;
    tell("hashed and announced in %.0f ms: %.40s...", ms_since(began), d->link);
    return GN_OK;
}

static enum gn_err on_progress(void *data, struct gn_slice line)
{
    struct demo *d = data;
    json_t *event = json_loadb((const char *)line.data, line.len, 0, NULL);
    json_t *progress = json_object_get(event, "progress");
    json_t *last = progress ? progress : json_object_get(event, "result");
    double have = number_of(last, "have"), size = number_of(last, "size");
    /* Reports come every 100 ms: a small transfer may have only one before its end. */
    bool begun = have > 0 || (size > 0 && d->file_bytes < FILE_BYTES / 2);
    if (last && d->link && !d->killed && progress && begun && have < size * 0.9 && d->swarm.nodes[SECOND].pid > 0 &&
        d->swarm.nodes[SHARER].pid > 0 && d->have_at_kill == UINT64_MAX) {
        gn_swarm_kill(&d->swarm, SHARER);
        d->killed = true;
        d->have_at_kill = (uint64_t)(have * 100 / size);
    }
    if (last && strcmp(text_of(last, "state"), "failed") == 0)
        (void)snprintf(d->transfer_error, sizeof d->transfer_error, "%s", text_of(last, "error"));
    json_decref(event);
    return GN_OK;
}

static enum gn_err fetch(struct demo *d, size_t node, const char *to)
{
    json_t *request = json_pack("{s:s,s:s}", "link", d->link, "path", to);
    char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!body)
        return GN_E_NO_MEMORY;
    struct gn_http_header accept = gn_http_header_of("accept", "application/x-ndjson");
    struct gn_rpc_request call = {.method = "POST",
                                  .target = "/v1/transfers",
                                  .content_type = "application/json",
                                  .headers = &accept,
                                  .headers_len = 1,
                                  .body = gn_slice_str(body),
                                  .on_line = on_progress,
                                  .data = d,
                                  .timeout_us = GN_SECONDS(45)};
    d->transfer_error[0] = '\0';
    enum gn_err err = gn_swarm_ask(&d->swarm, node, &call, NULL, NULL);
    free(body);
    if (!err && d->transfer_error[0]) {
        (void)snprintf(d->swarm.why, sizeof d->swarm.why, "the transfer failed: %s", d->transfer_error);
        err = GN_E_IO;
    }
    return err;
}

static enum gn_err same_file(struct demo *d, const char *copy, const char *name)
{
    char a_path[PATH_MAX], b_path[PATH_MAX];
    char a[16384], b[sizeof a];
    if (gn_datadir_join(a_path, d->folder, name) || gn_datadir_join(b_path, copy, name))
        return GN_E_LIMIT;
    FILE *x = fopen(a_path, "rbe"), *y = fopen(b_path, "rbe");
    bool same = x && y;
    for (size_t n = sizeof a; same && n == sizeof a;) {
        n = fread(a, 1, sizeof a, x);
        same = fread(b, 1, sizeof b, y) == n && memcmp(a, b, n) == 0;
    }
    if (x)
        (void)fclose(x);
    if (y)
        (void)fclose(y);
    if (!same)
        (void)snprintf(d->swarm.why, sizeof d->swarm.why, "%.300s is not the same", b_path);
    return same ? GN_OK : GN_E_CORRUPT;
}

static enum gn_err same_folder(struct demo *d, const char *copy)
{
    static const char *const names[] = {"film.mkv", "photo.jpg", "letters/one.txt", "empty"};
    enum gn_err err = GN_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && !err; i++)
        err = same_file(d, copy, names[i]);
    return err;
}

static enum gn_err fetch_and_compare(struct demo *d, size_t node, const char *name)
{
    char to[PATH_MAX], rate[GN_UNITS_TEXT_MAX];
    enum gn_err err = gn_datadir_join(to, d->swarm.dir, name);
    gn_time_us began = gn_os_clock_now();
    if (!err)
        err = fetch(d, node, to);
    if (err)
        return err;
    double seconds = ms_since(began) / 1000;
    err = same_folder(d, to);
    gn_units_show_size(rate, (uint64_t)((double)d->file_bytes / seconds));
    if (!err)
        tell("node %zu has it after %.0f ms (%s/s, every 16 KiB verified), byte for byte the same", node,
             seconds * 1000, rate);
    return err;
}

static enum gn_err step_fetch(struct demo *d)
{
    title(d, "node %d fetches it and serves it too", SECOND);
    d->have_at_kill = 0; /* nobody is killed in this one */
    enum gn_err err = fetch_and_compare(d, SECOND, "copy-of-second");
    if (err)
        return err;
    title(d, "node %d fetches it from both; node %d is killed (SIGKILL) in the middle", THIRD, SHARER);
    d->have_at_kill = UINT64_MAX;
    err = fetch_and_compare(d, THIRD, "copy-of-third");
    if (!err && d->killed)
        tell("node %d died when %llu %% had arrived; node %d served the rest", SHARER,
             (unsigned long long)d->have_at_kill, SECOND);
    else if (!err) {
        (void)snprintf(d->swarm.why, sizeof d->swarm.why, "the transfer ended before a provider could be killed");
        err = GN_E_TIMEOUT;
    }
    return err;
}

static enum gn_err step_lose(struct demo *d)
{
    title(d, "node %d, who stored the value, is killed too: the others still find it", WRITER);
    gn_swarm_kill(&d->swarm, WRITER);
    enum gn_err err = read_value(d, READER);
    for (size_t i = 0; i < d->nodes && !err; i++)
        if (d->swarm.nodes[i].pid > 0 && i != READER && i == d->nodes - 1)
            err = read_value(d, i);
    return err;
}

static enum gn_err step_drain(struct demo *d)
{
    size_t running = 0;
    title(d, "all nodes are asked to end");
    gn_time_us began = gn_os_clock_now();
    size_t clean = gn_swarm_drain(&d->swarm, &running, GN_SECONDS(8));
    if (clean != running) {
        (void)snprintf(d->swarm.why, sizeof d->swarm.why, "only %zu of %zu nodes ended cleanly", clean, running);
        return GN_E_TIMEOUT;
    }
    tell("%zu of %zu ended cleanly in %.0f ms", clean, running, ms_since(began));
    return GN_OK;
}

int gn_demo_run(const struct gn_demo_options *options)
{
    static enum gn_err (*const steps[])(struct demo *) = {step_join,  step_find, step_store, step_share,
                                                          step_fetch, step_lose, step_drain};
    struct demo *d = calloc(1, sizeof *d);
    if (!d)
        return 1;
    d->options = options;
    d->nodes = options->nodes ? options->nodes : NODES_DEFAULT;
    if (d->nodes < NODES_MIN || d->nodes > GN_SWARM_MAX) {
        (void)fprintf(stderr, "ghostnet: --nodes: use %u to %u\n", NODES_MIN, GN_SWARM_MAX);
        free(d);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    d->began = gn_os_clock_now();
    enum gn_err err = gn_swarm_init(&d->swarm);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !err; i++) {
        err = steps[i](d);
        if (!err && i == 2)
            err = read_value(d, READER);
        if (!err && gn_swarm_interrupted())
            err = GN_E_CANCELLED;
    }
    if (err)
        (void)fprintf(stderr, "ghostnet: demo: %s\n", err == GN_E_CANCELLED ? "interrupted" : d->swarm.why);
    gn_swarm_end(&d->swarm, options->keep);
    if (!err)
        (void)printf(
            "\nDone in %.1f s: %zu nodes joined, found each other, kept a value and a folder through two crashes.%s\n",
            ms_since(d->began) / 1000, d->nodes, options->keep ? "" : " Nothing is left behind.");
    if (options->keep)
        (void)printf("Kept: %s\n", d->swarm.dir);
    free(d->link);
    free(d);
    return err ? 1 : 0;
}
