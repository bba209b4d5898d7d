/* SPDX-License-Identifier: MIT */
#include "boot/multiboot.h"

#include "base/text_buf.h"
#include "boot/bytes.h"
#include "boot/fail.h"
#include "boot/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define HEADER_MAGIC UINT32_C(0x1badb002)
#define HEADER_SEARCH_BYTES 8192
#define HEADER_BYTES 12
#define HEADER_WITH_ADDRESSES_BYTES 32
#define FLAG_PAGE_ALIGN UINT32_C(0x00000001)
#define FLAG_MEMORY_INFO UINT32_C(0x00000002)
#define FLAG_VIDEO UINT32_C(0x00000004)
#define FLAGS_KNOWN (FLAG_PAGE_ALIGN | FLAG_MEMORY_INFO | FLAG_VIDEO)
#define FLAGS_REQUIRED UINT32_C(0x0000ffff) /* the rest are wishes */
#define FLAG_ADDRESSES UINT32_C(0x00010000)

#define LOADER_MAGIC UINT32_C(0x2badb002)
#define LOADER_NAME "nestor"

/* struct multiboot_info */
#define MBI_FLAGS 0
#define MBI_MEM_LOWER 4
#define MBI_MEM_UPPER 8
#define MBI_CMDLINE 16
#define MBI_MODS_COUNT 20
#define MBI_MODS_ADDR 24
#define MBI_MMAP_LENGTH 44
#define MBI_MMAP_ADDR 48
#define MBI_LOADER_NAME 64
#define MBI_BYTES 88
#define MBI_HAS_MEM 0x001
#define MBI_HAS_CMDLINE 0x004
#define MBI_HAS_MODS 0x008
#define MBI_HAS_MMAP 0x040
#define MBI_HAS_LOADER_NAME 0x200
#define MMAP_ENTRY_BYTES 24 /* its size field, which counts not itself, then base, length, type */
#define MODULE_BYTES 16     /* start, end, string, reserved */

_Static_assert(PLAN_MAX_E820 *MMAP_ENTRY_BYTES <= LAYOUT_MEMORY_MAP_BYTES, "memory map fits");
_Static_assert(BOOT_MAX_MODULES *MODULE_BYTES <= LAYOUT_MODULES_BYTES, "module list fits");

static bool header_at(const uint8_t *p, size_t room, struct multiboot_header *ret)
{
	uint32_t flags = get_u32(p + 4);
	if (get_u32(p) != HEADER_MAGIC || HEADER_MAGIC + flags + get_u32(p + 8) != 0)
		return false;
	*ret = (struct multiboot_header){ .flags = flags, .has_addresses = flags & FLAG_ADDRESSES };
	if (!ret->has_addresses)
		return true;
	if (room < HEADER_WITH_ADDRESSES_BYTES)
		return false;
	ret->header_addr = get_u32(p + 12);
	ret->load_addr = get_u32(p + 16);
	ret->load_end_addr = get_u32(p + 20);
	ret->bss_end_addr = get_u32(p + 24);
	ret->entry_addr = get_u32(p + 28);
	return true;
}

bool multiboot_find(const uint8_t *data, size_t size, struct multiboot_header *ret)
{
	size_t end = size < HEADER_SEARCH_BYTES ? size : HEADER_SEARCH_BYTES;
	for (size_t at = 0; at + HEADER_BYTES <= end; at += 4) {
		if (header_at(data + at, end - at, ret)) {
			ret->offset = at;
			return true;
		}
	}
	return false;
}

/* The "a.out kludge": one segment, from the header's address fields. */
static int image_by_addresses(const struct boot_file *file, const struct multiboot_header *h,
	struct elf_image *ret, struct err *e)
{
	if (h->load_addr > h->header_addr || h->header_addr - h->load_addr > h->offset)
		return boot_fail(e, -EINVAL, file->path,
			"Multiboot header: load_addr is %#" PRIx32 ", header_addr %#" PRIx32
			" and the header at %#zx of the file: the image would begin before the "
			"file",
			h->load_addr, h->header_addr, h->offset);
	uint64_t offset = h->offset - (h->header_addr - h->load_addr);
	uint64_t filesz = file->size - offset;
	if (h->load_end_addr) {
		if (h->load_end_addr <= h->load_addr || h->load_end_addr - h->load_addr > filesz)
			return boot_fail(e, -EINVAL, file->path,
				"Multiboot header: load_end_addr is %#" PRIx32
				", expected from %#" PRIx32 " to %#" PRIx64 ", where the file ends",
				h->load_end_addr, h->load_addr, h->load_addr + filesz);
		filesz = h->load_end_addr - h->load_addr;
	}
	uint64_t memsz = filesz;
	if (h->bss_end_addr) {
		if (h->bss_end_addr < h->load_addr + filesz)
			return boot_fail(e, -EINVAL, file->path,
				"Multiboot header: bss_end_addr is %#" PRIx32
				", expected 0 or at least %#" PRIx64 ", where the data end",
				h->bss_end_addr, h->load_addr + filesz);
		memsz = h->bss_end_addr - h->load_addr;
	}
	*ret = (struct elf_image){
		.what = "Multiboot segment", .entry = h->entry_addr, .nr_load = 1
	};
	ret->load[0] = (struct elf_segment){ .offset = offset,
		.filesz = filesz,
		.vaddr = h->load_addr,
		.paddr = h->load_addr,
		.memsz = memsz };
	return 0;
}

