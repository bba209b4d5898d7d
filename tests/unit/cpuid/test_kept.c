/* SPDX-License-Identifier: MIT */
#include "cpuid/kept.h"

#include "fake/cmocka.h"
#include "fake/hosts.h"

#include <stdlib.h>

#define ARCH_CAPABILITIES (UINT32_C(1) << 29)

/* An Intel host's table as it is set, the same as it is kept, and an MSR behind a bit of it. */
struct fixture {
	struct host_facts facts;
	struct cpuid_table set, kept;
	struct msr_policy msrs;
	struct cpu_kept k;
	struct cpu_policy policy;
	struct err why;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	host_intel(&f->facts, true);
	cpuid_find(&f->facts.supported, 7, 0)->reg[CPUID_EDX] |= ARCH_CAPABILITIES;
	f->set = f->kept = f->facts.supported;
	f->msrs.set[f->msrs.nr_set++] = (struct msr_value){ MSR_IA32_ARCH_CAPABILITIES, 0x6b };
	f->msrs.set[f->msrs.nr_set++] = (struct msr_value){ MSR_IA32_MTRR_DEF_TYPE, 0x806 };
	f->facts.feature_msrs[f->facts.nr_feature_msrs++] =
		(struct msr_value){ MSR_IA32_ARCH_CAPABILITIES, 0x6b };
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static uint32_t *kept_reg(struct fixture *f, uint32_t leaf, enum cpuid_reg reg)
{
	return &cpuid_find(&f->kept, leaf, 0)->reg[reg];
}

static void drop(struct fixture *f)
{
	*kept_reg(f, 7, CPUID_EDX) &= ~ARCH_CAPABILITIES;
}

static enum cpu_kept_verdict decide(struct fixture *f, enum cpu_on_missing on_missing)
{
	cpu_kept_cpuid(&f->set, &f->kept, &f->k);
	cpu_kept_judge(&f->k, &f->policy);
	return cpu_kept_decide(&f->k, on_missing, "vCPU 3", &f->why);
}

static void cpu_kept_cpuid__same__nothing_differs(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_AS_SET);
}

static void cpu_kept_cpuid__run_time_bits__are_no_difference(void **state)
{
	struct fixture *f = *state;
	(void)cpuid_put(&f->set, 0xd, 0, true);
	f->kept = f->set;
	*kept_reg(f, 1, CPUID_ECX) ^= UINT32_C(1) << 27 | UINT32_C(1) << 3;
	*kept_reg(f, 1, CPUID_EDX) ^= UINT32_C(1) << 9;
	*kept_reg(f, 7, CPUID_ECX) ^= UINT32_C(1) << 4;
	*kept_reg(f, 0xd, CPUID_EBX) = 576;
	assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_AS_SET);
}

static void cpu_kept_cpuid__leaf_is_gone_or_new__each_register_that_is_not_0(void **state)
{
	struct fixture *f = *state;
	const struct cpuid_entry *gone = cpuid_get(&f->set, 0x80000008, 0);
	unsigned nr = 0;
	for (unsigned reg = 0; reg < 4; reg++)
		nr += gone->reg[reg] != 0;
	assert_true(nr > 0);
	cpuid_remove_leaf(&f->kept, 0x80000008);
	cpuid_put(&f->kept, 0x70000000, 0, false)->reg[CPUID_EDX] = 5;
	cpu_kept_cpuid(&f->set, &f->kept, &f->k);
	assert_int_equal(f->k.nr_items, nr + 1);
	assert_int_equal(f->k.items[nr].leaf, 0x70000000);
	assert_int_equal(f->k.items[nr].set, 0);
	assert_int_equal(f->k.items[nr].kept, 5);
}

static void cpu_kept_valid_msrs__bit_is_kept__all(void **state)
{
	struct fixture *f = *state;
	struct msr_value valid[MSR_POLICY_MAX_SET];
	*kept_reg(f, 1, CPUID_ECX) ^= 1;
	cpu_kept_cpuid(&f->set, &f->kept, &f->k);
	assert_int_equal(cpu_kept_valid_msrs(&f->msrs, &f->set, &f->kept, &f->k, valid), 2);
	assert_int_equal(f->k.nr_items, 1);
}

static void cpu_kept_valid_msrs__bit_is_dropped__without_the_msr_behind_it(void **state)
{
	struct fixture *f = *state;
	struct msr_value valid[MSR_POLICY_MAX_SET];
	drop(f);
	cpu_kept_cpuid(&f->set, &f->kept, &f->k);
	assert_int_equal(cpu_kept_valid_msrs(&f->msrs, &f->set, &f->kept, &f->k, valid), 1);
	assert_int_equal(valid[0].index, MSR_IA32_MTRR_DEF_TYPE);
	assert_int_equal(f->k.nr_items, 2);
	assert_int_equal(f->k.items[1].kind, CPU_UNKEPT_NO_MSR);
	assert_int_equal(f->k.items[1].leaf, MSR_IA32_ARCH_CAPABILITIES);
}

