/* SPDX-License-Identifier: MIT */
/* `nestor nest status` and `probe` on made-up machines: what they print, and their statuses. */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "cli/cli.h"
#include "cli/nest.h"
#include "policy/nest_facts.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OUTPUT_BYTES (256 * 1024)

/* The machine that the commands find; NULL: memory is out. */
static const struct nest_facts *machine;

int nest_facts_create(struct nest_facts **ret_facts, struct err *e)
{
	struct nest_facts *f = machine ? malloc(sizeof(*f)) : NULL;
	if (!f)
		return err_set(e, -ENOMEM, "out of memory");
	*f = *machine;
	*ret_facts = f;
	return 0;
}

void nest_facts_destroy(struct nest_facts *f)
{
	free(f);
}

struct fixture {
	struct nest_facts facts;
	char output[OUTPUT_BYTES];
};

static void put_module(struct nest_facts *f, const char *name, const char *nested)
{
	struct machine_module *m = &f->machine.modules[f->machine.nr_modules++];
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	m->nr_parameters = 1;
	(void)snprintf(m->parameters[0].name, sizeof(m->parameters[0].name), "nested");
	(void)snprintf(m->parameters[0].value, sizeof(m->parameters[0].value), "%s", nested);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	f->facts.machine.memory_bytes = 8 * GIB;
	f->facts.machine.available_bytes = 4 * GIB;
	f->facts.machine.nr_hugepages = 1;
	f->facts.machine.hugepages[0] = (struct machine_hugepages){ 2 * MIB, 10, 3 };
	(void)snprintf(f->facts.machine.kernel_release, sizeof(f->facts.machine.kernel_release),
		"6.12.94");
	(void)err_set(&f->facts.msr_error, -ENOENT, "cannot open the MSRs");
	f->facts.has_kvm = true;
	f->facts.kvm.nested_state = true;
	machine = &f->facts;
	return 0;
}

static int tear_down(void **state)
{
	machine = NULL;
	free(*state);
	return 0;
}

static void amd(struct fixture *f)
{
	host_amd(&f->facts.kvm, true);
	f->facts.kvm.nested_state = true;
	f->facts.processor = f->facts.kvm.supported;
	cpuid_find(&f->facts.processor, 1, 0)->reg[CPUID_ECX] &= ~UINT32_C(0x80000000);
	put_module(&f->facts, "kvm_amd", "1");
}

/* Every VMX control may be 1. */
static unsigned vmx_msrs(struct msr_value *msrs)
{
	unsigned n = 0;
	for (uint32_t i = 0x480; i <= 0x493; i++)
		msrs[n++] = (struct msr_value){ i, UINT64_MAX << 32 };
	msrs[0].value = 0x13 | UINT64_C(0x1000) << 32 | UINT64_C(6) << 50 | UINT64_C(1) << 55;
	return n;
}

static void intel(struct fixture *f)
{
	host_intel(&f->facts.kvm, true);
	f->facts.kvm.nested_state = true;
	f->facts.kvm.nr_feature_msrs = vmx_msrs(f->facts.kvm.feature_msrs);
	f->facts.processor = f->facts.kvm.supported;
	cpuid_find(&f->facts.processor, 1, 0)->reg[CPUID_ECX] &= ~UINT32_C(0x80000000);
	put_module(&f->facts, "kvm_intel", "Y");
}

/* Runs a command and keeps what it prints. */
static int run(struct fixture *f, int (*command)(int, char **), const char *flag, const char *value)
{
	char name[] = "nestor nest TEST", first[64], second[64];
	(void)snprintf(first, sizeof(first), "%s", flag ? flag : "");
	(void)snprintf(second, sizeof(second), "%s", value ? value : "");
	char *argv[] = { name, first, second, NULL };
	argv[flag ? value ? 3 : 2 : 1] = NULL;
	FILE *file = tmpfile();
	assert_non_null(file);
	assert_int_equal(fflush(stdout), 0);
	int kept = dup(STDOUT_FILENO);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	int status = command(flag ? value ? 3 : 2 : 1, argv);
	(void)fflush(stdout);
	assert_true(dup2(kept, STDOUT_FILENO) >= 0);
	(void)close(kept);
	rewind(file);
	size_t n = fread(f->output, 1, sizeof(f->output) - 1, file);
	f->output[n] = '\0';
	(void)fclose(file);
	return status;
}

static json_t *parse(const struct fixture *f)
{
	json_t *root = json_loads(f->output, 0, NULL);
	assert_non_null(root);
	return root;
}

static void status__good_host__yes_and_0(void **state)
{
	struct fixture *f = *state;
	amd(f);
	assert_int_equal(run(f, cmd_nest_status, NULL, NULL), STATUS_OK);
	assert_int_equal(strncmp(f->output, "YES  this host can expose", 25), 0);
	assert_contains(f->output, "Zen 3");
	assert_contains(f->output, "SVM: npt");
	assert_contains(f->output, "nested=1");
	assert_contains(f->output, "0: no hypervisor");
	assert_contains(f->output, "3 of 10 huge pages of 2 MiB free");
	/* The kernel of the fixture is dangerous. */
	assert_contains(f->output, "danger");
	assert_contains(f->output, "CVE-2026-53359");
	assert_contains(f->output, "6.12.95");
}

