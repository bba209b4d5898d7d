/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* A device that logs its accesses and answers reads with its fill byte, whatever the width. */
struct logged_access {
	bool write;
	unsigned region, size_bytes;
	uint64_t offset, value;
};

struct log_device {
	struct device dev;
	struct logged_access log[16];
	unsigned nr_log;
	uint8_t fill;
};

static void log_access(struct device *dev, struct logged_access a)
{
	struct log_device *d = (struct log_device *)dev;

	assert_in_range(d->nr_log, 0, 15);
	d->log[d->nr_log++] = a;
}

static uint64_t log_read(struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	log_access(dev, (struct logged_access){ false, region, size_bytes, offset, 0 });
	/* More than was asked for: the bus must cut it. */
	return UINT64_C(0x0101010101010101) * ((struct log_device *)dev)->fill;
}

static void log_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	log_access(dev, (struct logged_access){ true, region, size_bytes, offset, value });
}

static const struct device_ops log_ops = {
	.name = "logger",
	.read = log_read,
	.write = log_write,
	.reset = device_nothing,
	.quiesce = device_nothing,
	.resume = device_nothing,
	.state_version = 1,
	.save = device_save_nothing,
	.load = device_load_nothing,
	.destroy = device_nothing,
};

static struct log_device logger(enum bus_space space, uint64_t base, uint64_t size, uint8_t max)
{
	return (struct log_device){
		.dev = { .ops = &log_ops,
			.regions = { { space, { base, size }, max } },
			.nr_regions = 1 },
		.fill = 0x5a,
	};
}

static void assert_access(const struct log_device *d, unsigned i, struct logged_access want)
{
	assert_true(i < d->nr_log);
	assert_int_equal(d->log[i].write, want.write);
	assert_int_equal(d->log[i].region, want.region);
	assert_int_equal(d->log[i].size_bytes, want.size_bytes);
	assert_int_equal(d->log[i].offset, want.offset);
	assert_int_equal(d->log[i].value, want.value);
}

/* A bus of one test, empty. */
#define TEST_BUS(name, reporter)                                                                   \
	__attribute__((cleanup(bus_done))) struct bus name;                                        \
	bus_init(&name, reporter)

static void bus_claim__overlap__refused(void **state)
{
	struct log_device a = logger(BUS_PIO, 0x100, 8, 1), b = logger(BUS_PIO, 0x107, 2, 1);
	TEST_BUS(bus, NULL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(bus_claim(&bus, &a.dev, &e), 0);
	assert_int_equal(bus_claim(&bus, &b.dev, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "0x107-0x108"));
	assert_non_null(strstr(e.msg, "0x100-0x107"));
	assert_int_equal(bus_nr_claims(&bus, BUS_PIO), 1);
}

static void bus_claim__same_range_in_other_space__accepted(void **state)
{
	struct log_device a = logger(BUS_PIO, 0x100, 8, 1), b = logger(BUS_MMIO, 0x100, 8, 4);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &a.dev, NULL), 0);
	assert_int_equal(bus_claim(&bus, &b.dev, NULL), 0);
}

static void bus_claim__second_region_refused__first_not_claimed_either(void **state)
{
	struct log_device a = logger(BUS_PIO, 0x100, 8, 1), b = logger(BUS_PIO, 0x10, 1, 1);
	TEST_BUS(bus, NULL);

	(void)state;
	b.dev.regions[1] = a.dev.regions[0];
	b.dev.nr_regions = 2;
	assert_int_equal(bus_claim(&bus, &a.dev, NULL), 0);
	assert_int_equal(bus_claim(&bus, &b.dev, NULL), -EBUSY);
	assert_int_equal(bus_nr_claims(&bus, BUS_PIO), 1);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x10, 1), 0xff);
	assert_int_equal(b.nr_log, 0);
}

