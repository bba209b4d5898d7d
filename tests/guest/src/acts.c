/* SPDX-License-Identifier: MIT */
/*
 * What a guest may do to itself: odd, forbidden or hopeless acts, none of which may be an error of
 * the host's. Each says what must come of it: that the guest goes on, that it is reset, that it
 * crashes, or, where KVMs and processors differ, any of these. Acts that keep KVM busy for ever
 * (page tables, or the GDT, where there is no memory) are left out: they only take time.
 */
#include "acts.h"

#define IOAPIC_SELECT 0xfec00000u
#define IOAPIC_WINDOW 0xfec00010u
#define ICR_NMI_SELF 0x44400u
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define MSR_APIC_BASE 0x1b
#define MSR_X2APIC_ICR 0x830
#define CR4_FXSR (1u << 9)
#define PORT_NOBODYS 0x1234

/* Sends an SMI to itself; each register has a value of its own, which it must keep. */
static bool registers_stay(void)
{
	uint32_t a, b, c, d;
	__asm__ volatile("movl $0x11111111, %%eax\n\tmovl $0x22222222, %%ebx\n\t"
			 "movl $0x33333333, %%ecx\n\tmovl $0x44444444, %%edx\n\t"
			 "movl $0x44200, 0xfee00300\n\tnop\n\tnop"
			 : "=a"(a), "=b"(b), "=c"(c), "=d"(d)
			 :
			 : "memory");
	return a == 0x11111111 && b == 0x22222222 && c == 0x33333333 && d == 0x44444444;
}

/* Where SMBASE is after reset: an SMI must not write to the guest's own RAM there. */
#define SMM_AREA 0x30000u
#define SMM_AREA_WORDS 0x4000u

static void smi_self(void)
{
	volatile uint32_t *area = mmio(SMM_AREA);
	for (uint32_t i = 0; i < SMM_AREA_WORDS; i++)
		area[i] = i * 0x9e3779b1u;
	for (uint32_t i = 0; i < 20; i++) {
		if (!registers_stay())
			print("registers changed\n");
	}
	for (uint32_t i = 0; i < SMM_AREA_WORDS; i++) {
		if (area[i] != i * 0x9e3779b1u) {
			print("RAM changed\n");
			break;
		}
	}
}

static void smi_x2apic(void)
{
	uint32_t base;
	if (!read_msr(MSR_APIC_BASE, &base) || !write_msr(MSR_APIC_BASE, base | 3u << 10))
		return;
	for (uint32_t i = 0; i < 20; i++)
		(void)write_msr(MSR_X2APIC_ICR, ICR_SMI_SELF);
}

/* As a device's interrupt: COM1's, by the I/O APIC. */
static void smi_by_ioapic(void)
{
	*mmio(IOAPIC_SELECT) = 0x10 + 4 * 2 + 1;
	*mmio(IOAPIC_WINDOW) = 0;
	*mmio(IOAPIC_SELECT) = 0x10 + 4 * 2;
	*mmio(IOAPIC_WINDOW) = 0x200;
	outb(COM1 + 4, 8);
	outb(COM1 + 1, 2);
	put(COM1, '.');
	outb(COM1 + 1, 0);
	print("\n");
}

static void rsm_outside_smm(void)
{
	uint32_t before = undefined_count;
	__asm__ volatile("movl $1f, %[resume]\n\trsm\n1:"
			 : [resume] "=m"(fault_resume)
			 :
			 : "memory");
	if (undefined_count == before)
		print("rsm is defined\n");
}

static void nmi_self(void)
{
	set_gate(2, isr_ignored);
	*mmio(LAPIC_ICR) = ICR_NMI_SELF;
}

static void init_self(void)
{
	*mmio(LAPIC_ICR + 0x10) = *mmio(LAPIC_ID);
	*mmio(LAPIC_ICR) = ICR_INIT;
	for (int i = 0; i < 100; i++)
		(void)*mmio(LAPIC_ID);
}

static void startup_self(void)
{
	*mmio(LAPIC_ICR + 0x10) = *mmio(LAPIC_ID);
	*mmio(LAPIC_ICR) = ICR_STARTUP | 8;
}

