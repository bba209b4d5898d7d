/* nestor nest: VMs that are hypervisors. This file finds the subcommand. */
#include "cli/nest.h"

#include "base/types.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "status", cmd_nest_status, "say whether this host, and VMs, can nest, and why not" },
	{ "enable", cmd_nest_enable, "let a VM be a hypervisor: change its TOML file in place" },
	{ "disable", cmd_nest_disable, "hide the virtualization extensions from a VM again" },
	{ "probe", cmd_nest_probe, "print what this CPU really offers a hypervisor" },
};

static int print_help(void)
{
	(void)printf("Usage: nestor nest COMMAND [ARGUMENT...]\n\n"
		     "VMs that are hypervisors themselves.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)printf("  %-9s %s\n", commands[i].name, commands[i].help);
	(void)printf("\n`nestor nest COMMAND --help` says more; so does nestor-nest(1).\n");
	return cli_flush(STATUS_OK);
}

int cmd_nest(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0 || strcmp(name, "help") == 0)
		return print_help();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		char full[32];
		(void)snprintf(full, sizeof(full), "nestor nest %s", name);
		argv[1] = full;
		return commands[i].run(argc - 1, argv + 1);
	}
	return cli_usage("nestor nest", "expected status, enable, disable or probe, found %s",
		*name ? name : "nothing");
}
