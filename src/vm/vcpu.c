/* SPDX-License-Identifier: MIT */
#include "vm/internal.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * Kicking: the stopper sets `stopping`, then kvm_run.immediate_exit, then sends this signal. A vCPU
 * thread that is in KVM_RUN leaves it for the signal; one that has looked at `stopping` before it
 * was set, but not entered KVM_RUN yet, leaves at once for immediate_exit. So no order loses the
 * kick.
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

static void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;
	struct machine *m = vcpu->machine;
	sigset_t kick;
	(void)sigemptyset(&kick);
	(void)sigaddset(&kick, kick_signal());
	(void)pthread_sigmask(SIG_UNBLOCK, &kick, /* old */ NULL);
	/* For people who look; nothing depends on it. */
	char name[16];
	(void)snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
	(void)pthread_setname_np(pthread_self(), name);

	/* Once the machine has ended, no guest code may run on: what follows a reset, say, is often
	 * a triple fault, in case the reset did nothing. */
	while (!atomic_load(&m->stopping) && !atomic_load(&m->ended)) {
		struct err e = ERR_INIT;
		int rc = kvm_vcpu_run(vcpu->kvm, &e);
		if (rc == -EINTR)
			continue;
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
	return NULL;
}

static int make_attr(pthread_attr_t *attr, int host_cpu, struct err *e)
{
	int rc = pthread_attr_init(attr);
	if (rc)
		return err_set_errno(e, -rc, "pthread_attr_init");
	rc = pthread_attr_setstacksize(attr, THREAD_STACK_BYTES);
	if (rc == 0 && host_cpu >= 0) {
		cpu_set_t *set = CPU_ALLOC(4096);
		size_t size = CPU_ALLOC_SIZE(4096);
		if (set) {
			CPU_ZERO_S(size, set);
			CPU_SET_S((unsigned)host_cpu, size, set);
			rc = pthread_attr_setaffinity_np(attr, size, set);
			CPU_FREE(set);
		} else {
			rc = ENOMEM;
		}
	}
	if (rc) {
		(void)pthread_attr_destroy(attr);
		return err_set_errno(e, -rc, "setting the stack and CPU of a vCPU thread");
	}
	return 0;
}

static int start_one(struct vcpu *vcpu, struct err *e)
{
	int host_cpu = vcpu->machine->options.plan->vcpus[vcpu->index].host_cpu;
	pthread_attr_t attr;
	int rc = make_attr(&attr, host_cpu, e);
	if (rc)
		return rc;
	rc = pthread_create(&vcpu->thread, &attr, vcpu_main, vcpu);
	(void)pthread_attr_destroy(&attr);
	if (rc == EINVAL && host_cpu >= 0) {
		(void)err_set(e, -rc, "cpu.pinning: vCPU %u cannot run on host CPU %d", vcpu->index,
			host_cpu);
		return err_hint(e, -rc,
			"name a CPU that is online and that this process may use (taskset -cp $$)");
	}
	if (rc)
		return err_set_errno(e, -rc, "pthread_create for vCPU %u", vcpu->index);
	vcpu->thread_started = true;
	return 0;
}

int machine_start_vcpus(struct machine *m, struct err *e)
{
	int rc = install_kick_handler(e);
	for (unsigned i = 0; rc == 0 && i < m->options.plan->nr_vcpus; i++)
		rc = start_one(&m->vcpus[i], e);
	return rc;
}

void machine_join_vcpus(struct machine *m)
{
	const uint64_t one = 1;
	atomic_store(&m->stopping, true);
	/* Ends waits in host_output_write; stays readable, as nobody reads it. */
	ssize_t done = write(m->stop_fd, &one, sizeof(one));
	(void)done;
	for (unsigned i = 0; m->vcpus && i < m->options.plan->nr_vcpus; i++) {
		struct vcpu *vcpu = &m->vcpus[i];
		if (!vcpu->thread_started)
			continue;
		kvm_vcpu_request_immediate_exit(vcpu->kvm);
		(void)pthread_kill(vcpu->thread, kick_signal());
	}
	for (unsigned i = 0; m->vcpus && i < m->options.plan->nr_vcpus; i++) {
		struct vcpu *vcpu = &m->vcpus[i];
		if (!vcpu->thread_started)
			continue;
		(void)pthread_join(vcpu->thread, /* result */ NULL);
		vcpu->thread_started = false;
	}
}
