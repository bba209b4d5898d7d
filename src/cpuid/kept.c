/* SPDX-License-Identifier: MIT */
/* What a KVM kept of CPUID and MSRs, and who asked for what it did not. */
#include "cpuid/kept.h"

#include "base/text_buf.h"
#include "cpuid/feature_ids.h"
#include "cpuid/stages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static void add(struct cpu_kept *k, const struct cpu_unkept *u)
{
	if (k->nr_items < CPU_MAX_UNKEPT)
		k->items[k->nr_items++] = *u;
	else
		k->nr_lost++;
}

static void compare(const struct cpuid_entry *place, const struct cpuid_entry *set,
	const struct cpuid_entry *kept, struct cpu_kept *k)
{
	for (unsigned reg = 0; reg < 4; reg++) {
		uint32_t ignored = managed_bits(place, (enum cpuid_reg)reg);
		uint32_t want = set ? set->reg[reg] : 0, got = kept ? kept->reg[reg] : 0;
		if (((want ^ got) & ~ignored) == 0)
			continue;
		add(k, &(struct cpu_unkept){ .kind = CPU_UNKEPT_CPUID,
			       .leaf = place->leaf,
			       .subleaf = place->subleaf_matters ? place->subleaf : 0,
			       .reg = (enum cpuid_reg)reg,
			       .set = want,
			       .kept = (got & ~ignored) | (want & ignored) });
	}
}

void cpu_kept_cpuid(
	const struct cpuid_table *set, const struct cpuid_table *kept, struct cpu_kept *ret_kept)
{
	/* Not the items: they are many, and seldom used. */
	ret_kept->nr_items = ret_kept->nr_lost = 0;
	for (unsigned i = 0; i < set->nr_entries; i++)
		compare(&set->entries[i], &set->entries[i], find(kept, &set->entries[i], i),
			ret_kept);
	for (unsigned i = 0; i < kept->nr_entries; i++) {
		if (!find(set, &kept->entries[i], i))
			compare(&kept->entries[i], NULL, &kept->entries[i], ret_kept);
	}
	ret_kept->shows_hidden = (cpuid_has_vmx(kept) && !cpuid_has_vmx(set)) ||
				 (cpuid_has_svm(kept) && !cpuid_has_svm(set));
}

static bool has(const struct cpuid_table *table, feature_id id)
{
	const struct feature_word *f = feature_word(id / 32u);
	return cpuid_value(table, f->leaf, f->subleaf, f->reg) >> (id % 32) & 1;
}

/* True where the MSR is there only with a CPUID bit, which was set and not kept. */
static bool gate_is_gone(
	uint32_t msr, const struct cpuid_table *set, const struct cpuid_table *kept)
{
	feature_id gate;
	if (msr == MSR_IA32_FEATURE_CONTROL)
		gate = FEATURE_ID_vmx;
	else if (!cpu_msr_gate(msr, &gate))
		return false;
	return has(set, gate) && !has(kept, gate);
}

bool cpu_msr_is_announced(uint32_t msr, const struct cpuid_table *table)
{
	feature_id gate;
	/* IA32_VMX_CR0_FIXED1 and CR4_FIXED1 follow the guest's CPUID, in KVM. */
	return msr != 0x487 && msr != 0x489 && cpu_msr_gate(msr, &gate) && has(table, gate);
}

unsigned cpu_kept_valid_msrs(const struct msr_policy *msrs, const struct cpuid_table *set,
	const struct cpuid_table *kept, struct cpu_kept *k, struct msr_value *ret_msrs)
{
	unsigned n = 0;
	bool changed = k->nr_items > 0;
	for (unsigned i = 0; i < msrs->nr_set; i++) {
		const struct msr_value *msr = &msrs->set[i];
		if (!changed || !gate_is_gone(msr->index, set, kept)) {
			ret_msrs[n++] = *msr;
			continue;
		}
		add(k, &(struct cpu_unkept){
			       .kind = CPU_UNKEPT_NO_MSR, .leaf = msr->index, .set = msr->value });
	}
	return n;
}

