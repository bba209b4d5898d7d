/* SPDX-License-Identifier: MIT */
#include "nesting/vmx.h"

#include "cpuid/engine.h"

#include <errno.h>
#include <inttypes.h>

#define VMX_BASIC 0x480u
#define VMX_MISC 0x485u
#define VMX_VMCS_ENUM 0x48au
#define VMX_SECONDARY 0x48bu
#define VMX_EPT_VPID 0x48cu
#define VMX_VMFUNC 0x491u
#define VMX_TERTIARY 0x492u
#define VMX_EXIT2 0x493u

/* Kinds of controls with a basic and a "true" MSR; default1: bits that the basic one gives as
 * must-be-1 always (SDM vol. 3, appendix A.2). */
static const struct {
	uint32_t basic, true_;
	uint32_t default1;
} pairs[] = {
	{ 0x481, 0x48d, 0x00000016 },
	{ 0x482, 0x48e, 0x0401e172 },
	{ 0x483, 0x48f, 0x00036dff },
	{ 0x484, 0x490, 0x000011ff },
};

struct caps {
	const struct msr_value *msrs;
	unsigned n;
};

static bool get(const struct caps *c, uint32_t msr, uint64_t *ret_value)
{
	for (unsigned i = 0; i < c->n; i++) {
		if (c->msrs[i].index == msr) {
			*ret_value = c->msrs[i].value;
			return true;
		}
	}
	return false;
}

static uint64_t value_of(const struct caps *c, uint32_t msr)
{
	uint64_t value = 0;
	return get(c, msr, &value) ? value : 0;
}

static bool has_true(const struct caps *c)
{
	return value_of(c, VMX_BASIC) >> 55 & 1;
}

/* Primary control number bit of a kind may be 1; *ret false where no MSR says so. */
static bool may_be_1(const struct caps *c, unsigned kind, unsigned bit)
{
	uint64_t value = 0;
	bool found = has_true(c) && get(c, pairs[kind].true_, &value);
	if (!found)
		value = value_of(c, pairs[kind].basic);
	return value >> (32 + bit) & 1;
}

static bool has_secondary(const struct caps *c, unsigned bit)
{
	return may_be_1(c, 1, 31) && value_of(c, VMX_SECONDARY) >> (32 + bit) & 1;
}

static int broken(struct err *e, uint32_t msr, uint64_t bits, const char *section, const char *what)
{
	char label[MSR_LABEL_BYTES];
	return err_set(e, -EPROTO, "MSR %s bits %#" PRIx64 ": %s (SDM vol. 3, appendix %s)",
		msr_label(label, msr), bits, what, section);
}

static int check_basic(const struct caps *c, const struct cpuid_table *table, struct err *e)
{
	uint64_t basic = 0;
	if (!get(c, VMX_BASIC, &basic))
		return 0;
	uint64_t size = basic >> 32 & 0x1fff, type = basic >> 50 & 0xf;
	if (basic >> 31 & 1)
		return broken(e, VMX_BASIC, UINT64_C(1) << 31, "A.1", "must be 0");
	if (size == 0 || size > 4096)
		return broken(
			e, VMX_BASIC, UINT64_C(0x1fff) << 32, "A.1", "not from 1 to 4096 bytes");
	if (type != 0 && type != 6)
		return broken(e, VMX_BASIC, UINT64_C(0xf) << 50, "A.1",
			"a memory type that is neither uncacheable nor write-back");
	bool lm = table && cpuid_value(table, 0x80000001, 0, CPUID_EDX) >> 29 & 1;
	if (lm && basic >> 48 & 1)
		return broken(e, VMX_BASIC, UINT64_C(1) << 48, "A.1",
			"must be 0 on a processor with 64-bit mode");
	return 0;
}

/* What must be 1 may be 1. */
static int check_allowed(const struct caps *c, uint32_t msr, const char *section, struct err *e)
{
	uint64_t value = 0;
	if (!get(c, msr, &value))
		return 0;
	uint32_t stuck = (uint32_t)value & ~(uint32_t)(value >> 32);
	return stuck ? broken(e, msr, stuck, section, "must be 1, and may not be") : 0;
}

