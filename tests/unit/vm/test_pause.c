/* SPDX-License-Identifier: MIT */
/* Pause, resume and tasks: races with exits, kicks, ends and slow readers; the guest's time. */
#include "unit/vm/fixture.h"
#include "unit/vm/steps.h"

#include "host/guest_clock.h"
#include "vm/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define NR_VCPUS 16
#define REPEAT                                                                                     \
	{                                                                                          \
		.kind = FAKE_REPEAT                                                                \
	}
#define IOAPIC UINT64_C(0xfec00000)

/* The time that vCPUs have to come is over at once. */
static atomic_bool late;

int __real_pthread_cond_timedwait(
	pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until);
int __wrap_pthread_cond_timedwait(
	pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until);

int __wrap_pthread_cond_timedwait(
	pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
	return atomic_load(&late) ? ETIMEDOUT : __real_pthread_cond_timedwait(cond, lock, until);
}

/* Kicks are counted. */
static atomic_uint kicks;

int __real_pthread_kill(pthread_t thread, int sig);
int __wrap_pthread_kill(pthread_t thread, int sig);

int __wrap_pthread_kill(pthread_t thread, int sig)
{
	int rc = __real_pthread_kill(thread, sig);
	atomic_fetch_add(&kicks, 1);
	return rc;
}

static void doze(void)
{
	(void)poll(NULL, 0, 1);
}

/* Every chip that there is, in every way. */
static const struct fake_step hammer[] = { OUT8(0x80, "\x01"), IN8(0x80), IN8(0x3fd), IN8(0x3f8),
	OUT8(0x3f9, "\x0f"), OUT8(0x3fc, "\x1b"), OUT8(0x3f8, "h"), IN8(0x3fa), OUT8(0x3fc, "\x0b"),
	OUT8(0x70, "\x0c"), IN8(0x71), OUT8(0x70, "\x0b"), OUT8(0x71, "\x72"),
	{ .kind = FAKE_IN, .addr = 0x608, .size = 4 },
	{ .kind = FAKE_IN, .addr = 0x600, .size = 2 },
	{ .kind = FAKE_OUT, .addr = 0x602, .size = 2, .data = "\x21\x01" }, IN8(0x64),
	OUT8(0x64, "\x20"), IN8(0x60), IN8(0x92), IN8(0x505), IN8(0xe9), WRITE(IOAPIC, 4, 0x22),
	WRITE(IOAPIC + 0x10, 4, 0x31), { .kind = FAKE_MMIO_READ, .addr = IOAPIC + 0x10, .size = 4 },
	{ .kind = FAKE_EOI, .value = 0x31 },
	{ .kind = FAKE_MMIO_READ, .addr = 0xd0000000, .size = 4 }, REPEAT };

/* Pauses again and again, on the loop. */
struct pauser {
	struct fixture *f;
	unsigned rounds, seed;
	enum config_pause_clock clock;
	unsigned ended; /* rounds that found the machine ended */
};

static unsigned count_runs(const struct fixture *f, unsigned runs[NR_VCPUS])
{
	unsigned half_done = 0;
	for (unsigned i = 0; i < NR_VCPUS; i++) {
		runs[i] = f->fake->vcpus[i]->runs;
		half_done += f->fake->vcpus[i]->answer_to != NULL;
	}
	return half_done;
}

static unsigned count_states(const struct machine *m, enum vcpu_state state)
{
	unsigned n = 0;
	for (unsigned i = 0; i < m->nr_threads; i++)
		n += atomic_load(&m->threads[i].state) == state;
	return n;
}

static void pause_often(void *ctx)
{
	struct pauser *p = ctx;
	struct machine *m = p->f->machine;
	unsigned before[NR_VCPUS], after[NR_VCPUS];
	for (unsigned round = 0; round < p->rounds; round++) {
		assert_int_equal(machine_pause(m, p->clock, &p->f->e), 0);
		assert_int_equal(count_states(m, VCPU_PAUSED), NR_VCPUS);
		/* What was read has reached the guest. */
		assert_int_equal(count_runs(p->f, before), 0);
		if (rand_r(&p->seed) % 4 == 0)
			doze();
		assert_int_equal(count_runs(p->f, after), 0);
		assert_memory_equal(before, after, sizeof(before));
		machine_resume(m);
		if (rand_r(&p->seed) % 4 == 0)
			doze();
	}
	machine_stop(m);
}

