/* SPDX-License-Identifier: MIT */
/* Stage 1: what the policy wants, wherever it runs: model, features, compatibility modes. */
#include "cpuid/stages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "at FILE:LINE:COLUMN" for an error, or nothing. */
static const char *at(const char *origin)
{
	return origin ? origin : "the policy";
}

static int fail_unknown(struct cpu_work *w, const struct policy_feature *asked)
{
	const char *near = feature_nearest(asked->name);
	const struct fault what = { "unknown-feature", cpu_asked_key(w, asked), at(asked->origin),
		NULL };
	return err_fault(w->e, -EINVAL, &what, "unknown feature %s%s%s%s", asked->name,
		near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

/* All names known, and none both on and off in one layer. */
int cpu_check_features(struct cpu_work *w)
{
	int rc = 0;
	for (unsigned i = 0; i < w->nr_layers; i++) {
		const struct cpu_policy *p = w->layers[i];
		struct feature_set on = { { 0 } }, off = { { 0 } };
		for (size_t k = 0; k < p->nr_features; k++) {
			const struct policy_feature *asked = &p->features[k];
			const struct feature *f = feature_find(asked->name);
			if (!f) {
				rc = fail_unknown(w, asked);
				continue;
			}
			feature_set_add(asked->on ? &on : &off, f->id);
			if (!feature_set_has(asked->on ? &off : &on, f->id))
				continue;
			const char *first = "the policy";
			for (size_t j = 0; j < k; j++) {
				const struct feature *g = feature_find(p->features[j].name);
				if (g && g->id == f->id && p->features[j].on != asked->on)
					first = at(p->features[j].origin);
			}
			const struct fault what = { "contradiction", cpu_asked_key(w, asked),
				at(asked->origin), NULL };
			rc = err_fault(w->e, -EINVAL, &what, "%c%s contradicts %c%s at %s",
				asked->on ? '+' : '-', asked->name, asked->on ? '-' : '+', f->name,
				first);
		}
	}
	return rc;
}

/* Bits that no policy decides, though models and other programs name them. */
static const char *who_decides(feature_id id)
{
	if (id == FEATURE_ID_ht || id == FEATURE_ID_cmp_legacy)
		return "sockets, cores and threads decide it";
	if (id == FEATURE_ID_osxsave || id == FEATURE_ID_ospke)
		return "it follows the guest's own CR4";
	return NULL;
}

static void apply_features(struct cpu_work *w, const struct cpu_policy *p)
{
	struct feature_set *set = &w->r->wanted;
	for (size_t k = 0; k < p->nr_features; k++) {
		const struct policy_feature *asked = &p->features[k];
		const struct feature *f = feature_find(asked->name);
		if (!f)
			continue; /* refused already */
		const char *who = who_decides(f->id);
		if (who) {
			cpu_work_note(w, CPU_NOTE_REMARK, NULL, NULL, asked->origin,
				"%c%s has no effect: %s", asked->on ? '+' : '-', f->name, who);
			continue;
		}
		if (asked->on)
			feature_set_add(set, f->id);
		else
			feature_set_remove(set, f->id);
		cpu_work_decide(w, f->id, asked->on, "CPU-09", asked->origin, f->name);
	}
}

/* KVM provides these itself, whatever the processor: a named model has them where KVM does. */
static const feature_id provided[] = {
	FEATURE_ID_x2apic,
	FEATURE_ID_kvmclock,
	FEATURE_ID_kvmclock2,
	FEATURE_ID_kvmclock_stable_bit,
	FEATURE_ID_kvm_nopiodelay,
	FEATURE_ID_kvm_asyncpf,
	FEATURE_ID_kvm_steal_time,
	FEATURE_ID_kvm_pv_eoi,
};

void cpu_provided_features(struct feature_set *ret_set)
{
	*ret_set = (struct feature_set){ { 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(provided); i++)
		feature_set_add(ret_set, provided[i]);
}

static void apply_provided(struct cpu_work *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(provided); i++) {
		const struct feature *f = feature_by_id(provided[i]);
		/* Behind Hyper-V's leaves KVM's are there only for what the policy names. */
		if (f && f->attributes & FEATURE_PV && w->hypervisor != CPU_HYPERVISOR_KVM)
			continue;
		bool apart = provided[i] == FEATURE_ID_x2apic &&
			     !feature_set_has(&w->r->wanted, FEATURE_ID_apic);
		if (apart || !feature_set_has(&w->can, provided[i]) ||
			feature_set_has(&w->r->wanted, provided[i]))
			continue;
		feature_set_add(&w->r->wanted, provided[i]);
		cpu_work_decide(w, provided[i], true, "CPU-04", NULL, NULL);
	}
}

static bool is_passthrough(const char *model)
{
	return strcmp(model, "host") == 0 || strcmp(model, "max") == 0;
}

int cpu_check_model(struct cpu_work *w)
{
	static const char hint[] = "`nestor cpuid models` lists the models";
	const struct policy_text *model = cpu_work_text(w, offsetof(struct cpu_policy, model));
	if (!model || is_passthrough(model->text) || cpu_model_find(model->text))
		return 0;
	const char *near = cpu_model_nearest(model->text);
	const struct fault what = { "unknown-model", "cpu.model", at(model->origin), hint };
	int rc = err_fault(w->e, -EINVAL, &what, "unknown model %s%s%s%s", model->text,
		near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
	return err_hint(w->e, rc, "%s", hint);
}

/* A vendor that was asked for by name is the user's own decision. */
static int check_vendor(struct cpu_work *w, const struct cpu_model *m, const char *origin)
{
	enum cpuid_vendor host = cpuid_vendor(&w->host->supported);
	if (m->vendor_id[0] == '\0' || m->vendor == host ||
		cpu_work_text(w, offsetof(struct cpu_policy, vendor)))
		return 0;
	(void)err_set(w->e, -ENOTSUP, "%s: cpu.model: %s is a model of %s, but this host is %s",
		at(origin), m->name, m->vendor_id,
		host == CPUID_VENDOR_INTEL ? "GenuineIntel"
		: host == CPUID_VENDOR_AMD ? "AuthenticAMD"
					   : "of another vendor");
	return err_hint(w->e, -ENOTSUP,
		"name a model of this host's vendor; cpu.vendor beside it forces another vendor's");
}

/* A policy for one vendor's processors alone, whatever vendor the guest sees. */
static int check_host_vendor(struct cpu_work *w)
{
	const struct policy_text *want = cpu_work_text(w, offsetof(struct cpu_policy, host_vendor));
	char id[13], has[13];
	int rc = want ? cpu_resolve_vendor("cpu.host_vendor", want, id, w->e) : 0;
	if (!want || rc)
		return rc;
	cpu_table_vendor_id(&w->host->supported, has);
	if (strcmp(id, has) == 0)
		return 0;
	return err_set(w->e, -ENOTSUP,
		"%s: cpu.host_vendor = \"%s\", but this host's processor is %s", at(want->origin),
		want->text, has);
}

/* A VM cannot migrate between vendors, whatever features they share. */
static int check_cluster(struct cpu_work *w)
{
	if (w->source == w->host ||
		cpuid_vendor(&w->source->supported) == cpuid_vendor(&w->host->supported))
		return 0;
	const char *origin = cpu_work_policy(w)->migration_origin;
	(void)err_set(w->e, -ENOTSUP,
		"%s: the hosts of cpu.migration_cluster have processors of another vendor than "
		"this "
		"host",
		at(origin));
	return err_hint(w->e, -ENOTSUP, "run it on a host of the cluster");
}

/*
 * Model "host" is the host's processor, which has nothing of another vendor's; KVM may. What needs
 * such a feature goes with it, without a word: nobody asked for it.
 */
static void return_borrowed(struct cpu_work *w, const char *origin)
{
	struct feature_set borrowed, with = w->r->wanted, without = with;
	feature_set_borrowed(cpuid_vendor(&w->source->supported), &borrowed);
	feature_set_subtract(&without, &borrowed);
	feature_set_close(&with, NULL, NULL);
	feature_set_close(&without, NULL, NULL);
	feature_set_subtract(&with, &without);
	feature_set_or(&borrowed, &with);
	feature_set_and(&borrowed, &w->r->wanted);
	feature_set_subtract(&w->r->wanted, &borrowed);
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++)
		cpu_work_decide_word(w, i, borrowed.w[i], 0, "CPU-32", origin, NULL);
}

static int apply_model(struct cpu_work *w)
{
	int rc = check_cluster(w);
	if (rc == 0)
		rc = check_host_vendor(w);
	if (rc)
		return rc;
	const struct policy_text *model = cpu_work_text(w, offsetof(struct cpu_policy, model));
	const char *name = model ? model->text : "host";
	const char *origin = model ? model->origin : NULL;
	struct cpu_result *r = w->r;
	w->emulated = strcmp(name, "max") == 0;
	r->model = is_passthrough(name) ? NULL : cpu_model_find(name);
	w->passthrough = !r->model; /* also where the name is unknown, and refused already */
	cpu_features_of_host(w->host, w->emulated, &w->can);
	if (!w->passthrough) {
		rc = check_vendor(w, r->model, origin);
		if (rc)
			return rc;
		r->wanted = r->model->features;
	} else {
		/* A cluster's features are taken from this host's, by a rule of their own; what
		 * this host lacks of them is missing. */
		struct feature_set shared;
		r->wanted = w->can;
		cpu_features_of_host(w->source, w->emulated, &shared);
		feature_set_or(&r->wanted, &shared);
		/* A hint is the user's to give. */
		struct feature_set hints;
		feature_set_of_attribute(FEATURE_HINT, &hints);
		feature_set_subtract(&r->wanted, &hints);
	}
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++)
		cpu_work_decide_word(w, i, feature_word(i)->named, r->wanted.w[i],
			!w->passthrough ? "CPU-03"
			: w->emulated   ? "CPU-02"
					: "CPU-01",
			origin, name);
	if (!w->passthrough)
		apply_provided(w);
	else if (!w->emulated)
		return_borrowed(w, origin);
	return 0;
}

/* Removes all of mask from the wanted set; what was asked for by name is a contradiction. */
static int remove_all(struct cpu_work *w, const struct feature_set *mask, const char *rule,
	const char *origin, const char *why)
{
	struct feature_set gone = w->r->wanted;
	int rc = 0;
	feature_set_and(&gone, mask);
	feature_set_subtract(&w->r->wanted, mask);
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++)
		cpu_work_decide_word(w, i, gone.w[i], 0, rule, origin, NULL);
	for (feature_id id = feature_set_next(&gone, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&gone, (feature_id)(id + 1))) {
		const struct policy_feature *asked = cpu_work_asking(w, id);
		if (asked && asked->on)
			rc = err_fault(w->e, -EINVAL,
				&(struct fault){ "contradiction", cpu_asked_key(w, asked),
					at(asked->origin), NULL },
				"+%s contradicts %s", asked->name, why);
		else if (!w->passthrough && !rc)
			cpu_work_note(w, CPU_NOTE_REMOVED, &id, NULL, origin, "by %s", why);
	}
	return rc;
}

