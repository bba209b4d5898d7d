/* SPDX-License-Identifier: MIT */
/* nestor nest: VMs that are hypervisors. This file finds the subcommand. */
#include "cli/nest.h"

#include "base/types.h"
#include "cli/cli.h"
#include "cli/subcommand.h"

static const struct subcommand commands[] = {
	{ "status", cmd_nest_status, "say whether this host, and VMs, can nest, and why not" },
	{ "enable", cmd_nest_enable, "let a VM be a hypervisor: change its TOML file in place" },
	{ "disable", cmd_nest_disable, "hide the virtualization extensions from a VM again" },
	{ "probe", cmd_nest_probe, "print what this CPU really offers a hypervisor" },
};

int cmd_nest(int argc, char **argv)
{
	static const struct subcommands all = { "nest", "VMs that are hypervisors themselves.",
		commands, ARRAY_SIZE(commands) };
	return subcommands_run(&all, argc, argv);
}
