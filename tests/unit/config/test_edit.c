/* SPDX-License-Identifier: MIT */
/* The editor of TOML text: each layout that a key can have, and what it must leave alone. */
#include "config_test.h"

#include "config/edit.h"
#include "config/toml_reader.h"

#include <errno.h>
#include <glob.h>

struct edit_case {
	const char *before, *key, *value, *after;
};

static void expect_set(const struct edit_case *c)
{
	struct err e = ERR_INIT;
	char *text = NULL;
	size_t n = 0;
	int rc = toml_edit_set(c->before, strlen(c->before), c->key, c->value, &text, &n, &e);
	if (rc < 0)
		fail_msg("%s: %s: %s", c->before, c->key, e.msg);
	if (strcmp(text, c->after) != 0)
		fail_msg("%s in\n%s\nexpected\n%s\ngot\n%s", c->key, c->before, c->after, text);
	assert_int_equal(n, strlen(c->after));
	free(text);
}

static void expect_sets(const struct edit_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_set(&cases[i]);
}

static void expect_remove(const char *before, const char *key, const char *after)
{
	struct err e = ERR_INIT;
	char *text = NULL;
	size_t n = 0;
	if (toml_edit_remove(before, strlen(before), key, &text, &n, &e) < 0)
		fail_msg("%s: %s: %s", before, key, e.msg);
	if (strcmp(text, after) != 0)
		fail_msg("%s in\n%s\nexpected\n%s\ngot\n%s", key, before, after, text);
	assert_int_equal(n, strlen(after));
	free(text);
}

static void expect_remove_item(const char *before, size_t index, const char *after)
{
	struct err e = ERR_INIT;
	char *text = NULL;
	size_t n = 0;
	if (toml_edit_remove_item(before, strlen(before), "a", index, &text, &n, &e) < 0)
		fail_msg("%s: %zu: %s", before, index, e.msg);
	if (strcmp(text, after) != 0)
		fail_msg("%zu of\n%s\nexpected\n%s\ngot\n%s", index, before, after, text);
	free(text);
}

static void edit_set__key_there__only_its_value_changes(void **state)
{
	(void)state;
	static const struct edit_case cases[] = {
		{ "a = 1\n", "a", "2", "a = 2\n" },
		{ "a=1", "a", "2", "a=2" },
		{ "# a = 1\n  a\t =\t1 # one\n", "a", "0x2", "# a = 1\n  a\t =\t0x2 # one\n" },
		{ "[t]\nk = false# no\n", "t.k", "true", "[t]\nk = true# no\n" },
		{ "[t] # k = 0\nx = 1\nk = \"false\"\ny = 2\n", "t.k", "true",
			"[t] # k = 0\nx = 1\nk = true\ny = 2\n" },
		{ "t.k = false\n", "t.k", "true", "t.k = true\n" },
		{ "t . \"k\" = false\n", "t.k", "true", "t . \"k\" = true\n" },
		{ "t = { k = false }\n", "t.k", "true", "t = { k = true }\n" },
		{ "t = {j=[{k=2}],k=false,l={k=3}}\n", "t.k", "true",
			"t = {j=[{k=2}],k=true,l={k=3}}\n" },
		{ "t = { u.k = 1, u.l = 2 }\n", "t.u.l", "3", "t = { u.k = 1, u.l = 3 }\n" },
		{ "['t']\n\"k\" = 1\n", "t.k", "2", "['t']\n\"k\" = 2\n" },
		{ "[\"\\u0074\"]\n\"\\U0000006b\" = 1\n", "t.k", "2",
			"[\"\\u0074\"]\n\"\\U0000006b\" = 2\n" },
		{ "[a.t]\nk = 1\n[t]\nk = 2\n[t.t]\nk = 3\n", "t.k", "9",
			"[a.t]\nk = 1\n[t]\nk = 9\n[t.t]\nk = 3\n" },
		{ "[t]\r\nk = 1\r\nl = 2\r\n", "t.k", "3", "[t]\r\nk = 3\r\nl = 2\r\n" },
		{ "\xef\xbb\xbfk = 1\n", "k", "2", "\xef\xbb\xbfk = 2\n" },
		{ "\xef\xbb\xbfu = \"\xc3\xbc\xe2\x82\xac\"\nt={\"\xc3\xbc\"=0, k = 1}\n", "t.k",
			"2",
			"\xef\xbb\xbfu = \"\xc3\xbc\xe2\x82\xac\"\nt={\"\xc3\xbc\"=0, k = 2}\n" },
		{ "k = 2020-01-01 10:00:00 # now\n", "k", "'x'", "k = 'x' # now\n" },
		{ "k = [1, # ]\n 2]\nl = 1\n", "k", "[]", "k = []\nl = 1\n" },
		{ "k = +1_000\n", "k", "1.5", "k = 1.5\n" },
		{ "s = \"\"\"\n[t]\nk = 1\n\"\"\"\n[t]\nk = 2\n", "t.k", "3",
			"s = \"\"\"\n[t]\nk = 1\n\"\"\"\n[t]\nk = 3\n" },
		{ "s = '''\nk = 1'''\nk = 2\n", "k", "3", "s = '''\nk = 1'''\nk = 3\n" },
		{ "s = \"\"\"a\\\"\"\"\"\"\"\nk = 2\n", "k", "3",
			"s = \"\"\"a\\\"\"\"\"\"\"\nk = 3\n" },
		{ "s = ''''x'''''\nk = 2\n", "k", "3", "s = ''''x'''''\nk = 3\n" },
		{ "s = [\n\"]\", ']', # ]\n'''\n]''', [ [ ] ], {x=\"}\"}\n]\nk = 2\n", "k", "3",
			"s = [\n\"]\", ']', # ]\n'''\n]''', [ [ ] ], {x=\"}\"}\n]\nk = 3\n" },
		{ "[[t.l]]\nk = 1\n[t]\nk = 2\n[[t.l]]\nk = 3\n", "t.k", "4",
			"[[t.l]]\nk = 1\n[t]\nk = 4\n[[t.l]]\nk = 3\n" },
	};
	expect_sets(cases, sizeof(cases) / sizeof(cases[0]));
}

