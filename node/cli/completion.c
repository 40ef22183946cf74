/* node/cli/completion.c - completion for bash from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "node/cli/cli.h"
#include "node/config.h"

/* First words, each once: "kv" stands for its whole group. */
static void put_first_words(FILE *out, const struct gn_cli_command *commands)
{
    for (const struct gn_cli_command *c = commands; c->name; c++) {
        int len = (int)strcspn(c->name, " ");
        bool repeated = c > commands && c->name[len] == ' ' && strncmp(c[-1].name, c->name, (size_t)len + 1) == 0;
        if (!repeated)
            (void)fprintf(out, " %.*s", len, c->name);
    }
}

static void put_second_words(FILE *out, const struct gn_cli_command *commands)
{
    const char *group = "";
    for (const struct gn_cli_command *c = commands; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        if (!space)
            continue;
        size_t len = (size_t)(space - c->name);
        if (strncmp(group, c->name, len + 1) != 0) {
            (void)fprintf(out, "%s    %.*s) seconds='", *group ? "' ;;\n" : "", (int)len, c->name);
            group = c->name;
        }
        (void)fprintf(out, "%s%s", group == c->name ? "" : " ", space + 1);
    }
    (void)fputs(*group ? "' ;;\n" : "", out);
}

static void put_options(FILE *out, const struct gn_cli_option *o)
{
    for (; o && o->name; o++) {
        if (o->letter)
            (void)fprintf(out, " -%c", o->letter);
        (void)fprintf(out, " --%s", o->name);
    }
}

/* The settings of `run` that are one of a few words. */
static void put_choices(FILE *out)
{
    for (size_t k = 0; k < GN_CONF_KEYS; k++) {
        const struct gn_config_row *row = gn_config_row((enum gn_config_key)k);
        if (row->type != GN_CONF_CHOICE || !row->flag)
            continue;
        (void)fprintf(out, "    --%s) mapfile -t COMPREPLY < <(compgen -W '", row->flag);
        for (const char *p = row->choices; *p; p++)
            (void)fputc(*p == '|' ? ' ' : *p, out);
        (void)fputs("' -- \"$word\"); return ;;\n", out);
    }
}

void gn_cli_help_completion(FILE *out, const struct gn_cli_command *commands)
{
    (void)fputs("# bash completion for ghostnet; made by 'ghostnet help --completion'\n"
                "_ghostnet() {\n"
                "    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]}\n"
                "    local first=${COMP_WORDS[1]-} second=${COMP_WORDS[2]-} seconds='' options=''\n"
                "    COMPREPLY=()\n"
                "    case $first in\n",
                out);
    put_second_words(out, commands);
    (void)fputs("    esac\n"
                "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
                "        mapfile -t COMPREPLY < <(compgen -W '",
                out);
    put_first_words(out, commands);
    (void)fputs("' -- \"$word\")\n"
                "        return\n"
                "    elif [ \"$COMP_CWORD\" = 2 ] && [ -n \"$seconds\" ]; then\n"
                "        mapfile -t COMPREPLY < <(compgen -W \"$seconds\" -- \"$word\")\n"
                "        return\n"
                "    fi\n"
                "    [ -n \"$seconds\" ] && first=\"$first $second\"\n"
                "    case $first in\n",
                out);
    for (const struct gn_cli_command *c = commands; c->name; c++) {
        (void)fprintf(out, "    '%s') options='", c->name);
        put_options(out, c->options);
        (void)fputs("' ;;\n", out);
    }
    (void)fputs("    *) return ;;\n"
                "    esac\n"
                "    case $last in\n",
                out);
    put_choices(out);
    (void)fputs("    --want) mapfile -t COMPREPLY < <(compgen -W 'nodes value providers' -- \"$word\"); return ;;\n"
                "    --data-dir) mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return ;;\n"
                "    esac\n"
                "    case $word in\n"
                "    -*) mapfile -t COMPREPLY < <(compgen -W \"$options",
                out);
    put_options(out, gn_cli_globals);
    (void)fputs("\" -- \"$word\") ;;\n"
                "    *) [ \"$first\" = help ] && mapfile -t COMPREPLY < <(compgen -W '",
                out);
    put_first_words(out, commands);
    (void)fputs("' -- \"$word\") ;;\n"
                "    esac\n"
                "    return 0 # nothing offered: bash completes file names\n"
                "}\n"
                "complete -o default -F _ghostnet ghostnet\n",
                out);
}
