/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "base/types.h"

static struct range r(uint64_t base, uint64_t size)
{
	return (struct range){ base, size };
}

static void range_valid__ends_at_2_64__is_valid(void **state)
{
	(void)state;
	assert_true(range_valid(r(0, UINT64_MAX)));
	assert_true(range_valid(r(UINT64_MAX, 1)));
	assert_true(range_valid(r(UINT64_MAX - 4095, 4096)));
}

static void range_valid__wraps__is_invalid(void **state)
{
	(void)state;
	assert_false(range_valid(r(UINT64_MAX, 2)));
	assert_false(range_valid(r(2, UINT64_MAX)));
	assert_false(range_valid(r(UINT64_MAX - 4095, 4097)));
}

static void range_valid__empty__is_valid_anywhere(void **state)
{
	(void)state;
	assert_true(range_valid(r(0, 0)));
	assert_true(range_valid(r(UINT64_MAX, 0)));
}

static void range_contains__inside_and_equal__true(void **state)
{
	(void)state;
	assert_true(range_contains(r(10, 10), r(10, 10)));
	assert_true(range_contains(r(10, 10), r(19, 1)));
	assert_true(range_contains(r(0, UINT64_MAX), r(UINT64_MAX - 1, 1)));
}

static void range_contains__straddles_an_end_or_is_empty__false(void **state)
{
	(void)state;
	assert_false(range_contains(r(10, 10), r(9, 2)));
	assert_false(range_contains(r(10, 10), r(19, 2)));
	assert_false(range_contains(r(10, 10), r(20, 1)));
	assert_false(range_contains(r(10, 10), r(12, 0)));
	assert_false(range_contains(r(10, 0), r(10, 1)));
	assert_false(range_contains(r(10, 10), r(0, UINT64_MAX)));
}

static void range_overlaps__share_a_number__true_both_ways(void **state)
{
	(void)state;
	assert_true(range_overlaps(r(10, 10), r(19, 1)));
	assert_true(range_overlaps(r(19, 1), r(10, 10)));
	assert_true(range_overlaps(r(5, 6), r(10, 10)));
	assert_true(range_overlaps(r(0, UINT64_MAX), r(UINT64_MAX - 1, 2)));
}

static void range_overlaps__adjacent_or_empty__false(void **state)
{
	(void)state;
	assert_false(range_overlaps(r(10, 10), r(20, 5)));
	assert_false(range_overlaps(r(20, 5), r(10, 10)));
	assert_false(range_overlaps(r(10, 10), r(15, 0)));
	assert_false(range_overlaps(r(15, 0), r(10, 10)));
}

static void align_up__any_value__next_multiple(void **state)
{
	(void)state;
	assert_int_equal(align_up(0, 4096), 0);
	assert_int_equal(align_up(1, 4096), 4096);
	assert_int_equal(align_up(4096, 4096), 4096);
	assert_int_equal(align_up(7, 1), 7);
}

static void bit_mask__0_to_64__that_many_ones(void **state)
{
	(void)state;
	assert_int_equal(bit_mask(0), 0);
	assert_int_equal(bit_mask(1), 1);
	assert_int_equal(bit_mask(63), UINT64_MAX >> 1);
	assert_int_equal(bit_mask(64), UINT64_MAX);
	assert_int_equal(bit_mask(200), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_valid__ends_at_2_64__is_valid),
		cmocka_unit_test(range_valid__wraps__is_invalid),
		cmocka_unit_test(range_valid__empty__is_valid_anywhere),
		cmocka_unit_test(range_contains__inside_and_equal__true),
		cmocka_unit_test(range_contains__straddles_an_end_or_is_empty__false),
		cmocka_unit_test(range_overlaps__share_a_number__true_both_ways),
		cmocka_unit_test(range_overlaps__adjacent_or_empty__false),
		cmocka_unit_test(align_up__any_value__next_multiple),
		cmocka_unit_test(bit_mask__0_to_64__that_many_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
