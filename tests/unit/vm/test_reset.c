/* SPDX-License-Identifier: MIT */
/* A reset of the guest: the machine runs again, and what that leaves as it is. */
#include "unit/vm/fixture.h"
#include "unit/vm/steps.h"

#include "host/guest_clock.h"
#include "vm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define CMOS_WRITE(reg, byte) OUT8(0x70, reg), OUT8(0x71, byte)
#define CMOS_READ(reg) OUT8(0x70, reg), IN8(0x71)
#define RESET OUT8(0xcf9, "\x06")

static uint64_t answer(const struct fixture *f, unsigned i)
{
	assert_true(i < f->fake->vcpus[0]->nr_reads);
	return f->fake->vcpus[0]->reads[i];
}

/* Runs a script that ends with a reset, on the machine that was reset before. */
static void run(struct fixture *f, const struct fake_step *script)
{
	if (f->machine) {
		f->fake->scripts[0] = script;
		f->fake->nr_slots = 0;
		assert_int_equal(machine_reset(f->machine, &f->e), 0);
		assert_int_equal(machine_run(f->machine, &f->result, &f->e), 0);
	} else {
		assert_int_equal(fixture_run(f, script), 0);
	}
	assert_int_equal(f->result.end, MACHINE_END_REBOOT);
}

static void reset__time_and_ram_of_the_rtc__stay(void **state)
{
	struct fixture *f = *state;
	const struct fake_step set[] = { CMOS_WRITE("\x32", "\x19"), CMOS_WRITE("\x09", "\x77"),
		CMOS_WRITE("\x40", "\xa5"), CMOS_WRITE("\x0b", "\x72"), CMOS_WRITE("\x0f", "\x0a"),
		RESET, { 0 } };
	const struct fake_step look[] = { CMOS_READ("\x32"), CMOS_READ("\x09"), CMOS_READ("\x40"),
		CMOS_READ("\x0b"), CMOS_READ("\x0f"), RESET, { 0 } };
	run(f, set);
	for (unsigned i = 0; i < 3; i++) {
		run(f, look);
		assert_int_equal(answer(f, 0), 0x19);
		assert_int_equal(answer(f, 1), 0x77);
		assert_int_equal(answer(f, 2), 0xa5);
		assert_int_equal(answer(f, 3), 0x02);
		assert_int_equal(answer(f, 4), 0);
	}
	/* Another VM has a battery of its own. */
	machine_destroy(f->machine);
	f->machine = NULL;
	run(f, look);
	assert_int_equal(answer(f, 0), 0x20);
	assert_int_equal(answer(f, 2), 0);
}

/* The power button's event, the 8042's RAM, the reset register: all but the battery's. */
static void reset__all_other_chips__start_anew(void **state)
{
	struct fixture *f = *state;
	const struct fake_step set[] = {
		{ .kind = FAKE_OUT, .addr = 0x602, .size = 2, .data = "\x00\x01" },
		OUT8(0x64, "\x61"), OUT8(0x60, "\x99"), OUT8(0x92, "\x00"), OUT8(0x3ff, "\x55"),
		OUT8(0x3fb, "\x1b"), RESET, { 0 }
	};
	const struct fake_step look[] = { { .kind = FAKE_IN, .addr = 0x602, .size = 2 },
		OUT8(0x64, "\x21"), IN8(0x60), IN8(0x92), IN8(0xcf9), IN8(0x3ff), IN8(0x3fb), RESET,
		{ 0 } };
	uint64_t fresh[6];
	run(f, look);
	for (unsigned i = 0; i < ARRAY_SIZE(fresh); i++)
		fresh[i] = answer(f, i);
	run(f, set);
	run(f, look);
	for (unsigned i = 0; i < ARRAY_SIZE(fresh); i++)
		assert_int_equal(answer(f, i), fresh[i]);
}

static void wait_for(void *ctx)
{
	(void)nanosleep(ctx, NULL);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;
	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		n++;
	return n;
}

static void reset__again_and_again__the_log_of_msrs_is_not_flooded(void **state)
{
	struct fixture *f = *state;
	const struct msr_rule rules[] = { { .first = 0x174,
		.last = 0x174,
		.read = MSR_DENY,
		.write = MSR_DENY,
		.log = true,
		.id = "MSR-RULE",
		.origin = "vm.toml:7:1" } };
	const struct fake_step script[] = { { .kind = FAKE_RDMSR, .addr = 0x174 },
		{ .kind = FAKE_RDMSR, .addr = 0x174 }, RESET, { 0 } };
	f->policy.msr_rules = rules;
	f->policy.nr_msr_rules = ARRAY_SIZE(rules);
	f->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	f->given_policy = &f->policy;
	for (unsigned i = 0; i < 50; i++)
		run(f, script);
	/* Eight, and the 16th, 32nd and 64th of a hundred. */
	assert_int_equal(count(f->reports, "RDMSR 0x174"), 11);
}

static void reset__output_is_lost__said_once(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { OUT8(0x3f8, "x"), OUT8(0xe9, "x"), RESET, { 0 } };
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), console = f->console[1];
	if (full < 0)
		skip();
	f->console[1] = full;
	for (unsigned i = 0; i < 3; i++)
		run(f, script);
	f->console[1] = console;
	(void)close(full);
	assert_int_equal(count(f->reports, "COM1: what the guest writes is lost"), 1);
	assert_int_equal(count(f->reports, "debug console: what the guest writes is lost"), 1);
}

