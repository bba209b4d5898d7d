/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/entry.h"
#include "boot/layout.h"

static const struct entry_places drawn = { LAYOUT_GDT, LAYOUT_PAGE_TABLES,
	LAYOUT_HIGH_PAGE_TABLES };

static void entry_protected32__state__flat_and_paging_off(void **state)
{
	struct machine m;
	struct x86_state s;
	(void)state;
	machine_init(&m, 16 * MIB);
	assert_int_equal(entry_protected32(&m.mem, LAYOUT_GDT, 0x123456, &s, NULL), 0);
	assert_int_equal(s.rip, 0x123456);
	assert_int_equal(s.rflags, 2);
	assert_int_equal(s.cr0, X86_CR0_PE | X86_CR0_ET);
	assert_int_equal(s.cr3 | s.cr4 | s.efer, 0);
	assert_int_equal(s.cs.selector, 0x10);
	assert_int_equal(s.cs.limit, UINT32_MAX);
	assert_int_equal(s.cs.base, 0);
	assert_int_equal(s.cs.type, 0xb);
	assert_true(s.cs.present && s.cs.code_or_data && s.cs.db && s.cs.granularity &&
		    !s.cs.long_mode);
	assert_int_equal(s.ds.selector, 0x18);
	assert_int_equal(s.ds.type, 0x3);
	/* Member by member: what is in the padding is nobody's. */
	const struct x86_segment *same[] = { &s.es, &s.fs, &s.gs, &s.ss };
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		assert_int_equal(same[i]->selector, s.ds.selector);
		assert_int_equal(same[i]->type, s.ds.type);
		assert_int_equal(same[i]->base, s.ds.base);
		assert_int_equal(same[i]->limit, s.ds.limit);
		assert_true(same[i]->present && same[i]->code_or_data && same[i]->db &&
			    same[i]->granularity && !same[i]->long_mode);
	}
	assert_int_equal(s.tr.type, 0xb);
	assert_int_equal(s.tr.limit, 0x67);
	assert_int_equal(s.gdt.base, LAYOUT_GDT);
	assert_int_equal(s.gdt.limit, 0x2f);
	/* The descriptors, as the SDM draws them. */
	assert_int_equal(machine_u64(&m, LAYOUT_GDT), 0);
	assert_int_equal(machine_u64(&m, LAYOUT_GDT + 0x10), UINT64_C(0x00cf9b000000ffff));
	assert_int_equal(machine_u64(&m, LAYOUT_GDT + 0x18), UINT64_C(0x00cf93000000ffff));
	assert_int_equal(machine_u64(&m, LAYOUT_GDT + 0x20), UINT64_C(0x00008b0000000067));
	machine_done(&m);
}

static void entry_long64__state__64_bit_code(void **state)
{
	struct machine m;
	struct x86_state s;
	(void)state;
	machine_init(&m, 16 * MIB);
	assert_int_equal(
		entry_long64(&m.mem, &drawn, 0x1000200, (struct range){ 16 * MIB, MIB }, &s, NULL),
		0);
	assert_int_equal(s.cr0, X86_CR0_PE | X86_CR0_ET | X86_CR0_PG);
	assert_int_equal(s.cr3, LAYOUT_PAGE_TABLES);
	assert_int_equal(s.cr4, X86_CR4_PAE);
	assert_int_equal(s.efer, X86_EFER_LME | X86_EFER_LMA);
	assert_true(s.cs.long_mode && !s.cs.db);
	assert_int_equal(machine_u64(&m, LAYOUT_GDT + 0x10), UINT64_C(0x00af9b000000ffff));
	machine_done(&m);
}

/* Walks the tables as the processor would. */
static uint64_t walk(const struct machine *m, uint64_t cr3, uint64_t va)
{
	uint64_t pml4e = machine_u64(m, cr3 + (va >> 39 & 511) * 8);
	if (!(pml4e & 1))
		return UINT64_MAX;
	uint64_t pdpte = machine_u64(m, (pml4e & ~UINT64_C(0xfff)) + (va >> 30 & 511) * 8);
	if (!(pdpte & 1))
		return UINT64_MAX;
	uint64_t pde = machine_u64(m, (pdpte & ~UINT64_C(0xfff)) + (va >> 21 & 511) * 8);
	assert_int_equal(pde & 0xfff, 0x83); /* present, writable, 2 MiB */
	return (pde & ~UINT64_C(0x1fffff)) | (va & 0x1fffff);
}