static void run_pauser(struct fixture *f, struct pauser *p, const struct fake_step *script)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_true(null >= 0 && dup2(null, f->console[1]) >= 0);
	(void)close(null);
	f->config.cpu.vcpus = NR_VCPUS;
	f->on_loop = (struct loop_call){ .fn = pause_often, .ctx = p };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
}

static void machine_pause__all_vcpus_hammer_every_chip__none_runs_and_all_go_on(void **state)
{
	struct fixture *f = *state;
	struct pauser p = { .f = f, .rounds = 60, .seed = 1, .clock = PAUSE_CLOCK_RUN };
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	for (unsigned i = 1; i < NR_VCPUS; i++)
		f->fake->scripts[i] = hammer;
	run_pauser(f, &p, hammer);
}

static void machine_pause__half_halted_half_busy_with_clocks_stopped__all_come(void **state)
{
	struct fixture *f = *state;
	struct pauser p = { .f = f, .rounds = 60, .seed = 2, .clock = PAUSE_CLOCK_STOP };
	for (unsigned i = 1; i < NR_VCPUS; i++)
		f->fake->scripts[i] = i % 2 ? hammer : NULL;
	run_pauser(f, &p, hammer);
}

/* A vCPU that is about to call KVM_RUN, or is in it, when it is kicked: the kick's signal comes too
 * early to interrupt its wait. */
static void wait_for_kicks(void *ctx, struct fake_vcpu *vcpu)
{
	const unsigned *expected = ctx;
	(void)vcpu;
	while (*expected && atomic_load(&kicks) < *expected)
		(void)sched_yield();
}

struct kicker {
	struct fixture *f;
	unsigned expected; /* 0: none are waited for */
};

static void pause_between_look_and_run(void *ctx)
{
	struct kicker *k = ctx;
	struct machine *m = k->f->machine;
	for (unsigned round = 1; round <= 20; round++) {
		assert_int_equal(machine_pause(m, PAUSE_CLOCK_RUN, &k->f->e), 0);
		__atomic_store_n(&k->expected, atomic_load(&kicks) + 1, __ATOMIC_SEQ_CST);
		machine_resume(m);
	}
	__atomic_store_n(&k->expected, 0, __ATOMIC_SEQ_CST);
	machine_stop(m);
}

static void machine_pause__kicked_just_before_kvm_run__comes_all_the_same(void **state)
{
	struct fixture *f = *state;
	struct kicker k = { .f = f, .expected = 1 };
	atomic_store(&kicks, 0);
	f->fake->on_run = wait_for_kicks;
	f->fake->on_run_ctx = &k.expected;
	f->on_loop = (struct loop_call){ .fn = pause_between_look_and_run, .ctx = &k };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, NULL), 0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
}

static void pause_once(void *ctx)
{
	struct pauser *p = ctx;
	int rc = machine_pause(p->f->machine, PAUSE_CLOCK_STOP, &p->f->e);
	if (rc == -ECANCELED) {
		p->ended++;
		return;
	}
	assert_int_equal(rc, 0);
	machine_resume(p->f->machine);
	loop_post(p->f->loop, &p->f->on_loop);
}

static void run_to_end(struct fixture *f, const struct fake_step *script, enum machine_end end)
{
	for (unsigned i = 0; i < 30; i++) {
		loop_post(f->loop, &f->on_loop);
		f->config.cpu.vcpus = 4;
		assert_int_equal(fixture_run(f, script), 0);
		assert_int_equal(f->result.end, end);
		assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_RUN, &f->e), -ECANCELED);
		machine_resume(f->machine);
		loop_cancel(f->loop, &f->on_loop);
		machine_destroy(f->machine);
		f->machine = NULL;
	}
}

