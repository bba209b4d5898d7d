/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"
#include "fake/hosts_everything.h"

#include "nesting/vmx.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct host_facts host;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	host_everything(CPUID_VENDOR_INTEL, &f->host);
	f->e = (struct err)ERR_INIT;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static uint64_t *msr_of(struct fixture *f, uint32_t index)
{
	for (unsigned i = 0; i < f->host.nr_feature_msrs; i++) {
		if (f->host.feature_msrs[i].index == index)
			return &f->host.feature_msrs[i].value;
	}
	fail_msg("the host has no MSR %#x", index);
	return NULL;
}

static int check(struct fixture *f)
{
	f->e = (struct err)ERR_INIT;
	return vmx_caps_check(
		&f->host.supported, f->host.feature_msrs, f->host.nr_feature_msrs, &f->e);
}

/* Bits of an MSR become those of value, and the check says so, with this text. */
static void check_broken(
	struct fixture *f, uint32_t msr, uint64_t mask, uint64_t value, const char *text)
{
	uint64_t *at = msr_of(f, msr), before = *at;
	*at = (before & ~mask) | value;
	assert_int_equal(check(f), -EPROTO);
	assert_contains(f->e.msg, text);
	*at = before;
	assert_int_equal(check(f), 0);
}

#define HIGH(bit) (UINT64_C(1) << (32 + (bit)))

static void caps_check__whole_processor__holds(void **state)
{
	struct fixture *f = *state;
	if (check(f))
		fail_msg("%s", f->e.msg);
	assert_int_equal(
		vmx_caps_check(NULL, f->host.feature_msrs, f->host.nr_feature_msrs, NULL), 0);
	assert_int_equal(vmx_caps_check(NULL, NULL, 0, NULL), 0);
}

static void caps_check__basic__fixed_bits_and_numbers(void **state)
{
	struct fixture *f = *state;
	const uint64_t size = UINT64_C(0x1fff) << 32, type = UINT64_C(0xf) << 50;
	check_broken(f, 0x480, UINT64_C(1) << 31, UINT64_C(1) << 31, "A.1");
	check_broken(f, 0x480, size, 0, "1 to 4096");
	check_broken(f, 0x480, size, UINT64_C(4097) << 32, "1 to 4096");
	check_broken(f, 0x480, type, UINT64_C(4) << 50, "memory type");
	check_broken(f, 0x480, UINT64_C(1) << 48, UINT64_C(1) << 48, "64-bit mode");
}

static void caps_check__size_of_a_vmcs__from_1_to_4096_holds(void **state)
{
	struct fixture *f = *state;
	const uint64_t size = UINT64_C(0x1fff) << 32;
	*msr_of(f, 0x480) = (*msr_of(f, 0x480) & ~size) | UINT64_C(4096) << 32;
	assert_int_equal(check(f), 0);
	*msr_of(f, 0x480) = (*msr_of(f, 0x480) & ~size) | UINT64_C(1) << 32;
	assert_int_equal(check(f), 0);
}

static void caps_check__must_be_1_and_may_not__refused(void **state)
{
	struct fixture *f = *state;
	check_broken(f, 0x48d, HIGH(1), 0, "may not be");
	check_broken(f, 0x48b, HIGH(1) | 2, 2, "0x48b");
	check_broken(f, 0x48e, 0x80, 0x80, "differ"); /* HLT exiting: must be 1 in one of two */
}

static void caps_check__default1_class__must_read_1(void **state)
{
	struct fixture *f = *state;
	check_broken(f, 0x481, 0x2, 0, "default1");
	check_broken(f, 0x482, 0x8000, 0, "default1");
	check_broken(f, 0x483, 0x1, 0, "default1");
	check_broken(f, 0x484, 0x1000, 0, "default1");
}

static void caps_check__true_msr_of_other_mind__refused(void **state)
{
	struct fixture *f = *state;
	check_broken(f, 0x481, HIGH(6), 0, "0x481");
	check_broken(f, 0x48e, HIGH(7), 0, "differ from the \"true\" MSR");
}

static void caps_check__capability_without_its_control__refused(void **state)
{
	struct fixture *f = *state;
	uint64_t *true_proc = msr_of(f, 0x48e), *proc = msr_of(f, 0x482);
	*true_proc &= ~HIGH(31);
	*proc &= ~HIGH(31);
	assert_int_equal(check(f), -EPROTO);
	assert_contains(f->e.msg, "activate secondary controls");
	*true_proc |= HIGH(31);
	*proc |= HIGH(31);
	check_broken(f, 0x48b, HIGH(1), 0, "enable EPT");
	check_broken(f, 0x48b, HIGH(5), 0, "enable VPID");
	check_broken(f, 0x48b, HIGH(13), 0, "VM functions");
	*true_proc &= ~HIGH(17);
	*proc &= ~HIGH(17);
	assert_int_equal(check(f), -EPROTO);
	assert_contains(f->e.msg, "activate tertiary controls");
}

