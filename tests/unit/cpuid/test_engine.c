/* SPDX-License-Identifier: MIT */
/* The engine by example: what a policy asks, what a guest gets, what is refused and how. */
#include "fake/cmocka.h"
#include "fake/hosts_everything.h"

#include "cpuid/engine.h"

#include <errno.h>
#include <stdlib.h>

#define MAX_FEATURES 8

struct fixture {
	struct host_facts host;
	struct cpu_policy policy;
	struct policy_feature features[MAX_FEATURES];
	struct policy_leaf leaf;
	struct cpu_result result;
	struct cpu_trace trace;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	f->policy.features = f->features;
	host_everything(CPUID_VENDOR_INTEL, &f->host);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	cpu_trace_done(&f->trace);
	free(f);
	return 0;
}

static void ask(struct fixture *f, const char *sign_and_name, const char *origin)
{
	assert_true(f->policy.nr_features < MAX_FEATURES);
	f->features[f->policy.nr_features++] =
		(struct policy_feature){ sign_and_name + 1, sign_and_name[0] == '+', origin };
}

static void model(struct fixture *f, const char *name)
{
	f->policy.model = (struct policy_text){ name, "vm.toml:2:9" };
}

static void on_missing(struct fixture *f, enum cpu_on_missing what)
{
	f->policy.on_missing_given = true;
	f->policy.on_missing = what;
}

static int compute(struct fixture *f)
{
	cpu_trace_done(&f->trace);
	f->e = (struct err)ERR_INIT;
	return cpu_compute(&f->policy, &f->host, &f->trace, &f->result, &f->e);
}

static bool has(const struct fixture *f, const char *name)
{
	const struct feature *feature = feature_find(name);
	assert_non_null(feature);
	bool in_set = feature_set_has(&f->result.features, feature->id);
	const struct feature_word *w = feature_word(feature->id / 32u);
	if (w->kind == FEATURE_WORD_CPUID)
		assert_int_equal(
			in_set, cpuid_value(&f->result.table, w->leaf, w->subleaf, w->reg) >>
						(feature->id % 32) &
					1);
	return in_set;
}

static bool has_note(const struct fixture *f, enum cpu_note_kind kind, const char *name)
{
	for (unsigned i = 0; i < f->result.nr_notes; i++) {
		const struct cpu_note *n = &f->result.notes[i];
		if (n->kind == kind && n->has_feature && n->feature == feature_find(name)->id)
			return true;
	}
	return false;
}

static uint32_t value(const struct fixture *f, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	return cpuid_value(&f->result.table, leaf, subleaf, reg);
}

static void remove_from_host(struct fixture *f, const char *name)
{
	const struct feature *feature = feature_find(name);
	const struct feature_word *w = feature_word(feature->id / 32u);
	struct cpuid_entry *entry = cpuid_find(&f->host.supported, w->leaf, w->subleaf);
	assert_non_null(entry);
	entry->reg[w->reg] &= ~(UINT32_C(1) << (feature->id % 32));
}

/* Model host. */

static void cpu_compute__host__shows_a_hypervisor_and_clear_run_time_bits(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "hypervisor"));
	assert_false(has(f, "osxsave"));
	assert_false(has(f, "ospke"));
	assert_int_equal(f->result.vendor, CPUID_VENDOR_INTEL);
	assert_null(f->result.model);
}

static void cpu_compute__tsc_deadline__follows_the_capability(void **state)
{
	struct fixture *f = *state;
	remove_from_host(f, "tsc-deadline");
	f->host.tsc_deadline_timer = false;
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "tsc-deadline"));
	f->host.tsc_deadline_timer = true;
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "tsc-deadline"));
}

static void give_host(struct fixture *f, const char *name)
{
	const struct feature *feature = feature_find(name);
	const struct feature_word *w = feature_word(feature->id / 32u);
	struct cpuid_entry *entry =
		cpuid_put(&f->host.supported, w->leaf, w->subleaf, w->subleaf_matters);
	assert_non_null(entry);
	entry->reg[w->reg] |= UINT32_C(1) << (feature->id % 32);
}

static const char *const borrowed_on_amd[] = { "arch-capabilities", "tsc_adjust", "spec-ctrl",
	"stibp", "ssbd" };
static const char *const borrowed_on_intel[] = { "ibpb", "ibrs", "amd-ibpb-ret", "amd-stibp",
	"amd-ssbd", "amd-no-ssb" };
static const char *const not_borrowed[] = { "tsc-deadline", "x2apic", "hypervisor", "umip" };

/* A host whose KVM shows what Linux's does beside what the processor has. */
static void host_with_borrowed(struct fixture *f, enum cpuid_vendor vendor)
{
	host_everything(vendor, &f->host);
	f->host.nr_feature_msrs = 1;
	f->host.feature_msrs[0] = (struct msr_value){ MSR_IA32_ARCH_CAPABILITIES, 0x20 };
	for (size_t i = 0; i < ARRAY_SIZE(borrowed_on_amd); i++)
		give_host(f, borrowed_on_amd[i]);
	for (size_t i = 0; i < ARRAY_SIZE(borrowed_on_intel); i++)
		give_host(f, borrowed_on_intel[i]);
	for (size_t i = 0; i < ARRAY_SIZE(not_borrowed); i++)
		give_host(f, not_borrowed[i]);
}

