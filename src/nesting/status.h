/* SPDX-License-Identifier: MIT */
/*
 * Judges whether a host can expose the virtualization extensions to VMs: what forbids it, what
 * weakens it, what is dangerous about it, each with what to do. Facts in, findings out: the
 * processor's CPUID, what KVM offers, and what the kernel says of the machine. Which parameters of
 * KVM's modules matter, which kernels are dangerous, and how processors and hypervisors are called,
 * is data (data/). Pure.
 */
#ifndef NESTOR_NESTING_STATUS_H
#define NESTOR_NESTING_STATUS_H

#include "base/finding.h"
#include "base/machine.h"
#include "cpuid/host_facts.h"
#include "nesting/kernel.h"

/* What is judged; all borrowed. */
struct nesting_host {
	const struct machine_facts *machine;
	const struct cpuid_table *processor; /* as the CPUID instruction has it */
	/* MSRs of the processor itself, as far as they could be read; may be NULL, with 0. */
	const struct msr_value *msrs;
	unsigned nr_msrs;
	const struct host_facts *kvm;     /* NULL: KVM cannot be used … */
	const char *kvm_error, *kvm_hint; /* … because of this, and what to do; may be NULL */
};

/* What this machine is to Hyper-V, where that is below. */
enum hyperv_partition { HYPERV_NONE, HYPERV_GUEST, HYPERV_ROOT };

struct nesting_host_status {
	enum cpuid_vendor vendor;
	unsigned family, model, stepping;
	const char *generation; /* "Zen 3", or NULL: not known */
	char brand[49];         /* without spaces at its ends; "" where there is none */
	const char *extensions; /* of the processor: "vmx", "svm" or "none" */
	const char *kvm_offers; /* what KVM could give a guest: the same, or "none" */
	/* kvm_intel or kvm_amd, or another that is in their place, or NULL. Borrowed from machine.
	 */
	const struct machine_module *module;
	struct kernel_identity kernel;
	const struct kernel_records *records; /* by which the kernel is judged */
	bool in_vm;                           /* or beside VMs, above the same hypervisor */
	char signature[13];        /* of the hypervisor below; "" where it does not show itself */
	const char *hypervisor;    /* its name, or NULL: not known */
	char hypervisor_text[64];  /* where the name is made up of two */
	const char *nesting_below; /* what to do there to get VMX or SVM; NULL: not known */
	enum hyperv_partition hyperv;
	uint32_t hyperv_nested; /* EAX of leaf 0x4000000A, Hyper-V's own; 0: there is none */
	bool xen_control;       /* this machine is Xen's control domain (dom0) */
	bool depth_known;       /* nestor is below, with a limit: … */
	unsigned depth; /* … how many levels may be given the extensions below this machine */
	struct findings findings; /* owned; nesting_host_status_done */
};

/* Fills ret_status, which is zero-initialised, or was filled before. */
void nesting_status_of_host(
	const struct nesting_host *host, struct nesting_host_status *ret_status);
void nesting_host_status_done(struct nesting_host_status *status);

/* A row of data/parameters.tsv. */
struct nesting_parameter {
	char module[12];
	char names[2][32]; /* the second is "" where there is none */
	bool wanted;       /* better on; else it is only shown */
	enum finding_level level;
	char feature[20]; /* without which the processor has it off anyway; or "" */
	char text[128];   /* what it means that it is off */
};
const struct nesting_parameter *nesting_parameters(size_t *ret_count);

/* The value that module has for a row; NULL: it has no such parameter. */
const char *nesting_parameter_value(
	const struct machine_module *module, const struct nesting_parameter *parameter);

/* By family, model and stepping; NULL where it is not known. */
const char *nesting_generation(
	enum cpuid_vendor vendor, unsigned family, unsigned model, unsigned stepping);

#endif
