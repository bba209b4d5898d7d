/* SPDX-License-Identifier: MIT */
/* What holds of every result, whatever the host and the policy; see properties.h. */
#include "properties.h"

#include "cpuid/fields.h"

#include <errno.h>
#include <stdlib.h>

#define CASES 4000
#define AMD_COPIES UINT32_C(0x0183f3ff) /* of leaf 1 EDX in leaf 0x80000001 EDX */
#define LEAF_HYPERVISOR UINT32_C(0x40000000)
#define LEAF_EXTENDED UINT32_C(0x80000000)
#define LEAF_CENTAUR UINT32_C(0xc0000000)
#define LEAF_XSAVE 0xdu

static bool has(const struct property_case *c, feature_id id)
{
	return feature_set_has(&c->result.features, id);
}

static uint32_t value(
	const struct property_case *c, uint32_t leaf, uint32_t subleaf, enum cpuid_reg reg)
{
	return cpuid_value(&c->result.table, leaf, subleaf, reg);
}

static bool last_vcpu(struct property_case *c, struct cpuid_table *ret_table)
{
	const struct cpu_topology *t = &c->result.topology;
	unsigned last = t->sockets * t->dies * t->cores * t->threads - 1;
	if (cpu_result_vcpu(&c->result, last, NULL, ret_table, &c->e))
		return property_fails(c, "no table of vCPU %u: %s", last, c->e.msg);
	return true;
}

/* A result, or an error with a message. */

static bool is_text(const char *text)
{
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 && *p != '\n')
			return false;
	}
	return text[0] != '\0';
}

static bool answers(struct property_case *c)
{
	char text[CPU_NOTE_BYTES];
	property_compute(c);
	if (c->rc && (c->rc != -EINVAL && c->rc != -ENOTSUP))
		return property_fails(c, "returned %d", c->rc);
	if (c->rc && !is_text(c->e.msg))
		return property_fails(c, "an error without a message");
	if (c->rc == -EINVAL && c->e.kind != ERR_CONFIG)
		return property_fails(
			c, "a wrong policy is not the user's fault: %.300s", c->e.msg);
	if (!c->rc && c->policy.policy.on_missing == CPU_MISSING_ERROR && c->result.nr_missing)
		return property_fails(c, "%u things are missing", c->result.nr_missing);
	for (unsigned i = 0; i < c->result.nr_notes; i++) {
		if (!is_text(cpu_note_text(text, &c->result.notes[i])))
			return property_fails(c, "note %u says nothing", i);
	}
	if (c->result.nearest[0] && !cpu_model_find(c->result.nearest))
		return property_fails(c, "the nearest model %s is none", c->result.nearest);
	return true;
}

static void cpu_compute__any_policy_and_host__a_result_or_a_message(void **state)
{
	(void)state;
	property_run(answers, RANDOM_ALL, CASES);
}

/* Tables of random entries: nothing of a host can be trusted. */
static void cpu_compute__hostile_host__no_crash(void **state)
{
	(void)state;
	struct property_case *c = calloc(1, sizeof(*c));
	uint32_t first;
	assert_non_null(c);
	unsigned n = property_cases(CASES, &first);
	for (unsigned i = 0; i < n; i++) {
		struct cpuid_table t;
		c->seed = first + i;
		host_random(&c->host, c->seed);
		random_policy_make(
			&c->policy, cpuid_vendor(&c->host.supported), RANDOM_ALL, c->seed);
		property_compute(c);
		if (c->rc == 0 && cpu_result_vcpu(&c->result, 0, &c->trace, &t, &c->e))
			assert_true(is_text(c->e.msg));
		(void)cpu_nearest_model(&c->host, &c->result.wanted);
	}
	cpu_trace_done(&c->trace);
	free(c);
}

/* The features are of the host, and the table and the MSRs show them. */