static void assert_all(struct fixture *f, const char *const *names, size_t n, bool there)
{
	for (size_t i = 0; i < n; i++) {
		if (has(f, names[i]) != there)
			fail_msg("%s is %s", names[i], there ? "not there" : "there");
	}
}

static void cpu_compute__host__nothing_that_kvm_borrows_of_another_vendor(void **state)
{
	struct fixture *f = *state;
	host_with_borrowed(f, CPUID_VENDOR_AMD);
	assert_int_equal(compute(f), 0);
	assert_all(f, borrowed_on_amd, ARRAY_SIZE(borrowed_on_amd), false);
	assert_all(f, borrowed_on_intel, ARRAY_SIZE(borrowed_on_intel), true);
	assert_all(f, not_borrowed, ARRAY_SIZE(not_borrowed), true);
	uint64_t msr;
	assert_false(msr_policy_get(&f->result.msrs, MSR_IA32_ARCH_CAPABILITIES, &msr));
	const struct cpu_decision *d = cpu_trace_find(
		&f->trace, f->trace.nr_decisions, /* is_msr */ false, 7, 0, CPUID_EDX, 29);
	assert_string_equal(d->rule, "CPU-32");

	host_with_borrowed(f, CPUID_VENDOR_INTEL);
	assert_int_equal(compute(f), 0);
	assert_all(f, borrowed_on_amd, ARRAY_SIZE(borrowed_on_amd), true);
	assert_all(f, borrowed_on_intel, ARRAY_SIZE(borrowed_on_intel), false);
	assert_all(f, not_borrowed, ARRAY_SIZE(not_borrowed), true);
	assert_true(msr_policy_get(&f->result.msrs, MSR_IA32_ARCH_CAPABILITIES, &msr));
}

static void cpu_compute__borrowed_by_name_or_max__there(void **state)
{
	struct fixture *f = *state;
	uint64_t msr = 0;
	host_with_borrowed(f, CPUID_VENDOR_AMD);
	ask(f, "+arch-capabilities", "vm.toml:3:1");
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "arch-capabilities"));
	assert_false(has(f, "tsc_adjust"));
	assert_true(msr_policy_get(&f->result.msrs, MSR_IA32_ARCH_CAPABILITIES, &msr));
	f->policy.nr_features = 0;
	model(f, "max");
	assert_int_equal(compute(f), 0);
	assert_all(f, borrowed_on_amd, ARRAY_SIZE(borrowed_on_amd), true);
	assert_all(f, borrowed_on_intel, ARRAY_SIZE(borrowed_on_intel), true);
}

static void feature_set_borrowed__each__of_one_vendor_alone(void **state)
{
	(void)state;
	struct feature_set all, amd, intel, other;
	feature_set_of_attribute(FEATURE_BORROWED, &all);
	feature_set_borrowed(CPUID_VENDOR_AMD, &amd);
	feature_set_borrowed(CPUID_VENDOR_INTEL, &intel);
	feature_set_borrowed(CPUID_VENDOR_OTHER, &other);
	assert_int_equal(feature_set_count(&amd), ARRAY_SIZE(borrowed_on_amd));
	assert_int_equal(feature_set_count(&intel), ARRAY_SIZE(borrowed_on_intel));
	assert_true(feature_set_is_empty(&other));
	feature_set_or(&amd, &intel);
	assert_int_equal(feature_set_count(&amd), feature_set_count(&all));
}

static void cpu_compute__memory_encryption__is_withdrawn(void **state)
{
	struct fixture *f = *state;
	host_everything(CPUID_VENDOR_AMD, &f->host);
	assert_true(cpuid_value(&f->host.supported, 0x8000001f, 0, CPUID_EAX) != 0);
	assert_int_equal(compute(f), 0);
	for (int reg = CPUID_EAX; reg <= CPUID_EDX; reg++)
		assert_int_equal(value(f, 0x8000001f, 0, (enum cpuid_reg)reg), 0);
	ask(f, "+sev", "vm.toml:3:1");
	assert_int_equal(compute(f), -ENOTSUP);
	assert_contains(f->e.msg, "sev");
}

static void cpu_compute__host_gives_no_brand__the_processors_own_is_shown(void **state)
{
	struct fixture *f = *state;
	static const char name[48] = "A processor with a name";
	for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
		struct cpuid_entry *e = cpuid_put(&f->host.supported, leaf, 0, false);
		assert_non_null(e);
		memset(e->reg, 0, sizeof(e->reg));
	}
	memcpy(f->host.brand, name, sizeof(f->host.brand));
	assert_int_equal(compute(f), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_memory_equal(
			cpuid_get(&f->result.table, 0x80000002 + i, 0)->reg, name + 16 * i, 16);
	f->policy.brand = (struct policy_text){ "Mine", NULL };
	assert_int_equal(compute(f), 0);
	assert_memory_equal(cpuid_get(&f->result.table, 0x80000002, 0)->reg, "Mine", 5);
	assert_int_equal(value(f, 0x80000003, 0, CPUID_EAX), 0);
}

