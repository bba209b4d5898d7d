/* SPDX-License-Identifier: MIT */
/* Two guests' CPUID and MSRs, bit by bit. */
#include "base/text_buf.h"
#include "convert/internal.h"
#include "cpuid/fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct compare {
	const struct convert_sight *ours, *theirs;
	const char *who;
	convert_own_bits *own;
	struct losses *losses;
	char of_theirs[400];        /* registers that they set themselves … */
	struct text_buf theirs_set; /* … as a list in there */
};

static void append(struct compare *c, const char *text)
{
	if (text_buf_item(&c->theirs_set, ", ", "%s", text))
		return;
	losses_add(c->losses, "%s sets in every guest: %s", c->who, c->of_theirs);
	c->theirs_set = TEXT_BUF(c->of_theirs);
	(void)text_buf_item(&c->theirs_set, ", ", "%s", text);
}

static void place_text(char text[48], const struct loss_place *p, unsigned reg)
{
	if (p->is_msr)
		(void)snprintf(text, 48, "MSR 0x%" PRIx32, p->leaf);
	else if (cpuid_leaf_has_subleaves(p->leaf) || p->subleaf)
		(void)snprintf(text, 48, "CPUID 0x%" PRIx32 ".%" PRIu32 " %s", p->leaf, p->subleaf,
			cpuid_reg_name((enum cpuid_reg)reg));
	else
		(void)snprintf(text, 48, "CPUID 0x%" PRIx32 " %s", p->leaf,
			cpuid_reg_name((enum cpuid_reg)reg));
}

/* The feature of a bit; reg of an MSR: 0 and 1 are its halves. */
static const struct feature *feature_at_bit(const struct loss_place *p, unsigned reg, unsigned bit)
{
	if (!p->is_msr) {
		int word = feature_word_of_cpuid(p->leaf, p->subleaf, (enum cpuid_reg)reg);
		return word < 0 ? NULL : feature_by_id((feature_id)((unsigned)word * 32 + bit));
	}
	for (unsigned w = 0; w < FEATURE_NR_WORDS; w++) {
		const struct feature_word *word = feature_word(w);
		if (word->kind == FEATURE_WORD_MSR && word->msr == p->leaf &&
			word->shift == reg * 32 && !word->inverted)
			return feature_by_id((feature_id)(w * 32 + bit));
	}
	return NULL;
}

/* A run of bits that are one thing: a feature, a field, or what has no name. */
static unsigned name_run(struct compare *c, const struct loss_place *p, unsigned reg, unsigned bit,
	uint32_t differ, uint32_t ours, uint32_t theirs)
{
	char place[48];
	const struct feature *f = feature_at_bit(p, reg, bit);
	const struct cpuid_field *field =
		p->is_msr ? NULL : cpuid_field_find(p->leaf, p->subleaf, (enum cpuid_reg)reg, bit);
	place_text(place, p, reg);
	unsigned shown = bit + (p->is_msr ? reg * 32 : 0);
	if (f) {
		bool has = ours >> bit & 1;
		losses_add(c->losses, "%s (%s bit %u): %s in nestor's guest, %s in %s's", f->name,
			place, shown, has ? "set" : "clear", has ? "clear" : "set", c->who);
		return bit + 1;
	}
	unsigned end = bit + 1;
	if (field)
		end = field->high + 1u;
	while (!field && end < 32 && differ >> end & 1 && !feature_at_bit(p, reg, end) &&
		(p->is_msr || !cpuid_field_find(p->leaf, p->subleaf, (enum cpuid_reg)reg, end)))
		end++;
	unsigned low = field ? field->low : bit, base = p->is_msr ? reg * 32 : 0;
	uint32_t mask = (uint32_t)(bit_mask(end - low) << low);
	char bits[32];
	(void)snprintf(bits, sizeof(bits), end - low == 1 ? "bit %u" : "bits %u to %u", base + low,
		base + end - 1);
	losses_add(c->losses, "%s %s%s%s%s: %#" PRIx32 " in nestor's guest, %#" PRIx32 " in %s's",
		place, bits, field ? " (" : "", field ? field->name : "", field ? ")" : "",
		(ours & mask) >> low, (theirs & mask) >> low, c->who);
	return end;
}

/* Registers that they set themselves: "0x7.0 ecx (waitpkg)". */
static void name_own(struct compare *c, const struct loss_place *p)
{
	char text[160], names[96];
	struct text_buf all = TEXT_BUF(text), features = TEXT_BUF(names);
	(void)text_buf_add(&all, "0x%" PRIx32, p->leaf);
	if (cpuid_leaf_has_subleaves(p->leaf))
		(void)text_buf_add(&all, ".%" PRIu32, p->subleaf);
	for (unsigned reg = 0; reg < 4; reg++) {
		if (!p->reg[reg])
			continue;
		(void)text_buf_add(&all, " %s", cpuid_reg_name((enum cpuid_reg)reg));
		for (unsigned bit = 0; bit < 32; bit++) {
			const struct feature *f =
				p->reg[reg] >> bit & 1 ? feature_at_bit(p, reg, bit) : NULL;
			if (f)
				(void)text_buf_item(&features, " ", "%s", f->name);
		}
	}
	if (features.used > 0)
		(void)text_buf_add(&all, " (%s)", names);
	append(c, text);
}

