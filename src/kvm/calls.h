/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls through which this room reaches KVM: the real one, or a test's own that
 * counts, fails the Nth call, or plays a KVM. The only door: nothing else in nestor calls a KVM
 * ioctl.
 */
#ifndef NESTOR_KVM_CALLS_H
#define NESTOR_KVM_CALLS_H

#include <stddef.h>

struct kvm_calls {
	/* Each returns >= 0 (a pointer for map) or a negative errno (NULL with *ret_code set for
	 * map). */
	int (*open)(void *ctx, const char *path);
	int (*ioctl)(void *ctx, int fd, unsigned long request, const char *name, void *arg);
	void *(*map)(void *ctx, int fd, size_t size, int *ret_code);
	void (*unmap)(void *ctx, void *p, size_t size);
	void (*close)(void *ctx, int fd);
	/* Lets guests of this process use an XSAVE state component that is off until asked for
	 * (arch_prctl(2), ARCH_REQ_XCOMP_GUEST_PERM); refusals are no error. NULL: nothing to ask.
	 */
	void (*permit_component)(void *ctx, unsigned component);
	void *ctx;
};

/* The real system calls. */
extern const struct kvm_calls kvm_calls_real;

#endif
