/* SPDX-License-Identifier: MIT */
/* The guest's time against a host's clock that the test sets. */
#include "fake/cmocka.h"

#include "host/guest_clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define MS UINT64_C(1000000)
#define BOOTED_NS UINT64_C(5000000000000)

/* What the host's monotonic clock says; each look at it is one nanosecond later. */
static atomic_uint_fast64_t host_ns;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	uint64_t now = atomic_fetch_add(&host_ns, 1);
	(void)clock;
	*t = (struct timespec){ (time_t)(now / 1000000000u), (long)(now % 1000000000u) };
	return 0;
}

struct fixture {
	struct loop *loop;
	struct guest_clock *clock;
	struct guest_timer *timer;
	struct err e;
	unsigned calls;
	uint64_t called_ns;
};

static void on_timer(void *ctx)
{
	struct fixture *f = ctx;
	f->calls++;
	f->called_ns = guest_clock_ns(f->clock);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	atomic_store(&host_ns, BOOTED_NS);
	if (!f || loop_create(&f->loop, &f->e) || guest_clock_create(&f->clock, f->loop, &f->e) ||
		guest_timer_create(&f->timer, f->clock, on_timer, f, &f->e))
		return -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	guest_timer_destroy(f->timer);
	guest_timer_destroy(NULL);
	guest_clock_destroy(f->clock);
	guest_clock_destroy(NULL);
	loop_destroy(f->loop);
	free(f);
	return 0;
}

static void pass(uint64_t ns)
{
	(void)atomic_fetch_add(&host_ns, ns);
}

static void stop_loop(void *ctx)
{
	loop_stop(ctx);
}

/* One turn of the loop: what is due is called. */
static void turn(struct fixture *f)
{
	struct loop_timer *end = NULL;
	assert_int_equal(loop_add_timer(f->loop, stop_loop, f->loop, &end, &f->e), 0);
	loop_timer_arm(end, 1);
	assert_int_equal(loop_run(f->loop, &f->e), 0);
	loop_remove_timer(end);
}

static void assert_about(uint64_t got, uint64_t want)
{
	assert_in_range(got, want, want + 1000);
}

static void clock__created__runs_from_0(void **state)
{
	struct fixture *f = *state;
	assert_about(guest_clock_ns(f->clock), 0);
	pass(30 * MS);
	assert_about(guest_clock_ns(f->clock), 30 * MS);
}

static void clock__stopped__stands_still_and_goes_on_from_there(void **state)
{
	struct fixture *f = *state;
	pass(10 * MS);
	for (unsigned i = 0; i < 3; i++) {
		guest_clock_stop(f->clock);
		uint64_t stood = guest_clock_ns(f->clock);
		pass(1000 * MS);
		guest_clock_stop(f->clock);
		assert_int_equal(guest_clock_ns(f->clock), stood);
		guest_clock_start(f->clock);
		assert_about(guest_clock_ns(f->clock), stood);
		pass(MS);
		guest_clock_start(f->clock);
		assert_about(guest_clock_ns(f->clock), stood + MS);
	}
}

static void clock__stopped_and_started_as_of_a_time__loses_exactly_that(void **state)
{
	struct fixture *f = *state;
	pass(10 * MS);
	guest_clock_stop_at(f->clock, BOOTED_NS + 9 * MS);
	assert_about(guest_clock_ns(f->clock) + 1, 9 * MS);
	guest_clock_stop_at(f->clock, BOOTED_NS + 10 * MS); /* it stands already */
	pass(100 * MS);
	guest_timer_arm(f->timer, 20 * MS);
	guest_clock_start_at(f->clock, BOOTED_NS + 100 * MS);
	assert_about(guest_clock_ns(f->clock) + 1, 19 * MS); /* of which 10 since the start */
	guest_clock_start_at(f->clock, BOOTED_NS);           /* it runs already */
	assert_about(guest_clock_ns(f->clock) + 1, 19 * MS);
	turn(f);
	assert_int_equal(f->calls, 0);
	pass(MS);
	turn(f);
	assert_int_equal(f->calls, 1);
}

static void timer__deadline__called_once_and_not_before(void **state)
{
	struct fixture *f = *state;
	guest_timer_arm(f->timer, 20 * MS);
	pass(19 * MS);
	turn(f);
	assert_int_equal(f->calls, 0);
	pass(MS);
	turn(f);
	assert_int_equal(f->calls, 1);
	assert_about(f->called_ns, 20 * MS);
	pass(100 * MS);
	turn(f);
	assert_int_equal(f->calls, 1);
}

