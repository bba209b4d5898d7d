/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/store.h"
#include "config/toml_reader.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void load__two_files__the_later_wins(void **state)
{
	struct config *c = *state;
	load_good(c, "name = 'a'\n[cpu]\nvcpus = 2\n[[serial]]\n[[serial]]\nmode = 'null'\n");
	load_good(c, "name = 'b'\n[[serial]]\nmode = 'null'\n");
	assert_string_equal(c->vm.name, "b");
	assert_int_equal(c->vm.cpu.vcpus, 2);
	assert_int_equal(c->vm.nr_serials, 1);
}

static void load__faults_and_good_values__all_faults_told(void **state)
{
	struct config *c = *state;
	load_bad(c, "nmae = 'x'\n[cpu]\nvcpus = 300\ncores = 2\n",
		"vm.toml:1:1: nmae: unknown key, did you mean name?\n"
		"vm.toml:3:9: cpu.vcpus: expected an integer from 1 to 255, found 300");
	assert_int_equal(c->vm.cpu.cores, 2);
}

static void load__out_of_order_text__faults_in_its_order(void **state)
{
	load_bad(*state, "[memory]\nz1 = 1\n[cpu]\nz2 = 1\nz0 = 1\n",
		"vm.toml:2:1: memory.z1: unknown key\nvm.toml:4:1: cpu.z2: unknown key\n"
		"vm.toml:5:1: cpu.z0: unknown key");
}

static void load__name_with_controls_and_length__made_printable(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	char name[1000];
	(void)memset(name, 'd', sizeof(name));
	(void)snprintf(name + 990, 10, "\n\x1b.toml");
	assert_true(config_load_text(c, "x", 1, name, NULL, &e) < 0);
	assert_memory_equal(e.msg, "...ddd", 6);
	assert_non_null(strstr(e.msg, "d??.toml:1:"));
	assert_null(strchr(e.msg, '\n'));
	assert_int_equal(config_load_text(c, "name='n'", 8, name, NULL, &e), 0);
	assert_null(strpbrk(config_origin(c, "name"), "\n\x1b"));
}

static void load__no_err__fails_all_the_same(void **state)
{
	assert_int_equal(config_load_text(*state, "x = 1", 5, "n", NULL, NULL), -EINVAL);
}

static void load__every_scalar_as_section__refused(void **state)
{
	load_bad(*state, "cpu = []\nboot = ''\n[[memory]]\n",
		"vm.toml:1:7: cpu: expected a table, found an array\n"
		"vm.toml:2:8: boot: expected a table, found a string\n"
		"vm.toml:3:1: memory: expected a table, found an array");
}

static void load_file__relative_paths__start_at_the_file(void **state)
{
	struct config *c = *state;
	struct err e = ERR_INIT;
	char dir[] = "/tmp/nestor-config-XXXXXX";
	char path[64], kernel[64];
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/vm.toml", dir);
	(void)snprintf(kernel, sizeof(kernel), "%s/vmlinuz", dir);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs("boot.kernel = 'vmlinuz'\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	int ret = config_load_file(c, path, &e);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_string_equal(e.msg, "");
	assert_int_equal(ret, 0);
	assert_string_equal(c->vm.boot.kernel, kernel);
}

static void load_file__too_large__refused(void **state)
{
	struct err e = ERR_INIT;
	char path[] = "/tmp/nestor-config-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, TOML_MAX_BYTES + 1), 0);
	int ret = config_load_file(*state, path, &e);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ret, -EFBIG);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.msg, "bytes, more than the 262144 that are allowed here"));
}

static void load_file__not_a_file__refused(void **state)
{
	struct err e = ERR_INIT;
	assert_int_equal(config_load_file(*state, "/nonexistent/vm.toml", &e), -ENOENT);
	assert_string_equal(e.msg, "cannot open /nonexistent/vm.toml: No such file or directory");
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(config_load_file(*state, "/tmp", &e), -EISDIR);
	assert_string_equal(e.msg, "/tmp is a directory, not a file to read");
	assert_int_equal(config_load_file(*state, "/dev/zero", &e), -EINVAL);
	assert_int_equal(config_load_file(*state, "", NULL), -ENOENT);
	assert_int_equal(config_load_file(*state, "-", NULL), -ENOENT);
}

