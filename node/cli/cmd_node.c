/* node/cli/cmd_node.c - run, stop, status, id, doctor, demo, config, version, help. */
#include <gnutls/gnutls.h>
#include <lmdb.h>
#include <ngtcp2/ngtcp2.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/os_clock.h"
#include "base/units.h"
#include "node/cli/cmd.h"
#include "node/config.h"
#include "node/demo.h"
#include "node/os_datadir.h"
#include "node/run.h"

/* ---- Settings -------------------------------------------------------------------------------------------------- */

static int take_flag(struct gn_config *config, const struct gn_cli_option *option, const char *value)
{
    char why[GN_CONF_WHY_MAX];
    enum gn_config_key key;
    if (!gn_config_by_flag(option->name, &key))
        return GN_EXIT_DONE;
    enum gn_err err = gn_config_set(config, why, key, value ? value : "no", GN_CONF_FROM_FLAG);
    return err ? gn_cli_fail(GN_EXIT_USAGE, "--%s: %s", option->name, why) : GN_EXIT_DONE;
}

/* Defaults, then the file (--config, or config.ini in the data folder if there is one), then flags. */
static int load_config(struct gn_cli *cli, struct gn_config *config)
{
    char path[PATH_MAX];
    const char *file = gn_cli_value(cli, "config");
    if (gn_config_init(config))
        return gn_cli_fail(GN_EXIT_FAILED, "out of memory");
    if (!file && cli->data_dir[0] && gn_datadir_join(path, cli->data_dir, "config.ini") == GN_OK &&
        access(path, F_OK) == 0)
        file = path;
    if (file) {
        enum gn_err err = gn_config_read_file(config, file, stderr);
        if (err == GN_E_INVALID)
            return gn_cli_fail(GN_EXIT_USAGE, "%s has mistakes: see above", file);
        if (err)
            return gn_cli_fail(GN_EXIT_FAILED, "cannot read %s: %s", file, gn_err_text(err));
    }
    for (size_t i = 0; i < cli->given_len; i++) {
        int code = take_flag(config, cli->given[i].option, cli->given[i].value);
        if (code)
            return code;
    }
    return GN_EXIT_DONE;
}

int gn_cmd_run(struct gn_cli *cli)
{
    struct gn_config config;
    if (!cli->data_dir[0])
        return gn_cli_fail(GN_EXIT_USAGE, "no data folder: set HOME or give --data-dir");
    int code = load_config(cli, &config);
    if (!code)
        code = gn_run(&config, cli->data_dir) == GN_OK ? GN_EXIT_DONE : GN_EXIT_FAILED;
    gn_config_fini(&config);
    return code;
}

int gn_cmd_config_check(struct gn_cli *cli)
{
    struct gn_config config;
    if (gn_config_init(&config))
        return gn_cli_fail(GN_EXIT_FAILED, "out of memory");
    enum gn_err err = gn_config_read_file(&config, cli->args[0], stderr);
    gn_config_fini(&config);
    if (err == GN_E_INVALID)
        return gn_cli_fail(GN_EXIT_FAILED, "%s has mistakes: see above", cli->args[0]);
    if (err)
        return gn_cli_fail(err == GN_E_NOT_FOUND ? GN_EXIT_NOT_FOUND : GN_EXIT_FAILED, "cannot read %s: %s", cli->args[0],
                           gn_err_text(err));
    gn_cli_say(cli, "%s is fine", cli->args[0]);
    return GN_EXIT_DONE;
}

static void print_settings(const struct gn_cli *cli, const struct gn_config *config)
{
    const char *section = "";
    json_t *list = json_array();
    for (size_t k = 0; k < GN_CONF_KEYS; k++) {
        const struct gn_config_row *row = gn_config_row((enum gn_config_key)k);
        const char *source = gn_config_source_name(config->values[k].source);
        size_t len = config->values[k].len;
        if (!cli->json && strcmp(section, row->section) != 0)
            (void)printf("%s[%s]\n", *section ? "\n" : "", row->section);
        section = row->section;
        for (size_t i = 0; i < (len ? len : 1); i++) {
            const char *value = gn_config_text_at(config, (enum gn_config_key)k, i);
            if (cli->json)
                (void)json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "section", row->section, "name",
                                                            row->name, "value", value, "source", source));
            else
                (void)printf("%s%s = %s  ; %s, from %s\n", len ? "" : "; ", row->name, value, row->help, source);
        }
    }
    if (cli->json)
        gn_cli_print_json(list);
    json_decref(list);
}

int gn_cmd_config_show(struct gn_cli *cli)
{
    struct gn_config config;
    int code = load_config(cli, &config);
    if (!code)
        print_settings(cli, &config);
    gn_config_fini(&config);
    return code;
}

/* ---- The running node ------------------------------------------------------------------------------------------ */

int gn_cmd_stop(struct gn_cli *cli)
{
    json_t *info = NULL;
    int code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/node"}, GN_SECONDS(5), NULL, &info);
    if (code)
        return code;
    pid_t pid = (pid_t)gn_cli_number(info, "pid");
    json_decref(info);
    code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "POST", .target = "/v1/node/stop"}, GN_SECONDS(5), NULL, NULL);
    if (code)
        return code;
    gn_time_us until = gn_os_clock_now() + (cli->timeout_us ? cli->timeout_us : GN_SECONDS(10));
    while (pid > 0 && kill(pid, 0) == 0) {
        if (gn_os_clock_now() > until)
            return gn_cli_fail(GN_EXIT_TIMEOUT, "the node (pid %ld) has not ended yet: see its log", (long)pid);
        (void)usleep(20000);
    }
    gn_cli_say(cli, "stopped");
    return GN_EXIT_DONE;
}

