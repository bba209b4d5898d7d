/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/bzimage.h"
#include "boot/space.h"

static struct bzimage parse(const struct image *image)
{
	struct bzimage bz = { 0 };
	struct err e = ERR_INIT;
	struct boot_file file = image_file(image, "k");
	if (bzimage_parse(&file, &bz, &e) < 0)
		fail_msg("%s", e.msg);
	return bz;
}

/* Refuses an image of the default options with one field set to what is wrong. */
static void refuses(size_t offset, unsigned bytes, uint64_t value, int code, const char *text)
{
	struct bzimage_options o = bzimage_options();
	struct image image = image_bzimage(&o);
	struct bzimage bz;
	struct err e = ERR_INIT;
	(void)memcpy(image.data + offset, &value, bytes);
	struct boot_file file = image_file(&image, "some/kernel");
	assert_int_equal(bzimage_parse(&file, &bz, &e), code);
	assert_memory_equal(e.msg, "some/kernel: ", 13);
	assert_contains(e.msg, text);
	assert_int_equal(e.kind, ERR_CONFIG);
	image_free(&image);
}

static void bzimage_parse__version_2_15__all_fields(void **state)
{
	struct bzimage_options o = bzimage_options();
	struct image image = image_bzimage(&o);
	(void)state;
	struct bzimage bz = parse(&image);
	assert_int_equal(bz.version, 0x20f);
	assert_int_equal(bz.setup_header_end, 0x26c);
	assert_int_equal(bz.code_offset, BZIMAGE_TEST_CODE);
	assert_int_equal(bz.code_size, 8192);
	assert_true(bz.has_entry64);
	assert_true(bz.initrd_above_4g);
	assert_true(bz.relocatable);
	assert_int_equal(bz.alignment, 0x200000);
	assert_int_equal(bz.preferred_address, 16 * MIB);
	assert_int_equal(bz.init_size, 4 * MIB);
	assert_int_equal(bz.initrd_addr_max, 0x7fffffff);
	assert_int_equal(bz.cmdline_max, 255);
	assert_string_equal(
		(const char *)image.data + bz.version_string_offset, "6.1.0-test (someone)");
	assert_int_equal(bz.payload_size, 0);
	image_free(&image);
}

static void bzimage_parse__version_2_06__later_fields_not_read(void **state)
{
	struct bzimage_options o = bzimage_options();
	(void)state;
	o.version = 0x206;
	o.relocatable = 0;
	struct image image = image_bzimage(&o);
	put_u32(image.data + 0x248, 0xffffffff); /* payload_offset: of 2.08 */
	put_u32(image.data + 0x24c, 0xffffffff);
	struct bzimage bz = parse(&image);
	assert_false(bz.has_entry64);
	assert_false(bz.initrd_above_4g);
	assert_int_equal(bz.preferred_address, MIB);
	assert_int_equal(bz.init_size, 8192);
	assert_int_equal(bz.payload_size, 0);
	image_free(&image);
}

static void bzimage_parse__header_as_memtests__taken(void **state)
{
	/* Version 2.12, not relocatable, header end 0x268, no payload, init_size below the code's.
	 */
	struct bzimage_options o = bzimage_options();
	(void)state;
	o.version = 0x20c;
	o.xloadflags = 0x9;
	o.relocatable = 0;
	o.pref_address = MIB;
	o.init_size = 4096;
	struct image image = image_bzimage(&o);
	image.data[0x201] = 0x66;
	struct bzimage bz = parse(&image);
	assert_true(bz.has_entry64);
	assert_false(bz.initrd_above_4g);
	assert_int_equal(bz.setup_header_end, 0x268);
	assert_int_equal(bz.init_size, 8192);
	image_free(&image);
}

static void bzimage_parse__setup_sects_0__is_4(void **state)
{
	struct bzimage_options o = bzimage_options();
	struct image image = image_bzimage(&o);
	(void)state;
	image.data[0x1f1] = 0;
	assert_int_equal(parse(&image).code_offset, 5 * 512);
	image_free(&image);
}

