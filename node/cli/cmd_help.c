/* node/cli/cmd_help.c - help, version, demo. */
#include <gnutls/gnutls.h>
#include <lmdb.h>
#include <ngtcp2/ngtcp2.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/units.h"
#include "node/cli/cmd.h"
#include "node/demo.h"

int gn_cmd_demo(struct gn_cli *cli)
{
    struct gn_demo_options options = {.keep = gn_cli_value(cli, "keep") != NULL,
                                      .colours = gn_cli_colours(STDOUT_FILENO)};
    const char *nodes = gn_cli_value(cli, "nodes"), *size = gn_cli_value(cli, "size");
    if (nodes) {
        bool number = strlen(nodes) <= 4 && strspn(nodes, "0123456789") == strlen(nodes);
        options.nodes = number ? (unsigned)strtoul(nodes, NULL, 10) : 0;
        if (options.nodes == 0)
            return gn_cli_fail(GN_EXIT_USAGE, "--nodes '%.40s' is not a number: use 8 to 64", nodes);
    }
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

/* One line per command, for programs: its name, arguments, summary and options. */
static void print_table(const struct gn_cli_command *commands)
{
    for (const struct gn_cli_command *c = commands; c->name; c++) {
        json_t *options = json_array();
        for (const struct gn_cli_option *o = c->options; o && o->name; o++)
            (void)json_array_append_new(
                options, json_pack("{s:s,s:s?,s:s}", "name", o->name, "value", o->metavar, "help", o->help));
        json_t *line = json_pack("{s:s,s:s,s:s,s:o}", "name", c->name, "arguments", c->args, "summary", c->summary,
                                 "options", options);
        gn_cli_print_json(line);
        json_decref(line);
    }
}

static void print_names(const struct gn_cli_command *commands)
{
    for (const struct gn_cli_command *c = commands; c->name; c++)
        (void)printf("%s\n", c->name);
}

int gn_cmd_help(struct gn_cli *cli)
{
    int words = 0;
    const struct gn_cli_command *c = gn_cli_find(cli->commands, cli->args_len, cli->args, &words);
    bool group = cli->args_len == 1 && gn_cli_group(cli->commands, cli->args[0]);
    if (cli->args_len && !group && (!c || words != cli->args_len))
        return gn_cli_fail(GN_EXIT_USAGE, "no command '%.60s%s%.60s': see 'ghostnet help'", cli->args[0],
                           cli->args_len > 1 ? " " : "", cli->args_len > 1 ? cli->args[1] : "");
    if (gn_cli_value(cli, "completion"))
        gn_cli_help_completion(stdout, cli->commands);
    else if (gn_cli_value(cli, "man"))
        gn_cli_help_man(stdout, cli->commands, c);
    else if (gn_cli_value(cli, "names"))
        print_names(cli->commands);
    else if (cli->json)
        print_table(cli->commands);
    else if (c)
        gn_cli_help_command(stdout, c);
    else if (group)
        gn_cli_help_group(stdout, cli->commands, cli->args[0]);
    else
        gn_cli_help_all(stdout, cli->commands);
    return GN_EXIT_DONE;
}