static bool reads_as_set(uint32_t index, uint64_t set, uint64_t value)
{
	/* Bits of what is not available (on AMD and without PEBS) are read-only, and set. */
	if (index == MSR_IA32_MISC_ENABLE)
		return (value & set) == set;
	return value == set;
}

void cpu_kept_add_msr(
	struct cpu_kept *k, const struct msr_value *set, bool taken, const uint64_t *value)
{
	/* One that is not taken may hold the value all the same. */
	if (value && reads_as_set(set->index, set->value, *value))
		return;
	add(k, &(struct cpu_unkept){ .kind = taken ? CPU_UNKEPT_MSR : CPU_UNKEPT_REFUSED,
		       .leaf = set->index,
		       .set = set->value,
		       .kept = value ? *value : 0 });
}

/* What asks, where it stands, and for which bits. */
struct asker {
	const char *key, *origin;
	uint64_t bits;
};

/* The first that asks is named; bits are everybody's. */
static void take_bits(struct asker *a, uint64_t bits, const char *key, const char *origin)
{
	if (bits && !a->key)
		*a = (struct asker){ key, origin, 0 };
	a->bits |= bits;
}

static void take(struct asker *a, bool asks, const char *key, const char *origin)
{
	take_bits(a, asks ? UINT64_MAX : 0, key, origin);
}

/* Bits of a word that a person's feature names as they were set: asked for, or asked to be off. */
static void ask_features(struct asker *a, const struct cpu_policy *p, unsigned word,
	uint32_t differ, uint32_t set, unsigned shift)
{
	bool inverted = feature_word(word)->inverted;
	for (size_t i = p->nr_features; i-- > 0;) {
		const struct policy_feature *asked = &p->features[i];
		const struct feature *f = feature_find(asked->name);
		if (!f || f->id / 32u != word)
			continue;
		uint32_t bit = differ & UINT32_C(1) << (f->id % 32);
		bool on = (set >> (f->id % 32) & 1) != inverted;
		if (on == asked->on)
			take_bits(a, (uint64_t)bit << shift, "cpu.features", asked->origin);
	}
}

static bool is_hypervisor_leaf(uint32_t leaf)
{
	return leaf >= 0x40000000 && leaf <= 0x400001ff;
}

/* Leaves whose numbers a key of its own gives. */
static void ask_numbers(struct asker *a, const struct cpu_policy *p, const struct cpu_unkept *u)
{
	uint32_t leaf = u->leaf;
	bool brand = leaf >= 0x80000002 && leaf <= 0x80000004;
	bool caches = leaf == 2 || leaf == 4 || leaf == 0x80000005 || leaf == 0x80000006 ||
		      leaf == 0x8000001d;
	bool signature = leaf == 1 && u->reg == CPUID_EAX;
	take(a, leaf == 0 && u->reg != CPUID_EAX && p->vendor.text, "cpu.vendor", p->vendor.origin);
	take(a, signature && p->family.given, "cpu.family", p->family.origin);
	take(a, signature && p->model_number.given, "cpu.model_number", p->model_number.origin);
	take(a, signature && p->stepping.given, "cpu.stepping", p->stepping.origin);
	take(a, brand && p->brand.text, "cpu.brand", p->brand.origin);
	take(a, leaf == 0x80000008 && u->reg == CPUID_EAX && p->phys_bits.given, "cpu.phys_bits",
		p->phys_bits.origin);
	take(a, caches && p->cache_given && p->cache != CPU_CACHE_HOST, "cpu.cache", NULL);
	if (!is_hypervisor_leaf(leaf))
		return;
	take(a, p->nr_hyperv_features > 0, "hyperv.features",
		p->nr_hyperv_features > 0 ? p->hyperv_features[0].origin : NULL);
	take(a, p->hyperv_vendor_id.text, "hyperv.vendor_id", p->hyperv_vendor_id.origin);
	take(a, p->hypervisor_given && p->hypervisor != CPU_HYPERVISOR_KVM, "cpu.hypervisor",
		p->hypervisor_origin);
}