static void edit_set__table_there__key_follows_its_last(void **state)
{
	(void)state;
	static const struct edit_case cases[] = {
		{ "[t]\n", "t.k", "1", "[t]\nk = 1\n" },
		{ "[t]", "t.k", "1", "[t]\nk = 1" },
		{ "[t] # about t\n\n# end\n", "t.k", "1", "[t] # about t\nk = 1\n\n# end\n" },
		{ "  [t]\n    j = 1 # j\n\n[u]\n", "t.k", "1",
			"  [t]\n    j = 1 # j\n    k = 1\n\n[u]\n" },
		{ "[t]\nj = [\n\t1,\n]\n# tail\n\n[u]\nk = 2\n", "t.k", "1",
			"[t]\nj = [\n\t1,\n]\nk = 1\n# tail\n\n[u]\nk = 2\n" },
		{ "[t]\nj = \"\"\"\nx\n\"\"\" # s", "t.k", "1",
			"[t]\nj = \"\"\"\nx\n\"\"\" # s\nk = 1" },
		{ "[t]\r\nj = 1\r\n\r\n[u]\r\n", "t.k", "1",
			"[t]\r\nj = 1\r\nk = 1\r\n\r\n[u]\r\n" },
		{ "[t]\r\nj = 1", "t.k", "1", "[t]\r\nj = 1\r\nk = 1" },
		{ "[t.x]\ny = 1\n[u]\n[t]\nj.l = 1\n[v]\n", "t.k", "1",
			"[t.x]\ny = 1\n[u]\n[t]\nj.l = 1\nk = 1\n[v]\n" },
		{ "[t]\n[[t.l]]\nj = 1\n", "t.k", "1", "[t]\nk = 1\n[[t.l]]\nj = 1\n" },
		{ "t.j = 1\nx = 2\n", "t.k", "1", "t.j = 1\nt.k = 1\nx = 2\n" },
		{ "  t.j.m = 1\nx = 2\n", "t.k", "1", "  t.j.m = 1\n  t.k = 1\nx = 2\n" },
		{ "[a]\nt.j = 1\n[b]\n", "a.t.k", "1", "[a]\nt.j = 1\nt.k = 1\n[b]\n" },
		{ "t = {}\n", "t.k", "1", "t = { k = 1 }\n" },
		{ "t = { } # c\n", "t.k", "1", "t = { k = 1 } # c\n" },
		{ "t = {j=1}", "t.k", "1", "t = {j=1, k = 1}" },
		{ "t = { j = [ 1, 2 ] }\n", "t.k", "1", "t = { j = [ 1, 2 ], k = 1 }\n" },
		{ "t = { u = { j = 1 }, v = 2 }\n", "t.u.k", "1",
			"t = { u = { j = 1, k = 1 }, v = 2 }\n" },
		{ "t = { u.j = 1 }\n", "t.u.k", "1", "t = { u.j = 1, u.k = 1 }\n" },
		{ "t = { j = 1 }\n", "t.u.k", "1", "t = { j = 1, u.k = 1 }\n" },
		{ "a = 1\n\n[t]\nb = 1\n", "k", "1", "a = 1\nk = 1\n\n[t]\nb = 1\n" },
	};
	expect_sets(cases, sizeof(cases) / sizeof(cases[0]));
}