static void timer__disarmed_or_put_off__not_called(void **state)
{
	struct fixture *f = *state;
	guest_timer_arm(f->timer, 20 * MS);
	guest_timer_arm(f->timer, 0);
	pass(50 * MS);
	turn(f);
	assert_int_equal(f->calls, 0);
	guest_timer_arm(f->timer, 60 * MS);
	guest_timer_arm(f->timer, 90 * MS);
	pass(20 * MS);
	turn(f);
	assert_int_equal(f->calls, 0);
	pass(20 * MS);
	turn(f);
	assert_int_equal(f->calls, 1);
}

static void timer__clock_stopped__waits_as_long(void **state)
{
	struct fixture *f = *state;
	guest_timer_arm(f->timer, 20 * MS);
	pass(15 * MS);
	guest_clock_stop(f->clock);
	pass(1000 * MS);
	turn(f);
	assert_int_equal(f->calls, 0);
	guest_clock_start(f->clock);
	pass(4 * MS);
	turn(f);
	assert_int_equal(f->calls, 0);
	pass(MS);
	turn(f);
	assert_int_equal(f->calls, 1);
	assert_about(f->called_ns, 20 * MS);
}

static void timer__armed_while_stopped__called_after_start(void **state)
{
	struct fixture *f = *state;
	guest_clock_stop(f->clock);
	guest_timer_arm(f->timer, 10 * MS);
	pass(50 * MS);
	turn(f);
	assert_int_equal(f->calls, 0);
	guest_clock_start(f->clock);
	turn(f);
	assert_int_equal(f->calls, 0);
	pass(10 * MS);
	turn(f);
	assert_int_equal(f->calls, 1);
}

/* As if the loop had been on its way to the timer when the clock was stopped: by another timer. */
static void stop_clock(void *ctx)
{
	guest_clock_stop(ctx);
}

static void timer__due_as_the_clock_is_stopped__waits(void **state)
{
	struct fixture *f = *state;
	struct guest_timer *stopper = NULL, *late = NULL;
	assert_int_equal(guest_timer_create(&stopper, f->clock, stop_clock, f->clock, &f->e), 0);
	assert_int_equal(guest_timer_create(&late, f->clock, on_timer, f, &f->e), 0);
	guest_timer_arm(stopper, 10 * MS);
	guest_timer_arm(late, 10 * MS);
	guest_timer_arm(f->timer, 0);
	pass(10 * MS);
	turn(f);
	unsigned before = f->calls; /* 0 or 1: the two have no order */
	pass(100 * MS);
	turn(f);
	assert_int_equal(f->calls, before);
	guest_clock_start(f->clock);
	turn(f);
	assert_int_equal(f->calls, 1);
	guest_timer_destroy(stopper);
	guest_timer_destroy(late);
}

static void timer__end_of_time__never(void **state)
{
	struct fixture *f = *state;
	guest_timer_arm(f->timer, UINT64_MAX);
	pass(1000 * MS);
	turn(f);
	assert_int_equal(f->calls, 0);
}

/* For ThreadSanitizer, and: it never goes back, whatever stops and starts it. */
static atomic_bool done;

static void *look(void *ctx)
{
	struct fixture *f = ctx;
	uint64_t last = 0;
	while (!atomic_load(&done)) {
		uint64_t now = guest_clock_ns(f->clock);
		if (now < last)
			return f;
		last = now;
		guest_timer_arm(f->timer, now + 1);
	}
	return NULL;
}

static void clock__stopped_and_started_while_others_look__never_back(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[2];
	void *bad[2] = { 0 };
	atomic_store(&done, false);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look, f), 0);
	for (unsigned i = 0; i < 2000; i++) {
		guest_clock_stop(f->clock);
		pass(7);
		guest_clock_start(f->clock);
		if (i % 100 == 0)
			turn(f);
	}
	atomic_store(&done, true);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], &bad[i]), 0);
		assert_null(bad[i]);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(clock__created__runs_from_0),
		T(clock__stopped__stands_still_and_goes_on_from_there),
		T(clock__stopped_and_started_as_of_a_time__loses_exactly_that),
		T(timer__deadline__called_once_and_not_before),
		T(timer__disarmed_or_put_off__not_called),
		T(timer__clock_stopped__waits_as_long),
		T(timer__armed_while_stopped__called_after_start),
		T(timer__due_as_the_clock_is_stopped__waits),
		T(timer__end_of_time__never),
		T(clock__stopped_and_started_while_others_look__never_back),
	};
	return cmocka_run_group_tests_name("guest_clock", tests, NULL, NULL);
}