static void bzimage_parse__signature_behind_kernel__left_out(void **state)
{
	struct bzimage_options o = bzimage_options();
	struct image image = image_bzimage(&o);
	(void)state;
	put_u32(image.data + 0x1f4, 4096 / 16);
	assert_int_equal(parse(&image).code_size, 4096);
	image_free(&image);
}

static void bzimage_parse__header_longer_than_its_room__cut(void **state)
{
	struct bzimage_options o = bzimage_options();
	struct image image = image_bzimage(&o);
	(void)state;
	image.data[0x201] = 0xff;
	assert_int_equal(parse(&image).setup_header_end, 0x290);
	image_free(&image);
}

static void bzimage_parse__wrong_field__refused_naming_it(void **state)
{
	(void)state;
	refuses(0x206, 2, 0x205, -ENOTSUP, "version is 2.05, expected 2.06");
	refuses(0x206, 2, 0x000, -ENOTSUP, "version is 0.00");
	refuses(0x211, 1, 0x00, -ENOTSUP, "without LOADED_HIGH");
	refuses(0x201, 1, 0x10, -EINVAL, "ends at 0x212");
	refuses(0x1f1, 1, 0xff, -EINVAL, "setup_sects is 255");
	refuses(0x1f4, 4, 0, -EINVAL, "syssize is 0");
	refuses(0x1f4, 4, 8192 / 16 + 1, -EINVAL, "truncated");
	refuses(0x1f4, 4, 0xffffffff, -EINVAL, "syssize");
	refuses(0x230, 4, 0, -EINVAL, "kernel_alignment is 0");
	refuses(0x230, 4, 0x300000, -EINVAL,
		"kernel_alignment is 0x300000, expected a power of two");
	refuses(0x258, 8, 0x1000, -EINVAL, "pref_address is 0x1000");
	refuses(0x258, 8, UINT64_MAX, -EINVAL, "pref_address");
	refuses(0x258, 8, 4 * GIB, -EINVAL, "pref_address");
	refuses(0x202, 4, 0, -EINVAL, "no \"HdrS\"");
}

static void bzimage_parse__payload_outside_kernel__refused(void **state)
{
	static const struct {
		uint32_t offset, size;
	} rows[] = { { 0x300, 8192 - 0x300 + 1 }, { 8193, 1 }, { 1, 0xffffffff },
		{ 0xffffffff, 0xffffffff } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bzimage_options o = bzimage_options();
		struct image image = image_bzimage(&o);
		struct bzimage bz;
		struct err e = ERR_INIT;
		put_u32(image.data + 0x248, rows[i].offset);
		put_u32(image.data + 0x24c, rows[i].size);
		struct boot_file file = image_file(&image, "k");
		assert_int_equal(bzimage_parse(&file, &bz, &e), -EINVAL);
		assert_contains(e.msg, "payload_offset");
		image_free(&image);
	}
}

static void bzimage_parse__every_truncation__refused(void **state)
{
	struct bzimage_options o = bzimage_options();
	struct image image = image_bzimage(&o);
	(void)state;
	/* Up to 15 bytes may lack: syssize is rounded up to paragraphs. */
	for (size_t size = 0; size <= image.size - 16; size += size < 1200 ? 1 : 13) {
		struct image shorter = image_copy(image.data, size);
		struct bzimage bz;
		struct boot_file file = image_file(&shorter, "k");
		assert_int_equal(bzimage_parse(&file, &bz, NULL), -EINVAL);
		image_free(&shorter);
	}
	image_free(&image);
}

static void bzimage_payload_sizes__each_format__size_is_last_4_bytes(void **state)
{
	struct image plain = image_copy("twelve bytes", 12);
	(void)state;
	for (int i = 0; i < 2; i++) {
		enum boot_compression c = i ? BOOT_COMPRESSION_ZSTD : BOOT_COMPRESSION_GZIP;
		struct image payload = image_payload(c, &plain);
		struct bzimage_options o = bzimage_options();
		o.payload = &payload;
		struct image image = image_bzimage(&o);
		struct bzimage bz = parse(&image);
		struct boot_file file = image_file(&image, "k");
		size_t packed = 0, unpacked = 0;
		assert_int_equal(bzimage_payload_compression(&file, &bz), c);
		assert_int_equal(bzimage_payload_sizes(&file, &bz, &packed, &unpacked, NULL), 0);
		assert_int_equal(packed, payload.size - (i ? 4 : 0));
		assert_int_equal(unpacked, 12);
		image_free(&image);
		image_free(&payload);
	}
	image_free(&plain);
}

