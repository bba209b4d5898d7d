/* SPDX-License-Identifier: MIT */
/*
 * Acts of a guest that is a hypervisor on VMX, with the least of guests: 32-bit code, in the very
 * pages of its own. Fields by SDM vol. 3, appendix B; controls as the capability MSRs allow them.
 */
#include "acts.h"

#define CR4_VMXE (1u << 13)
#define MSR_VMX_BASIC 0x480u
#define MSR_VMX_PIN 0x481u
#define MSR_VMX_PROC 0x482u
#define MSR_VMX_EXIT 0x483u
#define MSR_VMX_ENTRY 0x484u
#define MSR_VMX_PROC2 0x48bu

enum {
	GUEST_ES = 0x0800,
	GUEST_LDTR = 0x080c,
	GUEST_TR = 0x080e,
	HOST_ES = 0x0c00,
	HOST_TR = 0x0c0c,
	IO_BITMAP_A = 0x2000,
	IO_BITMAP_B = 0x2002,
	MSR_BITMAP = 0x2004,
	EXIT_MSR_STORE = 0x2006,
	EXIT_MSR_LOAD = 0x2008,
	ENTRY_MSR_LOAD = 0x200a,
	PML_ADDRESS = 0x200e,
	VIRTUAL_APIC = 0x2012,
	APIC_ACCESS = 0x2014,
	POSTED_INTERRUPTS = 0x2016,
	EPT_POINTER = 0x201a,
	LINK_POINTER = 0x2800,
	PIN_CONTROLS = 0x4000,
	PROC_CONTROLS = 0x4002,
	EXCEPTION_BITMAP = 0x4004,
	EXIT_CONTROLS = 0x400c,
	EXIT_STORE_COUNT = 0x400e,
	EXIT_LOAD_COUNT = 0x4010,
	ENTRY_CONTROLS = 0x4012,
	ENTRY_LOAD_COUNT = 0x4014,
	ENTRY_EVENT = 0x4016,
	TPR_THRESHOLD = 0x401c,
	PROC2_CONTROLS = 0x401e,
	INSTRUCTION_ERROR = 0x4400,
	EXIT_REASON = 0x4402,
	GUEST_ES_LIMIT = 0x4800,
	GUEST_LDTR_LIMIT = 0x480c,
	GUEST_TR_LIMIT = 0x480e,
	GUEST_GDTR_LIMIT = 0x4810,
	GUEST_IDTR_LIMIT = 0x4812,
	GUEST_ES_RIGHTS = 0x4814,
	GUEST_LDTR_RIGHTS = 0x4820,
	GUEST_TR_RIGHTS = 0x4822,
	CR0_MASK = 0x6000,
	GUEST_CR0 = 0x6800,
	GUEST_CR3 = 0x6802,
	GUEST_CR4 = 0x6804,
	GUEST_ES_BASE = 0x6806,
	GUEST_TR_BASE = 0x6814,
	GUEST_GDTR_BASE = 0x6816,
	GUEST_IDTR_BASE = 0x6818,
	GUEST_DR7 = 0x681a,
	GUEST_RSP = 0x681c,
	GUEST_RIP = 0x681e,
	GUEST_RFLAGS = 0x6820,
	HOST_CR0 = 0x6c00,
	HOST_CR3 = 0x6c02,
	HOST_CR4 = 0x6c04,
	HOST_TR_BASE = 0x6c0a,
	HOST_GDTR_BASE = 0x6c0c,
	HOST_IDTR_BASE = 0x6c0e,
	HOST_RSP = 0x6c14,
	HOST_RIP = 0x6c16,
};

#define PROC_USE_TPR_SHADOW (1u << 21)
#define PROC_USE_IO_BITMAPS (1u << 25)
#define PROC_USE_MSR_BITMAPS (1u << 28)
#define PROC_SECONDARY (1u << 31)
#define PROC2_APIC_ACCESSES (1u << 0)
#define PROC2_EPT (1u << 1)
#define PROC2_PML (1u << 17)
#define EXIT_VMCALL 18

static uint32_t region[1024] __attribute__((aligned(4096)));
static uint32_t vmcs[1024] __attribute__((aligned(4096)));
static uint32_t stack[1024];
static uint32_t tss[32];

static uint64_t read_msr64(uint32_t msr)
{
	uint64_t value;
	__asm__ volatile("rdmsr" : "=A"(value) : "c"(msr));
	return value;
}

