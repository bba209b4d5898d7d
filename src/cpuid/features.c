/* SPDX-License-Identifier: MIT */
#include "cpuid/features.h"

#include "base/nearest.h"
#include "cpuid/msr.h"

#include <stdio.h>
#include <string.h>

static const struct feature_word words[FEATURE_NR_WORDS] = {
#include "cpuid/feature_words.inc"
};

static const struct feature features[FEATURE_COUNT] = {
#include "cpuid/features.inc"
};

/* Position in features plus 1, by id; 0: that bit has no name. */
static const uint16_t positions[FEATURE_NR_WORDS * 32] = {
#include "cpuid/feature_index.inc"
};

/* Names and aliases, with "-" for "_", sorted as bytes. */
static const struct spelling {
	char name[48];
	uint16_t index; /* in features */
} spellings[] = {
#include "cpuid/feature_names.inc"
};

static const struct feature_requirement requirements[] = {
#include "cpuid/requires.inc"
};

const struct feature_word *feature_word(unsigned w)
{
	return &words[w];
}

const struct feature *feature_at(size_t i)
{
	return &features[i];
}

const struct feature *feature_by_id(feature_id id)
{
	if (id >= ARRAY_SIZE(positions) || positions[id] == 0)
		return NULL;
	return &features[positions[id] - 1];
}

/* As strcmp(name, spelling), with "_" in name taken for "-". */
static int compare_alike(const char *name, const char *spelling)
{
	for (size_t i = 0;; i++) {
		unsigned char a = (unsigned char)(name[i] == '_' ? '-' : name[i]);
		unsigned char b = (unsigned char)spelling[i];
		if (a != b)
			return a < b ? -1 : 1;
		if (a == '\0')
			return 0;
	}
}

/* No two features have spellings that are alike (the generator refuses them), so that an exact fit
 * and one that is alike are the same feature. */
