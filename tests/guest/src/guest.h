/* SPDX-License-Identifier: MIT */
/* What the parts of the hand-made guest share: ports, text, faults. */
#ifndef NESTOR_TESTS_GUEST_H
#define NESTOR_TESTS_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COM1 0x3f8
#define COM2 0x2f8
#define PM1_STATUS 0x600
#define PM1_ENABLE 0x602
#define PM1_POWER_BUTTON 0x100
#define AP_TRAMPOLINE 0x8000

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t value;
	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t value;
	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t reg[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
			 : "a"(leaf), "c"(subleaf));
}

static inline volatile uint32_t *mmio(uintptr_t addr)
{
	return (volatile uint32_t *)addr;
}

struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	uint32_t base;
};

bool is(const char *a, const char *b); /* the same text */

/* lib.c */
void put(uint16_t port, char c);
void print(const char *text); /* to COM1 */
void print_hex(uint32_t value);
void print_decimal(uint32_t value);
uint8_t read_byte(void); /* from COM1; waits */
void power_off(void) __attribute__((noreturn));
void debug_exit(uint8_t status) __attribute__((noreturn));
void halt(void) __attribute__((noreturn));
void set_gate(unsigned vector, void (*isr)(void));
void load_idt(void);

/* Reads an MSR (its low half), or writes one; false where that faulted. */
bool read_msr(uint32_t msr, uint32_t *ret_value);
bool write_msr(uint32_t msr, uint32_t value);

/* Sets bits of CR4; false where that faulted. */
bool set_cr4(uint32_t bits);
void clear_cr4(uint32_t bits);

/* Each address for itself; as VMX wants CR0. */
void turn_paging_on(void);
uint32_t *page_directory(void); /* of 4 MiB pages */

/* The guest's programs. */
void run_smp(uint32_t nr_vcpus);
void list_acts(void);
void run_act(const char *name);
void run_interrupts(bool sci);
void run_cpuid(void);
void run_msrs(void);
void run_extensions(void);
void run_vmx_instructions(void);
void run_svm_instructions(void);
void run_vmx_instructions_paged(void);
void run_svm_instructions_paged(void);
void run_msr_rules(void);
void run_msr_flood(void);
void run_ports(void);
void run_exits(uint32_t nr_samples);

/* Called by start.S. */
void guest_main(const uint32_t *multiboot_info);
void ap_main(void);
void unexpected_fault(void) __attribute__((noreturn));
void on_serial_interrupt(void);
void on_sci_interrupt(void);
void on_wake_interrupt(void);
void isr_fault(void);
void isr_undefined(void);
void isr_serial(void);
void isr_sci(void);
void isr_wake(void);
void isr_ignored(void);

extern volatile uint32_t fault_count, undefined_count, fault_resume, ap_arrivals;
extern const uint8_t trampoline[], trampoline_end[], real_mode_stub[], real_mode_stub_end[];
extern uint64_t gdt[];

#endif
