/* SPDX-License-Identifier: MIT */
/*
 * Which of the emulators' known faults this emulated machine has. It runs in L0, before any case
 * and without nestor: by itself, or in guests of some bytes that it makes with KVM. So what it
 * finds is none of nestor's. Prints one line for each fault: its name and "yes" or "no"; "-" where
 * this machine has not what the question is about. Exit status: 0 all asked, 1 could not ask.
 *
 * executes-vmxon, executes-vmptrld, executes-vmptrst, executes-vmclear (QEMU 10.0.0 to 10.0.5)
 *   A processor without VMX takes the instruction for one that does nothing; due is #UD. Asked: a
 *   process executes it. #UD comes before any check of the privilege or of the operand.
 *
 * cr-read-intercepts (QEMU 9.1 and later)
 *   In a guest, reads of CR2, CR3, CR4 and CR8 exit where the hypervisor asked for reads of CR0,
 * not where it asked for theirs. KVM without nested paging then has guests that read its own shadow
 * CR3: Linux, early in its boot, takes that for another page table than its first and halts for
 * ever. Xen with nested paging answers reads of CR2 with one that is none of its guest's: Linux
 * halts at its first page fault. Asked: KVM wants reads of CR4 always, and those of CR0 only where
 * its own CR0 differs; a guest whose CR0 is as KVM would have it reads CR4. It shall see what it
 * was given, without KVM's own MCE.
 *
 * no-xsetbv-intercept (QEMU 7.2)
 *   XSETBV does not exit, and so KVM goes on giving leaf 0xD for the XCR0 of before. Linux sees
 * sizes that do not add up, and gives up XSAVE with all that needs it. Asked: a guest sets XCR0;
 * KVM shall know.
 *
 * accessed-pdpte (QEMU 7.2 and later)
 *   The accessed bit is set in page-directory-pointer entries outside long mode, where it is
 * reserved. A guest with such paging, on KVM without nested paging, then has a table that L0's KVM
 * refuses at VMRUN ("!load_pdptrs" of its tracepoint kvm_nested_vmenter_failed). Linux is not such
 * a guest. Asked: a guest with such paging; its entry shall stay as it was.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CPUID_1_ECX_VMX (1u << 5)
#define MEMORY_BYTES 0x10000u
#define CODE 0x1000u
#define PDPT 0x2000u
#define DIRECTORY 0x3000u
#define CR0_PE 0x1u
#define CR0_ET 0x10u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define CR4_OSXSAVE 0x40000u
#define ENTRY_PRESENT 0x1u
#define ENTRY_WRITE 0x2u
#define ENTRY_LARGE 0x80u
#define CPUID_ENTRIES 256
#define INVALID_CONTROL_FIELD 7 /* an error number of VM instructions */

