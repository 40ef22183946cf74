/* tests/unit/node/test_cli.c - parsing, exit codes, suggestions, help, man pages, completion, the bar. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "base/utf8.h"
#include "node/cli/cli.h"
#include "node/cli/cmd.h"
#include "node/cli/progress.h"
#include "node/config.h"
#include "tests/support/gn_cmocka.h"

#define WORDS_MAX 12

struct said {
    int code;
    char out[65536], err[4096];
};

static void read_back(FILE *f, char *text, size_t cap)
{
    rewind(f);
    size_t n = fread(text, 1, cap - 1, f);
    text[n] = '\0';
    (void)fclose(f);
}

/* Runs the program on a line of words parted by blanks, in a place without any node. */
static void run(struct said *s, const char *line)
{
    char text[512], program[] = "ghostnet";
    char *argv[WORDS_MAX + 2] = {program};
    int argc = 1;
    (void)snprintf(text, sizeof text, "%s", line);
    for (char *save = NULL, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        assert_true(argc <= WORDS_MAX);
        argv[argc++] = word;
    }
    assert_int_equal(setenv("XDG_DATA_HOME", "/nonexistent", 1), 0);
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(out && err);
    (void)fflush(stdout);
    int kept_out = dup(STDOUT_FILENO), kept_err = dup(STDERR_FILENO);
    assert_true(dup2(fileno(out), STDOUT_FILENO) >= 0 && dup2(fileno(err), STDERR_FILENO) >= 0);
    s->code = gn_cli_main(argc, argv, gn_cli_commands);
    (void)fflush(stdout);
    assert_true(dup2(kept_out, STDOUT_FILENO) >= 0 && dup2(kept_err, STDERR_FILENO) >= 0);
    (void)close(kept_out);
    (void)close(kept_err);
    read_back(out, s->out, sizeof s->out);
    read_back(err, s->err, sizeof s->err);
}

static size_t lines_of(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void a_line_ends_with_the_code_and_the_hint(void **state)
{
    static const struct {
        const char *line;
        int code;
        const char *hint; /* on stderr; NULL: nothing there */
    } cases[] = {
        {"help", 0, NULL},
        {"--help", 0, NULL},
        {"-h", 0, NULL},
        {"version", 0, NULL},
        {"--version", 0, NULL},
        {"status --help", 0, NULL},
        {"kv --help", 0, NULL},
        {"kv put -h", 0, NULL},
        {"help kv put", 0, NULL},
        {"status --nonsense --help", 2, "--nonsense"},
        {"", 2, "usage: ghostnet COMMAND"},
        {"statu", 2, "did you mean 'status'"},
        {"kv pu a b", 2, "did you mean 'kv put'"},
        {"kv", 2, "help kv"},
        {"kv --json put a b", 2, "help kv"},
        {"qwertz", 2, "see 'ghostnet help'"},
        {"status --jso", 4, "no node is running"}, /* an unambiguous beginning is enough */
        {"status --jsno", 2, "did you mean '--json'"},
        {"status --data-dri x", 2, "did you mean '--data-dir'"},
        {"status -j", 2, "'-j'"},
        {"status -qj", 2, "'-j'"},
        {"status --json=yes", 2, "--json takes no value"},
        {"status --timeout", 2, "--timeout wants a value (T)"},
        {"get -o", 2, "--output wants a value (PATH)"},
        {"get", 2, "get wants KEY"},
        {"get a b", 2, "'b'"},
        {"status --timeout 1parsec", 2, "duration"},
        {"status", 4, "ghostnet run"},
        {"--json status", 4, "ghostnet run"},
        {"status --json -qv --timeout 1s", 4, "ghostnet run"},
        {"--data-dir /nonexistent/b status", 4, "/nonexistent/b"},
        {"--data-dir /nonexistent/b status --data-dir /nonexistent/c", 4, "/nonexistent/c"}, /* the last one counts */
        {"put --ttl 1h value", 4, "no node"},
        {"put value --ttl 1h", 4, "no node"},
        {"put --ttl=1h -- --value", 4, "no node"},
        {"put -- a b", 2, "'b'"},
        {"run --mode x", 2, "auto|client|server"},
        {"config check /nonexistent", 3, "not found"},
        {"demo --nodes 3x", 2, "8 to 64"},
        {"demo --size big", 2, "64MiB"},
    };
    static struct said s;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&s, cases[i].line);
        bool told = cases[i].hint ? strstr(s.err, cases[i].hint) != NULL : s.err[0] == '\0' && s.out[0] != '\0';
        if (s.code != cases[i].code || !told)
            fail_msg("'%s' ends with %d and says: %s", cases[i].line, s.code, s.err);
        if (cases[i].hint && cases[i].line[0] &&
            (lines_of(s.err) != 1 || strncmp(s.err, "ghostnet: ", 10) != 0 || s.out[0]))
            fail_msg("'%s' is not one line of error: %s", cases[i].line, s.err);
    }
}

