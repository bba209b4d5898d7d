/* SPDX-License-Identifier: MIT */
#include "cpuid/baseline.h"

#include "cpuid/fields.h"
#include "cpuid/stages.h"

#include <errno.h>
#include <string.h>

#define LEAF_XSAVE 0xdu

static uint32_t combine_field(const struct cpuid_field *f, uint32_t a, uint32_t b)
{
	switch (f->combine) {
	case CPUID_COMBINE_MIN:
		return a < b ? a : b;
	case CPUID_COMBINE_AND:
		return a & b;
	case CPUID_COMBINE_EQUAL:
	case CPUID_COMBINE_NONE:
		break;
	}
	return a == b ? a : 0;
}

/* What no field describes are capabilities, or reserved: what both have. */
static uint32_t combine_register(
	uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg, uint32_t a, uint32_t b)
{
	uint32_t result = a & b;
	for (unsigned bit = 0; a != b && bit < 32;) {
		const struct cpuid_field *f = cpuid_field_find(leaf, subleaf, reg, bit);
		if (!f) {
			bit++;
			continue;
		}
		uint32_t mask = (uint32_t)bit_mask(f->high - f->low + 1u);
		uint32_t value = combine_field(f, a >> f->low & mask, b >> f->low & mask) & mask;
		result = (result & ~(mask << f->low)) | value << f->low;
		bit = f->high + 1u;
	}
	return result;
}

/* Family, model and stepping cannot be mixed: the oldest processor's. */
static bool is_signature(uint32_t leaf, enum cpuid_reg reg)
{
	return reg == CPUID_EAX && (leaf == 1 || leaf == 0x80000001);
}

static void combine_entry(struct cpuid_entry *a, const struct cpuid_entry *b)
{
	static const uint32_t none[4];
	const uint32_t *other = b ? b->reg : none;
	for (unsigned r = 0; r < 4; r++) {
		enum cpuid_reg reg = (enum cpuid_reg)r;
		if (a->leaf == 0xa && reg == CPUID_EBX) /* 1: the event is not available */
			a->reg[r] |= other[r];
		else if (b && is_signature(a->leaf, reg))
			a->reg[r] = a->reg[r] < other[r] ? a->reg[r] : other[r];
		else
			a->reg[r] = combine_register(a->leaf, a->subleaf, reg, a->reg[r], other[r]);
	}
}

/* A state component that lies elsewhere on some host cannot be saved on one and restored there. */
static void drop_component(struct cpuid_table *t, uint32_t number)
{
	struct cpuid_entry *user = cpuid_find(t, LEAF_XSAVE, 0);
	struct cpuid_entry *more = cpuid_find(t, LEAF_XSAVE, 1);
	uint32_t bit = UINT32_C(1) << (number % 32);
	if (user)
		user->reg[number < 32 ? CPUID_EAX : CPUID_EDX] &= ~bit;
	if (more)
		more->reg[number < 32 ? CPUID_ECX : CPUID_EDX] &= ~bit;
}

void cpuid_table_combine(struct cpuid_table *a, const struct cpuid_table *b)
{
	for (unsigned i = 0; i < a->nr_entries; i++) {
		struct cpuid_entry *entry = &a->entries[i];
		const struct cpuid_entry *other = cpuid_get(b, entry->leaf, entry->subleaf);
		if (entry->leaf == LEAF_XSAVE && entry->subleaf >= 2 && entry->subleaf < 63) {
			if (other && memcmp(entry->reg, other->reg, sizeof(entry->reg)) == 0)
				continue;
			(void)memset(entry->reg, 0, sizeof(entry->reg));
			drop_component(a, entry->subleaf);
			continue;
		}
		combine_entry(entry, other);
	}
}

/* Pairs of allowed settings (SDM vol. 3, appendix A.3): what must be 1 anywhere, what may be 1
 * everywhere. CR0 and CR4 have the same in two MSRs each. */
