/* SPDX-License-Identifier: MIT */
#include "memory/guest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const struct guest_region *region_of(const struct guest_memory *mem, struct range want)
{
	for (unsigned i = 0; range_valid(want) && i < mem->nr_regions; i++) {
		const struct guest_region *r = &mem->regions[i];
		if (range_contains((struct range){ r->base.v, r->size_bytes }, want))
			return r;
	}
	return NULL;
}

void *guest_memory_borrow(const struct guest_memory *mem, struct gpa addr, uint64_t size_bytes)
{
	const struct guest_region *r = region_of(mem, (struct range){ addr.v, size_bytes });
	return r ? r->hva + (addr.v - r->base.v) : NULL;
}

bool guest_memory_is_private(const struct guest_memory *mem, struct gpa addr)
{
	const struct guest_region *r = region_of(mem, (struct range){ addr.v, 1 });
	return r && r->is_private;
}

static int not_ram(struct gpa addr, uint64_t size_bytes, struct err *e)
{
	return err_set(e, -EFAULT, "gpa %#" PRIx64 " + %#" PRIx64 " bytes is not guest RAM", addr.v,
		size_bytes);
}

int guest_memory_read(const struct guest_memory *mem, struct gpa addr, void *dst,
	uint64_t size_bytes, struct err *e)
{
	const void *src = guest_memory_borrow(mem, addr, size_bytes);
	if (!src)
		return not_ram(addr, size_bytes, e);
	(void)memcpy(dst, src, (size_t)size_bytes);
	return 0;
}

int guest_memory_write(const struct guest_memory *mem, struct gpa addr, const void *src,
	uint64_t size_bytes, struct err *e)
{
	void *dst = guest_memory_borrow(mem, addr, size_bytes);
	if (!dst)
		return not_ram(addr, size_bytes, e);
	(void)memcpy(dst, src, (size_t)size_bytes);
	return 0;
}

int guest_memory_zero(
	const struct guest_memory *mem, struct gpa addr, uint64_t size_bytes, struct err *e)
{
	void *dst = guest_memory_borrow(mem, addr, size_bytes);
	if (!dst)
		return not_ram(addr, size_bytes, e);
	(void)memset(dst, 0, (size_t)size_bytes);
	return 0;
}
