/* SPDX-License-Identifier: MIT */
/* nestor cpuid: the CPU that a VM sees. This file finds the subcommand. */
#include "cli/cpuid.h"

#include "base/types.h"
#include "cli/cli.h"
#include "cli/subcommand.h"

static const struct subcommand commands[] = {
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

int cmd_cpuid(int argc, char **argv)
{
	static const struct subcommands all = { "cpuid",
		"What a VM's processor looks like, and on which hosts.", commands,
		ARRAY_SIZE(commands) };
	return subcommands_run(&all, argc, argv);
}
