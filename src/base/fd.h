/* SPDX-License-Identifier: MIT */
/* File descriptors: closing, cleanup attributes, and whole reads and writes. */
#ifndef NESTOR_BASE_FD_H
#define NESTOR_BASE_FD_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Closes fd where it is one (>= 0). Returns -1, for `fd = fd_close(fd)`. Keeps errno. */
int fd_close(int fd);

static inline void fd_closep(int *fd)
{
	(void)fd_close(*fd);
}

/* A local descriptor that is closed when it goes out of scope; fd_take() gives it away. */
#define FD_LOCAL __attribute__((cleanup(fd_closep), unused)) int

static inline int fd_take(int *fd)
{
	int out = *fd;
	*fd = -1;
	return out;
}

/* Writes all of buf, going on after EINTR and short writes. Returns 0 or -errno. */
int fd_write_all(int fd, const void *buf, size_t n) MUST_CHECK;

/* A whole file in memory, read-only. */
struct file_map {
	const uint8_t *data; /* size bytes; NULL where size is 0 */
	size_t size;
};

/*
 * Maps the regular file at path. Errors (ERR_CONFIG: the user named it) say the path and what is
 * wrong: absent, not readable, not a regular file, larger than max_bytes.
 */
int file_map_open(
	struct file_map *ret_map, const char *path, uint64_t max_bytes, struct err *e) MUST_CHECK;

/* Unmaps; accepts one never opened (all zero). */
void file_map_close(struct file_map *map);

#endif
