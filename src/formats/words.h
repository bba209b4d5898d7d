/* SPDX-License-Identifier: MIT */
/*
 * The words of each format, and what becomes of them: tables made from data/words-*.tsv. What a
 * reader does not carry over it names by them, so that nothing is lost without a word.
 */
#ifndef NESTOR_FORMATS_WORDS_H
#define NESTOR_FORMATS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum word_format {
	WORDS_QEMU,
	WORDS_LIBVIRT,
	WORDS_FIRECRACKER,
	WORDS_TOML,
	WORDS_COUNT,
};

enum word_fate {
	WORD_CARRIED, /* over; what of it cannot be is named */
	WORD_LOST,    /* named, unless its value asks for nothing */
	WORD_SAME,    /* says nothing that a guest would notice */
	WORD_REFUSED, /* an error */
};

/* Texts in place, as in struct cpu_model. */
struct word {
	char name[48]; /* "pmu", "features/pmu@state"; may end in "*", for all that begin so */
	enum word_fate fate;
	char nothing[24]; /* values that ask for nothing, a blank between them; "" for none */
	char note[104];   /* "" for none */
};

/* Word number i in the order of names; NULL past the last. */
const struct word *word_at(enum word_format format, size_t i);

/* The row of a name, or the longest one with "*" that fits it; NULL: neither. */
const struct word *word_find(enum word_format format, const char *name);

/* True where the value is one of those that ask for nothing. */
bool word_is_nothing(const struct word *word, const char *value);

/* "carried", "lost", "same", "refused" */
const char *word_fate_name(enum word_fate fate);

#endif
