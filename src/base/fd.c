/* SPDX-License-Identifier: MIT */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_close(int fd)
{
	if (fd >= 0) {
		int saved = errno;
		(void)close(fd);
		errno = saved;
	}
	return -1;
}

int fd_write_all(int fd, const void *buf, size_t n)
{
	const uint8_t *p = buf;
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int file_map_open(struct file_map *ret_map, const char *path, uint64_t max_bytes, struct err *e)
{
	/* O_NONBLOCK: a FIFO named by mistake must be refused, not waited for. */
	FD_LOCAL fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int code = -errno;
		(void)err_set_errno(e, code, "cannot open %s", path);
		if (e)
			e->kind = ERR_CONFIG;
		return code;
	}
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_set_errno(e, -errno, "cannot examine %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set_config(e, -EINVAL, "%s is not a regular file", path);
	if ((uint64_t)st.st_size > max_bytes)
		return err_set_config(e, -EFBIG,
			"%s has %" PRIu64 " bytes, more than the %" PRIu64 " that are allowed here",
			path, (uint64_t)st.st_size, max_bytes);
	struct file_map map = { .data = NULL, .size = (size_t)st.st_size };
	if (map.size > 0) {
		void *p = mmap(NULL, map.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			return err_set_errno(e, -errno, "cannot map %s", path);
		map.data = p;
	}
	*ret_map = map;
	return 0;
}

void file_map_close(struct file_map *map)
{
	if (map->data)
		(void)munmap((void *)(uintptr_t)map->data, map->size);
	*map = (struct file_map){ 0 };
}