const struct feature *feature_find(const char *name)
{
	size_t low = 0, high = ARRAY_SIZE(spellings);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_alike(name, spellings[middle].name);
		if (order == 0)
			return &features[spellings[middle].index];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *feature_nearest(const char *name)
{
	struct nearest n;
	nearest_start(&n, name);
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		nearest_consider(&n, features[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++)
		nearest_consider(&n, spellings[i].name);
	return nearest_result(&n);
}

/* The words of CPUID registers come first, sorted by leaf. */
int feature_word_of_cpuid(uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	for (int i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = &words[i];
		if (w->kind != FEATURE_WORD_CPUID || w->leaf > leaf)
			return -1;
		if (w->leaf == leaf && w->reg == reg &&
			(!w->subleaf_matters || w->subleaf == subleaf))
			return i;
	}
	return -1;
}

char *feature_place(char text[FEATURE_PLACE_BYTES], feature_id id)
{
	static const char regs[4][4] = { "EAX", "EBX", "ECX", "EDX" };
	if (id / 32 >= FEATURE_NR_WORDS) {
		snprintf(text, FEATURE_PLACE_BYTES, "no bit");
		return text;
	}
	const struct feature_word *w = &words[id / 32];
	unsigned bit = id % 32;
	if (w->kind == FEATURE_WORD_MSR)
		snprintf(text, FEATURE_PLACE_BYTES, "MSR %#x bit %u", w->msr, w->shift + bit);
	else if (w->subleaf_matters)
		snprintf(text, FEATURE_PLACE_BYTES, "CPUID %#x.%u %s bit %u", w->leaf, w->subleaf,
			regs[w->reg], bit);
	else
		snprintf(text, FEATURE_PLACE_BYTES, "CPUID %#x %s bit %u", w->leaf, regs[w->reg],
			bit);
	return text;
}

char *feature_label(char text[FEATURE_PLACE_BYTES], feature_id id)
{
	const struct feature *f = feature_by_id(id);
	if (!f)
		return feature_place(text, id);
	snprintf(text, FEATURE_PLACE_BYTES, "%s", f->name);
	return text;
}

void feature_set_and(struct feature_set *a, const struct feature_set *b)
{
	for (size_t i = 0; i < FEATURE_NR_WORDS; i++)
		a->w[i] &= b->w[i];
}

void feature_set_or(struct feature_set *a, const struct feature_set *b)
{
	for (size_t i = 0; i < FEATURE_NR_WORDS; i++)
		a->w[i] |= b->w[i];
}

void feature_set_subtract(struct feature_set *a, const struct feature_set *b)
{
	for (size_t i = 0; i < FEATURE_NR_WORDS; i++)
		a->w[i] &= ~b->w[i];
}

bool feature_set_is_subset(const struct feature_set *inner, const struct feature_set *outer)
{
	uint32_t outside = 0;
	for (size_t i = 0; i < FEATURE_NR_WORDS; i++)
		outside |= inner->w[i] & ~outer->w[i];
	return outside == 0;
}

bool feature_set_is_empty(const struct feature_set *s)
{
	uint32_t any = 0;
	for (size_t i = 0; i < FEATURE_NR_WORDS; i++)
		any |= s->w[i];
	return any == 0;
}

unsigned feature_set_count(const struct feature_set *s)
{
	unsigned count = 0;
	for (size_t i = 0; i < FEATURE_NR_WORDS; i++)
		count += (unsigned)__builtin_popcount(s->w[i]);
	return count;
}

feature_id feature_set_next(const struct feature_set *s, feature_id from)
{
	unsigned bit = from % 32;
	for (size_t i = from / 32; i < FEATURE_NR_WORDS; i++) {
		uint32_t rest = s->w[i] >> bit << bit;
		if (rest)
			return (feature_id)(i * 32 + (unsigned)__builtin_ctz(rest));
		bit = 0;
	}
	return FEATURE_NR_WORDS * 32;
}

void feature_set_of_attribute(unsigned attributes, struct feature_set *ret_set)
{
	*ret_set = (struct feature_set){ { 0 } };
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		if (features[i].attributes & attributes)
			feature_set_add(ret_set, features[i].id);
	}
}

const char *feature_extensions(feature_id id)
{
	const struct feature_word *w = feature_word(id / 32u);
	if (id == FEATURE_ID_vmx || (w->kind == FEATURE_WORD_MSR && w->msr >= MSR_IA32_VMX_BASIC &&
					    w->msr <= MSR_IA32_VMX_EXIT_CTLS2))
		return "vmx";
	if (id == FEATURE_ID_svm || (w->kind == FEATURE_WORD_CPUID && w->leaf == 0x8000000a))
		return "svm";
	return NULL;
}

void feature_set_foreign(enum cpuid_vendor vendor, struct feature_set *ret_set)
{
	*ret_set = (struct feature_set){ { 0 } };
	/* VIA, Zhaoxin and what else there is take from both. */
	if (vendor == CPUID_VENDOR_OTHER)
		return;
	enum feature_vendor own = vendor == CPUID_VENDOR_INTEL ? FEATURE_INTEL : FEATURE_AMD;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		if (features[i].vendor != FEATURE_ANY && features[i].vendor != own)
			feature_set_add(ret_set, features[i].id);
	}
}

void feature_set_borrowed(enum cpuid_vendor vendor, struct feature_set *ret_set)
{
	struct feature_set foreign;
	feature_set_foreign(vendor, &foreign);
	feature_set_of_attribute(FEATURE_BORROWED, ret_set);
	feature_set_and(ret_set, &foreign);
}

const struct feature_requirement *feature_requirements(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(requirements);
	return requirements;
}

/* Each round but the last drops a feature, so that it ends. */
void feature_set_close(struct feature_set *set,
	void (*dropped)(void *ctx, const struct feature_requirement *r), void *ctx)
{
	bool again = true;
	while (again) {
		again = false;
		for (size_t i = 0; i < ARRAY_SIZE(requirements); i++) {
			const struct feature_requirement *r = &requirements[i];
			if (!feature_set_has(set, r->feature) || feature_set_has(set, r->required))
				continue;
			feature_set_remove(set, r->feature);
			again = true;
			if (dropped)
				dropped(ctx, r);
		}
	}
}
