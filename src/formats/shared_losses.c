/* SPDX-License-Identifier: MIT */
#include "formats/shared_losses.h"

#include <stdio.h>

static void lose_leaves(struct losses *losses, const struct cpu_policy *p, const char *target)
{
	static const char regs[4][4] = { "eax", "ebx", "ecx", "edx" };
	for (size_t i = 0; i < p->nr_leaves; i++) {
		const struct policy_leaf *l = &p->leaves[i];
		char subleaf[16] = "";
		if (!l->any_subleaf)
			(void)snprintf(subleaf, sizeof(subleaf), ".%#x", l->subleaf);
		losses_add(losses,
			"leaf rule for %#x%s %s: %s has no rules for bits without a name", l->leaf,
			subleaf, regs[l->reg], target);
	}
}

static void lose_msrs(
	struct losses *losses, const struct cpu_policy *p, const char *target, unsigned says)
{
	for (size_t i = 0; i < p->nr_msr_bits && !(says & SAYS_MSR_BITS); i++)
		losses_add(losses, "bits of MSR %#x: %s has no first values of MSRs",
			p->msr_bits[i].index, target);
	for (size_t i = 0; i < p->nr_msr_rules; i++) {
		const struct msr_rule *r = &p->msr_rules[i];
		if (r->first == r->last)
			losses_add(losses, "rule for MSR %#x: %s does not rule accesses", r->first,
				target);
		else
			losses_add(losses, "rule for MSRs %#x to %#x: %s does not rule accesses",
				r->first, r->last, target);
	}
	if (p->msr_default_deny)
		losses_add(losses, "msr.default = \"deny\": %s does not rule accesses", target);
}

static void lose_hyperv(struct losses *losses, const struct cpu_policy *p, const char *target)
{
	for (size_t i = 0; i < p->nr_hyperv_features; i++)
		losses_add(losses, "%c%s: Hyper-V enlightenments are no part of %s",
			p->hyperv_features[i].on ? '+' : '-', p->hyperv_features[i].name, target);
	if (p->hyperv_spinlock_retries.given)
		losses_add(losses, "hyperv.spinlock_retries: no part of %s", target);
	if (p->hyperv_vendor_id.text)
		losses_add(losses, "hyperv.vendor_id = \"%s\": no part of %s",
			p->hyperv_vendor_id.text, target);
}

static void lose_modes(struct losses *losses, const struct cpu_policy *p, const char *target)
{
	if (p->migration != CPU_MIGRATION_OFF)
		losses_add(losses, "compatibility_for_migration_mode = \"%s\": %s has no such mode",
			p->migration == CPU_MIGRATION_MINIMUM ? "minimum_feature_set"
							      : "common_cluster_feature_set",
			target);
	if (p->older_os)
		losses_add(losses, "compatibility_for_older_operating_systems: %s has no such mode",
			target);
}

void shared_losses(struct losses *losses, const struct fold *f, const char *target, unsigned says)
{
	const struct cpu_policy *p = f->policy;
	const struct policy_topology *t = &p->topology;
	if (!(says & SAYS_LEAVES))
		lose_leaves(losses, p, target);
	lose_msrs(losses, p, target, says);
	lose_modes(losses, p, target);
	if (!(says & SAYS_HYPERV))
		lose_hyperv(losses, p, target);
	if (!(says & SAYS_TOPOLOGY) &&
		(t->sockets > 1 || t->dies > 1 || t->cores > 1 || t->threads > 1))
		losses_add(losses,
			"topology of %u sockets, %u dies, %u cores and %u threads: no part of %s",
			t->sockets, t->dies, t->cores, t->threads, target);
	const struct {
		const char *name;
		const struct policy_number *number;
	} identity[] = {
		{ "family", &p->family },
		{ "model_number", &p->model_number },
		{ "stepping", &p->stepping },
	};
	for (size_t i = 0; i < ARRAY_SIZE(identity) && !(says & SAYS_IDENTITY); i++) {
		if (identity[i].number->given)
			losses_add(losses, "%s = %u: no part of %s", identity[i].name,
				(unsigned)identity[i].number->value, target);
	}
	if (!(says & SAYS_BRAND) && p->brand.text)
		losses_add(losses, "brand = \"%s\": no part of %s", p->brand.text, target);
	if (!(says & SAYS_TSC) && p->tsc_khz.given)
		losses_add(losses, "tsc_frequency of %u kHz: no part of %s",
			(unsigned)p->tsc_khz.value, target);
}

void shared_signature(const struct fold *f, struct shared_signature *ret_signature)
{
	const struct cpu_policy *p = f->policy;
	struct shared_signature s = { 0 };
	if (f->model && f->model->has_signature && f->model->nr_numbers) {
		s = (struct shared_signature){ true, true, true, f->model->family,
			f->model->numbers[0], f->model->stepping_low };
	}
	if (p->family.given) {
		s.has_family = true;
		s.family = (unsigned)p->family.value;
	}
	if (p->model_number.given) {
		s.has_model = true;
		s.model = (unsigned)p->model_number.value;
	}
	if (p->stepping.given) {
		s.has_stepping = true;
		s.stepping = (unsigned)p->stepping.value;
	}
	*ret_signature = s;
}
