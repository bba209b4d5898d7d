/* SPDX-License-Identifier: MIT */
/*
 * The PVH boot protocol: an ELF kernel with the note XEN_ELFNOTE_PHYS32_ENTRY, entered in 32-bit
 * protected mode with ebx at a hvm_start_info.
 * Source: Xen, docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h (version 1).
 */
#ifndef NESTOR_BOOT_PVH_H
#define NESTOR_BOOT_PVH_H

#include "base/err.h"
#include "boot/elf.h"
#include "boot/load.h"

/* Loads elf, which has_pvh, its modules and tables; sets the boot vCPU's entry. */
int pvh_load(struct load *l, const struct boot_file *file, const struct elf_image *elf,
	struct boot_result *result, struct err *e) MUST_CHECK;

#endif
