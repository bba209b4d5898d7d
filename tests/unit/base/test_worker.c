/* SPDX-License-Identifier: MIT */
/* Workers; the C library's pthread_create and calloc fail on demand. */
#include "fake/cmocka.h"

#include "base/types.h"
#include "base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static bool no_memory, no_thread;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory ? NULL : __real_calloc(n, size);
}

int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	return no_thread ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

#define NR_WORKS 100

/* What works write, unlocked: the worker's promises are all that keeps it in order. */
struct book {
	unsigned order[NR_WORKS], used;
	pid_t thread;
};

struct entry {
	struct book *book;
	unsigned number;
	struct work work;
};

static void note(void *ctx)
{
	struct entry *entry = ctx;
	struct book *book = entry->book;
	book->order[book->used++] = entry->number;
	book->thread = gettid();
}

static void give_all(struct worker *worker, struct book *book, struct entry entries[NR_WORKS])
{
	for (unsigned i = 0; i < NR_WORKS; i++) {
		entries[i] = (struct entry){ book, i, { .run = note, .ctx = &entries[i] } };
		worker_give(worker, &entries[i].work);
	}
}

static void assert_all_in_order(const struct book *book)
{
	assert_int_equal(book->used, NR_WORKS);
	for (unsigned i = 0; i < NR_WORKS; i++)
		assert_int_equal(book->order[i], i);
	assert_int_not_equal(book->thread, gettid());
}

static void worker_await__the_last_of_many__all_done_in_their_order(void **state)
{
	struct worker *worker = NULL;
	struct book book = { .used = 0 };
	struct entry entries[NR_WORKS];
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(worker_create(&worker, &e), 0);
	for (unsigned round = 0; round < 3; round++) {
		book.used = 0;
		give_all(worker, &book, entries);
		worker_await(worker, &entries[NR_WORKS - 1].work);
		assert_all_in_order(&book);
		/* Of those before, too, and again. */
		worker_await(worker, &entries[0].work);
		worker_await(worker, &entries[NR_WORKS - 1].work);
	}
	worker_destroy(worker);
}

static void worker_destroy__works_left__are_done_first(void **state)
{
	struct worker *worker = NULL;
	struct book book = { .used = 0 };
	struct entry entries[NR_WORKS];
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(worker_create(&worker, &e), 0);
	give_all(worker, &book, entries);
	worker_destroy(worker);
	assert_all_in_order(&book);
	worker_destroy(NULL);
}

struct handing_on {
	struct worker *worker;
	struct entry entry;
};

static void hand_on(void *ctx)
{
	struct handing_on *h = ctx;
	worker_give(h->worker, &h->entry.work);
}

static void worker_give__by_a_work__is_done_after_it(void **state)
{
	struct book book = { .used = 0 };
	struct handing_on h = { .entry = { &book, 7, { .run = note, .ctx = &h.entry } } };
	struct work first = { .run = hand_on, .ctx = &h };
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(worker_create(&h.worker, &e), 0);
	worker_give(h.worker, &first);
	worker_await(h.worker, &first);
	worker_await(h.worker, &h.entry.work);
	worker_destroy(h.worker);
	assert_int_equal(book.used, 1);
	assert_int_equal(book.order[0], 7);
}

static void read_mask(void *ctx)
{
	(void)pthread_sigmask(SIG_SETMASK, NULL, ctx);
}

static void worker__signals__are_all_blocked(void **state)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGWINCH };
	struct worker *worker = NULL;
	struct err e = ERR_INIT;
	sigset_t mask;
	(void)state;
	(void)sigemptyset(&mask);
	struct work work = { .run = read_mask, .ctx = &mask };
	assert_int_equal(worker_create(&worker, &e), 0);
	worker_give(worker, &work);
	worker_destroy(worker);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		assert_int_equal(sigismember(&mask, signals[i]), 1);
	assert_int_equal(sigismember(&mask, SIGRTMIN), 1);
}

static atomic_int signalled; /* the thread that a handler ran on */

static void on_signal(int sig)
{
	(void)sig;
	atomic_store(&signalled, (int)gettid());
}

struct waiting {
	atomic_bool ready;
	pid_t thread;
};

static void wait_for_the_signal(void *ctx)
{
	struct waiting *w = ctx;
	sigset_t mask;
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR1);
	(void)pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
	w->thread = gettid();
	atomic_store(&w->ready, true);
	while (!atomic_load(&signalled))
		(void)sched_yield();
}

static void worker_signal__unblocked_by_a_work__reaches_its_thread(void **state)
{
	struct worker *worker = NULL;
	struct waiting waiting = { .thread = 0 };
	struct work work = { .run = wait_for_the_signal, .ctx = &waiting };
	struct err e = ERR_INIT;
	(void)state;
	(void)signal(SIGUSR1, on_signal);
	assert_int_equal(worker_create(&worker, &e), 0);
	worker_give(worker, &work);
	while (!atomic_load(&waiting.ready))
		(void)sched_yield();
	worker_signal(worker, SIGUSR1);
	worker_await(worker, &work);
	worker_destroy(worker);
	assert_int_equal(atomic_load(&signalled), waiting.thread);
}

static void count_cpus(void *ctx)
{
	cpu_set_t set;
	*(int *)ctx = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : -1;
}

static void worker_pin__a_cpu__that_alone_or_einval(void **state)
{
	struct worker *worker = NULL;
	struct err e = ERR_INIT;
	int cpus = 0;
	struct work work = { .run = count_cpus, .ctx = &cpus };
	cpu_set_t mine;
	unsigned first = 0;
	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	while (!CPU_ISSET(first, &mine))
		first++;
	assert_int_equal(worker_create(&worker, &e), 0);
	assert_int_equal(worker_pin(worker, 4095, &e), -EINVAL);
	assert_contains(e.msg, "host CPU 4095");
	assert_int_equal(worker_pin(worker, first, &e), 0);
	worker_give(worker, &work);
	worker_destroy(worker);
	assert_int_equal(cpus, 1);
}

static void worker_create__no_memory_or_thread__fails(void **state)
{
	struct worker *worker = NULL;
	struct err e = ERR_INIT;
	(void)state;
	no_memory = true;
	assert_int_equal(worker_create(&worker, &e), -ENOMEM);
	no_memory = false;
	no_thread = true;
	assert_int_equal(worker_create(&worker, &e), -EAGAIN);
	no_thread = false;
	assert_contains(e.msg, "pthread_create");
	assert_null(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_await__the_last_of_many__all_done_in_their_order),
		cmocka_unit_test(worker_destroy__works_left__are_done_first),
		cmocka_unit_test(worker_give__by_a_work__is_done_after_it),
		cmocka_unit_test(worker__signals__are_all_blocked),
		cmocka_unit_test(worker_signal__unblocked_by_a_work__reaches_its_thread),
		cmocka_unit_test(worker_pin__a_cpu__that_alone_or_einval),
		cmocka_unit_test(worker_create__no_memory_or_thread__fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