static void jump(uint32_t to)
{
	__asm__ volatile("jmp *%0" : : "r"(to));
	__builtin_unreachable();
}

static void jump_to_reset_vector(void)
{
	jump(0xfffffff0u);
}

/* With paging, and from another address. */
static void jump_to_reset_vector_paged(void)
{
	turn_paging_on();
	jump(0xfffffff0u);
}

static void jump_real(uint16_t segment, uint16_t offset)
{
	volatile uint8_t *to = (volatile uint8_t *)(uintptr_t)REAL_MODE_STUB;
	for (const uint8_t *from = real_mode_stub; from < real_mode_stub_end; from++)
		*to++ = *from;
	__asm__ volatile("jmp *%2" : : "d"(segment), "c"(offset), "r"(REAL_MODE_STUB));
	__builtin_unreachable();
}

static void jump_to_ffff_0(void)
{
	jump_real(0xffff, 0);
}

static void jump_to_f000_fff0(void)
{
	jump_real(0xf000, 0xfff0);
}

static void jump_to_hole(void)
{
	jump(HOLE);
}

/* Not the reset vector, though near it. */
static void jump_near_reset_vector(void)
{
	jump(0xffffffe0u);
}

/* An instruction of which a part is behind the end of RAM. */
static void run_off_ram(void)
{
	*(volatile uint8_t *)(uintptr_t)(RAM_END - 1) = 0xb8;
	jump(RAM_END - 1);
}

static void stack_in_hole(void)
{
	uint32_t saved;
	__asm__ volatile(
		"movl %%esp, %0\n\tmovl %1, %%esp\n\tpushl %%eax\n\tpopl %%eax\n\tpushal\n\t"
		"popal\n\tmovl %0, %%esp"
		: "=&b"(saved)
		: "i"(HOLE + 0x1000)
		: "eax", "ecx", "edx", "esi", "edi", "memory");
}

static void interrupt_with_stack_in_hole(void)
{
	__asm__ volatile("movl %0, %%esp\n\tint $6" : : "i"(HOLE + 0x1000) : "memory");
	halt();
}

static void interrupt_table_in_hole(void)
{
	const struct table_pointer p = { 0x7ff, HOLE };
	__asm__ volatile("lidt %0\n\tint $0x21" : : "m"(p) : "memory");
}

static void exception_with_table_in_hole(void)
{
	const struct table_pointer p = { 0x7ff, HOLE };
	__asm__ volatile("lidt %0\n\tud2" : : "m"(p) : "memory");
}

static void task_in_hole(void)
{
	set_descriptor(HOLE, 0x67, 0x89);
	__asm__ volatile("ljmp %0, $0" : : "i"(SPARE_SELECTOR));
}

static void task_of_zeros(void)
{
	static uint8_t old[128], new[128];
	set_descriptor((uint32_t)(uintptr_t)old, 0x67, 0x89);
	__asm__ volatile("ltr %w0" : : "r"(SPARE_SELECTOR));
	set_descriptor((uint32_t)(uintptr_t) new, 0x67, 0x89);
	__asm__ volatile("ljmp %0, $0" : : "i"(SPARE_SELECTOR));
}

static void page_pointers_in_hole(void)
{
	uint32_t cr0;
	(void)set_cr4(1u << 5); /* PAE */
	__asm__ volatile("movl %0, %%cr3" : : "r"(HOLE) : "memory");
	__asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("movl $1f, %[resume]\n\tmovl %[cr0], %%cr0\n1:"
			 : [resume] "=m"(fault_resume)
			 : [cr0] "r"(cr0 | 1u << 31)
			 : "memory");
}

/* The directory is good, a table is not. */
static void page_table_in_hole(void)
{
	turn_paging_on();
	page_directory()[0x200] = HOLE | 0x63;
	(void)*mmio(0x80000000);
	*mmio(0x80000000) = 1;
	jump(0x80000000);
}

