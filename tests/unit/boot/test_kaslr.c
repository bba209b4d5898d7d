/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/kaslr.h"

#define ALIGN (2 * MIB)

static struct kaslr_image image_64(uint64_t size)
{
	return (struct kaslr_image){
		.is_64_bit = true, .linked = 16 * MIB, .size = size, .alignment = ALIGN
	};
}

static struct space space_of(struct machine *m, uint64_t ram)
{
	struct space s;
	machine_init(m, ram);
	space_init(&s, &m->plan, &m->mem);
	return s;
}

static struct kaslr_slots slots_of(
	const struct space *s, const struct kaslr_image *image, const char *cmdline)
{
	struct kaslr_limits limits;
	struct kaslr_slots slots;
	kaslr_limits_parse(&limits, cmdline);
	kaslr_slots_find(&slots, image, &limits, s);
	return slots;
}

/* All that may be chosen, found without looking at slots: by trying each aligned address. */
static uint64_t count_free(const struct space *s, const struct kaslr_image *image, uint64_t end)
{
	uint64_t n = 0;
	for (uint64_t at = 16 * MIB; at + image->size <= end; at += image->alignment)
		n += space_is_free(s, (struct range){ at, image->size });
	return n;
}

/* As many random numbers as slots choose each slot once, all of them free. */
static void expect_uniform(const struct space *s, const struct kaslr_image *image, uint64_t end)
{
	struct kaslr_slots slots = slots_of(s, image, "");
	uint64_t before = 0;
	assert_int_equal(slots.nr, count_free(s, image, end));
	for (uint64_t i = 0; i < slots.nr; i++) {
		uint64_t at = kaslr_physical(&slots, i);
		assert_true(at > before);
		assert_int_equal(at % image->alignment, 0);
		assert_true(space_is_free(s, (struct range){ at, image->size }));
		assert_int_equal(kaslr_physical(&slots, i + 1000 * slots.nr), at);
		before = at;
	}
}

static void kaslr_physical__each_number__each_free_place_once(void **state)
{
	struct machine m;
	struct space s = space_of(&m, 256 * MIB);
	struct kaslr_image image = image_64(50 * MIB + 4096);
	(void)state;
	expect_uniform(&s, &image, 256 * MIB);
	/* Things in the way: at odd places, and overlapping one another. */
	assert_int_equal(space_claim(&s, (struct range){ 100 * MIB + 5, 3 }, "it", -1, NULL), 0);
	assert_int_equal(
		space_claim(&s, (struct range){ 250 * MIB, 6 * MIB }, "initrd", -1, NULL), 0);
	space_avoid(&s, (struct range){ 99 * MIB, 2 * MIB }, "that");
	expect_uniform(&s, &image, 256 * MIB);
	image.alignment = 16 * MIB;
	expect_uniform(&s, &image, 256 * MIB);
	machine_done(&m);
}

static void kaslr_physical__more_than_4_gib__above_too_and_not_in_the_hole(void **state)
{
	struct machine m;
	struct space s = space_of(&m, 6 * GIB);
	struct kaslr_image image = image_64(64 * MIB);
	(void)state;
	expect_uniform(&s, &image, 7 * GIB);
	struct kaslr_slots slots = slots_of(&s, &image, "");
	assert_int_equal(kaslr_physical(&slots, 0), 16 * MIB);
	assert_int_equal(kaslr_physical(&slots, slots.nr - 1), 7 * GIB - 64 * MIB);
	machine_done(&m);
}

static void kaslr_slots_find__small_ram__one_slot_or_none(void **state)
{
	struct machine m;
	struct space s = space_of(&m, 48 * MIB);
	struct kaslr_image image = image_64(32 * MIB);
	(void)state;
	struct kaslr_slots slots = slots_of(&s, &image, "");
	assert_int_equal(slots.nr, 1);
	assert_int_equal(kaslr_physical(&slots, UINT64_MAX), 16 * MIB);
	image.size++;
	assert_int_equal(slots_of(&s, &image, "").nr, 0);
	machine_done(&m);
}