static void load_file__fifo__refused_without_waiting(void **state)
{
	struct err e = ERR_INIT;
	char path[64];
	(void)snprintf(path, sizeof(path), "/tmp/nestor-config-fifo-%d", (int)getpid());
	assert_int_equal(mkfifo(path, 0600), 0);
	int ret = config_load_file(*state, path, &e);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ret, -EINVAL);
}

static void load__array_of_texts__each_has_its_place(void **state)
{
	struct config *c = *state;
	load_good(c, "[cpu]\nfeatures = [ '+pcid',\n\t\"-avx512f\", # no\n\n'+la57'\n]\n"
		     "migration_cluster = ['a', '/b']\n");
	assert_int_equal(c->vm.cpu.features.n, 3);
	assert_string_equal(c->vm.cpu.features.items[1].text, "-avx512f");
	assert_string_equal(c->vm.cpu.features.items[0].origin, "vm.toml:2:14");
	assert_string_equal(c->vm.cpu.features.items[1].origin, "vm.toml:3:2");
	assert_string_equal(c->vm.cpu.features.items[2].origin, "vm.toml:5:1");
	assert_string_equal(config_origin(c, "cpu.features"), "vm.toml:2:12");
	assert_string_equal(c->vm.cpu.migration_cluster.items[0].text, "/dir/a");
	assert_string_equal(c->vm.cpu.migration_cluster.items[1].text, "/b");
	load_good(c, "cpu.features = ['+pcid']\n");
	assert_int_equal(c->vm.cpu.features.n, 1);
	assert_string_equal(c->vm.cpu.features.items[0].origin, "vm.toml:1:17");
	load_good(c, "cpu.features = []\n");
	assert_int_equal(c->vm.cpu.features.n, 0);
}

static void load__element_of_texts_at_fault__its_line(void **state)
{
	struct config *c = *state;
	load_bad(c, "[cpu]\nmigration_cluster = [\n'a',\n  '' ]\n",
		"vm.toml:4:3: cpu.migration_cluster: expected a string, the path of a file, found "
		"the "
		"string \"\"");
	assert_int_equal(c->vm.cpu.migration_cluster.n, 0);
}

static void load__arrays_of_tables__grow_and_are_replaced(void **state)
{
	struct config *c = *state;
	load_good(c, "[[msr.rules]]\nindex = 1\n[[msr.rules]]\nfirst = 2\nlast = '0x3'\n"
		     "action = 'read-as'\nvalue = '0xffffffffffffffff'\nlog = true\n");
	assert_int_equal(c->vm.msr.nr_rules, 2);
	assert_int_equal(c->vm.msr.rules[0].index, 1);
	assert_int_equal(c->vm.msr.rules[1].first, 2);
	assert_int_equal(c->vm.msr.rules[1].last, 3);
	assert_int_equal(c->vm.msr.rules[1].action, MSR_ACTION_READ_AS);
	assert_true(c->vm.msr.rules[1].value == UINT64_MAX);
	assert_true(c->vm.msr.rules[1].log && !c->vm.msr.rules[0].log);
	load_good(c, "[[msr.rules]]\nindex = 9\n");
	assert_int_equal(c->vm.msr.nr_rules, 1);
	assert_int_equal(c->vm.msr.rules[0].index, 9);
	assert_null(config_given(c, "msr.rules[1].first"));
	assert_null(config_given(c, "msr.rules[0].first"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(load__two_files__the_later_wins),
		CONFIG_TEST(load__faults_and_good_values__all_faults_told),
		CONFIG_TEST(load__out_of_order_text__faults_in_its_order),
		CONFIG_TEST(load__name_with_controls_and_length__made_printable),
		CONFIG_TEST(load__no_err__fails_all_the_same),
		CONFIG_TEST(load__every_scalar_as_section__refused),
		CONFIG_TEST(load_file__relative_paths__start_at_the_file),
		CONFIG_TEST(load_file__too_large__refused),
		CONFIG_TEST(load_file__not_a_file__refused),
		CONFIG_TEST(load_file__fifo__refused_without_waiting),
		CONFIG_TEST(load__array_of_texts__each_has_its_place),
		CONFIG_TEST(load__element_of_texts_at_fault__its_line),
		CONFIG_TEST(load__arrays_of_tables__grow_and_are_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