static void move_over_hole(void)
{
	static uint8_t ram[64];
	uint32_t count = 3000, from = HOLE, to = HOLE + 0x800;
	__asm__ volatile("rep movsb" : "+c"(count), "+S"(from), "+D"(to) : : "memory");
	count = 16, from = HOLE + 0xfe0, to = (uint32_t)(uintptr_t)ram;
	__asm__ volatile("rep movsl" : "+c"(count), "+S"(from), "+D"(to) : : "memory");
	count = 64, from = (uint32_t)(uintptr_t)ram, to = HOLE - 32;
	__asm__ volatile("rep movsb" : "+c"(count), "+S"(from), "+D"(to) : : "memory");
	count = 64, to = RAM_END - 32; /* half of it RAM */
	__asm__ volatile("rep stosb" : "+c"(count), "+D"(to) : "a"(0x5a) : "memory");
}

static void ports_over_hole(void)
{
	uint32_t count = 5000, at = HOLE;
	__asm__ volatile("rep insb" : "+c"(count), "+D"(at) : "d"(PORT_NOBODYS) : "memory");
	count = 5000, at = HOLE;
	__asm__ volatile("rep outsl" : "+c"(count), "+S"(at) : "d"(PORT_NOBODYS) : "memory");
	count = 64, at = RAM_END - 32;
	__asm__ volatile("rep insb" : "+c"(count), "+D"(at) : "d"(PORT_NOBODYS) : "memory");
}

static void locked_in_hole(void)
{
	__asm__ volatile("lock cmpxchgl %%ecx, (%0)\n\tlock xaddl %%ecx, (%0)\n\t"
			 "lock btsl $3, (%0)\n\txchgl %%ecx, (%0)\n\tlock cmpxchg8b (%0)\n\t"
			 "lock incl 0xffe(%0)"
			 :
			 : "D"(HOLE)
			 : "eax", "ebx", "ecx", "edx", "memory");
}

static void vectors_in_hole(void)
{
	(void)set_cr4(CR4_FXSR);
	__asm__ volatile("movups %%xmm0, (%0)\n\tmovups (%0), %%xmm0\n\tmovdqa (%0), %%xmm1"
			 :
			 : "r"(HOLE)
			 : "memory");
}

static void rare_instruction_in_hole(void)
{
	__asm__ volatile("bound %%eax, (%0)\n\tarpl %%ax, (%0)\n\tfnstenv (%0)\n\tfldenv (%0)"
			 :
			 : "r"(HOLE)
			 : "eax", "memory");
}

static void apic_moved(void)
{
	static const uint32_t to[] = { 0x10000, HOLE, RAM_END, 0xfec00000, 0, 0xfffff000 };
	for (unsigned i = 0; i < 6; i++) {
		if (!write_msr(MSR_APIC_BASE, to[i] | 0x900))
			continue;
		*mmio(to[i] + 0xf0) = 0x1ff;
		*mmio(to[i] + 0x310) = 0;
		*mmio(to[i] + 0x300) = ICR_SMI_SELF;
		*mmio(LAPIC_ICR) = ICR_SMI_SELF;
	}
}

static void apic_off(void)
{
	(void)write_msr(MSR_APIC_BASE, 0xfee00100);
	*mmio(LAPIC_ICR) = ICR_SMI_SELF;
	(void)write_msr(MSR_APIC_BASE, 0xfee00d00);
	(void)write_msr(MSR_APIC_BASE, 0xfee00900);
	*mmio(LAPIC_ICR) = ICR_SMI_SELF;
}

/* Every register of the local APIC, but for INIT and SMI of itself, which have acts of their own.
 */
static void apic_garbage(void)
{
	static const uint32_t values[] = { 0xffffffff, 0, 0x5a5a5a5a, 0xa5a5a5a5 };
	for (unsigned v = 0; v < 4; v++) {
		for (uint32_t reg = 0; reg < 0x1000; reg += 0x10) {
			if (reg != 0x300)
				*mmio(0xfee00000 + reg) = values[v];
			(void)*mmio(0xfee00000 + reg + 4);
		}
		*mmio(LAPIC_ICR) = 0x44300; /* reserved delivery mode */
		*mmio(LAPIC_ICR) = 0x44700;
	}
}

