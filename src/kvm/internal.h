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
};

/* ioctl by its own name: kvm_do(kvm, fd, KVM_RUN, arg) */
#define kvm_do(kvm, fd, request, arg)                                                              \
	(kvm)->calls->ioctl((kvm)->calls->ctx, (fd), (request), #request, (arg))
/* An ioctl whose argument is a number. */
#define kvm_do_value(kvm, fd, request, value)                                                      \
	(kvm)->calls->ioctl(                                                                       \
		(kvm)->calls->ctx, (fd), (request), #request, (void *)(uintptr_t)(value))

#endif
