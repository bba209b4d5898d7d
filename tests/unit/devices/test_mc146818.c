/* SPDX-License-Identifier: MIT */
#include "fake_services.h"

#include "devices/mc146818.h"

#include <stdlib.h>

#define PORT 0x70
#define GSI 8
#define SECOND UINT64_C(1000000000)
/* 2024-02-28 23:59:58 UTC, a Wednesday before a leap day. */
#define WALL_START (UINT64_C(1709164798) * SECOND)

#define B_24H 0x02u
#define B_BINARY 0x04u
#define B_SQWE 0x08u
#define B_UIE 0x10u
#define B_AIE 0x20u
#define B_PIE 0x40u
#define B_SET 0x80u
#define A_NORMAL 0x26u

enum {
	SEC = 0,
	SEC_ALARM = 1,
	MIN = 2,
	MIN_ALARM = 3,
	HOUR = 4,
	HOUR_ALARM = 5,
	WDAY = 6,
	DAY = 7
};
enum { MONTH = 8, YEAR = 9, REG_A = 10, REG_B = 11, REG_C = 12, REG_D = 13, CENTURY = 0x32 };

struct fixture {
	struct fake_services f;
	struct mc146818 *rtc;
};

static void create(struct fixture *x)
{
	const struct mc146818_config cfg = {
		.port = PORT,
		.irq = fake_irq(&x->f, GSI),
		.clock = fake_clock(&x->f),
		.timers = fake_timers(&x->f),
		.ram_below_4g_bytes = 3 * GIB,
		.ram_above_4g_bytes = 5 * GIB,
	};

	assert_int_equal(mc146818_create(&x->rtc, &cfg, NULL), 0);
	fake_claim(&x->f, mc146818_device(x->rtc));
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->f.monotonic_ns = 5 * SECOND;
	x->f.wall_ns = WALL_START;
	create(x);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	fake_destroy(&x->f, mc146818_device(x->rtc));
	free(x);
	return 0;
}

static uint8_t rd(struct fixture *x, unsigned reg)
{
	fake_outb(&x->f, PORT, reg);
	return fake_inb(&x->f, PORT + 1);
}

static void wr(struct fixture *x, unsigned reg, unsigned value)
{
	fake_outb(&x->f, PORT, reg);
	fake_outb(&x->f, PORT + 1, value);
}

/* Lets time pass, and the event loop run at each deadline on the way. */
static void pass(struct fixture *x, uint64_t ns)
{
	uint64_t end = x->f.monotonic_ns + ns;

	while (x->f.deadline_ns != 0 && x->f.deadline_ns <= end) {
		uint64_t at = x->f.deadline_ns;

		if (at > x->f.monotonic_ns)
			fake_advance(&x->f, at - x->f.monotonic_ns);
		assert_true(fake_run_timer(&x->f));
	}
	fake_advance(&x->f, end - x->f.monotonic_ns);
}

static void assert_date(struct fixture *x, const uint8_t *want /* s m h wd d mo y century */)
{
	static const unsigned regs[8] = { SEC, MIN, HOUR, WDAY, DAY, MONTH, YEAR, CENTURY };

	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(rd(x, regs[i]), want[i]);
}

static void mc146818__power_on__host_utc_in_bcd(void **state)
{
	assert_date(*state, (const uint8_t[8]){ 0x58, 0x59, 0x23, 4, 0x28, 0x02, 0x24, 0x20 });
}

static void mc146818__two_seconds_later__leap_day(void **state)
{
	struct fixture *x = *state;

	pass(x, 2 * SECOND);
	assert_date(x, (const uint8_t[8]){ 0x00, 0x00, 0x00, 5, 0x29, 0x02, 0x24, 0x20 });
	pass(x, 86400 * SECOND);
	assert_date(x, (const uint8_t[8]){ 0x00, 0x00, 0x00, 6, 0x01, 0x03, 0x24, 0x20 });
}

static void mc146818__binary_mode__plain_numbers(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_B, B_24H | B_BINARY);
	assert_date(x, (const uint8_t[8]){ 58, 59, 23, 4, 28, 2, 24, 20 });
}

