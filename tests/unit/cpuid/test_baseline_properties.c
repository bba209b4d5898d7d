/* SPDX-License-Identifier: MIT */
/* The laws of baselines, over random sets of hosts; and a cluster's mode, which stands on them. */
#include "properties.h"

#include "cpuid/baseline.h"
#include "cpuid/fields.h"

#include <errno.h>
#include <stdlib.h>

#define CASES 1500
#define MAX_HOSTS 5
#define NR_TRIED 24 /* features that are tried on top of a baseline, each case */

struct set_of_hosts {
	struct property_case c; /* for seeds and messages */
	struct host_facts hosts[MAX_HOSTS];
	unsigned nr_hosts;
	struct cpu_baseline baseline, other;
	struct cpu_policy policy;
	struct policy_feature features[FEATURE_COUNT + 1];
	struct policy_withdrawal withdrawals[NESTING_MAX_WITHDRAWALS];
	struct cpu_result result, again;
	struct cpuid_table table; /* of a vCPU by result */
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct set_of_hosts));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

/* Smaller numbers, as an older processor of the same kind has them. */
static void jitter(struct host_facts *host, uint32_t seed)
{
	uint32_t state = seed * 77 + 1;
	size_t n = 0;
	const struct cpuid_field *fields = cpuid_fields(&n);
	for (size_t i = 0; i < n; i++) {
		const struct cpuid_field *f = &fields[i];
		struct cpuid_entry *e = cpuid_find(
			&host->supported, f->leaf, f->subleaf < 0 ? 0 : (uint32_t)f->subleaf);
		bool smaller = f->kind == CPUID_FIELD_CAPACITY || f->kind == CPUID_FIELD_OTHER;
		if (!e || !smaller || (host_random_next(&state) >> 8) % 6 != 0)
			continue;
		uint32_t mask = (uint32_t)(bit_mask(f->high - f->low + 1u) << f->low);
		uint32_t value = (e->reg[f->reg] & mask) >> f->low;
		value = f->combine == CPUID_COMBINE_AND ? value & host_random_next(&state)
							: value - (value > 0);
		e->reg[f->reg] = (e->reg[f->reg] & ~mask) | (value << f->low & mask);
	}
	for (unsigned i = 0; i < host->nr_feature_msrs; i++) {
		struct msr_value *m = &host->feature_msrs[i];
		if (m->index == MSR_IA32_VMX_BASIC + 5 && host_random_next(&state) >> 8 & 1)
			m->value &= ~UINT64_C(0x70000); /* CR3 targets */
	}
}

/* All of one vendor. numbers: let them differ in more than features. */
static void make(struct set_of_hosts *s, uint32_t seed, bool numbers)
{
	uint32_t state = seed * UINT32_C(2654435769) + 11;
	state = state ? state : 1;
	s->c.seed = seed;
	property_host(&s->c, seed);
	s->hosts[0] = s->c.host;
	s->nr_hosts = 1 + (host_random_next(&state) >> 8) % MAX_HOSTS;
	for (unsigned i = 1; i < s->nr_hosts; i++)
		host_random_subset(&s->c.base, seed * 131 + i, &s->hosts[i]);
	s->baseline = (struct cpu_baseline){ 0 };
	for (unsigned i = 0; i < s->nr_hosts; i++) {
		if (numbers)
			jitter(&s->hosts[i], seed + i);
		assert_int_equal(cpu_baseline_add(&s->baseline, &s->hosts[i], &s->c.e), 0);
	}
}

static void check(struct set_of_hosts *s, bool holds)
{
	if (!holds)
		fail_msg("seed %u (%u hosts made of %s): %s", s->c.seed, s->nr_hosts, s->c.origin,
			s->c.why);
}

/* A baseline's own policy, with the knob on or off. */
static void make_policy(struct set_of_hosts *s, bool virtualization)
{
	if (cpu_baseline_policy(&s->baseline, virtualization, s->features, &s->policy, &s->c.e))
		fail_msg("seed %u: no policy: %s", s->c.seed, s->c.e.msg);
	s->policy.nr_withdrawals = nesting_withdrawals(virtualization, NULL, s->withdrawals);
	s->policy.withdrawals = s->withdrawals;
}

