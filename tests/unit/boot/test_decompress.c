/* SPDX-License-Identifier: MIT */
#include "boot_test.h"

#include "boot/decompress.h"

#define PLAIN_BYTES (9 * MIB + 123) /* more than one block of the legacy LZ4 format */

static const enum boot_compression formats[] = { BOOT_COMPRESSION_GZIP, BOOT_COMPRESSION_XZ,
	BOOT_COMPRESSION_ZSTD, BOOT_COMPRESSION_LZ4, BOOT_COMPRESSION_LZ4_FRAME };

static struct image plain_image(size_t size)
{
	uint8_t *data = malloc(size);
	assert_non_null(data);
	image_fill(data, size, 1);
	struct image image = image_copy(data, size);
	free(data);
	return image;
}

static void refused(enum boot_compression c, const struct image *packed, size_t limit, int code)
{
	struct unpacked out = { 0 };
	struct err e = ERR_INIT;
	int rc = decompress(c, packed->data, packed->size, limit, &out, &e);
	if (rc != code)
		fail_msg("%s: returned %d (%s), expected %d", boot_compression_name(c), rc, e.msg,
			code);
	assert_true(e.msg[0] != '\0');
	assert_null(out.data);
}

static void decompress__each_format__unpacks_all(void **state)
{
	struct image plain = plain_image(PLAIN_BYTES);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct image packed = image_compress(formats[i], &plain);
		struct unpacked out = { 0 };
		struct err e = ERR_INIT;
		assert_int_equal(decompress_detect(packed.data, packed.size), formats[i]);
		assert_true(decompress_supported(formats[i]));
		/* Room for just what comes out, and for more. */
		for (size_t more = 0; more <= 5 * MIB; more += 5 * MIB) {
			if (decompress(formats[i], packed.data, packed.size, plain.size + more,
				    &out, &e) < 0)
				fail_msg("%s: %s", boot_compression_name(formats[i]), e.msg);
			assert_int_equal(out.size, plain.size);
			assert_memory_equal(out.data, plain.data, plain.size);
			assert_int_equal(out.map_bytes, align_up(plain.size, 4096));
			unpacked_done(&out);
		}
		image_free(&packed);
	}
	image_free(&plain);
}

static void decompress__more_than_limit__refused(void **state)
{
	struct image plain = plain_image(PLAIN_BYTES);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct image packed = image_compress(formats[i], &plain);
		refused(formats[i], &packed, plain.size - 1, -EFBIG);
		refused(formats[i], &packed, 1, -EFBIG);
		image_free(&packed);
	}
	image_free(&plain);
}

static void decompress__truncated__refused(void **state)
{
	struct image plain = plain_image(100000);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct image packed = image_compress(formats[i], &plain);
		for (size_t cut = 1; cut < packed.size; cut += cut < 20 ? 1 : 97) {
			struct image shorter = image_copy(packed.data, packed.size - cut);
			struct unpacked out = { 0 };
			struct err e = ERR_INIT;
			int rc = decompress(
				formats[i], shorter.data, shorter.size, plain.size, &out, &e);
			if (rc >= 0)
				fail_msg("%s cut by %zu was taken",
					boot_compression_name(formats[i]), cut);
			image_free(&shorter);
		}
		image_free(&packed);
	}
	image_free(&plain);
}

static void decompress__damaged__refused(void **state)
{
	struct image plain = plain_image(100000);
	(void)state;
	/* Those that carry checksums of the content; zstd's and lz4's are off by default. */
	for (size_t i = 0; i < 2; i++) {
		struct image packed = image_compress(formats[i], &plain);
		packed.data[packed.size / 2] ^= 0x10;
		refused(formats[i], &packed, plain.size, -EINVAL);
		image_free(&packed);
	}
	image_free(&plain);
}

static void decompress__trailing_bytes__refused(void **state)
{
	struct image plain = plain_image(1000);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct image packed = image_compress(formats[i], &plain);
		struct image longer = { calloc(1, packed.size + 64), packed.size + 64 };
		assert_non_null(longer.data);
		(void)memcpy(longer.data, packed.data, packed.size);
		(void)memset(longer.data + packed.size, 0x5a, 64);
		refused(formats[i], &longer, MIB, -EINVAL);
		image_free(&longer);
		image_free(&packed);
	}
	image_free(&plain);
}

