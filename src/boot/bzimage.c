/* SPDX-License-Identifier: MIT */
#include "boot/bzimage.h"

#include "boot/bytes.h"
#include "boot/decompress.h"
#include "boot/fail.h"
#include "boot/layout.h"

#include <errno.h>
#include <inttypes.h>

/* File offsets of setup header fields, with the protocol version that brought each. */
#define OFF_SETUP_SECTS 0x1f1
#define OFF_SYSSIZE 0x1f4
#define OFF_BOOT_FLAG 0x1fe
#define OFF_JUMP_LENGTH 0x201 /* of the jump at 0x200 over the header, so where the header ends */
#define OFF_HEADER 0x202
#define OFF_VERSION 0x206
#define OFF_KERNEL_VERSION 0x20e
#define OFF_LOADFLAGS 0x211
#define OFF_INITRD_ADDR_MAX 0x22c    /* 2.03 */
#define OFF_KERNEL_ALIGNMENT 0x230   /* 2.05 */
#define OFF_RELOCATABLE_KERNEL 0x234 /* 2.05 */
#define OFF_XLOADFLAGS 0x236         /* 2.12 */
#define OFF_CMDLINE_SIZE 0x238       /* 2.06 */
#define OFF_PAYLOAD_OFFSET 0x248     /* 2.08 */
#define OFF_PAYLOAD_LENGTH 0x24c     /* 2.08 */
#define OFF_PREF_ADDRESS 0x258       /* 2.10 */
#define OFF_INIT_SIZE 0x260          /* 2.10 */

#define SECTOR_BYTES 512
#define BOOT_FLAG 0xaa55
#define HEADER_MAGIC UINT32_C(0x53726448) /* "HdrS" */
#define VERSION_OLDEST 0x206
#define HEADER_END_MAX 0x290 /* what follows in boot_params is not the setup header's */
#define LOADED_HIGH 0x01
#define XLF_KERNEL_64 0x01
#define XLF_CAN_BE_LOADED_ABOVE_4G 0x02
#define DEFAULT_LOAD_ADDRESS UINT64_C(0x100000)

bool bzimage_is_bzimage(const uint8_t *data, size_t size)
{
	return size >= OFF_VERSION + 2 && get_u16(data + OFF_BOOT_FLAG) == BOOT_FLAG &&
	       get_u32(data + OFF_HEADER) == HEADER_MAGIC;
}

/* Where the header must end at the earliest to have all fields of its version that are read here.
 */
static size_t header_end_needed(unsigned version)
{
	if (version >= 0x20a)
		return OFF_INIT_SIZE + 4;
	if (version >= 0x208)
		return OFF_PAYLOAD_LENGTH + 4;
	return OFF_CMDLINE_SIZE + 4;
}

static int parse_code(const struct boot_file *file, struct bzimage *bz, struct err *e)
{
	const uint8_t *d = file->data;
	/* 0 stands for 4, for compatibility with the oldest kernels; the boot sector comes on top.
	 */
	unsigned sects = d[OFF_SETUP_SECTS] ? d[OFF_SETUP_SECTS] : 4;
	bz->code_offset = (size_t)(sects + 1) * SECTOR_BYTES;
	if (file->size <= bz->code_offset)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: setup_sects is %u, so the kernel would begin at %zu; the "
			"file has "
			"%zu bytes (truncated?)",
			sects, bz->code_offset, file->size);
	/* syssize counts paragraphs of 16 bytes, rounded up. What lies behind is a signature. */
	uint64_t code_size = (uint64_t)get_u32(d + OFF_SYSSIZE) * 16;
	size_t rest = file->size - bz->code_offset;
	if (code_size == 0)
		return boot_fail(e, -EINVAL, file->path, "setup header: syssize is 0: no kernel");
	if (code_size > rest && code_size - rest >= 16)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: syssize says that the kernel has %" PRIu64
			" bytes; the file has only %zu "
			"behind its setup code (truncated?)",
			code_size, rest);
	bz->code_size = code_size < rest ? (size_t)code_size : rest;
	return 0;
}

