/* SPDX-License-Identifier: MIT */
/*
 * XXH3 hashes (xxHash's documentation), as fast as this CPU has it. Against accidents, not against
 * people: who wants two inputs of one hash can make them.
 */
#ifndef NESTOR_HOST_XXH3_H
#define NESTOR_HOST_XXH3_H

#include <stddef.h>
#include <stdint.h>

struct hash128 {
	uint64_t low, high;
};

struct hash128 xxh3_128(const void *data, size_t size);

/* With a seed; the hash of what came before as the seed makes one hash of many pieces. */
uint64_t xxh3_64(const void *data, size_t size, uint64_t seed);

/* The same by AVX2, which the CPU must have. For xxh3.c and its test. */
struct hash128 xxh3_128_avx2(const void *data, size_t size);
uint64_t xxh3_64_avx2(const void *data, size_t size, uint64_t seed);

#endif
