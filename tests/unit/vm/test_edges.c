/* SPDX-License-Identifier: MIT */
/* Edges of exits, routes and the end of a run: odd lengths, high vectors, kicks that come early. */
#include "unit/vm/fixture.h"
#include "unit/vm/steps.h"

#include "vm/internal.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define IOAPIC UINT64_C(0xfec00000)
#define READ(at, bytes)                                                                            \
	{                                                                                          \
		.kind = FAKE_MMIO_READ, .addr = (at), .size = (bytes)                              \
	}
#define SET_ENTRY(pin, v) WRITE(IOAPIC, 4, 0x10 + 2 * (pin)), WRITE(IOAPIC + 0x10, 4, (v))
#define EXIT_42 OUT8(0xf4, "\x2a")
#define SHUTDOWN                                                                                   \
	{                                                                                          \
		.kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN                                      \
	}

/*
 * Both halves of a kick are watched: whoever gets the signal must have been told to leave KVM_RUN
 * before. Not by what is in kvm_run at that time: a thread that has seen it takes it back.
 */
static bool watched;
static unsigned told, kicks, kicks_too_early;

void __real_kvm_vcpu_request_immediate_exit(struct kvm_vcpu *vcpu);
void __wrap_kvm_vcpu_request_immediate_exit(struct kvm_vcpu *vcpu);

void __wrap_kvm_vcpu_request_immediate_exit(struct kvm_vcpu *vcpu)
{
	__real_kvm_vcpu_request_immediate_exit(vcpu);
	told++;
}

int __real_pthread_kill(pthread_t thread, int sig);
int __wrap_pthread_kill(pthread_t thread, int sig);

int __wrap_pthread_kill(pthread_t thread, int sig)
{
	kicks++;
	kicks_too_early += watched && told < kicks;
	return __real_pthread_kill(thread, sig);
}

static void run_42(struct fixture *f, const struct fake_step *script)
{
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_DEBUG_EXIT);
	assert_int_equal(f->result.status, 42);
}

static void mmio_read__lengths_that_are_no_power_of_two__every_byte_in_its_place(void **state)
{
	struct fixture *f = *state;
	/* The version register is 0x00170020; the dword behind the window reads 0. */
	const struct fake_step script[] = { WRITE(IOAPIC, 4, 1), READ(IOAPIC + 0x10, 3),
		READ(IOAPIC + 0x10, 5), READ(IOAPIC + 0x10, 6), READ(IOAPIC + 0x10, 7),
		READ(IOAPIC + 0x11, 3), EXIT_42, { 0 } };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	run_42(f, script);
	assert_int_equal(f->fake->vcpus[0]->reads[0], 0x170020);
	assert_int_equal(f->fake->vcpus[0]->reads[1], 0x170020);
	assert_int_equal(f->fake->vcpus[0]->reads[2], 0x170020);
	assert_int_equal(f->fake->vcpus[0]->reads[3], 0x170020);
	assert_int_equal(f->fake->vcpus[0]->reads[4], 0x001700);
}

static void mmio_write__lengths_that_are_no_power_of_two__every_byte_in_its_place(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { SET_ENTRY(9, 0x18032), /* level, masked */
		WRITE(IOAPIC, 3, 0xaabb18), /* the index is the first byte only */
		WRITE(IOAPIC + 0x10, 5, UINT64_C(0xcc00010031)), READ(IOAPIC + 0x10, 4),
		WRITE(IOAPIC, 5, 0x22), WRITE(IOAPIC + 0x10, 7, 0x18077), READ(IOAPIC + 0x10, 4),
		EXIT_42, { 0 } };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	run_42(f, script);
	assert_int_equal(f->fake->vcpus[0]->reads[0], 0x10031);
	assert_int_equal(f->fake->vcpus[0]->reads[1], 0x18077);
}

/* A device that writes down how it is accessed: offset, size, and a digit per byte written. */
struct recorder {
	struct device dev;
	char text[128];
};

static uint64_t recorder_read(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes)
{
	struct recorder *r = (struct recorder *)dev;
	size_t used = strlen(r->text);
	(void)region;
	(void)snprintf(
		r->text + used, sizeof(r->text) - used, "%u+%u ", (unsigned)offset, size_bytes);
	return UINT64_C(0x0807060504030201) >> offset * 8;
}

