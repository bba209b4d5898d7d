/* SPDX-License-Identifier: MIT */
#include "cpuid/edit.h"

#include "base/analyzer.h"

#include "cpuid/fields.h"

#include <stdlib.h>

static const struct cpu_rule rules[] = {
#include "cpuid/cpu_rules.inc"
};

const struct cpu_rule *cpu_rules(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(rules);
	return rules;
}

void cpu_trace_add(struct cpu_trace *trace, const struct cpu_decision *d)
{
	if (!trace || d->mask == 0)
		return;
	if (trace->nr_decisions == trace->capacity) {
		size_t capacity = trace->capacity ? 2 * trace->capacity : 512;
		struct cpu_decision *grown = realloc(trace->decisions, capacity * sizeof(*grown));
		if (!grown) {
			trace->out_of_memory = true;
			return;
		}
		trace->decisions = grown;
		trace->capacity = capacity;
	}
	trace->decisions[trace->nr_decisions++] = *d;
}

void cpu_trace_done(struct cpu_trace *trace)
{
	free(trace->decisions);
	*trace = (struct cpu_trace){ 0 };
}

const struct cpu_decision *cpu_trace_find(const struct cpu_trace *trace, size_t before, bool is_msr,
	uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, unsigned bit)
{
	size_t i = before < trace->nr_decisions ? before : trace->nr_decisions;
	while (i-- > 0) {
		const struct cpu_decision *d = &trace->decisions[i];
		if (d->is_msr == is_msr && d->leaf == leaf && d->mask >> bit & 1 &&
			(is_msr || (d->reg == reg && d->subleaf == subleaf)))
			return d;
	}
	return NULL;
}

ANALYZER_MISTAKEN("-Wanalyzer-malloc-leak"); /* the trace owns its decisions */
static void record(struct cpu_edit *edit, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg,
	uint32_t mask, uint32_t value)
{
	if (!edit->trace)
		return;
	const struct cpu_decision d = {
		.leaf = leaf,
		.subleaf = subleaf,
		.reg = reg,
		.mask = mask,
		.value = value & mask,
		.rule = edit->rule,
		.origin = edit->origin,
		.detail = edit->detail,
	};
	cpu_trace_add(edit->trace, &d);
}
ANALYZER_END;

void cpu_edit_bits(struct cpu_edit *edit, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg,
	uint32_t mask, uint32_t value)
{
	struct cpuid_entry *entry = cpuid_find(edit->table, leaf, subleaf);
	if (!entry && (value & mask))
		entry = cpuid_put(edit->table, leaf, subleaf, cpuid_leaf_has_subleaves(leaf));
	if (entry)
		entry->reg[reg] = (entry->reg[reg] & ~mask) | (value & mask);
	else if (value & mask)
		edit->full = true;
	record(edit, leaf, subleaf, reg, mask, value);
}

void cpu_edit_regs(struct cpu_edit *edit, uint32_t leaf, uint32_t subleaf, const uint32_t reg[4])
{
	for (unsigned r = 0; r < 4; r++)
		cpu_edit_bits(edit, leaf, subleaf, (enum cpuid_reg)r, UINT32_MAX, reg[r]);
}

void cpu_edit_remove(struct cpu_edit *edit, uint32_t leaf)
{
	for (unsigned i = 0; i < edit->table->nr_entries; i++) {
		const struct cpuid_entry *entry = &edit->table->entries[i];
		for (unsigned r = 0; entry->leaf == leaf && r < 4; r++)
			record(edit, leaf, entry->subleaf, (enum cpuid_reg)r, UINT32_MAX, 0);
	}
	cpuid_remove_leaf(edit->table, leaf);
}
