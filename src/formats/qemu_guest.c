/* SPDX-License-Identifier: MIT */
#include "formats/qemu_guest.h"

#include <errno.h>
#include <string.h>

#define USUAL_WIDTH 40u /* TCG_PHYS_ADDR_BITS, which named models have under KVM as well */
#define LEAF_COUNTERS 0xau

static int no_memory(struct qemu_guest *g)
{
	return err_set(g->e, -ENOMEM, "out of memory");
}

bool qemu_guest_named(const struct qemu_guest *g, feature_id id)
{
	return feature_set_has(&g->on, id) || feature_set_has(&g->off, id);
}

void qemu_guest_name(struct qemu_guest *g, feature_id id, bool on)
{
	if (!qemu_guest_named(g, id))
		g->order[g->nr_order++] = id;
	feature_set_add(on ? &g->on : &g->off, id);
	feature_set_remove(on ? &g->off : &g->on, id);
}

static bool is_host(const struct qemu_guest *g)
{
	return !g->model;
}

static int add(struct qemu_guest *g, feature_id id, bool on)
{
	const struct policy_feature f = { feature_by_id(id)->name, on, g->origin };
	return policy_doc_add_feature(g->doc, &f) ? no_memory(g) : 0;
}

/* Whether the text names a part of such extensions to have it. */
static bool names_part(const struct qemu_guest *g, const char *extensions)
{
	for (size_t i = 0; i < g->nr_order; i++) {
		const char *its = feature_extensions(g->order[i]);
		if (its && strcmp(its, extensions) == 0 && feature_set_has(&g->on, g->order[i]))
			return true;
	}
	return false;
}

/* True where QEMU shows the extensions because the text says so: by their own name, or, on top of
 * the host's, by a part of them. */
static bool wants(struct qemu_guest *g, feature_id id, const char *extensions, const char *other)
{
	static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD };
	enum cpuid_vendor foreign = vendors[id == FEATURE_ID_vmx ? 1 : 0];
	bool named = feature_set_has(&g->on, id);
	bool wanted =
		named || (is_host(g) && !feature_set_has(&g->off, id) && names_part(g, extensions));
	if (!wanted || !g->model || g->model->vendor != foreign || !g->model->vendor_id[0])
		return wanted;
	losses_add(
		g->losses, "%s: a processor of %s has %s", extensions, g->model->vendor_id, other);
	return false;
}

/* The knob, and which extensions. */
static void take_knob(struct qemu_guest *g)
{
	struct cpu_policy *p = policy_doc_edit(g->doc);
	struct policy_nesting *n = &p->nesting;
	bool vmx = wants(g, FEATURE_ID_vmx, "vmx", "svm");
	bool svm = wants(g, FEATURE_ID_svm, "svm", "vmx");
	if (vmx || svm) {
		n->knob = POLICY_KNOB_EXPOSED;
		n->extensions = vmx && svm ? NULL : vmx ? "vmx" : "svm";
		p->knob_origin = g->origin;
		return;
	}
	if (qemu_guest_named(g, FEATURE_ID_vmx) || qemu_guest_named(g, FEATURE_ID_svm)) {
		n->knob = POLICY_KNOB_HIDDEN;
		p->knob_origin = g->origin;
	} else if (is_host(g)) {
		losses_open(g->losses,
			"model %s: VMX or SVM, which the guest would see where the host's KVM "
			"offers it, is hidden; nesting.expose_virtualization_extensions = true "
			"shows it",
			p->model.text ? p->model.text : "host");
	}
}

/* SMX and SKINIT go with the extensions (nesting rules 2 and 4). */
static bool goes_with_extensions(feature_id id)
{
	return id == FEATURE_ID_smx || id == FEATURE_ID_skinit;
}

static int add_named(struct qemu_guest *g, const struct feature_set *extra, feature_id id)
{
	const struct policy_nesting *n = &policy_doc_policy(g->doc)->nesting;
	bool exposed = n->knob == POLICY_KNOB_EXPOSED;
	bool on = feature_set_has(&g->on, id);
	const struct policy_feature f = { feature_by_id(id)->name, on, g->origin };
	/* Without what only QEMU's model has, nestor's is as the text wants it. */
	if (id == FEATURE_ID_hypervisor || id == FEATURE_ID_vmx || id == FEATURE_ID_svm ||
		(!on && feature_set_has(extra, id)))
		return 0;
	if (feature_extensions(id)) {
		/* Parts of what is hidden are hidden, in QEMU as well. */
		if (!exposed)
			return 0;
		return policy_doc_add_nesting_feature(g->doc, &f) ? no_memory(g) : 0;
	}
	if (goes_with_extensions(id) && on && !exposed) {
		losses_add(g->losses, "%s: hidden with the virtualization extensions", f.name);
		return 0;
	}
	return add(g, id, on);
}

