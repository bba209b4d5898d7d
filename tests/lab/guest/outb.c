/* SPDX-License-Identifier: MIT */
/*
 * outb PORT VALUE: writes one byte to an I/O port.
 *
 * Guests report their exit status with it, through nestor's debug-exit port.
 * Debian's cloud kernels have no /dev/port, and a C library would be a
 * thousand times the size of this program in every initramfs of every level,
 * so it needs no library: it starts at _start and calls the kernel itself, in
 * 64 or in 32 bits.
 *
 * Exit status: 0 written, 1 the kernel denied the port, 2 usage error.
 */

#define TCSBRK 0x5409 /* with argument 1: tcdrain */

#ifdef __x86_64__
#define SYS_IOCTL 16
#define SYS_IOPERM 173
#define SYS_EXIT 60

static long syscall3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call outb_main\n");
#else
#define SYS_IOCTL 54
#define SYS_IOPERM 101
#define SYS_EXIT 1

static long syscall3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "memory");
	return result;
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %esp, %eax\n"
	"	and $-16, %esp\n"
	"	sub $12, %esp\n"
	"	push %eax\n"
	"	call outb_main\n");
#endif

static _Noreturn void finish(int status)
{
	for (;;)
		syscall3(SYS_EXIT, status, 0, 0);
}

/* Decimal or 0x hexadecimal; -1 when it is neither or above max. */
static long number(const char *text, long max)
{
	long base = 10;
	long value = 0;

	if (text[0] == '0' && text[1] == 'x') {
		base = 16;
		text += 2;
	}
	if (!*text)
		return -1;
	for (; *text; text++) {
		long digit;

		if (*text >= '0' && *text <= '9')
			digit = *text - '0';
		else if (base == 16 && *text >= 'a' && *text <= 'f')
			digit = *text - 'a' + 10;
		else
			return -1;
		value = value * base + digit;
		if (value > max)
			return -1;
	}
	return value;
}

/* stack: argc, argv[0], argv[1], ... as the System V ABI leaves them. */
__attribute__((used)) _Noreturn void outb_main(long *stack)
{
	char **argv = (char **)(stack + 1);
	long port;
	long value;

	if (stack[0] != 3)
		finish(2);
	port = number(argv[1], 0xffff);
	value = number(argv[2], 0xff);
	if (port < 0 || value < 0)
		finish(2);
	/* The port may end the machine at once: what was printed must have left it before. */
	(void)syscall3(SYS_IOCTL, 1, TCSBRK, 1);
	if (syscall3(SYS_IOPERM, port, 1, 1) != 0)
		finish(1);
	__asm__ volatile("outb %0, %1" : : "a"((unsigned char)value), "Nd"((unsigned short)port));
	finish(0);
}
