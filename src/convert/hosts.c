/* SPDX-License-Identifier: MIT */
/* Which hosts to look at where none is named: one of each kind that may run the policy, each with
 * all that processors of its vendor have. */
#include "convert/internal.h"
#include "cpuid/everything.h"

#include <stddef.h>
#include <string.h>

/* The vendor's ID of the only hosts that the policy can run on; NULL: there is more than one. */
static const char *only_vendor(const struct cpu_policy *policy)
{
	const struct policy_text *host =
		cpu_policy_text(policy, offsetof(struct cpu_policy, host_vendor));
	const struct policy_text *name =
		cpu_policy_text(policy, offsetof(struct cpu_policy, model));
	const struct cpu_model *m = name ? cpu_model_find(name->text) : NULL;
	const char *extensions =
		policy->nesting.knob == POLICY_KNOB_EXPOSED ? policy->nesting.extensions : NULL;
	if (host)
		return cpuid_vendor_id(host->text);
	if (m && m->vendor_id[0])
		return m->vendor_id;
	if (extensions)
		return strcmp(extensions, "vmx") == 0 ? "GenuineIntel" : "AuthenticAMD";
	return NULL;
}

static void make(enum cpuid_vendor vendor, struct host_facts *ret)
{
	host_everything(vendor, ret);
	host_give_hyperv(ret, /* evmcs */ vendor == CPUID_VENDOR_INTEL);
}

bool convert_assume_host(const struct cpu_policy *policy, unsigned i, struct host_facts *ret_host)
{
	static const struct {
		enum cpuid_vendor vendor;
		const char *id;
	} kinds[] = { { CPUID_VENDOR_INTEL, "GenuineIntel" }, { CPUID_VENDOR_AMD, "AuthenticAMD" },
		{ CPUID_VENDOR_AMD, "HygonGenuine" }, { CPUID_VENDOR_OTHER, "  Shanghai  " },
		{ CPUID_VENDOR_OTHER, "CentaurHauls" } };
	const char *only = only_vendor(policy);
	if (!only && i < 2) {
		make(kinds[i].vendor, ret_host);
		return true;
	}
	for (size_t k = 0; only && i == 0 && k < ARRAY_SIZE(kinds); k++) {
		if (strcmp(kinds[k].id, only) != 0)
			continue;
		make(kinds[k].vendor, ret_host);
		host_set_vendor(ret_host, kinds[k].id);
		return true;
	}
	return false;
}