static void print_addresses(const json_t *info, const char *name)
{
    size_t i = 0;
    json_t *address = NULL;
    json_array_foreach(json_object_get(info, name), i, address)
    {
        (void)printf("%s%s", i ? ", " : "", json_string_value(address));
    }
    (void)printf("%s\n", json_array_size(json_object_get(info, name)) ? "" : "none");
}

int gn_cmd_status(struct gn_cli *cli)
{
    char up[GN_UNITS_TEXT_MAX], held[GN_UNITS_TEXT_MAX], in[GN_UNITS_TEXT_MAX], out[GN_UNITS_TEXT_MAX];
    json_t *info = NULL;
    int code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/node"}, GN_SECONDS(5), NULL, &info);
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
    print_addresses(info, "listen");
    (void)printf("reachable at ");
    print_addresses(info, "external");
    (void)printf("api          %s\ndata folder  %s\nrunning      for %s, pid %.0f, version %s\n"
                 "peers        %.0f known, %.0f connected\nrecords      %.0f, %s\nfiles        %.0f\ntraffic      %s in, %s out\n",
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
    int code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/node"}, GN_SECONDS(5), NULL, &info);
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

int gn_cmd_doctor(struct gn_cli *cli)
{
    json_t *nat = NULL, *check = NULL;
    size_t i = 0;
    bool bad = false;
    int code = gn_cli_ask(cli, &(struct gn_rpc_request){.method = "GET", .target = "/v1/nat"}, GN_SECONDS(10), NULL, &nat);
    if (code)
        return code;
    json_array_foreach(json_object_get(nat, "checks"), i, check)
    {
        bad = bad || strcmp(gn_cli_text(check, "status"), "fail") == 0;
    }
    if (cli->json) {
        gn_cli_print_json(nat);
    } else {
        (void)printf("reachability  %s\nmapping       %s\nseen as       ", gn_cli_text(nat, "reachability"),
                     gn_cli_text(nat, "mapping"));
        print_addresses(nat, "external");
        json_array_foreach(json_object_get(nat, "checks"), i, check)
        {
            (void)printf("%-4s  %-12s %s\n", gn_cli_text(check, "status"), gn_cli_text(check, "name"),
                         gn_cli_text(check, "text"));
            if (*gn_cli_text(check, "advice"))
                (void)printf("      %-12s -> %s\n", "", gn_cli_text(check, "advice"));
        }
    }
    json_decref(nat);
    return bad ? GN_EXIT_FAILED : GN_EXIT_DONE;
}

/* ---- The rest -------------------------------------------------------------------------------------------------- */

int gn_cmd_demo(struct gn_cli *cli)
{
    struct gn_demo_options options = {.keep = gn_cli_value(cli, "keep") != NULL, .colours = gn_cli_colours(STDOUT_FILENO)};
    const char *nodes = gn_cli_value(cli, "nodes"), *size = gn_cli_value(cli, "size");
    if (nodes)
        options.nodes = (unsigned)strtoul(nodes, NULL, 10);
    if (nodes && options.nodes == 0)
        return gn_cli_fail(GN_EXIT_USAGE, "--nodes '%s' is not a number: use 8 to 64", nodes);
    if (size && gn_units_parse_size(&options.file_bytes, size, strlen(size)))
        return gn_cli_fail(GN_EXIT_USAGE, "--size '%s' is not a size: use 64MiB or 1GiB", size);
    return gn_demo_run(&options);
}

int gn_cmd_version(struct gn_cli *cli)
{
    const char *quic = ngtcp2_version(0)->version_str;
    const char *lmdb = mdb_version(NULL, NULL, NULL);
    if (cli->json) {
        json_t *v = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "version", GN_VERSION, "build", GN_BUILD, "compiler",
                              __VERSION__, "ngtcp2", quic, "gnutls", gnutls_check_version(NULL), "libsodium",
                              sodium_version_string(), "libuv", uv_version_string(), "lmdb", lmdb);
        gn_cli_print_json(v);
        json_decref(v);
        return GN_EXIT_DONE;
    }
    (void)printf("ghostnet %s (%s build, %s)\nngtcp2 %s, GnuTLS %s, libsodium %s, libuv %s, %s\n", GN_VERSION, GN_BUILD,
                 __VERSION__, quic, gnutls_check_version(NULL), sodium_version_string(), uv_version_string(), lmdb);
    return GN_EXIT_DONE;
}

int gn_cmd_help(struct gn_cli *cli)
{
    int words = 0;
    const struct gn_cli_command *c = cli->args_len ? gn_cli_find(cli->args_len, cli->args, &words) : NULL;
    if (gn_cli_value(cli, "completion")) {
        gn_cli_help_completion();
        return GN_EXIT_DONE;
    }
    if (cli->args_len && !c)
        return gn_cli_fail(GN_EXIT_USAGE, "no command '%s': see 'ghostnet help'", cli->args[0]);
    if (gn_cli_value(cli, "man"))
        gn_cli_help_man(c);
    else if (c)
        gn_cli_help_command(c);
    else
        gn_cli_help_all();
    return GN_EXIT_DONE;
}
