/* node/cli/commands.c - the table of commands. */
#include "node/cli/cmd.h"

static const struct gn_cli_option run_options[] = {
    {"listen", 0, "HOST:PORT", "UDP address, one per family; port 0 picks one (default 0.0.0.0:4747 and [::]:4747)"},
    {"api", 0, "HOST:PORT", "TCP address of the control API (default 127.0.0.1:0)"},
    {"bootstrap", 0, "ID@HOST:PORT", "a node to join through; may be given several times"},
    {"network", 0, "NAME", "name of the network; others do not see this node"},
    {"network-key", 0, "FILE", "secret of a private network, 16 to 4096 bytes"},
    {"mode", 0, "MODE", "auto, client or server of the DHT"},
    {"config", 0, "FILE", "settings (default: config.ini in the data folder)"},
    {"log-level", 0, "LEVEL", "error, warn, info, debug or off"},
    {"log-format", 0, "FORMAT", "text or json"},
    {"no-mdns", 0, NULL, "do not look for peers by mDNS (this version never does)"},
    {"no-portmap", 0, NULL, "do not ask the router for a mapping (this version never does)"},
    {0},
};
static const struct gn_cli_option find_options[] = {
    {"explain", 0, NULL, "print each hop as it happens, and why it was asked"},
    {"want", 0, "WHAT", "nodes (default), value or providers"},
    {0},
};
static const struct gn_cli_option ttl_options[] = {
    {"ttl", 0, "T", "how long it lives, at most 48h (default 2h)"},
    {0},
};
static const struct gn_cli_option output_options[] = {
    {"output", 'o', "PATH", "write to this file instead of stdout"},
    {0},
};
static const struct gn_cli_option kv_put_options[] = {
    {"ttl", 0, "T", "how long it lives, at most 48h (default 2h)"},
    {"if-version", 0, "V", "only if the version is V; 0: only if the key does not exist"},
    {"space", 0, "ID", "the space (default: the node's own, the only one it can write)"},
    {0},
};
static const struct gn_cli_option kv_get_options[] = {
    {"space", 0, "ID", "the space: id of the node that owns it (default: the own one)"},
    {"output", 'o', "PATH", "write to this file instead of stdout"},
    {0},
};
static const struct gn_cli_option kv_del_options[] = {
    {"if-version", 0, "V", "only if the version is V"},
    {"space", 0, "ID", "the space (default: the own one)"},
    {0},
};
static const struct gn_cli_option space_options[] = {
    {"space", 0, "ID", "the space (default: the own one)"},
    {0},
};
static const struct gn_cli_option fetch_options[] = {
    {"output", 'o', "PATH", "file or folder to write (default: its own name in the current folder)"},
    {"force", 'f', NULL, "replace a file that is there"},
    {0},
};
static const struct gn_cli_option files_options[] = {
    {"unshare", 0, "ROOT", "stop sharing it; the files stay where they are"},
    {0},
};
static const struct gn_cli_option demo_options[] = {
    {"nodes", 0, "N", "how many, 8 to 64 (default 10)"},
    {"size", 0, "SIZE", "of the large file (default 256MiB)"},
    {"keep", 0, NULL, "leave the folder and the logs behind"},
    {0},
};
static const struct gn_cli_option config_options[] = {
    {"config", 0, "FILE", "settings (default: config.ini in the data folder)"},
    {0},
};
static const struct gn_cli_option help_options[] = {
    {"man", 0, NULL, "as a man page (roff)"},
    {"completion", 0, NULL, "completion for bash"},
    {"names", 0, NULL, "only the names of the commands, one per line"},
    {0},
};

