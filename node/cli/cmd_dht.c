/* node/cli/cmd_dht.c - peers, ping, find, put, get, kv. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/units.h"
#include "node/cli/cmd.h"

#define VALUE_MAX 65536U
#define LOOKUP_WITHIN GN_SECONDS(15)

int gn_cmd_peers(struct gn_cli *cli)
{
    json_t *answer = NULL, *peer = NULL;
    size_t i = 0;
    int code =
        gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/peers"}, GN_SECONDS(5), NULL, &answer);
    if (code)
        return code;
    json_t *peers = json_object_get(answer, "peers");
    if (!cli->json && json_array_size(peers) == 0)
        gn_cli_say(cli, "no peers: see 'ghostnet doctor'");
    json_array_foreach(peers, i, peer)
    {
        if (cli->json) {
            gn_cli_print_json(peer);
            continue;
        }
        const json_t *rtt = json_object_get(peer, "rtt_ms");
        (void)printf("%s@%-21s %-12s", gn_cli_text(peer, "id"), gn_cli_text(peer, "address"),
                     gn_cli_text(peer, "state"));
        if (json_is_number(rtt))
            (void)printf(" %8.2f ms", json_number_value(rtt));
        (void)printf("%s\n", json_is_true(json_object_get(peer, "connected")) ? "  connected" : "");
    }
    json_decref(answer);
    return GN_EXIT_DONE;
}

/* "ID" or "ID@HOST:PORT": connects first in the second case. Fills `id`. */
static int take_peer(struct gn_cli *cli, char id[GN_ID_TEXT_LEN + 1], const char *text)
{
    struct gn_id parsed;
    size_t len = strcspn(text, "@");
    if (gn_id_parse(&parsed, text, len))
        return gn_cli_fail(GN_EXIT_USAGE, "'%.80s' is not a peer: give an id of 52 characters, or ID@HOST:PORT", text);
    gn_id_print(id, &parsed);
    if (text[len] == '\0')
        return GN_EXIT_DONE;
    json_t *request = json_pack("{s:s}", "address", text);
    char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!body)
        return gn_cli_fail(GN_EXIT_USAGE, "'%.80s' is not an address", text);
    struct gn_rpc_request connect = {.method = "POST", .target = "/v1/peers", .body = gn_slice_str(body)};
    int code = gn_cli_ask(cli, &connect, LOOKUP_WITHIN, NULL, NULL);
    free(body);
    return code;
}

int gn_cmd_ping(struct gn_cli *cli)
{
    char id[GN_ID_TEXT_LEN + 1], target[128];
    json_t *pong = NULL;
    int code = take_peer(cli, id, cli->args[0]);
    if (code)
        return code;
    (void)snprintf(target, sizeof target, "/v1/peers/%s/ping", id);
    code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "POST", .target = target}, LOOKUP_WITHIN, NULL, &pong);
    if (code)
        return code;
    if (cli->json)
        gn_cli_print_json(pong);
    else
        (void)printf("%s@%s answers in %.2f ms\n", gn_cli_text(pong, "id"), gn_cli_text(pong, "address"),
                     gn_cli_number(pong, "rtt_ms"));
    json_decref(pong);
    return GN_EXIT_DONE;
}

/* ---- find ------------------------------------------------------------------------------------------------------ */

struct finding {
    struct gn_cli *cli;
    json_t *result;
    bool header;
};

static void print_hop(struct finding *f, const json_t *hop)
{
    const json_t *rtt = json_object_get(hop, "rtt_ms");
    char text[24] = "-";
    if (!f->header)
        (void)printf("%8s  %5s  %-52s  %-21s  %4s  %9s  %-8s  %5s  %s\n", "at ms", "round", "peer", "address", "bits",
                     "rtt ms", "outcome", "named", "why");
    f->header = true;
    if (json_is_number(rtt))
        (void)snprintf(text, sizeof text, "%.2f", json_number_value(rtt));
    (void)printf("%8.1f  %5.0f  %s  %-21s  %4.0f  %9s  %-8s  %5.0f  %s\n", gn_cli_number(hop, "at_ms"),
                 gn_cli_number(hop, "round"), gn_cli_text(hop, "id"), gn_cli_text(hop, "address"),
                 gn_cli_number(hop, "common_bits"), text, gn_cli_text(hop, "outcome"), gn_cli_number(hop, "learned"),
                 gn_cli_text(hop, "reason"));
    (void)fflush(stdout);
}

