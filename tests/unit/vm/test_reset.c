/* SPDX-License-Identifier: MIT */
/* What a reset of the guest leaves as it is: machines one after another, with the same
 * machine_kept. */
#include "unit/vm/fixture.h"

#include <fcntl.h>
#include <unistd.h>

#define OUT8(port, byte)                                                                           \
	{                                                                                          \
		.kind = FAKE_OUT, .addr = (port), .size = 1, .data = (byte)                        \
	}
#define IN8(port)                                                                                  \
	{                                                                                          \
		.kind = FAKE_IN, .addr = (port), .size = 1                                         \
	}
#define CMOS_WRITE(reg, byte) OUT8(0x70, reg), OUT8(0x71, byte)
#define CMOS_READ(reg) OUT8(0x70, reg), IN8(0x71)
#define RESET OUT8(0xcf9, "\x06")

static uint64_t answer(const struct fixture *f, unsigned i)
{
	assert_true(i < f->fake->vcpus[0]->nr_reads);
	return f->fake->vcpus[0]->reads[i];
}

/* Runs a script that ends with a reset; the machine is there until the next one. */
static void run(struct fixture *f, const struct fake_step *script)
{
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_int_equal(fixture_run(f, script), 0);
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
	memset(&f->kept, 0, sizeof(f->kept));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(reset__time_and_ram_of_the_rtc__stay),
		FIXTURE_TEST(reset__all_other_chips__start_anew),
		FIXTURE_TEST(reset__again_and_again__the_log_of_msrs_is_not_flooded),
		FIXTURE_TEST(reset__output_is_lost__said_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
