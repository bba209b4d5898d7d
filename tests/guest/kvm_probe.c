/* SPDX-License-Identifier: MIT */
/*
 * What this machine's KVM can do, asked of KVM alone: nothing of nestor is in here, so that a fault
 * of nestor's never looks like one of the host's.
 *
 *	kvm_probe GUEST NEED...
 *
 * exit status 0: KVM has all that is needed; 77: it lacks something, which is named with the
 *reason; anything else is a fault of this program, not of KVM (2: usage). What can be needed:
 *
 * kvm              /dev/kvm opens, has the capabilities that nestor requires, and runs a few
 *                  instructions in real and in protected mode up to a port
 * msr-exits        filtered MSR accesses exit to user space
 * split-irqchip    local APICs alone
 * sci              a level of the in-kernel I/O APIC interrupts as often as it should
 * sci-split        likewise of an I/O APIC outside (KVM_EXIT_IOAPIC_EOI)
 * vmx-instructions, svm-instructions
 *                  those are undefined where the extensions are hidden, rather than too
 *                  much for an instruction emulator
 * act=NAME         that act (src/acts.h) of the guest's comes to its end
 * nesting          KVM offers VMX or SVM
 * no-nesting       KVM offers neither
 * intel, amd       the vendor that KVM offers
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_BYTES (4u << 20)
#define MAX_ENTRIES 256
#define TIME_LIMIT_S 20
#define MULTIBOOT_MAGIC 0x2badb002u
#define INFO 0x9000u
#define COMMAND_LINE 0xa000u
#define PORT_EXIT 0xf4
#define PORT_COM1 0x3f8
#define PORT_PM1_STATUS 0x600
#define PORT_PM1_CONTROL 0x604
#define GSI_SCI 9
#define VECTOR_SCI 0x32u /* of the guest's */
#define EOI_LIMIT_S 5
#define ACT_LIMIT_S 3
#define LACKS 77 /* no status that a sanitizer ends with */

static const char *need = "kvm"; /* at hand */

static void lack(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void lack(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)printf("this KVM lacks %s: ", need);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	exit(LACKS);
}

struct probe {
	int kvm, vm, vcpu;
	uint8_t *ram;
	struct kvm_run *run;
	size_t run_bytes;
	struct kvm_cpuid2 *cpuid; /* that KVM supports */
	bool sci;                 /* the level of that line */
	char text[4096];          /* that the guest printed */
	size_t used;
};

static int must(int rc, const char *what)
{
	if (rc < 0)
		lack("%s: %s", what, strerror(errno));
	return rc;
}

static int has(const struct probe *p, int cap)
{
	return ioctl(p->kvm, KVM_CHECK_EXTENSION, cap);
}