static void bus_claim__own_regions_overlap__refused(void **state)
{
	struct log_device a = logger(BUS_PIO, 0x100, 8, 1);
	TEST_BUS(bus, NULL);

	(void)state;
	a.dev.regions[1] = a.dev.regions[0];
	a.dev.nr_regions = 2;
	assert_int_equal(bus_claim(&bus, &a.dev, NULL), -EBUSY);
	assert_int_equal(bus_nr_claims(&bus, BUS_PIO), 0);
}

static void bus_claim__bad_range_or_width__refused(void **state)
{
	static const struct device_region bad[] = {
		{ BUS_PIO, { 0x100, 0 }, 1 },
		{ BUS_PIO, { 0xffff, 2 }, 1 },
		{ BUS_PIO, { 0x10000, 1 }, 1 },
		{ BUS_PIO, { UINT64_MAX, 1 }, 1 },
		{ BUS_MMIO, { UINT64_MAX, 2 }, 4 },
		{ BUS_PIO, { 0x100, 1 }, 0 },
		{ BUS_PIO, { 0x100, 1 }, 3 },
		{ BUS_MMIO, { 0x100, 1 }, 16 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct log_device d = logger(BUS_PIO, 0, 1, 1);
		TEST_BUS(bus, NULL);
		struct err e = ERR_INIT;

		d.dev.regions[0] = bad[i];
		assert_int_equal(bus_claim(&bus, &d.dev, &e), -EINVAL);
		assert_string_not_equal(e.msg, "");
		assert_int_equal(bus_nr_claims(&bus, bad[i].space), 0);
	}
}

#define MANY 1000

static void bus_claim__many__each_is_found(void **state)
{
	static struct log_device d[MANY];
	TEST_BUS(bus, NULL);

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		d[i] = logger(BUS_PIO, 0x1000 - i * 2, 1, 1); /* downwards, to test the sorting */
		assert_int_equal(bus_claim(&bus, &d[i].dev, NULL), 0);
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(bus_read(&bus, BUS_PIO, 0x1000 - i * 2, 1), 0x5a);
		assert_int_equal(d[i].nr_log, 1);
		assert_int_equal(bus_read(&bus, BUS_PIO, 0x1000 - i * 2 + 1, 1), 0xff);
	}
}

static void bus_move__free_range__is_there_and_nowhere_else(void **state)
{
	struct log_device a = logger(BUS_MMIO, 0x1000, 0x100, 4),
			  b = logger(BUS_MMIO, 0x2000, 8, 4);
	TEST_BUS(bus, NULL);

	(void)state;
	a.dev.regions[1] = (struct device_region){ BUS_MMIO, { 0x8000, 4 }, 4 };
	a.dev.nr_regions = 2;
	assert_int_equal(bus_claim(&bus, &a.dev, NULL), 0);
	assert_int_equal(bus_claim(&bus, &b.dev, NULL), 0);
	/* Over its own former place, too. */
	assert_int_equal(bus_move(&bus, &a.dev, 0, 0x1080, NULL), 0);
	assert_int_equal(bus_read(&bus, BUS_MMIO, 0x107c, 4), 0xffffffff);
	assert_int_equal(bus_read(&bus, BUS_MMIO, 0x1084, 4), 0x5a5a5a5a);
	assert_access(&a, 0, (struct logged_access){ false, 0, 4, 4, 0 });
	assert_int_equal(bus_read(&bus, BUS_MMIO, 0x8000, 4), 0x5a5a5a5a);
	assert_access(&a, 1, (struct logged_access){ false, 1, 4, 0, 0 });
	assert_int_equal(bus_nr_claims(&bus, BUS_MMIO), 3);
	assert_int_equal(a.dev.regions[0].range.base, 0x1080);
}