static int first(int rc, int later)
{
	return rc ? rc : later;
}

static void invert(struct feature_set *set)
{
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++)
		set->w[i] = ~set->w[i];
}

/* What lives in basic leaves above 2 (SDM vol. 4, IA32_MISC_ENABLE bit 22, Limit CPUID Maxval). */
static void beyond_leaf_2(struct feature_set *ret_set)
{
	*ret_set = (struct feature_set){ { 0 } };
	for (unsigned i = 0; i < FEATURE_NR_WORDS; i++) {
		const struct feature_word *f = feature_word(i);
		if (f->kind == FEATURE_WORD_CPUID && f->leaf > 2 && f->leaf < 0x40000000)
			ret_set->w[i] = UINT32_MAX;
	}
	feature_set_add(ret_set, FEATURE_ID_xsave); /* its sizes are in leaf 0xD */
}

static int apply_modes(struct cpu_work *w)
{
	const struct cpu_policy *p = cpu_work_policy(w);
	struct feature_set mask;
	int rc = 0;
	if (p->migration == CPU_MIGRATION_MINIMUM) {
		cpu_minimum_features(&mask);
		invert(&mask);
		rc = remove_all(w, &mask, "CPU-05", p->migration_origin,
			"compatibility_for_migration_mode = \"minimum_feature_set\"");
	} else if (p->migration == CPU_MIGRATION_CLUSTER && p->cluster) {
		cpu_features_of_host(p->cluster, w->emulated, &mask);
		/* The shape decides these. What else is managed, some KVM may lack. */
		feature_set_add(&mask, FEATURE_ID_ht);
		feature_set_add(&mask, FEATURE_ID_cmp_legacy);
		invert(&mask);
		rc = remove_all(w, &mask, "CPU-06", p->migration_origin,
			"the hosts of cpu.migration_cluster, which do not all have it");
	}
	if (cpu_goes_on(w, rc) && w->migratable) {
		feature_set_of_attribute(FEATURE_IMMOBILE, &mask);
		int more = remove_all(w, &mask, "CPU-07", p->migration_origin,
			"compatibility_for_migration_enabled, as it does not survive a migration");
		rc = first(rc, more);
	}
	if (cpu_goes_on(w, rc) && w->older_os) {
		beyond_leaf_2(&mask);
		int more = remove_all(w, &mask, "CPU-08", p->older_os_origin,
			"compatibility_for_older_operating_systems");
		rc = first(rc, more);
	}
	return rc;
}

