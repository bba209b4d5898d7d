/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MS UINT64_C(1000000)

/* Of the test's thread: how often it polled, and an errno with which it fails once. */
static _Thread_local struct {
	unsigned count;
	int fail_with;
} polls;

int __real_ppoll(
	struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __wrap_ppoll(
	struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask, size_t size);

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	polls.count++;
	if (polls.fail_with == 0)
		return __real_ppoll(fds, n, timeout, mask);
	errno = polls.fail_with;
	polls.fail_with = 0;
	return -1;
}

/* What _FORTIFY_SOURCE makes of it. */
int __wrap___ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask, size_t size)
{
	(void)size;
	return __wrap_ppoll(fds, n, timeout, mask);
}

struct fixture {
	struct loop *loop;
	struct loop_timer *timer, *other_timer;
	struct err e;
	int pipes[2][2];
	unsigned calls[4];
	unsigned stop_after; /* calls of on_reader until it stops the loop */
	uint64_t fired_ns;
	char text[64];
	size_t nr_text;
	FILE *file;
	size_t nr_written;
	int many[300];
	struct loop_call again;
	struct poster *posters;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f || loop_create(&f->loop, &f->e))
		return -1;
	for (int i = 0; i < 2; i++) {
		if (pipe2(f->pipes[i], O_CLOEXEC) < 0)
			return -1;
	}
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	loop_destroy(f->loop);
	for (int i = 0; i < 2; i++) {
		(void)close(f->pipes[i][0]);
		(void)close(f->pipes[i][1]);
	}
	if (f->file)
		(void)fclose(f->file);
	free(f);
	return 0;
}

static void run(struct fixture *f)
{
	assert_int_equal(loop_run(f->loop, &f->e), 0);
}

static void on_timer(void *ctx)
{
	struct fixture *f = ctx;
	f->calls[0]++;
	f->fired_ns = host_monotonic_ns();
	loop_stop(f->loop);
}

static void loop_timer__deadline__fires_once_and_not_before(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	uint64_t deadline = host_monotonic_ns() + 20 * MS;
	loop_timer_arm(f->timer, deadline);
	run(f);
	assert_int_equal(f->calls[0], 1);
	assert_true(f->fired_ns >= deadline);
}

static void loop_timer__deadline_in_the_past__fires_at_once(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	loop_timer_arm(f->timer, 1);
	run(f);
	assert_int_equal(f->calls[0], 1);
}

static void on_other_timer(void *ctx)
{
	struct fixture *f = ctx;
	f->calls[1]++;
}