static void cpu_compute__max__has_what_kvm_emulates(void **state)
{
	struct fixture *f = *state;
	struct cpuid_entry *e = cpuid_put(&f->host.emulated, 1, 0, false);
	e->reg[CPUID_ECX] = UINT32_C(1) << (FEATURE_ID_movbe % 32);
	remove_from_host(f, "movbe");
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "movbe"));
	model(f, "max");
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "movbe"));
}

/* Named models. */

static void cpu_compute__named_model__exactly_its_features(void **state)
{
	struct fixture *f = *state;
	model(f, "Haswell-noTSX");
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "avx2"));
	assert_false(has(f, "avx512f"));
	assert_false(has(f, "rtm"));
	assert_int_equal(value(f, 1, 0, CPUID_EAX), cpu_signature_pack(6, 60, 0));
	assert_int_equal(f->result.nr_notes, 0);
	assert_true(value(f, 0, 0, CPUID_EAX) >= 0xd);
	assert_int_equal(value(f, 7, 0, CPUID_EAX), 0);
	assert_memory_equal(
		cpuid_get(&f->result.table, 0x80000002, 0)->reg, "Intel Haswell-no", 16);
}

static void cpu_compute__unknown_model__refused_with_the_nearest(void **state)
{
	struct fixture *f = *state;
	model(f, "Hasswell");
	assert_int_equal(compute(f), -EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "vm.toml:2:9");
	assert_contains(f->e.msg, "did you mean Haswell?");
}

static void cpu_compute__model_of_another_vendor__refused_unless_named(void **state)
{
	struct fixture *f = *state;
	model(f, "EPYC");
	assert_int_equal(compute(f), -ENOTSUP);
	assert_contains(f->e.msg, "AuthenticAMD");
	on_missing(f, CPU_MISSING_DROP);
	assert_int_equal(compute(f), -ENOTSUP);
	f->policy.vendor = (struct policy_text){ "amd", NULL };
	assert_int_equal(compute(f), 0);
	assert_int_equal(f->result.vendor, CPUID_VENDOR_AMD);
	assert_false(has(f, "svm"));
	assert_true(has_note(f, CPU_NOTE_MISSING, "svm"));
}

/* The demand on the host stands beside what the guest sees, and whatever the model is. */
static void cpu_compute__host_of_another_vendor_than_demanded__refused(void **state)
{
	struct fixture *f = *state;
	static const char *const models[] = { "pentium3", "host", "Haswell" };
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		model(f, models[i]);
		f->policy.host_vendor = (struct policy_text){ "amd", "vm.toml:3:1" };
		assert_int_equal(compute(f), -ENOTSUP);
		assert_int_equal(f->e.kind, ERR_HOST);
		assert_string_equal(f->e.msg,
			"vm.toml:3:1: cpu.host_vendor = \"amd\", but this host's "
			"processor is GenuineIntel");
		f->policy.host_vendor.text = "GenuineIntel";
		assert_int_equal(compute(f), 0);
		f->policy.vendor = (struct policy_text){ "AuthenticAMD", NULL };
		assert_int_equal(compute(f), 0);
		f->policy.vendor.text = NULL;
	}
	f->policy.host_vendor.text = "Intel";
	assert_int_equal(compute(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:3:1: cpu.host_vendor: expected 12 characters");
}

static void cpu_compute__vendor_of_the_wrong_length__refused(void **state)
{
	struct fixture *f = *state;
	f->policy.vendor = (struct policy_text){ "GenuineIntl", "vm.toml:4:1" };
	assert_int_equal(compute(f), -EINVAL);
	assert_contains(f->e.msg, "12 characters");
	assert_contains(f->e.msg, "vm.toml:4:1");
}

static void cpu_compute__signature__the_policys_parts_win(void **state)
{
	struct fixture *f = *state;
	model(f, "Haswell");
	f->policy.stepping = (struct policy_number){ true, 3, NULL };
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 1, 0, CPUID_EAX), cpu_signature_pack(6, 60, 3));
	f->policy.family = (struct policy_number){ true, 25, NULL };
	f->policy.model_number = (struct policy_number){ true, 0x11, NULL };
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 1, 0, CPUID_EAX), 0x00a10f13);
}

/* Features. */

static void cpu_compute__features__on_and_off(void **state)
{
	struct fixture *f = *state;
	model(f, "Haswell");
	ask(f, "+avx512f", NULL);
	ask(f, "-rtm", NULL);
	ask(f, "-pclmulqdq", NULL); /* an alias */
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "avx512f"));
	assert_false(has(f, "rtm"));
	assert_false(has(f, "pclmuldq"));
}

