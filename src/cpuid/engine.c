/* SPDX-License-Identifier: MIT */
#include "base/finding.h"
#include "base/text_buf.h"
#include "cpuid/stages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

char *cpu_note_text(char text[CPU_NOTE_BYTES], const struct cpu_note *note)
{
	char name[FEATURE_PLACE_BYTES], place[FEATURE_PLACE_BYTES], because[FEATURE_PLACE_BYTES];
	char what[CPU_NOTE_BYTES / 2];
	(void)snprintf(what, sizeof(what), "%s", note->text);
	if (note->has_feature)
		(void)snprintf(what, sizeof(what), "%s (%s)", feature_label(name, note->feature),
			feature_place(place, note->feature));
	switch (note->kind) {
	case CPU_NOTE_MISSING:
		(void)snprintf(text, CPU_NOTE_BYTES, "%s: this host lacks it%s%s", what,
			note->has_feature && note->text[0] ? ", " : "",
			note->has_feature ? note->text : "");
		break;
	case CPU_NOTE_DROPPED:
		if (!note->has_feature) /* the text says it all */
			(void)snprintf(text, CPU_NOTE_BYTES, "%s", what);
		else
			(void)snprintf(text, CPU_NOTE_BYTES, "%s: dropped, as it needs %s", what,
				note->has_because ? feature_label(because, note->because)
						  : note->text);
		break;
	case CPU_NOTE_REMOVED:
		(void)snprintf(text, CPU_NOTE_BYTES, "%s: removed%s%s", what,
			note->has_feature && note->text[0] ? ", " : "",
			note->has_feature ? note->text : "");
		break;
	case CPU_NOTE_REMARK:
		(void)snprintf(text, CPU_NOTE_BYTES, "%s", what);
		break;
	}
	return text;
}

static int collect_layers(struct cpu_work *w, const struct cpu_policy *policy)
{
	const struct cpu_policy *found[CPU_MAX_LAYERS];
	unsigned n = 0;
	for (const struct cpu_policy *p = policy; p; p = p->base) {
		if (n == CPU_MAX_LAYERS)
			return err_set_config(w->e, -ELOOP,
				"model files stand on one another more than %d deep",
				CPU_MAX_LAYERS);
		found[n++] = p;
	}
	w->nr_layers = n;
	for (unsigned i = 0; i < n; i++)
		w->layers[i] = found[n - 1 - i];
	return 0;
}

static void collect_choices(struct cpu_work *w)
{
	w->hypervisor = CPU_HYPERVISOR_KVM;
	w->on_missing = CPU_MISSING_ERROR;
	w->r->cache = CPU_CACHE_HOST;
	for (unsigned i = 0; i < w->nr_layers; i++) {
		const struct cpu_policy *p = w->layers[i];
		w->hypervisor = p->hypervisor_given ? p->hypervisor : w->hypervisor;
		w->on_missing = p->on_missing_given ? p->on_missing : w->on_missing;
		w->r->cache = p->cache_given ? p->cache : w->r->cache;
		w->migratable |= p->migration != CPU_MIGRATION_OFF;
		w->older_os |= p->older_os;
		if (p->migration == CPU_MIGRATION_CLUSTER && p->cluster)
			w->source = p->cluster;
	}
}

/* HTT and CmpLegacy, which each vCPU's topology writes, as members of the set. */
static void shape_features(struct cpu_work *w)
{
	struct cpu_result *r = w->r;
	const struct cpu_topology *t = &r->topology;
	bool several = t->dies * t->cores * t->threads > 1;
	feature_set_remove(&r->features, FEATURE_ID_ht);
	feature_set_remove(&r->features, FEATURE_ID_cmp_legacy);
	if (several)
		feature_set_add(&r->features, FEATURE_ID_ht);
	if (several && r->vendor == CPUID_VENDOR_AMD)
		feature_set_add(&r->features, FEATURE_ID_cmp_legacy);
}

static int check_vendors(struct cpu_work *w)
{
	static const struct {
		const char *key;
		size_t offset;
	} vendors[] = {
		{ "cpu.vendor", offsetof(struct cpu_policy, vendor) },
		{ "cpu.host_vendor", offsetof(struct cpu_policy, host_vendor) },
	};
	int rc = 0;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		const struct policy_text *text = cpu_work_text(w, vendors[i].offset);
		char id[13];
		int more = text ? cpu_resolve_vendor(vendors[i].key, text, id, w->e) : 0;
		rc = rc ? rc : more;
	}
	return rc;
}

/* All that is wrong whatever the host. */
static int check_policy(struct cpu_work *w)
{
	static int (*const checks[])(struct cpu_work * w) = { cpu_check_features, cpu_check_model,
		check_vendors, cpu_check_raw, cpu_check_msr_rules };
	int rc = 0;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int more = checks[i](w);
		rc = rc ? rc : more;
	}
	return rc;
}

/* Stages 1 to 3; as far as they go where the policy is wrong already. */
static int settle(struct cpu_work *w)
{
	int wrong = check_policy(w);
	if (!cpu_goes_on(w, wrong))
		return wrong;
	int rc = cpu_stage_wanted(w);
	if (!cpu_goes_on(w, rc))
		return wrong ? wrong : rc;
	wrong = wrong ? wrong : rc;
	rc = cpu_stage_missing(w);
	return wrong ? wrong : rc;
}