static int parse_header_end(const struct boot_file *file, struct bzimage *bz, struct err *e)
{
	size_t end = (size_t)OFF_HEADER + file->data[OFF_JUMP_LENGTH];
	size_t needed = header_end_needed(bz->version);
	if (end < needed)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: ends at %#zx (jump length at 0x201), expected at least %#zx "
			"in version "
			"%u.%02u",
			end, needed, bz->version >> 8, bz->version & 0xff);
	bz->setup_header_end = end < HEADER_END_MAX ? end : HEADER_END_MAX;
	return 0;
}

static int parse_placement(const struct boot_file *file, struct bzimage *bz, struct err *e)
{
	const uint8_t *d = file->data;
	bz->relocatable = d[OFF_RELOCATABLE_KERNEL] != 0;
	bz->alignment = 1;
	if (bz->relocatable)
		bz->alignment = get_u32(d + OFF_KERNEL_ALIGNMENT);
	if (bz->alignment == 0 || (bz->alignment & (bz->alignment - 1)) != 0)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: kernel_alignment is %#" PRIx64 ", expected a power of two",
			bz->alignment);
	bz->preferred_address = DEFAULT_LOAD_ADDRESS;
	bz->init_size = bz->code_size;
	if (bz->version >= 0x20a) {
		uint64_t pref = get_u64(d + OFF_PREF_ADDRESS);
		uint64_t init = get_u32(d + OFF_INIT_SIZE);
		if (pref)
			bz->preferred_address = pref;
		if (init > bz->init_size)
			bz->init_size = init;
	}
	if (bz->preferred_address < LAYOUT_HIGH || bz->preferred_address >= PLAN_HIGH_RAM_BASE)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: pref_address is %#" PRIx64 ", expected 1 MiB to 4 GiB",
			bz->preferred_address);
	bz->preferred_address = align_up(bz->preferred_address, bz->alignment);
	if (bz->preferred_address >= PLAN_HIGH_RAM_BASE)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: kernel_alignment is %#" PRIx64
			", which puts pref_address at 4 GiB or above, where the kernel cannot be "
			"entered",
			bz->alignment);
	return 0;
}

static int parse_payload(const struct boot_file *file, struct bzimage *bz, struct err *e)
{
	if (bz->version < 0x208)
		return 0;
	uint64_t offset = get_u32(file->data + OFF_PAYLOAD_OFFSET);
	uint64_t size = get_u32(file->data + OFF_PAYLOAD_LENGTH);
	if (offset == 0 || size == 0) /* not everything of this format is compressed: memtest86+ */
		return 0;
	if (offset > bz->code_size || size > bz->code_size - offset)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: payload_offset %#" PRIx64 " + payload_length %#" PRIx64
			" ends behind the kernel's %zu bytes",
			offset, size, bz->code_size);
	bz->payload_offset = bz->code_offset + (size_t)offset;
	bz->payload_size = (size_t)size;
	return 0;
}

static int parse_entries(const struct boot_file *file, struct bzimage *bz, struct err *e)
{
	unsigned xloadflags = bz->version >= 0x20c ? get_u16(file->data + OFF_XLOADFLAGS) : 0;
	bz->has_entry64 = xloadflags & XLF_KERNEL_64;
	if (bz->has_entry64 && bz->code_size <= BZIMAGE_ENTRY64_OFFSET)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: xloadflags has XLF_KERNEL_64 (bit 0), whose entry is at %#x "
			"of the kernel; syssize says that the kernel has only %zu bytes",
			BZIMAGE_ENTRY64_OFFSET, bz->code_size);
	bz->initrd_above_4g = bz->has_entry64 && (xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G);
	return 0;
}

