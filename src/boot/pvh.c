/* SPDX-License-Identifier: MIT */
#include "boot/pvh.h"

#include "boot/bytes.h"
#include "boot/fail.h"
#include "boot/layout.h"

#include <errno.h>

/* struct hvm_start_info */
#define START_INFO_MAGIC UINT32_C(0x336ec578)
#define START_INFO_VERSION 1
#define SI_MAGIC 0
#define SI_VERSION 4
#define SI_NR_MODULES 12
#define SI_MODLIST_PADDR 16
#define SI_CMDLINE_PADDR 24
#define SI_RSDP_PADDR 32
#define SI_MEMMAP_PADDR 40
#define SI_MEMMAP_ENTRIES 48
#define SI_BYTES 56
#define MODLIST_ENTRY_BYTES 32 /* paddr, size, cmdline_paddr, reserved */
#define MEMMAP_ENTRY_BYTES 24  /* addr, size, type, reserved */

_Static_assert(PLAN_MAX_E820 *MEMMAP_ENTRY_BYTES <= LAYOUT_MEMORY_MAP_BYTES, "memory map fits");
_Static_assert(BOOT_MAX_MODULES *MODLIST_ENTRY_BYTES <= LAYOUT_MODULES_BYTES, "module list fits");

static int write_modules(
	struct load *l, uint8_t *start_info, struct boot_result *result, struct err *e)
{
	struct load_module modules[BOOT_MAX_MODULES];
	uint8_t list[BOOT_MAX_MODULES * MODLIST_ENTRY_BYTES] = { 0 };
	unsigned nr = 0;
	uint64_t at = 0;
	int rc = load_modules(l, LOAD_HIGH_BARE, modules, &nr, e);
	uint64_t bytes = (uint64_t)nr * MODLIST_ENTRY_BYTES;
	if (rc == 0 && nr)
		rc = load_table(l, "module list", bytes, 8, LAYOUT_MODULES, &at, e);
	if (rc < 0 || nr == 0)
		return rc;
	for (unsigned i = 0; i < nr; i++) {
		uint8_t *entry = list + (size_t)i * MODLIST_ENTRY_BYTES;
		put_u64(entry, modules[i].base);
		put_u64(entry + 8, modules[i].size);
		put_u64(entry + 16, modules[i].cmdline);
	}
	put_u32(start_info + SI_NR_MODULES, nr);
	put_u64(start_info + SI_MODLIST_PADDR, at);
	if (l->req->initrd.size)
		result->initrd = gpa(modules[0].base);
	return guest_memory_write(l->mem, gpa(at), list, bytes, e);
}

static int write_memory_map(struct load *l, uint8_t *start_info, struct err *e)
{
	const struct e820_map *map = &l->req->plan->e820;
	uint8_t table[PLAN_MAX_E820 * MEMMAP_ENTRY_BYTES] = { 0 };
	unsigned nr = map->nr_entries < PLAN_MAX_E820 ? map->nr_entries : PLAN_MAX_E820;
	for (unsigned i = 0; i < nr; i++) {
		uint8_t *entry = table + (size_t)i * MEMMAP_ENTRY_BYTES;
		put_u64(entry, map->entries[i].base);
		put_u64(entry + 8, map->entries[i].size_bytes);
		put_u32(entry + 16, (uint32_t)map->entries[i].type);
	}
	uint64_t at, bytes = (uint64_t)nr * MEMMAP_ENTRY_BYTES;
	int rc = load_table(l, "memory map", bytes, 8, LAYOUT_MEMORY_MAP, &at, e);
	if (rc < 0)
		return rc;
	put_u64(start_info + SI_MEMMAP_PADDR, at);
	put_u32(start_info + SI_MEMMAP_ENTRIES, nr);
	return guest_memory_write(l->mem, gpa(at), table, bytes, e);
}

int pvh_load(struct load *l, const struct boot_file *file, const struct elf_image *elf,
	struct boot_result *result, struct err *e)
{
	uint8_t start_info[SI_BYTES] = { 0 };
	uint64_t cmdline = 0, info = 0;
	int rc = elf_claim(file, elf, &l->space, e);
	if (rc == 0)
		rc = load_bios_data(l, e);
	if (rc == 0)
		rc = load_string(l, file->path, l->cmdline, &cmdline, e);
	if (rc == 0)
		rc = write_modules(l, start_info, result, e);
	if (rc == 0)
		rc = elf_load(file, elf, l->mem, l->req->ram_is_zero, e);
	if (rc < 0)
		return rc;
	put_u32(start_info + SI_MAGIC, START_INFO_MAGIC);
	put_u32(start_info + SI_VERSION, START_INFO_VERSION);
	put_u64(start_info + SI_CMDLINE_PADDR, cmdline);
	put_u64(start_info + SI_RSDP_PADDR, l->req->rsdp.v);
	rc = write_memory_map(l, start_info, e);
	if (rc == 0)
		rc = load_table(
			l, "hvm_start_info", sizeof(start_info), 8, LAYOUT_PARAMS, &info, e);
	if (rc == 0)
		rc = guest_memory_write(l->mem, gpa(info), start_info, sizeof(start_info), e);
	if (rc == 0)
		rc = load_entry32(l, elf->pvh_entry, &result->state, e);
	if (rc < 0)
		return rc;
	result->state.rbx = info;
	result->kernel = gpa(elf_base(elf));
	return 0;
}
