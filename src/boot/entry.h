/* SPDX-License-Identifier: MIT */
/*
 * The processor state and the descriptor and page tables that boot protocols prescribe: flat
 * 32-bit protected mode, or 64-bit mode over an identity map. The caller finds room for the tables.
 */
#ifndef NESTOR_BOOT_ENTRY_H
#define NESTOR_BOOT_ENTRY_H

#include "base/err.h"
#include "base/x86.h"
#include "memory/guest.h"

#define ENTRY_PAGE_TABLES_BYTES (6 * 4 * KIB)
#define ENTRY_HIGH_PAGE_TABLES_BYTES (4 * 4 * KIB)

/* Guest physical, below 4 GiB, free for these tables; page tables begin at a page. */
struct entry_places {
	uint64_t gdt;              /* X86_FLAT_GDT_BYTES */
	uint64_t page_tables;      /* ENTRY_PAGE_TABLES_BYTES */
	uint64_t high_page_tables; /* ENTRY_HIGH_PAGE_TABLES_BYTES; where entry_is_high */
};

/*
 * Paging off, interrupts off, all segments 4 GiB from 0; general registers 0. Code selector 10h,
 * data 18h (as the Linux protocol wants them), TSS 20h. Writes the GDT.
 */
int entry_protected32(const struct guest_memory *mem, uint64_t gdt, uint64_t rip,
	struct x86_state *ret, struct err *e) MUST_CHECK;

/* True where mapping kernel takes more than the tables of the first 4 GiB. */
bool entry_is_high(struct range kernel);

/*
 * 64-bit mode; mapped at their own addresses are the first 4 GiB, and kernel where it lies above
 * (-EINVAL where that would need more than two directories of 1 GiB); else likewise.
 */
int entry_long64(const struct guest_memory *mem, const struct entry_places *places, uint64_t rip,
	struct range kernel, struct x86_state *ret, struct err *e) MUST_CHECK;

#endif
