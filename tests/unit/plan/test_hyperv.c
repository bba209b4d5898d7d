/* SPDX-License-Identifier: MIT */
/* [hyperv] from TOML to the guest's leaves, and who decided them. */
#include "fake/cmocka.h"
#include "fake/hosts.h"
#include "fake/hosts_everything.h"

#include "nesting/hyperv.h"
#include "plan/plan.h"
#include "plan/policy.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct config *config;
	const struct vm_config *vm;
	struct vm_policy *made;
	struct machine_plan plan;
	struct cpu_trace trace;
	struct host_facts host;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->config = config_create();
	host_amd(&f->host, true);
	host_give_hyperv(&f->host, false);
	*state = f;
	return f->config ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	machine_plan_done(&f->plan);
	cpu_trace_done(&f->trace);
	vm_policy_destroy(f->made);
	config_destroy(f->config);
	free(f);
	return 0;
}

/* Once a test. */
static int plan(struct fixture *f, const char *text)
{
	int rc = config_load_text(f->config, text, strlen(text), "vm.toml", NULL, &f->e);
	if (rc == 0)
		rc = config_finish_policy(f->config, &f->vm, &f->e);
	if (rc == 0)
		rc = vm_policy_create(&f->made, f->config, f->vm, NULL, NULL, &f->host, &f->e);
	if (rc)
		fail_msg("%s", f->e.msg);
	return plan_machine(f->vm, vm_policy_get(f->made), &f->host, &f->trace, &f->plan, &f->e);
}

static uint32_t value(const struct fixture *f, uint32_t leaf, enum cpuid_reg reg)
{
	return cpuid_value(&f->plan.cpu.table, leaf, 0, reg);
}

static const struct cpu_decision *decided(
	const struct fixture *f, uint32_t leaf, enum cpuid_reg reg, unsigned bit)
{
	return cpu_trace_find(&f->trace, f->trace.nr_decisions, false, leaf, 0, reg, bit);
}

static void plan_machine__kvm_and_hyperv__both_are_shown_hyperv_first(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, "[hyperv]\nfeatures = [\n\t\"+hv-vpindex\",\n\t\"+hv-time\",\n]\n"
				 "spinlock_retries = 0x1fff\nvendor_id = \"nestor\"\n"),
		0);
	assert_int_equal(value(f, 0x40000000, CPUID_EAX), 0x40000005);
	assert_int_equal(value(f, 0x40000000, CPUID_EBX), 0x7473656e);
	assert_int_equal(value(f, 0x40000001, CPUID_EAX), 0x31237648);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX), 0x262);
	assert_int_equal(value(f, 0x40000004, CPUID_EBX), 0x1fff);
	assert_int_equal(value(f, 0x40000100, CPUID_EAX), 0x40000101);
	assert_int_equal(value(f, 0x40000100, CPUID_EBX), 0x4b4d564b);
	assert_non_null(cpuid_get(&f->plan.cpu.table, 0x40000101, 0));
	const struct cpu_decision *d = decided(f, 0x40000003, CPUID_EAX, 6);
	assert_string_equal(d->rule, "HV-06");
	assert_string_equal(d->origin, "vm.toml:3:2");
	assert_string_equal(d->detail, "hv-vpindex");
	assert_string_equal(decided(f, 0x40000004, CPUID_EBX, 0)->rule, "HV-11");
	assert_string_equal(decided(f, 0x40000004, CPUID_EBX, 0)->origin, "vm.toml:6:20");
	assert_string_equal(decided(f, 0x40000000, CPUID_EBX, 0)->origin, "vm.toml:7:13");
	assert_string_equal(decided(f, 0x40000001, CPUID_EAX, 0)->rule, "HV-01");
}

static void plan_machine__no_hyperv__kvms_leaves_alone_at_their_place(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, ""), 0);
	assert_int_equal(value(f, 0x40000000, CPUID_EBX), 0x4b4d564b);
	assert_null(cpuid_get(&f->plan.cpu.table, 0x40000003, 0));
	assert_null(cpuid_get(&f->plan.cpu.table, 0x40000100, 0));
	assert_false(f->plan.cpu.hyperv.synic);
}

static void plan_machine__hypervisor_hyperv__kvms_leaves_only_for_what_is_named(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, "[cpu]\nhypervisor = \"hyperv\"\n"
				 "[hyperv]\nfeatures = [\"+hv-relaxed\"]\n"),
		0);
	assert_int_equal(value(f, 0x40000003, CPUID_EAX), 0x60);
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 6)->origin, "vm.toml:2:14");
	assert_null(cpuid_get(&f->plan.cpu.table, 0x40000100, 0));
}

