/* SPDX-License-Identifier: MIT */
#include "nesting/probe.h"

#include "cpuid/engine.h"
#include "nesting/depth.h"

#include <string.h>

#define MSR_VMX_MISC 0x485u
#define MSR_VMX_VMCS_ENUM 0x48au
#define MSR_VMX_TRUE_FIRST 0x48du /* to 0x490; the basic ones from 0x481 are alike */
#define MSR_VMX_CTLS_FIRST 0x481u
#define NR_CTLS 4
#define MAX_VMX_MSRS (MSR_IA32_VMX_EXIT_CTLS2 - MSR_IA32_VMX_BASIC + 1)

#define VMX_BASIC_TRUE_CTLS (UINT64_C(1) << 55)
#define FEATURE_CONTROL_LOCK UINT64_C(1)
#define FEATURE_CONTROL_VMX UINT64_C(4) /* outside SMX */
#define VM_CR_SVMDIS UINT64_C(0x10)

static bool find_msr(const struct msr_value *msrs, unsigned n, uint32_t index, uint64_t *ret_value)
{
	for (unsigned i = 0; i < n; i++) {
		if (msrs[i].index == index) {
			*ret_value = msrs[i].value;
			return true;
		}
	}
	return false;
}

/* The VMX MSRs among some, each once; where the processor has no "true" ones, the basic ones stand
 * in for them (SDM vol. 3, appendix A.2). Returns how many; 0 without IA32_VMX_BASIC. */
static unsigned take_vmx(
	const struct msr_value *msrs, unsigned n, struct msr_value ret[MAX_VMX_MSRS])
{
	uint64_t basic, value;
	unsigned used = 0;
	if (!find_msr(msrs, n, MSR_IA32_VMX_BASIC, &basic))
		return 0;
	for (uint32_t i = MSR_IA32_VMX_BASIC; i <= MSR_IA32_VMX_EXIT_CTLS2; i++) {
		uint32_t from = i;
		if (!(basic & VMX_BASIC_TRUE_CTLS) && i >= MSR_VMX_TRUE_FIRST &&
			i < MSR_VMX_TRUE_FIRST + NR_CTLS)
			from = i - MSR_VMX_TRUE_FIRST + MSR_VMX_CTLS_FIRST;
		if (find_msr(msrs, n, from, &value))
			ret[used++] = (struct msr_value){ i, value };
	}
	return used;
}

static void read_vmx(struct nesting_probe *p, const struct msr_value *msrs, unsigned n)
{
	uint64_t basic = 0, misc = 0, fields = 0;
	(void)find_msr(msrs, n, MSR_IA32_VMX_BASIC, &basic);
	(void)find_msr(msrs, n, MSR_VMX_MISC, &misc);
	(void)find_msr(msrs, n, MSR_VMX_VMCS_ENUM, &fields);
	p->vmcs_revision = (uint32_t)(basic & bit_mask(31));
	p->vmcs_bytes = (unsigned)(basic >> 32 & bit_mask(13));
	p->vmx_32bit_addresses = basic >> 48 & 1;
	p->vmcs_memory_type = (unsigned)(basic >> 50 & 0xf);
	p->timer_shift = (unsigned)(misc & 0x1f);
	p->cr3_targets = (unsigned)(misc >> 16 & 0x1ff);
	p->msr_list_max = ((unsigned)(misc >> 25 & 7) + 1) * 512;
	p->vmcs_field_max = (unsigned)(fields >> 1 & 0x1ff);
}

static void vmx_capabilities(struct feature_set *ret_set)
{
	feature_set_of_attribute(FEATURE_VMX_CONTROL, ret_set);
}

static void svm_capabilities(struct feature_set *ret_set)
{
	*ret_set = (struct feature_set){ 0 };
	int word = feature_word_of_cpuid(0x8000000a, 0, CPUID_EDX);
	if (word >= 0)
		ret_set->w[word] = feature_word((unsigned)word)->named;
}

bool nesting_probe_depth(const struct cpuid_table *processor, unsigned *ret_depth)
{
	const struct cpuid_entry *first = cpuid_get(processor, NESTOR_LEAF_SIGNATURE, 0);
	const struct cpuid_entry *second = cpuid_get(processor, NESTOR_LEAF_DEPTH, 0);
	if (!first || !second || !nestor_leaf_is_signed(first->reg))
		return false;
	*ret_depth = second->reg[CPUID_EAX];
	return true;
}

