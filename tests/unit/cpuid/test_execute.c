/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts.h"

#include "cpuid/execute.h"

#include <stdlib.h>
#include <string.h>

static const struct cpuid_vcpu_state at_reset = { .apic_enabled = true, .xcr0 = 1 };

struct fixture {
	struct cpuid_table table;
	struct cpuid_vcpu_state state;
	uint32_t reg[4];
};

static void add(struct fixture *f, uint32_t leaf, int subleaf, uint32_t eax, uint32_t ebx,
	uint32_t ecx, uint32_t edx)
{
	struct cpuid_entry *e =
		cpuid_put(&f->table, leaf, subleaf < 0 ? 0 : (uint32_t)subleaf, subleaf >= 0);
	const uint32_t reg[4] = { eax, ebx, ecx, edx };
	assert_non_null(e);
	memcpy(e->reg, reg, sizeof(reg));
}

static void add_vendor(struct fixture *f, uint32_t leaf, uint32_t last, const char *name)
{
	uint32_t words[3];
	memcpy(words, name, sizeof(words));
	add(f, leaf, -1, last, words[0], words[2], words[1]);
}

/* Intel: basic leaves to 0xd, of which 0xb and 0xd have subleaves and 5 is missing. */
static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->state = at_reset;
	add_vendor(f, 0, 0xd, "GenuineIntel");
	add(f, 1, -1, 0x000606a6, 0x05200800, 0x08000008, 0x0f8bf9ff);
	add(f, 7, 0, 1, 0x00000fff, 0x18, 0);
	add(f, 7, 1, 0x10, 0, 0, 0);
	add(f, 0xb, 0, 1, 2, 0x100, 5);
	add(f, 0xb, 1, 4, 8, 0x201, 5);
	add(f, 0xd, 0, 0x200e7, 0xaaaa, 0x2b00, 0);
	add(f, 0xd, 1, 0xf, 0xbbbb, 0x1800, 0);
	add(f, 0xd, 2, 0x100, 0x240, 0, 0);
	add(f, 0xd, 5, 0x40, 0x440, 0, 0);
	add(f, 0xd, 11, 0x10, 0, 1, 0);
	add(f, 0xd, 17, 0x40, 0xac0, 2, 0);
	add_vendor(f, 0x40000000, 0x40000001, "KVMKVMKVM\0\0\0");
	add(f, 0x40000001, -1, 0x01007efb, 0, 0, 0);
	add(f, 0x80000000, -1, 0x80000008, 0, 0, 0);
	add(f, 0x80000007, -1, 0, 0, 0, 0x100);
	add(f, 0x80000008, -1, 0x302e, 0, 0, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static const uint32_t *execute(struct fixture *f, uint32_t leaf, uint32_t subleaf)
{
	memset(f->reg, 0x5a, sizeof(f->reg));
	cpuid_execute(&f->table, &f->state, leaf, subleaf, f->reg);
	return f->reg;
}

static void assert_regs(const uint32_t *got, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	const uint32_t want[4] = { eax, ebx, ecx, edx };
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(got[i], want[i]);
}

static void cpuid_execute__entry_there__is_the_answer(void **state)
{
	struct fixture *f = *state;
	assert_regs(execute(f, 0x80000008, 0), 0x302e, 0, 0, 0);
	assert_regs(execute(f, 7, 1), 0x10, 0, 0, 0);
}

static void cpuid_execute__subleaf_does_not_matter__any_ecx_has_the_answer(void **state)
{
	struct fixture *f = *state;
	assert_regs(execute(f, 0x80000008, 12345), 0x302e, 0, 0, 0);
}

static void cpuid_execute__missing_in_range__zeros(void **state)
{
	struct fixture *f = *state;
	assert_regs(execute(f, 5, 0), 0, 0, 0, 0);
	assert_regs(execute(f, 7, 2), 0, 0, 0, 0);
	assert_regs(execute(f, 0x80000002, 0), 0, 0, 0, 0);
}

static void cpuid_execute__past_the_end_on_intel__last_basic_leaf_of_that_subleaf(void **state)
{
	struct fixture *f = *state;
	static const uint32_t past[] = { 0xe, 0x3fffffff, 0x50000000, 0x7fffffff, 0x80000009,
		0xbfffffff, 0xc0000000, 0xffffffff, 0x40000002, 0x40000100, 0x4fffffff };
	for (size_t i = 0; i < ARRAY_SIZE(past); i++) {
		assert_regs(execute(f, past[i], 2), 0x100, 0x240, 0, 0);
		assert_regs(execute(f, past[i], 3), 0, 0, 0, 0);
	}
}

static void cpuid_execute__past_the_end__run_time_bits_of_the_last_leaf_apply(void **state)
{
	struct fixture *f = *state;
	assert_regs(execute(f, 0x100, 0), 0x200e7, 576, 0x2b00, 0);
}

static void cpuid_execute__past_the_end_and_last_leaf_is_topology__levels_go_on(void **state)
{
	struct fixture *f = *state;
	cpuid_find(&f->table, 0, 0)->reg[CPUID_EAX] = 0xb;
	assert_regs(execute(f, 0x1000, 7), 0, 0, 7, 5);
}

static void cpuid_execute__past_the_end_on_amd_and_hygon__zeros(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "AuthenticAMD", "HygonGenuine", "AMDisbetter!" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cpuid_remove_leaf(&f->table, 0);
		add_vendor(f, 0, 0xd, names[i]);
		assert_regs(execute(f, 0xe, 2), 0, 0, 0, 0);
		assert_regs(execute(f, 0x80000009, 2), 0, 0, 0, 0);
		assert_regs(execute(f, 0xb, 9), 0, 0, 9, 5);
	}
}

