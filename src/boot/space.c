/* SPDX-License-Identifier: MIT */
#include "boot/space.h"

#include "boot/layout.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_usable(struct space *s, uint64_t base, uint64_t end)
{
	if (base >= end || s->nr_usable == SPACE_MAX_USABLE)
		return;
	/* Neighbours become one, so that a range may cross the seam of two e820 entries. */
	struct range *last = s->nr_usable ? &s->usable[s->nr_usable - 1] : NULL;
	if (last && last->base + last->size == base)
		last->size += end - base;
	else
		s->usable[s->nr_usable++] = (struct range){ base, end - base };
}

void space_init(struct space *s, const struct machine_plan *plan, const struct guest_memory *mem)
{
	s->nr_usable = 0;
	s->nr_used = 0;
	s->ram_bytes = 0;
	for (unsigned i = 0; i < plan->nr_ram && i < PLAN_MAX_RAM; i++)
		s->ram_bytes += plan->ram[i].size_bytes;
	for (unsigned m = 0; m < mem->nr_regions; m++) {
		uint64_t base = mem->regions[m].base.v;
		uint64_t end = base + mem->regions[m].size_bytes;
		for (unsigned i = 0; i < plan->e820.nr_entries && i < PLAN_MAX_E820; i++) {
			const struct e820_entry *r = &plan->e820.entries[i];
			if (r->type != E820_RAM ||
				!range_valid((struct range){ r->base, r->size_bytes }))
				continue;
			uint64_t r_end = r->base + r->size_bytes;
			add_usable(s, r->base > base ? r->base : base, r_end < end ? r_end : end);
		}
	}
}

static bool is_usable(const struct space *s, struct range r)
{
	for (unsigned i = 0; i < s->nr_usable; i++) {
		if (range_contains(s->usable[i], r))
			return true;
	}
	return false;
}

static const struct space_used *find_overlap(const struct space *s, struct range r)
{
	for (unsigned i = 0; i < s->nr_used; i++) {
		if (range_overlaps(s->used[i].range, r))
			return &s->used[i];
	}
	return NULL;
}

bool space_is_free(const struct space *s, struct range r)
{
	return range_valid(r) && is_usable(s, r) && !find_overlap(s, r);
}

static void name_of(char *text, size_t n, const char *what, int index)
{
	if (index < 0)
		(void)snprintf(text, n, "%s", what);
	else
		(void)snprintf(text, n, "%s %d", what, index);
}

/* Says why r, which is not empty and does not wrap, is not usable RAM. */
static int explain_not_usable(
	const struct space *s, struct range r, const char *name, struct err *e)
{
	uint64_t last = r.base + (r.size - 1);
	struct range pci_hole = { PLAN_PCI_HOLE_BASE, PLAN_HIGH_RAM_BASE - PLAN_PCI_HOLE_BASE };
	struct range legacy_hole = { PLAN_EBDA_BASE, LAYOUT_HIGH - PLAN_EBDA_BASE };
	uint64_t have = s->ram_bytes / MIB;

	if (range_overlaps(r, legacy_hole))
		return err_set_config(e, -ENOSPC,
			"%s, [%#" PRIx64 ", %#" PRIx64 "], overlaps the legacy area "
			"[%#" PRIx64 ", %#" PRIx64 "], which is not RAM for a kernel",
			name, r.base, last, PLAN_EBDA_BASE, LAYOUT_HIGH - 1);
	if (range_overlaps(r, pci_hole))
		return err_set_config(e, -ENOSPC,
			"%s, [%#" PRIx64 ", %#" PRIx64 "], lies in the hole for "
			"devices, [%#" PRIx64 ", %#" PRIx64 "], where there is never RAM",
			name, r.base, last, PLAN_PCI_HOLE_BASE, PLAN_HIGH_RAM_BASE - 1);
	uint64_t need = r.base < PLAN_PCI_HOLE_BASE ? last : last - pci_hole.size;
	(void)err_set_config(e, -ENOSPC,
		"%s, [%#" PRIx64 ", %#" PRIx64 "], needs %" PRIu64 " MiB of memory; "
		"the guest has %" PRIu64 " MiB",
		name, r.base, last, need / MIB + 1, have);
	return err_hint(
		e, -ENOSPC, "give it memory.size = \"%" PRIu64 "M\" or more", need / MIB + 1);
}

