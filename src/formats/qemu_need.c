/* SPDX-License-Identifier: MIT */
#include "formats/qemu_need.h"

#include "base/text_buf.h"
#include "formats/input.h"
#include "formats/shared_losses.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define USUAL_WIDTH 40u
#define LEAF_COUNTERS 0xau

/* What the guest sees, raw rules and bits of MSRs included; what the machine decides left out. */
static void seen(const struct convert_guest *g, struct feature_set *ret_set)
{
	static const feature_id of_machine[] = { FEATURE_ID_ht, FEATURE_ID_cmp_legacy,
		FEATURE_ID_hypervisor, FEATURE_ID_osxsave, FEATURE_ID_ospke };
	cpu_features_of(g->vcpu, g->cpu->msrs.set, g->cpu->msrs.nr_set, ret_set);
	for (size_t i = 0; i < ARRAY_SIZE(of_machine); i++)
		feature_set_remove(ret_set, of_machine[i]);
}

/* The feature that announces a word: without it what the word says is not there. False: none. */
static bool gate_of(const struct feature_word *w, feature_id *ret_gate)
{
	if (w->kind == FEATURE_WORD_CPUID) {
		*ret_gate = FEATURE_ID_svm;
		return w->leaf == 0x8000000a;
	}
	return cpu_msr_gate(w->msr, ret_gate);
}

static void drop_ungated(const struct feature_set *has, struct feature_set *set)
{
	feature_id gate;
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		if (gate_of(feature_word(i), &gate) && !feature_set_has(has, gate))
			set->w[i] = 0;
	}
}

/* What QEMU's guest has on a host before anything is said. */
static void base_of(const struct qemu_need *n, const struct convert_guest *g, bool exposed,
	struct feature_set *ret_set)
{
	struct feature_set hints;
	if (n->model) {
		dialect_qemu_features(n->model, exposed, ret_set);
		return;
	}
	cpu_features_of_host(g->host, strcmp(n->model_name, "max") == 0, ret_set);
	feature_set_of_attribute(FEATURE_HINT, &hints);
	feature_set_subtract(ret_set, &hints);
	feature_set_remove(ret_set, FEATURE_ID_ht);
	feature_set_remove(ret_set, FEATURE_ID_cmp_legacy);
	feature_set_remove(ret_set, FEATURE_ID_hypervisor);
}

static bool is_intel(const struct convert_guest *g)
{
	return cpuid_vendor(&g->host->supported) == CPUID_VENDOR_INTEL;
}

/* The words for one guest are added to those for the others. */
static void need_features(struct qemu_need *n, const struct convert_guest *g)
{
	struct feature_set has, base, on, off;
	bool exposed = n->policy->nesting.knob == POLICY_KNOB_EXPOSED;
	seen(g, &has);
	base_of(n, g, exposed, &base);
	on = has;
	feature_set_subtract(&on, &base);
	off = base;
	feature_set_subtract(&off, &has);
	/* The other vendor's extensions have parts in a model of no vendor. */
	drop_ungated(&has, &off);
	drop_ungated(&has, &on);
	feature_set_or(&n->on, &on);
	feature_set_or(&n->off, &off);
}

/* The extensions: QEMU switches SVM off in named models itself, but only under KVM; and whether
 * model host has any, it leaves to the host. */
static void need_extensions(struct qemu_need *n)
{
	static const feature_id hidden[] = { FEATURE_ID_vmx, FEATURE_ID_svm, FEATURE_ID_smx,
		FEATURE_ID_skinit };
	const struct cpu_policy *p = n->policy;
	bool open = n->subject->of_qemu && !p->knob_origin;
	bool exposed = p->nesting.knob == POLICY_KNOB_EXPOSED;
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		bool has = !n->model || feature_set_has(&n->model->features, hidden[i]) ||
			   feature_set_has(&n->model->qemu_extra, hidden[i]);
		bool all = true;
		for (unsigned k = 0; k < n->subject->nr_guests; k++)
			all &= feature_set_has(&n->subject->guests[k].cpu->features, hidden[i]);
		if (exposed && all && i < 2)
			feature_set_add(&n->on, hidden[i]);
		else if (open && !exposed)
			feature_set_remove(&n->off, hidden[i]);
		else if (!exposed && has && (n->model || i < 2))
			feature_set_add(&n->off, hidden[i]);
	}
}

/* What the policy asks for by name is said, even where the host's guest has it: a host that lacks
 * it is another matter then. */
static void need_named(struct qemu_need *n, const struct fold *f)
{
	struct feature_set named = f->on, has;
	for (unsigned i = 0; i < n->subject->nr_guests; i++) {
		seen(&n->subject->guests[i], &has);
		feature_set_and(&named, &has);
	}
	if (!n->model) {
		feature_set_or(&n->on, &named);
		feature_set_subtract(&named, &named);
	}
	feature_set_subtract(&n->off, &n->on);
}

