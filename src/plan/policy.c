/* SPDX-License-Identifier: MIT */
#include "plan/policy.h"

#include "plan/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct vm_policy {
	struct cpu_policy policy;
	struct policy_feature *features;
	struct policy_feature *hyperv_features, *nesting_features;
	struct policy_leaf *leaves;
	struct msr_rule *rules;
	struct policy_msr_bits *bits;
};

static struct policy_text text_of(const struct config *c, const char *key, const char *text)
{
	return (struct policy_text){ text, text ? config_given(c, key) : NULL };
}

static struct policy_number number_of(const struct config *c, const char *key, uint64_t value)
{
	const char *origin = config_given(c, key);
	return (struct policy_number){ origin != NULL, value, origin };
}

/* "cpu.leaves[3].mask" */
static const char *element_origin(
	const struct config *c, const char *array, size_t i, const char *key)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%s[%zu].%s", array, i, key);
	return config_given(c, path);
}

/* "+NAME" and "-NAME"; NULL: out of memory. */
static struct policy_feature *features_of(const struct config_texts *texts)
{
	struct policy_feature *features = calloc(texts->n + 1, sizeof(*features));
	for (size_t i = 0; features && i < texts->n; i++)
		features[i] = (struct policy_feature){
			.name = texts->items[i].text + 1,
			.on = texts->items[i].text[0] == '+',
			.origin = texts->items[i].origin,
		};
	return features;
}

static int fill_features(struct vm_policy *p, const struct vm_config *vm)
{
	p->policy.features = p->features = features_of(&vm->cpu.features);
	p->policy.nr_features = vm->cpu.features.n;
	return p->features ? 0 : -ENOMEM;
}

/* Its words; what they do is in plan/cpu.c. */
static int fill_nesting(struct vm_policy *p, const struct vm_config *vm)
{
	static const char *const extensions[] = { NULL, "svm", "vmx" }; /* enum config_extensions */
	struct policy_nesting *to = &p->policy.nesting;
	size_t its = (size_t)vm->nesting.extensions;
	to->knob = vm->nesting.expose_virtualization_extensions ? POLICY_KNOB_EXPOSED
								: POLICY_KNOB_HIDDEN;
	to->extensions = its < ARRAY_SIZE(extensions) ? extensions[its] : NULL;
	to->profile = vm->nesting.profile == CONFIG_PROFILE_FULL
			      ? NULL
			      : config_nesting_profile_name(vm->nesting.profile);
	to->require = vm->nesting.require;
	to->features = p->nesting_features = features_of(&vm->nesting.features);
	to->nr_features = vm->nesting.features.n;
	return p->nesting_features ? 0 : -ENOMEM;
}

static int fill_hyperv(struct vm_policy *p, const struct config *c, const struct vm_config *vm)
{
	struct cpu_policy *to = &p->policy;
	to->hyperv_features = p->hyperv_features = features_of(&vm->hyperv.features);
	to->nr_hyperv_features = vm->hyperv.features.n;
	to->hyperv_spinlock_retries =
		number_of(c, "hyperv.spinlock_retries", vm->hyperv.spinlock_retries);
	to->hyperv_vendor_id = text_of(c, "hyperv.vendor_id", vm->hyperv.vendor_id);
	to->hyperv_recommended = vm->nesting.expose_virtualization_extensions &&
				 vm->nesting.profile == CONFIG_PROFILE_HYPERV;
	to->hyperv_recommended_origin = config_given(c, "nesting.profile");
	return p->hyperv_features ? 0 : -ENOMEM;
}

static int fill_leaves(struct vm_policy *p, const struct config *c, const struct vm_config *vm)
{
	p->leaves = calloc(vm->cpu.nr_leaves + 1, sizeof(*p->leaves));
	if (!p->leaves)
		return -ENOMEM;
	for (size_t i = 0; i < vm->cpu.nr_leaves; i++) {
		const struct config_leaf *leaf = &vm->cpu.leaves[i];
		p->leaves[i] = (struct policy_leaf){
			.leaf = (uint32_t)leaf->leaf,
			.any_subleaf = leaf->any_subleaf,
			.subleaf = (uint32_t)leaf->subleaf,
			.reg = (enum cpuid_reg)leaf->reg,
			.set = (uint32_t)leaf->mask.set,
			.clear = (uint32_t)leaf->mask.clear,
			.origin = element_origin(c, "cpu.leaves", i, "mask"),
		};
	}
	p->policy.leaves = p->leaves;
	p->policy.nr_leaves = vm->cpu.nr_leaves;
	return 0;
}

static struct msr_rule rule_of(const struct config_msr_rule *from, const char *origin)
{
	struct msr_rule r = {
		.first = from->from,
		.last = from->to,
		.log = from->log || from->action == MSR_ACTION_LOG,
		.id = "MSR-RULE",
		.origin = origin,
	};
	switch (from->action) {
	case MSR_ACTION_ALLOW:
	case MSR_ACTION_LOG:
		r.read = r.write = MSR_KVM;
		break;
	case MSR_ACTION_DENY:
		r.read = r.write = MSR_DENY;
		break;
	case MSR_ACTION_READ_AS:
		r.read = MSR_VALUE;
		r.value = from->value;
		break;
	case MSR_ACTION_IGNORE_WRITE:
		r.write = MSR_IGNORE;
		break;
	}
	return r;
}