static void edit_set__no_table__added_at_the_end(void **state)
{
	(void)state;
	static const struct edit_case cases[] = {
		{ "", "t.k", "1", "[t]\nk = 1\n" },
		{ "\xef\xbb\xbf", "t.k", "1", "\xef\xbb\xbf[t]\nk = 1\n" },
		{ "a = 1\n", "t.k", "1", "a = 1\n\n[t]\nk = 1\n" },
		{ "a = 1", "t.k", "1", "a = 1\n\n[t]\nk = 1" },
		{ "[u]\r\na = 1", "t.k", "1", "[u]\r\na = 1\r\n\r\n[t]\r\nk = 1" },
		{ "[u]\na = 1\n\n", "t.k", "1", "[u]\na = 1\n\n[t]\nk = 1\n" },
		{ "[u]\r\na = 1\r\n\r\n", "t.k", "1", "[u]\r\na = 1\r\n\r\n[t]\r\nk = 1\r\n" },
		{ "[t.x]\na = 1\n# end\n", "t.k", "1", "[t.x]\na = 1\n# end\n\n[t]\nk = 1\n" },
		{ "[[t.x]]\na = 1\n", "t.k", "1", "[[t.x]]\na = 1\n\n[t]\nk = 1\n" },
		{ "[t]\na = 1\n", "t.u.k", "1", "[t]\na = 1\n\n[t.u]\nk = 1\n" },
		{ "[tt]\nk = 0\n[\"t.k\"]\nk = 0\n", "t.k", "1",
			"[tt]\nk = 0\n[\"t.k\"]\nk = 0\n\n[t]\nk = 1\n" },
		{ "", "k", "1", "k = 1\n" },
		{ "# mine\n[t]\nk = 0\n", "k", "1", "k = 1\n\n# mine\n[t]\nk = 0\n" },
		{ "\xef\xbb\xbf\r\n[t]\r\n", "k", "1", "\xef\xbb\xbfk = 1\r\n\r\n[t]\r\n" },
	};
	expect_sets(cases, sizeof(cases) / sizeof(cases[0]));
}

