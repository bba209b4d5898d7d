/* SPDX-License-Identifier: MIT */
/*
 * An unpacked Linux kernel (a vmlinux, or the payload of a bzImage) by Linux's own protocols,
 * entered as its unpacking code would enter it: at a random place where it carries relocations,
 * else where it was linked.
 */
#ifndef NESTOR_BOOT_VMLINUX_H
#define NESTOR_BOOT_VMLINUX_H

#include "base/err.h"
#include "boot/detect.h"
#include "boot/load.h"

/*
 * Loads image, which offers result->protocol, one of Linux's; setup_image is the bzImage that it is
 * the payload of, or NULL. Sets the boot vCPU's entry.
 */
int vmlinux_load(struct load *l, const struct boot_image *image,
	const struct boot_image *setup_image, struct boot_result *result, struct err *e) MUST_CHECK;

/* True where the user wants l's kernel at a random place: neither boot.kaslr nor the command line
 * forbids it. */
bool vmlinux_wants_kaslr(const struct load *l);

/*
 * The kernel at path will not be randomized because of why: notes it in result, or, where
 * BOOT_KASLR_ON demands it, -ENOTSUP.
 */
int vmlinux_no_kaslr(const struct load *l, const char *path, const char *why,
	struct boot_result *result, struct err *e) MUST_CHECK;

#endif
