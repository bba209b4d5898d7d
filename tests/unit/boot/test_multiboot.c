/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/layout.h"
#include "boot/multiboot.h"

#include <elf.h>
#include <stdio.h>

static struct elf_options xen_like(void)
{
	struct elf_options o = elf_options();
	o.is_64_bit = false;
	o.machine = EM_386;
	o.multiboot = true;
	o.multiboot_flags = 0x3;
	o.segments[0] = (struct test_segment){ 2 * MIB, 2 * MIB, 8192, 16384 };
	o.entry = 2 * MIB;
	return o;
}

static void multiboot__elf32_with_modules__info_is_right(void **state)
{
	struct machine m;
	struct elf_options o = xen_like();
	struct image k = image_elf(&o);
	struct boot_module modules[2] = {
		{ { "/boot/vm linuz", (const uint8_t *)"dom0 kernel", 11 }, "console=hvc0" },
		{ { "initrd", (const uint8_t *)"dom0 initrd", 11 }, NULL },
	};
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.cmdline = "com1=115200";
	req.modules = modules;
	req.nr_modules = 2;
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_MULTIBOOT);
	assert_int_equal(r.state.rax, 0x2badb002);
	assert_int_equal(r.state.rip, 2 * MIB);
	assert_int_equal(r.state.cr0 & (X86_CR0_PE | X86_CR0_PG), X86_CR0_PE);

	const uint8_t *mbi = machine_at(&m, r.state.rbx, 88);
	assert_int_equal(get_u32(mbi), 0x24d);
	assert_int_equal(get_u32(mbi + 4), 639); /* KiB below the EBDA */
	assert_int_equal(get_u32(mbi + 8), 31 * 1024);
	assert_string_equal(machine_string(&m, get_u32(mbi + 16)), "test-kernel com1=115200");
	assert_string_equal(machine_string(&m, get_u32(mbi + 64)), "nestor");
	assert_int_equal(get_u32(mbi + 20), 2);
	const uint8_t *list = machine_at(&m, get_u32(mbi + 24), 32);
	assert_int_equal(get_u32(list), 2 * MIB + 16384); /* right behind the kernel's .bss */
	assert_int_equal(get_u32(list + 4), get_u32(list) + 11);
	assert_memory_equal(machine_at(&m, get_u32(list), 11), "dom0 kernel", 11);
	assert_string_equal(machine_string(&m, get_u32(list + 8)), "vm_linuz console=hvc0");
	assert_int_equal(get_u32(list + 16), 2 * MIB + 16384 + 4096);
	assert_string_equal(machine_string(&m, get_u32(list + 24)), "initrd");
	assert_int_equal(get_u32(mbi + 44), 3 * 24);
	const uint8_t *map = machine_at(&m, get_u32(mbi + 48), 72);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(get_u32(map + i * 24), 20);
		assert_int_equal(get_u64(map + i * 24 + 4), m.plan.e820.entries[i].base);
		assert_int_equal(get_u64(map + i * 24 + 12), m.plan.e820.entries[i].size_bytes);
		assert_int_equal(get_u32(map + i * 24 + 20), m.plan.e820.entries[i].type);
	}
	machine_done(&m);
	image_free(&k);
}

static void multiboot__initrd__is_first_module(void **state)
{
	struct machine m;
	struct elf_options o = xen_like();
	struct image k = image_elf(&o);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.initrd = (struct boot_file){ "x/initrd", (const uint8_t *)"an initrd", 9 };
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(machine_u32(&m, r.state.rbx + 20), 1);
	assert_int_equal(machine_u32(&m, LAYOUT_MODULES), r.initrd.v);
	assert_string_equal(machine_string(&m, machine_u32(&m, r.state.rbx + 16)), "test-kernel");
	machine_done(&m);
	image_free(&k);
}

static void multiboot__kernel_at_top_of_ram__modules_below_it(void **state)
{
	struct machine m;
	struct elf_options o = xen_like();
	(void)state;
	o.segments[0].paddr = o.segments[0].vaddr = o.entry = 16 * MIB - 16384;
	struct image k = image_elf(&o);
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	req.initrd = (struct boot_file){ "x/initrd", (const uint8_t *)"an initrd", 9 };
	assert_int_equal(must_load(&req, &m).initrd.v, MIB);
	machine_done(&m);
	image_free(&k);
}

