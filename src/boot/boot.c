/* SPDX-License-Identifier: MIT */
#include "boot/boot.h"

#include "base/text_buf.h"
#include "boot/detect.h"
#include "boot/fail.h"
#include "boot/kaslr.h"
#include "boot/linux_params.h"
#include "boot/load.h"
#include "boot/multiboot.h"
#include "boot/pvh.h"
#include "boot/vmlinux.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *boot_protocol_name(enum boot_protocol p)
{
	switch (p) {
	case BOOT_LINUX64:
		return "linux64";
	case BOOT_LINUX32:
		return "linux32";
	case BOOT_PVH:
		return "pvh";
	case BOOT_MULTIBOOT:
		return "multiboot";
	}
	return "unknown";
}

const char *boot_default_cmdline(enum boot_protocol p)
{
	return p == BOOT_LINUX64 || p == BOOT_LINUX32 ? "console=ttyS0" : "";
}

/* "linux64, pvh" */
static void list_offers(const struct boot_image *image, char *text, size_t n)
{
	struct text_buf list = text_buf_in(text, n);
	for (unsigned p = 0; p < BOOT_NR_PROTOCOLS; p++) {
		if (image->offers[p])
			(void)text_buf_item(
				&list, ", ", "%s", boot_protocol_name((enum boot_protocol)p));
	}
	if (list.used == 0)
		(void)text_buf_add(&list, "none");
}

static int not_offered(const struct boot_image *image, enum boot_protocol p, struct err *e)
{
	char offers[64];
	const char *why = "no note PHYS32_ENTRY of owner \"Xen\"";
	if (image->identity.name[0])
		return detect_fail(image, e);
	list_offers(image, offers, sizeof(offers));
	if (p == BOOT_LINUX64)
		why = image->no_linux;
	else if (p == BOOT_LINUX32)
		why = "only a bzImage and a 32-bit vmlinux have a 32-bit entry";
	else if (p == BOOT_MULTIBOOT)
		why = image->no_multiboot;
	return boot_fail(e, -ENOTSUP, image->file.path,
		"protocol %s was asked for, but the file does not offer it: %s; offered: %s",
		boot_protocol_name(p), why, offers);
}

static int choose_protocol(const struct boot_request *req, const struct boot_image *image,
	enum boot_protocol *ret, struct err *e)
{
	if (!req->protocol_forced)
		return detect_preferred(image, req->nr_modules != 0, ret, e);
	if ((unsigned)req->protocol >= BOOT_NR_PROTOCOLS)
		return boot_fail(e, -EINVAL, image->file.path,
			"there is no boot protocol number %u", (unsigned)req->protocol);
	/* A bzImage's PVH entry is known only once its payload is unpacked. */
	bool maybe_pvh = req->protocol == BOOT_PVH && image->is_bzimage;
	if (!image->offers[req->protocol] && !maybe_pvh)
		return not_offered(image, req->protocol, e);
	*ret = req->protocol;
	return 0;
}

static size_t unpack_limit(const struct machine_plan *plan)
{
	uint64_t ram = 0;
	if (!plan) /* boot_check */
		return BOOT_MAX_UNPACKED_BYTES;
	for (unsigned i = 0; i < plan->nr_ram && i < PLAN_MAX_RAM; i++)
		ram += plan->ram[i].size_bytes;
	return (size_t)(ram < BOOT_MAX_UNPACKED_BYTES ? ram : BOOT_MAX_UNPACKED_BYTES);
}

static int load_bzimage(
	struct load *l, const struct boot_image *image, struct boot_result *result, struct err *e)
{
	const struct bzimage *bz = &image->bzimage;
	struct linux_kernel kernel = { .path = image->file.path,
		.setup_file = &image->file,
		.setup = bz,
		.is_entry64 = result->protocol == BOOT_LINUX64 };
	struct linux_params params;
	uint64_t address = 0;
	int rc = bzimage_claim(&image->file, bz, &l->space, &address, e);
	if (rc < 0)
		return rc;
	kernel.memory = (struct range){ address, bz->init_size };
	kernel.entry = address + (kernel.is_entry64 ? BZIMAGE_ENTRY64_OFFSET : 0);
	rc = linux_params_place(l, &kernel, &params, result, e);
	if (rc == 0)
		rc = linux_params_finish(l, &kernel, &params, result, e);
	if (rc == 0)
		rc = bzimage_load(&image->file, bz, address, l->mem, e);
	return rc;
}