/* e_entry is physical or, in kernels linked high, virtual: then by the segment that has it. */
static uint64_t physical_entry(const struct elf_image *elf)
{
	if (elf_loads(elf, elf->entry))
		return elf->entry;
	for (unsigned i = 0; i < elf->nr_load; i++) {
		const struct elf_segment *s = &elf->load[i];
		if (elf->entry >= s->vaddr && elf->entry - s->vaddr < s->memsz)
			return s->paddr + (elf->entry - s->vaddr);
	}
	return elf->entry;
}

/*
 * A loader that knows not all of bits 0 to 15 must refuse. To know bit 2 is not to have a video
 * mode: what multiboot_info says of video is then not valid by its own flags (bits 11 and 12).
 */
static int check_flags(
	const struct boot_file *file, const struct multiboot_header *header, struct err *e)
{
	uint32_t unknown = header->flags & FLAGS_REQUIRED & ~FLAGS_KNOWN;
	char bits[64];
	struct text_buf list = TEXT_BUF(bits);
	if (!unknown)
		return 0;
	for (unsigned i = 0; i < 16; i++)
		if (unknown >> i & 1)
			(void)text_buf_item(&list, ", ", "%u", i);
	return boot_fail(e, -ENOTSUP, file->path,
		"Multiboot header: flags are %#" PRIx32 ", of which bit%s %s demand%s what version "
		"1 of the specification (0.6.96) does not have",
		header->flags, unknown & (unknown - 1) ? "s" : "", bits,
		unknown & (unknown - 1) ? "" : "s");
}

int multiboot_image(const struct boot_file *file, const struct multiboot_header *header,
	const struct elf_image *elf, struct elf_image *ret_image, struct err *e)
{
	int rc = check_flags(file, header, e);
	if (rc < 0)
		return rc;
	if (header->has_addresses) {
		rc = image_by_addresses(file, header, ret_image, e);
		if (rc < 0)
			return rc;
	} else if (elf) {
		*ret_image = *elf;
		ret_image->entry = physical_entry(elf);
	} else {
		return boot_fail(e, -EINVAL, file->path,
			"Multiboot header: flags are %#" PRIx32
			", without bit 16 (addresses), and the file is "
			"no ELF: nothing says where it is to be loaded",
			header->flags);
	}
	if (ret_image->entry > UINT32_MAX || !elf_loads(ret_image, ret_image->entry))
		return boot_fail(e, -EINVAL, file->path,
			"Multiboot: the entry point, %#" PRIx64
			", is in nothing that is loaded below 4 GiB",
			ret_image->entry);
	return 0;
}

/* KiB of RAM at 0 (at most 640) and at 1 MiB, up to the first hole. */
static void memory_sizes(const struct e820_map *map, uint32_t *ret_lower, uint32_t *ret_upper)
{
	*ret_lower = *ret_upper = 0;
	for (unsigned i = 0; i < map->nr_entries && i < PLAN_MAX_E820; i++) {
		const struct e820_entry *r = &map->entries[i];
		if (r->type != E820_RAM)
			continue;
		if (r->base == 0)
			*ret_lower =
				(uint32_t)((r->size_bytes < 640 * KIB ? r->size_bytes : 640 * KIB) /
					   KIB);
		if (r->base <= LAYOUT_HIGH && r->base + r->size_bytes > LAYOUT_HIGH) {
			uint64_t kib = (r->base + r->size_bytes - LAYOUT_HIGH) / KIB;
			*ret_upper = kib > UINT32_MAX ? UINT32_MAX : (uint32_t)kib;
		}
	}
}