static void machine_pause__guest_ends_crashes_or_resets_meanwhile__the_run_ends_so(void **state)
{
	struct fixture *f = *state;
	const struct fake_step leave[] = { IN8(0x3fd), IN8(0x64), OUT8(0xf4, "\x07"), { 0 } };
	const struct fake_step reset[] = { IN8(0x3fd), IN8(0x64), OUT8(0xcf9, "\x06"), { 0 } };
	const struct fake_step crash[] = { IN8(0x3fd), IN8(0x64),
		{ .kind = FAKE_EXIT, .value = KVM_EXIT_SHUTDOWN }, { 0 } };
	struct pauser p = { .f = f };
	f->on_loop = (struct loop_call){ .fn = pause_once, .ctx = &p };
	run_to_end(f, leave, MACHINE_END_DEBUG_EXIT);
	run_to_end(f, reset, MACHINE_END_REBOOT);
	run_to_end(f, crash, MACHINE_END_CRASH);
}

static void pause_and_stop(void *ctx)
{
	struct fixture *f = ctx;
	assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_STOP, &f->e), 0);
	machine_press_power_button(f->machine);
	assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_STOP, &f->e), 0);
	machine_stop(f->machine);
}

static void machine_stop__while_paused__ends_the_run(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = NR_VCPUS;
	for (unsigned i = 1; i < NR_VCPUS; i++)
		f->fake->scripts[i] = hammer;
	f->on_loop = (struct loop_call){ .fn = pause_and_stop, .ctx = f };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, NULL), 0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
}

#define CHUNK 3500
#define NR_CHUNKS 20 /* together more than a pipe takes */

/* A console that nobody reads until the machine was paused. */
struct reading {
	struct fixture *f;
	pthread_t thread;
	unsigned wrong;
};

static void *read_letters(void *arg)
{
	struct reading *r = arg;
	char buf[512], expected = 'a';
	for (unsigned at = 0; at < CHUNK * NR_CHUNKS;) {
		ssize_t n = read(r->f->console[0], buf, sizeof(buf));
		for (ssize_t i = 0; i < n; i++, at++) {
			r->wrong += buf[i] != expected;
			expected = expected == 'z' ? 'a' : (char)(expected + 1);
		}
	}
	machine_stop(r->f->machine);
	return NULL;
}

static void pause_when_full(void *ctx)
{
	struct reading *r = ctx;
	struct fixture *f = r->f;
	struct pollfd p = { .fd = f->console[1], .events = POLLOUT };
	while (poll(&p, 1, 0) > 0)
		(void)sched_yield();
	for (int i = 0; i < 5; i++) {
		assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_STOP, &f->e), 0);
		machine_resume(f->machine);
	}
	assert_int_equal(pthread_create(&r->thread, NULL, read_letters, r), 0);
}

static void machine_pause__guest_waits_for_a_slow_reader__comes_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct reading r = { .f = f };
	static char letters[NR_CHUNKS][CHUNK];
	struct fake_step script[NR_CHUNKS + 1] = { 0 };
	for (unsigned i = 0; i < CHUNK * NR_CHUNKS; i++)
		letters[i / CHUNK][i % CHUNK] = (char)('a' + i % 26);
	for (unsigned i = 0; i < NR_CHUNKS; i++) {
		script[i] = (struct fake_step){ .kind = FAKE_OUT,
			.addr = 0x3f8,
			.size = 1,
			.count = CHUNK,
			.data = letters[i] };
	}
	f->on_loop = (struct loop_call){ .fn = pause_when_full, .ctx = &r };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(pthread_join(r.thread, NULL), 0);
	assert_int_equal(r.wrong, 0);
}

/* A vCPU that does not come, as nothing interrupts what its thread does. */
struct stuck {
	struct fixture *f;
	atomic_bool there, go;
};

static void be_stuck(void *ctx)
{
	struct stuck *s = ctx;
	atomic_store(&s->there, true);
	while (!atomic_load(&s->go))
		(void)sched_yield();
}

