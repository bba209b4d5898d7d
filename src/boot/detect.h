/* SPDX-License-Identifier: MIT */
/*
 * What a kernel file is, by its own header, and which boot protocols it offers.
 */
#ifndef NESTOR_BOOT_DETECT_H
#define NESTOR_BOOT_DETECT_H

#include "base/err.h"
#include "boot/boot.h"
#include "boot/bzimage.h"
#include "boot/decompress.h"
#include "boot/elf.h"
#include "boot/identify.h"
#include "boot/relocs.h"

/* A file that is not compressed as a whole. */
struct boot_image {
	struct boot_file file;
	enum boot_compression packing; /* that it was unpacked from, as a whole; or _NONE */
	bool is_payload;               /* of a bzImage, and so Linux */
	struct identity identity;      /* what it is, if it is nothing that boots; or all zero */
	bool is_bzimage;
	struct bzimage bzimage;
	bool is_elf;
	struct elf_image elf;
	struct elf_image multiboot; /* what Multiboot loads, where offered */
	bool offers[BOOT_NR_PROTOCOLS];
	uint64_t entry[BOOT_NR_PROTOCOLS];
	/* Why it does not offer Linux's 64-bit protocol, Multiboot; or empty. */
	char no_linux[160], no_multiboot[320];
	/* Of an ELF kernel of Linux: what lets it run elsewhere; or why there is nothing. */
	struct relocs relocs;
	char no_relocs[192];
	bool relocs_damaged; /* there is something, but not what it should be */
};

/* Where the bytes of a file came from. */
struct detect_origin {
	enum boot_compression packing; /* a whole file that was compressed so; or _NONE */
	bool is_payload;               /* a bzImage's */
};

/*
 * Examines file, whose name and bytes are borrowed for as long as *ret is used. 0 also where
 * nothing is offered (see detect_preferred); -EINVAL, -ENOTSUP where the header is damaged or too
 * old, or leaves no way to enter the kernel.
 */
int detect_image(const struct boot_file *file, struct detect_origin origin, struct boot_image *ret,
	struct err *e) MUST_CHECK;

/* The error for an image that offers nothing: what it is, or else all the reasons. -ENOTSUP. */
int detect_fail(const struct boot_image *image, struct err *e);

/*
 * The protocol to use when none is forced: -ENOTSUP, with all reasons, where none is offered. PVH
 * before Multiboot, as it comes with a memory map of any size, the RSDP and 64-bit addresses; but
 * Linux with relocations by its own protocol, as PVH cannot tell it that it was moved (KASLR); and
 * where modules are given Multiboot comes first: that is what it, and a kernel that has it (Xen),
 * is about.
 */
int detect_preferred(const struct boot_image *image, bool has_modules, enum boot_protocol *ret,
	struct err *e) MUST_CHECK;

/*
 * If file is compressed as a whole, unpacks it into *buffer, and *ret_file names the result; else
 * *ret_file is file. *ret_origin says which. At most limit bytes may come out. cache may be NULL.
 */
int detect_unpack_file(const struct boot_file *file, const struct boot_cache *cache, size_t limit,
	struct unpacked *buffer, struct boot_file *ret_file, struct detect_origin *ret_origin,
	struct err *e) MUST_CHECK;

/*
 * Unpacks a bzImage's payload into *buffer. -ENOTSUP where it has none, or none that nestor can
 * unpack; the guest then can still do it itself. -ENOSPC where it has more than limit bytes.
 * cache may be NULL.
 */
int detect_unpack_payload(const struct boot_image *image, const struct boot_cache *cache,
	size_t limit, struct unpacked *buffer, struct boot_file *ret_file,
	struct err *e) MUST_CHECK;

#endif
