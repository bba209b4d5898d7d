/* SPDX-License-Identifier: MIT */
#include "nesting/below.h"

#include "nesting/probe.h"

#include <stdio.h>
#include <string.h>

static const struct below {
	const char *signature, *name;
	const char *nesting; /* what has to be done there */
} hypervisors[] = {
#include "nesting/hypervisors.inc"
};

static const char nestor_needs[] = "nesting.expose_virtualization_extensions = true in the file of "
				   "the VM that this machine is";

/* TLFS ("Hypervisor Top Level Functional Specification"), 2.4: leaves and bits. */
#define HYPERV_MAX_LEAF 0x40000000
#define HYPERV_PRIVILEGES 0x40000003 /* EBX: the upper half of the partition's privileges */
#define HYPERV_CPU_MANAGEMENT (1u << 12)
#define HYPERV_ISOLATION (1u << 22)
#define HYPERV_NESTED_FEATURES 0x4000000a

/* Where an interface of Hyper-V's is offered by another one, that one's own leaves are here. */
#define SECOND_BASE 0x40000100

static void read_signature(const struct cpuid_table *table, uint32_t leaf, char ret_text[13])
{
	static const enum cpuid_reg order[] = { CPUID_EBX, CPUID_ECX, CPUID_EDX };
	memset(ret_text, 0, 13);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		uint32_t word = cpuid_value(table, leaf, 0, order[i]);
		memcpy(ret_text + 4 * i, &word, sizeof(word));
	}
}

static const struct below *find(const char *signature)
{
	for (size_t i = 0; i < ARRAY_SIZE(hypervisors); i++) {
		if (strcmp(signature, hypervisors[i].signature) == 0)
			return &hypervisors[i];
	}
	return NULL;
}

/* Linux takes itself for the root partition by the same bit (arch/x86/kernel/cpu/mshyperv.c): who
 * manages processors is the root, but for an isolated VM. */
static void read_hyperv(const struct cpuid_table *table, struct nesting_host_status *s)
{
	uint32_t last = cpuid_value(table, HYPERV_MAX_LEAF, 0, CPUID_EAX);
	uint32_t privileges = cpuid_value(table, HYPERV_PRIVILEGES, 0, CPUID_EBX);
	bool root = last >= HYPERV_PRIVILEGES && (privileges & HYPERV_CPU_MANAGEMENT) &&
		    !(privileges & HYPERV_ISOLATION);
	s->hyperv = root ? HYPERV_ROOT : HYPERV_GUEST;
	if (last >= HYPERV_NESTED_FEATURES)
		s->hyperv_nested = cpuid_value(table, HYPERV_NESTED_FEATURES, 0, CPUID_EAX);
}

static void set_name(struct nesting_host_status *s, const char *name, const char *nesting)
{
	s->hypervisor = name;
	s->nesting_below = nesting;
}

void nesting_below(const struct nesting_host *host, struct nesting_host_status *s)
{
	char second[13];
	s->in_vm = cpuid_value(host->processor, 1, 0, CPUID_ECX) >> 31;
	s->depth_known = nesting_probe_depth(host->processor, &s->depth);
	/* A guest whose page tables Xen checks may execute the processor's own CPUID. */
	bool xen = strcmp(host->machine->hypervisor, "xen") == 0;
	s->xen_control = xen && host->machine->xen_control;
	const struct below *found = xen && !s->in_vm ? find("XenVMMXenVMM") : NULL;
	s->in_vm = s->in_vm || xen;
	if (!s->in_vm)
		return;
	read_signature(host->processor, 0x40000000, s->signature);
	found = found ? found : find(s->signature);
	if (found)
		set_name(s, found->name, found->nesting);
	if (strcmp(s->signature, "Microsoft Hv") == 0) {
		read_signature(host->processor, SECOND_BASE, second);
		found = find(second);
		if (found) {
			(void)snprintf(s->hypervisor_text, sizeof(s->hypervisor_text),
				"%s with Hyper-V's interface", found->name);
			set_name(s, s->hypervisor_text, found->nesting);
		} else {
			read_hyperv(host->processor, s);
		}
	}
	if (s->depth_known)
		set_name(s, "nestor", nestor_needs);
}

/* --- what is said of it --- */

static bool controls(const struct nesting_host_status *s)
{
	return s->hyperv == HYPERV_ROOT || s->xen_control;
}

static void no_extensions_in_control(struct nesting_host_status *s)
{
	bool xen = s->xen_control;
	findings_say(&s->findings, FINDING_FORBIDS, "no-extensions",
		"this host is the %s of %s, which runs below it and keeps VMX or SVM for itself: "
		"KVM cannot be used here",
		xen ? "control domain" : "root partition", xen ? "Xen" : "Hyper-V");
	findings_fix(&s->findings,
		"boot this kernel without %s below, or use nestor in a VM of it that has the "
		"extensions: %s",
		xen ? "Xen" : "Hyper-V", s->nesting_below ? s->nesting_below : "");
}

void nesting_below_no_extensions(struct nesting_host_status *s)
{
	if (controls(s)) {
		no_extensions_in_control(s);
		return;
	}
	findings_say(&s->findings, FINDING_FORBIDS, "no-extensions",
		"this processor shows neither VMX nor SVM");
	if (s->nesting_below)
		findings_fix(&s->findings, "the hypervisor below (%s) must expose them: %s",
			s->hypervisor, s->nesting_below);
	else if (s->in_vm)
		findings_fix(&s->findings,
			"the hypervisor below must expose them to this VM (nestor: "
			"nesting.expose_virtualization_extensions = true; KVM: load "
			"kvm_intel or kvm_amd with nested=1 and give the VM vmx or svm)");
	else
		findings_fix(&s->findings, "turn VT-x or SVM on in the firmware's set-up, if the "
					   "processor has it");
}

void nesting_below_level(const struct nesting_host *host, struct nesting_host_status *s)
{
	bool forbidden = s->depth_known && s->depth == 0;
	if (forbidden) {
		findings_say(&s->findings, FINDING_FORBIDS, "depth",
			"the nestor below allows no VM of this machine to be a hypervisor");
		findings_fix(&s->findings,
			"raise nesting.max_depth in the file of the VM that this machine is, or of "
			"one that it runs in");
	} else if (controls(s)) {
		findings_say(&s->findings, FINDING_NOTE, "in-control",
			"this host is the %s: VMs that it makes of them are beside it, not in it",
			s->xen_control ? "control domain of Xen" : "root partition of Hyper-V");
	} else if (s->in_vm) {
		findings_say(&s->findings, FINDING_NOTE, "in-vm",
			"this host is a VM itself (%s): its VMs are at level 2 or deeper",
			s->hypervisor ? s->hypervisor : "of a hypervisor not known here");
	}
	if (host->machine->mshv)
		findings_say(&s->findings, FINDING_NOTE, "mshv",
			"there is /dev/mshv, by which other programs make VMs of Hyper-V; nestor "
			"makes them by KVM alone");
}
