/* SPDX-License-Identifier: MIT */
#include "host/cache_files.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE_PREFIX ".new-"
#define WANTED_SUFFIX ".wanted"
#define ASIDE_MAX_SECONDS 3600              /* no writing takes that long */
#define WANTED_MAX_SECONDS (30 * 24 * 3600) /* after that it is a new kernel again */
#define CHUNK_BYTES ((size_t)CACHE_BLOCK_BYTES)

static int read_all(int fd, void *buf, size_t n, uint64_t offset)
{
	uint8_t *p = buf;
	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		p += got;
		offset += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* NULL, or why a file of this kind is not used. */
static const char *judge_stat(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is no regular file";
	if (st->st_uid != geteuid())
		return "it belongs to another user";
	if (st->st_mode & 077)
		return "its mode lets others at it";
	/* 0: removed or replaced since it was opened, which is all right. */
	if (st->st_nlink > 1)
		return "it has another name, too";
	return NULL;
}

const char *cache_file_open(int dir, const char *name, int *ret_fd, struct cache_entry *ret)
{
	struct stat st;
	uint8_t header[CACHE_HEADER_BYTES];
	/* O_NONBLOCK: a FIFO is no reason to wait. */
	*ret_fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*ret_fd < 0)
		return errno == ELOOP ? "it is a link" : "it cannot be opened";
	if (fstat(*ret_fd, &st) < 0)
		return "it cannot be examined";
	const char *why = judge_stat(&st);
	if (why)
		return why;
	if (st.st_size < CACHE_HEADER_BYTES ||
		read_all(*ret_fd, header, sizeof(header), /* offset */ 0) < 0)
		return "it is too short";
	return cache_entry_decode(header, (uint64_t)st.st_size, ret);
}

const char *cache_file_compare(int fd, const uint8_t *payload, size_t bytes)
{
	uint8_t *chunk = malloc(CHUNK_BYTES);
	const char *why = chunk ? NULL : "there is no memory";
	for (size_t done = 0; !why && done < bytes;) {
		size_t n = bytes - done < CHUNK_BYTES ? bytes - done : CHUNK_BYTES;
		if (read_all(fd, chunk, n, CACHE_HEADER_BYTES + done) < 0)
			why = "it cannot be read";
		else if (memcmp(chunk, payload + done, n) != 0)
			why = "its compressed kernel is another one";
		done += n;
	}
	free(chunk);
	return why;
}

const char *cache_file_read(int fd, const struct cache_entry *entry, uint8_t *dst, bool dst_is_zero)
{
	uint64_t n = cache_entry_nr_blocks(entry);
	uint64_t offset = CACHE_HEADER_BYTES + entry->payload_bytes;
	uint64_t hash = 0;
	for (uint64_t i = 0; i < n; i++) {
		uint8_t *block = dst + i * CACHE_BLOCK_BYTES;
		size_t bytes = cache_entry_block_bytes(entry, i);
		if (!cache_entry_has_block(entry, i)) {
			if (!dst_is_zero)
				(void)memset(block, 0, bytes);
			continue;
		}
		if (read_all(fd, block, bytes, offset) < 0)
			return "it cannot be read";
		hash = xxh3_64(block, bytes, hash); /* while it is in the CPU's cache */
		offset += bytes;
	}
	return hash == entry->blocks_hash ? NULL : "its unpacked kernel is damaged";
}

/* A name that nobody else uses. */
static int aside_name(char *name, size_t n)
{
	uint64_t random;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	(void)snprintf(name, n, ASIDE_PREFIX "%016" PRIx64, random);
	return 0;
}

static int write_content(
	int fd, const struct cache_entry *entry, const uint8_t *payload, const uint8_t *unpacked)
{
	uint8_t header[CACHE_HEADER_BYTES];
	uint64_t n = cache_entry_nr_blocks(entry);
	cache_entry_encode(entry, header);
	int rc = fd_write_all(fd, header, sizeof(header));
	if (rc == 0)
		rc = fd_write_all(fd, payload, (size_t)entry->payload_bytes);
	for (uint64_t i = 0; rc == 0 && i < n; i++) {
		if (cache_entry_has_block(entry, i))
			rc = fd_write_all(fd, unpacked + i * CACHE_BLOCK_BYTES,
				cache_entry_block_bytes(entry, i));
	}
	return rc;
}