static void bus_move__taken_or_impossible__stays(void **state)
{
	struct log_device a = logger(BUS_PIO, 0x100, 8, 1), b = logger(BUS_PIO, 0x200, 8, 1);
	TEST_BUS(bus, NULL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(bus_claim(&bus, &a.dev, NULL), 0);
	assert_int_equal(bus_claim(&bus, &b.dev, NULL), 0);
	assert_int_equal(bus_move(&bus, &a.dev, 0, 0x1f9, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "0x200-0x207"));
	assert_int_equal(bus_move(&bus, &a.dev, 0, 0xfffc, &e), -EINVAL);
	assert_int_equal(a.dev.regions[0].range.base, 0x100);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x107, 1), 0x5a);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x1f9, 1), 0xff);
	assert_int_equal(bus_nr_claims(&bus, BUS_PIO), 2);
}

static void bus_release__one_of_two__its_ranges_are_free(void **state)
{
	struct log_device a = logger(BUS_PIO, 0x100, 8, 1), b = logger(BUS_PIO, 0x200, 8, 1);
	TEST_BUS(bus, NULL);

	(void)state;
	a.dev.regions[1] = (struct device_region){ BUS_MMIO, { 0x8000, 4 }, 4 };
	a.dev.nr_regions = 2;
	assert_int_equal(bus_claim(&bus, &a.dev, NULL), 0);
	assert_int_equal(bus_claim(&bus, &b.dev, NULL), 0);
	assert_int_equal(bus_release(&bus, &a.dev, NULL), 0);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x100, 1), 0xff);
	assert_int_equal(bus_read(&bus, BUS_MMIO, 0x8000, 4), 0xffffffff);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x200, 1), 0x5a);
	assert_int_equal(a.nr_log, 0);
	assert_int_equal(bus_move(&bus, &a.dev, 0, 0x300, NULL), -ENOENT);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x300, 1), 0xff);
	assert_int_equal(bus_claim(&bus, &a.dev, NULL), 0);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x100, 1), 0x5a);
}

/*
 * Threads that read and write all over the space while devices move, go and come back. A device
 * answers with its own number where it is, so that a reader sees it, or all ones, and nothing else;
 * one that is released is not called any more, which its owner's memory tells.
 */
#define NR_MOVERS 3
#define NR_ACCESSORS 4
#define SLOT_BYTES 0x100

struct mover {
	struct device dev;
	struct bus *bus;
	atomic_bool alive;
	atomic_uint wrong;
	uint8_t number;
};

static uint64_t mover_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	struct mover *m = (struct mover *)dev;

	if (!atomic_load(&m->alive) || region != 0 || offset + size_bytes > 0x10)
		(void)atomic_fetch_add(&m->wrong, 1);
	return UINT64_C(0x0101010101010101) * m->number;
}

/* As a base address register does: at another place from within the write. */
static void mover_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct mover *m = (struct mover *)dev;

	(void)region, (void)offset, (void)size_bytes;
	if (!atomic_load(&m->alive))
		(void)atomic_fetch_add(&m->wrong, 1);

	/* It may be on its way off the bus by now. */
	int rc = bus_move(m->bus, dev, 0, m->number * SLOT_BYTES + value % 0xf0, NULL);

	if (rc && rc != -ENOENT)
		(void)atomic_fetch_add(&m->wrong, 1);
}

static const struct device_ops mover_ops = {
	.name = "mover",
	.read = mover_read,
	.write = mover_write,
	.reset = device_nothing,
	.quiesce = device_nothing,
	.resume = device_nothing,
	.destroy = device_nothing,
};

struct accessor {
	struct bus *bus;
	pthread_t thread;
	atomic_bool *done;
	uint64_t seed;
	atomic_uint found;
	unsigned wrong;
};

static void *access_main(void *arg)
{
	struct accessor *a = arg;
	struct fake_random r = { a->seed };

	while (!atomic_load(a->done)) {
		unsigned number = 1 + (unsigned)fake_random_below(&r, NR_MOVERS);
		uint64_t addr = number * SLOT_BYTES + fake_random_below(&r, 0x100);

		if (fake_random_below(&r, 16) == 0) {
			bus_write(a->bus, BUS_MMIO, addr, 1, fake_random_below(&r, 256));
			continue;
		}

		uint64_t got = bus_read(a->bus, BUS_MMIO, addr, 1);

		(void)atomic_fetch_add(&a->found, got == number);
		a->wrong += got != number && got != 0xff;
	}
	return NULL;
}

