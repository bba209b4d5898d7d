/* SPDX-License-Identifier: MIT */
/* Which files a config names, and which of them the VM writes. */
#include "fake/cmocka.h"

#include "config/config.h"
#include "config/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct seen {
	char text[1024];
	unsigned nr, stop_at;
};

static int note(void *ctx, const struct config_file *file)
{
	struct seen *s = ctx;
	size_t used = strlen(s->text);
	(void)snprintf(s->text + used, sizeof(s->text) - used, "%s%s %s\n",
		file->output ? "> " : "", file->key, file->path);
	return ++s->nr == s->stop_at ? -EINTR : 0;
}

static const char text[] = "[boot]\nkernel = \"/k\"\ninitrd = \"/i\"\n"
			   "modules = [{ path = \"/m0\" }, { path = \"/m1\" }]\n"
			   "[cpu]\nmodel = \"/models/base.toml\"\n"
			   "migration_cluster = [\"/h0\", \"/h1\"]\n"
			   "[debug_console]\npath = \"/d\"\n"
			   "[[serial]]\nmode = \"stdio\"\n"
			   "[[serial]]\nmode = \"file\"\npath = \"/s\"\nappend = true\n";

static void visit(const char *toml, struct seen *seen, int expected)
{
	struct config *c = config_create();
	struct err e = ERR_INIT;
	assert_non_null(c);
	if (config_load_text(c, toml, strlen(toml), "vm.toml", "/", &e))
		fail_msg("%s", e.msg);
	assert_int_equal(config_each_file(c, note, seen), expected);
	config_destroy(c);
}

static void each_file__all_kinds_of_keys__with_index_and_direction(void **state)
{
	(void)state;
	struct seen seen = { 0 };
	visit(text, &seen, 0);
	assert_string_equal(seen.text, "cpu.model /models/base.toml\n"
				       "cpu.migration_cluster /h0\n"
				       "cpu.migration_cluster /h1\n"
				       "boot.kernel /k\n"
				       "boot.initrd /i\n"
				       "boot.modules[0].path /m0\n"
				       "boot.modules[1].path /m1\n"
				       "> serial[1].path /s\n"
				       "> debug_console.path /d\n");
}

static void each_file__call_that_stops__is_the_last(void **state)
{
	(void)state;
	struct seen seen = { .stop_at = 3 };
	visit(text, &seen, -EINTR);
	assert_int_equal(seen.nr, 3);
}

static void each_file__model_by_name__is_no_file(void **state)
{
	(void)state;
	struct seen seen = { 0 };
	visit("[cpu]\nmodel = \"Haswell\"\n", &seen, 0);
	assert_int_equal(seen.nr, 0);
}

/* A new path is an input unless its row says otherwise; nothing but paths can be an output. */
static void key_table__outputs__are_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++)
		assert_true(!key_table[i].is_output || key_table[i].type == KEY_PATH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file__all_kinds_of_keys__with_index_and_direction),
		cmocka_unit_test(each_file__call_that_stops__is_the_last),
		cmocka_unit_test(each_file__model_by_name__is_no_file),
		cmocka_unit_test(key_table__outputs__are_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
