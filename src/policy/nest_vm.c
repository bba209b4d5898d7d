/* SPDX-License-Identifier: MIT */
#include "policy/nest_vm.h"

#include "base/text_buf.h"
#include "nesting/profile.h"
#include "policy/planning.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOB "nesting.expose_virtualization_extensions"

/* What stops the VM, as id: where it stands and what to do stay what they are. */
static void find_faults(struct findings *f, const char *id, const struct findings *faults)
{
	for (size_t i = 0; i < faults->n; i++) {
		const struct finding *g = &faults->items[i];
		const struct fault what = { id, g->key, g->origin, g->fix };
		if (!findings_has(f, g))
			findings_add(f, FINDING_FORBIDS, &what, g->text);
	}
	f->out_of_memory |= faults->out_of_memory;
}

static void find_error(struct findings *f, const char *id, const struct err *e)
{
	findings_add(f, FINDING_FORBIDS, &(struct fault){ id, NULL, NULL, e->hint }, e->msg);
}

/* As the source says it, but for the knob and the depth, which are reasons of their own. */
static int load_exposed(const struct config_source *source, bool depth_is_0,
	struct policy_file **ret_file, struct err *e)
{
	size_t n = source->nr_overrides;
	struct config_override *overrides = calloc(n + 2, sizeof(*overrides));
	if (!overrides)
		return err_set(e, -ENOMEM, "out of memory");
	if (n > 0)
		(void)memcpy(overrides, source->overrides, n * sizeof(*overrides));
	overrides[n++] = (struct config_override){ KNOB, "true", "nest status" };
	if (depth_is_0)
		overrides[n++] =
			(struct config_override){ "nesting.max_depth", "1", "nest status" };
	struct config_source with = *source;
	with.overrides = overrides;
	with.nr_overrides = n;
	int rc = policy_file_load(ret_file, &with, POLICY_FILE_ASK, e);
	free(overrides);
	return rc;
}

/* --- what the config says --- */

static void check_knob(const struct nest_vm *vm, struct findings *f)
{
	if (vm->exposed)
		return;
	findings_say(f, FINDING_FORBIDS, "knob",
		KNOB " is false: the extensions are hidden from this VM");
	findings_fix(f, "nestor nest enable %s", vm->path);
}

/* Whether nesting.max_depth is 0. */
static bool check_depth(const struct policy_file *file, struct findings *f)
{
	const char *given = config_given(policy_file_config(file), "nesting.max_depth");
	if (!given || policy_file_vm(file)->nesting.max_depth != 0)
		return false;
	findings_say(f, FINDING_FORBIDS, "max-depth",
		"nesting.max_depth is 0 (%s): no level may nest below this VM", given);
	findings_fix(f, "nesting.max_depth = 1, or more");
	return true;
}

static void check_memory(const struct nest_facts *facts, const struct nest_vm *vm,
	const struct nesting_profile *profile, struct findings *f)
{
	uint64_t needed = profile ? profile->memory_mib * MIB : 0;
	uint64_t available = facts->machine.available_bytes;
	if (vm->memory_bytes < needed) {
		findings_say(f, FINDING_FORBIDS, "memory",
			"memory.size is %" PRIu64 " MiB; a guest hypervisor of profile %s and a "
			"small guest of its need %" PRIu64 " MiB",
			vm->memory_bytes / MIB, profile->name, needed / MIB);
		findings_fix(f, "memory.size = \"%" PRIu64 "M\"", needed / MIB);
	}
	if (available && vm->memory_bytes > available) {
		findings_say(f, FINDING_WEAKENS, "host-memory",
			"the VM has %" PRIu64 " MiB, and this host %" PRIu64
			" MiB that are available",
			vm->memory_bytes / MIB, available / MIB);
		findings_fix(f, "give the VM less, or the host more memory");
	}
}

/* --- what it comes to on this host --- */

struct comparison {
	const struct nesting_profile *profile;
	const struct machine_plan *plan;
	struct feature_set host;
	const char *path;
	struct findings *f;
};