static bool all_have_found(const struct accessor accessors[NR_ACCESSORS])
{
	bool all = true;

	for (unsigned i = 0; i < NR_ACCESSORS; i++)
		all &= atomic_load(&accessors[i].found) > 0;
	return all;
}

static void bus__claims_move_and_go_while_others_access__each_sees_one_map(void **state)
{
	struct mover movers[NR_MOVERS];
	struct accessor accessors[NR_ACCESSORS];
	atomic_bool done = false;
	TEST_BUS(bus, NULL);

	(void)state;
	for (unsigned i = 0; i < NR_MOVERS; i++) {
		movers[i] = (struct mover){
			.dev = { .ops = &mover_ops,
				.regions = { { BUS_MMIO, { (i + 1) * SLOT_BYTES, 0x10 }, 8 } },
				.nr_regions = 1 },
			.bus = &bus,
			.alive = true,
			.number = (uint8_t)(i + 1)
		};
		assert_int_equal(bus_claim(&bus, &movers[i].dev, NULL), 0);
	}
	for (unsigned i = 0; i < NR_ACCESSORS; i++) {
		accessors[i] = (struct accessor){ .bus = &bus, .done = &done, .seed = 77 + i };
		assert_int_equal(
			pthread_create(&accessors[i].thread, NULL, access_main, &accessors[i]), 0);
	}
	/* Until each thread had the CPU, and a device in front of it. */
	for (unsigned round = 0; round < 300 || !all_have_found(accessors); round++) {
		struct mover *m = &movers[round % NR_MOVERS];

		assert_int_equal(bus_release(&bus, &m->dev, NULL), 0);
		atomic_store(&m->alive, false);
		(void)sched_yield();
		atomic_store(&m->alive, true);
		assert_int_equal(bus_claim(&bus, &m->dev, NULL), 0);
	}
	atomic_store(&done, true);
	for (unsigned i = 0; i < NR_ACCESSORS; i++) {
		(void)pthread_join(accessors[i].thread, NULL);
		assert_int_equal(accessors[i].wrong, 0);
		assert_true(atomic_load(&accessors[i].found) > 0);
	}
	for (unsigned i = 0; i < NR_MOVERS; i++)
		assert_int_equal(atomic_load(&movers[i].wrong), 0);
}

static void bus_read__unclaimed__all_ones(void **state)
{
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x1234, 1), 0xff);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0xffff, 4), 0xffffffff);
	assert_int_equal(bus_read(&bus, BUS_MMIO, UINT64_MAX, 8), UINT64_MAX);
	assert_int_equal(bus_read(&bus, BUS_PIO, UINT64_MAX, 2), 0xffff);
}

static void bus_read__wider_than_region__split_ascending(void **state)
{
	struct log_device d = logger(BUS_PIO, 0x100, 8, 1);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &d.dev, NULL), 0);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0x102, 4), 0x5a5a5a5a);
	assert_int_equal(d.nr_log, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_access(&d, i, (struct logged_access){ false, 0, 1, 2 + i, 0 });
}

static void bus_read__straddles_end__rest_reads_ones(void **state)
{
	struct log_device d = logger(BUS_MMIO, 0x1000, 8, 4);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &d.dev, NULL), 0);
	assert_int_equal(bus_read(&bus, BUS_MMIO, 0x1006, 4), 0xffff5a5a);
	assert_access(&d, 0, (struct logged_access){ false, 0, 2, 6, 0 });
	assert_int_equal(d.nr_log, 1);
}

static void bus_read__starts_before_region__head_reads_ones(void **state)
{
	struct log_device d = logger(BUS_MMIO, 0x1000, 8, 4);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &d.dev, NULL), 0);
	assert_int_equal(bus_read(&bus, BUS_MMIO, 0xffd, 8), UINT64_C(0x5a5a5a5a5affffff));
	assert_access(&d, 0, (struct logged_access){ false, 0, 4, 0, 0 });
	assert_access(&d, 1, (struct logged_access){ false, 0, 1, 4, 0 });
}