static void caps_check__control_without_another__names_both(void **state)
{
	struct fixture *f = *state;
	/* Unrestricted guest: EFER.LMA is stored on exit (appendix A.6). */
	check_broken(f, 0x485, 0x20, 0, "vmx-unrestricted-guest without vmx-store-lma");
	/* Posted interrupts: virtual-interrupt delivery. */
	check_broken(f, 0x48b, HIGH(9), 0, "vmx-posted-intr without vmx-apicv-vid");
	check_broken(f, 0x48c, 1 << 20, 0, "without vmx-invept");
}

static void caps_check__control_without_its_instruction__needs_the_table(void **state)
{
	struct fixture *f = *state;
	cpuid_find(&f->host.supported, 1, 0)->reg[CPUID_ECX] &= ~(UINT32_C(1) << 30);
	assert_int_equal(check(f), -EPROTO);
	assert_contains(f->e.msg, "vmx-rdrand-exit without rdrand");
	assert_int_equal(
		vmx_caps_check(NULL, f->host.feature_msrs, f->host.nr_feature_msrs, NULL), 0);
}

static void caps_check__fixed_bits_of_cr0_and_cr4__must_be_there(void **state)
{
	struct fixture *f = *state;
	check_broken(f, 0x486, 0x1, 0, "A.7");
	check_broken(f, 0x488, 0x2000, 0, "A.8");
	check_broken(f, 0x487, 0x20, 0, "fixed to 1 and to 0");
	check_broken(f, 0x48a, 0x400, 0x400, "A.9");
	check_broken(f, 0x48a, 1, 1, "A.9");
}

static int subset(struct fixture *f, uint32_t msr, uint64_t value)
{
	const struct msr_value one = { msr, value };
	f->e = (struct err)ERR_INIT;
	return vmx_caps_check_subset(&one, 1, f->host.feature_msrs, f->host.nr_feature_msrs, &f->e);
}

static void caps_check_subset__less__is_taken(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(subset(f, 0x48e, *msr_of(f, 0x48e) & ~HIGH(7)), 0);
	assert_int_equal(subset(f, 0x48e, *msr_of(f, 0x48e) | 0x8000), 0);
	assert_int_equal(subset(f, 0x48c, 0), 0);
	assert_int_equal(subset(f, 0x480, *msr_of(f, 0x480) & ~(UINT64_C(1) << 55)), 0);
	assert_int_equal(subset(f, 0x485, *msr_of(f, 0x485) & ~UINT64_C(0x20)), 0);
	assert_int_equal(subset(f, 0x486, *msr_of(f, 0x486) | 0x10000), 0);
	assert_int_equal(subset(f, 0x10a, UINT64_MAX), 0); /* not of VMX */
}

static void caps_check_subset__more_or_another_number__refused(void **state)
{
	struct fixture *f = *state;
	*msr_of(f, 0x48c) &= ~UINT64_C(1);
	assert_int_equal(subset(f, 0x48c, 1), -EPROTO);
	assert_contains(f->e.msg, "0x48c");
	assert_int_equal(subset(f, 0x48d, *msr_of(f, 0x48d) & ~UINT64_C(2)), -EPROTO);
	assert_int_equal(subset(f, 0x480, *msr_of(f, 0x480) ^ 1), -EPROTO);
	assert_int_equal(subset(f, 0x485, *msr_of(f, 0x485) ^ 1), -EPROTO);
	assert_int_equal(subset(f, 0x48a, *msr_of(f, 0x48a) ^ 2), -EPROTO);
	assert_int_equal(subset(f, 0x488, 0), -EPROTO);
}

static void deny(struct fixture *f, struct msr_policy *p)
{
	*p = (struct msr_policy){ .nr_rules = 0 };
	for (unsigned i = 0; i < f->host.nr_feature_msrs; i++)
		assert_int_equal(msr_policy_set(p, f->host.feature_msrs[i].index,
					 f->host.feature_msrs[i].value, &f->e),
			0);
	assert_int_equal(vmx_deny_absent(p, &f->e), 0);
}

static bool denied(const struct msr_policy *p, uint32_t msr)
{
	return msr_policy_access(p, msr, false).action == MSR_DENY &&
	       msr_policy_access(p, msr, true).action == MSR_DENY;
}

static void deny_absent__whole_processor__denies_nothing(void **state)
{
	struct msr_policy p;
	deny(*state, &p);
	assert_int_equal(p.nr_rules, 0);
}

