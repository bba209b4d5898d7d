/* SPDX-License-Identifier: MIT */
/* machine_settle: vCPUs that a worker settles and runs, as nestor run has it. */
#include "unit/vm/fixture.h"

#include "base/worker.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

static const struct fake_step script[] = {
	{ .kind = FAKE_OUT, .addr = 0xf4, .size = 1, .count = 1, .data = "\5" },
	{ .kind = FAKE_END },
};

/* A worker, and what it is to make before it settles. */
struct by_worker {
	struct fixture *f;
	struct worker *worker;
	struct work planning;
	bool refused;
	struct machine_plan *plan;
	const struct cpu_policy *policy;
};

static int set_up(void **state)
{
	struct by_worker *b = calloc(1, sizeof(*b));
	void *f;
	if (!b || fixture_set_up(&f))
		return -1;
	b->f = f;
	b->f->fake->scripts[0] = script;
	*state = b;
	return worker_create(&b->worker, &b->f->e);
}

static int tear_down(void **state)
{
	struct by_worker *b = *state;
	void *f = b->f;
	machine_destroy(b->f->machine);
	b->f->machine = NULL;
	worker_destroy(b->worker);
	free(b);
	return fixture_tear_down(&f);
}

static void plan(void *ctx)
{
	struct by_worker *b = ctx;
	if (b->refused)
		return;
	b->plan = &b->f->plan;
	b->policy = b->f->given_policy;
}

static void make_options(struct by_worker *b)
{
	struct fixture *f = b->f;
	f->options = (struct machine_options){
		.kvm = f->kvm,
		.config = &f->config,
		.files = &f->files,
		.io = { .serial_out = { f->console[1], -1, -1, -1 },
			.debug_console_out = f->console[1] },
		.loop = f->loop,
		.worker = b->worker,
		.reporter = &f->reporter,
	};
}

/* Begins the machine and gives the settling; the plan is the worker's work before that. */
static int begin(struct by_worker *b)
{
	struct fixture *f = b->f;
	machine_plan_done(&f->plan); /* of the last time */
	b->plan = NULL;
	b->policy = NULL;
	make_options(b);
	assert_int_equal(plan_machine(&f->config, f->given_policy, &f->facts, /* trace */ NULL,
				 &f->plan, &f->e),
		0);
	b->planning = (struct work){ .run = plan, .ctx = b };
	worker_give(b->worker, &b->planning);
	int rc = machine_begin(&f->machine, &f->options, &f->e);
	return rc ? rc : machine_settle(f->machine, &b->plan, &b->policy, &f->e);
}

static int begin_and_run(struct by_worker *b)
{
	struct fixture *f = b->f;
	int rc = begin(b);
	worker_await(b->worker, &b->planning);
	f->options.plan = b->plan;
	f->options.policy = b->policy;
	if (rc == 0)
		rc = machine_complete(f->machine, &f->options, &f->e);
	return rc ? rc : machine_run(f->machine, &f->result, &f->e);
}

static void assert_ran(struct by_worker *b)
{
	struct fixture *f = b->f;
	assert_int_equal(begin_and_run(b), 0);
	assert_int_equal(f->result.end, MACHINE_END_DEBUG_EXIT);
	assert_int_equal(f->result.status, 5);
	assert_int_equal(f->fake->nr_vcpus, f->plan.nr_vcpus);
	for (unsigned i = 0; i < f->fake->nr_vcpus; i++) {
		assert_int_equal(f->fake->vcpus[i]->id, f->plan.vcpus[i].apic_id);
		assert_true(f->fake->vcpus[i]->cpuid.nr_entries > 0);
	}
	assert_int_equal(f->fake->vcpus[0]->regs.rip, FIXTURE_ENTRY);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_SET_SREGS"), 1);
	assert_int_equal(fake_kvm_count(f->fake, "KVM_CREATE_PIT2"), !f->plan.split_irqchip);
}

