/* SPDX-License-Identifier: MIT */
/* nestor nest: its subcommands, each in a file of its own. */
#ifndef NESTOR_CLI_NEST_H
#define NESTOR_CLI_NEST_H

/* Each takes its own argv, argv[0] being "nestor nest NAME", and returns an exit status. */
int cmd_nest_status(int argc, char **argv);
int cmd_nest_enable(int argc, char **argv);
int cmd_nest_disable(int argc, char **argv);
int cmd_nest_probe(int argc, char **argv);

#endif