static enum gn_err on_line(void *data, struct gn_slice line)
{
    struct finding *f = data;
    json_t *event = json_loadb((const char *)line.data, line.len, 0, NULL);
    json_t *hop = json_object_get(event, "hop");
    json_t *result = json_object_get(event, "result");
    if (hop && f->cli->json)
        gn_cli_print_json(event);
    else if (hop)
        print_hop(f, hop);
    if (result)
        f->result = json_incref(result);
    json_decref(event);
    return GN_OK;
}

static void print_found(struct finding *f)
{
    json_t *peer = NULL;
    size_t i = 0;
    if (f->cli->json) {
        gn_cli_print_json(f->result);
        return;
    }
    if (f->header)
        (void)printf("\n");
    json_array_foreach(json_object_get(f->result, "providers"), i, peer)
    {
        (void)printf("provider %s@%s\n", gn_cli_text(peer, "id"), gn_cli_text(peer, "address"));
    }
    json_array_foreach(json_object_get(f->result, "nearest"), i, peer)
    {
        (void)printf("%s@%-21s %3.0f bits\n", gn_cli_text(peer, "id"), gn_cli_text(peer, "address"),
                     gn_cli_number(peer, "common_bits"));
    }
    gn_cli_say(f->cli, "%zu nodes, %.0f asked, %.0f answered, %.0f timed out, depth %.0f, %.1f ms",
               json_array_size(json_object_get(f->result, "nearest")), gn_cli_number(f->result, "asked"),
               gn_cli_number(f->result, "answered"), gn_cli_number(f->result, "timeouts"),
               gn_cli_number(f->result, "depth"), gn_cli_number(f->result, "took_ms"));
}

int gn_cmd_find(struct gn_cli *cli)
{
    struct gn_id target;
    struct finding f = {.cli = cli};
    char body[256];
    const char *want = gn_cli_value(cli, "want");
    if (gn_id_parse(&target, cli->args[0], strlen(cli->args[0])))
        return gn_cli_fail(GN_EXIT_USAGE, "'%.80s' is not an id or key: it has 52 characters", cli->args[0]);
    if (want && strcmp(want, "nodes") != 0 && strcmp(want, "value") != 0 && strcmp(want, "providers") != 0)
        return gn_cli_fail(GN_EXIT_USAGE, "--want '%s': use nodes, value or providers", want);
    int n = snprintf(body, sizeof body, "{\"target\":\"%s\",\"explain\":%s,\"want\":\"%s\"}", cli->args[0],
                     gn_cli_value(cli, "explain") ? "true" : "false", want ? want : "nodes");
    struct gn_http_header accept = gn_http_header_of("accept", "application/x-ndjson");
    struct gn_rpc_request request = {.method = "POST",
                                     .target = "/v1/dht/find",
                                     .headers = &accept,
                                     .headers_len = 1,
                                     .body = gn_slice_of(body, (size_t)n),
                                     .on_line = on_line,
                                     .data = &f};
    int code = gn_cli_ask(cli, &request, LOOKUP_WITHIN, NULL, NULL);
    if (!code && f.result)
        print_found(&f);
    json_decref(f.result);
    return code;
}

/* ---- put, get -------------------------------------------------------------------------------------------------- */

