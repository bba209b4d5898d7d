/* SPDX-License-Identifier: MIT */
/*
 * Pausing: every vCPU's thread is called out of KVM_RUN and waits here until the machine goes on or
 * ends. The loop's thread kicks all of them first and then waits once, for the last, so that the
 * pause of many vCPUs is one round. The exit that a vCPU was at is complete by then, as KVM says
 * EINTR only after what the guest asked for by it is done (KVM API, "The kvm_run structure",
 * immediate_exit).
 *
 * Under pause.lock: what is asked, and who has come. A vCPU is RUNNING from when its thread is
 * given it; the thread alone makes it PAUSED, RUNNING again, or, for good, STOPPED.
 */
#include "vm/internal.h"

#include "base/fd.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* In this time a vCPU's thread leaves KVM_RUN, or comes back from a device, also where the host is
 * an emulated machine. */
#define ARRIVE_S 10

int machine_pause_init(struct machine *m, struct err *e)
{
	pthread_condattr_t monotonic;
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&m->pause.lock, /* attr */ NULL);
	(void)pthread_cond_init(&m->pause.news, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	m->pause.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return m->pause.fd < 0 ? err_set_errno(e, -errno, "eventfd for pausing vCPUs") : 0;
}

void machine_pause_done(struct machine *m)
{
	m->pause.fd = fd_close(m->pause.fd);
	(void)pthread_cond_destroy(&m->pause.news);
	(void)pthread_mutex_destroy(&m->pause.lock);
}

static struct timespec deadline(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ARRIVE_S;
	return t;
}

/* --- on a vCPU's thread --- */

/* With the lock held. */
static void arrive(struct vcpu_thread *t, enum vcpu_state state)
{
	struct machine_pause *p = &t->machine->pause;
	if (atomic_load(&t->state) == VCPU_RUNNING && --p->nr_running == 0)
		(void)pthread_cond_broadcast(&p->news);
	atomic_store(&t->state, state);
}

void vcpu_began(struct vcpu_thread *t)
{
	struct machine_pause *p = &t->machine->pause;
	(void)pthread_mutex_lock(&p->lock);
	atomic_store(&t->state, VCPU_RUNNING);
	p->nr_running++;
	(void)pthread_mutex_unlock(&p->lock);
}

void vcpu_ended(struct vcpu_thread *t)
{
	struct machine_pause *p = &t->machine->pause;
	(void)pthread_mutex_lock(&p->lock);
	arrive(t, VCPU_STOPPED);
	(void)pthread_cond_broadcast(&p->news); /* its tasks are not done any more */
	(void)pthread_mutex_unlock(&p->lock);
}

/* With the lock held, but for the tasks themselves. */
static void do_tasks(struct vcpu_thread *t)
{
	struct machine_pause *p = &t->machine->pause;
	struct vcpu_task *task;
	while ((task = t->task)) {
		t->task = NULL;
		task->state = TASK_BEGUN;
		(void)pthread_mutex_unlock(&p->lock);
		task->fn(&t->machine->vcpus[t->index], task->ctx);
		(void)pthread_mutex_lock(&p->lock);
		task->state = TASK_DONE;
		(void)pthread_cond_broadcast(&p->news);
	}
}

static void complain(struct machine *m, const struct err *e)
{
	if (!atomic_exchange(&m->pause.complained, true))
		report(m->options.reporter, REPORT_WARN, "after a pause: %s", e->msg);
}

void machine_tsc_goes_on(struct machine *m, const struct err *e)
{
	if (!atomic_exchange(&m->pause.tsc_told, true))
		report(m->options.reporter, REPORT_DEBUG, "pause: the guest's TSC goes on: %s",
			e->msg);
}

/* Before the guest goes on; without the lock. */
static void make_up_for(struct vcpu_thread *t, const struct vcpu_missed *missed)
{
	struct machine *m = t->machine;
	struct kvm_vcpu *kvm = m->vcpus[t->index].kvm;
	struct err e = ERR_INIT;
	int rc = missed->tsc_ticks ? kvm_vcpu_turn_tsc_back(kvm, missed->tsc_ticks, &e) : 0;
	if (rc == -ENOTSUP)
		machine_tsc_goes_on(m, &e);
	else if (rc)
		complain(m, &e);
	if (missed->paused && kvm_vcpu_tell_paused(kvm, &e))
		complain(m, &e);
	for (unsigned i = 0; i < CONFIG_MAX_SERIALS; i++)
		host_output_flush(m->serial_output[i]);
	host_output_flush(m->debug_output);
}

bool vcpu_must_end(const struct machine *m)
{
	return atomic_load(&m->stopping) || atomic_load(&m->ended);
}

void vcpu_rest(struct vcpu_thread *t)
{
	struct machine *m = t->machine;
	struct machine_pause *p = &m->pause;
	(void)pthread_mutex_lock(&p->lock);
	for (;;) {
		do_tasks(t);
		if (!p->asked || vcpu_must_end(m))
			break;
		arrive(t, VCPU_PAUSED);
		(void)pthread_mutex_unlock(&p->lock);
		while (sem_wait(&t->wake) < 0 && errno == EINTR) {
		}
		(void)pthread_mutex_lock(&p->lock);
	}
	const bool was_paused = atomic_load(&t->state) == VCPU_PAUSED;
	const struct vcpu_missed missed = t->missed;
	if (was_paused) {
		t->missed = (struct vcpu_missed){ 0 };
		atomic_store(&t->state, VCPU_RUNNING);
		p->nr_running++;
	}
	/* With the lock held: who asks for the next pause has to take it before it kicks. */
	kvm_vcpu_cancel_immediate_exit(m->vcpus[t->index].kvm);
	(void)pthread_mutex_unlock(&p->lock);
	if (was_paused && !vcpu_must_end(m))
		make_up_for(t, &missed);
}

