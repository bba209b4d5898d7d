/* SPDX-License-Identifier: MIT */
/*
 * ELF kernels: headers checked against the file, then loaded by physical address. Shared by PVH,
 * Multiboot and uncompressed Linux.
 */
#ifndef NESTOR_BOOT_ELF_H
#define NESTOR_BOOT_ELF_H

#include "base/err.h"
#include "boot/boot.h"
#include "boot/space.h"

#define ELF_MAX_LOAD 32

/* A PT_LOAD with memsz > 0; offset + filesz lies in the file, filesz <= memsz. */
struct elf_segment {
	uint64_t offset, filesz, vaddr, paddr, memsz;
	unsigned index; /* in the program header table */
};

struct elf_image {
	const char *what; /* "ELF segment", for messages */
	bool is_64_bit, is_x86_64;
	uint64_t entry;
	struct elf_segment load[ELF_MAX_LOAD];
	unsigned nr_load;
	bool has_pvh; /* XEN_ELFNOTE_PHYS32_ENTRY */
	uint32_t pvh_entry;
	bool has_interpreter, is_dynamic; /* for a program loader */
	bool has_linux_note;              /* any note of owner "Linux" (kernels from 4.19 on) */
	/* File offset behind the section header table: Linux appends relocations there. 0: it has
	 * no such table, or one that does not end in the file. */
	uint64_t section_headers_end;
	/* The file's data are an anonymous mapping of the loaders' own (struct unpacked), whose
	 * pages may be given back as soon as they are loaded. elf_parse leaves it false. */
	bool is_scratch;
};

/* True where data begin as an ELF file does. */
bool elf_is_elf(const uint8_t *data, size_t size);

/*
 * Reads and checks the headers and notes of an x86 executable. -EINVAL or -ENOTSUP with the field;
 * messages begin with file->path.
 */
int elf_parse(const struct boot_file *file, struct elf_image *ret, struct err *e) MUST_CHECK;

/* True where addr lies in a segment as loaded. */
bool elf_loads(const struct elf_image *elf, uint64_t addr);

/* Claims the room of all segments, and keeps s from handing out the gaps between them. */
int elf_claim(const struct boot_file *file, const struct elf_image *elf, struct space *s,
	struct err *e) MUST_CHECK;

/*
 * Copies the claimed segments; zeroes what has no data in the file, unless ram_is_zero. Of scratch
 * data (is_scratch) the segments read as zero afterwards: their pages become guest RAM where they
 * can, without a copy, or are given back on the way, so that loading never takes the kernel's size
 * twice.
 */
int elf_load(const struct boot_file *file, const struct elf_image *elf,
	const struct guest_memory *mem, bool ram_is_zero, struct err *e) MUST_CHECK;

/* The lowest address loaded, and the bytes from it to the end of the highest segment. */
uint64_t elf_base(const struct elf_image *elf);
uint64_t elf_extent(const struct elf_image *elf);

/* The virtual address of the segment at elf_base. */
uint64_t elf_base_virtual(const struct elf_image *elf);

/* Moves all physical addresses by delta, modulo 2^64; the caller knows that they then are in RAM.
 */
void elf_move(struct elf_image *elf, uint64_t delta);

#endif