/* What a layer asks of a register by name. */
static void ask_cpuid(struct asker *a, const struct cpu_policy *p, const struct cpu_unkept *u)
{
	uint32_t differ = (uint32_t)(u->set ^ u->kept);
	for (size_t i = p->nr_leaves; i-- > 0;) {
		const struct policy_leaf *rule = &p->leaves[i];
		bool fits = rule->leaf == u->leaf && rule->reg == u->reg &&
			    (rule->any_subleaf || rule->subleaf == u->subleaf);
		take_bits(a, fits ? (rule->set | rule->clear) & differ : 0, "cpu.leaves",
			rule->origin);
	}
	int word = feature_word_of_cpuid(u->leaf, u->subleaf, u->reg);
	if (word >= 0)
		ask_features(a, p, (unsigned)word, differ, (uint32_t)u->set, 0);
	ask_numbers(a, p, u);
}

static void ask_msr(struct asker *a, const struct cpu_policy *p, const struct cpu_unkept *u)
{
	uint64_t differ = u->set ^ u->kept;
	for (size_t i = p->nr_msr_bits; i-- > 0;) {
		const struct policy_msr_bits *bits = &p->msr_bits[i];
		take_bits(a, bits->index == u->leaf ? (bits->set | bits->clear) & differ : 0,
			"msr.bits", bits->origin);
	}
	for (unsigned w = 0; w < FEATURE_NR_WORDS; w++) {
		const struct feature_word *f = feature_word(w);
		if (f->kind == FEATURE_WORD_MSR && f->msr == u->leaf)
			ask_features(a, p, w, (uint32_t)(differ >> f->shift),
				(uint32_t)(u->set >> f->shift), f->shift);
	}
}

/* The virtualization extensions, and what comes with them. */
static bool is_of_knob(const struct cpu_unkept *u)
{
	uint64_t lost = u->set & ~u->kept;
	if (u->kind != CPU_UNKEPT_CPUID)
		return (u->leaf >= MSR_IA32_VMX_BASIC && u->leaf <= MSR_IA32_VMX_EXIT_CTLS2) ||
		       u->leaf == MSR_IA32_FEATURE_CONTROL;
	return (u->leaf == 1 && u->reg == CPUID_ECX && lost >> 5 & 1) ||
	       (u->leaf == 0x80000001 && u->reg == CPUID_ECX && lost >> 2 & 1) ||
	       u->leaf == 0x8000000a;
}

/* What asks for the CPU as a whole. MSRs that no CPUID bit announces are no part of a model. */
static void ask_whole(struct asker *a, const struct cpu_policy *p, const struct cpu_unkept *u)
{
	feature_id gate;
	if (u->kind != CPU_UNKEPT_CPUID && !cpu_msr_gate(u->leaf, &gate))
		return;
	take(a, p->model.text, "cpu.model", p->model.origin);
	take(a, p->migration != CPU_MIGRATION_OFF, "cpu.compatibility_for_migration_enabled",
		p->migration_origin);
	take(a, p->older_os, "cpu.compatibility_for_older_operating_systems", p->older_os_origin);
}

void cpu_kept_judge(struct cpu_kept *k, const struct cpu_policy *policy)
{
	for (unsigned i = 0; i < k->nr_items; i++) {
		struct cpu_unkept *u = &k->items[i];
		struct asker a = { NULL, NULL, 0 };
		for (const struct cpu_policy *p = policy; p; p = p->base) {
			if (u->kind == CPU_UNKEPT_CPUID)
				ask_cpuid(&a, p, u);
			else
				ask_msr(&a, p, u);
		}
		take(&a, policy && policy->knob_origin && is_of_knob(u),
			"nesting.expose_virtualization_extensions",
			policy ? policy->knob_origin : NULL);
		for (const struct cpu_policy *p = policy; p && !a.key; p = p->base)
			ask_whole(&a, p, u);
		u->asked = a.bits & (u->set ^ u->kept);
		u->key = a.key;
		u->origin = a.origin;
	}
}

