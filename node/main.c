/* node/main.c - the program `ghostnet`. */
#include "node/cli/cli.h"

int main(int argc, char **argv)
{
    return gn_cli_main(argc, argv);
}
