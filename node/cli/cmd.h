/* node/cli/cmd.h - the commands' functions, and what they share: asking the node, reading values, tables.
 *
 * Life: plain calls. Threads: the main one. Purity: none.
 */
#ifndef GN_NODE_CLI_CMD_H
#define GN_NODE_CLI_CMD_H

#include <jansson.h>

#include "base/slice.h"
#include "node/cli/cli.h"
#include "node/config.h"
#include "rpc/client.h"

int gn_cmd_run(struct gn_cli *cli);
int gn_cmd_stop(struct gn_cli *cli);
int gn_cmd_status(struct gn_cli *cli);
int gn_cmd_id(struct gn_cli *cli);
int gn_cmd_peers(struct gn_cli *cli);
int gn_cmd_ping(struct gn_cli *cli);
int gn_cmd_find(struct gn_cli *cli);
int gn_cmd_put(struct gn_cli *cli);
int gn_cmd_get(struct gn_cli *cli);
int gn_cmd_kv_put(struct gn_cli *cli);
int gn_cmd_kv_get(struct gn_cli *cli);
int gn_cmd_kv_del(struct gn_cli *cli);
int gn_cmd_kv_list(struct gn_cli *cli);
int gn_cmd_share(struct gn_cli *cli);
int gn_cmd_fetch(struct gn_cli *cli);
int gn_cmd_files(struct gn_cli *cli);
int gn_cmd_doctor(struct gn_cli *cli);
int gn_cmd_demo(struct gn_cli *cli);
int gn_cmd_config_check(struct gn_cli *cli);
int gn_cmd_config_show(struct gn_cli *cli);
int gn_cmd_version(struct gn_cli *cli);
int gn_cmd_help(struct gn_cli *cli);

/* ---- ask.c ---- */

/* Is a node running on --data-dir? Tells nothing. */
bool gn_cli_has_node(struct gn_cli *cli);
/* Sends a request to the node of --data-dir. Returns GN_EXIT_DONE, or the exit code after telling the error.
 * request->timeout_us 0: --timeout, else `standard`. *body (may be NULL) is the parsed answer: json_decref it. */
int gn_cli_ask(struct gn_cli *cli, struct gn_rpc_request *request, gn_time_us standard,
               struct gn_rpc_response *response, json_t **body);
/* Prints a JSON document on one line. */
void gn_cli_print_json(const json_t *value);

/* A value from an argument, or stdin for "-" or NULL. data is freed by the caller. At most `max` bytes, else told as an
 * error. Returns GN_EXIT_DONE or the exit code. */
int gn_cli_read_value(uint8_t **data, size_t *len, const char *argument, size_t max);
/* --ttl into "&ttl=SECONDS" of the target. */
int gn_cli_take_ttl(const struct gn_cli *cli, struct gn_rpc_target *target);
#define GN_CLI_LEFT_MAX 40U
/* "3h 12m left" until `expires` (unix seconds). */
void gn_cli_show_left(char out[GN_CLI_LEFT_MAX], json_int_t expires);
const char *gn_cli_text(const json_t *object, const char *name);
double gn_cli_number(const json_t *object, const char *name);
/* ", "-joined addresses of a JSON array, "none" when it is empty. */
void gn_cli_print_addresses(const json_t *addresses);
/* "s" unless n is one. */
const char *gn_cli_plural(double n);
/* Copies a name that may come from elsewhere, with control characters as '?': it must not drive the terminal. */
void gn_cli_tame(char *out, size_t cap, const char *text);

/* Defaults, then --config or config.ini of the data folder, then flags. Returns GN_EXIT_DONE, or the exit code after
 * telling the error; `config` must be finished in both cases. */
int gn_cli_load_config(struct gn_cli *cli, struct gn_config *config);
/* An absolute path from one that may be relative. */
int gn_cli_absolute(char out[PATH_MAX], const char *path);

#endif
