/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "verify/watchdog.h"

#include <errno.h>
#include <poll.h>

static int wait_ms(int ms)
{
	return poll(NULL, 0, ms) < 0 ? -errno : 0;
}

static void watchdog__time_is_up__system_calls_are_interrupted_again_and_again(void **state)
{
	(void)state;
	struct watchdog dog;
	struct err e = ERR_INIT;
	assert_int_equal(watchdog_start(&dog, 10, &e), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(wait_ms(10000), -EINTR);
		assert_true(watchdog_expired(&dog));
	}
	watchdog_stop(&dog);
}

static void watchdog__time_is_not_up__is_silent(void **state)
{
	(void)state;
	struct watchdog dog;
	struct err e = ERR_INIT;
	assert_int_equal(watchdog_start(&dog, 100000, &e), 0);
	assert_int_equal(wait_ms(20), 0);
	assert_false(watchdog_expired(&dog));
	watchdog_stop(&dog);
}

static void watchdog_stop__after_it_bit__signal_and_mask_are_as_before(void **state)
{
	(void)state;
	struct watchdog dog;
	struct err e = ERR_INIT;
	struct sigaction before, after;
	sigset_t blocked, mask;
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGRTMIN);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
	assert_int_equal(sigaction(SIGRTMIN, NULL, &before), 0);
	assert_int_equal(watchdog_start(&dog, 1, &e), 0);
	assert_int_equal(wait_ms(10000), -EINTR);
	watchdog_stop(&dog);
	assert_int_equal(sigaction(SIGRTMIN, NULL, &after), 0);
	assert_true(after.sa_handler == before.sa_handler);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	assert_true(sigismember(&mask, SIGRTMIN));
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL), 0);
	/* No signal is left over, which would end this program. */
	assert_int_equal(wait_ms(120), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			watchdog__time_is_up__system_calls_are_interrupted_again_and_again),
		cmocka_unit_test(watchdog__time_is_not_up__is_silent),
		cmocka_unit_test(watchdog_stop__after_it_bit__signal_and_mask_are_as_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
