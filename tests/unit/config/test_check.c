/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/check.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define KERNEL "boot.kernel = '/proc/self/stat'\n"

static const struct vm_config *finish_good(struct config *c)
{
	struct err e = ERR_INIT;
	const struct vm_config *vm = NULL;
	int ret = config_finish(c, &vm, &e);
	assert_string_equal(e.msg, "");
	assert_int_equal(ret, 0);
	return vm;
}

static void finish_bad(struct config *c, const char *message)
{
	struct err e = ERR_INIT;
	const struct vm_config *vm = &c->vm;
	assert_int_equal(config_finish(c, &vm, &e), -EINVAL);
	assert_null(vm);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(e.msg, message);
}

static void finish__topology__filled_in(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t vcpus, sockets, cores, threads;
	} good[] = {
		{ "", 1, 0, 0, 0 },
		{ "cpu.vcpus = 255", 255, 0, 0, 0 },
		{ "cpu.threads = 2", 2, 1, 1, 2 },
		{ "cpu.vcpus = 6\ncpu.threads = 2", 6, 1, 3, 2 },
		{ "cpu.vcpus = 6\ncpu.sockets = 3", 6, 3, 2, 1 },
		{ "cpu.vcpus = 6\ncpu.sockets = 3\ncpu.threads = 2", 6, 3, 1, 2 },
		{ "cpu.vcpus = 6\ncpu.cores = 6", 6, 1, 6, 1 },
		{ "cpu.sockets = 2\ncpu.cores = 3\ncpu.threads = 2", 12, 2, 3, 2 },
		{ "cpu.sockets = 255", 255, 255, 1, 1 },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config *c = config_create();
		char text[200];
		(void)snprintf(text, sizeof(text), "%s%s\n", KERNEL, good[i].text);
		load_good(c, text);
		const struct vm_config *vm = finish_good(c);
		assert_int_equal(vm->cpu.vcpus, good[i].vcpus);
		assert_int_equal(vm->cpu.sockets, good[i].sockets);
		assert_int_equal(vm->cpu.cores, good[i].cores);
		assert_int_equal(vm->cpu.threads, good[i].threads);
		config_destroy(c);
	}
}

static void finish__topology_largest_factors__refused_without_overflow(void **state)
{
	load_good(*state, KERNEL "cpu.sockets = 255\ncpu.cores = 255\ncpu.threads = 255\n");
	finish_bad(*state, "vm.toml:3:13: cpu.cores: sockets * cores * threads = 255 * 255 * 255 = "
			   "16581375, more "
			   "than 255 vCPUs");
}

static void finish__twice_with_a_change_between__follows_it(void **state)
{
	struct config *c = *state;
	load_good(c, KERNEL "cpu.threads = 2\n");
	assert_int_equal(finish_good(c)->cpu.vcpus, 2);
	set_good(c, "cpu.cores=3");
	assert_int_equal(finish_good(c)->cpu.vcpus, 6);
	set_good(c, "cpu.vcpus=12");
	finish_bad(c, "--set: cpu.vcpus: 12 is not sockets * cores * threads = 1 * 3 * 2 = 6");
}

static void finish__no_kernel__told_without_a_file(void **state)
{
	finish_bad(*state,
		"boot.kernel: not given: a VM needs a kernel, such as kernel = \"vmlinuz\" in "
		"the table [boot]");
}

static void finish__memory_limits__exact(void **state)
{
	struct config *c = *state;
	load_good(c, KERNEL);
	set_good(c, "memory.size=16M");
	assert_int_equal(finish_good(c)->memory.size_bytes, 16 * MIB);
	set_good(c, "memory.size=1T");
	set_good(c, "memory.hugepages=\"1G\"");
	assert_int_equal(finish_good(c)->memory.size_bytes, 1024 * GIB);
	set_good(c, "memory.size=1099511623680"); /* 1T - 4K */
	finish_bad(c,
		"--set: memory.size: the size 1073741820K is not a multiple of 1G, the size of a "
		"huge page");
	set_good(c, "memory.hugepages=false");
	assert_int_equal(finish_good(c)->memory.hugepages, HUGEPAGES_OFF);
}

static void finish__serial_path_for_another_mode__refused(void **state)
{
	load_good(*state, KERNEL "serial = [{ mode = 'null', path = 'x' }]\n");
	finish_bad(*state, "vm.toml:2:35: serial[0].path: is only for mode = \"file\"");
}

static void finish__stdio_added_to_the_default__refused(void **state)
{
	struct config *c = *state;
	load_good(c, KERNEL);
	set_good(c, "serial.1.mode=stdio");
	finish_bad(c,
		"--set: serial[1].mode: \"stdio\", as serial[0] has it already, and there is one "
		"terminal");
	set_good(c, "serial.0.mode=null");
	assert_int_equal(finish_good(c)->nr_serials, 2);
}

static void check_values__absent_files__not_its_business(void **state)
{
	struct config *c = *state;
	struct faults f = { 0 };
	load_good(c, "boot.kernel = '/nonexistent'\nboot.initrd = '/tmp'\n");
	check_values(c, &f);
	assert_int_equal(f.nr, 0);
	check_files(c, &f);
	assert_int_equal(f.nr, 2);
}

static void finish__files__each_fault_with_its_line(void **state)
{
	load_good(*state,
		"boot.kernel = '/nonexistent'\nboot.initrd = '/tmp'\n"
		"boot.modules = [{ path = '/proc/self/stat' }, { path = '/dev/null' }]\n");
	finish_bad(*state, "vm.toml:1:15: boot.kernel: /nonexistent: No such file or directory\n"
			   "vm.toml:2:15: boot.initrd: /tmp: a directory, not a regular file\n"
			   "vm.toml:3:56: boot.modules[1].path: /dev/null: a character device, not "
			   "a regular file");
}

static void finish__unreadable_file__refused(void **state)
{
	struct err e = ERR_INIT;
	const struct vm_config *vm = NULL;
	char path[] = "/tmp/nestor-config-XXXXXX";
	char text[64];
	if (geteuid() == 0)
		skip(); /* root reads everything */
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0), 0);
	assert_int_equal(close(fd), 0);
	(void)snprintf(text, sizeof(text), "boot.kernel = '%s'\n", path);
	load_good(*state, text);
	int ret = config_finish(*state, &vm, &e);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ret, -EINVAL);
	assert_non_null(strstr(e.msg, "Permission denied"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(finish__topology__filled_in),
		CONFIG_TEST(finish__topology_largest_factors__refused_without_overflow),
		CONFIG_TEST(finish__twice_with_a_change_between__follows_it),
		CONFIG_TEST(finish__no_kernel__told_without_a_file),
		CONFIG_TEST(finish__memory_limits__exact),
		CONFIG_TEST(finish__serial_path_for_another_mode__refused),
		CONFIG_TEST(finish__stdio_added_to_the_default__refused),
		CONFIG_TEST(check_values__absent_files__not_its_business),
		CONFIG_TEST(finish__files__each_fault_with_its_line),
		CONFIG_TEST(finish__unreadable_file__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