static void edit_set__impossible__refused(void **state)
{
	(void)state;
	static const struct edit_case cases[] = {
		{ "t = 1\n", "t.k", "1", "cannot be there, as t is not a table" },
		{ "[[t]]\nk = 1\n", "t.k", "1", "cannot be there, as t is not a table" },
		{ "[t]\nu = []\n", "t.u.v.k", "1", "cannot be there, as t.u is not a table" },
		{ "[t.k]\na = 1\n", "t.k", "1", "t.k: its place in the file is not certain" },
		{ "[[t.k]]\na = 1\n", "t.k", "1", "t.k: its place in the file is not certain" },
		{ "a = \n", "t.k", "1", "1:5: " },
		{ "a = 1\n", "t.k", "1\nx = 2", "not a value" },
		{ "a = 1\n", "t.k", "1 # x", "not a value" },
		{ "a = 1\n", "t.k", "", "not a value" },
		{ "a = 1\n", "t.k", "1, b = 2", "not a value" },
		{ "a = 1\n", "t.k", "yes", "1:" },
		{ "a = 1\n", "", "1", "not a key" },
		{ "a = 1\n", "a.", "1", "not a key" },
		{ "a = 1\n", ".a", "1", "not a key" },
		{ "a = 1\n", "a b", "1", "not a key" },
		{ "a = 1\n", "a[0]", "1", "not a key" },
		{ "a = 1\n", "a.b.c.d.e.f.g.h.i", "1", "not a key" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct edit_case *c = &cases[i];
		struct err e = ERR_INIT;
		char *text = NULL;
		size_t n = 0;
		assert_int_equal(toml_edit_set(c->before, strlen(c->before), c->key, c->value,
					 &text, &n, &e),
			-EINVAL);
		assert_null(text);
		assert_int_equal(e.kind, ERR_CONFIG);
		if (!strstr(e.msg, c->after))
			fail_msg("%s: \"%s\" has no \"%s\"", c->before, e.msg, c->after);
	}
}

static void edit_set__long_key__refused_whole(void **state)
{
	(void)state;
	char key[10000];
	struct err e = ERR_INIT;
	char *text = NULL;
	size_t n = 0;
	(void)memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(toml_edit_set("", 0, key, "1", &text, &n, &e), -EINVAL);
	assert_null(text);
	assert_non_null(strstr(e.hint, "by hand"));
}

static void edit_set__too_large_afterwards__refused(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char *text = NULL, *large = malloc(TOML_MAX_BYTES);
	size_t n = 0;
	assert_non_null(large);
	(void)memset(large, '#', TOML_MAX_BYTES);
	assert_int_equal(toml_edit_set(large, TOML_MAX_BYTES, "t.k", "1", &text, &n, &e), -EINVAL);
	assert_null(text);
	free(large);
}

static void edit_remove__every_form__only_the_key_goes(void **state)
{
	(void)state;
	expect_remove("a = 1\nb = 2\nc = 3\n", "b", "a = 1\nc = 3\n");
	expect_remove("a = 1\nb = 2", "b", "a = 1");
	expect_remove("a = 1\r\nb = 2", "b", "a = 1");
	expect_remove("a = 1\nb = 2", "a", "b = 2");
	expect_remove("a = 1", "a", "");
	expect_remove("\xef\xbb\xbf"
		      "a = 1\n",
		"a", "\xef\xbb\xbf");
	expect_remove("  a = 1 # one\nb = 2\n", "a", "  # one\nb = 2\n");
	expect_remove("[t]\r\nk = [\r\n1]\r\nb = 2\r\n", "t.k", "[t]\r\nb = 2\r\n");
	expect_remove("[t]\nk = 1\n", "t.k", "[t]\n");
	expect_remove("t.k = 1\nx = 1\n", "t.k", "x = 1\n");
	expect_remove("t = { k = 1 }\n", "t.k", "t = { }\n");
	expect_remove("t = {k=1}\n", "t.k", "t = {}\n");
	expect_remove("t = { k = 1, l = 2 }\n", "t.k", "t = { l = 2 }\n");
	expect_remove("t = { j = 1 , k = 2 }\n", "t.k", "t = { j = 1 }\n");
	expect_remove("t = {j=1,k=2,l=3}\n", "t.k", "t = {j=1,l=3}\n");
	expect_remove("t = { u = { k = 1 } }\n", "t.u.k", "t = { u = { } }\n");
	expect_remove("k = { a = 1 }\nl = 1\n", "k", "l = 1\n");
}

static void edit_remove__not_there__refused(void **state)
{
	(void)state;
	char *text = NULL;
	size_t n = 0;
	assert_int_equal(toml_edit_remove("a = 1\n", 6, "b", &text, &n, NULL), -ENOENT);
	assert_int_equal(toml_edit_remove("[a]\nb=1\n", 8, "a", &text, &n, NULL), -EINVAL);
	assert_int_equal(toml_edit_remove_item("a = 1\n", 6, "a", 0, &text, &n, NULL), -ENOENT);
	assert_int_equal(toml_edit_remove_item("a = []\n", 7, "a", 0, &text, &n, NULL), -ENOENT);
	assert_int_equal(toml_edit_remove_item("a = [1]\n", 8, "a", 1, &text, &n, NULL), -ENOENT);
	assert_int_equal(toml_edit_remove_item("a = [1]\n", 8, "b", 0, &text, &n, NULL), -ENOENT);
	assert_int_equal(
		toml_edit_remove_item("[[a]]\nx=1\n", 10, "a", 0, &text, &n, NULL), -EINVAL);
	assert_null(text);
}

static void edit_remove_item__every_layout__keeps_the_rest(void **state)
{
	(void)state;
	expect_remove_item("a = [1]\n", 0, "a = []\n");
	expect_remove_item("a = [ 1 ]\n", 0, "a = [ ]\n");
	expect_remove_item("a = [ 1, ]\n", 0, "a = [ ]\n");
	expect_remove_item("a = [1, 2, 3]\n", 0, "a = [2, 3]\n");
	expect_remove_item("a = [1, 2, 3]\n", 1, "a = [1, 3]\n");
	expect_remove_item("a = [1, 2, 3]\n", 2, "a = [1, 2]\n");
	expect_remove_item("a = [ 1, 2 , 3 ]\n", 2, "a = [ 1, 2 ]\n");
	expect_remove_item("a = [1, 2 , 3,]\n", 2, "a = [1, 2 ,]\n");
	expect_remove_item("a = ['1,', \"2]\", '#']\n", 1, "a = ['1,', '#']\n");
	expect_remove_item("a = [\n\t1,\n\t2,\n\t3,\n]\n", 1, "a = [\n\t1,\n\t3,\n]\n");
	expect_remove_item("a = [\n\t1,\n\t2\n]\n", 1, "a = [\n\t1,\n]\n");
	expect_remove_item("a = [\n\t1\n]\n", 0, "a = [\n]\n");
	expect_remove_item("a = [\r\n\t1,\r\n\t2,\r\n]\r\n", 0, "a = [\r\n\t2,\r\n]\r\n");
	expect_remove_item(
		"a = [\n\t1, # one\n\t2, # two\n]\n", 0, "a = [\n\t# one\n\t2, # two\n]\n");
	expect_remove_item("a = [1, 2, # two\n3]\n", 1, "a = [1, # two\n3]\n");
	expect_remove_item("a = [1,\n 2, 3,\n 4]\n", 1, "a = [1,\n 3,\n 4]\n");
	expect_remove_item("a = [1,\n 2, 3,\n 4]\n", 2, "a = [1,\n 2,\n 4]\n");
	expect_remove_item("a = [1,\n 2, 3,\n 4]\n", 3, "a = [1,\n 2, 3,\n ]\n");
	expect_remove_item("a = [1 # one\n , 2]\n", 0, "a = [ # one\n  2]\n");
	expect_remove_item("a = [\n1\n,\n2\n]\n", 0, "a = [\n\n2\n]\n");
	expect_remove_item("a = [\n1 # ,\n,\n2\n]\n", 1, "a = [\n1 # ,\n,\n]\n");
	expect_remove_item("a = [[1, 2], [3]]\n", 0, "a = [[3]]\n");
	expect_remove_item("a = [{x=1}, '''\n]\n''', 2]\n", 1, "a = [{x=1}, 2]\n");
}

/* No right file is refused, and setting twice is setting once. */
static void edit__every_right_file__can_be_edited(void **state)
{
	(void)state;
	static const char *const keys[] = { "nesting.expose_virtualization_extensions",
		"memory.size", "cpu.zzz", "zzz", "boot.device_tree" };
	glob_t found = { 0 };
	size_t nr = 0;
	assert_int_equal(glob(NESTOR_SOURCE_DIR "/tests/config/*pass/*.toml", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *text = malloc(TOML_MAX_BYTES);
		FILE *f = fopen(found.gl_pathv[i], "rbe");
		assert_true(f && text);
		size_t n = fread(text, 1, TOML_MAX_BYTES, f);
		assert_int_equal(fclose(f), 0);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			struct err e = ERR_INIT;
			char *set = NULL, *again = NULL, *removed = NULL;
			size_t nr_set = 0, nr_again = 0, nr_removed = 0;
			if (toml_edit_set(text, n, keys[k], "77", &set, &nr_set, &e) < 0)
				fail_msg("%s: %s", found.gl_pathv[i], e.msg);
			assert_int_equal(
				toml_edit_set(set, nr_set, keys[k], "77", &again, &nr_again, &e),
				0);
			assert_int_equal(nr_set, nr_again);
			assert_memory_equal(set, again, nr_set);
			assert_int_equal(
				toml_edit_remove(set, nr_set, keys[k], &removed, &nr_removed, &e),
				0);
			assert_true(nr_removed <= nr_set);
			nr++;
			free(set);
			free(again);
			free(removed);
		}
		free(text);
	}
	assert_true(nr > 200);
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edit_set__key_there__only_its_value_changes),
		cmocka_unit_test(edit_set__table_there__key_follows_its_last),
		cmocka_unit_test(edit_set__no_table__added_at_the_end),
		cmocka_unit_test(edit_set__impossible__refused),
		cmocka_unit_test(edit_set__long_key__refused_whole),
		cmocka_unit_test(edit_set__too_large_afterwards__refused),
		cmocka_unit_test(edit_remove__every_form__only_the_key_goes),
		cmocka_unit_test(edit_remove__not_there__refused),
		cmocka_unit_test(edit_remove_item__every_layout__keeps_the_rest),
		cmocka_unit_test(edit__every_right_file__can_be_edited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