#define SHOWN_BITS 3

/* The named bits of a register, those that went and those that came apart: the first few. */
static unsigned add_bits(
	struct text_buf *b, const struct cpu_unkept *u, uint64_t bits, const char *what)
{
	int word = feature_word_of_cpuid(u->leaf, u->subleaf, u->reg);
	unsigned n = 0;
	for (unsigned bit = 0; word >= 0 && bit < 32; bit++) {
		feature_id id = (feature_id)(word * 32 + (int)bit);
		char place[FEATURE_PLACE_BYTES];
		if (!(bits >> bit & 1) || !feature_by_id(id) || n++ >= SHOWN_BITS)
			continue;
		(void)text_buf_item(b, n > 1 ? ", " : "; ", "%s (%s)", feature_by_id(id)->name,
			feature_place(place, id));
	}
	if (n > SHOWN_BITS)
		(void)text_buf_add(b, " and %u more", n - SHOWN_BITS);
	if (n > 0)
		(void)text_buf_add(b, "%s", what);
	return n;
}

static const char *reg_name(enum cpuid_reg reg)
{
	static const char *const names[4] = { "EAX", "EBX", "ECX", "EDX" };
	return names[reg];
}

static void add_msr(struct text_buf *b, const struct cpu_unkept *u)
{
	char label[MSR_LABEL_BYTES];
	(void)msr_label(label, u->leaf);
	if (u->kind == CPU_UNKEPT_NO_MSR)
		(void)text_buf_add(b,
			"MSR %s is not there without the CPUID bit that announces it, which is not "
			"kept",
			label);
	else if (u->kind == CPU_UNKEPT_REFUSED)
		(void)text_buf_add(
			b, "KVM does not take MSR %s with value %#" PRIx64, label, u->set);
	else
		(void)text_buf_add(b, "MSR %s was set to %#" PRIx64 ", but reads %#" PRIx64, label,
			u->set, u->kept);
}

char *cpu_unkept_text(char text[CPU_UNKEPT_BYTES], const struct cpu_unkept *u)
{
	struct text_buf b = text_buf_in(text, CPU_UNKEPT_BYTES);
	if (u->kind != CPU_UNKEPT_CPUID) {
		add_msr(&b, u);
		return text;
	}
	uint64_t shown = u->asked ? u->asked : UINT64_MAX;
	unsigned n = add_bits(&b, u, u->set & ~u->kept & shown, ": not kept");
	n += add_bits(&b, u, u->kept & ~u->set & shown, ": added");
	if (n == 0)
		(void)text_buf_add(&b,
			"CPUID %#" PRIx32 ".%" PRIu32 " %s: %#" PRIx32 " instead of %#" PRIx32,
			u->leaf, u->subleaf, reg_name(u->reg), (uint32_t)u->kept, (uint32_t)u->set);
	return text;
}

/* The first line: one register or MSR with its values. */
static void say_first(
	const struct cpu_kept *k, const struct cpu_unkept *u, const char *who, struct err *e)
{
	char msr[CPU_UNKEPT_BYTES];
	unsigned count = k->nr_items + k->nr_lost;
	if (u->kind != CPU_UNKEPT_CPUID) {
		(void)err_set(e, -EPROTO, "%s: %s (%u registers differ in all)", who,
			cpu_unkept_text(msr, u), count);
		return;
	}
	(void)err_set(e, -EPROTO,
		"%s: CPUID leaf %#" PRIx32 ", subleaf %" PRIu32 ", %s was set to %#" PRIx32
		", but this host's KVM keeps %#" PRIx32 " (%u registers differ in all)",
		who, u->leaf, u->subleaf, reg_name(u->reg), (uint32_t)u->set, (uint32_t)u->kept,
		count);
}

#define SHOWN_LINES 6

