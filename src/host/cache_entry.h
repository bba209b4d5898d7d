/* SPDX-License-Identifier: MIT */
/*
 * The form of an entry of the cache of unpacked kernels. Pure: bytes in, bytes out.
 *
 *   header    CACHE_HEADER_BYTES: sizes, hashes, and which blocks are there
 *   payload   the compressed kernel, as it lies in its file
 *   blocks    the unpacked kernel in blocks of CACHE_BLOCK_BYTES (the last may be shorter), without
 *             those that are all zero: a third of a Linux kernel is
 *
 * The header has a hash of itself and one of the blocks, so that an entry whose writing the power's
 * loss cut short, or that has rotted, is not used. Numbers are little-endian.
 */
#ifndef NESTOR_HOST_CACHE_ENTRY_H
#define NESTOR_HOST_CACHE_ENTRY_H

#include "base/types.h"
#include "host/xxh3.h"

#define CACHE_HEADER_BYTES 4096
#define CACHE_BLOCK_BYTES (64 * KIB)
#define CACHE_MAX_UNPACKED_BYTES (512 * MIB) /* by the header's room for block bits */
#define CACHE_NAME_BYTES 48                  /* of an entry's file name, NUL included */

struct cache_entry {
	uint64_t payload_bytes,
		unpacked_bytes;      /* > 0; the latter at most CACHE_MAX_UNPACKED_BYTES */
	struct hash128 payload_hash; /* the file's name, too */
	uint64_t blocks_hash;
	uint8_t present[CACHE_MAX_UNPACKED_BYTES / CACHE_BLOCK_BYTES / 8]; /* a bit a block */
};

/* How many blocks the unpacked kernel has, and how many bytes block i < that many. */
uint64_t cache_entry_nr_blocks(const struct cache_entry *entry);
size_t cache_entry_block_bytes(const struct cache_entry *entry, uint64_t i);
bool cache_entry_has_block(const struct cache_entry *entry, uint64_t i);

/* Bytes of the whole file. */
uint64_t cache_entry_file_bytes(const struct cache_entry *entry);

/*
 * Describes payload and what it unpacks to: sizes, hashes, blocks. Both sizes as in struct
 * cache_entry.
 */
void cache_entry_describe(struct cache_entry *ret, const uint8_t *payload, size_t payload_bytes,
	const uint8_t *unpacked, size_t unpacked_bytes);

/* header has CACHE_HEADER_BYTES. */
void cache_entry_encode(const struct cache_entry *entry, uint8_t *header);

/*
 * Reads the header of a file of file_bytes. NULL, or what is wrong with it, a few words; *ret is
 * then not to be used.
 */
const char *cache_entry_decode(const uint8_t *header, uint64_t file_bytes, struct cache_entry *ret)
	__attribute__((warn_unused_result));

/* "0123456789abcdef0123456789abcdef.kernel"; name has CACHE_NAME_BYTES. */
void cache_entry_name(struct hash128 payload_hash, char *name);
/* True for a name that cache_entry_name can give. */
bool cache_entry_is_name(const char *name);

#endif