static void loop_timer__disarmed_or_removed__does_not_fire(void **state)
{
	struct fixture *f = *state;
	struct loop_timer *removed;
	assert_int_equal(loop_add_timer(f->loop, on_other_timer, f, &f->other_timer, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, on_other_timer, f, &removed, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	loop_timer_arm(f->other_timer, host_monotonic_ns() + MS);
	loop_timer_arm(removed, host_monotonic_ns() + MS);
	loop_timer_arm(f->timer, host_monotonic_ns() + 10 * MS);
	loop_timer_arm(f->other_timer, 0);
	loop_remove_timer(removed);
	run(f);
	assert_int_equal(f->calls[0], 1);
	assert_int_equal(f->calls[1], 0);
}

static void loop_timer__rearmed_later_or_earlier__last_deadline_counts(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	uint64_t deadline = host_monotonic_ns() + 30 * MS;
	loop_timer_arm(f->timer, host_monotonic_ns() + 5 * MS);
	loop_timer_arm(f->timer, deadline);
	run(f);
	assert_true(f->fired_ns >= deadline);
	loop_timer_arm(f->timer, host_monotonic_ns() + 3600 * 1000 * MS);
	loop_timer_arm(f->timer, host_monotonic_ns() + 5 * MS);
	run(f);
	assert_int_equal(f->calls[0], 2);
}

/* On the loop, after it looked at `timer` for this round, as another thread does while it polls. */
static void arm_earlier(void *ctx)
{
	struct fixture *f = ctx;
	loop_timer_arm(f->timer, 1);
}

static void loop_timer__earlier_deadline_while_polling__does_not_wait_for_the_later(void **state)
{
	struct fixture *f = *state;
	struct loop_timer *guard;
	/* The guard comes first: were the wake-up lost, it would fire in the timer's stead. */
	assert_int_equal(loop_add_timer(f->loop, on_other_timer, f, &guard, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, arm_earlier, f, &f->other_timer, &f->e), 0);
	loop_timer_arm(guard, host_monotonic_ns() + 60 * 1000 * MS);
	loop_timer_arm(f->timer, host_monotonic_ns() + 3600 * 1000 * MS);
	/* Not at once: first the loop wakes up for these. */
	loop_timer_arm(f->other_timer, host_monotonic_ns() + 20 * MS);
	run(f);
	assert_int_equal(f->calls[0], 1);
	assert_int_equal(f->calls[1], 0);
}

static void loop_timer__later_one_stands_before_it__does_not_wait_for_that(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_timer(f->loop, on_other_timer, f, &f->other_timer, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	loop_timer_arm(f->other_timer, host_monotonic_ns() + 60 * 1000 * MS);
	loop_timer_arm(f->timer, host_monotonic_ns() + 20 * MS);
	run(f);
	assert_int_equal(f->calls[0], 1);
	assert_int_equal(f->calls[1], 0);
}

static void loop_run__waits_for_a_deadline__polls_no_more_than_it_must(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	loop_timer_arm(f->timer, host_monotonic_ns() + 20 * MS);
	polls.count = 0;
	run(f);
	assert_in_range(polls.count, 1, 2); /* for the wake-up by arming, and for the deadline */
}

static void loop_run__poll_interrupted__goes_on(void **state)
{
	struct fixture *f = *state;
	f->stop_after = 1;
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	loop_timer_arm(f->timer, host_monotonic_ns() + MS);
	polls.fail_with = EINTR;
	run(f);
	assert_int_equal(f->calls[0], 1);
}

static void loop_run__poll_fails__is_an_error_that_names_it(void **state)
{
	struct fixture *f = *state;
	polls.fail_with = ENOMEM;
	assert_int_equal(loop_run(f->loop, &f->e), -ENOMEM);
	assert_contains(f->e.msg, "ppoll in the event loop");
}

static void rearm_three_times(void *ctx)
{
	struct fixture *f = ctx;
	if (++f->calls[2] < 3)
		loop_timer_arm(f->other_timer, host_monotonic_ns());
	else
		loop_stop(f->loop);
}

static void loop_timer__armed_again_in_its_own_call__fires_again(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_timer(f->loop, rearm_three_times, f, &f->other_timer, &f->e), 0);
	loop_timer_arm(f->other_timer, 1);
	run(f);
	assert_int_equal(f->calls[2], 3);
}

static void remove_other_timer(void *ctx)
{
	struct fixture *f = ctx;
	f->calls[0]++;
	loop_remove_timer(f->other_timer);
	loop_stop(f->loop);
}

static void loop_timer__removed_by_another_that_is_due__does_not_fire(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_timer(f->loop, remove_other_timer, f, &f->timer, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, on_other_timer, f, &f->other_timer, &f->e), 0);
	loop_timer_arm(f->timer, 1);
	loop_timer_arm(f->other_timer, 1);
	run(f);
	assert_int_equal(f->calls[0], 1);
	assert_int_equal(f->calls[1], 0);
}

#define MANY 300

/* There is no limit; and what one removes in a callback, the others do not notice. */
static void loop_add_timer__many__each_fires_once(void **state)
{
	struct fixture *f = *state;
	struct loop_timer *timers[MANY];
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(loop_add_timer(f->loop, on_other_timer, f, &timers[i], &f->e), 0);
		loop_timer_arm(timers[i], 1 + i % 7);
	}
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	loop_timer_arm(f->timer, 1);
	run(f);
	assert_int_equal(f->calls[1], MANY);
	assert_int_equal(f->calls[0], 1);
	for (unsigned i = 0; i < MANY; i++)
		loop_remove_timer(timers[(i * 7) % MANY]);
	assert_false(loop_is_empty(f->loop));
	loop_remove_timer(f->timer);
	assert_true(loop_is_empty(f->loop));
}

