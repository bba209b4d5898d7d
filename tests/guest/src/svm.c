/* SPDX-License-Identifier: MIT */
/*
 * Acts of a guest that is a hypervisor on SVM, with the least of guests: flat 32-bit code without
 * paging, like its own. Places in the VMCB by APM vol. 2, appendix B.
 */
#include "acts.h"

#define MSR_EFER 0xc0000080u
#define MSR_VM_HSAVE_PA 0xc0010117u
#define EFER_SVME (1u << 12)

/* Of words of four bytes. */
enum {
	INTERCEPT_EXCEPTIONS = 0x008 / 4,
	INTERCEPT_1 = 0x00c / 4,
	INTERCEPT_2 = 0x010 / 4,
	IOPM = 0x040 / 4,
	MSRPM = 0x048 / 4,
	ASID = 0x058 / 4,
	EXIT_CODE = 0x070 / 4,
	NESTED_PAGING = 0x090 / 4,
	EVENT_INJECTION = 0x0a8 / 4,
	NESTED_CR3 = 0x0b0 / 4,
	SEGMENTS = 0x400 / 4, /* ES, CS, SS, DS, FS, GS: four words each; then … */
	GDTR = 0x460 / 4,
	IDTR = 0x480 / 4,
	TR = 0x490 / 4,
	EFER = 0x4d0 / 4,
	CR4 = 0x548 / 4,
	CR3 = 0x550 / 4,
	CR0 = 0x558 / 4,
	RFLAGS = 0x570 / 4,
	RIP = 0x578 / 4,
	RSP = 0x5d8 / 4,
};

#define ALL_INTERCEPTS 0x9ffffffbu /* but SMI's */
#define SHUTDOWN_INTERCEPT (1u << 31)
#define IO_INTERCEPT (1u << 27)
#define MSR_INTERCEPT (1u << 28)
#define VMRUN_AND_VMMCALL_INTERCEPTS 3u
#define EXIT_VMMCALL 0x81

static uint32_t vmcb[1024] __attribute__((aligned(4096)));
static uint32_t save_area[1024] __attribute__((aligned(4096)));
static uint32_t bitmaps[4096] __attribute__((aligned(4096)));
static uint32_t stack[1024];

static void guest_calls(void)
{
	__asm__ volatile("vmmcall");
}

/* Its local APIC is the hypervisor's. */
static void guest_sends_smi(void)
{
	for (int i = 0; i < 4; i++)
		*mmio(LAPIC_ICR) = ICR_SMI_SELF;
	guest_calls();
}

static void guest_uses_ports_and_msrs(void)
{
	outb(0x80, 1);
	__asm__ volatile("rdmsr" : : "c"(0x174) : "eax", "edx");
	guest_calls();
}

static void guest_has_no_interrupt_table(void)
{
	const struct table_pointer none = { 0, 0 };
	__asm__ volatile("lidt %0\n\tud2" : : "m"(none));
}

static void set_segment(unsigned number, uint32_t selector, uint32_t attributes)
{
	vmcb[SEGMENTS + number * 4] = selector | attributes << 16;
	vmcb[SEGMENTS + number * 4 + 1] = 0xffffffff;
}

/* A good VMCB; false where the processor has no SVM, and all is said. */
static bool prepare(void (*guest)(void))
{
	uint32_t efer;
	struct table_pointer table;
	turn_paging_on(); /* KVM knows no SVM without it */
	if (!read_msr(MSR_EFER, &efer) || !write_msr(MSR_EFER, efer | EFER_SVME)) {
		print("no SVM\n");
		return false;
	}
	if (!write_msr(MSR_VM_HSAVE_PA, (uint32_t)(uintptr_t)save_area))
		print("no save area\n");
	for (unsigned i = 0; i < 1024; i++)
		vmcb[i] = 0;
	for (unsigned i = 0; i < 6; i++)
		set_segment(i, i == 1 ? 8 : 0x10, i == 1 ? 0xc9b : 0xc93);
	__asm__ volatile("sgdt %0" : "=m"(table));
	vmcb[GDTR + 1] = table.limit;
	vmcb[GDTR + 2] = table.base;
	__asm__ volatile("sidt %0" : "=m"(table));
	vmcb[IDTR + 1] = table.limit;
	vmcb[IDTR + 2] = table.base;
	vmcb[TR] = SPARE_SELECTOR | 0x8bu << 16;
	vmcb[TR + 1] = 0x67;
	vmcb[EFER] = EFER_SVME;
	vmcb[CR0] = 0x11;
	vmcb[RFLAGS] = 2;
	vmcb[RIP] = (uint32_t)(uintptr_t)guest;
	vmcb[RSP] = (uint32_t)(uintptr_t)(stack + 1000);
	vmcb[ASID] = 1;
	vmcb[IOPM] = vmcb[MSRPM] = (uint32_t)(uintptr_t)bitmaps;
	vmcb[INTERCEPT_1] = SHUTDOWN_INTERCEPT;
	vmcb[INTERCEPT_2] = VMRUN_AND_VMMCALL_INTERCEPTS;
	return true;
}

/* VMRUN of what is at that address; false where it faulted. */
static bool run_at(uint32_t address)
{
	uint32_t before = fault_count;
	__asm__ volatile("pushal\n\tmovl $1f, %[resume]\n\tclgi\n\tvmrun\n1:\tstgi\n\tpopal"
			 : [resume] "=m"(fault_resume)
			 : "a"(address)
			 : "memory", "cc");
	return fault_count == before;
}

