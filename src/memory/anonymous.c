/* SPDX-License-Identifier: MIT */
#include "memory/anonymous.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* Linux 5.7 */
#endif

#define HUGE_PAGE_BYTES (2 * MIB)
#define PAGE_BYTES (4 * KIB)

void *anonymous_map(uint64_t size_bytes)
{
	uint64_t room = size_bytes + HUGE_PAGE_BYTES;
	uint8_t *p = mmap(NULL, room, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return p;
	uint64_t head = align_up((uintptr_t)p, HUGE_PAGE_BYTES) - (uintptr_t)p;
	uint64_t whole = align_up(size_bytes, PAGE_BYTES);
	if (head > 0)
		(void)munmap(p, head);
	if (align_up(room, PAGE_BYTES) > head + whole)
		(void)munmap(p + head + whole, align_up(room, PAGE_BYTES) - head - whole);
	return p + head;
}

/*
 * All but the first 2 MiB of guest physical memory: loaders and guests touch only some pages of it
 * (tables, real-mode code, holes of a PC), and to clear it whole costs a small guest more than all
 * else that is loaded for it.
 */
void anonymous_advise(uint8_t *hva, struct gpa base, uint64_t size_bytes)
{
	uint64_t small = base.v < HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES - base.v : 0;
	if (size_bytes > small)
		(void)madvise(hva + small, size_bytes - small, MADV_HUGEPAGE);
	(void)madvise(hva, size_bytes, MADV_DONTFORK);
	(void)madvise(hva, size_bytes, MADV_DONTDUMP);
}

int anonymous_move(const struct guest_memory *mem, struct gpa addr, uint8_t *src,
	uint64_t size_bytes, struct err *e)
{
	uint8_t *dst = guest_memory_borrow(mem, addr, size_bytes);
	if (!dst)
		return err_set(e, -EFAULT, "gpa %#" PRIx64 " + %#" PRIx64 " bytes is not guest RAM",
			addr.v, size_bytes);
	if (!guest_memory_is_private(mem, addr))
		return 0;
	if (mremap(src, size_bytes, size_bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		    dst) == dst) {
		anonymous_advise(dst, addr, size_bytes);
		return 1;
	}
	/* It may have failed with the old pages already gone. */
	if (mmap(dst, size_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return err_set_errno(
			e, -errno, "mmap of %" PRIu64 " bytes of guest RAM anew", size_bytes);
	anonymous_advise(dst, addr, size_bytes);
	return 0;
}
