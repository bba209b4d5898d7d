/* SPDX-License-Identifier: MIT */
/*
 * Asks the processor what a guest can see and do, one answer a line:
 *
 *   probe cpuid LEAF [SUBLEAF]   cpuid LEAF SUBLEAF = EAX EBX ECX EDX
 *   probe rdmsr MSR              rdmsr MSR = ok VALUE, or = fault
 *   probe wrmsr MSR VALUE        wrmsr MSR VALUE = ok, or = fault
 *   probe setmsr MSR BITS        sets the bits and puts the old value back:
 *                                setmsr MSR BITS = ok, = ignored, or = fault
 *
 * MSRs go through /dev/cpu/0/msr (module "msr"), where a fault in the kernel's
 * RDMSR or WRMSR comes back as EIO. Exit status: 0 answered, 1 could not ask,
 * 2 usage error.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_msrs(void)
{
	int fd = open("/dev/cpu/0/msr", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		perror("probe: /dev/cpu/0/msr (is the module msr loaded?)");
		exit(1);
	}
	return fd;
}

/* 0 or -EIO for a fault; anything else ends the program. */
static int msr_result(ssize_t n)
{
	if (n == (ssize_t)sizeof(uint64_t))
		return 0;
	if (n < 0 && errno == EIO)
		return -EIO;
	perror("probe: /dev/cpu/0/msr");
	exit(1);
}

static int read_msr(int fd, uint64_t msr, uint64_t *ret_value)
{
	return msr_result(pread(fd, ret_value, sizeof *ret_value, (off_t)msr));
}

static int write_msr(int fd, uint64_t msr, uint64_t value)
{
	return msr_result(pwrite(fd, &value, sizeof value, (off_t)msr));
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end) {
		fprintf(stderr, "probe: '%s' is not a number\n", text);
		exit(2);
	}
	return value;
}

static void ask_cpuid(uint64_t leaf, uint64_t subleaf)
{
	uint32_t eax;
	uint32_t ebx;
	uint32_t ecx;
	uint32_t edx;

	__cpuid_count((uint32_t)leaf, (uint32_t)subleaf, eax, ebx, ecx, edx);
	printf("cpuid 0x%08" PRIx64 " %" PRIu64 " = 0x%08x 0x%08x 0x%08x 0x%08x\n", leaf, subleaf,
		eax, ebx, ecx, edx);
}

static void ask_rdmsr(uint64_t msr)
{
	uint64_t value = 0;

	if (read_msr(open_msrs(), msr, &value) == 0)
		printf("rdmsr 0x%08" PRIx64 " = ok 0x%016" PRIx64 "\n", msr, value);
	else
		printf("rdmsr 0x%08" PRIx64 " = fault\n", msr);
}

static void ask_wrmsr(uint64_t msr, uint64_t value)
{
	printf("wrmsr 0x%08" PRIx64 " 0x%" PRIx64 " = %s\n", msr, value,
		write_msr(open_msrs(), msr, value) == 0 ? "ok" : "fault");
}

static void ask_setmsr(uint64_t msr, uint64_t bits)
{
	int fd = open_msrs();
	uint64_t old = 0;
	uint64_t now = 0;
	const char *answer = "fault";

	if (read_msr(fd, msr, &old) == 0 && write_msr(fd, msr, old | bits) == 0 &&
		read_msr(fd, msr, &now) == 0) {
		answer = (now & bits) == bits ? "ok" : "ignored";
		if (write_msr(fd, msr, old) != 0)
			answer = "ok, but the old value could not be put back";
	}
	printf("setmsr 0x%08" PRIx64 " 0x%" PRIx64 " = %s\n", msr, bits, answer);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "cpuid") == 0 && (argc == 3 || argc == 4)) {
		ask_cpuid(number(argv[2]), argc == 4 ? number(argv[3]) : 0);
	} else if (strcmp(what, "rdmsr") == 0 && argc == 3) {
		ask_rdmsr(number(argv[2]));
	} else if (strcmp(what, "wrmsr") == 0 && argc == 4) {
		ask_wrmsr(number(argv[2]), number(argv[3]));
	} else if (strcmp(what, "setmsr") == 0 && argc == 4) {
		ask_setmsr(number(argv[2]), number(argv[3]));
	} else {
		fprintf(stderr, "usage: probe cpuid LEAF [SUBLEAF] | rdmsr MSR | wrmsr MSR VALUE | "
				"setmsr MSR BITS\n");
		return 2;
	}
	return 0;
}
