/* SPDX-License-Identifier: MIT */
/*
 * Every CPU feature that has a name: one bit of a CPUID register or of a feature MSR. The rows are
 * data (data/features.tsv, msr-features.tsv, vmx-features.tsv), turned into const tables at build.
 *
 * A "word" is 32 bits that features live in: a CPUID register, or a half of a feature MSR. A set of
 * features is one bit per bit of every word, named or not, so that set algebra is word algebra.
 */
#ifndef NESTOR_CPUID_FEATURES_H
#define NESTOR_CPUID_FEATURES_H

#include "cpuid/cpuid.h"

/* Generated: FEATURE_NR_WORDS, FEATURE_COUNT, FEATURE_ID_avx … */
#include "cpuid/feature_ids.h"

typedef uint16_t feature_id; /* word * 32 + bit */

enum feature_vendor { FEATURE_ANY, FEATURE_INTEL, FEATURE_AMD, FEATURE_OTHER };

enum feature_word_kind { FEATURE_WORD_CPUID, FEATURE_WORD_MSR };

struct feature_word {
	enum feature_word_kind kind;
	/* FEATURE_WORD_CPUID */
	uint32_t leaf, subleaf;
	bool subleaf_matters;
	enum cpuid_reg reg;
	/* FEATURE_WORD_MSR: bits shift + 31 … shift of msr. Inverted: the feature is there where
	 * the bit is 0 (the allowed-0 half of a VMX control: the control may be 0). */
	uint32_t msr;
	unsigned shift; /* 0 or 32 */
	bool inverted;
	uint32_t named; /* bits that a feature names */
};

/* What a feature is besides a bit; from the column "class" of data/attributes.tsv. */
enum feature_attribute {
	FEATURE_MANAGED = 1,      /* set by topology, by run time or by nestor, never "missing" */
	FEATURE_DEFECT = 2,       /* says that something is wrong with the processor (rsba) */
	FEATURE_IMMOBILE = 4,     /* does not survive a migration (invtsc) */
	FEATURE_PV = 8,           /* KVM's own, leaf 0x40000001 */
	FEATURE_HINT = 16,        /* never on by default */
	FEATURE_BORROWED = 64,    /* KVM shows it on the other vendor's processors, too */
	FEATURE_VMX_CONTROL = 32, /* a bit of a VMX capability MSR: only with vmx */
};

/* Texts in place, as in struct cpu_model. */
struct feature {
	char name[40];    /* libvirt's */
	char aliases[40]; /* QEMU's and Linux's, comma-separated; "" for none */
	char note[108];   /* "" for none */
	feature_id id;
	enum feature_vendor vendor;
	unsigned attributes; /* of enum feature_attribute */
};

struct feature_set {
	uint32_t w[FEATURE_NR_WORDS];
};

/* Word number w, below FEATURE_NR_WORDS. */
const struct feature_word *feature_word(unsigned w);

/* The CPUID bit that announces a feature MSR; false where nothing does. feature_msrs.c */
bool cpu_msr_gate(uint32_t msr, feature_id *ret_gate);

/* Feature number i in the order of names, below FEATURE_COUNT. */
const struct feature *feature_at(size_t i);

/* By id; NULL where that bit has no name. */
const struct feature *feature_by_id(feature_id id);

/* By name or alias, "_" and "-" taken alike where nothing fits exactly; NULL where unknown. */
const struct feature *feature_find(const char *name);

/* The known name (not alias, unless that is nearer) a misspelt one may mean; NULL: nothing near. */
const char *feature_nearest(const char *name);

/* The word of a CPUID register, or -1. Any subleaf fits a word whose subleaf does not matter. */
int feature_word_of_cpuid(uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg);

/* "CPUID 0x7.0 EBX bit 16", "MSR 0x10a bit 3"; for messages. Returns text. */
#define FEATURE_PLACE_BYTES 48
char *feature_place(char text[FEATURE_PLACE_BYTES], feature_id id);

/* "avx512f", or the place where the bit has no name. Returns text. */
char *feature_label(char text[FEATURE_PLACE_BYTES], feature_id id);

static inline bool feature_set_has(const struct feature_set *s, feature_id id)
{
	return s->w[id / 32] >> (id % 32) & 1;
}

static inline void feature_set_add(struct feature_set *s, feature_id id)
{
	s->w[id / 32] |= UINT32_C(1) << (id % 32);
}

static inline void feature_set_remove(struct feature_set *s, feature_id id)
{
	s->w[id / 32] &= ~(UINT32_C(1) << (id % 32));
}

/* *a = *a and/or/and-not *b */
void feature_set_and(struct feature_set *a, const struct feature_set *b);
void feature_set_or(struct feature_set *a, const struct feature_set *b);
void feature_set_subtract(struct feature_set *a, const struct feature_set *b);
bool feature_set_is_subset(const struct feature_set *inner, const struct feature_set *outer);
bool feature_set_is_empty(const struct feature_set *s);
unsigned feature_set_count(const struct feature_set *s);

/* The next member from id on; FEATURE_NR_WORDS * 32 where there is none. For loops. */
feature_id feature_set_next(const struct feature_set *s, feature_id from);

/* All features of a class (enum feature_attribute, any of them). Const, made at build. */
void feature_set_of_attribute(unsigned attributes, struct feature_set *ret_set);

/* Which virtualization extensions a feature is a part of, or is: "vmx", "svm", or NULL. */
const char *feature_extensions(feature_id id);

/* Those of the named features that processors of that vendor cannot have. */
void feature_set_foreign(enum cpuid_vendor vendor, struct feature_set *ret_set);

/* Those of them that KVM shows there all the same, emulated or by another name (FEATURE_BORROWED).
 */
void feature_set_borrowed(enum cpuid_vendor vendor, struct feature_set *ret_set);

/*
 * What a feature cannot be without (data/requires.tsv and the VMX and SVM rows): feature needs
 * required. Sorted by feature.
 */
struct feature_requirement {
	feature_id feature, required;
	char why[112]; /* "" or a section of a manual */
};
const struct feature_requirement *feature_requirements(size_t *ret_count);

/*
 * Removes from set every feature whose requirements are not all in it, until all are met. Calls
 * dropped, unless NULL, once for each, with the requirement that failed.
 */
void feature_set_close(struct feature_set *set,
	void (*dropped)(void *ctx, const struct feature_requirement *r), void *ctx);

#endif
