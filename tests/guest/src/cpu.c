/* SPDX-License-Identifier: MIT */
/* What the vCPUs say of themselves: CPUID, MSRs, unclaimed ports, and all of them at once. */
#include "acts.h"

#define LAPIC 0xfee00000u
#define LAPIC_SVR (LAPIC + 0xf0)
#define ICR_PENDING (1u << 12)
#define ICR_ALL_BUT_SELF (3u << 18)
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u
#define CR4_VMXE (1u << 13)
#define CR4_SMXE (1u << 14)
#define MSR_EFER 0xc0000080u
#define EFER_SVME (1u << 12)

static volatile uint32_t print_lock, reported;

static void print_named(const char *name, uint32_t value)
{
	print(name);
	print_hex(value);
	print("\n");
}

static void print_cpuid(void)
{
	uint32_t r[4];
	cpuid(1, 0, r);
	print_named("vmx ", r[2] >> 5 & 1);
	print_named("smx ", r[2] >> 6 & 1);
	print_named("hypervisor ", r[2] >> 31);
	cpuid(0x80000000, 0, r);
	uint32_t last = r[0];
	cpuid(0x80000001, 0, r);
	print_named("svm ", r[2] >> 2 & 1);
	print_named("skinit ", r[2] >> 12 & 1);
	cpuid(0x8000000a, 0, r);
	print_named("svm leaf ", last >= 0x8000000a ? r[0] | r[1] | r[2] | r[3] : 0);
	cpuid(0x40000000, 0, r);
	last = r[0];
	cpuid(0x40000001, 0, r);
	print_named("paravirtual features ", last >= 0x40000001 ? r[0] : 0);
}

void run_cpuid(void)
{
	print_cpuid();
	power_off();
}

void run_msrs(void)
{
	static const uint32_t msrs[] = { 0x3a, 0x480, 0x48f, 0x493, 0xc0010114, 0xc0010117, 0x1b };
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		uint32_t value;
		print("msr ");
		print_hex(msrs[i]);
		print(read_msr(msrs[i], &value) ? " reads\n" : " faults\n");
	}
	power_off();
}

static void print_answer(const char *what, bool done)
{
	print(what);
	print(done ? "works\n" : "faults\n");
}

static void print_msr(uint32_t msr)
{
	uint32_t value;
	print("msr ");
	print_hex(msr);
	print(" ");
	if (read_msr(msr, &value))
		print_named("reads ", value);
	else
		print("faults\n");
}

/*
 * One instruction of the extensions each. Those with an operand in memory get one, the others a
 * leaf, an address or an address space of 0.
 */
#define ATTEMPT(name, code)                                                                        \
	static void name(void)                                                                     \
	{                                                                                          \
		static uint32_t operand[4];                                                        \
		uint32_t a = 0;                                                                    \
		uint32_t *c = operand;                                                             \
		__asm__ volatile("movl $1f, %[resume]\n\t" code "\n1:"                             \
				 : "+a"(a), "+c"(c), [resume] "=m"(fault_resume)                   \
				 :                                                                 \
				 : "ebx", "edx", "memory", "cc");                                  \
	}
ATTEMPT(try_ud2, "ud2")
ATTEMPT(try_vmxon, "vmxon (%%ecx)")
ATTEMPT(try_vmxoff, "vmxoff")
ATTEMPT(try_vmptrld, "vmptrld (%%ecx)")
ATTEMPT(try_vmptrst, "vmptrst (%%ecx)")
ATTEMPT(try_vmclear, "vmclear (%%ecx)")
ATTEMPT(try_vmread, "vmread %%eax, %%edx")
ATTEMPT(try_vmwrite, "vmwrite %%edx, %%eax")
ATTEMPT(try_vmlaunch, "vmlaunch")
ATTEMPT(try_vmresume, "vmresume")
ATTEMPT(try_vmfunc, "vmfunc")
ATTEMPT(try_invept, "invept (%%ecx), %%eax")
ATTEMPT(try_invvpid, "invvpid (%%ecx), %%eax")
ATTEMPT(try_getsec, "getsec")
ATTEMPT(try_vmrun, "vmrun %%eax")
ATTEMPT(try_vmload, "vmload %%eax")
ATTEMPT(try_vmsave, "vmsave %%eax")
ATTEMPT(try_stgi, "stgi")
ATTEMPT(try_clgi, "clgi")
ATTEMPT(try_skinit, "skinit %%eax")
ATTEMPT(try_invlpga, "invlpga %%eax, %%ecx")