static void parse_limits(const struct boot_file *file, struct bzimage *bz)
{
	const uint8_t *d = file->data;
	bz->initrd_addr_max = get_u32(d + OFF_INITRD_ADDR_MAX);
	bz->cmdline_max = get_u32(d + OFF_CMDLINE_SIZE);
	size_t at = get_u16(d + OFF_KERNEL_VERSION);
	if (at && at + 0x200 < bz->code_offset)
		bz->version_string_offset = at + 0x200;
}

int bzimage_parse(const struct boot_file *file, struct bzimage *ret, struct err *e)
{
	struct bzimage bz = { 0 };
	if (!bzimage_is_bzimage(file->data, file->size))
		return boot_fail(e, -EINVAL, file->path, "is no bzImage: no \"HdrS\" at 0x202");
	bz.version = get_u16(file->data + OFF_VERSION);
	if (bz.version < VERSION_OLDEST)
		return boot_fail(e, -ENOTSUP, file->path,
			"setup header: boot protocol version is %u.%02u, expected 2.06 (Linux "
			"2.6.22) or later: "
			"older ones do not say how long a command line may be",
			bz.version >> 8, bz.version & 0xff);
	int rc = parse_code(file, &bz, e);
	if (rc == 0)
		rc = parse_header_end(file, &bz, e);
	if (rc < 0)
		return rc;
	if (!(file->data[OFF_LOADFLAGS] & LOADED_HIGH))
		return boot_fail(e, -ENOTSUP, file->path,
			"setup header: loadflags is %#x, without LOADED_HIGH (bit 0): a zImage, "
			"which loads below "
			"1 MiB, is not supported",
			file->data[OFF_LOADFLAGS]);
	rc = parse_placement(file, &bz, e);
	if (rc == 0)
		rc = parse_payload(file, &bz, e);
	if (rc == 0)
		rc = parse_entries(file, &bz, e);
	if (rc < 0)
		return rc;
	parse_limits(file, &bz);
	*ret = bz;
	return 0;
}

enum boot_compression bzimage_payload_compression(
	const struct boot_file *file, const struct bzimage *bz)
{
	const uint8_t *data = file->data + bz->payload_offset;
	if (bz->payload_size == 0)
		return BOOT_COMPRESSION_NONE;
	return decompress_detect(data, bz->payload_size);
}

int bzimage_payload_sizes(const struct boot_file *file, const struct bzimage *bz,
	size_t *ret_packed, size_t *ret_unpacked, struct err *e)
{
	if (bz->payload_size < 8)
		return boot_fail(e, -EINVAL, file->path,
			"setup header: payload_length is %zu, too few bytes for compressed data",
			bz->payload_size);
	const uint8_t *end = file->data + bz->payload_offset + bz->payload_size;
	bool is_gzip = bzimage_payload_compression(file, bz) == BOOT_COMPRESSION_GZIP;
	*ret_packed = is_gzip ? bz->payload_size : bz->payload_size - 4;
	*ret_unpacked = get_u32(end - 4);
	return 0;
}

int bzimage_claim(const struct boot_file *file, const struct bzimage *bz, struct space *s,
	uint64_t *ret_address, struct err *e)
{
	struct range room = { bz->preferred_address, bz->init_size };
	if (bz->relocatable && !space_is_free(s, room)) {
		/* Entered with 32-bit addresses or not, stay where the identity map reaches. */
		struct range above = { room.base, PLAN_HIGH_RAM_BASE - room.base };
		uint64_t base;
		if (room.base < PLAN_HIGH_RAM_BASE &&
			space_find_low(s, room.size, bz->alignment, above, &base) == 0)
			room.base = base;
	}
	int rc = space_claim(
		s, room, "the kernel while it unpacks itself (pref_address, init_size)", -1, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s", file->path);
	*ret_address = room.base;
	return 0;
}

int bzimage_load(const struct boot_file *file, const struct bzimage *bz, uint64_t address,
	const struct guest_memory *mem, struct err *e)
{
	int rc = guest_memory_write(
		mem, gpa(address), file->data + bz->code_offset, bz->code_size, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s: kernel", file->path);
	return 0;
}