/* What follows a guest's own registers at run time is no difference (OSXSAVE, OSPKE, leaf 0xD). */
static uint32_t dynamic_bits(const struct loss_place *p, unsigned reg)
{
	uint32_t bits = 0;
	for (unsigned bit = 0; !p->is_msr && bit < 32; bit++) {
		const struct feature *f = feature_at_bit(p, reg, bit);
		const struct cpuid_field *field =
			cpuid_field_find(p->leaf, p->subleaf, (enum cpuid_reg)reg, bit);
		if ((f && (f->id == FEATURE_ID_osxsave || f->id == FEATURE_ID_ospke)) ||
			(!f && field && field->kind == CPUID_FIELD_DYNAMIC))
			bits |= UINT32_C(1) << bit;
	}
	return bits;
}

/* Names what differs in the registers of a place, or the halves of an MSR. */
static void compare_place(struct compare *c, struct loss_place place, const uint32_t ours[4],
	const uint32_t theirs[4], enum cpuid_vendor vendor)
{
	struct loss_place own = place;
	for (unsigned reg = 0; reg < 4; reg++)
		place.reg[reg] = (ours[reg] ^ theirs[reg]) & ~dynamic_bits(&place, reg);
	struct loss_place rest = losses_uncovered(c->losses, &place);
	losses_cover(c->losses, &rest);
	uint32_t any = 0;
	for (unsigned reg = 0; reg < 4; reg++) {
		own.reg[reg] = 0;
		if (c->own && !place.is_msr)
			own.reg[reg] = rest.reg[reg] & c->own(vendor, place.leaf, place.subleaf,
							       (enum cpuid_reg)reg);
		any |= own.reg[reg];
	}
	if (any)
		name_own(c, &own);
	for (unsigned reg = 0; reg < 4; reg++) {
		uint32_t differ = rest.reg[reg] & ~own.reg[reg];
		for (unsigned bit = 0; bit < 32;)
			bit = differ >> bit & 1 ? name_run(c, &place, reg, bit, differ, ours[reg],
							  theirs[reg])
						: bit + 1;
	}
}

static void compare_entry(struct compare *c, uint32_t leaf, uint32_t subleaf)
{
	static const uint32_t none[4];
	const struct cpuid_entry *a = cpuid_get(c->ours->table, leaf, subleaf);
	const struct cpuid_entry *b = cpuid_get(c->theirs->table, leaf, subleaf);
	const struct loss_place place = { .leaf = leaf, .subleaf = subleaf };
	compare_place(
		c, place, a ? a->reg : none, b ? b->reg : none, cpuid_vendor(c->theirs->table));
}

static uint64_t get_msr(const struct convert_sight *s, uint32_t index)
{
	for (unsigned i = 0; i < s->nr_msrs; i++) {
		if (s->msrs[i].index == index)
			return s->msrs[i].value;
	}
	return 0;
}

static void compare_msr(struct compare *c, uint32_t index)
{
	uint64_t a = get_msr(c->ours, index), b = get_msr(c->theirs, index);
	const struct loss_place place = { .is_msr = true, .leaf = index };
	const uint32_t ours[4] = { (uint32_t)a, (uint32_t)(a >> 32) };
	const uint32_t theirs[4] = { (uint32_t)b, (uint32_t)(b >> 32) };
	compare_place(c, place, ours, theirs, CPUID_VENDOR_OTHER);
}

void convert_compare(const struct convert_sight *ours, const struct convert_sight *theirs,
	const char *who, convert_own_bits *own, struct losses *losses)
{
	struct compare c = {
		.ours = ours, .theirs = theirs, .who = who, .own = own, .losses = losses
	};
	c.theirs_set = TEXT_BUF(c.of_theirs);
	for (unsigned i = 0; i < ours->table->nr_entries; i++)
		compare_entry(&c, ours->table->entries[i].leaf, ours->table->entries[i].subleaf);
	for (unsigned i = 0; i < theirs->table->nr_entries; i++)
		compare_entry(
			&c, theirs->table->entries[i].leaf, theirs->table->entries[i].subleaf);
	for (unsigned i = 0; i < ours->nr_msrs; i++)
		compare_msr(&c, ours->msrs[i].index);
	for (unsigned i = 0; i < theirs->nr_msrs; i++)
		compare_msr(&c, theirs->msrs[i].index);
	if (ours->tsc_khz != theirs->tsc_khz)
		losses_add(losses,
			"tsc_frequency: %u kHz in nestor's guest, %u in %s's (0: the host's)",
			ours->tsc_khz, theirs->tsc_khz, who);
	if (c.theirs_set.used > 0)
		losses_add(losses, "%s sets in every guest: %s", who, c.of_theirs);
}
