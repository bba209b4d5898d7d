/* SPDX-License-Identifier: MIT */
/*
 * Whatever in low memory a kernel is loaded over, nestor's own tables go elsewhere: each protocol,
 * with kernels in every place that a loader's tables could be in.
 */
#include "boot_test.h"

#include "boot/layout.h"

#include <elf.h>

#define RAM (8 * MIB)
#define MAX_SPANS 16

/* What must lie apart: the kernel's segments, and each table of nestor's. */
struct spans {
	struct range ranges[MAX_SPANS];
	unsigned nr;
};

static void add(struct spans *s, uint64_t base, uint64_t size)
{
	struct range r = { base, size };
	assert_in_range(s->nr, 0, MAX_SPANS - 1);
	assert_true(size > 0);
	assert_true(range_contains((struct range){ 0, PLAN_EBDA_BASE }, r) ||
		    range_contains((struct range){ MIB, RAM - MIB }, r));
	for (unsigned i = 0; i < s->nr; i++)
		assert_false(range_overlaps(s->ranges[i], r));
	s->ranges[s->nr++] = r;
}

/* Anywhere below 4 GiB. */
static const char *string_at(const struct machine *m, uint64_t addr)
{
	return (const char *)machine_at(m, addr, 1);
}

static void add_string(
	const struct machine *m, struct spans *s, uint64_t addr, const char *expected)
{
	assert_string_equal(string_at(m, addr), expected);
	add(s, addr, strlen(expected) + 1);
}

static void add_entry(const struct machine *m, struct spans *s, const struct boot_result *r)
{
	bool is_64_bit = r->protocol == BOOT_LINUX64;
	add(s, r->state.gdt.base, (uint64_t)r->state.gdt.limit + 1);
	assert_int_equal(machine_u64(m, r->state.gdt.base + 0x10),
		is_64_bit ? UINT64_C(0x00af9b000000ffff) : UINT64_C(0x00cf9b000000ffff));
	if (!is_64_bit)
		return;
	uint64_t cr3 = r->state.cr3;
	assert_int_equal(cr3 & 0xfff, 0);
	add(s, cr3, UINT64_C(6) * 4096);
	assert_int_equal(machine_u64(m, cr3), (cr3 + 4096) | 3);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(machine_u64(m, cr3 + 4096 + i * 8), (cr3 + (2 + i) * 4096) | 3);
	const uint8_t *directories = machine_at(m, cr3 + 8192, UINT64_C(4) * 4096);
	for (uint64_t i = 0; i < UINT64_C(4) * 512; i++)
		if (get_u64(directories + i * 8) != (i * 2 * MIB | 0x83))
			fail_msg("page directory entry %d", (int)i);
}

static void add_linux(const struct machine *m, struct spans *s, const struct boot_result *r)
{
	uint64_t params = r->state.rsi;
	add(s, params, 4096);
	add_string(m, s, machine_u32(m, params + 0x228), "a command line");
	assert_int_equal(machine_u64(m, params + 0x70), PLAN_ACPI_BASE);
	assert_int_equal(*machine_at(m, params + 0x1e8, 1), m->plan.e820.nr_entries);
	assert_int_equal(machine_u64(m, params + 0x2d0 + 40), MIB);
	assert_int_equal(machine_u32(m, params + 0x218), r->initrd.v);
}

static void add_pvh(const struct machine *m, struct spans *s, const struct boot_result *r)
{
	uint64_t info = r->state.rbx;
	add(s, info, 56);
	assert_int_equal(machine_u32(m, info), 0x336ec578);
	assert_int_equal(machine_u32(m, info + 12), 1);
	add(s, machine_u64(m, info + 16), 32);
	assert_int_equal(machine_u64(m, machine_u64(m, info + 16)), r->initrd.v);
	add_string(m, s, machine_u64(m, info + 24), "a command line");
	add(s, machine_u64(m, info + 40), UINT64_C(24) * m->plan.e820.nr_entries);
	assert_int_equal(machine_u32(m, info + 48), m->plan.e820.nr_entries);
	assert_int_equal(machine_u64(m, machine_u64(m, info + 40) + 48), MIB);
}