static void deny_absent__no_secondary_controls__what_hangs_on_them_faults(void **state)
{
	struct fixture *f = *state;
	struct msr_policy p;
	*msr_of(f, 0x48e) &= ~HIGH(31);
	*msr_of(f, 0x482) &= ~HIGH(31);
	deny(f, &p);
	assert_true(denied(&p, 0x48b) && denied(&p, 0x48c) && denied(&p, 0x491));
	assert_false(denied(&p, 0x48a) || denied(&p, 0x48d) || denied(&p, 0x490));
	assert_string_equal(msr_policy_access(&p, 0x48b, false).rule->id, "NEST-09");
}

static void deny_absent__no_true_controls__those_msrs_fault(void **state)
{
	struct fixture *f = *state;
	struct msr_policy p;
	*msr_of(f, 0x480) &= ~(UINT64_C(1) << 55);
	deny(f, &p);
	for (uint32_t msr = 0x48d; msr <= 0x490; msr++)
		assert_true(denied(&p, msr));
	assert_false(denied(&p, 0x48c) || denied(&p, 0x491));
}

/* One control each, and the MSR that is there with it only. */
static void deny_absent__one_control_gone__its_msr_faults_and_no_other(void **state)
{
	static const struct {
		uint32_t true_msr, basic_msr;
		unsigned bit;
		uint32_t gone;
	} rows[] = { { 0x48e, 0x482, 17, 0x492 }, { 0x48f, 0x483, 31, 0x493 },
		{ 0x48b, 0x48b, 13, 0x491 } };
	struct fixture *f = *state;
	struct msr_policy p;
	/* No processor's KVM shows this one yet. */
	f->host.feature_msrs[f->host.nr_feature_msrs++] = (struct msr_value){ 0x493, 1 };
	*msr_of(f, 0x48f) |= HIGH(31);
	*msr_of(f, 0x483) |= HIGH(31);
	deny(f, &p);
	assert_int_equal(p.nr_rules, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct host_facts before = f->host;
		*msr_of(f, rows[i].true_msr) &= ~HIGH(rows[i].bit);
		*msr_of(f, rows[i].basic_msr) &= ~HIGH(rows[i].bit);
		deny(f, &p);
		for (uint32_t msr = 0x480; msr <= 0x493; msr++)
			assert_int_equal(denied(&p, msr), msr == rows[i].gone);
		f->host = before;
	}
}

static void deny_absent__ept_or_vpid__keeps_their_msr_and_neither_does_not(void **state)
{
	struct fixture *f = *state;
	struct msr_policy p;
	*msr_of(f, 0x48b) &= ~HIGH(1);
	deny(f, &p);
	assert_false(denied(&p, 0x48c));
	*msr_of(f, 0x48b) ^= HIGH(1) | HIGH(5); /* EPT alone */
	deny(f, &p);
	assert_false(denied(&p, 0x48c));
	*msr_of(f, 0x48b) &= ~HIGH(1);
	deny(f, &p);
	assert_true(denied(&p, 0x48c));
}

static void deny_absent__vpid_alone__keeps_its_msr(void **state)
{
	struct fixture *f = *state;
	struct msr_policy p;
	*msr_of(f, 0x48b) &= ~HIGH(1);
	deny(f, &p);
	assert_false(denied(&p, 0x48c));
}

static void deny_absent__host_without_feature_msrs__denies_nothing(void **state)
{
	struct fixture *f = *state;
	struct msr_policy p;
	f->host.nr_feature_msrs = 0;
	deny(f, &p);
	assert_int_equal(p.nr_rules, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(caps_check__whole_processor__holds),
		TEST(caps_check__basic__fixed_bits_and_numbers),
		TEST(caps_check__size_of_a_vmcs__from_1_to_4096_holds),
		TEST(caps_check__must_be_1_and_may_not__refused),
		TEST(caps_check__default1_class__must_read_1),
		TEST(caps_check__true_msr_of_other_mind__refused),
		TEST(caps_check__capability_without_its_control__refused),
		TEST(caps_check__control_without_another__names_both),
		TEST(caps_check__control_without_its_instruction__needs_the_table),
		TEST(caps_check__fixed_bits_of_cr0_and_cr4__must_be_there),
		TEST(caps_check_subset__less__is_taken),
		TEST(caps_check_subset__more_or_another_number__refused),
		TEST(deny_absent__whole_processor__denies_nothing),
		TEST(deny_absent__no_secondary_controls__what_hangs_on_them_faults),
		TEST(deny_absent__no_true_controls__those_msrs_fault),
		TEST(deny_absent__one_control_gone__its_msr_faults_and_no_other),
		TEST(deny_absent__ept_or_vpid__keeps_their_msr_and_neither_does_not),
		TEST(deny_absent__vpid_alone__keeps_its_msr),
		TEST(deny_absent__host_without_feature_msrs__denies_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
