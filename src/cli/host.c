/* SPDX-License-Identifier: MIT */
/* nestor host: what this host's KVM can do. */
#include "cli/args.h"
#include "cli/cli.h"
#include "render/host_report.h"
#include "render/json_out.h"

#include <errno.h>
#include <stdlib.h>

struct host_args {
	bool json;
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct host_args *args = state->input;
	(void)arg;
	if (option != 'j')
		return option == ARGP_KEY_ARG ? (argp_usage(state), 0) : ARGP_ERR_UNKNOWN;
	args->json = true;
	return 0;
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Show what this host's KVM can do: API version, capabilities that nestor uses, "
	       "nested "
	       "virtualization, limits.\vThe exit status is 0, or 102 where KVM cannot be used.",
};

int cmd_host(int argc, char **argv)
{
	struct host_args args = { 0 };
	struct err e = ERR_INIT;
	struct host_report *r = NULL;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	int rc = host_report_create(&r, &e);
	if (rc == 0 && !args.json)
		host_report_text(r, stdout);
	else if (rc == 0 && json_out(host_report_json(r), /* pretty */ true, stdout) == -ENOMEM)
		rc = err_set(&e, -ENOMEM, "out of memory");
	free(r);
	return rc ? cli_fail(&e) : cli_flush(STATUS_OK);
}