static void bus_write__spans_two_devices__each_gets_its_bytes(void **state)
{
	struct log_device a = logger(BUS_PIO, 0x100, 2, 2), b = logger(BUS_PIO, 0x102, 2, 1);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &b.dev, NULL), 0);
	assert_int_equal(bus_claim(&bus, &a.dev, NULL), 0);
	bus_write(&bus, BUS_PIO, 0x100, 4, 0xddccbbaa);
	assert_int_equal(a.nr_log, 1);
	assert_access(&a, 0, (struct logged_access){ true, 0, 2, 0, 0xbbaa });
	assert_int_equal(b.nr_log, 2);
	assert_access(&b, 0, (struct logged_access){ true, 0, 1, 0, 0xcc });
	assert_access(&b, 1, (struct logged_access){ true, 0, 1, 1, 0xdd });
}

static void bus_write__three_bytes_left__split_in_powers_of_two(void **state)
{
	struct log_device d = logger(BUS_MMIO, 0x1000, 7, 4);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &d.dev, NULL), 0);
	bus_write(&bus, BUS_MMIO, 0x1004, 4, 0x44332211);
	assert_access(&d, 0, (struct logged_access){ true, 0, 2, 4, 0x2211 });
	assert_access(&d, 1, (struct logged_access){ true, 0, 1, 6, 0x33 });
	assert_int_equal(d.nr_log, 2);
}

static void bus_access__of_no_bytes_or_more_than_eight__none_or_eight(void **state)
{
	struct log_device d = logger(BUS_MMIO, 0x100, 16, 8);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &d.dev, NULL), 0);
	assert_int_equal(bus_read(&bus, BUS_MMIO, 0x100, 0), 0);
	bus_write(&bus, BUS_MMIO, 0x100, 0, 0x77);
	assert_int_equal(d.nr_log, 0);
	assert_int_equal(bus_read(&bus, BUS_MMIO, 0x100, 9), 0x5a5a5a5a5a5a5a5a);
	bus_write(&bus, BUS_MMIO, 0x100, UINT32_MAX, 0x77);
	assert_int_equal(d.nr_log, 2);
	assert_access(&d, 0, (struct logged_access){ false, 0, 8, 0, 0 });
	assert_access(&d, 1, (struct logged_access){ true, 0, 8, 0, 0x77 });
}

static void bus_write__value_wider_than_access__cut(void **state)
{
	struct log_device d = logger(BUS_MMIO, 0x1000, 8, 8);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &d.dev, NULL), 0);
	bus_write(&bus, BUS_MMIO, 0x1000, 2, UINT64_MAX);
	assert_access(&d, 0, (struct logged_access){ true, 0, 2, 0, 0xffff });
}

static void bus_read__region_at_end_of_space__reached(void **state)
{
	struct log_device p = logger(BUS_PIO, 0xffff, 1, 1);
	struct log_device m = logger(BUS_MMIO, UINT64_MAX, 1, 1);
	TEST_BUS(bus, NULL);

	(void)state;
	assert_int_equal(bus_claim(&bus, &p.dev, NULL), 0);
	assert_int_equal(bus_claim(&bus, &m.dev, NULL), 0);
	assert_int_equal(bus_read(&bus, BUS_PIO, 0xffff, 2), 0xff5a);
	assert_int_equal(bus_read(&bus, BUS_MMIO, UINT64_MAX - 1, 4), 0xffff5aff);
}

static void bus_access__unclaimed_and_debug_wanted__reported(void **state)
{
	struct fake_services f = { 0 };
	struct reporter r = fake_reporter(&f, REPORT_DEBUG);
	TEST_BUS(bus, &r);

	(void)state;
	(void)bus_read(&bus, BUS_PIO, 0x2e, 1);
	assert_int_equal(f.reports, 1);
	assert_non_null(strstr(f.last_report, "port 0x2e"));
	bus_write(&bus, BUS_MMIO, 0xd0000000, 4, 0x12);
	assert_int_equal(f.reports, 2);
	assert_non_null(strstr(f.last_report, "MMIO 0xd0000000"));
}

