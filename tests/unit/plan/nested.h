/* SPDX-License-Identifier: MIT */
/* Plans of VMs that have the extensions, and what is true of each of them. */
#ifndef NESTOR_TESTS_PLAN_NESTED_H
#define NESTOR_TESTS_PLAN_NESTED_H

#include "cpuid/models.h"
#include "plan/plan.h"

#define NESTED_MAX_NAMED 64

struct nested {
	struct vm_config config;
	struct cpu_policy policy;
	struct host_facts host;
	struct machine_plan plan;
	struct cpu_trace trace;
	struct err e;
	struct config_text texts[NESTED_MAX_NAMED];
	char names[NESTED_MAX_NAMED][64];
};

/* Everything of a vendor's, but what no processor with 64-bit mode has: a limit of VMX structures
 * to 32-bit addresses. */
void nested_host_everything(enum cpuid_vendor vendor, struct host_facts *ret);

/* A VM with the knob on, on a host that has everything of a vendor's; on_missing = "drop". */
struct nested *nested_create(enum cpuid_vendor vendor);
void nested_destroy(struct nested *n);

/* host becomes one whose KVM has what the model has, and the extensions. False: no such host. */
bool nested_host_of_model(struct nested *n, const struct cpu_model *m);

/* Another element of nesting.features: "+vmx-ept", at vm.toml:9:<number>. */
void nested_ask(struct nested *n, bool on, const char *name);

int nested_plan(struct nested *n);

/* Fails the test where a plan that was made breaks a law: more than the host has, a control without
 * what it needs, a bit of a feature that the guest lacks left in CPUID or an MSR. */
void nested_check_laws(const struct nested *n);

/* A feature's bit in what the guest is shown: CPUID, or the MSR and its basic twin. */
bool nested_shows(const struct nested *n, feature_id id);

#endif
