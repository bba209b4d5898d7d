/* SPDX-License-Identifier: MIT */
#include "host/cache_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Offsets of the header's fields. */
#define OFF_MAGIC 0
#define OFF_VERSION 8
#define OFF_BLOCK_BYTES 12
#define OFF_PAYLOAD_BYTES 16
#define OFF_UNPACKED_BYTES 24
#define OFF_PAYLOAD_HASH 32 /* low, high */
#define OFF_BLOCKS_HASH 48
#define OFF_HEADER_HASH 56 /* of all else of the header */
#define OFF_PRESENT 64

#define VERSION 1
#define HASH_DIGITS 32
#define SUFFIX ".kernel"

static const uint8_t magic[8] = { 'n', 'e', 's', 't', 'o', 'r', 'K', 'C' };

static uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;
	(void)memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;
	(void)memcpy(&v, p, sizeof(v));
	return v;
}

static void put_u32(uint8_t *p, uint32_t v)
{
	(void)memcpy(p, &v, sizeof(v));
}

static void put_u64(uint8_t *p, uint64_t v)
{
	(void)memcpy(p, &v, sizeof(v));
}

uint64_t cache_entry_nr_blocks(const struct cache_entry *entry)
{
	return (entry->unpacked_bytes + CACHE_BLOCK_BYTES - 1) / CACHE_BLOCK_BYTES;
}

size_t cache_entry_block_bytes(const struct cache_entry *entry, uint64_t i)
{
	uint64_t left = entry->unpacked_bytes - i * CACHE_BLOCK_BYTES;
	return (size_t)(left < CACHE_BLOCK_BYTES ? left : CACHE_BLOCK_BYTES);
}

bool cache_entry_has_block(const struct cache_entry *entry, uint64_t i)
{
	return entry->present[i / 8] & (1U << (i % 8));
}

uint64_t cache_entry_file_bytes(const struct cache_entry *entry)
{
	uint64_t sum = CACHE_HEADER_BYTES + entry->payload_bytes;
	uint64_t n = cache_entry_nr_blocks(entry);
	for (uint64_t i = 0; i < n; i++)
		sum += cache_entry_has_block(entry, i) ? cache_entry_block_bytes(entry, i) : 0;
	return sum;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	/* All bytes alike, and the first is 0. */
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

void cache_entry_describe(struct cache_entry *ret, const uint8_t *payload, size_t payload_bytes,
	const uint8_t *unpacked, size_t unpacked_bytes)
{
	*ret = (struct cache_entry){ .payload_bytes = payload_bytes,
		.unpacked_bytes = unpacked_bytes,
		.payload_hash = xxh3_128(payload, payload_bytes) };
	uint64_t n = cache_entry_nr_blocks(ret);
	for (uint64_t i = 0; i < n; i++) {
		const uint8_t *block = unpacked + i * CACHE_BLOCK_BYTES;
		size_t bytes = cache_entry_block_bytes(ret, i);
		if (is_zero(block, bytes))
			continue;
		ret->present[i / 8] = (uint8_t)(ret->present[i / 8] | 1U << (i % 8));
		ret->blocks_hash = xxh3_64(block, bytes, ret->blocks_hash);
	}
}

static uint64_t hash_header(const uint8_t *header)
{
	uint64_t h = xxh3_64(header, OFF_HEADER_HASH, /* seed */ 0);
	return xxh3_64(header + OFF_PRESENT, CACHE_HEADER_BYTES - OFF_PRESENT, h);
}

void cache_entry_encode(const struct cache_entry *entry, uint8_t *header)
{
	_Static_assert(OFF_PRESENT + sizeof(entry->present) <= CACHE_HEADER_BYTES, "header");
	(void)memset(header, 0, CACHE_HEADER_BYTES);
	(void)memcpy(header + OFF_MAGIC, magic, sizeof(magic));
	put_u32(header + OFF_VERSION, VERSION);
	put_u32(header + OFF_BLOCK_BYTES, CACHE_BLOCK_BYTES);
	put_u64(header + OFF_PAYLOAD_BYTES, entry->payload_bytes);
	put_u64(header + OFF_UNPACKED_BYTES, entry->unpacked_bytes);
	put_u64(header + OFF_PAYLOAD_HASH, entry->payload_hash.low);
	put_u64(header + OFF_PAYLOAD_HASH + 8, entry->payload_hash.high);
	put_u64(header + OFF_BLOCKS_HASH, entry->blocks_hash);
	(void)memcpy(header + OFF_PRESENT, entry->present, sizeof(entry->present));
	put_u64(header + OFF_HEADER_HASH, hash_header(header));
}

const char *cache_entry_decode(const uint8_t *header, uint64_t file_bytes, struct cache_entry *ret)
{
	if (memcmp(header + OFF_MAGIC, magic, sizeof(magic)) != 0)
		return "it is no entry of this cache";
	if (get_u32(header + OFF_VERSION) != VERSION ||
		get_u32(header + OFF_BLOCK_BYTES) != CACHE_BLOCK_BYTES)
		return "its format is another version's";
	if (get_u64(header + OFF_HEADER_HASH) != hash_header(header))
		return "its header is damaged";
	*ret = (struct cache_entry){
		.payload_bytes = get_u64(header + OFF_PAYLOAD_BYTES),
		.unpacked_bytes = get_u64(header + OFF_UNPACKED_BYTES),
		.payload_hash = { get_u64(header + OFF_PAYLOAD_HASH),
			get_u64(header + OFF_PAYLOAD_HASH + 8) },
		.blocks_hash = get_u64(header + OFF_BLOCKS_HASH),
	};
	(void)memcpy(ret->present, header + OFF_PRESENT, sizeof(ret->present));
	/* The hash guards against accidents alone, so sizes are checked all the same. */
	if (ret->payload_bytes == 0 || ret->payload_bytes > file_bytes ||
		ret->unpacked_bytes == 0 || ret->unpacked_bytes > CACHE_MAX_UNPACKED_BYTES)
		return "its sizes are impossible";
	if (cache_entry_file_bytes(ret) != file_bytes)
		return "it has not the length that it should have";
	return NULL;
}

void cache_entry_name(struct hash128 payload_hash, char *name)
{
	(void)snprintf(name, CACHE_NAME_BYTES, "%016" PRIx64 "%016" PRIx64 SUFFIX,
		payload_hash.high, payload_hash.low);
}

bool cache_entry_is_name(const char *name)
{
	return strspn(name, "0123456789abcdef") == HASH_DIGITS &&
	       strcmp(name + HASH_DIGITS, SUFFIX) == 0;
}
