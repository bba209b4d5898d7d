/* SPDX-License-Identifier: MIT */
/*
 * What nestor's guest sees as Firecracker's CPU template. The template is laid over what the host's
 * KVM offers. On a host that is named, it has every bit in which nestor's guest differs. Otherwise
 * a named model is written with all bits that are the same on every host, and model "host" with
 * those that the policy changes; both only in leaves that any host has, or that the guest must
 * have, as Firecracker refuses a template that changes a leaf which KVM has not.
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

static struct slot *slot_find(const struct slots *all, const struct slot *like)
{
	for (size_t i = 0; i < all->nr; i++) {
		struct slot *s = &all->slots[i];
		if (s->is_msr == like->is_msr && s->leaf == like->leaf &&
			s->subleaf == like->subleaf && s->subleaf_matters == like->subleaf_matters)
			return s;
	}
	return NULL;
}

static struct slot *slot_for(struct slots *all, const struct slot *like)
{
	struct slot *found = slot_find(all, like);
	if (found)
		return found;
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

static void decide(
	struct slots *all, const struct slot *where, unsigned reg, uint32_t set, uint32_t clear)
{
	struct slot *s = set | clear ? slot_for(all, where) : NULL;
	if (!s)
		return;
	s->set[reg] |= set;
	s->clear[reg] |= clear;
}

static void decide_msr(struct slots *all, uint32_t index, uint64_t set, uint64_t clear)
{
	const struct slot where = { .is_msr = true, .leaf = index };
	decide(all, &where, 0, (uint32_t)set, (uint32_t)clear);
	decide(all, &where, 1, (uint32_t)(set >> 32), (uint32_t)(clear >> 32));
}

struct writer {
	const struct convert_subject *subject;
	const struct fold *f;
	struct losses *losses;
	struct slots slots;
	bool hyperv; /* a guest has Hyper-V's leaves in the place of KVM's */
	/* What cannot be changed without knowing the host, as text. */
	char unknown[400];
	size_t nr_unknown;
};

static bool explicit_words(const struct writer *w, uint32_t leaf, uint32_t subleaf)
{
	const struct cpu_policy *p = w->f->policy;
	for (unsigned reg = 0; reg < 4; reg++) {
		int word = feature_word_of_cpuid(leaf, subleaf, (enum cpuid_reg)reg);
		if (word >= 0 && (w->f->on.w[word] | w->f->off.w[word]))
			return true;
	}
	for (size_t i = 0; i < p->nr_leaves; i++) {
		if (p->leaves[i].leaf == leaf &&
			(p->leaves[i].any_subleaf || p->leaves[i].subleaf == subleaf))
			return true;
	}
	return false;
}

static bool is_empty(const struct cpuid_entry *e)
{
	return !e || !(e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]);
}

/* True where KVM has that entry on every host that may run the policy. */
static bool is_sure(const struct writer *w, const struct cpuid_entry *e)
{
	const struct cpu_model *m = w->f->model;
	const struct qemu_model *q = m ? dialect_qemu_model(m) : NULL;
	/* Old KVMs end at leaf 0x1f. */
	uint32_t level = q ? q->level < 0x1f ? q->level : 0x1f : m ? 0xd : 7;
	uint32_t xlevel = q ? q->xlevel : 0x80000008;
	bool all = true;
	if (w->subject->host_given)
		return true;
	for (unsigned i = 0; i < w->subject->nr_guests; i++) {
		const struct convert_guest *g = &w->subject->guests[i];
		all &= cpuid_get(&g->host->supported, e->leaf, e->subleaf) != NULL;
	}
	if (!all)
		return false;
	if (explicit_words(w, e->leaf, e->subleaf))
		return true;
	/* KVM tells of these, if at all, what Firecracker makes anew. */
	if (e->leaf == 0xa || e->leaf == 0xb || e->leaf == 0x1f || e->leaf == 0x8000001d ||
		e->leaf == 0x8000001e)
		return false;
	/* What the guest of a named model must have, its hosts have. */
	if (m && !is_empty(cpuid_get(w->subject->guests[0].vcpu, e->leaf, e->subleaf)))
		return true;
	if (e->subleaf > (e->leaf == 0xd ? 1u : 0u))
		return false;
	if (e->leaf < 0x40000000)
		return e->leaf <= level;
	return e->leaf >= 0x80000000 ? e->leaf <= xlevel && e->leaf < 0xc0000000
				     : e->leaf <= 0x40000001;
}