/* 0x345 behind pdcm, 0xcf behind core-capability, 0x480 and 0x3a behind vmx. */
static void cpu_kept_valid_msrs__each_gate_is_dropped__its_msrs_go(void **state)
{
	static const struct {
		uint32_t leaf;
		enum cpuid_reg reg;
		unsigned bit;
		uint32_t msrs[2];
	} rows[] = { { 1, CPUID_ECX, 15, { 0x345, 0x345 } }, { 7, CPUID_EDX, 30, { 0xcf, 0xcf } },
		{ 1, CPUID_ECX, 5, { 0x480, 0x3a } }, { 1, CPUID_ECX, 5, { 0x491, 0x48d } } };
	struct fixture *f = *state;
	struct msr_value valid[MSR_POLICY_MAX_SET];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cpuid_find(&f->set, rows[i].leaf, 0)->reg[rows[i].reg] |= UINT32_C(1)
									  << rows[i].bit;
		f->kept = f->set;
		*kept_reg(f, rows[i].leaf, rows[i].reg) &= ~(UINT32_C(1) << rows[i].bit);
		f->msrs.nr_set = 0;
		for (unsigned k = 0; k < 2; k++)
			assert_int_equal(msr_policy_set(&f->msrs, rows[i].msrs[k], 1, &f->why), 0);
		assert_int_equal(msr_policy_set(&f->msrs, 0x8b, 1, &f->why), 0);
		cpu_kept_cpuid(&f->set, &f->kept, &f->k);
		assert_int_equal(cpu_kept_valid_msrs(&f->msrs, &f->set, &f->kept, &f->k, valid), 1);
		assert_int_equal(valid[0].index, 0x8b);
	}
}

static void cpu_kept_add_msr__read_only_bits_of_misc_enable__are_no_difference(void **state)
{
	struct fixture *f = *state;
	const struct msr_value misc = { MSR_IA32_MISC_ENABLE, 1 }, mtrr = { 0x2ff, 0x806 };
	uint64_t value = 0x1801;
	cpu_kept_add_msr(&f->k, &misc, true, &value);
	assert_int_equal(f->k.nr_items, 0);
	cpu_kept_add_msr(&f->k, &mtrr, true, &value);
	cpu_kept_add_msr(&f->k, &mtrr, true, /* not read */ NULL);
	value = 0x806;
	cpu_kept_add_msr(&f->k, &mtrr, false, &value); /* not taken, and there */
	assert_int_equal(f->k.nr_items, 2);
}

static void cpu_kept_decide__nothing_is_asked__quiet_and_says_what(void **state)
{
	struct fixture *f = *state;
	drop(f);
	assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_QUIET);
	assert_contains(f->why.msg, "vCPU 3: CPUID leaf 0x7, subleaf 0, EDX was set to 0x");
	assert_contains(f->why.msg, "\narch-capabilities (CPUID 0x7.0 EDX bit 29): not kept");
	cpu_kept_judge(&f->k, /* policy */ NULL);
	assert_int_equal(cpu_kept_decide(&f->k, CPU_MISSING_ERROR, "", &f->why), CPU_KEPT_QUIET);
}

static void cpu_kept_decide__model_is_asked__by_on_missing(void **state)
{
	struct fixture *f = *state;
	f->policy.model = (struct policy_text){ "host", "vm.toml:2:9" };
	drop(f);
	assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_REFUSE);
	assert_contains(f->why.msg, "\nvm.toml:2:9: cpu.model: arch-capabilities");
	assert_contains(f->why.hint, "-arch-capabilities");
	assert_int_equal(decide(f, CPU_MISSING_WARN), CPU_KEPT_WARN);
	assert_int_equal(decide(f, CPU_MISSING_DROP), CPU_KEPT_QUIET);
}

static void cpu_kept_decide__another_feature_is_asked__quiet(void **state)
{
	const struct policy_feature other = { "avx2", false, "vm.toml:3:1" };
	struct fixture *f = *state;
	f->policy.features = &other;
	f->policy.nr_features = 1;
	drop(f);
	assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_QUIET);
}

static void cpu_kept_decide__feature_asked_off_is_added__refused_by_its_line(void **state)
{
	const struct policy_feature off = { "x2apic", false, "vm.toml:3:1" };
	struct fixture *f = *state;
	f->policy.features = &off;
	f->policy.nr_features = 1;
	cpuid_find(&f->set, 1, 0)->reg[CPUID_ECX] &= ~(UINT32_C(1) << 21);
	*kept_reg(f, 1, CPUID_ECX) |= UINT32_C(1) << 21 | 1;
	assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_REFUSE);
	assert_contains(
		f->why.msg, "\nvm.toml:3:1: cpu.features: x2apic (CPUID 0x1 ECX bit 21): added");
}

