/* SPDX-License-Identifier: MIT */
#include "host/kernel_cache.h"

#include "base/fd.h"
#include "host/cache_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct kernel_cache {
	char base[PATH_MAX], path[PATH_MAX + 16];
	int dir; /* -1: not open yet */
	uint64_t max_bytes;
	struct hash128 asked; /* the payload last looked for */
};

int kernel_cache_create(struct kernel_cache **ret_cache, const struct cache_place *place,
	uint64_t max_bytes, struct err *e)
{
	struct kernel_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return err_set(e, -ENOMEM, "out of memory");
	int rc = cache_dir_find(place, cache->base, e);
	if (rc < 0) {
		free(cache);
		return rc;
	}
	(void)snprintf(cache->path, sizeof(cache->path), "%s/nestor", cache->base);
	cache->dir = -1;
	cache->max_bytes = max_bytes;
	*ret_cache = cache;
	return 0;
}

void kernel_cache_destroy(struct kernel_cache *cache)
{
	if (!cache)
		return;
	(void)fd_close(cache->dir);
	free(cache);
}

const char *kernel_cache_path(const struct kernel_cache *cache)
{
	return cache->path;
}

int kernel_cache_open(struct kernel_cache *cache, bool create, struct err *e)
{
	return cache->dir >= 0 ? 0 : cache_dir_open(cache->base, create, &cache->dir, e);
}

static int not_usable(
	const struct kernel_cache *cache, const char *name, const char *why, struct err *e)
{
	return err_set(e, -EINVAL, "%s/%s is not used: %s", cache->path, name, why);
}

/* Opens the entry of a payload and judges its header; the payload is still to be compared. */
static int open_entry(struct kernel_cache *cache, const uint8_t *payload, size_t payload_bytes,
	int *ret_fd, struct cache_entry *ret, struct err *e)
{
	char name[CACHE_NAME_BYTES];
	struct hash128 hash = xxh3_128(payload, payload_bytes);
	cache->asked = hash;
	int rc = kernel_cache_open(cache, /* create */ false, e);
	if (rc < 0)
		return rc;
	cache_entry_name(hash, name);
	const char *why = cache_file_open(cache->dir, name, ret_fd, ret);
	if (why && *ret_fd < 0)
		return errno == ENOENT ? err_set(e, -ENOENT, "%s has no entry of it", cache->path)
				       : not_usable(cache, name, why, e);
	if (!why && (ret->payload_hash.low != hash.low || ret->payload_hash.high != hash.high ||
			    ret->payload_bytes != payload_bytes))
		why = "it is another kernel's";
	if (!why)
		return 0;
	*ret_fd = fd_close(*ret_fd);
	return not_usable(cache, name, why, e);
}

int kernel_cache_load(struct kernel_cache *cache, const uint8_t *payload, size_t payload_bytes,
	uint8_t *dst, size_t dst_bytes, bool dst_is_zero, size_t *ret_bytes, struct err *e)
{
	struct cache_entry entry;
	char name[CACHE_NAME_BYTES];
	FD_LOCAL fd = -1;
	int rc = open_entry(cache, payload, payload_bytes, &fd, &entry, e);
	if (rc < 0)
		return rc;
	cache_entry_name(entry.payload_hash, name);
	if (entry.unpacked_bytes > dst_bytes)
		return not_usable(cache, name, "it unpacks to more than there is room for", e);
	const char *why = cache_file_compare(fd, payload, payload_bytes);
	if (!why)
		why = cache_file_read(fd, &entry, dst, dst_is_zero);
	if (why)
		return not_usable(cache, name, why, e);
	/* Which was used last is what eviction goes by. A read-only file system does not mind. */
	(void)futimens(fd, /* now */ NULL);
	*ret_bytes = (size_t)entry.unpacked_bytes;
	return 0;
}

/* The limits that are known beforehand. */
static int check_room(const struct kernel_cache *cache, uint64_t bytes, struct err *e)
{
	struct rlimit limit;
	struct statvfs fs;
	if (bytes > cache->max_bytes)
		return err_set(e, -EFBIG,
			"an entry of %llu bytes is larger than the whole cache may be",
			(unsigned long long)bytes);
	/* Beyond this limit a write is a signal, which ends the process. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
		bytes > limit.rlim_cur)
		return err_set(e, -EFBIG,
			"an entry of %llu bytes is beyond the limit of file sizes",
			(unsigned long long)bytes);
	if (fstatvfs(cache->dir, &fs) < 0)
		return err_set_errno(e, -errno, "cannot examine %s", cache->path);
	if (bytes / fs.f_frsize >= fs.f_bavail / 2)
		return err_set(e, -ENOSPC,
			"an entry of %llu bytes would take more than half of what is free in %s",
			(unsigned long long)bytes, cache->path);
	return 0;
}

int kernel_cache_store(struct kernel_cache *cache, const uint8_t *payload, size_t payload_bytes,
	const uint8_t *unpacked, size_t unpacked_bytes, struct err *e)
{
	struct cache_entry entry;
	char name[CACHE_NAME_BYTES];
	if (payload_bytes == 0 || unpacked_bytes == 0 || unpacked_bytes > CACHE_MAX_UNPACKED_BYTES)
		return err_set(e, -EFBIG, "a kernel of %zu bytes is not kept", unpacked_bytes);
	int rc = kernel_cache_open(cache, /* create */ true, e);
	if (rc < 0)
		return rc;
	cache_entry_describe(&entry, payload, payload_bytes, unpacked, unpacked_bytes);
	rc = check_room(cache, cache_entry_file_bytes(&entry), e);
	if (rc < 0)
		return rc;
	cache_entry_name(entry.payload_hash, name);
	rc = cache_file_write(cache->dir, name, &entry, payload, unpacked);
	if (rc < 0)
		return err_set_errno(e, rc, "cannot write to %s", cache->path);
	cache_files_evict(cache->dir, name, cache->max_bytes);
	return 0;
}

int kernel_cache_want(struct kernel_cache *cache, bool *ret_again, struct err *e)
{
	char name[CACHE_NAME_BYTES];
	int rc = kernel_cache_open(cache, /* create */ true, e);
	if (rc < 0)
		return rc;
	cache_entry_name(cache->asked, name);
	rc = cache_file_want(cache->dir, name, ret_again);
	return rc < 0 ? err_set_errno(e, rc, "cannot write to %s", cache->path) : 0;
}

int kernel_cache_list(struct kernel_cache *cache, struct kernel_cache_item **ret_items,
	size_t *ret_nr, struct err *e)
{
	int rc = kernel_cache_open(cache, /* create */ false, e);
	if (rc < 0)
		return rc;
	rc = cache_files_list(cache->dir, ret_items, ret_nr);
	return rc < 0 ? err_set_errno(e, rc, "cannot list %s", cache->path) : 0;
}

int kernel_cache_clear(
	struct kernel_cache *cache, size_t *ret_nr, uint64_t *ret_bytes, struct err *e)
{
	int rc = kernel_cache_open(cache, /* create */ false, e);
	if (rc < 0)
		return rc;
	rc = cache_files_clear(cache->dir, ret_nr, ret_bytes);
	return rc < 0 ? err_set_errno(e, rc, "cannot clear %s", cache->path) : 0;
}