static bool write(uint32_t field, uint32_t value)
{
	uint8_t failed;
	__asm__ volatile("vmwrite %2, %1\n\tsetna %0"
			 : "=q"(failed)
			 : "r"(field), "r"(value)
			 : "cc");
	return !failed;
}

static uint32_t read(uint32_t field)
{
	uint32_t value;
	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
	return value;
}

static void write_controls(uint32_t field, uint32_t msr, uint32_t wanted)
{
	uint64_t allowed = read_msr64(msr);
	(void)write(field, (wanted | (uint32_t)allowed) & (uint32_t)(allowed >> 32));
}

/* One instruction with an address in memory; false where it failed or faulted. */
#define WITH_ADDRESS(name, instruction)                                                            \
	static bool name(uint32_t address)                                                         \
	{                                                                                          \
		const uint64_t operand = address;                                                  \
		uint32_t before = fault_count;                                                     \
		uint8_t failed;                                                                    \
		__asm__ volatile("movl $1f, %[resume]\n\t" instruction " %[operand]\n1:\n\t"       \
				 "setna %[failed]"                                                 \
				 : [failed] "=q"(failed), [resume] "=m"(fault_resume)              \
				 : [operand] "m"(operand)                                          \
				 : "memory", "cc");                                                \
		return fault_count == before && !failed;                                           \
	}
WITH_ADDRESS(vmxon, "vmxon")
WITH_ADDRESS(vmptrld, "vmptrld")
WITH_ADDRESS(vmclear, "vmclear")

static void guest_calls(void)
{
	__asm__ volatile("vmcall");
}

static void guest_sends_smi(void)
{
	for (int i = 0; i < 4; i++)
		*mmio(LAPIC_ICR) = ICR_SMI_SELF;
	guest_calls();
}

static void guest_uses_all(void)
{
	outb(0x80, 1);
	__asm__ volatile("rdmsr" : : "c"(0x174) : "eax", "edx");
	(void)*mmio(LAPIC_ID);
	guest_calls();
}

static void guest_has_no_interrupt_table(void)
{
	const struct table_pointer none = { 0, 0 };
	__asm__ volatile("lidt %0\n\tud2" : : "m"(none));
}

/* Into VMX operation, once. */
static bool enter_vmx(void)
{
	static bool there;
	if (there)
		return true;
	turn_paging_on();
	set_descriptor((uint32_t)(uintptr_t)tss, 0x67, 0x89);
	__asm__ volatile("ltr %w0" : : "r"(SPARE_SELECTOR));
	region[0] = (uint32_t)read_msr64(MSR_VMX_BASIC) & 0x7fffffff;
	there = set_cr4(CR4_VMXE) && vmxon((uint32_t)(uintptr_t)region);
	if (!there)
		print("no VMX\n");
	return there;
}

static void write_segments(void)
{
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t selector = i == 1 ? 8 : 0x10;
		(void)write(GUEST_ES + i * 2, selector);
		(void)write(HOST_ES + i * 2, selector);
		(void)write(GUEST_ES_LIMIT + i * 2, 0xffffffff);
		(void)write(GUEST_ES_RIGHTS + i * 2, i == 1 ? 0xc09b : 0xc093);
		(void)write(GUEST_ES_BASE + i * 2, 0);
	}
	(void)write(GUEST_LDTR_RIGHTS, 0x10000);
	(void)write(GUEST_TR, SPARE_SELECTOR);
	(void)write(HOST_TR, SPARE_SELECTOR);
	(void)write(GUEST_TR_LIMIT, 0x67);
	(void)write(GUEST_TR_RIGHTS, 0x8b);
	(void)write(GUEST_TR_BASE, (uint32_t)(uintptr_t)tss);
	(void)write(HOST_TR_BASE, (uint32_t)(uintptr_t)tss);
}

