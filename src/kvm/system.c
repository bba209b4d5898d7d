/* SPDX-License-Identifier: MIT */
#include "kvm/internal.h"

#include "base/text_buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_VERSION 12 /* the only one since Linux 2.6.22 (KVM API, KVM_GET_API_VERSION) */

#define COMPONENT_AMX_TILE_DATA 18 /* of XCR0 (SDM vol. 1, Intel AMX) */

#define CAP(cap, need, what)                                                                       \
	{                                                                                          \
		.name = #cap, .number = cap, .required = need, .purpose = what                     \
	}

static const struct kvm_capability capabilities[] = {
	CAP(KVM_CAP_USER_MEMORY, true, "guest RAM from nestor's own mappings"),
	CAP(KVM_CAP_EXT_CPUID, true, "a CPUID table per vCPU"),
	CAP(KVM_CAP_IRQCHIP, true, "local APICs, I/O APIC and 8259s in the kernel"),
	CAP(KVM_CAP_PIT2, true, "8254 timer in the kernel"),
	CAP(KVM_CAP_SET_TSS_ADDR, true, "real mode on Intel without unrestricted guest"),
	CAP(KVM_CAP_SET_IDENTITY_MAP_ADDR, true, "likewise"),
	CAP(KVM_CAP_IMMEDIATE_EXIT, true, "kicking a vCPU without a lost signal"),
	CAP(KVM_CAP_SIGNAL_MSI, true, "message-signalled interrupts"),
	CAP(KVM_CAP_X86_MSR_FILTER, true,
		"MSRs that fault, so that hidden extensions leave no trace"),
	CAP(KVM_CAP_MAX_VCPUS, false, "most vCPUs in a VM"),
	CAP(KVM_CAP_NR_VCPUS, false, "vCPUs recommended at most"),
	CAP(KVM_CAP_MAX_VCPU_ID, false, "APIC IDs are below this"),
	CAP(KVM_CAP_NR_MEMSLOTS, false, "memory slots in a VM"),
	CAP(KVM_CAP_TSC_DEADLINE_TIMER, false, "TSC-deadline mode of the local APIC timer"),
	CAP(KVM_CAP_X2APIC_API, false, "APIC IDs of 32 bits"),
	CAP(KVM_CAP_SPLIT_IRQCHIP, false, "irqchip = \"split\""),
	CAP(KVM_CAP_ADJUST_CLOCK, false, "kvmclock set and read"),
	CAP(KVM_CAP_NESTED_STATE, false, "state of a nested guest saved and restored: bytes"),
	CAP(KVM_CAP_X86_USER_SPACE_MSR, false, "MSR rules that log, answer reads or ignore writes"),
	CAP(KVM_CAP_GET_MSR_FEATURES, false, "feature MSRs that a guest can have"),
	CAP(KVM_CAP_EXT_EMUL_CPUID, false, "CPU features that KVM emulates"),
	CAP(KVM_CAP_TSC_CONTROL, false, "TSC scaling"),
	CAP(KVM_CAP_GET_TSC_KHZ, false, "TSC frequency read"),
	CAP(KVM_CAP_SYS_HYPERV_CPUID, false, "Hyper-V enlightenments that KVM has"),
	CAP(KVM_CAP_HYPERV_SYNIC2, false, "hv-synic"),
	CAP(KVM_CAP_HYPERV_VP_INDEX, false, "hv-vpindex"),
	CAP(KVM_CAP_HYPERV_TLBFLUSH, false, "hv-tlbflush"),
	CAP(KVM_CAP_HYPERV_SEND_IPI, false, "hv-ipi"),
	CAP(KVM_CAP_HYPERV_ENLIGHTENED_VMCS, false, "hv-evmcs"),
	CAP(KVM_CAP_HYPERV_ENFORCE_CPUID, false, "hv-enforce-cpuid"),
	CAP(KVM_CAP_X86_SMM, false, "system management mode"),
	CAP(KVM_CAP_MULTI_ADDRESS_SPACE, false, "memory of its own for system management mode"),
	CAP(KVM_CAP_XSAVE2, false, "XSAVE areas above 4 KiB: bytes"),
};