static void mc146818__12_hour_mode__pm_bit_and_twelve(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_B, 0);
	assert_int_equal(rd(x, HOUR), 0x91);
	pass(x, 2 * SECOND);
	assert_int_equal(rd(x, HOUR), 0x12);
	pass(x, 12 * 3600 * SECOND);
	assert_int_equal(rd(x, HOUR), 0x92);
	pass(x, 3600 * SECOND);
	assert_int_equal(rd(x, HOUR), 0x81);
}

static void set_date(
	struct fixture *x, unsigned century, unsigned year, unsigned month, unsigned day)
{
	wr(x, CENTURY, century);
	wr(x, YEAR, year);
	wr(x, MONTH, month);
	wr(x, DAY, day);
}

static void mc146818__time_set__runs_on_from_there(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_B, B_24H | B_SET);
	set_date(x, 0x19, 0x99, 0x12, 0x31);
	wr(x, HOUR, 0x23);
	wr(x, MIN, 0x59);
	wr(x, SEC, 0x59);
	pass(x, 10 * SECOND); /* stands still meanwhile */
	assert_int_equal(rd(x, SEC), 0x59);
	wr(x, REG_B, B_24H);
	assert_date(x, (const uint8_t[8]){ 0x59, 0x59, 0x23, 6, 0x31, 0x12, 0x99, 0x19 });
	pass(x, SECOND);
	assert_date(x, (const uint8_t[8]){ 0x00, 0x00, 0x00, 7, 0x01, 0x01, 0x00, 0x20 });
}

static void mc146818__12_hour_time_set__decoded(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_B, B_SET);
	wr(x, HOUR, 0x92); /* noon */
	wr(x, REG_B, 0);
	wr(x, REG_B, B_24H);
	assert_int_equal(rd(x, HOUR), 0x12);
	wr(x, REG_B, B_SET);
	wr(x, HOUR, 0x12); /* midnight */
	wr(x, REG_B, 0);
	wr(x, REG_B, B_24H);
	assert_int_equal(rd(x, HOUR), 0x00);
}

static void mc146818__byte_set_without_halting__taken(void **state)
{
	struct fixture *x = *state;

	wr(x, YEAR, 0x30);
	assert_date(x, (const uint8_t[8]){ 0x58, 0x59, 0x23, 5, 0x28, 0x02, 0x30, 0x20 });
}

static void mc146818__garbage_time__carried_over_on_release(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_B, B_24H | B_SET);
	set_date(x, 0xff, 0xff, 0xff, 0xff);
	assert_int_equal(rd(x, MONTH), 0xff);
	wr(x, REG_B, B_24H);
	assert_in_range(rd(x, MONTH), 0x01, 0x12);
	assert_in_range(rd(x, DAY), 0x01, 0x31);
	wr(x, REG_B, B_24H | B_SET);
	set_date(x, 0, 0, 0, 0);
	wr(x, REG_B, B_24H);
	assert_date(x, (const uint8_t[8]){ 0x58, 0x59, 0x23, 3, 0x30, 0x11, 0x99, 0x99 });
}

static void mc146818__wall_clock_corrected__guest_follows(void **state)
{
	struct fixture *x = *state;

	x->f.wall_ns -= 30 * SECOND;
	assert_int_equal(rd(x, SEC), 0x28);
	x->f.wall_ns += 31 * SECOND;
	assert_int_equal(rd(x, SEC), 0x59);
}

static void mc146818__before_update__uip_for_2228_us(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(rd(x, REG_A), A_NORMAL);
	pass(x, SECOND - 2228001);
	assert_int_equal(rd(x, REG_A), A_NORMAL);
	pass(x, 1);
	assert_int_equal(rd(x, REG_A), A_NORMAL | 0x80);
	pass(x, 2227999);
	assert_int_equal(rd(x, REG_A), A_NORMAL | 0x80);
	pass(x, 1);
	assert_int_equal(rd(x, REG_A), A_NORMAL);
	wr(x, REG_B, B_24H | B_SET);
	pass(x, SECOND - 1);
	assert_int_equal(rd(x, REG_A), A_NORMAL); /* halted: no update in progress */
}