/* KVM's own features that a guest has where KVM has them. */
static uint32_t given_where_there(const struct cpuid_entry *e, enum cpuid_reg reg)
{
	struct feature_set provided;
	int word = feature_word_of_cpuid(e->leaf, e->subleaf, reg);
	cpu_provided_features(&provided);
	return word < 0 ? 0 : provided.w[word] & e->reg[reg];
}

/*
 * Bits of a register that are the same in a named model's guest on every host: features, what has
 * no name at all (0), and numbers that belong to features which the guest has not, or that the
 * model or the policy gives. Not caches, nor what the processor lays out.
 */
static uint32_t fixed_bits(const struct writer *w, const struct cpuid_entry *e, enum cpuid_reg reg)
{
	const struct convert_guest *g = &w->subject->guests[0];
	const struct cpu_policy *p = w->f->policy;
	uint32_t bits = 0;
	if (e->leaf >= 0x40000000 && e->leaf < 0x80000000)
		return e->leaf == 0x40000001 ? ~given_where_there(e, reg) : 0;
	/* The vendor's name. */
	if ((e->leaf == 0 || e->leaf == 0x80000000) && reg != CPUID_EAX)
		return g->cpu->model->vendor_id[0] ? UINT32_MAX : 0;
	for (unsigned bit = 0; bit < 32; bit++) {
		const struct cpuid_field *f = cpuid_field_find(e->leaf, e->subleaf, reg, bit);
		bool fixed = true;
		if (f && f->kind == CPUID_FIELD_CACHE)
			fixed = p->cache_given && p->cache != CPU_CACHE_HOST;
		else if (f && f->kind == CPUID_FIELD_ADDRESS)
			fixed = f->low != 0 || p->phys_bits.given;
		else if (f && f->kind == CPUID_FIELD_SIGNATURE)
			fixed = g->cpu->model->has_signature || p->family.given;
		else if (f && f->kind == CPUID_FIELD_DYNAMIC)
			fixed = false;
		else if (f && f->requires != CPUID_FIELD_ALWAYS &&
			 feature_set_has(&g->cpu->features, f->requires))
			fixed = f->kind == CPUID_FIELD_XSAVE && e->subleaf < 2;
		if (fixed)
			bits |= UINT32_C(1) << bit;
	}
	return bits;
}

/* What each vCPU has of its own, which is Firecracker's to say. */
static uint32_t topology_bits(const struct cpuid_entry *e, enum cpuid_reg reg)
{
	uint32_t bits = 0;
	for (unsigned bit = 0; bit < 32; bit++) {
		const struct cpuid_field *f = cpuid_field_find(e->leaf, e->subleaf, reg, bit);
		if (f && f->kind == CPUID_FIELD_TOPOLOGY)
			bits |= UINT32_C(1) << bit;
	}
	return bits;
}

/* A number of which a bit is said is said whole: another host has another number there. */
static uint32_t whole_numbers(const struct cpuid_entry *e, enum cpuid_reg reg, uint32_t say)
{
	uint32_t all = say;
	for (unsigned bit = 0; bit < 32; bit++) {
		const struct cpuid_field *f = cpuid_field_find(e->leaf, e->subleaf, reg, bit);
		if (say >> bit & 1 && f && f->kind != CPUID_FIELD_DYNAMIC)
			all |= (uint32_t)(bit_mask(f->high - f->low + 1u) << f->low);
	}
	return all;
}

/* Named bits that the policy speaks of. */
static uint32_t asked_bits(const struct writer *w, const struct cpuid_entry *e, enum cpuid_reg reg)
{
	int word = feature_word_of_cpuid(e->leaf, e->subleaf, reg);
	return word < 0 ? 0 : w->f->on.w[word] | w->f->off.w[word];
}

static void name_unknown(struct writer *w)
{
	if (w->nr_unknown)
		losses_add(w->losses,
			"as the host has it, where it has it:%s; a template may change these only "
			"for a host that is named (--host)",
			w->unknown);
	w->nr_unknown = 0;
	w->unknown[0] = '\0';
}

