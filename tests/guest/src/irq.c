/* SPDX-License-Identifier: MIT */
/* Interrupts through the I/O APIC: COM1 as an edge on pin 4, the SCI as a level on pin 9. */
#include "guest.h"

#define IOAPIC_SELECT 0xfec00000u
#define IOAPIC_WINDOW 0xfec00010u
#define LAPIC_SVR 0xfee000f0u
#define LAPIC_EOI 0xfee000b0u
#define ENTRY_LEVEL 0x8000u
#define VECTOR_SERIAL 0x31
#define VECTOR_SCI 0x32

static volatile uint32_t nr_serial, nr_sci;

static void set_pin(unsigned pin, uint32_t low)
{
	*mmio(IOAPIC_SELECT) = 0x10 + pin * 2 + 1;
	*mmio(IOAPIC_WINDOW) = 0; /* physical destination 0 */
	*mmio(IOAPIC_SELECT) = 0x10 + pin * 2;
	*mmio(IOAPIC_WINDOW) = low;
}

void on_serial_interrupt(void)
{
	(void)inb(COM1 + 2); /* takes the transmitter's request back */
	nr_serial++;
	*mmio(LAPIC_EOI) = 0;
}

/* The first time the cause is left standing: a level must come again after its EOI. */
void on_sci_interrupt(void)
{
	if (++nr_sci == 2)
		outw(PM1_STATUS, PM1_POWER_BUTTON);
	*mmio(LAPIC_EOI) = 0;
}

static void wait_for(const volatile uint32_t *counter, uint32_t value)
{
	for (;;) {
		__asm__ volatile("cli");
		if (*counter >= value)
			break;
		__asm__ volatile("sti; hlt");
	}
	__asm__ volatile("sti");
}

void run_interrupts(bool sci)
{
	outb(0x21, 0xff); /* the 8259s, where there are any, stay out of it */
	outb(0xa1, 0xff);
	set_gate(VECTOR_SERIAL, isr_serial);
	set_gate(VECTOR_SCI, isr_sci);
	*mmio(LAPIC_SVR) = 0x1ff;
	set_pin(4, VECTOR_SERIAL);
	set_pin(9, VECTOR_SCI | ENTRY_LEVEL);
	if (sci) {
		outw(PM1_ENABLE, PM1_POWER_BUTTON);
		print("ready\n");
		wait_for(&nr_sci, 2);
	} else {
		outb(COM1 + 4, 8); /* OUT2 lets the interrupt out */
		outb(COM1 + 1, 2); /* transmitter empty: at once */
		wait_for(&nr_serial, 1);
		put(COM1, '.'); /* and after each byte */
		wait_for(&nr_serial, 2);
		outb(COM1 + 1, 0);
	}
	for (int i = 0; i < 1000; i++)
		(void)inb(0x80); /* time for one too many */
	__asm__ volatile("cli");
	print("serial ");
	print_decimal(nr_serial);
	print(" sci ");
	print_decimal(nr_sci);
	print("\n");
	power_off();
}