int space_claim(struct space *s, struct range r, const char *what, int index, struct err *e)
{
	char name[64];
	name_of(name, sizeof(name), what, index);
	if (r.size == 0 || !range_valid(r))
		return err_set_config(e, -EINVAL,
			"%s is at %#" PRIx64 " and has %#" PRIx64 " bytes: that is "
			"no range of addresses",
			name, r.base, r.size);
	const struct space_used *other = find_overlap(s, r);
	if (other) {
		char other_name[64];
		name_of(other_name, sizeof(other_name), other->what, other->index);
		return err_set_config(e, -EINVAL,
			"%s, [%#" PRIx64 ", %#" PRIx64 "], overlaps %s, "
			"[%#" PRIx64 ", %#" PRIx64 "]",
			name, r.base, r.base + (r.size - 1), other_name, other->range.base,
			other->range.base + (other->range.size - 1));
	}
	if (!is_usable(s, r))
		return explain_not_usable(s, r, name, e);
	if (s->nr_used == SPACE_MAX_USED)
		return err_set_config(e, -ENOSPC, "more than %d pieces to load", SPACE_MAX_USED);
	s->used[s->nr_used++] = (struct space_used){ r, what, index };
	return 0;
}

void space_avoid(struct space *s, struct range r, const char *what)
{
	if (s->nr_used < SPACE_MAX_USED)
		s->used[s->nr_used++] = (struct space_used){ r, what, -1 };
}

void space_release(struct space *s, unsigned from, unsigned to)
{
	(void)memmove(&s->used[from], &s->used[to], (s->nr_used - to) * sizeof(s->used[0]));
	s->nr_used -= to - from;
}

/* The part of a that lies in b; empty where none does. */
static struct range intersect(struct range a, struct range b)
{
	uint64_t base = a.base > b.base ? a.base : b.base;
	uint64_t a_end = a.base + a.size;
	uint64_t b_end = b.base + b.size;
	uint64_t end = a_end < b_end ? a_end : b_end;
	return (struct range){ base, end > base ? end - base : 0 };
}

int space_find_high(const struct space *s, uint64_t size, uint64_t align, struct range within,
	uint64_t *ret_base)
{
	for (unsigned i = s->nr_usable; i-- > 0;) {
		struct range room = intersect(s->usable[i], within);
		uint64_t end = room.base + room.size;
		/* Each turn lowers end below a taken range, so there are at most nr_used + 1. */
		while (size <= end && end - size >= room.base) {
			uint64_t base = (end - size) & ~(align - 1);
			if (base < room.base)
				break;
			const struct space_used *other =
				find_overlap(s, (struct range){ base, size });
			if (!other) {
				*ret_base = base;
				return 0;
			}
			end = other->range.base;
		}
	}
	return -ENOSPC;
}

int space_find_low(const struct space *s, uint64_t size, uint64_t align, struct range within,
	uint64_t *ret_base)
{
	for (unsigned i = 0; i < s->nr_usable; i++) {
		struct range room = intersect(s->usable[i], within);
		uint64_t end = room.base + room.size;
		uint64_t base = room.base;
		while (base <= UINT64_MAX - (align - 1)) {
			base = align_up(base, align);
			if (base > end || size > end - base)
				break;
			const struct space_used *other =
				find_overlap(s, (struct range){ base, size });
			if (!other) {
				*ret_base = base;
				return 0;
			}
			base = other->range.base + other->range.size;
		}
	}
	return -ENOSPC;
}

uint64_t space_used_end(const struct space *s)
{
	uint64_t end = LAYOUT_HIGH;
	for (unsigned i = 0; i < s->nr_used; i++) {
		uint64_t used_end = s->used[i].range.base + s->used[i].range.size;
		if (used_end > end && used_end <= PLAN_HIGH_RAM_BASE)
			end = used_end;
	}
	return end;
}