const struct gn_cli_command gn_cli_commands[] = {
    {"run", "", "a node in the foreground",
     "Runs a node until Ctrl-C, SIGTERM or 'ghostnet stop'. When it is ready it prints one line to stdout:\n"
     "  ready id=<id> listen=<host:port> api=<http url>\n"
     "Logs go to stderr. The other commands talk to it through api.sock in the data folder.\n\n"
     "The first node of a network needs no --bootstrap; give its address ('ghostnet id') to the others.",
     run_options, 0, 0, gn_cmd_run},
    {"stop", "", "ask the running node to drain and end", "Waits until the node has ended.", NULL, 0, 0, gn_cmd_stop},
    {"status", "", "what the running node is and does",
     "Prints identity, addresses, peers, records, files and traffic.", NULL, 0, 0, gn_cmd_status},
    {"id", "", "the node's addresses to hand out",
     "Prints ID@HOST:PORT, one per line, the most certain first: what others give to --bootstrap.", NULL, 0, 0,
     gn_cmd_id},
    {"peers", "", "whom the node knows",
     "Prints the routing table: address, state (good, questionable, silent, spare), round-trip time.", NULL, 0, 0,
     gn_cmd_peers},
    {"ping", "PEER", "whether a peer answers",
     "PEER is an id, which is looked up, or ID@HOST:PORT, which is also added to the known peers.", NULL, 1, 1,
     gn_cmd_ping},
    {"find", "TARGET", "a DHT lookup",
     "Finds the nodes closest to an id or key. With --explain each hop is printed as it happens: when, whom, how "
     "close\n"
     "(shared leading bits), round-trip time, outcome, how many contacts it named, and why it was asked.",
     find_options, 1, 1, gn_cmd_find},
    {"put", "[VALUE|-]", "store a value, print its key",
     "Stores up to 64 KiB on the nodes closest to its hash and prints the key. '-' or no argument reads stdin.\n"
     "The node publishes it again until its time is over.",
     ttl_options, 0, 1, gn_cmd_put},
    {"get", "KEY", "read a value", "Writes the value's bytes to stdout, exactly.", output_options, 1, 1, gn_cmd_get},
    {"kv put", "KEY [VALUE|-]", "set a key in the own space, print its version",
     "Keys have up to 63 bytes, values up to 64 KiB. Others read it with 'kv get KEY --space ID', ID being this "
     "node's.",
     kv_put_options, 1, 2, gn_cmd_kv_put},
    {"kv get", "KEY", "read a key", "Writes the value's bytes to stdout, exactly.", kv_get_options, 1, 1,
     gn_cmd_kv_get},
    {"kv del", "KEY", "delete a key", "Leaves a signed mark that it is gone, for 48 hours.", kv_del_options, 1, 1,
     gn_cmd_kv_del},
    {"kv list", "[PREFIX]", "the keys of the own space", "Sorted, with version, size and time left.", space_options, 0,
     1, gn_cmd_kv_list},
    {"share", "PATH...", "share files and folders, print links",
     "Hashes each PATH, announces it and keeps serving it from where it is. Prints a link per PATH:\n"
     "  ghost:<root>?name=...&size=...&peer=...",
     NULL, 1, -1, gn_cmd_share},
    {"fetch", "LINK", "download a shared file or folder",
     "Fetches from all providers at once and verifies every 16 KiB. Run it again to resume. Prints where it is.",
     fetch_options, 1, 1, gn_cmd_fetch},
    {"files", "", "what is shared and fetched", "One line per file: root, state, kind, size, served bytes, name.",
     files_options, 0, 0, gn_cmd_files},
    {"doctor", "", "what network and machine allow",
     "Checks sockets, peers, reachability, limits, disk and clock, and says what to do. Exits 1 if something is "
     "broken.",
     NULL, 0, 0, gn_cmd_doctor},
    {"demo", "", "a swarm of real nodes on this machine",
     "Starts nodes as processes of their own, stores, finds, shares and fetches, kills two of them, and shows that "
     "all\n"
     "still works. Leaves nothing behind.",
     demo_options, 0, 0, gn_cmd_demo},
    {"config check", "FILE", "validate a settings file", "Prints every mistake with its line and what is allowed.",
     NULL, 1, 1, gn_cmd_config_check},
    {"config show", "", "print the settings in force", "Default, file or flag: each with its source.", config_options,
     0, 0, gn_cmd_config_show},
    {"version", "", "version, build, libraries", "Prints what this program was built from and runs with.", NULL, 0, 0,
     gn_cmd_version},
    {"help", "[COMMAND]", "help", "Prints help for a command, or for all.", help_options, 0, 2, gn_cmd_help},
    {0},
};