static void need_migratable(struct qemu_need *n)
{
	struct feature_set kept;
	if (n->model)
		return;
	/* What QEMU has no name for is left out as well. */
	n->migratable_off = !n->subject->of_qemu;
	dialect_qemu_unmigratable(&kept);
	for (feature_id id = feature_set_next(&kept, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&kept, (feature_id)(id + 1))) {
		bool off = feature_set_has(&n->off, id), on = feature_set_has(&n->on, id);
		n->migratable_off |= !off && !on;
		/* Without a word QEMU leaves it out. */
		if (off && n->subject->of_qemu)
			feature_set_remove(&n->off, id);
	}
}

static uint32_t seen_signature(const struct qemu_need *n)
{
	return cpuid_value(n->subject->guests[0].vcpu, 1, 0, CPUID_EAX);
}

static void need_signature(struct qemu_need *n, const char *target, struct losses *losses)
{
	const struct cpu_policy *p = n->policy;
	const struct qemu_model *q = n->qemu;
	unsigned family, number, stepping;
	bool same = true;
	cpu_signature_unpack(seen_signature(n), &family, &number, &stepping);
	for (unsigned i = 1; i < n->subject->nr_guests; i++)
		same &= cpuid_value(n->subject->guests[i].vcpu, 1, 0, CPUID_EAX) ==
			seen_signature(n);
	bool unknown = n->model && !q && !n->subject->of_qemu;
	n->family = q ? family != q->family : unknown || p->family.given;
	n->number = q ? number != q->model : unknown || p->model_number.given;
	n->stepping = q ? stepping != q->stepping : unknown || p->stepping.given;
	n->family_value = family;
	n->number_value = number;
	n->stepping_value = stepping;
	/* A model of no processor's has the host's. */
	bool of_host = n->model && !p->family.given && !p->model_number.given &&
		       n->subject->guests[0].cpu->model &&
		       !n->subject->guests[0].cpu->model->has_signature;
	if (n->model && (of_host || !same)) {
		n->family = n->number = n->stepping = false;
		losses_add(losses,
			"family, model_number and stepping: %s has not the host's with a named "
			"model (CPUID 0x1 EAX, and its copy in 0x80000001)",
			target);
		shared_cover(losses, 1, 0, CPUID_EAX, UINT32_MAX);
		shared_cover(losses, 0x80000001, 0, CPUID_EAX, UINT32_MAX);
	}
}

static void need_brand(struct qemu_need *n)
{
	char brand[49] = "";
	for (uint32_t i = 0; i < 3; i++) {
		const struct cpuid_entry *entry =
			cpuid_get(n->subject->guests[0].vcpu, 0x80000002 + i, 0);
		if (entry)
			(void)memcpy(brand + 16 * i, entry->reg, 16);
	}
	bool given = n->policy->brand.text != NULL;
	bool say = n->model ? given || !n->subject->of_qemu : given;
	if (say && !(n->qemu && strncmp(n->qemu->brand, brand, 47) == 0))
		(void)memcpy(n->brand, brand, sizeof(brand));
}

static void need_width(struct qemu_need *n, const char *target, struct losses *losses)
{
	const struct policy_number *bits = &n->policy->phys_bits;
	struct feature_set has;
	seen(&n->subject->guests[0], &has);
	if (n->model && !feature_set_has(&has, FEATURE_ID_lm)) {
		unsigned fixed = feature_set_has(&has, FEATURE_ID_pse36) ? 36 : 32;
		if (!bits->given || bits->value != fixed)
			losses_add(losses,
				"phys_bits: %s gives %u to a processor without long mode (CPUID "
				"0x80000008 EAX bits 7:0)",
				target, fixed);
		shared_cover(losses, 0x80000008, 0, CPUID_EAX, 0xff);
		return;
	}
	if (bits->given && (!n->model || bits->value != USUAL_WIDTH)) {
		n->width = QEMU_WIDTH_NUMBER;
		n->width_value = (unsigned)bits->value;
	} else if (!bits->given && n->model) {
		n->width = QEMU_WIDTH_HOST;
	}
}

static bool has_rule(const struct cpu_policy *p, uint32_t leaf)
{
	for (size_t i = 0; i < p->nr_leaves; i++) {
		if (p->leaves[i].leaf == leaf && p->leaves[i].reg == CPUID_EAX &&
			(p->leaves[i].set | p->leaves[i].clear) == UINT32_MAX)
			return true;
	}
	return false;
}

/* The highest leaf of a range in which QEMU shows a feature, for which it raises the level. */
static uint32_t raised(const struct feature_set *has, uint32_t level, uint32_t base)
{
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *w = feature_word(i);
		if (w->kind == FEATURE_WORD_CPUID && w->leaf >> 28 == base >> 28 &&
			w->leaf > level && has->w[i])
			level = w->leaf;
	}
	if (base == 0 && level < 0xd && feature_set_has(has, FEATURE_ID_xsave))
		level = 0xd;
	return level;
}

