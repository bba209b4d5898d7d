/* SPDX-License-Identifier: MIT */
/*
 * Changing a CPUID table so that every change can be explained: each stage of the engine goes
 * through here and says by which rule. The trace is what `nestor cpuid explain` prints.
 */
#ifndef NESTOR_CPUID_EDIT_H
#define NESTOR_CPUID_EDIT_H

#include "cpuid/features.h"

/* One thing that a rule decided; later ones win. */
struct cpu_decision {
	bool is_msr;
	uint32_t leaf; /* or the MSR */
	uint32_t subleaf;
	enum cpuid_reg reg;
	uint64_t mask, value; /* the bits decided, and to what; value has no bit outside mask */
	const char *rule;     /* id of a row of rules.tsv ("CPU-03", "NEST-01"); static */
	const char *origin;   /* FILE:LINE:COLUMN of what asked for it, or NULL; borrowed from the
				 policy */
	const char *detail; /* a model's or feature's name, or NULL; static or borrowed likewise */
};

/* Owned by the caller; zero-initialised; cpu_trace_done frees. */
struct cpu_trace {
	struct cpu_decision *decisions; /* in the order of the rules */
	size_t nr_decisions, capacity;
	bool out_of_memory; /* the trace is not complete */
};

void cpu_trace_add(struct cpu_trace *trace, const struct cpu_decision *d); /* trace may be NULL */
void cpu_trace_done(struct cpu_trace *trace);

/* The decision that stands for a bit, or NULL: none spoke of it (it is 0). Search backwards from
 * decision number `before` (nr_decisions for the last). */
const struct cpu_decision *cpu_trace_find(const struct cpu_trace *trace, size_t before, bool is_msr,
	uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, unsigned bit);

/* Who is changing what. */
struct cpu_edit {
	struct cpuid_table *table;
	struct cpu_trace *trace; /* NULL: not wanted */
	const char *rule, *origin, *detail;
	bool full; /* an entry was needed and the table had no room */
};

/* Bits of mask become those of value; the entry is made where it is missing and value is not 0. */
void cpu_edit_bits(struct cpu_edit *edit, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg,
	uint32_t mask, uint32_t value);

/* All four registers at once. */
void cpu_edit_regs(struct cpu_edit *edit, uint32_t leaf, uint32_t subleaf, const uint32_t reg[4]);

/* Removes all entries of a leaf (all of its subleaves), which then reads 0. */
void cpu_edit_remove(struct cpu_edit *edit, uint32_t leaf);

/* A row of rules.tsv: every rule that decides bits. */
struct cpu_rule {
	const char *id, *title, *text;
};
const struct cpu_rule *cpu_rules(size_t *ret_count);

#endif
