/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef NESTOR_KVM_INTERNAL_H
#define NESTOR_KVM_INTERNAL_H

#include "kvm/kvm.h"

#include <linux/kvm.h>
#include <pthread.h>

struct kvm {
	const struct kvm_calls *calls;
	int fd;
	size_t run_size; /* bytes of a vCPU's shared page(s) */
};

/* A GSI that was added. */
struct kvm_gsi {
	bool used, routed;
	struct kvm_message message;
};

#define KVM_NR_PINS 24 /* of the I/O APIC, KVM's or the one in user space */

/* routes.c; under lock. */
struct kvm_routes {
	pthread_mutex_t lock;
	bool kernel_chips; /* the pins are those of KVM's own controllers */
	bool pin_routed[KVM_NR_PINS];
	struct kvm_message pins[KVM_NR_PINS];
	struct kvm_gsi *added; /* from GSI KVM_NR_PINS on; owned */
	unsigned nr_added;
};

void kvm_routes_init(struct kvm_routes *routes);
void kvm_routes_done(struct kvm_routes *routes);

struct kvm_vm {
	struct kvm *kvm;
	int fd;
	struct kvm_routes routes;
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
