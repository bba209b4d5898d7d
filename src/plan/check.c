/* SPDX-License-Identifier: MIT */
#include "plan/check.h"

#include "cpuid/everything.h"
#include "cpuid/models.h"
#include "plan/devices.h"
#include "plan/plan.h"
#include "plan/policy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of processors that KVM runs on. */
static const enum cpuid_vendor vendors[] = { CPUID_VENDOR_INTEL, CPUID_VENDOR_AMD,
	CPUID_VENDOR_OTHER };

/* What came of a plan on a host of one vendor. */
struct trial {
	bool refused; /* by that host alone: it says nothing of others */
	struct findings faults;
};

struct check {
	const struct config *config;
	const struct vm_config *vm;
	const struct cpu_policy *policy;
	struct findings *found;
};

static struct fault fault_at(const struct check *c, const char *id, const char *key)
{
	return (struct fault){ id, key, config_given(c->config, key), NULL };
}

static void check_devices(const struct check *c, struct err *e)
{
	struct plan_device devices[PLAN_MAX_DEVICES];
	unsigned n = plan_devices(c->vm, devices);
	if (plan_devices_check(devices, n, c->config, e))
		return; /* said */
}

/* Addresses that the config itself has made too few. */
static void check_memory(const struct check *c, struct err *e)
{
	const struct policy_number *bits =
		cpu_policy_number(c->policy, offsetof(struct cpu_policy, phys_bits));
	struct plan_ram ram[PLAN_MAX_RAM];
	unsigned n = plan_ram_layout(c->vm, ram);
	uint64_t end = ram[n - 1].base.v + ram[n - 1].size_bytes;
	if (!bits || bits->value >= 64 || end <= UINT64_C(1) << bits->value)
		return;
	const struct fault what = fault_at(c, "memory", "memory.size");
	(void)err_fault(e, -EINVAL, &what,
		"RAM would end at %#" PRIx64 ", past the %" PRIu64
		" physical address bits of cpu.phys_bits%s%s",
		end, bits->value, bits->origin ? " at " : "", bits->origin ? bits->origin : "");
}

/* What a key says of the processors that the VM can run on. */
struct demand {
	const char *key, *origin;
	char text[64];
	enum cpuid_vendor vendor;
};

static enum cpuid_vendor vendor_of(const char *id)
{
	struct cpuid_table table = { .nr_entries = 0 };
	struct cpuid_entry *entry = cpuid_put(&table, 0, 0, false);
	uint32_t words[3];
	(void)memcpy(words, id, sizeof(words));
	if (entry) {
		entry->reg[CPUID_EBX] = words[0];
		entry->reg[CPUID_EDX] = words[1];
		entry->reg[CPUID_ECX] = words[2];
	}
	return cpuid_vendor(&table);
}

static unsigned find_demands(const struct check *c, struct demand demands[3])
{
	const struct cpu_policy *p = c->policy;
	const struct policy_text *host =
		cpu_policy_text(p, offsetof(struct cpu_policy, host_vendor));
	const struct policy_text *name = cpu_policy_text(p, offsetof(struct cpu_policy, model));
	const struct cpu_model *model = name ? cpu_model_find(name->text) : NULL;
	bool forced = cpu_policy_text(p, offsetof(struct cpu_policy, vendor)) != NULL;
	const char *extensions =
		p->nesting.knob == POLICY_KNOB_EXPOSED ? p->nesting.extensions : NULL;
	unsigned n = 0;
	if (model && model->vendor_id[0] && !forced) {
		demands[n] = (struct demand){ "cpu.model", name->origin, "", model->vendor };
		(void)snprintf(demands[n++].text, 64, "cpu.model = \"%.40s\"", name->text);
	}
	if (host && strlen(cpuid_vendor_id(host->text)) == 12) {
		demands[n] = (struct demand){ "cpu.host_vendor", host->origin, "",
			vendor_of(cpuid_vendor_id(host->text)) };
		(void)snprintf(demands[n++].text, 64, "cpu.host_vendor = \"%.20s\"", host->text);
	}
	if (extensions && strcmp(extensions, "svm") == 0) {
		demands[n++] = (struct demand){ "nesting.extensions", p->extensions_origin,
			"nesting.extensions = \"svm\"", CPUID_VENDOR_AMD };
	} else if (extensions) {
		enum cpuid_vendor vendor = CPUID_VENDOR_INTEL;
		for (unsigned i = 0; i < n; i++) {
			if (demands[i].vendor == CPUID_VENDOR_OTHER) /* Zhaoxin's have VMX, too */
				vendor = CPUID_VENDOR_OTHER;
		}
		demands[n++] = (struct demand){ "nesting.extensions", p->extensions_origin,
			"nesting.extensions = \"vmx\"", vendor };
	}
	return n;
}

