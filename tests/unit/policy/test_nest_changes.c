/* SPDX-License-Identifier: MIT */
/* What a VM's file needs for nesting, from its text alone: the file is not there. */
#include "fake/cmocka.h"

#include "policy/nest_changes.h"

#include <errno.h>
#include <stdlib.h>

#define PATH "/nonexistent/folder/vm.toml"
#define KNOB "nesting.expose_virtualization_extensions"

struct fixture {
	struct nest_changes changes;
	struct err e;
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	nest_changes_done(&f->changes);
	free(f);
	return 0;
}

static int enable(struct fixture *f, const char *text)
{
	return nest_changes_enable(&f->changes, PATH, text, strlen(text), &f->e);
}

/* The change of a key, which there is. */
static const struct nest_change *change(const struct fixture *f, const char *key)
{
	for (size_t i = 0; i < f->changes.nr_items; i++) {
		if (strcmp(f->changes.items[i].key, key) == 0)
			return &f->changes.items[i];
	}
	fail_msg("no change of %s", key);
	abort();
}

static bool is_noted(const struct fixture *f, const char *text)
{
	for (size_t i = 0; i < f->changes.nr_notes; i++) {
		if (strstr(f->changes.notes[i].text, text))
			return true;
	}
	return false;
}

/* The note that holds a text, which there is. */
static const struct nest_note *note(const struct fixture *f, const char *text)
{
	for (size_t i = 0; i < f->changes.nr_notes; i++) {
		if (strstr(f->changes.notes[i].text, text))
			return &f->changes.notes[i];
	}
	fail_msg("no note with %s", text);
	abort();
}

static void enable__small_vm__knob_and_memory(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(enable(f, "name = \"web\"\n[memory]\nsize = \"64M\" # small\n"), 0);
	assert_string_equal(f->changes.name, "web");
	assert_false(f->changes.exposed);
	assert_int_equal(f->changes.nr_items, 2);
	assert_string_equal(change(f, KNOB)->to, "true");
	assert_string_equal(change(f, "memory.size")->from, "\"64M\"");
	assert_contains(change(f, "memory.size")->origin, PATH ":3:8");
	assert_contains(change(f, "memory.size")->old_lines, "\"64M\" # small");
	assert_contains(f->changes.text, "# small");
	assert_contains(f->changes.text, "expose_virtualization_extensions = true");
	assert_int_equal(f->changes.nr_notes, 0);
}

static void enable__feature_that_takes_it__removed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(enable(f, "[memory]\nsize = \"2G\"\n[cpu]\nfeatures = [\"-svm\"]\n"), 0);
	assert_string_equal(change(f, "cpu.features")->from, "\"-svm\"");
	assert_string_equal(change(f, "cpu.features")->to, "");
	assert_null(strstr(f->changes.text, "-svm"));
}

/* The policy is that of the text: there is no file that it could be read from. */
static void enable__leaves_and_models__noted_from_the_text(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(enable(f, "[memory]\nsize = \"2G\"\n"
				   "[cpu]\nmodel = \"Skylake-Server\"\n"
				   "[[cpu.leaves]]\nleaf = 1\n"
				   "register = \"ecx\"\n"
				   "mask = \"xxxxxxxxxxxxxxxxxxxxxxxxxx0xxxxx\"\n"),
		0);
	assert_false(is_noted(f, "cannot be looked at"));
	assert_true(is_noted(f, "the mask clears the bit of vmx"));
	assert_contains(note(f, "has no vmx of its own")->fix, "+vmx");
}

/* A model file is read, as only its path is known; it is not there. */
static void enable__absent_model_file__noted(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		enable(f, "[memory]\nsize = \"2G\"\n[cpu]\nmodel = \"./absent.toml\"\n"), 0);
	assert_contains(note(f, "cannot be looked at")->text, "/nonexistent/folder/./absent.toml");
}

static void enable__bad_text__refused_with_its_place(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(enable(f, "[memory]\nsise = \"2G\"\n"), -EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, PATH ":2:1");
}

static void disable__exposed__knob_alone_and_what_contradicts(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "[nesting]\nexpose_virtualization_extensions = true\n"
				   "require = true\n";
	assert_int_equal(nest_changes_disable(&f->changes, PATH, text, sizeof(text) - 1, &f->e), 0);
	assert_true(f->changes.exposed);
	assert_int_equal(f->changes.nr_items, 1);
	assert_string_equal(change(f, KNOB)->to, "false");
	assert_string_equal(note(f, "nesting.require")->fix, "require = false");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(enable__small_vm__knob_and_memory),
		TEST(enable__feature_that_takes_it__removed),
		TEST(enable__leaves_and_models__noted_from_the_text),
		TEST(enable__absent_model_file__noted),
		TEST(enable__bad_text__refused_with_its_place),
		TEST(disable__exposed__knob_alone_and_what_contradicts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