static void cpu_compute__unknown_features__all_named_with_the_nearest(void **state)
{
	struct fixture *f = *state;
	ask(f, "+avx512ff", "vm.toml:5:3");
	ask(f, "+zzzzzzzzzzzz", "vm.toml:6:3");
	assert_int_equal(compute(f), -EINVAL);
	assert_contains(
		f->e.msg, "vm.toml:5:3: cpu.features: unknown feature avx512ff, did you mean");
	assert_contains(f->e.msg, "vm.toml:6:3: cpu.features: unknown feature zzzzzzzzzzzz");
}

static void cpu_compute__on_and_off__refused_with_both_lines(void **state)
{
	struct fixture *f = *state;
	ask(f, "+sse4.1", "vm.toml:5:3");
	ask(f, "-sse4_1", "vm.toml:6:3");
	assert_int_equal(compute(f), -EINVAL);
	assert_contains(f->e.msg, "vm.toml:6:3");
	assert_contains(f->e.msg, "vm.toml:5:3");
	assert_contains(f->e.msg, "contradicts");
}

static void cpu_compute__layers__the_outer_one_wins(void **state)
{
	struct fixture *f = *state;
	const struct policy_feature inner_features[] = { { "avx512f", true, NULL },
		{ "rtm", true, NULL } };
	const struct cpu_policy inner = {
		.model = { "Haswell", NULL },
		.features = inner_features,
		.nr_features = 2,
	};
	f->policy.base = &inner;
	ask(f, "-rtm", NULL);
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "avx512f"));
	assert_false(has(f, "rtm"));
	assert_string_equal(f->result.model->name, "Haswell");
}

static void cpu_compute__layers_too_deep__refused(void **state)
{
	struct fixture *f = *state;
	struct cpu_policy chain[16] = { 0 };
	for (size_t i = 0; i + 1 < ARRAY_SIZE(chain); i++)
		chain[i].base = &chain[i + 1];
	f->policy.base = &chain[0];
	assert_int_equal(compute(f), -ELOOP);
}

/* What the host lacks. */

static void cpu_compute__missing_error__names_feature_leaf_bit_and_nearest_model(void **state)
{
	struct fixture *f = *state;
	model(f, "Haswell");
	ask(f, "+avx512f", "vm.toml:5:3");
	remove_from_host(f, "avx512f");
	remove_from_host(f, "rtm");
	assert_int_equal(compute(f), -ENOTSUP);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_contains(f->e.msg, "vm.toml:5:3: avx512f (CPUID 0x7.0 EBX bit 16)");
	assert_contains(f->e.msg, "vm.toml:2:9: rtm (CPUID 0x7.0 EBX bit 11)");
	assert_int_equal(f->result.nr_missing, 2);
	assert_string_equal(f->result.nearest, "Haswell-noTSX");
	assert_contains(f->e.hint, "Haswell-noTSX");
}

static void cpu_compute__missing_warn_and_drop__go_on_without_with_notes(void **state)
{
	struct fixture *f = *state;
	model(f, "Haswell");
	remove_from_host(f, "avx2");
	on_missing(f, CPU_MISSING_WARN);
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "avx2"));
	assert_true(has_note(f, CPU_NOTE_MISSING, "avx2"));
	on_missing(f, CPU_MISSING_DROP);
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "avx2"));
	assert_int_equal(f->result.nr_missing, 1);
}

static void cpu_compute__hint__is_never_missing_and_never_by_itself(void **state)
{
	struct fixture *f = *state;
	struct cpuid_entry *leaf = cpuid_find(&f->host.supported, 0x40000001, 0);
	assert_non_null(leaf);
	leaf->reg[CPUID_EDX] = 0;
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "kvm-hint-dedicated"));
	ask(f, "+kvm-hint-dedicated", NULL);
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "kvm-hint-dedicated"));
}

static void cpu_compute__dependants__go_with_what_they_need(void **state)
{
	struct fixture *f = *state;
	model(f, "Haswell");
	ask(f, "-avx", NULL);
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "avx"));
	assert_false(has(f, "avx2"));
	assert_false(has(f, "fma"));
	assert_true(has(f, "xsave"));
	assert_true(has_note(f, CPU_NOTE_DROPPED, "avx2"));
	char text[CPU_NOTE_BYTES];
	assert_contains(cpu_note_text(text, &f->result.notes[0]), "needs avx");
}

static void cpu_compute__asked_for_without_its_requirement__refused(void **state)
{
	struct fixture *f = *state;
	model(f, "Westmere");
	ask(f, "+avx2", "vm.toml:5:3");
	assert_int_equal(compute(f), -EINVAL);
	assert_int_equal(f->e.kind, ERR_CONFIG);
	assert_contains(f->e.msg, "vm.toml:5:3: cpu.features: +avx2 needs avx");
	on_missing(f, CPU_MISSING_DROP);
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "avx2"));
	assert_true(has_note(f, CPU_NOTE_DROPPED, "avx2"));
}

