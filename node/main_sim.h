/* node/main_sim.h - `ghostnet sim ...`: the simulator on the command line.
 *
 * Life: constants. Threads: the main one. Purity: none.
 *
 * Part of the program, not of the folder's library: only node/main*.c may know both the node and the simulator.
 */
#ifndef GN_NODE_MAIN_SIM_H
#define GN_NODE_MAIN_SIM_H

#include "node/cli/cli.h"

extern const struct gn_cli_command gn_main_sim_commands[]; /* ended by a name of NULL */

#endif
