/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include "base/analyzer.h"
#include "base/types.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "run", cmd_run, "run a virtual machine in the foreground" },
	{ "config", cmd_config, "check or show a VM's configuration, or write its device tree" },
	{ "host", cmd_host, "show what this host's KVM can do" },
	{ "kernel", cmd_kernel, "show what a kernel file offers, or unpack it" },
	{ "cpuid", cmd_cpuid,
		"what a VM's processor looks like: explain, check, compare, convert" },
	{ "nest", cmd_nest, "nested virtualization: where it stands, and switching it on and off" },
};

static int print_help(void)
{
	(void)printf("Usage: nestor COMMAND [ARGUMENT...]\n\n"
		     "A virtual machine monitor for nested virtualization on Linux KVM.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)printf("  %-8s %s\n", commands[i].name, commands[i].help);
	(void)printf("\n`nestor COMMAND --help` says more; so do nestor(1) and nestor.toml(5).\n");
	return cli_flush(STATUS_OK);
}

ANALYZER_MISTAKEN("-Wanalyzer-fd-leak"); /* they stay open on purpose */
/* A closed standard descriptor must not become that of a file or of KVM. */
static int fill_standard_descriptors(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	(void)close(fd);
	return 0;
}
ANALYZER_END;

/*
 * With all three open no descriptor is needed to find out; open(2) gives the lowest free one. In a
 * bare initramfs there may be no /dev/null, which is no reason to fail when they are open.
 */
static int check_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			return fill_standard_descriptors();
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (check_standard_descriptors() < 0)
		return STATUS_HOST;
	/* A reader that goes away is an error of write(2), handled where it happens. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* A file at RLIMIT_FSIZE is EFBIG, and a loss of that output, not the end of the VM. */
	(void)signal(SIGXFSZ, SIG_IGN);

	/* Threads allocate little: an arena for each is memory, and time at its first. */
	(void)mallopt(M_ARENA_MAX, 1);

	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return print_help();
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		(void)printf("nestor %s\n", NESTOR_VERSION);
		return cli_flush(STATUS_OK);
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		char full[32];
		(void)snprintf(full, sizeof(full), "nestor %s", name);
		argv[1] = full; /* what argp calls the program in its messages */
		return commands[i].run(argc - 1, argv + 1);
	}
	if (*name == '\0')
		return cli_usage(
			"nestor", "a command is missing: run, config, host, kernel, cpuid or nest");
	return cli_usage("nestor",
		"unknown command %s; expected run, config, host, kernel, cpuid or nest", name);
}