static void print_attempt(const char *name, void (*attempt)(void))
{
	uint32_t faults = fault_count, undefined = undefined_count;
	attempt();
	print(name);
	if (undefined_count != undefined)
		print(" #UD\n");
	else
		print(fault_count != faults ? " #GP\n" : " done\n");
}

/*
 * The instructions of the extensions, but VMCALL and VMMCALL, which are any guest's calls to its
 * hypervisor. Until they are switched on, a processor that has the extensions does not know them
 * either. Then those are tried again that do no harm where switching on worked: VMXON with a region
 * that has no revision, GETSEC, which asks for capabilities, and STGI, which sets what is set.
 */
void run_vmx_instructions(void)
{
	print_attempt("ud2", try_ud2);
	print_attempt("vmxon", try_vmxon);
	print_attempt("vmxoff", try_vmxoff);
	print_attempt("vmptrld", try_vmptrld);
	print_attempt("vmptrst", try_vmptrst);
	print_attempt("vmclear", try_vmclear);
	print_attempt("vmread", try_vmread);
	print_attempt("vmwrite", try_vmwrite);
	print_attempt("vmlaunch", try_vmlaunch);
	print_attempt("vmresume", try_vmresume);
	print_attempt("vmfunc", try_vmfunc);
	print_attempt("invept", try_invept);
	print_attempt("invvpid", try_invvpid);
	print_attempt("getsec", try_getsec);
	(void)set_cr4(CR4_VMXE);
	print_attempt("vmxon after cr4.vmxe", try_vmxon);
	clear_cr4(CR4_VMXE);
	(void)set_cr4(CR4_SMXE);
	print_attempt("getsec after cr4.smxe", try_getsec);
	power_off();
}

void run_svm_instructions(void)
{
	uint32_t efer = 0;
	print_attempt("ud2", try_ud2);
	print_attempt("vmrun", try_vmrun);
	print_attempt("vmload", try_vmload);
	print_attempt("vmsave", try_vmsave);
	print_attempt("stgi", try_stgi);
	print_attempt("clgi", try_clgi);
	print_attempt("skinit", try_skinit);
	print_attempt("invlpga", try_invlpga);
	(void)read_msr(MSR_EFER, &efer);
	(void)write_msr(MSR_EFER, efer | EFER_SVME);
	print_attempt("stgi after efer.svme", try_stgi);
	power_off();
}

/* The same with paging, without which KVM has no use for most of them, whatever the guest may. */
void run_vmx_instructions_paged(void)
{
	turn_paging_on();
	run_vmx_instructions();
}

void run_svm_instructions_paged(void)
{
	turn_paging_on();
	run_svm_instructions();
}

/* The other ways into the extensions, as a guest finds them at its start. */
void run_extensions(void)
{
	uint32_t efer = 0;
	print_cpuid();
	print_msr(0x3a);
	for (uint32_t msr = 0x480; msr <= 0x493; msr++)
		print_msr(msr);
	for (uint32_t msr = 0xc0010114; msr <= 0xc0010118; msr++)
		print_msr(msr);
	print_answer("write of msr 0x3a ", write_msr(0x3a, 0x5));
	print_answer("write of msr 0xc0010114 ", write_msr(0xc0010114, 0));
	print_answer("write of msr 0xc0010117 ", write_msr(0xc0010117, 0x1000));
	print_answer("cr4.vmxe ", set_cr4(CR4_VMXE));
	clear_cr4(CR4_VMXE);
	print_answer("cr4.smxe ", set_cr4(CR4_SMXE));
	clear_cr4(CR4_SMXE);
	(void)read_msr(MSR_EFER, &efer);
	print_named("efer.svme is ", efer >> 12 & 1);
	print_answer("efer.svme ", write_msr(MSR_EFER, efer | EFER_SVME));
	power_off();
}

static void print_read(uint32_t msr)
{
	uint32_t value;
	print(" read ");
	if (read_msr(msr, &value))
		print_hex(value);
	else
		print("faults");
}

