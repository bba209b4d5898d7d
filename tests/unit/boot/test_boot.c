/* SPDX-License-Identifier: MIT */
/* boot_load's choices: which protocol, and who unpacks. What each protocol then does is tested with
 * it. */
#include "boot_test.h"

#include "boot/layout.h"

#include <elf.h>

static struct image vmlinux(bool pvh)
{
	struct elf_options o = elf_options_linux();
	o.linux_note = true;
	o.pvh_note_size = pvh ? 8 : 0;
	o.pvh_entry = 16 * MIB + 0x80;
	return image_elf(&o);
}

static struct image bzimage_of(enum boot_compression c, const struct image *plain)
{
	struct image payload = image_payload(c, plain);
	struct bzimage_options o = bzimage_options();
	o.payload = &payload;
	struct image image = image_bzimage(&o);
	image_free(&payload);
	return image;
}

static void auto__elf_with_pvh_note__pvh(void **state)
{
	struct machine m;
	struct image k = vmlinux(true);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	struct boot_result r = must_load(&req, &m);
	assert_int_equal(r.protocol, BOOT_PVH);
	assert_int_equal(r.state.rip, 16 * MIB + 0x80);
	machine_done(&m);
	image_free(&k);
}

static void auto__pvh_and_multiboot__multiboot_only_with_modules(void **state)
{
	struct machine m;
	struct elf_options o = elf_options();
	struct boot_module module = { { "m", (const uint8_t *)"x", 1 }, NULL };
	(void)state;
	o.pvh_note_size = 4;
	o.pvh_entry = MIB;
	o.multiboot = true;
	struct image k = image_elf(&o);
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	assert_int_equal(must_load(&req, &m).protocol, BOOT_PVH);
	req.modules = &module;
	req.nr_modules = 1;
	assert_int_equal(must_load(&req, &m).protocol, BOOT_MULTIBOOT);
	machine_done(&m);
	image_free(&k);
}

static void forced__offered__taken(void **state)
{
	struct machine m;
	struct bzimage_options bo = bzimage_options();
	struct image bz = image_bzimage(&bo);
	struct image elf = vmlinux(true);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &bz);
	req.protocol_forced = true;
	req.protocol = BOOT_LINUX32;
	assert_int_equal(must_load(&req, &m).state.rip, 16 * MIB);
	req = request(&m, &elf);
	req.protocol_forced = true;
	req.protocol = BOOT_LINUX64;
	assert_int_equal(must_load(&req, &m).state.rip, 16 * MIB + 0x40);
	machine_done(&m);
	image_free(&elf);
	image_free(&bz);
}

static void forced__not_offered__refused_with_reason_and_offers(void **state)
{
	struct machine m;
	struct bzimage_options bo = bzimage_options();
	struct image bz = image_bzimage(&bo);
	struct image elf = vmlinux(true);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &bz);
	req.protocol_forced = true;
	req.protocol = BOOT_MULTIBOOT;
	must_refuse(&req, &m, -ENOTSUP,
		"no Multiboot header in its first 8 KiB; offered: linux64, linux32");
	req.protocol = BOOT_PVH;
	must_refuse(&req, &m, -ENOTSUP, "has no compressed payload");
	req.protocol = (enum boot_protocol)7;
	must_refuse(&req, &m, -EINVAL, "no boot protocol number 7");
	req = request(&m, &elf);
	req.protocol_forced = true;
	req.protocol = BOOT_LINUX32;
	must_refuse(&req, &m, -ENOTSUP,
		"only a bzImage and a 32-bit vmlinux have a 32-bit entry; offered: linux64, pvh");
	machine_done(&m);
	image_free(&elf);
	image_free(&bz);
}

