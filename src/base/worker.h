/* SPDX-License-Identifier: MIT */
/*
 * A worker: a thread that does what it is given, one work after another. It gets no signal but
 * those that a work unblocks, so that the process's own go to the thread that waits for them.
 */
#ifndef NESTOR_BASE_WORKER_H
#define NESTOR_BASE_WORKER_H

#include "base/err.h"

#include <stdbool.h>

struct worker;

/* The giver's, and to be left alone from when it is given until it is done. */
struct work {
	void (*run)(void *ctx); /* on the worker's thread */
	void *ctx;
	/* The worker's. */
	bool done, awaited;
	struct work *next;
};

/* Its stack has THREAD_STACK_BYTES. Fails of memory, or where there is no further thread. */
int worker_create(struct worker **ret_worker, struct err *e) MUST_CHECK;
/* Waits until all that was given is done. NULL-safe. */
void worker_destroy(struct worker *worker);

/* Does the work after all that was given before. What the giver wrote, the work sees. */
void worker_give(struct worker *worker, struct work *work);
/* Waits until the work is done, which must have been given. What it wrote, the caller sees. */
void worker_await(struct worker *worker, struct work *work);

/* On one CPU of the host alone, from now on; -EINVAL: there is none of that number for it. */
int worker_pin(struct worker *worker, unsigned cpu, struct err *e) MUST_CHECK;
/* Sends its thread a signal, whatever that does. */
void worker_signal(struct worker *worker, int sig);

#endif
