/* node/cli/cmd_config.c - settings from defaults, file and flags; config check, config show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/cli/cmd.h"
#include "node/os_datadir.h"

static int take_flag(struct gn_config *config, const struct gn_cli_option *option, const char *value)
{
    char why[GN_CONF_WHY_MAX];
    enum gn_config_key key;
    if (!gn_config_by_flag(option->name, &key))
        return GN_EXIT_DONE;
    enum gn_err err = gn_config_set(config, why, key, value ? value : "no", GN_CONF_FROM_FLAG);
    return err ? gn_cli_fail(GN_EXIT_USAGE, "--%s: %s", option->name, why) : GN_EXIT_DONE;
}

int gn_cli_load_config(struct gn_cli *cli, struct gn_config *config)
{
    char path[PATH_MAX];
    const char *file = gn_cli_value(cli, "config");
    if (gn_config_init(config))
        return gn_cli_fail(GN_EXIT_FAILED, "out of memory");
    if (!file && cli->data_dir[0] && gn_datadir_join(path, cli->data_dir, "config.ini") == GN_OK &&
        access(path, F_OK) == 0)
        file = path;
    if (file) {
        enum gn_err err = gn_config_read_file(config, file, stderr);
        if (err == GN_E_INVALID)
            return gn_cli_fail(GN_EXIT_USAGE, "%s has mistakes: see above", file);
        if (err)
            return gn_cli_fail(GN_EXIT_FAILED, "cannot read %s: %s", file, gn_err_text(err));
    }
    /* -q and -v are those of the log, unless a flag is more exact. */
    if (cli->quiet || cli->verbose) {
        char why[GN_CONF_WHY_MAX];
        enum gn_err err =
            gn_config_set(config, why, GN_CONF_LOG_LEVEL, cli->quiet ? "error" : "debug", GN_CONF_FROM_FLAG);
        if (err)
            return gn_cli_fail(GN_EXIT_FAILED, "%s", gn_err_text(err));
    }
    for (size_t i = 0; i < cli->given_len; i++) {
        int code = take_flag(config, cli->given[i].option, cli->given[i].value);
        if (code)
            return code;
    }
    return GN_EXIT_DONE;
}

/* --json: {"file", "valid", "mistakes": ["FILE:LINE: ..."]}; `report` holds one mistake per line. */
static void print_check(const char *file, bool valid, char *report)
{
    json_t *mistakes = json_array();
    char *rest = report;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (*line)
            (void)json_array_append_new(mistakes, json_string(line));
    json_t *answer = json_pack("{s:s,s:b,s:o}", "file", file, "valid", valid, "mistakes", mistakes);
    gn_cli_print_json(answer);
    json_decref(answer);
}

int gn_cmd_config_check(struct gn_cli *cli)
{
    struct gn_config config;
    const char *file = cli->args[0];
    char *report = NULL;
    size_t report_len = 0;
    FILE *errors = cli->json ? open_memstream(&report, &report_len) : stderr;
    if (!errors || gn_config_init(&config)) {
        if (errors && errors != stderr)
            (void)fclose(errors);
        free(report);
        return gn_cli_fail(GN_EXIT_FAILED, "out of memory");
    }
    enum gn_err err = gn_config_read_file(&config, file, errors);
    gn_config_fini(&config);
    if (errors != stderr)
        (void)fclose(errors);
    if (report && (!err || err == GN_E_INVALID))
        print_check(file, !err, report);
    free(report);
    if (err == GN_E_INVALID)
        return gn_cli_fail(GN_EXIT_FAILED, "%s has mistakes: %s", file, cli->json ? "see the answer" : "see above");
    if (err)
        return gn_cli_fail(err == GN_E_NOT_FOUND ? GN_EXIT_NOT_FOUND : GN_EXIT_FAILED, "cannot read %s: %s", file,
                           gn_err_text(err));
    gn_cli_say(cli, "%s is fine", file);
    return GN_EXIT_DONE;
}

/* ---- config show ----------------------------------------------------------------------------------------------- */

static json_t *setting_json(const struct gn_config *config, enum gn_config_key key, size_t index)
{
    const struct gn_config_row *row = gn_config_row(key);
    return json_pack("{s:s,s:s,s:s,s:s}", "section", row->section, "name", row->name, "value",
                     gn_config_text_at(config, key, index), "source",
                     gn_config_source_name(config->values[key].source));
}

/* The same as the node answers to GET /v1/config. */
static json_t *settings_json(const struct gn_config *config)
{
    json_t *list = json_array();
    for (size_t k = 0; k < GN_CONF_KEYS; k++) {
        size_t len = gn_config_len(config, (enum gn_config_key)k);
        for (size_t i = 0; i < (len ? len : 1); i++)
            (void)json_array_append_new(list, setting_json(config, (enum gn_config_key)k, i));
    }
    return json_pack("{s:o}", "settings", list);
}

static const char *help_of(const char *section, const char *name)
{
    for (size_t k = 0; k < GN_CONF_KEYS; k++) {
        const struct gn_config_row *row = gn_config_row((enum gn_config_key)k);
        if (strcmp(row->section, section) == 0 && strcmp(row->name, name) == 0)
            return row->help;
    }
    return "";
}

/* As an INI file that `run --config` would read. */
static void print_settings(const json_t *settings)
{
    const char *section = "";
    json_t *s = NULL;
    size_t i = 0;
    json_array_foreach(settings, i, s)
    {
        const char *name = gn_cli_text(s, "name"), *value = gn_cli_text(s, "value");
        if (strcmp(section, gn_cli_text(s, "section")) != 0) {
            (void)printf("%s[%s]\n", *section ? "\n" : "", gn_cli_text(s, "section"));
            section = gn_cli_text(s, "section");
        }
        (void)printf("%s%s = %s  ; %s (%s)\n", *value ? "" : "; ", name, value, help_of(section, name),
                     gn_cli_text(s, "source"));
    }
}

int gn_cmd_config_show(struct gn_cli *cli)
{
    struct gn_config config;
    json_t *answer = NULL;
    int code;
    if (!gn_cli_value(cli, "config") && gn_cli_has_node(cli)) {
        struct gn_rpc_request ask = {.method = "GET", .target = "/v1/config"};
        code = gn_cli_ask(cli, &ask, GN_SECONDS(5), NULL, &answer);
    } else {
        code = gn_cli_load_config(cli, &config);
        answer = code ? NULL : settings_json(&config);
        gn_config_fini(&config);
    }
    if (!code && cli->json)
        gn_cli_print_json(answer);
    else if (!code)
        print_settings(json_object_get(answer, "settings"));
    json_decref(answer);
    return code;
}
