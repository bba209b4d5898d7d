/* SPDX-License-Identifier: MIT */
#include "base/worker.h"

#include "base/types.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

struct worker {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below, and of what is the worker's in each work */
	pthread_cond_t given, done;
	struct work *first, **end; /* what was given, and where the next goes */
	bool ending;
};

/* The next to do; NULL once there is none, and will be none. With the lock held. */
static struct work *take(struct worker *w)
{
	while (!w->first && !w->ending)
		(void)pthread_cond_wait(&w->given, &w->lock);
	struct work *work = w->first;
	if (work) {
		w->first = work->next;
		if (!w->first)
			w->end = &w->first;
	}
	return work;
}

static void *work_on(void *arg)
{
	struct worker *w = arg;
	struct work *work;
	(void)pthread_mutex_lock(&w->lock);
	while ((work = take(w))) {
		(void)pthread_mutex_unlock(&w->lock);
		work->run(work->ctx);
		(void)pthread_mutex_lock(&w->lock);
		work->done = true;
		if (work->awaited)
			(void)pthread_cond_broadcast(&w->done);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/*
 * The thread has all signals blocked from its first moment on, since it inherits that: an attribute
 * would say the same (pthread_attr_setsigmask_np), but clang's AddressSanitizer, from about version
 * 19 on, gives a new thread its creator's mask in place of the attribute's.
 */
static int start(struct worker *w)
{
	pthread_attr_t attr;
	sigset_t all, mine;
	(void)sigfillset(&all);
	int rc = pthread_attr_init(&attr);
	if (rc)
		return rc;
	rc = pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	if (rc == 0) {
		(void)pthread_sigmask(SIG_SETMASK, &all, &mine);
		rc = pthread_create(&w->thread, &attr, work_on, w);
		(void)pthread_sigmask(SIG_SETMASK, &mine, /* old */ NULL);
	}
	(void)pthread_attr_destroy(&attr);
	return rc;
}

static void worker_free(struct worker *w)
{
	(void)pthread_cond_destroy(&w->done);
	(void)pthread_cond_destroy(&w->given);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

int worker_create(struct worker **ret_worker, struct err *e)
{
	struct worker *w = calloc(1, sizeof(*w));
	if (!w)
		return err_set(e, -ENOMEM, "out of memory");
	w->end = &w->first;
	(void)pthread_mutex_init(&w->lock, /* attr */ NULL);
	(void)pthread_cond_init(&w->given, /* attr */ NULL);
	(void)pthread_cond_init(&w->done, /* attr */ NULL);
	int rc = start(w);
	if (rc) {
		worker_free(w);
		return err_set_errno(e, -rc, "pthread_create");
	}
	*ret_worker = w;
	return 0;
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->ending = true;
	(void)pthread_cond_signal(&w->given);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, /* result */ NULL);
	worker_free(w);
}

void worker_give(struct worker *w, struct work *work)
{
	(void)pthread_mutex_lock(&w->lock);
	work->done = work->awaited = false;
	work->next = NULL;
	*w->end = work;
	w->end = &work->next;
	(void)pthread_cond_signal(&w->given);
	(void)pthread_mutex_unlock(&w->lock);
}

void worker_await(struct worker *w, struct work *work)
{
	(void)pthread_mutex_lock(&w->lock);
	work->awaited = true; /* to wake a thread takes longer than most works */
	while (!work->done)
		(void)pthread_cond_wait(&w->done, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}

int worker_pin(struct worker *w, unsigned cpu, struct err *e)
{
	cpu_set_t *set = CPU_ALLOC(cpu + 1);
	if (!set)
		return err_set(e, -ENOMEM, "out of memory");
	const size_t size = CPU_ALLOC_SIZE(cpu + 1);
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	int rc = pthread_setaffinity_np(w->thread, size, set);
	CPU_FREE(set);
	return rc ? err_set_errno(e, -rc, "a thread on host CPU %u alone", cpu) : 0;
}

void worker_signal(struct worker *w, int sig)
{
	(void)pthread_kill(w->thread, sig);
}
