/* node/cli/cli.h - the command line: one table of commands, their options and help; exit codes; how errors are told.
 *
 * Life: gn_cli_main is the program. Threads: the main one. Purity: none.
 *
 * Help, man pages and completion are printed from the same table (help.c), so that they cannot differ from what is
 * parsed.
 */
#ifndef GN_NODE_CLI_CLI_H
#define GN_NODE_CLI_CLI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/time.h"

enum gn_cli_exit {
    GN_EXIT_DONE = 0,
    GN_EXIT_FAILED = 1,
    GN_EXIT_USAGE = 2,
    GN_EXIT_NOT_FOUND = 3,
    GN_EXIT_NO_NODE = 4,
    GN_EXIT_TIMEOUT = 5,
    GN_EXIT_REFUSED = 6,
    GN_EXIT_INTERRUPTED = 130, /* Ctrl-C, as shells count it */
};

struct gn_cli_option {
    const char *name;    /* "ttl" for --ttl */
    char letter;         /* 'o' for -o; 0: none */
    const char *metavar; /* NULL: a switch */
    const char *help;    /* a phrase */
};

#define GN_CLI_GIVEN_MAX 128U

struct gn_rpc_client;

struct gn_cli {
    const struct gn_cli_command *commands; /* all there are */
    const struct gn_cli_command *command;
    /* global options */
    char data_dir[PATH_MAX];
    bool json, quiet, verbose;
    gn_time_us timeout_us; /* 0: the command's default */
    /* the command's own options, in order, and what is left */
    struct {
        const struct gn_cli_option *option;
        const char *value; /* NULL for a switch */
    } given[GN_CLI_GIVEN_MAX];
    size_t given_len;
    char **args;
    int args_len;
    struct gn_rpc_client *client; /* opened by gn_cli_ask */
};

struct gn_cli_command {
    const char *name; /* "kv put" has two words */
    const char *args; /* "KEY VALUE|-" */
    const char *summary;
    const char *help;                    /* paragraphs, lines up to 100 characters */
    const struct gn_cli_option *options; /* ended by a name of NULL; NULL: none */
    int args_min, args_max;              /* args_max -1: any number */
    int (*run)(struct gn_cli *cli);
};

/* Those of a node, ended by a name of NULL; in the order of the help. */
extern const struct gn_cli_command gn_cli_commands[];
extern const struct gn_cli_option gn_cli_globals[]; /* ended by a name of NULL */

/* Fills out (cap rows) with the node's commands, those of `more`, and the end. Both tables must fit. */
void gn_cli_join(struct gn_cli_command *out, size_t cap, const struct gn_cli_command *more);
/* The program, with these commands. */
int gn_cli_main(int argc, char **argv, const struct gn_cli_command *commands);

/* The value of an option (the last one given), or NULL. A switch gives "". */
const char *gn_cli_value(const struct gn_cli *cli, const char *name);
/* One line on stderr: "ghostnet: what: what to do". Returns `code`. */
__attribute__((format(printf, 2, 3))) int gn_cli_fail(int code, const char *format, ...);
/* A message for people, on stderr; nothing with -q. */
__attribute__((format(printf, 2, 3))) void gn_cli_say(const struct gn_cli *cli, const char *format, ...);
/* The one mapping from errors to exit codes. */
int gn_cli_exit_of(enum gn_err err);
/* Flushes stdout: an answer that could not be written is a failure. */
int gn_cli_flush(int code);
/* May stdout (fd 1) or stderr (fd 2) have colours? */
bool gn_cli_colours(int fd);

/* find.c: by one or two words; *words is how many matched. NULL: no such command. */
const struct gn_cli_command *gn_cli_find(const struct gn_cli_command *commands, int argc, char **argv, int *words);
/* Does `command` begin with this word and have a second one ("kv" of "kv put")? */
bool gn_cli_in_group(const struct gn_cli_command *command, const char *word);
/* The first command of such a group, or NULL: no command has two words of which this is the first. */
const struct gn_cli_command *gn_cli_group(const struct gn_cli_command *commands, const char *word);
/* The most similar command, or option of a command (NULL: a global one); NULL when none is close. */
const char *gn_cli_similar(const struct gn_cli_command *commands, const char *word);
const char *gn_cli_similar_option(const struct gn_cli_command *command, const char *name);

/* help.c, for people */
void gn_cli_help_all(FILE *out, const struct gn_cli_command *commands);
void gn_cli_help_group(FILE *out, const struct gn_cli_command *commands, const char *word);
void gn_cli_help_command(FILE *out, const struct gn_cli_command *command);
/* man.c: roff of ghostnet.1 (NULL) or of one command's page. */
void gn_cli_help_man(FILE *out, const struct gn_cli_command *commands, const struct gn_cli_command *command);
/* completion.c: a bash script. */
void gn_cli_help_completion(FILE *out, const struct gn_cli_command *commands);

#endif
