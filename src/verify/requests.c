/* SPDX-License-Identifier: MIT */
/* Which instructions the guest executes, and what the plan promises of each. Pure. */
#include "verify/internal.h"

#include <errno.h>
#include <stdlib.h>

/* Leaves asked for in a range of CPUID leaves, from its base on, whatever it says its highest is.
 */
#define MAX_LEAVES_OF_RANGE 512
/* MSRs asked for of one rule; all of a narrower one. */
#define MAX_MSRS_OF_RULE 32

#define MSR_X2APIC_FIRST 0x800u /* KVM's filter does not rule these (KVM API) */
#define MSR_X2APIC_LAST 0x8ffu

void request_list_done(struct request_list *list)
{
	free(list->items);
	*list = (struct request_list){ 0 };
}

static int append(struct request_list *list, const struct verify_request *r, struct err *e)
{
	if (list->nr == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 256;
		struct verify_request *items =
			realloc(list->items, capacity * sizeof(list->items[0]));
		if (!items)
			return err_set(e, -ENOMEM, "out of memory");
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->nr++] = *r;
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct verify_request *a = pa, *b = pb;
	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->subleaf != b->subleaf)
		return a->subleaf < b->subleaf ? -1 : 1;
	return 0;
}

/* Sorts items[from] and on by index and subleaf, and leaves one of each. */
static void sort_unique(struct request_list *list, size_t from)
{
	size_t kept = from;
	if (list->nr - from < 2)
		return;
	qsort(list->items + from, list->nr - from, sizeof(list->items[0]), compare);
	for (size_t i = from; i < list->nr; i++) {
		if (kept == from || compare(&list->items[kept - 1], &list->items[i]) != 0)
			list->items[kept++] = list->items[i];
	}
	list->nr = kept;
}

static int add_leaf(struct request_list *list, uint32_t leaf, uint32_t subleaf, struct err *e)
{
	const struct verify_request r = {
		.op = GUEST_CPUID, .index = leaf, .subleaf = subleaf, .compared = true
	};
	return append(list, &r, e);
}

static int add_entries(struct request_list *list, const struct cpuid_table *table, struct err *e)
{
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < table->nr_entries; i++) {
		const struct cpuid_entry *entry = &table->entries[i];
		rc = add_leaf(list, entry->leaf, entry->subleaf, e);
		/* The one after it: past the last, unless the table has it; and where subleaves
		 * make no difference, another one must give the same. */
		if (rc == 0 && entry->subleaf != UINT32_MAX)
			rc = add_leaf(list, entry->leaf, entry->subleaf + 1, e);
	}
	return rc;
}

/* The leaves of the range that begins at base, and two past its highest. */
static int add_range(
	struct request_list *list, const struct cpuid_table *table, uint32_t base, struct err *e)
{
	uint64_t max = cpuid_value(table, base, 0, CPUID_EAX);
	if (max < base)
		max = base;
	int rc = 0;
	for (uint64_t leaf = base; rc == 0 && leaf <= max + 2; leaf++) {
		if (leaf - base == MAX_LEAVES_OF_RANGE && max > leaf)
			leaf = max; /* a highest leaf that is far off: only around it */
		if (leaf <= UINT32_MAX)
			rc = add_leaf(list, (uint32_t)leaf, 0, e);
	}
	return rc;
}

int request_list_cpuid(struct request_list *list, const struct cpuid_table *table,
	const struct cpuid_table *kept, const struct cpuid_vcpu_state *state, struct err *e)
{
	static const uint32_t bases[] = { 0, 0x40000000, 0x40000100, 0x80000000, 0xc0000000 };
	static const uint32_t far[] = { 0x20000000, 0x3fffffff, 0x7fffffff, 0x8fffffff,
		0xffffffff };
	size_t from = list->nr;
	int rc = add_entries(list, table, e);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(bases); i++)
		rc = add_range(list, table, bases[i], e);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(far); i++)
		rc = add_leaf(list, far[i], 0, e);
	if (rc)
		return rc;
	sort_unique(list, from);
	for (size_t i = from; i < list->nr; i++) {
		struct verify_request *r = &list->items[i];
		cpuid_execute(table, state, r->index, r->subleaf, r->promised_reg);
		cpuid_execute(kept, state, r->index, r->subleaf, r->kept_reg);
	}
	return 0;
}

/* Bits of an MSR that are the processor's to say, whatever is written. */
static uint64_t read_only_bits(uint32_t index)
{
	/* BTS and PEBS unavailable (SDM vol. 4, IA32_MISC_ENABLE, bits 11 and 12). */
	return index == MSR_IA32_MISC_ENABLE ? UINT64_C(0x1800) : 0;
}

/* MSRs that change by themselves: reading them twice says nothing of a write between. */
static bool is_running_count(uint32_t index)
{
	return index == 0x10 ||                                /* TSC */
	       index == 0x34 ||                                /* SMI count */
	       index == 0xe7 || index == 0xe8 ||               /* MPERF, APERF */
	       (index >= 0xc1 && index <= 0xc8) ||             /* performance counters … */
	       (index >= 0x309 && index <= 0x30c) ||           /* … fixed … */
	       (index >= 0x4c1 && index <= 0x4c8) ||           /* … full-width … */
	       (index >= 0xc0010004 && index <= 0xc0010007) || /* … of AMD */
	       (index >= 0xc0010200 && index <= 0xc001020b) || index == 0xc00000e7 ||
	       index == 0xc00000e8;
}