static void cpu_compute__xsave_component_missing__its_feature_is_missing(void **state)
{
	struct fixture *f = *state;
	cpuid_find(&f->host.supported, 0xd, 0)->reg[CPUID_EAX] &= ~UINT32_C(0xe0);
	ask(f, "+avx512f", NULL);
	model(f, "Skylake-Server");
	on_missing(f, CPU_MISSING_DROP);
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "avx512f"));
	assert_false(has(f, "avx512bw"));
	assert_true(has_note(f, CPU_NOTE_MISSING, "avx512f"));
	assert_int_equal(value(f, 0xd, 0, CPUID_EAX) & 0xe0, 0);
}

/* Withdrawals. */

static void cpu_compute__withdrawn__gone_without_a_note_and_not_missing(void **state)
{
	struct fixture *f = *state;
	const struct policy_withdrawal gone = { FEATURE_ID_vmx, "NEST-01", "vm.toml:9:1",
		"nesting.expose_virtualization_extensions = false" };
	f->policy.withdrawals = &gone;
	f->policy.nr_withdrawals = 1;
	model(f, "Haswell");
	remove_from_host(f, "vmx");
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "vmx"));
	assert_false(has(f, "vmx-ept"));
	assert_int_equal(f->result.nr_notes, 0);
	ask(f, "+vmx", "vm.toml:5:3");
	assert_int_equal(compute(f), -EINVAL);
	assert_contains(f->e.msg, "expose_virtualization_extensions = false at vm.toml:9:1");
}

/* Hypervisor leaves. */

static void cpu_compute__hypervisor_kvm__names_itself_and_its_features(void **state)
{
	struct fixture *f = *state;
	ask(f, "-kvm-pv-eoi", NULL);
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0x40000000, 0, CPUID_EAX), 0x40000001);
	assert_memory_equal(
		&cpuid_get(&f->result.table, 0x40000000, 0)->reg[1], "KVMKVMKVM\0\0\0", 12);
	assert_true(has(f, "kvmclock"));
	assert_false(has(f, "kvm-pv-eoi"));
}

static void cpu_compute__hypervisor_none__no_bit_and_no_leaves(void **state)
{
	struct fixture *f = *state;
	f->policy.hypervisor_given = true;
	f->policy.hypervisor = CPU_HYPERVISOR_NONE;
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "hypervisor"));
	for (uint32_t leaf = 0x40000000; leaf < 0x40000200; leaf++)
		assert_null(cpuid_get(&f->result.table, leaf, 0));
	ask(f, "+kvm-pv-eoi", "vm.toml:5:3");
	assert_int_equal(compute(f), -EINVAL);
	assert_contains(f->e.msg, "contradicts cpu.hypervisor");
}

static void cpu_compute__hypervisor_hyperv__kvms_leaves_come_behind(void **state)
{
	struct fixture *f = *state;
	f->policy.hypervisor_given = true;
	f->policy.hypervisor = CPU_HYPERVISOR_HYPERV;
	assert_int_equal(compute(f), 0);
	assert_memory_equal(
		&cpuid_get(&f->result.table, 0x40000000, 0)->reg[1], "Microsoft Hv", 12);
	assert_int_equal(value(f, 0x40000001, 0, CPUID_EAX), 0x31237648);
	assert_null(cpuid_get(&f->result.table, 0x40000100, 0));
	ask(f, "+kvm-steal-time", NULL);
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0x40000100, 0, CPUID_EAX), 0x40000101);
	assert_int_equal(value(f, 0x40000101, 0, CPUID_EAX), 1u << 5);
	/* Hyper-V's leaf 0x40000001 is no list of KVM's features. */
	struct feature_set seen;
	cpu_features_of(&f->result.table, NULL, 0, &seen);
	assert_true(feature_set_has(&seen, FEATURE_ID_kvm_steal_time));
	assert_false(feature_set_has(&seen, FEATURE_ID_kvmclock2));
}

/* Sizes. */

static void cpu_compute__phys_bits__the_policys_or_missing(void **state)
{
	struct fixture *f = *state;
	unsigned host = cpuid_phys_bits(&f->host.supported);
	f->policy.phys_bits = (struct policy_number){ true, host - 4, NULL };
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0x80000008, 0, CPUID_EAX) & 0xff, host - 4);
	assert_int_equal(f->result.phys_bits, host - 4);
	f->policy.phys_bits = (struct policy_number){ true, host + 1, "vm.toml:7:1" };
	assert_int_equal(compute(f), -ENOTSUP);
	assert_contains(f->e.msg, "vm.toml:7:1");
	assert_contains(f->e.msg, "physical address bits");
	on_missing(f, CPU_MISSING_DROP);
	assert_int_equal(compute(f), 0);
	assert_int_equal(f->result.phys_bits, host);
}

