/* SPDX-License-Identifier: MIT */
/* machine_run with several vCPUs and machines: ends, stops, and output that waits. */
#include "unit/vm/fixture.h"
#include "unit/vm/steps.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#define NR_VCPUS 16

static void wake(void *ctx)
{
	struct fixture *f = ctx;
	loop_post(f->loop, &f->on_loop);
}

static void stop(void *ctx)
{
	struct fixture *f = ctx;
	machine_stop(f->machine);
}

static const struct fake_step busy[] = { OUT8(0x80, "\x01"),
	{ .kind = FAKE_IN, .addr = 0x3fd, .size = 1 },
	{ .kind = FAKE_MMIO_READ, .addr = 0xd0000000, .size = 4 }, { .kind = FAKE_REPEAT } };

static void machine_stop__by_the_loop_while_all_vcpus_run__ends_the_run(void **state)
{
	struct fixture *f = *state;
	const struct fake_step waker[] = { OUT8(0x80, "\x01"), OUT8(0x3f8, "x"),
		{ .kind = FAKE_CALL, .fn = wake, .fn_ctx = f }, OUT8(0x80, "\x02"), { 0 } };
	f->config.cpu.vcpus = NR_VCPUS;
	for (unsigned i = 1; i < NR_VCPUS; i++)
		f->fake->scripts[i] = i % 2 ? busy : NULL; /* half exits all the time, half halts */
	f->on_loop = (struct loop_call){ .fn = stop, .ctx = f };
	assert_int_equal(fixture_run(f, waker), 0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
}

static void machine_stop__by_a_vcpu_thread__ends_the_run(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_CALL, .fn = stop, .fn_ctx = f }, { 0 } };
	f->config.cpu.vcpus = NR_VCPUS;
	for (unsigned i = 1; i < NR_VCPUS; i++)
		f->fake->scripts[i] = busy;
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
}

static void machine_end__every_vcpu_at_once__exactly_one_wins(void **state)
{
	struct fixture *f = *state;
	char codes[NR_VCPUS];
	struct fake_step scripts[NR_VCPUS][3];
	f->config.cpu.vcpus = NR_VCPUS;
	for (unsigned i = 0; i < NR_VCPUS; i++) {
		codes[i] = (char)(i + 1);
		scripts[i][0] = (struct fake_step)OUT8(0xf4, &codes[i]);
		scripts[i][1] = (struct fake_step){ .kind = FAKE_REPEAT };
		f->fake->scripts[i] = scripts[i];
	}
	assert_int_equal(fixture_run(f, scripts[0]), 0);
	assert_int_equal(f->result.end, MACHINE_END_DEBUG_EXIT);
	assert_in_range(f->result.status, 1, NR_VCPUS);
}

/* Counts the console's bytes by letter, and stops the machine when all have come. */
struct counter {
	struct fixture *f;
	unsigned counts[NR_VCPUS], total, expected;
};

static void count_console(void *ctx)
{
	struct counter *c = ctx;
	char buf[512];
	ssize_t n = read(c->f->console[0], buf, sizeof(buf));
	assert_true(n > 0);
	for (ssize_t i = 0; i < n; i++) {
		assert_in_range(buf[i], 'a', 'a' + NR_VCPUS - 1);
		c->counts[buf[i] - 'a']++;
	}
	c->total += (unsigned)n;
	if (c->total == c->expected)
		machine_stop(c->f->machine);
}

#define BYTES_EACH 500

static void machine_run__all_vcpus_write_to_one_serial_port__every_byte_arrives(void **state)
{
	struct fixture *f = *state;
	struct counter c = { .f = f, .expected = NR_VCPUS * BYTES_EACH };
	static char letters[NR_VCPUS][BYTES_EACH];
	struct fake_step scripts[NR_VCPUS][3] = { 0 };
	f->config.cpu.vcpus = NR_VCPUS;
	for (unsigned i = 0; i < NR_VCPUS; i++) {
		memset(letters[i], (int)('a' + i), BYTES_EACH);
		scripts[i][0] = (struct fake_step){ .kind = FAKE_OUT,
			.addr = 0x3f8,
			.size = 1,
			.count = BYTES_EACH,
			.data = letters[i] };
		f->fake->scripts[i] = scripts[i];
	}
	assert_int_equal(loop_add_reader(f->loop, f->console[0], count_console, &c, &f->e), 0);
	assert_int_equal(fixture_run(f, scripts[0]), 0);
	for (unsigned i = 0; i < NR_VCPUS; i++)
		assert_int_equal(c.counts[i], BYTES_EACH);
}

/* Called on the loop: ends the wait for a console that nobody reads. */
static void stop_when_full(void *ctx)
{
	struct fixture *f = ctx;
	struct pollfd p = { .fd = f->console[1], .events = POLLOUT };
	while (poll(&p, 1, 0) > 0)
		(void)sched_yield();
	machine_stop(f->machine);
}

static void machine_stop__console_reader_is_stuck__ends_the_run_all_the_same(void **state)
{
	struct fixture *f = *state;
	static char chunk[4096];
	const struct fake_step script[] = { { .kind = FAKE_CALL, .fn = wake, .fn_ctx = f },
		{ .kind = FAKE_OUT, .addr = 0x3f8, .size = 1, .count = 4096, .data = chunk },
		{ .kind = FAKE_REPEAT } };
	f->config.cpu.vcpus = 4;
	for (unsigned i = 1; i < 4; i++)
		f->fake->scripts[i] = script;
	f->on_loop = (struct loop_call){ .fn = stop_when_full, .ctx = f };
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
}