static void irqchip_garbage(void)
{
	static const uint16_t ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42,
		0x43, 0x61 };
	uint32_t random = 1;
	for (unsigned i = 0; i < 2000; i++) {
		random = random * 1664525 + 1013904223;
		if (i % 4)
			outb(ports[(random >> 8 & 0xff) % 11], (uint8_t)(random >> 16));
		else
			(void)inb(ports[(random >> 8 & 0xff) % 11]);
		if (i % 16)
			continue;
		*mmio(IOAPIC_SELECT) = random >> 24 & 0x3f;
		*mmio(IOAPIC_WINDOW) = random & ~0x700u; /* no INIT */
	}
}

/* Addresses that KVM takes from its guest (Linux, kvm_para.h; Hyper-V TLFS). */
static void paravirtual_addresses(void)
{
	static const uint32_t msrs[] = { 0x11, 0x12, 0x4b564d00, 0x4b564d01, 0x4b564d02, 0x4b564d03,
		0x4b564d04, 0x4b564d05, 0x4b564d06, 0x40000000, 0x40000001, 0x40000073, 0x40000082,
		0x40000083, 0x40000021 };
	static const uint32_t addresses[] = { HOLE | 1, RAM_END | 1, RAM_END - 1, 0xfffff001,
		0xfffffff9 };
	for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		for (unsigned j = 0; j < sizeof(addresses) / sizeof(addresses[0]); j++) {
			(void)write_msr(msrs[i], addresses[j]);
			(void)*mmio(HOLE);
		}
	}
}

static void hypercalls(void)
{
	for (uint32_t number = 0; number < 16; number++) {
		uint32_t a = number;
		__asm__ volatile("movl $1f, %[resume]\n\tvmcall\n1:"
				 : "+a"(a), [resume] "=m"(fault_resume)
				 : "b"(HOLE), "c"(HOLE), "d"(0), "S"(HOLE)
				 : "memory");
		a = number;
		__asm__ volatile("movl $1f, %[resume]\n\tvmmcall\n1:"
				 : "+a"(a), [resume] "=m"(fault_resume)
				 : "b"(RAM_END - 1), "c"(HOLE), "d"(0), "S"(HOLE)
				 : "memory");
	}
}

static void control_garbage(void)
{
	for (unsigned bit = 0; bit < 32; bit++) {
		if (bit != 8) /* EFER.LME without paging stops QEMU's emulated processor */
			(void)write_msr(0xc0000080, 1u << bit);
		if (set_cr4(1u << bit))
			clear_cr4(1u << bit);
	}
}

static void single_step(void)
{
	set_gate(1, isr_ignored);
	__asm__ volatile("pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\tnop\n\tcpuid\n\tinb $0x80\n\t"
			 "pushfl\n\tandl $0xfffffeff, (%%esp)\n\tpopfl"
			 :
			 :
			 : "eax", "ebx", "ecx", "edx", "memory");
}

static void icebp(void)
{
	set_gate(1, isr_ignored);
	__asm__ volatile(".byte 0xf1");
}

static void paging(void)
{
	turn_paging_on();
}

static void smi_while_single_stepping(void)
{
	set_gate(1, isr_ignored);
	__asm__ volatile("pushfl\n\torl $0x100, (%%esp)\n\tpopfl\n\tmovl %0, (%1)\n\tnop\n\tnop\n\t"
			 "pushfl\n\tandl $0xfffffeff, (%%esp)\n\tpopfl"
			 :
			 : "r"(ICR_SMI_SELF), "r"(LAPIC_ICR)
			 : "memory");
}

static void smi_with_paging(void)
{
	turn_paging_on();
	for (uint32_t i = 0; i < 20; i++) {
		if (!registers_stay())
			print("registers changed\n");
	}
}

static void no_interrupt_table(void)
{
	static const struct table_pointer p = { 0, 0 };
	__asm__ volatile("lidt %0\n\tint3" : : "m"(p));
}

