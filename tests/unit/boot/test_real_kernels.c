/* SPDX-License-Identifier: MIT */
/*
 * Unmodified kernels of a distribution through the loaders. NESTOR_LAB_KERNELS names the directory
 * that tests/lab/tools/fetch-kernels fills; without it the program exits with 77, and where a
 * kernel is absent, its test says so and skips.
 */
#include "boot_test.h"

#include "base/input_file.h"

#include <stdio.h>

static bool open_kernel(const char *name, struct input_file *ret_file, char *path, size_t n)
{
	struct err e = ERR_INIT;
	(void)snprintf(path, n, "%s/%s", getenv("NESTOR_LAB_KERNELS"), name);
	if (input_file_read(ret_file, path, GIB, &e) < 0) {
		print_message("SKIP: %s\n", e.msg);
		return false;
	}
	return true;
}

static void check_linux(const char *name, enum boot_compression c)
{
	struct input_file in = { 0 };
	char path[4096];
	struct machine m;
	struct boot_info info = { 0 };
	if (!open_kernel(name, &in, path, sizeof(path)))
		skip();
	struct boot_file file = { path, in.data, in.size };
	assert_int_equal(boot_inspect(&file, &info, NULL), 0);
	assert_true(info.is_bzimage && info.payload_is_kernel && info.payload_has_pvh);
	assert_int_equal(info.payload_compression, c);
	assert_non_null(strstr(info.version, "debian"));
	machine_init(&m, 256 * MIB);
	struct boot_request req = { .kernel = file, .plan = &m.plan, .ram_is_zero = true };
	assert_int_equal(must_load(&req, &m).state.rip, info.entry[BOOT_LINUX64]);
	machine_done(&m);
	/* Unpacked into fresh RAM, and into RAM full of ones: the same code, byte for byte. */
	struct machine dirty;
	machine_init(&m, 256 * MIB);
	machine_init(&dirty, 256 * MIB);
	(void)memset(dirty.ram + 16 * MIB, 0xff, 128 * MIB);
	req.decompress_on_host = req.decompress_required = true;
	struct boot_result r = must_load(&req, &m);
	assert_true(r.decompressed);
	assert_int_equal(r.state.rip, info.payload_entry);
	req.plan = &dirty.plan;
	req.ram_is_zero = false;
	(void)must_load(&req, &dirty);
	assert_memory_equal(m.ram + 16 * MIB, dirty.ram + 16 * MIB, 16 * MIB);
	req.protocol_forced = true;
	req.protocol = BOOT_PVH;
	assert_int_equal(must_load(&req, &dirty).state.rip, info.payload_pvh_entry);
	machine_done(&dirty);
	machine_done(&m);
	input_file_close(&in);
}

/* What the guest finds does not tell whether pages were moved to it or copied. */
static void linux_6_12__pages_moved_or_copied__the_same_ram(void **state)
{
	(void)state;
	struct input_file in = { 0 };
	char path[4096];
	struct machine moved, copied;
	if (!open_kernel("kernels/cloud-6.12/vmlinuz", &in, path, sizeof(path)))
		skip();
	machine_init(&moved, 512 * MIB);
	machine_init(&copied, 512 * MIB);
	copied.mem.regions[0].is_private = false;
	struct boot_request req = { .kernel = { path, in.data, in.size },
		.plan = &moved.plan,
		.ram_is_zero = true,
		.decompress_on_host = true,
		.decompress_required = true,
		.kaslr = BOOT_KASLR_ON,
		.random = { UINT64_C(0x123456789abcdef), UINT64_C(0xfedcba987654321) } };
	struct boot_result r = must_load(&req, &moved);
	assert_true(r.randomized && r.virtual_delta != 0);
	assert_int_equal(must_load(&req, &copied).kernel.v, r.kernel.v);
	assert_memory_equal(moved.ram, copied.ram, 512 * MIB);
	machine_done(&moved);
	machine_done(&copied);
	input_file_close(&in);
}

static void linux_6_1__lz4_payload__each_way(void **state)
{
	(void)state;
	check_linux("kernels/cloud-6.1/vmlinuz", BOOT_COMPRESSION_LZ4);
}

static void linux_6_12__zstd_payload__each_way(void **state)
{
	(void)state;
	check_linux("kernels/cloud-6.12/vmlinuz", BOOT_COMPRESSION_ZSTD);
}

static void linux_generic__xz_payload__each_way(void **state)
{
	(void)state;
	check_linux("kernels/generic-6.1/vmlinuz", BOOT_COMPRESSION_XZ);
}

static void memtest__smallest_guest__loaded_at_1_mib(void **state)
{
	struct input_file in = { 0 };
	char path[4096];
	struct machine m;
	(void)state;
	if (!open_kernel("memtest/memtest86+x64.bin", &in, path, sizeof(path)))
		skip();
	machine_init(&m, 16 * MIB);
	struct boot_request req = {
		.kernel = { path, in.data, in.size }, .plan = &m.plan, .decompress_on_host = true
	};
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_LINUX64);
	assert_int_equal(r.state.rip, MIB + 0x200);
	/* There is nothing to unpack, which is worth no word. */
	assert_string_equal(r.note, "");
	assert_false(r.decompressed);
	machine_done(&m);
	input_file_close(&in);
}

static void xen__gzip_of_multiboot_elf32__with_modules(void **state)
{
	struct input_file in = { 0 };
	char path[4096];
	struct machine m;
	struct boot_module module = { { "dom0", (const uint8_t *)"dom0", 4 }, "console=hvc0" };
	(void)state;
	if (!open_kernel("xen/xen.gz", &in, path, sizeof(path)))
		skip();
	machine_init(&m, 256 * MIB);
	struct boot_request req = { .kernel = { path, in.data, in.size },
		.plan = &m.plan,
		.modules = &module,
		.nr_modules = 1 };
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_MULTIBOOT);
	assert_true(r.decompressed);
	assert_int_equal(r.kernel.v, 2 * MIB);
	assert_int_equal(machine_u32(&m, r.state.rbx + 20), 1);
	machine_done(&m);
	input_file_close(&in);
}

int main(void)
{
	const char *dir = getenv("NESTOR_LAB_KERNELS");
	if (!dir || !*dir) {
		(void)printf("SKIP: NESTOR_LAB_KERNELS is not set: no real kernels\n");
		return 77;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linux_6_1__lz4_payload__each_way),
		cmocka_unit_test(linux_6_12__zstd_payload__each_way),
		cmocka_unit_test(linux_6_12__pages_moved_or_copied__the_same_ram),
		cmocka_unit_test(linux_generic__xz_payload__each_way),
		cmocka_unit_test(memtest__smallest_guest__loaded_at_1_mib),
		cmocka_unit_test(xen__gzip_of_multiboot_elf32__with_modules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
