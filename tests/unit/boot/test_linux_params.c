/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/layout.h"

#define PARAMS LAYOUT_PARAMS

static void bzimage__entry64__code_header_and_state(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.cmdline = "console=ttyS0 quiet";
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_LINUX64);
	assert_false(r.decompressed);
	assert_string_equal(r.note, "");
	assert_int_equal(r.kernel.v, 16 * MIB);
	assert_int_equal(r.initrd.v, 0);
	assert_int_equal(r.state.rip, 16 * MIB + 0x200);
	assert_int_equal(r.state.rsi, PARAMS);
	assert_memory_equal(machine_at(&m, 16 * MIB, 8192), k.data + BZIMAGE_TEST_CODE, 8192);
	/* The setup header, up to its end and not a byte further. */
	const uint8_t *p = machine_at(&m, PARAMS, 4096);
	assert_memory_equal(p + 0x230, k.data + 0x230, 0x250 - 0x230);
	assert_memory_equal(p + 0x258, k.data + 0x258, 0x26c - 0x258);
	assert_int_equal(get_u32(p + 0x26c), 0);
	assert_int_equal(p[0x1f1], k.data[0x1f1]);
	assert_int_equal(p[0x1ef], 0);                  /* sentinel */
	assert_int_equal(p[0x210], 0xff);               /* type_of_loader */
	assert_int_equal(p[0x211], 0x01);               /* loadflags */
	assert_int_equal(get_u32(p + 0x214), 16 * MIB); /* code32_start */
	assert_int_equal(get_u64(p + 0x250), 0);        /* setup_data: what the file had is gone */
	assert_int_equal(get_u64(p + 0x070), PLAN_ACPI_BASE);
	assert_string_equal(machine_string(&m, get_u32(p + 0x228)), "console=ttyS0 quiet");
	machine_done(&m);
	image_free(&k);
}

static void bzimage__no_cmdline__default_console(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	(void)must_load(&req, &m);
	assert_string_equal(machine_string(&m, machine_u32(&m, PARAMS + 0x228)), "console=ttyS0");
	machine_done(&m);
	image_free(&k);
}

static void bzimage__no_entry64__entered_in_protected_mode(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	(void)state;
	o.xloadflags = 0;
	struct image k = image_bzimage(&o);
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_LINUX32);
	assert_int_equal(r.state.rip, 16 * MIB);
	assert_int_equal(r.state.rsi, PARAMS);
	assert_int_equal(r.state.rbp | r.state.rdi | r.state.rbx, 0);
	assert_int_equal(r.state.efer, 0);
	machine_done(&m);
	image_free(&k);
}

static void bzimage__version_below_2_14__rsdp_left_to_the_kernel(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	(void)state;
	o.version = 0x20d;
	struct image k = image_bzimage(&o);
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	(void)must_load(&req, &m);
	assert_int_equal(machine_u64(&m, PARAMS + 0x070), 0);
	machine_done(&m);
	image_free(&k);
}

static void bzimage__plan__e820_is_the_plans(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	(void)state;
	machine_init(&m, 4 * GIB);
	struct boot_request req = request(&m, &k);
	(void)must_load(&req, &m);
	assert_int_equal(*machine_at(&m, PARAMS + 0x1e8, 1), 4);
	for (uint64_t i = 0; i < 4; i++) {
		uint64_t entry = PARAMS + 0x2d0 + i * 20;
		assert_int_equal(machine_u64(&m, entry), m.plan.e820.entries[i].base);
		assert_int_equal(machine_u64(&m, entry + 8), m.plan.e820.entries[i].size_bytes);
		assert_int_equal(machine_u32(&m, entry + 16), m.plan.e820.entries[i].type);
	}
	assert_int_equal(machine_u64(&m, PARAMS + 0x2d0 + 80 + 8), 0);
	machine_done(&m);
	image_free(&k);
}

static void cmdline__as_long_as_kernel_takes__loaded(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	char text[257] = "";
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	(void)memset(text, 'a', 255);
	req.cmdline = text;
	(void)must_load(&req, &m);
	text[255] = 'a';
	must_refuse(
		&req, &m, -E2BIG, "has 256 bytes; this kernel takes at most 255 (cmdline_size)");
	machine_done(&m);
	image_free(&k);
}