static bool takes_from_the_host(struct property_case *c)
{
	struct feature_set can, beyond = { { 0 } }, managed, hints;
	char list[PROPERTY_WHY_BYTES];
	property_compute(c);
	if (c->rc)
		return true;
	const struct cpu_policy *p = &c->policy.policy;
	const char *model = p->model.text ? p->model.text : p->base ? p->base->model.text : NULL;
	cpu_features_of_host(&c->host, model && strcmp(model, "max") == 0, &can);
	property_managed(&managed);
	/* A hint is the user's word, of which KVM says nothing. */
	feature_set_of_attribute(FEATURE_HINT, &hints);
	beyond = c->result.features;
	feature_set_subtract(&beyond, &can);
	feature_set_subtract(&beyond, &managed);
	feature_set_subtract(&beyond, &hints);
	if (!feature_set_is_empty(&beyond))
		return property_fails(
			c, "the host does not have %.400s", property_list(list, &beyond));
	if (c->result.phys_bits > cpuid_phys_bits(&c->host.supported))
		return property_fails(c, "%u address bits", c->result.phys_bits);
	return true;
}

static void cpu_compute__missing_dropped__no_more_than_the_host_has(void **state)
{
	(void)state;
	property_run(takes_from_the_host, RANDOM_ALL & ~(unsigned)(RANDOM_LEAVES | RANDOM_PRESSURE),
		CASES);
}

/* Features in KVM's leaf are not where the table of features has them, and topology has its own. */
static void not_by_place(const struct property_case *c, struct feature_set *ret_set)
{
	property_managed(ret_set);
	feature_set_remove(ret_set, FEATURE_ID_hypervisor);
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		if (feature_word(i)->leaf == LEAF_HYPERVISOR + 1 &&
			c->policy.policy.hypervisor != CPU_HYPERVISOR_KVM)
			ret_set->w[i] = UINT32_MAX;
	}
}

static bool shows_the_features(struct property_case *c)
{
	struct feature_set shown, apart, features;
	property_compute(c);
	if (c->rc)
		return true;
	const struct msr_policy *msrs = &c->result.msrs;
	cpu_features_of(&c->result.table, msrs->set, msrs->nr_set, &shown);
	not_by_place(c, &apart);
	features = c->result.features;
	feature_set_subtract(&shown, &apart);
	feature_set_subtract(&features, &apart);
	return property_same_features(c, "shown and decided", &shown, &features);
}

static void cpu_compute__table_and_msrs__show_the_features(void **state)
{
	(void)state;
	/* Bits of an MSR that a policy sets are no features. */
	property_run(
		shows_the_features, RANDOM_ALL & ~(unsigned)(RANDOM_MSRS | RANDOM_LEAVES), CASES);
}

/* Requirements. */

static bool is_closed(struct property_case *c)
{
	property_compute(c);
	if (c->rc)
		return true;
	size_t n = 0;
	const struct feature_requirement *r = feature_requirements(&n);
	for (size_t i = 0; i < n; i++) {
		if (has(c, r[i].feature) && !has(c, r[i].required))
			return property_fails(c, "%s without %s", feature_by_id(r[i].feature)->name,
				feature_by_id(r[i].required)->name);
	}
	return true;
}

static void cpu_compute__features__have_what_they_require(void **state)
{
	(void)state;
	property_run(is_closed, RANDOM_ALL & ~(unsigned)RANDOM_LEAVES, CASES);
}

/* Leaf 0xD. */

static const struct {
	feature_id feature;
	uint64_t components;
} areas[] = {
	{ FEATURE_ID_avx, 0x4 },
	{ FEATURE_ID_mpx, 0x18 },
	{ FEATURE_ID_avx512f, 0xe0 },
	{ FEATURE_ID_pku, 0x200 },
	{ FEATURE_ID_amx_tile, 0x60000 },
	{ FEATURE_ID_apxf, 0x80000 },
};

