/* node/cli/cmd_files.c - share, fetch, files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "base/units.h"
#include "node/cli/cmd.h"
#include "node/cli/progress.h"

#define NAME_SHOWN 256U                /* bytes of a name */
#define QUIET_TOO_LONG GN_SECONDS(120) /* no progress at all for so long */

/* A request whose answer is a stream of progress and one result. */
struct streaming {
    struct gn_cli *cli;
    struct gn_progress bar;
    json_t *result;
};

static enum gn_err on_line(void *data, struct gn_slice line)
{
    struct streaming *s = data;
    json_t *event = json_loadb((const char *)line.data, line.len, 0, NULL);
    json_t *p = json_object_get(event, "progress");
    json_t *result = json_object_get(event, "result");
    if (p && s->cli->json && s->cli->verbose)
        gn_cli_print_json(event);
    char name[NAME_SHOWN];
    gn_cli_tame(name, sizeof name, gn_cli_text(p, "name"));
    if (p && json_object_get(p, "done"))
        gn_progress_update(&s->bar, name, (uint64_t)gn_cli_number(p, "done"), (uint64_t)gn_cli_number(p, "total"), 0);
    else if (p)
        gn_progress_update(&s->bar, name, (uint64_t)gn_cli_number(p, "have"), (uint64_t)gn_cli_number(p, "size"),
                           (uint64_t)gn_cli_number(p, "rate"));
    if (result)
        s->result = json_incref(result);
    json_decref(event);
    return GN_OK;
}

/* Posts `body` (released) and waits for the result; progress on the terminal. */
static int post_stream(struct gn_cli *cli, const char *target, json_t *body, json_t **result)
{
    struct streaming s = {.cli = cli};
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    *result = NULL;
    if (!text)
        return gn_cli_fail(GN_EXIT_FAILED, "the path or link cannot be sent: it is not valid UTF-8");
    gn_progress_init(&s.bar, !cli->quiet && !cli->json && isatty(STDERR_FILENO));
    struct gn_http_header accept = gn_http_header_of("accept", "application/x-ndjson");
    struct gn_rpc_request request = {.method = "POST",
                                     .target = target,
                                     .headers = &accept,
                                     .headers_len = 1,
                                     .body = gn_slice_str(text),
                                     .on_line = on_line,
                                     .data = &s};
    int code = gn_cli_ask(cli, &request, QUIET_TOO_LONG, NULL, NULL);
    gn_progress_end(&s.bar);
    free(text);
    if (!code && !s.result)
        code = gn_cli_fail(GN_EXIT_FAILED,
                           "the node went away before it was done: start it, then run the same command again");
    *result = s.result;
    return code;
}

static int share_one(struct gn_cli *cli, const char *argument)
{
    char path[PATH_MAX], name[NAME_SHOWN], size[GN_UNITS_TEXT_MAX];
    json_t *file = NULL;
    int code = gn_cli_absolute(path, argument);
    if (!code)
        code = post_stream(cli, "/v1/files", json_pack("{s:s}", "path", path), &file);
    if (!code && cli->json)
        gn_cli_print_json(file);
    else if (!code) {
        gn_cli_tame(name, sizeof name, gn_cli_text(file, "name"));
        gn_units_show_size(size, (uint64_t)gn_cli_number(file, "size"));
        (void)printf("%s\n", gn_cli_text(file, "link"));
        gn_cli_say(cli, "sharing %s (%s, %s) as long as the node runs", name, gn_cli_text(file, "kind"), size);
    }
    json_decref(file);
    return code;
}

int gn_cmd_share(struct gn_cli *cli)
{
    int code = GN_EXIT_DONE;
    for (int i = 0; i < cli->args_len; i++) {
        int one = share_one(cli, cli->args[i]);
        if (one == GN_EXIT_NO_NODE)
            return one;
        code = one ? one : code;
        (void)fflush(stdout);
    }
    return code;
}

/* Where a fetched file goes: -o PATH, or its name in the current folder; -o DIR/ keeps the name. */
static int target_path(struct gn_cli *cli, char out[PATH_MAX])
{
    const char *wanted = gn_cli_value(cli, "output");
    return gn_cli_absolute(out, wanted ? wanted : ".");
}

int gn_cmd_fetch(struct gn_cli *cli)
{
    char path[PATH_MAX], size[GN_UNITS_TEXT_MAX];
    json_t *done = NULL;
    if (strncmp(cli->args[0], "ghost:", 6) != 0)
        return gn_cli_fail(GN_EXIT_USAGE, "'%.60s' is not a link: it begins with ghost:", cli->args[0]);
    int code = target_path(cli, path);
    if (code)
        return code;
    json_t *body =
        json_pack("{s:s,s:s,s:b}", "link", cli->args[0], "path", path, "overwrite", gn_cli_value(cli, "force") != NULL);
    code = post_stream(cli, "/v1/transfers", body, &done);
    if (!code && cli->json)
        gn_cli_print_json(done);
    else if (!code) {
        gn_units_show_size(size, (uint64_t)gn_cli_number(done, "size"));
        (void)printf("%s\n", gn_cli_text(done, "path"));
        gn_cli_say(cli, "%s fetched and verified", size);
    }
    json_decref(done);
    return code;
}

static void print_file(const json_t *file)
{
    char size[GN_UNITS_TEXT_MAX], served[GN_UNITS_TEXT_MAX], name[NAME_SHOWN];
    double total = gn_cli_number(file, "size"), have = gn_cli_number(file, "have");
    gn_units_show_size(size, (uint64_t)total);
    gn_units_show_size(served, (uint64_t)gn_cli_number(file, "served"));
    (void)printf("%s  %-8s %-6s %10s", gn_cli_text(file, "root"), gn_cli_text(file, "state"), gn_cli_text(file, "kind"),
                 size);
    if (total > have)
        (void)printf(" %3.0f%%", total > 0 ? have * 100 / total : 0);
    gn_cli_tame(name, sizeof name, gn_cli_text(file, "name"));
    (void)printf("  %s served  %s\n", served, name);
}

int gn_cmd_files(struct gn_cli *cli)
{
    char target[128];
    json_t *answer = NULL, *file = NULL;
    size_t i = 0;
    const char *unshare = gn_cli_value(cli, "unshare");
    if (unshare) {
        struct gn_id root;
        if (gn_id_parse(&root, unshare, strlen(unshare)))
            return gn_cli_fail(GN_EXIT_USAGE, "--unshare '%.80s' is not a root: it has 52 characters", unshare);
        (void)snprintf(target, sizeof target, "/v1/files/%s", unshare);
        return gn_cli_ask(cli, &(struct gn_rpc_request){.method = "DELETE", .target = target}, GN_SECONDS(10), NULL,
                          NULL);
    }
    int code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/files"}, GN_SECONDS(10), NULL,
                          &answer);
    if (code)
        return code;
    json_array_foreach(json_object_get(answer, "files"), i, file)
    {
        if (cli->json)
            gn_cli_print_json(file);
        else
            print_file(file);
    }
    if (i == 0)
        gn_cli_say(cli, "nothing is shared: 'ghostnet share PATH'");
    json_decref(answer);
    return GN_EXIT_DONE;
}
