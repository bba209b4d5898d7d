/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

static struct boot_info inspect(const struct image *image)
{
	struct boot_info info = { 0 };
	struct err e = ERR_INIT;
	struct boot_file file = image_file(image, "k");
	if (boot_inspect(&file, &info, &e) < 0)
		fail_msg("%s", e.msg);
	return info;
}

static struct image bzimage_of(const struct image *payload)
{
	struct bzimage_options o = bzimage_options();
	o.payload = payload;
	return image_bzimage(&o);
}

static void boot_inspect__bzimage__header_payload_and_entries(void **state)
{
	struct elf_options eo = elf_options_linux();
	(void)state;
	eo.pvh_note_size = 8;
	eo.pvh_entry = 16 * MIB + 0x80;
	struct image elf = image_elf(&eo);
	struct image payload = image_payload(BOOT_COMPRESSION_ZSTD, &elf);
	struct image k = bzimage_of(&payload);
	struct boot_info info = inspect(&k);
	assert_true(info.is_bzimage);
	assert_false(info.is_elf);
	assert_int_equal(info.file_compression, BOOT_COMPRESSION_NONE);
	assert_int_equal(info.file_size, k.size);
	assert_string_equal(info.version, "6.1.0-test (someone)");
	assert_int_equal(info.protocol_major, 2);
	assert_int_equal(info.protocol_minor, 15);
	assert_int_equal(info.preferred, BOOT_LINUX64);
	assert_true(info.offers[BOOT_LINUX64] && info.offers[BOOT_LINUX32]);
	assert_false(info.offers[BOOT_PVH] || info.offers[BOOT_MULTIBOOT]);
	assert_int_equal(info.entry[BOOT_LINUX64], 16 * MIB + 0x200);
	assert_int_equal(info.entry[BOOT_LINUX32], 16 * MIB);
	assert_int_equal(info.init_size, 4 * MIB);
	assert_int_equal(info.cmdline_max, 255);
	assert_true(info.relocatable && info.initrd_above_4g);
	assert_true(info.has_payload && info.payload_is_kernel && info.payload_has_pvh);
	assert_int_equal(info.payload_compression, BOOT_COMPRESSION_ZSTD);
	assert_int_equal(info.payload_offset, BZIMAGE_TEST_CODE + BZIMAGE_TEST_PAYLOAD_OFFSET);
	assert_int_equal(info.payload_size, payload.size);
	assert_int_equal(info.unpacked_payload_size, elf.size);
	assert_int_equal(info.payload_entry, 16 * MIB + 0x40);
	assert_int_equal(info.payload_pvh_entry, 16 * MIB + 0x80);
	assert_string_equal(info.payload_note, "");
	image_free(&k);
	image_free(&payload);
	image_free(&elf);
}

static void boot_inspect__payload_not_readable__note_says_why(void **state)
{
	struct image payload = image_copy("BZh91AY&SY..........", 20);
	struct image k = bzimage_of(&payload);
	(void)state;
	struct boot_info info = inspect(&k);
	assert_true(info.has_payload);
	assert_false(info.payload_is_kernel);
	assert_int_equal(info.payload_compression, BOOT_COMPRESSION_BZIP2);
	assert_contains(info.payload_note, "bzip2");
	image_free(&k);
	image_free(&payload);
}

static void boot_inspect__version_string_hostile__only_what_prints(void **state)
{
	struct bzimage_options o = bzimage_options();
	struct image k = image_bzimage(&o);
	(void)state;
	(void)memcpy(k.data + 0x300, "6.1\x1b[2J", 8);
	assert_string_equal(inspect(&k).version, "6.1");
	(void)memset(k.data + 0x300, 'v', BZIMAGE_TEST_CODE - 0x300); /* no end */
	assert_int_equal(strlen(inspect(&k).version), sizeof(((struct boot_info *)0)->version) - 1);
	put_u16(k.data + 0x20e, 0xffff); /* outside the setup code */
	assert_string_equal(inspect(&k).version, "");
	image_free(&k);
}

