/* SPDX-License-Identifier: MIT */
#include "host/xxh3.h"

#include <stdbool.h>

/* From the header alone: Debian's library has SSE2 only, and twenty functions that are not used. */
#define XXH_INLINE_ALL
#include <sys/platform/x86.h>
#include <xxhash.h>

/* As the C library found it at its start. The compiler's own __builtin_cpu_supports would execute a
 * dozen CPUIDs at each start of nestor, whatever its command: 130 us where the host is a VM. */
static bool has_avx2(void)
{
	return CPU_FEATURE_ACTIVE(AVX2);
}

struct hash128 xxh3_128(const void *data, size_t size)
{
	if (has_avx2())
		return xxh3_128_avx2(data, size);
	XXH128_hash_t h = XXH3_128bits(data, size);
	return (struct hash128){ h.low64, h.high64 };
}

uint64_t xxh3_64(const void *data, size_t size, uint64_t seed)
{
	if (has_avx2())
		return xxh3_64_avx2(data, size, seed);
	return XXH3_64bits_withSeed(data, size, seed);
}