static void say_lines(const struct cpu_kept *k, bool asked, struct err *e)
{
	struct text_buf lines = { .text = e->msg, .size = sizeof(e->msg), .used = strlen(e->msg) };
	unsigned shown = 0;
	for (unsigned i = 0; i < k->nr_items && shown < SHOWN_LINES; i++) {
		const struct cpu_unkept *u = &k->items[i];
		char text[CPU_UNKEPT_BYTES];
		if ((u->asked != 0) != asked)
			continue;
		shown++;
		(void)text_buf_add(&lines, "\n%s%s%s%s%s", u->origin ? u->origin : "",
			u->origin ? ": " : "", u->key ? u->key : "", u->key ? ": " : "",
			cpu_unkept_text(text, u));
	}
}

/* A feature that a config can be written without: the only named bit that went. */
static const struct feature *only_lost(const struct cpu_kept *k)
{
	const struct feature *found = NULL;
	for (unsigned i = 0; i < k->nr_items; i++) {
		const struct cpu_unkept *u = &k->items[i];
		uint64_t lost = u->set & ~u->kept & u->asked;
		int word = feature_word_of_cpuid(u->leaf, u->subleaf, u->reg);
		if (!u->asked || u->kind == CPU_UNKEPT_NO_MSR)
			continue;
		if (u->kind != CPU_UNKEPT_CPUID || word < 0 || found || lost != u->asked ||
			(lost & (lost - 1)))
			return NULL;
		found = feature_by_id((feature_id)(word * 32 + __builtin_ctz((uint32_t)lost)));
		if (!found)
			return NULL;
	}
	return found;
}

static void say_remedy(const struct cpu_kept *k, struct err *e)
{
	const struct feature *lost = only_lost(k);
	(void)err_hint(e, -EPROTO,
		"%s%s%sthis KVM cannot give the CPU that the config asks for; cpu.on_missing = "
		"\"warn\" or \"drop\" takes what it gives",
		lost ? "cpu.features = [\"-" : "", lost ? lost->name : "",
		lost ? "\"] asks for a CPU without; else " : "");
}

static const struct cpu_unkept *first_asked(const struct cpu_kept *k)
{
	for (unsigned i = 0; i < k->nr_items; i++) {
		if (k->items[i].asked)
			return &k->items[i];
	}
	return NULL;
}

/* Where the extensions show that were not set. */
static const struct cpu_unkept *first_shown(const struct cpu_kept *k)
{
	for (unsigned i = 0; i < k->nr_items; i++) {
		const struct cpu_unkept *u = &k->items[i];
		uint64_t shown = u->kept & ~u->set;
		bool is_cpuid = u->kind == CPU_UNKEPT_CPUID && u->reg == CPUID_ECX;
		if (is_cpuid && ((u->leaf == 1 && shown >> 5 & 1) ||
					(u->leaf == 0x80000001 && shown >> 2 & 1)))
			return u;
	}
	return &k->items[0];
}

/* Of those: what nestor sets itself, as firmware does. */
static bool lacks_firmware(const struct cpu_kept *k)
{
	for (unsigned i = 0; i < k->nr_items; i++) {
		const struct cpu_unkept *u = &k->items[i];
		if (u->kind != CPU_UNKEPT_CPUID &&
			(u->leaf == MSR_IA32_MISC_ENABLE || u->leaf == MSR_IA32_MTRR_DEF_TYPE))
			return true;
	}
	return false;
}

enum cpu_kept_verdict cpu_kept_decide(const struct cpu_kept *k, enum cpu_on_missing on_missing,
	const char *who, struct err *ret_why)
{
	*ret_why = (struct err)ERR_INIT;
	if (k->nr_items == 0)
		return CPU_KEPT_AS_SET;
	const struct cpu_unkept *asked = first_asked(k);
	if (k->shows_hidden) {
		say_first(k, first_shown(k), who, ret_why);
		(void)err_wrap(ret_why, -EPROTO,
			"virtualization extensions that are hidden show all the same");
		return CPU_KEPT_REFUSE;
	}
	say_first(k, asked ? asked : &k->items[0], who, ret_why);
	say_lines(k, asked != NULL, ret_why);
	if (asked && on_missing == CPU_MISSING_ERROR) {
		say_remedy(k, ret_why);
		return CPU_KEPT_REFUSE;
	}
	bool warn = (asked && on_missing == CPU_MISSING_WARN) || lacks_firmware(k);
	return warn ? CPU_KEPT_WARN : CPU_KEPT_QUIET;
}

