/* SPDX-License-Identifier: MIT */
/* Every allocation of the room failing in turn, and every refusal: an error, and nothing leaks. */
#include "fake/allocation.h"
#include "fake/cmocka.h"
#include "fake/hosts_everything.h"

#include "cpuid/engine.h"
#include "cpuid/msr.h"

#include <errno.h>
#include <stdlib.h>

struct fixture {
	struct msr_policy policy;
	struct msr_filter filter;
	struct host_facts host;
	struct cpu_policy cpu;
	struct cpu_result result;
	struct cpu_trace trace;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	host_everything(CPUID_VENDOR_INTEL, &f->host);
	f->cpu.topology = (struct policy_topology){ 1, 1, 1, 1 };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	msr_filter_done(&f->filter);
	free(f);
	return 0;
}

static void rule(struct fixture *f, uint32_t index, enum msr_action read, bool log)
{
	const struct msr_rule r = {
		.first = index, .last = index, .read = read, .write = MSR_DENY, .log = log
	};
	assert_int_equal(msr_policy_add(&f->policy, &r, &f->e), 0);
}

/* Calls try(f, n) for n = 1, 2 … with allocation n failing, until there are fewer; how many there
 * are. Each again and again: in the end it must need no more memory. */
static unsigned fail_each(struct fixture *f, void (*try)(struct fixture *f, bool *ret_failed))
{
	for (unsigned n = 1;; n++) {
		size_t before = 0;
		bool failed = false;
		for (unsigned i = 0; i < ALLOCATION_ROUNDS; i++) {
			before = allocation_in_use();
			allocation_fail_at(n);
			try(f, &failed);
		}
		assert_int_equal(allocation_in_use(), before);
		if (!failed)
			return n - 1;
	}
}

static void try_filter(struct fixture *f, bool *ret_failed)
{
	int rc = msr_filter_compile(&f->policy, true, &f->filter, &f->e);
	*ret_failed = allocation_has_failed();
	assert_int_equal(rc, *ret_failed ? -ENOMEM : 0);
	if (rc)
		assert_int_equal(f->filter.nr_ranges, 0);
	msr_filter_done(&f->filter);
}

static void msr_filter_compile__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	for (uint32_t i = 0; i < 5; i++)
		rule(f, 0x100000 + i * 0x4000, MSR_DENY, false);
	assert_int_equal(fail_each(f, try_filter), 2 + 5); /* points, spans, a bitmap each */
}

static void refused_filter(struct fixture *f, bool user_space_msr, int code)
{
	size_t before = 0;
	for (unsigned i = 0; i < ALLOCATION_ROUNDS; i++) {
		before = allocation_in_use();
		assert_int_equal(
			msr_filter_compile(&f->policy, user_space_msr, &f->filter, &f->e), code);
		assert_int_equal(f->filter.nr_ranges, 0);
	}
	assert_int_equal(allocation_in_use(), before);
}

static void msr_filter_compile__refused__nothing_leaks(void **state)
{
	struct fixture *f = *state;
	rule(f, 0x10, MSR_VALUE, false);
	refused_filter(f, false, -ENOTSUP);
	for (uint32_t i = 0; i < 17; i++)
		rule(f, 0x100000 + i * 0x4000, MSR_DENY, false);
	refused_filter(f, true, -E2BIG);
}

static void try_compute(struct fixture *f, bool *ret_failed)
{
	int rc = cpu_compute(&f->cpu, &f->host, &f->trace, &f->result, &f->e);
	*ret_failed = allocation_has_failed();
	/* Only the trace is allocated, and it says so itself. */
	assert_int_equal(rc, 0);
	assert_int_equal(f->trace.out_of_memory, *ret_failed);
	cpu_trace_done(&f->trace);
}

static void cpu_compute__allocation_n_fails__trace_says_so_and_nothing_leaks(void **state)
{
	assert_true(fail_each(*state, try_compute) > 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(msr_filter_compile__allocation_n_fails__error_and_nothing_leaks),
		TEST(msr_filter_compile__refused__nothing_leaks),
		TEST(cpu_compute__allocation_n_fails__trace_says_so_and_nothing_leaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
