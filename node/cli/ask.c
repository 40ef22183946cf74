/* node/cli/ask.c - what every client command does: ask, read, print. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/os_clock.h"
#include "base/units.h"
#include "base/utf8.h"
#include "node/cli/cmd.h"
#include "node/os_datadir.h"

#define TTL_MAX GN_HOURS(48) /* of a record; the node would refuse it too */

static int open_client(struct gn_cli *cli)
{
    char path[PATH_MAX];
    if (cli->client)
        return GN_EXIT_DONE;
    if (!cli->data_dir[0])
        return gn_cli_fail(GN_EXIT_USAGE, "no data folder: set HOME or give --data-dir");
    enum gn_err err = gn_datadir_join(path, cli->data_dir, "api.sock");
    if (!err)
        err = gn_rpc_client_new(&cli->client, gn_alloc_default(), path);
    if (err)
        return gn_cli_fail(GN_EXIT_FAILED, "cannot use %s/api.sock: %s: use a shorter --data-dir", cli->data_dir,
                           gn_err_text(err));
    return GN_EXIT_DONE;
}

bool gn_cli_has_node(struct gn_cli *cli)
{
    struct gn_rpc_response response;
    struct gn_rpc_request alive = {.method = "GET", .target = "/healthz", .timeout_us = GN_SECONDS(2)};
    return open_client(cli) == GN_EXIT_DONE && gn_rpc_call(cli->client, &response, &alive) == GN_OK;
}

static int tell_error(struct gn_cli *cli, enum gn_err err, const struct gn_rpc_response *response)
{
    const char *detail = *response->detail ? response->detail : gn_err_text(err);
    if (gn_rpc_client_interrupted(cli->client))
        return gn_cli_fail(GN_EXIT_INTERRUPTED, "%s: interrupted%s", cli->command->name,
                           cli->command->run == gn_cmd_fetch ? ": the node goes on with it, see 'ghostnet files'" : "");
    if (err == GN_E_UNREACHABLE && gn_rpc_client_no_node(cli->client))
        return gn_cli_fail(GN_EXIT_NO_NODE, "no node is running on %s: start one with 'ghostnet run'", cli->data_dir);
    if (err == GN_E_TIMEOUT)
        return gn_cli_fail(GN_EXIT_TIMEOUT, "%s: %s: try again, or give it longer with --timeout", cli->command->name,
                           detail);
    if (err == GN_E_CLOSED)
        return gn_cli_fail(GN_EXIT_FAILED, "%s: %s: is it stopping? run the command again when it is back",
                           cli->command->name, detail);
    if (err == GN_E_EXISTS && cli->command->run == gn_cmd_fetch)
        return gn_cli_fail(gn_cli_exit_of(err), "%s: %s: use --force to replace it", cli->command->name, detail);
    return gn_cli_fail(gn_cli_exit_of(err), "%s: %s", cli->command->name, detail);
}

int gn_cli_ask(struct gn_cli *cli, struct gn_rpc_request *request, gn_time_us standard,
               struct gn_rpc_response *response, json_t **body)
{
    struct gn_rpc_response own;
    response = response ? response : &own;
    if (body)
        *body = NULL;
    int code = open_client(cli);
    if (code)
        return code;
    if (request->timeout_us == 0)
        request->timeout_us = cli->timeout_us ? cli->timeout_us : standard;
    request->interruptible = true;
    enum gn_err err = gn_rpc_call(cli->client, response, request);
    if (err)
        return tell_error(cli, err, response);
    if (body) {
        *body = json_loadb((const char *)response->body.data, response->body.len, 0, NULL);
        if (!*body)
            return gn_cli_fail(GN_EXIT_FAILED, "the node's answer is not JSON: are program and node of one version?");
    }
    return GN_EXIT_DONE;
}

void gn_cli_print_json(const json_t *value)
{
    (void)json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)fputc('\n', stdout);
}

