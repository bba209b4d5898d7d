/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "memory/guest.h"

#include <errno.h>
#include <stdlib.h>

#define LOW_SIZE 0x2000u
#define HIGH_BASE (4 * GIB)
#define HIGH_SIZE 0x1000u

/* Two banks with a hole between; their host memory is exact, so ASan sees any step outside. */
static int set_up(void **state)
{
	struct guest_memory *mem = calloc(1, sizeof(*mem));
	if (!mem)
		return -1;
	mem->nr_regions = 2;
	mem->regions[0] = (struct guest_region){ gpa(0), LOW_SIZE, calloc(1, LOW_SIZE), false };
	mem->regions[1] =
		(struct guest_region){ gpa(HIGH_BASE), HIGH_SIZE, calloc(1, HIGH_SIZE), false };
	*state = mem;
	return mem->regions[0].hva && mem->regions[1].hva ? 0 : -1;
}

static int tear_down(void **state)
{
	struct guest_memory *mem = *state;
	free(mem->regions[0].hva);
	free(mem->regions[1].hva);
	free(mem);
	return 0;
}

static void guest_memory_borrow__within_a_bank__points_into_it(void **state)
{
	struct guest_memory *mem = *state;
	assert_ptr_equal(guest_memory_borrow(mem, gpa(0), LOW_SIZE), mem->regions[0].hva);
	assert_ptr_equal(
		guest_memory_borrow(mem, gpa(LOW_SIZE - 1), 1), mem->regions[0].hva + LOW_SIZE - 1);
	assert_ptr_equal(
		guest_memory_borrow(mem, gpa(HIGH_BASE + 16), 16), mem->regions[1].hva + 16);
}

static void guest_memory_borrow__straddles_an_end__null(void **state)
{
	struct guest_memory *mem = *state;
	assert_null(guest_memory_borrow(mem, gpa(LOW_SIZE - 1), 2));
	assert_null(guest_memory_borrow(mem, gpa(0), LOW_SIZE + 1));
	assert_null(guest_memory_borrow(mem, gpa(HIGH_BASE - 1), 2));
	assert_null(guest_memory_borrow(mem, gpa(HIGH_BASE), HIGH_SIZE + 1));
	assert_null(guest_memory_borrow(mem, gpa(0), HIGH_BASE + HIGH_SIZE)); /* over the hole */
}

static void guest_memory_borrow__wraps_or_is_empty__null(void **state)
{
	struct guest_memory *mem = *state;
	assert_null(guest_memory_borrow(mem, gpa(UINT64_MAX), 2));
	assert_null(guest_memory_borrow(mem, gpa(1), UINT64_MAX));
	assert_null(guest_memory_borrow(mem, gpa(2), UINT64_MAX));
	assert_null(guest_memory_borrow(mem, gpa(UINT64_MAX - 15), 32));
	assert_null(guest_memory_borrow(mem, gpa(0), 0));
	assert_null(guest_memory_borrow(mem, gpa(0), UINT64_MAX));
}

static void guest_memory_borrow__adjacent_banks__one_bank_at_a_time(void **state)
{
	struct guest_memory *mem = *state;
	mem->regions[1].base = gpa(LOW_SIZE);
	assert_null(guest_memory_borrow(mem, gpa(LOW_SIZE - 1), 2)); /* not adjacent in the host */
	assert_non_null(guest_memory_borrow(mem, gpa(LOW_SIZE), 1));
}

static void guest_memory_write__then_read__same_bytes(void **state)
{
	struct guest_memory *mem = *state;
	struct err e = ERR_INIT;
	char text[6] = { 0 };
	assert_int_equal(guest_memory_write(mem, gpa(LOW_SIZE - 5), "hello", 5, &e), 0);
	assert_int_equal(guest_memory_read(mem, gpa(LOW_SIZE - 5), text, 5, &e), 0);
	assert_string_equal(text, "hello");
	assert_int_equal(guest_memory_zero(mem, gpa(LOW_SIZE - 5), 4, &e), 0);
	assert_int_equal(guest_memory_read(mem, gpa(LOW_SIZE - 5), text, 5, &e), 0);
	assert_memory_equal(text, "\0\0\0\0o", 5);
}

static void guest_memory_copies__not_ram__refused_and_nothing_written(void **state)
{
	struct guest_memory *mem = *state;
	struct err e = ERR_INIT;
	char bytes[4] = "abc";
	assert_int_equal(guest_memory_write(mem, gpa(LOW_SIZE - 2), bytes, 4, &e), -EFAULT);
	assert_contains(e.msg, "gpa 0x1ffe + 0x4 bytes");
	assert_int_equal(mem->regions[0].hva[LOW_SIZE - 2], 0);
	assert_int_equal(guest_memory_read(mem, gpa(HIGH_BASE - 1), bytes, 1, &e), -EFAULT);
	assert_int_equal(guest_memory_zero(mem, gpa(UINT64_MAX), 2, &e), -EFAULT);
	assert_int_equal(guest_memory_read(mem, gpa(0), bytes, 0, NULL), -EFAULT);
	assert_string_equal(bytes, "abc");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_memory_borrow__within_a_bank__points_into_it),
		TEST(guest_memory_borrow__straddles_an_end__null),
		TEST(guest_memory_borrow__wraps_or_is_empty__null),
		TEST(guest_memory_borrow__adjacent_banks__one_bank_at_a_time),
		TEST(guest_memory_write__then_read__same_bytes),
		TEST(guest_memory_copies__not_ram__refused_and_nothing_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