/* Facts as sets: the order of entries, and which come first, tells nothing. */
static bool same_facts(
	struct property_case *c, const struct host_facts *a, const struct host_facts *b)
{
	uint64_t value;
	if (!property_same_table(c, "supported", &a->supported, &b->supported) ||
		!property_same_table(c, "emulated", &a->emulated, &b->emulated))
		return false;
	if (a->nr_feature_msrs != b->nr_feature_msrs)
		return property_fails(
			c, "%u and %u feature MSRs", a->nr_feature_msrs, b->nr_feature_msrs);
	for (unsigned i = 0; i < a->nr_feature_msrs; i++) {
		const struct msr_value *m = &a->feature_msrs[i];
		if (!host_feature_msr(b, m->index, &value) || value != m->value)
			return property_fails(c, "MSR %#x differs", m->index);
	}
	if (memcmp(a->brand, b->brand, sizeof(a->brand)) != 0 ||
		a->threads_per_core != b->threads_per_core || a->max_vcpus != b->max_vcpus ||
		a->tsc_khz != b->tsc_khz || a->tsc_scaling != b->tsc_scaling ||
		a->tsc_deadline_timer != b->tsc_deadline_timer ||
		a->nested_state != b->nested_state)
		return property_fails(c, "limits differ");
	return true;
}

static void runs_everywhere(struct set_of_hosts *s, bool virtualization, bool numbers)
{
	make_policy(s, virtualization);
	for (unsigned i = 0; i < s->nr_hosts; i++) {
		struct cpu_result *r = i == 0 ? &s->result : &s->again;
		int rc = property_compute_on(
			&s->policy, virtualization, &s->hosts[i], NULL, r, &s->c.e);
		if (rc)
			fail_msg("seed %u: fails on host %u of %s: %s", s->c.seed, i, s->c.origin,
				s->c.e.msg);
		check(s, property_same_features(
				 &s->c, "on two hosts", &s->result.features, &r->features));
		if (!numbers)
			check(s, property_same_table(
					 &s->c, "on two hosts", &s->result.table, &r->table));
	}
}

static void cpu_baseline_policy__on_all_hosts__runs_and_gives_the_same(void **state)
{
	struct set_of_hosts *s = *state;
	uint32_t first;
	unsigned n = property_cases(CASES, &first);
	for (unsigned i = 0; i < n; i++) {
		bool numbers = i % 3 == 0;
		make(s, first + i, numbers);
		runs_everywhere(s, /* virtualization */ false, numbers);
		runs_everywhere(s, /* virtualization */ true, numbers);
	}
}

/* Nothing can be added. */

/* Those that a baseline leaves out on purpose. */
static bool is_left_out(const struct feature *f, bool virtualization)
{
	static struct feature_set virt;
	size_t n = 0;
	const struct feature_requirement *r = feature_requirements(&n);
	if (f->attributes & (FEATURE_MANAGED | FEATURE_HINT))
		return true;
	feature_set_of_attribute(FEATURE_VMX_CONTROL, &virt);
	feature_set_add(&virt, FEATURE_ID_vmx);
	feature_set_add(&virt, FEATURE_ID_svm);
	feature_set_add(&virt, FEATURE_ID_smx);
	feature_set_add(&virt, FEATURE_ID_skinit);
	for (size_t i = 0; i < n; i++) {
		if (r[i].feature == f->id && feature_set_has(&virt, r[i].required))
			feature_set_add(&virt, f->id);
	}
	return !virtualization && feature_set_has(&virt, f->id);
}

static bool runs_with(struct set_of_hosts *s, const struct feature *f, bool virtualization)
{
	struct cpu_policy more = s->policy;
	static struct policy_feature features[FEATURE_COUNT + 1];
	size_t n = 0;
	for (size_t i = 0; i < s->policy.nr_features; i++) {
		if (feature_find(s->features[i].name) != f)
			features[n++] = s->features[i];
	}
	features[n++] = (struct policy_feature){ f->name, true, NULL };
	more.features = features;
	more.nr_features = n;
	for (unsigned i = 0; i < s->nr_hosts; i++) {
		if (property_compute_on(
			    &more, virtualization, &s->hosts[i], NULL, &s->again, &s->c.e))
			return false;
	}
	return true;
}

static void cpu_baseline_policy__another_feature__fails_on_some_host(void **state)
{
	struct set_of_hosts *s = *state;
	uint32_t first;
	unsigned n = property_cases(CASES / 3, &first);
	for (unsigned i = 0; i < n; i++) {
		bool virtualization = i & 1;
		make(s, first + i, /* numbers */ false);
		make_policy(s, virtualization);
		assert_int_equal(property_compute_on(&s->policy, virtualization, &s->hosts[0], NULL,
					 &s->result, &s->c.e),
			0);
		/* All of them in some cases. */
		unsigned tried = i % 50 == 0 ? FEATURE_COUNT : NR_TRIED;
		uint32_t random = first + i + 1;
		for (unsigned k = 0; k < tried; k++) {
			const struct feature *f = feature_at(
				tried < FEATURE_COUNT
					? (host_random_next(&random) >> 4) % FEATURE_COUNT
					: k);
			if (feature_set_has(&s->result.features, f->id) ||
				is_left_out(f, virtualization))
				continue;
			if (runs_with(s, f, virtualization))
				fail_msg("seed %u (%u hosts made of %s, extensions %s): %s is on "
					 "all "
					 "hosts, but not in the baseline",
					s->c.seed, s->nr_hosts, s->c.origin,
					virtualization ? "exposed" : "hidden", f->name);
		}
	}
}

