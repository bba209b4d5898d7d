/* SPDX-License-Identifier: MIT */
/* Flags and --set into a config, in the order given, over the file. */
#include "fake/cmocka.h"

#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	struct config_args args;
	struct config *config;
	const struct vm_config *vm;
	struct err e;
	char file[64], assignment[96];
};

static error_t parse(int option, char *arg, struct argp_state *state)
{
	(void)arg;
	if (option != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static const struct argp_child children[] = { { .argp = &config_argp }, { 0 } };
static const struct argp argp = { .parser = parse, .children = children };

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	(void)snprintf(f->file, sizeof(f->file), "/tmp/nestor-test-args-XXXXXX");
	int fd = mkstemp(f->file);
	static const char text[] = "[memory]\nsize = \"64M\"\n[cpu]\nvcpus = 2\n[boot]\n"
				   "kernel = \"/dev/null\"\n";
	bool good = fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1;
	(void)close(fd);
	return good ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	config_destroy(f->config);
	(void)unlink(f->file);
	free(f);
	return 0;
}

/* Parses the words (ending with NULL) and makes the config of them. */
static int make(struct fixture *f, char **words)
{
	char *argv[16] = { (char[]){ "nestor run" } };
	int argc = 1;
	while (*words)
		argv[argc++] = *words++;
	assert_int_equal(args_parse(&argp, argc, argv, &f->args), 0);
	return config_from_args(&f->args, &f->config, &f->vm, &f->e);
}

#define MAKE(f, ...) make((f), (char *[]){ __VA_ARGS__, NULL })
#define WORD(text) ((char[]){ text })

static void config_from_args__file_alone__gives_its_values(void **state)
{
	struct fixture *f = *state;
	(void)MAKE(f, f->file);
	assert_string_equal(f->args.file, f->file);
	assert_contains(config_origin(f->config, "memory.size"), f->file);
}

static void config_from_args__flags_over_the_file__last_one_counts(void **state)
{
	struct fixture *f = *state;
	(void)snprintf(f->assignment, sizeof(f->assignment), "boot.kernel=%s", f->file);
	assert_int_equal(MAKE(f, f->file, WORD("-m"), WORD("32M"), WORD("--set"), f->assignment,
				 WORD("--set"), WORD("memory.size=48M"), WORD("--vcpus=3")),
		0);
	assert_int_equal(f->vm->memory.size_bytes, 48 * MIB);
	assert_int_equal(f->vm->cpu.vcpus, 3);
	assert_string_equal(f->vm->boot.kernel, f->file);
	assert_string_equal(config_origin(f->config, "memory.size"), "--set");
	assert_string_equal(config_origin(f->config, "cpu.vcpus"), "--vcpus");
}

static void config_from_args__append__is_never_read_as_toml(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		MAKE(f, WORD("-k"), f->file, WORD("--append"), WORD("\"quoted\" a=1 [b]")), 0);
	assert_string_equal(f->vm->boot.cmdline, "\"quoted\" a=1 [b]");
}

static void config_from_args__bad_value__names_the_flag(void **state)
{
	struct fixture *f = *state;
	assert_true(MAKE(f, WORD("-k"), f->file, WORD("--memory"), WORD("much")) < 0);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "--memory");
	assert_contains(f->e.msg, "memory.size");
}

static void config_from_args__absent_file__is_the_users_fault(void **state)
{
	struct fixture *f = *state;
	assert_true(MAKE(f, WORD("/nonexistent.toml")) < 0);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "/nonexistent.toml");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_from_args__file_alone__gives_its_values),
		TEST(config_from_args__flags_over_the_file__last_one_counts),
		TEST(config_from_args__append__is_never_read_as_toml),
		TEST(config_from_args__bad_value__names_the_flag),
		TEST(config_from_args__absent_file__is_the_users_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
