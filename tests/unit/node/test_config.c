/* tests/unit/node/test_config.c - the table of settings, its three sources, and the file with its mistakes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "node/config.h"
#include "tests/support/gn_cmocka.h"

#define PEER_ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Reads a file with these bytes; `told` is what was reported. */
static enum gn_err read_bytes(struct gn_config *c, char told[8192], const void *bytes, size_t len)
{
    char path[] = "/tmp/gn-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    (void)close(fd);
    FILE *errors = fmemopen(told, 8192, "w");
    assert_non_null(errors);
    enum gn_err err = gn_config_read_file(c, path, errors);
    (void)fclose(errors);
    (void)unlink(path);
    /* what is reported names the file: without it the text is easier to compare */
    char *to = told;
    for (const char *from = told; *from;)
        if (strncmp(from, path, strlen(path)) == 0)
            from += strlen(path);
        else
            *to++ = *from++;
    *to = '\0';
    return err;
}

static enum gn_err read_text(struct gn_config *c, char told[8192], const char *text)
{
    memset(told, 0, 8192);
    return read_bytes(c, told, text, strlen(text));
}

static enum gn_err set(enum gn_config_key key, const char *text)
{
    struct gn_config c;
    char why[GN_CONF_WHY_MAX];
    assert_int_equal(gn_config_init(&c), GN_OK);
    enum gn_err err = gn_config_set(&c, why, key, text, GN_CONF_FROM_FLAG);
    assert_true(err ? why[0] != '\0' : why[0] == '\0');
    if (!err)
        assert_string_equal(gn_config_text(&c, key), text);
    else
        assert_int_equal(c.values[key].source, GN_CONF_FROM_DEFAULT);
    gn_config_fini(&c);
    return err;
}

static void every_default_is_valid_for_its_own_setting(void **state)
{
    struct gn_config c, again;
    char why[GN_CONF_WHY_MAX];
    (void)state;
    assert_int_equal(gn_config_init(&c), GN_OK);
    for (size_t k = 0; k < GN_CONF_KEYS; k++) {
        enum gn_config_key key = (enum gn_config_key)k;
        const struct gn_config_row *row = gn_config_row(key);
        assert_non_null(row->section);
        assert_non_null(row->name);
        assert_non_null(row->help);
        assert_int_equal(gn_config_len(&c, key) > 0, row->standard != NULL);
        assert_int_equal(gn_config_init(&again), GN_OK);
        for (size_t i = 0; i < gn_config_len(&c, key); i++)
            assert_int_equal(gn_config_set(&again, why, key, gn_config_text_at(&c, key, i), GN_CONF_FROM_FILE), GN_OK);
        gn_config_fini(&again);
        if (row->type == GN_CONF_SIZE || row->type == GN_CONF_DURATION || row->type == GN_CONF_COUNT)
            assert_in_range(gn_config_number(&c, key), row->min, row->max);
        if (row->type == GN_CONF_BOOL)
            (void)gn_config_bool(&c, key);
    }
    gn_config_fini(&c);
}

static void no_two_settings_share_a_name_or_a_flag(void **state)
{
    (void)state;
    for (size_t a = 0; a < GN_CONF_KEYS; a++)
        for (size_t b = 0; b < a; b++) {
            const struct gn_config_row *x = gn_config_row((enum gn_config_key)a),
                                       *y = gn_config_row((enum gn_config_key)b);
            assert_false(strcmp(x->section, y->section) == 0 && strcmp(x->name, y->name) == 0);
            assert_false(x->flag && y->flag && strcmp(x->flag, y->flag) == 0);
        }
}