/* What QEMU's model has besides; what the text takes away goes with what needs it. */
static int add_extra(struct qemu_guest *g, const struct feature_set *extra)
{
	struct feature_set all, rest = *extra;
	int rc = 0;
	feature_set_subtract(&rest, &g->on);
	feature_set_subtract(&rest, &g->off);
	dialect_qemu_features(g->model, /* exposed */ true, &all);
	feature_set_or(&all, &rest);
	feature_set_or(&all, &g->on);
	feature_set_add(
		&all, g->model->vendor == CPUID_VENDOR_AMD ? FEATURE_ID_svm : FEATURE_ID_vmx);
	feature_set_subtract(&all, &g->off);
	feature_set_close(&all, NULL, NULL);
	feature_set_and(&rest, &all);
	for (feature_id id = feature_set_next(&rest, 0); rc == 0 && id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&rest, (feature_id)(id + 1))) {
		const struct policy_feature f = { feature_by_id(id)->name, true, g->origin };
		if (!feature_extensions(id))
			rc = add(g, id, true);
		else if (policy_doc_add_nesting_feature(g->doc, &f))
			rc = no_memory(g);
	}
	return rc;
}

/* What nestor's model has and QEMU's has not. */
static int remove_lacking(struct qemu_guest *g)
{
	const struct qemu_model *q = dialect_qemu_model(g->model);
	const struct feature *f = q && q->lacks[0] ? feature_find(q->lacks) : NULL;
	return f && !qemu_guest_named(g, f->id) ? add(g, f->id, false) : 0;
}

static int add_features(struct qemu_guest *g)
{
	struct feature_set extra = { { 0 } };
	bool exposed = policy_doc_policy(g->doc)->nesting.knob == POLICY_KNOB_EXPOSED;
	int rc = 0;
	if (g->model)
		dialect_qemu_extra(g->model, exposed, &extra);
	for (size_t i = 0; rc == 0 && i < g->nr_order; i++)
		rc = add_named(g, &extra, g->order[i]);
	if (rc == 0 && g->model)
		rc = add_extra(g, &extra);
	return rc || !g->model ? rc : remove_lacking(g);
}

/* Of model host: what does not survive a migration is not there unless named, or asked for; nor is
 * what QEMU has no name for. */
static int add_unmigratable(struct qemu_guest *g)
{
	const struct policy_text *model = &policy_doc_policy(g->doc)->model;
	struct feature_set gone;
	int rc = 0;
	if (!is_host(g) || g->migratable == QEMU_OFF)
		return 0;
	losses_open(g->losses,
		"model %s: a feature that QEMU has no name for is not there unless migratable=off; "
		"here it is, where the host's KVM offers it",
		model->text ? model->text : "host");
	dialect_qemu_unmigratable(&gone);
	for (feature_id id = feature_set_next(&gone, 0); rc == 0 && id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&gone, (feature_id)(id + 1))) {
		if (!qemu_guest_named(g, id))
			rc = add(g, id, false);
	}
	return rc;
}

/* pmu=off takes leaf 0xA and what announces the counters' MSRs (KVM_CAP_PMU_CAPABILITY). A named
 * model of nestor's has none of leaf 0xA anyway. */
static int take_pmu(struct qemu_guest *g)
{
	static const feature_id counters[] = { FEATURE_ID_pdcm, FEATURE_ID_perfctr_core,
		FEATURE_ID_perfctr_nb, FEATURE_ID_perfmon_v2, FEATURE_ID_arch_perfmon_ext };
	int rc = 0;
	if (g->pmu == QEMU_ON && !is_host(g))
		losses_add(g->losses, "pmu: a named model has no performance counters (leaf 0xa)");
	if (g->pmu != QEMU_OFF)
		return 0;
	for (unsigned reg = 0; is_host(g) && reg < 4; reg++) {
		const struct policy_leaf l = { .leaf = LEAF_COUNTERS,
			.any_subleaf = true,
			.reg = (enum cpuid_reg)reg,
			.clear = UINT32_MAX,
			.origin = g->origin };
		if (policy_doc_add_leaf(g->doc, &l))
			return no_memory(g);
	}
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(counters); i++) {
		bool has = is_host(g) || feature_set_has(&g->model->features, counters[i]) ||
			   feature_set_has(&g->model->qemu_extra, counters[i]);
		if (has && !qemu_guest_named(g, counters[i]))
			rc = add(g, counters[i], false);
	}
	return rc;
}

