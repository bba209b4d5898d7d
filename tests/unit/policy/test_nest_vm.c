/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/tree.h"

#include "policy/nest_vm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A host that can nest, and a VM's file on it. */
struct fixture {
	char dir[64], path[128];
	struct nest_facts facts;
	struct nesting_host_status host;
	struct config_source source;
	struct nest_vm vm;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/nestor-nest-vm-XXXXXX");
	host_amd(&f->facts.kvm, true);
	f->facts.kvm.max_vcpus = f->facts.kvm.max_vcpu_id = 64;
	f->facts.has_kvm = true;
	f->facts.machine.memory_bytes = 8 * GIB;
	f->facts.machine.available_bytes = 4 * GIB;
	return mkdtemp(f->dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int rc = tree_remove(f->dir);
	nest_vm_done(&f->vm);
	free(f);
	return rc;
}

static void put(struct fixture *f, const char *name, const char *text)
{
	(void)snprintf(f->path, sizeof(f->path), "%s/%s", f->dir, name);
	FILE *file = fopen(f->path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

#define VM "name = \"web\"\n[boot]\nkernel = \"vmlinuz\"\n[memory]\nsize = \"2G\"\n"
#define EXPOSED VM "[nesting]\nexpose_virtualization_extensions = true\n"

static const struct nest_vm *judge(struct fixture *f, const char *text)
{
	struct err e = ERR_INIT;
	put(f, "vmlinuz", "");
	put(f, "vm.toml", text);
	f->source.name = f->path;
	assert_int_equal(nest_vm_judge(&f->source, &f->facts, &f->host, &f->vm, &e), 0);
	return &f->vm;
}

static const struct finding *finding(const struct nest_vm *vm, const char *id)
{
	for (unsigned i = 0; i < vm->findings.n; i++) {
		if (strcmp(vm->findings.items[i].id, id) == 0)
			return &vm->findings.items[i];
	}
	return NULL;
}

static void assert_finding(const struct nest_vm *vm, const char *id, enum finding_level level,
	const char *text, const char *fix)
{
	const struct finding *item = finding(vm, id);
	if (!item)
		fail_msg("no finding %s", id);
	assert_int_equal(item->level, level);
	char *line = finding_line(item);
	assert_non_null(line);
	assert_contains(line, text);
	free(line);
	assert_contains(item->fix ? item->fix : "", fix);
	assert_int_equal(vm->findings.forbidden, level == FINDING_FORBIDS);
}

static void vm__exposed_on_a_good_host__yes(void **state)
{
	struct fixture *f = *state;
	const struct nest_vm *vm = judge(f, EXPOSED "profile = \"kvm\"\n");
	for (unsigned i = 0; i < vm->findings.n; i++)
		assert_int_equal(vm->findings.items[i].level, FINDING_NOTE);
	assert_false(vm->findings.forbidden);
	assert_true(vm->read && vm->exposed && vm->planned);
	assert_string_equal(vm->name, "web");
	assert_string_equal(vm->extensions, "svm");
	assert_string_equal(vm->profile, "kvm");
	assert_int_equal(vm->memory_bytes, 2 * GIB);
}

/* With the knob off, the rest is judged as if it were on: the knob is the only reason. */
static void vm__knob_off__the_only_reason(void **state)
{
	struct fixture *f = *state;
	const struct nest_vm *vm = judge(f, VM);
	assert_finding(vm, "knob", FINDING_FORBIDS, "is false", "nestor nest enable ");
	assert_false(vm->exposed);
	assert_true(vm->planned);
	for (unsigned i = 1; i < vm->findings.n; i++)
		assert_int_not_equal(vm->findings.items[i].level, FINDING_FORBIDS);
}

static void vm__policy_takes_svm__no(void **state)
{
	struct fixture *f = *state;
	const struct nest_vm *vm = judge(f, EXPOSED "[cpu]\nfeatures = [\"-svm\"]\n");
	assert_true(vm->findings.forbidden);
	assert_true(finding(vm, "no-extensions") || finding(vm, "plan"));
}

static void vm__policy_takes_npt__weakens(void **state)
{
	struct fixture *f = *state;
	const struct nest_vm *vm =
		judge(f, EXPOSED "profile = \"kvm\"\n[cpu]\nfeatures = [\"-npt\"]\n");
	assert_finding(vm, "no-nested-paging", FINDING_WEAKENS, "no npt", "nestor cpuid explain");
}

static void vm__model_of_the_other_vendor__no(void **state)
{
	struct fixture *f = *state;
	assert_finding(judge(f, EXPOSED "[cpu]\nmodel = \"Skylake-Client\"\n"), "plan",
		FINDING_FORBIDS, "Intel", "");
}

static void vm__too_many_vcpus__no(void **state)
{
	struct fixture *f = *state;
	assert_finding(judge(f, EXPOSED "[cpu]\nvcpus = 200\n"), "plan", FINDING_FORBIDS,
		"allows 64 in a VM", "");
}

static void vm__little_memory__no_with_the_size(void **state)
{
	struct fixture *f = *state;
	const struct nest_vm *vm =
		judge(f, "[boot]\nkernel = \"vmlinuz\"\n[memory]\nsize = \"64M\"\n[nesting]\n"
			 "expose_virtualization_extensions = true\nprofile = \"hyperv\"\n");
	assert_finding(vm, "memory", FINDING_FORBIDS, "memory.size is 64 MiB", "memory.size = \"");
}

static void vm__more_memory_than_the_host__weakens(void **state)
{
	struct fixture *f = *state;
	f->facts.machine.available_bytes = GIB;
	assert_finding(judge(f, EXPOSED "profile = \"kvm\"\n"), "host-memory", FINDING_WEAKENS,
		"2048 MiB", "");
}

static void vm__max_depth_0__no(void **state)
{
	struct fixture *f = *state;
	assert_finding(judge(f, VM "[nesting]\nmax_depth = 0\n"), "max-depth", FINDING_FORBIDS,
		"max_depth is 0", "nesting.max_depth = 1");
	assert_non_null(finding(&f->vm, "knob"));
	assert_null(finding(&f->vm, "plan"));
	assert_true(f->vm.planned);
}

static void vm__host_cannot__no_with_every_reason_of_its_own(void **state)
{
	struct fixture *f = *state;
	f->host.findings.forbidden = true;
	const struct nest_vm *vm = judge(f, VM);
	assert_finding(vm, "host", FINDING_FORBIDS, "this host cannot", "");
	assert_non_null(finding(vm, "knob"));
	assert_false(vm->planned);
}

static void vm__config_errors__each_a_finding(void **state)
{
	struct fixture *f = *state;
	const struct nest_vm *vm = judge(f, "[cpu]\nvcpus = 300\nnosuch = 1\n");
	assert_finding(vm, "config", FINDING_FORBIDS, "vm.toml:", "");
	assert_true(vm->findings.n >= 2);
	assert_false(vm->read);
}

static void vm__no_kernel__told_beside_the_rest(void **state)
{
	struct fixture *f = *state;
	const struct nest_vm *vm = judge(f, "[boot]\nkernel = \"absent\"\n");
	assert_finding(vm, "config", FINDING_FORBIDS, "absent", "");
	assert_non_null(finding(vm, "knob"));
	assert_true(vm->read);
}

static void vm__assignments__override_the_file(void **state)
{
	struct fixture *f = *state;
	struct config_override overrides[256] = {
		{ NULL, "nesting.expose_virtualization_extensions=true", "--set" },
	};
	f->source.overrides = overrides;
	f->source.nr_overrides = 1;
	assert_true(judge(f, VM)->exposed);
	for (size_t i = 0; i < ARRAY_SIZE(overrides); i++)
		overrides[i] = (struct config_override){ NULL, "cpu.vcpus=1", "--set" };
	f->source.nr_overrides = ARRAY_SIZE(overrides);
	assert_finding(judge(f, VM), "knob", FINDING_FORBIDS, "is false", "");
}

static void vm__text_that_is_held__is_judged_and_no_file_read(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	(void)judge(f, VM);
	f->source.text = EXPOSED;
	f->source.n = strlen(EXPOSED);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(nest_vm_judge(&f->source, &f->facts, &f->host, &f->vm, &e), 0);
	assert_true(f->vm.read);
	assert_true(f->vm.planned);
	assert_true(f->vm.exposed);
	assert_null(finding(&f->vm, "config"));
}

static void vm__absent_file__a_finding(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	f->source.name = "/nonexistent/vm.toml";
	assert_int_equal(nest_vm_judge(&f->source, &f->facts, &f->host, &f->vm, &e), 0);
	assert_false(f->vm.read);
	assert_finding(&f->vm, "config", FINDING_FORBIDS, "/nonexistent/vm.toml", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vm__exposed_on_a_good_host__yes),
		TEST(vm__knob_off__the_only_reason),
		TEST(vm__policy_takes_svm__no),
		TEST(vm__policy_takes_npt__weakens),
		TEST(vm__model_of_the_other_vendor__no),
		TEST(vm__too_many_vcpus__no),
		TEST(vm__little_memory__no_with_the_size),
		TEST(vm__more_memory_than_the_host__weakens),
		TEST(vm__max_depth_0__no),
		TEST(vm__host_cannot__no_with_every_reason_of_its_own),
		TEST(vm__config_errors__each_a_finding),
		TEST(vm__no_kernel__told_beside_the_rest),
		TEST(vm__assignments__override_the_file),
		TEST(vm__text_that_is_held__is_judged_and_no_file_read),
		TEST(vm__absent_file__a_finding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