static uint64_t combine_msr(uint32_t index, uint64_t a, uint64_t b)
{
	const uint64_t low = UINT32_MAX;
	bool pair = (index >= 0x481 && index <= 0x484) || index == 0x48b ||
		    (index >= 0x48d && index <= 0x490);
	if (pair)
		return ((a | b) & low) | (a & b & ~low);
	if (index == 0x486 || index == 0x488)
		return a | b;
	return a & b;
}

static void combine_msrs(struct host_facts *a, const struct host_facts *b)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < a->nr_feature_msrs; i++) {
		struct msr_value m = a->feature_msrs[i];
		uint64_t other;
		if (!host_feature_msr(b, m.index, &other))
			continue;
		m.value = combine_msr(m.index, m.value, other);
		a->feature_msrs[kept++] = m;
	}
	a->nr_feature_msrs = kept;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void combine_limits(struct host_facts *a, const struct host_facts *b)
{
	if (memcmp(a->brand, b->brand, sizeof(a->brand)) != 0)
		(void)memset(a->brand, 0, sizeof(a->brand));
	a->threads_per_core = a->threads_per_core == b->threads_per_core ? a->threads_per_core : 0;
	a->max_vcpus = least(a->max_vcpus, b->max_vcpus);
	a->max_vcpu_id = least(a->max_vcpu_id, b->max_vcpu_id);
	a->nr_memslots = least(a->nr_memslots, b->nr_memslots);
	a->tsc_khz = a->tsc_khz == b->tsc_khz ? a->tsc_khz : 0;
	a->tsc_scaling &= b->tsc_scaling;
	a->tsc_deadline_timer &= b->tsc_deadline_timer;
	a->split_irqchip &= b->split_irqchip;
	a->nested_state &= b->nested_state;
	a->user_space_msr &= b->user_space_msr;
	a->hyperv_enforce_cpuid &= b->hyperv_enforce_cpuid;
	if (b->nesting_limited && (!a->nesting_limited || b->nesting_depth < a->nesting_depth)) {
		a->nesting_limited = true;
		a->nesting_depth = b->nesting_depth;
	}
}

/* All three registers: two processors of one kind may still call themselves differently. */
static bool same_vendor(const struct host_facts *a, const struct host_facts *b)
{
	static const enum cpuid_reg regs[] = { CPUID_EBX, CPUID_ECX, CPUID_EDX };
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
		if (cpuid_value(&a->supported, 0, 0, regs[i]) !=
			cpuid_value(&b->supported, 0, 0, regs[i]))
			return false;
	}
	return true;
}

static void add_signature(struct cpu_baseline *b, uint32_t signature)
{
	for (unsigned i = 0; i < b->nr_signatures; i++) {
		if (b->signatures[i] == signature)
			return;
	}
	if (b->nr_signatures < CPU_BASELINE_SIGNATURES)
		b->signatures[b->nr_signatures++] = signature;
}

int cpu_baseline_add(struct cpu_baseline *b, const struct host_facts *host, struct err *e)
{
	struct feature_set has, defects;
	if (b->nr_hosts > 0 && !same_vendor(&b->facts, host))
		return err_set_config(e, -EINVAL,
			"its processor is of another vendor than those before: no policy runs on "
			"both");
	cpu_features_of_host(host, false, &has);
	feature_set_of_attribute(FEATURE_DEFECT, &defects);
	feature_set_and(&has, &defects);
	feature_set_or(&b->defects, &has);
	add_signature(b, cpuid_value(&host->supported, 1, 0, CPUID_EAX));
	unsigned phys_bits = cpuid_phys_bits(&host->supported);
	b->phys_bits = b->nr_hosts == 0 ? phys_bits : least(b->phys_bits, phys_bits);
	if (b->nr_hosts++ == 0) {
		b->facts = *host;
		return 0;
	}
	cpuid_table_combine(&b->facts.supported, &host->supported);
	cpuid_table_combine(&b->facts.emulated, &host->emulated);
	cpuid_table_combine(&b->facts.hyperv, &host->hyperv);
	combine_msrs(&b->facts, host);
	combine_limits(&b->facts, host);
	return 0;
}