static void values_are_checked_by_their_type(void **state)
{
    static const struct {
        enum gn_config_key key;
        const char *text;
        enum gn_err err;
    } cases[] = {
        {GN_CONF_MODE, "client", GN_OK},
        {GN_CONF_MODE, "Client", GN_E_INVALID},
        {GN_CONF_MODE, "cli", GN_E_INVALID},
        {GN_CONF_MODE, "auto|client", GN_E_INVALID},
        {GN_CONF_MODE, "", GN_E_INVALID},
        {GN_CONF_NETWORK, "x", GN_OK},
        {GN_CONF_NETWORK, "", GN_E_INVALID},
        {GN_CONF_NETWORK, "1234567890123456789012345678901234567890123456789012345678901234", GN_OK},
        {GN_CONF_NETWORK, "12345678901234567890123456789012345678901234567890123456789012345", GN_E_INVALID},
        {GN_CONF_LISTEN, "127.0.0.1:0", GN_OK},
        {GN_CONF_LISTEN, "[::1]:65535", GN_OK},
        {GN_CONF_LISTEN, "127.0.0.1", GN_E_INVALID},
        {GN_CONF_LISTEN, "127.0.0.1:65536", GN_E_INVALID},
        {GN_CONF_LISTEN, "localhost:1", GN_E_INVALID},
        {GN_CONF_LISTEN, "::1:1", GN_E_INVALID},
        {GN_CONF_BOOTSTRAP, PEER_ID "@a.example:1", GN_OK},
        {GN_CONF_BOOTSTRAP, "a.example:4747", GN_OK},
        {GN_CONF_BOOTSTRAP, "[2001:db8::1]:4747", GN_OK},
        {GN_CONF_BOOTSTRAP, PEER_ID "@", GN_E_INVALID},
        {GN_CONF_BOOTSTRAP, PEER_ID "@:1", GN_E_INVALID},
        {GN_CONF_BOOTSTRAP, "short@a.example:1", GN_E_INVALID},
        {GN_CONF_BOOTSTRAP, "a.example:0", GN_E_INVALID},
        {GN_CONF_BOOTSTRAP, "a.example:99999", GN_E_INVALID},
        {GN_CONF_BOOTSTRAP, "a.example:1x", GN_E_INVALID},
        {GN_CONF_RECORD_TTL, "1m", GN_OK},
        {GN_CONF_RECORD_TTL, "48h", GN_OK},
        {GN_CONF_RECORD_TTL, "59s", GN_E_LIMIT},
        {GN_CONF_RECORD_TTL, "49h", GN_E_LIMIT},
        {GN_CONF_RECORD_TTL, "2 h", GN_E_INVALID},
        {GN_CONF_STORE_MAX, "1MiB", GN_OK},
        {GN_CONF_STORE_MAX, "1023KiB", GN_E_LIMIT},
        {GN_CONF_STORE_MAX, "2TiB", GN_E_LIMIT},
        {GN_CONF_STORE_MAX, "-1", GN_E_INVALID},
        {GN_CONF_CONNECTIONS_MAX, "4", GN_OK},
        {GN_CONF_CONNECTIONS_MAX, "3", GN_E_LIMIT},
        {GN_CONF_CONNECTIONS_MAX, "65537", GN_E_LIMIT},
        {GN_CONF_CONNECTIONS_MAX, "0x10", GN_E_INVALID},
        {GN_CONF_CONNECTIONS_MAX, "99999999999999999999", GN_E_INVALID},
        {GN_CONF_PRIVATE, "Yes", GN_OK},
        {GN_CONF_PRIVATE, "off", GN_OK},
        {GN_CONF_PRIVATE, "2", GN_E_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (set(cases[i].key, cases[i].text) != cases[i].err)
            fail_msg("'%s' for %s", cases[i].text, gn_config_row(cases[i].key)->name);
}

static void a_path_has_at_most_4095_bytes(void **state)
{
    char path[4097];
    (void)state;
    memset(path, 'x', sizeof path);
    path[4096] = '\0';
    assert_int_equal(set(GN_CONF_NETWORK_KEY, path), GN_E_INVALID);
    path[4095] = '\0';
    assert_int_equal(set(GN_CONF_NETWORK_KEY, path), GN_OK);
}

static void a_flag_wins_over_the_file_and_the_file_over_the_default(void **state)
{
    struct gn_config c;
    char why[GN_CONF_WHY_MAX], told[8192];
    (void)state;
    assert_int_equal(gn_config_init(&c), GN_OK);
    assert_int_equal(gn_config_number(&c, GN_CONF_RECORD_TTL), GN_HOURS(2));
    assert_int_equal(read_text(&c, told, "[dht]\nttl = 5m\n[node]\nlisten = 1.2.3.4:5\nmode = client\n"), GN_OK);
    assert_int_equal(gn_config_number(&c, GN_CONF_RECORD_TTL), GN_MINUTES(5));
    assert_int_equal(gn_config_len(&c, GN_CONF_LISTEN), 1); /* the default pair is gone */
    assert_int_equal(gn_config_set(&c, why, GN_CONF_MODE, "server", GN_CONF_FROM_FLAG), GN_OK);
    assert_int_equal(gn_config_set(&c, why, GN_CONF_MODE, "auto", GN_CONF_FROM_FILE), GN_OK); /* too low to count */
    assert_string_equal(gn_config_text(&c, GN_CONF_MODE), "server");
    assert_string_equal(gn_config_source_name(c.values[GN_CONF_MODE].source), "flag");
    assert_string_equal(gn_config_source_name(c.values[GN_CONF_RECORD_TTL].source), "file");
    assert_string_equal(gn_config_source_name(c.values[GN_CONF_LOG_LEVEL].source), "default");
    gn_config_fini(&c);
}

static void a_repeatable_setting_gathers_at_most_64_values(void **state)
{
    struct gn_config c;
    char why[GN_CONF_WHY_MAX], text[64];
    (void)state;
    assert_int_equal(gn_config_init(&c), GN_OK);
    assert_int_equal(gn_config_len(&c, GN_CONF_BOOTSTRAP), 0);
    assert_string_equal(gn_config_text(&c, GN_CONF_BOOTSTRAP), "");
    for (unsigned i = 1; i <= GN_CONF_VALUES_MAX; i++) {
        (void)snprintf(text, sizeof text, "host:%u", i);
        assert_int_equal(gn_config_set(&c, why, GN_CONF_BOOTSTRAP, text, GN_CONF_FROM_FLAG), GN_OK);
    }
    assert_int_equal(gn_config_set(&c, why, GN_CONF_BOOTSTRAP, "host:99", GN_CONF_FROM_FLAG), GN_E_LIMIT);
    assert_non_null(strstr(why, "64"));
    assert_int_equal(gn_config_len(&c, GN_CONF_BOOTSTRAP), GN_CONF_VALUES_MAX);
    assert_string_equal(gn_config_text_at(&c, GN_CONF_BOOTSTRAP, 63), "host:64");
    assert_string_equal(gn_config_text_at(&c, GN_CONF_BOOTSTRAP, 64), "");
    assert_int_equal(gn_config_set(&c, why, GN_CONF_MODE, "client", GN_CONF_FROM_FLAG), GN_OK);
    assert_int_equal(gn_config_set(&c, why, GN_CONF_MODE, "server", GN_CONF_FROM_FLAG), GN_OK);
    assert_int_equal(gn_config_len(&c, GN_CONF_MODE), 1); /* the last one counts */
    gn_config_fini(&c);
}

static void each_mistake_of_a_file_is_told_with_its_line(void **state)
{
    static const struct {
        const char *file, *told; /* told: what the report must be, or begin with when it ends in "..." */
    } cases[] = {
        {"", ""},
        {"# nothing\n\n; at all\n   \t\r\n", ""},
        {"\xef\xbb\xbf[node]\nmode = client\n", ""},
        {"[node]\r\nmode = client\r\n", ""},
        {"[node]\nmode: client ; with a remark", ""},
        {"[node]\nbootstrap = a:1\nbootstrap = b:2\n", ""},
        {"[node]\nmode = never\n", ":2: mode: 'never' is not valid: use auto|client|server\n"},
        {"[node]\n\nnetwork =\n", ":3: network: '' is empty: use 1 to 64 bytes\n"},
        {"[node]\nmode\n", ":2: neither a [section] nor a name = value\n"},
        {"[node\nmode = client\n", ":1: neither a [section] nor a name = value\n:2: unknown section ''..."},
        {"mode = client\n", ":1: unknown section '': use [node], ..."},
        {"[node]\ncolour = red\n", ":2: unknown setting 'colour' in this section\n"},
        {"[what]\na = 1\n", ":2: unknown section 'what': use [node], ..."},
        {"[node]\nmode = client\nmode = server\n", ":3: mode was given in line 2 already: give it once\n"},
        {"[dht]\nttl = 1s\nstore-max = 1\n", ":2: ttl: '1s' is out of range: use 1m to 2d\n"
                                             ":3: store-max: '1' is out of range: use 1MiB to 1TiB\n"},
        {"[node]\nmode = client\n network = x\n", ":3: a setting begins at the beginning of its line..."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gn_config c;
        char told[8192];
        assert_int_equal(gn_config_init(&c), GN_OK);
        enum gn_err err = read_text(&c, told, cases[i].file);
        assert_int_equal(err, cases[i].told[0] ? GN_E_INVALID : GN_OK);
        const char *dots = strstr(cases[i].told, "...");
        if (dots)
            told[dots - cases[i].told] = '\0';
        char wanted[1024];
        (void)snprintf(wanted, sizeof wanted, "%.*s", dots ? (int)(dots - cases[i].told) : 1000, cases[i].told);
        assert_string_equal(told, wanted);
        gn_config_fini(&c);
    }
}

static void good_lines_of_a_file_with_mistakes_are_in_force(void **state)
{
    struct gn_config c;
    char told[8192];
    (void)state;
    assert_int_equal(gn_config_init(&c), GN_OK);
    assert_int_equal(read_text(&c, told, "[node]\nnetwork = mine\nmode = x\n"), GN_E_INVALID);
    assert_string_equal(gn_config_text(&c, GN_CONF_NETWORK), "mine");
    assert_string_equal(gn_config_text(&c, GN_CONF_MODE), "auto");
    gn_config_fini(&c);
}

static void long_lines_and_binary_files_are_refused_and_lines_still_counted(void **state)
{
    struct gn_config c;
    char told[8192], file[2048];
    (void)state;
    assert_int_equal(gn_config_init(&c), GN_OK);
    (void)snprintf(file, sizeof file, "[node]\nnetwork-key = %0600d\nmode = x\n", 1);
    assert_int_equal(read_text(&c, told, file), GN_E_INVALID);
    assert_non_null(strstr(told, ":2: the line is too long"));
    assert_non_null(strstr(told, ":3: mode: 'x'"));
    assert_string_equal(gn_config_text(&c, GN_CONF_NETWORK_KEY), ""); /* nothing cut is taken */
    memset(told, 0, sizeof told);
    static const char nul[] = "[node]\nmode = cl\0ient\nnetwork = x\n";
    assert_int_equal(read_bytes(&c, told, nul, sizeof nul - 1), GN_E_INVALID);
    assert_non_null(strstr(told, ":2: "));
    gn_config_fini(&c);
}

static void a_file_that_cannot_be_read_is_an_error_of_its_own(void **state)
{
    struct gn_config c;
    (void)state;
    assert_int_equal(gn_config_init(&c), GN_OK);
    assert_int_equal(gn_config_read_file(&c, "/nonexistent/config.ini", stderr), GN_E_NOT_FOUND);
    assert_int_equal(gn_config_read_file(&c, "/tmp", stderr), GN_E_IO);
    assert_int_equal(gn_config_read_file(&c, "/dev/null", stderr), GN_OK);
    gn_config_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_valid_for_its_own_setting),
        cmocka_unit_test(no_two_settings_share_a_name_or_a_flag),
        cmocka_unit_test(values_are_checked_by_their_type),
        cmocka_unit_test(a_path_has_at_most_4095_bytes),
        cmocka_unit_test(a_flag_wins_over_the_file_and_the_file_over_the_default),
        cmocka_unit_test(a_repeatable_setting_gathers_at_most_64_values),
        cmocka_unit_test(each_mistake_of_a_file_is_told_with_its_line),
        cmocka_unit_test(good_lines_of_a_file_with_mistakes_are_in_force),
        cmocka_unit_test(long_lines_and_binary_files_are_refused_and_lines_still_counted),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
