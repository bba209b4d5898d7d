/* SPDX-License-Identifier: MIT */
/* What differs between two CPUs, as a value that text, JSON and HTML are made from. */
#ifndef NESTOR_POLICY_CPUID_DIFFERENCE_H
#define NESTOR_POLICY_CPUID_DIFFERENCE_H

#include "policy/cpuid_bits.h"
#include "policy/cpuid_view.h"

/* A number that differs: a field, an MSR, or the bits of a register that have no name. */
struct difference_row {
	struct bits_place place;
	bool named; /* a field: item */
	struct bits_item item;
	uint64_t a, b;     /* shifted down where it is a field */
	bool a_has, b_has; /* the leaf or MSR is there */
};

struct difference {
	const struct hostfile *a, *b; /* borrowed */
	const char *a_name, *b_name;  /* as the user named them; borrowed */
	struct feature_set a_features, b_features;
	struct feature_set only_a, only_b;
	struct difference_row *rows; /* fields and nameless bits, then MSRs; owned */
	size_t nr_rows, capacity;
};

int difference_make(struct difference *ret, const struct hostfile *a, const char *a_name,
	const struct hostfile *b, const char *b_name, struct err *e) MUST_CHECK;
void difference_done(struct difference *d);

bool difference_is_none(const struct difference *d);

/* The place, and the field's name where it has one: "0x1 eax model". Returns text. */
#define DIFFERENCE_NAME_BYTES 128
char *difference_name(char text[DIFFERENCE_NAME_BYTES], const struct difference_row *row);

/* A side's value as text; "-" where it has no such MSR. Returns text. */
char *difference_value(char text[BITS_VALUE_BYTES], const struct difference_row *row, bool of_b);

#endif