static bool user_areas_fit(struct property_case *c, uint64_t user)
{
	uint32_t bytes = 576;
	for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
		bool all = (user & areas[i].components) == areas[i].components;
		bool none = (user & areas[i].components) == 0;
		if (has(c, areas[i].feature) ? !all : !none)
			return property_fails(c, "components %#lx with%s %s", (unsigned long)user,
				has(c, areas[i].feature) ? "" : "out",
				feature_by_id(areas[i].feature)->name);
	}
	for (uint32_t i = 2; i < 63; i++) {
		uint32_t size = value(c, LEAF_XSAVE, i, CPUID_EAX);
		uint32_t offset = value(c, LEAF_XSAVE, i, CPUID_EBX);
		bool supervisor = value(c, LEAF_XSAVE, i, CPUID_ECX) & 1;
		if (!(user >> i & 1) && size && !supervisor)
			return property_fails(c, "component %u has a size, but is not there", i);
		if (user >> i & 1 && (size == 0 || offset < 576 || supervisor))
			return property_fails(c, "component %u has no place", i);
		if (user >> i & 1 && offset + size > bytes)
			bytes = offset + size;
	}
	if (value(c, LEAF_XSAVE, 0, CPUID_ECX) != bytes)
		return property_fails(c, "area of %u bytes, components of %u",
			value(c, LEAF_XSAVE, 0, CPUID_ECX), bytes);
	return true;
}

static bool xsave_fits(struct property_case *c)
{
	property_compute(c);
	if (c->rc)
		return true;
	uint64_t user = value(c, LEAF_XSAVE, 0, CPUID_EAX) |
			(uint64_t)value(c, LEAF_XSAVE, 0, CPUID_EDX) << 32;
	uint64_t supervisor = value(c, LEAF_XSAVE, 1, CPUID_ECX) |
			      (uint64_t)value(c, LEAF_XSAVE, 1, CPUID_EDX) << 32;
	bool xsave = has(c, FEATURE_ID_xsave);
	if (xsave ? (user & 3) != 3 : (user | supervisor) != 0)
		return property_fails(
			c, "components %#lx with%s XSAVE", (unsigned long)user, xsave ? "" : "out");
	if (user & supervisor)
		return property_fails(c, "a component of both kinds");
	if (supervisor && !has(c, FEATURE_ID_xsaves))
		return property_fails(c, "supervisor components without XSAVES");
	for (uint32_t i = 2; i < 63; i++) {
		if (supervisor >> i & 1 && !(value(c, LEAF_XSAVE, i, CPUID_ECX) & 1))
			return property_fails(c, "component %u is no supervisor's", i);
	}
	return xsave ? user_areas_fit(c, user) : true;
}

static void cpu_compute__xsave_leaf__fits_the_features(void **state)
{
	(void)state;
	property_run(xsave_fits, RANDOM_ALL & ~(unsigned)RANDOM_LEAVES, CASES);
}

/* Highest leaves, in the tables that vCPUs get. */

static uint32_t last_of_range(const struct cpuid_table *t, uint32_t leaf)
{
	uint32_t range = leaf < LEAF_HYPERVISOR ? 0 : leaf & UINT32_C(0xffffff00);
	if (leaf >= LEAF_EXTENDED)
		range = leaf < LEAF_CENTAUR ? LEAF_EXTENDED : LEAF_CENTAUR;
	uint32_t last = cpuid_value(t, range, 0, CPUID_EAX);
	return last < range ? range : last;
}

