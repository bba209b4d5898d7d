/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
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

static void loop_add_timer__too_many__refused_until_one_is_removed(void **state)
{
	struct fixture *f = *state;
	struct loop_timer *last = NULL;
	for (unsigned i = 0; i < LOOP_MAX_TIMERS; i++)
		assert_int_equal(loop_add_timer(f->loop, on_timer, f, &last, &f->e), 0);
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), -E2BIG);
	loop_remove_timer(last);
	assert_int_equal(loop_add_timer(f->loop, on_timer, f, &f->timer, &f->e), 0);
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

static void loop_add_reader__twice_or_too_many__refused(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(loop_add_reader(f->loop, 1000, on_reader, f, &f->e), 0);
	assert_int_equal(loop_add_reader(f->loop, 1000, on_reader, f, &f->e), -EEXIST);
	for (int i = 1; i < LOOP_MAX_SOURCES; i++)
		assert_int_equal(loop_add_reader(f->loop, 1000 + i, on_reader, f, &f->e), 0);
	assert_int_equal(loop_add_reader(f->loop, 2000, on_reader, f, &f->e), -E2BIG);
	loop_remove_reader(f->loop, 1000);
	assert_int_equal(loop_add_reader(f->loop, 2000, on_reader, f, &f->e), 0);
}

static void on_wake(void *ctx)
{
	struct fixture *f = ctx;
	f->calls[1]++;
	loop_stop(f->loop);
}

static void *wake_main(void *arg)
{
	struct fixture *f = arg;
	loop_wake(f->loop);
	return NULL;
}

static void loop_wake__by_another_thread__calls_the_waker(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	assert_int_equal(loop_add_waker(f->loop, on_wake, f, &f->e), 0);
	assert_int_equal(loop_add_waker(f->loop, on_wake, f, &f->e), -EEXIST);
	assert_int_equal(pthread_create(&thread, NULL, wake_main, f), 0);
	run(f);
	(void)pthread_join(thread, NULL);
	assert_true(f->calls[1] >= 1);
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
		TEST(loop_add_timer__too_many__refused_until_one_is_removed),
		TEST(loop_timer__armed_by_another_thread__wakes_the_loop),
		TEST(loop_reader__bytes__are_offered_until_read),
		TEST(loop_reader__hang_up__is_told),
		TEST(loop_reader__regular_file__is_always_readable),
		TEST(loop_enable_reader__off__is_not_called_until_on),
		TEST(loop_enable_reader__off_inside_a_callback__the_other_is_not_called),
		TEST(loop_remove_reader__inside_a_callback__neither_is_called_again),
		TEST(loop_add_reader__twice_or_too_many__refused),
		TEST(loop_wake__by_another_thread__calls_the_waker),
		TEST(loop_stop__before_the_run__ends_the_next_run_only),
		cmocka_unit_test(loop_destroy__null__does_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
