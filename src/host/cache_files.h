/* SPDX-License-Identifier: MIT */
/* The files in the directory of the cache of unpacked kernels, for kernel_cache.c. */
#ifndef NESTOR_HOST_CACHE_FILES_H
#define NESTOR_HOST_CACHE_FILES_H

#include "host/kernel_cache.h"

/*
 * Opens an entry for reading, if it is a regular file of the effective user's alone, without
 * another name, and with a header that fits. NULL with *ret_fd open, or why it is not used: then
 * *ret_fd may be open, too; where it is not (-1), errno says what failed.
 */
const char *cache_file_open(int dir, const char *name, int *ret_fd, struct cache_entry *ret);

/* Compares the stored payload with payload[0, bytes). NULL, or why the entry is not used. */
const char *cache_file_compare(int fd, const uint8_t *payload, size_t bytes);

/* Reads the blocks into dst, of entry->unpacked_bytes, and checks their hash. NULL, or why not. */
const char *cache_file_read(
	int fd, const struct cache_entry *entry, uint8_t *dst, bool dst_is_zero);

/* Writes an entry aside and renames it; what was wanted of that name is so no longer. -errno. */
int cache_file_write(int dir, const char *name, const struct cache_entry *entry,
	const uint8_t *payload, const uint8_t *unpacked) MUST_CHECK;

/* See kernel_cache_want. */
int cache_file_want(int dir, const char *name, bool *ret_again) MUST_CHECK;

/*
 * Removes what was left aside, what was wanted long ago, and then, but for keep, the entries unused
 * for longest until the rest has at most max_bytes.
 */
void cache_files_evict(int dir, const char *keep, uint64_t max_bytes);

/* See kernel_cache_list, kernel_cache_clear. */
int cache_files_list(int dir, struct kernel_cache_item **ret_items, size_t *ret_nr) MUST_CHECK;
int cache_files_clear(int dir, size_t *ret_nr, uint64_t *ret_bytes) MUST_CHECK;

#endif