static void add_multiboot(const struct machine *m, struct spans *s, const struct boot_result *r)
{
	uint64_t info = r->state.rbx;
	assert_int_equal(r->state.rax, 0x2badb002);
	add(s, info, 88);
	assert_int_equal(machine_u32(m, info), 0x24d);
	add_string(m, s, machine_u32(m, info + 16), "test-kernel a command line");
	add_string(m, s, machine_u32(m, info + 64), "nestor");
	assert_int_equal(machine_u32(m, info + 20), 1);
	uint64_t module = machine_u32(m, info + 24);
	add(s, module, 16);
	assert_int_equal(machine_u32(m, module), r->initrd.v);
	add_string(m, s, machine_u32(m, module + 8), "initrd");
	add(s, machine_u32(m, info + 48), machine_u32(m, info + 44));
	assert_int_equal(machine_u32(m, info + 44), 24 * m->plan.e820.nr_entries);
	assert_int_equal(machine_u64(m, machine_u32(m, info + 48) + 48 + 4), MIB);
}

/* The kernel lies as its file says, and every table of nestor's beside it, whole. */
static void expect_loaded(const struct image *k, const struct elf_options *o,
	enum boot_protocol protocol, bool ram_is_zero)
{
	struct machine m;
	struct spans spans = { 0 };
	machine_init(&m, RAM);
	if (!ram_is_zero)
		(void)memset(m.ram, 0xff, RAM);
	struct boot_request req = request(&m, k);
	req.ram_is_zero = ram_is_zero;
	req.protocol_forced = true;
	req.protocol = protocol;
	req.cmdline = "a command line";
	req.initrd = (struct boot_file){ "initrd", (const uint8_t *)"an initrd", 9 };
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, protocol);
	size_t at = ELF_TEST_DATA;
	for (unsigned i = 0; i < o->nr_segments; i++) {
		const struct test_segment *seg = &o->segments[i];
		add(&spans, seg->paddr, seg->memsz);
		const uint8_t *p = machine_at(&m, seg->paddr, seg->memsz);
		assert_memory_equal(p, k->data + at, seg->filesz);
		for (uint64_t n = seg->filesz; n < seg->memsz; n++)
			if (p[n])
				fail_msg("segment %u: byte %#lx is not zero", i, (unsigned long)n);
		at += (size_t)seg->filesz;
	}
	add(&spans, r.initrd.v, 9);
	assert_memory_equal(machine_at(&m, r.initrd.v, 9), "an initrd", 9);
	add_entry(&m, &spans, &r);
	if (protocol == BOOT_PVH)
		add_pvh(&m, &spans, &r);
	else if (protocol == BOOT_MULTIBOOT)
		add_multiboot(&m, &spans, &r);
	else
		add_linux(&m, &spans, &r);
	machine_done(&m);
}

/* Segments of a kernel that offers protocol; the first holds its entry. */
static void expect_segments(
	enum boot_protocol protocol, const struct test_segment *segments, unsigned nr)
{
	struct elf_options o = elf_options();
	o.is_64_bit = protocol == BOOT_LINUX64 || protocol == BOOT_PVH;
	o.machine = o.is_64_bit ? EM_X86_64 : EM_386;
	o.linux_note = protocol == BOOT_LINUX64 || protocol == BOOT_LINUX32;
	o.pvh_note_size = protocol == BOOT_PVH ? 4 : 0;
	o.multiboot = protocol == BOOT_MULTIBOOT;
	o.multiboot_flags = 0x7;
	o.entry = o.pvh_entry = segments[0].paddr;
	o.nr_segments = nr;
	(void)memcpy(o.segments, segments, nr * sizeof(segments[0]));
	struct image k = image_elf(&o);
	expect_loaded(&k, &o, protocol, /* ram_is_zero */ true);
	expect_loaded(&k, &o, protocol, /* ram_is_zero */ false);
	image_free(&k);
}

