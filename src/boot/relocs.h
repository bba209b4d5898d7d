/* SPDX-License-Identifier: MIT */
/*
 * The relocations that Linux appends to its unpacked kernel, for running it elsewhere than where it
 * was linked. They begin where the ELF file's section headers end: lists of 4-byte words, each list
 * led by a zero word, each other word the low half of the linked virtual address of a field that
 * holds an address. In the file's order a 64-bit kernel has fields of 64 bits, then (until Linux
 * 6.13) 32-bit fields that count backwards, then 32-bit fields; a 32-bit kernel has the last alone.
 * Source: Linux, arch/x86/tools/relocs.c (emit_relocs), arch/x86/boot/compressed/misc.c
 * (handle_relocations).
 */
#ifndef NESTOR_BOOT_RELOCS_H
#define NESTOR_BOOT_RELOCS_H

#include "base/err.h"
#include "boot/boot.h"
#include "boot/elf.h"

enum relocs_kind { RELOCS_64, RELOCS_32_INVERSE, RELOCS_32 };

#define RELOCS_MAX_LISTS 3

struct relocs_list {
	enum relocs_kind kind;
	const uint8_t *words; /* borrowed from the file; any alignment */
	size_t nr;
};

struct relocs {
	struct relocs_list lists[RELOCS_MAX_LISTS];
	unsigned nr_lists; /* 0: the file has no relocations */
};

/*
 * Finds the lists behind elf's section headers; they are told apart by their number. -EINVAL where
 * what follows the section headers is no such table. What the words point to is checked when they
 * are applied.
 */
int relocs_find(const struct boot_file *file, const struct elf_image *elf, struct relocs *ret,
	struct err *e) MUST_CHECK;

/* Of all lists. */
size_t relocs_count(const struct relocs *r);

/*
 * Adds delta to each field (subtracts it from the inverse ones) of the image: size bytes (< 2 GiB)
 * that were linked at the virtual address linked_at. -EINVAL where a field does not lie wholly
 * inside; the fields before it are changed then. Messages name no file.
 */
int relocs_apply(const struct relocs *r, uint8_t *image, uint64_t size, uint64_t linked_at,
	uint64_t delta, struct err *e) MUST_CHECK;

#endif