const struct kvm_capability *kvm_capabilities(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(capabilities);
	return capabilities;
}

int kvm_check_extension(struct kvm *kvm, int number)
{
	int rc = kvm_do_value(kvm, kvm->fd, KVM_CHECK_EXTENSION, number);
	return rc < 0 ? 0 : rc;
}

int kvm_api_version(struct kvm *kvm)
{
	return kvm_do_value(kvm, kvm->fd, KVM_GET_API_VERSION, 0);
}

static int open_error(const char *path, int code, struct err *e)
{
	(void)err_set_errno(e, code, "cannot open %s", path);
	switch (code) {
	case -ENOENT:
		return err_hint(e, code,
			"load kvm_intel or kvm_amd; in a VM, the hypervisor below must offer "
			"nested virtualization");
	case -EACCES:
	case -EPERM:
		return err_hint(e, code,
			"join the group that owns %s (often kvm), or run as a user who may open it",
			path);
	default:
		return code;
	}
}

static int check_required(struct kvm *kvm, struct err *e)
{
	char missing[512];
	struct text_buf list = TEXT_BUF(missing);
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		if (!capabilities[i].required ||
			kvm_check_extension(kvm, capabilities[i].number) > 0)
			continue;
		(void)text_buf_item(
			&list, ", ", "%s (%s)", capabilities[i].name, capabilities[i].purpose);
	}
	if (list.used == 0)
		return 0;
	(void)err_set(e, -ENOTSUP, "this host's KVM lacks %s", missing);
	return err_hint(e, -ENOTSUP, "a host kernel of 5.10 or later has all that nestor needs");
}

int kvm_open(struct kvm **ret_kvm, const struct kvm_calls *calls, const char *path, struct err *e)
{
	struct kvm *kvm = calloc(1, sizeof(*kvm));
	if (!kvm)
		return err_set(e, -ENOMEM, "out of memory");
	kvm->calls = calls;
	int rc;
	kvm->fd = calls->open(calls->ctx, path);
	if (kvm->fd < 0) {
		rc = open_error(path, kvm->fd, e);
		goto fail;
	}
	rc = kvm_api_version(kvm);
	if (rc != API_VERSION) {
		rc = rc < 0 ? err_set_errno(e, rc, "KVM_GET_API_VERSION on %s", path)
			    : err_set(e, -ENOTSUP, "%s has KVM API version %d, expected %d", path,
				      rc, API_VERSION);
		goto fail;
	}
	rc = check_required(kvm, e);
	if (rc)
		goto fail;
	rc = kvm_do_value(kvm, kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (rc < (int)sizeof(struct kvm_run)) {
		rc = err_set(e, rc < 0 ? rc : -EPROTO,
			"KVM_GET_VCPU_MMAP_SIZE gives %d, expected at least %zu", rc,
			sizeof(struct kvm_run));
		goto fail;
	}
	kvm->run_size = (size_t)rc;
	/* Before KVM says what it supports, as it leaves AMX out of it otherwise (KVM API,
	 * KVM_GET_SUPPORTED_CPUID). */
	if (calls->permit_component)
		calls->permit_component(calls->ctx, COMPONENT_AMX_TILE_DATA);
	*ret_kvm = kvm;
	return 0;
fail:
	kvm_close(kvm);
	return rc;
}

void kvm_close(struct kvm *kvm)
{
	if (!kvm)
		return;
	if (kvm->fd >= 0)
		kvm->calls->close(kvm->calls->ctx, kvm->fd);
	free(kvm);
}

void kvm_table_from_kvm(const struct kvm_cpuid2 *from, struct cpuid_table *ret_table)
{
	ret_table->nr_entries = 0;
	for (uint32_t i = 0; i < from->nent && i < CPUID_MAX_ENTRIES; i++) {
		const struct kvm_cpuid_entry2 *entry = &from->entries[i];
		ret_table->entries[ret_table->nr_entries++] = (struct cpuid_entry){
			.leaf = entry->function,
			.subleaf = entry->index,
			.subleaf_matters = entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.reg = { entry->eax, entry->ebx, entry->ecx, entry->edx },
		};
	}
}
