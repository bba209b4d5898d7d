/* SPDX-License-Identifier: MIT */
/*
 * Multiboot, version 1: a header in the file's first 8 KiB, an ELF kernel or one laid out by the
 * header's own address fields, entered in 32-bit protected mode with ebx at a multiboot_info.
 * Source: Multiboot Specification 0.6.96.
 */
#ifndef NESTOR_BOOT_MULTIBOOT_H
#define NESTOR_BOOT_MULTIBOOT_H

#include "base/err.h"
#include "boot/elf.h"
#include "boot/load.h"

struct multiboot_header {
	size_t offset; /* in the file */
	uint32_t flags;
	bool has_addresses; /* flags bit 16: the five below are valid and go before ELF headers */
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

/* True where a header with a right checksum was found; then *ret is set. */
bool multiboot_find(const uint8_t *data, size_t size, struct multiboot_header *ret);

/*
 * What to load, and where to enter it: by the header's addresses, or by elf (NULL: the file is no
 * ELF). -ENOTSUP where the header demands what is not offered, -EINVAL where it is wrong.
 */
int multiboot_image(const struct boot_file *file, const struct multiboot_header *header,
	const struct elf_image *elf, struct elf_image *ret_image, struct err *e) MUST_CHECK;

/* Loads image (of multiboot_image), modules and tables; sets the boot vCPU's entry. */
int multiboot_load(struct load *l, const struct boot_file *file, const struct elf_image *image,
	struct boot_result *result, struct err *e) MUST_CHECK;

#endif
