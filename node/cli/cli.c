/* node/cli/cli.c - from argv to a command: global options, the command's options, its arguments. */
#include "node/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/units.h"
#include "node/os_datadir.h"
#include "rpc/client.h"

#define OPTIONS_MAX 64U
#define FIRST_CODE 1000 /* getopt's values for our options, above every letter */

const struct gn_cli_option gn_cli_globals[] = {
    {"data-dir", 0, "DIR", "folder of the node (default: $XDG_DATA_HOME/ghostnet or ~/.local/share/ghostnet)"},
    {"json", 0, NULL, "machine-readable output: one document, or one line per item"},
    {"timeout", 0, "T", "give up after this time: 500ms, 30s, 10m, 2h"},
    {"quiet", 'q', NULL, "no messages, only data and errors; with run: log errors alone"},
    {"verbose", 'v', NULL, "more messages; with run: log everything"},
    {"help", 'h', NULL, "this help"},
    {0},
};

int gn_cli_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("ghostnet: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return code;
}

void gn_cli_say(const struct gn_cli *cli, const char *format, ...)
{
    va_list args;
    if (cli->quiet)
        return;
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

int gn_cli_exit_of(enum gn_err err)
{
    static const struct {
        enum gn_err err;
        int code;
    } exits[] = {
        {GN_OK, GN_EXIT_DONE},           {GN_E_NOT_FOUND, GN_EXIT_NOT_FOUND}, {GN_E_TIMEOUT, GN_EXIT_TIMEOUT},
        {GN_E_REFUSED, GN_EXIT_REFUSED}, {GN_E_QUOTA, GN_EXIT_REFUSED},       {GN_E_PERMISSION, GN_EXIT_REFUSED},
        {GN_E_AUTH, GN_EXIT_REFUSED},    {GN_E_CONFLICT, GN_EXIT_REFUSED},    {GN_E_LIMIT, GN_EXIT_REFUSED},
    };
    for (size_t i = 0; i < GN_ARRAY_LEN(exits); i++)
        if (exits[i].err == err)
            return exits[i].code;
    return GN_EXIT_FAILED;
}

int gn_cli_flush(int code)
{
    errno = 0;
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (!failed || errno == EPIPE) /* with EPIPE the reader has seen enough */
        return code;
    if (code != GN_EXIT_DONE)
        return code; /* one line of errors was told already */
    return gn_cli_fail(GN_EXIT_FAILED, "cannot write the answer: %s", errno ? strerror(errno) : "output error");
}

bool gn_cli_colours(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

const char *gn_cli_value(const struct gn_cli *cli, const char *name)
{
    for (size_t i = cli->given_len; i > 0; i--)
        if (strcmp(cli->given[i - 1].option->name, name) == 0)
            return cli->given[i - 1].value ? cli->given[i - 1].value : "";
    return NULL;
}

/* ---- Options --------------------------------------------------------------------------------------------------- */

/* The tables of a command as getopt wants them. */
struct parser {
    const struct gn_cli_option *options[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 3];
    size_t len;
};

static void parser_add(struct parser *p, const struct gn_cli_option *options)
{
    for (; options && options->name; options++) {
        GN_CHECK(p->len < OPTIONS_MAX);
        p->options[p->len] = options;
        p->longs[p->len] = (struct option){.name = options->name,
                                           .has_arg = options->metavar ? required_argument : no_argument,
                                           .val = FIRST_CODE + (int)p->len};
        if (options->letter) {
            size_t n = strlen(p->shorts);
            p->shorts[n] = options->letter;
            p->shorts[n + 1] = options->metavar ? ':' : '\0';
        }
        p->len++;
    }
}

static const struct gn_cli_option *parser_find(const struct parser *p, int code)
{
    if (code >= FIRST_CODE)
        return p->options[code - FIRST_CODE];
    for (size_t i = 0; i < p->len; i++)
        if (p->options[i]->letter == code)
            return p->options[i];
    return NULL;
}

static bool is_global(const struct gn_cli_option *option)
{
    return option >= gn_cli_globals && option < gn_cli_globals + GN_ARRAY_LEN(gn_cli_globals);
}

static int take_global(struct gn_cli *cli, const struct gn_cli_option *option, const char *value)
{
    if (strcmp(option->name, "json") == 0)
        cli->json = true;
    else if (strcmp(option->name, "quiet") == 0)
        cli->quiet = true;
    else if (strcmp(option->name, "verbose") == 0)
        cli->verbose = true;
    else if (strcmp(option->name, "timeout") == 0) {
        if (gn_units_parse_duration(&cli->timeout_us, value, strlen(value)) || cli->timeout_us == 0)
            return gn_cli_fail(GN_EXIT_USAGE, "--timeout '%s' is not a duration: use 500ms, 30s, 10m or 2h", value);
    } else if (strcmp(option->name, "data-dir") == 0) {
        if (!*value || strlen(value) >= sizeof cli->data_dir)
            return gn_cli_fail(GN_EXIT_USAGE, "--data-dir: give a folder");
        (void)snprintf(cli->data_dir, sizeof cli->data_dir, "%s", value);
    }
    return 0;
}

/* getopt leaves a letter in optopt, or one of our codes, or 0 for a long option that it does not know. */
static int refuse_option(const struct gn_cli *cli, const struct parser *p, int code, char **argv)
{
    const char *hint = cli->command ? cli->command->name : "";
    const char *gap = *hint ? " " : "";
    const struct gn_cli_option *option = optopt ? parser_find(p, optopt) : NULL;
    if (option && code == ':')
        return gn_cli_fail(GN_EXIT_USAGE, "--%s wants a value (%s): see 'ghostnet help%s%s'", option->name,
                           option->metavar, gap, hint);
    if (option)
        return gn_cli_fail(GN_EXIT_USAGE, "--%s takes no value: see 'ghostnet help%s%s'", option->name, gap, hint);
    if (optopt)
        return gn_cli_fail(GN_EXIT_USAGE, "unknown option '-%c': see 'ghostnet help%s%s'", optopt, gap, hint);
    const char *given = argv[optind - 1];
    const char *similar = gn_cli_similar_option(cli->command, given + strspn(given, "-"));
    if (similar)
        return gn_cli_fail(GN_EXIT_USAGE, "unknown option '%.80s': did you mean '--%s'?", given, similar);
    return gn_cli_fail(GN_EXIT_USAGE, "unknown option '%.80s': see 'ghostnet help%s%s'", given, gap, hint);
}

/* Parses options up to the first argument (words_first) or everywhere. -1: go on; else the exit code. */
static int parse_options(struct gn_cli *cli, int argc, char **argv, bool *help)
{
    struct parser p = {0};
    p.shorts[0] = cli->command ? ':' : '+'; /* before the command: stop at it */
    p.shorts[1] = cli->command ? '\0' : ':';
    parser_add(&p, gn_cli_globals);
    parser_add(&p, cli->command ? cli->command->options : NULL);
    optind = 0; /* glibc: start anew, with the order of p.shorts */
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1;) {
        const struct gn_cli_option *option = parser_find(&p, code);
        if (!option)
            return refuse_option(cli, &p, code, argv);
        if (strcmp(option->name, "help") == 0) {
            *help = true;
        } else if (is_global(option)) {
            int refused = take_global(cli, option, optarg);
            if (refused)
                return refused;
        } else {
            GN_CHECK(cli->command); /* before the command only global options are known */
            if (cli->given_len == GN_CLI_GIVEN_MAX)
                return gn_cli_fail(GN_EXIT_USAGE, "too many options: see 'ghostnet help %s'", cli->command->name);
            cli->given[cli->given_len].option = option;
            cli->given[cli->given_len++].value = option->metavar ? optarg : NULL;
        }
    }
    return -1;
}

/* ---- Commands -------------------------------------------------------------------------------------------------- */

/* "kv" alone, "kv --help", "kv gte". */
static int no_command_in_group(const struct gn_cli_command *commands, int argc, char **argv)
{
    char both[64];
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        gn_cli_help_group(stdout, commands, argv[0]);
        return gn_cli_flush(GN_EXIT_DONE);
    }
    if (argc < 2 || argv[1][0] == '-')
        return gn_cli_fail(GN_EXIT_USAGE, "%s wants a second word: see 'ghostnet help %s'", argv[0], argv[0]);
    (void)snprintf(both, sizeof both, "%s %s", argv[0], argv[1]);
    const char *similar = gn_cli_similar(commands, both);
    if (similar)
        return gn_cli_fail(GN_EXIT_USAGE, "unknown command '%s': did you mean '%s'?", both, similar);
    return gn_cli_fail(GN_EXIT_USAGE, "unknown command '%s': see 'ghostnet help %s'", both, argv[0]);
}