/* By the facts of a host: a CPUID bit that was kept when all that is supported was set. */
static bool host_keeps(const struct host_facts *host, feature_id id)
{
	const struct feature_word *f = feature_word(id / 32u);
	const struct cpuid_entry *now = cpuid_get(&host->unkept, f->leaf, f->subleaf);
	return now ? now->reg[f->reg] >> (id % 32) & 1 : has(&host->supported, id);
}

void cpu_kept_of_host(const struct host_facts *host, struct cpu_kept *ret_kept)
{
	ret_kept->nr_items = ret_kept->nr_lost = 0;
	ret_kept->shows_hidden = false;
	for (unsigned i = 0; i < host->unkept.nr_entries; i++) {
		const struct cpuid_entry *now = &host->unkept.entries[i];
		compare(now, find(&host->supported, now, i), now, ret_kept);
	}
	for (unsigned i = 0; i < host->nr_unkept_msrs; i++) {
		const struct msr_value *now = &host->unkept_msrs[i];
		struct cpu_unkept u = {
			.kind = CPU_UNKEPT_MSR, .leaf = now->index, .kept = now->value
		};
		feature_id gate;
		if (cpu_msr_gate(now->index, &gate) && !host_keeps(host, gate))
			u.kind = CPU_UNKEPT_NO_MSR;
		if (host_feature_msr(host, now->index, &u.set))
			add(ret_kept, &u);
	}
}

/* A register by what was kept of it when all that is supported was set. Flags go and come one by
 * one; a number is known only for what was tried. */
static uint32_t predict_register(uint32_t set, const struct cpuid_entry *offered,
	const struct cpuid_entry *kept, unsigned reg)
{
	uint32_t had = offered ? offered->reg[reg] : 0, has_now = kept->reg[reg];
	if (set == had)
		return has_now;
	if (feature_word_of_cpuid(
		    kept->leaf, kept->subleaf_matters ? kept->subleaf : 0, (enum cpuid_reg)reg) < 0)
		return set;
	return (set & ~(had & ~has_now)) | (has_now & ~had);
}

void cpu_kept_predict(const struct host_facts *host, const struct cpuid_table *set,
	const struct msr_policy *msrs, struct cpuid_table *kept, struct cpu_kept *ret_kept)
{
	struct msr_value valid[MSR_POLICY_MAX_SET];
	*kept = *set;
	for (unsigned i = 0; i < host->unkept.nr_entries; i++) {
		const struct cpuid_entry *now = &host->unkept.entries[i];
		const struct cpuid_entry *had = find(&host->supported, now, i);
		struct cpuid_entry *e = cpuid_find(kept, now->leaf, now->subleaf);
		for (unsigned reg = 0; e && reg < 4; reg++)
			e->reg[reg] = predict_register(e->reg[reg], had, now, reg);
	}
	cpu_kept_cpuid(set, kept, ret_kept);
	unsigned n = cpu_kept_valid_msrs(msrs, set, kept, ret_kept, valid);
	for (unsigned i = 0; i < n; i++) {
		uint64_t value = valid[i].value, had = 0;
		for (unsigned j = 0; j < host->nr_unkept_msrs; j++) {
			const struct msr_value *now = &host->unkept_msrs[j];
			if (now->index == valid[i].index &&
				host_feature_msr(host, now->index, &had))
				value = value == had ? now->value : value & ~(had & ~now->value);
		}
		cpu_kept_add_msr(ret_kept, &valid[i], /* taken */ true, &value);
	}
}
