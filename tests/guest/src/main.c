/* SPDX-License-Identifier: MIT */
/* The last words of the command line say which program to run. */
#include "guest.h"

#define FLOOD_LINES 1500

bool is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void run_hello(void)
{
	print("hello from the guest\n");
	debug_exit(42);
}

static void run_reset_register(void)
{
	print("resetting\n");
	outb(0xcf9, 6);
	halt();
}

static void run_keyboard_reset(void)
{
	outb(0x64, 0xfe);
	halt();
}

static void run_triple_fault(void)
{
	static const struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} no_idt = { 0, 0 };
	print("going down\n");
	/* A selector past the end of the GDT: #GP, which finds no gate, nor does what follows. */
	__asm__ volatile("lidt %0; movl $0xfff8, %%eax; movl $0x1234abcd, %%edi; movw %%ax, %%fs"
			 :
			 : "m"(no_idt)
			 : "eax", "edi");
	halt();
}

/* One word from the host decides: again or stop. */
static void run_again(void)
{
	print("again or stop?\n");
	uint8_t answer = read_byte();
	if (answer == 'a')
		run_reset_register();
	print("stopping\n");
	power_off();
}

static uint8_t read_cmos(uint8_t reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static void write_cmos(uint8_t reg, uint8_t value)
{
	outb(0x70, reg);
	outb(0x71, value);
}

/* Sets the clock and a byte of RAM, asks for interrupts, and resets; then looks what is left. */
static void run_battery(void)
{
	static const uint8_t regs[] = { 0x32, 0x09, 0x08, 0x40, 0x0b };
	if (read_cmos(0x40) != 0xa5) {
		write_cmos(0x0b, 0x82); /* halt */
		write_cmos(0x32, 0x19);
		write_cmos(0x09, 0x77);
		write_cmos(0x08, 0x03);
		write_cmos(0x07, 0x15);
		write_cmos(0x0b, 0x72); /* run, with all interrupts */
		write_cmos(0x40, 0xa5);
		print("set\n");
		run_reset_register();
	}
	print("left");
	for (size_t i = 0; i < sizeof(regs); i++) {
		print(" ");
		print_hex(read_cmos(regs[i]));
	}
	print(read_cmos(0x0c) & 0x80 ? " and an interrupt\n" : "\n");
	power_off();
}

static void run_panic(void)
{
	outb(0x505, 1);
	halt();
}

static void run_button(void)
{
	print("ready\n");
	while (!(inw(PM1_STATUS) & PM1_POWER_BUTTON))
		__asm__ volatile("pause");
	print("button\n");
	power_off();
}

static void run_ignore(void)
{
	print("ready\n");
	halt();
}

static void run_busy(void)
{
	print("ready\n");
	for (;;)
		__asm__ volatile("pause");
}

/* Gives back every byte until 04h, which ends it. */
static void run_mirror(void)
{
	uint8_t c;
	print("ready\n");
	while ((c = read_byte()) != 4)
		put(COM1, (char)c);
	power_off();
}

/* For each byte the ACPI timer, and the TSC's bits from 16 on. */
static void run_clocks(void)
{
	print("ready\n");
	while (read_byte() != 4) {
		uint32_t low, high;
		__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
		print("pm=");
		print_decimal(inl(0x608));
		print(" tsc=");
		print_decimal(high << 16 | low >> 16);
		print(".\n");
	}
	power_off();
}

static void run_flood(bool for_ever)
{
	for (uint32_t i = 0; for_ever || i < FLOOD_LINES; i++) {
		print("line ");
		print_decimal(i);
		print(" of many that the reader takes its time with\n");
	}
	power_off();
}

static void run_consoles(void)
{
	for (const char *s = "debug console\n"; *s; s++)
		put(0xe9, *s);
	for (const char *s = "second port\n"; *s; s++)
		put(COM2, *s);
	print("first port\n");
	power_off();
}

static void run_status(const char *number)
{
	uint32_t status = 0;
	for (; *number >= '0' && *number <= '9'; number++)
		status = status * 10 + (uint32_t)(*number - '0');
	debug_exit((uint8_t)status);
}

static void run_for_ever(void)
{
	run_flood(true);
}

static void run_many_lines(void)
{
	run_flood(false);
}

static void run_serial_interrupts(void)
{
	run_interrupts(false);
}

static void run_sci(void)
{
	run_interrupts(true);
}

static const struct {
	const char *name;
	void (*run)(void);
} programs[] = {
	{ "hello", run_hello },
	{ "power-off", power_off },
	{ "reset-register", run_reset_register },
	{ "keyboard-reset", run_keyboard_reset },
	{ "triple-fault", run_triple_fault },
	{ "again", run_again },
	{ "battery", run_battery },
	{ "panic", run_panic },
	{ "button", run_button },
	{ "ignore", run_ignore },
	{ "busy", run_busy },
	{ "mirror", run_mirror },
	{ "clocks", run_clocks },
	{ "flood", run_for_ever },
	{ "many-lines", run_many_lines },
	{ "consoles", run_consoles },
	{ "cpuid", run_cpuid },
	{ "msrs", run_msrs },
	{ "extensions", run_extensions },
	{ "vmx-instructions", run_vmx_instructions },
	{ "svm-instructions", run_svm_instructions },
	{ "vmx-instructions-paged", run_vmx_instructions_paged },
	{ "svm-instructions-paged", run_svm_instructions_paged },
	{ "msr-rules", run_msr_rules },
	{ "msr-flood", run_msr_flood },
	{ "ports", run_ports },
	{ "serial-interrupts", run_serial_interrupts },
	{ "sci", run_sci },
	{ "acts", list_acts },
};

/* name=what is returned */
static const char *word_after(const char *word, const char *name)
{
	while (*name && *word == *name) {
		word++;
		name++;
	}
	return *name == '\0' && *word == '=' ? word + 1 : NULL;
}

static uint32_t decimal(const char *text)
{
	uint32_t v = 0;
	while (*text >= '0' && *text <= '9')
		v = v * 10 + (uint32_t)(*text++ - '0');
	return v;
}

/* What the loader says that there is; of a video mode, that there is none. */
static void run_boot_info(const uint32_t *multiboot_info)
{
	print_hex(multiboot_info[0]);
	print(multiboot_info[0] & 0x1800 ? " with video\n" : " without video\n");
	debug_exit(42);
}

/* multiboot_info: flags at 0, command line at 16 (Multiboot specification, boot information). */
void guest_main(const uint32_t *multiboot_info)
{
	const char *word = (const char *)(uintptr_t)multiboot_info[4];
	for (const char *s = word; *s; s++) {
		if (*s == ' ')
			word = s + 1;
	}
	load_idt();
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (is(word, programs[i].name))
			programs[i].run();
	}
	if (word_after(word, "smp"))
		run_smp(decimal(word_after(word, "smp")));
	if (word_after(word, "exits"))
		run_exits(decimal(word_after(word, "exits")));
	if (is(word, "boot-info"))
		run_boot_info(multiboot_info);
	if (word_after(word, "act"))
		run_act(word_after(word, "act"));
	if (word_after(word, "status"))
		run_status(word_after(word, "status"));
	print("no such program: ");
	print(word);
	print("\n");
	debug_exit(99);
}
