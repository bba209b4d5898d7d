/* SPDX-License-Identifier: MIT */
/* The enlightenments that nestor's guest has: those that were named, and what a profile adds. */
#include "convert/internal.h"
#include "nesting/hyperv.h"

#include <string.h>

#define LEAF_SIGNATURE 0x40000000u
#define LEAF_RECOMMENDATIONS 0x40000004u

static bool shows_hyperv(const struct cpuid_table *t)
{
	const struct cpuid_entry *e = cpuid_get(t, LEAF_SIGNATURE, 0);
	return e && memcmp(&e->reg[CPUID_EBX], "Microsoft Hv", 12) == 0;
}

static bool has(const struct cpuid_table *t, const struct hyperv_feature *f)
{
	for (unsigned i = 0; i < f->nr_places; i++) {
		const struct hyperv_place *p = &f->places[i];
		if ((cpuid_value(t, p->leaf, 0, p->reg) & p->mask) != p->value)
			return false;
	}
	return f->nr_places > 0;
}

static const struct policy_feature *asked(
	const struct cpu_policy *p, const struct hyperv_feature *f)
{
	for (size_t i = 0; i < p->nr_hyperv_features; i++) {
		if (hyperv_feature_find(p->hyperv_features[i].name) == f)
			return &p->hyperv_features[i];
	}
	return NULL;
}

/* Of several kinds of host: what the guest has on each. */
static bool all_have(const struct convert *c, const struct hyperv_feature *f)
{
	bool all = true;
	for (unsigned i = 0; i < c->nr_views; i++)
		all &= shows_hyperv(c->views[i].vcpu) && has(c->views[i].vcpu, f);
	return all;
}

unsigned convert_enlightenments(
	const struct convert *c, struct policy_feature ret[CONVERT_MAX_ENLIGHTENMENTS])
{
	size_t n = 0;
	const struct hyperv_feature *all = hyperv_features(&n);
	unsigned nr = 0;
	for (size_t i = 0; i < n && nr < CONVERT_MAX_ENLIGHTENMENTS; i++) {
		const struct policy_feature *wish = asked(c->policy, &all[i]);
		bool by_bits = all[i].kind == HYPERV_PLAIN || all[i].kind == HYPERV_NESTED;
		bool on = by_bits ? all_have(c, &all[i]) : wish && wish->on;
		if ((wish || on) && all[i].kind != HYPERV_NUMBER)
			ret[nr++] = (struct policy_feature){ all[i].name, on,
				wish ? wish->origin : NULL };
	}
	return nr;
}

struct policy_number convert_spinlock_retries(const struct convert *c)
{
	struct policy_number n = c->policy->hyperv_spinlock_retries;
	const struct cpuid_table *t = c->views[0].vcpu;
	uint32_t told = cpuid_value(t, LEAF_RECOMMENDATIONS, 0, CPUID_EBX);
	if (!n.given && shows_hyperv(t) && told != 0 && told != HYPERV_NEVER_NOTIFY)
		n = (struct policy_number){ true, told, NULL };
	return n;
}