/*
 * NULL, or why there is nothing in a bzImage for nestor to unpack: it is not compressed, as
 * memtest86+ is not, or is to be entered by what unpacks it.
 */
static const char *nothing_to_unpack(const struct boot_image *image, enum boot_protocol protocol)
{
	if (image->bzimage.payload_size == 0)
		return "has no compressed payload";
	if (protocol == BOOT_LINUX32 && image->bzimage.has_entry64)
		return "the 32-bit protocol enters the code that unpacks the kernel";
	return NULL;
}

/*
 * The payload of a bzImage as an image that offers *protocol; -ENOTSUP also where it does not. One
 * that has the 32-bit entry alone, as all had before Linux 3.8, may be entered by its payload's
 * 64-bit one, unless the user has chosen.
 */
static int unpack_for(const struct boot_image *image, enum boot_protocol *protocol,
	const struct boot_request *req, struct unpacked *buffer, struct boot_image *ret,
	struct err *e)
{
	const struct detect_origin origin = { .is_payload = true };
	struct boot_file file;
	int rc =
		detect_unpack_payload(image, req->cache, unpack_limit(req->plan), buffer, &file, e);
	if (rc == 0)
		rc = detect_image(&file, origin, ret, e);
	if (rc < 0)
		return rc;
	ret->elf.is_scratch = true;
	if (image->bzimage.has_entry64 && ret->is_elf && !ret->elf.is_x86_64)
		return boot_fail(e, -EINVAL, image->file.path,
			"setup header: xloadflags has XLF_KERNEL_64 (bit 0), but the payload is a "
			"kernel of 32 bits");
	if (!req->protocol_forced && *protocol == BOOT_LINUX32 && ret->offers[BOOT_LINUX64])
		*protocol = BOOT_LINUX64;
	if (!ret->offers[*protocol])
		return not_offered(ret, *protocol, e);
	return 0;
}

static int no_device_tree(const char *path, enum boot_protocol p, struct err *e)
{
	return boot_fail(e, -ENOTSUP, path,
		"a device tree was asked for; protocol %s has no place for one, only linux64 and "
		"linux32 have",
		boot_protocol_name(p));
}

/*
 * PVH and Multiboot enter a kernel where it was linked. Linux could be moved, but by PVH it makes
 * its own boot_params, without the flag that tells it so (KASLR_FLAG): half a protection. What is
 * not Linux never asked for this.
 */
static int without_kaslr(struct load *l, const struct boot_image *image, enum boot_protocol p,
	struct boot_result *result, struct err *e)
{
	char why[128];
	bool is_linux = image->offers[BOOT_LINUX64] || image->offers[BOOT_LINUX32];
	if (l->req->kaslr == BOOT_KASLR_OFF)
		return 0;
	if (l->req->kaslr == BOOT_KASLR_AUTO && (!is_linux || !vmlinux_wants_kaslr(l)))
		return 0;
	if (is_linux && image->relocs.nr_lists == 0)
		return vmlinux_no_kaslr(l, image->file.path, image->no_relocs, result, e);
	(void)snprintf(why, sizeof(why),
		"protocol %s has no way to enter it elsewhere; linux64 and linux32 have",
		boot_protocol_name(p));
	return vmlinux_no_kaslr(l, image->file.path, why, result, e);
}

/* By PVH: an ELF kernel, or the payload of a bzImage. */
static int load_pvh(
	struct load *l, const struct boot_image *image, struct boot_result *result, struct err *e)
{
	const char *path = image->file.path;
	size_t size = strlen(l->cmdline);
	if (l->req->device_tree && l->req->device_tree_size != 0)
		return no_device_tree(path, BOOT_PVH, e);
	/* The protocol knows no limit; Linux cuts without a word. */
	if (image->offers[BOOT_LINUX64] && size > LINUX_CMDLINE_MAX)
		return boot_fail(e, -E2BIG, path,
			"the command line has %zu bytes; this kernel takes at most %d "
			"(COMMAND_LINE_SIZE)",
			size, LINUX_CMDLINE_MAX);
	int rc = without_kaslr(l, image, BOOT_PVH, result, e);
	if (rc < 0)
		return rc;
	return pvh_load(l, &image->file, &image->elf, result, e);
}

