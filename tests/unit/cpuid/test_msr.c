#include "fake/cmocka.h"

#include "cpuid/msr.h"

#include <errno.h>

static void msr_policy_deny__ranges__are_kept_in_order(void **state)
{
	(void)state;
	struct msr_policy p = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(msr_policy_deny(&p, 0x480, 0x493, &e), 0);
	assert_int_equal(msr_policy_deny(&p, 0x3a, 0x3a, &e), 0);
	assert_int_equal(p.nr_deny, 2);
	assert_int_equal(p.deny[0].first, 0x480);
	assert_int_equal(p.deny[0].last, 0x493);
	assert_int_equal(p.deny[1].first, 0x3a);
}

static void msr_policy_deny__empty_range__refused(void **state)
{
	(void)state;
	struct msr_policy p = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(msr_policy_deny(&p, 0x10, 0xf, &e), -EINVAL);
	assert_contains(e.msg, "0x10 to 0xf");
	assert_int_equal(p.nr_deny, 0);
}

static void msr_policy_deny__full__refused(void **state)
{
	(void)state;
	struct msr_policy p = { 0 };
	struct err e = ERR_INIT;
	for (uint32_t i = 0; i < MSR_POLICY_MAX_DENY; i++)
		assert_int_equal(msr_policy_deny(&p, i, i, &e), 0);
	assert_int_equal(msr_policy_deny(&p, 99, 99, &e), -E2BIG);
	assert_contains(e.msg, "16");
	assert_int_equal(p.nr_deny, MSR_POLICY_MAX_DENY);
}

static void msr_policy_set__full__refused(void **state)
{
	(void)state;
	struct msr_policy p = { 0 };
	struct err e = ERR_INIT;
	for (uint32_t i = 0; i < MSR_POLICY_MAX_SET; i++)
		assert_int_equal(msr_policy_set(&p, i, i, &e), 0);
	assert_int_equal(msr_policy_set(&p, 99, 1, &e), -E2BIG);
	assert_int_equal(p.nr_set, MSR_POLICY_MAX_SET);
	assert_int_equal(msr_policy_firmware(&p, &e), -E2BIG);
}

static void msr_policy_firmware__fresh__fast_strings_and_write_back_mtrrs(void **state)
{
	(void)state;
	struct msr_policy p = { 0 };
	struct err e = ERR_INIT;
	assert_int_equal(msr_policy_firmware(&p, &e), 0);
	assert_int_equal(p.nr_set, 2);
	assert_int_equal(p.set[0].index, 0x1a0);
	assert_int_equal(p.set[0].value, 1);
	assert_int_equal(p.set[1].index, 0x2ff);
	assert_int_equal(p.set[1].value, 0x806);
	assert_int_equal(p.nr_deny, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(msr_policy_deny__ranges__are_kept_in_order),
		cmocka_unit_test(msr_policy_deny__empty_range__refused),
		cmocka_unit_test(msr_policy_deny__full__refused),
		cmocka_unit_test(msr_policy_set__full__refused),
		cmocka_unit_test(msr_policy_firmware__fresh__fast_strings_and_write_back_mtrrs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