static void pause_in_vain(void *ctx)
{
	struct stuck *s = ctx;
	struct machine *m = s->f->machine;
	while (!atomic_load(&s->there))
		(void)sched_yield();
	atomic_store(&late, true);
	assert_int_equal(machine_pause(m, PAUSE_CLOCK_STOP, &s->f->e), -ETIMEDOUT);
	assert_contains(s->f->e.msg, "vCPU ");
	assert_contains(s->f->e.msg, "was not paused in ");
	atomic_store(&late, false);
	atomic_store(&s->go, true);
	/* It runs on, and can be paused as ever. */
	assert_int_equal(machine_pause(m, PAUSE_CLOCK_STOP, &s->f->e), 0);
	machine_resume(m);
	machine_stop(m);
}

static void machine_pause__a_vcpu_does_not_come__fails_and_the_machine_runs_on(void **state)
{
	struct fixture *f = *state;
	struct stuck s = { .f = f };
	const struct fake_step script[] = { CALL(be_stuck, &s), IN8(0x64), REPEAT };
	f->config.cpu.vcpus = 4;
	for (unsigned i = 1; i < 4; i++)
		f->fake->scripts[i] = hammer;
	f->on_loop = (struct loop_call){ .fn = pause_in_vain, .ctx = &s };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.end, MACHINE_END_STOPPED);
}

/* --- tasks --- */

struct visit {
	struct fixture *f;
	unsigned count, wrong_thread;
};

static void visit(struct vcpu *vcpu, void *ctx)
{
	struct visit *v = ctx;
	const struct fake_vcpu *fake = v->f->fake->vcpus[vcpu->index];
	v->count++;
	v->wrong_thread += fake->runs > 0 && !pthread_equal(fake->thread, pthread_self());
}

static void visit_all(void *ctx)
{
	struct visit *v = ctx;
	struct machine *m = v->f->machine;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < NR_VCPUS; i++)
			assert_int_equal(vcpu_run_task(m, i, visit, v, &v->f->e), 0);
		assert_int_equal(machine_pause(m, PAUSE_CLOCK_RUN, &v->f->e), 0);
		for (unsigned i = 0; i < NR_VCPUS; i++)
			assert_int_equal(vcpu_run_task(m, i, visit, v, &v->f->e), 0);
		assert_int_equal(count_states(m, VCPU_PAUSED), NR_VCPUS);
		machine_resume(m);
	}
	machine_stop(m);
}

static void vcpu_run_task__running_halted_or_paused__on_its_own_thread(void **state)
{
	struct fixture *f = *state;
	struct visit v = { .f = f };
	f->config.cpu.vcpus = NR_VCPUS;
	for (unsigned i = 0; i < NR_VCPUS; i++) {
		static const struct fake_step busy[] = { OUT8(0x80, "\x01"), IN8(0x3fd), REPEAT };
		f->fake->scripts[i] = i % 2 ? busy : NULL;
	}
	f->on_loop = (struct loop_call){ .fn = visit_all, .ctx = &v };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, NULL), 0);
	assert_int_equal(v.count, 20 * 2 * NR_VCPUS);
	assert_int_equal(v.wrong_thread, 0);
}

static void visit_too_late(void *ctx)
{
	struct stuck *s = ctx;
	struct machine *m = s->f->machine;
	struct visit v = { .f = s->f };
	while (!atomic_load(&s->there))
		(void)sched_yield();
	atomic_store(&late, true);
	assert_int_equal(vcpu_run_task(m, 0, visit, &v, &s->f->e), -ETIMEDOUT);
	assert_contains(s->f->e.msg, "vCPU 0 did nothing else in ");
	atomic_store(&late, false);
	atomic_store(&s->go, true);
	while (atomic_load(&m->threads[0].state) != VCPU_STOPPED)
		(void)sched_yield();
	assert_int_equal(vcpu_run_task(m, 0, visit, &v, &s->f->e), -ESRCH);
	assert_contains(s->f->e.msg, "vCPU 0 has stopped");
	assert_int_equal(v.count, 0);
}