/* --- on the loop's thread --- */

static void wake_all(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_threads; i++) {
		if (m->threads[i].started)
			(void)sem_post(&m->threads[i].wake);
	}
}

/* No order loses the kick: see vcpu.c. */
static void kick_running(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_threads; i++) {
		if (atomic_load(&m->threads[i].state) == VCPU_RUNNING)
			vcpu_kick(&m->threads[i]);
	}
}

static void let_go(struct machine *m)
{
	uint64_t count;
	ssize_t done = read(m->pause.fd, &count, sizeof(count));
	(void)done;
	/* The lock: so that no vCPU is between its look at what is asked and its wait. */
	(void)pthread_mutex_lock(&m->pause.lock);
	m->pause.asked = false;
	(void)pthread_mutex_unlock(&m->pause.lock);
	wake_all(m);
}

static void ask(struct machine *m)
{
	const uint64_t one = 1;
	/* Whoever waits for a slow reader comes, too; it stays so until let_go. */
	ssize_t done = write(m->pause.fd, &one, sizeof(one));
	(void)done;
	(void)pthread_mutex_lock(&m->pause.lock);
	m->pause.asked = true;
	(void)pthread_mutex_unlock(&m->pause.lock);
	kick_running(m);
}

/* Waits for the last vCPU; which one did not come in time, or nr_threads. */
static unsigned gather(struct machine *m)
{
	struct machine_pause *p = &m->pause;
	const struct timespec until = deadline();
	unsigned missing = 0;
	ask(m);
	(void)pthread_mutex_lock(&p->lock);
	while (p->nr_running > 0 &&
		pthread_cond_timedwait(&p->news, &p->lock, &until) != ETIMEDOUT) {
	}
	while (missing < m->nr_threads && atomic_load(&m->threads[missing].state) != VCPU_RUNNING)
		missing++;
	(void)pthread_mutex_unlock(&p->lock);
	return missing;
}

int machine_pause(struct machine *m, enum config_pause_clock clock, struct err *e)
{
	if (m->pause.paused)
		return 0;
	if (m->nr_threads == 0)
		return err_set(e, -ECANCELED, "the machine does not run");
	int rc = machine_settled(m, e);
	if (rc)
		return rc;
	const unsigned missing = gather(m);
	if (atomic_load(&m->ended))
		rc = err_set(e, -ECANCELED, "the machine has ended");
	else if (missing < m->nr_threads)
		rc = err_set(e, -ETIMEDOUT, "vCPU %u was not paused in %d s", missing, ARRIVE_S);
	if (rc == 0 && clock == PAUSE_CLOCK_STOP)
		rc = machine_stop_clocks(m, e);
	if (rc) {
		let_go(m);
		return rc;
	}
	device_list_quiesce(&m->devices);
	m->pause.paused = true;
	return 0;
}

void machine_resume(struct machine *m)
{
	if (!m->pause.paused)
		return;
	m->pause.paused = false;
	struct err e = ERR_INIT;
	struct vcpu_missed missed = { .paused = true };
	if (machine_start_clocks(m, &missed.tsc_ticks, &e))
		complain(m, &e);
	device_list_resume(&m->devices);
	(void)pthread_mutex_lock(&m->pause.lock);
	for (unsigned i = 0; i < m->nr_threads; i++) {
		/* What it missed in the pause before may still be there, if this follows at once.
		 */
		m->threads[i].missed.paused = true;
		m->threads[i].missed.tsc_ticks += missed.tsc_ticks;
	}
	(void)pthread_mutex_unlock(&m->pause.lock);
	let_go(m);
}

void machine_wake_vcpus(struct machine *m)
{
	m->pause.paused = false;
	let_go(m);
}

/* Waits for it. With the lock held. */
static int await_task(struct vcpu_thread *t, struct vcpu_task *task, struct err *e)
{
	struct machine_pause *p = &t->machine->pause;
	const struct timespec until = deadline();
	bool late = false;
	while (task->state == TASK_BEGUN ||
		(task->state == TASK_GIVEN && !late && atomic_load(&t->state) != VCPU_STOPPED))
		late = pthread_cond_timedwait(&p->news, &p->lock, &until) == ETIMEDOUT;
	if (task->state == TASK_DONE)
		return 0;
	t->task = NULL;
	return late ? err_set(e, -ETIMEDOUT, "vCPU %u did nothing else in %d s", t->index, ARRIVE_S)
		    : err_set(e, -ESRCH, "vCPU %u has stopped", t->index);
}

int vcpu_run_task(struct machine *m, unsigned vcpu, void (*fn)(struct vcpu *vcpu, void *ctx),
	void *ctx, struct err *e)
{
	struct vcpu_thread *t = &m->threads[vcpu];
	struct vcpu_task task = { .fn = fn, .ctx = ctx, .state = TASK_GIVEN };
	(void)pthread_mutex_lock(&m->pause.lock);
	t->task = &task;
	const bool runs = atomic_load(&t->state) == VCPU_RUNNING;
	(void)pthread_mutex_unlock(&m->pause.lock);
	if (runs)
		vcpu_kick(t);
	else
		(void)sem_post(&t->wake);
	(void)pthread_mutex_lock(&m->pause.lock);
	int rc = await_task(t, &task, e);
	(void)pthread_mutex_unlock(&m->pause.lock);
	return rc;
}
