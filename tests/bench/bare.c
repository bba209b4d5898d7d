/* SPDX-License-Identifier: MIT */
/*
 * bare: the least that a program can do to run a guest: no irqchip, no devices, no CPUID, no
 * config. What nestor takes longer than this is nestor's own, or what its guests need of KVM:
 * with --cpuid-and-chips, the calls of that without which no VMM gives a guest a CPUID policy,
 * an APIC and a timer are made, too, in the order in which they took least.
 *
 * One vCPU in flat 32-bit protected mode, the state that Multiboot leaves a kernel in, runs the
 * same instructions as tiny.S: the byte written to COM1 goes to standard output.
 *
 * Exit status: 0 done, 1 failed, 77 no usable KVM (a test is skipped then).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_BYTES (16u << 20)
#define ENTRY 0x100000u
#define COM1 0x3f8
#define DEBUG_EXIT 0xf4
#define SKIP 77

/* tiny.S, assembled. */
static const uint8_t code[] = {
	0x66, 0xba, 0xf8, 0x03, /* mov $0x3f8, %dx */
	0xb0, 0x21,             /* mov $'!', %al */
	0xee,                   /* out %al, %dx */
	0x30, 0xc0,             /* xor %al, %al */
	0xe6, 0xf4,             /* out %al, $0xf4 */
	0xf4,                   /* hlt */
};

static int failed(const char *what, int status)
{
	(void)fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	return status;
}

/* Flat segments (Multiboot Specification 0.6.96, section 3.2, "Machine state"). */
static void set_flat_mode(struct kvm_sregs *sregs)
{
	struct kvm_segment code_segment = { .base = 0,
		.limit = 0xffffffff,
		.selector = 0x10,
		.type = 0xb,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1 };
	struct kvm_segment data_segment = code_segment;
	data_segment.selector = 0x18;
	data_segment.type = 0x3;
	sregs->cs = code_segment;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data_segment;
	sregs->cr0 = 0x11; /* PE, ET */
}

static int set_up(int vcpu_fd)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = ENTRY, .rflags = 2 };
	if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
		return failed("KVM_GET_SREGS", 1);
	set_flat_mode(&sregs);
	if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) < 0)
		return failed("KVM_SET_SREGS", 1);
	if (ioctl(vcpu_fd, KVM_SET_REGS, &regs) < 0)
		return failed("KVM_SET_REGS", 1);
	return 0;
}

static int run(int vcpu_fd, const struct kvm_run *kvm_run)
{
	for (;;) {
		if (ioctl(vcpu_fd, KVM_RUN, 0) < 0)
			return failed("KVM_RUN", 1);
		if (kvm_run->exit_reason != KVM_EXIT_IO) {
			(void)fprintf(stderr, "bare: exit reason %u\n", kvm_run->exit_reason);
			return 1;
		}
		const char *data = (const char *)kvm_run + kvm_run->io.data_offset;
		if (kvm_run->io.port == DEBUG_EXIT)
			return *data;
		if (kvm_run->io.port == COM1 && write(STDOUT_FILENO, data, 1) != 1)
			return failed("write", 1);
	}
}

#define MAX_CPUID_ENTRIES 256

int main(int argc, char **argv)
{
	const bool more = argc > 1 && strcmp(argv[1], "--cpuid-and-chips") == 0;
	/* What KVM offers is what the guest gets. */
	static _Alignas(struct kvm_cpuid2)
		uint8_t table[sizeof(struct kvm_cpuid2) +
			      MAX_CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2)];
	struct kvm_cpuid2 *cpuid = (struct kvm_cpuid2 *)(void *)table;
	struct kvm_pit_config pit = { 0 };
	if (argc > 2 || (argc > 1 && !more)) {
		(void)fprintf(stderr, "usage: bare [--cpuid-and-chips]\n");
		return 2;
	}
	cpuid->nent = MAX_CPUID_ENTRIES;
	int kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm_fd < 0)
		return failed("/dev/kvm", SKIP);
	if (more && ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return failed("KVM_GET_SUPPORTED_CPUID", 1);
	int vm_fd = ioctl(kvm_fd, KVM_CREATE_VM, 0);
	if (vm_fd < 0)
		return failed("KVM_CREATE_VM", SKIP);
	uint8_t *ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ram == MAP_FAILED)
		return failed("guest RAM", 1);
	(void)memcpy(ram + ENTRY, code, sizeof(code));
	struct kvm_userspace_memory_region region = { .memory_size = RAM_BYTES,
		.userspace_addr = (uintptr_t)ram };
	if (ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return failed("KVM_SET_USER_MEMORY_REGION", 1);
	if (more && ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return failed("KVM_CREATE_IRQCHIP", 1);
	int vcpu_fd = ioctl(vm_fd, KVM_CREATE_VCPU, 0);
	if (vcpu_fd < 0)
		return failed("KVM_CREATE_VCPU", 1);
	if (more && ioctl(vcpu_fd, KVM_SET_CPUID2, cpuid) < 0)
		return failed("KVM_SET_CPUID2", 1);
	if (more && ioctl(vm_fd, KVM_CREATE_PIT2, &pit) < 0)
		return failed("KVM_CREATE_PIT2", 1);
	int run_bytes = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < 0)
		return failed("KVM_GET_VCPU_MMAP_SIZE", 1);
	const struct kvm_run *kvm_run =
		mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, 0);
	if (kvm_run == MAP_FAILED)
		return failed("struct kvm_run", 1);
	int rc = set_up(vcpu_fd);
	return rc ? rc : run(vcpu_fd, kvm_run);
}