static int check_pair(const struct caps *c, unsigned i, struct err *e)
{
	uint32_t default1 = pairs[i].default1;
	uint64_t basic = 0, exact = 0;
	int rc = check_allowed(c, pairs[i].basic, "A.2", e);
	if (rc == 0)
		rc = check_allowed(c, pairs[i].true_, "A.2", e);
	if (rc || !get(c, pairs[i].basic, &basic))
		return rc;
	if (~(uint32_t)basic & default1)
		return broken(e, pairs[i].basic, ~(uint32_t)basic & default1, "A.2",
			"of the default1 class, and must read 1");
	if (!get(c, pairs[i].true_, &exact))
		return 0;
	/* Also where bit 55 of the first MSR hides the true one: KVM makes the basic one of it. */
	uint64_t differs = basic ^ (exact | default1);
	return differs ? broken(e, pairs[i].basic, differs, "A.2",
				 "differ from the \"true\" MSR in more than the default1 class")
		       : 0;
}

/* MSRs that are there, or say something, only with a control. */
static int check_parents(const struct caps *c, struct err *e)
{
	bool ept = has_secondary(c, 1), vpid = has_secondary(c, 5);
	const struct {
		uint32_t msr;
		uint64_t mask;
		bool parent;
		const char *section, *what;
	} rows[] = {
		{ VMX_SECONDARY, UINT64_C(0xffffffff) << 32, may_be_1(c, 1, 31), "A.3.3",
			"without \"activate secondary controls\"" },
		{ VMX_TERTIARY, UINT64_MAX, may_be_1(c, 1, 17), "A.3.4",
			"without \"activate tertiary controls\"" },
		{ VMX_EXIT2, UINT64_MAX, may_be_1(c, 2, 31), "A.4.2",
			"without \"activate secondary controls\" of VM exits" },
		{ VMX_EPT_VPID, UINT32_MAX, ept, "A.10", "without \"enable EPT\"" },
		{ VMX_EPT_VPID, UINT64_C(0xffffffff) << 32, vpid, "A.10",
			"without \"enable VPID\"" },
		{ VMX_VMFUNC, UINT64_MAX, has_secondary(c, 13), "A.11",
			"without \"enable VM functions\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t bits = value_of(c, rows[i].msr) & rows[i].mask;
		if (bits && !rows[i].parent)
			return broken(e, rows[i].msr, bits, rows[i].section, rows[i].what);
	}
	return 0;
}

/* Bits of CR0 and CR4 that VMX operation fixes. */
static int check_fixed(const struct caps *c, struct err *e)
{
	static const struct {
		uint32_t fixed0, fixed1;
		uint64_t always;
		const char *section;
	} rows[] = {
		{ 0x486, 0x487, 0x80000021, "A.7" }, /* PG, NE, PE */
		{ 0x488, 0x489, 0x2000, "A.8" },     /* VMXE */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t fixed0 = 0, fixed1 = 0;
		if (!get(c, rows[i].fixed0, &fixed0))
			continue;
		if (rows[i].always & ~fixed0)
			return broken(e, rows[i].fixed0, rows[i].always & ~fixed0, rows[i].section,
				"must be 1");
		if (get(c, rows[i].fixed1, &fixed1) && fixed0 & ~fixed1)
			return broken(e, rows[i].fixed1, fixed0 & ~fixed1, rows[i].section,
				"fixed to 1 and to 0");
	}
	uint64_t highest = value_of(c, VMX_VMCS_ENUM);
	if (highest & ~UINT64_C(0x3fe))
		return broken(e, VMX_VMCS_ENUM, highest & ~UINT64_C(0x3fe), "A.9", "must be 0");
	return 0;
}

static bool is_vmx_msr(feature_id id)
{
	const struct feature_word *w = feature_word(id / 32u);
	return w->kind == FEATURE_WORD_MSR && w->msr >= VMX_BASIC && w->msr <= VMX_EXIT2;
}

static int check_requirements(const struct caps *c, const struct cpuid_table *table, struct err *e)
{
	static const struct cpuid_table none;
	struct feature_set set;
	size_t n = 0;
	const struct feature_requirement *rows = feature_requirements(&n);
	cpu_features_of(table ? table : &none, c->msrs, c->n, &set);
	for (size_t i = 0; i < n; i++) {
		char name[FEATURE_PLACE_BYTES], needs[FEATURE_PLACE_BYTES];
		const struct feature_word *w = feature_word(rows[i].feature / 32u);
		uint64_t value = 0;
		if (!is_vmx_msr(rows[i].feature) || !get(c, w->msr, &value) ||
			!feature_set_has(&set, rows[i].feature) ||
			feature_set_has(&set, rows[i].required))
			continue;
		const struct feature_word *parent = feature_word(rows[i].required / 32u);
		bool judged =
			is_vmx_msr(rows[i].required) ? get(c, parent->msr, &value) : table != NULL;
		if (judged)
			return err_set(e, -EPROTO, "MSR %#x: %s without %s, which it needs", w->msr,
				feature_label(name, rows[i].feature),
				feature_label(needs, rows[i].required));
	}
	return 0;
}

int vmx_caps_check(
	const struct cpuid_table *table, const struct msr_value *msrs, unsigned n, struct err *e)
{
	const struct caps c = { msrs, n };
	int rc = check_basic(&c, table, e);
	for (unsigned i = 0; rc == 0 && i < ARRAY_SIZE(pairs); i++)
		rc = check_pair(&c, i, e);
	if (rc == 0)
		rc = check_allowed(&c, VMX_SECONDARY, "A.3.3", e);
	if (rc == 0)
		rc = check_parents(&c, e);
	if (rc == 0)
		rc = check_fixed(&c, e);
	return rc ? rc : check_requirements(&c, table, e);
}

/* How two values of an MSR compare: bits that the guest's may lack, and bits that it may have more
 * (must-be-1 ones); all others are equal. */
struct msr_order {
	uint64_t less, more;
};

static struct msr_order order_of(uint32_t msr)
{
	const uint64_t low = UINT32_MAX, high = ~low;
	switch (msr) {
	case VMX_BASIC: /* 48: a restriction; 49, 54 to 56, 58: capabilities */
		return (struct msr_order){ UINT64_C(0x05c2) << 48, UINT64_C(1) << 48 };
	case VMX_MISC: /* 5 to 8, 14, 15, 28 to 30 */
		return (struct msr_order){ 0x7000c1e0, 0 };
	case 0x486: /* CR0_FIXED0, CR4_FIXED0 */
	case 0x488:
		return (struct msr_order){ 0, UINT64_MAX };
	case 0x487:
	case 0x489:
	case VMX_EPT_VPID:
	case VMX_VMFUNC:
	case VMX_TERTIARY:
	case VMX_EXIT2:
		return (struct msr_order){ UINT64_MAX, 0 };
	case VMX_VMCS_ENUM:
		return (struct msr_order){ 0, 0 };
	default: /* allowed-1 above allowed-0 */
		return (struct msr_order){ high, low };
	}
}

int vmx_caps_check_subset(const struct msr_value *msrs, unsigned n, const struct msr_value *host,
	unsigned nr_host, struct err *e)
{
	const struct caps c = { host, nr_host };
	for (unsigned i = 0; i < n; i++) {
		uint32_t msr = msrs[i].index;
		uint64_t can = 0, value = msrs[i].value;
		if (msr < VMX_BASIC || msr > VMX_EXIT2 || !get(&c, msr, &can))
			continue;
		struct msr_order order = order_of(msr);
		uint64_t wrong = (can & ~value & ~order.less) | (value & ~can & ~order.more);
		if (wrong)
			return broken(e, msr, wrong, "A", "not what this host can give");
	}
	return 0;
}

int vmx_deny_absent(struct msr_policy *p, struct err *e)
{
	const struct caps c = { p->set, p->nr_set };
	bool ept_or_vpid = has_secondary(&c, 1) || has_secondary(&c, 5);
	const struct {
		uint32_t first, last;
		bool there;
	} rows[] = {
		{ VMX_SECONDARY, VMX_SECONDARY, may_be_1(&c, 1, 31) },
		{ VMX_EPT_VPID, VMX_EPT_VPID, ept_or_vpid },
		{ 0x48d, 0x490, has_true(&c) },
		{ VMX_VMFUNC, VMX_VMFUNC, has_secondary(&c, 13) },
		{ VMX_TERTIARY, VMX_TERTIARY, may_be_1(&c, 1, 17) },
		{ VMX_EXIT2, VMX_EXIT2, may_be_1(&c, 2, 31) },
	};
	uint64_t value = 0;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].there && get(&c, rows[i].first, &value))
			rc = msr_policy_deny(p, rows[i].first, rows[i].last, "NEST-09", e);
	}
	return rc;
}