static void bus_access__unclaimed_and_debug_not_wanted__silent(void **state)
{
	struct fake_services f = { 0 };
	struct reporter r = fake_reporter(&f, REPORT_INFO);
	TEST_BUS(bus, &r);

	(void)state;
	(void)bus_read(&bus, BUS_PIO, 0x2e, 1);
	assert_int_equal(f.reports, 0);
}

/* Checks any access against a byte-by-byte model: claimed bytes answer 5ah, others ffh. */
static void bus_fuzz__random_claims_and_accesses__match_byte_model(void **state)
{
	struct fake_random r = { 0x6275735f66757a7aULL };

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		struct log_device d[8];
		TEST_BUS(bus, NULL);
		bool claimed[64] = { false };

		for (unsigned i = 0; i < ARRAY_SIZE(d); i++) {
			uint64_t base = fake_random_below(&r, 56), size = fake_random_below(&r, 9);
			bool free_range = size != 0;

			d[i] = logger(
				BUS_MMIO, base, size, (uint8_t)(1u << fake_random_below(&r, 4)));
			for (uint64_t a = base; a < base + size; a++)
				free_range = free_range && !claimed[a];
			assert_int_equal(bus_claim(&bus, &d[i].dev, NULL) == 0, free_range);
			for (uint64_t a = base; free_range && a < base + size; a++)
				claimed[a] = true;
		}
		for (unsigned i = 0; i < 50; i++) {
			unsigned size = (unsigned)fake_random_below(&r, 8) + 1;
			uint64_t addr = fake_random_below(&r, 57), want = 0;

			for (unsigned b = 0; b < size; b++)
				want |= (claimed[addr + b] ? UINT64_C(0x5a) : 0xff) << (b * 8);
			for (unsigned k = 0; k < ARRAY_SIZE(d); k++)
				d[k].nr_log = 0;
			assert_int_equal(bus_read(&bus, BUS_MMIO, addr, size), want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bus_claim__overlap__refused),
		cmocka_unit_test(bus_claim__same_range_in_other_space__accepted),
		cmocka_unit_test(bus_claim__second_region_refused__first_not_claimed_either),
		cmocka_unit_test(bus_claim__own_regions_overlap__refused),
		cmocka_unit_test(bus_claim__bad_range_or_width__refused),
		cmocka_unit_test(bus_claim__many__each_is_found),
		cmocka_unit_test(bus_move__free_range__is_there_and_nowhere_else),
		cmocka_unit_test(bus_move__taken_or_impossible__stays),
		cmocka_unit_test(bus_release__one_of_two__its_ranges_are_free),
		cmocka_unit_test(bus__claims_move_and_go_while_others_access__each_sees_one_map),
		cmocka_unit_test(bus_read__unclaimed__all_ones),
		cmocka_unit_test(bus_read__wider_than_region__split_ascending),
		cmocka_unit_test(bus_read__straddles_end__rest_reads_ones),
		cmocka_unit_test(bus_read__starts_before_region__head_reads_ones),
		cmocka_unit_test(bus_write__spans_two_devices__each_gets_its_bytes),
		cmocka_unit_test(bus_write__three_bytes_left__split_in_powers_of_two),
		cmocka_unit_test(bus_access__of_no_bytes_or_more_than_eight__none_or_eight),
		cmocka_unit_test(bus_write__value_wider_than_access__cut),
		cmocka_unit_test(bus_read__region_at_end_of_space__reached),
		cmocka_unit_test(bus_access__unclaimed_and_debug_wanted__reported),
		cmocka_unit_test(bus_access__unclaimed_and_debug_not_wanted__silent),
		cmocka_unit_test(bus_fuzz__random_claims_and_accesses__match_byte_model),
	};

	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