static void recorder_write(
	struct device *dev, unsigned region, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct recorder *r = (struct recorder *)dev;
	(void)recorder_read(dev, region, offset, size_bytes);
	for (unsigned i = 0; i < size_bytes; i++) {
		size_t used = strlen(r->text);
		(void)snprintf(r->text + used, sizeof(r->text) - used, "%x",
			(unsigned)(value >> i * 8 & 0xff));
	}
}

static const struct device_ops recorder_ops = {
	.name = "recorder", .read = recorder_read, .write = recorder_write
};

static void mmio__each_length__largest_powers_of_two_first(void **state)
{
	static const char *const reads[] = { "0+1 ", "0+2 ", "0+2 2+1 ", "0+4 ", "0+4 4+1 ",
		"0+4 4+2 ", "0+4 4+2 6+1 ", "0+8 " };
	static const char *const writes[] = { "0+1 1", "0+2 12", "0+2 122+1 3", "0+4 1234",
		"0+4 12344+1 5", "0+4 12344+2 56", "0+4 12344+2 566+1 7", "0+8 12345678" };
	struct machine *m = calloc(1, sizeof(*m));
	struct recorder r = { .dev = { .ops = &recorder_ops, .nr_regions = 1 } };
	struct vcpu vcpu = { .machine = m };
	(void)state;
	assert_non_null(m);
	bus_init(&m->bus, /* reporter */ NULL);
	r.dev.regions[0] = (struct device_region){ BUS_MMIO, { 0x1000, 8 }, 8 };
	assert_int_equal(bus_claim(&m->bus, &r.dev, NULL), 0);
	for (uint32_t size = 1; size <= 8; size++) {
		uint8_t data[9] = { 0 };
		const uint8_t want[9] = { 1, 2, 3, 4, 5, 6, 7, 8 };
		struct kvm_exit x = { .kind = KVM_EXIT_KIND_MMIO };
		x.mmio.addr = gpa(0x1000);
		x.mmio.size_bytes = size;
		x.mmio.data = data;
		r.text[0] = '\0';
		assert_int_equal(vcpu_handle_exit(&vcpu, &x), EXIT_RESUME);
		assert_string_equal(r.text, reads[size - 1]);
		assert_memory_equal(data, want, size);
		assert_int_equal(data[size], 0);
		x.mmio.write = true;
		r.text[0] = '\0';
		assert_int_equal(vcpu_handle_exit(&vcpu, &x), EXIT_RESUME);
		assert_string_equal(r.text, writes[size - 1]);
	}
	bus_done(&m->bus);
	free(m);
}

static void press_button(void *ctx)
{
	struct fixture *f = ctx;
	machine_press_power_button(f->machine);
}

/* PM1 enable: the power button. */
#define ENABLE_BUTTON                                                                              \
	{                                                                                          \
		.kind = FAKE_OUT, .addr = 0x602, .size = 2, .data = "\x00\x01"                     \
	}

static void mmio_write__three_bytes_that_end_in_the_eoi_register__ends_by_the_third(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { SET_ENTRY(9, 0x80c2), ENABLE_BUTTON,
		CALL(press_button, f), WRITE(IOAPIC + 0x3e, 3, 0xc20000), EXIT_42, { 0 } };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	run_42(f, script);
	assert_int_equal(f->fake->nr_msis, 2);
}

static void ioapic_eoi_exit__vector_above_127__is_the_whole_vector(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { SET_ENTRY(9, 0x80c2), ENABLE_BUTTON,
		CALL(press_button, f), { .kind = FAKE_EOI, .value = 0x42 },
		{ .kind = FAKE_EOI, .value = 0xc2 }, EXIT_42, { 0 } };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	run_42(f, script);
	assert_int_equal(f->fake->nr_msis, 2);
	assert_int_equal(f->fake->msis[1].data & 0xff, 0xc2);
}

static void ioapic_route__masked__stays_where_level_and_goes_where_edge(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { SET_ENTRY(4, 0x31), SET_ENTRY(9, 0x8032),
		SET_ENTRY(4, 0x10031), SET_ENTRY(9, 0x18032), EXIT_42, { 0 } };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	run_42(f, script);
	assert_int_equal(f->fake->nr_routes, 1);
	assert_int_equal(f->fake->routes[0].gsi, 9);
	assert_int_equal(f->fake->routes[0].u.msi.data & 0xff, 0x32);
}