static void fix_missing(const struct comparison *c, feature_id id)
{
	char label[FEATURE_PLACE_BYTES];
	(void)feature_label(label, id);
	if (feature_set_has(&c->host, id))
		findings_fix(c->f,
			"add \"+%s\" to nesting.features, or see what removes it: nestor cpuid "
			"explain %s %s",
			label, c->path, label);
	else
		findings_fix(c->f,
			"this host's KVM does not have it: see its module's parameters, or use "
			"another host");
}

/* Extensions at all, and second-level paging, which every guest hypervisor is slow without. */
static void check_extensions(const struct comparison *c)
{
	const struct feature_set *has = &c->plan->cpu.features;
	bool amd = c->plan->cpu.vendor == CPUID_VENDOR_AMD;
	feature_id extension = amd ? FEATURE_ID_svm : FEATURE_ID_vmx;
	feature_id paging = amd ? FEATURE_ID_npt : FEATURE_ID_vmx_ept;
	if (!feature_set_has(has, extension)) {
		findings_say(c->f, FINDING_FORBIDS, "no-extensions",
			"the VM's CPU policy gives it no %s", amd ? "svm" : "vmx");
		fix_missing(c, extension);
		return;
	}
	const struct nesting_profile_row *row =
		c->profile ? nesting_profile_row(c->profile, c->plan->cpu.vendor, paging) : NULL;
	if (!feature_set_has(has, paging) && !(row && row->level == NESTING_REQUIRED)) {
		findings_say(c->f, FINDING_WEAKENS, "no-nested-paging",
			"the VM gets no %s: its guest hypervisor shadows page tables, slowly",
			amd ? "npt" : "vmx-ept");
		fix_missing(c, paging);
	}
}

static bool row_applies(const struct comparison *c, const struct nesting_profile_row *row)
{
	return row->vendor == CPUID_VENDOR_OTHER || row->vendor == c->plan->cpu.vendor;
}

static void check_required(const struct comparison *c)
{
	const struct feature_set *has = &c->plan->cpu.features;
	for (size_t i = 0; i < c->profile->nr_rows; i++) {
		const struct nesting_profile_row *row = &c->profile->rows[i];
		char label[FEATURE_PLACE_BYTES];
		if (!row_applies(c, row) || row->feature == FEATURE_ID_svm ||
			row->feature == FEATURE_ID_vmx)
			continue;
		(void)feature_label(label, row->feature);
		if (row->level == NESTING_REQUIRED && !feature_set_has(has, row->feature)) {
			findings_say(c->f, FINDING_FORBIDS, "profile",
				"the VM gets no %s, which profile %s requires: %s", label,
				c->profile->name, row->reason);
			fix_missing(c, row->feature);
		} else if (row->level == NESTING_HIDDEN && feature_set_has(has, row->feature)) {
			findings_say(c->f, FINDING_WEAKENS, "profile",
				"the VM gets %s, which profile %s must not see: %s", label,
				c->profile->name, row->reason);
			findings_fix(c->f, "add \"-%s\" to nesting.features", label);
		}
	}
}

static void check_wanted(const struct comparison *c)
{
	char list[400];
	struct text_buf names = TEXT_BUF(list);
	for (size_t i = 0; i < c->profile->nr_rows; i++) {
		const struct nesting_profile_row *row = &c->profile->rows[i];
		char label[FEATURE_PLACE_BYTES];
		if (!row_applies(c, row) || row->level != NESTING_WANTED ||
			feature_set_has(&c->plan->cpu.features, row->feature))
			continue;
		(void)text_buf_item(&names, ", ", "%s", feature_label(label, row->feature));
	}
	if (names.used == 0)
		return;
	if (names.nr_left_out > 0)
		(void)text_buf_add(&names, " and %u more", names.nr_left_out);
	findings_say(c->f, FINDING_NOTE, "profile",
		"profile %s would make use of what the VM does not get: %s", c->profile->name,
		list);
}

