/* SPDX-License-Identifier: MIT */
/* machine_create and machine_run with each allocation, and each thread, failing in turn. */
#include "unit/vm/fixture.h"

#include <errno.h>
#include <stdio.h>

/* Allocations, or threads, until the one that fails; 0: none does. Of the test's thread. */
static _Thread_local unsigned until_failure;
static _Thread_local unsigned until_no_thread;
static _Thread_local bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
int __real_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

static bool fails_now(unsigned *until)
{
	if (*until == 0 || --*until > 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now(&until_failure) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now(&until_failure) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails_now(&until_failure) ? NULL : __real_realloc(p, size);
}

int __wrap_pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	return fails_now(&until_no_thread) ? EAGAIN : __real_pthread_create(thread, attr, fn, arg);
}

/* Creates with allocation n failing; false once there are fewer. */
static bool create_failing_at(struct fixture *f, unsigned n)
{
	unsigned fds = fixture_count_fds();
	f->e = (struct err)ERR_INIT;
	failed = false;
	until_failure = n;
	int rc = fixture_create(f);
	until_failure = 0;
	assert_int_equal(rc != 0, failed || f->config.boot.device_tree); /* not for Multiboot */
	assert_int_equal(rc != 0, f->e.msg[0] != '\0');
	machine_destroy(f->machine);
	f->machine = NULL;
	assert_int_equal(f->fake->nr_maps, 0);
	assert_int_equal(f->fake->bad_calls, 0);
	assert_int_equal(fixture_count_fds(), fds);
	return failed;
}

static void fail_every_allocation(struct fixture *f, unsigned at_least)
{
	unsigned n = 1;
	while (create_failing_at(f, n))
		n++;
	assert_true(n > at_least);
}

static void machine_create__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 2;
	fail_every_allocation(f, 10);
}

static void machine_create__allocation_n_fails_split__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->config.machine.irqchip = IRQCHIP_SPLIT;
	f->config.nr_serials = 4;
	fail_every_allocation(f, 10);
}

static void machine_create__allocation_n_fails_hyperv__error_and_nothing_leaks(void **state)
{
	static const struct policy_feature features[] = { { "hv-vpindex", true, NULL },
		{ "hv-synic", true, NULL } };
	struct fixture *f = *state;
	host_give_hyperv(&f->facts, false);
	f->policy.hyperv_features = features;
	f->policy.nr_hyperv_features = ARRAY_SIZE(features);
	f->given_policy = &f->policy;
	fail_every_allocation(f, 10);
}

static void machine_create__allocation_n_fails_device_tree__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	f->config.boot.device_tree = true;
	fail_every_allocation(f, 2);
}

static void machine_run__thread_n_cannot_be_started__others_are_stopped(void **state)
{
	struct fixture *f = *state;
	f->config.cpu.vcpus = 4;
	for (unsigned n = 1; n <= 4; n++) {
		assert_int_equal(fixture_create(f), 0);
		until_no_thread = n;
		assert_int_equal(machine_run(f->machine, &f->result, &f->e), -EAGAIN);
		char expected[64];
		(void)snprintf(expected, sizeof(expected), "vCPU %u: pthread_create: ", n - 1);
		assert_contains(f->e.msg, expected);
		machine_destroy(f->machine);
		f->machine = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(machine_create__allocation_n_fails__error_and_nothing_leaks),
		FIXTURE_TEST(machine_create__allocation_n_fails_split__error_and_nothing_leaks),
		FIXTURE_TEST(machine_create__allocation_n_fails_hyperv__error_and_nothing_leaks),
		FIXTURE_TEST(
			machine_create__allocation_n_fails_device_tree__error_and_nothing_leaks),
		FIXTURE_TEST(machine_run__thread_n_cannot_be_started__others_are_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
