/* SPDX-License-Identifier: MIT */
/*
 * A layer of faults between nestor and the real KVM: the linker puts it in ioctl's place (--wrap),
 * in a copy of nestor that the tests run. The environment variable KVM_FAULT names one:
 *
 * drop-bit     CPUID 7.EDX bit 29 (arch-capabilities) is offered, and dropped in KVM_SET_CPUID2;
 *              then KVM_SET_MSRS takes only 0 for MSR 0x10a: it stops there, as Linux does
 * drop-bit-einval   likewise, but the call fails
 * keep-msr     MSR 0x10a is taken, and keeps 0
 * set-cpuid    KVM_SET_CPUID2 always fails
 * run          KVM_RUN always fails
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define ARCH_CAPABILITIES_BIT (1u << 29)
#define ARCH_CAPABILITIES_MSR 0x10au
#define MAX_MSRS 256u

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

static bool fault_is(const char *name)
{
	const char *fault = getenv("KVM_FAULT");
	return fault && strcmp(fault, name) == 0;
}

static bool drops_bit(void)
{
	return fault_is("drop-bit") || fault_is("drop-bit-einval");
}

static struct kvm_cpuid_entry2 *leaf_7(struct kvm_cpuid2 *c)
{
	for (uint32_t i = 0; i < c->nent; i++) {
		if (c->entries[i].function == 7 && c->entries[i].index == 0)
			return &c->entries[i];
	}
	return NULL;
}

static int get_supported(int fd, struct kvm_cpuid2 *c)
{
	int rc = __real_ioctl(fd, KVM_GET_SUPPORTED_CPUID, c);
	struct kvm_cpuid_entry2 *e = rc < 0 ? NULL : leaf_7(c);
	if (e)
		e->edx |= ARCH_CAPABILITIES_BIT;
	return rc;
}

static int set_cpuid(int fd, struct kvm_cpuid2 *c)
{
	struct kvm_cpuid_entry2 *e = leaf_7(c);
	uint32_t before = e ? e->edx : 0;
	if (e)
		e->edx &= ~ARCH_CAPABILITIES_BIT;
	int rc = __real_ioctl(fd, KVM_SET_CPUID2, c);
	if (e)
		e->edx = before;
	return rc;
}

/* Some KVMs rewrite the table anyway, by themselves. */
static int get_cpuid(int fd, struct kvm_cpuid2 *c)
{
	int rc = __real_ioctl(fd, KVM_GET_CPUID2, c);
	struct kvm_cpuid_entry2 *e = rc < 0 ? NULL : leaf_7(c);
	if (e)
		e->edx &= ~ARCH_CAPABILITIES_BIT;
	return rc;
}

/* What is before the MSR is set, and what is behind it is not looked at. */
static int set_msrs(int fd, struct kvm_msrs *msrs)
{
	static union {
		struct kvm_msrs head;
		uint8_t bytes[sizeof(struct kvm_msrs) + MAX_MSRS * sizeof(struct kvm_msr_entry)];
	} copy;
	uint32_t at = 0;
	while (at < msrs->nmsrs &&
		(msrs->entries[at].index != ARCH_CAPABILITIES_MSR || msrs->entries[at].data == 0))
		at++;
	if (at == msrs->nmsrs || at >= MAX_MSRS)
		return __real_ioctl(fd, KVM_SET_MSRS, msrs);
	if (fault_is("drop-bit-einval")) {
		errno = EINVAL;
		return -1;
	}
	copy.head.nmsrs = at;
	memcpy(copy.head.entries, msrs->entries, at * sizeof(msrs->entries[0]));
	return at == 0 ? 0 : __real_ioctl(fd, KVM_SET_MSRS, &copy);
}

static int forget_msr(int fd, struct kvm_msrs *msrs)
{
	for (uint32_t i = 0; i < msrs->nmsrs; i++) {
		if (msrs->entries[i].index == ARCH_CAPABILITIES_MSR)
			msrs->entries[i].data = 0;
	}
	return __real_ioctl(fd, KVM_SET_MSRS, msrs);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if ((request == KVM_SET_CPUID2 && fault_is("set-cpuid")) ||
		(request == KVM_RUN && fault_is("run"))) {
		errno = EIO;
		return -1;
	}
	if (request == KVM_GET_SUPPORTED_CPUID && drops_bit())
		return get_supported(fd, arg);
	if (request == KVM_SET_CPUID2 && drops_bit())
		return set_cpuid(fd, arg);
	if (request == KVM_GET_CPUID2 && drops_bit())
		return get_cpuid(fd, arg);
	if (request == KVM_SET_MSRS && drops_bit())
		return set_msrs(fd, arg);
	if (request == KVM_SET_MSRS && fault_is("keep-msr"))
		return forget_msr(fd, arg);
	return __real_ioctl(fd, request, arg);
}
