/* node/cli/help.c - help for people from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "node/cli/cli.h"

static void print_command(FILE *out, const struct gn_cli_command *c)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s %s", c->name, c->args);
    (void)fprintf(out, "  %-30s  %s\n", text, c->summary);
}

static void print_options(FILE *out, const char *title, const struct gn_cli_option *o)
{
    if (o && o->name)
        (void)fprintf(out, "\n%s:\n", title);
    for (; o && o->name; o++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s%c%s--%s%s%s", o->letter ? "-" : "", o->letter ? o->letter : ' ',
                       o->letter ? ", " : "   ", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
        (void)fprintf(out, "  %-30s  %s\n", text, o->help);
    }
}

void gn_cli_help_all(FILE *out, const struct gn_cli_command *commands)
{
    (void)fprintf(out,
                  "ghostnet %s - a peer-to-peer node: find, store, share\n\n"
                  "usage: ghostnet COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:\n",
                  GN_VERSION);
    for (const struct gn_cli_command *c = commands; c->name; c++)
        print_command(out, c);
    print_options(out, "options of every command", gn_cli_globals);
    (void)fprintf(out, "\nan argument that begins with a dash goes after '--': ghostnet put -- -1\n"
                       "exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 no node is running, 5 timed out, "
                       "6 refused\n"
                       "first steps: 'ghostnet demo', then 'ghostnet run' and 'ghostnet help run'\n");
}

void gn_cli_help_group(FILE *out, const struct gn_cli_command *commands, const char *word)
{
    (void)fprintf(out, "usage: ghostnet %s COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:\n", word);
    for (const struct gn_cli_command *c = commands; c->name; c++)
        if (gn_cli_in_group(c, word))
            print_command(out, c);
    (void)fprintf(out, "\n'ghostnet help %s COMMAND' says more\n", word);
}

void gn_cli_help_command(FILE *out, const struct gn_cli_command *c)
{
    (void)fprintf(out, "usage: ghostnet %s [OPTIONS]%s%s\n\n%s\n", c->name, *c->args ? " " : "", c->args, c->help);
    print_options(out, "options", c->options);
    print_options(out, "options of every command", gn_cli_globals);
}
