/* SPDX-License-Identifier: MIT */
#include "policy/cpuid_explanation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LEAF_HYPERVISOR UINT32_C(0x40000000)
#define LEAF_BEHIND UINT32_C(0x40000100)      /* KVM's leaves, where Hyper-V's come first */
#define HYPERV_INTERFACE UINT32_C(0x31237648) /* "Hv#1" */

/* What leaf 0x40000001 is then: no features of KVM's. */
static const struct cpuid_field hyperv_interface = {
	.leaf = LEAF_HYPERVISOR + 1,
	.subleaf = -1,
	.reg = CPUID_EAX,
	.low = 0,
	.high = 31,
	.name = "Hyper-V interface: Hv#1",
	.kind = CPUID_FIELD_HYPERVISOR,
	.combine = CPUID_COMBINE_NONE,
	.requires = CPUID_FIELD_ALWAYS,
	.note = "",
};

static bool shows_hyperv(const struct explanation *x)
{
	return cpuid_value(&x->vm->table, LEAF_HYPERVISOR + 1, 0, CPUID_EAX) == HYPERV_INTERFACE;
}

static int compare_places(const void *a, const void *b)
{
	const struct bits_place *x = a, *y = b;
	if (x->is_msr != y->is_msr)
		return x->is_msr ? 1 : -1;
	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	if (x->subleaf != y->subleaf)
		return x->subleaf < y->subleaf ? -1 : 1;
	return (int)x->reg - (int)y->reg;
}

static void add_table(struct explanation *x, const struct cpuid_table *table)
{
	for (unsigned i = 0; i < table->nr_entries; i++) {
		for (unsigned r = 0; r < 4; r++)
			x->places[x->nr_places++] = (struct bits_place){
				.leaf = table->entries[i].leaf,
				.subleaf = table->entries[i].subleaf,
				.reg = (enum cpuid_reg)r,
			};
	}
}

static void add_msrs(struct explanation *x, const struct msr_value *msrs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		x->places[x->nr_places++] =
			(struct bits_place){ .is_msr = true, .leaf = msrs[i].index };
}

int explanation_init(
	struct explanation *x, const struct cpuid_vm *vm, const char *file, struct err *e)
{
	const struct host_facts *host = &vm->host->facts;
	const struct msr_policy *msrs = &vm->plan.cpu.msrs;
	*x = (struct explanation){ .vm = vm, .file = file };
	size_t most = 4 * ((size_t)host->supported.nr_entries + vm->table.nr_entries) +
		      host->nr_feature_msrs + msrs->nr_set;
	x->places = calloc(most + 1, sizeof(*x->places));
	if (!x->places)
		return err_set(e, -ENOMEM, "out of memory");
	add_table(x, &vm->table);
	add_table(x, &host->supported);
	add_msrs(x, host->feature_msrs, host->nr_feature_msrs);
	add_msrs(x, msrs->set, msrs->nr_set);
	qsort(x->places, x->nr_places, sizeof(*x->places), compare_places);
	size_t kept = 0;
	for (size_t i = 0; i < x->nr_places; i++) {
		if (kept == 0 || compare_places(&x->places[kept - 1], &x->places[i]) != 0)
			x->places[kept++] = x->places[i];
	}
	x->nr_places = kept;
	cpu_features_of_host(host, /* emulated */ false, &x->host);
	x->policy = vm->plan.cpu.wanted;
	cpu_features_of(&vm->table, msrs->set, msrs->nr_set, &x->guest);
	return 0;
}

void explanation_done(struct explanation *x)
{
	free(x->places);
	*x = (struct explanation){ 0 };
}

static bool table_value(
	const struct cpuid_table *table, const struct bits_place *place, uint64_t *ret_value)
{
	const struct cpuid_entry *entry = cpuid_get(table, place->leaf, place->subleaf);
	*ret_value = entry ? entry->reg[place->reg] : 0;
	return entry != NULL;
}

bool explanation_host_value(
	const struct explanation *x, const struct bits_place *place, uint64_t *ret_value)
{
	const struct host_facts *host = &x->vm->host->facts;
	struct bits_place there = *place;
	if (!place->is_msr && shows_hyperv(x) && (place->leaf & ~UINT32_C(0xff)) == LEAF_HYPERVISOR)
		return table_value(&host->hyperv, place, ret_value);
	if (!place->is_msr && shows_hyperv(x) && (place->leaf & ~UINT32_C(0xff)) == LEAF_BEHIND)
		there.leaf -= LEAF_BEHIND - LEAF_HYPERVISOR;
	if (!place->is_msr)
		return table_value(&host->supported, &there, ret_value);
	*ret_value = 0;
	return host_feature_msr(host, place->leaf, ret_value);
}

bool explanation_guest_value(
	const struct explanation *x, const struct bits_place *place, uint64_t *ret_value)
{
	if (!place->is_msr)
		return table_value(&x->vm->table, place, ret_value);
	*ret_value = 0;
	return msr_policy_get(&x->vm->plan.cpu.msrs, place->leaf, ret_value);
}

const struct cpu_decision *explanation_earlier(const struct explanation *x,
	const struct bits_place *place, unsigned bit, const struct cpu_decision *before)
{
	const struct cpu_trace *trace = &x->vm->trace;
	size_t end = before ? (size_t)(before - trace->decisions) : trace->nr_decisions;
	return cpu_trace_find(
		trace, end, place->is_msr, place->leaf, place->subleaf, place->reg, bit);
}

/* The last thing that a line of the user's said of the bit. */
static bool asked(
	const struct explanation *x, const struct bits_place *place, unsigned bit, bool *ret_value)
{
	const struct cpu_decision *d = explanation_earlier(x, place, bit, NULL);
	while (d && !d->origin)
		d = explanation_earlier(x, place, bit, d);
	if (d)
		*ret_value = d->value >> bit & 1;
	return d != NULL;
}

