/* SPDX-License-Identifier: MIT */
#include "base/text_buf.h"
#include "cpuid/baseline.h"
#include "cpuid/engine.h"
#include "cpuid/fields.h"
#include "cpuid/msr.h"
#include "formats/hostfile_internal.h"

#include <errno.h>
#include <string.h>

#define SHOWN_FEATURES 6

/* What the later one makes of the machine. */
static void fold_in(struct hostfile_processors *p)
{
	struct feature_set first, later, both;
	struct cpuid_table *machine = &p->r->file->facts.supported;
	if (!p->is_later || p->later.nr_entries == 0)
		return;
	cpu_features_of(machine, NULL, 0, &first);
	cpu_features_of(&p->later, NULL, 0, &later);
	both = first;
	feature_set_and(&both, &later);
	feature_set_or(&first, &later);
	feature_set_subtract(&first, &both);
	if (!feature_set_is_empty(&first)) {
		feature_set_or(&p->differ, &first);
		p->nr_differ++;
	}
	cpuid_table_combine(machine, &p->later);
	p->later.nr_entries = 0;
}

void hostfile_processor_begin(struct hostfile_processors *p)
{
	fold_in(p);
	p->is_later = p->r->file->facts.supported.nr_entries > 0;
	p->nr++;
}

/*
 * Dumps give every leaf a subleaf, or none. It means something where the leaf is known to have
 * subleaves, and where the processor itself has another one of the leaf.
 */
int hostfile_processor_add(struct hostfile_processors *p, struct cpuid_entry *entry)
{
	if (p->nr == 0)
		p->nr = 1;
	struct cpuid_table *table = p->is_later ? &p->later : &p->r->file->facts.supported;
	entry->subleaf_matters = entry->subleaf != 0 || cpuid_leaf_has_subleaves(entry->leaf);
	for (unsigned i = 0; i < table->nr_entries; i++) {
		struct cpuid_entry *other = &table->entries[i];
		if (other->leaf == entry->leaf && other->subleaf != entry->subleaf)
			other->subleaf_matters = entry->subleaf_matters = true;
	}
	if (hostfile_clashes(table, entry))
		return -EEXIST;
	if (table->nr_entries == CPUID_MAX_ENTRIES)
		return -E2BIG;
	table->entries[table->nr_entries++] = *entry;
	return 0;
}

void hostfile_processors_end(struct hostfile_processors *p)
{
	struct text_buf note = TEXT_BUF(p->r->file->note);
	unsigned shown = 0, left_out = 0;
	fold_in(p);
	if (p->nr_differ == 0)
		return;
	(void)text_buf_add(&note, "%u of its %u processors differ%s from the first in ",
		p->nr_differ, p->nr, p->nr_differ == 1 ? "s" : "");
	for (feature_id id = feature_set_next(&p->differ, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&p->differ, (feature_id)(id + 1))) {
		char label[FEATURE_PLACE_BYTES];
		if (shown == SHOWN_FEATURES) {
			left_out++;
			continue;
		}
		(void)text_buf_add(&note, "%s%s", shown++ ? ", " : "", feature_label(label, id));
	}
	if (left_out > 0)
		(void)text_buf_add(&note, " and %u more", left_out);
	(void)text_buf_add(&note, "; what all of them have is taken");
}

int hostfile_add_msr(struct hostfile_reader *r, uint32_t index, uint64_t value)
{
	struct host_facts *f = &r->file->facts;
	for (unsigned i = 0; i < f->nr_feature_msrs; i++) {
		if (f->feature_msrs[i].index == index)
			return -EEXIST;
	}
	if (f->nr_feature_msrs == HOST_MAX_FEATURE_MSRS)
		return -E2BIG;
	f->feature_msrs[f->nr_feature_msrs++] = (struct msr_value){ index, value };
	return 0;
}

bool hostfile_is_feature_msr(uint64_t index)
{
	return index == MSR_IA32_CORE_CAPABILITIES || index == MSR_IA32_ARCH_CAPABILITIES ||
	       index == MSR_IA32_PERF_CAPABILITIES ||
	       (index >= MSR_IA32_VMX_BASIC && index <= MSR_IA32_VMX_EXIT_CTLS2);
}