static void exit_internal_error__data__as_many_as_there_are_but_four(void **state)
{
	static const struct {
		uint32_t nr_data;
		const char *shown;
	} cases[] = { { 1, "suberror 1) 0xabc\n" }, { 3, "suberror 1) 0xabc 0xdef 0xd02\n" },
		{ 4, "suberror 1) 0xabc 0xdef 0xd02 0xd03\n" },
		{ 5, "suberror 1) 0xabc 0xdef 0xd02 0xd03\n" },
		{ UINT32_MAX, "suberror 1) 0xabc 0xdef 0xd02 0xd03\n" } };
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct fake_step script[] = {
			{ .kind = FAKE_INTERNAL, .value = 1, .count = cases[i].nr_data }, { 0 }
		};
		f->reports[0] = '\0';
		assert_int_equal(fixture_run(f, script), 0);
		assert_int_equal(f->result.end, MACHINE_END_CRASH);
		assert_contains(f->reports, cases[i].shown);
		machine_destroy(f->machine);
		f->machine = NULL;
	}
}

/* Where the vCPU is when it crashes. */
struct place {
	struct fixture *f;
	uint64_t base, rip;
	bool long_mode;
};

static void go_there(void *ctx)
{
	const struct place *p = ctx;
	struct fake_vcpu *vcpu = p->f->fake->vcpus[0];
	vcpu->sregs.cs.base = p->base;
	vcpu->sregs.cs.l = p->long_mode;
	vcpu->regs.rip = p->rip;
}

static void crash_shows_code(struct fixture *f, uint64_t base, uint64_t rip, bool long_mode)
{
	struct place p = { f, base, rip, long_mode };
	const struct fake_step script[] = { CALL(go_there, &p),
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 } };
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_CRASH);
	assert_contains(
		f->reports, "\ncode at rip: fa f4 eb fd 00 00 00 00 00 00 00 00 00 00 00 00\n");
}

static void crash_report__cs_has_a_base__code_is_at_base_plus_rip(void **state)
{
	crash_shows_code(*state, FIXTURE_ENTRY - 0x30, 0x30, false);
}

static void crash_report__base_plus_rip_beyond_4_gib__wraps_to_32_bits(void **state)
{
	crash_shows_code(*state, 0xfffff000, FIXTURE_ENTRY + 0x1000, false);
}

static void crash_report__64_bit_code__base_counts_for_nothing(void **state)
{
	crash_shows_code(*state, 0x5000, FIXTURE_ENTRY, true);
}

static void make_ds_unusable(void *ctx)
{
	struct fixture *f = ctx;
	f->fake->vcpus[0]->sregs.ds.present = 1;
	f->fake->vcpus[0]->sregs.ds.unusable = 1;
}

static void crash_report__segment_not_usable__is_not_present(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { CALL(make_ds_unusable, f),
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 } };
	assert_int_equal(fixture_run(f, script), 0);
	const char *ds = strstr(f->reports, "\nds  sel ");
	assert_non_null(ds);
	const char *absent = strstr(ds, " not present");
	assert_true(absent && absent < strstr(ds, "\nss  sel "));
}