static void reset__output__goes_on(void **state)
{
	struct fixture *f = *state;
	const struct fake_step first[] = { OUT8(0x3f8, "a"), OUT8(0xe9, "b"), RESET, { 0 } };
	const struct fake_step then[] = { OUT8(0x3f8, "c"), OUT8(0xe9, "d"), RESET, { 0 } };
	char text[16];
	run(f, first);
	run(f, then);
	run(f, then);
	assert_string_equal(fixture_console(f, text, sizeof(text)), "abcdcd");
}

/* The RTC's interrupt was raised, and nobody took it. */
static void reset__line_is_high__lowered_and_low_in_the_new_vm(void **state)
{
	struct fixture *f = *state;
	struct timespec second = { .tv_sec = 1, .tv_nsec = 100000000 };
	const struct fake_step raise[] = { CMOS_WRITE("\x0b", "\x12"),
		{ .kind = FAKE_CALL, .fn = wait_for, .fn_ctx = &second }, OUT8(0x70, "\x0b"),
		IN8(0x71), RESET, { 0 } };
	const struct fake_step look[] = { CMOS_READ("\x0c"), RESET, { 0 } };
	run(f, raise);
	assert_true(f->fake->nr_irqs > 0);
	assert_true(f->fake->irqs[f->fake->nr_irqs - 1].level);
	run(f, look);
	assert_int_equal(answer(f, 0) & 0x80, 0);
	assert_int_equal(f->fake->irqs[f->fake->nr_irqs - 1].gsi, 8);
	assert_false(f->fake->irqs[f->fake->nr_irqs - 1].level);
}

/* What the guest wrote is gone from all of RAM. */
static void scribble(void *ctx)
{
	struct fixture *f = ctx;
	uint8_t *ram = guest_memory_borrow(ram_guest_memory(f->machine->ram), gpa(0xa00000), 16);
	assert_non_null(ram);
	assert_int_equal(ram[0], 0);
	memset(ram, 0xaa, 16);
}

static void reset__ram__is_as_new_and_the_guest_loaded_again(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_CALL, .fn = scribble, .fn_ctx = f },
		RESET, { 0 } };
	for (unsigned i = 0; i < 3; i++)
		run(f, script);
}

/* Which call fails, how far that is: an error, and all is taken down. */
static void reset__call_n_fails__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { RESET, { 0 } };
	unsigned before, nr;
	run(f, script);
	before = f->fake->nr_calls;
	run(f, script);
	nr = f->fake->nr_calls - before;
	for (unsigned n = 1; n < nr; n++) {
		struct err e = ERR_INIT;
		machine_destroy(f->machine);
		f->machine = NULL;
		f->fake->fail_at = 0;
		f->fake->nr_calls = 0;
		run(f, script);
		f->fake->scripts[0] = script;
		f->fake->nr_slots = 0;
		f->fake->fail_at = f->fake->nr_calls + n;
		f->fake->fail_code = EIO;
		int rc = machine_reset(f->machine, &e);
		if (rc == 0)
			continue; /* it is one of those that run the guest, or may fail */
		assert_true(e.msg[0]);
	}
	f->fake->fail_at = 0;
}

static void reset__many_times__no_descriptor_more(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { OUT8(0x3f8, "x"), RESET, { 0 } };
	run(f, script);
	unsigned before = fixture_count_fds();
	for (unsigned i = 0; i < 50; i++)
		run(f, script);
	assert_int_equal(fixture_count_fds(), before);
}

static void reset__of_a_paused_machine__chips_go_on(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { RESET, { 0 } };
	const struct fake_step out[] = { OUT8(0x3f8, "x"), RESET, { 0 } };
	char text[16];
	run(f, script);
	device_list_quiesce(&f->machine->devices);
	guest_clock_stop(f->machine->clock);
	f->machine->clocks.stopped = true;
	run(f, out);
	assert_false(f->machine->clocks.stopped);
	assert_false(f->machine->devices.quiesced);
	assert_string_equal(fixture_console(f, text, sizeof(text)), "x");
	uint64_t was = guest_clock_ns(f->machine->clock);
	assert_true(guest_clock_ns(f->machine->clock) > was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(reset__time_and_ram_of_the_rtc__stay),
		FIXTURE_TEST(reset__all_other_chips__start_anew),
		FIXTURE_TEST(reset__again_and_again__the_log_of_msrs_is_not_flooded),
		FIXTURE_TEST(reset__output_is_lost__said_once),
		FIXTURE_TEST(reset__output__goes_on),
		FIXTURE_TEST(reset__line_is_high__lowered_and_low_in_the_new_vm),
		FIXTURE_TEST(reset__ram__is_as_new_and_the_guest_loaded_again),
		FIXTURE_TEST(reset__call_n_fails__error_and_nothing_leaks),
		FIXTURE_TEST(reset__many_times__no_descriptor_more),
		FIXTURE_TEST(reset__of_a_paused_machine__chips_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