static bool highest_leaves_cover(struct property_case *c)
{
	struct cpuid_table t;
	property_compute(c);
	if (c->rc)
		return true;
	if (!last_vcpu(c, &t))
		return false;
	for (unsigned i = 0; i < t.nr_entries; i++) {
		const struct cpuid_entry *e = &t.entries[i];
		if ((e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]) &&
			e->leaf > last_of_range(&t, e->leaf))
			return property_fails(
				c, "leaf %#x lies beyond %#x", e->leaf, last_of_range(&t, e->leaf));
		if (e->leaf == 7 && e->subleaf > cpuid_value(&t, 7, 0, CPUID_EAX) &&
			(e->reg[0] | e->reg[1] | e->reg[2] | e->reg[3]))
			return property_fails(c, "leaf 7.%u lies beyond", e->subleaf);
		for (unsigned k = 0; k < i; k++) {
			const struct cpuid_entry *o = &t.entries[k];
			if (o->leaf == e->leaf &&
				(o->subleaf == e->subleaf || !o->subleaf_matters ||
					!e->subleaf_matters))
				return property_fails(
					c, "leaf %#x.%u is there twice", e->leaf, e->subleaf);
		}
	}
	return true;
}

static void cpu_result_vcpu__leaves__once_each_and_within_the_highest(void **state)
{
	(void)state;
	property_run(highest_leaves_cover, RANDOM_ALL & ~(unsigned)RANDOM_LEAVES, CASES);
}

/* What differs by vendor. */

static bool is_zero(
	const struct property_case *c, const struct cpuid_table *t, uint32_t leaf, unsigned regs)
{
	(void)c;
	for (unsigned i = 0; i < t->nr_entries; i++) {
		for (unsigned r = 0; t->entries[i].leaf == leaf && r < 4; r++) {
			if (regs >> r & 1 && t->entries[i].reg[r])
				return false;
		}
	}
	return true;
}

/* Leaves, or registers of them, that only the other vendor gives a meaning. */
static const struct {
	enum cpuid_vendor vendor;
	uint32_t leaf;
	unsigned regs;
} reserved[] = {
	{ CPUID_VENDOR_INTEL, 0x80000000, 0xe },
	{ CPUID_VENDOR_INTEL, 0x80000001, 0x3 },
	{ CPUID_VENDOR_INTEL, 0x80000005, 0xf },
	{ CPUID_VENDOR_INTEL, 0x80000006, 0xb },
	{ CPUID_VENDOR_INTEL, 0x8000000a, 0xf },
	{ CPUID_VENDOR_INTEL, 0x8000001d, 0xf },
	{ CPUID_VENDOR_INTEL, 0x8000001e, 0xf },
	{ CPUID_VENDOR_INTEL, 0x8000001f, 0xf },
	{ CPUID_VENDOR_AMD, 0x2, 0xf },
	{ CPUID_VENDOR_AMD, 0x4, 0xf },
	{ CPUID_VENDOR_AMD, 0xa, 0xf },
	{ CPUID_VENDOR_AMD, 0x12, 0xf },
	{ CPUID_VENDOR_AMD, 0x14, 0xf },
	{ CPUID_VENDOR_AMD, 0x1f, 0xf },
	{ CPUID_VENDOR_AMD, 0x8000001f, 0xf },
};

static bool is_of_the_vendor(struct property_case *c)
{
	struct cpuid_table t;
	property_compute(c);
	if (c->rc || c->policy.policy.vendor.text || !c->result.model)
		return true;
	if (!last_vcpu(c, &t))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		if (reserved[i].vendor == c->result.vendor &&
			!is_zero(c, &t, reserved[i].leaf, reserved[i].regs))
			return property_fails(
				c, "leaf %#x is the other vendor's", reserved[i].leaf);
	}
	for (unsigned i = 0; i < t.nr_entries * 128; i++) {
		const struct cpuid_entry *e = &t.entries[i / 128];
		enum cpuid_reg reg = (enum cpuid_reg)(i % 128 / 32);
		int word = feature_word_of_cpuid(e->leaf, e->subleaf, reg);
		uint32_t named = word < 0 ? 0 : feature_word((unsigned)word)->named;
		if (e->leaf == 0x80000001 && reg == CPUID_EDX)
			named |= AMD_COPIES;
		if (!(e->reg[reg] >> i % 32 & 1) || named >> i % 32 & 1 ||
			(e->leaf >= LEAF_HYPERVISOR && e->leaf < LEAF_EXTENDED))
			continue;
		if (!cpuid_field_find(e->leaf, e->subleaf, reg, i % 32))
			return property_fails(c, "reserved bit %u of leaf %#x.%u %s is 1", i % 32,
				e->leaf, e->subleaf, cpuid_reg_name(reg));
	}
	return true;
}

