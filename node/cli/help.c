/* node/cli/help.c - help for people, man pages and completion from the table of commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/cli.h"

const struct gn_cli_command *gn_cli_find(int argc, char **argv, int *words)
{
    const struct gn_cli_command *found = NULL;
    *words = 0;
    for (const struct gn_cli_command *c = gn_cli_commands; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        size_t first = space ? (size_t)(space - c->name) : strlen(c->name);
        if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], c->name, first) != 0)
            continue;
        if (!space || (argc >= 2 && strcmp(argv[1], space + 1) == 0)) {
            found = c;
            *words = space ? 2 : 1;
        }
    }
    return found;
}

/* Edit distance up to 255, over short words. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64];
    size_t n = strlen(b);
    if (n + 1 > sizeof row / sizeof *row || strlen(a) > 60)
        return 255;
    for (size_t j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[n];
}

const char *gn_cli_similar(const char *word)
{
    const char *best = NULL;
    unsigned least = 3; /* further away is another word */
    for (const struct gn_cli_command *c = gn_cli_commands; c->name; c++) {
        size_t len = strlen(word);
        unsigned d = distance(word, c->name);
        if (len > 1 && strncmp(word, c->name, len) == 0 && d > 1)
            d = 1;
        if (d < least) {
            least = d;
            best = c->name;
        }
    }
    return best;
}

static void print_option(const struct gn_cli_option *o)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%s%c%s--%s%s%s", o->letter ? "-" : "", o->letter ? o->letter : ' ',
                     o->letter ? ", " : "   ", o->name, o->metavar ? " " : "", o->metavar ? o->metavar : "");
    (void)printf("  %-*s  %s\n", n > 30 ? n : 30, text, o->help);
}

void gn_cli_help_all(void)
{
    (void)printf("ghostnet %s - a peer-to-peer node: find, store, share\n\n"
                 "usage: ghostnet COMMAND [OPTIONS] [ARGUMENTS]\n\ncommands:\n",
                 GN_VERSION);
    for (const struct gn_cli_command *c = gn_cli_commands; c->name; c++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s %s", c->name, c->args);
        (void)printf("  %-30s  %s\n", text, c->summary);
    }
    (void)printf("\noptions of every command:\n");
    for (const struct gn_cli_option *o = gn_cli_globals; o->name; o++)
        print_option(o);
    (void)printf("\nexit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 no node is running, 5 timed out, 6 refused\n"
                 "first steps: 'ghostnet demo', then 'ghostnet run' and 'ghostnet help run'\n");
}

void gn_cli_help_command(const struct gn_cli_command *c)
{
    (void)printf("usage: ghostnet %s [OPTIONS]%s%s\n\n%s\n", c->name, *c->args ? " " : "", c->args, c->help);
    if (c->options && c->options->name) {
        (void)printf("\noptions:\n");
        for (const struct gn_cli_option *o = c->options; o->name; o++)
            print_option(o);
    }
    (void)printf("\noptions of every command:\n");
    for (const struct gn_cli_option *o = gn_cli_globals; o->name; o++)
        print_option(o);
}

/* ---- Man pages ------------------------------------------------------------------------------------------------- */

/* Roff reads backslashes, and dots and quotes at the start of a line. */
static void roff(const char *text)
{
    for (const char *p = text; *p; p++) {
        if ((p == text || p[-1] == '\n') && (*p == '.' || *p == '\''))
            (void)fputs("\\&", stdout);
        if (*p == '\\')
            (void)fputs("\\e", stdout);
        else if (*p == '-')
            (void)fputs("\\-", stdout);
        else if (*p == '\n' && p[1] == '\n') {
            (void)fputs("\n.PP\n", stdout);
            p++;
        } else
            (void)fputc(*p, stdout);
    }
    (void)fputc('\n', stdout);
}