static void nothing_offered__each_kind__refused_with_all_reasons(void **state)
{
	struct machine m;
	struct elf_options o = elf_options();
	(void)state;
	machine_init(&m, 16 * MIB);
	struct image k = image_copy("\x01\x02\x03 of no kind", 14);
	struct boot_request req = request(&m, &k);
	must_refuse(&req, &m, -ENOTSUP,
		"neither a bzImage (no \"HdrS\" at 0x202) nor ELF; Multiboot: no");
	image_free(&k);
	k = image_elf(&o);
	req = request(&m, &k);
	must_refuse(&req, &m, -ENOTSUP, "no note of owner \"Linux\" and is not linked as Linux is");
	image_free(&k);
	o.linux_note = true;
	o.entry = 5 * MIB;
	k = image_elf(&o);
	req = request(&m, &k);
	must_refuse(
		&req, &m, -ENOTSUP, "its e_entry, 0x500000, is no physical address in a segment");
	image_free(&k);
	o.is_64_bit = false;
	o.machine = EM_386;
	k = image_elf(&o);
	req = request(&m, &k);
	must_refuse(&req, &m, -ENOTSUP, "Linux: it is not for x86-64");
	image_free(&k);
	k = image_copy("", 0);
	req = request(&m, &k);
	must_refuse(&req, &m, -EINVAL, "dir/test-kernel: the file is empty");
	image_free(&k);
	machine_done(&m);
}

static void decompress_on_host__each_format__vmlinux_loaded(void **state)
{
	static const enum boot_compression formats[] = { BOOT_COMPRESSION_GZIP, BOOT_COMPRESSION_XZ,
		BOOT_COMPRESSION_ZSTD, BOOT_COMPRESSION_LZ4, BOOT_COMPRESSION_LZ4_FRAME };
	struct image elf = vmlinux(false);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct machine m;
		struct image k = bzimage_of(formats[i], &elf);
		machine_init(&m, 32 * MIB);
		struct boot_request req = request(&m, &k);
		req.decompress_on_host = req.decompress_required = true;
		struct boot_result r = must_load(&req, &m);
		assert_true(r.decompressed);
		assert_string_equal(r.note, "");
		assert_int_equal(r.protocol, BOOT_LINUX64);
		assert_int_equal(r.state.rip, 16 * MIB + 0x40);
		assert_memory_equal(machine_at(&m, 16 * MIB, 8192), elf.data + ELF_TEST_DATA, 8192);
		/* With the bzImage's setup header. */
		assert_memory_equal(
			machine_at(&m, LAYOUT_PARAMS + 0x258, 0x14), k.data + 0x258, 0x14);
		machine_done(&m);
		image_free(&k);
	}
	image_free(&elf);
}