static int check_plan(const struct config_source *source, const struct nest_facts *facts,
	const struct nesting_profile *profile, bool depth_is_0, struct nest_vm *vm, struct err *e)
{
	struct findings faults = { 0 };
	struct err why = { .findings = &faults };
	struct policy_file *file = NULL;
	const struct cpu_policy *policy = NULL;
	struct machine_plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return err_set(e, -ENOMEM, "out of memory");
	int rc = load_exposed(source, depth_is_0, &file, &why);
	if (rc == 0)
		rc = policy_file_for_host(file, &facts->kvm, &policy, &why);
	if (rc == 0)
		rc = plan_machine(
			policy_file_vm(file), policy, &facts->kvm, /* trace */ NULL, plan, &why);
	if (rc == -ENOMEM) {
		(void)err_set(e, rc, "out of memory");
	} else if (rc) {
		findings_add_error(&faults, 0, &why);
		find_faults(&vm->findings, "plan", &faults);
		rc = 0;
	} else {
		struct comparison c = {
			.profile = profile, .plan = plan, .path = vm->path, .f = &vm->findings
		};
		const struct feature_set *has = &plan->cpu.features;
		cpu_features_of_host(&facts->kvm, /* emulated */ false, &c.host);
		vm->planned = true;
		(void)snprintf(vm->extensions, sizeof(vm->extensions), "%s",
			feature_set_has(has, FEATURE_ID_vmx)   ? "vmx"
			: feature_set_has(has, FEATURE_ID_svm) ? "svm"
							       : "none");
		check_extensions(&c);
		if (profile) {
			check_required(&c);
			check_wanted(&c);
		}
	}
	findings_done(&faults);
	policy_file_destroy(file);
	plan_destroy(plan);
	return rc;
}

/* The whole file, kernel and all: what stops the VM from starting stops it from nesting. */
static int check_config(const struct config_source *source, struct findings *f, struct err *e)
{
	struct findings faults = { 0 };
	struct err why = ERR_INIT;
	int rc = policy_file_check(source, POLICY_FILE_RUN, /* more */ NULL, &faults, &why);
	if (rc == 0)
		find_faults(f, "config", &faults);
	else if (rc != -ENOMEM)
		find_error(f, "config", &why);
	findings_done(&faults);
	return rc == -ENOMEM ? err_set(e, rc, "out of memory") : 0;
}

static int judge(const struct config_source *source, const struct nest_facts *facts,
	const struct nesting_host_status *host, struct nest_vm *vm, struct err *e)
{
	struct findings *f = &vm->findings;
	int rc = check_config(source, f, e);
	if (rc)
		return rc;
	struct policy_file *file = NULL;
	rc = policy_file_load(&file, source, POLICY_FILE_ASK, NULL);
	if (rc)
		return rc == -ENOMEM ? err_set(e, rc, "out of memory") : 0;
	const struct vm_config *config = policy_file_vm(file);
	vm->read = true;
	(void)snprintf(vm->name, sizeof(vm->name), "%s", config->name);
	vm->exposed = config->nesting.expose_virtualization_extensions;
	vm->memory_bytes = config->memory.size_bytes;
	(void)snprintf(vm->profile, sizeof(vm->profile), "%s",
		config_nesting_profile_name(config->nesting.profile));
	const struct nesting_profile *profile = nesting_profile_find(vm->profile);
	check_knob(vm, f);
	bool depth_is_0 = check_depth(file, f);
	check_memory(facts, vm, profile, f);
	policy_file_destroy(file);
	if (host->findings.forbidden) {
		findings_say(f, FINDING_FORBIDS, "host", "this host cannot expose the extensions");
		findings_fix(f, "see what is said of the host");
		return 0;
	}
	return check_plan(source, facts, profile, depth_is_0, vm, e);
}

int nest_vm_judge(const struct config_source *source, const struct nest_facts *facts,
	const struct nesting_host_status *host, struct nest_vm *ret_vm, struct err *e)
{
	struct config_source read = *source;
	struct input_file file;
	struct err why = ERR_INIT;
	nest_vm_done(ret_vm);
	*ret_vm = (struct nest_vm){ .path = source->name };
	int rc = config_source_read(&read, &file, &why);
	if (rc == -ENOMEM)
		return err_set(e, rc, "out of memory");
	if (rc) {
		find_error(&ret_vm->findings, "config", &why);
		return 0;
	}
	rc = judge(&read, facts, host, ret_vm, e);
	input_file_close(&file);
	return rc || !ret_vm->findings.out_of_memory ? rc : err_set(e, -ENOMEM, "out of memory");
}

void nest_vm_done(struct nest_vm *vm)
{
	findings_done(&vm->findings);
}
