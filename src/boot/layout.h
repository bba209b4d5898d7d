/* SPDX-License-Identifier: MIT */
/*
 * Where the boot loaders like to put their own tables in low guest memory: one drawing for all
 * protocols. Each takes of it only what it needs, and what a kernel is loaded over goes elsewhere
 * (load_table): into the rest of conventional memory, or above the first MiB. All of it is free for
 * the kernel once it has read it; PLAN_* owns the rest.
 *
 *   0x00000 +---------------------------------------------------+
 *           | interrupt vectors: left as they are               |
 *   0x00400 | BIOS data area: ports of COM1 to COM4, where the  |
 *           | EBDA begins, size of conventional memory          |
 *   0x01000 +---------------------------------------------------+ LAYOUT_BASE
 *           | GDT                                               |
 *   0x02000 +---------------------------------------------------+
 *           | boot_params ("zero page"), hvm_start_info or      |
 *           | multiboot_info                                    |
 *   0x03000 +---------------------------------------------------+
 *           | PVH, Multiboot: memory map, then module list      |
 *   0x04000 +---------------------------------------------------+
 *           | Linux 64-bit: PML4, PDPT, four page directories:  |
 *           | the first 4 GiB, identity, by 2 MiB pages         |
 *   0x0a000 +---------------------------------------------------+
 *           | for a kernel above 4 GiB: the tables that map it  |
 *   0x0e000 +---------------------------------------------------+
 *           | unused                                            |
 *   0x10000 +---------------------------------------------------+
 *           | strings: command lines, boot loader's name        |
 *   0x20000 +---------------------------------------------------+ LAYOUT_END
 *           | free for the kernel, and for what it displaces    |
 *   0x9fc00 +---------------------------------------------------+ PLAN_EBDA_BASE
 *           | EBDA: its size, 1 KiB                             |
 *           +---------------------------------------------------+
 */
#ifndef NESTOR_BOOT_LAYOUT_H
#define NESTOR_BOOT_LAYOUT_H

#include "base/types.h"

/* BIOS data area: kernels find conventional memory's end here (Xen, Linux's real-mode code). */
#define LAYOUT_BDA UINT64_C(0x400)
#define LAYOUT_BDA_BYTES UINT64_C(0x100)
#define LAYOUT_BDA_COM_PORTS UINT64_C(0x400) /* 4 words */
#define LAYOUT_BDA_EBDA_SEGMENT UINT64_C(0x40e)
#define LAYOUT_BDA_MEMORY_KIB UINT64_C(0x413)

#define LAYOUT_BASE UINT64_C(0x1000)
#define LAYOUT_GDT UINT64_C(0x1000)
#define LAYOUT_PARAMS UINT64_C(0x2000)
#define LAYOUT_MEMORY_MAP UINT64_C(0x3000)
#define LAYOUT_MODULES UINT64_C(0x3400)
#define LAYOUT_PAGE_TABLES UINT64_C(0x4000)
#define LAYOUT_HIGH_PAGE_TABLES UINT64_C(0xa000)
#define LAYOUT_HIGH_PAGE_TABLES_END UINT64_C(0xe000)
#define LAYOUT_STRINGS UINT64_C(0x10000)
#define LAYOUT_END UINT64_C(0x20000)

#define LAYOUT_PAGE UINT64_C(0x1000)
#define LAYOUT_MEMORY_MAP_BYTES (LAYOUT_MODULES - LAYOUT_MEMORY_MAP)
#define LAYOUT_MODULES_BYTES (LAYOUT_PAGE_TABLES - LAYOUT_MODULES)
#define LAYOUT_STRINGS_BYTES (LAYOUT_END - LAYOUT_STRINGS)

/* Kernels, modules, initrd and device tree go above the first MiB. */
#define LAYOUT_HIGH UINT64_C(0x100000)

#endif