/* Facts. */

static void cpu_baseline_add__any_order_and_twice__the_same_facts(void **state)
{
	struct set_of_hosts *s = *state;
	uint32_t first;
	unsigned n = property_cases(CASES, &first);
	for (unsigned i = 0; i < n; i++) {
		make(s, first + i, /* numbers */ i & 1);
		s->other = (struct cpu_baseline){ 0 };
		for (unsigned k = 0; k < 2 * s->nr_hosts; k++)
			assert_int_equal(cpu_baseline_add(&s->other,
						 &s->hosts[(2 * s->nr_hosts - 1 - k) % s->nr_hosts],
						 &s->c.e),
				0);
		check(s, same_facts(&s->c, &s->baseline.facts, &s->other.facts));
		check(s, property_same_features(
				 &s->c, "defects", &s->baseline.defects, &s->other.defects));
		/* Its own facts add nothing new, to it or to an empty one. */
		struct host_facts facts = s->baseline.facts;
		assert_int_equal(cpu_baseline_add(&s->other, &facts, &s->c.e), 0);
		check(s, same_facts(&s->c, &s->baseline.facts, &s->other.facts));
		s->other = (struct cpu_baseline){ 0 };
		assert_int_equal(cpu_baseline_add(&s->other, &facts, &s->c.e), 0);
		check(s, same_facts(&s->c, &s->baseline.facts, &s->other.facts));
	}
}

static void cpu_baseline_add__one_host__is_that_host(void **state)
{
	struct set_of_hosts *s = *state;
	uint32_t first;
	unsigned n = property_cases(CASES, &first);
	for (unsigned i = 0; i < n; i++) {
		s->c.seed = first + i;
		property_host(&s->c, s->c.seed);
		s->nr_hosts = 1;
		s->other = (struct cpu_baseline){ 0 };
		assert_int_equal(cpu_baseline_add(&s->other, &s->c.host, &s->c.e), 0);
		check(s, same_facts(&s->c, &s->c.host, &s->other.facts));
		assert_int_equal(cpu_baseline_add(&s->other, &s->c.host, &s->c.e), 0);
		check(s, property_same_table(&s->c, "twice the same host", &s->c.host.supported,
				 &s->other.facts.supported));
	}
}

static void cpu_baseline_add__features__those_that_all_have(void **state)
{
	struct set_of_hosts *s = *state;
	uint32_t first;
	unsigned n = property_cases(CASES, &first);
	for (unsigned i = 0; i < n; i++) {
		struct feature_set common, one;
		make(s, first + i, /* numbers */ false);
		cpu_features_of_host(&s->hosts[0], false, &common);
		for (unsigned k = 1; k < s->nr_hosts; k++) {
			cpu_features_of_host(&s->hosts[k], false, &one);
			feature_set_and(&common, &one);
		}
		cpu_features_of_host(&s->baseline.facts, false, &one);
		check(s, property_same_features(&s->c, "hosts and baseline", &common, &one));
		for (unsigned k = 0; k < s->nr_hosts; k++)
			assert_true(cpuid_phys_bits(&s->baseline.facts.supported) <=
				    cpuid_phys_bits(&s->hosts[k].supported));
	}
}

static void cpu_baseline_add__another_vendor__refused_and_untouched(void **state)
{
	struct set_of_hosts *s = *state;
	static const char *const names[] = { "GenuineIntel", "AuthenticAMD", "HygonGenuine",
		"  Shanghai  " };
	uint32_t first;
	unsigned n = property_cases(CASES / 10, &first);
	for (unsigned i = 0; i < n; i++) {
		make(s, first + i, /* numbers */ false);
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			struct host_facts other = s->hosts[0];
			struct cpuid_entry *e = cpuid_find(&other.supported, 0, 0);
			struct cpuid_entry was = *e;
			memcpy(&e->reg[CPUID_EBX], names[k], 4);
			memcpy(&e->reg[CPUID_EDX], names[k] + 4, 4);
			memcpy(&e->reg[CPUID_ECX], names[k] + 8, 4);
			if (memcmp(e, &was, sizeof(was)) == 0)
				continue;
			s->other = s->baseline;
			s->c.e = (struct err)ERR_INIT;
			assert_int_equal(cpu_baseline_add(&s->baseline, &other, &s->c.e), -EINVAL);
			assert_contains(s->c.e.msg, "vendor");
			assert_memory_equal(&s->other, &s->baseline, sizeof(s->other));
		}
	}
}

