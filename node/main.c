/* node/main.c - the program `ghostnet`: the commands of a node, and those of the simulator. */
#include "base/check.h"
#include "node/cli/cli.h"
#include "node/main_sim.h"

#define COMMANDS_MAX 64U

int main(int argc, char **argv)
{
    struct gn_cli_command commands[COMMANDS_MAX];

    gn_cli_join(commands, GN_ARRAY_LEN(commands), gn_main_sim_commands);
    return gn_cli_main(argc, argv, commands);
}