static void status__intel_without_msrs__says_so(void **state)
{
	struct fixture *f = *state;
	intel(f);
	assert_int_equal(run(f, cmd_nest_status, NULL, NULL), STATUS_OK);
	assert_contains(f->output, "its MSRs cannot be read");
	assert_contains(f->output, "offers guests VMX");
}

static void status__nested_off__no_and_1(void **state)
{
	struct fixture *f = *state;
	amd(f);
	f->facts.machine.nr_modules = 0;
	put_module(&f->facts, "kvm_amd", "0");
	assert_int_equal(run(f, cmd_nest_status, NULL, NULL), STATUS_NO);
	assert_int_equal(strncmp(f->output, "NO   this host cannot", 21), 0);
	assert_contains(f->output, "modprobe kvm_amd nested=1");
	assert_int_equal(run(f, cmd_nest_status, "--json", NULL), STATUS_NO);
	json_t *root = parse(f);
	assert_true(json_is_false(json_object_get(json_object_get(root, "host"), "can_nest")));
	json_decref(root);
}

static void status__no_memory__102(void **state)
{
	struct fixture *f = *state;
	machine = NULL;
	assert_int_equal(run(f, cmd_nest_status, NULL, NULL), STATUS_HOST);
	assert_int_equal(run(f, cmd_nest_probe, NULL, NULL), STATUS_HOST);
	assert_string_equal(f->output, "");
}

static void probe__svm__every_capability_by_name(void **state)
{
	struct fixture *f = *state;
	amd(f);
	assert_int_equal(run(f, cmd_nest_probe, NULL, NULL), STATUS_OK);
	assert_int_equal(strncmp(f->output, "YES  this CPU can host", 22), 0);
	assert_contains(f->output, "revision 1, 8 ASIDs");
	assert_contains(f->output, "EFER and VM_CR could not be read: cannot open the MSRs");
	assert_contains(f->output, "npt");
	assert_contains(f->output, "compared with profile minimal");
	f->facts.msrs[0] = (struct msr_value){ 0xc0000080, 0x1d01 };
	f->facts.msrs[1] = (struct msr_value){ 0xc0010114, 0x8 };
	f->facts.nr_msrs = 2;
	assert_int_equal(run(f, cmd_nest_probe, NULL, NULL), STATUS_OK);
	assert_contains(f->output, "SVME is on now");
	assert_contains(f->output, "SVM not disabled, locked");
}

static void probe__svm__json_is_complete(void **state)
{
	struct fixture *f = *state;
	amd(f);
	assert_int_equal(run(f, cmd_nest_probe, "--json", NULL), STATUS_OK);
	json_t *root = parse(f);
	json_t *all = json_object_get(root, "capabilities");
	assert_true(json_object_size(all) >= 20);
	assert_true(json_is_true(json_object_get(all, "npt")));
	assert_true(json_is_false(json_object_get(all, "avic")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(root, "svm"), "asids")), 8);
	assert_string_equal(json_string_value(json_object_get(root, "extensions")), "svm");
	json_decref(root);
}

static void probe__vmx_of_kvm__named_with_its_source(void **state)
{
	struct fixture *f = *state;
	intel(f);
	assert_int_equal(run(f, cmd_nest_probe, NULL, NULL), STATUS_OK);
	assert_contains(f->output, "source");
	assert_contains(f->output, "KVM: what follows");
	assert_contains(f->output, "revision 0x13, 4096 bytes, memory type 6");
	static const char *const groups[] = { "pin-based", "primary", "secondary", "tertiary",
		"exit", "entry", "ept, vpid" };
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		assert_contains(f->output, groups[i]);
	assert_int_equal(run(f, cmd_nest_probe, "--json", NULL), STATUS_OK);
	json_t *root = parse(f);
	assert_int_equal(json_object_size(json_object_get(root, "capabilities")), 133);
	assert_string_equal(json_string_value(json_object_get(root, "source")), "kvm");
	json_decref(root);
}

static void probe__vmx_of_msrs__their_lock_is_shown(void **state)
{
	struct fixture *f = *state;
	intel(f);
	f->facts.has_kvm = false;
	f->facts.nr_msrs = vmx_msrs(f->facts.msrs);
	f->facts.msrs[f->facts.nr_msrs++] = (struct msr_value){ 0x3a, 5 };
	assert_int_equal(run(f, cmd_nest_probe, NULL, NULL), STATUS_OK);
	assert_contains(f->output, "IA32_FEATURE_CONTROL is 0x5: locked, VMX on");
	f->facts.msrs[f->facts.nr_msrs - 1].value = 1;
	assert_int_equal(run(f, cmd_nest_probe, NULL, NULL), STATUS_NO);
	assert_contains(f->output, "locked off");
}