static void *arm_main(void *arg)
{
	struct fixture *f = arg;
	loop_timer_arm(f->timer, host_monotonic_ns() + MS);
	return NULL;
}

static void loop_timer__armed_by_another_thread__wakes_the_loop(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	assert_int_equal(pthread_create(&thread, NULL, arm_main, f), 0);
	run(f);
	(void)pthread_join(thread, NULL);
	assert_int_equal(f->calls[0], 1);
}

static void on_reader(void *ctx)
{
	struct fixture *f = ctx;
	ssize_t n = read(f->pipes[0][0], f->text + f->nr_text, 1);
	if (n > 0)
		f->nr_text += (size_t)n;
	if (++f->calls[3] == f->stop_after)
		loop_stop(f->loop);
}

static void loop_reader__bytes__are_offered_until_read(void **state)
{
	struct fixture *f = *state;
	f->stop_after = 3;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], on_reader, f, &f->e), 0);
	assert_int_equal(write(f->pipes[0][1], "abc", 3), 3);
	run(f);
	assert_string_equal(f->text, "abc");
}

static void loop_reader__hang_up__is_told(void **state)
{
	struct fixture *f = *state;
	f->stop_after = 1;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], on_reader, f, &f->e), 0);
	(void)close(f->pipes[0][1]);
	f->pipes[0][1] = -1;
	run(f);
	assert_int_equal(f->calls[3], 1);
	assert_int_equal(f->nr_text, 0);
}

static void loop_reader__regular_file__is_always_readable(void **state)
{
	struct fixture *f = *state;
	f->file = tmpfile();
	assert_non_null(f->file);
	(void)fputs("xy", f->file);
	assert_int_equal(fflush(f->file), 0);
	assert_int_equal(lseek(fileno(f->file), 0, SEEK_SET), 0);
	assert_true(dup2(fileno(f->file), f->pipes[0][0]) >= 0);
	f->stop_after = 3; /* the third read finds the end of the file */
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], on_reader, f, &f->e), 0);
	run(f);
	assert_string_equal(f->text, "xy");
}

static void loop_enable_reader__off__is_not_called_until_on(void **state)
{
	struct fixture *f = *state;
	f->stop_after = 1;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], on_reader, f, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	assert_int_equal(write(f->pipes[0][1], "a", 1), 1);
	loop_enable_reader(f->loop, f->pipes[0][0], false);
	loop_timer_arm(f->timer, host_monotonic_ns() + 10 * MS);
	run(f);
	assert_int_equal(f->calls[3], 0);
	loop_enable_reader(f->loop, f->pipes[0][0], true);
	loop_enable_reader(f->loop, 999, true); /* not there: nothing happens */
	run(f);
	assert_int_equal(f->calls[3], 1);
}

static void remove_both(void *ctx)
{
	struct fixture *f = ctx;
	f->calls[0]++;
	loop_remove_reader(f->loop, f->pipes[0][0]);
	loop_remove_reader(f->loop, f->pipes[1][0]);
	loop_stop(f->loop);
}

static void disable_both(void *ctx)
{
	struct fixture *f = ctx;
	f->calls[0]++;
	loop_enable_reader(f->loop, f->pipes[0][0], false);
	loop_enable_reader(f->loop, f->pipes[1][0], false);
	loop_stop(f->loop);
}

static void loop_enable_reader__off_inside_a_callback__the_other_is_not_called(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], disable_both, f, &f->e), 0);
	assert_int_equal(loop_add_reader(f->loop, f->pipes[1][0], disable_both, f, &f->e), 0);
	assert_int_equal(write(f->pipes[0][1], "a", 1), 1);
	assert_int_equal(write(f->pipes[1][1], "a", 1), 1);
	run(f);
	assert_int_equal(f->calls[0], 1);
}

static void loop_remove_reader__inside_a_callback__neither_is_called_again(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], remove_both, f, &f->e), 0);
	assert_int_equal(loop_add_reader(f->loop, f->pipes[1][0], remove_both, f, &f->e), 0);
	assert_int_equal(write(f->pipes[0][1], "a", 1), 1);
	assert_int_equal(write(f->pipes[1][1], "a", 1), 1);
	run(f);
	assert_int_equal(f->calls[0], 1);
	loop_remove_reader(f->loop, 999);
}