static void machine_settle__one_vcpu__runs(void **state)
{
	struct by_worker *b = *state;
	assert_ran(b);
	int filter = fake_kvm_find(b->f->fake, "KVM_X86_SET_MSR_FILTER", 0);
	assert_true(filter >= 0 && filter < fake_kvm_find(b->f->fake, "KVM_CREATE_VCPU", 0));
}

static void machine_settle__several_vcpus__all_settled_before_any_runs(void **state)
{
	struct by_worker *b = *state;
	b->f->config.cpu.vcpus = 5;
	assert_ran(b);
	int last = -1;
	for (unsigned i = 0; i < 5; i++)
		last = fake_kvm_find(b->f->fake, "KVM_SET_CPUID2", (unsigned)(last + 1));
	assert_true(last >= 0 && last < fake_kvm_find(b->f->fake, "KVM_RUN", 0));
}

static void machine_settle__split_irqchip__runs(void **state)
{
	struct by_worker *b = *state;
	b->f->config.machine.irqchip = IRQCHIP_SPLIT;
	assert_ran(b);
}

/* The filter cannot be foreseen: irqchip, vCPUs and 8254 wait for the plan. */
static void machine_settle__extensions_exposed__runs_with_the_8254_behind_the_irqchip(void **state)
{
	struct by_worker *b = *state;
	b->f->config.nesting.expose_virtualization_extensions = true;
	assert_ran(b);
	assert_true(fake_kvm_find(b->f->fake, "KVM_CREATE_PIT2", 0) >
		    fake_kvm_find(b->f->fake, "KVM_CREATE_IRQCHIP", 0));
}

static void machine_settle__apic_ids_of_255_or_more__capability_before_vcpus(void **state)
{
	struct by_worker *b = *state;
	b->f->config.cpu.vcpus = 3 * 3 * 9;
	b->f->config.cpu.sockets = 9;
	b->f->config.cpu.cores = 3;
	b->f->config.cpu.threads = 3;
	b->f->config.cpu.dies = 1;
	assert_ran(b);
	assert_int_equal(fake_kvm_count(b->f->fake, "KVM_ENABLE_CAP"), 0); /* up to 138 */
	machine_destroy(b->f->machine);
	b->f->machine = NULL;
	b->f->config.cpu.vcpus = 3 * 3 * 17;
	b->f->config.cpu.sockets = 17;
	unsigned from = b->f->fake->nr_calls;
	assert_int_equal(begin_and_run(b), 0);
	int cap = fake_kvm_find(b->f->fake, "KVM_ENABLE_CAP", from);
	assert_true(cap >= 0 && cap < fake_kvm_find(b->f->fake, "KVM_CREATE_VCPU", from));
}

static void machine_settle__plan_refused__no_vcpu_gets_a_processor(void **state)
{
	struct by_worker *b = *state;
	b->refused = true;
	assert_int_equal(begin(b), 0);
	machine_destroy(b->f->machine);
	b->f->machine = NULL;
	assert_int_equal(fake_kvm_count(b->f->fake, "KVM_SET_CPUID2"), 0);
	assert_int_equal(b->f->fake->nr_maps, 0);
}

static void machine_destroy__while_the_worker_settles__waits_for_it(void **state)
{
	struct by_worker *b = *state;
	unsigned fds = fixture_count_fds();
	b->f->config.cpu.vcpus = 3;
	for (unsigned i = 0; i < 50; i++) {
		b->f->fake->nr_calls = 0;
		assert_int_equal(begin(b), 0);
		machine_destroy(b->f->machine);
		b->f->machine = NULL;
		assert_int_equal(fake_kvm_count(b->f->fake, "KVM_SET_CPUID2"), 3);
		assert_int_equal(b->f->fake->nr_maps, 0);
		assert_int_equal(fixture_count_fds(), fds);
	}
}

