/* SPDX-License-Identifier: MIT */
/* What this host's KVM and processor can do, read as one set of facts. */
#include "kvm/internal.h"

#include <errno.h>
#include <stdlib.h>

/* Empty, for KVM's answer. */
static struct kvm_cpuid2 *make_room(union kvm_cpuid_space *ret_space)
{
	ret_space->head.nent = CPUID_MAX_ENTRIES;
	ret_space->head.padding = 0;
	return &ret_space->head;
}

int kvm_host_facts_cpuid(struct kvm *kvm, struct host_facts *facts, struct err *e)
{
	union kvm_cpuid_space space;
	struct kvm_cpuid2 *answer = make_room(&space);
	int rc = kvm_do(kvm, kvm->fd, KVM_GET_SUPPORTED_CPUID, answer);
	if (rc < 0)
		return err_set_errno(e, rc, "KVM_GET_SUPPORTED_CPUID with room for %u entries",
			CPUID_MAX_ENTRIES);
	kvm_table_from_kvm(answer, &facts->supported);
	return 0;
}

/* Extras, which only some policies ask for: whatever reading one fails of, it is empty then. */
static void read_extra_tables(struct kvm *kvm, struct host_facts *f)
{
	union kvm_cpuid_space space;
	struct kvm_cpuid2 *answer = make_room(&space);
	if (kvm_check_extension(kvm, KVM_CAP_EXT_EMUL_CPUID) > 0 &&
		kvm_do(kvm, kvm->fd, KVM_GET_EMULATED_CPUID, answer) >= 0)
		kvm_table_from_kvm(answer, &f->emulated);
	answer = make_room(&space);
	if (kvm_check_extension(kvm, KVM_CAP_SYS_HYPERV_CPUID) > 0 &&
		kvm_do(kvm, kvm->fd, KVM_GET_SUPPORTED_HV_CPUID, answer) >= 0)
		kvm_table_from_kvm(answer, &f->hyperv);
}

#define MAX_LISTED_MSRS 255 /* KVM_GET_MSRS takes fewer than 256 at once */

/* All listed MSRs in one call. KVM stops at one that it cannot read: that one is left out, and the
 * rest is for another call. */
static int read_listed_msrs(struct kvm *kvm, struct host_facts *f, const uint32_t *indices,
	uint32_t n, struct kvm_msrs *msrs, struct err *e)
{
	for (uint32_t at = 0; at < n;) {
		msrs->nmsrs = n - at;
		for (uint32_t i = at; i < n; i++)
			msrs->entries[i - at] = (struct kvm_msr_entry){ .index = indices[i] };
		int rc = kvm_do(kvm, kvm->fd, KVM_GET_MSRS, msrs);
		if (rc < 0)
			return err_set_errno(e, rc, "KVM_GET_MSRS of %u feature MSRs", msrs->nmsrs);
		uint32_t read = (uint32_t)rc < n - at ? (uint32_t)rc : n - at;
		for (uint32_t i = 0; i < read && f->nr_feature_msrs < HOST_MAX_FEATURE_MSRS; i++)
			f->feature_msrs[f->nr_feature_msrs++] =
				(struct msr_value){ msrs->entries[i].index, msrs->entries[i].data };
		at += read + 1;
	}
	return 0;
}

static int read_feature_msrs(struct kvm *kvm, struct host_facts *f, struct err *e)
{
	if (kvm_check_extension(kvm, KVM_CAP_GET_MSR_FEATURES) <= 0)
		return 0;
	const size_t list_bytes = sizeof(struct kvm_msr_list) + MAX_LISTED_MSRS * sizeof(uint32_t);
	const size_t msrs_bytes =
		sizeof(struct kvm_msrs) + MAX_LISTED_MSRS * sizeof(struct kvm_msr_entry);
	struct kvm_msr_list *list = calloc(1, list_bytes);
	struct kvm_msrs *msrs = calloc(1, msrs_bytes);
	int rc = list && msrs ? 0 : err_set(e, -ENOMEM, "out of memory");
	if (rc == 0) {
		list->nmsrs = MAX_LISTED_MSRS;
		rc = kvm_do(kvm, kvm->fd, KVM_GET_MSR_FEATURE_INDEX_LIST, list);
		if (rc < 0)
			rc = err_set_errno(e, rc,
				"KVM_GET_MSR_FEATURE_INDEX_LIST with room for %u MSRs",
				MAX_LISTED_MSRS);
	}
	if (rc >= 0) {
		uint32_t n = list->nmsrs < MAX_LISTED_MSRS ? list->nmsrs : MAX_LISTED_MSRS;
		rc = read_listed_msrs(kvm, f, list->indices, n, msrs, e);
	}
	free(list);
	free(msrs);
	return rc;
}

static void read_capabilities(struct kvm *kvm, struct host_facts *f)
{
	int max_vcpus = kvm_check_extension(kvm, KVM_CAP_MAX_VCPUS);
	int nr_vcpus = kvm_check_extension(kvm, KVM_CAP_NR_VCPUS);
	int max_id = kvm_check_extension(kvm, KVM_CAP_MAX_VCPU_ID);
	/* KVM API, KVM_CREATE_VCPU: what to take where a capability is absent. */
	f->max_vcpus = (unsigned)(max_vcpus ? max_vcpus : nr_vcpus ? nr_vcpus : 4);
	f->max_vcpu_id = max_id ? (unsigned)max_id : f->max_vcpus;
	if (!kvm_check_extension(kvm, KVM_CAP_X2APIC_API) && f->max_vcpu_id > 255)
		f->max_vcpu_id = 255;
	f->nr_memslots = (unsigned)kvm_check_extension(kvm, KVM_CAP_NR_MEMSLOTS);
	f->tsc_scaling = kvm_check_extension(kvm, KVM_CAP_TSC_CONTROL) > 0;
	f->tsc_deadline_timer = kvm_check_extension(kvm, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	f->split_irqchip = kvm_check_extension(kvm, KVM_CAP_SPLIT_IRQCHIP) > 0;
	f->nested_state = kvm_check_extension(kvm, KVM_CAP_NESTED_STATE) > 0;
	/* KVM's answer is no mask, but came with the reason FILTER from the start (Linux 5.10). */
	f->user_space_msr = kvm_check_extension(kvm, KVM_CAP_X86_USER_SPACE_MSR) > 0;
	f->hyperv_enforce_cpuid = kvm_check_extension(kvm, KVM_CAP_HYPERV_ENFORCE_CPUID) > 0;
}

int kvm_host_facts_others(struct kvm *kvm, struct host_facts *facts, struct err *e)
{
	read_extra_tables(kvm, facts);
	read_capabilities(kvm, facts);
	kvm_processor_facts(facts);
	return read_feature_msrs(kvm, facts, e);
}

int kvm_host_facts(struct kvm *kvm, struct host_facts *ret_facts, struct err *e)
{
	host_facts_clear(ret_facts);
	int rc = kvm_host_facts_cpuid(kvm, ret_facts, e);
	return rc ? rc : kvm_host_facts_others(kvm, ret_facts, e);
}
