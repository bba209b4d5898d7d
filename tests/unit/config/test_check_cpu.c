/* SPDX-License-Identifier: MIT */
#include "config_test.h"

#include "config/check.h"

#include <errno.h>

typedef int (*finish_fn)(struct config *c, const struct vm_config **ret_config, struct err *e);

static const struct vm_config *finish_good(struct config *c, finish_fn finish)
{
	struct err e = ERR_INIT;
	const struct vm_config *vm = NULL;
	int ret = finish(c, &vm, &e);
	assert_string_equal(e.msg, "");
	assert_int_equal(ret, 0);
	assert_ptr_equal(vm, &c->vm);
	return vm;
}

static void finish_bad(struct config *c, finish_fn finish, const char *message)
{
	struct err e = ERR_INIT;
	const struct vm_config *vm = &c->vm;
	assert_int_equal(finish(c, &vm, &e), -EINVAL);
	assert_null(vm);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(e.msg, message);
}

static void finish_policy__topology__filled_in(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t vcpus, sockets, dies, cores, threads;
	} good[] = {
		{ "", 1, 0, 0, 0, 0 },
		{ "cpu.vcpus = 4", 4, 0, 0, 0, 0 },
		{ "cpu.dies = 1", 1, 1, 1, 1, 1 },
		{ "cpu.dies = 2", 2, 1, 2, 1, 1 },
		{ "cpu.vcpus = 12\ncpu.dies = 2", 12, 1, 2, 6, 1 },
		{ "cpu.vcpus = 12\ncpu.dies = 2\ncpu.threads = 3", 12, 1, 2, 2, 3 },
		{ "cpu.sockets = 2\ncpu.dies = 2\ncpu.cores = 2\ncpu.threads = 2", 16, 2, 2, 2, 2 },
		{ "cpu.dies = 255", 255, 1, 255, 1, 1 },
		{ "cpu.hw_thread_count_per_core = 2", 2, 1, 1, 1, 2 },
		{ "cpu.hw_thread_count_per_core = 1", 1, 1, 1, 1, 1 },
		{ "cpu.vcpus = 8\ncpu.hw_thread_count_per_core = 2", 8, 1, 1, 4, 2 },
		{ "cpu.threads = 2\ncpu.hw_thread_count_per_core = 2", 2, 1, 1, 1, 2 },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config *c = config_create();
		load_good(c, good[i].text);
		const struct vm_config *vm = finish_good(c, config_finish_policy);
		assert_int_equal(vm->cpu.vcpus, good[i].vcpus);
		assert_int_equal(vm->cpu.sockets, good[i].sockets);
		assert_int_equal(vm->cpu.dies, good[i].dies);
		assert_int_equal(vm->cpu.cores, good[i].cores);
		assert_int_equal(vm->cpu.threads, good[i].threads);
		assert_false(vm->cpu.threads_of_host);
		config_destroy(c);
	}
}

static void finish_policy__threads_of_the_host__left_open(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t vcpus, sockets, dies, cores;
	} good[] = {
		{ "", 0, 1, 1, 0 },
		{ "cpu.vcpus = 8", 8, 1, 1, 0 },
		{ "cpu.cores = 3", 0, 1, 1, 3 },
		{ "cpu.sockets = 2\ncpu.dies = 2", 0, 2, 2, 0 },
		{ "cpu.vcpus = 8\ncpu.sockets = 2\ncpu.cores = 2", 8, 2, 1, 2 },
		{ "cpu.vcpus = 5\ncpu.pinning = [1, 2, 3, 4, 5]", 5, 1, 1, 0 },
		{ "cpu.pinning = [1, 2, 3]", 0, 1, 1, 0 },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config *c = config_create();
		load_good(c, "cpu.hw_thread_count_per_core = 0");
		load_good(c, good[i].text);
		const struct vm_config *vm = finish_good(c, config_finish_policy);
		assert_true(vm->cpu.threads_of_host);
		assert_int_equal(vm->cpu.threads, 0);
		assert_int_equal(vm->cpu.vcpus, good[i].vcpus);
		assert_int_equal(vm->cpu.sockets, good[i].sockets);
		assert_int_equal(vm->cpu.dies, good[i].dies);
		assert_int_equal(vm->cpu.cores, good[i].cores);
		config_destroy(c);
	}
}

static void finish_policy__threads_changed_between__follows(void **state)
{
	struct config *c = *state;
	set_good(c, "cpu.hw_thread_count_per_core=0");
	set_good(c, "cpu.cores=2");
	assert_true(finish_good(c, config_finish_policy)->cpu.threads_of_host);
	set_good(c, "cpu.hw_thread_count_per_core=4");
	assert_int_equal(finish_good(c, config_finish_policy)->cpu.vcpus, 8);
	assert_false(c->vm.cpu.threads_of_host);
	set_good(c, "cpu.threads=2");
	finish_bad(c, config_finish_policy,
		"--set: cpu.hw_thread_count_per_core: 4, but cpu.threads, which means the same, is "
		"2 "
		"(--set)");
	set_good(c, "cpu.hw_thread_count_per_core=2");
	assert_int_equal(finish_good(c, config_finish_policy)->cpu.vcpus, 4);
}