static void probe__vmx_unreadable__says_why_and_1(void **state)
{
	struct fixture *f = *state;
	intel(f);
	f->facts.has_kvm = false;
	assert_int_equal(run(f, cmd_nest_probe, NULL, NULL), STATUS_NO);
	assert_contains(f->output, "could not be read: cannot open the MSRs");
	assert_contains(f->output, "not known");
	assert_int_equal(run(f, cmd_nest_probe, "--json", NULL), STATUS_NO);
	json_t *root = parse(f);
	assert_true(
		json_is_null(json_object_get(json_object_get(root, "capabilities"), "vmx-ept")));
	json_decref(root);
}

static void probe__each_profile__is_compared(void **state)
{
	struct fixture *f = *state;
	static const char *const profiles[] = { "full", "kvm", "xen", "hyperv", "vmware",
		"minimal" };
	for (unsigned vendor = 0; vendor < 2; vendor++) {
		f->facts.machine.nr_modules = 0;
		if (vendor)
			amd(f);
		else
			intel(f);
		for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
			int status = run(f, cmd_nest_probe, "--profile", profiles[i]);
			assert_true(status == STATUS_OK || status == STATUS_NO);
			assert_contains(f->output, profiles[i]);
		}
	}
}

static void probe__requirement_missing__named_with_its_reason(void **state)
{
	struct fixture *f = *state;
	intel(f);
	/* The HLT-exiting control may not be 1. */
	for (unsigned i = 0; i < f->facts.kvm.nr_feature_msrs; i++) {
		if (f->facts.kvm.feature_msrs[i].index == 0x48e)
			f->facts.kvm.feature_msrs[i].value &= ~(UINT64_C(1) << 39);
	}
	assert_int_equal(run(f, cmd_nest_probe, "--profile", "kvm"), STATUS_NO);
	assert_contains(f->output, "lacks what the profile requires");
	assert_contains(f->output, "vmx-hlt-exit: ");
}

static void probe__depth__is_shown(void **state)
{
	struct fixture *f = *state;
	amd(f);
	struct cpuid_entry *first = cpuid_put(&f->facts.processor, 0x40000200, 0, false);
	first->reg[CPUID_EAX] = 0x40000201;
	memcpy(&first->reg[CPUID_EBX], "NestorNestor", 12);
	cpuid_put(&f->facts.processor, 0x40000201, 0, false)->reg[CPUID_EAX] = 1;
	cpuid_find(&f->facts.processor, 1, 0)->reg[CPUID_ECX] |= UINT32_C(0x80000000);
	assert_int_equal(run(f, cmd_nest_probe, NULL, NULL), STATUS_OK);
	assert_contains(f->output, "1 more level of VMs");
	assert_int_equal(run(f, cmd_nest_status, NULL, NULL), STATUS_OK);
	assert_contains(f->output, "a VM of nestor; 1 more level of VMs");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Without /proc the kernel does not say: that is not 0. */
static void status__memory_is_not_known__says_so(void **state)
{
	static const struct {
		uint64_t total, available;
		const char *text, *json_total, *json_available;
	} rows[] = {
		{ 8 * GIB, 4 * GIB, "8192 MiB, 4096 MiB available; ", "\"total_bytes\": 8589934592",
			"\"available_bytes\": 4294967296" },
		{ 8 * GIB, 0, "8192 MiB, how much of it is available is not known; ",
			"\"total_bytes\": 8589934592", "\"available_bytes\": null" },
		{ 0, 0, "not known; ", "\"total_bytes\": null", "\"available_bytes\": null" },
	};
	struct fixture *f = *state;
	amd(f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		f->facts.machine.memory_bytes = rows[i].total;
		f->facts.machine.available_bytes = rows[i].available;
		assert_int_equal(run(f, cmd_nest_status, NULL, NULL), 0);
		assert_contains(f->output, rows[i].text);
		assert_null(strstr(f->output, " 0 MiB"));
		assert_int_equal(run(f, cmd_nest_status, "--json", NULL), 0);
		assert_contains(f->output, rows[i].json_total);
		assert_contains(f->output, rows[i].json_available);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status__good_host__yes_and_0),
		TEST(status__intel_without_msrs__says_so),
		TEST(status__nested_off__no_and_1),
		TEST(status__no_memory__102),
		TEST(status__memory_is_not_known__says_so),
		TEST(probe__svm__every_capability_by_name),
		TEST(probe__svm__json_is_complete),
		TEST(probe__vmx_of_kvm__named_with_its_source),
		TEST(probe__vmx_of_msrs__their_lock_is_shown),
		TEST(probe__vmx_unreadable__says_why_and_1),
		TEST(probe__each_profile__is_compared),
		TEST(probe__requirement_missing__named_with_its_reason),
		TEST(probe__depth__is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