static void take_hypervisor(struct qemu_guest *g)
{
	struct cpu_policy *p = policy_doc_edit(g->doc);
	bool bit_off = feature_set_has(&g->off, FEATURE_ID_hypervisor);
	if (!bit_off && !g->kvm_hidden)
		return;
	p->hypervisor_given = true;
	p->hypervisor = CPU_HYPERVISOR_NONE;
	if (!g->kvm_hidden)
		losses_add(g->losses, "hypervisor off: hides KVM's leaves 0x4000xxxx as well");
	if (!bit_off)
		losses_add(g->losses, "KVM hidden: hides the hypervisor bit (CPUID 0x1 ECX bit 31) "
				      "as well as KVM's leaves");
}

static void take_number(struct qemu_guest *g, struct policy_number *to, uint64_t value)
{
	if (!to->given)
		*to = (struct policy_number){ true, value, g->origin };
}

/* The processor that QEMU's model is, where nestor's is another of its kind. */
static int take_identity(struct qemu_guest *g)
{
	struct cpu_policy *p = policy_doc_edit(g->doc);
	const struct cpu_model *m = g->model;
	const struct qemu_model *q = dialect_qemu_model(m);
	if (!q)
		return 0;
	bool has = m->has_signature && m->nr_numbers > 0;
	if (!has || m->family != q->family)
		take_number(g, &p->family, q->family);
	if (!has || m->numbers[0] != q->model)
		take_number(g, &p->model_number, q->model);
	if (!has || m->stepping_low != q->stepping)
		take_number(g, &p->stepping, q->stepping);
	if (p->brand.text || !q->brand[0])
		return 0;
	size_t n = strnlen(q->brand, 47);
	const char *brand = policy_doc_string(g->doc, q->brand, n);
	if (!brand)
		return no_memory(g);
	p->brand = (struct policy_text){ brand, g->origin };
	return 0;
}

/* True where QEMU's guest has long mode, without which it takes no width. */
static bool has_long_mode(const struct qemu_guest *g)
{
	struct feature_set set;
	if (is_host(g) || qemu_guest_named(g, FEATURE_ID_lm))
		return !feature_set_has(&g->off, FEATURE_ID_lm);
	dialect_qemu_features(g->model, /* exposed */ false, &set);
	return feature_set_has(&set, FEATURE_ID_lm);
}

/* The width of physical addresses: the host's (host-phys-bits, which model host and max have
 * unless told otherwise), what the text says, or QEMU's own. */
static void take_width(struct qemu_guest *g)
{
	struct cpu_policy *p = policy_doc_edit(g->doc);
	bool host =
		g->host_phys_bits == QEMU_ON || (g->host_phys_bits == QEMU_UNSAID && is_host(g));
	struct feature_set set = { { 0 } };
	if (!has_long_mode(g)) {
		if (g->model)
			dialect_qemu_features(g->model, /* exposed */ false, &set);
		bool pse36 = (feature_set_has(&set, FEATURE_ID_pse36) ||
				     feature_set_has(&g->on, FEATURE_ID_pse36)) &&
			     !feature_set_has(&g->off, FEATURE_ID_pse36);
		p->phys_bits = (struct policy_number){ true, pse36 ? 36 : 32, g->origin };
		return;
	}
	if (host)
		p->phys_bits = (struct policy_number){ 0 };
	else
		take_number(g, &p->phys_bits, USUAL_WIDTH);
}

int qemu_guest_finish(struct qemu_guest *g)
{
	struct cpu_policy *p = policy_doc_edit(g->doc);
	take_hypervisor(g);
	take_knob(g);
	int rc = add_features(g);
	if (rc == 0)
		rc = add_unmigratable(g);
	if (rc == 0)
		rc = take_pmu(g);
	if (rc == 0 && g->model)
		rc = take_identity(g);
	take_width(g);
	if (!p->cache_given) {
		p->cache_given = true;
		p->cache = CPU_CACHE_EMULATE;
	}
	return rc;
}