static void die(const char *what)
{
	fprintf(stderr, "emulator-faults: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void answer(const char *name, bool has)
{
	printf("%s %s\n", name, has ? "yes" : "no");
}

/* Instructions that a processor without VMX must refuse. */

static sigjmp_buf after_signal;

static void on_signal(int signal)
{
	siglongjmp(after_signal, signal);
}

static uint64_t operand[2];
#define ATTEMPT(name)                                                                              \
	static void try_##name(void)                                                               \
	{                                                                                          \
		__asm__ volatile(#name " %0" : "+m"(operand) : : "cc");                            \
	}
ATTEMPT(vmxon)
ATTEMPT(vmptrld)
ATTEMPT(vmptrst)
ATTEMPT(vmclear)

static bool executes(void (*attempt)(void))
{
	int signal = sigsetjmp(after_signal, 1);

	if (signal != 0)
		return signal != SIGILL;
	attempt();
	return true;
}

static void ask_instructions(void)
{
	static const struct {
		const char *name;
		void (*attempt)(void);
	} known[] = {
		{ "executes-vmxon", try_vmxon },
		{ "executes-vmptrld", try_vmptrld },
		{ "executes-vmptrst", try_vmptrst },
		{ "executes-vmclear", try_vmclear },
	};
	static const int signals[] = { SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGFPE };
	struct sigaction action = { .sa_handler = on_signal };
	unsigned int a, b, c, d;

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		if (sigaction(signals[i], &action, NULL) != 0)
			die("sigaction");
	}
	bool has_vmx = __get_cpuid(1, &a, &b, &c, &d) && (c & CPUID_1_ECX_VMX) != 0;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (has_vmx)
			printf("%s -\n", known[i].name);
		else
			answer(known[i].name, executes(known[i].attempt));
	}
}

/* A guest of some bytes, in flat protected mode. */

struct guest {
	int kvm, vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_bytes;
};

static void guest_start(struct guest *guest, bool has_irqchip)
{
	int bytes;

	guest->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (guest->kvm < 0)
		die("/dev/kvm");
	guest->vm = ioctl(guest->kvm, KVM_CREATE_VM, 0);
	if (guest->vm < 0)
		die("KVM_CREATE_VM");
	guest->memory = mmap(
		NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guest->memory == MAP_FAILED)
		die("mmap");
	struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY_BYTES,
		.userspace_addr = (uintptr_t)guest->memory,
	};
	if (ioctl(guest->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		die("KVM_SET_USER_MEMORY_REGION");
	if (has_irqchip && ioctl(guest->vm, KVM_CREATE_IRQCHIP, 0) < 0)
		die("KVM_CREATE_IRQCHIP");
	guest->vcpu = ioctl(guest->vm, KVM_CREATE_VCPU, 0);
	bytes = ioctl(guest->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (guest->vcpu < 0 || bytes < 0)
		die("KVM_CREATE_VCPU");
	guest->run_bytes = (size_t)bytes;
	guest->run =
		mmap(NULL, guest->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, guest->vcpu, 0);
	if (guest->run == MAP_FAILED)
		die("mmap of the vCPU");

	/* All that KVM has to give. */
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof *cpuid + CPUID_ENTRIES * sizeof cpuid->entries[0]);
	if (cpuid == NULL)
		die("calloc");
	cpuid->nent = CPUID_ENTRIES;
	if (ioctl(guest->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		die("KVM_GET_SUPPORTED_CPUID");
	if (ioctl(guest->vcpu, KVM_SET_CPUID2, cpuid) < 0)
		die("KVM_SET_CPUID2");
	free(cpuid);
}

static void guest_end(struct guest *guest)
{
	munmap(guest->run, guest->run_bytes);
	close(guest->vcpu);
	close(guest->vm);
	close(guest->kvm);
	munmap(guest->memory, MEMORY_BYTES);
}

/* Runs the code with these control registers and no interrupts to its first exit that KVM tells. */
static void guest_enter(
	struct guest *guest, const void *code, size_t code_bytes, uint32_t cr0, uint32_t cr4)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_segment flat = { .limit = UINT32_MAX,
		.selector = 8,
		.type = 0xb,
		.present = 1,
		.db = 1,
		.s = 1,
		.g = 1 };

	memcpy(guest->memory + CODE, code, code_bytes);
	if (ioctl(guest->vcpu, KVM_GET_SREGS, &sregs) < 0)
		die("KVM_GET_SREGS");
	sregs.cs = flat;
	flat.selector = 16;
	flat.type = 3;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
	sregs.cr0 = cr0;
	sregs.cr3 = PDPT;
	sregs.cr4 = cr4;
	if (ioctl(guest->vcpu, KVM_SET_SREGS, &sregs) < 0)
		die("KVM_SET_SREGS");
	if (ioctl(guest->vcpu, KVM_SET_REGS, &regs) < 0)
		die("KVM_SET_REGS");
	while (ioctl(guest->vcpu, KVM_RUN, 0) < 0) {
		if (errno != EINTR && errno != EAGAIN)
			die("KVM_RUN");
	}
}

static void expect_exit(const struct guest *guest, uint32_t reason)
{
	if (guest->run->exit_reason == reason)
		return;
	fprintf(stderr, "emulator-faults: a guest should have exited for reason %u, not %u\n",
		reason, guest->run->exit_reason);
	exit(1);
}

/* The same for code that ends in HLT. */
static void guest_run(
	struct guest *guest, const void *code, size_t code_bytes, uint32_t cr0, uint32_t cr4)
{
	guest_enter(guest, code, code_bytes, cr0, cr4);
	expect_exit(guest, KVM_EXIT_HLT);
}

static void ask_cr_read_intercepts(void)
{
	static const uint8_t code[] = {
		0x0f, 0x20, 0xe0, /* mov %cr4, %eax */
		0xf4,             /* hlt */
	};
	struct guest guest;
	struct kvm_regs regs;

	guest_start(&guest, false);
	guest_run(&guest, code, sizeof code, CR0_PE | CR0_ET, 0);
	if (ioctl(guest.vcpu, KVM_GET_REGS, &regs) < 0)
		die("KVM_GET_REGS");
	answer("cr-read-intercepts", regs.rax != 0);
	guest_end(&guest);
}

static void ask_xsetbv_intercept(void)
{
	static const uint8_t code[] = {
		0x31, 0xc9,                   /* xor %ecx, %ecx */
		0x31, 0xd2,                   /* xor %edx, %edx */
		0xb8, 0x03, 0x00, 0x00, 0x00, /* mov $3, %eax: x87 and SSE */
		0x0f, 0x01, 0xd1,             /* xsetbv */
		0xf4,                         /* hlt */
	};
	struct guest guest;
	struct kvm_xcrs xcrs;
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_XSAVE) == 0) {
		puts("no-xsetbv-intercept -");
		return;
	}
	guest_start(&guest, false);
	guest_run(&guest, code, sizeof code, CR0_PE | CR0_ET, CR4_OSXSAVE);
	if (ioctl(guest.vcpu, KVM_GET_XCRS, &xcrs) < 0)
		die("KVM_GET_XCRS");
	answer("no-xsetbv-intercept", xcrs.nr_xcrs < 1 || xcrs.xcrs[0].value != 3);
	guest_end(&guest);
}

static void ask_accessed_pdpte(void)
{
	static const uint8_t code[] = { 0xf4 /* hlt */ };
	const uint64_t pdpte = DIRECTORY | ENTRY_PRESENT;
	const uint64_t pde = ENTRY_PRESENT | ENTRY_WRITE | ENTRY_LARGE;
	struct guest guest;
	uint64_t found;

	guest_start(&guest, false);
	memcpy(guest.memory + PDPT, &pdpte, sizeof pdpte);
	memcpy(guest.memory + DIRECTORY, &pde, sizeof pde);
	guest_run(&guest, code, sizeof code, CR0_PE | CR0_ET | CR0_PG, CR4_PAE);
	memcpy(&found, guest.memory + PDPT, sizeof found);
	answer("accessed-pdpte", found != pdpte);
	guest_end(&guest);
}

static bool has_apicv(void)
{
	FILE *parameter = fopen("/sys/module/kvm_intel/parameters/enable_apicv", "re");
	int said;

	if (parameter == NULL)
		return false;
	said = fgetc(parameter);
	fclose(parameter);
	return said == 'Y';
}

static void ask_page_aligned_posting(void)
{
	static const uint8_t code[] = { 0xe6, 0x10 /* out %al, $0x10 */ };
	struct guest guest;
	bool failed;

	if (!has_apicv()) {
		puts("page-aligned-posting -");
		return;
	}
	guest_start(&guest, true);
	guest_enter(&guest, code, sizeof code, CR0_PE | CR0_ET, 0);
	failed = guest.run->exit_reason == KVM_EXIT_FAIL_ENTRY &&
		 guest.run->fail_entry.hardware_entry_failure_reason == INVALID_CONTROL_FIELD;
	if (!failed)
		expect_exit(&guest, KVM_EXIT_IO);
	answer("page-aligned-posting", failed);
	guest_end(&guest);
}

int main(void)
{
	ask_instructions();
	ask_cr_read_intercepts();
	ask_xsetbv_intercept();
	ask_accessed_pdpte();
	ask_page_aligned_posting();
	return 0;
}
