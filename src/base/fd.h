/* SPDX-License-Identifier: MIT */
/* File descriptors: closing, cleanup attributes, and whole writes. */
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

#endif