static void plan_machine__synic__vcpus_are_told(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, "[hyperv]\nfeatures = [\"+hv-vpindex\", \"+hv-synic\", "
				 "\"+hv-enforce-cpuid\"]\n"),
		0);
	assert_true(f->plan.cpu.hyperv.synic);
	assert_true(f->plan.cpu.hyperv.enforce_cpuid);
	assert_false(f->plan.cpu.hyperv.evmcs);
}

static void plan_machine__nested_on_amd__leaf_a_without_evmcs(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, "[nesting]\nexpose_virtualization_extensions = true\n[hyperv]\n"
				 "features = [\"+hv-vapic\", \"+hv-emsr-bitmap\", "
				 "\"+hv-tlbflush-direct\"]\n"),
		0);
	assert_int_equal(value(f, 0x40000000, CPUID_EAX), 0x4000000a);
	assert_int_equal(value(f, 0x4000000a, CPUID_EAX), 0xa0000);
	for (uint32_t leaf = 0x40000006; leaf <= 0x40000009; leaf++)
		assert_non_null(cpuid_get(&f->plan.cpu.table, leaf, 0));
}

static void plan_machine__a_leaf_rule__has_the_last_word(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, "[[cpu.leaves]]\nleaf = 0x40000002\nregister = \"eax\"\n"
				 "mask = \"00000000000000000100111101111100\"\n"
				 "[hyperv]\nfeatures = [\"+hv-relaxed\"]\n"),
		0);
	assert_int_equal(value(f, 0x40000002, CPUID_EAX), 20348);
	assert_string_equal(decided(f, 0x40000002, CPUID_EAX, 2)->rule, "CPU-26");
}

static void plan_machine__hypervisor_none__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, "[cpu]\nhypervisor = \"none\"\n"
				 "[hyperv]\nfeatures = [\"+hv-relaxed\"]\n"),
		-EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "vm.toml:4:13: hyperv.features: +hv-relaxed contradicts");
	assert_contains(f->e.msg, "vm.toml:2:14");
}

static void plan_machine__host_lacks_it__error_names_it_and_its_line(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, "[nesting]\nexpose_virtualization_extensions = true\n[hyperv]\n"
				 "features = [\"+hv-vapic\", \"+hv-evmcs\"]\n"),
		-ENOTSUP);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_contains(f->e.msg, "vm.toml:4:26: hv-evmcs (CPUID 0x40000004 EAX, bits 0x4000): "
				  "this host lacks it");
}

/* Linux hides from the guest what the enlightened VMCS has no field for; so nothing else is
 * promised. */
static void plan_machine__evmcs__controls_without_a_field_are_left_out(void **state)
{
	struct fixture *f = *state;
	uint64_t pin = 0, proc2 = 0, exit = 0, entry = 0, vmfunc = 0;
	host_everything(CPUID_VENDOR_INTEL, &f->host);
	host_give_hyperv(&f->host, true);
	assert_int_equal(plan(f, "[cpu]\non_missing = \"drop\"\n"
				 "[nesting]\nexpose_virtualization_extensions = true\n[hyperv]\n"
				 "features = [\"+hv-vapic\", \"+hv-evmcs\"]\n"),
		0);
	assert_true(f->plan.cpu.hyperv.evmcs);
	const struct msr_policy *msrs = &f->plan.cpu.msrs;
	assert_true(msr_policy_get(msrs, 0x48d, &pin));
	assert_true(msr_policy_get(msrs, 0x48b, &proc2));
	assert_true(msr_policy_get(msrs, 0x48f, &exit));
	assert_true(msr_policy_get(msrs, 0x490, &entry));
	assert_int_equal(pin >> 32 & 0xc0, 0);
	assert_int_equal(proc2 >> 32 & 0x3a666701, 0);
	assert_true(proc2 >> 32 & 0x2); /* EPT */
	assert_int_equal(exit >> 32 & 0xfc401000, 0);
	assert_int_equal(entry >> 32 & 0xf82000, 0);
	if (msr_policy_get(msrs, 0x491, &vmfunc))
		assert_int_equal(vmfunc, 0);
	const struct cpu_decision *d = cpu_trace_find(
		&f->trace, f->trace.nr_decisions, true, 0x48b, 0, CPUID_EAX, 32 + 17);
	assert_non_null(d);
	assert_string_equal(d->rule, "HV-13");
	assert_string_equal(d->origin, "vm.toml:6:26");
}