static void entry_long64__dirty_ram__maps_4_gib_and_no_more(void **state)
{
	struct machine m;
	struct x86_state s;
	(void)state;
	machine_init(&m, 16 * MIB);
	(void)memset(m.ram, 0xff, MIB);
	assert_int_equal(entry_long64(&m.mem, &drawn, 0, (struct range){ 0 }, &s, NULL), 0);
	for (uint64_t va = 0x1234; va < 4 * GIB; va += 2 * MIB)
		assert_int_equal(walk(&m, s.cr3, va), va);
	assert_int_equal(walk(&m, s.cr3, 4 * GIB - 1), 4 * GIB - 1);
	assert_int_equal(walk(&m, s.cr3, 4 * GIB), UINT64_MAX);
	assert_int_equal(walk(&m, s.cr3, UINT64_C(1) << 39), UINT64_MAX);
	assert_int_equal(m.ram[LAYOUT_PAGE_TABLES + 6 * 4096], 0xff); /* behind the tables */
	machine_done(&m);
}

/* The kernel's range and every 2 MiB of it; and that the page behind the tables was left alone. */
static void expect_mapped(const struct machine *m, struct range kernel)
{
	struct x86_state s;
	(void)memset(m->ram, 0xff, MIB);
	assert_int_equal(entry_long64(&m->mem, &drawn, kernel.base, kernel, &s, NULL), 0);
	for (uint64_t va = kernel.base; va < kernel.base + kernel.size; va += MIB)
		assert_int_equal(walk(m, s.cr3, va), va);
	assert_int_equal(walk(m, s.cr3, 4 * GIB - 1), 4 * GIB - 1);
	assert_int_equal(walk(m, s.cr3, kernel.base + 4 * GIB), UINT64_MAX);
	assert_int_equal(m->ram[LAYOUT_HIGH_PAGE_TABLES_END], 0xff);
}

static void entry_long64__kernel_above_4_gib__mapped_too(void **state)
{
	struct machine m;
	struct x86_state s;
	(void)state;
	machine_init(&m, 16 * MIB);
	expect_mapped(&m, (struct range){ 4 * GIB, 64 * MIB });
	expect_mapped(&m, (struct range){ 4 * GIB - 2 * MIB, 64 * MIB });
	expect_mapped(&m, (struct range){ 7 * GIB - 2 * MIB, 64 * MIB });
	expect_mapped(&m, (struct range){ (UINT64_C(1) << 39) - 2 * MIB, 4 * MIB });
	expect_mapped(&m, (struct range){ (UINT64_C(3) << 39) + GIB, GIB });
	assert_int_equal(
		entry_long64(&m.mem, &drawn, 0, (struct range){ 4 * GIB + MIB, 2 * GIB }, &s, NULL),
		-EINVAL);
	machine_done(&m);
}

/* Nothing may be where layout.h draws it, nor written there. */
static void entry_long64__other_places__only_those_written(void **state)
{
	const struct entry_places places = { 0x9f008, 0x300000, 0x50000 };
	struct range kernel = { (UINT64_C(1) << 39) - 2 * MIB, 4 * MIB };
	struct machine m;
	struct x86_state s;
	(void)state;
	machine_init(&m, 16 * MIB);
	(void)memset(m.ram, 0xff, 16 * MIB);
	assert_int_equal(entry_long64(&m.mem, &places, 0, kernel, &s, NULL), 0);
	assert_int_equal(s.gdt.base, 0x9f008);
	assert_int_equal(s.cr3, 0x300000);
	assert_int_equal(walk(&m, s.cr3, GIB + 5), GIB + 5);
	assert_int_equal(walk(&m, s.cr3, kernel.base + 3 * MIB), kernel.base + 3 * MIB);
	for (size_t i = 0; i < m.bytes; i++) {
		bool is_table = (i >= 0x9f008 && i < 0x9f008 + X86_FLAT_GDT_BYTES) ||
				(i >= 0x300000 && i < 0x300000 + ENTRY_PAGE_TABLES_BYTES) ||
				(i >= 0x50000 && i < 0x50000 + ENTRY_HIGH_PAGE_TABLES_BYTES);
		if (!is_table)
			assert_int_equal(m.ram[i], 0xff);
	}
	machine_done(&m);
}

static void entry_long64__places_are_no_ram__refused(void **state)
{
	static const struct entry_places bad[] = { { 16 * MIB, 0x4000, 0xa000 },
		{ 0x1000, 16 * MIB - 4096, 0xa000 }, { 0x1000, 0x4000, 16 * MIB } };
	struct range kernel = { 4 * GIB, 4 * MIB };
	struct machine m;
	struct x86_state s;
	(void)state;
	machine_init(&m, 16 * MIB);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(entry_long64(&m.mem, &bad[i], 0, kernel, &s, NULL), -EFAULT);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_protected32__state__flat_and_paging_off),
		cmocka_unit_test(entry_long64__state__64_bit_code),
		cmocka_unit_test(entry_long64__dirty_ram__maps_4_gib_and_no_more),
		cmocka_unit_test(entry_long64__kernel_above_4_gib__mapped_too),
		cmocka_unit_test(entry_long64__other_places__only_those_written),
		cmocka_unit_test(entry_long64__places_are_no_ram__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
