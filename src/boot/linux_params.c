/* SPDX-License-Identifier: MIT */
#include "boot/linux_params.h"

#include "boot/bytes.h"
#include "boot/fail.h"
#include "boot/layout.h"

#include <errno.h>
#include <inttypes.h>

/* Offsets in boot_params (zero-page.rst; from 1f1h on the setup header of boot.rst). */
#define BP_ACPI_RSDP_ADDR 0x070
#define BP_EXT_RAMDISK_IMAGE 0x0c0
#define BP_EXT_RAMDISK_SIZE 0x0c4
#define BP_E820_ENTRIES 0x1e8
#define BP_BOOT_FLAG 0x1fe
#define BP_HEADER 0x202
#define BP_VERSION 0x206
#define BP_TYPE_OF_LOADER 0x210
#define BP_LOADFLAGS 0x211
#define BP_CODE32_START 0x214
#define BP_RAMDISK_IMAGE 0x218
#define BP_RAMDISK_SIZE 0x21c
#define BP_CMD_LINE_PTR 0x228
#define BP_SETUP_DATA 0x250
#define BP_E820_TABLE 0x2d0

#define E820_ENTRY_BYTES 20
#define LOADER_UNDEFINED 0xff /* no number is assigned to this loader */
#define LOADFLAGS_LOADED_HIGH 0x01
#define LOADFLAGS_KASLR 0x02
#define SETUP_DTB 2
#define SETUP_DATA_HEADER_BYTES 16

/* What stands for an uncompressed kernel's setup header: the limits of x86-64 since Linux 3.x. */
#define VMLINUX_VERSION 0x20f
#define VMLINUX_INITRD_ADDR_MAX UINT64_C(0x7fffffff)

static unsigned version_of(const struct linux_kernel *k)
{
	return k->setup ? k->setup->version : VMLINUX_VERSION;
}

static int load_cmdline(
	struct load *l, const struct linux_kernel *k, uint8_t *params, struct err *e)
{
	uint64_t max = k->setup ? k->setup->cmdline_max : LINUX_CMDLINE_MAX;
	uint64_t size = (uint64_t)strlen(l->cmdline);
	if (size > max)
		return boot_fail(e, -E2BIG, k->path,
			"the command line has %" PRIu64 " bytes; this kernel takes at most %" PRIu64
			" (cmdline_size)",
			size, max);
	uint64_t at;
	int rc = load_string(l, k->path, l->cmdline, &at, e);
	if (rc < 0)
		return rc;
	put_u32(params + BP_CMD_LINE_PTR, (uint32_t)at);
	return 0;
}

/*
 * As high as initrd_addr_max and the RAM below 4 GiB allow; kernels that take initrds from anywhere
 * (XLF_CAN_BE_LOADED_ABOVE_4G) get them above only where they do not fit below, so that every
 * kernel sees the same machine as long as it can.
 */
static int place_initrd(
	struct load *l, const struct linux_kernel *k, uint64_t *ret_base, struct err *e)
{
	const struct boot_file *initrd = &l->req->initrd;
	uint64_t max = k->setup ? k->setup->initrd_addr_max : VMLINUX_INITRD_ADDR_MAX;
	bool above_4g = k->is_entry64 && (!k->setup || k->setup->initrd_above_4g);
	if (max <= LAYOUT_HIGH)
		return boot_fail(e, -EINVAL, k->path,
			"setup header: initrd_addr_max is %#" PRIx64 ", expected more than 1 MiB",
			max);
	struct range below = { LAYOUT_HIGH, max + 1 - LAYOUT_HIGH };
	if (max >= PLAN_HIGH_RAM_BASE)
		below.size = PLAN_HIGH_RAM_BASE - LAYOUT_HIGH;
	struct range anywhere = { LAYOUT_HIGH, UINT64_MAX - LAYOUT_HIGH };

	int rc = load_place(l, initrd->path, "initrd", initrd->size, below, true, ret_base, e);
	if (rc == -ENOSPC && above_4g)
		rc = load_place(
			l, initrd->path, "initrd", initrd->size, anywhere, true, ret_base, e);
	return rc;
}

static int load_initrd(struct load *l, const struct linux_kernel *k, uint8_t *params,
	struct gpa *ret, struct err *e)
{
	const struct boot_file *initrd = &l->req->initrd;
	if (initrd->size == 0)
		return 0;
	uint64_t base;
	int rc = place_initrd(l, k, &base, e);
	if (rc < 0)
		return rc;
	rc = load_file(l, initrd, "initrd", base, e);
	if (rc < 0)
		return rc;
	/* The upper halves are 0 unless the kernel knows these fields. */
	put_u32(params + BP_RAMDISK_IMAGE, (uint32_t)base);
	put_u32(params + BP_RAMDISK_SIZE, (uint32_t)initrd->size);
	put_u32(params + BP_EXT_RAMDISK_IMAGE, (uint32_t)(base >> 32));
	put_u32(params + BP_EXT_RAMDISK_SIZE, (uint32_t)((uint64_t)initrd->size >> 32));
	*ret = gpa(base);
	return 0;
}

