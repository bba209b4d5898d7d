/* SPDX-License-Identifier: MIT */
#include "boot/entry.h"

#include "boot/bytes.h"
#include "boot/layout.h"

#include <errno.h>

#define PTE_PRESENT UINT64_C(0x1)
#define PTE_WRITE UINT64_C(0x2)
#define PTE_LARGE UINT64_C(0x80)
#define NR_DIRECTORIES 4 /* 1 GiB each */

_Static_assert((2 + NR_DIRECTORIES) * LAYOUT_PAGE == ENTRY_PAGE_TABLES_BYTES, "of the first 4 GiB");
_Static_assert(LAYOUT_PAGE_TABLES + ENTRY_PAGE_TABLES_BYTES <= LAYOUT_HIGH_PAGE_TABLES, "as drawn");
_Static_assert(
	LAYOUT_HIGH_PAGE_TABLES + ENTRY_HIGH_PAGE_TABLES_BYTES == LAYOUT_HIGH_PAGE_TABLES_END,
	"as drawn");

static int write_gdt(const struct guest_memory *mem, const struct x86_state *state, struct err *e)
{
	uint8_t gdt[X86_FLAT_GDT_BYTES];
	x86_flat_gdt(state, gdt);
	return guest_memory_write(mem, gpa(state->gdt.base), gdt, sizeof(gdt), e);
}

/* PML4, PDPT and page directories in consecutive pages: [0, 4 GiB) by 2 MiB pages. */
static int write_identity_map(const struct guest_memory *mem, uint64_t at, struct err *e)
{
	uint8_t *tables = guest_memory_borrow(mem, gpa(at), ENTRY_PAGE_TABLES_BYTES);
	if (!tables)
		return err_set(
			e, -EFAULT, "no RAM for page tables at %#llx", (unsigned long long)at);
	uint64_t pdpt = at + LAYOUT_PAGE;
	uint64_t directories = pdpt + LAYOUT_PAGE;
	(void)memset(tables, 0, 2 * LAYOUT_PAGE);
	put_u64(tables, pdpt | PTE_PRESENT | PTE_WRITE);
	for (uint64_t i = 0; i < NR_DIRECTORIES; i++)
		put_u64(tables + LAYOUT_PAGE + i * 8,
			(directories + i * LAYOUT_PAGE) | PTE_PRESENT | PTE_WRITE);
	for (uint64_t i = 0; i < NR_DIRECTORIES * 512; i++)
		put_u64(tables + 2 * LAYOUT_PAGE + i * 8,
			i * 2 * MIB | PTE_PRESENT | PTE_WRITE | PTE_LARGE);
	return 0;
}

/* The table that entry i of table leads to, a fresh one from *next where there is none yet; NULL
 * where it is not RAM. */
static uint8_t *table_behind(
	const struct guest_memory *mem, uint8_t *table, uint64_t i, uint64_t *next)
{
	uint8_t *entry = table + i * 8;
	if (!(get_u64(entry) & PTE_PRESENT)) {
		put_u64(entry, *next | PTE_PRESENT | PTE_WRITE);
		*next += LAYOUT_PAGE;
	}
	return guest_memory_borrow(mem, gpa(get_u64(entry) & ~(LAYOUT_PAGE - 1)), LAYOUT_PAGE);
}

bool entry_is_high(struct range kernel)
{
	return kernel.size != 0 && kernel.base + kernel.size > 4 * GIB;
}

/* Maps each GiB above 4 GiB that r touches. */
static int map_above_4g(const struct guest_memory *mem, const struct entry_places *places,
	struct range r, struct err *e)
{
	uint64_t end = r.base + r.size;
	if (!entry_is_high(r))
		return 0;
	uint64_t first = r.base < 4 * GIB ? 4 : r.base / GIB;
	uint64_t last = (end - 1) / GIB;
	if (last - first > 1)
		return err_set(e, -EINVAL, "a kernel of %#llx bytes at gpa %#llx is too large",
			(unsigned long long)r.size, (unsigned long long)r.base);
	uint64_t next = places->high_page_tables;
	uint8_t *pml4 = guest_memory_borrow(mem, gpa(places->page_tables), LAYOUT_PAGE);
	int rc = guest_memory_zero(mem, gpa(next), ENTRY_HIGH_PAGE_TABLES_BYTES, e);
	if (rc < 0 || !pml4)
		return err_wrap(e, -EFAULT, "page tables");
	for (uint64_t g = first; g <= last; g++) {
		uint8_t *pdpt = table_behind(mem, pml4, g >> 9 & 511, &next);
		uint8_t *directory = pdpt ? table_behind(mem, pdpt, g & 511, &next) : NULL;
		if (!directory)
			return err_set(e, -EFAULT, "no RAM for page tables at %#llx",
				(unsigned long long)next);
		for (uint64_t i = 0; i < 512; i++)
			put_u64(directory + i * 8,
				(g * GIB + i * 2 * MIB) | PTE_PRESENT | PTE_WRITE | PTE_LARGE);
	}
	return 0;
}

int entry_protected32(const struct guest_memory *mem, uint64_t gdt, uint64_t rip,
	struct x86_state *ret, struct err *e)
{
	x86_flat32(rip, gdt, ret);
	return write_gdt(mem, ret, e);
}

int entry_long64(const struct guest_memory *mem, const struct entry_places *places, uint64_t rip,
	struct range kernel, struct x86_state *ret, struct err *e)
{
	x86_flat32(rip, places->gdt, ret);
	ret->cs.long_mode = true;
	ret->cs.db = false;
	ret->cr0 |= X86_CR0_PG;
	ret->cr3 = places->page_tables;
	ret->cr4 = X86_CR4_PAE;
	ret->efer = X86_EFER_LME | X86_EFER_LMA;
	int rc = write_gdt(mem, ret, e);
	if (rc == 0)
		rc = write_identity_map(mem, places->page_tables, e);
	if (rc == 0)
		rc = map_above_4g(mem, places, kernel, e);
	return rc;
}