static void for_each_protocol(const struct test_segment *segments, unsigned nr)
{
	for (unsigned p = 0; p < BOOT_NR_PROTOCOLS; p++)
		expect_segments((enum boot_protocol)p, segments, nr);
}

static void placement__kernel_wholly_in_low_memory__tables_go_elsewhere(void **state)
{

	static const struct range places[] = {
		{ 0, 0x1000 },               /* interrupt vectors and BIOS data */
		{ 0x400, 0x100 },            /* BIOS data alone */
		{ 0x4ff, 0x100 },            /* a byte of it */
		{ 0x500, 0xb00 },            /* just behind it */
		{ 0x1000, 0x1000 },          /* GDT */
		{ 0x1010, 1 },               /* a byte of it */
		{ 0x2000, 0x1000 },          /* boot_params and its like */
		{ 0x3000, 0x1000 },          /* memory map, module list */
		{ 0x3400, 1 },               /* module list */
		{ 0x4000, 0x6000 },          /* page tables */
		{ 0x9fff, 1 },               /* their last byte */
		{ 0xa000, 0x4000 },          /* page tables of a high kernel */
		{ 0x7c00, 0x200 },           /* where a BIOS loads a boot sector */
		{ 0x8000, 0x4000 },          /* where GRUB does */
		{ 0x10000, 0x10000 },        /* strings */
		{ 0x10000, 1 },              /* their first byte */
		{ 0x1000, 0x1f000 },         /* all that is drawn */
		{ 0x20000, 0x7fc00 },        /* all that is not */
		{ 0x90000, 0xfc00 },         /* where a zImage lies */
		{ 0x9f000, 0xc00 },          /* up to the EBDA */
		{ 0x1000, 0x9ec00 },         /* all of conventional memory but the BIOS's */
		{ 0, PLAN_EBDA_BASE },       /* all of it */
		{ 0x1000, 0x9ec00 - 64 },    /* all but room for a GDT */
		{ 0x6000, 0x9fc00 - 0x6000 } /* all but 5 pages */
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint64_t in_file = places[i].size > 0x900 ? 0x900 : places[i].size;
		struct test_segment segment = { places[i].base, places[i].base, in_file,
			places[i].size };
		for_each_protocol(&segment, 1);
	}
}

/* Code for other processors below, the kernel above: nothing is lost but the pieces themselves. */
static void placement__kernel_above_with_a_piece_below__tables_stay_low(void **state)
{
	static const uint64_t places[] = { 0x1000, 0x2000, 0x4000, 0x7000, 0x8000, 0x10000 };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct test_segment segments[] = { { 4 * MIB, 4 * MIB, 8192, 16384 },
			{ places[i], places[i], 0x300, 0x1000 } };
		for_each_protocol(segments, ARRAY_SIZE(segments));

		struct machine m;
		struct elf_options o = elf_options();
		o.entry = o.pvh_entry = 4 * MIB;
		o.pvh_note_size = 4;
		o.nr_segments = 2;
		(void)memcpy(o.segments, segments, sizeof(segments));
		struct image k = image_elf(&o);
		machine_init(&m, RAM);
		struct boot_request req = request(&m, &k);
		struct boot_result r = must_load(&req, &m);
		assert_true(r.state.rbx < MIB && r.state.gdt.base < MIB);
		machine_done(&m);
		image_free(&k);
	}
}

