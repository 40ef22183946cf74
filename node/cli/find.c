/* node/cli/find.c - from words to a row of the table of commands, and the nearest one for words that are mistyped. */
#include <string.h>

#include "base/check.h"
#include "node/cli/cli.h"

#define WORD_MAX 60U
#define FAR 3U /* so many changes away is another word */

const struct gn_cli_command *gn_cli_find(const struct gn_cli_command *commands, int argc, char **argv, int *words)
{
    *words = 0;
    for (const struct gn_cli_command *c = commands; c->name; c++) {
        bool two = argc >= 2 && gn_cli_in_group(c, argv[0]) && strcmp(strchr(c->name, ' ') + 1, argv[1]) == 0;
        if (!two && (argc < 1 || strcmp(c->name, argv[0]) != 0))
            continue;
        *words = two ? 2 : 1;
        return c;
    }
    return NULL;
}

bool gn_cli_in_group(const struct gn_cli_command *command, const char *word)
{
    size_t len = strlen(word);
    return len > 0 && strncmp(command->name, word, len) == 0 && command->name[len] == ' ';
}

const struct gn_cli_command *gn_cli_group(const struct gn_cli_command *commands, const char *word)
{
    for (const struct gn_cli_command *c = commands; c->name; c++)
        if (gn_cli_in_group(c, word))
            return c;
    return NULL;
}

/* How many letters must be changed, added, left out or swapped with their neighbour; FAR for long words. */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][WORD_MAX + 1] = {0}; /* of a's last but one, last and present letter */
    size_t a_len = strlen(a), b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return FAR;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[a_len % 3][b_len];
}

/* Keeps `name` if it is nearer to `word` than all before. The beginning of a name is as near as one wrong letter. */
static void consider(const char **best, unsigned *least, const char *word, const char *name)
{
    size_t len = strlen(word);
    unsigned d = distance(word, name);
    if (len > 1 && strncmp(word, name, len) == 0 && d > 1)
        d = 1;
    if (d >= *least || d >= len) /* nothing in common is not similar */
        return;
    *least = d;
    *best = name;
}

const char *gn_cli_similar(const struct gn_cli_command *commands, const char *word)
{
    const char *best = NULL;
    unsigned least = FAR;
    for (const struct gn_cli_command *c = commands; c->name; c++)
        consider(&best, &least, word, c->name);
    return best;
}

const char *gn_cli_similar_option(const struct gn_cli_command *command, const char *name)
{
    char word[WORD_MAX + 2];
    const char *best = NULL;
    unsigned least = FAR;
    size_t len = strcspn(name, "="); /* --naem=value */
    if (len > WORD_MAX)
        return NULL;
    memcpy(word, name, len);
    word[len] = '\0';
    for (const struct gn_cli_option *o = command ? command->options : NULL; o && o->name; o++)
        consider(&best, &least, word, o->name);
    for (const struct gn_cli_option *o = gn_cli_globals; o->name; o++)
        consider(&best, &least, word, o->name);
    return best;
}
