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

/* A cache that may have what is asked for; what it was asked and given is kept. */
struct cache {
	const struct image *has; /* NULL: nothing */
	bool spoils;             /* writes to dst and then says that it has nothing */
	unsigned gets, puts;
	const uint8_t *packed;
	size_t packed_bytes;
	struct image put;
};

static bool cache_get(void *ctx, const uint8_t *packed, size_t packed_bytes, uint8_t *dst,
	size_t dst_bytes, size_t *ret_bytes)
{
	struct cache *c = ctx;
	c->gets++;
	c->packed = packed;
	c->packed_bytes = packed_bytes;
	if (c->spoils)
		(void)memset(dst, 0x77, dst_bytes);
	if (!c->has || c->spoils)
		return false;
	assert_true(c->has->size <= dst_bytes);
	(void)memcpy(dst, c->has->data, c->has->size);
	*ret_bytes = c->has->size;
	return true;
}

static void cache_put(void *ctx, const uint8_t *packed, size_t packed_bytes,
	const uint8_t *unpacked, size_t unpacked_bytes)
{
	struct cache *c = ctx;
	c->puts++;
	assert_ptr_equal(packed, c->packed);
	assert_int_equal(packed_bytes, c->packed_bytes);
	c->put = image_copy(unpacked, unpacked_bytes);
}

static int unpack_with(struct cache *c, enum boot_compression format, const struct image *image,
	struct unpacked *ret)
{
	const struct boot_cache cache = { cache_get, cache_put, c };
	struct packed_data packed = { format, image->data, image->size, PLAIN_BYTES + 5 * MIB };
	return decompress_cached(&packed, &cache, ret, NULL);
}

static void decompress_cached__not_there__unpacked_and_given(void **state)
{
	struct image plain = plain_image(PLAIN_BYTES);
	struct image packed = image_compress(BOOT_COMPRESSION_ZSTD, &plain);
	(void)state;
	for (unsigned spoils = 0; spoils < 2; spoils++) {
		struct unpacked out = { 0 };
		struct cache c = { .spoils = spoils };
		assert_int_equal(unpack_with(&c, BOOT_COMPRESSION_ZSTD, &packed, &out), 0);
		assert_int_equal(out.size, plain.size);
		assert_memory_equal(out.data, plain.data, plain.size);
		assert_int_equal(c.gets, 1);
		assert_int_equal(c.puts, 1);
		assert_ptr_equal(c.packed, packed.data);
		assert_int_equal(c.packed_bytes, packed.size);
		assert_int_equal(c.put.size, plain.size);
		assert_memory_equal(c.put.data, plain.data, plain.size);
		image_free(&c.put);
		unpacked_done(&out);
	}
	image_free(&packed);
	image_free(&plain);
}

static void decompress_cached__there__not_unpacked(void **state)
{
	struct image plain = plain_image(PLAIN_BYTES);
	uint8_t rubbish[] = "cannot be unpacked";
	struct image packed = image_copy(rubbish, sizeof(rubbish));
	struct unpacked out = { 0 };
	struct cache c = { .has = &plain };
	(void)state;
	assert_int_equal(unpack_with(&c, BOOT_COMPRESSION_ZSTD, &packed, &out), 0);
	assert_int_equal(out.size, plain.size);
	assert_memory_equal(out.data, plain.data, plain.size);
	assert_int_equal(out.map_bytes, align_up(plain.size, 4096));
	assert_int_equal(c.puts, 0);
	unpacked_done(&out);
	image_free(&packed);
	image_free(&plain);
}

static void decompress_cached__damaged_or_unknown__refused_and_not_given(void **state)
{
	uint8_t rubbish[] = "cannot be unpacked";
	struct image packed = image_copy(rubbish, sizeof(rubbish));
	struct unpacked out = { 0 };
	struct cache c = { 0 };
	(void)state;
	assert_int_equal(unpack_with(&c, BOOT_COMPRESSION_ZSTD, &packed, &out), -EINVAL);
	assert_int_equal(c.gets, 1);
	assert_int_equal(unpack_with(&c, BOOT_COMPRESSION_BZIP2, &packed, &out), -ENOTSUP);
	assert_int_equal(c.gets, 1);
	assert_int_equal(c.puts, 0);
	assert_null(out.data);
	image_free(&packed);
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
		cmocka_unit_test(decompress_cached__not_there__unpacked_and_given),
		cmocka_unit_test(decompress_cached__there__not_unpacked),
		cmocka_unit_test(decompress_cached__damaged_or_unknown__refused_and_not_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