static int no_command(const struct gn_cli_command *commands, int argc, char **argv)
{
    if (gn_cli_group(commands, argv[0]))
        return no_command_in_group(commands, argc, argv);
    const char *similar = gn_cli_similar(commands, argv[0]);
    if (similar)
        return gn_cli_fail(GN_EXIT_USAGE, "unknown command '%.60s': did you mean '%s'?", argv[0], similar);
    return gn_cli_fail(GN_EXIT_USAGE, "unknown command '%.60s': see 'ghostnet help'", argv[0]);
}

static int run_command(struct gn_cli *cli, int argc, char **argv)
{
    bool help = false;
    int code = parse_options(cli, argc, argv, &help);
    if (code >= 0)
        return code;
    if (help) {
        gn_cli_help_command(stdout, cli->command);
        return gn_cli_flush(GN_EXIT_DONE);
    }
    cli->args = argv + optind;
    cli->args_len = argc - optind;
    if (cli->args_len < cli->command->args_min)
        return gn_cli_fail(GN_EXIT_USAGE, "%s wants %s: see 'ghostnet help %s'", cli->command->name, cli->command->args,
                           cli->command->name);
    if (cli->command->args_max >= 0 && cli->args_len > cli->command->args_max)
        return gn_cli_fail(GN_EXIT_USAGE, "too many arguments, from '%s' on: see 'ghostnet help %s'",
                           cli->args[cli->command->args_max], cli->command->name);
    code = cli->command->run(cli);
    gn_rpc_client_free(cli->client);
    return gn_cli_flush(code);
}

