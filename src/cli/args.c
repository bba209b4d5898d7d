/* SPDX-License-Identifier: MIT */
#include "cli/args.h"

#include "cli/cli.h"
#include "config/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each plain flag stands for one key. */
static const struct {
	int option;
	const char *flag, *key;
} flags[] = {
	{ 'k', "--kernel", "boot.kernel" },
	{ 'i', "--initrd", "boot.initrd" },
	{ 'a', "--append", "boot.cmdline" },
	{ 'm', "--memory", "memory.size" },
	{ 'c', "--vcpus", "cpu.vcpus" },
};

static const struct argp_option options[] = {
	{ "kernel", 'k', "FILE", 0, "kernel to boot (boot.kernel)", 1 },
	{ "initrd", 'i', "FILE", 0, "initial RAM disk (boot.initrd)", 1 },
	{ "append", 'a', "CMDLINE", 0, "kernel command line (boot.cmdline)", 1 },
	{ "memory", 'm', "SIZE", 0, "guest RAM, such as 512M (memory.size)", 1 },
	{ "vcpus", 'c', "N", 0, "number of vCPUs (cpu.vcpus)", 1 },
	{ "set", 's', "KEY=VALUE", 0, "override any key of the file; see nestor.toml(5)", 1 },
	{ 0 },
};

void args_refuse(struct argp_state *state, const char *fmt, ...)
{
	char raw[512], text[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	argp_error(state, "%s", text_printable(text, sizeof(text), raw, strlen(raw)));
}

static error_t add(struct argp_state *state, const char *key, const char *text, const char *flag)
{
	struct config_args *args = state->input;
	if (args->nr_overrides == ARGS_MAX_ASSIGNMENTS) {
		argp_error(state, "more than %d flags that set a key", ARGS_MAX_ASSIGNMENTS);
		return EINVAL;
	}
	args->overrides[args->nr_overrides++] =
		(struct config_override){ .key = key, .text = text, .origin = flag };
	return 0;
}

static error_t parse(int option, char *arg, struct argp_state *state)
{
	struct config_args *args = state->input;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (flags[i].option == option)
			return add(state, flags[i].key, arg, flags[i].flag);
	}
	switch (option) {
	case 's':
		return add(state, /* key */ NULL, arg, "--set");
	case ARGP_KEY_ARG:
		if (args->file)
			args_refuse(state, "one config file at most: %s and %s were given",
				args->file, arg);
		args->file = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp config_argp = { .options = options, .parser = parse };

static error_t parse_set(int option, char *arg, struct argp_state *state)
{
	return option == 's' ? add(state, /* key */ NULL, arg, "--set") : ARGP_ERR_UNKNOWN;
}

static const struct argp_option set_options[] = {
	{ "set", 's', "KEY=VALUE", 0, "override any key of the VM's file; see nestor.toml(5)", 1 },
	{ 0 },
};
const struct argp policy_argp = { .options = set_options, .parser = parse_set };

static error_t ignore(int option, char *arg, struct argp_state *state)
{
	(void)option;
	(void)arg;
	(void)state;
	return 0;
}

/* A word of the command line as it may be printed, owned. */
static char *printable_word(const char *word)
{
	size_t n = strlen(word);
	char *copy = malloc(n + 4);
	if (!copy)
		return NULL;
	(void)text_printable(copy, n + 4, word, n);
	/* What stands for others must not become the short option -?. */
	if (word[0] == '-' && word[1] != '-' && strcmp(copy, word) != 0)
		for (char *p = copy; (p = strchr(p, '?')); p++)
			*p = '_';
	return copy;
}

/*
 * getopt prints an option that it does not know as it was given, whatever a terminal makes of that.
 * So the options alone, without what they mean, are parsed once with words that can be printed: if
 * there is anything to complain of, that ends there.
 */
static int parse_printable(const struct argp *argp, int argc, char **argv)
{
	struct argp_child children[ARGS_MAX_CHILDREN + 1] = { 0 };
	struct argp inner[ARGS_MAX_CHILDREN];
	struct argp outer = *argp;
	outer.parser = ignore;
	for (size_t i = 0; argp->children && argp->children[i].argp && i < ARGS_MAX_CHILDREN; i++) {
		inner[i] = *argp->children[i].argp;
		inner[i].parser = ignore;
		children[i] = argp->children[i];
		children[i].argp = &inner[i];
	}
	outer.children = argp->children ? children : NULL;
	char **words = calloc((size_t)argc + 1, sizeof(*words));
	int rc = words ? 0 : ENOMEM;
	for (int i = 0; rc == 0 && i < argc; i++) {
		words[i] = printable_word(argv[i]);
		rc = words[i] ? 0 : ENOMEM;
	}
	if (rc == 0)
		rc = argp_parse(&outer, argc, words, 0, /* arg_index */ NULL, /* input */ NULL);
	for (int i = 0; words && i < argc; i++)
		free(words[i]);
	free((void *)words);
	return rc;
}

static bool is_printable(const char *word)
{
	for (; *word; word++)
		if (*word < 0x20 || *word > 0x7e)
			return false;
	return true;
}

int args_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	bool plain = true;
	argp_err_exit_status = STATUS_CONFIG;
	for (int i = 0; i < argc; i++)
		plain &= is_printable(argv[i]);
	int rc = plain ? 0 : parse_printable(argp, argc, argv);
	return rc ? rc : argp_parse(argp, argc, argv, 0, /* arg_index */ NULL, input);
}

struct config_source config_args_source(const struct config_args *args)
{
	return (struct config_source){
		.name = args->file,
		.overrides = args->overrides,
		.nr_overrides = args->nr_overrides,
	};
}

int config_from_args(const struct config_args *args, struct config **ret_config,
	const struct vm_config **ret_vm, struct err *e)
{
	struct config *c = config_create();
	*ret_config = c;
	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	const struct config_source source = config_args_source(args);
	int rc = config_load(c, &source, e);
	return rc ? rc : config_finish(c, ret_vm, e);
}