static void decompress__gzip_of_two_members_and_padding__unpacks_both(void **state)
{
	struct image plain = plain_image(1000);
	struct image packed = image_compress(BOOT_COMPRESSION_GZIP, &plain);
	struct image twice = { calloc(2, packed.size + 8), 2 * packed.size + 16 };
	struct unpacked out = { 0 };
	(void)state;
	assert_non_null(twice.data);
	(void)memcpy(twice.data, packed.data, packed.size);
	(void)memcpy(twice.data + packed.size, packed.data, packed.size);
	assert_int_equal(
		decompress(BOOT_COMPRESSION_GZIP, twice.data, twice.size, MIB, &out, NULL), 0);
	assert_int_equal(out.size, 2000);
	assert_memory_equal(out.data + 1000, plain.data, 1000);
	unpacked_done(&out);
	image_free(&twice);
	image_free(&packed);
	image_free(&plain);
}

static void decompress__xz_that_wants_much_memory__refused(void **state)
{
	/* A header whose dictionary is 3 GiB: filter properties byte 39, CRC32s made to fit. */
	static const uint8_t data[] = { 0xfd, '7', 'z', 'X', 'Z', 0, 0, 1, 0x69, 0x22, 0xde, 0x36,
		0x02, 0x00, 0x21, 0x01, 0x27, 0x00, 0x00, 0x00, 0xb0, 0xb0, 0x72, 0xeb, 0, 0, 0,
		0 };
	struct image packed = image_copy(data, sizeof(data));
	struct unpacked out = { 0 };
	struct err e = ERR_INIT;
	(void)state;
	assert_true(decompress(BOOT_COMPRESSION_XZ, packed.data, packed.size, MIB, &out, &e) < 0);
	assert_contains(e.msg, "MiB to unpack, more than the 128 that are allowed");
	image_free(&packed);
}

static void decompress__named_only__refused_by_name(void **state)
{
	static const struct {
		const char *magic;
		enum boot_compression c;
	} rows[] = { { "BZh91AY", BOOT_COMPRESSION_BZIP2 },
		{ "\x5d\0\0\x80\0\0\0", BOOT_COMPRESSION_LZMA },
		{ "\x89LZO\0\x0d\x0a\x1a", BOOT_COMPRESSION_LZO },
		{ "nothing", BOOT_COMPRESSION_UNKNOWN } };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct unpacked out = { 0 };
		struct err e = ERR_INIT;
		const uint8_t *magic = (const uint8_t *)rows[i].magic;
		assert_int_equal(decompress_detect(magic, 8), rows[i].c);
		assert_false(decompress_supported(rows[i].c));
		assert_int_equal(decompress(rows[i].c, magic, 8, MIB, &out, &e), -ENOTSUP);
		assert_contains(e.msg, boot_compression_name(rows[i].c));
	}
}

static void decompress__bad_limit__refused(void **state)
{
	struct image plain = plain_image(1000);
	struct image packed = image_compress(BOOT_COMPRESSION_GZIP, &plain);
	(void)state;
	refused(BOOT_COMPRESSION_GZIP, &packed, 0, -EINVAL);
	refused(BOOT_COMPRESSION_GZIP, &packed, BOOT_MAX_UNPACKED_BYTES + 1, -EINVAL);
	image_free(&packed);
	image_free(&plain);
}

static void decompress__empty_content__refused(void **state)
{
	struct image plain = image_copy("", 0);
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct image packed = image_compress(formats[i], &plain);
		refused(formats[i], &packed, MIB, -EINVAL);
		image_free(&packed);
	}
	image_free(&plain);
}

static void decompress_detect__too_short__unknown(void **state)
{
	(void)state;
	assert_int_equal(decompress_detect((const uint8_t *)"\x1f", 1), BOOT_COMPRESSION_UNKNOWN);
	assert_int_equal(decompress_detect(NULL, 0), BOOT_COMPRESSION_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decompress__each_format__unpacks_all),
		cmocka_unit_test(decompress__more_than_limit__refused),
		cmocka_unit_test(decompress__truncated__refused),
		cmocka_unit_test(decompress__damaged__refused),
		cmocka_unit_test(decompress__trailing_bytes__refused),
		cmocka_unit_test(decompress__gzip_of_two_members_and_padding__unpacks_both),
		cmocka_unit_test(decompress__xz_that_wants_much_memory__refused),
		cmocka_unit_test(decompress__named_only__refused_by_name),
		cmocka_unit_test(decompress__bad_limit__refused),
		cmocka_unit_test(decompress__empty_content__refused),
		cmocka_unit_test(decompress_detect__too_short__unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