static void open_kvm(struct probe *p)
{
	static const struct {
		int cap;
		const char *name;
	} required[] = { { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
		{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" }, { KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
		{ KVM_CAP_PIT2, "KVM_CAP_PIT2" }, { KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR" },
		{ KVM_CAP_SET_IDENTITY_MAP_ADDR, "KVM_CAP_SET_IDENTITY_MAP_ADDR" },
		{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
		{ KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI" },
		{ KVM_CAP_X86_MSR_FILTER, "KVM_CAP_X86_MSR_FILTER" } };
	p->kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	if (ioctl(p->kvm, KVM_GET_API_VERSION, 0) != 12)
		lack("its API has not version 12");
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (has(p, required[i].cap) <= 0)
			lack("no %s", required[i].name);
	}
	p->run_bytes = (size_t)must(ioctl(p->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "vCPU size");
	p->cpuid = calloc(1, sizeof(*p->cpuid) + MAX_ENTRIES * sizeof(p->cpuid->entries[0]));
	if (!p->cpuid)
		exit(2);
	p->cpuid->nent = MAX_ENTRIES;
	must(ioctl(p->kvm, KVM_GET_SUPPORTED_CPUID, p->cpuid), "KVM_GET_SUPPORTED_CPUID");
}

static struct kvm_cpuid_entry2 *leaf(const struct probe *p, uint32_t number)
{
	static struct kvm_cpuid_entry2 none;
	for (uint32_t i = 0; i < p->cpuid->nent; i++) {
		if (p->cpuid->entries[i].function == number)
			return &p->cpuid->entries[i];
	}
	return &none;
}

/* CPUID as it is supported, without the extensions; what KVM keeps of it does not matter here. */
static void set_cpuid(const struct probe *p)
{
	struct kvm_cpuid_entry2 *one = leaf(p, 1), *amd = leaf(p, 0x80000001);
	uint32_t one_ecx = one->ecx, amd_ecx = amd->ecx;
	one->ecx &= ~(1u << 5);
	amd->ecx &= ~(1u << 2);
	must(ioctl(p->vcpu, KVM_SET_CPUID2, p->cpuid), "KVM_SET_CPUID2");
	one->ecx = one_ecx;
	amd->ecx = amd_ecx;
}

static bool is_split(void)
{
	return strcmp(need, "sci-split") == 0;
}

static bool is_act(void)
{
	return strncmp(need, "act=", 4) == 0;
}

/* The message of the guest's entry of that pin: fixed, to APIC 0, level, asserted. */
#define MSI_ADDRESS 0xfee00000u
#define MSI_DATA (VECTOR_SCI | 1u << 14 | 1u << 15)

static void start_split(const struct probe *p)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	union {
		struct kvm_irq_routing head;
		uint8_t bytes[sizeof(struct kvm_irq_routing) +
			      sizeof(struct kvm_irq_routing_entry)];
	} table = { .head = { .nr = 1 } };
	table.head.entries[0] = (struct kvm_irq_routing_entry){ .gsi = GSI_SCI,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = MSI_ADDRESS, .data = MSI_DATA } };
	must(ioctl(p->vm, KVM_ENABLE_CAP, &cap), "KVM_CAP_SPLIT_IRQCHIP");
	must(ioctl(p->vm, KVM_SET_GSI_ROUTING, &table), "KVM_SET_GSI_ROUTING");
}

static void start_vm(struct probe *p)
{
	uint64_t identity = 0xfffbc000;
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	p->ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->ram == MAP_FAILED)
		exit(2);
	struct kvm_userspace_memory_region ram = { .memory_size = RAM_BYTES,
		.userspace_addr = (uintptr_t)p->ram };
	p->vm = must(ioctl(p->kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	must(ioctl(p->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity), "KVM_SET_IDENTITY_MAP_ADDR");
	must(ioctl(p->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul), "KVM_SET_TSS_ADDR");
	must(ioctl(p->vm, KVM_SET_USER_MEMORY_REGION, &ram), "KVM_SET_USER_MEMORY_REGION");
	if (is_split()) {
		start_split(p);
	} else {
		must(ioctl(p->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
		must(ioctl(p->vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	}
	p->vcpu = must(ioctl(p->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	p->run = mmap(NULL, p->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->vcpu, 0);
	if (p->run == MAP_FAILED)
		lack("a vCPU cannot be mapped: %s", strerror(errno));
	set_cpuid(p);
	p->used = 0;
}

static void stop_vm(struct probe *p)
{
	(void)munmap(p->run, p->run_bytes);
	(void)close(p->vcpu);
	(void)close(p->vm);
	(void)munmap(p->ram, RAM_BYTES);
}

/* Real mode, or protected mode with flat segments, at an address. */
static void enter(const struct probe *p, bool protected_mode, uint32_t rip)
{
	struct kvm_sregs s;
	struct kvm_regs r = { .rip = rip, .rflags = 2, .rax = MULTIBOOT_MAGIC, .rbx = INFO };
	must(ioctl(p->vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.cs.base = 0;
	s.cs.selector = 0;
	if (protected_mode) {
		struct kvm_segment *data[] = { &s.ds, &s.es, &s.fs, &s.gs, &s.ss };
		const struct kvm_segment flat = { .limit = UINT32_MAX,
			.selector = 0x10,
			.type = 3,
			.present = 1,
			.db = 1,
			.s = 1,
			.g = 1 };
		for (size_t i = 0; i < 5; i++)
			*data[i] = flat;
		s.cs = flat;
		s.cs.selector = 8;
		s.cs.type = 11;
		s.cr0 |= 1;
	}
	must(ioctl(p->vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
	must(ioctl(p->vcpu, KVM_SET_REGS, &r), "KVM_SET_REGS");
}

static void set_sci(struct probe *p, bool level)
{
	struct kvm_msi msi = { .address_lo = MSI_ADDRESS, .data = MSI_DATA };
	p->sci = level;
	if (is_split()) {
		if (level)
			must(ioctl(p->vm, KVM_SIGNAL_MSI, &msi), "KVM_SIGNAL_MSI");
		return;
	}
	struct kvm_irq_level irq = { .irq = GSI_SCI, .level = level };
	must(ioctl(p->vm, KVM_IRQ_LINE, &irq), "KVM_IRQ_LINE");
}

/* A port exit; true: the guest is through. */
static bool on_port(struct probe *p)
{
	struct kvm_run *run = p->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint16_t port = run->io.port;
	if (run->io.direction == KVM_EXIT_IO_IN) {
		memset(data, 0xff, (size_t)run->io.size * run->io.count);
		if (port == PORT_COM1 + 5) /* the transmitter is empty */
			memset(data, 0x60, (size_t)run->io.size * run->io.count);
		return false;
	}
	if (port == PORT_COM1 && p->used + 1 < sizeof(p->text)) {
		p->text[p->used++] = (char)*data;
		p->text[p->used] = '\0';
		if (strncmp(need, "sci", 3) == 0 && strcmp(p->text, "ready\n") == 0)
			set_sci(p, true);
	} else if (port == PORT_PM1_STATUS) {
		set_sci(p, false);
	}
	return port == PORT_EXIT || port == PORT_PM1_CONTROL;
}

static const char *last_line(struct probe *p)
{
	while (p->used > 0 && p->text[p->used - 1] == '\n')
		p->text[--p->used] = '\0';
	const char *newline = strrchr(p->text, '\n');
	return newline ? newline + 1 : p->text;
}

static void run_guest(struct probe *p)
{
	for (;;) {
		int rc = ioctl(p->vcpu, KVM_RUN, 0);
		if (rc < 0 && errno == EINTR && is_split())
			lack("no KVM_EXIT_IOAPIC_EOI of a level came within %d s", EOI_LIMIT_S);
		if (rc < 0)
			lack("KVM_RUN: %s", strerror(errno));
		if (is_split() && p->run->exit_reason == KVM_EXIT_IOAPIC_EOI) {
			if (p->run->eoi.vector == VECTOR_SCI && p->sci)
				set_sci(p, true);
			continue;
		}
		if (is_act() && p->run->exit_reason == KVM_EXIT_MMIO)
			memset(p->run->mmio.data, 0xff, sizeof(p->run->mmio.data)); /* nobody's */
		if ((is_split() || is_act()) && p->run->exit_reason == KVM_EXIT_MMIO)
			continue; /* the I/O APIC's registers are not looked at */
		if (p->run->exit_reason == KVM_EXIT_IO) {
			if (on_port(p))
				return;
			continue;
		}
		if (p->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
			lack("KVM_EXIT_INTERNAL_ERROR, suberror %u: its instruction emulator gives "
			     "up, after \"%s\"",
				p->run->internal.suberror, last_line(p));
		lack("KVM exit reason %u, after \"%s\"", p->run->exit_reason, last_line(p));
	}
}

/* out of AL to a port in 16 and 32 bits: the code is the same. */
static void try_modes(struct probe *p)
{
	static const uint8_t code[] = { 0xb0, 0x2a, 0xe6, PORT_EXIT, 0xf4 };
	for (int mode = 0; mode < 2; mode++) {
		start_vm(p);
		memcpy(p->ram + 0x1000, code, sizeof(code));
		enter(p, mode == 1, 0x1000);
		run_guest(p);
		stop_vm(p);
	}
}

/* Loads a Multiboot kernel of 32 bits (ELF), with a command line; its entry. */
static uint32_t load(const struct probe *p, const char *path, const char *command)
{
	static uint8_t file[1u << 20];
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(file, 1, sizeof(file), f) : 0;
	const Elf32_Ehdr *header = (const Elf32_Ehdr *)(const void *)file;
	if (f)
		(void)fclose(f);
	if (n < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
		(void)fprintf(stderr, "kvm_probe: %s is no guest\n", path);
		exit(2);
	}
	for (unsigned i = 0; i < header->e_phnum; i++) {
		const Elf32_Phdr *h =
			(const Elf32_Phdr *)(const void *)(file + header->e_phoff) + i;
		if (h->p_type == PT_LOAD && h->p_paddr + h->p_memsz <= RAM_BYTES &&
			h->p_offset + h->p_filesz <= n)
			memcpy(p->ram + h->p_paddr, file + h->p_offset, h->p_filesz);
	}
	const uint32_t info[5] = { 1u << 2, 0, 0, 0, COMMAND_LINE };
	memcpy(p->ram + INFO, info, sizeof(info));
	memcpy(p->ram + COMMAND_LINE, command, strlen(command) + 1);
	return header->e_entry;
}

static void try_program(struct probe *p, const char *guest, const char *program)
{
	start_vm(p);
	enter(p, true, load(p, guest, program));
	run_guest(p);
	stop_vm(p);
}

static bool offers_nesting(const struct probe *p)
{
	return leaf(p, 1)->ecx >> 5 & 1 || leaf(p, 0x80000001)->ecx >> 2 & 1;
}

static bool is_vendor(const struct probe *p, const char *name)
{
	const struct kvm_cpuid_entry2 *e = leaf(p, 0);
	const uint32_t words[3] = { e->ebx, e->edx, e->ecx };
	return memcmp(words, name, sizeof(words)) == 0;
}

static void check_need(struct probe *p, const char *guest)
{
	if (strcmp(need, "kvm") == 0) {
		try_modes(p);
	} else if (strcmp(need, "msr-exits") == 0) {
		if (has(p, KVM_CAP_X86_USER_SPACE_MSR) <= 0)
			lack("no KVM_CAP_X86_USER_SPACE_MSR");
	} else if (strcmp(need, "split-irqchip") == 0) {
		if (has(p, KVM_CAP_SPLIT_IRQCHIP) <= 0)
			lack("no KVM_CAP_SPLIT_IRQCHIP");
	} else if (strncmp(need, "sci", 3) == 0) {
		(void)alarm(is_split() ? EOI_LIMIT_S : TIME_LIMIT_S);
		try_program(p, guest, "sci");
		if (!strstr(p->text, "serial 0 sci 2"))
			lack("it delivers a level wrongly: \"%s\", expected sci 2", last_line(p));
	} else if (strcmp(need, "vmx-instructions") == 0 || strcmp(need, "svm-instructions") == 0) {
		try_program(p, guest, need);
	} else if (is_act()) {
		(void)alarm(ACT_LIMIT_S);
		try_program(p, guest, need);
		if (strcmp(last_line(p), "went on") != 0)
			lack("it ended after \"%s\"", last_line(p));
	} else if (strcmp(need, "nesting") == 0) {
		if (!offers_nesting(p))
			lack("KVM_GET_SUPPORTED_CPUID shows neither VMX nor SVM");
	} else if (strcmp(need, "no-nesting") == 0) {
		if (offers_nesting(p))
			lack("KVM_GET_SUPPORTED_CPUID shows VMX or SVM");
	} else if (strcmp(need, "intel") == 0) {
		if (!is_vendor(p, "GenuineIntel"))
			lack("it is not Intel's");
	} else if (strcmp(need, "amd") == 0) {
		if (!is_vendor(p, "AuthenticAMD") && !is_vendor(p, "HygonGenuine"))
			lack("it is not AMD's");
	} else {
		(void)fprintf(stderr, "kvm_probe: unknown need %s\n", need);
		exit(2);
	}
}

static void on_alarm(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	struct probe p = { .used = 0 };
	if (argc < 3) {
		(void)fputs("Usage: kvm_probe GUEST NEED...\n", stderr);
		return 2;
	}
	const struct sigaction action = { .sa_handler = on_alarm };
	(void)sigaction(SIGALRM, &action, NULL);
	(void)alarm(TIME_LIMIT_S); /* ends KVM_RUN, too */
	open_kvm(&p);
	for (int i = 2; i < argc; i++) {
		need = argv[i];
		check_need(&p, argv[1]);
	}
	free(p.cpuid);
	return 0;
}