static void vcpu_run_task__vcpu_stuck_or_stopped__is_not_done_now_or_later(void **state)
{
	struct fixture *f = *state;
	struct stuck s = { .f = f };
	const struct fake_step script[] = { CALL(be_stuck, &s), OUT8(0xf4, "\x07"), { 0 } };
	f->on_loop = (struct loop_call){ .fn = visit_too_late, .ctx = &s };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, script), 0);
	assert_int_equal(f->result.status, 7);
}

/* --- time --- */

#define TICKS 1000000

struct timing {
	struct fixture *f;
	enum config_pause_clock clock;
};

static void pause_and_let_time_pass(void *ctx)
{
	struct timing *t = ctx;
	struct fake_kvm *fake = t->f->fake;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(machine_pause(t->f->machine, t->clock, &t->f->e), 0);
		const uint64_t chips_ns = guest_clock_ns(t->f->machine->clock);
		doze();
		assert_int_equal(guest_clock_ns(t->f->machine->clock) > chips_ns,
			t->clock == PAUSE_CLOCK_RUN);
		assert_true(t->f->machine->devices.quiesced);
		fake->tsc += TICKS;
		fake->clock_ns += TICKS;
		fake->pit.channels[0].count = 0;
		machine_resume(t->f->machine);
		assert_false(t->f->machine->devices.quiesced);
	}
	doze();
	assert_true(guest_clock_ns(t->f->machine->clock) > 0);
	/* Who was not awake between two of them makes up for both. */
	while (count_states(t->f->machine, VCPU_RUNNING) < t->f->config.cpu.vcpus)
		(void)sched_yield();
	assert_int_equal(machine_pause(t->f->machine, PAUSE_CLOCK_RUN, &t->f->e), 0);
	machine_stop(t->f->machine);
}

static void run_timing(struct fixture *f, enum config_pause_clock clock)
{
	struct timing t = { .f = f, .clock = clock };
	f->config.cpu.vcpus = 4;
	f->fake->scripts[1] = f->fake->scripts[2] = hammer;
	f->fake->clock_ns = 5000;
	f->fake->tsc = 7000;
	f->fake->pit.channels[0].count = 1193;
	f->on_loop = (struct loop_call){ .fn = pause_and_let_time_pass, .ctx = &t };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, hammer), 0);
	assert_string_equal(f->reports, "");
}

static void machine_pause__clock_stop__clocks_are_turned_back_on_all_vcpus(void **state)
{
	struct fixture *f = *state;
	run_timing(f, PAUSE_CLOCK_STOP);
	assert_int_equal(f->fake->clock_ns, 5000);
	assert_int_equal(f->fake->pit.channels[0].count, 1193);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(f->fake->vcpus[i]->tsc_offset, UINT64_C(0) - 3 * TICKS);
		assert_in_range(f->fake->vcpus[i]->told_paused, 1, 3);
	}
}

static void machine_pause__clock_run__clocks_go_on_and_the_guest_is_told(void **state)
{
	struct fixture *f = *state;
	run_timing(f, PAUSE_CLOCK_RUN);
	assert_int_equal(f->fake->clock_ns, 5000 + 3 * TICKS);
	assert_int_equal(f->fake->pit.channels[0].count, 0);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_GET_CLOCK"), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(f->fake->vcpus[i]->tsc_offset, 0);
		assert_in_range(f->fake->vcpus[i]->told_paused, 1, 3);
	}
}

static void machine_pause__kvm_has_no_tsc_offset__the_other_clocks_stand_still(void **state)
{
	struct fixture *f = *state;
	f->fake->no_tsc_offset = true;
	run_timing(f, PAUSE_CLOCK_STOP);
	assert_int_equal(f->fake->clock_ns, 5000);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(f->fake->vcpus[i]->tsc_offset, 0);
}

