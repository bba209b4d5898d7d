/* SPDX-License-Identifier: MIT */
/* Commands that consist of subcommands: `nestor cpuid`, `nestor nest`. */
#ifndef NESTOR_CLI_SUBCOMMAND_H
#define NESTOR_CLI_SUBCOMMAND_H

#include <stddef.h>

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is "nestor COMMAND NAME" */
	const char *help;                  /* one line */
};

struct subcommands {
	const char *command; /* "nest" */
	const char *about;   /* one line */
	const struct subcommand *list;
	size_t n; /* at least 2 */
};

/* Runs the one that argv[1] names, or prints their help. Returns an exit status. */
int subcommands_run(const struct subcommands *s, int argc, char **argv);

#endif
