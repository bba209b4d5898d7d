/* SPDX-License-Identifier: MIT */
/*
 * A chip that was reset cannot be told from a fresh one: whatever a guest did before, from then on
 * both answer the same accesses alike, of any width, and do the same to the world.
 */
#include "chips.h"

#define ROUNDS 400
#define ACTS 60

static void one_round(const struct chip_kind *kind, struct fake_random *r)
{
	struct chip *a = chip_new(kind, 0, 0), *b;
	for (unsigned i = 0; i < ACTS; i++)
		(void)chip_act(a, kind, r);
	if (kind->quieten)
		kind->quieten(a);
	device_list_reset(&a->list);
	b = chip_new(kind, a->f.monotonic_ns, a->f.wall_ns);
	chip_forget_the_past(a);
	chip_forget_the_past(b);
	for (unsigned i = 0; i < ACTS; i++) {
		struct fake_random same = *r;
		assert_int_equal(chip_act(a, kind, r), chip_act(b, kind, &same));
		assert_null(chip_difference(a, b));
	}
	chip_free(a);
	chip_free(b);
}

static void chip__reset_after_random_use__as_fresh(void **state)
{
	const struct chip_kind *kind = *state;
	struct fake_random r = { 0x7265736574000001ULL };
	for (unsigned i = 0; i < ROUNDS; i++)
		one_round(kind, &r);
}

static void i8042__reset__every_ram_byte_and_a20_as_fresh(void **state)
{
	struct chip *c = chip_new(*state, 0, 0);
	for (unsigned i = 0; i < 32; i++) {
		fake_outb(&c->f, 0x64, 0x60 + i);
		fake_outb(&c->f, 0x60, 0xff);
	}
	fake_outb(&c->f, 0x92, 0); /* A20 off */
	c->dev->ops->reset(c->dev);
	for (unsigned i = 0; i < 32; i++) {
		fake_outb(&c->f, 0x64, 0x20 + i);
		assert_int_equal(fake_inb(&c->f, 0x60), i == 0 ? 0x64 : 0);
	}
	assert_int_equal(fake_inb(&c->f, 0x92), 2);
	chip_free(c);
}

int main(void)
{
	struct CMUnitTest tests[32] = { 0 };
	unsigned nr = 0;
	for (unsigned i = 0; i < nr_chip_kinds; i++) {
		void *kind = (void *)(uintptr_t)&chip_kinds[i];
		/* test_mc146818.c has what a battery keeps. */
		if (!chip_kinds[i].has_battery)
			tests[nr++] = (struct CMUnitTest){ chip_kinds[i].name,
				chip__reset_after_random_use__as_fresh, NULL, NULL, kind };
		if (strcmp(chip_kinds[i].name, "i8042") == 0)
			tests[nr++] = (struct CMUnitTest){ "i8042, every byte of RAM and A20",
				i8042__reset__every_ram_byte_and_a20_as_fresh, NULL, NULL, kind };
	}
	return _cmocka_run_group_tests("reset", tests, nr, NULL, NULL);
}
