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

#define LINUX_PARAMS_BYTES 0x1000

/* A Linux kernel as its boot_params describe it. */
struct linux_kernel {
	const char *path;
	/* The file that the setup header is copied from, and that header; NULL: none, make one up.
	 */
	const struct boot_file *setup_file;
	const struct bzimage *setup;
	bool is_entry64;
	/* Not wanted before linux_params_finish: */
	struct range memory; /* where it lies */
	uint64_t entry;
	bool randomized; /* tells Linux that its addresses are, so that it randomizes more */
};

/* boot_params in the making. */
struct linux_params {
	uint8_t page[LINUX_PARAMS_BYTES];
};

/*
 * Places initrd and device tree, and writes them and the command line. What the kernel itself takes
 * must have been claimed, or will have to find room beside them. Errors name the field and its
 * limit.
 */
int linux_params_place(struct load *l, const struct linux_kernel *kernel, struct linux_params *ret,
	struct boot_result *result, struct err *e) MUST_CHECK;

/* Writes boot_params (filled by linux_params_place) and sets the boot vCPU's entry. */
int linux_params_finish(struct load *l, const struct linux_kernel *kernel,
	struct linux_params *params, struct boot_result *result, struct err *e) MUST_CHECK;

#endif
