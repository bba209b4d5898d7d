/* SPDX-License-Identifier: MIT */
/* What this host's KVM can do: all that is said of it, gathered first, so that whoever shows it
 * shows the same. */
#ifndef NESTOR_POLICY_HOST_REPORT_H
#define NESTOR_POLICY_HOST_REPORT_H

#include "base/machine.h"
#include "cpuid/kept.h"
#include "kvm/kvm.h"
#include "nesting/nesting.h"

#include <sys/utsname.h>

struct host_report {
	int api_version;
	struct host_facts facts;
	struct cpu_kept kept;  /* against what KVM offers, where facts.kept_known … */
	struct err kept_error; /* … else why that is not known */
	struct nesting_support nesting;
	char module[32];       /* kvm_intel, kvm_amd, or "unknown" */
	char module_nested[8]; /* that module's parameter `nested`, or "" */
	struct utsname kernel;
	size_t nr_caps;
	const struct kvm_capability *caps;
	int cap_values[64];
};

/* *ret_report is the caller's (free). -ENOMEM, or why KVM cannot be used. */
int host_report_create(struct host_report **ret_report, struct err *e) MUST_CHECK;

/* Which module of KVM's a machine uses, and its parameter: module and module_nested of r. */
void host_report_module(struct host_report *r, const struct machine_facts *machine);

#endif
