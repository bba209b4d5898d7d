/* SPDX-License-Identifier: MIT */
#include "fake/cmocka.h"

#include "host/xxh3.h"

#include <stdlib.h>

/* The header's own functions, as compiled for any x86-64. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SIZE 200000

static void xxh3__any_size__as_the_library_has_it(void **state)
{
	static const size_t sizes[] = { 0, 1, 16, 17, 128, 240, 241, 1024, 4095, 65536, SIZE };
	uint8_t *bytes = malloc(SIZE);
	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 255);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		XXH128_hash_t want = XXH3_128bits(bytes, sizes[i]);
		struct hash128 got = xxh3_128(bytes, sizes[i]);
		assert_true(got.low == want.low64);
		assert_true(got.high == want.high64);
		assert_true(
			xxh3_64(bytes, sizes[i], 7) == XXH3_64bits_withSeed(bytes, sizes[i], 7));
	}
	free(bytes);
}

static void xxh3__nothing__hash_of_the_specification(void **state)
{
	(void)state;
	assert_true(xxh3_64("", 0, 0) == UINT64_C(0x2d06800538d394c2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xxh3__any_size__as_the_library_has_it),
		cmocka_unit_test(xxh3__nothing__hash_of_the_specification),
	};
	return cmocka_run_group_tests_name("host/xxh3", tests, NULL, NULL);
}
