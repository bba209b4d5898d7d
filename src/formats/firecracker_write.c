/* SPDX-License-Identifier: MIT */
/*
 * A policy as Firecracker's CPU template. The template is laid over the host's CPUID, so that a
 * named model is written with every bit that has a name, and model "host" with what the policy asks
 * for alone.
 */
#include "cpuid/fields.h"
#include "formats/convert.h"
#include "formats/dialect.h"
#include "formats/fold.h"
#include "formats/input.h"
#include "formats/shared_losses.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char target[] = "Firecracker's template";

/* What becomes of the registers of a leaf, or of an MSR (in reg 0 and 1: its halves). */
struct slot {
	bool is_msr;
	uint32_t leaf; /* or the MSR */
	uint32_t subleaf;
	bool subleaf_matters;
	uint32_t set[4], clear[4];
};

struct slots {
	struct slot *slots;
	size_t nr, capacity;
	bool out_of_memory;
};

static struct slot *slot_for(struct slots *all, const struct slot *like)
{
	for (size_t i = 0; i < all->nr; i++) {
		struct slot *s = &all->slots[i];
		if (s->is_msr == like->is_msr && s->leaf == like->leaf &&
			s->subleaf == like->subleaf && s->subleaf_matters == like->subleaf_matters)
			return s;
	}
	if (all->nr == all->capacity) {
		size_t more = all->capacity ? 2 * all->capacity : 32;
		struct slot *moved = reallocarray(all->slots, more, sizeof(*moved));
		if (!moved) {
			all->out_of_memory = true;
			return NULL;
		}
		all->slots = moved;
		all->capacity = more;
	}
	all->slots[all->nr] = *like;
	return &all->slots[all->nr++];
}

/* Later words overrule earlier ones, bit by bit. */
static void decide(
	struct slots *all, const struct slot *where, unsigned reg, uint32_t set, uint32_t clear)
{
	if (!(set | clear))
		return;
	struct slot *s = slot_for(all, where);
	if (!s)
		return;
	s->set[reg] = (s->set[reg] & ~clear) | set;
	s->clear[reg] = (s->clear[reg] & ~set) | clear;
}

static void decide_msr(struct slots *all, uint32_t index, uint64_t set, uint64_t clear)
{
	const struct slot where = { .is_msr = true, .leaf = index };
	decide(all, &where, 0, (uint32_t)set, (uint32_t)clear);
	decide(all, &where, 1, (uint32_t)(set >> 32), (uint32_t)(clear >> 32));
}

static void decide_word(struct slots *all, unsigned word, uint32_t on, uint32_t off)
{
	const struct feature_word *w = feature_word(word);
	uint32_t set = w->inverted ? off : on, clear = w->inverted ? on : off;
	if (w->kind == FEATURE_WORD_MSR) {
		decide_msr(all, w->msr, (uint64_t)set << w->shift, (uint64_t)clear << w->shift);
		return;
	}
	const struct slot where = {
		.leaf = w->leaf, .subleaf = w->subleaf, .subleaf_matters = w->subleaf_matters
	};
	decide(all, &where, w->reg, set, clear);
}

/* The feature without which a word means nothing; 0 where there is none (that bit is no gate). */
static feature_id gate(const struct feature_word *w)
{
	if (w->kind == FEATURE_WORD_CPUID)
		return w->leaf == 0x8000000a ? FEATURE_ID_svm : 0;
	switch (w->msr) {
	case MSR_IA32_ARCH_CAPABILITIES:
		return FEATURE_ID_arch_capabilities;
	case MSR_IA32_CORE_CAPABILITIES:
		return FEATURE_ID_core_capability;
	case MSR_IA32_PERF_CAPABILITIES:
		return FEATURE_ID_pdcm;
	default:
		return FEATURE_ID_vmx;
	}
}

/* Every bit that has a name, but what follows from the machine, KVM's own, and other vendors'. */
static void decide_model(struct slots *all, const struct fold *f)
{
	struct feature_set has, skip, foreign;
	fold_features(f, &has);
	feature_set_of_attribute(FEATURE_MANAGED | FEATURE_PV, &skip);
	if (f->model->vendor != CPUID_VENDOR_OTHER) {
		feature_set_foreign(f->model->vendor, &foreign);
		feature_set_or(&skip, &foreign);
	}
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		feature_id needs = gate(w);
		uint32_t mask = w->named & ~skip.w[i];
		if (needs && !feature_set_has(&has, needs))
			continue;
		/* Centaur's range is absent elsewhere, and a template may only change what is
		 * there. */
		if (w->kind == FEATURE_WORD_CPUID && w->leaf >= 0xc0000000 && !(has.w[i] & mask))
			continue;
		decide_word(all, i, has.w[i] & mask, ~has.w[i] & mask);
	}
}

static void decide_features(struct slots *all, const struct fold *f)
{
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++)
		decide_word(all, i, f->on.w[i], f->off.w[i]);
}

static void decide_numbers(struct slots *all, const struct fold *f)
{
	const struct slot version = { .leaf = 1 }, widths = { .leaf = 0x80000008 };
	struct shared_signature s;
	shared_signature(f, &s);
	uint32_t mask = (s.has_stepping ? UINT32_C(0xf) : 0) |
			(s.has_model ? UINT32_C(0x000f00f0) : 0) |
			(s.has_family ? UINT32_C(0x0ff03f00) : 0); /* and type 0 */
	uint32_t eax = cpu_signature_pack(s.family, s.model, s.stepping);
	decide(all, &version, CPUID_EAX, eax & mask, ~eax & mask);
	if (f->policy->phys_bits.given) {
		uint32_t width = (uint32_t)f->policy->phys_bits.value;
		decide(all, &widths, CPUID_EAX, width & 0xff, ~width & 0xff);
	}
}