static void cmdline__kernel_takes_anything__limited_by_room(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	(void)state;
	o.cmdline_size = 0xffffffff;
	struct image k = image_bzimage(&o);
	char *text = calloc(1, LAYOUT_STRINGS_BYTES + 1);
	assert_non_null(text);
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	(void)memset(text, 'a', LAYOUT_STRINGS_BYTES);
	req.cmdline = text;
	must_refuse(&req, &m, -E2BIG, "has 65536 bytes; 65535 of the 65536");
	text[LAYOUT_STRINGS_BYTES - 1] = '\0';
	(void)must_load(&req, &m);
	free(text);
	machine_done(&m);
	image_free(&k);
}

/* An initrd that is never read as a whole: only its size matters to most of these. */
static struct boot_result load_initrd(
	struct machine *m, const struct bzimage_options *o, const struct image *initrd)
{
	struct image k = image_bzimage(o);
	struct boot_request req = request(m, &k);
	req.initrd = image_file(initrd, "an/initrd");
	struct boot_result r = must_load(&req, m);
	image_free(&k);
	return r;
}

static struct image filled(size_t size)
{
	struct image image = { malloc(size), size };
	assert_non_null(image.data);
	image_fill(image.data, size, 9);
	return image;
}

static void initrd__room_below_limit__highest_page(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image initrd = filled(5000);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_result r = load_initrd(&m, &o, &initrd);
	assert_int_equal(r.initrd.v, 32 * MIB - 8192);
	assert_int_equal(machine_u32(&m, PARAMS + 0x218), 32 * MIB - 8192);
	assert_int_equal(machine_u32(&m, PARAMS + 0x21c), 5000);
	assert_int_equal(machine_u32(&m, PARAMS + 0x0c0), 0);
	assert_int_equal(machine_u32(&m, PARAMS + 0x0c4), 0);
	assert_memory_equal(machine_at(&m, r.initrd.v, 5000), initrd.data, 5000);
	machine_done(&m);
	image_free(&initrd);
}

static void initrd__initrd_addr_max__obeyed(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image initrd = filled(4096);
	(void)state;
	o.initrd_addr_max = 24 * MIB - 1;
	machine_init(&m, 64 * MIB);
	assert_int_equal(load_initrd(&m, &o, &initrd).initrd.v, 24 * MIB - 4096);
	machine_done(&m);
	image_free(&initrd);
}

static void initrd__only_room_below_kernel__there(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image initrd = filled(8 * MIB);
	(void)state;
	machine_init(&m, 20 * MIB); /* the kernel has the top four MiB while it unpacks itself */
	assert_int_equal(load_initrd(&m, &o, &initrd).initrd.v, 8 * MIB);
	machine_done(&m);
	image_free(&initrd);
}

static void initrd__no_room_below_limit__above_if_kernel_can(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image initrd = filled(40 * MIB);
	(void)state;
	o.initrd_addr_max = 32 * MIB - 1;
	machine_init(&m, 3 * GIB + 64 * MIB);
	struct boot_result r = load_initrd(&m, &o, &initrd);
	assert_int_equal(r.initrd.v, 4 * GIB + 24 * MIB);
	assert_int_equal(machine_u32(&m, PARAMS + 0x218), 24 * MIB);
	assert_int_equal(machine_u32(&m, PARAMS + 0x0c0), 1);
	assert_memory_equal(
		machine_at(&m, r.initrd.v + 40 * MIB - 64, 64), initrd.data + 40 * MIB - 64, 64);

	o.xloadflags = 0x1;
	struct image k = image_bzimage(&o);
	struct boot_request req = request(&m, &k);
	req.initrd = image_file(&initrd, "an/initrd");
	must_refuse(&req, &m, -ENOSPC,
		"an/initrd: initrd: no room for its 41943040 bytes in "
		"[0x100000, 0x1ffffff], whatever the memory");
	image_free(&k);
	machine_done(&m);
	image_free(&initrd);
}

static void initrd__larger_than_ram__refused_with_size_that_would_do(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	struct image initrd = filled(40 * MIB);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.initrd = image_file(&initrd, "an/initrd");
	must_refuse(&req, &m, -ENOSPC,
		"an/initrd: initrd: no room for its 41943040 bytes: with all else it "
		"needs at least 61 MiB of memory; the guest has 32 MiB");
	machine_done(&m);
	machine_init(&m, 61 * MIB);
	req.plan = &m.plan;
	(void)must_load(&req, &m);
	machine_done(&m);
	image_free(&initrd);
	image_free(&k);
}