/* Each alone is right, on some host. */
static void check_vendors(const struct check *c, struct err *e)
{
	struct demand demands[3];
	unsigned n = find_demands(c, demands);
	for (unsigned i = 1; i < n; i++) {
		const struct demand *a = &demands[0], *b = &demands[i];
		const struct fault what = { "contradiction", b->key, b->origin, NULL };
		if (a->vendor == b->vendor)
			continue;
		(void)err_fault(e, -EINVAL, &what,
			"%s contradicts %s%s%s: no processor is of both vendors", b->text, a->text,
			a->origin ? " at " : "", a->origin ? a->origin : "");
	}
}

static int try_vendor(
	const struct check *c, enum cpuid_vendor vendor, struct trial *trial, struct err *e)
{
	struct host_facts *host = malloc(sizeof(*host));
	struct machine_plan *plan = calloc(1, sizeof(*plan));
	struct err why = { .findings = &trial->faults };
	int rc = -ENOMEM;
	if (host && plan) {
		host_everything(vendor, host);
		host_give_hyperv(host, /* evmcs */ vendor == CPUID_VENDOR_INTEL);
		/* As many threads as there are vCPUs fit in cores of one. */
		host->threads_per_core = 1;
		rc = plan_machine(c->vm, c->policy, host, /* trace */ NULL, plan, &why);
		machine_plan_done(plan);
	}
	free(plan);
	free(host);
	if (rc == -ENOMEM)
		return err_set(e, -ENOMEM, "out of memory");
	if (rc && why.kind == ERR_CONFIG)
		findings_add_error(&trial->faults, 0, &why);
	for (size_t i = trial->faults.n; i-- > 0;) {
		if (trial->faults.items[i].level != FINDING_ERROR)
			findings_remove(&trial->faults, i);
	}
	trial->refused = rc && trial->faults.n == 0;
	return 0;
}

static bool is_in_all(const struct trial *trials, const struct finding *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		if (!trials[i].refused && !findings_has(&trials[i].faults, f))
			return false;
	}
	return true;
}

/*
 * What no host would do; and where each does without some, so that each refuses another thing, all
 * of that.
 */
static void judge(const struct trial *trials, struct findings *found)
{
	bool any_common = false, all_fail = true;
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		const struct findings *faults = &trials[i].faults;
		all_fail &= trials[i].refused || faults->n > 0;
		for (size_t k = 0; k < faults->n; k++)
			any_common |= is_in_all(trials, &faults->items[k]);
	}
	for (size_t i = 0; all_fail && i < ARRAY_SIZE(vendors); i++) {
		struct findings taken = { 0 };
		findings_merge(&taken, &trials[i].faults);
		for (size_t k = taken.n; k-- > 0;) {
			if (any_common && !is_in_all(trials, &taken.items[k]))
				findings_remove(&taken, k);
		}
		findings_merge(found, &taken);
		findings_done(&taken);
	}
}

static int try_all(const struct check *c, struct err *e)
{
	struct trial trials[ARRAY_SIZE(vendors)] = { 0 };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(vendors); i++)
		rc = try_vendor(c, vendors[i], &trials[i], e);
	if (rc == 0)
		judge(trials, c->found);
	for (size_t i = 0; i < ARRAY_SIZE(vendors); i++) {
		c->found->out_of_memory |= trials[i].faults.out_of_memory;
		findings_done(&trials[i].faults);
	}
	return rc;
}

/* The VM without a shape that cannot be, so that the rest can be looked at. */
static struct vm_config *without_shape(const struct vm_config *vm)
{
	struct vm_config *plain = malloc(sizeof(*plain));
	if (!plain)
		return NULL;
	*plain = *vm;
	plain->cpu.sockets = plain->cpu.dies = plain->cpu.cores = plain->cpu.threads = 0;
	plain->cpu.vcpus = 1;
	plain->cpu.threads_of_host = false;
	plain->cpu.nr_pinning = 0;
	return plain;
}

int plan_check(const struct config *config, const struct vm_config *vm,
	const struct cpu_policy *base, const struct host_facts *cluster, struct findings *found,
	struct err *e)
{
	struct vm_policy *made = NULL;
	struct vm_config *plain = NULL;
	struct findings own = { 0 };
	struct err why = { .findings = &own };
	int rc = vm_policy_create(&made, config, vm, base, cluster, /* host */ NULL, &why);
	if (rc == -EINVAL) {
		/* What the config's own rules have found says more, and where it stands. */
		if (found->n > 0)
			findings_done(&own);
		plain = without_shape(vm);
		rc = plain ? vm_policy_create(
				     &made, config, plain, base, cluster, /* host */ NULL, &why)
			   : -ENOMEM;
	}
	if (rc == 0) {
		struct check c = { config, plain ? plain : vm, vm_policy_get(made), &own };
		check_devices(&c, &why);
		check_memory(&c, &why);
		check_vendors(&c, &why);
		rc = try_all(&c, e);
	} else {
		(void)err_set(e, rc, "out of memory"); /* there is nothing else */
	}
	vm_policy_destroy(made);
	free(plain);
	findings_merge(found, &own);
	findings_done(&own);
	return found->out_of_memory ? err_set(e, -ENOMEM, "out of memory") : rc;
}
