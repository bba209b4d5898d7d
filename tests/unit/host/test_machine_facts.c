/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/tree.h"

#include "host/machine_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 512

/* A tree of its own for each test. */
struct fixture {
	char root[64];
	struct machine_facts facts;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	(void)snprintf(f->root, sizeof(f->root), "/tmp/nestor-machine-XXXXXX");
	*state = f;
	return mkdtemp(f->root) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	int rc = tree_remove(f->root);
	free(f);
	return rc;
}

static void put_bytes(struct fixture *f, const char *path, const void *bytes, size_t n)
{
	tree_put(f->root, path, bytes, n);
}

static void put(struct fixture *f, const char *path, const char *text)
{
	put_bytes(f, path, text, strlen(text));
}

static const struct machine_facts *facts_of(struct fixture *f)
{
	machine_facts_read(f->root, &f->facts);
	return &f->facts;
}

static void machine__what_is_below__is_read(void **state)
{
	struct fixture *f = *state;
	assert_false(facts_of(f)->xen_control || f->facts.mshv);
	put(f, "/sys/hypervisor/type", "xen\n");
	put(f, "/proc/xen/capabilities", "\n");
	assert_false(facts_of(f)->xen_control);
	assert_string_equal(f->facts.hypervisor, "xen");
	put(f, "/proc/xen/capabilities", "control_d\n");
	put(f, "/dev/mshv", "");
	assert_true(facts_of(f)->xen_control);
	assert_true(f->facts.mshv);
}

static void machine__empty_tree__nothing_is_known(void **state)
{
	struct fixture *f = *state;
	const struct machine_facts *m = facts_of(f);
	assert_string_equal(m->kernel_release, "");
	assert_int_equal(m->nr_modules, 0);
	assert_int_equal(m->kvm_device_error, ENOENT);
	assert_int_equal(m->secure_boot, MACHINE_UNKNOWN);
	assert_int_equal(m->memory_bytes, 0);
	assert_string_equal(m->lockdown, "");
	assert_int_equal(m->nr_hugepages, 0);
	assert_int_equal(m->nr_vulnerabilities, 0);
}

static void machine__kernel__release_and_version_are_read(void **state)
{
	struct fixture *f = *state;
	put(f, "/proc/sys/kernel/osrelease", "6.1.0-37-amd64\n");
	put(f, "/proc/version", "Linux version 6.1.0-37-amd64 #1 SMP Debian 6.1.140-1\nmore\n");
	put(f, "/proc/version_signature", "Ubuntu 6.8.0-31.31-generic 6.8.1\n");
	const struct machine_facts *m = facts_of(f);
	assert_string_equal(m->kernel_release, "6.1.0-37-amd64");
	assert_string_equal(
		m->kernel_version, "Linux version 6.1.0-37-amd64 #1 SMP Debian 6.1.140-1");
	assert_string_equal(m->kernel_signature, "Ubuntu 6.8.0-31.31-generic 6.8.1");
}

static void machine__modules__kvms_alone_with_sorted_parameters(void **state)
{
	struct fixture *f = *state;
	put(f, "/sys/module/kvm_amd/initstate", "live\n");
	put(f, "/sys/module/kvm_amd/parameters/npt", "Y\n");
	put(f, "/sys/module/kvm_amd/parameters/avic", "N\n");
	put(f, "/sys/module/kvm_amd/parameters/nested", "1\n");
	put(f, "/sys/module/kvm/parameters/tdp_mmu", "Y\n");
	put(f, "/sys/module/kvmgt/initstate", "live\n");
	put(f, "/sys/module/ext4/initstate", "live\n");
	const struct machine_facts *m = facts_of(f);
	assert_int_equal(m->nr_modules, 2);
	assert_string_equal(m->modules[0].name, "kvm");
	assert_true(m->modules[0].builtin);
	assert_string_equal(m->modules[1].name, "kvm_amd");
	assert_false(m->modules[1].builtin);
	assert_int_equal(m->modules[1].nr_parameters, 3);
	assert_string_equal(m->modules[1].parameters[0].name, "avic");
	assert_string_equal(m->modules[1].parameters[0].value, "N");
	assert_string_equal(m->modules[1].parameters[2].name, "npt");
}