static void add_unknown(struct writer *w, const char *text)
{
	size_t n = strlen(text);
	if (w->nr_unknown + n >= sizeof(w->unknown))
		name_unknown(w);
	(void)memcpy(w->unknown + w->nr_unknown, text, n + 1);
	w->nr_unknown += n;
}

/* True of what a profile makes of the host's extensions: no host, no bits but those that are named.
 */
static bool of_profile(const struct writer *w, bool is_msr, uint32_t index)
{
	bool part = is_msr ? index >= MSR_IA32_VMX_BASIC && index <= MSR_IA32_VMX_EXIT_CTLS2
			   : index == 0x8000000a;
	return part && !w->subject->host_given && w->f->policy->nesting.knob == POLICY_KNOB_EXPOSED;
}

/* The bits in which nestor's guest and KVM's table differ, for one guest. */
static void decide_entry(
	struct writer *w, const struct convert_guest *g, const struct cpuid_entry *e)
{
	const struct cpuid_entry *guest = cpuid_get(g->vcpu, e->leaf, e->subleaf);
	struct slot where = {
		.leaf = e->leaf, .subleaf = e->subleaf, .subleaf_matters = e->subleaf_matters
	};
	struct loss_place lost = { .leaf = e->leaf, .subleaf = e->subleaf };
	bool sure = is_sure(w, e), any = false;
	if (w->hyperv && e->leaf >= 0x40000000 && e->leaf < 0x80000000)
		return;
	for (unsigned reg = 0; reg < 4; reg++) {
		enum cpuid_reg r = (enum cpuid_reg)reg;
		uint32_t value = guest ? guest->reg[reg] : 0;
		uint32_t say = value ^ e->reg[reg];
		if (w->f->model)
			say |= fixed_bits(w, e, r);
		if (of_profile(w, false, e->leaf))
			say = 0;
		say = whole_numbers(e, r, say) | asked_bits(w, e, r);
		say &= ~topology_bits(e, r);
		if (e->leaf == 0xd && e->subleaf < 2 && r == CPUID_EBX)
			continue; /* by XCR0 and IA32_XSS at run time */
		/* What Firecracker sets over it is said all the same: it is no other there. */
		if (sure)
			decide(&w->slots, &where, reg, value & say, ~value & say);
		if (sure && !of_profile(w, false, e->leaf))
			continue;
		lost.reg[reg] = UINT32_MAX;
		any |= value != e->reg[reg] || of_profile(w, false, e->leaf);
	}
	struct loss_place rest = losses_uncovered(w->losses, &lost);
	if (!any || !(rest.reg[0] | rest.reg[1] | rest.reg[2] | rest.reg[3]))
		return;
	losses_cover(w->losses, &lost);
	char text[32];
	(void)snprintf(
		text, sizeof(text), e->subleaf_matters ? " %#x.%u" : " %#x", e->leaf, e->subleaf);
	add_unknown(w, text);
}

/* What a host keeps of state that the guest has not, or, of model host, that nestor's guest has
 * only a part of. */
static void lose_state(struct writer *w)
{
	if (w->subject->host_given)
		return;
	add_unknown(w, w->f->model ? " 0xd (other subleaves)" : " 0xd");
	for (uint32_t subleaf = w->f->model ? 2 : 0; subleaf < 64; subleaf++) {
		const struct slot like = {
			.leaf = 0xd, .subleaf = subleaf, .subleaf_matters = true
		};
		const struct loss_place all = { false, 0xd, subleaf,
			{ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } };
		if (!slot_find(&w->slots, &like))
			losses_cover(w->losses, &all);
	}
}

static void decide_guest(struct writer *w, const struct convert_guest *g)
{
	const struct cpuid_table *t = &g->host->supported;
	for (unsigned i = 0; i < t->nr_entries; i++)
		decide_entry(w, g, &t->entries[i]);
	lose_state(w);
}

/*
 * A template for more than one kind of host says of a bit what is so on each of them: what one kind
 * has otherwise, or what it has no MSR for, is left alone.
 */
