/* SPDX-License-Identifier: MIT */
/*
 * What the cpuid commands look at: a host (this one's KVM or processor, or a saved file), or a vCPU
 * of a VM as a host would run it.
 */
#ifndef NESTOR_POLICY_CPUID_VIEW_H
#define NESTOR_POLICY_CPUID_VIEW_H

#include "base/report.h"
#include "formats/hostfile.h"
#include "plan/plan.h"
#include "policy/policy_file.h"

/*
 * A host for which policies are computed: NULL or "kvm" is this host's KVM, anything else a file.
 * What a guest sees is refused (ERR_CONFIG). A processor's own CPUID is taken, and cpuid_host_load
 * warns of it. reporter, of warnings, may be NULL.
 */
int cpuid_host_read(const char *operand, const struct reporter *reporter, struct hostfile *ret_host,
	struct err *e) MUST_CHECK;
int cpuid_host_load(const char *operand, const struct reporter *reporter, struct hostfile *ret_host,
	struct err *e) MUST_CHECK;

/* Warns of what the file's note says, if it has one. cpuid_host_load does so itself. */
void cpuid_host_note(
	const char *operand, const struct reporter *reporter, const struct hostfile *host);

/* This host's processor, without KVM. */
void cpuid_processor_load(struct hostfile *ret_host);

/* A VM on a host. Large: cpuid_vm_create and _destroy. */
struct cpuid_vm {
	struct policy_file *policy_file; /* borrowed */
	const struct cpu_policy *policy; /* lent by it; or as_dropped */
	struct cpu_policy as_dropped;
	const struct hostfile *host; /* borrowed */
	struct machine_plan plan;
	struct cpu_trace trace; /* topology of the vCPU included */
	unsigned vcpu;
	struct cpuid_table table; /* of that vCPU */
	/* Where the host cannot run it: why. What is above then is as if on_missing were "drop". */
	bool cannot_run;
	struct err why;
};

enum cpuid_vm_how {
	CPUID_VM_STRICT, /* a host that cannot run the VM is an error */
	CPUID_VM_ANYWAY, /* features that are missing are left out, and cannot_run is set */
};

/* Computes vCPU number vcpu; -EINVAL (ERR_CONFIG) where there is none of that number. *ret_vm is
 * untouched on failure. */
int cpuid_vm_create(struct cpuid_vm **ret_vm, struct policy_file *policy_file,
	const struct hostfile *host, unsigned vcpu, enum cpuid_vm_how how,
	struct err *e) MUST_CHECK;
void cpuid_vm_destroy(struct cpuid_vm *vm);

/* What the guest of vm sees, in the form of a file of kind HOSTFILE_GUEST. */
void cpuid_vm_view(const struct cpuid_vm *vm, struct hostfile *ret_view);

/* The same of the VM of a file, on a host as in cpuid_host_load that can run it. */
int cpuid_vm_load_view(const struct config_source *source, const char *host_operand, unsigned vcpu,
	const struct reporter *reporter, struct hostfile *ret_view, struct err *e) MUST_CHECK;

/* An operand of `diff`: "kvm", "host", a VM's file (its name ends in .toml), or a host file. host
 * is where a VM is computed, as in cpuid_host_load. */
int cpuid_operand_load(const char *operand, const char *host, unsigned vcpu,
	const struct reporter *reporter, struct hostfile *ret_view, struct err *e) MUST_CHECK;

/* An error of plan_machine as one line: of the many that say what is missing, the first, as the
 * notes have all of it. Returns copy->msg. */
const char *cpuid_why(struct err *copy, const struct err *why, unsigned nr_missing);

/* The name of a host or view for a heading: its own, or what kind of thing it is. */
const char *cpuid_view_name(const struct hostfile *view);

#endif