static void finish_policy__leaves_and_rules__completed(void **state)
{
	struct config *c = *state;
	load_good(c, "[[cpu.leaves]]\nleaf = 7\nsubleaf = 0\nregister = 'eax'\n"
		     "mask = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1'\n[[cpu.leaves]]\nleaf = 0\n"
		     "register = 'edx'\nmask = '0xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'\n"
		     "[[msr.rules]]\nindex = 0xffffffff\naction = 'deny'\n"
		     "[[msr.rules]]\nfirst = 0\nlast = 0xffffffff\naction = 'log'\n"
		     "[[msr.rules]]\nindex = 0\naction = 'read-as'\nvalue = 0\n");
	const struct vm_config *vm = finish_good(c, config_finish_policy);
	assert_false(vm->cpu.leaves[0].any_subleaf);
	assert_true(vm->cpu.leaves[1].any_subleaf);
	assert_int_equal(vm->cpu.leaves[1].mask.clear, 0x80000000);
	assert_int_equal(vm->msr.rules[0].from, UINT32_MAX);
	assert_int_equal(vm->msr.rules[0].to, UINT32_MAX);
	assert_int_equal(vm->msr.rules[1].from, 0);
	assert_int_equal(vm->msr.rules[1].to, UINT32_MAX);
	assert_int_equal(vm->msr.rules[2].from + vm->msr.rules[2].to, 0);
}

static void finish_policy__leaf_without_anything__each_lack_told(void **state)
{
	load_good(*state, "[[cpu.leaves]]\n[[msr.bits]]\n");
	finish_bad(*state, config_finish_policy,
		"vm.toml:1:1: cpu.leaves[0].leaf: not given: which CPUID leaf is it?\n"
		"vm.toml:1:1: cpu.leaves[0].register: not given: eax, ebx, ecx or edx?\n"
		"vm.toml:1:1: cpu.leaves[0].mask: not given: what are the register's bits to be?\n"
		"vm.toml:2:1: msr.bits[0].index: not given: which MSR is it?\n"
		"vm.toml:2:1: msr.bits[0].mask: not given: what are the MSR's bits to be?");
}

static void finish_policy__no_kernel_and_absent_files__not_asked_for(void **state)
{
	struct config *c = *state;
	load_good(c,
		"[boot]\ninitrd = '/nonexistent'\nmodules = [{}]\n[[serial]]\nmode = 'file'\n"
		"[cpu]\nmodel = '/nonexistent.toml'\ncompatibility_for_migration_enabled = true\n"
		"compatibility_for_migration_mode = 'common_cluster_feature_set'\n"
		"migration_cluster = ['/nonexistent.json']\n");
	(void)finish_good(c, config_finish_policy);
}

static void finish_policy__memory_and_pinning__checked(void **state)
{
	load_good(*state, "memory.size = 16777217\ncpu.pinning = [1, 2]\n");
	finish_bad(*state, config_finish_policy,
		"vm.toml:1:15: memory.size: the size 16777217 is not a multiple of 4K, the size of "
		"a "
		"page\n"
		"vm.toml:2:15: cpu.pinning: lists 2 host CPUs, but there are 1 vCPUs, which need "
		"one "
		"each");
}

static void finish_policy__no_err__fails_all_the_same(void **state)
{
	const struct vm_config *vm = NULL;
	load_good(*state, "cpu.leaves = [{}]\n");
	assert_int_equal(config_finish_policy(*state, &vm, NULL), -EINVAL);
	assert_int_equal(config_finish_model(*state, &vm, NULL), -EINVAL);
}

static void finish_model__nothing_given__accepted(void **state)
{
	assert_null(finish_good(*state, config_finish_model)->cpu.model);
}

static void finish_model__set_and_file__each_named(void **state)
{
	struct config *c = *state;
	load_good(c, "name = 'x'\nserial = []\n");
	set_good(c, "cpu.threads=2");
	finish_bad(c, config_finish_model,
		"vm.toml:1:8: name: does not belong in a model file, which says only what a CPU is "
		"like\n"
		"--set: cpu.threads: does not belong in a model file, which says only what a CPU "
		"is like\n"
		"vm.toml:2:10: serial: does not belong in a model file, which says only what a CPU "
		"is like");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG_TEST(finish_policy__topology__filled_in),
		CONFIG_TEST(finish_policy__threads_of_the_host__left_open),
		CONFIG_TEST(finish_policy__threads_changed_between__follows),
		CONFIG_TEST(finish_policy__leaves_and_rules__completed),
		CONFIG_TEST(finish_policy__leaf_without_anything__each_lack_told),
		CONFIG_TEST(finish_policy__no_kernel_and_absent_files__not_asked_for),
		CONFIG_TEST(finish_policy__memory_and_pinning__checked),
		CONFIG_TEST(finish_policy__no_err__fails_all_the_same),
		CONFIG_TEST(finish_model__nothing_given__accepted),
		CONFIG_TEST(finish_model__set_and_file__each_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