/* Sends the value of an argument (or stdin) to `target`; request has the method and more fields. */
static int put_bytes(struct gn_cli *cli, struct gn_rpc_request *request, struct gn_rpc_target *target,
                     const char *value_arg, json_t **answer)
{
    uint8_t *value = NULL;
    size_t len = 0;
    int code = gn_cli_take_ttl(cli, target);
    if (!code)
        code = gn_cli_read_value(&value, &len, value_arg, VALUE_MAX);
    if (code)
        return code;
    request->target = target->text;
    request->content_type = "application/octet-stream";
    request->body = gn_slice_of(value, len);
    code = gn_cli_ask(cli, request, LOOKUP_WITHIN * 2, NULL, answer);
    free(value);
    return code;
}

static void say_stored(struct gn_cli *cli, const json_t *answer)
{
    char left[GN_CLI_LEFT_MAX];
    gn_cli_show_left(left, json_integer_value(json_object_get(answer, "expires")));
    double replicas = gn_cli_number(answer, "replicas");
    gn_cli_say(cli, "stored on %.0f node%s, %s", replicas, gn_cli_plural(replicas), left);
}

int gn_cmd_put(struct gn_cli *cli)
{
    struct gn_rpc_target target;
    json_t *answer = NULL;
    gn_rpc_target_init(&target, "/v1/records");
    struct gn_rpc_request request = {.method = "POST"};
    int code = put_bytes(cli, &request, &target, cli->args_len ? cli->args[0] : NULL, &answer);
    if (code)
        return code;
    if (cli->json)
        gn_cli_print_json(answer);
    else
        (void)printf("%s\n", gn_cli_text(answer, "key"));
    if (!cli->json)
        say_stored(cli, answer);
    json_decref(answer);
    return GN_EXIT_DONE;
}

/* The answer's bytes to stdout or -o FILE. */
static int write_out(struct gn_cli *cli, struct gn_slice bytes)
{
    const char *path = gn_cli_value(cli, "output");
    FILE *out = path ? fopen(path, "wbe") : stdout;
    if (!out)
        return gn_cli_fail(GN_EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
    bool ok = fwrite(bytes.data, 1, bytes.len, out) == bytes.len;
    int why = errno;
    if (path && fclose(out) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (ok || (!path && why == EPIPE)) /* the reader has seen enough */
        return GN_EXIT_DONE;
    return gn_cli_fail(GN_EXIT_FAILED, "cannot write %s: %s", path ? path : "the answer", strerror(why));
}

int gn_cmd_get(struct gn_cli *cli)
{
    struct gn_id key;
    char target[96];
    struct gn_rpc_response response;
    if (gn_id_parse(&key, cli->args[0], strlen(cli->args[0])))
        return gn_cli_fail(GN_EXIT_USAGE, "'%.80s' is not a key: it has 52 characters", cli->args[0]);
    (void)snprintf(target, sizeof target, "/v1/records/%s", cli->args[0]);
    int code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = target}, LOOKUP_WITHIN * 2,
                          &response, NULL);
    return code ? code : write_out(cli, response.body);
}

/* ---- kv -------------------------------------------------------------------------------------------------------- */

static int kv_target(struct gn_cli *cli, struct gn_rpc_target *target, const char *key)
{
    const char *space = gn_cli_value(cli, "space");
    struct gn_id id;
    if (space && strcmp(space, "own") != 0 && gn_id_parse(&id, space, strlen(space)))
        return gn_cli_fail(GN_EXIT_USAGE, "--space '%.80s' is not an id: it has 52 characters", space);
    gn_rpc_target_init(target, "/v1/kv/");
    gn_rpc_target_segment(target, gn_slice_str(space ? space : "own"));
    if (key) {
        gn_rpc_target_raw(target, "/");
        gn_rpc_target_segment(target, gn_slice_str(key));
    }
    return GN_EXIT_DONE;
}