static void cpu_compute__xsave__sizes_are_those_of_the_components(void **state)
{
	struct fixture *f = *state;
	model(f, "Westmere");
	ask(f, "+xsave", NULL);
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0xd, 0, CPUID_EAX), 3);
	assert_int_equal(value(f, 0xd, 0, CPUID_ECX), 576);
	ask(f, "+avx", NULL);
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0xd, 0, CPUID_EAX), 7);
	assert_int_equal(value(f, 0xd, 0, CPUID_ECX), 832);
	assert_int_equal(value(f, 0xd, 2, CPUID_EAX), 256);
	assert_int_equal(value(f, 0xd, 2, CPUID_EBX), 576);
	ask(f, "+pku", NULL);
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0xd, 0, CPUID_EAX), 0x207);
	assert_int_equal(value(f, 0xd, 0, CPUID_ECX), 2696);
}

static void cpu_compute__no_xsave__no_leaf_0xd(void **state)
{
	struct fixture *f = *state;
	ask(f, "-xsave", NULL);
	assert_int_equal(compute(f), 0);
	for (uint32_t i = 0; i < 63; i++) {
		for (int reg = CPUID_EAX; reg <= CPUID_EDX; reg++)
			assert_int_equal(value(f, 0xd, i, (enum cpuid_reg)reg), 0);
	}
	assert_false(has(f, "avx"));
}

static void cpu_compute__tsc__needs_scaling_where_it_differs(void **state)
{
	struct fixture *f = *state;
	f->host.tsc_khz = 2000000;
	f->host.tsc_scaling = false;
	f->policy.tsc_khz = (struct policy_number){ true, 2000400, "vm.toml:8:1" };
	assert_int_equal(compute(f), 0);
	f->policy.tsc_khz.value = 2600000;
	assert_int_equal(compute(f), -ENOTSUP);
	assert_contains(f->e.msg, "TSC scaling");
	f->host.tsc_scaling = true;
	assert_int_equal(compute(f), 0);
	assert_int_equal(f->result.tsc_khz, 2600000);
}

static void cpu_compute__caches__host_emulated_none(void **state)
{
	struct fixture *f = *state;
	f->policy.cache_given = true;
	f->policy.cache = CPU_CACHE_EMULATE;
	assert_int_equal(compute(f), 0);
	/* 16 MiB, 16 ways, 64 bytes: 16384 sets. */
	assert_int_equal(value(f, 4, 3, CPUID_ECX), 16383);
	f->policy.cache = CPU_CACHE_NONE;
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 4, 0, CPUID_EAX), 0);
	host_everything(CPUID_VENDOR_AMD, &f->host);
	f->policy.cache = CPU_CACHE_EMULATE;
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0x8000001d, 3, CPUID_ECX), 16383);
	assert_int_equal(value(f, 0x80000006, 0, CPUID_EDX) >> 18, 32); /* of 512 KiB */
}

/* Raw rules. */

static void raw(struct fixture *f, uint32_t leaf, enum cpuid_reg reg, uint32_t set, uint32_t clear)
{
	f->leaf = (struct policy_leaf){
		.leaf = leaf, .reg = reg, .set = set, .clear = clear, .origin = "vm.toml:20:1"
	};
	f->policy.leaves = &f->leaf;
	f->policy.nr_leaves = 1;
}

static void cpu_compute__raw_rule__sets_and_clears_single_bits(void **state)
{
	struct fixture *f = *state;
	raw(f, 7, CPUID_EBX, 0, UINT32_C(1) << (FEATURE_ID_avx2 % 32));
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "avx2"));
	raw(f, 0x40000002, CPUID_EBX, 0xdeadbeef, 0);
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0x40000002, 0, CPUID_EBX), 0xdeadbeef);
	raw(f, 0, CPUID_EAX, 0x5, ~UINT32_C(5));
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0, 0, CPUID_EAX), 5);
}

static void cpu_compute__raw_rule_the_host_lacks__is_missing(void **state)
{
	struct fixture *f = *state;
	remove_from_host(f, "avx2");
	raw(f, 7, CPUID_EBX, UINT32_C(1) << (FEATURE_ID_avx2 % 32), 0);
	assert_int_equal(compute(f), -ENOTSUP);
	assert_contains(f->e.msg, "vm.toml:20:1: avx2 (CPUID 0x7.0 EBX bit 5)");
	on_missing(f, CPU_MISSING_DROP);
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "avx2"));
}

static void cpu_compute__raw_rule_for_sev__is_missing(void **state)
{
	struct fixture *f = *state;
	host_everything(CPUID_VENDOR_AMD, &f->host);
	raw(f, 0x8000001f, CPUID_EAX, 2, 0);
	assert_int_equal(compute(f), -ENOTSUP);
	on_missing(f, CPU_MISSING_DROP);
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0x8000001f, 0, CPUID_EAX), 0);
}

static void cpu_compute__raw_rule_clears_vmx__its_controls_go_along(void **state)
{
	struct fixture *f = *state;
	raw(f, 1, CPUID_ECX, 0, UINT32_C(1) << (FEATURE_ID_vmx % 32));
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "vmx"));
	assert_false(has(f, "vmx-ept"));
	uint64_t value;
	assert_false(msr_policy_get(&f->result.msrs, 0x48b, &value));
}

/* Feature MSRs. */