static int write_memory_map(struct load *l, uint8_t *mbi, struct err *e)
{
	const struct e820_map *map = &l->req->plan->e820;
	uint8_t table[PLAN_MAX_E820 * MMAP_ENTRY_BYTES] = { 0 };
	unsigned nr = map->nr_entries < PLAN_MAX_E820 ? map->nr_entries : PLAN_MAX_E820;
	uint32_t lower, upper;
	memory_sizes(map, &lower, &upper);
	for (unsigned i = 0; i < nr; i++) {
		uint8_t *entry = table + (size_t)i * MMAP_ENTRY_BYTES;
		put_u32(entry, MMAP_ENTRY_BYTES - 4);
		put_u64(entry + 4, map->entries[i].base);
		put_u64(entry + 12, map->entries[i].size_bytes);
		put_u32(entry + 20, (uint32_t)map->entries[i].type);
	}
	uint64_t at, bytes = (uint64_t)nr * MMAP_ENTRY_BYTES;
	int rc = load_table(l, "memory map", bytes, 8, LAYOUT_MEMORY_MAP, &at, e);
	if (rc < 0)
		return rc;
	put_u32(mbi + MBI_MEM_LOWER, lower);
	put_u32(mbi + MBI_MEM_UPPER, upper);
	put_u32(mbi + MBI_MMAP_LENGTH, (uint32_t)bytes);
	put_u32(mbi + MBI_MMAP_ADDR, (uint32_t)at);
	return guest_memory_write(l->mem, gpa(at), table, bytes, e);
}

static int write_modules(struct load *l, uint8_t *mbi, struct boot_result *result, struct err *e)
{
	struct load_module modules[BOOT_MAX_MODULES];
	uint8_t list[BOOT_MAX_MODULES * MODULE_BYTES] = { 0 };
	unsigned nr = 0;
	uint64_t at = LAYOUT_MODULES;
	int rc = load_modules(l, LOAD_LOW_NAMED, modules, &nr, e);
	uint64_t bytes = (uint64_t)nr * MODULE_BYTES;
	if (rc == 0 && nr)
		rc = load_table(l, "module list", bytes, 8, LAYOUT_MODULES, &at, e);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < nr; i++) {
		uint8_t *entry = list + (size_t)i * MODULE_BYTES;
		put_u32(entry, (uint32_t)modules[i].base);
		put_u32(entry + 4, (uint32_t)(modules[i].base + modules[i].size));
		put_u32(entry + 8, (uint32_t)modules[i].cmdline);
	}
	put_u32(mbi + MBI_MODS_COUNT, nr);
	put_u32(mbi + MBI_MODS_ADDR, (uint32_t)at);
	if (l->req->initrd.size)
		result->initrd = gpa(modules[0].base);
	return nr ? guest_memory_write(l->mem, gpa(at), list, bytes, e) : 0;
}

/*
 * By custom, older than the specification's text, the first word of each command line is the
 * image's name. Xen drops the first word of every loader but GRUB 2; other kernels skip it as
 * argv[0].
 */
static int write_strings(struct load *l, const char *path, uint8_t *mbi, struct err *e)
{
	uint64_t cmdline = 0, name = 0;
	int rc = load_named_string(l, path, l->cmdline, &cmdline, e);
	if (rc == 0)
		rc = load_string(l, path, LOADER_NAME, &name, e);
	put_u32(mbi + MBI_CMDLINE, (uint32_t)cmdline);
	put_u32(mbi + MBI_LOADER_NAME, (uint32_t)name);
	return rc;
}

int multiboot_load(struct load *l, const struct boot_file *file, const struct elf_image *image,
	struct boot_result *result, struct err *e)
{
	uint8_t mbi[MBI_BYTES] = { 0 };
	uint64_t info = 0;
	int rc = elf_claim(file, image, &l->space, e);
	if (rc == 0)
		rc = load_bios_data(l, e);
	if (rc == 0)
		rc = write_strings(l, file->path, mbi, e);
	if (rc == 0)
		rc = write_modules(l, mbi, result, e);
	if (rc == 0)
		rc = elf_load(file, image, l->mem, l->req->ram_is_zero, e);
	if (rc < 0)
		return rc;
	put_u32(mbi + MBI_FLAGS,
		MBI_HAS_MEM | MBI_HAS_CMDLINE | MBI_HAS_MODS | MBI_HAS_MMAP | MBI_HAS_LOADER_NAME);
	rc = write_memory_map(l, mbi, e);
	if (rc == 0)
		rc = load_table(l, "multiboot_info", sizeof(mbi), 8, LAYOUT_PARAMS, &info, e);
	if (rc == 0)
		rc = guest_memory_write(l->mem, gpa(info), mbi, sizeof(mbi), e);
	if (rc == 0)
		rc = load_entry32(l, image->entry, &result->state, e);
	if (rc < 0)
		return rc;
	result->state.rax = LOADER_MAGIC;
	result->state.rbx = info;
	result->kernel = gpa(elf_base(image));
	return 0;
}
