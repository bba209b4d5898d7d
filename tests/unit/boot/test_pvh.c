/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/layout.h"

static struct image pvh_kernel(void)
{
	struct elf_options o = elf_options();
	o.pvh_note_size = 4;
	o.pvh_entry = MIB + 0x10;
	return image_elf(&o);
}

static void pvh__initrd_and_modules__start_info_lists_all(void **state)
{
	struct machine m;
	struct image k = pvh_kernel();
	struct boot_module modules[2] = {
		{ { "first", (const uint8_t *)"module one", 10 }, "its arguments" },
		{ { "second", (const uint8_t *)"two", 3 }, NULL },
	};
	(void)state;
	machine_init(&m, 4 * GIB);
	struct boot_request req = request(&m, &k);
	req.cmdline = "com1";
	req.initrd = (struct boot_file){ "initrd", (const uint8_t *)"an initrd", 9 };
	req.modules = modules;
	req.nr_modules = 2;
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_PVH);
	assert_int_equal(r.state.rip, MIB + 0x10);
	assert_int_equal(r.state.cr0, X86_CR0_PE | X86_CR0_ET);
	assert_int_equal(r.kernel.v, MIB);
	assert_memory_equal(machine_at(&m, MIB, 8192), k.data + ELF_TEST_DATA, 8192);

	const uint8_t *si = machine_at(&m, r.state.rbx, 56);
	assert_int_equal(get_u32(si), 0x336ec578);
	assert_int_equal(get_u32(si + 4), 1);
	assert_int_equal(get_u32(si + 8), 0);
	assert_int_equal(get_u32(si + 12), 3);
	assert_string_equal(machine_string(&m, get_u64(si + 24)), "com1");
	assert_int_equal(get_u64(si + 32), PLAN_ACPI_BASE);
	assert_int_equal(get_u32(si + 48), 4);
	const uint8_t *map = machine_at(&m, get_u64(si + 40), 4 * 24);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(get_u64(map + i * 24), m.plan.e820.entries[i].base);
		assert_int_equal(get_u64(map + i * 24 + 8), m.plan.e820.entries[i].size_bytes);
		assert_int_equal(get_u32(map + i * 24 + 16), m.plan.e820.entries[i].type);
	}
	const uint8_t *list = machine_at(&m, get_u64(si + 16), 3 * 32);
	assert_int_equal(get_u64(list), r.initrd.v);
	assert_int_equal(r.initrd.v, 3 * GIB - 4096);
	assert_int_equal(get_u64(list + 8), 9);
	assert_int_equal(get_u64(list + 16), 0);
	assert_memory_equal(machine_at(&m, get_u64(list), 9), "an initrd", 9);
	assert_int_equal(get_u64(list + 32) & 0xfff, 0);
	assert_memory_equal(machine_at(&m, get_u64(list + 32), 10), "module one", 10);
	assert_string_equal(machine_string(&m, get_u64(list + 48)), "its arguments");
	assert_memory_equal(machine_at(&m, get_u64(list + 64), 3), "two", 3);
	assert_int_equal(get_u64(list + 72), 3);
	machine_done(&m);
	image_free(&k);
}

static void pvh__nothing_else__no_modules(void **state)
{
	struct machine m;
	struct image k = pvh_kernel();
	(void)state;
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(machine_u32(&m, r.state.rbx + 12), 0);
	assert_int_equal(machine_u64(&m, r.state.rbx + 16), 0);
	assert_string_equal(machine_string(&m, machine_u64(&m, r.state.rbx + 24)), "");
	machine_done(&m);
	image_free(&k);
}

static void pvh__linux_kernel__default_console(void **state)
{
	struct machine m;
	struct elf_options o = elf_options_linux();
	(void)state;
	o.pvh_note_size = 8;
	o.pvh_entry = 16 * MIB;
	struct image k = image_elf(&o);
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_PVH);
	assert_string_equal(machine_string(&m, machine_u64(&m, r.state.rbx + 24)), "console=ttyS0");
	machine_done(&m);
	image_free(&k);
}

