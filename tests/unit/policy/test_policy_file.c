/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a config on every host: each file of tests/config/everywhere has the lines of
 * the .err file beside it, all at once; a file of pass/ has none, whatever it holds.
 */
#include "fake/cmocka.h"

#include "policy/policy_file.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_TEXT (64 << 10)

struct file {
	char text[MAX_TEXT];
	size_t n;
};

static struct file *read_file(const char *path)
{
	struct file *f = malloc(sizeof(*f));
	FILE *in = fopen(path, "rbe");
	assert_non_null(f);
	if (!in)
		fail_msg("cannot open %s", path);
	f->n = fread(f->text, 1, sizeof(f->text) - 1, in);
	f->text[f->n] = '\0';
	assert_int_equal(fclose(in), 0);
	return f;
}

static void check_text(const char *name, const struct file *f, struct findings *ret_found)
{
	struct err e = ERR_INIT;
	const struct config_source source = { .name = name, .text = f->text, .n = f->n };
	*ret_found = (struct findings){ 0 };
	if (policy_file_check(&source, POLICY_FILE_ASK, /* more */ NULL, ret_found, &e))
		fail_msg("%s: %s", name, e.msg);
}

static char *lines_of(const struct findings *found)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	assert_non_null(out);
	for (size_t i = 0; i < found->n; i++) {
		char *line = finding_line(&found->items[i]);
		assert_non_null(line);
		(void)fprintf(out, "%s\n", line);
		free(line);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static unsigned walk(const char *pattern, void (*visit)(const char *path))
{
	glob_t found = { 0 };
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	unsigned n = (unsigned)found.gl_pathc;
	for (size_t i = 0; i < found.gl_pathc; i++)
		visit(found.gl_pathv[i]);
	globfree(&found);
	return n;
}

static void visit_wrong(const char *path)
{
	char expected_path[512];
	struct findings found;
	(void)snprintf(expected_path, sizeof(expected_path), "%.*s.err",
		(int)(strlen(path) - strlen(".toml")), path);
	struct file *toml = read_file(path), *expected = read_file(expected_path);
	check_text(strrchr(path, '/') + 1, toml, &found);
	char *lines = lines_of(&found);
	if (strcmp(lines, expected->text) != 0)
		fail_msg("%s: expected\n%sbut got\n%s", path, expected->text, lines);
	for (size_t i = 0; i < found.n; i++) {
		assert_int_equal(found.items[i].level, FINDING_ERROR);
		assert_true(found.items[i].id[0] != '\0');
		/* What the file says has a place in it. */
		assert_non_null(found.items[i].key);
		assert_non_null(found.items[i].file);
		assert_true(found.items[i].line > 0 && found.items[i].column > 0);
	}
	free(lines);
	findings_done(&found);
	free(toml);
	free(expected);
}

static void visit_right(const char *path)
{
	struct findings found;
	struct file *toml = read_file(path);
	check_text(strrchr(path, '/') + 1, toml, &found);
	char *lines = lines_of(&found);
	if (found.n > 0)
		fail_msg("%s: %s", path, lines);
	free(lines);
	findings_done(&found);
	free(toml);
}

static void policy_file_check__wrong_on_every_host__all_is_named_with_its_place(void **state)
{
	(void)state;
	assert_true(walk(CONFIG_FOLDER "/everywhere/*.toml", visit_wrong) >= 8);
}

static void policy_file_check__right_on_some_host__says_nothing(void **state)
{
	(void)state;
	assert_true(walk(CONFIG_FOLDER "/somewhere/*.toml", visit_right) >= 4);
}

/* The flags come after the file, and count although the file has faults. */
static void policy_file_check__overrides__are_looked_at_with_a_faulty_file(void **state)
{
	(void)state;
	static const char toml[] = "nam = \"x\"\n[cpu]\nmodel = \"EPYC-Roma\"\n";
	const struct config_override overrides[] = { { "cpu.model", "EPYC-Rome", "--model" },
		{ NULL, "debug_exit.port=0x40", "--set" } };
	const struct config_source source = { "vm.toml", toml, sizeof(toml) - 1, overrides, 2 };
	struct findings found = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(policy_file_check(&source, POLICY_FILE_ASK, NULL, &found, &e), 0);
	char *lines = lines_of(&found);
	assert_string_equal(lines,
		"vm.toml:1:1: nam: unknown key, did you mean name?\n"
		"--set: debug_exit.port: port 0x40 is taken: the 8254 (KVM's own) has ports 0x40 "
		"to 0x43\n");
	assert_null(found.items[1].file);
	free(lines);
	findings_done(&found);
}

/* Not TOML: what the rest says is not known. */
static void policy_file_check__syntax__is_all_that_is_said(void **state)
{
	(void)state;
	static const char toml[] = "[cpu]\nmodel = \"EPYC-Roma\"\n[[[\n";
	const struct config_source source = { "vm.toml", toml, sizeof(toml) - 1, NULL, 0 };
	struct findings found = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(policy_file_check(&source, POLICY_FILE_RUN, NULL, &found, &e), 0);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.items[0].id, "syntax");
	assert_int_equal(found.items[0].line, 3);
	findings_done(&found);
}