static int fill_msrs(struct vm_policy *p, const struct config *c, const struct vm_config *vm)
{
	p->rules = calloc(vm->msr.nr_rules + 1, sizeof(*p->rules));
	p->bits = calloc(vm->msr.nr_bits + 1, sizeof(*p->bits));
	if (!p->rules || !p->bits)
		return -ENOMEM;
	for (size_t i = 0; i < vm->msr.nr_rules; i++)
		p->rules[i] =
			rule_of(&vm->msr.rules[i], element_origin(c, "msr.rules", i, "action"));
	for (size_t i = 0; i < vm->msr.nr_bits; i++)
		p->bits[i] = (struct policy_msr_bits){
			.index = (uint32_t)vm->msr.bits[i].index,
			.set = vm->msr.bits[i].mask.set,
			.clear = vm->msr.bits[i].mask.clear,
			.origin = element_origin(c, "msr.bits", i, "mask"),
		};
	p->policy.msr_default_deny = vm->msr.fallback == MSR_DEFAULT_DENY;
	p->policy.msr_rules = p->rules;
	p->policy.nr_msr_rules = vm->msr.nr_rules;
	p->policy.msr_bits = p->bits;
	p->policy.nr_msr_bits = vm->msr.nr_bits;
	return 0;
}

static void fill_scalars(struct cpu_policy *p, const struct config *c, const struct vm_config *vm)
{
	/* The model that is a file is `base`; its path is no model's name. */
	if (!p->base)
		p->model = text_of(c, "cpu.model", vm->cpu.model);
	p->vendor = text_of(c, "cpu.vendor", vm->cpu.vendor);
	p->host_vendor = text_of(c, "cpu.host_vendor", vm->cpu.host_vendor);
	p->brand = text_of(c, "cpu.brand", vm->cpu.brand);
	p->family = number_of(c, "cpu.family", vm->cpu.family);
	p->model_number = number_of(c, "cpu.model_number", vm->cpu.model_number);
	p->stepping = number_of(c, "cpu.stepping", vm->cpu.stepping);
	p->phys_bits = number_of(c, "cpu.phys_bits", vm->cpu.phys_bits);
	p->tsc_khz = number_of(c, "cpu.tsc_frequency", vm->cpu.tsc_khz);
	p->on_missing_given = config_given(c, "cpu.on_missing");
	p->hypervisor_origin = config_given(c, "cpu.hypervisor");
	p->hypervisor_given = p->hypervisor_origin != NULL;
	p->cache_given = config_given(c, "cpu.cache");
	p->on_missing = (enum cpu_on_missing)vm->cpu.on_missing;
	p->hypervisor = (enum cpu_hypervisor)vm->cpu.hypervisor;
	p->cache = (enum cpu_cache)vm->cpu.cache;
	p->older_os = vm->cpu.compatibility_for_older_operating_systems;
	p->older_os_origin = config_given(c, "cpu.compatibility_for_older_operating_systems");
	p->knob_origin = config_given(c, "nesting.expose_virtualization_extensions");
	p->extensions_origin = config_given(c, "nesting.extensions");
	p->profile_origin = config_given(c, "nesting.profile");
	p->require_origin = config_given(c, "nesting.require");
	p->max_depth = number_of(c, "nesting.max_depth", vm->nesting.max_depth);
	if (!vm->cpu.compatibility_for_migration_enabled)
		return;
	p->migration_origin = config_given(c, "cpu.compatibility_for_migration_enabled");
	p->migration =
		vm->cpu.compatibility_for_migration_mode == MIGRATION_COMMON_CLUSTER_FEATURE_SET
			? CPU_MIGRATION_CLUSTER
			: CPU_MIGRATION_MINIMUM;
}

int vm_policy_create(struct vm_policy **ret_policy, const struct config *config,
	const struct vm_config *vm, const struct cpu_policy *base, const struct host_facts *cluster,
	const struct host_facts *host, struct err *e)
{
	struct vm_policy *p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->policy.base = base;
	p->policy.cluster = cluster;
	fill_scalars(&p->policy, config, vm);
	int rc = fill_features(p, vm);
	if (rc == 0)
		rc = fill_nesting(p, vm);
	if (rc == 0)
		rc = fill_hyperv(p, config, vm);
	if (rc == 0)
		rc = fill_leaves(p, config, vm);
	if (rc == 0)
		rc = fill_msrs(p, config, vm);
	if (rc) {
		vm_policy_destroy(p);
		return err_set(e, rc, "out of memory");
	}
	rc = plan_shape(vm, host, &p->policy.topology, e);
	if (rc) {
		vm_policy_destroy(p);
		return rc;
	}
	*ret_policy = p;
	return 0;
}

const struct cpu_policy *vm_policy_get(const struct vm_policy *policy)
{
	return &policy->policy;
}

void vm_policy_destroy(struct vm_policy *policy)
{
	if (!policy)
		return;
	free(policy->features);
	free(policy->hyperv_features);
	free(policy->nesting_features);
	free(policy->leaves);
	free(policy->rules);
	free(policy->bits);
	free(policy);
}
