/* SPDX-License-Identifier: MIT */
/* nestor nest status: whether this host, and VMs, can nest. YES or NO, with every reason. */
#include "cli/nest.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "render/json_out.h"
#include "render/nest_status.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_FILES 256

struct status_args {
	struct config_args config; /* --set, for every file */
	const char *files[MAX_FILES];
	size_t nr_files;
	bool json;
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct status_args *args = state->input;
	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->nr_files == MAX_FILES) {
			argp_error(state, "more than %d files", MAX_FILES);
			return EINVAL;
		}
		args->files[args->nr_files++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->nr_files == 0 && args->config.nr_overrides > 0)
			argp_error(state, "--set is for a VM's file, and none is given");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};
static const struct argp_child children[] = { { &policy_argp, 0, NULL, 0 }, { 0 } };
static const struct argp argp = {
	.options = options,
	.children = children,
	.parser = parse,
	.args_doc = "[vm.toml...]",
	.doc = "Say whether this host can expose virtualization extensions to VMs, and whether "
	       "each VM may and can be a hypervisor: YES or NO, with every reason and its fix."
	       "\vThe exit status is 0 where every answer is YES, and 1 where one is NO.",
};

static int check_files(const struct status_args *args, struct err *e)
{
	for (size_t i = 0; i < args->nr_files; i++) {
		if (access(args->files[i], R_OK) == 0)
			continue;
		int rc = err_set_errno(e, -errno, "cannot read %s", args->files[i]);
		if (e)
			e->kind = ERR_CONFIG;
		return rc;
	}
	return 0;
}

static int gather(const struct status_args *args, struct nest_status **ret_status, struct err *e)
{
	struct config_source *sources = calloc(args->nr_files + 1, sizeof(*sources));
	int rc = sources ? check_files(args, e) : err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < args->nr_files; i++) {
		sources[i] = config_args_source(&args->config);
		sources[i].name = args->files[i];
	}
	if (rc == 0)
		rc = nest_status_create(ret_status, sources, args->nr_files, e);
	free(sources);
	return rc;
}

static int print(const struct nest_status *s, bool json, struct err *e)
{
	if (json && json_out(nest_status_json(s), /* pretty */ true, stdout) == -ENOMEM)
		return err_set(e, -ENOMEM, "out of memory");
	if (!json)
		nest_status_text(s, stdout);
	return 0; /* what could not be written, cli_flush finds */
}

int cmd_nest_status(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct nest_status *s = NULL;
	struct status_args *args = calloc(1, sizeof(*args));
	int status = STATUS_CONFIG;
	if (!args) {
		(void)err_set(&e, -ENOMEM, "out of memory");
		status = cli_fail(&e);
	} else if (args_parse(&argp, argc, argv, args) == 0) {
		int rc = gather(args, &s, &e);
		if (rc == 0)
			rc = print(s, args->json, &e);
		status = rc ? cli_fail(&e) : cli_flush(STATUS_OK);
		if (status == STATUS_OK && !nest_status_is_yes(s))
			status = STATUS_NO;
	}
	nest_status_destroy(s);
	free(args);
	return status;
}