static void cpuid_execute__past_the_end_for_another_vendor__as_intel(void **state)
{
	struct fixture *f = *state;
	cpuid_remove_leaf(&f->table, 0);
	add_vendor(f, 0, 0xd, "CentaurHauls");
	assert_regs(execute(f, 0xc0000005, 2), 0x100, 0x240, 0, 0);
	add(f, 0xc0000000, -1, 0xc0000004, 0, 0, 0);
	assert_regs(execute(f, 0xc0000003, 2), 0, 0, 0, 0);
	assert_regs(execute(f, 0xc0000005, 2), 0x100, 0x240, 0, 0);
}

static void cpuid_execute__two_hypervisors__each_hundred_is_its_own_range(void **state)
{
	struct fixture *f = *state;
	add_vendor(f, 0x40000100, 0x40000101, "KVMKVMKVM\0\0\0");
	assert_regs(execute(f, 0x40000101, 2), 0, 0, 0, 0);
	assert_regs(execute(f, 0x40000102, 2), 0x100, 0x240, 0, 0);
	assert_regs(execute(f, 0x40000001, 0), 0x01007efb, 0, 0, 0);
}

static void cpuid_execute__empty_table__zeros(void **state)
{
	struct fixture *f = *state;
	f->table.nr_entries = 0;
	assert_regs(execute(f, 0, 0), 0, 0, 0, 0);
	assert_regs(execute(f, 0xb, 3), 0, 0, 0, 0);
}

static void cpuid_execute__level_past_the_last__ecx_low_byte_and_apic_id(void **state)
{
	struct fixture *f = *state;
	assert_regs(execute(f, 0xb, 2), 0, 0, 2, 5);
	assert_regs(execute(f, 0xb, 0x1ff), 0, 0, 0xff, 5);
	cpuid_find(&f->table, 0, 0)->reg[CPUID_EAX] = 0x1f;
	assert_regs(execute(f, 0x1f, 3), 0, 0, 0, 0); /* the leaf is not there */
	add(f, 0x1f, 1, 4, 8, 0x201, 6);
	assert_regs(execute(f, 0x1f, 3), 0, 0, 3, 6);
}

static void cpuid_execute__cr4_osxsave__is_leaf_1_ecx_27(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(execute(f, 1, 0)[CPUID_ECX], 0x8);
	f->state.cr4_osxsave = true;
	assert_int_equal(execute(f, 1, 0)[CPUID_ECX], 0x08000008);
}

static void cpuid_execute__apic_base__is_leaf_1_edx_9(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(execute(f, 1, 0)[CPUID_EDX], 0x0f8bfbff);
	f->state.apic_enabled = false;
	assert_int_equal(execute(f, 1, 0)[CPUID_EDX], 0x0f8bf9ff);
}

static void cpuid_execute__misc_enable__changes_monitor_only_without_the_quirk(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(execute(f, 1, 0)[CPUID_ECX] & 8, 8);
	f->state.mwait_follows_misc_enable = true;
	assert_int_equal(execute(f, 1, 0)[CPUID_ECX] & 8, 0);
	f->state.misc_enable_mwait = true;
	assert_int_equal(execute(f, 1, 0)[CPUID_ECX] & 8, 8);
}

static void cpuid_execute__cr4_pke__is_leaf_7_ecx_4_of_subleaf_0(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(execute(f, 7, 0)[CPUID_ECX], 0x8);
	f->state.cr4_pke = true;
	assert_int_equal(execute(f, 7, 0)[CPUID_ECX], 0x18);
	assert_int_equal(execute(f, 7, 1)[CPUID_ECX], 0);
}

static void cpuid_execute__tsx_ctrl__hides_hle_and_rtm(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(execute(f, 7, 0)[CPUID_EBX], 0xfff);
	f->state.tsx_ctrl_cpuid_clear = true;
	assert_int_equal(execute(f, 7, 0)[CPUID_EBX], 0x7ef);
}

