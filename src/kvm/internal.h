/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef NESTOR_KVM_INTERNAL_H
#define NESTOR_KVM_INTERNAL_H

#include "kvm/kvm.h"

#include <linux/kvm.h>

struct kvm {
	const struct kvm_calls *calls;
	int fd;
	size_t run_size; /* bytes of a vCPU's shared page(s) */
};

struct kvm_vm {
	struct kvm *kvm;
	int fd;
};

struct kvm_vcpu {
	struct kvm *kvm;
	int fd;
	uint32_t id;
	struct kvm_run *run;
	bool vm_is_dead; /* the last KVM_RUN said so */
};

/* A struct kvm_cpuid2 with room for as many entries as a table has. Of its 10 KiB only what is
 * written gets touched. */
union kvm_cpuid_space {
	struct kvm_cpuid2 head;
	uint8_t bytes[sizeof(struct kvm_cpuid2) +
		      CPUID_MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2)];
};

/* Entries of KVM's as nestor's; those that do not fit are left out. */
void kvm_table_from_kvm(const struct kvm_cpuid2 *from, struct cpuid_table *ret_table);

/* Brand, threads per core and TSC frequency, by the CPUID instruction. */
void kvm_processor_facts(struct host_facts *facts);

/* ioctl by its own name: kvm_do(kvm, fd, KVM_RUN, arg) */
#define kvm_do(kvm, fd, request, arg)                                                              \
	(kvm)->calls->ioctl((kvm)->calls->ctx, (fd), (request), #request, (arg))
/* An ioctl whose argument is a number. */
#define kvm_do_value(kvm, fd, request, value)                                                      \
	(kvm)->calls->ioctl(                                                                       \
		(kvm)->calls->ctx, (fd), (request), #request, (void *)(uintptr_t)(value))

#endif