static void initrd__addr_max_too_low__refused(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image initrd = filled(4096);
	(void)state;
	o.initrd_addr_max = 0;
	struct image k = image_bzimage(&o);
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.initrd = image_file(&initrd, "an/initrd");
	must_refuse(&req, &m, -EINVAL, "initrd_addr_max is 0");
	machine_done(&m);
	image_free(&initrd);
	image_free(&k);
}

static void device_tree__linux__in_setup_data(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	struct image tree = filled(1000);
	struct image initrd = filled(4096);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.initrd = image_file(&initrd, "an/initrd");
	req.device_tree = tree.data;
	req.device_tree_size = tree.size;
	(void)must_load(&req, &m);
	uint64_t node = machine_u64(&m, PARAMS + 0x250);
	assert_int_equal(node, 32 * MIB - 2 * 4096);
	assert_int_equal(machine_u64(&m, node), 0);     /* next */
	assert_int_equal(machine_u32(&m, node + 8), 2); /* SETUP_DTB */
	assert_int_equal(machine_u32(&m, node + 12), 1000);
	assert_memory_equal(machine_at(&m, node + 16, 1000), tree.data, 1000);
	machine_done(&m);
	image_free(&initrd);
	image_free(&tree);
	image_free(&k);
}

static void device_tree__kernel_without_setup_data__refused(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	(void)state;
	o.version = 0x208;
	o.relocatable = 0;
	struct image k = image_bzimage(&o);
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.device_tree = (const uint8_t *)"tree";
	req.device_tree_size = 4;
	must_refuse(&req, &m, -ENOTSUP, "version 2.08 has no setup_data");
	machine_done(&m);
	image_free(&k);
}

static void modules__linux__refused(void **state)
{
	struct machine m;
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	struct boot_module module = { { "a/module", (const uint8_t *)"x", 1 }, NULL };
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.modules = &module;
	req.nr_modules = 1;
	must_refuse(&req, &m, -ENOTSUP, "takes one initrd and no modules");
	machine_done(&m);
	image_free(&k);
}

static void vmlinux__no_pvh_note__linux64_at_e_entry(void **state)
{
	struct machine m;
	struct elf_options o = elf_options_linux();
	struct image k = image_elf(&o);
	struct image initrd = filled(4096);
	char text[2049] = "";
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.initrd = image_file(&initrd, "an/initrd");
	(void)memset(text, 'b', 2047);
	req.cmdline = text;
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_LINUX64);
	assert_int_equal(r.state.rip, 16 * MIB + 0x40);
	assert_int_equal(r.state.rsi, PARAMS);
	assert_int_equal(r.kernel.v, 16 * MIB);
	assert_memory_equal(machine_at(&m, 16 * MIB, 8192), k.data + ELF_TEST_DATA, 8192);
	assert_memory_equal(machine_at(&m, PARAMS + 0x202, 4), "HdrS", 4);
	assert_int_equal(machine_u32(&m, PARAMS + 0x206) & 0xffff, 0x20f);
	assert_int_equal(machine_u32(&m, PARAMS + 0x218), 32 * MIB - 4096);
	assert_int_equal(machine_u64(&m, PARAMS + 0x070), PLAN_ACPI_BASE);
	text[2047] = 'b';
	must_refuse(&req, &m, -E2BIG, "at most 2047");
	machine_done(&m);
	image_free(&initrd);
	image_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bzimage__entry64__code_header_and_state),
		cmocka_unit_test(bzimage__no_cmdline__default_console),
		cmocka_unit_test(bzimage__no_entry64__entered_in_protected_mode),
		cmocka_unit_test(bzimage__version_below_2_14__rsdp_left_to_the_kernel),
		cmocka_unit_test(bzimage__plan__e820_is_the_plans),
		cmocka_unit_test(cmdline__as_long_as_kernel_takes__loaded),
		cmocka_unit_test(cmdline__kernel_takes_anything__limited_by_room),
		cmocka_unit_test(initrd__room_below_limit__highest_page),
		cmocka_unit_test(initrd__initrd_addr_max__obeyed),
		cmocka_unit_test(initrd__only_room_below_kernel__there),
		cmocka_unit_test(initrd__no_room_below_limit__above_if_kernel_can),
		cmocka_unit_test(initrd__larger_than_ram__refused_with_size_that_would_do),
		cmocka_unit_test(initrd__addr_max_too_low__refused),
		cmocka_unit_test(device_tree__linux__in_setup_data),
		cmocka_unit_test(device_tree__kernel_without_setup_data__refused),
		cmocka_unit_test(modules__linux__refused),
		cmocka_unit_test(vmlinux__no_pvh_note__linux64_at_e_entry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