static void boot_inspect__compressed_multiboot__both_sizes(void **state)
{
	struct elf_options o = elf_options();
	(void)state;
	o.multiboot = true;
	o.pvh_note_size = 4;
	o.pvh_entry = MIB;
	struct image elf = image_elf(&o);
	struct image k = image_compress(BOOT_COMPRESSION_GZIP, &elf);
	struct boot_info info = inspect(&k);
	assert_int_equal(info.file_compression, BOOT_COMPRESSION_GZIP);
	assert_int_equal(info.file_size, k.size);
	assert_int_equal(info.unpacked_file_size, elf.size);
	assert_true(info.is_elf && info.elf_is_64_bit && !info.is_bzimage);
	assert_int_equal(info.preferred, BOOT_PVH);
	assert_int_equal(info.preferred_with_modules, BOOT_MULTIBOOT);
	assert_int_equal(info.entry[BOOT_MULTIBOOT], MIB);
	image_free(&k);
	image_free(&elf);
}

static void boot_inspect__no_kernel__refused(void **state)
{
	struct image k = image_copy("\1hello", 6);
	struct boot_file file = image_file(&k, "some/file");
	struct boot_info info;
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(boot_inspect(&file, &info, &e), -ENOTSUP);
	assert_memory_equal(e.msg, "some/file: offers no boot protocol", 34);
	image_free(&k);
}

static void boot_extract__bzimage__its_payload(void **state)
{
	struct elf_options eo = elf_options_linux();
	struct image elf = image_elf(&eo);
	struct image payload = image_payload(BOOT_COMPRESSION_LZ4, &elf);
	struct image k = bzimage_of(&payload);
	struct boot_file file = image_file(&k, "k");
	uint8_t *data = NULL;
	size_t size = 0;
	(void)state;
	assert_int_equal(boot_extract(&file, &data, &size, NULL), 0);
	assert_int_equal(size, elf.size);
	assert_memory_equal(data, elf.data, size);
	boot_extract_free(data, size);
	image_free(&k);
	image_free(&payload);
	image_free(&elf);
}

static void boot_extract__compressed_bzimage__unpacked_twice(void **state)
{
	struct elf_options eo = elf_options_linux();
	struct image elf = image_elf(&eo);
	struct image payload = image_payload(BOOT_COMPRESSION_GZIP, &elf);
	struct image inner = bzimage_of(&payload);
	struct image k = image_compress(BOOT_COMPRESSION_XZ, &inner);
	struct boot_file file = image_file(&k, "k");
	uint8_t *data = NULL;
	size_t size = 0;
	(void)state;
	assert_int_equal(boot_extract(&file, &data, &size, NULL), 0);
	assert_int_equal(size, elf.size);
	assert_memory_equal(data, elf.data, size);
	boot_extract_free(data, size);
	image_free(&k);
	image_free(&inner);
	image_free(&payload);
	image_free(&elf);
}

static void boot_extract__compressed_elf__the_elf(void **state)
{
	struct elf_options eo = elf_options();
	struct image elf = image_elf(&eo);
	struct image k = image_compress(BOOT_COMPRESSION_ZSTD, &elf);
	struct boot_file file = image_file(&k, "k");
	uint8_t *data = NULL;
	size_t size = 0;
	(void)state;
	assert_int_equal(boot_extract(&file, &data, &size, NULL), 0);
	assert_int_equal(size, elf.size);
	assert_memory_equal(data, elf.data, size);
	boot_extract_free(data, size);
	boot_extract_free(NULL, 0);
	image_free(&k);
	image_free(&elf);
}

static void boot_extract__nothing_packed__refused(void **state)
{
	struct elf_options eo = elf_options();
	struct bzimage_options bo = bzimage_options();
	struct image elf = image_elf(&eo);
	struct image bz = image_bzimage(&bo);
	struct boot_file file = image_file(&elf, "k");
	uint8_t *data = NULL;
	size_t size = 0;
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(boot_extract(&file, &data, &size, &e), -ENOTSUP);
	assert_contains(e.msg, "k: is neither compressed nor a bzImage");
	file = image_file(&bz, "k");
	assert_int_equal(boot_extract(&file, &data, &size, &e), -ENOTSUP);
	assert_contains(e.msg, "k: has no compressed payload");
	assert_null(data);
	image_free(&elf);
	image_free(&bz);
}

