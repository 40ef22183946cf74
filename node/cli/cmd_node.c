/* node/cli/cmd_node.c - run, stop, status, id. */
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "base/os_clock.h"
#include "base/units.h"
#include "node/cli/cmd.h"
#include "node/os_datadir.h"
#include "node/run.h"

#define STOP_LOOK_US 20000U /* how often `stop` looks whether the node has ended */

int gn_cmd_run(struct gn_cli *cli)
{
    struct gn_config config;
    if (!cli->data_dir[0])
        return gn_cli_fail(GN_EXIT_USAGE, "no data folder: set HOME or give --data-dir");
    int code = gn_cli_load_config(cli, &config);
    if (!code)
        code = gn_run(&config, cli->data_dir) == GN_OK ? GN_EXIT_DONE : GN_EXIT_FAILED;
    gn_config_fini(&config);
    /* A node whose stdout nobody reads has lost its ready line, which its log has too: that is no failure. */
    __fpurge(stdout);
    clearerr(stdout);
    return code;
}

int gn_cmd_stop(struct gn_cli *cli)
{
    json_t *info = NULL;
    int code =
        gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/node"}, GN_SECONDS(5), NULL, &info);
    if (code)
        return code;
    pid_t pid = (pid_t)gn_cli_number(info, "pid");
    json_decref(info);
    code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "POST", .target = "/v1/node/stop"}, GN_SECONDS(5), NULL,
                      NULL);
    if (code)
        return code;
    gn_rpc_client_free(cli->client); /* it would wait for us before it closes the connection */
    cli->client = NULL;
    /* Its lock is gone when it has ended, also while its parent has not yet asked for its exit code. */
    gn_time_us until = gn_time_add(gn_os_clock_now(), cli->timeout_us ? cli->timeout_us : GN_SECONDS(10));
    while (gn_datadir_is_locked(cli->data_dir)) {
        if (gn_os_clock_now() > until)
            return gn_cli_fail(GN_EXIT_TIMEOUT, "the node (pid %ld) has not ended yet: see its log", (long)pid);
        (void)usleep(STOP_LOOK_US);
    }
    gn_cli_say(cli, "stopped");
    return GN_EXIT_DONE;
}

int gn_cmd_status(struct gn_cli *cli)
{
    char up[GN_UNITS_TEXT_MAX], held[GN_UNITS_TEXT_MAX], in[GN_UNITS_TEXT_MAX], out[GN_UNITS_TEXT_MAX];
    json_t *info = NULL;
    int code =
        gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/node"}, GN_SECONDS(5), NULL, &info);
    if (code)
        return code;
    if (cli->json) {
        gn_cli_print_json(info);
        json_decref(info);
        return GN_EXIT_DONE;
    }
    gn_units_show_duration(up, (gn_time_us)(gn_cli_number(info, "uptime_ms") * 1000));
    gn_units_show_size(held, (uint64_t)gn_cli_number(info, "record_bytes"));
    gn_units_show_size(in, (uint64_t)gn_cli_number(info, "bytes_in"));
    gn_units_show_size(out, (uint64_t)gn_cli_number(info, "bytes_out"));
    (void)printf("id           %s\nnetwork      %s, %s, %s\nlistening    ", gn_cli_text(info, "id"),
                 gn_cli_text(info, "network"), gn_cli_text(info, "mode"),
                 json_is_true(json_object_get(info, "ready")) ? "ready" : "joining");
    gn_cli_print_addresses(json_object_get(info, "listen"));
    (void)printf("reachable at ");
    gn_cli_print_addresses(json_object_get(info, "external"));
    (void)printf("api          %s\ndata folder  %s\nrunning      for %s, pid %.0f, version %s\n"
                 "peers        %.0f known, %.0f connected\nrecords      %.0f, %s\nfiles        %.0f\ntraffic      %s "
                 "in, %s out\n",
                 gn_cli_text(info, "api_url"), gn_cli_text(info, "data_dir"), up, gn_cli_number(info, "pid"),
                 gn_cli_text(info, "version"), gn_cli_number(info, "peers"), gn_cli_number(info, "connections"),
                 gn_cli_number(info, "records"), held, gn_cli_number(info, "files"), in, out);
    json_decref(info);
    return GN_EXIT_DONE;
}

int gn_cmd_id(struct gn_cli *cli)
{
    json_t *info = NULL, *address = NULL;
    size_t i = 0;
    int code =
        gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/node"}, GN_SECONDS(5), NULL, &info);
    if (code)
        return code;
    json_t *external = json_object_get(info, "external");
    if (cli->json) {
        json_t *answer = json_pack("{s:O,s:O}", "id", json_object_get(info, "id"), "addresses", external);
        gn_cli_print_json(answer);
        json_decref(answer);
    } else if (json_array_size(external) == 0) {
        (void)printf("%s\n", gn_cli_text(info, "id"));
    } else {
        json_array_foreach(external, i, address)
        {
            (void)printf("%s@%s\n", gn_cli_text(info, "id"), json_string_value(address));
        }
    }
    json_decref(info);
    return GN_EXIT_DONE;
}