/* One setup_data node: next, type, length, then the tree. */
static int load_device_tree(
	struct load *l, const struct linux_kernel *k, uint8_t *params, struct err *e)
{
	const struct boot_request *req = l->req;
	if (!req->device_tree || req->device_tree_size == 0)
		return 0;
	if (version_of(k) < 0x209)
		return boot_fail(e, -ENOTSUP, k->path,
			"boot protocol version %u.%02u has no setup_data to pass a device tree in, "
			"expected 2.09 "
			"or later",
			version_of(k) >> 8, version_of(k) & 0xff);
	if (req->device_tree_size > UINT32_MAX - SETUP_DATA_HEADER_BYTES)
		return boot_fail(e, -E2BIG, k->path,
			"the device tree has %zu bytes, more than fits", req->device_tree_size);
	struct range within = { LAYOUT_HIGH, PLAN_HIGH_RAM_BASE - LAYOUT_HIGH };
	uint64_t base;
	uint64_t size = SETUP_DATA_HEADER_BYTES + (uint64_t)req->device_tree_size;
	int rc = load_place(l, k->path, "device tree", size, within, true, &base, e);
	if (rc < 0)
		return rc;
	uint8_t header[SETUP_DATA_HEADER_BYTES] = { 0 };
	put_u32(header + 8, SETUP_DTB);
	put_u32(header + 12, (uint32_t)req->device_tree_size);
	rc = guest_memory_write(l->mem, gpa(base), header, sizeof(header), e);
	if (rc == 0)
		rc = guest_memory_write(l->mem, gpa(base + sizeof(header)), req->device_tree,
			req->device_tree_size, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s: device tree", k->path);
	put_u64(params + BP_SETUP_DATA, base);
	return 0;
}

static void fill_header(const struct linux_kernel *k, uint8_t *params)
{
	if (k->setup) {
		size_t size = k->setup->setup_header_end - BZIMAGE_SETUP_HEADER;
		(void)memcpy(params + BZIMAGE_SETUP_HEADER,
			k->setup_file->data + BZIMAGE_SETUP_HEADER, size);
		if (k->setup->version >= 0x209)
			put_u64(params + BP_SETUP_DATA,
				0); /* the loader's to fill, whatever the file has */
	} else {
		put_u16(params + BP_BOOT_FLAG, 0xaa55);
		(void)memcpy(params + BP_HEADER, "HdrS", 4);
		put_u16(params + BP_VERSION, VMLINUX_VERSION);
		params[BP_LOADFLAGS] = LOADFLAGS_LOADED_HIGH;
	}
	params[BP_TYPE_OF_LOADER] = LOADER_UNDEFINED;
	put_u32(params + BP_RAMDISK_IMAGE, 0);
	put_u32(params + BP_RAMDISK_SIZE, 0);
}

static void fill_e820(const struct e820_map *map, uint8_t *params)
{
	unsigned nr = map->nr_entries < PLAN_MAX_E820 ? map->nr_entries : PLAN_MAX_E820;
	params[BP_E820_ENTRIES] = (uint8_t)nr;
	for (unsigned i = 0; i < nr; i++) {
		uint8_t *entry = params + BP_E820_TABLE + (size_t)i * E820_ENTRY_BYTES;
		put_u64(entry, map->entries[i].base);
		put_u64(entry + 8, map->entries[i].size_bytes);
		put_u32(entry + 16, (uint32_t)map->entries[i].type);
	}
}

int linux_params_place(struct load *l, const struct linux_kernel *k, struct linux_params *ret,
	struct boot_result *result, struct err *e)
{
	uint8_t *params = ret->page;
	if (l->req->nr_modules)
		return boot_fail(e, -ENOTSUP, k->path,
			"modules were given; the Linux boot protocol takes one initrd and no "
			"modules");
	*ret = (struct linux_params){ 0 };
	fill_header(k, params);
	fill_e820(&l->req->plan->e820, params);
	if (version_of(k) >= 0x20e) /* older kernels search low memory, where it also lies */
		put_u64(params + BP_ACPI_RSDP_ADDR, l->req->rsdp.v);
	int rc = load_bios_data(l, e);
	if (rc == 0)
		rc = load_cmdline(l, k, params, e);
	if (rc == 0)
		rc = load_initrd(l, k, params, &result->initrd, e);
	if (rc == 0)
		rc = load_device_tree(l, k, params, e);
	return rc;
}

int linux_params_finish(struct load *l, const struct linux_kernel *k, struct linux_params *params,
	struct boot_result *result, struct err *e)
{
	uint8_t *page = params->page;
	if (k->setup)
		put_u32(page + BP_CODE32_START, (uint32_t)k->memory.base);
	/* The unpacking code's to say, whatever the file has; it says it anew where it runs. */
	page[BP_LOADFLAGS] &= (uint8_t)~LOADFLAGS_KASLR;
	if (k->randomized)
		page[BP_LOADFLAGS] |= LOADFLAGS_KASLR;
	uint64_t at;
	int rc = load_table(
		l, "boot_params", LINUX_PARAMS_BYTES, LAYOUT_PAGE, LAYOUT_PARAMS, &at, e);
	if (rc < 0)
		return rc;
	rc = guest_memory_write(l->mem, gpa(at), page, LINUX_PARAMS_BYTES, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s", k->path);
	rc = k->is_entry64 ? load_entry64(l, k->entry, k->memory, &result->state, e)
			   : load_entry32(l, k->entry, &result->state, e);
	if (rc < 0)
		return rc;
	result->state.rsi = at;
	result->kernel = gpa(k->memory.base);
	return 0;
}
