/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/keys.h"

#include <errno.h>

static void key_table__every_row__is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		const struct key *key = &key_table[i];
		assert_true(strlen(key->name) + 4 < KEY_PATH_BYTES);
		assert_true(key->help && key->help[0] != '\0');
		assert_true(key->min <= key->max);
		assert_int_equal(key->type == KEY_WORD, key->words != NULL);
		assert_int_equal(key->array != NULL, strstr(key->name, "[]") != NULL);
		assert_ptr_equal(key_find(key->name), key);
		assert_int_equal(key_index(key), i);
		assert_string_equal(config_key_name(i), key->name);
	}
	assert_null(config_key_name(key_count));
}

static void key_table__fields__do_not_overlap(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		for (size_t j = 0; j < i; j++)
			assert_true(key_table[i].array != key_table[j].array ||
				    key_table[i].offset != key_table[j].offset);
	}
}

static void key_table__every_section__is_listed(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		char section[KEY_PATH_BYTES];
		const char *dot = strrchr(key_table[i].name, '.');
		(void)snprintf(section, sizeof(section), "%.*s",
			dot ? (int)(dot - key_table[i].name) : 0, key_table[i].name);
		assert_true(section[0] == '\0' || key_table[i].array || key_is_section(section));
	}
}

static void key_find__unknown__null(void **state)
{
	(void)state;
	assert_null(key_find(""));
	assert_null(key_find("memory"));
	assert_null(key_find("memory.size "));
	assert_null(key_find("Memory.size"));
	assert_null(key_array_find("boot"));
	assert_false(key_is_section("serial"));
	assert_false(key_is_section(""));
}

static void key_array_find__known__its_limits(void **state)
{
	(void)state;
	assert_int_equal(key_array_find("serial")->max, CONFIG_MAX_SERIALS);
	assert_int_equal(key_array_find("boot.modules")->max, CONFIG_MAX_MODULES);
	assert_int_equal(key_array_index(key_array_find("boot.modules")), 1);
}

static void key_nearest__misspelt__suggested(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{ "memory.sise", "memory.size" },
		{ "memory.siez", "memory.size" },
		{ "memry.size", "memory.size" },
		{ "size", "memory.size" },
		{ "vcpus", "cpu.vcpus" },
		{ "cpu.vcpu", "cpu.vcpus" },
		{ "boot.cmd_line", "boot.cmdline" },
		{ "boot.module[].path", "boot.modules[].path" },
		{ "serial[].pth", "serial[].path" },
		{ "serials", "serial" },
		{ "boot.module", "boot.modules" },
		{ "nestng", "nesting" },
		{ "expose_virtualization_extensions", "nesting.expose_virtualization_extensions" },
		{ "nesting.expose_virtualisation_extension",
			"nesting.expose_virtualization_extensions" },
		{ "kernel", "boot.kernel" },
		{ "machine.initrd", "boot.initrd" },
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *near = key_nearest(pairs[i][0]);
		assert_non_null(near);
		assert_string_equal(near, pairs[i][1]);
	}
}

static void key_nearest__far_or_long__none(void **state)
{
	(void)state;
	char longest[4096];
	(void)memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(key_nearest(""));
	assert_null(key_nearest("qqqqqqqq"));
	assert_null(key_nearest("memory.balloon_statistics"));
	assert_null(key_nearest(longest));
	assert_null(key_nearest(longest + sizeof(longest) - KEY_PATH_BYTES));
}

static void key_parse_path__indices__taken_out(void **state)
{
	(void)state;
	static const struct {
		const char *path, *name;
		unsigned index;
	} good[] = {
		{ "name", "name", 0 },
		{ "memory.size", "memory.size", 0 },
		{ "serial.1.mode", "serial[].mode", 1 },
		{ "serial[1].mode", "serial[].mode", 1 },
		{ "serial[12]", "serial[]", 12 },
		{ "boot.modules.15.path", "boot.modules[].path", 15 },
		{ "boot.modules[0]", "boot.modules[]", 0 },
		{ "serial.9999", "serial[]", 9999 },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char name[KEY_PATH_BYTES];
		unsigned index = 77;
		assert_int_equal(key_parse_path(good[i].path, name, &index), 0);
		assert_string_equal(name, good[i].name);
		assert_int_equal(index, good[i].index);
	}
}