static void loop_add_reader__twice__refused_until_removed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_reader(f->loop, 1000, on_reader, f, &f->e), 0);
	assert_int_equal(loop_add_reader(f->loop, 1000, on_reader, f, &f->e), -EEXIST);
	assert_contains(f->e.msg, "descriptor 1000");
	assert_int_equal(loop_add_writer(f->loop, 1000, on_reader, f, &f->e), 0);
	assert_int_equal(loop_add_writer(f->loop, 1000, on_reader, f, &f->e), -EEXIST);
	loop_remove_reader(f->loop, 1000);
	assert_int_equal(loop_add_reader(f->loop, 1000, on_reader, f, &f->e), 0);
	loop_remove_writer(f->loop, 1000);
	loop_remove_reader(f->loop, 1000);
	assert_true(loop_is_empty(f->loop));
}

static void on_writer(void *ctx)
{
	struct fixture *f = ctx;
	static const char bytes[4096] = { 0 };
	ssize_t n = write(f->pipes[0][1], bytes, sizeof(bytes));
	if (n > 0)
		f->nr_written += (size_t)n;
	if (n < 0 || ++f->calls[2] == f->stop_after)
		loop_stop(f->loop);
}

/* One reads what the other has written: both have their turn, on the two ends of one pipe. */
static void read_some(void *ctx)
{
	struct fixture *f = ctx;
	char bytes[3000];
	ssize_t n = read(f->pipes[0][0], bytes, sizeof(bytes));
	if (n > 0)
		f->nr_text += (size_t)n;
	if (f->nr_text >= (size_t)1 << 20)
		loop_stop(f->loop);
}

static void loop_writer__full_pipe__waits_for_its_reader(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(fcntl(f->pipes[0][1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(loop_add_writer(f->loop, f->pipes[0][1], on_writer, f, &f->e), 0);
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], read_some, f, &f->e), 0);
	run(f);
	assert_true(f->nr_written >= (size_t)1 << 20);
	assert_true(f->nr_text >= (size_t)1 << 20);
}

static void loop_enable_writer__off__is_not_called_until_on(void **state)
{
	struct fixture *f = *state;
	f->stop_after = 1;
	assert_int_equal(loop_add_writer(f->loop, f->pipes[0][1], on_writer, f, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	loop_enable_writer(f->loop, f->pipes[0][1], false);
	loop_timer_arm(f->timer, host_monotonic_ns() + 10 * MS);
	run(f);
	assert_int_equal(f->calls[2], 0);
	loop_enable_writer(f->loop, f->pipes[0][1], true);
	run(f);
	assert_int_equal(f->calls[2], 1);
}

static void loop_writer__reader_gone__is_told(void **state)
{
	struct fixture *f = *state;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)close(f->pipes[0][0]);
	f->pipes[0][0] = -1;
	assert_int_equal(loop_add_writer(f->loop, f->pipes[0][1], on_writer, f, &f->e), 0);
	run(f);
	assert_int_equal(f->nr_written, 0);
}

/* Adds more sources than there was room for, from within a callback that others follow. */
static void add_many(void *ctx)
{
	struct fixture *f = ctx;
	for (unsigned i = 0; i < MANY; i++) {
		int fd = dup(f->pipes[1][1]);
		assert_true(fd >= 0);
		f->many[i] = fd;
		assert_int_equal(loop_add_writer(f->loop, fd, on_other_timer, f, &f->e), 0);
	}
	loop_remove_reader(f->loop, f->pipes[0][0]);
}

static void loop_add_writer__many_in_a_callback__all_are_called(void **state)
{
	struct fixture *f = *state;
	f->stop_after = 1;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], add_many, f, &f->e), 0);
	assert_int_equal(write(f->pipes[0][1], "a", 1), 1);
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
	loop_timer_arm(f->timer, host_monotonic_ns() + 200 * MS);
	run(f);
	assert_true(f->calls[1] >= MANY);
	for (unsigned i = 0; i < MANY; i++) {
		loop_remove_writer(f->loop, f->many[i]);
		(void)close(f->many[i]);
	}
	loop_remove_timer(f->timer);
	assert_true(loop_is_empty(f->loop));
}