static void run_guest(void)
{
	if (!run_at((uint32_t)(uintptr_t)vmcb))
		print("vmrun faulted\n");
	print("exit ");
	print_hex(vmcb[EXIT_CODE]);
	print("\n");
}

static void svm_runs(void)
{
	if (!prepare(guest_calls))
		return;
	run_guest();
	if (vmcb[EXIT_CODE] != EXIT_VMMCALL)
		print("the guest changed its way\n");
}

static void svm_vmcb_in_hole(void)
{
	static const uint32_t places[] = { HOLE, RAM_END, 0xfffff000, 0xfee00000, HOLE + 1 };
	if (!prepare(guest_calls))
		return;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)run_at(places[i]);
		__asm__ volatile(
			"movl $1f, %[resume]\n\tvmload\n1:\tmovl $2f, %[resume]\n\tvmsave\n2:"
			: [resume] "=m"(fault_resume)
			: "a"(places[i])
			: "memory");
	}
}

static void svm_save_area_in_hole(void)
{
	if (!prepare(guest_calls))
		return;
	(void)write_msr(MSR_VM_HSAVE_PA, HOLE);
	run_guest();
}

static void svm_smi_in_guest(void)
{
	if (!prepare(guest_sends_smi))
		return;
	run_guest();
	if (vmcb[EXIT_CODE] != EXIT_VMMCALL)
		print("the guest changed its way\n");
}

/* KVM keeps the hypervisor's state there meanwhile. */
static void svm_smi_in_guest_with_save_area_in_hole(void)
{
	if (!prepare(guest_sends_smi))
		return;
	(void)write_msr(MSR_VM_HSAVE_PA, HOLE);
	run_guest();
}

static void svm_nested_page_table_in_hole(void)
{
	static const uint32_t places[] = { HOLE, RAM_END, 0xfee00000 };
	for (unsigned i = 0; i < 3 && prepare(guest_calls); i++) {
		vmcb[NESTED_PAGING] = 1;
		vmcb[NESTED_CR3] = places[i];
		run_guest();
	}
}

static void svm_page_table_in_hole(void)
{
	if (!prepare(guest_calls))
		return;
	vmcb[CR0] = 0x80000011;
	vmcb[CR3] = HOLE;
	vmcb[INTERCEPT_EXCEPTIONS] = 0xffffffff;
	run_guest();
}

static void svm_bitmaps_in_hole(void)
{
	static const uint32_t places[] = { HOLE, RAM_END - 0x1000, 0xfffff000 };
	for (unsigned i = 0; i < 3 && prepare(guest_uses_ports_and_msrs); i++) {
		vmcb[IOPM] = vmcb[MSRPM] = places[i];
		vmcb[INTERCEPT_1] |= IO_INTERCEPT | MSR_INTERCEPT;
		run_guest();
	}
}

static void svm_guest_shuts_down(void)
{
	if (!prepare(guest_has_no_interrupt_table))
		return;
	vmcb[INTERCEPT_1] = 0;
	run_guest();
}

/* Any event that can be written down. */
static void svm_events(void)
{
	for (uint32_t i = 0; i < 64 && prepare(guest_calls); i++) {
		vmcb[INTERCEPT_1] = ALL_INTERCEPTS;
		vmcb[INTERCEPT_EXCEPTIONS] = 0xffffffff;
		vmcb[EVENT_INJECTION] = 0x80000000 | (i * 0x9e3779b1u >> 7 & 0xfff);
		vmcb[EVENT_INJECTION + 1] = 0xffff;
		(void)run_at((uint32_t)(uintptr_t)vmcb);
	}
}

/* The control area and, now and then, the state, of random numbers. */
static void svm_garbage(void)
{
	uint32_t random = 7;
	for (unsigned i = 0; i < 100 && prepare(guest_calls); i++) {
		for (unsigned j = 0; j < 1 + i % 8; j++) {
			random = random * 1664525 + 1013904223;
			uint32_t where = random >> 20 & (i % 4 ? 0x3f : 0x1ff);
			if (where == EFER) /* without SVME none of the others is looked at */
				continue;
			random = random * 1664525 + 1013904223;
			vmcb[where] = random;
		}
		vmcb[INTERCEPT_1] = ALL_INTERCEPTS;
		vmcb[INTERCEPT_EXCEPTIONS] = 0xffffffff;
		vmcb[INTERCEPT_2] |= VMRUN_AND_VMMCALL_INTERCEPTS;
		(void)run_at((uint32_t)(uintptr_t)vmcb);
	}
}

const struct act svm_acts[] = {
	{ "svm-runs", GOES_ON, svm_runs },
	{ "svm-vmcb-in-hole", GOES_ON, svm_vmcb_in_hole },
	{ "svm-save-area-in-hole", ANY, svm_save_area_in_hole },
	{ "svm-smi-in-guest", GOES_ON, svm_smi_in_guest },
	{ "svm-smi-in-guest-with-save-area-in-hole", CRASHES,
		svm_smi_in_guest_with_save_area_in_hole },
	{ "svm-nested-page-table-in-hole", ANY, svm_nested_page_table_in_hole },
	{ "svm-page-table-in-hole", ANY, svm_page_table_in_hole },
	{ "svm-bitmaps-in-hole", ANY, svm_bitmaps_in_hole },
	{ "svm-guest-shuts-down", CRASHES, svm_guest_shuts_down },
	{ "svm-events", ANY, svm_events },
	{ "svm-garbage", ANY, svm_garbage },
	{ NULL, ANY, NULL },
};