static void machine_run__crash_while_others_run__one_report_and_all_stop(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN },
		{ 0 } };
	f->config.cpu.vcpus = NR_VCPUS;
	for (unsigned i = 0; i < NR_VCPUS; i++)
		f->fake->scripts[i] = i == 5 ? script : busy;
	assert_int_equal(fixture_run(f, busy), 0);
	assert_int_equal(f->result.end, MACHINE_END_CRASH);
	assert_contains(f->reports, "guest crashed on vCPU 5");
}

/* The vCPU that did it cannot be told from the others. */
static void machine_run__kvm_gave_the_vm_up__all_stop_and_one_says_so(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { { .kind = FAKE_ERRNO, .value = EIO },
		{ .kind = FAKE_REPEAT } };
	f->config.cpu.vcpus = NR_VCPUS;
	for (unsigned i = 0; i < NR_VCPUS; i++)
		f->fake->scripts[i] = script;
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_CRASH);
	const char *first = strstr(f->reports, "guest crashed on vCPU ");
	assert_non_null(first);
	assert_null(strstr(first + 1, "guest crashed on vCPU "));
}

static void machine_run__second_machine_on_the_same_loop__runs_as_well(void **state)
{
	struct fixture *f = *state;
	const struct fake_step reboot[] = { OUT8(0xcf9, "\x06"), { 0 } };
	const struct fake_step leave[] = { OUT8(0xf4, "\x07"), { 0 } };
	for (int i = 0; i < 10; i++) {
		assert_int_equal(fixture_run(f, reboot), 0);
		assert_int_equal(f->result.end, MACHINE_END_REBOOT);
		machine_destroy(f->machine);
		f->machine = NULL;
	}
	assert_int_equal(fixture_run(f, leave), 0);
	assert_int_equal(f->result.status, 7);
}

static void machine_run__pinned_to_a_cpu_that_does_not_exist__refused_with_the_key(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	f->config.cpu.nr_pinning = 2;
	f->config.cpu.pinning[1] = 4095;
	assert_int_equal(fixture_run(f, busy), -EINVAL);
	assert_contains(f->e.msg, "cpu.pinning: vCPU 1 cannot run on host CPU 4095");
	assert_contains(f->e.hint, "taskset");
}

#define BYTES_FED 1000

/* On the loop: gives the guest as much as it takes; after so many bytes, stops it. */
struct feeder {
	struct fixture *f;
	size_t fed;
};

static void wanted(void *ctx)
{
	struct feeder *feeder = ctx;
	loop_post(feeder->f->loop, &feeder->f->on_loop);
}

static size_t give_y(void *ctx, uint8_t *bytes, size_t n)
{
	struct feeder *feeder = ctx;
	memset(bytes, 'y', n);
	feeder->fed += n;
	return n;
}

static void feed(void *ctx)
{
	struct feeder *feeder = ctx;
	struct machine *m = feeder->f->machine;
	while (machine_serial_ready(m, 0)) {
	}
	if (feeder->fed >= BYTES_FED)
		machine_stop(m);
}

static void machine_serial_ready__receiver_full__is_wanted_again_after_each_drain(void **state)
{
	struct fixture *f = *state;
	struct feeder feeder = { .f = f };
	const struct fake_step reader[] = {
		{ .kind = FAKE_IN, .addr = 0x3f8, .size = 1 },
		{ .kind = FAKE_REPEAT },
	};
	f->on_loop = (struct loop_call){ .fn = feed, .ctx = &feeder };
	f->fake->scripts[0] = reader;
	assert_int_equal(fixture_create(f), 0);
	machine_destroy(f->machine);
	f->options.serial_input[0] =
		(struct byte_source){ .read = give_y, .wanted = wanted, .ctx = &feeder };
	assert_int_equal(machine_create(&f->machine, &f->options, &f->e), 0);
	feed(&feeder); /* fills it; from here on the guest's reads ask for more */
	assert_in_range(feeder.fed, 1, BYTES_FED - 1);
	assert_int_equal(machine_run(f->machine, &f->result, &f->e), 0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
	assert_true(feeder.fed >= BYTES_FED);
	assert_int_equal(f->fake->vcpus[0]->reads[0], 'y'); /* later ones may come too early */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(machine_stop__by_the_loop_while_all_vcpus_run__ends_the_run),
		FIXTURE_TEST(machine_stop__by_a_vcpu_thread__ends_the_run),
		FIXTURE_TEST(machine_end__every_vcpu_at_once__exactly_one_wins),
		FIXTURE_TEST(machine_run__all_vcpus_write_to_one_serial_port__every_byte_arrives),
		FIXTURE_TEST(machine_stop__console_reader_is_stuck__ends_the_run_all_the_same),
		FIXTURE_TEST(machine_run__crash_while_others_run__one_report_and_all_stop),
		FIXTURE_TEST(machine_run__kvm_gave_the_vm_up__all_stop_and_one_says_so),
		FIXTURE_TEST(machine_run__second_machine_on_the_same_loop__runs_as_well),
		FIXTURE_TEST(
			machine_run__pinned_to_a_cpu_that_does_not_exist__refused_with_the_key),
		FIXTURE_TEST(machine_serial_ready__receiver_full__is_wanted_again_after_each_drain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
