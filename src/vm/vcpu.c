/* SPDX-License-Identifier: MIT */
#include "vm/internal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Kicking: who wants something of a vCPU's thread writes what (`stopping`, pause.asked, a task),
 * then kvm_run.immediate_exit, then sends this signal. A thread that is in KVM_RUN leaves it for
 * the signal; one that has looked before, but not entered KVM_RUN yet, leaves at once for
 * immediate_exit. That is taken back under pause.lock, and by the thread itself, before it looks
 * once more. So no order loses the kick.
 */
static int kick_signal(void)
{
	return SIGRTMIN;
}

static void on_kick(int sig)
{
	(void)sig; /* its arrival is all that matters: KVM_RUN returns -EINTR */
}

static int install_kick_handler(struct err *e)
{
	struct sigaction sa = { .sa_handler = on_kick };
	(void)sigemptyset(&sa.sa_mask);
	if (sigaction(kick_signal(), &sa, /* old */ NULL) < 0)
		return err_set_errno(e, -errno, "sigaction for the vCPU kick signal");
	return 0;
}

/* For people who look; nothing depends on it. */
static void name_thread(const struct vcpu *vcpu)
{
	char name[16];
	(void)snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
	(void)pthread_setname_np(pthread_self(), name);
}

void vcpu_kick(struct vcpu_thread *t)
{
	kvm_vcpu_request_immediate_exit(t->machine->vcpus[t->index].kvm);
	worker_signal(t->worker, kick_signal());
}

static void run(struct vcpu_thread *t)
{
	struct machine *m = t->machine;
	struct vcpu *vcpu = &m->vcpus[t->index];
	sigset_t kick;
	(void)sigemptyset(&kick);
	(void)sigaddset(&kick, kick_signal());
	(void)pthread_sigmask(SIG_UNBLOCK, &kick, /* old */ NULL);
	name_thread(vcpu);

	/* Once the machine has ended, no guest code may run on: what follows a reset, say, is often
	 * a triple fault, in case the reset did nothing. */
	while (!vcpu_must_end(m)) {
		struct err e = ERR_INIT;
		int rc = kvm_vcpu_run(vcpu->kvm, &e);
		if (rc == -EINTR) {
			vcpu_rest(t);
			continue;
		}
		if (rc) {
			vcpu_report_crash(vcpu, CRASH_OTHER, e.msg);
			machine_end(m, MACHINE_END_ERROR, 0, &e);
			break;
		}
		struct kvm_exit x;
		kvm_vcpu_exit(vcpu->kvm, &x);
		if (vcpu_handle_exit(vcpu, &x) == EXIT_STOP)
			break;
	}
}

static void thread_main(void *ctx)
{
	struct vcpu_thread *t = ctx;
	struct machine *m = t->machine;
	struct err e = ERR_INIT;
	if (m->settle_rc)
		machine_end(m, MACHINE_END_ERROR, 0, &m->settle_error);
	/* Here, and not when it was settled, as the guest need not have been loaded then. */
	else if (t->index == 0 && kvm_vcpu_set_state(m->vcpus[0].kvm, &m->boot_state, &e))
		machine_end(m, MACHINE_END_ERROR, 0, &e);
	else
		run(t);
	vcpu_ended(t);
}

static int pin(struct vcpu_thread *t, struct err *e)
{
	int host_cpu = t->machine->options.plan->vcpus[t->index].host_cpu;
	int rc = host_cpu < 0 ? 0 : worker_pin(t->worker, (unsigned)host_cpu, e);
	if (rc != -EINVAL)
		return rc;
	(void)err_set(e, rc, "cpu.pinning: vCPU %u cannot run on host CPU %d", t->index, host_cpu);
	return err_hint(
		e, rc, "name a CPU that is online and that this process may use (taskset -cp $$)");
}

static int start_one(struct machine *m, unsigned i, struct err *e)
{
	struct vcpu_thread *t = &m->threads[i];
	t->machine = m;
	t->index = i;
	t->worker = i == 0 ? m->options.worker : NULL;
	int rc = t->worker ? 0 : worker_create(&t->own_worker, e);
	if (rc)
		return err_wrap(e, rc, "vCPU %u", i);
	if (!t->worker)
		t->worker = t->own_worker;
	rc = pin(t, e);
	if (rc)
		return rc;
	t->running = (struct work){ .run = thread_main, .ctx = t };
	t->started = true;
	(void)sem_init(&t->wake, /* pshared */ 0, 0);
	vcpu_began(t);
	worker_give(t->worker, &t->running);
	return 0;
}

int machine_start_vcpus(struct machine *m, struct err *e)
{
	unsigned n = m->options.plan->nr_vcpus;
	int rc = install_kick_handler(e);
	if (rc)
		return rc;
	m->threads = calloc(n, sizeof(*m->threads));
	if (!m->threads)
		return err_set(e, -ENOMEM, "out of memory");
	m->nr_threads = n;
	/* The boot vCPU is still being settled, it may be: its thread goes on from that to the
	 * guest, and nobody waits who need not. */
	rc = start_one(m, 0, e);
	if (rc == 0 && n > 1)
		rc = machine_settled(m, e);
	for (unsigned i = 1; rc == 0 && i < n; i++)
		rc = start_one(m, i, e);
	return rc;
}

void machine_join_vcpus(struct machine *m)
{
	const uint64_t one = 1;
	atomic_store(&m->stopping, true);
	bool settled = machine_settled(m, NULL) == 0;
	/* Ends waits in host_output_write; stays readable, as nobody reads it. */
	ssize_t done = write(m->stop_fd, &one, sizeof(one));
	(void)done;
	for (unsigned i = 0; settled && i < m->nr_threads; i++) {
		if (m->threads[i].started)
			vcpu_kick(&m->threads[i]);
	}
	machine_wake_vcpus(m);
	for (unsigned i = 0; i < m->nr_threads; i++) {
		struct vcpu_thread *t = &m->threads[i];
		if (t->started) {
			worker_await(t->worker, &t->running);
			(void)sem_destroy(&t->wake);
		}
		worker_destroy(t->own_worker);
	}
	free(m->threads);
	m->threads = NULL;
	m->nr_threads = 0;
}
