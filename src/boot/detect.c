/* SPDX-License-Identifier: MIT */
#include "boot/detect.h"

#include "boot/fail.h"
#include "boot/multiboot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* __START_KERNEL_map: x86-64 Linux links its segments from here, at their physical address. */
#define LINUX_MAP_BASE UINT64_C(0xffffffff80000000)

/* A 32-bit vmlinux is linked at any physical address + PAGE_OFFSET; its entry is physical. */
static void detect_elf_linux32(struct boot_image *image)
{
	const struct elf_image *elf = &image->elf;
	/* Of a bzImage even without a note, which older kernels do not have. */
	bool is_linux = elf->has_linux_note || image->is_payload;
	if (elf->is_64_bit || elf->is_x86_64 || !is_linux || !elf_loads(elf, elf->entry))
		return;
	image->offers[BOOT_LINUX32] = true;
	image->entry[BOOT_LINUX32] = elf->entry;
}

/* What Linux appends to its own kernels; other ELF files may have anything there. */
static void detect_relocs(struct boot_image *image)
{
	struct err why = ERR_INIT;
	if (!image->offers[BOOT_LINUX64] && !image->offers[BOOT_LINUX32])
		return;
	if (relocs_find(&image->file, &image->elf, &image->relocs, &why) < 0) {
		image->relocs_damaged = true;
		(void)snprintf(
			image->no_relocs, sizeof(image->no_relocs), "%.190s", err_reason(&why));
	} else if (image->relocs.nr_lists == 0) {
		(void)snprintf(image->no_relocs, sizeof(image->no_relocs),
			"it carries no relocations (built without CONFIG_RANDOMIZE_BASE, or "
			"they were cut off)");
	} else if (image->elf.is_x86_64 &&
		   elf_base_virtual(&image->elf) - LINUX_MAP_BASE != elf_base(&image->elf)) {
		image->relocs = (struct relocs){ 0 };
		(void)snprintf(
			image->no_relocs, sizeof(image->no_relocs), "it is not linked as Linux is");
	}
}

/* The Linux 64-bit protocol wants a kernel whose entry is physical and which is Linux. */
static void detect_elf_linux64(struct boot_image *image)
{
	const struct elf_image *elf = &image->elf;
	bool is_linked_so = false;
	for (unsigned i = 0; i < elf->nr_load; i++)
		is_linked_so |= elf->load[i].vaddr >= LINUX_MAP_BASE &&
				elf->load[i].vaddr - LINUX_MAP_BASE == elf->load[i].paddr;
	if (!elf->is_x86_64)
		(void)snprintf(image->no_linux, sizeof(image->no_linux), "it is not for x86-64");
	else if (!is_linked_so && !elf->has_linux_note)
		(void)snprintf(image->no_linux, sizeof(image->no_linux),
			"it has no note of owner \"Linux\" and is not linked as Linux is");
	else if (!elf_loads(elf, elf->entry))
		(void)snprintf(image->no_linux, sizeof(image->no_linux),
			"its e_entry, %#" PRIx64 ", is no physical address in a segment",
			elf->entry);
	if (image->no_linux[0])
		return;
	image->offers[BOOT_LINUX64] = true;
	image->entry[BOOT_LINUX64] = elf->entry;
}

static int detect_elf(struct boot_image *image, struct err *e)
{
	const struct elf_image *elf = &image->elf;
	if (elf->has_pvh) {
		if (!elf_loads(elf, elf->pvh_entry))
			return boot_fail(e, -EINVAL, image->file.path,
				"ELF note PHYS32_ENTRY (PVH) is %#" PRIx32
				", which is in no segment",
				elf->pvh_entry);
		image->offers[BOOT_PVH] = true;
		image->entry[BOOT_PVH] = elf->pvh_entry;
	}
	detect_elf_linux64(image);
	detect_elf_linux32(image);
	detect_relocs(image);
	return 0;
}

static void detect_bzimage(struct boot_image *image)
{
	uint64_t base = image->bzimage.preferred_address;
	image->offers[BOOT_LINUX32] = true;
	image->entry[BOOT_LINUX32] = base;
	if (image->bzimage.has_entry64) {
		image->offers[BOOT_LINUX64] = true;
		image->entry[BOOT_LINUX64] = base + BZIMAGE_ENTRY64_OFFSET;
	} else {
		(void)snprintf(image->no_linux, sizeof(image->no_linux),
			"its setup header's xloadflags lack XLF_KERNEL_64");
	}
}