/* --if-version V: 0 means that there must be none. */
static int if_version(struct gn_cli *cli, struct gn_http_header *header, char etag[32], size_t *len)
{
    const char *version = gn_cli_value(cli, "if-version");
    *len = 0;
    if (!version)
        return GN_EXIT_DONE;
    size_t digits = strspn(version, "0123456789");
    if (digits == 0 || digits > 19 || version[digits])
        return gn_cli_fail(GN_EXIT_USAGE, "--if-version '%s' is not a version: use a number, 0 = must not exist",
                           version);
    bool none = strspn(version, "0") == digits;
    (void)snprintf(etag, 32, "\"%s\"", version);
    *header = none ? gn_http_header_of("if-none-match", "*") : gn_http_header_of("if-match", etag);
    *len = 1;
    return GN_EXIT_DONE;
}

static int kv_written(struct gn_cli *cli, json_t *answer)
{
    if (cli->json)
        gn_cli_print_json(answer);
    else
        (void)printf("%.0f\n", gn_cli_number(answer, "version"));
    if (!cli->json)
        say_stored(cli, answer);
    json_decref(answer);
    return GN_EXIT_DONE;
}

int gn_cmd_kv_put(struct gn_cli *cli)
{
    struct gn_rpc_target target;
    struct gn_http_header header;
    char etag[32];
    size_t headers = 0;
    json_t *answer = NULL;
    int code = kv_target(cli, &target, cli->args[0]);
    if (!code)
        code = if_version(cli, &header, etag, &headers);
    if (!code)
        code = put_bytes(cli, &(struct gn_rpc_request){.method = "PUT", .headers = &header, .headers_len = headers},
                         &target, cli->args_len > 1 ? cli->args[1] : NULL, &answer);
    return code ? code : kv_written(cli, answer);
}

int gn_cmd_kv_get(struct gn_cli *cli)
{
    struct gn_rpc_target target;
    struct gn_rpc_response response;
    int code = kv_target(cli, &target, cli->args[0]);
    if (!code)
        code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = target.text}, LOOKUP_WITHIN,
                          &response, NULL);
    return code ? code : write_out(cli, response.body);
}

int gn_cmd_kv_del(struct gn_cli *cli)
{
    struct gn_rpc_target target;
    struct gn_http_header header;
    char etag[32];
    size_t headers = 0;
    json_t *answer = NULL;
    int code = kv_target(cli, &target, cli->args[0]);
    if (!code)
        code = if_version(cli, &header, etag, &headers);
    if (code)
        return code;
    struct gn_rpc_request request = {
        .method = "DELETE", .target = target.text, .headers = &header, .headers_len = headers};
    code = gn_cli_ask(cli, &request, LOOKUP_WITHIN * 2, NULL, &answer);
    return code ? code : kv_written(cli, answer);
}

int gn_cmd_kv_list(struct gn_cli *cli)
{
    struct gn_rpc_target target;
    char after[256] = "", left[GN_CLI_LEFT_MAX];
    json_t *answer = NULL, *entry = NULL;
    size_t i = 0;
    bool more = true;
    while (more) {
        int code = kv_target(cli, &target, NULL);
        if (code)
            return code;
        if (cli->args_len)
            gn_rpc_target_query(&target, "prefix", gn_slice_str(cli->args[0]));
        if (*after)
            gn_rpc_target_query(&target, "after", gn_slice_str(after));
        code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = target.text}, LOOKUP_WITHIN, NULL,
                          &answer);
        if (code)
            return code;
        json_array_foreach(json_object_get(answer, "entries"), i, entry)
        {
            gn_cli_show_left(left, json_integer_value(json_object_get(entry, "expires")));
            if (cli->json)
                gn_cli_print_json(entry);
            else
                (void)printf("%-40s  version %-6.0f %8.0f bytes  %s\n", gn_cli_text(entry, "key"),
                             gn_cli_number(entry, "version"), gn_cli_number(entry, "size"), left);
            (void)snprintf(after, sizeof after, "%s", gn_cli_text(entry, "key"));
        }
        more = json_is_true(json_object_get(answer, "more")) && *after;
        json_decref(answer);
    }
    return GN_EXIT_DONE;
}