static void multiboot__modules_larger_than_ram__refused(void **state)
{
	struct machine m;
	struct elf_options o = xen_like();
	struct image k = image_elf(&o);
	struct image big = { malloc(20 * MIB), 20 * MIB };
	(void)state;
	machine_init(&m, 16 * MIB);
	struct boot_module module = { image_file(&big, "dom0"), NULL };
	struct boot_request req = request(&m, &k);
	req.modules = &module;
	req.nr_modules = 1;
	must_refuse(&req, &m, -ENOSPC,
		"dom0: module: no room for its 20971520 bytes: with all else it needs "
		"at least 23 MiB of memory; the guest has 16 MiB");
	machine_done(&m);
	image_free(&big);
	image_free(&k);
}

static void multiboot__elf64_linked_high__entry_made_physical(void **state)
{
	struct machine m;
	struct elf_options o = elf_options();
	(void)state;
	o.multiboot = true;
	o.segments[0].vaddr =
		UINT64_C(0xffffffff80100000) + 0x1000; /* not where Linux would link it */
	o.entry = o.segments[0].vaddr + 0x24;
	struct image k = image_elf(&o);
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_MULTIBOOT);
	assert_int_equal(r.state.rip, MIB + 0x24);
	machine_done(&m);
	image_free(&k);
}

static void multiboot__addresses__loaded_by_them(void **state)
{
	struct machine m;
	struct addresses_options o = addresses_options();
	(void)state;
	o.load_end_addr = MIB + 4096;
	struct image k = image_addresses(&o);
	machine_init(&m, 16 * MIB);
	(void)memset(m.ram + MIB, 0xff, 32768);
	struct boot_request req = request(&m, &k);
	req.ram_is_zero = false;
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_MULTIBOOT);
	assert_int_equal(r.state.rip, MIB + 512);
	assert_memory_equal(m.ram + MIB, k.data, 4096);
	assert_int_equal(m.ram[MIB + 4096], 0);
	assert_int_equal(m.ram[MIB + 16383], 0);
	assert_int_equal(m.ram[MIB + 16384], 0xff);
	machine_done(&m);
	image_free(&k);
}

static void multiboot__addresses_begin_within_file__offset_obeyed(void **state)
{
	struct machine m;
	struct addresses_options o = addresses_options();
	(void)state;
	o.load_addr = MIB + 128; /* so the first 128 bytes of the file are not loaded */
	o.bss_end_addr = 0;
	struct image k = image_addresses(&o);
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	(void)must_load(&req, &m);
	assert_memory_equal(m.ram + MIB + 128, k.data + 128, 8192 - 128);
	assert_int_equal(m.ram[MIB], 0);
	machine_done(&m);
	image_free(&k);
}

static void addresses_refused(const struct addresses_options *o, int code, const char *text)
{
	struct machine m;
	struct image k = image_addresses(o);
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	req.protocol_forced = true;
	req.protocol = BOOT_MULTIBOOT;
	must_refuse(&req, &m, code, text);
	machine_done(&m);
	image_free(&k);
}

static void multiboot__bad_addresses__refused(void **state)
{
	struct addresses_options o;
	(void)state;
	o = addresses_options();
	o.load_addr = o.header_addr + 4;
	addresses_refused(&o, -ENOTSUP, "load_addr is 0x100104, header_addr 0x100100");
	o = addresses_options();
	o.load_addr = MIB - 4;
	addresses_refused(&o, -ENOTSUP, "would begin before the file");
	o = addresses_options();
	o.load_end_addr = MIB;
	addresses_refused(&o, -ENOTSUP, "load_end_addr is 0x100000");
	o = addresses_options();
	o.load_end_addr = MIB + 8193;
	addresses_refused(
		&o, -ENOTSUP, "load_end_addr is 0x102001, expected from 0x100000 to 0x102000");
	o = addresses_options();
	o.bss_end_addr = MIB + 8191;
	addresses_refused(&o, -ENOTSUP, "bss_end_addr is 0x101fff");
	o = addresses_options();
	o.entry_addr = MIB + 16384;
	addresses_refused(&o, -ENOTSUP, "the entry point, 0x104000, is in nothing that is loaded");
}

static void multiboot__flags_that_demand__refused(void **state)
{
	struct machine m;
	struct elf_options o = xen_like();
	(void)state;
	machine_init(&m, 16 * MIB);
	for (unsigned bit = 3; bit < 16; bit++) {
		char text[64];
		o.multiboot_flags = 3 | UINT32_C(1) << bit;
		struct image k = image_elf(&o);
		struct boot_request req = request(&m, &k);
		(void)snprintf(text, sizeof(text), "of which bit %u demands what", bit);
		must_refuse(&req, &m, -ENOTSUP, text);
		image_free(&k);
	}
	o.multiboot_flags = 0xffff;
	struct image k = image_elf(&o);
	struct boot_request req = request(&m, &k);
	must_refuse(&req, &m, -ENOTSUP,
		"of which bits 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 demand what");
	image_free(&k);
	machine_done(&m);
}