static void mc146818__divider_reset__first_update_after_half_a_second(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_A, 0x70 | 6);
	pass(x, 3 * SECOND + 123);
	assert_int_equal(rd(x, SEC), 0x58);
	wr(x, REG_A, A_NORMAL);
	pass(x, SECOND / 2 - 1);
	assert_int_equal(rd(x, SEC), 0x58);
	pass(x, 1);
	assert_int_equal(rd(x, SEC), 0x59);
}

static void mc146818__divider_reset_late_in_a_second__second_not_lost(void **state)
{
	struct fixture *x = *state;

	pass(x, SECOND * 7 / 10);
	wr(x, REG_A, 0x70 | 6);
	wr(x, REG_A, A_NORMAL);
	assert_int_equal(rd(x, SEC), 0x58);
	pass(x, SECOND / 2);
	assert_int_equal(rd(x, SEC), 0x59);
}

static void mc146818__update_interrupt__every_second_until_c_read(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_B, B_24H | B_UIE);
	pass(x, SECOND - 1);
	assert_false(x->f.irq_level[GSI]);
	pass(x, 1);
	assert_true(x->f.irq_level[GSI]);
	pass(x, 5 * SECOND); /* not read: no new edge, no timer */
	assert_int_equal(x->f.irq_rises[GSI], 1);
	assert_int_equal(x->f.deadline_ns, 0);
	assert_int_equal(rd(x, REG_C) & 0x90, 0x90);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(rd(x, REG_C), 0);
	pass(x, SECOND);
	assert_int_equal(x->f.irq_rises[GSI], 2);
}

static void mc146818__set_written__update_interrupt_disabled(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_B, B_24H | B_UIE | B_SET);
	assert_int_equal(rd(x, REG_B), B_24H | B_SET);
	assert_int_equal(x->f.deadline_ns, 0);
}

static void mc146818__nothing_enabled__no_timer_but_flags_polled(void **state)
{
	struct fixture *x = *state;

	(void)rd(x, REG_C);
	pass(x, SECOND);
	assert_int_equal(x->f.deadline_ns, 0);
	assert_int_equal(rd(x, REG_C), 0x50); /* PF and UF, no IRQF */
	assert_int_equal(x->f.irq_rises[GSI], 0);
}

static void mc146818__alarm__at_its_second(void **state)
{
	struct fixture *x = *state;

	wr(x, SEC_ALARM, 0x05);
	wr(x, MIN_ALARM, 0x01);
	wr(x, HOUR_ALARM, 0x00);
	(void)rd(x, REG_C);
	wr(x, REG_B, B_24H | B_AIE);
	pass(x, 67 * SECOND - 1);
	assert_false(x->f.irq_level[GSI]);
	pass(x, 1);
	assert_true(x->f.irq_level[GSI]);
	assert_int_equal(rd(x, REG_C) & 0xa0, 0xa0);
	pass(x, 86400 * SECOND - 1);
	assert_int_equal(x->f.irq_rises[GSI], 1);
	pass(x, 1);
	assert_int_equal(x->f.irq_rises[GSI], 2);
}

static void mc146818__alarm_bytes_all_wild__every_second(void **state)
{
	struct fixture *x = *state;

	wr(x, SEC_ALARM, 0xff);
	wr(x, MIN_ALARM, 0xc0);
	wr(x, HOUR_ALARM, 0xc0);
	wr(x, REG_B, B_24H | B_AIE);
	for (unsigned i = 0; i < 3; i++) {
		(void)rd(x, REG_C);
		pass(x, SECOND);
	}
	assert_int_equal(x->f.irq_rises[GSI], 3);
}

static void mc146818__alarm_impossible__never(void **state)
{
	struct fixture *x = *state;

	wr(x, SEC_ALARM, 0x7f);
	wr(x, MIN_ALARM, 0xc0);
	wr(x, HOUR_ALARM, 0xc0);
	wr(x, REG_B, B_24H | B_AIE);
	assert_int_equal(x->f.deadline_ns, 0);
	wr(x, SEC_ALARM, 0x00);
	wr(x, MIN_ALARM, 0x60);
	assert_int_equal(x->f.deadline_ns, 0);
	pass(x, 2 * 86400 * SECOND);
	assert_int_equal(x->f.irq_rises[GSI], 0);
}