static void every_error_has_its_exit_code(void **state)
{
    static const struct {
        enum gn_err err;
        int code;
    } named[] = {{GN_OK, 0},           {GN_E_NOT_FOUND, 3}, {GN_E_TIMEOUT, 5}, {GN_E_REFUSED, 6}, {GN_E_QUOTA, 6},
                 {GN_E_PERMISSION, 6}, {GN_E_AUTH, 6},      {GN_E_LIMIT, 6},   {GN_E_CONFLICT, 6}};
    (void)state;
#define X(name, number, class, text) \
    do { \
        int wanted = 1; \
        for (size_t i = 0; i < sizeof named / sizeof *named; i++) \
            wanted = named[i].err == GN_E_##name ? named[i].code : wanted; \
        assert_int_equal(gn_cli_exit_of(GN_E_##name), wanted); \
    } while (0);
    GN_ERR_TABLE(X)
#undef X
}

static void similar_is_what_fingers_do(void **state)
{
    static const struct {
        const char *word, *meant;
    } cases[] = {
        {"stauts", "status"},
        {"statu", "status"},
        {"sttaus", "status"},
        {"peer", "peers"},
        {"gte", "get"},
        {"puts", "put"},
        {"dcotor", "doctor"},
        {"vers", "version"},
        {"kv gett", "kv get"},
        {"fetsh", "fetch"},
        {"", NULL},
        {"x", NULL},
        {"subscribe", NULL},
        {"zzz", NULL},
        {"publish", NULL},
        {"0123456789012345678901234567890123456789012345678901234567890123456789", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = gn_cli_similar(gn_cli_commands, cases[i].word);
        if (cases[i].meant ? !got || strcmp(got, cases[i].meant) != 0 : got != NULL)
            fail_msg("'%s' is like '%s'", cases[i].word, got ? got : "nothing");
    }
    char put[] = "put", *words[] = {put};
    int n = 0;
    const struct gn_cli_command *c = gn_cli_find(gn_cli_commands, 1, words, &n);
    assert_true(c && n == 1);
    assert_string_equal(gn_cli_similar_option(c, "tlt"), "ttl");
    assert_string_equal(gn_cli_similar_option(c, "tlt=5"), "ttl");
    assert_string_equal(gn_cli_similar_option(c, "verbos"), "verbose");
    assert_null(gn_cli_similar_option(c, "explain")); /* of another command */
    assert_null(gn_cli_similar_option(NULL, "tlt"));
    assert_null(gn_cli_similar_option(c, ""));
}

static void run_offers_every_setting_that_has_a_flag_and_no_other(void **state)
{
    char run_word[] = "run", *words[] = {run_word};
    int n = 0;
    (void)state;
    const struct gn_cli_command *run_command = gn_cli_find(gn_cli_commands, 1, words, &n);
    assert_non_null(run_command);
    for (size_t k = 0; k < GN_CONF_KEYS; k++) {
        const struct gn_config_row *row = gn_config_row((enum gn_config_key)k);
        bool offered = false;
        for (const struct gn_cli_option *o = run_command->options; row->flag && o->name; o++)
            if (strcmp(o->name, row->flag) == 0) {
                offered = true;
                assert_int_equal(o->metavar != NULL, row->metavar != NULL);
                if (row->metavar)
                    assert_string_equal(o->metavar, row->metavar);
                /* `choices` of the table are those of the help */
                for (const char *c = row->choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL) {
                    char word[32];
                    (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(c, "|"), c);
                    assert_non_null(strstr(o->help, word));
                }
            }
        assert_int_equal(offered, row->flag != NULL);
    }
    for (const struct gn_cli_option *o = run_command->options; o->name; o++) {
        enum gn_config_key key;
        bool known = gn_config_by_flag(o->name, &key) != NULL;
        assert_true(known || strcmp(o->name, "config") == 0);
    }
}

static bool is_global(const char *name)
{
    for (const struct gn_cli_option *o = gn_cli_globals; o->name; o++)
        if (strcmp(o->name, name) == 0)
            return true;
    return false;
}

static void the_table_of_commands_is_sound(void **state)
{
    (void)state;
    for (const struct gn_cli_command *c = gn_cli_commands; c->name; c++) {
        assert_true(c->run && c->args && c->summary[0] && c->help[0]);
        assert_true(c->args_max < 0 || c->args_max >= c->args_min);
        assert_int_equal(c->args_max == 0, c->args[0] == '\0');
        for (const struct gn_cli_command *d = gn_cli_commands; d < c; d++)
            assert_string_not_equal(c->name, d->name);
        for (const struct gn_cli_option *o = c->options; o && o->name; o++) {
            assert_false(is_global(o->name));
            assert_true(o->help && o->help[0]);
            for (const struct gn_cli_option *p = c->options; p < o; p++)
                assert_true(strcmp(o->name, p->name) != 0 && (!o->letter || o->letter != p->letter));
        }
        /* both words of a command find it */
        char first[32], second[32] = "";
        char *words[] = {first, second};
        int n = 0;
        int parts = sscanf(c->name, "%31s %31s", first, second);
        assert_ptr_equal(gn_cli_find(gn_cli_commands, parts, words, &n), c);
        assert_int_equal(n, parts);
    }
}

/* What fn writes about a command. */
static char *written(void (*fn)(FILE *out, const struct gn_cli_command *c), const struct gn_cli_command *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    fn(out, c);
    (void)fclose(out);
    return text;
}

static void man(FILE *out, const struct gn_cli_command *c)
{
    gn_cli_help_man(out, gn_cli_commands, c);
}

static void completion(FILE *out, const struct gn_cli_command *c)
{
    (void)c;
    gn_cli_help_completion(out, gn_cli_commands);
}

static void help_man_page_and_completion_name_every_option(void **state)
{
    (void)state;
    char *script = written(completion, NULL), *first_page = written(man, NULL);
    for (const struct gn_cli_command *c = gn_cli_commands; c->name; c++) {
        char *help = written(gn_cli_help_command, c), *page = written(man, c);
        char text[128];
        (void)snprintf(text, sizeof text, "'%s') options='", c->name);
        const char *offered = strstr(script, text);
        assert_non_null(offered);
        (void)snprintf(text, sizeof text, ".B %s ", c->name);
        assert_non_null(strstr(first_page, text));
        assert_non_null(strstr(help, c->summary[0] ? c->help : ""));
        for (const struct gn_cli_option *o = c->options; o && o->name; o++) {
            (void)snprintf(text, sizeof text, "--%s", o->name);
            assert_non_null(strstr(help, text));
            const char *found = strstr(offered, text);
            assert_true(found && found < strchr(offered, '\n'));
            size_t n = 0; /* roff writes a dash as \- */
            for (const char *p = text; *p; p++) {
                static char escaped[256];
                n += (size_t)snprintf(escaped + n, sizeof escaped - n, *p == '-' ? "\\-" : "%c", *p);
                if (!p[1])
                    assert_non_null(strstr(page, escaped));
            }
        }
        free(help);
        free(page);
    }
    free(script);
    free(first_page);
}

static void lines_of_a_man_page_do_not_begin_with_what_roff_would_obey(void **state)
{
    static const struct gn_cli_command odd = {
        .name = "odd", .args = "A\\B", .summary = "it's", .help = ".hidden\n'quoted\n\n  -shown\n\nlast\\line"};
    (void)state;
    char *page = written(man, &odd);
    assert_non_null(strstr(page, "\n\\&.hidden\n"));
    assert_non_null(strstr(page, "\n\\(aqquoted\n"));
    assert_non_null(strstr(page, "\n.nf\n  \\-shown\n.fi\n"));
    assert_non_null(strstr(page, "last\\eline"));
    assert_non_null(strstr(page, "A\\eB"));
    free(page);
}

static void commands_of_two_tables_become_one(void **state)
{
    static const struct gn_cli_command more[] = {
        {.name = "odd even", .args = ""}, {.name = "odd odd", .args = ""}, {0}};
    struct gn_cli_command all[100];
    char odd[] = "odd", even[] = "even", run[] = "run";
    char *two[] = {odd, even}, *one[] = {run};
    int n = 0;
    (void)state;
    gn_cli_join(all, sizeof all / sizeof all[0], more);
    assert_string_equal(gn_cli_find(all, 2, two, &n)->name, "odd even");
    assert_int_equal(n, 2);
    assert_string_equal(gn_cli_find(all, 1, one, &n)->name, "run");
    assert_non_null(gn_cli_group(all, "odd"));
    assert_null(gn_cli_group(gn_cli_commands, "odd"));
    assert_string_equal(gn_cli_similar(all, "odd evne"), "odd even");
}

static void the_bar_fits_the_width_and_tells_the_share(void **state)
{
    static const char wide[] = "\xc3\xa9t\xc3\xa9-\xe6\x97\xa5\xe6\x9c\xac-a-long-name-that-does-not-fit.tar.gz";
    char line[GN_PROGRESS_LINE_MAX];
    (void)state;
    for (size_t width = 20; width <= 200; width += 9) {
        gn_progress_format(line, width, &(struct gn_progress_line){wide, 512, 1024, 100, GN_SECONDS(5)});
        assert_true(gn_utf8_is_valid((const uint8_t *)line, strlen(line)));
        assert_non_null(strstr(line, " 50% 512 B of 1.0 KiB, 100 B/s, 5.0 s left"));
        if (width >= 80)
            assert_true(strlen(line) <= width);
    }
    gn_progress_format(line, 100, &(struct gn_progress_line){"x", 0, 100, 0, GN_TIME_NEVER});
    assert_non_null(strstr(line, "[.."));
    assert_non_null(strstr(line, "  0% 0 B of 100 B, 0 B/s, - left"));
    gn_progress_format(line, 100, &(struct gn_progress_line){"x", 100, 100, 1, 0});
    assert_non_null(strstr(line, "##]"));
    assert_null(strstr(line, "."
                             "."));
    gn_progress_format(line, 100, &(struct gn_progress_line){"x", 200, 100, 1, 0}); /* more than all */
    assert_non_null(strstr(line, "100%"));
    gn_progress_format(line, 100, &(struct gn_progress_line){"x", 7, 0, 1, GN_TIME_NEVER}); /* nobody knows how much */
    assert_non_null(strstr(line, "7 B of ?"));
    gn_progress_format(line, 100,
                       &(struct gn_progress_line){"x", UINT64_MAX / 2, UINT64_MAX, UINT64_MAX, GN_HOURS(100000)});
    assert_non_null(strstr(line, "%"));
}

static void names_from_elsewhere_cannot_drive_the_terminal(void **state)
{
    char out[16];
    (void)state;
    gn_cli_tame(out, sizeof out, "a\x1b[31mb\n\x7f\t");
    assert_string_equal(out, "a?[31mb???");
    gn_cli_tame(out, sizeof out,
                "\xc2\x9b"
                "31m \xc3\xa9"); /* U+009B begins a sequence too */
    assert_string_equal(out, "??31m \xc3\xa9");
    gn_cli_tame(out, sizeof out, "0123456789abcd\xc3\xa9"); /* a character is not cut */
    assert_string_equal(out, "0123456789abcd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_ends_with_the_code_and_the_hint),
        cmocka_unit_test(every_error_has_its_exit_code),
        cmocka_unit_test(similar_is_what_fingers_do),
        cmocka_unit_test(run_offers_every_setting_that_has_a_flag_and_no_other),
        cmocka_unit_test(the_table_of_commands_is_sound),
        cmocka_unit_test(help_man_page_and_completion_name_every_option),
        cmocka_unit_test(lines_of_a_man_page_do_not_begin_with_what_roff_would_obey),
        cmocka_unit_test(commands_of_two_tables_become_one),
        cmocka_unit_test(the_bar_fits_the_width_and_tells_the_share),
        cmocka_unit_test(names_from_elsewhere_cannot_drive_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