/* SVM, VMX and all that needs them: only the knob may bring them in. */
static void virtualization_features(struct feature_set *ret_set)
{
	static const feature_id roots[] = { FEATURE_ID_svm, FEATURE_ID_vmx, FEATURE_ID_smx,
		FEATURE_ID_skinit };
	struct feature_set rest;
	size_t n = 0;
	const struct feature_requirement *r = feature_requirements(&n);
	feature_set_of_attribute(FEATURE_VMX_CONTROL, ret_set);
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		feature_set_add(ret_set, roots[i]);
	do {
		rest = *ret_set;
		for (size_t i = 0; i < n; i++) {
			if (feature_set_has(ret_set, r[i].required))
				feature_set_add(ret_set, r[i].feature);
		}
	} while (memcmp(&rest, ret_set, sizeof(rest)) != 0);
}

static size_t add_features(const struct feature_set *set, bool on, struct policy_feature *features)
{
	size_t n = 0;
	for (feature_id id = feature_set_next(set, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(set, (feature_id)(id + 1)))
		features[n++] = (struct policy_feature){ feature_by_id(id)->name, on, NULL };
	return n;
}

int cpu_baseline_policy(const struct cpu_baseline *b, bool virtualization,
	struct policy_feature *features, struct cpu_policy *ret_policy, struct err *e)
{
	static const feature_id ours[] = { FEATURE_ID_ht, FEATURE_ID_cmp_legacy,
		FEATURE_ID_hypervisor };
	struct feature_set have, skip, virt = { 0 }; /* virt: not of this policy */
	if (b->nr_hosts == 0)
		return err_set_config(e, -EINVAL, "a baseline needs at least one host");
	cpu_features_of_host(&b->facts, false, &have);
	/* What its requirements would take from the guest anyway is not asked for. */
	feature_set_close(&have, NULL, NULL);
	feature_set_of_attribute(FEATURE_HINT, &skip);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		feature_set_add(&skip, ours[i]);
	struct model_wish wish = { .signatures = b->signatures,
		.nr_signatures = b->nr_signatures,
		.have = have,
		.ignored = skip };
	if (!virtualization) {
		virtualization_features(&virt);
		feature_set_or(&wish.ignored, &virt);
	}
	cpu_table_vendor_id(&b->facts.supported, wish.vendor_id);
	const struct cpu_model *m = cpu_closest_model(&wish);
	if (!m)
		return err_set(e, -ENOENT, "no model fits a processor of this vendor");
	struct feature_set extra = m->features, lacks = have, provided;
	feature_set_subtract(&extra, &have);
	/* Where the model or KVM brings a feature in only on hosts that have it, it is named, so
	 * that the guest is the same everywhere. */
	cpu_provided_features(&provided);
	feature_set_or(&extra, &provided);
	feature_set_subtract(&extra, &have);
	feature_set_subtract(&lacks, &m->features);
	feature_set_subtract(&lacks, &virt);
	feature_set_subtract(&lacks, &skip);
	feature_set_subtract(&extra, &virt);
	feature_set_subtract(&extra, &skip);
	*ret_policy = (struct cpu_policy){
		.model = { m->name, NULL },
		.features = features,
		.phys_bits = { true, b->phys_bits, NULL },
		.topology = { 1, 1, 1, 1 },
	};
	size_t n = add_features(&lacks, true, features);
	n += add_features(&extra, false, features + n);
	ret_policy->nr_features = n;
	if (!m->has_signature) {
		unsigned family, model, stepping;
		cpu_signature_unpack(cpuid_value(&b->facts.supported, 1, 0, CPUID_EAX), &family,
			&model, &stepping);
		ret_policy->family = (struct policy_number){ true, family, NULL };
		ret_policy->model_number = (struct policy_number){ true, model, NULL };
		ret_policy->stepping = (struct policy_number){ true, stepping, NULL };
	}
	return 0;
}
