/* SPDX-License-Identifier: MIT */
/* nestor nest probe: what this CPU really offers a hypervisor, and how that differs from a profile.
 */
#include "cli/nest.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "render/json_out.h"
#include "render/nest_probe.h"

#include <errno.h>

#define DEFAULT_PROFILE "minimal"

struct probe_args {
	const char *profile;
	bool json;
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct probe_args *args = state->input;
	switch (option) {
	case 'j':
		args->json = true;
		return 0;
	case 'p':
		args->profile = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ "profile", 'p', "NAME", 0,
		"compare with what this guest hypervisor needs: full, kvm, xen, hyperv, vmware or "
		"minimal (the default)",
		0 },
	{ 0 },
};
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Print what the CPU that this runs on really offers a hypervisor: every capability "
	       "of VMX or SVM by name. In a VM, that is what the hypervisor below gives it."
	       "\vThe exit status is 0 where this CPU can host the profile, else 1.",
};

int cmd_nest_probe(int argc, char **argv)
{
	struct probe_args args = { .profile = DEFAULT_PROFILE };
	struct nest_probe r = { 0 };
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	int rc = nest_probe_make(&r, args.profile, &e);
	if (rc == 0 && !args.json)
		nest_probe_text(&r, stdout);
	else if (rc == 0 && json_out(nest_probe_json(&r), /* pretty */ true, stdout) == -ENOMEM)
		rc = err_set(&e, -ENOMEM, "out of memory");
	int status = rc ? cli_fail(&e) : cli_flush(STATUS_OK);
	if (status == STATUS_OK && !r.can_host)
		status = STATUS_NO;
	nest_probe_done(&r);
	return status;
}