static void cpu_baseline_policy__no_host__refused(void **state)
{
	struct set_of_hosts *s = *state;
	assert_int_equal(cpu_baseline_policy(&s->baseline, false, s->features, &s->policy, &s->c.e),
		-EINVAL);
	assert_contains(s->c.e.msg, "at least one host");
}

/* Tables of random entries. */
static void cpu_baseline_add__hostile_hosts__no_crash(void **state)
{
	struct set_of_hosts *s = *state;
	uint32_t first;
	unsigned n = property_cases(CASES, &first);
	for (unsigned i = 0; i < n; i++) {
		host_random(&s->c.host, first + i);
		if (cpu_baseline_add(&s->baseline, &s->c.host, &s->c.e))
			s->baseline = (struct cpu_baseline){ 0 };
		else if (cpu_baseline_policy(&s->baseline, i & 1, s->features, &s->policy, &s->c.e))
			assert_true(s->c.e.msg[0] != '\0');
	}
}

/* What the last vCPU sees on member k, with the result r, and on the first. */
static bool same_vcpu(struct set_of_hosts *s, unsigned k, const struct cpu_result *r)
{
	const struct cpu_topology *t = &r->topology;
	unsigned last = t->sockets * t->dies * t->cores * t->threads - 1;
	struct cpuid_table table;
	assert_int_equal(cpu_result_vcpu(r, last, NULL, &table, &s->c.e), 0);
	if (k == 0)
		s->table = table;
	return property_same_features(&s->c, "on two members", &s->result.features, &r->features) &&
	       property_same_table(&s->c, "on two members", &s->table, &table);
}

/* compatibility_for_migration_mode = "common_cluster_feature_set": the same on each member. */
static void cpu_compute__cluster_mode__the_same_on_each_member(void **state)
{
	struct set_of_hosts *s = *state;
	uint32_t first;
	unsigned n = property_cases(2 * CASES, &first);
	for (unsigned i = 0; i < n; i++) {
		struct random_policy *p = &s->c.policy;
		char first_error[sizeof(s->c.e.msg)] = "";
		int first_rc = 0;
		make(s, first + i, /* numbers */ true);
		random_policy_make(p, s->c.vendor, RANDOM_ALL & ~(unsigned)RANDOM_MODES, first + i);
		p->policy.migration = CPU_MIGRATION_CLUSTER;
		p->policy.cluster = &s->baseline.facts;
		/* Model max is what a single host's KVM emulates. */
		if (s->c.host.emulated.nr_entries > 0)
			continue;
		for (unsigned k = 0; k < s->nr_hosts; k++) {
			struct cpu_result *r = k == 0 ? &s->result : &s->again;
			int rc = property_compute_on(
				&p->policy, p->expose, &s->hosts[k], NULL, r, &s->c.e);
			if (k == 0) {
				first_rc = rc;
				memcpy(first_error, s->c.e.msg, sizeof(first_error));
			}
			bool same = rc == first_rc ||
				    property_fails(&s->c, "host 0: %d %.200s; host %u: %d %.200s",
					    first_rc, first_error, k, rc, s->c.e.msg);
			if (same && rc == 0)
				same = same_vcpu(s, k, r);
			if (same && rc == 0)
				same = (s->result.msrs.nr_set == r->msrs.nr_set &&
					       memcmp(s->result.msrs.set, r->msrs.set,
						       r->msrs.nr_set * sizeof(r->msrs.set[0])) ==
						       0) ||
				       property_fails(&s->c, "feature MSRs differ");
			if (same && rc == 0 && s->result.tsc_khz != r->tsc_khz)
				same = property_fails(&s->c, "TSC of %u and %u kHz",
					s->result.tsc_khz, r->tsc_khz);
			if (!same)
				random_policy_print(p, stderr);
			check(s, same);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cpu_baseline_policy__on_all_hosts__runs_and_gives_the_same),
		TEST(cpu_baseline_policy__another_feature__fails_on_some_host),
		TEST(cpu_baseline_add__any_order_and_twice__the_same_facts),
		TEST(cpu_baseline_add__one_host__is_that_host),
		TEST(cpu_baseline_add__features__those_that_all_have),
		TEST(cpu_baseline_add__another_vendor__refused_and_untouched),
		TEST(cpu_baseline_policy__no_host__refused),
		TEST(cpu_baseline_add__hostile_hosts__no_crash),
		TEST(cpu_compute__cluster_mode__the_same_on_each_member),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
