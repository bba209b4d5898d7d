/* SPDX-License-Identifier: MIT */
#include "formats/dialect.h"

#include <string.h>

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

/* libvirt's names that QEMU has not: QoS monitoring, and what follows the guest's CR4. */
static const char *const not_qemu[] = { "cmt", "cvt16", "mbm_local", "mbm_total", "osxsave",
	"ospke", "pconfig", NULL };

/* Where neither the name nor its form with "-" is the one that `-cpu help` shows. */
static const struct {
	const char *name, *qemu;
} respelt[] = {
	{ "pclmuldq", "pclmulqdq" },
	{ "vmx-invvpid-single-context-noglobals", "vmx-invept-single-context-noglobals" },
};

static const struct {
	const char *name, *twin;
} twins[] = {
	{ "kvmclock", "kvmclock2" },
	{ "vmx-invept-single-context", "vmx-invvpid-single-context" },
};

/* The alias that is name with "-" for each "_", or NULL. */
static const char *dashed_alias(const struct feature *f)
{
	size_t n = strlen(f->name);
	for (const char *alias = f->aliases; *alias != '\0';) {
		size_t len = strcspn(alias, ",");
		size_t i = 0;
		while (i < n && i < len && alias[i] == (f->name[i] == '_' ? '-' : f->name[i]))
			i++;
		/* A list's element is no string of its own; the only one with such an alias has
		 * no other behind it. */
		if (i == n && len == n && alias[len] == '\0')
			return alias;
		alias += len + (alias[len] == ',');
	}
	return NULL;
}

static const char *qemu_feature(const struct feature *f)
{
	/* The notes of the tables say where a name is Linux's, or libvirt's, alone. */
	if (strstr(f->note, "Linux name only") || strstr(f->note, "no QEMU") ||
		strstr(f->note, "not in QEMU") || strstr(f->note, "newer than QEMU 10.0") ||
		is_one_of(f->name, not_qemu))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(respelt); i++) {
		if (strcmp(respelt[i].name, f->name) == 0)
			return respelt[i].qemu;
	}
	for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
		if (strcmp(twins[i].twin, f->name) == 0)
			return twins[i].name;
	}
	const char *dashed = strchr(f->name, '_') ? dashed_alias(f) : NULL;
	return dashed ? dashed : f->name;
}

const char *dialect_feature(enum dialect d, const struct feature *f)
{
	if (d == DIALECT_QEMU)
		return qemu_feature(f);
	/* KVM's own features are no part of libvirt's <cpu>, and Centaur's leaf it does not know.
	 */
	if (f->attributes & FEATURE_PV || f->vendor == FEATURE_OTHER ||
		strstr(f->note, "Linux name only") || strstr(f->note, "not in libvirt") ||
		strstr(f->note, "libvirt 11.3") || strstr(f->note, "no QEMU"))
		return NULL;
	return f->name;
}

bool dialect_is_recent(enum dialect d, const struct feature *f)
{
	static const struct {
		feature_id feature;
		bool qemu, libvirt;
	} recent[] = {
#include "formats/names_since.inc"
	};
	for (size_t i = 0; i < ARRAY_SIZE(recent); i++) {
		if (recent[i].feature == f->id)
			return d == DIALECT_QEMU ? recent[i].qemu : recent[i].libvirt;
	}
	return false;
}

bool dialect_has_model(enum dialect d, const struct cpu_model *m)
{
	/* libvirt's alone, or gone from QEMU since. */
	static const char *const no_qemu[] = { "Icelake-Client", "Icelake-Client-noTSX",
		"cpu64-rhel5", "cpu64-rhel6", "pentiumpro", NULL };
	if (strcmp(m->source, "psabi") == 0)
		return false;
	return d == DIALECT_QEMU ? !is_one_of(m->name, no_qemu)
				 : strncmp(m->source, "libvirt", 7) == 0;
}

const struct feature *dialect_qemu_twin(const struct feature *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
		if (strcmp(twins[i].name, f->name) == 0)
			return feature_find(twins[i].twin);
		if (strcmp(twins[i].twin, f->name) == 0)
			return feature_find(twins[i].name);
	}
	return NULL;
}

static const struct qemu_model models[] = {
#include "formats/qemu_models.inc"
};

const struct qemu_model *dialect_qemu_model(const struct cpu_model *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (strcmp(models[i].name, m->name) == 0)
			return &models[i];
	}
	return NULL;
}

/* kvm_default_props of QEMU's target/i386/kvm/kvm-cpu.c. */
static void remove_switched_off(struct feature_set *set)
{
	feature_set_remove(set, FEATURE_ID_acpi);
	feature_set_remove(set, FEATURE_ID_monitor);
	feature_set_remove(set, FEATURE_ID_svm);
}

static void remove_parts(struct feature_set *set)
{
	for (feature_id id = feature_set_next(set, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(set, (feature_id)(id + 1))) {
		if (feature_extensions(id))
			feature_set_remove(set, id);
	}
}

void dialect_qemu_extra(const struct cpu_model *m, bool exposed, struct feature_set *ret_set)
{
	struct feature_set managed;
	*ret_set = m->qemu_extra;
	feature_set_subtract(ret_set, &m->features);
	feature_set_of_attribute(FEATURE_MANAGED | FEATURE_PV, &managed);
	feature_set_subtract(ret_set, &managed);
	remove_switched_off(ret_set);
	if (!exposed)
		remove_parts(ret_set);
	/* What has no name in QEMU could not be said again. */
	for (feature_id id = feature_set_next(ret_set, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(ret_set, (feature_id)(id + 1))) {
		const struct feature *f = feature_by_id(id);
		if (!f || !qemu_feature(f))
			feature_set_remove(ret_set, id);
	}
}

void dialect_qemu_features(const struct cpu_model *m, bool exposed, struct feature_set *ret_set)
{
	const struct qemu_model *q = dialect_qemu_model(m);
	const struct feature *lacks = q && q->lacks[0] ? feature_find(q->lacks) : NULL;
	struct feature_set more;
	*ret_set = m->features;
	dialect_qemu_extra(m, exposed, &more);
	feature_set_or(ret_set, &more);
	cpu_provided_features(&more);
	if (!feature_set_has(ret_set, FEATURE_ID_apic))
		feature_set_remove(&more, FEATURE_ID_x2apic);
	feature_set_or(ret_set, &more);
	remove_switched_off(ret_set);
	feature_set_remove(ret_set, FEATURE_ID_vmx);
	if (!exposed)
		remove_parts(ret_set);
	/* What QEMU sets in VMX's MSRs by itself (kvm_msr_entry_add_vmx). */
	if (exposed && feature_set_has(ret_set, FEATURE_ID_vmx_ept)) {
		feature_set_add(ret_set, FEATURE_ID_vmx_ept_uc);
		feature_set_add(ret_set, FEATURE_ID_vmx_ept_wb);
	}
	if (exposed && feature_set_has(ret_set, FEATURE_ID_lm))
		feature_set_add(ret_set, FEATURE_ID_vmx_exit_host_addr_space_size);
	if (lacks)
		feature_set_remove(ret_set, lacks->id);
}

void dialect_qemu_unmigratable(struct feature_set *ret_set)
{
	*ret_set = (struct feature_set){ { 0 } };
	feature_set_add(ret_set, FEATURE_ID_invtsc);
}
