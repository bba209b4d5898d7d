/* SPDX-License-Identifier: MIT */
/* What one result says of another: the same policy in other words, and a host with less. */
#include "properties.h"

#include <string.h>

#define CASES 4000

/* Idempotence. */

/* The same policy, with each feature of the result by name and with what else became of it. */
static void make_explicit(const struct property_case *c, struct policy_feature *features,
	struct cpu_policy *ret_policy)
{
	const struct cpu_result *r = &c->result;
	size_t n = 0;
	*ret_policy = c->policy.policy;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		bool is_ours = f->id == FEATURE_ID_ht || f->id == FEATURE_ID_cmp_legacy ||
			       f->id == FEATURE_ID_osxsave || f->id == FEATURE_ID_ospke;
		if (!is_ours)
			features[n++] = (struct policy_feature){ f->name,
				feature_set_has(&r->features, f->id), NULL };
	}
	ret_policy->features = features;
	ret_policy->nr_features = n;
	ret_policy->on_missing = CPU_MISSING_ERROR;
	ret_policy->phys_bits = (struct policy_number){ true, r->phys_bits, NULL };
	ret_policy->tsc_khz.given &= r->tsc_khz != 0;
}

static bool is_idempotent(struct property_case *c)
{
	static struct policy_feature features[FEATURE_COUNT];
	static struct cpu_result again;
	struct cpu_policy policy;
	struct err e;
	property_compute(c);
	/* A clock that the host cannot give is gone from the policy, and its leaves with it. */
	if (c->rc || (c->policy.policy.tsc_khz.given && c->result.tsc_khz == 0))
		return true;
	make_explicit(c, features, &policy);
	int rc = property_compute_on(&policy, c->policy.expose, &c->host, NULL, &again, &e);
	if (rc)
		return property_fails(c, "the explicit policy fails: %.400s", e.msg);
	if (!property_same_features(
		    c, "implicit and explicit", &c->result.features, &again.features) ||
		!property_same_table(c, "implicit and explicit", &c->result.table, &again.table))
		return false;
	if (c->result.msrs.nr_set != again.msrs.nr_set ||
		memcmp(c->result.msrs.set, again.msrs.set,
			again.msrs.nr_set * sizeof(again.msrs.set[0])) != 0)
		return property_fails(c, "feature MSRs differ");
	return true;
}

static void cpu_compute__result_as_a_policy__gives_the_same(void **state)
{
	(void)state;
	property_run(is_idempotent,
		RANDOM_ALL & ~(unsigned)(RANDOM_LEAVES | RANDOM_MSRS | RANDOM_PRESSURE), CASES);
}

/* The model does not matter where each feature is named. */
static bool model_is_only_a_list(struct property_case *c)
{
	static struct policy_feature features[FEATURE_COUNT];
	static struct cpu_result again;
	struct cpu_policy policy;
	struct err e;
	size_t i = c->seed, n = 0;
	property_compute(c);
	if (c->rc || (c->policy.policy.tsc_khz.given && c->result.tsc_khz == 0))
		return true;
	/* Only model max has what KVM emulates. */
	if (c->host.emulated.nr_entries > 0)
		return true;
	while (cpu_model_at(n))
		n++;
	while (cpu_model_at(i % n)->vendor_id[0] && cpu_model_at(i % n)->vendor != c->vendor)
		i++;
	make_explicit(c, features, &policy);
	policy.model.text = cpu_model_at(i % n)->name;
	int rc = property_compute_on(&policy, c->policy.expose, &c->host, NULL, &again, &e);
	if (rc)
		return property_fails(
			c, "the same on model %s fails: %.400s", policy.model.text, e.msg);
	return property_same_features(c, policy.model.text, &c->result.features, &again.features);
}

static void cpu_compute__result_on_another_model__has_the_same_features(void **state)
{
	(void)state;
	property_run(model_is_only_a_list,
		RANDOM_ALL & ~(unsigned)(RANDOM_LEAVES | RANDOM_MSRS | RANDOM_PRESSURE), CASES);
}

