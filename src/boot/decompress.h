/* SPDX-License-Identifier: MIT */
/*
 * Unpacking of compressed kernels, in one pass into one anonymous mapping. Output and the
 * decoders' own memory are bounded; the input is hostile.
 */
#ifndef NESTOR_BOOT_DECOMPRESS_H
#define NESTOR_BOOT_DECOMPRESS_H

#include "base/err.h"
#include "boot/boot.h"

/* An anonymous mapping of map_bytes (a multiple of the page size) with size bytes of data. */
struct unpacked {
	uint8_t *data; /* owned; NULL: none */
	size_t size, map_bytes;
};

/* By the magic number at the start; BOOT_COMPRESSION_UNKNOWN for anything else. */
enum boot_compression decompress_detect(const uint8_t *data, size_t size);

/* True where decompress can unpack it. */
bool decompress_supported(enum boot_compression c);

/*
 * Unpacks src[0, size) whole, of format c, which must be supported. At most limit bytes (> 0) may
 * come out. -EINVAL where the data are damaged, -EFBIG where more would come out, -ENOMEM. Messages
 * name no file.
 */
int decompress(enum boot_compression c, const uint8_t *src, size_t size, size_t limit,
	struct unpacked *ret, struct err *e) MUST_CHECK;

/*
 * The first bytes of what src[0, size) unpacks to, at most n (> 0): as many as can be had, damaged
 * or not. 0 where there are none, or c is not supported.
 */
size_t decompress_head(
	enum boot_compression c, const uint8_t *src, size_t size, uint8_t *dst, size_t n);

/* The data to unpack: src[0, size), of a format that decompress supports. */
struct packed_data {
	enum boot_compression format;
	const uint8_t *data;
	size_t size;
	size_t limit; /* as decompress's */
};

/* As decompress, from cache, where there is one and it has it; what it has not it is given. */
int decompress_cached(const struct packed_data *packed, const struct boot_cache *cache,
	struct unpacked *ret, struct err *e) MUST_CHECK;

/* Accepts one never filled (all zero). */
void unpacked_done(struct unpacked *u);

/*
 * Gives the memory of the whole pages in data[0, size) of an unpacked's mapping back, which reads
 * as zero then. A hint: it may do nothing.
 */
void unpacked_give_back(const uint8_t *data, size_t size);

#define UNPACKED_LOCAL __attribute__((cleanup(unpacked_done))) struct unpacked

#endif