static void cpu_kept_decide__layer_below_asks__refused_by_its_line(void **state)
{
	const struct policy_feature on = { "arch-capabilities", true, "base.toml:5:1" };
	const struct cpu_policy base = { .features = &on, .nr_features = 1 };
	struct fixture *f = *state;
	f->policy.base = &base;
	drop(f);
	assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_REFUSE);
	assert_contains(f->why.msg, "base.toml:5:1: cpu.features: arch-capabilities");
}

static void cpu_kept_decide__leaf_rule_numbers_and_caches__are_asked_by_key(void **state)
{
	const struct policy_leaf rule = { .leaf = 0x14,
		.any_subleaf = true,
		.reg = CPUID_EBX,
		.set = 4,
		.origin = "vm.toml:8:1" };
	static const struct {
		uint32_t leaf;
		enum cpuid_reg reg;
		const char *key;
	} rows[] = { { 0, CPUID_EBX, "cpu.vendor" }, { 1, CPUID_EAX, "cpu.family" },
		{ 0x80000003, CPUID_ECX, "cpu.brand" }, { 0x80000008, CPUID_EAX, "cpu.phys_bits" },
		{ 0x14, CPUID_EBX, "cpu.leaves" }, { 4, CPUID_ECX, "cpu.cache" },
		{ 0x40000000, CPUID_EBX, "hyperv.vendor_id" } };
	struct fixture *f = *state;
	f->policy.leaves = &rule;
	f->policy.nr_leaves = 1;
	f->policy.vendor.text = f->policy.brand.text = f->policy.hyperv_vendor_id.text = "x";
	f->policy.family.given = f->policy.phys_bits.given = f->policy.cache_given = true;
	f->policy.cache = CPU_CACHE_EMULATE;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)cpuid_put(&f->set, rows[i].leaf, 0, rows[i].leaf == 4);
		f->kept = f->set;
		*kept_reg(f, rows[i].leaf, rows[i].reg) ^= 4;
		assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_REFUSE);
		assert_contains(f->why.msg, rows[i].key);
		*kept_reg(f, rows[i].leaf, rows[i].reg) ^= 4;
		*kept_reg(f, 0x80000001, CPUID_ECX) ^= 1; /* of which nobody asks anything */
		assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_QUIET);
	}
}

static void cpu_kept_decide__hidden_extensions_show__refused_whatever_on_missing_says(void **state)
{
	struct fixture *f = *state;
	cpuid_find(&f->set, 1, 0)->reg[CPUID_ECX] &= ~(UINT32_C(1) << 5);
	*kept_reg(f, 0, CPUID_EBX) ^= 1; /* something else comes first */
	assert_int_equal(decide(f, CPU_MISSING_DROP), CPU_KEPT_REFUSE);
	assert_contains(f->why.msg, "CPUID leaf 0x1, subleaf 0, ECX");
}

static void cpu_kept_decide__firmware_msr__is_warned_of(void **state)
{
	struct fixture *f = *state;
	f->policy.model = (struct policy_text){ "host", NULL };
	cpu_kept_add_msr(&f->k, &f->msrs.set[1], false, NULL);
	cpu_kept_judge(&f->k, &f->policy);
	assert_int_equal(
		cpu_kept_decide(&f->k, CPU_MISSING_ERROR, "vCPU 0", &f->why), CPU_KEPT_WARN);
	assert_contains(f->why.msg, "KVM does not take MSR 0x2ff");
}

static void cpu_kept_decide__more_than_fit__are_counted_and_refused(void **state)
{
	struct fixture *f = *state;
	f->set.nr_entries = 0;
	f->kept.nr_entries = CPUID_MAX_ENTRIES;
	for (unsigned i = 0; i < CPUID_MAX_ENTRIES; i++)
		f->kept.entries[i] =
			(struct cpuid_entry){ .leaf = i, .reg = { 1u << 31, 2, 3, 1u << 31 } };
	f->policy.model = (struct policy_text){ "host", "vm.toml:2:9" };
	assert_int_equal(decide(f, CPU_MISSING_ERROR), CPU_KEPT_REFUSE);
	assert_int_equal(f->k.nr_items, CPU_MAX_UNKEPT);
	assert_true(f->k.nr_lost > 700);
}

static void cpu_kept_predict__host_keeps_all_or_says_nothing__as_set(void **state)
{
	struct fixture *f = *state;
	cpu_kept_predict(&f->facts, &f->set, &f->msrs, &f->kept, &f->k);
	assert_int_equal(f->k.nr_items, 0);
	f->facts.kept_known = true;
	cpu_kept_predict(&f->facts, &f->set, &f->msrs, &f->kept, &f->k);
	assert_int_equal(f->k.nr_items, 0);
}