/* A socket must never get the number of a standard stream that was closed: answers would go into it. What is opened in
 * its place fails like the closed one: a reader's end for writing, a writer's end for reading. */
static void hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* takes the lowest free number: fd */
}

void gn_cli_join(struct gn_cli_command *out, size_t cap, const struct gn_cli_command *more)
{
    size_t len = 0;
    for (const struct gn_cli_command *c = gn_cli_commands; c->name; c++) {
        GN_CHECK(len < cap);
        out[len++] = *c;
    }
    for (const struct gn_cli_command *c = more; c->name; c++) {
        GN_CHECK(len < cap);
        out[len++] = *c;
    }
    GN_CHECK(len < cap);
    out[len] = (struct gn_cli_command){0};
}

int gn_cli_main(int argc, char **argv, const struct gn_cli_command *commands)
{
    struct gn_cli cli = {.commands = commands};
    bool help = false;
    int words = 0;
    char version[] = "version";
    char *asked_version[] = {argv[0], version, NULL};
    hold_standard_streams();
    (void)signal(SIGPIPE, SIG_IGN); /* EPIPE says the same, and can be handled */
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        argv = asked_version;
    int code = parse_options(&cli, argc, argv, &help);
    if (code >= 0)
        return code;
    int at = optind;
    if (at >= argc || help) {
        gn_cli_help_all(help ? stdout : stderr, commands);
        return gn_cli_flush(help ? GN_EXIT_DONE : GN_EXIT_USAGE);
    }
    cli.command = gn_cli_find(commands, argc - at, argv + at, &words);
    if (!cli.command)
        return no_command(commands, argc - at, argv + at);
    if (!cli.data_dir[0] && gn_datadir_default(cli.data_dir))
        cli.data_dir[0] = '\0'; /* a command that needs it says so */
    /* getopt takes the word before the options for the program's name. */
    return run_command(&cli, argc - at - words + 1, argv + at + words - 1);
}
