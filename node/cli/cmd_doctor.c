/* node/cli/cmd_doctor.c - doctor: what the node says of its network, or what the machine alone tells without a node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/cmd.h"
#include "node/machine.h"

static const char *colour_of(const char *status)
{
    return strcmp(status, "ok") == 0 ? "\033[32m" : strcmp(status, "warn") == 0 ? "\033[33m" : "\033[31m";
}

/* True when no check failed. */
static bool print_report(const struct gn_cli *cli, const json_t *nat)
{
    json_t *check = NULL;
    size_t i = 0;
    bool good = true, colours = gn_cli_colours(1);
    json_array_foreach(json_object_get(nat, "checks"), i, check)
    {
        good = good && strcmp(gn_cli_text(check, "status"), "fail") != 0;
    }
    if (cli->json) {
        gn_cli_print_json(nat);
        return good;
    }
    (void)printf("reachability  %s\nmapping       %s\nseen as       ", gn_cli_text(nat, "reachability"),
                 gn_cli_text(nat, "mapping"));
    gn_cli_print_addresses(json_object_get(nat, "external"));
    json_array_foreach(json_object_get(nat, "checks"), i, check)
    {
        const char *status = gn_cli_text(check, "status");
        (void)printf("%s%-4s%s  %-12s %s\n", colours ? colour_of(status) : "", status, colours ? "\033[0m" : "",
                     gn_cli_text(check, "name"), gn_cli_text(check, "text"));
        if (*gn_cli_text(check, "advice"))
            (void)printf("      %-12s -> %s\n", "", gn_cli_text(check, "advice"));
    }
    return good;
}

static json_t *check_json(const struct gn_machine_check *c)
{
    return json_pack("{s:s,s:s,s:s,s:s?}", "name", c->name, "status", c->status, "text", c->text, "advice", c->advice);
}

/* In the form of GET /v1/nat. */
static json_t *report_json(const struct gn_machine_report *r)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < r->len; i++)
        (void)json_array_append_new(checks, check_json(&r->checks[i]));
    return json_pack("{s:s,s:s,s:[],s:o}", "reachability", "unknown", "mapping", "unknown", "external", "checks",
                     checks);
}

/* What can be said while no node runs: why a start may fail. */
static int examine_machine(struct gn_cli *cli)
{
    struct gn_config config;
    int code = gn_cli_load_config(cli, &config);
    struct gn_machine_report *r = code ? NULL : calloc(1, sizeof *r);
    if (r) {
        gn_machine_check_folder(r, cli->data_dir);
        gn_machine_check_ports(r, &config);
        gn_machine_check_descriptors(r);
        gn_machine_check_buffers(r);
        gn_machine_check_disk(r, cli->data_dir);
        gn_machine_check_clock(r);
        json_t *nat = report_json(r);
        (void)print_report(cli, nat);
        json_decref(nat);
    }
    free(r);
    gn_config_fini(&config);
    if (code)
        return code;
    return gn_cli_fail(GN_EXIT_NO_NODE, "no node is running on %s: this is what the machine alone tells",
                       cli->data_dir);
}

int gn_cmd_doctor(struct gn_cli *cli)
{
    json_t *nat = NULL;
    if (cli->data_dir[0] && !gn_cli_has_node(cli))
        return examine_machine(cli);
    int code =
        gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/nat"}, GN_SECONDS(10), NULL, &nat);
    if (!code && !print_report(cli, nat))
        code = GN_EXIT_FAILED;
    json_decref(nat);
    return code;
}