static void drop_contradicted(struct writer *w, const struct convert_guest *g)
{
	for (size_t i = 0; i < w->slots.nr; i++) {
		struct slot *s = &w->slots.slots[i];
		uint32_t guest[4] = { 0 };
		uint64_t value = 0;
		if (s->is_msr) {
			bool known = host_feature_msr(g->host, s->leaf, &value);
			bool has = msr_policy_get(&g->cpu->msrs, s->leaf, &value) || known;
			guest[0] = has ? (uint32_t)value : ~s->set[0];
			guest[1] = has ? (uint32_t)(value >> 32) : ~s->set[1];
			for (unsigned reg = 0; reg < 2 && !has; reg++)
				s->clear[reg] = 0;
		} else {
			const struct cpuid_entry *e = cpuid_get(g->vcpu, s->leaf, s->subleaf);
			if (e)
				(void)memcpy(guest, e->reg, sizeof(guest));
		}
		for (unsigned reg = 0; reg < 4; reg++) {
			s->set[reg] &= guest[reg];
			s->clear[reg] &= ~guest[reg];
		}
	}
}

static uint64_t asked_msr_bits(const struct writer *w, uint32_t index)
{
	uint64_t bits = 0;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *word = feature_word(i);
		if (word->kind == FEATURE_WORD_MSR && word->msr == index)
			bits |= (uint64_t)(w->f->on.w[i] | w->f->off.w[i]) << word->shift;
	}
	return bits;
}

static void lose_msr(struct writer *w, uint32_t index)
{
	const struct loss_place place = { true, index, 0, { UINT32_MAX, UINT32_MAX } };
	struct loss_place rest = losses_uncovered(w->losses, &place);
	char text[32];
	if (!(rest.reg[0] | rest.reg[1]))
		return;
	losses_cover(w->losses, &place);
	(void)snprintf(text, sizeof(text), " MSR %#x", index);
	add_unknown(w, text);
}

