/* SPDX-License-Identifier: MIT */
/*
 * The cache of unpacked kernels: files in a directory of the user's own (cache_dir.h), each a
 * compressed payload and what it unpacks to (cache_entry.h), named by the payload's XXH3 hash. The
 * stored payload is compared byte for byte before an entry is used, so that a kernel made to have
 * another's hash gets nothing. Entries and directory must be the effective user's alone: what is in
 * them is trusted. Who can write there can run code as that user anyway.
 *
 * An entry is written aside, whole, and then renamed: who reads sees the old one, the new one or
 * none, and keeps what it has open. Nothing is waited for (no fsync): an entry whose bytes the
 * power's loss took does not have the hash that its header says, and is not used but replaced.
 * Whatever fails, there is just no entry: nobody's guest depends on the cache.
 *
 * Not for several threads at once. Any number of processes may use one directory.
 */
#ifndef NESTOR_HOST_KERNEL_CACHE_H
#define NESTOR_HOST_KERNEL_CACHE_H

#include "base/err.h"
#include "host/cache_dir.h"
#include "host/cache_entry.h"

#include <time.h>

/* All entries together; what was not used for longest goes first. */
#define KERNEL_CACHE_MAX_BYTES (512 * MIB)
/* What unpacks to less is not worth a file. */
#define KERNEL_CACHE_MIN_UNPACKED_BYTES (4 * MIB)

struct kernel_cache;

/*
 * A cache at place, at most max_bytes large; nothing is opened yet. -ENOENT where place names none,
 * -ENOMEM.
 */
int kernel_cache_create(struct kernel_cache **ret_cache, const struct cache_place *place,
	uint64_t max_bytes, struct err *e) MUST_CHECK;
void kernel_cache_destroy(struct kernel_cache *cache); /* NULL-safe */

/* The directory, for messages; whether it is there or may be used or not. */
const char *kernel_cache_path(const struct kernel_cache *cache);

/*
 * Opens the directory; with create, makes it. Errors as of cache_dir_open. The other functions do
 * it by themselves.
 */
int kernel_cache_open(struct kernel_cache *cache, bool create, struct err *e) MUST_CHECK;

/*
 * What payload unpacks to, into dst[0, dst_bytes), if the cache has it. dst_is_zero: all of dst is
 * zero already, and what is zero need not be written. 0 with *ret_bytes, -ENOENT where there is no
 * entry, or another negative errno where there is none that can be used, or no cache; dst may have
 * been written to all the same.
 */
int kernel_cache_load(struct kernel_cache *cache, const uint8_t *payload, size_t payload_bytes,
	uint8_t *dst, size_t dst_bytes, bool dst_is_zero, size_t *ret_bytes,
	struct err *e) MUST_CHECK;

/*
 * Stores an entry, in place of one of the same name, and removes old entries until all are within
 * max_bytes. -EFBIG where it is larger than that or than the user's limit of file sizes, -ENOSPC
 * also where it would take more than half of what is free: a cache must not fill a disk.
 */
int kernel_cache_store(struct kernel_cache *cache, const uint8_t *payload, size_t payload_bytes,
	const uint8_t *unpacked, size_t unpacked_bytes, struct err *e) MUST_CHECK;

/*
 * Leaves word that the payload which kernel_cache_load was last asked for is wanted: *ret_again
 * says that it had been left before. An entry that is stored takes it back; else it is forgotten
 * after a month.
 */
int kernel_cache_want(struct kernel_cache *cache, bool *ret_again, struct err *e) MUST_CHECK;

struct kernel_cache_item {
	char name[CACHE_NAME_BYTES];
	uint64_t file_bytes, payload_bytes, unpacked_bytes; /* the latter two 0 where not usable */
	struct timespec used;                               /* last; CLOCK_REALTIME */
	bool usable;                                        /* by all but the hash of its blocks */
	const char *why_not;                                /* static text; NULL where usable */
};

/* The entries, the last used first; the caller frees *ret_items. */
int kernel_cache_list(struct kernel_cache *cache, struct kernel_cache_item **ret_items,
	size_t *ret_nr, struct err *e) MUST_CHECK;

/* Removes all entries, and whatever else of the cache is there; how many entries, and their bytes.
 */
int kernel_cache_clear(
	struct kernel_cache *cache, size_t *ret_nr, uint64_t *ret_bytes, struct err *e) MUST_CHECK;

#endif