static void cpu_result_vcpu__named_model__reserved_bits_are_zero(void **state)
{
	(void)state;
	property_run(is_of_the_vendor, RANDOM_ALL & ~(unsigned)RANDOM_LEAVES, CASES);
}

static bool copies_are_equal(struct property_case *c)
{
	property_compute(c);
	if (c->rc)
		return true;
	uint32_t first = value(c, 1, 0, CPUID_EDX) & AMD_COPIES;
	uint32_t second = value(c, 0x80000001, 0, CPUID_EDX) & AMD_COPIES;
	if (second != (c->result.vendor == CPUID_VENDOR_AMD ? first : 0))
		return property_fails(c, "leaf 1 EDX %#x, leaf 0x80000001 EDX %#x", first, second);
	return true;
}

static void cpu_compute__amd_copies__equal_on_amd_and_zero_elsewhere(void **state)
{
	(void)state;
	property_run(copies_are_equal, RANDOM_ALL & ~(unsigned)RANDOM_LEAVES, CASES);
}

/* The knob. */

static bool hides_virtualization(struct property_case *c)
{
	struct feature_set controls;
	property_compute(c);
	if (c->rc || c->policy.expose)
		return true;
	feature_set_of_attribute(FEATURE_VMX_CONTROL, &controls);
	feature_set_and(&controls, &c->result.features);
	if (cpuid_has_vmx(&c->result.table) || cpuid_has_svm(&c->result.table))
		return property_fails(c, "VMX or SVM is there");
	if (value(c, 1, 0, CPUID_ECX) & 0x60 || value(c, 0x80000001, 0, CPUID_ECX) & 0x1004 ||
		!is_zero(c, &c->result.table, 0x8000000a, 0xf))
		return property_fails(c, "SMX, SKINIT or leaf 0x8000000a is there");
	if (!feature_set_is_empty(&controls))
		return property_fails(c, "VMX controls without VMX");
	for (uint32_t msr = 0x480; msr <= 0x493; msr++) {
		uint64_t at_start;
		if (msr_policy_access(&c->result.msrs, msr, false).action != MSR_DENY ||
			msr_policy_access(&c->result.msrs, msr, true).action != MSR_DENY)
			return property_fails(c, "MSR %#x can be accessed", msr);
		if (msr_policy_get(&c->result.msrs, msr, &at_start))
			return property_fails(c, "MSR %#x is set", msr);
	}
	return true;
}

static void cpu_compute__extensions_hidden__nothing_of_them_is_left(void **state)
{
	(void)state;
	property_run(hides_virtualization, RANDOM_ALL & ~(unsigned)RANDOM_KNOB, CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_compute__any_policy_and_host__a_result_or_a_message),
		cmocka_unit_test(cpu_compute__hostile_host__no_crash),
		cmocka_unit_test(cpu_compute__missing_dropped__no_more_than_the_host_has),
		cmocka_unit_test(cpu_compute__table_and_msrs__show_the_features),
		cmocka_unit_test(cpu_compute__features__have_what_they_require),
		cmocka_unit_test(cpu_compute__xsave_leaf__fits_the_features),
		cmocka_unit_test(cpu_result_vcpu__leaves__once_each_and_within_the_highest),
		cmocka_unit_test(cpu_result_vcpu__named_model__reserved_bits_are_zero),
		cmocka_unit_test(cpu_compute__amd_copies__equal_on_amd_and_zero_elsewhere),
		cmocka_unit_test(cpu_compute__extensions_hidden__nothing_of_them_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