static int load_multiboot(
	struct load *l, const struct boot_image *image, struct boot_result *result, struct err *e)
{
	if (l->req->device_tree && l->req->device_tree_size != 0)
		return no_device_tree(image->file.path, BOOT_MULTIBOOT, e);
	int rc = without_kaslr(l, image, BOOT_MULTIBOOT, result, e);
	if (rc < 0)
		return rc;
	return multiboot_load(l, &image->file, &image->multiboot, result, e);
}

static int load_from_payload(struct load *l, const struct boot_image *image,
	const struct boot_image *payload, struct boot_result *result, struct err *e)
{
	result->decompressed = true;
	if (result->protocol == BOOT_PVH)
		return load_pvh(l, payload, result, e);
	return vmlinux_load(l, payload, image, result, e);
}

static int load_image(
	struct load *l, const struct boot_image *image, struct boot_result *result, struct err *e)
{
	switch (result->protocol) {
	case BOOT_LINUX64:
	case BOOT_LINUX32:
		return image->is_bzimage ? load_bzimage(l, image, result, e)
					 : vmlinux_load(l, image, NULL, result, e);
	case BOOT_PVH:
		return load_pvh(l, image, result, e);
	case BOOT_MULTIBOOT:
		return load_multiboot(l, image, result, e);
	}
	return boot_fail(e, -EINVAL, image->file.path, "unknown boot protocol");
}

/* A bzImage that unpacks itself: a relocatable one also randomizes itself. */
static int load_packed(
	struct load *l, const struct boot_image *image, struct boot_result *result, struct err *e)
{
	if (l->req->kaslr == BOOT_KASLR_ON && !image->bzimage.relocatable)
		return boot_fail(e, -ENOTSUP, image->file.path,
			"boot.kaslr demands a random place for the kernel, but its setup header "
			"says that it is not relocatable");
	if (l->req->kaslr == BOOT_KASLR_ON && !vmlinux_wants_kaslr(l))
		return boot_fail(e, -ENOTSUP, image->file.path,
			"boot.kaslr demands a random place for the kernel, but the command line "
			"has nokaslr");
	if (l->req->kaslr == BOOT_KASLR_OFF && image->bzimage.relocatable &&
		!kaslr_is_forbidden(l->cmdline))
		(void)snprintf(result->kaslr_note, sizeof(result->kaslr_note),
			"unpacks itself, and may choose its place at random, which boot.kaslr "
			"forbids: nokaslr on its command line stops it");
	return load_image(l, image, result, e);
}

static const char *choose_cmdline(
	const struct boot_request *req, const struct boot_image *image, enum boot_protocol p)
{
	if (req->cmdline)
		return req->cmdline;
	/* A Linux kernel wants its console by whichever door it is entered. */
	bool is_linux = image->offers[BOOT_LINUX64] || image->offers[BOOT_LINUX32];
	return boot_default_cmdline(is_linux && p == BOOT_PVH ? BOOT_LINUX64 : p);
}

/* A bzImage whose payload nestor is to unpack: if it can, or must. */
static int load_compressed(
	struct load *l, const struct boot_image *image, struct boot_result *result, struct err *e)
{
	const struct boot_request *req = l->req;
	const char *path = image->file.path;
	bool must = result->protocol == BOOT_PVH || req->decompress_required;
	const char *nothing = nothing_to_unpack(image, result->protocol);
	struct boot_image payload = { 0 };
	struct err why = ERR_INIT;
	UNPACKED_LOCAL buffer = { 0 };
	if (nothing && must)
		return boot_fail(e, -ENOTSUP, path, "%s", nothing);
	if (nothing)
		return load_packed(l, image, result, e);
	int rc = unpack_for(image, &result->protocol, req, &buffer, &payload, &why);
	/* Without relocations that nestor understands the guest can still be moved by itself. */
	if (rc == 0 && !must && payload.relocs_damaged && vmlinux_wants_kaslr(l))
		rc = boot_fail(&why, -ENOTSUP, path, "%s", payload.no_relocs);
	if (rc == 0)
		return load_from_payload(l, image, &payload, result, e);
	if (rc != -ENOTSUP || must) {
		if (e)
			*e = why;
		return rc;
	}
	/* As with nothing_to_unpack: who chooses the 32-bit entry of a 64-bit kernel wants this. */
	bool is_wanted = result->protocol == BOOT_LINUX32 && payload.offers[BOOT_LINUX64];
	if (!is_wanted)
		(void)snprintf(result->note, sizeof(result->note), "%.*s",
			(int)sizeof(result->note) - 1, err_reason(&why));
	return load_packed(l, image, result, e);
}