static void need_levels(struct qemu_need *n)
{
	const struct cpuid_table *t = n->subject->guests[0].vcpu;
	struct feature_set has;
	seen(&n->subject->guests[0], &has);
	n->level_value = cpuid_value(t, 0, 0, CPUID_EAX);
	n->xlevel_value = cpuid_value(t, 0x80000000, 0, CPUID_EAX);
	if (n->qemu && !n->subject->of_qemu) {
		uint32_t basic = raised(&has, n->qemu->level, 0);
		if (n->policy->topology.dies > 1 && basic < 0x1f)
			basic = 0x1f;
		n->level = basic != n->level_value;
		n->xlevel = raised(&has, n->qemu->xlevel, 0x80000000) != n->xlevel_value;
	}
	n->level |= has_rule(n->policy, 0) || n->policy->older_os;
	n->xlevel |= has_rule(n->policy, 0x80000000);
}

/* Leaf 0xA of model host, where the policy has cleared it. */
static void need_pmu(struct qemu_need *n)
{
	bool cleared = false;
	for (unsigned i = 0; !n->model && i < n->subject->nr_guests; i++) {
		const struct convert_guest *g = &n->subject->guests[i];
		const struct cpuid_entry *host = cpuid_get(&g->host->supported, LEAF_COUNTERS, 0);
		const struct cpuid_entry *guest = cpuid_get(g->vcpu, LEAF_COUNTERS, 0);
		uint32_t has = 0, sees = 0;
		for (unsigned reg = 0; reg < 4; reg++) {
			has |= host ? host->reg[reg] : 0;
			sees |= guest ? guest->reg[reg] : 0;
		}
		cleared |= has && !sees && is_intel(g);
	}
	n->pmu_off = cleared;
}

/* Words that are no use to the program of Debian 12. */
static void note_recent(const struct qemu_need *n, enum dialect dialect, struct losses *losses)
{
	struct feature_set said = n->on;
	char names[400];
	struct text_buf list = TEXT_BUF(names);
	feature_set_or(&said, &n->off);
	for (feature_id id = feature_set_next(&said, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&said, (feature_id)(id + 1))) {
		const struct feature *f = feature_by_id(id);
		const char *name = f ? dialect_feature(dialect, f) : NULL;
		if (!name || !dialect_is_recent(dialect, f))
			continue;
		if (!text_buf_add(&list, " %s", name)) {
			(void)text_buf_add(&list, " …");
			break;
		}
	}
	if (names[0])
		losses_note(losses, "%s does not know, and %s does:%s",
			dialect == DIALECT_QEMU ? "QEMU 7.2" : "libvirt 9.0",
			dialect == DIALECT_QEMU ? "QEMU 10.0" : "libvirt 11.3", names);
}

static int resolve(struct qemu_need *n, struct fold *f, enum dialect dialect, struct losses *losses,
	struct err *e)
{
	static const char *const programs[] = { "QEMU", "libvirt" };
	const char *name = f->model_name;
	n->model = f->model;
	n->model_name = f->model_name;
	if (n->model && !dialect_has_model(dialect, n->model)) {
		n->model = cpu_model_find("qemu64");
		if (!n->model)
			return input_fail(e, "%s has no model %s", programs[dialect], name);
		n->model_name = n->model->name;
		losses_add(losses,
			"model %s: %s has none of that name; written as qemu64 with its features",
			name, programs[dialect]);
	}
	n->qemu = n->model ? dialect_qemu_model(n->model) : NULL;
	if (n->model && !n->qemu && dialect_has_model(DIALECT_QEMU, n->model))
		losses_note(losses, "model %s: newer than QEMU 10.0", name);
	else if (n->qemu && strcmp(n->qemu->since, "7.2") != 0)
		losses_note(
			losses, "model %s: QEMU %s has it, QEMU 7.2 has not", name, n->qemu->since);
	if (dialect == DIALECT_LIBVIRT && n->qemu && strcmp(n->qemu->libvirt, "11.3") == 0)
		losses_note(losses, "model %s: libvirt 11.3 has it, libvirt 9.0 has not", name);
	return 0;
}

int qemu_need_make(struct qemu_need *n, struct fold *f, const struct convert_subject *subject,
	enum dialect dialect, const char *target, struct losses *losses, struct err *e)
{
	*n = (struct qemu_need){ .subject = subject, .policy = f->policy };
	int rc = resolve(n, f, dialect, losses, e);
	if (rc)
		return rc;
	for (unsigned i = 0; i < subject->nr_guests; i++) {
		need_features(n, &subject->guests[i]);
		/* "Hv#1" (Hyper-V TLFS, leaf 0x40000001) */
		n->hyperv |= cpuid_value(subject->guests[i].vcpu, 0x40000001, 0, CPUID_EAX) ==
			     0x31237648;
	}
	n->enlightened = f->policy->hyperv_spinlock_retries.given;
	for (size_t i = 0; i < f->policy->nr_hyperv_features; i++)
		n->enlightened |= f->policy->hyperv_features[i].on;
	need_extensions(n);
	need_named(n, f);
	need_migratable(n);
	need_signature(n, target, losses);
	need_brand(n);
	need_width(n, target, losses);
	need_levels(n);
	need_pmu(n);
	note_recent(n, dialect, losses);
	n->host_caches = !f->policy->cache_given || f->policy->cache == CPU_CACHE_HOST;
	return 0;
}
