/* SPDX-License-Identifier: MIT */
/*
 * pause_bench GUEST busy|halted [VCPUS [ROUNDS]]: how long a pause takes of a VM whose vCPUs are
 * all busy, or all halted, on this host's KVM. GUEST is any kernel that is entered in 32-bit code;
 * it does not run: all vCPUs do from the beginning what they are to do.
 *
 * Prints, separated by tabs, the round, a number of what was measured, and nanoseconds:
 *
 *	0 machine_pause, of all vCPUs in one round, the clocks stopped and the chips quiesced
 *	1 machine_resume, until it returns
 *	2 one vCPU's round alone: kicked, at a task on its thread, and waited for; ten times
 *
 * Before each, all are in the guest again. Exit status: 0 done, 1 failed, 77 no usable KVM.
 */
#include "vm/internal.h"

#include "config/config.h"
#include "plan/plan.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SKIP 77
#define NR_ROUNDS 100
#define NR_ALONE 10 /* where all are busy, one alone takes long to get a processor */

struct bench {
	unsigned nr_rounds;
	struct config *config;
	const struct vm_config *vm;
	struct kvm *kvm;
	struct machine_plan plan;
	struct guest_files files;
	struct loop *loop;
	struct machine *machine;
	struct loop_call rounds;
	int status;
};

static void say(void *ctx, enum report_level level, const char *text)
{
	(void)ctx;
	(void)level;
	(void)fprintf(stderr, "pause_bench: %s\n", text);
}

static void nothing(struct vcpu *vcpu, void *ctx)
{
	(void)vcpu;
	(void)ctx;
}

/* Until all are in the guest again, and the host's processors have nothing else to do. */
static void settle(const struct machine *m)
{
	for (unsigned i = 0; i < m->nr_threads; i++) {
		while (atomic_load(&m->threads[i].state) != VCPU_RUNNING)
			(void)poll(NULL, 0, 1);
	}
	(void)poll(NULL, 0, 20);
}

static void print_ns(unsigned round, unsigned what, uint64_t since_ns)
{
	(void)printf("%u\t%u\t%llu\n", round, what,
		(unsigned long long)(host_monotonic_ns() - since_ns));
}

static int run_round(struct machine *m, unsigned round, struct err *e)
{
	settle(m);
	uint64_t began = host_monotonic_ns();
	int rc = machine_pause(m, PAUSE_CLOCK_STOP, e);
	if (rc)
		return rc;
	print_ns(round, 0, began);
	began = host_monotonic_ns();
	machine_resume(m);
	print_ns(round, 1, began);
	if (round >= NR_ALONE)
		return 0;
	settle(m);
	began = host_monotonic_ns();
	rc = vcpu_run_task(m, round % m->nr_threads, nothing, NULL, e);
	print_ns(round, 2, began);
	return rc;
}

static void measure_rounds(void *ctx)
{
	struct bench *b = ctx;
	struct err e = ERR_INIT;
	int rc = 0;
	for (unsigned round = 0; rc == 0 && round < b->nr_rounds; round++)
		rc = run_round(b->machine, round, &e);
	if (rc)
		say(NULL, REPORT_ERROR, e.msg);
	b->status = rc ? 1 : 0;
	machine_stop(b->machine);
}

static int configure(struct bench *b, const char *guest, const char *nr_vcpus, struct err *e)
{
	char vcpus[32];
	(void)snprintf(vcpus, sizeof(vcpus), "cpu.vcpus=%s", nr_vcpus);
	b->config = config_create();
	int rc = b->config ? 0 : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = config_set(b->config, "memory.size=16M", "bench", e);
	if (rc == 0)
		rc = config_set(b->config, vcpus, "bench", e);
	if (rc == 0)
		rc = config_set_text(b->config, "boot.kernel", guest, "bench", e);
	return rc ? rc : config_finish(b->config, &b->vm, e);
}

static int build(struct bench *b, const struct reporter *reporter, struct err *e)
{
	struct host_facts *facts = calloc(1, sizeof(*facts));
	int rc = facts ? kvm_host_facts(b->kvm, facts, e) : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0)
		rc = plan_machine(b->vm, NULL, facts, NULL, &b->plan, e);
	free(facts);
	if (rc == 0)
		rc = guest_files_open(&b->files, b->vm, e);
	if (rc == 0)
		rc = loop_create(&b->loop, e);
	const struct machine_options options = {
		.kvm = b->kvm,
		.config = b->vm,
		.plan = &b->plan,
		.files = &b->files,
		.io = { .serial_out = { -1, -1, -1, -1 }, .debug_console_out = -1 },
		.loop = b->loop,
		.reporter = reporter,
	};
	return rc ? rc : machine_create(&b->machine, &options, e);
}

#define CODE_AT 0x500

/* All vCPUs at the same two or three bytes, none waiting for INIT and SIPI. */
static int enter_all(struct machine *m, bool busy, struct err *e)
{
	static const uint8_t busy_code[] = { 0xf3, 0x90, 0xeb, 0xfc }; /* pause; jmp */
	static const uint8_t halted_code[] = { 0xf4, 0xeb, 0xfd };     /* hlt; jmp */
	int rc = guest_memory_write(ram_guest_memory(m->ram), gpa(CODE_AT),
		busy ? busy_code : halted_code, busy ? sizeof(busy_code) : sizeof(halted_code), e);
	m->boot_state.rip = CODE_AT;
	for (unsigned i = 1; rc == 0 && i < m->options.plan->nr_vcpus; i++) {
		rc = kvm_vcpu_set_state(m->vcpus[i].kvm, &m->boot_state, e);
		if (rc == 0)
			rc = kvm_vcpu_make_runnable(m->vcpus[i].kvm, e);
	}
	return rc;
}

static int measure(struct bench *b, char **argv, const char *nr_vcpus, struct err *e)
{
	const struct reporter reporter = { .fn = say, .least = REPORT_WARN };
	struct machine_result result;
	int rc = configure(b, argv[1], nr_vcpus, e);
	if (rc == 0)
		rc = build(b, &reporter, e);
	if (rc == 0)
		rc = enter_all(b->machine, strcmp(argv[2], "busy") == 0, e);
	b->rounds = (struct loop_call){ .fn = measure_rounds, .ctx = b };
	if (rc == 0) {
		loop_post(b->loop, &b->rounds);
		rc = machine_run(b->machine, &result, e);
	}
	machine_destroy(b->machine);
	loop_destroy(b->loop);
	guest_files_close(&b->files);
	machine_plan_done(&b->plan);
	config_destroy(b->config);
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct bench b = {
		.status = 1, .nr_rounds = NR_ROUNDS, .files = { .kernel = -1, .initrd = -1 }
	};
	if (argc < 3 || argc > 5) {
		(void)fprintf(stderr, "usage: pause_bench GUEST busy|halted [VCPUS [ROUNDS]]\n");
		return 2;
	}
	if (argc > 4)
		b.nr_rounds = (unsigned)strtoul(argv[4], NULL, 10);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kvm_open(&b.kvm, &kvm_calls_real, KVM_DEVICE_PATH, &e)) {
		(void)fprintf(stderr, "pause_bench: %s\n", e.msg);
		return SKIP;
	}
	if (measure(&b, argv, argc > 3 ? argv[3] : "255", &e))
		(void)fprintf(stderr, "pause_bench: %s\n", e.msg);
	kvm_close(b.kvm);
	return b.status;
}