/*
 * An initrd is the kernel's to read, and new forms of them may come: what is none in all likelihood
 * is only worth a word. What Multiboot kernels take as modules, nobody knows.
 */
static void judge_initrd(
	const struct load *l, const struct boot_image *kernel, struct boot_result *r)
{
	bool is_linux = kernel->offers[BOOT_LINUX64] || kernel->offers[BOOT_LINUX32];
	size_t size =
		l->req->initrd.size < IDENTIFY_BYTES ? l->req->initrd.size : (size_t)IDENTIFY_BYTES;
	const uint8_t *data = size ? guest_memory_borrow(l->mem, r->initrd, size) : NULL;
	struct identity id = { 0 };
	if (!data || !is_linux || r->protocol == BOOT_MULTIBOOT)
		return;
	if (elf_is_elf(data, size))
		(void)snprintf(id.name, sizeof(id.name), "an ELF kernel or program");
	else if (bzimage_is_bzimage(data, size))
		(void)snprintf(id.name, sizeof(id.name), "a kernel (bzImage)");
	else if (!identify(data, size, &id) || id.is_initrd)
		return;
	(void)snprintf(r->initrd_note, sizeof(r->initrd_note),
		"is %s; Linux takes a cpio archive or a file system as its initrd", id.name);
}

static int load_unpacked(const struct boot_request *req, const struct boot_file *file,
	struct detect_origin origin, const struct guest_memory *mem, struct boot_result *result,
	struct err *e)
{
	struct boot_image image;
	struct load l;
	int rc = detect_image(file, origin, &image, e);
	image.elf.is_scratch = image.multiboot.is_scratch = file->data != req->kernel.data;
	if (rc == 0)
		rc = choose_protocol(req, &image, &result->protocol, e);
	if (rc)
		return rc;
	load_init(&l, req, mem, choose_cmdline(req, &image, result->protocol));
	if (!image.is_bzimage || result->protocol == BOOT_MULTIBOOT)
		rc = load_image(&l, &image, result, e);
	else if (result->protocol == BOOT_PVH || req->decompress_on_host)
		rc = load_compressed(&l, &image, result, e);
	else
		rc = load_packed(&l, &image, result, e);
	if (rc == 0)
		judge_initrd(&l, &image, result);
	return rc;
}

int boot_load(const struct boot_request *req, const struct guest_memory *mem,
	struct boot_result *ret_result, struct err *e)
{
	struct boot_result result = { 0 };
	struct boot_file file;
	struct detect_origin origin;
	UNPACKED_LOCAL buffer = { 0 };
	int rc = detect_unpack_file(
		&req->kernel, req->cache, unpack_limit(req->plan), &buffer, &file, &origin, e);
	if (rc < 0)
		return rc;
	result.decompressed = buffer.data != NULL;
	rc = load_unpacked(req, &file, origin, mem, &result, e);
	if (rc < 0)
		return rc;
	*ret_result = result;
	return 0;
}

int boot_check(const struct boot_request *req, struct err *e)
{
	struct boot_image image, payload = { 0 };
	struct boot_file inner;
	struct detect_origin origin;
	enum boot_protocol protocol = BOOT_LINUX64;
	UNPACKED_LOCAL whole = { 0 };
	UNPACKED_LOCAL unpacked = { 0 };
	int rc = detect_unpack_file(&req->kernel, /* cache */ NULL, BOOT_MAX_UNPACKED_BYTES, &whole,
		&inner, &origin, e);
	if (rc == 0)
		rc = detect_image(&inner, origin, &image, e);
	if (rc == 0)
		rc = choose_protocol(req, &image, &protocol, e);
	if (rc == 0 && image.is_bzimage && (protocol == BOOT_PVH || req->decompress_required)) {
		const char *nothing = nothing_to_unpack(&image, protocol);
		rc = nothing ? boot_fail(e, -ENOTSUP, image.file.path, "%s", nothing)
			     : unpack_for(&image, &protocol, req, &unpacked, &payload, e);
	}
	bool has_place = protocol == BOOT_LINUX64 || protocol == BOOT_LINUX32;
	if (rc == 0 && req->device_tree && !has_place)
		rc = no_device_tree(image.file.path, protocol, e);
	return rc;
}
