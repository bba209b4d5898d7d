/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/space.h"

static void space_of(struct space *s, struct machine *m, uint64_t ram)
{
	machine_init(m, ram);
	space_init(s, &m->plan, &m->mem);
}

static void refused(struct space *s, struct range r, int code, const char *text)
{
	struct err e = ERR_INIT;
	assert_int_equal(space_claim(s, r, "it", -1, &e), code);
	assert_contains(e.msg, text);
	assert_int_equal(e.kind, ERR_CONFIG);
}

static void space_claim__free_ram__taken(void **state)
{
	struct machine m;
	struct space s;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	assert_true(space_is_free(&s, (struct range){ MIB, 15 * MIB }));
	assert_int_equal(space_claim(&s, (struct range){ MIB, 15 * MIB }, "it", -1, NULL), 0);
	assert_false(space_is_free(&s, (struct range){ 2 * MIB, 1 }));
	assert_int_equal(space_used_end(&s), 16 * MIB);
	machine_done(&m);
}

static void space_claim__overlap__refused_naming_both(void **state)
{
	struct machine m;
	struct space s;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	assert_int_equal(space_claim(&s, (struct range){ MIB, 4096 }, "segment", 7, NULL), 0);
	refused(&s, (struct range){ MIB + 4095, 1 }, -EINVAL,
		"overlaps segment 7, [0x100000, 0x100fff]");
	machine_done(&m);
}

static void space_claim__not_ram__refused_with_reason(void **state)
{
	struct machine m;
	struct space s;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	refused(&s, (struct range){ 15 * MIB, MIB + 1 }, -ENOSPC,
		"needs 17 MiB of memory; the guest has 16");
	refused(&s, (struct range){ 0x9f000, 0x1000 }, -ENOSPC,
		"overlaps the legacy area [0x9fc00, 0xfffff]");
	refused(&s, (struct range){ 0xbfffffff, 2 }, -ENOSPC, "hole for devices");
	refused(&s, (struct range){ 4 * GIB, MIB }, -ENOSPC, "needs 3073 MiB");
	machine_done(&m);
}

static void space_claim__no_range__refused(void **state)
{
	struct machine m;
	struct space s;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	refused(&s, (struct range){ MIB, 0 }, -EINVAL, "no range of addresses");
	refused(&s, (struct range){ UINT64_MAX, 2 }, -EINVAL, "no range of addresses");
	machine_done(&m);
}

static void space_claim__too_many__refused(void **state)
{
	struct machine m;
	struct space s;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	for (uint64_t i = 0; i < SPACE_MAX_USED; i++)
		assert_int_equal(space_claim(&s, (struct range){ MIB + i, 1 }, "it", -1, NULL), 0);
	refused(&s, (struct range){ 8 * MIB, 1 }, -ENOSPC, "more than 192 pieces");
	machine_done(&m);
}

static void space_find_high__taken_top__next_below(void **state)
{
	struct machine m;
	struct space s;
	uint64_t base = 0;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	assert_int_equal(space_claim(&s, (struct range){ 15 * MIB + 1, 4096 }, "it", -1, NULL), 0);
	struct range all = { 0, UINT64_MAX };
	assert_int_equal(space_find_high(&s, 2 * MIB, 4096, all, &base), 0);
	assert_int_equal(base, 13 * MIB);
	assert_int_equal(space_find_high(&s, 1, 4096, all, &base), 0);
	assert_int_equal(base, 16 * MIB - 4096);
	machine_done(&m);
}

static void space_find_high__limit__below_it(void **state)
{
	struct machine m;
	struct space s;
	uint64_t base = 0;
	(void)state;
	space_of(&s, &m, 4 * GIB);
	assert_int_equal(space_find_high(&s, MIB, 4096, (struct range){ 0, 2 * GIB }, &base), 0);
	assert_int_equal(base, 2 * GIB - MIB);
	assert_int_equal(space_find_high(&s, MIB, 4096, (struct range){ 0, UINT64_MAX }, &base), 0);
	assert_int_equal(base, 5 * GIB - MIB);
	machine_done(&m);
}

static void space_find_high__only_low_memory_left__found_there(void **state)
{
	struct machine m;
	struct space s;
	uint64_t base = 1;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	assert_int_equal(space_claim(&s, (struct range){ MIB, 15 * MIB }, "it", -1, NULL), 0);
	assert_int_equal(
		space_find_high(&s, 4096, 4096, (struct range){ 0, UINT64_MAX }, &base), 0);
	assert_int_equal(base, 0x9e000);
	machine_done(&m);
}

static void space_find__too_large__refused(void **state)
{
	struct machine m;
	struct space s;
	uint64_t base = 0;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	struct range all = { 0, UINT64_MAX };
	assert_int_equal(space_find_high(&s, 15 * MIB + 1, 1, all, &base), -ENOSPC);
	assert_int_equal(space_find_low(&s, 15 * MIB + 1, 1, all, &base), -ENOSPC);
	assert_int_equal(space_find_high(&s, UINT64_MAX, 4096, all, &base), -ENOSPC);
	assert_int_equal(space_find_low(&s, UINT64_MAX, 4096, all, &base), -ENOSPC);
	machine_done(&m);
}

static void space_find_low__taken_bottom__next_above_aligned(void **state)
{
	struct machine m;
	struct space s;
	uint64_t base = 0;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	assert_int_equal(space_claim(&s, (struct range){ MIB, 5000 }, "it", -1, NULL), 0);
	assert_int_equal(space_find_low(&s, MIB, 4096, (struct range){ MIB, 3 * GIB }, &base), 0);
	assert_int_equal(base, MIB + 8192);
	machine_done(&m);
}

static void space_avoid__gap__not_handed_out(void **state)
{
	struct machine m;
	struct space s;
	uint64_t base = 0;
	(void)state;
	space_of(&s, &m, 16 * MIB);
	space_avoid(&s, (struct range){ MIB, 14 * MIB }, "the kernel");
	assert_int_equal(space_find_low(&s, MIB, 4096, (struct range){ MIB, 3 * GIB }, &base), 0);
	assert_int_equal(base, 15 * MIB);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(space_claim__free_ram__taken),
		cmocka_unit_test(space_claim__overlap__refused_naming_both),
		cmocka_unit_test(space_claim__not_ram__refused_with_reason),
		cmocka_unit_test(space_claim__no_range__refused),
		cmocka_unit_test(space_claim__too_many__refused),
		cmocka_unit_test(space_find_high__taken_top__next_below),
		cmocka_unit_test(space_find_high__limit__below_it),
		cmocka_unit_test(space_find_high__only_low_memory_left__found_there),
		cmocka_unit_test(space_find__too_large__refused),
		cmocka_unit_test(space_find_low__taken_bottom__next_above_aligned),
		cmocka_unit_test(space_avoid__gap__not_handed_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