static void mc146818__alarm_and_wall_clock_set_forward__noticed_within_a_minute(void **state)
{
	struct fixture *x = *state;

	wr(x, SEC_ALARM, 0x00);
	wr(x, MIN_ALARM, 0x00);
	wr(x, HOUR_ALARM, 0x02);
	wr(x, REG_B, B_24H | B_AIE);
	pass(x, 3600 * SECOND);
	x->f.wall_ns += 3600 * SECOND;
	pass(x, 60 * SECOND);
	assert_int_equal(x->f.irq_rises[GSI], 1);
}

static unsigned ticks_in_a_second(struct fixture *x)
{
	unsigned ticks = 0;

	for (unsigned i = 0; i < 10000; i++) {
		pass(x, SECOND / 10000);
		if (x->f.irq_level[GSI]) {
			assert_int_equal(rd(x, REG_C) & 0xc0, 0xc0);
			ticks++;
		}
	}
	return ticks;
}

static void mc146818__periodic_rates__ticks_counted(void **state)
{
	struct fixture *x = *state;
	static const unsigned rates[][2] = { { 1, 256 }, { 2, 128 }, { 6, 1024 }, { 15, 2 } };

	wr(x, REG_B, B_24H | B_PIE);
	for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
		wr(x, REG_A, 0x20 | rates[i][0]);
		(void)rd(x, REG_C);
		assert_int_equal(ticks_in_a_second(x), rates[i][1]);
	}
}

static void mc146818__periodic_rate_zero_or_divider_reset__none(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_A, 0x20);
	wr(x, REG_B, B_24H | B_PIE);
	(void)rd(x, REG_C);
	assert_int_equal(x->f.deadline_ns, 0);
	wr(x, REG_A, 0x66);
	assert_int_equal(x->f.deadline_ns, 0);
	pass(x, SECOND);
	assert_int_equal(rd(x, REG_C), 0);
}

static void mc146818__index_with_nmi_bit__same_register(void **state)
{
	struct fixture *x = *state;

	wr(x, 0x80 | 0x40, 0x77);
	assert_int_equal(rd(x, 0x40), 0x77);
	assert_int_equal(fake_inb(&x->f, PORT), 0xff);
}

static void mc146818__read_only_registers__unchanged(void **state)
{
	struct fixture *x = *state;

	wr(x, REG_D, 0);
	assert_int_equal(rd(x, REG_D), 0x80);
	(void)rd(x, REG_C);
	wr(x, REG_C, 0xff);
	assert_int_equal(rd(x, REG_C), 0);
}

static void mc146818__cmos_memory_sizes__as_firmware_writes_them(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(rd(x, 0x15) | rd(x, 0x16) << 8, 640);
	assert_int_equal(rd(x, 0x17) | rd(x, 0x18) << 8, 0xffff);
	assert_int_equal(rd(x, 0x30) | rd(x, 0x31) << 8, 0xffff);
	assert_int_equal(rd(x, 0x34) | rd(x, 0x35) << 8, (3 * 1024 - 16) * 16);
	assert_int_equal(rd(x, 0x5b) | rd(x, 0x5c) << 8 | rd(x, 0x5d) << 16, 5 * 1024 * 16);
}

static void mc146818__small_memory__sizes_exact(void **state)
{
	struct fixture x = { .f.wall_ns = WALL_START };
	struct mc146818_config cfg = {
		.port = PORT,
		.irq = fake_irq(&x.f, GSI),
		.clock = fake_clock(&x.f),
		.timers = fake_timers(&x.f),
		.ram_below_4g_bytes = 17 * MIB,
	};
	struct mc146818 *rtc = NULL;
	assert_int_equal(mc146818_create(&rtc, &cfg, NULL), 0);

	(void)state;
	fake_claim(&x.f, mc146818_device(rtc));
	assert_int_equal(rd(&x, 0x17) | rd(&x, 0x18) << 8, 16 * 1024);
	assert_int_equal(rd(&x, 0x34) | rd(&x, 0x35) << 8, 16);
	assert_int_equal(rd(&x, 0x5b) | rd(&x, 0x5c) << 8 | rd(&x, 0x5d) << 16, 0);
	fake_destroy(&x.f, mc146818_device(rtc));
}