/* A host that is the guest: what nestor computes inside it. */
static bool guest_is_a_host(struct property_case *c)
{
	static struct cpu_result again;
	struct err e;
	property_compute(c);
	/* One that says to be of another vendor looks like a host with that vendor's KVM. */
	if (c->rc || c->policy.policy.hypervisor != CPU_HYPERVISOR_KVM ||
		c->result.vendor != cpuid_vendor(&c->host.supported) ||
		c->result.msrs.nr_set > HOST_MAX_FEATURE_MSRS)
		return true;
	struct host_facts inner = c->host;
	inner.supported = c->result.table;
	inner.emulated.nr_entries = 0;
	inner.tsc_deadline_timer = feature_set_has(&c->result.features, FEATURE_ID_tsc_deadline);
	inner.nr_feature_msrs = c->result.msrs.nr_set;
	memcpy(inner.feature_msrs, c->result.msrs.set,
		inner.nr_feature_msrs * sizeof(inner.feature_msrs[0]));
	const struct cpu_policy host = { .topology = c->policy.policy.topology };
	int rc = property_compute_on(&host, true, &inner, NULL, &again, &e);
	struct feature_set before = c->result.features, after = again.features, hints, borrowed;
	feature_set_remove(&before, FEATURE_ID_hypervisor);
	feature_set_remove(&after, FEATURE_ID_hypervisor);
	/* A hint is nobody's but the user's: model host does not pass it on. */
	feature_set_of_attribute(FEATURE_HINT, &hints);
	feature_set_subtract(&before, &hints);
	/* Nor does it pass on what an outer policy names of another vendor's. */
	feature_set_borrowed(c->result.vendor, &borrowed);
	feature_set_subtract(&before, &borrowed);
	/* With the MSR that one of them announces. */
	feature_set_close(&before, NULL, NULL);
	if (rc)
		return property_fails(c, "model host on the result fails: %.400s", e.msg);
	return property_same_features(c, "outer and inner", &before, &after);
}

static void cpu_compute__model_host_on_the_result__has_the_same_features(void **state)
{
	(void)state;
	property_run(guest_is_a_host,
		RANDOM_ALL & ~(unsigned)(RANDOM_LEAVES | RANDOM_MSRS | RANDOM_PRESSURE), CASES);
}

/* Monotonicity. */

/* Without the feature and what tells of it; or, as hosts are odd, without that one bit alone. */
static void lessen(const struct host_facts *host, const struct feature_set *set, feature_id id,
	uint32_t seed, struct host_facts *ret)
{
	const struct feature_word *w = feature_word(id / 32u);
	host_with_features(host, set, ret);
	if (seed % 3 == 0 && w->kind == FEATURE_WORD_CPUID) {
		*ret = *host;
		ret->tsc_deadline_timer &= id != FEATURE_ID_tsc_deadline;
		struct cpuid_entry *e = cpuid_find(&ret->supported, w->leaf, w->subleaf);
		if (e)
			e->reg[w->reg] &= ~(UINT32_C(1) << id % 32);
	}
	struct cpuid_entry *e = cpuid_find(&ret->supported, 0x80000008, 0);
	if (seed % 5 == 0 && e && (e->reg[CPUID_EAX] & 0xff) > 32)
		e->reg[CPUID_EAX]--;
}

static bool is_monotone(struct property_case *c)
{
	static struct cpu_result less;
	static struct host_facts smaller;
	struct feature_set set, added, managed;
	char list[PROPERTY_WHY_BYTES];
	struct err e;
	property_compute(c);
	if (c->rc)
		return true;
	host_features(&c->host, &set);
	uint32_t state = c->seed + 1;
	feature_id id = (feature_id)(host_random_next(&state) % (FEATURE_NR_WORDS * 32));
	id = feature_set_next(&set, id);
	id = id < FEATURE_NR_WORDS * 32 ? id : feature_set_next(&set, 0);
	if (id >= FEATURE_NR_WORDS * 32)
		return true;
	feature_set_remove(&set, id);
	lessen(&c->host, &set, id, c->seed, &smaller);
	int rc =
		property_compute_on(&c->policy.policy, c->policy.expose, &smaller, NULL, &less, &e);
	if (rc)
		return property_fails(
			c, "fails without %s: %.300s", feature_by_id(id)->name, e.msg);
	added = less.features;
	property_managed(&managed);
	feature_set_subtract(&added, &c->result.features);
	feature_set_subtract(&added, &managed);
	if (!feature_set_is_empty(&added))
		return property_fails(c, "without %s the guest gains %.300s",
			feature_by_id(id)->name, property_list(list, &added));
	if (less.phys_bits > c->result.phys_bits)
		return property_fails(c, "address bits grow");
	return true;
}

static void cpu_compute__host_without_a_feature__adds_none_to_the_guest(void **state)
{
	(void)state;
	property_run(is_monotone, RANDOM_ALL & ~(unsigned)RANDOM_PRESSURE, 2 * CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_compute__result_as_a_policy__gives_the_same),
		cmocka_unit_test(cpu_compute__result_on_another_model__has_the_same_features),
		cmocka_unit_test(cpu_compute__model_host_on_the_result__has_the_same_features),
		cmocka_unit_test(cpu_compute__host_without_a_feature__adds_none_to_the_guest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