static void machine__more_than_fits__is_cut(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES], longer[600];
	for (unsigned i = 0; i < MACHINE_MAX_PARAMETERS + 20; i++) {
		(void)snprintf(path, sizeof(path), "/sys/module/kvm/parameters/p%u", i);
		put(f, path, "1");
	}
	for (unsigned i = 0; i < MACHINE_MAX_MODULES + 5; i++) {
		(void)snprintf(path, sizeof(path), "/sys/module/kvm_%u/initstate", i);
		put(f, path, "live");
	}
	for (unsigned i = 0; i < MACHINE_MAX_VULNERABILITIES + 5; i++) {
		(void)snprintf(
			path, sizeof(path), "/sys/devices/system/cpu/vulnerabilities/v%u", i);
		put(f, path, "Not affected\n");
	}
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	put(f, "/proc/version", longer);
	put(f, "/proc/sys/kernel/osrelease", longer);
	put(f, "/sys/hypervisor/type", longer);
	const struct machine_facts *m = facts_of(f);
	assert_int_equal(m->nr_modules, MACHINE_MAX_MODULES);
	assert_int_equal(m->nr_vulnerabilities, MACHINE_MAX_VULNERABILITIES);
	assert_int_equal(strlen(m->kernel_version), sizeof(m->kernel_version) - 1);
	assert_int_equal(strlen(m->kernel_release), sizeof(m->kernel_release) - 1);
	assert_int_equal(strlen(m->hypervisor), sizeof(m->hypervisor) - 1);
}

static void machine__long_names__are_left_out(void **state)
{
	struct fixture *f = *state;
	put(f, "/sys/module/kvm/parameters/a_parameter_with_a_name_that_is_far_too_long", "1");
	put(f, "/sys/module/kvm_with_a_name_that_is_far_too_long_for_it/initstate", "live");
	const struct machine_facts *m = facts_of(f);
	assert_int_equal(m->nr_modules, 1);
	assert_int_equal(m->modules[0].nr_parameters, 0);
}

