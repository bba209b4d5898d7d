/* SPDX-License-Identifier: MIT */
#include "nested.h"

#include "fake/cmocka.h"
#include "fake/hosts_everything.h"

#include "cpuid/engine.h"
#include "nesting/nesting.h"
#include "nesting/vmx.h"

#include <stdio.h>
#include <stdlib.h>

void nested_host_everything(enum cpuid_vendor vendor, struct host_facts *ret)
{
	host_everything(vendor, ret);
}

struct nested *nested_create(enum cpuid_vendor vendor)
{
	struct nested *n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->config.memory.size_bytes = 256 * MIB;
	n->config.cpu.vcpus = 1;
	n->config.nesting.expose_virtualization_extensions = true;
	n->config.nesting.features.items = n->texts;
	n->policy.on_missing_given = true;
	n->policy.on_missing = CPU_MISSING_DROP;
	n->policy.knob_origin = "vm.toml:3:1";
	n->policy.profile_origin = "vm.toml:4:11";
	nested_host_everything(vendor, &n->host);
	return n;
}

void nested_destroy(struct nested *n)
{
	machine_plan_done(&n->plan);
	cpu_trace_done(&n->trace);
	free(n);
}

bool nested_host_of_model(struct nested *n, const struct cpu_model *m)
{
	struct feature_set set = m->features;
	if (m->vendor != CPUID_VENDOR_INTEL && m->vendor != CPUID_VENDOR_AMD)
		return false;
	struct host_facts *all = calloc(1, sizeof(*all));
	assert_non_null(all);
	host_everything(m->vendor, all);
	feature_set_add(&set, m->vendor == CPUID_VENDOR_INTEL ? FEATURE_ID_vmx : FEATURE_ID_svm);
	host_with_features(all, &set, &n->host);
	free(all);
	return true;
}

void nested_ask(struct nested *n, bool on, const char *name)
{
	struct config_texts *t = &n->config.nesting.features;
	static char origins[NESTED_MAX_NAMED][24];
	assert_true(t->n < NESTED_MAX_NAMED);
	(void)snprintf(n->names[t->n], sizeof(n->names[0]), "%c%s", on ? '+' : '-', name);
	(void)snprintf(origins[t->n], sizeof(origins[0]), "vm.toml:9:%zu", t->n + 1);
	n->texts[t->n] = (struct config_text){ n->names[t->n], origins[t->n] };
	t->n++;
}

int nested_plan(struct nested *n)
{
	machine_plan_done(&n->plan);
	cpu_trace_done(&n->trace);
	n->e = (struct err)ERR_INIT;
	return plan_machine(&n->config, &n->policy, &n->host, &n->trace, &n->plan, &n->e);
}

static uint32_t twin_of(uint32_t msr)
{
	return msr >= 0x48d && msr <= 0x490 ? msr - 0x48d + 0x481 : 0;
}

bool nested_shows(const struct nested *n, feature_id id)
{
	const struct feature_word *w = feature_word(id / 32u);
	uint32_t bit = UINT32_C(1) << (id % 32);
	uint64_t value = 0;
	if (w->kind == FEATURE_WORD_CPUID)
		return cpuid_value(&n->plan.cpu.table, w->leaf, w->subleaf, w->reg) & bit;
	bool shown = false;
	if (msr_policy_get(&n->plan.cpu.msrs, w->msr, &value))
		shown = ((uint32_t)(value >> w->shift) ^ (w->inverted ? UINT32_MAX : 0)) & bit;
	if (twin_of(w->msr) && w->shift == 32 &&
		msr_policy_get(&n->plan.cpu.msrs, twin_of(w->msr), &value))
		shown |= value >> 32 & bit;
	return shown;
}

/* MSRs of capabilities that are there do not fault; those that are not do, and say nothing. */
static void check_absent(const struct nested *n)
{
	static const struct {
		uint32_t first, last;
		feature_id a, b;
	} rows[] = {
		{ 0x48b, 0x48b, FEATURE_ID_vmx_secondary_ctls, FEATURE_ID_vmx_secondary_ctls },
		{ 0x48c, 0x48c, FEATURE_ID_vmx_ept, FEATURE_ID_vmx_vpid },
		{ 0x48d, 0x490, FEATURE_ID_vmx_true_ctls, FEATURE_ID_vmx_true_ctls },
		{ 0x491, 0x491, FEATURE_ID_vmx_vmfunc, FEATURE_ID_vmx_vmfunc },
		{ 0x492, 0x492, FEATURE_ID_vmx_tertiary_ctls, FEATURE_ID_vmx_tertiary_ctls },
		{ 0x493, 0x493, FEATURE_ID_vmx_exit_secondary_ctls,
			FEATURE_ID_vmx_exit_secondary_ctls },
	};
	const struct msr_policy *p = &n->plan.cpu.msrs;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool has = feature_set_has(&n->plan.cpu.features, rows[i].a) ||
			   feature_set_has(&n->plan.cpu.features, rows[i].b);
		for (uint32_t msr = rows[i].first; msr <= rows[i].last; msr++) {
			uint64_t value = 0;
			if (!msr_policy_get(p, msr, &value))
				continue;
			assert_int_equal(
				msr_policy_access(p, msr, false).action, has ? MSR_KVM : MSR_DENY);
			if (!has && msr != 0x48b && (msr < 0x48d || msr > 0x490))
				assert_int_equal(value, 0);
		}
	}
}

void nested_check_laws(const struct nested *n)
{
	const struct cpu_result *cpu = &n->plan.cpu;
	struct err e = ERR_INIT;
	struct feature_set can;
	size_t nr_rows = 0;
	if (vmx_caps_check(&cpu->table, cpu->msrs.set, cpu->msrs.nr_set, &e))
		fail_msg("%s", e.msg);
	if (vmx_caps_check_subset(cpu->msrs.set, cpu->msrs.nr_set, n->host.feature_msrs,
		    n->host.nr_feature_msrs, &e))
		fail_msg("%s", e.msg);
	cpu_features_of_host(&n->host, false, &can);
	const struct feature_requirement *rows = feature_requirements(&nr_rows);
	for (size_t i = 0; i < nr_rows; i++) {
		if (nesting_extensions_of(rows[i].feature) &&
			feature_set_has(&cpu->features, rows[i].feature) &&
			!feature_set_has(&cpu->features, rows[i].required))
			fail_msg("%s without %s", feature_by_id(rows[i].feature)->name,
				feature_by_id(rows[i].required)->name);
	}
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		const struct feature *f = feature_at(i);
		if (!nesting_extensions_of(f->id))
			continue;
		bool has = feature_set_has(&cpu->features, f->id);
		if (has && !feature_set_has(&can, f->id))
			fail_msg("%s is more than the host has", f->name);
		if (has != nested_shows(n, f->id))
			fail_msg("%s is %s", f->name, has ? "not shown" : "still shown");
	}
	if (cpuid_has_vmx(&cpu->table)) {
		uint64_t value = 0;
		check_absent(n);
		assert_true(msr_policy_get(&cpu->msrs, MSR_IA32_FEATURE_CONTROL, &value));
		assert_int_equal(value, 5);
	}
}