static void machine_pause__kvm_forgets_the_tsc_offset__is_said_once_for_debugging(void **state)
{
	struct fixture *f = *state;
	f->fake->forgets_tsc_offset = true;
	run_timing(f, PAUSE_CLOCK_STOP);
	assert_int_equal(f->fake->clock_ns, 5000);
	machine_destroy(f->machine);
	f->machine = NULL;
	f->reporter.least = REPORT_DEBUG;
	f->fake->scripts[1] = f->fake->scripts[2] = NULL; /* they would say much */
	const struct fake_step twice[] = { IN8(0x3fd), REPEAT };
	struct timing t = { .f = f, .clock = PAUSE_CLOCK_STOP };
	f->on_loop = (struct loop_call){ .fn = pause_and_let_time_pass, .ctx = &t };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, twice), 0);
	const char *said = strstr(f->reports, "pause: the guest's TSC goes on");
	assert_non_null(said);
	assert_null(strstr(said + 1, "pause: the guest's TSC goes on"));
}

static void pause_on_a_failing_kvm(void *ctx)
{
	struct timing *t = ctx;
	struct fixture *f = t->f;
	struct fake_kvm *fake = f->fake;
	fake->fail_name = "KVM_GET_CLOCK";
	assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_STOP, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_CLOCK");
	fake->fail_name = "KVM_GET_PIT2";
	assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_STOP, &f->e), -EIO);
	assert_contains(f->e.msg, "KVM_GET_PIT2");
	assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_RUN, &f->e), 0);
	machine_resume(f->machine);
	static const char *const of_resume[] = { "KVM_SET_CLOCK", "KVM_SET_PIT2",
		"KVM_SET_DEVICE_ATTR", "KVM_KVMCLOCK_CTRL" };
	for (unsigned i = 0; i < ARRAY_SIZE(of_resume); i++) {
		fake->fail_name = NULL;
		assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_STOP, &f->e), 0);
		fake->tsc += TICKS;
		fake->fail_name = of_resume[i];
		machine_resume(f->machine);
		/* Until it has gone on, or failed to. */
		assert_int_equal(machine_pause(f->machine, PAUSE_CLOCK_RUN, &f->e), 0);
		machine_resume(f->machine);
	}
	fake->fail_name = NULL;
	machine_stop(f->machine);
}

static void machine_resume__kvm_fails__one_warning_and_the_guest_goes_on(void **state)
{
	struct fixture *f = *state;
	struct timing t = { .f = f };
	f->on_loop = (struct loop_call){ .fn = pause_on_a_failing_kvm, .ctx = &t };
	loop_post(f->loop, &f->on_loop);
	assert_int_equal(fixture_run(f, NULL), 0);
	assert_contains(f->reports, "after a pause: KVM_SET_CLOCK");
	assert_null(strstr(strstr(f->reports, "after a pause") + 1, "after a pause"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(machine_pause__all_vcpus_hammer_every_chip__none_runs_and_all_go_on),
		FIXTURE_TEST(machine_pause__half_halted_half_busy_with_clocks_stopped__all_come),
		FIXTURE_TEST(machine_pause__kicked_just_before_kvm_run__comes_all_the_same),
		FIXTURE_TEST(
			machine_pause__guest_ends_crashes_or_resets_meanwhile__the_run_ends_so),
		FIXTURE_TEST(machine_stop__while_paused__ends_the_run),
		FIXTURE_TEST(machine_pause__guest_waits_for_a_slow_reader__comes_and_loses_nothing),
		FIXTURE_TEST(machine_pause__a_vcpu_does_not_come__fails_and_the_machine_runs_on),
		FIXTURE_TEST(vcpu_run_task__running_halted_or_paused__on_its_own_thread),
		FIXTURE_TEST(vcpu_run_task__vcpu_stuck_or_stopped__is_not_done_now_or_later),
		FIXTURE_TEST(machine_pause__clock_stop__clocks_are_turned_back_on_all_vcpus),
		FIXTURE_TEST(machine_pause__clock_run__clocks_go_on_and_the_guest_is_told),
		FIXTURE_TEST(machine_pause__kvm_has_no_tsc_offset__the_other_clocks_stand_still),
		FIXTURE_TEST(machine_pause__kvm_forgets_the_tsc_offset__is_said_once_for_debugging),
		FIXTURE_TEST(machine_resume__kvm_fails__one_warning_and_the_guest_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