static void plan_machine__evmcs_and_a_control_without_a_field__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	host_everything(CPUID_VENDOR_INTEL, &f->host);
	host_give_hyperv(&f->host, true);
	assert_int_equal(plan(f, "[nesting]\nexpose_virtualization_extensions = true\n"
				 "features = [\"+vmx-pml\"]\n[hyperv]\n"
				 "features = [\"+hv-vapic\", \"+hv-evmcs\"]\n"),
		-EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg,
		"vm.toml:3:13: nesting.features: +vmx-pml contradicts hv-evmcs, whose "
		"VMCS has no field for it at vm.toml:5:26");
}

static bool has_note(const struct fixture *f, enum cpu_note_kind kind, const char *text)
{
	for (unsigned i = 0; i < f->plan.cpu.nr_notes; i++) {
		char line[CPU_NOTE_BYTES];
		const struct cpu_note *n = &f->plan.cpu.notes[i];
		if (n->kind == kind && strstr(cpu_note_text(line, n), text))
			return true;
	}
	return false;
}

static void plan_machine__host_lacks_it_and_warn__starts_without_and_says_so(void **state)
{
	struct fixture *f = *state;
	cpuid_find(&f->host.hyperv, 0x40000003, 0)->reg[CPUID_EAX] &= ~2u; /* no hv-time */
	assert_int_equal(plan(f, "[cpu]\non_missing = \"warn\"\n[hyperv]\nfeatures = ["
				 "\"+hv-vpindex\", \"+hv-time\", \"+hv-synic\", \"+hv-stimer\"]\n"),
		0);
	assert_int_equal(f->plan.cpu.nr_missing, 1);
	assert_true(has_note(f, CPU_NOTE_MISSING, "hv-time (CPUID 0x40000003 EAX, bits 0x202): "));
	assert_true(has_note(f, CPU_NOTE_DROPPED, "hv-stimer: dropped, as it needs hv-time"));
	assert_int_equal(value(f, 0x40000003, CPUID_EAX), 0x64);
	assert_true(f->plan.cpu.hyperv.synic);
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 1)->rule, "HV-09");
}

static void plan_machine__host_without_hyperv_and_drop__kvms_leaves_as_if_not_asked(void **state)
{
	struct fixture *f = *state;
	f->host.hyperv.nr_entries = 0;
	assert_int_equal(plan(f, "[cpu]\non_missing = \"drop\"\n"
				 "[hyperv]\nfeatures = [\"+hv-relaxed\"]\n"),
		0);
	assert_int_equal(value(f, 0x40000000, CPUID_EBX), 0x4b4d564b);
	assert_null(cpuid_get(&f->plan.cpu.table, 0x40000003, 0));
	assert_true(has_note(f, CPU_NOTE_MISSING, "Hyper-V's interface"));
}

static void plan_machine__hyperv_profile__recommends_where_the_knob_is_on(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(plan(f, "[nesting]\nexpose_virtualization_extensions = true\n"
				 "profile = \"hyperv\"\n[hyperv]\nfeatures = [\"-hv-xmm-input\"]\n"
				 "[cpu]\non_missing = \"drop\"\n"),
		0);
	assert_true(f->plan.cpu.hyperv.synic);
	assert_int_equal(value(f, 0x4000000a, CPUID_EAX), 0xa0000);
	assert_int_equal(value(f, 0x40000003, CPUID_EDX) & 1 << 4, 0);
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 2)->rule, "HV-08");
	assert_string_equal(decided(f, 0x40000003, CPUID_EAX, 2)->origin, "vm.toml:3:11");
	assert_string_equal(decided(f, 0x40000003, CPUID_EDX, 4)->rule, "HV-06");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plan_machine__kvm_and_hyperv__both_are_shown_hyperv_first),
		TEST(plan_machine__no_hyperv__kvms_leaves_alone_at_their_place),
		TEST(plan_machine__hypervisor_hyperv__kvms_leaves_only_for_what_is_named),
		TEST(plan_machine__synic__vcpus_are_told),
		TEST(plan_machine__nested_on_amd__leaf_a_without_evmcs),
		TEST(plan_machine__a_leaf_rule__has_the_last_word),
		TEST(plan_machine__hypervisor_none__refused_with_both_lines),
		TEST(plan_machine__host_lacks_it__error_names_it_and_its_line),
		TEST(plan_machine__evmcs__controls_without_a_field_are_left_out),
		TEST(plan_machine__evmcs_and_a_control_without_a_field__refused_with_both_lines),
		TEST(plan_machine__host_lacks_it_and_warn__starts_without_and_says_so),
		TEST(plan_machine__host_without_hyperv_and_drop__kvms_leaves_as_if_not_asked),
		TEST(plan_machine__hyperv_profile__recommends_where_the_knob_is_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