/* Each of the bits that are wishes, and the one for video, which the info's flags do not promise.
 */
static void multiboot__flags_that_wish__boots_and_info_says_what_there_is(void **state)
{
	static const uint32_t wishes[] = { 0, 1, 2, 4, 5, 7, 0x20000, 0x80000000, 0xfffe0000,
		0xfffe0007 };
	struct machine m;
	struct elf_options o = xen_like();
	(void)state;
	machine_init(&m, 16 * MIB);
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		o.multiboot_flags = wishes[i];
		struct image k = image_elf(&o);
		struct boot_request req = request(&m, &k);
		req.initrd = (struct boot_file){ "x/initrd", (const uint8_t *)"an initrd", 9 };
		struct boot_result r = must_load(&req, &m);
		assert_int_equal(r.protocol, BOOT_MULTIBOOT);
		/* Memory, command line, modules, memory map, loader: neither VBE (bit 11) nor a
		 * frame buffer (bit 12). */
		assert_int_equal(machine_u32(&m, r.state.rbx), 0x24d);
		assert_int_equal(r.initrd.v & 0xfff, 0);
		for (uint64_t at = 72; at < 88; at += 4)
			assert_int_equal(machine_u32(&m, r.state.rbx + at), 0);
		image_free(&k);
	}
	machine_done(&m);
}

/* The video fields of a header by addresses lie behind them; nobody reads them. */
static void multiboot__addresses_and_video__boots(void **state)
{
	struct machine m;
	struct addresses_options o = addresses_options();
	(void)state;
	o.flags |= 4;
	struct image k = image_addresses(&o);
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_MULTIBOOT);
	assert_int_equal(machine_u32(&m, r.state.rbx) & 0x1800, 0);
	image_free(&k);
	machine_done(&m);
}

static void multiboot__no_elf_and_no_addresses__refused(void **state)
{
	struct addresses_options o = addresses_options();
	(void)state;
	o.flags = 3;
	addresses_refused(&o, -ENOTSUP, "without bit 16 (addresses), and the file is no ELF");
}

static void multiboot_find__each_place__only_aligned_within_8_kib(void **state)
{
	struct addresses_options o = addresses_options();
	struct multiboot_header h;
	static const struct {
		size_t offset;
		bool found;
	} rows[] = { { 0, true }, { 4, true }, { 2, false }, { 8192 - 32, true },
		{ 8192 - 28, false }, { 8192, false } };
	(void)state;
	o.size = 16384;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		o.header_offset = rows[i].offset;
		struct image k = image_addresses(&o);
		assert_int_equal(multiboot_find(k.data, k.size, &h), rows[i].found);
		if (rows[i].found)
			assert_int_equal(h.offset, rows[i].offset);
		image_free(&k);
	}
}

static void multiboot_find__wrong_checksum__not_found(void **state)
{
	struct addresses_options o = addresses_options();
	struct multiboot_header h;
	struct image k = image_addresses(&o);
	(void)state;
	k.data[256 + 8] ^= 1;
	assert_false(multiboot_find(k.data, k.size, &h));
	image_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multiboot__elf32_with_modules__info_is_right),
		cmocka_unit_test(multiboot__initrd__is_first_module),
		cmocka_unit_test(multiboot__kernel_at_top_of_ram__modules_below_it),
		cmocka_unit_test(multiboot__modules_larger_than_ram__refused),
		cmocka_unit_test(multiboot__elf64_linked_high__entry_made_physical),
		cmocka_unit_test(multiboot__addresses__loaded_by_them),
		cmocka_unit_test(multiboot__addresses_begin_within_file__offset_obeyed),
		cmocka_unit_test(multiboot__bad_addresses__refused),
		cmocka_unit_test(multiboot__flags_that_demand__refused),
		cmocka_unit_test(multiboot__flags_that_wish__boots_and_info_says_what_there_is),
		cmocka_unit_test(multiboot__addresses_and_video__boots),
		cmocka_unit_test(multiboot__no_elf_and_no_addresses__refused),
		cmocka_unit_test(multiboot_find__each_place__only_aligned_within_8_kib),
		cmocka_unit_test(multiboot_find__wrong_checksum__not_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
