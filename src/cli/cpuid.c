/* nestor cpuid: the CPU that a VM sees. This file finds the subcommand. */
#include "cli/cpuid.h"

#include "base/types.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "dump", cmd_cpuid_dump, "print what this host's KVM, its processor or a VM has" },
	{ "explain", cmd_cpuid_explain, "say which rule and which line decided each bit of a VM" },
	{ "diff", cmd_cpuid_diff, "compare two hosts or VMs" },
	{ "baseline", cmd_cpuid_baseline,
		"find the largest policy that runs on all of several hosts" },
	{ "check", cmd_cpuid_check, "find out on which hosts a VM can run" },
	{ "models", cmd_cpuid_models, "list the named models, and which of them run here" },
	{ "convert", cmd_cpuid_convert,
		"translate a policy from or to QEMU, libvirt or Firecracker" },
	{ "verify", cmd_cpuid_verify,
		"run a tiny guest and compare what it sees with the promise" },
};

static int print_help(void)
{
	(void)printf("Usage: nestor cpuid COMMAND [ARGUMENT...]\n\n"
		     "What a VM's processor looks like, and on which hosts.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)printf("  %-9s %s\n", commands[i].name, commands[i].help);
	(void)printf("\n`nestor cpuid COMMAND --help` says more; so does nestor-cpuid(1).\n");
	return cli_flush(STATUS_OK);
}

int cmd_cpuid(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0 || strcmp(name, "help") == 0)
		return print_help();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		char full[32];
		(void)snprintf(full, sizeof(full), "nestor cpuid %s", name);
		argv[1] = full;
		return commands[i].run(argc - 1, argv + 1);
	}
	return cli_usage("nestor cpuid",
		"expected dump, explain, diff, baseline, check, models, convert or verify, found "
		"%s",
		*name ? name : "nothing");
}