static void decompress_on_host__small_ram__init_size_not_needed(void **state)
{
	struct machine m;
	struct image elf = vmlinux(false);
	struct image k = bzimage_of(BOOT_COMPRESSION_ZSTD, &elf);
	(void)state;
	machine_init(
		&m, 17 * MIB); /* the kernel has 16 KiB; to unpack itself it would want 4 MiB */
	struct boot_request req = request(&m, &k);
	must_refuse(&req, &m, -ENOSPC, "needs 20 MiB of memory; the guest has 17");
	req.decompress_on_host = true;
	assert_true(must_load(&req, &m).decompressed);
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void decompress_on_host__unknown_format__left_to_guest_unless_required(void **state)
{
	static const struct {
		const char *magic, *why;
	} rows[] = { { "BZh91AY&SY.........", "compressed as bzip2, which nestor cannot unpack" },
		{ "??????????????", "the payload begins with 3f 3f" } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct machine m;
		struct image payload = image_copy(rows[i].magic, strlen(rows[i].magic));
		struct bzimage_options o = bzimage_options();
		o.payload = &payload;
		struct image k = image_bzimage(&o);
		machine_init(&m, 32 * MIB);
		struct boot_request req = request(&m, &k);
		req.decompress_on_host = true;
		struct boot_result r = must_load(&req, &m);
		assert_false(r.decompressed);
		assert_contains(r.note, rows[i].why);
		assert_int_equal(r.state.rip, 16 * MIB + 0x200);
		req.decompress_required = true;
		must_refuse(&req, &m, -ENOTSUP, rows[i].why);
		machine_done(&m);
		image_free(&k);
		image_free(&payload);
	}
}

static void decompress_on_host__payload_is_no_kernel__left_to_guest(void **state)
{
	struct machine m;
	struct elf_options o = elf_options();
	struct image elf = image_elf(&o);
	struct image k = bzimage_of(BOOT_COMPRESSION_XZ, &elf);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.decompress_on_host = true;
	struct boot_result r = must_load(&req, &m);
	assert_false(r.decompressed);
	assert_contains(r.note, "not linked as Linux is");
	req.protocol_forced = true;
	req.protocol = BOOT_LINUX32;
	assert_string_equal(must_load(&req, &m).note, "");
	req.decompress_required = true;
	must_refuse(&req, &m, -ENOTSUP, "the 32-bit protocol enters the code that unpacks");
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void decompress_on_host__damaged_payload__refused(void **state)
{
	struct machine m;
	struct image elf = vmlinux(false);
	struct image k = bzimage_of(BOOT_COMPRESSION_XZ, &elf);
	size_t payload = BZIMAGE_TEST_CODE + BZIMAGE_TEST_PAYLOAD_OFFSET;
	uint32_t size = get_u32(k.data + 0x24c);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.decompress_on_host = true;
	k.data[payload + 100] ^= 0xff;
	must_refuse(&req, &m, -EINVAL, "dir/test-kernel: payload: the xz data are damaged");
	k.data[payload + 100] ^= 0xff;
	/* The size behind the stream: too small, too large, absurd. */
	put_u32(k.data + payload + size - 4, (uint32_t)elf.size - 1);
	must_refuse(&req, &m, -EFBIG, "unpacks to more than");
	put_u32(k.data + payload + size - 4, (uint32_t)elf.size + 1);
	must_refuse(&req, &m, -EINVAL, "its last 4 bytes promise");
	put_u32(k.data + payload + size - 4, 0);
	must_refuse(&req, &m, -EINVAL, "given as 0");
	put_u32(k.data + payload + size - 4, 33 * MIB);
	must_refuse(&req, &m, -ENOSPC, "more than the guest's memory of 32 MiB");
	put_u32(k.data + payload + size - 4, 0xffffffff);
	req.decompress_required = true;
	must_refuse(&req, &m, -ENOTSUP, "nestor unpacks at most 536870912");
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void forced_pvh__bzimage_with_note_in_payload__unpacked_and_loaded(void **state)
{
	struct machine m;
	struct image elf = vmlinux(true);
	struct image k = bzimage_of(BOOT_COMPRESSION_LZ4, &elf);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.protocol_forced = true;
	req.protocol = BOOT_PVH;
	struct boot_result r = must_load(&req, &m);
	assert_true(r.decompressed);
	assert_int_equal(r.protocol, BOOT_PVH);
	assert_int_equal(r.state.rip, 16 * MIB + 0x80);
	assert_int_equal(machine_u32(&m, r.state.rbx), 0x336ec578);
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void forced_pvh__bzimage_without_note__refused(void **state)
{
	struct machine m;
	struct image elf = vmlinux(false);
	struct image k = bzimage_of(BOOT_COMPRESSION_LZ4, &elf);
	(void)state;
	machine_init(&m, 32 * MIB);
	struct boot_request req = request(&m, &k);
	req.protocol_forced = true;
	req.protocol = BOOT_PVH;
	must_refuse(&req, &m, -ENOTSUP, "no note PHYS32_ENTRY of owner \"Xen\"; offered: linux64");
	machine_done(&m);
	image_free(&k);
	image_free(&elf);
}

static void wholly_compressed__each_format__unpacked_first(void **state)
{
	static const enum boot_compression formats[] = { BOOT_COMPRESSION_GZIP, BOOT_COMPRESSION_XZ,
		BOOT_COMPRESSION_ZSTD, BOOT_COMPRESSION_LZ4, BOOT_COMPRESSION_LZ4_FRAME };
	struct elf_options o = elf_options();
	(void)state;
	o.multiboot = true;
	struct image elf = image_elf(&o);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct machine m;
		struct image k = image_compress(formats[i], &elf);
		machine_init(&m, 16 * MIB);
		struct boot_request req = request(&m, &k);
		struct boot_result r = must_load(&req, &m);
		assert_int_equal(r.protocol, BOOT_MULTIBOOT);
		assert_true(r.decompressed);
		assert_memory_equal(machine_at(&m, MIB, 8192), elf.data + ELF_TEST_DATA, 8192);
		machine_done(&m);
		image_free(&k);
	}
	image_free(&elf);
}

static void wholly_compressed__bomb__refused_at_guest_size(void **state)
{
	struct machine m;
	struct image zeros = { calloc(1, 20 * MIB), 20 * MIB };
	(void)state;
	assert_non_null(zeros.data);
	struct image k = image_compress(BOOT_COMPRESSION_GZIP, &zeros);
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	must_refuse(&req, &m, -EFBIG, "dir/test-kernel: unpacks to more than the 16777216 bytes");
	machine_done(&m);
	image_free(&k);
	image_free(&zeros);
}

static void wholly_compressed__format_not_supported__refused(void **state)
{
	struct machine m;
	struct image k = image_copy("BZh91AY&SY..........", 20);
	(void)state;
	machine_init(&m, 16 * MIB);
	struct boot_request req = request(&m, &k);
	must_refuse(&req, &m, -ENOTSUP, "compressed as bzip2, which nestor cannot unpack");
	machine_done(&m);
	image_free(&k);
}

static void bios_data_area__any_protocol__says_where_conventional_memory_ends(void **state)
{
	struct machine m;
	struct image k = vmlinux(true);
	(void)state;
	machine_init(&m, 32 * MIB);
	m.plan.nr_serials = 2;
	m.plan.serials[0].port = 0x3f8;
	m.plan.serials[1].port = 0x2f8;
	struct boot_request req = request(&m, &k);
	(void)must_load(&req, &m);
	assert_int_equal(machine_u64(&m, 0x400), 0x02f803f8); /* COM1, COM2; COM3 and COM4: none */
	assert_int_equal(machine_u32(&m, 0x40e) & 0xffff, 0x9fc0);
	assert_int_equal(machine_u32(&m, 0x413) & 0xffff, 639);
	assert_int_equal(m.ram[PLAN_EBDA_BASE], 1);
	machine_done(&m);
	image_free(&k);
}

static void names__each_protocol__as_in_config(void **state)
{
	(void)state;
	assert_string_equal(boot_protocol_name(BOOT_LINUX64), "linux64");
	assert_string_equal(boot_protocol_name(BOOT_LINUX32), "linux32");
	assert_string_equal(boot_protocol_name(BOOT_PVH), "pvh");
	assert_string_equal(boot_protocol_name(BOOT_MULTIBOOT), "multiboot");
	assert_string_equal(boot_default_cmdline(BOOT_LINUX64), "console=ttyS0");
	assert_string_equal(boot_default_cmdline(BOOT_LINUX32), "console=ttyS0");
	assert_string_equal(boot_default_cmdline(BOOT_PVH), "");
	assert_string_equal(boot_default_cmdline(BOOT_MULTIBOOT), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auto__elf_with_pvh_note__pvh),
		cmocka_unit_test(auto__pvh_and_multiboot__multiboot_only_with_modules),
		cmocka_unit_test(forced__offered__taken),
		cmocka_unit_test(forced__not_offered__refused_with_reason_and_offers),
		cmocka_unit_test(nothing_offered__each_kind__refused_with_all_reasons),
		cmocka_unit_test(decompress_on_host__each_format__vmlinux_loaded),
		cmocka_unit_test(decompress_on_host__small_ram__init_size_not_needed),
		cmocka_unit_test(decompress_on_host__unknown_format__left_to_guest_unless_required),
		cmocka_unit_test(decompress_on_host__payload_is_no_kernel__left_to_guest),
		cmocka_unit_test(decompress_on_host__damaged_payload__refused),
		cmocka_unit_test(forced_pvh__bzimage_with_note_in_payload__unpacked_and_loaded),
		cmocka_unit_test(forced_pvh__bzimage_without_note__refused),
		cmocka_unit_test(wholly_compressed__each_format__unpacked_first),
		cmocka_unit_test(wholly_compressed__bomb__refused_at_guest_size),
		cmocka_unit_test(wholly_compressed__format_not_supported__refused),
		cmocka_unit_test(bios_data_area__any_protocol__says_where_conventional_memory_ends),
		cmocka_unit_test(names__each_protocol__as_in_config),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