static void pvh__linux_kernel__cmdline_limit_of_linux(void **state)
{
	struct machine m;
	struct elf_options o = elf_options_linux();
	char text[2049] = "";
	(void)state;
	o.pvh_note_size = 8;
	o.pvh_entry = 16 * MIB;
	struct image k = image_elf(&o);
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	(void)memset(text, 'c', 2048);
	req.cmdline = text;
	must_refuse(&req, &m, -E2BIG, "at most 2047");
	text[2047] = '\0';
	(void)must_load(&req, &m);
	machine_done(&m);
	image_free(&k);
}

static void pvh__too_many_modules__refused(void **state)
{
	struct machine m;
	struct image k = pvh_kernel();
	struct boot_module modules[BOOT_MAX_MODULES + 1];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		modules[i] = (struct boot_module){ { "m", (const uint8_t *)"x", 1 }, NULL };
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	req.modules = modules;
	req.nr_modules = BOOT_MAX_MODULES + 1;
	must_refuse(&req, &m, -E2BIG, "65 modules; at most 64");
	req.nr_modules = BOOT_MAX_MODULES;
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(machine_u32(&m, r.state.rbx + 12), BOOT_MAX_MODULES);
	req.initrd = (struct boot_file){ "initrd", (const uint8_t *)"an initrd", 9 };
	must_refuse(&req, &m, -E2BIG, "64 modules and an initrd");
	req.nr_modules = UINT32_MAX;
	must_refuse(&req, &m, -E2BIG, "4294967295 modules");
	machine_done(&m);
	image_free(&k);
}

static void pvh__empty_module__refused(void **state)
{
	struct machine m;
	struct image k = pvh_kernel();
	struct boot_module module = { { "a/module", NULL, 0 }, NULL };
	(void)state;
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	req.modules = &module;
	req.nr_modules = 1;
	must_refuse(&req, &m, -EINVAL, "a/module: module: the file is empty");
	machine_done(&m);
	image_free(&k);
}

static void pvh__device_tree__refused(void **state)
{
	struct machine m;
	struct image k = pvh_kernel();
	(void)state;
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	req.device_tree = (const uint8_t *)"tree";
	req.device_tree_size = 4;
	must_refuse(&req, &m, -ENOTSUP, "protocol pvh has no place for one");
	machine_done(&m);
	image_free(&k);
}

static void pvh__segments_in_bad_places__refused(void **state)
{
	static const struct {
		uint64_t paddr;
		int code;
		const char *text;
	} rows[] = {
		{ 0x9e000, -ENOSPC, "overlaps the legacy area" },
		{ 0xff000, -ENOSPC, "overlaps the legacy area" },
		{ 3 * GIB, -ENOSPC, "lies in the hole for devices" },
		{ 64 * MIB, -ENOSPC, "needs 65 MiB of memory; the guest has 16 MiB" },
		{ 4 * GIB, -EINVAL, "is in no segment" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct machine m;
		struct elf_options o = elf_options();
		o.segments[0].paddr = rows[i].paddr;
		o.pvh_note_size = 4;
		o.pvh_entry = rows[i].paddr & UINT32_MAX;
		struct image k = image_elf(&o);
		machine_init(&m, 16 * MIB);
		struct boot_request req = request(&m, &k);
		must_refuse(&req, &m, rows[i].code, rows[i].text);
		must_refuse(&req, &m, rows[i].code, "dir/test-kernel: ");
		machine_done(&m);
		image_free(&k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pvh__initrd_and_modules__start_info_lists_all),
		cmocka_unit_test(pvh__nothing_else__no_modules),
		cmocka_unit_test(pvh__linux_kernel__default_console),
		cmocka_unit_test(pvh__linux_kernel__cmdline_limit_of_linux),
		cmocka_unit_test(pvh__too_many_modules__refused),
		cmocka_unit_test(pvh__empty_module__refused),
		cmocka_unit_test(pvh__device_tree__refused),
		cmocka_unit_test(pvh__segments_in_bad_places__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