/* KVM's own features have no place where its leaves are not shown. */
static int apply_hypervisor(struct cpu_work *w)
{
	struct feature_set pv;
	if (w->hypervisor == CPU_HYPERVISOR_KVM)
		return 0;
	feature_set_of_attribute(FEATURE_PV, &pv);
	if (w->hypervisor == CPU_HYPERVISOR_NONE) {
		feature_set_add(&pv, FEATURE_ID_hypervisor);
		return remove_all(w, &pv, "CPU-21", NULL, "cpu.hypervisor = \"none\"");
	}
	for (feature_id id = feature_set_next(&pv, 0); id < FEATURE_NR_WORDS * 32;
		id = feature_set_next(&pv, (feature_id)(id + 1))) {
		const struct policy_feature *asked = cpu_work_asking(w, id);
		if (!(asked && asked->on) && feature_set_has(&w->r->wanted, id)) {
			feature_set_remove(&w->r->wanted, id);
			cpu_work_decide(w, id, false, "CPU-21", NULL, NULL);
		}
	}
	return 0;
}

static int withdraw(struct cpu_work *w)
{
	const struct cpu_policy *p = cpu_work_policy(w);
	int rc = 0;
	for (size_t i = 0; i < p->nr_withdrawals; i++) {
		const struct policy_withdrawal *gone = &p->withdrawals[i];
		const struct policy_feature *asked = cpu_work_asking(w, gone->feature);
		if (asked && asked->on) {
			rc = err_fault(w->e, -EINVAL,
				&(struct fault){ "contradiction", cpu_asked_key(w, asked),
					at(asked->origin), NULL },
				"+%s contradicts %s%s%s", asked->name, gone->by,
				gone->origin ? " at " : "", gone->origin ? gone->origin : "");
			continue;
		}
		feature_set_remove(&w->r->wanted, gone->feature);
		cpu_work_decide(w, gone->feature, false, gone->rule, gone->origin, NULL);
	}
	return cpu_goes_on(w, rc) ? first(rc, cpu_close(w, &w->r->wanted, CPU_CLOSE_SILENT)) : rc;
}

static int close_strictly(struct cpu_work *w)
{
	return cpu_close(w, &w->r->wanted, CPU_CLOSE_STRICT);
}

int cpu_stage_wanted(struct cpu_work *w)
{
	static int (*const steps[])(
		struct cpu_work * w) = { apply_modes, apply_hypervisor, close_strictly, withdraw };
	int rc = apply_model(w);
	if (rc)
		return rc;
	cpu_apply_needs(w);
	for (unsigned i = 0; i < w->nr_layers; i++)
		apply_features(w, w->layers[i]);
	feature_set_remove(&w->r->wanted, FEATURE_ID_osxsave);
	feature_set_remove(&w->r->wanted, FEATURE_ID_ospke);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && cpu_goes_on(w, rc); i++)
		rc = first(rc, steps[i](w));
	return rc;
}
