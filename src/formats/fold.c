/* SPDX-License-Identifier: MIT */
#include "formats/fold.h"

#include "formats/input.h"

#include <errno.h>
#include <string.h>

#define MAX_LAYERS (CPU_MAX_MODEL_FILES + 1) /* without [nesting], which is folded nowhere */

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory");
}

static const char *at(const char *origin)
{
	return origin ? origin : "the policy";
}

static int unknown_feature(const struct policy_feature *asked, struct err *e)
{
	const char *near = feature_nearest(asked->name);
	return input_fail(e, "%s: unknown feature %s%s%s%s", at(asked->origin), asked->name,
		near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Decides a feature that nothing has decided yet. -ENOMEM. */
static int decide(struct fold *f, feature_id id, bool on, struct err *e)
{
	const struct feature *feature = feature_by_id(id);
	if (!feature || feature_set_has(&f->on, id) || feature_set_has(&f->off, id))
		return 0;
	const struct policy_feature decided = { .name = feature->name, .on = on };
	if (policy_doc_add_feature(f->doc, &decided))
		return no_memory(e);
	feature_set_add(on ? &f->on : &f->off, id);
	return 0;
}

/* Layers come from the outermost to the innermost, so that the first word on a feature stands. */
static int add_features(struct fold *f, const struct cpu_policy *p, struct err *e)
{
	struct feature_set on = { { 0 } }, off = { { 0 } };
	for (size_t i = 0; i < p->nr_features; i++) {
		const struct policy_feature *asked = &p->features[i];
		const struct feature *feature = feature_find(asked->name);
		if (!feature)
			return unknown_feature(asked, e);
		if (feature_set_has(asked->on ? &off : &on, feature->id))
			return input_fail(e, "%s: both +%s and -%s are asked for",
				at(asked->origin), feature->name, feature->name);
		feature_set_add(asked->on ? &on : &off, feature->id);
		int rc = decide(f, feature->id, asked->on, e);
		if (rc)
			return rc;
	}
	return 0;
}

static bool same_leaves(const struct policy_leaf *a, const struct policy_leaf *b)
{
	return a->leaf == b->leaf && a->reg == b->reg && a->any_subleaf == b->any_subleaf &&
	       (a->any_subleaf || a->subleaf == b->subleaf);
}

/* Adds a layer's leaf rules without the bits on which a later one, or an outer layer's, has
 * another word. */
static int add_leaves(
	struct fold *f, const struct cpu_policy *const *layers, unsigned i, struct err *e)
{
	const struct cpu_policy *p = layers[i];
	for (size_t k = 0; k < p->nr_leaves; k++) {
		struct policy_leaf rule = p->leaves[k];
		for (unsigned j = 0; j <= i; j++) {
			for (size_t m = j == i ? k + 1 : 0; m < layers[j]->nr_leaves; m++) {
				const struct policy_leaf *later = &layers[j]->leaves[m];
				if (same_leaves(&rule, later)) {
					rule.set &= ~later->clear;
					rule.clear &= ~later->set;
				}
			}
		}
		if ((rule.set || rule.clear) && policy_doc_add_leaf(f->doc, &rule))
			return no_memory(e);
	}
	return 0;
}

static int add_msr_bits(
	struct fold *f, const struct cpu_policy *const *layers, unsigned i, struct err *e)
{
	const struct cpu_policy *p = layers[i];
	for (size_t k = 0; k < p->nr_msr_bits; k++) {
		struct policy_msr_bits rule = p->msr_bits[k];
		for (unsigned j = 0; j <= i; j++) {
			for (size_t m = j == i ? k + 1 : 0; m < layers[j]->nr_msr_bits; m++) {
				const struct policy_msr_bits *later = &layers[j]->msr_bits[m];
				if (rule.index == later->index) {
					rule.set &= ~later->clear;
					rule.clear &= ~later->set;
				}
			}
		}
		if ((rule.set || rule.clear) && policy_doc_add_msr_bits(f->doc, &rule))
			return no_memory(e);
	}
	return 0;
}

/* Everything of a layer that is a list with an order of its own: the innermost layer first. */
static int add_lists(
	struct fold *f, const struct cpu_policy *const *layers, unsigned i, struct err *e)
{
	int rc = add_leaves(f, layers, i, e);
	if (rc == 0)
		rc = add_msr_bits(f, layers, i, e);
	for (size_t k = 0; rc == 0 && k < layers[i]->nr_msr_rules; k++) {
		if (policy_doc_add_msr_rule(f->doc, &layers[i]->msr_rules[k]))
			rc = no_memory(e);
	}
	return rc;
}

static void take_text(struct policy_text *to, const struct policy_text *from)
{
	if (!to->text)
		*to = *from;
}

static void take_number(struct policy_number *to, const struct policy_number *from)
{
	if (!to->given)
		*to = *from;
}

/* From the outermost to the innermost: the first that is given stands. */
static void take_scalars(struct cpu_policy *to, const struct cpu_policy *from)
{
	take_text(&to->model, &from->model);
	take_text(&to->vendor, &from->vendor);
	take_text(&to->host_vendor, &from->host_vendor);
	take_text(&to->brand, &from->brand);
	take_number(&to->family, &from->family);
	take_number(&to->model_number, &from->model_number);
	take_number(&to->stepping, &from->stepping);
	take_number(&to->phys_bits, &from->phys_bits);
	take_number(&to->tsc_khz, &from->tsc_khz);
	if (!to->on_missing_given) {
		to->on_missing_given = from->on_missing_given;
		to->on_missing = from->on_missing;
	}
	if (!to->hypervisor_given) {
		to->hypervisor_given = from->hypervisor_given;
		to->hypervisor = from->hypervisor;
	}
	if (!to->cache_given) {
		to->cache_given = from->cache_given;
		to->cache = from->cache;
	}
	if (to->migration == CPU_MIGRATION_OFF)
		to->migration = from->migration;
	to->older_os = to->older_os || from->older_os;
	to->msr_default_deny = to->msr_default_deny || from->msr_default_deny;
}

static int resolve_model(struct fold *f, struct err *e)
{
	const struct policy_text *model = &f->policy->model;
	f->model_name = model->text ? model->text : "host";
	if (strcmp(f->model_name, "host") == 0 || strcmp(f->model_name, "max") == 0)
		return 0;
	f->model = cpu_model_find(f->model_name);
	if (f->model)
		return 0;
	const char *near = cpu_model_nearest(f->model_name);
	return input_fail(e, "%s: unknown model %s%s%s%s", at(model->origin), f->model_name,
		near ? ", did you mean " : "", near ? near : "", near ? "?" : "");
}

int fold_init(struct fold *f, const struct cpu_policy *policy, struct err *e)
{
	const struct cpu_policy *layers[MAX_LAYERS];
	unsigned nr = 0;
	*f = (struct fold){ .doc = policy_doc_create() };
	if (!f->doc)
		return no_memory(e);
	f->policy = policy_doc_policy(f->doc);
	for (const struct cpu_policy *p = policy; p; p = p->base) {
		if (nr == MAX_LAYERS)
			return input_fail(
				e, "more than %d model files, one under the other", MAX_LAYERS);
		layers[nr++] = p;
	}
	struct cpu_policy *all = policy_doc_edit(f->doc);
	/* Of the outermost layer only, as the engine has it. */
	all->topology = policy->topology;
	all->nesting = policy->nesting;
	all->knob_origin = policy->knob_origin;
	all->max_depth = policy->max_depth;
	all->hyperv_features = policy->hyperv_features;
	all->nr_hyperv_features = policy->nr_hyperv_features;
	all->hyperv_spinlock_retries = policy->hyperv_spinlock_retries;
	all->hyperv_vendor_id = policy->hyperv_vendor_id;
	int rc = 0;
	for (unsigned i = 0; i < nr && rc == 0; i++) {
		take_scalars(all, layers[i]);
		rc = add_features(f, layers[i], e);
	}
	for (unsigned i = nr; i-- > 0 && rc == 0;)
		rc = add_lists(f, layers, i, e);
	return rc ? rc : resolve_model(f, e);
}

void fold_done(struct fold *f)
{
	policy_doc_destroy(f->doc);
	*f = (struct fold){ 0 };
}
