/* SPDX-License-Identifier: MIT */
/*
 * init: the first program of the boot benchmarks' guests. Says on the console that it has been
 * reached, and at what time of the kernel's own clock the kernel started it; then it waits for
 * the end or, with an argument (any word behind "--" on the kernel command line), ends the machine
 * through nestor's debug-exit port. Needs no C library, so that the initramfs is a few KiB and its
 * unpacking costs nothing.
 */

#define SYS_WRITE 1
#define SYS_IOCTL 16
#define SYS_PAUSE 34
#define SYS_SYSLOG 103
#define SYS_IOPERM 173
#define SYSLOG_ACTION_READ_ALL 3
#define TCSBRK 0x5409 /* with argument 1: tcdrain */
#define DEBUG_EXIT 0xf4

static long syscall3(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static void say(const char *text, long size)
{
	(void)syscall3(SYS_WRITE, 1, (long)text, size);
}

static char log_text[1 << 16];

/* "[    0.412345] Run /init as init process": prints the number in brackets. */
static void say_time(long size)
{
	static const char what[] = "] Run /init";
	for (long i = size - (long)sizeof(what); i > 0; i--) {
		long n = 0;
		while (n < (long)sizeof(what) - 1 && log_text[i + n] == what[n])
			n++;
		if (n < (long)sizeof(what) - 1)
			continue;
		long from = i;
		while (from > 0 && log_text[from - 1] != ' ' && log_text[from - 1] != '[')
			from--;
		say(log_text + from, i - from);
		return;
	}
}

static void end_machine(void)
{
	/* The port may end the machine at once: what was said must have left it before. */
	(void)syscall3(SYS_IOCTL, 1, TCSBRK, 1);
	if (syscall3(SYS_IOPERM, DEBUG_EXIT, 1, 1) == 0)
		__asm__ volatile("outb %b0, %w1" : : "a"(0), "Nd"(DEBUG_EXIT));
}

void init_main(const long *stack);

/* stack: argc, argv[0], argv[1], ... as the System V ABI leaves them. */
__attribute__((used)) void init_main(const long *stack)
{
	static const char marker[] = "init-reached ";
	say(marker, sizeof(marker) - 1);
	say_time(syscall3(SYS_SYSLOG, SYSLOG_ACTION_READ_ALL, (long)log_text, sizeof(log_text)));
	say("\n", 1);
	if (stack[0] > 1)
		end_machine();
	for (;;)
		(void)syscall3(SYS_PAUSE, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call init_main\n");
