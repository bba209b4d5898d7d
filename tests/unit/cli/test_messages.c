/* SPDX-License-Identifier: MIT */
/* What the user is told, and the exit status that goes with it. */
#include "fake/cmocka.h"

#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	FILE *file;
	int saved;
	char text[16384];
};

/* From here on standard error is a file. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->file = tmpfile();
	f->saved = dup(STDERR_FILENO);
	*state = f;
	return f->file && dup2(fileno(f->file), STDERR_FILENO) >= 0 ? 0 : -1;
}

static const char *printed(struct fixture *f)
{
	ssize_t n = pread(fileno(f->file), f->text, sizeof(f->text) - 1, 0);
	f->text[n > 0 ? n : 0] = '\0';
	(void)dup2(f->saved, STDERR_FILENO); /* for what a failing test says */
	return f->text;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	(void)dup2(f->saved, STDERR_FILENO);
	(void)close(f->saved);
	(void)fclose(f->file);
	free(f);
	return 0;
}

static void cli_fail__kinds__have_their_exit_status(void **state)
{
	(void)state;
	struct err e = { .kind = ERR_HOST, .msg = "x" };
	assert_int_equal(cli_fail(&e), 102);
	e.kind = ERR_CONFIG;
	assert_int_equal(cli_fail(&e), 101);
	e.kind = ERR_BUG;
	assert_int_equal(cli_fail(&e), 100);
}

static void cli_fail__several_lines_and_a_hint__each_has_the_prefix(void **state)
{
	struct fixture *f = *state;
	struct err e = { .msg = "one\ntwo", .hint = "do this" };
	(void)cli_fail(&e);
	assert_string_equal(printed(f), "nestor: error: one\nnestor: error: two\n"
					"nestor: hint: do this\n");
}

static void cli_fail__no_terminal__no_colours(void **state)
{
	struct fixture *f = *state;
	struct err e = { .msg = "one" };
	(void)cli_fail(&e);
	assert_null(strchr(printed(f), '\033'));
}

static void cli_usage__text__points_to_help(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(cli_usage("nestor config", "found %s", "x"), 101);
	assert_string_equal(
		printed(f), "nestor: error: found x\nnestor: hint: see `nestor config --help`\n");
}

static void cli_reporter__levels__are_named_and_filtered(void **state)
{
	struct fixture *f = *state;
	struct reporter r = cli_reporter(REPORT_INFO);
	report(&r, REPORT_DEBUG, "a");
	report(&r, REPORT_INFO, "b");
	report(&r, REPORT_WARN, "c");
	report(&r, REPORT_ERROR, "d");
	assert_string_equal(printed(f), "nestor: b\nnestor: warning: c\nnestor: error: d\n");
}

static void cli_reporter__text_larger_than_the_buffer__is_cut_off_safely(void **state)
{
	struct fixture *f = *state;
	struct reporter r = cli_reporter(REPORT_INFO);
	char text[4000];
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 4 == 3 ? '\n' : 'x'; /* the prefixes make it five times as long */
	text[sizeof(text) - 1] = '\0';
	report(&r, REPORT_ERROR, "%s", text);
	assert_in_range(strlen(printed(f)), 4000, 5120);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cli_fail__kinds__have_their_exit_status),
		TEST(cli_fail__several_lines_and_a_hint__each_has_the_prefix),
		TEST(cli_fail__no_terminal__no_colours),
		TEST(cli_usage__text__points_to_help),
		TEST(cli_reporter__levels__are_named_and_filtered),
		TEST(cli_reporter__text_larger_than_the_buffer__is_cut_off_safely),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