static void policy_file_check__no_such_file__is_an_error_and_no_finding(void **state)
{
	(void)state;
	const struct config_source source = { .name = "/absent/vm.toml" };
	struct findings found = { 0 };
	struct err e = ERR_INIT;
	assert_true(policy_file_check(&source, POLICY_FILE_RUN, NULL, &found, &e) < 0);
	assert_int_equal(found.n, 0);
	assert_contains(e.msg, "/absent/vm.toml");
	findings_done(&found);
}

/* Who loads to run gets the same lines in the message. */
static void policy_file_load__several_faults__all_are_in_the_message(void **state)
{
	(void)state;
	static const char toml[] = "nam = \"x\"\n[cpu]\nmodel = \"EPYC-Roma\"\n"
				   "[debug_console]\nport = 0x3f9\n[[serial]]\n";
	const struct config_source source = { "vm.toml", toml, sizeof(toml) - 1, NULL, 0 };
	struct policy_file *file = NULL;
	struct err e = ERR_INIT;
	assert_true(policy_file_load(&file, &source, POLICY_FILE_ASK, &e) < 0);
	assert_null(file);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(e.msg,
		"vm.toml:1:1: nam: unknown key, did you mean name?\n"
		"vm.toml:3:9: cpu.model: unknown model EPYC-Roma, did you mean EPYC-Rome?\n"
		"vm.toml:5:8: debug_console.port: port 0x3f9 is taken: COM1 has ports 0x3f8 to "
		"0x3ff, by serial[0] at vm.toml:6:1");
}

/* To run, also where it is the only fault, with its place. */
static void policy_file_load__devices_at_one_port__refused_to_run_and_not_to_ask(void **state)
{
	(void)state;
	static const char toml[] =
		"[boot]\nkernel = \"/proc/self/exe\"\n[debug_exit]\nport = 0xe9\n";
	const struct config_source source = { "vm.toml", toml, sizeof(toml) - 1, NULL, 0 };
	struct policy_file *file = NULL;
	struct err e = ERR_INIT;
	assert_int_equal(policy_file_load(&file, &source, POLICY_FILE_RUN, &e), -EINVAL);
	assert_contains(e.msg, "vm.toml:4:8: debug_exit.port: port 0xe9 is taken");
	if (policy_file_load(&file, &source, POLICY_FILE_ASK, &e))
		fail_msg("%s", e.msg);
	policy_file_destroy(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			policy_file_check__wrong_on_every_host__all_is_named_with_its_place),
		cmocka_unit_test(policy_file_check__right_on_some_host__says_nothing),
		cmocka_unit_test(policy_file_check__overrides__are_looked_at_with_a_faulty_file),
		cmocka_unit_test(policy_file_check__syntax__is_all_that_is_said),
		cmocka_unit_test(policy_file_check__no_such_file__is_an_error_and_no_finding),
		cmocka_unit_test(policy_file_load__several_faults__all_are_in_the_message),
		cmocka_unit_test(
			policy_file_load__devices_at_one_port__refused_to_run_and_not_to_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
