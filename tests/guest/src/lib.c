/* SPDX-License-Identifier: MIT */
#include "guest.h"

#define CR0_NE (1u << 5)
#define CR0_PG (1u << 31)
#define CR4_PSE (1u << 4)

struct gate {
	uint16_t offset_low, selector;
	uint8_t zero, type;
	uint16_t offset_high;
};

static struct gate idt[64];

/* The compiler may ask for these two. */
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

void *memset(void *p, int c, size_t n)
{
	volatile uint8_t *at = p;
	while (n--)
		*at++ = (uint8_t)c;
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	volatile uint8_t *t = to;
	const uint8_t *f = from;
	while (n--)
		*t++ = *f++;
	return to;
}

void put(uint16_t port, char c)
{
	outb(port, (uint8_t)c);
}

void print(const char *text)
{
	while (*text)
		put(COM1, *text++);
}

void print_hex(uint32_t value)
{
	print("0x");
	for (int shift = 28; shift >= 0; shift -= 4)
		put(COM1, "0123456789abcdef"[value >> shift & 0xf]);
}

void print_decimal(uint32_t value)
{
	if (value >= 10)
		print_decimal(value / 10);
	put(COM1, (char)('0' + value % 10));
}

uint8_t read_byte(void)
{
	while (!(inb(COM1 + 5) & 1))
		__asm__ volatile("pause");
	return inb(COM1);
}

void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void power_off(void)
{
	outw(0x604, 0x2000 | 5 << 10);
	halt();
}

void debug_exit(uint8_t status)
{
	outb(0xf4, status);
	halt();
}

/* Of whoever did not say where to go on. */
void unexpected_fault(void)
{
	print("unexpected fault\n");
	debug_exit(98);
}

void set_gate(unsigned vector, void (*isr)(void))
{
	uintptr_t addr = (uintptr_t)isr;
	idt[vector] = (struct gate){ (uint16_t)addr, 8, 0, 0x8e, (uint16_t)(addr >> 16) };
}

void load_idt(void)
{
	struct table_pointer p = { sizeof(idt) - 1, (uint32_t)(uintptr_t)idt };
	set_gate(6, isr_undefined);
	set_gate(13, isr_fault);
	__asm__ volatile("lidt %0" : : "m"(p));
}

bool read_msr(uint32_t msr, uint32_t *ret_value)
{
	uint32_t before = fault_count, low, high;
	__asm__ volatile("movl $1f, %[resume]\n\trdmsr\n1:"
			 : "=a"(low), "=d"(high), [resume] "=m"(fault_resume)
			 : "c"(msr)
			 : "memory");
	*ret_value = low;
	return fault_count == before;
}

bool write_msr(uint32_t msr, uint32_t value)
{
	uint32_t before = fault_count;
	__asm__ volatile("movl $1f, %[resume]\n\twrmsr\n1:"
			 : [resume] "=m"(fault_resume)
			 : "a"(value), "d"(0), "c"(msr)
			 : "memory");
	return fault_count == before;
}

bool set_cr4(uint32_t bits)
{
	uint32_t before = fault_count, value;
	__asm__ volatile("movl %%cr4, %0" : "=r"(value));
	__asm__ volatile("movl $1f, %[resume]\n\tmovl %[value], %%cr4\n1:"
			 : [resume] "=m"(fault_resume)
			 : [value] "r"(value | bits)
			 : "memory");
	return fault_count == before;
}

void clear_cr4(uint32_t bits)
{
	uint32_t value;
	__asm__ volatile("movl %%cr4, %0" : "=r"(value));
	__asm__ volatile("movl %0, %%cr4" : : "r"(value & ~bits) : "memory");
}

static uint32_t directory[1024] __attribute__((aligned(4096)));

uint32_t *page_directory(void)
{
	return directory;
}

void turn_paging_on(void)
{
	uint32_t cr0;
	for (uint32_t i = 0; i < 1024; i++)
		directory[i] = i << 22 | 0x83; /* present, writable, 4 MiB */
	(void)set_cr4(CR4_PSE);
	__asm__ volatile("movl %0, %%cr3" : : "r"(directory) : "memory");
	__asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("movl %0, %%cr0" : : "r"(cr0 | CR0_NE | CR0_PG) : "memory");
}