void nesting_probe_make(const struct cpuid_table *processor, const struct msr_value *msrs,
	unsigned nr_msrs, const struct host_facts *kvm, struct nesting_probe *ret_probe)
{
	struct nesting_probe *p = ret_probe;
	struct msr_value vmx[MAX_VMX_MSRS];
	struct feature_set absent;
	unsigned n = 0;
	*p = (struct nesting_probe){ .vendor = cpuid_vendor(processor) };
	p->vmx = cpuid_has_vmx(processor);
	p->svm = cpuid_has_svm(processor);
	p->phys_bits = cpuid_phys_bits(processor);
	p->depth_known = nesting_probe_depth(processor, &p->depth);
	if (p->vmx)
		n = take_vmx(msrs, nr_msrs, vmx);
	if (n) {
		p->source = NESTING_PROBE_MSRS;
	} else if (p->vmx && kvm) {
		n = take_vmx(kvm->feature_msrs, kvm->nr_feature_msrs, vmx);
		p->source = n ? NESTING_PROBE_KVM : NESTING_PROBE_NONE;
	}
	if (n)
		read_vmx(p, vmx, n);
	cpu_features_of(processor, vmx, n, &p->features);
	/* A hypervisor below may leave the leaf behind without the extension. */
	if (!p->svm) {
		svm_capabilities(&absent);
		feature_set_subtract(&p->features, &absent);
	} else {
		p->svm_revision = cpuid_value(processor, 0x8000000a, 0, CPUID_EAX) & 0xff;
		p->nr_asids = cpuid_value(processor, 0x8000000a, 0, CPUID_EBX);
	}
	p->feature_control_known =
		find_msr(msrs, nr_msrs, MSR_IA32_FEATURE_CONTROL, &p->feature_control);
	p->efer_known = find_msr(msrs, nr_msrs, MSR_EFER, &p->efer);
	p->vm_cr_known = find_msr(msrs, nr_msrs, MSR_VM_CR, &p->vm_cr);
}

void nesting_probe_capabilities(const struct nesting_probe *p, struct feature_set *ret_set)
{
	if (p->svm || (!p->vmx && p->vendor == CPUID_VENDOR_AMD))
		svm_capabilities(ret_set);
	else
		vmx_capabilities(ret_set);
}

enum nesting_probe_verdict nesting_probe_row(
	const struct nesting_probe *p, const struct nesting_profile_row *row)
{
	if (row->vendor != CPUID_VENDOR_OTHER && row->vendor != p->vendor)
		return NESTING_PROBE_OTHER;
	struct feature_set vmx;
	vmx_capabilities(&vmx);
	if (p->vmx && p->source == NESTING_PROBE_NONE && feature_set_has(&vmx, row->feature))
		return NESTING_PROBE_UNKNOWN;
	bool has = feature_set_has(&p->features, row->feature);
	switch (row->level) {
	case NESTING_REQUIRED:
	case NESTING_WANTED:
		return has ? NESTING_PROBE_AGREES : NESTING_PROBE_LACKS;
	case NESTING_HIDDEN:
		return has ? NESTING_PROBE_HAS : NESTING_PROBE_AGREES;
	}
	return NESTING_PROBE_OTHER;
}

bool nesting_probe_can_host(const struct nesting_probe *p, const struct nesting_profile *profile,
	const char **ret_reason)
{
	const char *reason = NULL;
	if (!p->vmx && !p->svm)
		reason = "this CPU shows neither VMX nor SVM";
	else if (p->vmx && p->feature_control_known &&
		 (p->feature_control & (FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX)) ==
			 FEATURE_CONTROL_LOCK)
		reason = "VMX is locked off in IA32_FEATURE_CONTROL, as firmware does";
	else if (p->svm && p->vm_cr_known && (p->vm_cr & VM_CR_SVMDIS))
		reason = "SVM is disabled in VM_CR (SVMDIS), as firmware does";
	for (size_t i = 0; !reason && i < profile->nr_rows; i++) {
		if (profile->rows[i].level != NESTING_REQUIRED)
			continue;
		switch (nesting_probe_row(p, &profile->rows[i])) {
		case NESTING_PROBE_LACKS:
			reason = "it lacks what the profile requires";
			break;
		case NESTING_PROBE_UNKNOWN:
			reason = "what the profile requires of VMX could not be read";
			break;
		case NESTING_PROBE_AGREES:
		case NESTING_PROBE_HAS:
		case NESTING_PROBE_OTHER:
			break;
		}
	}
	*ret_reason = reason ? reason : "";
	return !reason;
}