/* Each is written, and read before and after. */
void run_msr_rules(void)
{
	static const uint32_t msrs[] = { 0x174, 0x175, 0x176, 0x8b, 0x10a, 0x12345 };
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		print_hex(msrs[i]);
		print_read(msrs[i]);
		print(write_msr(msrs[i], 0x5a5a) ? " write done" : " write faults");
		print_read(msrs[i]);
		print("\n");
	}
	power_off();
}

/* Reads one MSR for so long that its log would be long, too. */
void run_msr_flood(void)
{
	uint32_t value;
	for (int i = 0; i < 1000; i++)
		(void)read_msr(0x174, &value);
	power_off();
}

void run_ports(void)
{
	print_named("byte ", inb(0x1234));
	print_named("word ", inw(0x1234));
	print_named("long ", inl(0x1234));
	print_named("memory ", *mmio(0xd0000000));
	outb(0x1234, 1);
	*mmio(0xd0000000) = 1;
	power_off();
}

/* A line of this vCPU's: its APIC ID, and what CPUID leaves 1 and 0xB say it is. */
static void report_self(void)
{
	uint32_t one[4], extended[4];
	cpuid(1, 0, one);
	cpuid(0xb, 0, extended);
	while (__atomic_exchange_n(&print_lock, 1, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
	print("vcpu ");
	print_decimal(*mmio(LAPIC_ID) >> 24);
	print(" leaf1 ");
	print_decimal(one[1] >> 24);
	print(" leafb ");
	print_decimal(extended[3]);
	print("\n");
	__atomic_store_n(&print_lock, 0, __ATOMIC_RELEASE);
	__atomic_fetch_add(&reported, 1, __ATOMIC_ACQ_REL);
}

/* What an application processor does, once. */
static void (*ap_program)(void);

void ap_main(void)
{
	ap_program();
}

static void send(uint32_t command)
{
	*mmio(LAPIC_ICR) = command | ICR_ALL_BUT_SELF;
	while (*mmio(LAPIC_ICR) & ICR_PENDING)
		__asm__ volatile("pause");
}

static void start_others(void (*program)(void))
{
	volatile uint8_t *to = (volatile uint8_t *)(uintptr_t)AP_TRAMPOLINE;
	for (const uint8_t *from = trampoline; from < trampoline_end; from++)
		*to++ = *from;
	*mmio(LAPIC_SVR) = 0x1ff;
	ap_program = program;
	send(ICR_INIT);
	send(ICR_STARTUP | AP_TRAMPOLINE >> 12);
}

void run_smp(uint32_t nr_vcpus)
{
	report_self();
	start_others(report_self);
	/* Bochs lets no interrupt of the host through to it while a guest with interrupts off
	 * computes; so each turn exits, by a register of the local APIC. */
	while (__atomic_load_n(&reported, __ATOMIC_ACQUIRE) < nr_vcpus)
		(void)*mmio(LAPIC_SVR);
	print("all here\n");
	power_off();
}

static volatile uint32_t sent_all, spoilt;

/* Registers, stack and memory must stay this vCPU's own. */
static void send_smis(void)
{
	volatile uint32_t own[64];
	uint32_t a, b;
	for (uint32_t i = 0; i < 64; i++)
		own[i] = (uint32_t)(uintptr_t)&own[i];
	for (uint32_t i = 0; i < 50; i++) {
		uint32_t mark = (uint32_t)(uintptr_t)own + i;
		__asm__ volatile("movl %2, %%ebx\n\tmovl %3, 0xfee00300\n\tnop\n\tpause"
				 : "=b"(a), "=S"(b)
				 : "1"(mark), "i"(ICR_SMI_ALL)
				 : "memory");
		if (a != mark || b != mark)
			spoilt = 1;
	}
	for (uint32_t i = 0; i < 64; i++) {
		if (own[i] != (uint32_t)(uintptr_t)&own[i])
			spoilt = 1;
	}
	__atomic_fetch_add(&sent_all, 1, __ATOMIC_ACQ_REL);
}

void smi_on_all_vcpus(void)
{
	uint32_t one[4];
	cpuid(1, 0, one);
	uint32_t nr_vcpus = one[3] >> 28 & 1 ? one[1] >> 16 & 0xff : 1;
	start_others(send_smis);
	send_smis();
	while (__atomic_load_n(&sent_all, __ATOMIC_ACQUIRE) < nr_vcpus)
		(void)*mmio(LAPIC_SVR);
	if (spoilt)
		print("registers changed\n");
}
