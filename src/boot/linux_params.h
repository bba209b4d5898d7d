/* SPDX-License-Identifier: MIT */
/*
 * What Linux's own boot protocols want besides the kernel: command line, initrd, device tree and
 * boot_params (the "zero page").
 * Source: Linux, Documentation/arch/x86/boot.rst and zero-page.rst.
 */
#ifndef NESTOR_BOOT_LINUX_PARAMS_H
#define NESTOR_BOOT_LINUX_PARAMS_H

#include "base/err.h"
#include "boot/bzimage.h"
#include "boot/load.h"

/* The longest command line of an uncompressed kernel (COMMAND_LINE_SIZE 2048 less its NUL). */
#define LINUX_CMDLINE_MAX 2047

/* A Linux kernel whose room in RAM is claimed already. */
struct linux_kernel {
	const char *path;
	/* The file that the setup header is copied from, and that header; NULL: none, make one up.
	 */
	const struct boot_file *setup_file;
	const struct bzimage *setup;
	uint64_t load_address, entry;
	bool is_entry64;
};

/*
 * Places initrd and device tree, writes them, the command line and boot_params, and sets the boot
 * vCPU's entry. Errors name the field and its limit.
 */
int linux_params_load(struct load *l, const struct linux_kernel *kernel, struct boot_result *result,
	struct err *e) MUST_CHECK;

#endif