static void roff_options(const struct gn_cli_option *o)
{
    for (; o && o->name; o++) {
        (void)printf(".TP\n.B ");
        if (o->letter)
            (void)printf("\\-%c, ", o->letter);
        (void)fputs("\\-\\-", stdout);
        for (const char *p = o->name; *p; p++)
            (void)fputs(*p == '-' ? "\\-" : (char[]){*p, '\0'}, stdout);
        (void)printf("%s%s\n", o->metavar ? " " : "", o->metavar ? o->metavar : "");
        roff(o->help);
    }
}

static void roff_title(const char *name, const char *summary)
{
    (void)printf(".TH \"");
    for (const char *p = name; *p; p++)
        (void)fputc(*p == ' ' ? '-' : *p >= 'a' && *p <= 'z' ? *p - 32 : *p, stdout);
    (void)printf("\" 1 \"\" \"ghostnet %s\" \"User Commands\"\n.SH NAME\n", GN_VERSION);
    for (const char *p = name; *p; p++)
        (void)fputs(*p == ' ' || *p == '-' ? "\\-" : (char[]){*p, '\0'}, stdout);
    (void)printf(" \\- %s\n", summary);
}

void gn_cli_help_man(const struct gn_cli_command *c)
{
    char name[64];
    if (c) {
        (void)snprintf(name, sizeof name, "ghostnet %s", c->name);
        roff_title(name, c->summary);
        (void)printf(".SH SYNOPSIS\n.B ghostnet %s\n[OPTIONS] ", c->name);
        roff(c->args);
        (void)printf(".SH DESCRIPTION\n");
        roff(c->help);
        (void)printf(".SH OPTIONS\n");
        roff_options(c->options);
        roff_options(gn_cli_globals);
    } else {
        roff_title("ghostnet", "a peer-to-peer node: find, store, share");
        (void)printf(".SH SYNOPSIS\n.B ghostnet\nCOMMAND [OPTIONS] [ARGUMENTS]\n.SH COMMANDS\n");
        for (c = gn_cli_commands; c->name; c++) {
            (void)printf(".TP\n.B %s\n", c->name);
            roff(c->summary);
        }
        (void)printf(".SH OPTIONS\n");
        roff_options(gn_cli_globals);
    }
    (void)printf(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 not found, 4 no node is running, 5 timed out, "
                 "6 refused.\n");
}

/* ---- Completion ------------------------------------------------------------------------------------------------ */

void gn_cli_help_completion(void)
{
    (void)printf("# bash completion for ghostnet; made by 'ghostnet help --completion'\n"
                 "_ghostnet() {\n"
                 "    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} second=${COMP_WORDS[2]}\n"
                 "    case \"$command $second\" in\n");
    for (const struct gn_cli_command *c = gn_cli_commands; c->name; c++) {
        (void)printf("    '%s%s'*) COMPREPLY=($(compgen -W '", c->name, " ");
        for (const struct gn_cli_option *o = c->options; o && o->name; o++)
            (void)printf("--%s ", o->name);
        for (const struct gn_cli_option *o = gn_cli_globals; o->name; o++)
            (void)printf("--%s ", o->name);
        (void)printf("' -- \"$word\")) ;;\n");
    }
    (void)printf("    esac\n"
                 "    if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W '");
    for (const struct gn_cli_command *c = gn_cli_commands; c->name; c++)
        if (!strchr(c->name, ' '))
            (void)printf("%s ", c->name);
    (void)printf("kv config' -- \"$word\")); fi\n"
                 "    case \"$command\" in\n"
                 "    kv) [ \"$COMP_CWORD\" = 2 ] && COMPREPLY=($(compgen -W 'put get del list' -- \"$word\")) ;;\n"
                 "    config) [ \"$COMP_CWORD\" = 2 ] && COMPREPLY=($(compgen -W 'check show' -- \"$word\")) ;;\n"
                 "    esac\n}\ncomplete -o default -F _ghostnet ghostnet\n");
}
