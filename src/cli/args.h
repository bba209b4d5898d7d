/* SPDX-License-Identifier: MIT */
/*
 * What subcommands have in common on the command line: one VM's config from a TOML file, flags and
 * --set. Parsed by argp, which prints --help from the same tables.
 */
#ifndef NESTOR_CLI_ARGS_H
#define NESTOR_CLI_ARGS_H

#include "base/err.h"
#include "config/config.h"

#include <argp.h>

#define ARGS_MAX_CHILDREN 4 /* of an argp; theirs have none */

/* argp_parse with nestor's conventions: usage errors end with STATUS_CONFIG, --help with 0; what it
 * prints of the command line can be printed. */
int args_parse(const struct argp *argp, int argc, char **argv, void *input);

/* argp_error with a message that may hold what the user gave: a terminal obeys nothing in it. */
void args_refuse(struct argp_state *state, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define ARGS_MAX_ASSIGNMENTS 256

/* Overrides in the order given; text is borrowed from argv. */
struct config_args {
	const char *file; /* the TOML file, or NULL */
	struct {
		const char *key; /* NULL: text is key=value (--set) */
		const char *text;
		const char *flag;
	} assignments[ARGS_MAX_ASSIGNMENTS];
	size_t nr_assignments;
};

/* The argp child that fills a struct config_args: --set, --kernel, --initrd, --append, --memory,
 * --vcpus. */
extern const struct argp config_argp;

/* Loads the file and sets what the flags say, in their order; nothing is checked as a whole yet. */
int config_apply_args(struct config *c, const struct config_args *args, struct err *e) MUST_CHECK;

/* Loads and checks; *ret_config must be destroyed by the caller, also on failure. */
int config_from_args(const struct config_args *args, struct config **ret_config,
	const struct vm_config **ret_vm, struct err *e) MUST_CHECK;

#endif