static void placement__gaps_between_low_segments__left_to_the_kernel(void **state)
{
	static const struct test_segment segments[] = { { 0x1000, 0x1000, 0x10, 0x10 },
		{ 0x9f000, 0x9f000, 0x10, 0x10 } };
	struct machine m;
	struct elf_options o = elf_options();
	(void)state;
	o.entry = o.pvh_entry = 0x1000;
	o.pvh_note_size = 4;
	o.nr_segments = 2;
	(void)memcpy(o.segments, segments, sizeof(segments));
	struct image k = image_elf(&o);
	machine_init(&m, RAM);
	struct boot_request req = request(&m, &k);
	struct boot_result r = must_load(&req, &m);
	assert_true(r.state.rbx >= 0x9f010);
	assert_true(r.state.gdt.base >= 0x9f010);
	machine_done(&m);
	image_free(&k);
}

/* By the header's own addresses, as kernels that are no ELF have it. */
static void placement__multiboot_by_addresses__tables_go_elsewhere(void **state)
{
	static const uint32_t places[] = { 0x1000, 0x2000, 0x3000, 0x7c00, 0x8000, 0xf000, 0x10000,
		0x1ff00, 0x9dc00 };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct machine m;
		struct spans spans = { 0 };
		struct addresses_options o = addresses_options();
		o.load_addr = places[i];
		o.header_addr = places[i] + 256;
		o.bss_end_addr = 0;
		o.entry_addr = places[i] + 512;
		struct image k = image_addresses(&o);
		machine_init(&m, RAM);
		struct boot_request req = request(&m, &k);
		req.cmdline = "a command line";
		req.initrd = (struct boot_file){ "initrd", (const uint8_t *)"an initrd", 9 };
		struct boot_result r = must_load(&req, &m);
		assert_memory_equal(m.ram + places[i], k.data, k.size);
		add(&spans, places[i], k.size);
		add_entry(&m, &spans, &r);
		add_multiboot(&m, &spans, &r);
		machine_done(&m);
		image_free(&k);
	}
}

/* In what is not RAM there is no room for a kernel, and the message says what is there. */
static void placement__kernel_in_the_legacy_area__refused(void **state)
{
	static const struct range places[] = { { 0x9fc00, 1 }, { 0x9f000, 0xc01 },
		{ 0x90000, 0x20000 }, { 0xa0000, 0x1000 }, { 0xe0000, 0x1000 }, { 0xfffff, 1 },
		{ 0x1000, 0x200000 } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct machine m;
		struct elf_options o = elf_options();
		o.segments[0] =
			(struct test_segment){ places[i].base, places[i].base, 1, places[i].size };
		o.entry = o.pvh_entry = places[i].base;
		o.pvh_note_size = 4;
		struct image k = image_elf(&o);
		machine_init(&m, RAM);
		struct boot_request req = request(&m, &k);
		must_refuse(&req, &m, -ENOSPC, "overlaps the legacy area [0x9fc00, 0xfffff]");
		machine_done(&m);
		image_free(&k);
	}
}

static void placement__kernel_fills_all_ram__refused_naming_the_table(void **state)
{
	struct machine m;
	struct elf_options o = elf_options();
	(void)state;
	o.segments[0] = (struct test_segment){ MIB, MIB, 1, RAM - MIB };
	o.segments[1] = (struct test_segment){ 0, 0, 1, PLAN_EBDA_BASE };
	o.nr_segments = 2;
	o.entry = o.pvh_entry = MIB;
	o.pvh_note_size = 4;
	struct image k = image_elf(&o);
	machine_init(&m, RAM);
	struct boot_request req = request(&m, &k);
	must_refuse(&req, &m, -ENOSPC, "leave no room below 4 GiB for the command line");
	machine_done(&m);
	image_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placement__kernel_wholly_in_low_memory__tables_go_elsewhere),
		cmocka_unit_test(placement__kernel_above_with_a_piece_below__tables_stay_low),
		cmocka_unit_test(placement__gaps_between_low_segments__left_to_the_kernel),
		cmocka_unit_test(placement__multiboot_by_addresses__tables_go_elsewhere),
		cmocka_unit_test(placement__kernel_in_the_legacy_area__refused),
		cmocka_unit_test(placement__kernel_fills_all_ram__refused_naming_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
