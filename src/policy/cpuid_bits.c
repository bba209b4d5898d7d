/* SPDX-License-Identifier: MIT */
#include "policy/cpuid_bits.h"

#include "cpuid/models.h"
#include "nesting/hyperv.h"
#include "nesting/nesting.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Bits of leaf 0x80000001 EDX that repeat leaf 1 EDX on AMD (APM vol. 3, Fn8000_0001_EDX). */
#define AMD_COPIES UINT32_C(0x0183f3ff)

unsigned bits_width(const struct bits_place *place)
{
	return place->is_msr ? 64 : 32;
}

static void msr_item(const struct bits_place *place, unsigned bit, struct bits_item *item)
{
	for (unsigned w = 0; w < FEATURE_NR_WORDS; w++) {
		const struct feature_word *word = feature_word(w);
		if (word->kind != FEATURE_WORD_MSR || word->msr != place->leaf ||
			bit < word->shift || bit >= word->shift + 32)
			continue;
		item->feature = feature_by_id((feature_id)(w * 32 + bit - word->shift));
		if (!item->feature)
			continue;
		item->kind = BITS_FEATURE;
		item->inverted = word->inverted;
		return;
	}
}

static const struct feature *cpuid_feature(const struct bits_place *place, unsigned bit)
{
	int word = feature_word_of_cpuid(place->leaf, place->subleaf, place->reg);
	return word < 0 ? NULL : feature_by_id((feature_id)((unsigned)word * 32 + bit));
}

void bits_item_at(const struct bits_place *place, unsigned bit, struct bits_item *ret_item)
{
	*ret_item = (struct bits_item){ .kind = BITS_PLAIN, .low = bit, .high = bit };
	if (place->is_msr) {
		msr_item(place, bit, ret_item);
		return;
	}
	ret_item->feature = cpuid_feature(place, bit);
	if (!ret_item->feature && place->leaf == 0x80000001 && place->reg == CPUID_EDX &&
		AMD_COPIES >> bit & 1) {
		const struct bits_place original = { .leaf = 1, .reg = CPUID_EDX };
		ret_item->feature = cpuid_feature(&original, bit);
		ret_item->copy = true;
	}
	if (ret_item->feature) {
		ret_item->kind = BITS_FEATURE;
		return;
	}
	const struct cpuid_field *field =
		cpuid_field_find(place->leaf, place->subleaf, place->reg, bit);
	if (!field)
		return;
	ret_item->kind = BITS_FIELD;
	ret_item->field = field;
	ret_item->low = field->low;
	ret_item->high = field->high;
}

const char *bits_name(const struct bits_item *item, char text[BITS_NAME_BYTES])
{
	switch (item->kind) {
	case BITS_FIELD:
		return item->field->name;
	case BITS_FEATURE:
		return item->feature->name;
	case BITS_PLAIN:
		break;
	}
	(void)snprintf(text, BITS_NAME_BYTES, "bit %u", item->low);
	return text;
}

uint64_t bits_of(const struct bits_item *item, uint64_t value)
{
	return value >> item->low & bit_mask(item->high - item->low + 1);
}

static void put_characters(char *text, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++) {
		char c = (char)(value >> (8 * i) & 0xff);
		text[i] = c == 0 ? ' ' : c >= 0x20 && c < 0x7f ? c : '?';
	}
}

char *bits_value(char text[BITS_VALUE_BYTES], const struct bits_item *item, uint64_t value)
{
	uint64_t v = bits_of(item, value);
	bool is_text =
		item->kind == BITS_FIELD && item->low == 0 && item->high == 31 &&
		(item->field->kind == CPUID_FIELD_VENDOR || item->field->kind == CPUID_FIELD_BRAND);
	if (is_text) {
		char characters[4];
		put_characters(characters, (uint32_t)v);
		(void)snprintf(text, BITS_VALUE_BYTES, "\"%.4s\"", characters);
	} else if (item->kind == BITS_FEATURE) {
		(void)snprintf(text, BITS_VALUE_BYTES, "%s",
			(v != 0) != item->inverted ? "true" : "false");
	} else if (v < 10) {
		(void)snprintf(text, BITS_VALUE_BYTES, "%" PRIu64, v);
	} else {
		(void)snprintf(text, BITS_VALUE_BYTES, "0x%" PRIx64 " (%" PRIu64 ")", v, v);
	}
	return text;
}

char *bits_place_text(char text[BITS_PLACE_BYTES], const struct bits_place *place)
{
	if (place->is_msr)
		(void)snprintf(text, BITS_PLACE_BYTES, "MSR 0x%" PRIx32, place->leaf);
	else if (place->subleaf || cpuid_leaf_has_subleaves(place->leaf))
		(void)snprintf(text, BITS_PLACE_BYTES, "0x%" PRIx32 ".%" PRIu32 " %s", place->leaf,
			place->subleaf, cpuid_reg_name(place->reg));
	else
		(void)snprintf(text, BITS_PLACE_BYTES, "0x%" PRIx32 " %s", place->leaf,
			cpuid_reg_name(place->reg));
	return text;
}

struct bits_place bits_place_of(feature_id id, unsigned *ret_bit)
{
	const struct feature_word *word = feature_word(id / 32);
	*ret_bit = id % 32;
	if (word->kind == FEATURE_WORD_MSR) {
		*ret_bit += word->shift;
		return (struct bits_place){ .is_msr = true, .leaf = word->msr };
	}
	return (struct bits_place){
		.leaf = word->leaf, .subleaf = word->subleaf, .reg = word->reg
	};
}

static const char *title_in(const struct cpu_rule *rules, size_t n, const char *rule)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rules[i].id, rule) == 0)
			return rules[i].title;
	}
	return NULL;
}

const char *bits_rule_title(const char *rule)
{
	size_t n = 0;
	const struct cpu_rule *rules = cpu_rules(&n);
	const char *title = title_in(rules, n, rule);
	if (!title) {
		rules = hyperv_rules(&n);
		title = title_in(rules, n, rule);
	}
	if (title)
		return title;
	const struct nesting_rule *nesting = nesting_rules(&n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(nesting[i].id, rule) == 0)
			return nesting[i].why;
	}
	return "";
}

char *bits_vendor(char text[13], const struct cpuid_table *table)
{
	put_characters(text, cpuid_value(table, 0, 0, CPUID_EBX));
	put_characters(text + 4, cpuid_value(table, 0, 0, CPUID_EDX));
	put_characters(text + 8, cpuid_value(table, 0, 0, CPUID_ECX));
	text[12] = '\0';
	return text;
}

char *bits_signature(char text[BITS_SIGNATURE_BYTES], const struct cpuid_table *table)
{
	unsigned family = 0, model = 0, stepping = 0;
	cpu_signature_unpack(cpuid_value(table, 1, 0, CPUID_EAX), &family, &model, &stepping);
	(void)snprintf(
		text, BITS_SIGNATURE_BYTES, "%#x model %#x stepping %#x", family, model, stepping);
	return text;
}