static void detect_multiboot(struct boot_image *image)
{
	struct multiboot_header header;
	struct err why = ERR_INIT;
	const struct boot_file *file = &image->file;
	if (!multiboot_find(file->data, file->size, &header)) {
		(void)snprintf(image->no_multiboot, sizeof(image->no_multiboot), "%s",
			identify_multiboot2(file->data, file->size)
				? "it has a Multiboot2 header, which nestor does not know"
				: "no Multiboot header in its first 8 KiB");
		return;
	}
	if (multiboot_image(file, &header, image->is_elf ? &image->elf : NULL, &image->multiboot,
		    &why) < 0) {
		(void)snprintf(image->no_multiboot, sizeof(image->no_multiboot), "%.300s",
			err_reason(&why));
		return;
	}
	image->offers[BOOT_MULTIBOOT] = true;
	image->entry[BOOT_MULTIBOOT] = image->multiboot.entry;
}

static bool offers_nothing(const struct boot_image *image)
{
	for (unsigned p = 0; p < BOOT_NR_PROTOCOLS; p++)
		if (image->offers[p])
			return false;
	return true;
}

int detect_fail(const struct boot_image *image, struct err *e)
{
	const char *path = image->file.path;
	if (!image->identity.name[0])
		return boot_fail(e, -ENOTSUP, path,
			"offers no boot protocol. PVH: no note PHYS32_ENTRY of owner \"Xen\"; "
			"Linux: %s; Multiboot: %s",
			image->no_linux, image->no_multiboot);
	if (image->packing == BOOT_COMPRESSION_NONE)
		(void)boot_fail(e, -ENOTSUP, path, "%s%s, not a kernel that nestor can boot",
			image->is_payload ? "the payload is " : "is ", image->identity.name);
	else
		(void)boot_fail(e, -ENOTSUP, path,
			"is compressed as %s; unpacked, it is %s, not a kernel that nestor can "
			"boot",
			boot_compression_name(image->packing), image->identity.name);
	return image->identity.hint[0] ? err_hint(e, -ENOTSUP, "%s", image->identity.hint)
				       : -ENOTSUP;
}

static void name_program(struct boot_image *image)
{
	const struct elf_image *elf = &image->elf;
	if (elf->has_interpreter || elf->is_dynamic)
		(void)snprintf(image->identity.name, sizeof(image->identity.name), "%s (ELF)",
			elf->has_interpreter ? "a program for an operating system"
					     : "a shared library or program");
}

int detect_image(const struct boot_file *file, struct detect_origin origin, struct boot_image *ret,
	struct err *e)
{
	int rc = 0;
	*ret = (struct boot_image){
		.file = *file, .packing = origin.packing, .is_payload = origin.is_payload
	};
	if (file->size == 0)
		return boot_fail(e, -EINVAL, file->path, "the file is empty");
	if (elf_is_elf(file->data, file->size)) {
		rc = elf_parse(file, &ret->elf, e);
		ret->is_elf = rc == 0;
		if (rc == 0)
			rc = detect_elf(ret, e);
	} else if (bzimage_is_bzimage(file->data, file->size)) {
		rc = bzimage_parse(file, &ret->bzimage, e);
		ret->is_bzimage = rc == 0;
		if (rc == 0)
			detect_bzimage(ret);
	} else {
		(void)snprintf(ret->no_linux, sizeof(ret->no_linux),
			"it is neither a bzImage (no \"HdrS\" at 0x202) nor ELF");
	}
	if (rc < 0)
		return rc;
	detect_multiboot(ret);
	if (!offers_nothing(ret))
		return 0;
	if (ret->is_elf)
		name_program(ret);
	else
		(void)identify(file->data, file->size, &ret->identity);
	return 0;
}

int detect_preferred(
	const struct boot_image *image, bool has_modules, enum boot_protocol *ret, struct err *e)
{
	static const enum boot_protocol order[] = { BOOT_PVH, BOOT_LINUX64, BOOT_LINUX32,
		BOOT_MULTIBOOT };
	if (has_modules && image->offers[BOOT_MULTIBOOT]) {
		*ret = BOOT_MULTIBOOT;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		bool skip = order[i] == BOOT_PVH && image->relocs.nr_lists;
		if (image->offers[order[i]] && !skip) {
			*ret = order[i];
			return 0;
		}
	}
	return detect_fail(image, e);
}

