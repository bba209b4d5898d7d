/* SPDX-License-Identifier: MIT */
#include "boot/vmlinux.h"

#include "boot/fail.h"
#include "boot/kaslr.h"
#include "boot/linux_params.h"

#include <errno.h>
#include <stdio.h>

/* What a kernel without a setup header is aligned to: what startup_64 demands; and the most that a
 * 32-bit kernel can be configured to. */
#define ALIGNMENT_64 (2 * MIB)
#define ALIGNMENT_32 (16 * MIB)

bool vmlinux_wants_kaslr(const struct load *l)
{
	return l->req->kaslr != BOOT_KASLR_OFF && !kaslr_is_forbidden(l->cmdline);
}

int vmlinux_no_kaslr(const struct load *l, const char *path, const char *why,
	struct boot_result *result, struct err *e)
{
	if (l->req->kaslr == BOOT_KASLR_ON)
		return boot_fail(e, -ENOTSUP, path,
			"boot.kaslr demands a random place for the kernel, but %s", why);
	(void)snprintf(result->kaslr_note, sizeof(result->kaslr_note),
		"runs where it was linked, without KASLR, which boot.kaslr asks for: %s", why);
	return 0;
}

/* The kernel as kaslr.h sees it. file_size: Linux unpacks it whole to where it will run. */
static struct kaslr_image kaslr_image_of(
	const struct boot_image *image, const struct boot_image *setup_image)
{
	struct kaslr_image k = { .is_64_bit = image->elf.is_x86_64,
		.linked = elf_base(&image->elf),
		.size = elf_extent(&image->elf),
		.alignment = image->elf.is_x86_64 ? ALIGNMENT_64 : ALIGNMENT_32 };
	if (setup_image)
		k.alignment = setup_image->bzimage.alignment;
	if (k.is_64_bit && k.alignment < ALIGNMENT_64)
		k.alignment = ALIGNMENT_64;
	if (image->file.size > k.size)
		k.size = image->file.size;
	if (k.is_64_bit && k.size < GIB)
		k.size = align_up(k.size, ALIGNMENT_64);
	return k;
}

static int decide(const struct load *l, const struct boot_image *image,
	const struct boot_image *setup_image, const struct kaslr_image *k, bool *ret_randomize,
	struct boot_result *result, struct err *e)
{
	const char *path = image->file.path;
	*ret_randomize = false;
	if (l->req->kaslr == BOOT_KASLR_OFF)
		return 0;
	if (kaslr_is_forbidden(l->cmdline))
		return l->req->kaslr == BOOT_KASLR_AUTO
			       ? 0
			       : vmlinux_no_kaslr(
					 l, path, "the command line has nokaslr", result, e);
	if (image->relocs.nr_lists == 0)
		return vmlinux_no_kaslr(l, path, image->no_relocs, result, e);
	if (setup_image && !setup_image->bzimage.relocatable)
		return vmlinux_no_kaslr(
			l, path, "its setup header says that it is not relocatable", result, e);
	if (!kaslr_has_virtual(k))
		return vmlinux_no_kaslr(l, path,
			"it is too large for the virtual addresses that Linux has for itself",
			result, e);
	*ret_randomize = true;
	return 0;
}

/*
 * Chooses a place, and moves elf there; *ret_delta is what its virtual addresses move by. Where no
 * place is free but the one it was linked at, it stays there, as Linux does: its virtual addresses
 * are random still (if it has 64 bits).
 */
static int randomize(struct load *l, const struct kaslr_image *k, struct elf_image *elf,
	uint64_t *ret_delta, struct err *e)
{
	struct kaslr_limits limits;
	struct kaslr_slots slots;
	uint64_t physical = k->linked;
	kaslr_limits_parse(&limits, l->cmdline);
	kaslr_slots_find(&slots, k, &limits, &l->space);
	struct range room = { k->linked, elf_extent(elf) };
	if (slots.nr) {
		physical = kaslr_physical(&slots, l->req->random[0]);
		room = (struct range){ physical, k->size };
	}
	elf_move(elf, physical - k->linked);
	*ret_delta = physical - k->linked;
	if (k->is_64_bit)
		*ret_delta = kaslr_virtual(k, l->req->random[1]) - k->linked;
	return space_claim(&l->space, room, "the kernel", -1, e);
}

static int relocate(const struct load *l, const struct boot_image *image,
	const struct elf_image *moved, uint64_t delta, struct err *e)
{
	uint64_t size = elf_extent(moved);
	uint8_t *memory = guest_memory_borrow(l->mem, gpa(elf_base(moved)), size);
	if (!memory)
		return boot_fail(e, -EFAULT, image->file.path, "gpa %#llx is not guest RAM",
			(unsigned long long)elf_base(moved));
	int rc = relocs_apply(&image->relocs, memory, size, elf_base_virtual(moved), delta, e);
	if (rc < 0)
		return err_wrap(e, rc, "%s", image->file.path);
	return 0;
}

int vmlinux_load(struct load *l, const struct boot_image *image,
	const struct boot_image *setup_image, struct boot_result *result, struct err *e)
{
	const char *path = image->file.path;
	struct linux_kernel kernel = { .path = path,
		.is_entry64 = result->protocol == BOOT_LINUX64 };
	struct linux_params params;
	struct elf_image elf = image->elf;
	struct kaslr_image k = kaslr_image_of(image, setup_image);
	uint64_t delta = 0;
	if (setup_image) {
		kernel.setup_file = &setup_image->file;
		kernel.setup = &setup_image->bzimage;
	}
	int rc = decide(l, image, setup_image, &k, &kernel.randomized, result, e);
	if (rc < 0)
		return rc;
	/* Claimed where it was linked in any case: a guest that cannot hold it there is refused,
	 * and initrds lie where they do without KASLR. */
	unsigned from = l->space.nr_used;
	rc = elf_claim(&image->file, &elf, &l->space, e);
	unsigned to = l->space.nr_used;
	if (rc == 0)
		rc = linux_params_place(l, &kernel, &params, result, e);
	if (rc < 0)
		return rc;
	if (kernel.randomized) {
		space_release(&l->space, from, to);
		rc = randomize(l, &k, &elf, &delta, e);
		if (rc < 0)
			return err_wrap(e, rc, "%s", path);
	}
	kernel.memory = (struct range){ elf_base(&elf), elf_extent(&elf) };
	kernel.entry = elf.entry;
	rc = linux_params_finish(l, &kernel, &params, result, e);
	if (rc == 0)
		rc = elf_load(&image->file, &elf, l->mem, l->req->ram_is_zero, e);
	if (rc == 0 && delta)
		rc = relocate(l, image, &elf, delta, e);
	result->randomized = kernel.randomized;
	result->virtual_delta = delta;
	return rc;
}