static void cpuid_execute__xcr0__sizes_the_standard_area(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(execute(f, 0xd, 0)[CPUID_EBX], 576);
	f->state.xcr0 = 7;
	assert_int_equal(execute(f, 0xd, 0)[CPUID_EBX], 0x340);
	f->state.xcr0 = 0x20007;
	assert_int_equal(execute(f, 0xd, 0)[CPUID_EBX], 0xb00);
	assert_int_equal(execute(f, 0xd, 0)[CPUID_ECX], 0x2b00);
}

static void cpuid_execute__xcr0_and_xss__size_the_compacted_area(void **state)
{
	struct fixture *f = *state;
	f->state.xcr0 = 7;
	assert_int_equal(execute(f, 0xd, 1)[CPUID_EBX], 0x340);
	f->state.xss = 1 << 11; /* 10h bytes, and 17 is aligned to 64 behind it */
	assert_int_equal(execute(f, 0xd, 1)[CPUID_EBX], 0x350);
	f->state.xcr0 = 0x20007;
	assert_int_equal(execute(f, 0xd, 1)[CPUID_EBX], 0x380 + 0x40);
	f->state.xcr0 = 7 | UINT64_C(1) << 63; /* a component without a subleaf has no size */
	assert_int_equal(execute(f, 0xd, 1)[CPUID_EBX], 0x350);
}

static void cpuid_execute__no_xsavec_nor_xsaves__compacted_size_as_in_the_table(void **state)
{
	struct fixture *f = *state;
	cpuid_find(&f->table, 0xd, 1)->reg[CPUID_EAX] = 5;
	assert_int_equal(execute(f, 0xd, 1)[CPUID_EBX], 0xbbbb);
}

static void cpuid_execute__hyperv_tsc_control__hides_invariant_tsc_until_asked(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(execute(f, 0x80000007, 0)[CPUID_EDX], 0x100);
	cpuid_find(&f->table, 0x40000001, 0)->reg[CPUID_EAX] = 0x31237648;
	assert_int_equal(execute(f, 0x80000007, 0)[CPUID_EDX], 0x100);
	add(f, 0x40000003, -1, 1 << 15, 0, 0, 0);
	assert_int_equal(execute(f, 0x80000007, 0)[CPUID_EDX], 0);
	f->state.hyperv_invariant_tsc = true;
	assert_int_equal(execute(f, 0x80000007, 0)[CPUID_EDX], 0x100);
}

static void cpuid_execute__random_tables_and_leaves__never_reads_astray(void **state)
{
	struct fixture *f = *state;
	struct host_facts *host = calloc(1, sizeof(*host));
	uint32_t random = 1;
	assert_non_null(host);
	for (uint32_t seed = 0; seed < 500; seed++) {
		host_random(host, seed);
		f->table = host->supported;
		for (unsigned i = 0; i < 50; i++) {
			f->state.xcr0 = UINT64_C(0x100000001) * host_random_next(&random);
			f->state.xss = host_random_next(&random);
			const struct cpuid_entry *e =
				&f->table.entries[host_random_next(&random) % f->table.nr_entries];
			(void)execute(f, e->leaf, host_random_next(&random) % 8);
			(void)execute(f, host_random_next(&random), 0);
		}
	}
	free(host);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpuid_execute__entry_there__is_the_answer),
		TEST(cpuid_execute__subleaf_does_not_matter__any_ecx_has_the_answer),
		TEST(cpuid_execute__missing_in_range__zeros),
		TEST(cpuid_execute__past_the_end_on_intel__last_basic_leaf_of_that_subleaf),
		TEST(cpuid_execute__past_the_end__run_time_bits_of_the_last_leaf_apply),
		TEST(cpuid_execute__past_the_end_and_last_leaf_is_topology__levels_go_on),
		TEST(cpuid_execute__past_the_end_on_amd_and_hygon__zeros),
		TEST(cpuid_execute__past_the_end_for_another_vendor__as_intel),
		TEST(cpuid_execute__two_hypervisors__each_hundred_is_its_own_range),
		TEST(cpuid_execute__empty_table__zeros),
		TEST(cpuid_execute__level_past_the_last__ecx_low_byte_and_apic_id),
		TEST(cpuid_execute__cr4_osxsave__is_leaf_1_ecx_27),
		TEST(cpuid_execute__apic_base__is_leaf_1_edx_9),
		TEST(cpuid_execute__misc_enable__changes_monitor_only_without_the_quirk),
		TEST(cpuid_execute__cr4_pke__is_leaf_7_ecx_4_of_subleaf_0),
		TEST(cpuid_execute__tsx_ctrl__hides_hle_and_rtm),
		TEST(cpuid_execute__xcr0__sizes_the_standard_area),
		TEST(cpuid_execute__xcr0_and_xss__size_the_compacted_area),
		TEST(cpuid_execute__no_xsavec_nor_xsaves__compacted_size_as_in_the_table),
		TEST(cpuid_execute__hyperv_tsc_control__hides_invariant_tsc_until_asked),
		TEST(cpuid_execute__random_tables_and_leaves__never_reads_astray),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