/* The descriptor is another by then: what was found of the old one is not told to its successor. */
static void replace_other(void *ctx)
{
	struct fixture *f = ctx;
	char byte;
	f->calls[0]++;
	assert_int_equal(read(f->pipes[0][0], &byte, 1), 1);
	loop_remove_reader(f->loop, f->pipes[1][0]);
	assert_int_equal(read(f->pipes[1][0], &byte, 1), 1);
	assert_int_equal(loop_add_reader(f->loop, f->pipes[1][0], on_reader, f, &f->e), 0);
	loop_stop(f->loop);
}

static void loop_remove_reader__and_added_again_in_a_callback__old_news_are_not_told(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], replace_other, f, &f->e), 0);
	assert_int_equal(loop_add_reader(f->loop, f->pipes[1][0], replace_other, f, &f->e), 0);
	assert_int_equal(write(f->pipes[0][1], "a", 1), 1);
	assert_int_equal(write(f->pipes[1][1], "a", 1), 1);
	run(f);
	assert_int_equal(f->calls[0], 1);
	assert_int_equal(f->calls[3], 0);
}

static void note_a(void *ctx)
{
	struct fixture *f = ctx;
	f->text[f->nr_text++] = 'a';
}

static void note_b(void *ctx)
{
	struct fixture *f = ctx;
	f->text[f->nr_text++] = 'b';
	loop_stop(f->loop);
}

static void loop_post__two_one_of_them_twice__each_once_in_order(void **state)
{
	struct fixture *f = *state;
	struct loop_call a = { .fn = note_a, .ctx = f }, b = { .fn = note_b, .ctx = f };
	loop_post(f->loop, &a);
	loop_post(f->loop, &b);
	loop_post(f->loop, &a);
	assert_false(loop_is_empty(f->loop));
	run(f);
	assert_string_equal(f->text, "ab");
	loop_post(f->loop, &b);
	loop_post(f->loop, &a);
	run(f);
	assert_string_equal(f->text, "abba");
	assert_true(loop_is_empty(f->loop));
}

static void post_again(void *ctx)
{
	struct fixture *f = ctx;
	if (++f->calls[0] < 5)
		loop_post(f->loop, &f->again);
	else
		loop_stop(f->loop);
}

/* A call that posts itself for ever leaves the descriptors and timers their turn. */
static void loop_post__by_itself__once_a_round(void **state)
{
	struct fixture *f = *state;
	f->again = (struct loop_call){ .fn = post_again, .ctx = f };
	f->stop_after = 100;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], on_reader, f, &f->e), 0);
	assert_int_equal(write(f->pipes[0][1], "abcdefgh", 8), 8);
	loop_post(f->loop, &f->again);
	run(f);
	assert_int_equal(f->calls[0], 5);
	assert_in_range(f->calls[3], 4, 5);
}

static void cancel_again(void *ctx)
{
	struct fixture *f = ctx;
	loop_cancel(f->loop, &f->again);
	loop_stop(f->loop);
}

static void loop_cancel__waiting_or_not__is_not_called(void **state)
{
	struct fixture *f = *state;
	struct loop_call canceller = { .fn = cancel_again, .ctx = f };
	struct loop_call a = { .fn = note_a, .ctx = f };
	f->again = (struct loop_call){ .fn = post_again, .ctx = f };
	/* In the same round, by one before it; what stands after it is called. */
	loop_post(f->loop, &canceller);
	loop_post(f->loop, &f->again);
	loop_post(f->loop, &a);
	run(f);
	/* The last of the list, and then another: the list's end is where it should be. */
	loop_post(f->loop, &a);
	loop_post(f->loop, &f->again);
	loop_cancel(f->loop, &f->again);
	loop_cancel(f->loop, &f->again);
	loop_post(f->loop, &canceller);
	run(f);
	assert_int_equal(f->calls[0], 0);
	assert_string_equal(f->text, "aa");
	assert_true(loop_is_empty(f->loop));
}

#define NR_POSTERS 4
#define POSTS_EACH 2000

struct poster {
	struct fixture *f;
	struct loop_call call;
	pthread_t thread;
	atomic_uint posted;
	unsigned seen; /* of posted, by the last call */
};

