/* SPDX-License-Identifier: MIT */
/*
 * Guest RAM as the VMM sees it: bounds-checked access by guest physical address over host
 * mappings. Knows no KVM, so devices and boot loaders are tested without it. Every address and
 * length may come from a hostile guest or file: nothing here trusts them. The regions are fixed
 * once built; concurrent accesses are the guest's business, as on hardware.
 */
#ifndef NESTOR_MEMORY_GUEST_H
#define NESTOR_MEMORY_GUEST_H

#include "base/err.h"
#include "base/types.h"

#define GUEST_MEMORY_MAX_REGIONS 4

/* One run of RAM. hva is borrowed from whoever mapped it (memory/ram.c, or a test). */
struct guest_region {
	struct gpa base;
	uint64_t size_bytes;
	uint8_t *hva;
	bool is_private; /* anonymous memory of this process alone, in small pages or huge */
};

/* RAM regions sorted by base, not overlapping, not touching 2^64. */
struct guest_memory {
	struct guest_region regions[GUEST_MEMORY_MAX_REGIONS];
	unsigned nr_regions;
};

/*
 * A host pointer to [addr, addr + size_bytes), or NULL where any byte of it is not in one RAM
 * region (or size_bytes is 0). Valid as long as the guest memory is.
 */
void *guest_memory_borrow(const struct guest_memory *mem, struct gpa addr, uint64_t size_bytes);

/* True where the region that has addr is_private. */
bool guest_memory_is_private(const struct guest_memory *mem, struct gpa addr);

/* Copy out of or into guest RAM, or zero it; -EFAULT, with address and size, where it is not RAM.
 */
int guest_memory_read(const struct guest_memory *mem, struct gpa addr, void *dst,
	uint64_t size_bytes, struct err *e) MUST_CHECK;
int guest_memory_write(const struct guest_memory *mem, struct gpa addr, const void *src,
	uint64_t size_bytes, struct err *e) MUST_CHECK;
int guest_memory_zero(const struct guest_memory *mem, struct gpa addr, uint64_t size_bytes,
	struct err *e) MUST_CHECK;

#endif