/* As rc and e say why a compressed file cannot be unpacked: unless what is in it is no kernel. */
static int unpack_failed(
	const struct boot_file *file, struct detect_origin origin, int rc, struct err *e)
{
	struct boot_image image = { .file = *file, .packing = origin.packing };
	uint8_t *head = malloc(IDENTIFY_BYTES);
	size_t n = 0;
	if (head)
		n = decompress_head(origin.packing, file->data, file->size, head, IDENTIFY_BYTES);
	bool is_kernel = elf_is_elf(head, n) || bzimage_is_bzimage(head, n);
	/* What could be anything's beginning explains nothing. */
	bool is_known = n && !is_kernel && identify(head, n, &image.identity) &&
			(image.identity.hint[0] || image.identity.is_kernel);
	free(head);
	return is_known ? detect_fail(&image, e) : err_wrap(e, rc, "%s", file->path);
}

int detect_unpack_file(const struct boot_file *file, const struct boot_cache *cache, size_t limit,
	struct unpacked *buffer, struct boot_file *ret_file, struct detect_origin *ret_origin,
	struct err *e)
{
	struct packed_data packed = { decompress_detect(file->data, file->size), file->data,
		file->size, limit };
	*ret_origin = (struct detect_origin){ .packing = BOOT_COMPRESSION_NONE };
	if (packed.format == BOOT_COMPRESSION_UNKNOWN) {
		*ret_file = *file;
		return 0;
	}
	ret_origin->packing = packed.format;
	int rc = decompress_cached(&packed, cache, buffer, e);
	if (rc < 0)
		return unpack_failed(file, *ret_origin, rc, e);
	*ret_file = (struct boot_file){ file->path, buffer->data, buffer->size };
	return 0;
}

static int check_unpackable(const struct boot_image *image, struct err *e)
{
	const char *path = image->file.path;
	const struct bzimage *bz = &image->bzimage;
	if (!image->is_bzimage || bz->payload_size == 0)
		return boot_fail(e, -ENOTSUP, path, "has no compressed payload");
	enum boot_compression c = bzimage_payload_compression(&image->file, bz);
	if (c == BOOT_COMPRESSION_UNKNOWN)
		return boot_fail(e, -ENOTSUP, path,
			"the payload begins with %02x %02x, which is no compression "
			"that nestor knows",
			image->file.data[bz->payload_offset],
			image->file.data[bz->payload_offset + (bz->payload_size > 1 ? 1 : 0)]);
	if (!decompress_supported(c))
		return boot_fail(e, -ENOTSUP, path,
			"the payload is compressed as %s, which nestor cannot unpack",
			boot_compression_name(c));
	return 0;
}

int detect_unpack_payload(const struct boot_image *image, const struct boot_cache *cache,
	size_t limit, struct unpacked *buffer, struct boot_file *ret_file, struct err *e)
{
	const char *path = image->file.path;
	struct packed_data packed = { .data = image->file.data + image->bzimage.payload_offset };
	size_t size = 0;
	int rc = check_unpackable(image, e);
	if (rc == 0)
		rc = bzimage_payload_sizes(&image->file, &image->bzimage, &packed.size, &size, e);
	if (rc < 0)
		return rc;
	if (size == 0)
		return boot_fail(
			e, -EINVAL, path, "the payload's size when unpacked is given as 0");
	if (size > BOOT_MAX_UNPACKED_BYTES)
		return boot_fail(e, -ENOTSUP, path,
			"the payload unpacks to %zu bytes; nestor unpacks at most "
			"%" PRIu64,
			size, BOOT_MAX_UNPACKED_BYTES);
	if (size > limit)
		return boot_fail(e, -ENOSPC, path,
			"the payload unpacks to %zu bytes (%zu MiB), more than the "
			"guest's memory of %zu MiB",
			size, (size_t)(size / MIB + 1), (size_t)(limit / MIB));
	packed.format = bzimage_payload_compression(&image->file, &image->bzimage);
	packed.limit = size;
	rc = decompress_cached(&packed, cache, buffer, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s: payload", path);
	if (buffer->size != size)
		return boot_fail(e, -EINVAL, path,
			"the payload unpacked to %zu bytes; its last 4 bytes promise "
			"%zu",
			buffer->size, size);
	*ret_file = (struct boot_file){ path, buffer->data, buffer->size };
	return 0;
}
