/* SPDX-License-Identifier: MIT */
/* Leaf 0xD, by components: where each lies, whose it is, and what of it a policy leaves. */
#include "fake/cmocka.h"
#include "fake/hosts_everything.h"

#include "cpuid/engine.h"

#include <stdlib.h>

#define MAX_FEATURES 8

struct fixture {
	struct host_facts host;
	struct cpu_policy policy;
	struct policy_feature features[MAX_FEATURES];
	struct cpu_result result;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	f->policy.topology = (struct policy_topology){ 1, 1, 1, 1 };
	f->policy.features = f->features;
	host_everything(CPUID_VENDOR_INTEL, &f->host);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void ask(struct fixture *f, const char *sign_and_name)
{
	f->features[f->policy.nr_features++] =
		(struct policy_feature){ sign_and_name + 1, sign_and_name[0] == '+', NULL };
}

static void compute(struct fixture *f)
{
	f->e = (struct err)ERR_INIT;
	if (cpu_compute(&f->policy, &f->host, /* trace */ NULL, &f->result, &f->e))
		fail_msg("%s", f->e.msg);
}

static uint32_t value(const struct fixture *f, uint32_t subleaf, enum cpuid_reg reg)
{
	return cpuid_value(&f->result.table, 0xd, subleaf, reg);
}

/* The host's table says which components there are, but not where. */
static void forget_places(struct fixture *f)
{
	struct cpuid_table *t = &f->host.supported;
	unsigned kept = 0;
	for (unsigned i = 0; i < t->nr_entries; i++) {
		if (t->entries[i].leaf != 0xd || t->entries[i].subleaf < 2)
			t->entries[kept++] = t->entries[i];
	}
	t->nr_entries = kept;
}

static void xsave__host_says_no_places__components_as_processors_have_them(void **state)
{
	static const struct {
		uint32_t number, size_bytes, offset, flags;
	} want[] = {
		{ 2, 256, 576, 0 },
		{ 5, 64, 1088, 0 },
		{ 6, 512, 1152, 0 },
		{ 7, 1024, 1664, 0 },
		{ 9, 8, 2688, 0 },
		{ 11, 16, 0, 1 },
		{ 12, 24, 0, 1 },
		{ 17, 64, 2752, 2 },
		{ 18, 8192, 2816, 2 },
	};
	struct fixture *f = *state;
	forget_places(f);
	compute(f);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		assert_int_equal(value(f, want[i].number, CPUID_EAX), want[i].size_bytes);
		assert_int_equal(value(f, want[i].number, CPUID_EBX), want[i].offset);
		assert_int_equal(value(f, want[i].number, CPUID_ECX), want[i].flags);
		assert_int_equal(value(f, want[i].number, CPUID_EDX), 0);
	}
	assert_int_equal(value(f, 0, CPUID_ECX), 2816 + 8192);
}

static void xsave__host_says_places__are_its_own(void **state)
{
	struct fixture *f = *state;
	struct cpuid_entry *pkru = cpuid_find(&f->host.supported, 0xd, 9);
	assert_non_null(pkru);
	ask(f, "-amx-tile");
	pkru->reg[CPUID_EBX] = 0x980; /* as AMD's processors have it */
	pkru->reg[CPUID_ECX] = 2;
	compute(f);
	assert_int_equal(value(f, 9, CPUID_EBX), 0x980);
	assert_int_equal(value(f, 9, CPUID_ECX), 2);
}

static void xsave__neither_xsavec_nor_xsaves__subleaf_1_has_no_size(void **state)
{
	struct fixture *f = *state;
	ask(f, "-xsavec");
	ask(f, "-xsaves");
	compute(f);
	assert_int_equal(value(f, 1, CPUID_EAX) & 0xa, 0);
	assert_int_equal(value(f, 1, CPUID_EAX) & 1, 1); /* XSAVEOPT stays */
	assert_int_equal(value(f, 1, CPUID_EBX), 0);
	assert_int_equal(value(f, 1, CPUID_ECX), 0);
}

static void xsave__xsavec_alone__subleaf_1_has_a_size_and_no_supervisor_state(void **state)
{
	struct fixture *f = *state;
	ask(f, "-xsaves");
	compute(f);
	assert_int_equal(value(f, 1, CPUID_EAX) & 0xa, 2);
	assert_int_equal(value(f, 1, CPUID_EBX), 576);
	assert_int_equal(value(f, 1, CPUID_ECX), 0);
	assert_int_equal(value(f, 11, CPUID_EAX), 0);
}

static void xsave__xsaves__supervisor_state_that_the_host_has_too(void **state)
{
	struct fixture *f = *state;
	compute(f);
	assert_int_equal(value(f, 1, CPUID_EBX), 576);
	assert_int_equal(value(f, 1, CPUID_ECX) >> 11 & 3, 3);
	cpuid_find(&f->host.supported, 0xd, 1)->reg[CPUID_ECX] &= ~UINT32_C(0x1000);
	compute(f);
	assert_int_equal(value(f, 1, CPUID_ECX) >> 11 & 3, 1);
	assert_int_equal(value(f, 12, CPUID_EAX), 0);
}

static void xsave__last_component_gone__area_ends_with_the_one_before(void **state)
{
	struct fixture *f = *state;
	ask(f, "-amx-tile");
	ask(f, "-apxf");
	ask(f, "-pku");
	compute(f);
	assert_int_equal(value(f, 0, CPUID_ECX), 1664 + 1024);
	assert_int_equal(value(f, 0, CPUID_EAX) & 0xe0200, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(xsave__host_says_no_places__components_as_processors_have_them),
		TEST(xsave__host_says_places__are_its_own),
		TEST(xsave__neither_xsavec_nor_xsaves__subleaf_1_has_no_size),
		TEST(xsave__xsavec_alone__subleaf_1_has_a_size_and_no_supervisor_state),
		TEST(xsave__xsaves__supervisor_state_that_the_host_has_too),
		TEST(xsave__last_component_gone__area_ends_with_the_one_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