static void machine__lockdown__the_word_in_brackets(void **state)
{
	struct fixture *f = *state;
	put(f, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	assert_string_equal(facts_of(f)->lockdown, "integrity");
	put(f, "/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	assert_string_equal(facts_of(f)->lockdown, "none");
	put(f, "/sys/kernel/security/lockdown", "none [integrity");
	assert_string_equal(facts_of(f)->lockdown, "integrity");
	put(f, "/sys/kernel/security/lockdown", "garbage");
	assert_string_equal(facts_of(f)->lockdown, "");
}

#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static void machine__secure_boot__the_fifth_byte(void **state)
{
	struct fixture *f = *state;
	put(f, "/sys/firmware/memmap/0", "");
	assert_int_equal(facts_of(f)->uefi, MACHINE_NO);
	assert_int_equal(facts_of(f)->secure_boot, MACHINE_NO);
	put(f, "/sys/firmware/efi/runtime", "");
	assert_int_equal(facts_of(f)->uefi, MACHINE_YES);
	assert_int_equal(facts_of(f)->secure_boot, MACHINE_UNKNOWN);
	put_bytes(f, SECURE_BOOT, "\6\0\0\0\1", 5);
	assert_int_equal(facts_of(f)->secure_boot, MACHINE_YES);
	put_bytes(f, SECURE_BOOT, "\6\0\0\0\0", 5);
	assert_int_equal(facts_of(f)->secure_boot, MACHINE_NO);
	put_bytes(f, SECURE_BOOT, "\6\0\0\0", 4);
	assert_int_equal(facts_of(f)->secure_boot, MACHINE_UNKNOWN);
}

static void machine__memory__kibibytes_become_bytes(void **state)
{
	struct fixture *f = *state;
	put(f, "/proc/meminfo",
		"MemTotal:       16384 kB\nMemFree:  1 kB\nMemAvailable:    8192 kB\n");
	put(f, "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "2\n");
	put(f, "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
	put(f, "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "7\n");
	put(f, "/sys/kernel/mm/hugepages/hugepages-/nr_hugepages", "7\n");
	put(f, "/sys/kernel/mm/hugepages/other", "7\n");
	const struct machine_facts *m = facts_of(f);
	assert_int_equal(m->memory_bytes, 16 * MIB);
	assert_int_equal(m->available_bytes, 8 * MIB);
	assert_int_equal(m->nr_hugepages, 2);
	assert_int_equal(m->hugepages[0].size_bytes, 2 * MIB);
	assert_int_equal(m->hugepages[0].total, 7);
	assert_int_equal(m->hugepages[0].free, 0);
	assert_int_equal(m->hugepages[1].size_bytes, GIB);
	assert_int_equal(m->hugepages[1].free, 1);
}

static void machine__numbers_without_end__do_not_wrap(void **state)
{
	struct fixture *f = *state;
	put(f, "/proc/meminfo", "MemTotal: 99999999999999999999999999 kB\nMemAvailable: kB\n");
	const struct machine_facts *m = facts_of(f);
	assert_true(m->memory_bytes == UINT64_MAX);
	assert_int_equal(m->available_bytes, 0);
}

static void machine__device__opened_or_why_not(void **state)
{
	struct fixture *f = *state;
	put(f, "/dev/kvm", "");
	assert_int_equal(facts_of(f)->kvm_device_error, 0);
	char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s/dev/kvm", f->root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(facts_of(f)->kvm_device_error, EISDIR);
}

/* A FIFO or a folder in the place of a file must not block or be taken for text. */
static void machine__other_than_files__are_not_read(void **state)
{
	struct fixture *f = *state;
	char path[PATH_BYTES];
	put(f, "/proc/meminfo", "");
	(void)snprintf(path, sizeof(path), "%s/proc/version", f->root);
	assert_int_equal(mkfifo(path, 0600), 0);
	(void)snprintf(path, sizeof(path), "%s/proc/version_signature", f->root);
	assert_int_equal(mkdir(path, 0700), 0);
	const struct machine_facts *m = facts_of(f);
	assert_string_equal(m->kernel_version, "");
	assert_string_equal(m->kernel_signature, "");
}

static void machine__root_too_long__nothing_is_known(void **state)
{
	struct fixture *f = *state;
	char root[2000];
	memset(root, '/', sizeof(root) - 1);
	root[sizeof(root) - 1] = '\0';
	machine_facts_read(root, &f->facts);
	assert_string_equal(f->facts.kernel_release, "");
	assert_int_equal(f->facts.kvm_device_error, ENAMETOOLONG);
	int fd = -1;
	struct err e = ERR_INIT;
	assert_int_equal(machine_msr_open(root, &fd, &e), -ENAMETOOLONG);
}

static void machine__this_one__has_a_kernel(void **state)
{
	struct fixture *f = *state;
	machine_facts_read("", &f->facts);
	assert_true(f->facts.kernel_release[0] != '\0');
	assert_true(f->facts.memory_bytes > 0);
}

static void msr__index__is_the_offset(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[0x490];
	uint64_t value = 0x00da040000000013, got = 0;
	memcpy(bytes + 0x480, &value, sizeof(value));
	put_bytes(f, "/dev/cpu/0/msr", bytes, sizeof(bytes));
	int fd = -1;
	struct err e = ERR_INIT;
	assert_int_equal(machine_msr_open(f->root, &fd, &e), 0);
	assert_int_equal(machine_msr_read(fd, 0x480, &got), 0);
	assert_true(got == value);
	/* Half of one is none. */
	assert_int_equal(machine_msr_read(fd, 0x48c, &got), -EIO);
	assert_int_equal(machine_msr_read(fd, 0xc0000080, &got), -EIO);
	assert_true(got == value);
	(void)close(fd);
	assert_int_equal(machine_msr_read(-1, 0x480, &got), -EBADF);
}

static void msr__no_device__says_what_to_do(void **state)
{
	struct fixture *f = *state;
	int fd = -1;
	struct err e = ERR_INIT;
	assert_int_equal(machine_msr_open(f->root, &fd, &e), -ENOENT);
	assert_int_equal(fd, -1);
	assert_contains(e.msg, "/dev/cpu/0/msr");
	assert_contains(e.hint, "modprobe msr");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(machine__empty_tree__nothing_is_known),
		TEST(machine__what_is_below__is_read),
		TEST(machine__kernel__release_and_version_are_read),
		TEST(machine__modules__kvms_alone_with_sorted_parameters),
		TEST(machine__more_than_fits__is_cut),
		TEST(machine__long_names__are_left_out),
		TEST(machine__lockdown__the_word_in_brackets),
		TEST(machine__secure_boot__the_fifth_byte),
		TEST(machine__memory__kibibytes_become_bytes),
		TEST(machine__numbers_without_end__do_not_wrap),
		TEST(machine__device__opened_or_why_not),
		TEST(machine__other_than_files__are_not_read),
		TEST(machine__root_too_long__nothing_is_known),
		TEST(machine__this_one__has_a_kernel),
		TEST(msr__index__is_the_offset),
		TEST(msr__no_device__says_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
