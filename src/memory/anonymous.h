/* SPDX-License-Identifier: MIT */
/*
 * Private anonymous memory that is, or becomes, guest RAM. What a loader builds in such memory of
 * its own can be moved to guest RAM by its page tables, without a copy and without touching the
 * pages of both.
 */
#ifndef NESTOR_MEMORY_ANONYMOUS_H
#define NESTOR_MEMORY_ANONYMOUS_H

#include "memory/guest.h"

/*
 * Maps size_bytes (> 0) of zero, none of which is taken before it is written. Begins at a multiple
 * of a huge page, as guest physical addresses do, else KVM could use none. MAP_FAILED with errno;
 * the caller unmaps it.
 */
void *anonymous_map(uint64_t size_bytes);

/*
 * What guest RAM of [base, base + size_bytes), mapped at hva, should be to the kernel: huge pages
 * where they pay, no copy in a forked helper, none in a core dump. Advice may be refused, and
 * nothing depends on it.
 */
void anonymous_advise(uint8_t *hva, struct gpa base, uint64_t size_bytes);

/*
 * Puts the pages of src, which are the caller's and of anonymous_map(), in the place of those of
 * guest RAM at addr; src then reads as zero. Both begin at a page and size_bytes is whole pages.
 * Returns 1; 0 where the kernel or this kind of RAM cannot, and [addr, addr + size_bytes) reads as
 * zero or as before; -EFAULT where it is not guest RAM, or an error after which the RAM must not be
 * used. Only before KVM knows the RAM: a memory slot's pages must not go under a running guest.
 */
int anonymous_move(const struct guest_memory *mem, struct gpa addr, uint8_t *src,
	uint64_t size_bytes, struct err *e) MUST_CHECK;

#endif