static void write_state(void (*guest)(void))
{
	struct table_pointer gdtr, idtr;
	uint32_t cr0, cr3, cr4;
	__asm__ volatile("sgdt %0\n\tsidt %1" : "=m"(gdtr), "=m"(idtr));
	__asm__ volatile("movl %%cr0, %0\n\tmovl %%cr3, %1\n\tmovl %%cr4, %2"
			 : "=r"(cr0), "=r"(cr3), "=r"(cr4));
	(void)write(GUEST_CR0, cr0);
	(void)write(HOST_CR0, cr0);
	(void)write(GUEST_CR3, cr3);
	(void)write(HOST_CR3, cr3);
	(void)write(GUEST_CR4, cr4);
	(void)write(HOST_CR4, cr4);
	(void)write(GUEST_GDTR_BASE, gdtr.base);
	(void)write(GUEST_GDTR_LIMIT, gdtr.limit);
	(void)write(HOST_GDTR_BASE, gdtr.base);
	(void)write(GUEST_IDTR_BASE, idtr.base);
	(void)write(GUEST_IDTR_LIMIT, idtr.limit);
	(void)write(HOST_IDTR_BASE, idtr.base);
	(void)write(GUEST_DR7, 0x400);
	(void)write(GUEST_RFLAGS, 2);
	(void)write(GUEST_RSP, (uint32_t)(uintptr_t)(stack + 1000));
	(void)write(GUEST_RIP, (uint32_t)(uintptr_t)guest);
}

/* A good VMCS, and loaded; false where the processor has no VMX, and all is said. */
static bool prepare(void (*guest)(void), uint32_t proc, uint32_t proc2)
{
	if (!enter_vmx())
		return false;
	for (unsigned i = 0; i < 1024; i++)
		vmcs[i] = 0;
	vmcs[0] = region[0];
	if (!vmclear((uint32_t)(uintptr_t)vmcs) || !vmptrld((uint32_t)(uintptr_t)vmcs)) {
		print("no VMCS\n");
		return false;
	}
	write_controls(PIN_CONTROLS, MSR_VMX_PIN, 0);
	write_controls(PROC_CONTROLS, MSR_VMX_PROC, proc | (proc2 ? PROC_SECONDARY : 0));
	if (proc2)
		write_controls(PROC2_CONTROLS, MSR_VMX_PROC2, proc2);
	write_controls(EXIT_CONTROLS, MSR_VMX_EXIT, 0);
	write_controls(ENTRY_CONTROLS, MSR_VMX_ENTRY, 0);
	(void)write(LINK_POINTER, 0xffffffff);
	(void)write(LINK_POINTER + 1, 0xffffffff);
	write_segments();
	write_state(guest);
	return true;
}

/* False where VM entry failed at once. */
static bool launch(void)
{
	uint8_t failed = 0;
	__asm__ volatile(
		"pushal\n\tpushl %[failed]\n\tvmwrite %%esp, %[rsp]\n\tmovl $1f, %%eax\n\t"
		"vmwrite %%eax, %[rip]\n\tvmlaunch\n\tpopl %%eax\n\tmovb $1, (%%eax)\n\tjmp 2f\n"
		"1:\tpopl %%eax\n2:\tpopal"
		:
		: [failed] "b"(&failed), [rsp] "S"(HOST_RSP), [rip] "D"(HOST_RIP)
		: "memory", "cc");
	return !failed;
}

static uint32_t run_guest(void)
{
	if (!launch()) {
		print("entry failed ");
		print_hex(read(INSTRUCTION_ERROR));
		print("\n");
		return 0xffffffff;
	}
	uint32_t reason = read(EXIT_REASON);
	print("exit ");
	print_hex(reason);
	print("\n");
	return reason;
}

static void vmx_runs(void)
{
	if (prepare(guest_calls, 0, 0) && run_guest() != EXIT_VMCALL)
		print("the guest changed its way\n");
}

static void vmx_regions_in_hole(void)
{
	static const uint32_t places[] = { HOLE, RAM_END, 0xfffff000, 0xfee00000, HOLE + 1 };
	if (!enter_vmx())
		return;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)vmptrld(places[i]);
		(void)vmclear(places[i]);
		(void)vmxon(places[i]);
	}
	__asm__ volatile("vmxoff" : : : "cc");
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (vmxon(places[i]))
			print("vmxon changed its mind\n");
	}
}

static void vmx_smi_in_guest(void)
{
	if (prepare(guest_sends_smi, 0, 0) && run_guest() != EXIT_VMCALL)
		print("the guest changed its way\n");
}

static void vmx_guest_shuts_down(void)
{
	if (prepare(guest_has_no_interrupt_table, 0, 0) && run_guest() != 2)
		print("the guest changed its way\n");
}

static void vmx_bitmaps_in_hole(void)
{
	if (!prepare(guest_uses_all, PROC_USE_IO_BITMAPS | PROC_USE_MSR_BITMAPS, 0))
		return;
	(void)write(IO_BITMAP_A, HOLE);
	(void)write(IO_BITMAP_B, HOLE + 0x1000);
	(void)write(MSR_BITMAP, HOLE);
	(void)run_guest();
}