static int add_msr(
	struct request_list *list, const struct msr_policy *policy, uint64_t index, struct err *e)
{
	if (index > UINT32_MAX || (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST))
		return 0;
	struct verify_request r = { .op = GUEST_RDMSR, .index = (uint32_t)index };
	struct msr_outcome outcome = msr_policy_access(policy, r.index, /* write */ false);
	switch (outcome.action) {
	case MSR_DENY:
		r.compared = r.promised_fault = true;
		break;
	case MSR_VALUE:
		r.compared = true;
		r.promised_value = outcome.value;
		r.mask = UINT64_MAX;
		break;
	case MSR_KVM:
		r.compared = msr_policy_get(policy, r.index, &r.promised_value);
		r.mask = ~read_only_bits(r.index);
		break;
	case MSR_UNRULED:
	case MSR_IGNORE:
		break;
	}
	return append(list, &r, e);
}

/* All MSRs from first to last, or as many as are asked for, both ends among them. */
static int add_msr_range(struct request_list *list, const struct msr_policy *policy, uint32_t first,
	uint32_t last, struct err *e)
{
	uint64_t span = last >= first ? last - first : 0;
	uint64_t n = span < MAX_MSRS_OF_RULE ? span : MAX_MSRS_OF_RULE - 1;
	int rc = add_msr(list, policy, first, e);
	for (uint64_t i = 1; rc == 0 && i <= n; i++)
		rc = add_msr(list, policy, first + span * i / n, e);
	return rc;
}

/* MSRs that every KVM has, and that a default of deny takes away unless a rule says otherwise. */
static int add_default_denied(
	struct request_list *list, const struct msr_policy *policy, struct err *e)
{
	static const uint32_t common[] = { 0x10, 0x1b, 0x3a, 0x10a, 0x174, 0x1a0, 0x277, 0x2ff,
		0x400, 0x480, 0x700, 0x900, 0x1fff, 0x3000, 0x40000000, 0x4b564d00, 0xc0000080,
		0xc0000081, 0xc0000102, 0xc0010015, 0xffffffff };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(common); i++)
		rc = add_msr(list, policy, common[i], e);
	/* Just outside of what the rules name. */
	for (unsigned i = 0; rc == 0 && i < policy->nr_rules; i++) {
		const struct msr_rule *rule = &policy->rules[i];
		if (rule->first > 0)
			rc = add_msr(list, policy, rule->first - 1, e);
		if (rc == 0)
			rc = add_msr(list, policy, (uint64_t)rule->last + 1, e);
	}
	return rc;
}

int request_list_msr_reads(
	struct request_list *list, const struct msr_policy *policy, struct err *e)
{
	size_t from = list->nr;
	int rc = 0;
	for (unsigned i = 0; rc == 0 && i < policy->nr_set; i++)
		rc = add_msr(list, policy, policy->set[i].index, e);
	for (unsigned i = 0; rc == 0 && i < policy->nr_rules; i++)
		rc = add_msr_range(list, policy, policy->rules[i].first, policy->rules[i].last, e);
	if (rc == 0 && policy->default_deny)
		rc = add_default_denied(list, policy, e);
	if (rc == 0)
		sort_unique(list, from);
	return rc;
}

/* A write to the MSR of read, and where it is to be without effect, a second read. */
static int add_write(struct request_list *list, const struct msr_policy *policy,
	const struct verify_request *read, struct err *e)
{
	struct msr_outcome outcome = msr_policy_access(policy, read->index, /* write */ true);
	if (outcome.action != MSR_DENY && outcome.action != MSR_IGNORE)
		return 0;
	bool ignored = outcome.action == MSR_IGNORE;
	uint64_t value = read->seen_fault ? 0 : request_seen_value(read);
	const struct verify_request write = {
		.op = GUEST_WRMSR,
		.index = read->index,
		/* A denied one must do no harm where KVM lets it through, an ignored one must show.
		 */
		.write_value = ignored ? value ^ 1 : value,
		.compared = true,
		.promised_fault = !ignored,
	};
	const struct verify_request again = {
		.op = GUEST_RDMSR,
		.index = read->index,
		.compared = true,
		.after_write = true,
		.promised_value = value,
		.mask = UINT64_MAX,
	};
	int rc = append(list, &write, e);
	if (rc == 0 && ignored && !read->seen_fault && !is_running_count(read->index))
		rc = append(list, &again, e);
	return rc;
}

int request_list_msr_writes(struct request_list *list, const struct msr_policy *policy,
	const struct request_list *reads, struct err *e)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < reads->nr; i++) {
		if (reads->items[i].op == GUEST_RDMSR)
			rc = add_write(list, policy, &reads->items[i], e);
	}
	return rc;
}