static void claim_with(const struct bzimage_options *o, uint64_t ram, struct range taken,
	uint64_t *ret, int *ret_rc, struct err *e)
{
	struct image image = image_bzimage(o);
	struct bzimage bz = parse(&image);
	struct machine m;
	struct space s;
	struct boot_file file = image_file(&image, "k");
	machine_init(&m, ram);
	space_init(&s, &m.plan, &m.mem);
	if (taken.size)
		assert_int_equal(space_claim(&s, taken, "it", -1, NULL), 0);
	*ret_rc = bzimage_claim(&file, &bz, &s, ret, e);
	machine_done(&m);
	image_free(&image);
}

static void bzimage_claim__room_at_preferred_address__there(void **state)
{
	struct bzimage_options o = bzimage_options();
	uint64_t at = 0;
	int rc = -1;
	(void)state;
	claim_with(&o, 20 * MIB, (struct range){ 0 }, &at, &rc, NULL);
	assert_int_equal(rc, 0);
	assert_int_equal(at, 16 * MIB);
}

static void bzimage_claim__relocatable_and_taken__aligned_above(void **state)
{
	struct bzimage_options o = bzimage_options();
	uint64_t at = 0;
	int rc = -1;
	(void)state;
	claim_with(&o, 64 * MIB, (struct range){ 16 * MIB, 1 }, &at, &rc, NULL);
	assert_int_equal(rc, 0);
	assert_int_equal(at, 18 * MIB);
}

static void bzimage_claim__fixed_and_taken__refused(void **state)
{
	struct bzimage_options o = bzimage_options();
	uint64_t at = 0;
	int rc = 0;
	struct err e = ERR_INIT;
	(void)state;
	o.relocatable = 0;
	claim_with(&o, 64 * MIB, (struct range){ 16 * MIB, 1 }, &at, &rc, &e);
	assert_int_equal(rc, -EINVAL);
	assert_contains(e.msg, "overlaps it");
}

static void bzimage_claim__ram_too_small__refused_with_size_that_would_do(void **state)
{
	struct bzimage_options o = bzimage_options();
	uint64_t at = 0;
	int rc = 0;
	struct err e = ERR_INIT;
	(void)state;
	claim_with(&o, 20 * MIB - 4096, (struct range){ 0 }, &at, &rc, &e);
	assert_int_equal(rc, -ENOSPC);
	assert_contains(e.msg, "k: the kernel while it unpacks itself");
	assert_contains(e.msg, "needs 20 MiB of memory; the guest has 19 MiB");
	assert_contains(e.hint, "20M");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bzimage_parse__version_2_15__all_fields),
		cmocka_unit_test(bzimage_parse__version_2_06__later_fields_not_read),
		cmocka_unit_test(bzimage_parse__header_as_memtests__taken),
		cmocka_unit_test(bzimage_parse__setup_sects_0__is_4),
		cmocka_unit_test(bzimage_parse__signature_behind_kernel__left_out),
		cmocka_unit_test(bzimage_parse__header_longer_than_its_room__cut),
		cmocka_unit_test(bzimage_parse__wrong_field__refused_naming_it),
		cmocka_unit_test(bzimage_parse__payload_outside_kernel__refused),
		cmocka_unit_test(bzimage_parse__every_truncation__refused),
		cmocka_unit_test(bzimage_payload_sizes__each_format__size_is_last_4_bytes),
		cmocka_unit_test(bzimage_claim__room_at_preferred_address__there),
		cmocka_unit_test(bzimage_claim__relocatable_and_taken__aligned_above),
		cmocka_unit_test(bzimage_claim__fixed_and_taken__refused),
		cmocka_unit_test(bzimage_claim__ram_too_small__refused_with_size_that_would_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
