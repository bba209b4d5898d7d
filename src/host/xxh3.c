/* SPDX-License-Identifier: MIT */
#include "host/xxh3.h"

/* From the header alone: Debian's library has SSE2 only, and twenty functions that are not used. */
#define XXH_INLINE_ALL
#include <xxhash.h>

struct hash128 xxh3_128(const void *data, size_t size)
{
	if (__builtin_cpu_supports("avx2"))
		return xxh3_128_avx2(data, size);
	XXH128_hash_t h = XXH3_128bits(data, size);
	return (struct hash128){ h.low64, h.high64 };
}

uint64_t xxh3_64(const void *data, size_t size, uint64_t seed)
{
	if (__builtin_cpu_supports("avx2"))
		return xxh3_64_avx2(data, size, seed);
	return XXH3_64bits_withSeed(data, size, seed);
}