/* As nestor run does it when the guest resets: the worker's thread is the next boot vCPU's, too. */
static void machine_run__again_by_the_same_worker__runs(void **state)
{
	struct by_worker *b = *state;
	struct fixture *f = b->f;
	assert_ran(b);
	for (unsigned i = 0; i < 3; i++) {
		machine_destroy(f->machine);
		f->machine = NULL;
		assert_int_equal(machine_begin(&f->machine, &f->options, &f->e), 0);
		assert_int_equal(machine_complete(f->machine, &f->options, &f->e), 0);
		assert_int_equal(machine_run(f->machine, &f->result, &f->e), 0);
		assert_int_equal(f->result.status, 5);
	}
}

static void machine_run__no_such_host_cpu__names_the_key(void **state)
{
	struct by_worker *b = *state;
	b->f->config.cpu.pinning[0] = 4095;
	b->f->config.cpu.nr_pinning = 1;
	assert_int_equal(begin_and_run(b), -EINVAL);
	assert_contains(b->f->e.msg, "cpu.pinning: vCPU 0 cannot run on host CPU 4095");
	assert_contains(b->f->e.hint, "taskset");
}

/* Runs with call n failing; false once there are fewer calls than that. */
static bool run_failing_at(struct by_worker *b, unsigned n)
{
	struct fixture *f = b->f;
	unsigned fds = fixture_count_fds(), kvm_fds = f->fake->nr_fds;
	f->fake->nr_calls = 0;
	f->fake->fail_at = n;
	f->fake->fail_code = ENODEV; /* EIO of KVM_RUN is the guest's own fault */
	f->e = (struct err)ERR_INIT;
	int rc = begin_and_run(b);
	f->fake->fail_at = 0;
	machine_destroy(f->machine);
	f->machine = NULL;
	bool reached = fixture_call_failed(f, n, rc);
	if (reached)
		assert_int_equal(f->e.kind, ERR_HOST);
	assert_int_equal(f->fake->nr_fds, kvm_fds);
	assert_int_equal(f->fake->nr_maps, 0);
	assert_int_equal(f->fake->bad_calls, 0);
	assert_int_equal(fixture_count_fds(), fds);
	return reached;
}

static void run_failing_at_every_call(struct by_worker *b)
{
	unsigned n = 1;
	while (run_failing_at(b, n))
		n++;
	assert_true(n > 15);
}

static void machine_settle__call_n_fails__error_names_it_and_nothing_leaks(void **state)
{
	run_failing_at_every_call(*state);
}

static void machine_settle__call_n_fails_exposed__error_names_it_and_nothing_leaks(void **state)
{
	struct by_worker *b = *state;
	b->f->config.nesting.expose_virtualization_extensions = true;
	run_failing_at_every_call(b);
}

static void machine_settle__kvm_keeps_another_cpuid__refused_by_run(void **state)
{
	struct by_worker *b = *state;
	b->f->fake->shows_vmx = true;
	assert_int_equal(begin_and_run(b), -EIO);
	assert_contains(b->f->e.msg, "vCPU 0");
	assert_int_equal(fake_kvm_count(b->f->fake, "KVM_RUN"), 0);
}

#define SETTLE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SETTLE_TEST(machine_settle__one_vcpu__runs),
		SETTLE_TEST(machine_settle__several_vcpus__all_settled_before_any_runs),
		SETTLE_TEST(machine_settle__split_irqchip__runs),
		SETTLE_TEST(
			machine_settle__extensions_exposed__runs_with_the_8254_behind_the_irqchip),
		SETTLE_TEST(machine_settle__apic_ids_of_255_or_more__capability_before_vcpus),
		SETTLE_TEST(machine_settle__plan_refused__no_vcpu_gets_a_processor),
		SETTLE_TEST(machine_destroy__while_the_worker_settles__waits_for_it),
		SETTLE_TEST(machine_run__again_by_the_same_worker__runs),
		SETTLE_TEST(machine_run__no_such_host_cpu__names_the_key),
		SETTLE_TEST(machine_settle__call_n_fails__error_names_it_and_nothing_leaks),
		SETTLE_TEST(machine_settle__call_n_fails_exposed__error_names_it_and_nothing_leaks),
		SETTLE_TEST(machine_settle__kvm_keeps_another_cpuid__refused_by_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
