/* SPDX-License-Identifier: MIT */
/*
 * Where a Linux kernel is put at random, by the rules of its own unpacking code (KASLR). Pure
 * functions of the command line, the guest's memory, the image and the caller's random numbers.
 * Source: Linux, arch/x86/boot/compressed/kaslr.c (choose_random_location) and misc.c.
 */
#ifndef NESTOR_BOOT_KASLR_H
#define NESTOR_BOOT_KASLR_H

#include "base/types.h"
#include "boot/space.h"

#define KASLR_MAX_MEMMAPS 4 /* with more, Linux does not randomize the physical address */
#define KASLR_MAX_AREAS 100

/* The kernel as its unpacking code sees it. */
struct kaslr_image {
	bool is_64_bit;     /* a 32-bit kernel's virtual address follows its physical one */
	uint64_t linked;    /* physical address that it was linked at; 16 MiB nearly always */
	uint64_t size;      /* bytes from there */
	uint64_t alignment; /* a power of two */
};

/* True where the kernel finds the word nokaslr. */
bool kaslr_is_forbidden(const char *cmdline);

/* What the command line takes away from where the kernel may lie: mem=, memmap=, hugepages=. */
struct kaslr_limits {
	uint64_t memory_end; /* UINT64_MAX: none given */
	struct range avoid[KASLR_MAX_MEMMAPS];
	unsigned nr_avoid;
	bool too_many_memmaps;
	uint64_t huge_pages; /* of 1 GiB each, to be left in one piece */
};

void kaslr_limits_parse(struct kaslr_limits *ret, const char *cmdline);

/* All places that the kernel may be put at: runs of addresses, image->alignment apart. */
struct kaslr_slots {
	struct kaslr_area {
		uint64_t base, nr;
	} areas[KASLR_MAX_AREAS];
	unsigned nr_areas;
	uint64_t nr; /* of all areas; 0: it has to stay where it was linked */
	uint64_t alignment;
};

void kaslr_slots_find(struct kaslr_slots *ret, const struct kaslr_image *image,
	const struct kaslr_limits *limits, const struct space *space);

/* The physical address that random chooses: each as often, where random is any number. nr > 0. */
uint64_t kaslr_physical(const struct kaslr_slots *slots, uint64_t random);

/* True where the virtual range that Linux has for itself has room for image. */
bool kaslr_has_virtual(const struct kaslr_image *image);

/* Of a 64-bit kernel: where it is mapped, as an offset into that range. The same for `linked`
 * is that number itself. */
uint64_t kaslr_virtual(const struct kaslr_image *image, uint64_t random);

#endif