static void kaslr_slots_find__linked_above_512_mib__from_512_mib_on(void **state)
{
	struct machine m;
	struct space s = space_of(&m, 2 * GIB);
	struct kaslr_image image = image_64(GIB / 4);
	(void)state;
	image.linked = GIB;
	struct kaslr_slots slots = slots_of(&s, &image, "");
	assert_int_equal(kaslr_physical(&slots, 0), 512 * MIB);
	machine_done(&m);
}

static void kaslr_slots_find__32_bit_kernel__below_512_mib(void **state)
{
	struct machine m;
	struct space s = space_of(&m, 2 * GIB);
	struct kaslr_image image = image_64(16 * MIB);
	(void)state;
	image.is_64_bit = false;
	struct kaslr_slots slots = slots_of(&s, &image, "");
	assert_int_equal(kaslr_physical(&slots, slots.nr - 1), 496 * MIB);
	machine_done(&m);
}

static uint64_t last_place(const char *cmdline, unsigned *ret_areas)
{
	struct machine m;
	struct space s = space_of(&m, 512 * MIB);
	struct kaslr_image image = image_64(16 * MIB);
	struct kaslr_slots slots = slots_of(&s, &image, cmdline);
	*ret_areas = slots.nr_areas;
	machine_done(&m);
	return slots.nr ? kaslr_physical(&slots, slots.nr - 1) : 0;
}

