/* SPDX-License-Identifier: MIT */
/* nestor config: check, show, and the device tree. */
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/config_check.h"
#include "cli/outfile.h"
#include "policy/planning.h"

#include "base/fd.h"
#include "fdt/fdt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command_args {
	struct config_args config;
	bool json;
	const char *output;
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct command_args *args = state->input;
	switch (option) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->config;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case 'o':
		args->output = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { .argp = &config_argp }, { 0 } };

static const struct argp_option show_options[] = {
	{ "json", 'j', NULL, 0, "print JSON", 2 },
	{ 0 },
};
static const struct argp_option dtb_options[] = {
	{ "output", 'o', "FILE", 0, "write there, not to standard output", 2 },
	{ 0 },
};
static const struct argp check_argp = {
	.options = show_options,
	.parser = parse,
	.args_doc = "[VM.toml]",
	.children = children,
	.doc = "Check a VM's configuration, without starting anything and without a host: what is "
	       "wrong everywhere.\vThe exit status is 0 where it is good, 101 where it is not; "
	       "every "
	       "fault is printed, with file, line and column. Whether a host can run it is for "
	       "`nestor cpuid check` to say.",
};
static const struct argp show_argp = {
	.options = show_options,
	.parser = parse,
	.args_doc = "[VM.toml]",
	.children = children,
	.doc = "Show the effective configuration, and where each value comes from.",
};
static const struct argp dtb_argp = {
	.options = dtb_options,
	.parser = parse,
	.args_doc = "[VM.toml]",
	.children = children,
	.doc = "Write the flattened device tree of the VM as this host would run it.",
};

static int check(const struct command_args *args)
{
	return config_check(&args->config, args->json);
}

static int show(const struct command_args *args)
{
	struct config *c = NULL;
	const struct vm_config *vm = NULL;
	struct err e = ERR_INIT;
	int rc = config_from_args(&args->config, &c, &vm, &e);
	if (rc == 0 && config_show(c, stdout, args->json) == -ENOMEM)
		rc = err_set_errno(&e, -ENOMEM, "cannot show the configuration");
	config_destroy(c);
	/* cli_flush finds, and names, what else there was. */
	return rc ? cli_fail(&e) : cli_flush(STATUS_OK);
}

/* It has the kernel's command line, where people put passwords. */
static int write_blob(
	const struct command_args *args, const uint8_t *blob, size_t size, struct err *e)
{
	if (args->output)
		return outfile_write_whole(
			args->output, args->config.file, /* secret */ true, blob, size, e);
	int rc = fd_write_all(STDOUT_FILENO, blob, size);
	return rc ? err_set_errno(e, rc, "cannot write standard output") : 0;
}

static int dtb(const struct command_args *args)
{
	struct err e = ERR_INIT;
	if (!args->output && isatty(STDOUT_FILENO) == 1)
		return cli_usage("nestor config dtb",
			"a device tree is binary: name a file with -o, or redirect");
	struct kvm *kvm = NULL;
	struct policy_file *policy_file = NULL;
	struct machine_plan *plan = NULL;
	uint8_t *blob = NULL;
	size_t size = 0;
	const struct config_source source = config_args_source(&args->config);
	int rc = policy_file_load(&policy_file, &source, POLICY_FILE_RUN, &e);
	if (rc == 0)
		rc = kvm_open(&kvm, &kvm_calls_real, KVM_DEVICE_PATH, &e);
	if (rc == 0)
		rc = plan_on_host(
			kvm, policy_file, /* reporter */ NULL, &plan, /* policy */ NULL, &e);
	kvm_close(kvm);
	if (rc == 0) {
		struct fdt_info info = {
			.cmdline = policy_file_vm(policy_file)->boot.cmdline,
		};
		rc = fdt_build(plan, &info, &blob, &size, &e);
	}
	if (rc == 0)
		rc = write_blob(args, blob, size, &e);
	fdt_free(blob);
	plan_destroy(plan);
	policy_file_destroy(policy_file);
	return rc ? cli_fail(&e) : STATUS_OK;
}

static const struct {
	const char *name, *full;
	const struct argp *argp;
	int (*run)(const struct command_args *args);
} commands[] = {
	{ "check", "nestor config check", &check_argp, check },
	{ "show", "nestor config show", &show_argp, show },
	{ "dtb", "nestor config dtb", &dtb_argp, dtb },
};

static int run_command(size_t i, int argc, char **argv)
{
	struct command_args args = { 0 };
	char full[32];
	(void)snprintf(full, sizeof(full), "%s", commands[i].full);
	argv[0] = full;
	if (args_parse(commands[i].argp, argc, argv, &args))
		return STATUS_CONFIG;
	return commands[i].run(&args);
}

int cmd_config(int argc, char **argv)
{
	static const char usage[] = "Usage: nestor config check|show|dtb [OPTION...] [VM.toml]\n\n"
				    "`nestor config check --help`, and so on, say more.\n";
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0) {
		(void)fputs(usage, stdout);
		return cli_flush(STATUS_OK);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name) == 0)
			return run_command(i, argc - 1, argv + 1);
	}
	return cli_usage(
		"nestor config", "expected check, show or dtb, found %s", *name ? name : "nothing");
}