static void key_parse_path__not_a_path__refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "serial[", "serial[]", "serial[].mode", "serial[x]",
		"serial[1", "serial[1]x", "serial[-1]", "serial.1.2", "serial[1][2]", "serial.1x",
		"serial]", "serial[4294967296]", "serial.99999999999999999999",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char name[KEY_PATH_BYTES];
		unsigned index = 0;
		assert_int_equal(key_parse_path(bad[i], name, &index), -EINVAL);
	}
}

static void key_format_path__parsed__same_again(void **state)
{
	(void)state;
	char text[KEY_PATH_BYTES];
	assert_string_equal(key_format_path(text, "serial[].mode", 3), "serial[3].mode");
	assert_string_equal(key_format_path(text, "boot.modules[]", 15), "boot.modules[15]");
	assert_string_equal(key_format_path(text, "memory.size", 3), "memory.size");
}

static void key_expects__every_row__says_something_that_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < key_count; i++) {
		char text[KEY_EXPECTS_BYTES];
		size_t n = strlen(key_expects(text, sizeof(text), &key_table[i]));
		assert_true(n > 0 && n + 1 < sizeof(text));
	}
	char little[8];
	assert_string_equal(
		key_expects(little, sizeof(little), key_find("boot.protocol")), "\"auto\",");
}

static void key_nearest__policy_keys__suggested(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{ "cpu.feature", "cpu.features" },
		{ "features", "cpu.features" },
		{ "cpu.leves", "cpu.leaves" },
		{ "cpu.leaves[].registre", "cpu.leaves[].register" },
		{ "msr.rule", "msr.rules" },
		{ "msr.rules[].actoin", "msr.rules[].action" },
		{ "cpu.tsc_freqency", "cpu.tsc_frequency" },
		{ "cpu.hw_threads_per_core", "cpu.hw_thread_count_per_core" },
	};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		const char *near = key_nearest(pairs[i][0]);
		if (!near || strcmp(near, pairs[i][1]) != 0)
			fail_msg("%s: %s", pairs[i][0], near ? near : "none");
	}
}

static void key_table__model_files__have_the_policy_only(void **state)
{
	(void)state;
	static const char *const vm_only[] = { "cpu.vcpus", "cpu.sockets", "cpu.dies", "cpu.cores",
		"cpu.threads", "cpu.hw_thread_count_per_core", "cpu.pinning",
		"cpu.compatibility_for_migration_enabled", "cpu.compatibility_for_migration_mode",
		"cpu.compatibility_for_older_operating_systems", "cpu.migration_cluster" };
	unsigned nr_vm_only = 0;
	for (size_t i = 0; i < key_count; i++) {
		const struct key *key = &key_table[i];
		bool policy =
			strncmp(key->name, "cpu.", 4) == 0 || strncmp(key->name, "msr.", 4) == 0;
		bool listed = false;
		for (size_t k = 0; k < sizeof(vm_only) / sizeof(vm_only[0]); k++)
			listed |= strcmp(vm_only[k], key->name) == 0;
		nr_vm_only += listed;
		assert_int_equal(key->in_model, policy && !listed);
		assert_true(!key->array || key->array->in_model == key->in_model);
	}
	assert_int_equal(nr_vm_only, sizeof(vm_only) / sizeof(vm_only[0]));
}

static void key_expects_item__arrays_of_texts__fit(void **state)
{
	(void)state;
	char text[KEY_EXPECTS_BYTES];
	assert_string_equal(key_expects_item(text, sizeof(text), key_find("cpu.features")),
		"a sign and a feature's name of 1 to 40 letters, digits, \".\", \"_\" and \"-\", "
		"such "
		"as \"+pcid\" or \"-avx512f\"");
	assert_string_equal(key_expects_item(text, sizeof(text), key_find("cpu.migration_cluster")),
		"a string, the path of a file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_table__every_row__is_whole),
		cmocka_unit_test(key_table__fields__do_not_overlap),
		cmocka_unit_test(key_table__every_section__is_listed),
		cmocka_unit_test(key_find__unknown__null),
		cmocka_unit_test(key_array_find__known__its_limits),
		cmocka_unit_test(key_nearest__misspelt__suggested),
		cmocka_unit_test(key_nearest__far_or_long__none),
		cmocka_unit_test(key_parse_path__indices__taken_out),
		cmocka_unit_test(key_parse_path__not_a_path__refused),
		cmocka_unit_test(key_format_path__parsed__same_again),
		cmocka_unit_test(key_expects__every_row__says_something_that_fits),
		cmocka_unit_test(key_nearest__policy_keys__suggested),
		cmocka_unit_test(key_table__model_files__have_the_policy_only),
		cmocka_unit_test(key_expects_item__arrays_of_texts__fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
