/* SPDX-License-Identifier: MIT */
/*
 * What subcommands have in common on the command line: one VM's config from a TOML file, flags and
 * --set. Parsed by argp, which prints --help from the same tables.
 */
#ifndef NESTOR_CLI_ARGS_H
#define NESTOR_CLI_ARGS_H

#include "base/err.h"
#include "config/source.h"

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
	struct config_override overrides[ARGS_MAX_ASSIGNMENTS];
	size_t nr_overrides;
};

/* The argp child that fills a struct config_args: --set, --kernel, --initrd, --append, --memory,
 * --vcpus. */
extern const struct argp config_argp;

/* An argp child of nothing but --set, with the same input. */
extern const struct argp policy_argp;

/* What they come to: the file by its name, its text not read yet. It borrows from args. */
struct config_source config_args_source(const struct config_args *args);

/* Loads and checks; *ret_config must be destroyed by the caller, also on failure. */
int config_from_args(const struct config_args *args, struct config **ret_config,
	const struct vm_config **ret_vm, struct err *e) MUST_CHECK;

#endif