int gn_cli_read_value(uint8_t **data, size_t *len, const char *argument, size_t max)
{
    bool from_stdin = !argument || strcmp(argument, "-") == 0;
    *data = NULL;
    *len = from_stdin ? 0 : strlen(argument);
    uint8_t *buf = malloc(max + 1);
    if (!buf)
        return gn_cli_fail(GN_EXIT_FAILED, "out of memory");
    while (from_stdin && *len <= max) {
        ssize_t n = read(STDIN_FILENO, buf + *len, max + 1 - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(buf);
            return gn_cli_fail(GN_EXIT_FAILED, "cannot read the value: %s", strerror(errno));
        }
        if (n == 0)
            break;
        *len += (size_t)n;
    }
    if (*len > max) {
        free(buf);
        return gn_cli_fail(GN_EXIT_REFUSED, "the value is longer than %zu bytes: share it as a file ('ghostnet share')",
                           max);
    }
    if (!from_stdin && *len > 0)
        memcpy(buf, argument, *len);
    *data = buf;
    return GN_EXIT_DONE;
}

int gn_cli_take_ttl(const struct gn_cli *cli, struct gn_rpc_target *target)
{
    gn_time_us ttl = 0;
    char seconds[24];
    const char *text = gn_cli_value(cli, "ttl");
    if (!text)
        return GN_EXIT_DONE;
    if (gn_units_parse_duration(&ttl, text, strlen(text)))
        return gn_cli_fail(GN_EXIT_USAGE, "--ttl '%.40s' is not a duration: use 30s, 10m or 2h", text);
    if (ttl < GN_SECONDS(1) || ttl > TTL_MAX)
        return gn_cli_fail(GN_EXIT_USAGE, "--ttl '%.40s' is out of range: use 1s to 48h", text);
    (void)snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)(ttl / GN_SECONDS(1)));
    gn_rpc_target_query(target, "ttl", gn_slice_str(seconds));
    return GN_EXIT_DONE;
}

void gn_cli_show_left(char out[GN_CLI_LEFT_MAX], json_int_t expires)
{
    char text[GN_UNITS_TEXT_MAX];
    gn_wall_s now = gn_os_clock_wall();
    if (expires <= 0 || (gn_wall_s)expires <= now) {
        (void)snprintf(out, GN_CLI_LEFT_MAX, "expired");
        return;
    }
    gn_units_show_duration(text, GN_SECONDS((gn_wall_s)expires - now));
    (void)snprintf(out, GN_CLI_LEFT_MAX, "%.30s left", text);
}

const char *gn_cli_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

void gn_cli_print_addresses(const json_t *addresses)
{
    size_t i = 0;
    json_t *address = NULL;
    json_array_foreach(addresses, i, address)
    {
        (void)printf("%s%s", i ? ", " : "", json_string_value(address));
    }
    (void)printf("%s\n", i ? "" : "none");
}

const char *gn_cli_plural(double n)
{
    return n >= 1 && n < 2 ? "" : "s";
}

void gn_cli_tame(char *out, size_t cap, const char *text)
{
    size_t len = gn_utf8_cut((const uint8_t *)text, strlen(text), cap - 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0; /* U+0080 to U+009F, as UTF-8 */
        out[i] = c < ' ' || c == 0x7f ? '?' : text[i];
        if (c1) {
            out[i] = '?';
            out[++i] = '?';
        }
    }
    out[len] = '\0';
}

double gn_cli_number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

int gn_cli_absolute(char out[PATH_MAX], const char *path)
{
    char cwd[PATH_MAX];
    int n = 0;
    if (path[0] == '/')
        n = snprintf(out, PATH_MAX, "%s", path);
    else if (getcwd(cwd, sizeof cwd))
        n = snprintf(out, PATH_MAX, "%s/%s", cwd, path);
    if (n <= 0 || n >= PATH_MAX)
        return gn_cli_fail(GN_EXIT_FAILED, "the path '%.60s' is too long, or the current folder is gone", path);
    return GN_EXIT_DONE;
}
