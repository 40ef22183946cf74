/* node/cli/man.c - man pages (roff) from the table of commands. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "node/cli/cli.h"

static void put_char(FILE *out, char c)
{
    if (c == '\\')
        (void)fputs("\\e", out);
    else if (c == '-')
        (void)fputs("\\-", out);
    else if (c == '\'')
        (void)fputs("\\(aq", out); /* groff would make it a typographic one, which no shell reads */
    else
        (void)fputc(c, out);
}

static void put_text(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++)
        put_char(out, *p);
}

/* Paragraphs: an empty line parts them, a line that begins with blanks is shown as it is. */
static void put_paragraphs(FILE *out, const char *text)
{
    bool shown = false;
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        bool indented = line[0] == ' ';
        if (indented != shown)
            (void)fputs(indented ? ".PP\n.nf\n" : ".fi\n.PP\n", out);
        else if (len == 0)
            (void)fputs(".PP\n", out);
        shown = indented;
        if (line[0] == '.')
            (void)fputs("\\&", out); /* a dot at the beginning is a request */
        for (size_t i = 0; i < len; i++)
            put_char(out, line[i]);
        if (len > 0)
            (void)fputc('\n', out);
        line += len + (line[len] == '\n');
    }
    if (shown)
        (void)fputs(".fi\n", out);
}

static void put_options(FILE *out, const struct gn_cli_option *o)
{
    for (; o && o->name; o++) {
        (void)fputs(".TP\n.B ", out);
        if (o->letter)
            (void)fprintf(out, "\\-%c, ", o->letter);
        (void)fputs("\\-\\-", out);
        put_text(out, o->name);
        if (o->metavar)
            (void)fprintf(out, " \\fI%s\\fP", o->metavar);
        (void)fputc('\n', out);
        put_paragraphs(out, o->help);
    }
}

/* "ghostnet kv put" is the page GHOSTNET-KV-PUT. */
static void put_title(FILE *out, const char *name, const char *summary)
{
    (void)fputs(".TH \"", out);
    for (const char *p = name; *p; p++)
        (void)fputc(*p == ' ' ? '-' : toupper((unsigned char)*p), out);
    (void)fprintf(out, "\" \"1\" \"\" \"ghostnet %s\" \"User Commands\"\n.SH NAME\n", GN_VERSION);
    for (const char *p = name; *p; p++)
        put_char(out, *p == ' ' ? '-' : *p);
    (void)fputs(" \\- ", out);
    put_text(out, summary);
    (void)fputc('\n', out);
}

static void put_command_page(FILE *out, const struct gn_cli_command *c)
{
    char name[64];
    (void)snprintf(name, sizeof name, "ghostnet %s", c->name);
    put_title(out, name, c->summary);
    (void)fprintf(out, ".SH SYNOPSIS\n.B ghostnet %s\n[\\fIOPTIONS\\fP]%s", c->name, *c->args ? " " : "");
    put_text(out, c->args);
    (void)fputs("\n.SH DESCRIPTION\n", out);
    put_paragraphs(out, c->help);
    (void)fputs(".SH OPTIONS\n", out);
    put_options(out, c->options);
    put_options(out, gn_cli_globals);
}

static void put_first_page(FILE *out, const struct gn_cli_command *commands)
{
    put_title(out, "ghostnet", "a peer-to-peer node: find, store, share");
    (void)fputs(".SH SYNOPSIS\n.B ghostnet\n\\fICOMMAND\\fP [\\fIOPTIONS\\fP] [\\fIARGUMENTS\\fP]\n.SH DESCRIPTION\n",
                out);
    put_paragraphs(out,
                   "Nodes find each other by public key, keep small values for one another, and share files of any\n"
                   "size, without a server. 'ghostnet run' is a node; the other commands talk to the one that runs\n"
                   "on the same data folder. Data goes to stdout, messages and errors to stderr.");
    (void)fputs(".SH COMMANDS\n", out);
    for (const struct gn_cli_command *c = commands; c->name; c++) {
        (void)fprintf(out, ".TP\n.B %s ", c->name);
        put_text(out, c->args);
        (void)fputc('\n', out);
        put_paragraphs(out, c->summary);
    }
    (void)fputs(".SH OPTIONS\n", out);
    put_options(out, gn_cli_globals);
    (void)fputs(".SH FILES\n.TP\n.I ~/.local/share/ghostnet\nThe data folder: identity.key and api.token (secret), "
                "config.ini, api.sock, store, blobs.\n",
                out);
}

void gn_cli_help_man(FILE *out, const struct gn_cli_command *commands, const struct gn_cli_command *command)
{
    if (command)
        put_command_page(out, command);
    else
        put_first_page(out, commands);
    (void)fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 not found, 4 no node is running, 5 timed out,\n"
                "6 refused, 130 interrupted.\n",
                out);
    if (command)
        (void)fputs(".SH SEE ALSO\n.BR ghostnet (1)\n", out);
}