/* Values that the guest's MSRs begin with, where KVM's own are others. */
static void decide_msrs(struct writer *w, const struct convert_guest *g)
{
	const struct msr_policy *p = &g->cpu->msrs;
	for (unsigned i = 0; i < p->nr_set; i++) {
		uint64_t host = 0, value = p->set[i].value, named = 0;
		uint32_t index = p->set[i].index;
		bool known = host_feature_msr(g->host, index, &host);
		/* What Firecracker's boot protocol sets itself, and what KVM makes of others. */
		if (index == MSR_IA32_MISC_ENABLE || index == MSR_IA32_MTRR_DEF_TYPE ||
			msr_follows_others(index))
			continue;
		for (unsigned k = 0; w->f->model && k < FEATURE_NR_WORDS; k++) {
			const struct feature_word *word = feature_word(k);
			if (word->kind == FEATURE_WORD_MSR && word->msr == index)
				named |= (uint64_t)word->named << word->shift;
		}
		/* VMX's own numbers are the processor's. */
		bool vmx = index >= MSR_IA32_VMX_BASIC && index <= MSR_IA32_VMX_EXIT_CTLS2;
		uint64_t say = known ? (value ^ host) | named : UINT64_MAX;
		if (w->f->model && known && !vmx)
			say = UINT64_MAX;
		if (of_profile(w, true, index)) {
			say = asked_msr_bits(w, index);
			lose_msr(w, index);
		}
		decide_msr(&w->slots, index, value & say, ~value & say);
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

static bool says_something(const struct slot *s)
{
	uint32_t bits = 0;
	for (unsigned reg = 0; reg < 4; reg++)
		bits |= s->set[reg] | s->clear[reg];
	return bits != 0;
}

static void write_slots(FILE *out, struct slots *all)
{
	size_t i = 0, nr = 0, kept = 0;
	for (size_t k = 0; k < all->nr; k++) {
		if (says_something(&all->slots[k]))
			all->slots[kept++] = all->slots[k];
	}
	all->nr = kept;
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

/* What the numbers of vCPUs decide; Firecracker counts threads, cores and dies otherwise. */
static void lose_topology(struct losses *losses)
{
	static const uint32_t leaves[] = { 0xb, 0x1f, 0x8000001d, 0x8000001e };
	losses_add(losses,
		"topology: Firecracker's own (leaves 0x1 EBX and EDX bit 28, 0x4 EAX, 0xb, 0x1f, "
		"0x80000001 ECX bit 1, 0x80000008 ECX, 0x8000001d, 0x8000001e)");
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++)
		shared_cover_leaf(losses, leaves[i]);
	shared_cover(losses, 1, 0, CPUID_EBX, 0xffff0000);
	shared_cover(losses, 1, 0, CPUID_EDX, 0x10000000);
	shared_cover(losses, 0x80000001, 0, CPUID_ECX, 2);
	shared_cover(losses, 0x80000008, 0, CPUID_ECX, 0xf0ff);
	for (uint32_t i = 0; i < 8; i++)
		shared_cover(losses, 4, i, CPUID_EAX, 0xffffc000);
}

static bool shows_hyperv(const struct convert_guest *g)
{
	const uint32_t interface = 0x31237648; /* "Hv#1" (Hyper-V TLFS, leaf 0x40000001) */
	return cpuid_value(g->vcpu, 0x40000001, 0, CPUID_EAX) == interface;
}

static void name_losses(const struct fold *f, bool hyperv, struct losses *losses)
{
	const struct cpu_policy *p = f->policy;
	if (strcmp(f->model_name, "max") == 0)
		losses_add(losses, "model max: written as the host; a template cannot ask for what "
				   "KVM emulates");
	if (p->vendor.text)
		losses_add(losses, "vendor = \"%s\": no part of %s", p->vendor.text, target);
	losses_add(losses, "brand: Firecracker has one of its own (leaves 0x80000002, 0x80000003, "
			   "0x80000004)");
	for (uint32_t i = 2; i <= 4; i++)
		shared_cover_leaf(losses, 0x80000000 + i);
	if (p->hypervisor_given && p->hypervisor == CPU_HYPERVISOR_NONE)
		losses_add(losses,
			"hypervisor = \"none\": Firecracker shows the hypervisor bit (CPUID "
			"0x1 ECX bit 31)");
	if (hyperv) {
		losses_add(losses,
			"Hyper-V's leaves 0x40000000 to 0x4000001f, and KVM's behind them at "
			"0x40000100 to 0x4000011f: no part of Firecracker's template");
		shared_cover_hypervisor(losses);
	}
	if (p->cache_given && p->cache != CPU_CACHE_HOST)
		losses_add(losses, "cache = \"%s\": Firecracker's guests see the host's caches",
			p->cache == CPU_CACHE_NONE ? "none" : "emulate");
	if (p->on_missing_given)
		losses_add(losses, "on_missing: Firecracker does not ask whether the host has it");
	shared_losses(losses, f, target,
		SAYS_LEAVES | SAYS_MSR_BITS | SAYS_IDENTITY | SAYS_BRAND | SAYS_LEVELS | SAYS_PMU |
			SAYS_TOPOLOGY);
}

int firecracker_cpu_write(
	const struct convert_subject *subject, FILE *out, struct losses *losses, struct err *e)
{
	struct fold f;
	struct writer w = { .subject = subject, .f = &f, .losses = losses };
	int rc = fold_init(&f, subject->policy, e);
	if (rc == 0) {
		for (unsigned i = 0; i < subject->nr_guests; i++)
			w.hyperv |= shows_hyperv(&subject->guests[i]);
		name_losses(&f, w.hyperv, losses);
		lose_topology(losses);
		for (unsigned i = 0; i < subject->nr_guests; i++) {
			decide_guest(&w, &subject->guests[i]);
			decide_msrs(&w, &subject->guests[i]);
			name_unknown(&w);
		}
		for (unsigned i = 0; i < subject->nr_guests; i++)
			drop_contradicted(&w, &subject->guests[i]);
		if (!subject->host_given)
			losses_note(losses, "made for any host that may run it; with --host also "
					    "what that host has besides is changed. Firecracker "
					    "refuses it where KVM lacks a leaf that it changes");
		if (w.slots.out_of_memory)
			rc = err_set(e, -ENOMEM, "out of memory");
	}
	if (rc == 0) {
		write_slots(out, &w.slots);
		if (fflush(out) != 0 || ferror(out))
			rc = err_set_config(e, -EIO, "cannot write the template");
	}
	free(w.slots.slots);
	fold_done(&f);
	return rc;
}