static void cpu_compute__feature_msr__follows_the_features(void **state)
{
	struct fixture *f = *state;
	uint64_t host = 0, guest = 0;
	assert_true(host_feature_msr(&f->host, MSR_IA32_ARCH_CAPABILITIES, &host));
	ask(f, "-rdctl-no", NULL);
	assert_int_equal(compute(f), 0);
	assert_true(msr_policy_get(&f->result.msrs, MSR_IA32_ARCH_CAPABILITIES, &guest));
	assert_int_equal(host & 1, 1);
	assert_int_equal(guest, host & ~UINT64_C(1));
	ask(f, "-arch-capabilities", NULL);
	assert_int_equal(compute(f), 0);
	assert_false(msr_policy_get(&f->result.msrs, MSR_IA32_ARCH_CAPABILITIES, &guest));
	assert_true(has_note(f, CPU_NOTE_DROPPED, "ibrs-all"));
}

static void cpu_compute__vmx_control_off__gone_from_both_msrs(void **state)
{
	struct fixture *f = *state;
	uint64_t basic = 0, precise = 0;
	ask(f, "-vmx-hlt-exit", NULL);
	assert_int_equal(compute(f), 0);
	assert_true(msr_policy_get(&f->result.msrs, 0x482, &basic));
	assert_true(msr_policy_get(&f->result.msrs, 0x48e, &precise));
	assert_int_equal(basic >> (32 + 7) & 1, 0);
	assert_int_equal(precise >> (32 + 7) & 1, 0);
	assert_int_equal(precise >> (32 + 9) & 1, 1); /* INVLPG exiting stays */
}

/* Modes. */

static void cpu_compute__minimum_feature_set__removes_what_is_newer(void **state)
{
	struct fixture *f = *state;
	f->policy.migration = CPU_MIGRATION_MINIMUM;
	assert_int_equal(compute(f), 0);
	assert_true(has(f, "sse2"));
	assert_true(has(f, "nx"));
	assert_false(has(f, "avx"));
	assert_false(has(f, "sse4.2"));
	assert_false(has(f, "invtsc"));
	ask(f, "+avx", "vm.toml:5:3");
	assert_int_equal(compute(f), -EINVAL);
	assert_contains(f->e.msg, "minimum_feature_set");
}

static void cpu_compute__cluster__only_what_all_hosts_have(void **state)
{
	struct fixture *f = *state;
	struct host_facts cluster = f->host;
	cpuid_find(&cluster.supported, 7, 0)->reg[CPUID_EBX] &=
		~(UINT32_C(1) << (FEATURE_ID_avx2 % 32));
	f->policy.migration = CPU_MIGRATION_CLUSTER;
	f->policy.cluster = &cluster;
	assert_int_equal(compute(f), 0);
	assert_false(has(f, "avx2"));
	assert_true(has(f, "avx"));
	assert_false(has(f, "invtsc"));
	/* This host is the one that lacks something: then it cannot join. */
	remove_from_host(f, "bmi1");
	assert_int_equal(compute(f), -ENOTSUP);
	assert_contains(f->e.msg, "bmi1");
}

static void cpu_compute__cluster_of_another_vendor__refused(void **state)
{
	struct fixture *f = *state;
	struct host_facts *cluster = malloc(sizeof(*cluster));
	assert_non_null(cluster);
	host_everything(CPUID_VENDOR_AMD, cluster);
	f->policy.migration = CPU_MIGRATION_CLUSTER;
	f->policy.cluster = cluster;
	on_missing(f, CPU_MISSING_DROP);
	assert_int_equal(compute(f), -ENOTSUP);
	assert_contains(f->e.msg, "another vendor");
	free(cluster);
}

static void cpu_compute__older_systems__no_leaf_above_2(void **state)
{
	struct fixture *f = *state;
	f->policy.older_os = true;
	assert_int_equal(compute(f), 0);
	assert_int_equal(value(f, 0, 0, CPUID_EAX), 2);
	assert_false(has(f, "avx"));
	assert_false(has(f, "xsave"));
	assert_true(has(f, "sse4.2"));
	for (uint32_t leaf = 3; leaf < 0x40; leaf++)
		assert_null(cpuid_get(&f->result.table, leaf, 0));
}

/* The trace. */

static void cpu_compute__trace__names_the_line_that_decided(void **state)
{
	struct fixture *f = *state;
	model(f, "Haswell");
	ask(f, "+avx512f", "vm.toml:5:3");
	assert_int_equal(compute(f), 0);
	const struct cpu_decision *d = cpu_trace_find(
		&f->trace, f->trace.nr_decisions, false, 7, 0, CPUID_EBX, FEATURE_ID_avx512f % 32);
	assert_non_null(d);
	assert_string_equal(d->rule, "CPU-09");
	assert_string_equal(d->origin, "vm.toml:5:3");
	d = cpu_trace_find(
		&f->trace, f->trace.nr_decisions, false, 7, 0, CPUID_EBX, FEATURE_ID_avx2 % 32);
	assert_string_equal(d->rule, "CPU-03");
	assert_string_equal(d->detail, "Haswell");
	assert_string_equal(d->origin, "vm.toml:2:9");
}

