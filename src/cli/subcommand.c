/* SPDX-License-Identifier: MIT */
#include "cli/subcommand.h"

#include "base/text_buf.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static int print_help(const struct subcommands *s)
{
	(void)printf("Usage: nestor %s COMMAND [ARGUMENT...]\n\n%s\n\n", s->command, s->about);
	for (size_t i = 0; i < s->n; i++)
		(void)printf("  %-9s %s\n", s->list[i].name, s->list[i].help);
	(void)printf("\n`nestor %s COMMAND --help` says more; so does nestor-%s(1).\n", s->command,
		s->command);
	return cli_flush(STATUS_OK);
}

static int fail_unknown(const struct subcommands *s, const char *name)
{
	char program[32], names[128];
	struct text_buf list = TEXT_BUF(names);
	(void)snprintf(program, sizeof(program), "nestor %s", s->command);
	for (size_t i = 0; i < s->n; i++)
		(void)text_buf_item(&list, i + 1 == s->n ? " or " : ", ", "%s", s->list[i].name);
	return cli_usage(program, "expected %s, found %s", names, *name ? name : "nothing");
}

int subcommands_run(const struct subcommands *s, int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	if (strcmp(name, "--help") == 0 || strcmp(name, "-?") == 0 || strcmp(name, "help") == 0)
		return print_help(s);
	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(name, s->list[i].name) != 0)
			continue;
		char full[32];
		(void)snprintf(full, sizeof(full), "nestor %s %s", s->command, name);
		argv[1] = full; /* what argp calls the program in its messages */
		return s->list[i].run(argc - 1, argv + 1);
	}
	return fail_unknown(s, name);
}
