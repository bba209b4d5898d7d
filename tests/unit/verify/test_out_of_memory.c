/* SPDX-License-Identifier: MIT */
/* verify_run with each allocation failing in turn. */
#include "unit/verify/fixture.h"

#include <errno.h>

/* Allocations until the one that fails; 0: none does. */
static unsigned until_failure;
static bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool fails_now(void)
{
	if (until_failure == 0 || --until_failure > 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails_now() ? NULL : __real_realloc(p, size);
}

static int (*fake_ioctl)(void *ctx, int fd, unsigned long request, const char *name, void *arg);

/* What the fake KVM allocates is not nestor's. */
static int ioctl_without_failures(
	void *ctx, int fd, unsigned long request, const char *name, void *arg)
{
	unsigned until = until_failure;
	until_failure = 0;
	int rc = fake_ioctl(ctx, fd, request, name, arg);
	until_failure = until;
	return rc;
}

/* Runs with allocation n failing; false once there are fewer. */
static bool run_failing_at(struct fixture *f, unsigned n)
{
	unsigned fds = f->fake->nr_fds;
	f->e = (struct err)ERR_INIT;
	f->fake->nr_slots = 0;
	failed = false;
	until_failure = n;
	int rc = fixture_run(f);
	until_failure = 0;
	assert_int_equal(rc, failed ? -ENOMEM : 0);
	assert_int_equal(rc != 0, f->e.msg[0] != '\0');
	assert_int_equal(f->fake->nr_maps, 0);
	assert_int_equal(f->fake->nr_fds, fds);
	return failed;
}

static void verify_run__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	fake_ioctl = f->fake->calls.ioctl;
	f->fake->calls.ioctl = ioctl_without_failures;
	f->plan.nr_vcpus = 3;
	fixture_rule(f, 0x10000, 0x10400, MSR_DENY, MSR_DENY, 0);
	fixture_rule(f, 0xce, 0xce, MSR_VALUE, MSR_IGNORE, 5);
	f->lie = (struct lie){ .op = GUEST_RDMSR, .leaf = 0xce, .flip = 1 }; /* differences too */
	unsigned n = 1;
	while (run_failing_at(f, n))
		n++;
	assert_true(n > 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(verify_run__allocation_n_fails__error_and_nothing_leaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
