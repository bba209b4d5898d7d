/* SPDX-License-Identifier: MIT */
#include "formats/shared_losses.h"

#include "cpuid/fields.h"
#include "cpuid/nestor_leaf.h"

#include <inttypes.h>
#include <stdio.h>

#define MOST_SUBLEAVES 32 /* of the leaves that are covered whole */

void shared_cover(
	struct losses *losses, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, uint32_t bits)
{
	struct loss_place place = { .leaf = leaf, .subleaf = subleaf };
	place.reg[reg] = bits;
	losses_cover(losses, &place);
}

void shared_cover_leaf(struct losses *losses, uint32_t leaf)
{
	unsigned n = cpuid_leaf_has_subleaves(leaf) ? MOST_SUBLEAVES : 1;
	for (uint32_t subleaf = 0; subleaf < n; subleaf++) {
		const struct loss_place place = { false, leaf, subleaf,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } };
		losses_cover(losses, &place);
	}
}

void shared_cover_caches(struct losses *losses)
{
	static const uint32_t leaves[] = { 0x2, 0x4, 0x80000005, 0x80000006, 0x8000001d };
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		shared_cover_leaf(losses, leaves[i]);
}

void shared_cover_hypervisor(struct losses *losses)
{
	for (uint32_t leaf = 0x40000000; leaf < 0x40000020; leaf++) {
		shared_cover_leaf(losses, leaf);
		shared_cover_leaf(losses, leaf + 0x100);
	}
}

void shared_cover_feature(struct losses *losses, feature_id id)
{
	const struct feature_word *w = feature_word(id / 32u);
	struct loss_place place = { .is_msr = w->kind == FEATURE_WORD_MSR,
		.leaf = w->kind == FEATURE_WORD_MSR ? w->msr : w->leaf,
		.subleaf = w->kind == FEATURE_WORD_MSR ? 0 : w->subleaf };
	place.reg[w->kind == FEATURE_WORD_MSR ? w->shift / 32 : w->reg] = UINT32_C(1) << (id % 32);
	losses_cover(losses, &place);
	/* A control has a second MSR (SDM vol. 3, appendix A.2). */
	if (place.is_msr && w->msr >= 0x48d && w->msr <= 0x490 && w->shift == 32) {
		place.leaf = w->msr - 0x48d + 0x481;
		losses_cover(losses, &place);
	}
}

/* True where a format has words for a leaf that is no feature's. */
static bool is_said(const struct policy_leaf *l, unsigned says)
{
	switch (l->leaf) {
	case 0:
	case 0x80000000:
		return says & SAYS_LEVELS && l->reg == CPUID_EAX;
	case 0xa:
		return says & SAYS_PMU && !l->set;
	case 0x40000002:
		return says & SAYS_HYPERV;
	default:
		return false;
	}
}

/* Of a rule's bits those that have a name are features, which are said as such. */
static uint32_t unnamed_bits(const struct policy_leaf *l)
{
	int word = feature_word_of_cpuid(l->leaf, l->any_subleaf ? 0 : l->subleaf, l->reg);
	uint32_t named = word < 0 ? 0 : feature_word((unsigned)word)->named;
	return (l->set | l->clear) & ~named;
}

static void lose_leaves(
	struct losses *losses, const struct cpu_policy *p, const char *target, unsigned says)
{
	static const char regs[4][4] = { "eax", "ebx", "ecx", "edx" };
	for (size_t i = 0; i < p->nr_leaves; i++) {
		const struct policy_leaf *l = &p->leaves[i];
		char subleaf[16] = "";
		if (is_said(l, says) || !unnamed_bits(l))
			continue;
		if (!l->any_subleaf)
			(void)snprintf(subleaf, sizeof(subleaf), ".%" PRIu32, l->subleaf);
		losses_add(losses,
			"leaf rule for %#x%s %s: %s has no rules for bits without a name", l->leaf,
			subleaf, regs[l->reg], target);
		for (uint32_t k = 0; l->any_subleaf && k < MOST_SUBLEAVES; k++)
			shared_cover(losses, l->leaf, k, l->reg, unnamed_bits(l));
		if (!l->any_subleaf)
			shared_cover(losses, l->leaf, l->subleaf, l->reg, unnamed_bits(l));
	}
}

uint64_t shared_unnamed_msr_bits(const struct policy_msr_bits *b)
{
	uint64_t named = 0;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		if (w->kind == FEATURE_WORD_MSR && w->msr == b->index)
			named |= (uint64_t)w->named << w->shift;
	}
	return (b->set | b->clear) & ~named;
}

static void lose_msrs(
	struct losses *losses, const struct cpu_policy *p, const char *target, unsigned says)
{
	for (size_t i = 0; i < p->nr_msr_bits && !(says & SAYS_MSR_BITS); i++) {
		if (shared_unnamed_msr_bits(&p->msr_bits[i]))
			losses_add(losses, "bits of MSR %#x: %s has no first values of MSRs",
				p->msr_bits[i].index, target);
	}
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
	for (size_t i = 0; i < p->nr_hyperv_features; i++) {
		if (p->hyperv_features[i].on)
			losses_add(losses, "+%s: Hyper-V enlightenments are no part of %s",
				p->hyperv_features[i].name, target);
	}
	if (p->hyperv_spinlock_retries.given)
		losses_add(losses, "hyperv.spinlock_retries: no part of %s", target);
	if (p->hyperv_vendor_id.text)
		losses_add(losses, "hyperv.vendor_id = \"%s\": no part of %s",
			p->hyperv_vendor_id.text, target);
}

void shared_losses(struct losses *losses, const struct fold *f, const char *target, unsigned says)
{
	const struct cpu_policy *p = f->policy;
	const struct policy_topology *t = &p->topology;
	if (!(says & SAYS_LEAVES))
		lose_leaves(losses, p, target, says);
	lose_msrs(losses, p, target, says);
	if (p->max_depth.given) {
		losses_add(losses,
			"nesting.max_depth = %u: %s tells a guest nothing of its depth (leaves "
			"0x40000200 and 0x40000201)",
			(unsigned)p->max_depth.value, target);
		shared_cover_leaf(losses, NESTOR_LEAF_SIGNATURE);
		shared_cover_leaf(losses, NESTOR_LEAF_DEPTH);
	}
	if (p->host_vendor.text && !(says & SAYS_HOST_VENDOR))
		losses_add(losses, "host_vendor = \"%s\": %s does not ask for the host's",
			p->host_vendor.text, target);
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
