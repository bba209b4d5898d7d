/* What the vCPUs say of themselves: CPUID, MSRs, unclaimed ports, and all of them at once. */
#include "guest.h"

#define LAPIC 0xfee00000u
#define LAPIC_ID (LAPIC + 0x20)
#define LAPIC_SVR (LAPIC + 0xf0)
#define LAPIC_ICR (LAPIC + 0x300)
#define ICR_PENDING (1u << 12)
#define ICR_ALL_BUT_SELF (3u << 18)
#define ICR_INIT 0x4500u
#define ICR_STARTUP 0x4600u

static volatile uint32_t print_lock, reported;

static void print_named(const char *name, uint32_t value)
{
	print(name);
	print_hex(value);
	print("\n");
}

void run_cpuid(void)
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

void ap_main(void)
{
	report_self();
}

static void send(uint32_t command)
{
	*mmio(LAPIC_ICR) = command | ICR_ALL_BUT_SELF;
	while (*mmio(LAPIC_ICR) & ICR_PENDING)
		__asm__ volatile("pause");
}

void run_smp(uint32_t nr_vcpus)
{
	volatile uint8_t *to = (volatile uint8_t *)(uintptr_t)AP_TRAMPOLINE;
	for (const uint8_t *from = trampoline; from < trampoline_end; from++)
		*to++ = *from;
	*mmio(LAPIC_SVR) = 0x1ff;
	report_self();
	send(ICR_INIT);
	send(ICR_STARTUP | AP_TRAMPOLINE >> 12);
	while (__atomic_load_n(&reported, __ATOMIC_ACQUIRE) < nr_vcpus)
		__asm__ volatile("pause");
	print("all here\n");
	power_off();
}