static void mc146818__reset__interrupts_off_time_and_ram_kept(void **state)
{
	struct fixture *x = *state;
	struct device *dev = mc146818_device(x->rtc);

	wr(x, 0x40, 0x99);
	wr(x, 0x17, 0x00);
	wr(x, REG_B, B_BINARY | B_SET);
	wr(x, YEAR, 77);
	wr(x, REG_B, B_BINARY | B_UIE | B_SET);
	dev->ops->reset(dev);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(x->f.deadline_ns, 0);
	assert_int_equal(rd(x, REG_B), B_24H | B_BINARY);
	assert_int_equal(rd(x, YEAR), 77);
	assert_int_equal(rd(x, 0x40), 0x99);
	assert_int_equal(rd(x, 0x17), 0xff);
}

/* What RESET keeps: time, alarm, RAM, binary or BCD; the rest is as on a fresh chip, whatever was
 * before. */
static void mc146818__reset_after_random_use__registers_as_fresh_and_ram_kept(void **state)
{
	struct fixture *x = *state;
	struct device *dev = mc146818_device(x->rtc);
	struct fake_random r = { 0x727463207265736fULL };

	for (unsigned i = 0; i < 2000; i++) {
		uint8_t kept[2];

		for (unsigned j = 0; j < 20; j++) {
			fake_outb(&x->f, PORT + (unsigned)fake_random_below(&r, 2),
				(unsigned)fake_random(&r) & 0xff);
			pass(x, fake_random_below(&r, SECOND));
		}
		kept[0] = rd(x, MIN_ALARM);
		kept[1] = rd(x, 0x7f);
		fake_outb(&x->f, PORT, REG_D);
		dev->ops->reset(dev);
		assert_false(x->f.irq_level[GSI]);
		assert_int_equal(x->f.deadline_ns, 0);
		assert_true(fake_inb(&x->f, PORT + 1) < 0x60); /* the index is 0: seconds */
		assert_int_equal(rd(x, REG_A) & 0x7f, A_NORMAL);
		assert_int_equal(rd(x, REG_B) & ~B_BINARY, B_24H);
		assert_int_equal(rd(x, REG_C), 0);
		assert_int_equal(rd(x, MIN_ALARM), kept[0]);
		assert_int_equal(rd(x, 0x7f), kept[1]);
	}
}

static void mc146818__reset__time_goes_on(void **state)
{
	struct fixture *x = *state;
	struct device *dev = mc146818_device(x->rtc);

	pass(x, SECOND * 7 / 2); /* from second 58 on */
	dev->ops->reset(dev);
	assert_int_equal(rd(x, SEC), 1);
	pass(x, SECOND / 2);
	assert_int_equal(rd(x, SEC), 2);
}

static void mc146818__reset__enables_square_wave_and_shutdown_code_cleared(void **state)
{
	struct fixture *x = *state;
	struct device *dev = mc146818_device(x->rtc);

	wr(x, REG_B, B_24H | B_SQWE | B_UIE | B_AIE | B_PIE);
	wr(x, 0x0f, 0x0a);
	pass(x, 2 * SECOND);
	assert_true(x->f.irq_level[GSI]);
	dev->ops->reset(dev);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(rd(x, REG_B), B_24H);
	assert_int_equal(rd(x, REG_C), 0);
	assert_int_equal(rd(x, 0x0f), 0);
}

static void mc146818__reset__goes_on_at_the_time_set(void **state)
{
	struct fixture *x = *state;
	struct device *dev = mc146818_device(x->rtc);

	assert_date(x, (const uint8_t[8]){ 0x58, 0x59, 0x23, 4, 0x28, 0x02, 0x24, 0x20 });
	wr(x, YEAR, 0x99);
	wr(x, CENTURY, 0x19);
	wr(x, 0x7f, 0xa5);
	wr(x, REG_B, B_24H | B_AIE);
	pass(x, SECOND / 2);
	dev->ops->reset(dev);
	pass(x, SECOND / 2); /* … and not a whole second from the reset on */
	/* 1999-02-28 is a Sunday. */
	assert_date(x, (const uint8_t[8]){ 0x59, 0x59, 0x23, 1, 0x28, 0x02, 0x99, 0x19 });
	assert_int_equal(rd(x, 0x7f), 0xa5);
	assert_int_equal(rd(x, REG_B), B_24H);
	pass(x, SECOND);
	assert_date(x, (const uint8_t[8]){ 0x00, 0x00, 0x00, 2, 0x01, 0x03, 0x99, 0x19 });
}