static int check(const struct image *k, bool forced, enum boot_protocol p, struct err *e)
{
	const struct boot_request req = {
		.kernel = image_file(k, "k"), .protocol_forced = forced, .protocol = p
	};
	*e = (struct err)ERR_INIT;
	return boot_check(&req, e);
}

static void boot_check__each_protocol__taken_where_it_is_offered(void **state)
{
	(void)state;
	struct elf_options eo = elf_options_linux();
	struct err e;
	for (int pvh = 0; pvh <= 1; pvh++) {
		eo.pvh_note_size = pvh ? 8 : 0;
		eo.pvh_entry = 16 * MIB + 0x80;
		struct image elf = image_elf(&eo);
		struct image payload = image_payload(BOOT_COMPRESSION_ZSTD, &elf);
		struct image k = bzimage_of(&payload);
		assert_int_equal(check(&k, false, BOOT_LINUX64, &e), 0);
		assert_int_equal(check(&k, true, BOOT_LINUX64, &e), 0);
		assert_int_equal(check(&k, true, BOOT_LINUX32, &e), 0);
		assert_int_equal(check(&k, true, BOOT_MULTIBOOT, &e), -ENOTSUP);
		assert_contains(e.msg, "protocol multiboot was asked for");
		/* Only what is in the payload tells. */
		assert_int_equal(check(&k, true, BOOT_PVH, &e), pvh ? 0 : -ENOTSUP);
		image_free(&k);
		image_free(&payload);
		image_free(&elf);
	}
}

static void boot_check__what_only_loading_would_need__is_looked_at(void **state)
{
	(void)state;
	static const uint8_t tree[1];
	struct elf_options eo = elf_options_linux();
	eo.pvh_note_size = 8;
	eo.pvh_entry = 16 * MIB + 0x80;
	struct image elf = image_elf(&eo), bzip2 = image_copy("BZh91AY&SY..........", 20);
	struct image k = bzimage_of(&bzip2);
	struct err e = ERR_INIT;
	struct boot_request req = { .kernel = image_file(&k, "k"), .decompress_on_host = true };
	assert_int_equal(boot_check(&req, &e), 0);
	req.decompress_required = true;
	assert_int_equal(boot_check(&req, &e), -ENOTSUP);
	assert_contains(e.msg, "bzip2");
	req = (struct boot_request){
		.kernel = image_file(&elf, "k"), .protocol_forced = true, .protocol = BOOT_PVH
	};
	assert_int_equal(boot_check(&req, &e), 0);
	req.device_tree = tree;
	assert_int_equal(boot_check(&req, &e), -ENOTSUP);
	assert_contains(e.msg, "device tree");
	image_free(&k);
	image_free(&bzip2);
	image_free(&elf);
}

static void boot_check__no_kernel__refused(void **state)
{
	(void)state;
	struct image k = image_copy("#!/bin/sh\necho I am no kernel\n", 30);
	struct err e;
	assert_int_equal(check(&k, false, BOOT_LINUX64, &e), -ENOTSUP);
	assert_int_equal(e.kind, ERR_CONFIG);
	image_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_inspect__bzimage__header_payload_and_entries),
		cmocka_unit_test(boot_inspect__payload_not_readable__note_says_why),
		cmocka_unit_test(boot_inspect__version_string_hostile__only_what_prints),
		cmocka_unit_test(boot_inspect__compressed_multiboot__both_sizes),
		cmocka_unit_test(boot_inspect__no_kernel__refused),
		cmocka_unit_test(boot_check__each_protocol__taken_where_it_is_offered),
		cmocka_unit_test(boot_check__what_only_loading_would_need__is_looked_at),
		cmocka_unit_test(boot_check__no_kernel__refused),
		cmocka_unit_test(boot_extract__bzimage__its_payload),
		cmocka_unit_test(boot_extract__compressed_bzimage__unpacked_twice),
		cmocka_unit_test(boot_extract__compressed_elf__the_elf),
		cmocka_unit_test(boot_extract__nothing_packed__refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
