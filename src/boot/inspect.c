/* SPDX-License-Identifier: MIT */
#include "boot/boot.h"

#include "boot/detect.h"
#include "boot/fail.h"
#include "boot/multiboot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* The string that a kernel calls itself by, cut to what prints. */
static void copy_version(const struct boot_image *image, char *dst, size_t n)
{
	size_t at = image->bzimage.version_string_offset;
	size_t used = 0;
	if (at == 0)
		return;
	while (used + 1 < n && at + used < image->bzimage.code_offset) {
		uint8_t c = image->file.data[at + used];
		if (c < 0x20 || c > 0x7e)
			break;
		dst[used++] = (char)c;
	}
	dst[used] = '\0';
}

static void copy_relocs(const struct boot_image *image, struct boot_info *info)
{
	info->nr_relocation_lists = image->relocs.nr_lists;
	info->nr_relocations = relocs_count(&image->relocs);
}

static void inspect_payload(const struct boot_image *image, struct boot_info *info)
{
	struct boot_image payload;
	struct boot_file file;
	struct err why = ERR_INIT;
	UNPACKED_LOCAL buffer = { 0 };
	int rc = detect_unpack_payload(image, NULL, BOOT_MAX_UNPACKED_BYTES, &buffer, &file, &why);
	if (rc == 0) {
		info->unpacked_payload_size = file.size;
		rc = detect_image(
			&file, (struct detect_origin){ .is_payload = true }, &payload, &why);
	}
	bool is_64_bit = rc == 0 && payload.offers[BOOT_LINUX64];
	if (is_64_bit || (rc == 0 && payload.offers[BOOT_LINUX32])) {
		info->payload_is_kernel = true;
		info->payload_entry = payload.entry[is_64_bit ? BOOT_LINUX64 : BOOT_LINUX32];
		copy_relocs(&payload, info);
		info->payload_has_pvh = payload.offers[BOOT_PVH];
		info->payload_pvh_entry = payload.entry[BOOT_PVH];
	} else {
		(void)snprintf(info->payload_note, sizeof(info->payload_note), "%.*s",
			(int)sizeof(info->payload_note) - 1,
			rc < 0 ? err_reason(&why) : payload.no_linux);
	}
}

static void inspect_bzimage(const struct boot_image *image, struct boot_info *info)
{
	const struct bzimage *bz = &image->bzimage;
	info->protocol_major = bz->version >> 8;
	info->protocol_minor = bz->version & 0xff;
	info->relocatable = bz->relocatable;
	info->initrd_above_4g = bz->initrd_above_4g;
	info->preferred_address = bz->preferred_address;
	info->init_size = bz->init_size;
	info->initrd_addr_max = bz->initrd_addr_max;
	info->cmdline_max = bz->cmdline_max;
	copy_version(image, info->version, sizeof(info->version));
	info->has_payload = bz->payload_size != 0;
	if (!info->has_payload)
		return;
	info->payload_compression = bzimage_payload_compression(&image->file, bz);
	info->payload_offset = bz->payload_offset;
	info->payload_size = bz->payload_size;
	inspect_payload(image, info);
}

int boot_check_head(const struct boot_file *head, struct err *e)
{
	struct boot_image image = { .file = *head };
	struct multiboot_header header;
	if (elf_is_elf(head->data, head->size) || bzimage_is_bzimage(head->data, head->size) ||
		decompress_detect(head->data, head->size) != BOOT_COMPRESSION_UNKNOWN ||
		multiboot_find(head->data, head->size, &header))
		return 0;
	return identify(head->data, head->size, &image.identity) ? detect_fail(&image, e) : 0;
}

int boot_inspect(const struct boot_file *file, struct boot_info *ret_info, struct err *e)
{
	struct boot_image image;
	struct boot_file inner;
	struct detect_origin origin;
	UNPACKED_LOCAL buffer = { 0 };
	int rc = detect_unpack_file(
		file, NULL, BOOT_MAX_UNPACKED_BYTES, &buffer, &inner, &origin, e);
	if (rc == 0)
		rc = detect_image(&inner, origin, &image, e);
	if (rc < 0)
		return rc;
	struct boot_info info = { .file_size = file->size, .unpacked_file_size = inner.size };
	rc = detect_preferred(&image, false, &info.preferred, e);
	if (rc == 0)
		rc = detect_preferred(&image, true, &info.preferred_with_modules, e);
	if (rc < 0)
		return rc;
	if (buffer.data)
		info.file_compression = decompress_detect(file->data, file->size);
	(void)memcpy(info.offers, image.offers, sizeof(info.offers));
	(void)memcpy(info.entry, image.entry, sizeof(info.entry));
	info.is_bzimage = image.is_bzimage;
	info.is_elf = image.is_elf;
	info.elf_is_64_bit = image.is_elf && image.elf.is_64_bit;
	if (image.is_bzimage)
		inspect_bzimage(&image, &info);
	else
		copy_relocs(&image, &info);
	*ret_info = info;
	return 0;
}

static int extract(const struct boot_file *file, const struct boot_cache *cache,
	struct unpacked *ret, struct err *e)
{
	struct boot_image image;
	struct boot_file inner, payload;
	UNPACKED_LOCAL whole = { 0 };
	UNPACKED_LOCAL unpacked = { 0 };
	struct detect_origin origin;
	int rc = detect_unpack_file(
		file, cache, BOOT_MAX_UNPACKED_BYTES, &whole, &inner, &origin, e);
	if (rc < 0)
		return rc;
	struct unpacked *result = &whole;
	if (bzimage_is_bzimage(inner.data, inner.size)) {
		rc = detect_image(&inner, origin, &image, e);
		if (rc == 0)
			rc = detect_unpack_payload(
				&image, cache, BOOT_MAX_UNPACKED_BYTES, &unpacked, &payload, e);
		if (rc < 0)
			return rc;
		result = &unpacked;
	}
	if (!result->data)
		return boot_fail(e, -ENOTSUP, file->path,
			"is neither compressed nor a bzImage: there is nothing to unpack");
	*ret = *result;
	*result = (struct unpacked){ 0 };
	return 0;
}

int boot_extract(const struct boot_file *file, uint8_t **ret_data, size_t *ret_size, struct err *e)
{
	struct unpacked u;
	int rc = extract(file, /* cache */ NULL, &u, e);
	if (rc < 0)
		return rc;
	*ret_data = u.data;
	*ret_size = u.size;
	return 0;
}

int boot_fill_cache(const struct boot_file *file, const struct boot_cache *cache, struct err *e)
{
	UNPACKED_LOCAL u = { 0 };
	return extract(file, cache, &u, e);
}

void boot_extract_free(uint8_t *data, size_t size)
{
	if (data)
		(void)munmap(data, size);
}