static void mc146818__timer_called_for_nothing__harmless(void **state)
{
	struct fixture *x = *state;

	x->f.timer_fn(x->f.timer_ctx);
	assert_false(x->f.irq_level[GSI]);
	assert_int_equal(x->f.deadline_ns, 0);
}

static void mc146818_fuzz__random_accesses__line_is_irqf(void **state)
{
	struct fixture *x = *state;
	struct fake_random r = { 0x6d63313436383138ULL };

	for (unsigned i = 0; i < FAKE_FUZZ_STEPS; i++) {
		unsigned choice = (unsigned)fake_random_below(&r, 8);
		bool level;

		if (choice == 0)
			wr(x, REG_A + (unsigned)fake_random_below(&r, 2),
				(unsigned)fake_random(&r));
		else if (choice == 1)
			pass(x, fake_random_below(&r, 3 * SECOND / 1000));
		else if (choice == 2 && i % 50 == 0)
			pass(x, fake_random_below(&r, 3 * SECOND));
		else if (choice == 3 && i % 10 == 0)
			x->f.wall_ns += fake_random_below(&r, 100 * SECOND) - 40 * SECOND;
		else if (choice == 4)
			wr(x, (unsigned)fake_random(&r), (unsigned)fake_random(&r));
		else
			fake_random_access(&x->f, &r, BUS_PIO, PORT, 2);
		if (choice != 5)
			continue;
		/* The host's clock may have jumped over an alarm; look there first. */
		(void)rd(x, REG_A);
		level = x->f.irq_level[GSI];
		assert_int_equal(rd(x, REG_C) >> 7, level);
		assert_false(x->f.irq_level[GSI]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(mc146818__power_on__host_utc_in_bcd),
		T(mc146818__two_seconds_later__leap_day),
		T(mc146818__binary_mode__plain_numbers),
		T(mc146818__12_hour_mode__pm_bit_and_twelve),
		T(mc146818__time_set__runs_on_from_there),
		T(mc146818__12_hour_time_set__decoded),
		T(mc146818__byte_set_without_halting__taken),
		T(mc146818__garbage_time__carried_over_on_release),
		T(mc146818__wall_clock_corrected__guest_follows),
		T(mc146818__before_update__uip_for_2228_us),
		T(mc146818__divider_reset__first_update_after_half_a_second),
		T(mc146818__divider_reset_late_in_a_second__second_not_lost),
		T(mc146818__update_interrupt__every_second_until_c_read),
		T(mc146818__set_written__update_interrupt_disabled),
		T(mc146818__nothing_enabled__no_timer_but_flags_polled),
		T(mc146818__alarm__at_its_second),
		T(mc146818__alarm_bytes_all_wild__every_second),
		T(mc146818__alarm_impossible__never),
		T(mc146818__alarm_and_wall_clock_set_forward__noticed_within_a_minute),
		T(mc146818__periodic_rates__ticks_counted),
		T(mc146818__periodic_rate_zero_or_divider_reset__none),
		T(mc146818__index_with_nmi_bit__same_register),
		T(mc146818__read_only_registers__unchanged),
		T(mc146818__cmos_memory_sizes__as_firmware_writes_them),
		cmocka_unit_test(mc146818__small_memory__sizes_exact),
		T(mc146818__reset__interrupts_off_time_and_ram_kept),
		T(mc146818__timer_called_for_nothing__harmless),
		T(mc146818_fuzz__random_accesses__line_is_irqf),
		T(mc146818__reset_after_random_use__registers_as_fresh_and_ram_kept),
		T(mc146818__reset__time_goes_on),
		T(mc146818__reset__enables_square_wave_and_shutdown_code_cleared),
		T(mc146818__reset__goes_on_at_the_time_set),
	};

	return cmocka_run_group_tests_name("mc146818", tests, NULL, NULL);
}