static void add_by(struct explained *it, const struct cpu_decision *d)
{
	for (unsigned i = 0; i < it->nr_by; i++) {
		if (it->by[i] == d)
			return;
	}
	if (d && it->nr_by < EXPLAINED_MAX_BY)
		it->by[it->nr_by++] = d;
}

static bool set_has(const struct feature_set *set, const struct feature *feature)
{
	return feature_set_has(set, feature->id);
}

/* The item of a bit, in leaves that are Hyper-V's, or KVM's behind them. */
static void item_at(const struct explanation *x, const struct bits_place *place, unsigned bit,
	struct bits_item *ret_item)
{
	struct bits_place there = *place;
	bool hyperv = !place->is_msr && shows_hyperv(x);
	if (hyperv && place->leaf == LEAF_BEHIND + 1)
		there.leaf = LEAF_HYPERVISOR + 1;
	bits_item_at(&there, bit, ret_item);
	if (!hyperv || place->leaf != LEAF_HYPERVISOR + 1)
		return;
	if (place->reg == CPUID_EAX)
		*ret_item = (struct bits_item){
			.kind = BITS_FIELD, .low = 0, .high = 31, .field = &hyperv_interface
		};
	else
		*ret_item = (struct bits_item){ .kind = BITS_PLAIN, .low = bit, .high = bit };
}

void explanation_item(const struct explanation *x, const struct bits_place *place, unsigned bit,
	struct explained *ret)
{
	uint64_t host = 0, guest = 0;
	*ret = (struct explained){ .policy_speaks = true };
	item_at(x, place, bit, &ret->item);
	(void)explanation_host_value(x, place, &host);
	(void)explanation_guest_value(x, place, &guest);
	ret->host = bits_of(&ret->item, host);
	ret->guest = bits_of(&ret->item, guest);
	for (unsigned b = ret->item.low; b <= ret->item.high; b++) {
		bool value = false;
		add_by(ret, explanation_earlier(x, place, b, NULL));
		if (asked(x, place, b, &value))
			ret->policy |= (uint64_t)value << (b - ret->item.low);
		else
			ret->policy_speaks = false;
	}
	if (ret->item.kind != BITS_FEATURE || ret->item.copy)
		return;
	ret->host = set_has(&x->host, ret->item.feature);
	ret->guest = set_has(&x->guest, ret->item.feature);
	ret->policy = set_has(&x->policy, ret->item.feature);
	ret->policy_speaks = true;
}

struct bits_place explanation_place(
	const struct explanation *x, const struct feature *feature, unsigned *ret_bit)
{
	struct bits_place place = bits_place_of(feature->id, ret_bit);
	if (!place.is_msr && place.leaf == LEAF_HYPERVISOR + 1 && shows_hyperv(x))
		place.leaf = LEAF_BEHIND + 1;
	return place;
}

void explanation_feature(
	const struct explanation *x, const struct feature *feature, struct explained *ret)
{
	unsigned bit;
	const struct bits_place place = explanation_place(x, feature, &bit);
	explanation_item(x, &place, bit, ret);
}

bool explained_differs(const struct explained *it)
{
	return it->host != it->guest || (it->policy_speaks && it->policy != it->guest);
}

bool explanation_is_moot(const struct explanation *x, const struct feature *feature)
{
	const struct feature *vmx = feature_find("vmx");
	return (feature->attributes & FEATURE_VMX_CONTROL) && vmx && !set_has(&x->guest, vmx);
}

struct explanation_counts explanation_count(const struct explanation *x)
{
	struct explanation_counts n = { 0 };
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		bool host = set_has(&x->host, f), policy = set_has(&x->policy, f);
		bool guest = set_has(&x->guest, f);
		if (explanation_is_moot(x, f))
			continue;
		n.host += host;
		n.policy += policy;
		n.guest += guest;
		n.withheld += host && !guest;
		n.missing += policy && !guest;
		n.added += guest && !policy;
	}
	return n;
}

char *explained_by(char text[EXPLAINED_BY_BYTES], const struct cpu_decision *d)
{
	(void)snprintf(text, EXPLAINED_BY_BYTES, "%s %s%s%s%s%s", d->rule, bits_rule_title(d->rule),
		d->detail ? ": " : "", d->detail ? d->detail : "", d->origin ? ", " : "",
		d->origin ? d->origin : "");
	return text;
}

static const char *action_text(const struct msr_outcome *o, bool write, char *text, size_t size)
{
	switch (o->action) {
	case MSR_DENY:
		return "#GP";
	case MSR_VALUE:
		(void)snprintf(text, size, "reads as 0x%" PRIx64, o->value);
		return text;
	case MSR_IGNORE:
		return "accepted, without effect";
	case MSR_UNRULED:
	case MSR_KVM:
		break;
	}
	return write ? "as KVM does it" : "as KVM does it, from the value above where there is one";
}

char *explanation_access(
	char text[EXPLAINED_ACCESS_BYTES], const struct explanation *x, uint32_t msr, bool write)
{
	char value[40];
	struct msr_outcome o = msr_policy_access(&x->vm->plan.cpu.msrs, msr, write);
	const char *action = action_text(&o, write, value, sizeof(value));
	const char *rule = o.rule && o.rule->id ? o.rule->id : "the default";
	bool has_origin = o.rule && o.rule->origin;
	(void)snprintf(text, EXPLAINED_ACCESS_BYTES, "%s (%s%s%s)%s", action, rule,
		has_origin ? ", " : "", has_origin ? o.rule->origin : "", o.log ? ", logged" : "");
	return text;
}
