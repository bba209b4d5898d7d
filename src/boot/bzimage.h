/* SPDX-License-Identifier: MIT */
/*
 * The bzImage format: its setup header, its compressed payload, and loading it as it is, for the
 * guest to unpack itself.
 * Source: Linux, Documentation/arch/x86/boot.rst ("The Real-Mode Kernel Header" and below).
 */
#ifndef NESTOR_BOOT_BZIMAGE_H
#define NESTOR_BOOT_BZIMAGE_H

#include "base/err.h"
#include "boot/boot.h"
#include "boot/space.h"

#define BZIMAGE_SETUP_HEADER 0x1f1 /* file offset and boot_params offset of the setup header */
#define BZIMAGE_ENTRY64_OFFSET 0x200

/* The setup header, checked. What its version has no field for is 0, or as commented. */
struct bzimage {
	unsigned version;        /* major << 8 | minor, at least 2.06 */
	size_t setup_header_end; /* file offset behind the setup header's last byte; at most 0x290
				  */
	size_t code_offset, code_size; /* the protected-mode kernel in the file */
	bool has_entry64, initrd_above_4g;
	bool relocatable;
	uint64_t alignment;         /* of a relocatable one; a power of two */
	uint64_t preferred_address; /* 1 MiB where the version or the kernel does not say */
	uint64_t init_size;         /* memory wanted from the load address; at least code_size */
	uint64_t initrd_addr_max, cmdline_max; /* cmdline_max: bytes without the final NUL */
	size_t version_string_offset;          /* in the file; 0: none */
	size_t payload_offset, payload_size;   /* in the file; size 0: none */
};

/* True where data have the boot sector's and the setup header's magic numbers. */
bool bzimage_is_bzimage(const uint8_t *data, size_t size);

/* -EINVAL or -ENOTSUP with field, value and what was expected; messages begin with file->path. */
int bzimage_parse(const struct boot_file *file, struct bzimage *ret, struct err *e) MUST_CHECK;

enum boot_compression bzimage_payload_compression(
	const struct boot_file *file, const struct bzimage *bz);

/*
 * The payload's size once unpacked, and of the packed stream within it: all but gzip, which has it
 * in its trailer, are followed by it in 4 bytes (Linux, scripts/Makefile.lib, size_append).
 * -EINVAL where the payload is too small.
 */
int bzimage_payload_sizes(const struct boot_file *file, const struct bzimage *bz,
	size_t *ret_packed, size_t *ret_unpacked, struct err *e) MUST_CHECK;

/*
 * Claims init_size at the preferred address, or, where that is not free and the kernel is
 * relocatable, above it: a kernel loaded below moves itself up, so that would save nothing.
 */
int bzimage_claim(const struct boot_file *file, const struct bzimage *bz, struct space *s,
	uint64_t *ret_address, struct err *e) MUST_CHECK;

/* Copies the protected-mode kernel to the claimed address. */
int bzimage_load(const struct boot_file *file, const struct bzimage *bz, uint64_t address,
	const struct guest_memory *mem, struct err *e) MUST_CHECK;

#endif