/* Stops the machine and takes the kick at once: before what comes next waits in KVM_RUN. */
static void stop_and_take_the_kick(void *ctx)
{
	struct fixture *f = ctx;
	sigset_t kick, before, wait;
	(void)sigemptyset(&kick);
	(void)sigaddset(&kick, SIGRTMIN);
	(void)pthread_sigmask(SIG_BLOCK, &kick, &before);
	machine_stop(f->machine);
	wait = before;
	(void)sigdelset(&wait, SIGRTMIN);
	(void)sigsuspend(&wait);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Were the kick a signal alone, this would hang: the alarm then ends the test. */
static void machine_stop__signal_comes_before_the_vcpu_waits__kick_is_not_lost(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { CALL(stop_and_take_the_kick, f), { 0 } };
	(void)alarm(60);
	assert_int_equal(fixture_run(f, script), 0);
	(void)alarm(0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
}

static void machine_stop__every_vcpu__is_told_to_leave_before_its_signal(void **state)
{
	struct fixture *f = *state;
	const struct fake_step script[] = { EXIT_42, { 0 } };
	f->config.cpu.vcpus = 4;
	told = kicks = kicks_too_early = 0;
	watched = true;
	run_42(f, script);
	watched = false;
	assert_int_equal(kicks, 4);
	assert_int_equal(kicks_too_early, 0);
}

/* A machine that ended while its event loop is busy: nobody stops the vCPUs from outside yet. */
struct busy_loop {
	struct fixture *f;
	unsigned watched; /* vCPU */
	atomic_bool running, held, ran_on;
};

/* On the loop: until the watched vCPU's thread has done with it, be it too late. */
static void hold_loop(void *ctx)
{
	struct busy_loop *b = ctx;
	atomic_store(&b->held, true);
	struct vcpu_thread *t = &b->f->machine->threads[b->watched];
	worker_await(t->worker, &t->running);
}

static void watch_me(void *ctx)
{
	struct busy_loop *b = ctx;
	atomic_store(&b->running, true);
}

static void start_to_hold(void *ctx)
{
	struct busy_loop *b = ctx;
	while (!atomic_load(&b->running))
		(void)sched_yield();
	loop_post(b->f->loop, &b->f->on_loop);
	while (!atomic_load(&b->held))
		(void)sched_yield();
}

static void wait_for_the_end(void *ctx)
{
	struct busy_loop *b = ctx;
	while (!atomic_load(&b->f->machine->ended))
		(void)sched_yield();
}

static void run_on(void *ctx)
{
	struct busy_loop *b = ctx;
	atomic_store(&b->ran_on, true);
}

static void vcpu__ended_the_machine_and_nobody_stops_it__runs_no_further(void **state)
{
	struct fixture *f = *state;
	struct busy_loop b = { .f = f };
	const struct fake_step script[] = { CALL(watch_me, &b), CALL(start_to_hold, &b),
		OUT8(0xcf9, "\x06"), CALL(run_on, &b), SHUTDOWN, { 0 } };
	f->on_loop = (struct loop_call){ .fn = hold_loop, .ctx = &b };
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_REBOOT);
	assert_false(atomic_load(&b.ran_on));
}

static void vcpu__another_ended_the_machine_and_nobody_stops_it__runs_no_further(void **state)
{
	struct fixture *f = *state;
	struct busy_loop b = { .f = f, .watched = 1 };
	const struct fake_step first[] = { CALL(start_to_hold, &b), OUT8(0xcf9, "\x06"), { 0 } };
	const struct fake_step second[] = { CALL(watch_me, &b), CALL(wait_for_the_end, &b),
		OUT8(0x80, "\x01"), CALL(run_on, &b), SHUTDOWN, { 0 } };
	f->config.cpu.vcpus = 2;
	f->fake->scripts[1] = second;
	f->on_loop = (struct loop_call){ .fn = hold_loop, .ctx = &b };
	assert_int_equal(fixture_run(f, first), 0);
	assert_int_equal(f->result.end, MACHINE_END_REBOOT);
	assert_false(atomic_load(&b.ran_on));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(mmio_read__lengths_that_are_no_power_of_two__every_byte_in_its_place),
		FIXTURE_TEST(mmio_write__lengths_that_are_no_power_of_two__every_byte_in_its_place),
		FIXTURE_TEST(
			mmio_write__three_bytes_that_end_in_the_eoi_register__ends_by_the_third),
		FIXTURE_TEST(ioapic_eoi_exit__vector_above_127__is_the_whole_vector),
		FIXTURE_TEST(ioapic_route__masked__stays_where_level_and_goes_where_edge),
		FIXTURE_TEST(exit_internal_error__data__as_many_as_there_are_but_four),
		FIXTURE_TEST(crash_report__cs_has_a_base__code_is_at_base_plus_rip),
		FIXTURE_TEST(crash_report__base_plus_rip_beyond_4_gib__wraps_to_32_bits),
		FIXTURE_TEST(crash_report__segment_not_usable__is_not_present),
		cmocka_unit_test(mmio__each_length__largest_powers_of_two_first),
		FIXTURE_TEST(crash_report__64_bit_code__base_counts_for_nothing),
		FIXTURE_TEST(machine_stop__signal_comes_before_the_vcpu_waits__kick_is_not_lost),
		FIXTURE_TEST(machine_stop__every_vcpu__is_told_to_leave_before_its_signal),
		FIXTURE_TEST(vcpu__ended_the_machine_and_nobody_stops_it__runs_no_further),
		FIXTURE_TEST(vcpu__another_ended_the_machine_and_nobody_stops_it__runs_no_further),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
