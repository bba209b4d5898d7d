/* SPDX-License-Identifier: MIT */
/* nestor cpuid dump: CPUID tables and MSRs, as text that names every bit, raw, or as JSON. */
#include "cli/cpuid.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/outfile.h"
#include "config/text.h"
#include "policy/cpuid_view.h"
#include "render/view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum dump_form { DUMP_TEXT, DUMP_RAW, DUMP_JSON };

struct dump_args {
	struct config_args config;
	const char *file; /* a saved one, or NULL */
	bool processor, kvm;
	const char *host_file;
	uint64_t vcpu;
	enum dump_form form;
	const char *output;
};

enum { OPTION_HOST = 256, OPTION_KVM, OPTION_VM, OPTION_HOST_FILE, OPTION_VCPU, OPTION_RAW };

static const struct argp_option options[] = {
	{ "host", OPTION_HOST, NULL, 0, "this host's processor, as it is without KVM", 2 },
	{ "kvm", OPTION_KVM, NULL, 0, "what this host's KVM supports (the default)", 2 },
	{ "vm", OPTION_VM, "VM.toml", 0, "what a vCPU of that VM sees", 2 },
	{ "host-file", OPTION_HOST_FILE, "FILE", 0, "with --vm: on the host saved there", 2 },
	{ "vcpu", OPTION_VCPU, "N", 0, "with --vm: which vCPU (default 0)", 2 },
	{ "raw", OPTION_RAW, NULL, 0, "print the registers as `cpuid -r` does", 3 },
	{ "json", 'j', NULL, 0, "print JSON, which keeps all that is known of a host", 3 },
	{ "output", 'o', "FILE", 0, "write there, not to standard output", 3 },
	{ 0 },
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct dump_args *args = state->input;
	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case OPTION_HOST:
		args->processor = true;
		return 0;
	case OPTION_KVM:
		args->kvm = true;
		return 0;
	case OPTION_VM:
		args->config.file = arg;
		return 0;
	case OPTION_HOST_FILE:
		args->host_file = arg;
		return 0;
	case OPTION_VCPU:
		if (text_parse_integer(arg, &args->vcpu) || args->vcpu >= PLAN_MAX_VCPUS)
			args_refuse(state, "--vcpu: expected a number below %d, found %s",
				PLAN_MAX_VCPUS, arg);
		return 0;
	case OPTION_RAW:
		args->form = DUMP_RAW;
		return 0;
	case 'j':
		args->form = DUMP_JSON;
		return 0;
	case 'o':
		args->output = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (args->file)
			argp_error(state, "one file at most");
		args->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->processor + args->kvm + (args->config.file != NULL) +
				(args->file != NULL) >
			1)
			argp_error(state, "only one of --host, --kvm, --vm and a file");
		if (!args->config.file && (args->host_file || args->config.nr_overrides))
			argp_error(state, "--host-file and --set go with --vm");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { .argp = &policy_argp }, { 0 } };
static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "[FILE]",
	.children = children,
	.doc = "Print CPUID and MSRs: of this host's KVM, of its processor, of a vCPU of a VM, or "
	       "of "
	       "a FILE that was saved before.\vWhat --raw and --json print can be read back, by "
	       "this "
	       "and the other cpuid commands. The exit status is 0, 101 where a file is bad, or "
	       "102 "
	       "where KVM cannot be used.",
};

static int load(const struct dump_args *args, struct hostfile *ret_view, struct err *e)
{
	const struct reporter reporter = cli_reporter(REPORT_WARN);
	if (args->config.file) {
		const struct config_source source = config_args_source(&args->config);
		return cpuid_vm_load_view(
			&source, args->host_file, (unsigned)args->vcpu, &reporter, ret_view, e);
	}
	if (args->file) {
		int rc = hostfile_read(args->file, ret_view, e);
		if (rc == 0)
			cpuid_host_note(args->file, &reporter, ret_view);
		return rc;
	}
	if (!args->processor)
		return cpuid_host_load(
			/* operand: this host's KVM */ NULL, &reporter, ret_view, e);
	cpuid_processor_load(ret_view);
	return 0;
}

static int write_view(const struct dump_args *args, const struct hostfile *view, struct err *e)
{
	struct outfile out;
	const char *const inputs[] = { args->file, args->config.file, args->host_file };
	int rc = outfile_open(&out, args->output, inputs, ARRAY_SIZE(inputs), e);
	if (rc)
		return rc;
	/* What cannot be written is found again when the file is closed. */
	switch (args->form) {
	case DUMP_TEXT:
		view_text(view, out.file);
		break;
	case DUMP_RAW:
		rc = hostfile_write_raw(view, out.file);
		break;
	case DUMP_JSON:
		rc = hostfile_write_json(view, out.file);
		break;
	}
	return outfile_close(&out, rc == -EIO ? 0 : rc, e);
}

int cmd_cpuid_dump(int argc, char **argv)
{
	struct dump_args args = { 0 };
	struct err e = ERR_INIT;
	if (args_parse(&argp, argc, argv, &args))
		return STATUS_CONFIG;
	struct hostfile *view = malloc(sizeof(*view));
	int rc = view ? 0 : err_set(&e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = load(&args, view, &e);
	if (rc == 0)
		rc = write_view(&args, view, &e);
	free(view);
	return rc ? cli_fail(&e) : STATUS_OK;
}