const struct act basic_acts[] = {
	{ "smi-self", GOES_ON, smi_self },
	{ "smi-x2apic", GOES_ON, smi_x2apic },
	{ "smi-by-ioapic", GOES_ON, smi_by_ioapic },
	{ "smi-while-single-stepping", GOES_ON, smi_while_single_stepping },
	{ "smi-with-paging", GOES_ON, smi_with_paging },
	{ "smi-on-all-vcpus", GOES_ON, smi_on_all_vcpus },
	{ "rsm-outside-smm", GOES_ON, rsm_outside_smm },
	{ "nmi-self", GOES_ON, nmi_self },
	{ "init-self", RESETS, init_self },
	{ "startup-self", GOES_ON, startup_self },
	{ "jump-to-reset-vector", RESETS, jump_to_reset_vector },
	{ "jump-to-reset-vector-paged", RESETS, jump_to_reset_vector_paged },
	{ "jump-to-ffff-0", RESETS, jump_to_ffff_0 },
	{ "jump-to-f000-fff0", RESETS, jump_to_f000_fff0 },
	{ "jump-to-hole", CRASHES, jump_to_hole },
	{ "jump-near-reset-vector", CRASHES, jump_near_reset_vector },
	{ "run-off-ram", CRASHES, run_off_ram },
	{ "stack-in-hole", ANY, stack_in_hole },
	{ "interrupt-with-stack-in-hole", ANY, interrupt_with_stack_in_hole },
	{ "interrupt-table-in-hole", ANY, interrupt_table_in_hole },
	{ "exception-with-table-in-hole", ANY, exception_with_table_in_hole },
	{ "task-in-hole", ANY, task_in_hole },
	{ "task-of-zeros", ANY, task_of_zeros },
	{ "page-pointers-in-hole", ANY, page_pointers_in_hole },
	{ "page-table-in-hole", ANY, page_table_in_hole },
	{ "move-over-hole", GOES_ON, move_over_hole },
	{ "ports-over-hole", ANY, ports_over_hole },
	{ "locked-in-hole", ANY, locked_in_hole },
	{ "vectors-in-hole", ANY, vectors_in_hole },
	{ "rare-instruction-in-hole", ANY, rare_instruction_in_hole },
	{ "apic-moved", ANY, apic_moved },
	{ "apic-off", GOES_ON, apic_off },
	{ "apic-garbage", ANY, apic_garbage },
	{ "irqchip-garbage", ANY, irqchip_garbage },
	{ "paravirtual-addresses", ANY, paravirtual_addresses },
	{ "hypercalls", GOES_ON, hypercalls },
	{ "control-garbage", ANY, control_garbage },
	{ "single-step", GOES_ON, single_step },
	{ "icebp", ANY, icebp },
	{ "paging", GOES_ON, paging },
	{ "no-interrupt-table", CRASHES, no_interrupt_table },
	{ NULL, ANY, NULL },
};

void set_descriptor(uint32_t base, uint32_t limit, uint8_t access)
{
	gdt[SPARE_SELECTOR / 8] = (uint64_t)(base >> 24) << 56 |
				  (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)access << 40 |
				  (uint64_t)(base & 0xffffff) << 16 | (limit & 0xffff);
}

static const struct act *const lists[] = { basic_acts, svm_acts, vmx_acts };
#define NR_LISTS (sizeof(lists) / sizeof(lists[0]))

/* A line each: which extension it needs, its name, and what must come of it. */
void list_acts(void)
{
	static const char *const needs[] = { "none ", "svm ", "vmx " };
	static const char *const outcomes[] = { [GOES_ON] = " goes-on\n",
		[RESETS] = " resets\n",
		[CRASHES] = " crashes\n",
		[ANY] = " any\n" };
	for (size_t i = 0; i < NR_LISTS; i++) {
		for (const struct act *act = lists[i]; act->name; act++) {
			print(needs[i]);
			print(act->name);
			print(outcomes[act->outcome]);
		}
	}
	power_off();
}

void run_act(const char *name)
{
	for (size_t i = 0; i < NR_LISTS; i++) {
		for (const struct act *act = lists[i]; act->name; act++) {
			if (!is(act->name, name))
				continue;
			act->run();
			print("went on\n");
			power_off();
		}
	}
}
