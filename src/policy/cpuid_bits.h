/* SPDX-License-Identifier: MIT */
/* What the bits of a CPUID register or of an MSR are called: fields, features, and bits without a
 * name, one after another. */
#ifndef NESTOR_POLICY_CPUID_BITS_H
#define NESTOR_POLICY_CPUID_BITS_H

#include "cpuid/edit.h"
#include "cpuid/fields.h"

/* A register of a leaf, or an MSR (then leaf is its index). */
struct bits_place {
	bool is_msr;
	uint32_t leaf, subleaf;
	enum cpuid_reg reg;
};

enum bits_kind { BITS_FIELD, BITS_FEATURE, BITS_PLAIN };

struct bits_item {
	enum bits_kind kind;
	unsigned low, high;              /* both included */
	const struct cpuid_field *field; /* BITS_FIELD */
	const struct feature *feature;   /* BITS_FEATURE */
	bool inverted;                   /* the feature is there where the bit is 0 */
	bool copy;                       /* AMD's copy of a feature of leaf 1, in leaf 0x80000001 */
};

/* 32, or 64 for an MSR. */
unsigned bits_width(const struct bits_place *place);

/* The item that holds bit. */
void bits_item_at(const struct bits_place *place, unsigned bit, struct bits_item *ret_item);

/* Its name; text is used where it has none ("bit 5"). */
#define BITS_NAME_BYTES 16
const char *bits_name(const struct bits_item *item, char text[BITS_NAME_BYTES]);

/* Its part of the register's value. */
uint64_t bits_of(const struct bits_item *item, uint64_t value);

/* As a person reads it: true, false, a number, four characters. Returns text. */
#define BITS_VALUE_BYTES 64
char *bits_value(char text[BITS_VALUE_BYTES], const struct bits_item *item, uint64_t value);

/* "0x7.1 eax", "0x1 ecx", "MSR 0x10a". Returns text. */
#define BITS_PLACE_BYTES 48
char *bits_place_text(char text[BITS_PLACE_BYTES], const struct bits_place *place);

/* Where the bit of a feature is. */
struct bits_place bits_place_of(feature_id id, unsigned *ret_bit);

/* The title of a rule of the engine or of nesting; "" where there is no such rule. */
const char *bits_rule_title(const char *rule);

/* "12 characters" of leaf 0's EBX, EDX, ECX; printable. Returns text. */
char *bits_vendor(char text[13], const struct cpuid_table *table);

/* "0x6 model 0x5e stepping 0x3", family first, from leaf 1. Returns text. */
#define BITS_SIGNATURE_BYTES 64
char *bits_signature(char text[BITS_SIGNATURE_BYTES], const struct cpuid_table *table);

#endif
