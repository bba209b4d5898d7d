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

static void try_filter(void *ctx)
{
	struct fixture *f = ctx;
	int rc = msr_filter_compile(&f->policy, true, &f->filter, &f->e);
	assert_int_equal(rc, allocation_has_failed() ? -ENOMEM : 0);
	if (rc)
		assert_int_equal(f->filter.nr_ranges, 0);
	msr_filter_done(&f->filter);
}

static void msr_filter_compile__allocation_n_fails__error_and_nothing_leaks(void **state)
{
	struct fixture *f = *state;
	for (uint32_t i = 0; i < 5; i++)
		rule(f, 0x100000 + i * 0x4000, MSR_DENY, false);
	assert_int_equal(
		allocation_fail_each(try_filter, f), 2 + 5); /* points, spans, a bitmap each */
}

static void refuse_exits(void *ctx)
{
	struct fixture *f = ctx;
	assert_int_equal(msr_filter_compile(&f->policy, false, &f->filter, &f->e), -ENOTSUP);
	assert_int_equal(f->filter.nr_ranges, 0);
}

static void refuse_ranges(void *ctx)
{
	struct fixture *f = ctx;
	assert_int_equal(msr_filter_compile(&f->policy, true, &f->filter, &f->e), -E2BIG);
	assert_int_equal(f->filter.nr_ranges, 0);
}

static void msr_filter_compile__refused__nothing_leaks(void **state)
{
	struct fixture *f = *state;
	rule(f, 0x10, MSR_VALUE, false);
	assert_false(allocation_leaks(refuse_exits, f));
	for (uint32_t i = 0; i < 17; i++)
		rule(f, 0x100000 + i * 0x4000, MSR_DENY, false);
	assert_false(allocation_leaks(refuse_ranges, f));
}

static void try_compute(void *ctx)
{
	struct fixture *f = ctx;
	int rc = cpu_compute(&f->cpu, &f->host, &f->trace, &f->result, &f->e);
	/* Only the trace is allocated, and it says so itself. */
	assert_int_equal(rc, 0);
	assert_int_equal(f->trace.out_of_memory, allocation_has_failed());
	cpu_trace_done(&f->trace);
}

static void cpu_compute__allocation_n_fails__trace_says_so_and_nothing_leaks(void **state)
{
	assert_true(allocation_fail_each(try_compute, *state) > 0);
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