static void on_post(void *ctx)
{
	struct poster *p = ctx;
	p->seen = atomic_load(&p->posted);
	struct poster *all = p->f->posters;
	for (unsigned i = 0; i < NR_POSTERS; i++) {
		if (all[i].seen < POSTS_EACH)
			return;
	}
	loop_stop(p->f->loop);
}

static void *post_main(void *arg)
{
	struct poster *p = arg;
	for (unsigned i = 0; i < POSTS_EACH; i++) {
		(void)atomic_fetch_add(&p->posted, 1);
		loop_post(p->f->loop, &p->call);
	}
	return NULL;
}

/* Were one lost, the loop would wait for it for ever: the last call sees the last post. */
static void loop_post__by_many_threads__none_is_lost(void **state)
{
	struct fixture *f = *state;
	struct poster posters[NR_POSTERS];
	f->posters = posters;
	for (unsigned i = 0; i < NR_POSTERS; i++)
		posters[i] =
			(struct poster){ .f = f, .call = { .fn = on_post, .ctx = &posters[i] } };
	for (unsigned i = 0; i < NR_POSTERS; i++)
		assert_int_equal(
			pthread_create(&posters[i].thread, NULL, post_main, &posters[i]), 0);
	run(f);
	for (unsigned i = 0; i < NR_POSTERS; i++)
		(void)pthread_join(posters[i].thread, NULL);
	assert_true(loop_is_empty(f->loop));
}

static void loop_stop__before_the_run__ends_the_next_run_only(void **state)
{
	struct fixture *f = *state;
	f->stop_after = 1;
	assert_int_equal(loop_add_reader(f->loop, f->pipes[0][0], on_reader, f, &f->e), 0);
	assert_int_equal(write(f->pipes[0][1], "a", 1), 1);
	loop_stop(f->loop);
	run(f);
	assert_int_equal(f->calls[3], 0);
	run(f);
	assert_int_equal(f->calls[3], 1);
}

static void loop_destroy__null__does_nothing(void **state)
{
	(void)state;
	loop_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loop_timer__deadline__fires_once_and_not_before),
		TEST(loop_timer__deadline_in_the_past__fires_at_once),
		TEST(loop_timer__disarmed_or_removed__does_not_fire),
		TEST(loop_timer__rearmed_later_or_earlier__last_deadline_counts),
		TEST(loop_timer__earlier_deadline_while_polling__does_not_wait_for_the_later),
		TEST(loop_timer__later_one_stands_before_it__does_not_wait_for_that),
		TEST(loop_run__waits_for_a_deadline__polls_no_more_than_it_must),
		TEST(loop_run__poll_interrupted__goes_on),
		TEST(loop_run__poll_fails__is_an_error_that_names_it),
		TEST(loop_timer__armed_again_in_its_own_call__fires_again),
		TEST(loop_timer__removed_by_another_that_is_due__does_not_fire),
		TEST(loop_add_timer__many__each_fires_once),
		TEST(loop_timer__armed_by_another_thread__wakes_the_loop),
		TEST(loop_reader__bytes__are_offered_until_read),
		TEST(loop_reader__hang_up__is_told),
		TEST(loop_reader__regular_file__is_always_readable),
		TEST(loop_enable_reader__off__is_not_called_until_on),
		TEST(loop_enable_reader__off_inside_a_callback__the_other_is_not_called),
		TEST(loop_remove_reader__inside_a_callback__neither_is_called_again),
		TEST(loop_add_reader__twice__refused_until_removed),
		TEST(loop_writer__full_pipe__waits_for_its_reader),
		TEST(loop_enable_writer__off__is_not_called_until_on),
		TEST(loop_writer__reader_gone__is_told),
		TEST(loop_add_writer__many_in_a_callback__all_are_called),
		TEST(loop_remove_reader__and_added_again_in_a_callback__old_news_are_not_told),
		TEST(loop_post__two_one_of_them_twice__each_once_in_order),
		TEST(loop_post__by_itself__once_a_round),
		TEST(loop_cancel__waiting_or_not__is_not_called),
		TEST(loop_post__by_many_threads__none_is_lost),
		TEST(loop_stop__before_the_run__ends_the_next_run_only),
		cmocka_unit_test(loop_destroy__null__does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
