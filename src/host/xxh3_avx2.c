/* SPDX-License-Identifier: MIT */
/* Compiled for AVX2 (src/CMakeLists.txt): a third of the instructions. */
#include "host/xxh3.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash128 xxh3_128_avx2(const void *data, size_t size)
{
	XXH128_hash_t h = XXH3_128bits(data, size);
	return (struct hash128){ h.low64, h.high64 };
}

uint64_t xxh3_64_avx2(const void *data, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, size, seed);
}