/* Every bit that is 1 has a decision, and each decision that stands is what the table says. */
static void cpu_compute__trace__accounts_for_every_bit(void **state)
{
	struct fixture *f = *state;
	static const char *const models[] = { "host", "max", "Haswell", "x86-64-v3" };
	for (size_t m = 0; m < ARRAY_SIZE(models); m++) {
		struct cpuid_table t;
		model(f, models[m]);
		assert_int_equal(compute(f), 0);
		assert_int_equal(cpu_result_vcpu(&f->result, 0, &f->trace, &t, &f->e), 0);
		for (unsigned i = 0; i < t.nr_entries * 128; i++) {
			const struct cpuid_entry *e = &t.entries[i / 128];
			enum cpuid_reg reg = (enum cpuid_reg)(i % 128 / 32);
			unsigned bit = i % 32;
			const struct cpu_decision *d = cpu_trace_find(&f->trace,
				f->trace.nr_decisions, false, e->leaf, e->subleaf, reg, bit);
			uint32_t is = e->reg[reg] >> bit & 1;
			if (d ? (d->value >> bit & 1) != is : is != 0)
				fail_msg("%s: leaf %#x.%u register %d bit %u is %u, decided %s %s",
					models[m], e->leaf, e->subleaf, reg, bit, is,
					d ? d->rule : "by nobody", d && d->detail ? d->detail : "");
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpu_compute__host__shows_a_hypervisor_and_clear_run_time_bits),
		TEST(cpu_compute__tsc_deadline__follows_the_capability),
		TEST(cpu_compute__host__nothing_that_kvm_borrows_of_another_vendor),
		TEST(cpu_compute__borrowed_by_name_or_max__there),
		TEST(feature_set_borrowed__each__of_one_vendor_alone),
		TEST(cpu_compute__memory_encryption__is_withdrawn),
		TEST(cpu_compute__host_gives_no_brand__the_processors_own_is_shown),
		TEST(cpu_compute__max__has_what_kvm_emulates),
		TEST(cpu_compute__named_model__exactly_its_features),
		TEST(cpu_compute__unknown_model__refused_with_the_nearest),
		TEST(cpu_compute__model_of_another_vendor__refused_unless_named),
		TEST(cpu_compute__host_of_another_vendor_than_demanded__refused),
		TEST(cpu_compute__vendor_of_the_wrong_length__refused),
		TEST(cpu_compute__signature__the_policys_parts_win),
		TEST(cpu_compute__features__on_and_off),
		TEST(cpu_compute__unknown_features__all_named_with_the_nearest),
		TEST(cpu_compute__on_and_off__refused_with_both_lines),
		TEST(cpu_compute__layers__the_outer_one_wins),
		TEST(cpu_compute__layers_too_deep__refused),
		TEST(cpu_compute__missing_error__names_feature_leaf_bit_and_nearest_model),
		TEST(cpu_compute__missing_warn_and_drop__go_on_without_with_notes),
		TEST(cpu_compute__hint__is_never_missing_and_never_by_itself),
		TEST(cpu_compute__dependants__go_with_what_they_need),
		TEST(cpu_compute__asked_for_without_its_requirement__refused),
		TEST(cpu_compute__xsave_component_missing__its_feature_is_missing),
		TEST(cpu_compute__withdrawn__gone_without_a_note_and_not_missing),
		TEST(cpu_compute__hypervisor_kvm__names_itself_and_its_features),
		TEST(cpu_compute__hypervisor_none__no_bit_and_no_leaves),
		TEST(cpu_compute__hypervisor_hyperv__kvms_leaves_come_behind),
		TEST(cpu_compute__phys_bits__the_policys_or_missing),
		TEST(cpu_compute__xsave__sizes_are_those_of_the_components),
		TEST(cpu_compute__no_xsave__no_leaf_0xd),
		TEST(cpu_compute__tsc__needs_scaling_where_it_differs),
		TEST(cpu_compute__caches__host_emulated_none),
		TEST(cpu_compute__raw_rule__sets_and_clears_single_bits),
		TEST(cpu_compute__raw_rule_the_host_lacks__is_missing),
		TEST(cpu_compute__raw_rule_for_sev__is_missing),
		TEST(cpu_compute__raw_rule_clears_vmx__its_controls_go_along),
		TEST(cpu_compute__feature_msr__follows_the_features),
		TEST(cpu_compute__vmx_control_off__gone_from_both_msrs),
		TEST(cpu_compute__minimum_feature_set__removes_what_is_newer),
		TEST(cpu_compute__cluster__only_what_all_hosts_have),
		TEST(cpu_compute__cluster_of_another_vendor__refused),
		TEST(cpu_compute__older_systems__no_leaf_above_2),
		TEST(cpu_compute__trace__names_the_line_that_decided),
		TEST(cpu_compute__trace__accounts_for_every_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
