/* SPDX-License-Identifier: MIT */
/*
 * Walks tests/config: every file of pass/ is a right config; every file of fail/ is refused with
 * just the lines of the .err file beside it, where @DIR@ stands for the folder. model-pass/ and
 * model-fail/ are the same for model files. And configs/, whose kernels need not be there.
 */
#include "config_test.h"

#include "config_equal.h"

#include "config/check.h"

#include <glob.h>

#define MAX_TEXT (300 << 10)

static char *read_whole(const char *path, size_t *ret_n)
{
	char *text = malloc(MAX_TEXT);
	FILE *f = fopen(path, "rbe");
	assert_non_null(text);
	if (!f)
		fail_msg("cannot open %s", path);
	*ret_n = fread(text, 1, MAX_TEXT - 1, f);
	text[*ret_n] = '\0';
	assert_int_equal(fclose(f), 0);
	return text;
}

/* As a VM's config, or, in the folders that are for them, as a model file. */
static int finish_path(struct config *c, const char *path, struct err *e)
{
	const struct vm_config *vm = NULL;
	return strstr(path, "/model-pass/") || strstr(path, "/model-fail/")
		       ? config_finish_model(c, &vm, e)
		       : config_finish(c, &vm, e);
}

/* Loads and finishes path under its name in its folder; 0 where all is well. */
static int load_path(struct config *c, const char *path, struct err *e)
{
	size_t n = 0;
	const char *slash = strrchr(path, '/');
	char *text = read_whole(path, &n);
	char *dir = strndup(path, (size_t)(slash - path));
	int ret = config_load_text(c, text, n, slash + 1, dir, e);
	if (ret == 0)
		ret = finish_path(c, path, e);
	free(dir);
	free(text);
	return ret;
}

typedef void (*visit_fn)(const char *path);

static void walk(const char *pattern, size_t least, visit_fn visit)
{
	glob_t found = { 0 };
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= least);
	for (size_t i = 0; i < found.gl_pathc; i++)
		visit(found.gl_pathv[i]);
	globfree(&found);
}

static void check_round_trip(const struct config *c, const char *path)
{
	char *text = NULL;
	size_t n = 0;
	struct err e = ERR_INIT;
	struct config *again = config_create();
	FILE *out = open_memstream(&text, &n);
	assert_true(out && again);
	assert_int_equal(config_show(c, out, false), 0);
	assert_int_equal(fclose(out), 0);
	int ret = config_load_text(again, text, n, "shown.toml", "/elsewhere", &e);
	/* A shown config has every key, with its default: that is no model file any more. */
	if (ret == 0 && !strstr(path, "/model-pass/"))
		ret = finish_path(again, path, &e);
	if (ret < 0)
		fail_msg("%s: shown as\n%sand refused: %s", path, text, e.msg);
	if (!config_equal(c, again))
		fail_msg("%s: is another config when shown and loaded again:\n%s", path, text);
	config_destroy(again);
	free(text);
}

static void visit_pass(const char *path)
{
	struct err e = ERR_INIT;
	struct config *c = config_create();
	if (load_path(c, path, &e) < 0)
		fail_msg("%s is refused: %s", path, e.msg);
	check_round_trip(c, path);
	config_destroy(c);
}

/* The message with the folder's name replaced, to be freed. */
static char *general(const char *msg, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = (size_t)(slash - path);
	char *out = NULL;
	size_t bytes = 0;
	FILE *f = open_memstream(&out, &bytes);
	assert_non_null(f);
	while (*msg != '\0') {
		if (strncmp(msg, path, n) == 0) {
			(void)fputs("@DIR@", f);
			msg += n;
		} else {
			(void)fputc(*msg++, f);
		}
	}
	(void)fputc('\n', f);
	assert_int_equal(fclose(f), 0);
	return out;
}

static void visit_fail(const char *path)
{
	struct err e = ERR_INIT;
	struct config *c = config_create();
	char expected_path[4096];
	size_t n = 0;
	(void)snprintf(expected_path, sizeof(expected_path), "%.*s.err",
		(int)(strlen(path) - strlen(".toml")), path);
	char *expected = read_whole(expected_path, &n);
	if (load_path(c, path, &e) == 0)
		fail_msg("%s is not refused", path);
	char *msg = general(e.msg, path);
	if (strcmp(msg, expected) != 0)
		fail_msg("%s: expected\n%sbut got\n%s", path, expected, msg);
	assert_int_equal(e.kind, ERR_CONFIG);
	free(msg);
	free(expected);
	config_destroy(c);
}

static void visit_example(const char *path)
{
	struct err e = ERR_INIT;
	struct faults f = { 0 };
	struct config *c = config_create();
	if (config_load_file(c, path, &e) < 0)
		fail_msg("%s", e.msg);
	check_values(c, &f);
	if (f.nr != 0)
		fail_msg("%s", f.text);
	config_destroy(c);
}

static void pass_folder__every_file__accepted_and_round_trips(void **state)
{
	(void)state;
	walk(NESTOR_SOURCE_DIR "/tests/config/pass/*.toml", 20, visit_pass);
}

static void fail_folder__every_file__refused_as_written(void **state)
{
	(void)state;
	walk(NESTOR_SOURCE_DIR "/tests/config/fail/*.toml", 40, visit_fail);
}

static void model_pass_folder__every_file__accepted_and_round_trips(void **state)
{
	(void)state;
	walk(NESTOR_SOURCE_DIR "/tests/config/model-pass/*.toml", 3, visit_pass);
}

static void model_fail_folder__every_file__refused_as_written(void **state)
{
	(void)state;
	walk(NESTOR_SOURCE_DIR "/tests/config/model-fail/*.toml", 8, visit_fail);
}

static void examples__every_file__accepted_but_for_its_kernels(void **state)
{
	(void)state;
	walk(NESTOR_SOURCE_DIR "/configs/*.toml", 8, visit_example);
}

/* Every key must stand in some fail file, so that none has no test of its refusal. */
static void fail_folder__every_key__is_refused_somewhere(void **state)
{
	(void)state;
	glob_t found = { 0 };
	assert_int_equal(glob(NESTOR_SOURCE_DIR "/tests/config/fail/*.err", 0, NULL, &found), 0);
	for (size_t k = 0; k < key_count; k++) {
		bool seen = false;
		char text[KEY_PATH_BYTES], needle[KEY_PATH_BYTES + 16];
		(void)snprintf(needle, sizeof(needle), ": %s: expected ",
			key_format_path(text, key_table[k].name, 0));
		for (size_t i = 0; i < found.gl_pathc && !seen; i++) {
			size_t n = 0;
			char *lines = read_whole(found.gl_pathv[i], &n);
			seen = strstr(lines, needle) != NULL;
			free(lines);
		}
		if (!seen)
			fail_msg("no fail file has \"%s\"", needle);
	}
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_folder__every_file__accepted_and_round_trips),
		cmocka_unit_test(fail_folder__every_file__refused_as_written),
		cmocka_unit_test(model_pass_folder__every_file__accepted_and_round_trips),
		cmocka_unit_test(model_fail_folder__every_file__refused_as_written),
		cmocka_unit_test(fail_folder__every_key__is_refused_somewhere),
		cmocka_unit_test(examples__every_file__accepted_but_for_its_kernels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