static void drop_on_host(struct fixture *f)
{
	f->facts.kept_known = true;
	f->facts.unkept.nr_entries = 1;
	f->facts.unkept.entries[0] = *cpuid_get(&f->facts.supported, 7, 0);
	f->facts.unkept.entries[0].reg[CPUID_EDX] &= ~ARCH_CAPABILITIES;
	f->facts.unkept_msrs[f->facts.nr_unkept_msrs++] =
		(struct msr_value){ MSR_IA32_ARCH_CAPABILITIES, 0 };
}

static void cpu_kept_predict__host_drops_a_bit__only_where_it_is_set(void **state)
{
	struct fixture *f = *state;
	drop_on_host(f);
	cpuid_find(&f->set, 7, 0)->reg[CPUID_EDX] ^= UINT32_C(1) << 10; /* not all of it is set */
	cpu_kept_predict(&f->facts, &f->set, &f->msrs, &f->kept, &f->k);
	assert_int_equal(f->k.nr_items, 2);
	assert_int_equal(f->k.items[0].set ^ f->k.items[0].kept, ARCH_CAPABILITIES);
	assert_int_equal(f->k.items[1].kind, CPU_UNKEPT_NO_MSR);
	cpuid_find(&f->set, 7, 0)->reg[CPUID_EDX] &= ~ARCH_CAPABILITIES;
	f->msrs.nr_set = 0;
	cpu_kept_predict(&f->facts, &f->set, &f->msrs, &f->kept, &f->k);
	assert_int_equal(f->k.nr_items, 0);
}

static void cpu_kept_predict__host_keeps_less_of_an_msr__the_lost_bits(void **state)
{
	struct fixture *f = *state;
	f->facts.kept_known = true;
	f->facts.unkept_msrs[f->facts.nr_unkept_msrs++] =
		(struct msr_value){ MSR_IA32_ARCH_CAPABILITIES, 0x62 };
	f->msrs.set[0].value = 0x2b;
	cpu_kept_predict(&f->facts, &f->set, &f->msrs, &f->kept, &f->k);
	assert_int_equal(f->k.nr_items, 1);
	assert_int_equal(f->k.items[0].kept, 0x22);
}

static void cpu_kept_of_host__dropped_bit__bit_and_msr_by_name(void **state)
{
	struct fixture *f = *state;
	char text[CPU_UNKEPT_BYTES];
	drop_on_host(f);
	cpu_kept_of_host(&f->facts, &f->k);
	assert_int_equal(f->k.nr_items, 2);
	assert_string_equal(cpu_unkept_text(text, &f->k.items[0]),
		"arch-capabilities (CPUID 0x7.0 EDX bit 29): not kept");
	assert_contains(cpu_unkept_text(text, &f->k.items[1]),
		"MSR 0x10a (IA32_ARCH_CAPABILITIES) is not there without the CPUID bit");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpu_kept_cpuid__same__nothing_differs),
		TEST(cpu_kept_cpuid__run_time_bits__are_no_difference),
		TEST(cpu_kept_cpuid__leaf_is_gone_or_new__each_register_that_is_not_0),
		TEST(cpu_kept_valid_msrs__bit_is_kept__all),
		TEST(cpu_kept_valid_msrs__bit_is_dropped__without_the_msr_behind_it),
		TEST(cpu_kept_valid_msrs__each_gate_is_dropped__its_msrs_go),
		TEST(cpu_kept_add_msr__read_only_bits_of_misc_enable__are_no_difference),
		TEST(cpu_kept_decide__nothing_is_asked__quiet_and_says_what),
		TEST(cpu_kept_decide__model_is_asked__by_on_missing),
		TEST(cpu_kept_decide__another_feature_is_asked__quiet),
		TEST(cpu_kept_decide__feature_asked_off_is_added__refused_by_its_line),
		TEST(cpu_kept_decide__layer_below_asks__refused_by_its_line),
		TEST(cpu_kept_decide__leaf_rule_numbers_and_caches__are_asked_by_key),
		TEST(cpu_kept_decide__hidden_extensions_show__refused_whatever_on_missing_says),
		TEST(cpu_kept_decide__firmware_msr__is_warned_of),
		TEST(cpu_kept_decide__more_than_fit__are_counted_and_refused),
		TEST(cpu_kept_predict__host_keeps_all_or_says_nothing__as_set),
		TEST(cpu_kept_predict__host_drops_a_bit__only_where_it_is_set),
		TEST(cpu_kept_predict__host_keeps_less_of_an_msr__the_lost_bits),
		TEST(cpu_kept_of_host__dropped_bit__bit_and_msr_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