static void kaslr_slots_find__memory_words__obeyed_as_linux_does(void **state)
{
	static const struct {
		const char *cmdline;
		uint64_t last;
		unsigned nr_areas;
	} rows[] = {
		{ "quiet", 496 * MIB, 1 },
		{ "mem=256M quiet", 240 * MIB, 1 },
		{ "mem=0x10000000", 240 * MIB, 1 },
		{ "mem=2000000000", 496 * MIB, 1 },
		{ "mem=64m mem=128m", 48 * MIB, 1 },
		{ "mem=nopentium", 496 * MIB, 1 },
		{ "mem=0 mem=64M", 496 * MIB, 1 }, /* the rest is not looked at */
		{ "-- mem=64M", 496 * MIB, 1 },
		{ "\"mem=256M\"", 240 * MIB, 1 },
		{ "mem=\"256M\"", 240 * MIB, 1 },
		{ "x=\"a mem=256M\"", 496 * MIB, 1 },
		{ "mem", 496 * MIB, 1 },
		{ "memmap=256M", 240 * MIB, 1 },
		{ "memmap=1M$100M", 496 * MIB, 2 },
		{ "memmap=1M#100M,1M!200M", 496 * MIB, 3 },
		{ "memmap=1M@100M", 496 * MIB, 1 },
		{ "memmap=exactmap,256M", 496 * MIB, 1 },
		{ "memmap=16M$496M", 480 * MIB, 1 },
		{ "memmap=1$100M,1$200M,1$300M,1$400M", 496 * MIB, 5 },
		{ "memmap=1$100M,1$200M,1$300M,1$400M,1$450M", 0, 0 },
		{ "memmap=0xffffffffffffffff$100M", 84 * MIB, 1 },
		{ "mem=1M", 0, 0 },
		{ "mem=E", 496 * MIB, 1 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		unsigned areas;
		uint64_t last = last_place(rows[i].cmdline, &areas);
		if (last != rows[i].last || areas != rows[i].nr_areas)
			fail_msg("%s: last place %llx in %u areas", rows[i].cmdline,
				(unsigned long long)last, areas);
	}
}

static void kaslr_slots_find__huge_pages__whole_gib_left(void **state)
{
	struct machine m;
	struct space s = space_of(&m, 3 * GIB);
	struct kaslr_image image = image_64(64 * MIB);
	(void)state;
	struct kaslr_slots slots = slots_of(&s, &image, "hugepagesz=1G hugepages=1");
	assert_int_equal(slots.nr_areas, 2);
	assert_int_equal(slots.areas[1].base, 2 * GIB);
	assert_int_equal(slots.nr, slots_of(&s, &image, "").nr - 512 - 31);
	/* Of another size, or none that is whole: nothing is left. */
	assert_int_equal(slots_of(&s, &image, "hugepagesz=2M hugepages=1").nr_areas, 1);
	assert_int_equal(slots_of(&s, &image, "hugepages=1").nr_areas, 1);
	machine_done(&m);
}

static void kaslr_virtual__each_number__each_place_once(void **state)
{
	struct kaslr_image image = image_64(50 * MIB + 1);
	uint64_t slots = (GIB - 16 * MIB - 52 * MIB) / ALIGN + 1;
	(void)state;
	assert_true(kaslr_has_virtual(&image));
	for (uint64_t i = 0; i < slots; i++) {
		assert_int_equal(kaslr_virtual(&image, i), 16 * MIB + i * ALIGN);
		assert_int_equal(kaslr_virtual(&image, i + 7 * slots), 16 * MIB + i * ALIGN);
	}
	assert_int_equal(16 * MIB + (slots - 1) * ALIGN + 52 * MIB, GIB);
}

static void kaslr_has_virtual__too_large__false(void **state)
{
	struct kaslr_image image = image_64(GIB - 16 * MIB);
	(void)state;
	assert_true(kaslr_has_virtual(&image));
	assert_int_equal(kaslr_virtual(&image, UINT64_MAX), 16 * MIB);
	image.size++;
	assert_false(kaslr_has_virtual(&image));
	image = image_64(UINT64_MAX);
	assert_false(kaslr_has_virtual(&image));
	image = image_64(4096);
	image.linked = UINT64_MAX;
	assert_false(kaslr_has_virtual(&image));
	image.linked = 16 * MIB;
	image.alignment = UINT64_C(1) << 31;
	assert_false(kaslr_has_virtual(&image));
	image = image_64(512 * MIB - 16 * MIB);
	image.is_64_bit = false;
	assert_true(kaslr_has_virtual(&image));
	image.size++;
	assert_false(kaslr_has_virtual(&image));
}

static void kaslr_is_forbidden__as_linux_looks_for_it(void **state)
{
	static const char *const yes[] = { "nokaslr", "quiet nokaslr", "nokaslr quiet",
		"\tnokaslr\n", "-- nokaslr", "\" nokaslr \"", "nokaslrx nokaslr",
		"console=ttyS0 nokaslr panic=1" };
	/* The last two: Linux's code loses the word behind one that agrees up to its end. */
	static const char *const no[] = { "", "kaslr", "nokaslr=1", "nokaslrx", "xnokaslr",
		"NOKASLR", "\"nokaslr\"", "nokasl", "n nokaslr", "nokasl nokaslr" };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (!kaslr_is_forbidden(yes[i]))
			fail_msg("missed: %s", yes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		if (kaslr_is_forbidden(no[i]))
			fail_msg("found: %s", no[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kaslr_physical__each_number__each_free_place_once),
		cmocka_unit_test(kaslr_physical__more_than_4_gib__above_too_and_not_in_the_hole),
		cmocka_unit_test(kaslr_slots_find__small_ram__one_slot_or_none),
		cmocka_unit_test(kaslr_slots_find__linked_above_512_mib__from_512_mib_on),
		cmocka_unit_test(kaslr_slots_find__32_bit_kernel__below_512_mib),
		cmocka_unit_test(kaslr_slots_find__memory_words__obeyed_as_linux_does),
		cmocka_unit_test(kaslr_slots_find__huge_pages__whole_gib_left),
		cmocka_unit_test(kaslr_virtual__each_number__each_place_once),
		cmocka_unit_test(kaslr_has_virtual__too_large__false),
		cmocka_unit_test(kaslr_is_forbidden__as_linux_looks_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
