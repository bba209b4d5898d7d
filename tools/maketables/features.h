/* SPDX-License-Identifier: MIT */
/*
 * The features that have names, of CPUID and of MSRs (src/cpuid/data/features.tsv,
 * msr-features.tsv, vmx-features.tsv), as the other tables need them.
 */
#ifndef NESTOR_MAKETABLES_FEATURES_H
#define NESTOR_MAKETABLES_FEATURES_H

#include "maketables/make.h"
#include "tsv/names.h"

/* 32 bits that features name: a CPUID register, or half of an MSR. */
struct feature_word {
	bool msr;
	uint32_t index; /* leaf, or MSR */
	bool has_subleaf;
	uint32_t subleaf;
	unsigned reg;   /* 0 to 3: EAX to EDX */
	unsigned shift; /* of an MSR: 0 or 32 */
	bool inverted;
};

struct feature {
	const struct cell *name;
	struct cells aliases;
	struct feature_word word;
	unsigned bit;
	const char *index_text;   /* leaf or MSR as the table has it */
	const char *subleaf_text; /* likewise; "0" where there is none */
	const char *vendor;       /* both, intel, amd, other */
	const char *note;
	const char *attributes; /* C, "" for none */
	const char *id;         /* as a C identifier */
	unsigned word_number;   /* of its word among all, in their order */
};

struct requirement {
	const struct feature *feature, *required;
	const struct cell *cell; /* that names what is required */
	const char *why;
};

/* A name or alias, with "-" for "_". */
struct spelling {
	const char *text;
	const struct feature *feature;
};

struct features {
	struct feature **list; /* sorted by name */
	size_t nr, room;
	struct names names; /* to struct feature */
	size_t nr_words;
	struct requirement *requirements;
	size_t nr_requirements, requirements_room;
	struct spelling *spellings; /* sorted */
	size_t nr_spellings, spellings_room;
};

/* Reads and judges; where faults come of it, what is in *f is of no use. */
void features_read(struct features *f, struct make *m);

/* Writes feature_ids.h, feature_words.inc, features.inc, feature_index.inc, feature_names.inc and
 * requires.inc. */
void features_write(const struct features *f, struct make *m);

/* The feature of that name; NULL and a fault where there is none. */
const struct feature *features_known(const struct features *f, const struct cell *name);

/* A set of features, one bit each in the words. */
struct feature_bits {
	uint32_t *word; /* features.nr_words of them */
};

struct feature_bits feature_bits_none(const struct features *f, struct make *m);

/* Adds the features that the cell names, with spaces between; a fault at each that is in the set,
 * or in apart (which may be NULL), already. */
void feature_bits_add(struct feature_bits *set, const struct feature_bits *apart,
	const struct features *f, const struct cell *cell);

/* As an initializer of C. */
const char *feature_bits_text(
	const struct feature_bits *set, const struct features *f, struct make *m);

extern const char *const register_constants[4]; /* "CPUID_EAX" ... */
#define REGISTER_WORDS "eax ebx ecx edx"

#endif