static void vmx_virtual_apic_in_hole(void)
{
	if (!prepare(guest_uses_all, PROC_USE_TPR_SHADOW, 0))
		return;
	(void)write(VIRTUAL_APIC, HOLE);
	(void)write(TPR_THRESHOLD, 0);
	(void)run_guest();
}

static void vmx_apic_accesses_in_hole(void)
{
	if (!prepare(guest_uses_all, 0, PROC2_APIC_ACCESSES))
		return;
	(void)write(APIC_ACCESS, HOLE);
	(void)run_guest();
}

static void vmx_ept_in_hole(void)
{
	if (!prepare(guest_calls, 0, PROC2_EPT))
		return;
	(void)write(EPT_POINTER, HOLE | 0x1e);
	(void)run_guest();
}

static void vmx_msr_lists_in_hole(void)
{
	static const uint32_t counts[] = { 1, 511, 0x100000 };
	for (unsigned i = 0; i < 3 && prepare(guest_calls, 0, 0); i++) {
		(void)write(ENTRY_MSR_LOAD, HOLE);
		(void)write(ENTRY_LOAD_COUNT, counts[i]);
		(void)run_guest();
	}
	if (!prepare(guest_calls, 0, 0))
		return;
	(void)write(EXIT_MSR_STORE, HOLE);
	(void)write(EXIT_STORE_COUNT, 1);
	(void)run_guest();
}

/* A processor has no way but shutdown from there (SDM vol. 3, VMX Aborts). */
static void vmx_exit_loads_msrs_from_hole(void)
{
	if (!prepare(guest_calls, 0, 0))
		return;
	(void)write(EXIT_MSR_LOAD, HOLE);
	(void)write(EXIT_LOAD_COUNT, 1);
	(void)run_guest();
}

static void vmx_page_table_in_hole(void)
{
	if (!prepare(guest_calls, 0, 0))
		return;
	(void)write(EXCEPTION_BITMAP, 0xffffffff);
	(void)write(GUEST_CR3, HOLE);
	(void)run_guest();
}

static void vmx_events(void)
{
	for (uint32_t i = 0; i < 48 && prepare(guest_calls, 0, 0); i++) {
		(void)write(EXCEPTION_BITMAP, 0xffffffff);
		(void)write(ENTRY_EVENT, 0x80000000 | (i * 0x9e3779b1u >> 7 & 0xfff));
		(void)launch();
	}
}

/* What KVM keeps there is for it to check, when it is loaded and when it runs. */
static void vmx_vmcs_of_garbage(void)
{
	uint32_t random = 7;
	for (unsigned i = 0; i < 30 && prepare(guest_calls, 0, 0); i++) {
		(void)vmclear((uint32_t)(uintptr_t)vmcs);
		for (unsigned j = 0; j < 8; j++) {
			random = random * 1664525 + 1013904223;
			uint32_t where = 1 + (random >> 20 & 0x1ff);
			random = random * 1664525 + 1013904223;
			vmcs[where] = random;
		}
		if (vmptrld((uint32_t)(uintptr_t)vmcs))
			(void)launch();
	}
}

const struct act vmx_acts[] = {
	{ "vmx-runs", GOES_ON, vmx_runs },
	{ "vmx-regions-in-hole", GOES_ON, vmx_regions_in_hole },
	{ "vmx-smi-in-guest", GOES_ON, vmx_smi_in_guest },
	{ "vmx-guest-shuts-down", GOES_ON, vmx_guest_shuts_down },
	{ "vmx-bitmaps-in-hole", ANY, vmx_bitmaps_in_hole },
	{ "vmx-virtual-apic-in-hole", ANY, vmx_virtual_apic_in_hole },
	{ "vmx-apic-accesses-in-hole", ANY, vmx_apic_accesses_in_hole },
	{ "vmx-ept-in-hole", ANY, vmx_ept_in_hole },
	{ "vmx-msr-lists-in-hole", ANY, vmx_msr_lists_in_hole },
	{ "vmx-exit-loads-msrs-from-hole", ANY, vmx_exit_loads_msrs_from_hole },
	{ "vmx-page-table-in-hole", ANY, vmx_page_table_in_hole },
	{ "vmx-events", ANY, vmx_events },
	{ "vmx-vmcs-of-garbage", ANY, vmx_vmcs_of_garbage },
	{ NULL, ANY, NULL },
};
