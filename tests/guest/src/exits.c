/* SPDX-License-Identifier: MIT */
/*
 * What exits cost, in ticks of the TSC: one line a kind, of samples that are timed one by one, so
 * that an interrupt of the host's falls on few of them. Raw: "empty" is what timing itself takes.
 * "loop" is LOOP_INSTRUCTIONS instructions without an exit: on an emulated machine whose TSC counts
 * instructions, as many ticks, unless somebody between scales the TSC.
 */
#include "guest.h"

#define IOAPIC_SELECT 0xfec00000u
#define LAPIC_SVR 0xfee000f0u
#define LAPIC_EOI 0xfee000b0u
#define LAPIC_TIMER 0xfee00320u
#define TIMER_TSC_DEADLINE (2u << 17)
#define MSR_TSC_DEADLINE 0x6e0
#define CPUID_TSC_DEADLINE (1u << 24)
#define PIC_MASK 0x21       /* ends in KVM, where that has the interrupt controllers */
#define POST_CODE 0x80      /* ends in nestor */
#define NOBODYS 0xd0000000u /* no device's memory: ends in nestor */
#define VECTOR_WAKE 0x33
#define LOOP_INSTRUCTIONS 2000
#define MAX_SAMPLES 1000

/* Long enough to be asleep by then, wherever this runs; where waiting is free, nobody notices. */
#define SLEEP_TICKS 4000000

static uint32_t samples[MAX_SAMPLES];
static volatile uint64_t woken;

static inline uint64_t ticks(void)
{
	uint64_t value;
	__asm__ volatile("rdtsc" : "=A"(value) : : "memory");
	return value;
}

static void do_nothing(void)
{
}

static void do_loop(void)
{
	uint32_t left = LOOP_INSTRUCTIONS / 2;
	__asm__ volatile("1:\tdecl %0\n\tjnz 1b" : "+r"(left));
}

static void do_cpuid(void)
{
	uint32_t r[4];
	cpuid(0, 0, r);
}

static void do_pio_kernel(void)
{
	outb(PIC_MASK, 0xff);
}

static void do_pio_user(void)
{
	outb(POST_CODE, 0);
}

static void do_mmio_kernel(void)
{
	*mmio(IOAPIC_SELECT) = 0;
}

static void do_mmio_user(void)
{
	(void)*mmio(NOBODYS);
}

void on_wake_interrupt(void)
{
	woken = ticks();
	*mmio(LAPIC_EOI) = 0;
}

/* From when the local APIC's timer was due until the interrupt's handler ran. */
static uint32_t time_wake(void)
{
	uint64_t due = ticks() + SLEEP_TICKS;
	woken = 0;
	__asm__ volatile("wrmsr" : : "A"(due), "c"(MSR_TSC_DEADLINE) : "memory");
	while (!woken)
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	/* A timer may be early by what its clock is fast; that is no time at all. */
	return woken > due ? (uint32_t)(woken - due) : 0;
}

static void sort(uint32_t *v, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		for (uint32_t j = i; j > 0 && v[j - 1] > v[j]; j--) {
			uint32_t t = v[j];
			v[j] = v[j - 1];
			v[j - 1] = t;
		}
	}
}

static void report(const char *name, uint32_t n)
{
	sort(samples, n);
	print("exits ");
	print(name);
	print(" median ");
	print_decimal(samples[n / 2]);
	print(" min ");
	print_decimal(samples[0]);
	print(" max ");
	print_decimal(samples[n - 1]);
	print(" of ");
	print_decimal(n);
	print("\n");
}

static void time_calls(const char *name, void (*call)(void), uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t start = ticks();
		call();
		samples[i] = (uint32_t)(ticks() - start);
	}
	report(name, n);
}

static void time_wakes(uint32_t n)
{
	uint32_t r[4];
	cpuid(1, 0, r);
	if (!(r[2] & CPUID_TSC_DEADLINE)) {
		print("exits hlt-wake needs the TSC deadline timer\n");
		return;
	}
	outb(0x21, 0xff); /* the 8259s stay out of it */
	outb(0xa1, 0xff);
	set_gate(VECTOR_WAKE, isr_wake);
	*mmio(LAPIC_SVR) = 0x1ff;
	*mmio(LAPIC_TIMER) = TIMER_TSC_DEADLINE | VECTOR_WAKE;
	__asm__ volatile("mfence" : : : "memory"); /* the mode, before the MSR that it is for */
	for (uint32_t i = 0; i < n; i++)
		samples[i] = time_wake();
	report("hlt-wake", n);
}

void run_exits(uint32_t n)
{
	if (n == 0 || n > MAX_SAMPLES)
		n = MAX_SAMPLES;
	time_calls("empty", do_nothing, n);
	time_calls("loop", do_loop, n);
	time_calls("cpuid", do_cpuid, n);
	time_calls("pio-kernel", do_pio_kernel, n);
	time_calls("pio-user", do_pio_user, n);
	time_calls("mmio-kernel", do_mmio_kernel, n);
	time_calls("mmio-user", do_mmio_user, n);
	time_wakes(n);
	power_off();
}