/* Stages 4 to 9, for a set of features that is settled. */
static int build(struct cpu_work *w)
{
	cpu_stage_leaves(w);
	int rc = cpu_stage_identity(w);
	if (rc)
		return rc;
	cpu_stage_hypervisor(w);
	rc = cpu_stage_addresses(w);
	if (rc)
		return rc;
	cpu_stage_xsave(w);
	cpu_stage_caches(w);
	cpu_stage_raw(w);
	cpu_stage_max_leaves(w);
	shape_features(w);
	rc = cpu_stage_msrs(w);
	if (rc)
		return rc;
	if (w->edit.full)
		return err_set_config(w->e, -E2BIG,
			"the guest's CPUID table has more than %d entries; give fewer rules in "
			"cpu.leaves",
			CPUID_MAX_ENTRIES);
	return 0;
}

#define MISSING "missing" /* id of findings */

/* The first few of what is missing, for an error. */
static int fail_missing(struct cpu_work *w)
{
	struct cpu_result *r = w->r;
	struct findings *found = w->e ? w->e->findings : NULL;
	const struct policy_text *model = cpu_work_text(w, offsetof(struct cpu_policy, model));
	char text[700], head[160];
	struct text_buf lines = TEXT_BUF(text);
	unsigned shown = 0;
	(void)snprintf(head, sizeof(head),
		"this host lacks %u thing%s that the CPU policy%s%.64s asks for:", r->nr_missing,
		r->nr_missing == 1 ? "" : "s", model ? " on model " : "", model ? model->text : "");
	if (found)
		findings_say(found, FINDING_FORBIDS, MISSING, "%s", head);
	for (unsigned i = 0; i < r->nr_notes && shown < 6; i++) {
		const struct cpu_note *note = &r->notes[i];
		char line[CPU_NOTE_BYTES];
		if (note->kind != CPU_NOTE_MISSING)
			continue;
		if (!text_buf_add(&lines, "\n%s%s%s", note->origin ? note->origin : "",
			    note->origin ? ": " : "", cpu_note_text(line, note)))
			break;
		if (found)
			findings_add(found, FINDING_FORBIDS,
				&(struct fault){ MISSING, NULL, note->origin, NULL }, line);
		shown++;
	}
	(void)err_set(w->e, -ENOTSUP, "%s%s", head, text);
	(void)err_hint(w->e, -ENOTSUP,
		"%s%s%s`nestor cpuid check` lists all of them; cpu.on_missing = \"warn\" or "
		"\"drop\" "
		"starts the VM without",
		r->nearest[0] ? "cpu.model = \"" : "", r->nearest,
		r->nearest[0] ? "\" would run here; " : "");
	if (found)
		findings_fix(found, "%s", w->e->hint);
	return -ENOTSUP;
}

/* Another model can only mend that. */
static bool lacks_features(const struct cpu_result *r)
{
	for (unsigned i = 0; i < r->nr_notes; i++) {
		if (r->notes[i].kind == CPU_NOTE_MISSING && r->notes[i].has_feature)
			return true;
	}
	return false;
}

int cpu_compute(const struct cpu_policy *policy, const struct host_facts *host,
	struct cpu_trace *trace, struct cpu_result *ret_result, struct err *e)
{
	static const struct cpu_policy all_defaults = { .topology = { 1, 1, 1, 1 } };
	struct cpu_result *r = ret_result;
	struct cpu_work w = { .host = host, .source = host, .r = r, .e = e };
	memset(r, 0, offsetof(struct cpu_result, notes));
	r->vendor = CPUID_VENDOR_OTHER;
	w.edit = (struct cpu_edit){ .table = &r->table, .trace = trace };
	int rc = collect_layers(&w, policy ? policy : &all_defaults);
	if (rc)
		return rc;
	const struct policy_topology *t = &cpu_work_policy(&w)->topology;
	r->topology = cpu_topology_make(t->sockets, t->dies, t->cores, t->threads);
	collect_choices(&w);
	r->on_missing = w.on_missing;
	w.no_pv = w.hypervisor == CPU_HYPERVISOR_NONE;
	rc = settle(&w);
	if (cpu_goes_on(&w, rc)) {
		int more = build(&w);
		rc = rc ? rc : more;
	}
	if (rc)
		return rc;
	if (lacks_features(r)) {
		const struct cpu_model *near = cpu_nearest_model(host, &r->wanted);
		if (near)
			(void)snprintf(r->nearest, sizeof(r->nearest), "%s", near->name);
	}
	return r->nr_missing > 0 && w.on_missing == CPU_MISSING_ERROR ? fail_missing(&w) : 0;
}

int cpu_result_vcpu(const struct cpu_result *result, unsigned i, struct cpu_trace *trace,
	struct cpuid_table *ret_table, struct err *e)
{
	struct cpu_place place = cpu_topology_place(&result->topology, i);
	*ret_table = result->table;
	struct cpu_edit edit = { .table = ret_table, .trace = trace, .rule = "CPU-30" };
	return cpu_topology_apply(&result->topology, &place, &edit, e);
}
