/* SPDX-License-Identifier: MIT */
#include "boot/entry.h"

#include "boot/bytes.h"
#include "boot/layout.h"

#include <errno.h>

#define PTE_PRESENT UINT64_C(0x1)
#define PTE_WRITE UINT64_C(0x2)
#define PTE_LARGE UINT64_C(0x80)
#define NR_DIRECTORIES 4 /* 1 GiB each */

static int write_gdt(const struct guest_memory *mem, const struct x86_state *state, struct err *e)
{
	uint8_t gdt[X86_FLAT_GDT_BYTES];
	x86_flat_gdt(state, gdt);
	return guest_memory_write(mem, gpa(LAYOUT_GDT), gdt, sizeof(gdt), e);
}

/* PML4, PDPT and page directories in consecutive pages: [0, 4 GiB) by 2 MiB pages. */
static int write_identity_map(const struct guest_memory *mem, struct err *e)
{
	uint64_t bytes = (2 + NR_DIRECTORIES) * LAYOUT_PAGE;
	uint8_t *tables = guest_memory_borrow(mem, gpa(LAYOUT_PAGE_TABLES), bytes);
	if (!tables)
		return err_set(e, -EFAULT, "no RAM for page tables at %#llx",
			(unsigned long long)LAYOUT_PAGE_TABLES);
	uint64_t pdpt = LAYOUT_PAGE_TABLES + LAYOUT_PAGE;
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

/* The table that entry leads to, a fresh one from *next where there is none yet. */
static uint64_t table_behind(uint8_t *entry, uint64_t *next)
{
	if (!(get_u64(entry) & PTE_PRESENT)) {
		put_u64(entry, *next | PTE_PRESENT | PTE_WRITE);
		*next += LAYOUT_PAGE;
	}
	return get_u64(entry) & ~(LAYOUT_PAGE - 1);
}

/* Maps each GiB above 4 GiB that r touches. */
static int map_above_4g(const struct guest_memory *mem, struct range r, struct err *e)
{
	uint64_t end = r.base + r.size;
	if (r.size == 0 || end <= 4 * GIB)
		return 0;
	uint64_t first = r.base < 4 * GIB ? 4 : r.base / GIB;
	uint64_t last = (end - 1) / GIB;
	if (last - first > 1)
		return err_set(e, -EINVAL, "a kernel of %#llx bytes at gpa %#llx is too large",
			(unsigned long long)r.size, (unsigned long long)r.base);
	uint64_t next = LAYOUT_HIGH_PAGE_TABLES;
	uint8_t *tables = guest_memory_borrow(mem, gpa(0), LAYOUT_HIGH_PAGE_TABLES_END);
	if (!tables)
		return err_set(
			e, -EFAULT, "no RAM for page tables at %#llx", (unsigned long long)next);
	(void)memset(tables + next, 0, LAYOUT_HIGH_PAGE_TABLES_END - next);
	for (uint64_t g = first; g <= last; g++) {
		uint64_t pdpt =
			table_behind(tables + LAYOUT_PAGE_TABLES + (g >> 9 & 511) * 8, &next);
		uint64_t directory = table_behind(tables + pdpt + (g & 511) * 8, &next);
		for (uint64_t i = 0; i < 512; i++)
			put_u64(tables + directory + i * 8,
				(g * GIB + i * 2 * MIB) | PTE_PRESENT | PTE_WRITE | PTE_LARGE);
	}
	return 0;
}

int entry_protected32(
	const struct guest_memory *mem, uint64_t rip, struct x86_state *ret, struct err *e)
{
	x86_flat32(rip, LAYOUT_GDT, ret);
	return write_gdt(mem, ret, e);
}

int entry_long64(const struct guest_memory *mem, uint64_t rip, struct range kernel,
	struct x86_state *ret, struct err *e)
{
	x86_flat32(rip, LAYOUT_GDT, ret);
	ret->cs.long_mode = true;
	ret->cs.db = false;
	ret->cr0 |= X86_CR0_PG;
	ret->cr3 = LAYOUT_PAGE_TABLES;
	ret->cr4 = X86_CR4_PAE;
	ret->efer = X86_EFER_LME | X86_EFER_LMA;
	int rc = write_gdt(mem, ret, e);
	if (rc == 0)
		rc = write_identity_map(mem, e);
	if (rc == 0)
		rc = map_above_4g(mem, kernel, e);
	return rc;
}