static void decide_leaves(struct slots *all, const struct cpu_policy *p, struct losses *losses)
{
	for (size_t i = 0; i < p->nr_leaves; i++) {
		const struct policy_leaf *l = &p->leaves[i];
		bool matters =
			cpuid_leaf_has_subleaves(l->leaf) || (!l->any_subleaf && l->subleaf != 0);
		if (matters && l->any_subleaf) {
			losses_add(losses,
				"leaf rule for %#x: the template needs the number of a subleaf",
				l->leaf);
			continue;
		}
		const struct slot where = {
			.leaf = l->leaf,
			.subleaf = l->any_subleaf ? 0 : l->subleaf,
			.subleaf_matters = matters,
		};
		decide(all, &where, l->reg, l->set, l->clear);
	}
}

static int compare(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	if (x->is_msr != y->is_msr)
		return x->is_msr ? 1 : -1;
	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	return x->subleaf < y->subleaf ? -1 : x->subleaf > y->subleaf;
}

static void write_bits(FILE *out, uint32_t set, uint32_t clear)
{
	for (unsigned i = 32; i-- > 0;)
		(void)fputc(set >> i & 1 ? '1' : clear >> i & 1 ? '0' : 'x', out);
}

static void write_leaf(FILE *out, const struct slot *s, const char *separator)
{
	bool first = true;
	(void)fprintf(out,
		"%s\n    {\n      \"leaf\": \"0x%x\",\n      \"subleaf\": \"0x%x\",\n"
		"      \"flags\": %d,\n      \"modifiers\": [",
		separator, s->leaf, s->subleaf, s->subleaf_matters ? 1 : 0);
	for (unsigned reg = 0; reg < 4; reg++) {
		if (!(s->set[reg] | s->clear[reg]))
			continue;
		(void)fprintf(out, "%s\n        { \"register\": \"%s\", \"bitmap\": \"0b",
			first ? "" : ",", cpuid_reg_name((enum cpuid_reg)reg));
		write_bits(out, s->set[reg], s->clear[reg]);
		(void)fputs("\" }", out);
		first = false;
	}
	(void)fputs("\n      ]\n    }", out);
}

static void write_slots(FILE *out, struct slots *all)
{
	size_t i = 0, nr = 0;
	if (all->nr > 0)
		qsort(all->slots, all->nr, sizeof(*all->slots), compare);
	(void)fputs("{\n  \"cpuid_modifiers\": [", out);
	for (; i < all->nr && !all->slots[i].is_msr; i++)
		write_leaf(out, &all->slots[i], nr++ ? "," : "");
	(void)fprintf(out, "%s],\n  \"msr_modifiers\": [", nr ? "\n  " : "");
	for (nr = 0; i < all->nr; i++) {
		const struct slot *s = &all->slots[i];
		(void)fprintf(out, "%s\n    { \"addr\": \"0x%x\", \"bitmap\": \"0b",
			nr++ ? "," : "", s->leaf);
		write_bits(out, s->set[1], s->clear[1]);
		write_bits(out, s->set[0], s->clear[0]);
		(void)fputs("\" }", out);
	}
	(void)fprintf(out, "%s]\n}\n", nr ? "\n  " : "");
}

static void name_losses(const struct fold *f, struct losses *losses)
{
	const struct cpu_policy *p = f->policy;
	if (strcmp(f->model_name, "max") == 0)
		losses_add(losses, "model max: written as the host; a template cannot ask for what "
				   "KVM emulates");
	if (p->vendor.text)
		losses_add(losses, "vendor = \"%s\": no part of %s", p->vendor.text, target);
	if (p->hypervisor_given && p->hypervisor != CPU_HYPERVISOR_KVM)
		losses_add(losses, "hypervisor = \"%s\": Firecracker's guests see KVM",
			p->hypervisor == CPU_HYPERVISOR_NONE ? "none" : "hyperv");
	if (p->cache_given && p->cache != CPU_CACHE_HOST)
		losses_add(losses, "cache = \"%s\": Firecracker's guests see the host's caches",
			p->cache == CPU_CACHE_NONE ? "none" : "emulate");
	if (p->on_missing_given)
		losses_add(losses, "on_missing: Firecracker does not ask whether the host has it");
	shared_losses(losses, f, target, SAYS_LEAVES | SAYS_MSR_BITS | SAYS_IDENTITY);
}

int firecracker_cpu_write(
	const struct cpu_policy *policy, FILE *out, struct losses *losses, struct err *e)
{
	struct fold f;
	struct slots all = { 0 };
	int rc = fold_init(&f, policy, e);
	if (rc == 0) {
		/* In the engine's order: model, features, numbers, raw rules, MSRs. */
		if (f.model)
			decide_model(&all, &f);
		decide_features(&all, &f);
		decide_numbers(&all, &f);
		decide_leaves(&all, f.policy, losses);
		for (size_t i = 0; i < f.policy->nr_msr_bits; i++)
			decide_msr(&all, f.policy->msr_bits[i].index, f.policy->msr_bits[i].set,
				f.policy->msr_bits[i].clear);
		name_losses(&f, losses);
		if (all.out_of_memory)
			rc = err_set(e, -ENOMEM, "out of memory");
	}
	if (rc == 0) {
		write_slots(out, &all);
		if (fflush(out) != 0 || ferror(out))
			rc = err_set_config(e, -EIO, "cannot write the template");
	}
	free(all.slots);
	fold_done(&f);
	return rc;
}
