/* SPDX-License-Identifier: MIT */
/* What KVM keeps of a CPUID table against what was set. */
#include "vm/internal.h"

#include <errno.h>
#include <inttypes.h>

/* Bits that KVM keeps in step with a vCPU's registers (KVM API, KVM_SET_CPUID2 and KVM_GET_CPUID2),
 * or takes from what SGX enclaves may use. */
static const struct {
	uint32_t leaf, subleaf;
	enum cpuid_reg reg;
	uint32_t mask;
} run_time[] = {
	{ 0x1, 0, CPUID_ECX, UINT32_C(1) << 27 }, /* OSXSAVE */
	{ 0x1, 0, CPUID_ECX, UINT32_C(1) << 3 },  /* MONITOR, by IA32_MISC_ENABLE */
	{ 0x1, 0, CPUID_EDX, UINT32_C(1) << 9 },  /* APIC, by IA32_APIC_BASE */
	{ 0x7, 0, CPUID_ECX, UINT32_C(1) << 4 },  /* OSPKE */
	{ 0xd, 0, CPUID_EBX, UINT32_MAX },        /* XSAVE bytes, by XCR0 */
	{ 0xd, 1, CPUID_EBX, UINT32_MAX },        /* … and IA32_XSS */
	{ 0x12, 1, CPUID_ECX, UINT32_MAX },       /* XFRM of enclaves */
	{ 0x12, 1, CPUID_EDX, UINT32_MAX },
};

static uint32_t managed_bits(const struct cpuid_entry *entry, enum cpuid_reg reg)
{
	uint32_t mask = 0;
	for (size_t i = 0; i < ARRAY_SIZE(run_time); i++) {
		bool fits = run_time[i].leaf == entry->leaf && run_time[i].reg == reg &&
			    (!entry->subleaf_matters || run_time[i].subleaf == entry->subleaf);
		mask |= fits ? run_time[i].mask : 0;
	}
	return mask;
}

static bool same_place(const struct cpuid_entry *a, const struct cpuid_entry *b)
{
	return a->leaf == b->leaf && a->subleaf_matters == b->subleaf_matters &&
	       (!a->subleaf_matters || a->subleaf == b->subleaf);
}

/* KVM keeps the order; elsewhere is looked all the same. NULL: not there, which reads as zeros. */
static const struct cpuid_entry *find(
	const struct cpuid_table *table, const struct cpuid_entry *like, unsigned hint)
{
	if (hint < table->nr_entries && same_place(&table->entries[hint], like))
		return &table->entries[hint];
	for (unsigned i = 0; i < table->nr_entries; i++) {
		if (same_place(&table->entries[i], like))
			return &table->entries[i];
	}
	return NULL;
}

/* A register that is not as it was set, and how many there are. */
struct difference {
	const struct cpuid_entry *place;
	unsigned reg;
	uint32_t set, kept;
	unsigned count;
};

static void compare(const struct cpuid_entry *place, const struct cpuid_entry *set,
	const struct cpuid_entry *kept, struct difference *d)
{
	for (unsigned reg = 0; reg < 4; reg++) {
		uint32_t ignored = managed_bits(place, (enum cpuid_reg)reg);
		uint32_t want = set ? set->reg[reg] : 0, got = kept ? kept->reg[reg] : 0;
		if (((want ^ got) & ~ignored) == 0)
			continue;
		if (d->count++ == 0) {
			d->place = place;
			d->reg = reg;
			d->set = want;
			d->kept = got;
		}
	}
}

static struct difference find_differences(
	const struct cpuid_table *set, const struct cpuid_table *kept)
{
	struct difference d = { .count = 0 };
	for (unsigned i = 0; i < set->nr_entries; i++)
		compare(&set->entries[i], &set->entries[i], find(kept, &set->entries[i], i), &d);
	for (unsigned i = 0; i < kept->nr_entries; i++) {
		if (!find(set, &kept->entries[i], i))
			compare(&kept->entries[i], NULL, &kept->entries[i], &d);
	}
	return d;
}

/* Something of the CPU is asked for, other than its shape. */
static bool config_asks(const struct vm_config *config)
{
	return config->cpu.model || config->cpu.features.n || config->cpu.vendor ||
	       config->cpu.family || config->cpu.model_number || config->cpu.stepping ||
	       config->cpu.brand || config->cpu.phys_bits || config->cpu.nr_leaves ||
	       config->cpu.hypervisor != HYPERVISOR_KVM || config->cpu.cache != CACHE_HOST ||
	       config->hyperv.features.n || config->hyperv.vendor_id ||
	       config->cpu.compatibility_for_migration_enabled ||
	       config->cpu.compatibility_for_older_operating_systems;
}

int vcpu_check_cpuid(const struct vcpu *vcpu, const struct cpuid_table *set,
	const struct cpuid_table *kept, struct err *e)
{
	static const char *const names[4] = { "EAX", "EBX", "ECX", "EDX" };
	const struct vm_config *config = vcpu->machine->options.config;
	const struct reporter *reporter = vcpu->machine->options.reporter;
	struct difference d = find_differences(set, kept);
	if (d.count == 0)
		return 0;
	struct err local = ERR_INIT;
	int rc = err_set(&local, -EPROTO,
		"vCPU %u: CPUID leaf %#" PRIx32 ", subleaf %" PRIu32 ", %s was set to %#" PRIx32
		", but this host's KVM keeps %#" PRIx32 " (%u registers differ in all)",
		vcpu->index, d.place->leaf, d.place->subleaf, names[d.reg], d.set, d.kept, d.count);
	bool shows_hidden = (cpuid_has_vmx(kept) && !cpuid_has_vmx(set)) ||
			    (cpuid_has_svm(kept) && !cpuid_has_svm(set));
	bool asks = config_asks(config);
	if (shows_hidden || (asks && config->cpu.on_missing == ON_MISSING_ERROR)) {
		if (e)
			*e = local;
		return shows_hidden ? rc
				    : err_hint(e, rc,
					      "this KVM cannot give the CPU that the config asks "
					      "for; cpu.on_missing = \"warn\" takes what it gives");
	}
	if (vcpu->index == 0)
		report(reporter,
			asks && config->cpu.on_missing == ON_MISSING_WARN ? REPORT_WARN
									  : REPORT_DEBUG,
			"%s", local.msg);
	return 0;
}
