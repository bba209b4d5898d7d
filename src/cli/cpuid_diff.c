/* SPDX-License-Identifier: MIT */
/* nestor cpuid diff: two hosts or VMs, by the names of what differs. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/outfile.h"
#include "config/text.h"
#include "render/difference.h"
#include "render/json_out.h"
#include "render/paint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct diff_args {
	const char *operands[2];
	unsigned nr_operands;
	const char *host, *html;
	uint64_t vcpu;
	bool json;
};

enum { OPTION_HOST = 256, OPTION_VCPU, OPTION_HTML };

static const struct argp_option options[] = {
	{ "host", OPTION_HOST, "FILE", 0, "where VMs run: the host saved there, not this one", 0 },
	{ "vcpu", OPTION_VCPU, "N", 0, "which vCPU of VMs (default 0)", 0 },
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ "html", OPTION_HTML, "FILE", 0, "write a page (-: standard output)", 0 },
	{ 0 },
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct diff_args *args = state->input;
	switch (option) {
	case OPTION_HOST:
		args->host = arg;
		return 0;
	case OPTION_VCPU:
		if (text_parse_integer(arg, &args->vcpu) || args->vcpu >= PLAN_MAX_VCPUS)
			args_refuse(state, "--vcpu: expected a number below %d, found %s",
				PLAN_MAX_VCPUS, arg);
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case OPTION_HTML:
		args->html = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (args->nr_operands == 2)
			args_refuse(state, "expected two things to compare, found more: %s", arg);
		args->operands[args->nr_operands++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->nr_operands < 2)
			argp_error(state, "expected two things to compare");
		if (args->html && args->json)
			argp_error(state, "only one of --json and --html");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "A B",
	.doc = "Compare what two hosts have or two VMs see. A and B are each a file that `nestor "
	       "cpuid dump` or `cpuid -r` wrote, a VM's file (its name ends in .toml), the word "
	       "kvm "
	       "(this host's KVM), or the word host (its processor).\vThe exit status is 0 where "
	       "they "
	       "are alike, 1 where they differ, 101 where a file is bad, or 102 where KVM cannot "
	       "be "
	       "used.",
};

static int print(const struct diff_args *args, const struct hostfile *a, const struct hostfile *b,
	int *ret_status, struct err *e)
{
	struct difference d;
	struct outfile out;
	const char *const inputs[] = { args->operands[0], args->operands[1], args->host };
	int rc = difference_make(&d, a, args->operands[0], b, args->operands[1], e);
	if (rc)
		return rc;
	*ret_status = difference_is_none(&d) ? STATUS_OK : STATUS_NO;
	rc = outfile_open(&out, args->html, inputs, ARRAY_SIZE(inputs), e);
	if (rc == 0 && args->html)
		difference_html(&d, out.file);
	else if (rc == 0 && !args->json)
		difference_text(&d, out.file);
	else if (rc == 0 && json_out(difference_json(&d), /* pretty */ true, out.file) == -ENOMEM)
		rc = err_set(e, -ENOMEM, "out of memory");
	/* Anything else that goes wrong while writing is found when the file is closed. */
	rc = outfile_close(&out, rc, e);
	difference_done(&d);
	return rc;
}

int cmd_cpuid_diff(int argc, char **argv)
{
	struct diff_args args = { 0 };
	struct err e = ERR_INIT;
	int status = STATUS_OK;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	struct hostfile *views = calloc(2, sizeof(*views));
	const struct reporter reporter = cli_reporter(REPORT_WARN);
	int rc = views ? 0 : err_set(&e, -ENOMEM, "out of memory");
	for (unsigned i = 0; rc == 0 && i < 2; i++)
		rc = cpuid_operand_load(
			args.operands[i], args.host, (unsigned)args.vcpu, &reporter, &views[i], &e);
	if (rc == 0)
		rc = print(&args, &views[0], &views[1], &status, &e);
	free(views);
	return rc ? cli_fail(&e) : status;
}