/* Gives a file without a name one. */
static int give_name(int dir, int fd, const char *name)
{
	char self[32];
	/* Older kernels want a capability for the first form, the second needs /proc. */
	if (linkat(fd, "", dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int cache_file_write(int dir, const char *name, const struct cache_entry *entry,
	const uint8_t *payload, const uint8_t *unpacked)
{
	char aside[32], wanted[CACHE_NAME_BYTES + 8];
	int rc = aside_name(aside, sizeof(aside));
	if (rc < 0)
		return rc;
	/* Without a name until all is written: whatever ends this process, nothing is left. */
	FD_LOCAL fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	bool has_name = false;
	if (fd < 0) {
		fd = openat(dir, aside, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
		has_name = fd >= 0;
	}
	if (fd < 0)
		return -errno;
	rc = fchmod(fd, 0600) < 0 ? -errno : write_content(fd, entry, payload, unpacked);
	if (rc == 0 && !has_name) {
		rc = give_name(dir, fd, aside);
		has_name = rc == 0;
	}
	if (rc == 0 && renameat(dir, aside, dir, name) < 0)
		rc = -errno;
	if (rc < 0 && has_name)
		(void)unlinkat(dir, aside, 0);
	if (rc == 0) {
		(void)snprintf(wanted, sizeof(wanted), "%s" WANTED_SUFFIX, name);
		(void)unlinkat(dir, wanted, 0);
	}
	return rc;
}

int cache_file_want(int dir, const char *name, bool *ret_again)
{
	char wanted[CACHE_NAME_BYTES + 8];
	(void)snprintf(wanted, sizeof(wanted), "%s" WANTED_SUFFIX, name);
	int fd = openat(dir, wanted, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST)
		return -errno;
	*ret_again = fd < 0;
	(void)fd_close(fd);
	return 0;
}

enum file_kind { FILE_FOREIGN, FILE_ENTRY, FILE_WANTED, FILE_ASIDE };

static enum file_kind kind_of(const char *name)
{
	char stem[CACHE_NAME_BYTES];
	size_t size = strlen(name), suffix = strlen(WANTED_SUFFIX);
	if (cache_entry_is_name(name))
		return FILE_ENTRY;
	if (strncmp(name, ASIDE_PREFIX, strlen(ASIDE_PREFIX)) == 0)
		return FILE_ASIDE;
	if (size <= suffix || size - suffix >= sizeof(stem) ||
		strcmp(name + size - suffix, WANTED_SUFFIX) != 0)
		return FILE_FOREIGN;
	(void)memcpy(stem, name, size - suffix);
	stem[size - suffix] = '\0';
	return cache_entry_is_name(stem) ? FILE_WANTED : FILE_FOREIGN;
}

/* Calls fn for each file of the cache's own, until it returns an error. */
static int for_each(
	int dir, int (*fn)(void *ctx, int dir, const char *name, enum file_kind kind), void *ctx)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = copy < 0 ? NULL : fdopendir(copy);
	if (!files) {
		int code = -errno;
		(void)fd_close(copy);
		return code;
	}
	int rc = 0;
	for (const struct dirent *file = readdir(files); file && rc == 0; file = readdir(files)) {
		enum file_kind kind = kind_of(file->d_name);
		if (kind != FILE_FOREIGN)
			rc = fn(ctx, dir, file->d_name, kind);
	}
	(void)closedir(files);
	return rc;
}

struct listing {
	struct kernel_cache_item *items;
	size_t nr, room;
};

static int add_item(void *ctx, int dir, const char *name, enum file_kind kind)
{
	struct listing *l = ctx;
	struct stat st;
	if (kind != FILE_ENTRY || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (l->nr == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct kernel_cache_item *more = reallocarray(l->items, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->items = more;
		l->room = room;
	}
	struct kernel_cache_item *item = &l->items[l->nr++];
	*item = (struct kernel_cache_item){ .used = st.st_mtim };
	(void)snprintf(item->name, sizeof(item->name), "%s", name);
	item->file_bytes = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

static int later_first(const void *a, const void *b)
{
	const struct timespec *ta = &((const struct kernel_cache_item *)a)->used;
	const struct timespec *tb = &((const struct kernel_cache_item *)b)->used;
	if (ta->tv_sec != tb->tv_sec)
		return ta->tv_sec < tb->tv_sec ? 1 : -1;
	return ta->tv_nsec < tb->tv_nsec ? 1 : ta->tv_nsec > tb->tv_nsec ? -1 : 0;
}

static int list_entries(int dir, struct listing *l)
{
	int rc = for_each(dir, add_item, l);
	if (rc < 0) {
		free(l->items);
		return rc;
	}
	if (l->nr > 1)
		qsort(l->items, l->nr, sizeof(*l->items), later_first);
	return 0;
}

static int remove_old(void *ctx, int dir, const char *name, enum file_kind kind)
{
	const struct timespec *now = ctx;
	struct stat st;
	time_t most = kind == FILE_ASIDE    ? ASIDE_MAX_SECONDS
		      : kind == FILE_WANTED ? WANTED_MAX_SECONDS
					    : 0;
	if (most && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		now->tv_sec - st.st_mtim.tv_sec > most)
		(void)unlinkat(dir, name, 0);
	return 0;
}

void cache_files_evict(int dir, const char *keep, uint64_t max_bytes)
{
	struct timespec now;
	struct listing l = { 0 };
	if (clock_gettime(CLOCK_REALTIME, &now) == 0)
		(void)for_each(dir, remove_old, &now);
	if (list_entries(dir, &l) < 0)
		return;
	uint64_t sum = 0;
	for (size_t i = 0; i < l.nr; i++)
		sum += strcmp(l.items[i].name, keep) == 0 ? l.items[i].file_bytes : 0;
	/* The last used first: once one does not fit, those behind it go. */
	for (size_t i = 0; i < l.nr; i++) {
		if (strcmp(l.items[i].name, keep) == 0)
			continue;
		sum += l.items[i].file_bytes;
		if (sum > max_bytes)
			(void)unlinkat(dir, l.items[i].name, 0);
	}
	free(l.items);
}

int cache_files_list(int dir, struct kernel_cache_item **ret_items, size_t *ret_nr)
{
	struct listing l = { 0 };
	int rc = list_entries(dir, &l);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < l.nr; i++) {
		struct kernel_cache_item *item = &l.items[i];
		struct cache_entry entry;
		FD_LOCAL fd = -1;
		item->why_not = cache_file_open(dir, item->name, &fd, &entry);
		item->usable = !item->why_not;
		if (!item->usable)
			continue;
		item->payload_bytes = entry.payload_bytes;
		item->unpacked_bytes = entry.unpacked_bytes;
	}
	*ret_items = l.items;
	*ret_nr = l.nr;
	return 0;
}

struct cleared {
	size_t nr;
	uint64_t bytes;
};

static int remove_any(void *ctx, int dir, const char *name, enum file_kind kind)
{
	struct cleared *cleared = ctx;
	struct stat st;
	bool known = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (unlinkat(dir, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (kind == FILE_ENTRY && known) {
		cleared->nr++;
		cleared->bytes += (uint64_t)st.st_size;
	}
	return 0;
}

int cache_files_clear(int dir, size_t *ret_nr, uint64_t *ret_bytes)
{
	struct cleared cleared = { 0 };
	int rc = for_each(dir, remove_any, &cleared);
	if (rc < 0)
		return rc;
	*ret_nr = cleared.nr;
	*ret_bytes = cleared.bytes;
	return 0;
}
