/* SPDX-License-Identifier: MIT */
#include "base/input_file.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROW_FROM_BYTES ((size_t)(16 * KIB))
#define HUGE_PAGE_BYTES ((size_t)(2 * MIB))

const char *input_file_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	case S_IFSOCK:
		return "a socket";
	default:
		return "neither file nor FIFO";
	}
}

/* Of a long path, its end, so that the rest of a message has room: two arguments for "%s%s". */
#define SHOWN_BYTES 400
static const char *shown_tail(const struct input_file *f)
{
	size_t n = strlen(f->path);
	return n > SHOWN_BYTES ? f->path + n - SHOWN_BYTES : f->path;
}
#define SHOWN(f) (shown_tail(f) == (f)->path ? "" : "..."), shown_tail(f)

static int too_large(const struct input_file *f, struct err *e)
{
	if (f->size)
		return err_set_config(e, -EFBIG,
			"%s%s has %zu bytes, more than the %" PRIu64 " that are allowed here",
			SHOWN(f), f->size, f->max_bytes);
	return err_set_config(e, -EFBIG,
		"%s%s has more than the %" PRIu64 " bytes that are allowed here", SHOWN(f),
		f->max_bytes);
}

static int cannot_read(const struct input_file *f, int code, struct err *e)
{
	return err_set_errno(e, code, "cannot read %s%s", SHOWN(f));
}

/* Reads until dst has n bytes or the file ends; *ret_n is how many it has then. */
static int read_up_to(
	const struct input_file *f, uint8_t *dst, size_t n, size_t *ret_n, struct err *e)
{
	size_t used = 0;
	while (used < n) {
		ssize_t got = read(f->fd, dst + used, n - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return cannot_read(f, -errno, e);
		if (got == 0)
			break;
		used += (size_t)got;
	}
	*ret_n = used;
	return 0;
}

/* To the end, whatever the size. */
static int read_unsized(struct input_file *f, struct err *e)
{
	size_t capacity = 0;
	uint8_t *bytes = NULL;
	for (size_t used = 0;;) {
		size_t n = 0;
		if (used > f->max_bytes) {
			free(bytes);
			return too_large(f, e);
		}
		if (used == capacity) {
			capacity = capacity ? 2 * capacity : GROW_FROM_BYTES;
			uint8_t *more = realloc(bytes, capacity);
			if (!more) {
				free(bytes);
				return cannot_read(f, -ENOMEM, e);
			}
			bytes = more;
		}
		int rc = read_up_to(f, bytes + used, capacity - used, &n, e);
		if (rc < 0) {
			free(bytes);
			return rc;
		}
		used += n;
		if (used == capacity)
			continue;
		if (used == 0 || used > f->max_bytes) {
			free(bytes);
			return used ? too_large(f, e) : 0;
		}
		f->data = f->memory = bytes;
		f->read = f->size = used;
		return 0;
	}
}

static int no_memory(const struct input_file *f, size_t n, struct err *e)
{
	return err_set_errno(e, -ENOMEM, "cannot read %s%s: %zu bytes of memory", SHOWN(f), n);
}

static int read_head(struct input_file *f, struct err *e)
{
	size_t n = f->size < INPUT_FILE_HEAD_BYTES ? f->size : (size_t)INPUT_FILE_HEAD_BYTES;
	f->data = f->memory = malloc(n);
	if (!f->memory)
		return no_memory(f, n, e);
	return read_up_to(f, f->memory, n, &f->read, e);
}

/*
 * Memory for all, with what has been read in it. It begins at a huge page, as page by page it takes
 * longer than the reading.
 */
static int get_memory(struct input_file *f, struct err *e)
{
	size_t bytes = f->size + HUGE_PAGE_BYTES;
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return no_memory(f, f->size, e);
	uint8_t *begin = (uint8_t *)p + (align_up((uintptr_t)p, HUGE_PAGE_BYTES) - (uintptr_t)p);
	(void)madvise(begin, f->size, MADV_HUGEPAGE); /* a hint */
	(void)memcpy(begin, f->data, f->read);
	free(f->memory);
	f->memory = p;
	f->map_bytes = bytes;
	f->data = begin;
	return 0;
}

static int check_kind(struct input_file *f, const struct stat *st, struct err *e)
{
	if (S_ISREG(st->st_mode))
		return 0;
	if (!S_ISFIFO(st->st_mode))
		return err_set_config(e, S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL,
			"%s%s is %s, not a file to read", SHOWN(f), input_file_kind(st->st_mode));
	/* From here on, wait for whoever has it open for writing. */
	int flags = fcntl(f->fd, F_GETFL);
	if (flags < 0 || fcntl(f->fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return cannot_read(f, -errno, e);
	return 0;
}

/* Nothing more is read of it. */
static void let_go(struct input_file *f)
{
	if (f->is_open && !f->is_borrowed)
		(void)fd_close(f->fd);
	f->is_open = false;
	f->fd = -1;
}

static int read_first(struct input_file *f, struct err *e)
{
	struct stat st;
	if (fstat(f->fd, &st) < 0)
		return err_set_errno(e, -errno, "cannot examine %s%s", SHOWN(f));
	int rc = check_kind(f, &st, e);
	if (rc < 0)
		return rc;
	if (S_ISREG(st.st_mode) && st.st_size > 0) {
		f->size = (size_t)st.st_size;
		f->modified = st.st_mtim;
		return read_head(f, e);
	}
	rc = read_unsized(f, e);
	if (rc == 0 && f->size == 0 && S_ISFIFO(st.st_mode))
		return err_set_config(
			e, -EINVAL, "%s%s is a FIFO that nobody has written to", SHOWN(f));
	let_go(f);
	return rc;
}

int input_fd_open(const char *path, int *ret_fd, struct err *e)
{
	const struct input_file f = { .path = path };
	/* O_NONBLOCK: a FIFO that nobody writes to must be refused, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		int code = -errno;
		(void)err_set_errno(e, code, "cannot open %s%s", SHOWN(&f));
		if (e)
			e->kind = ERR_CONFIG;
		return code;
	}
	*ret_fd = fd;
	return 0;
}

static int begin(struct input_file *ret, struct input_file f, struct err *e)
{
	int rc = read_first(&f, e);
	if (rc < 0) {
		input_file_close(&f);
		return rc;
	}
	*ret = f;
	return 0;
}

int input_file_of_fd(
	struct input_file *ret, int fd, const char *path, uint64_t max_bytes, struct err *e)
{
	*ret = (struct input_file){ 0 };
	/* A FIFO has no beginning to go back to, and is read to its end but once. */
	if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return err_set_errno(e, -errno, "cannot read %s", path);
	return begin(ret,
		(struct input_file){ .path = path,
			.max_bytes = max_bytes,
			.fd = fd,
			.is_open = true,
			.is_borrowed = true },
		e);
}

int input_file_open(struct input_file *ret, const char *path, uint64_t max_bytes, struct err *e)
{
	int fd = -1;
	*ret = (struct input_file){ 0 };
	int rc = input_fd_open(path, &fd, e);
	return fd < 0 ? rc
		      : begin(ret,
				(struct input_file){ .path = path,
					.max_bytes = max_bytes,
					.fd = fd,
					.is_open = true },
				e);
}

/*
 * All has been read that there was: what the file says now must be what it said. One that ends
 * before the size that it still has is one of those that only say so (/sys).
 */
static int check_unchanged(const struct input_file *f, struct err *e)
{
	struct stat st;
	if (fstat(f->fd, &st) < 0)
		return err_set_errno(e, -errno, "cannot examine %s%s", SHOWN(f));
	if ((size_t)st.st_size != f->size)
		(void)err_set(e, -EBUSY,
			"%s%s changed while it was read: it had %zu bytes, and has %" PRIu64 " now",
			SHOWN(f), f->size, (uint64_t)st.st_size);
	else if (st.st_mtim.tv_sec != f->modified.tv_sec ||
		 st.st_mtim.tv_nsec != f->modified.tv_nsec)
		(void)err_set(e, -EBUSY, "%s%s was written to while it was read", SHOWN(f));
	else
		return 0;
	return err_hint(e, -EBUSY, "start again when what writes that file has finished");
}

static int read_rest(struct input_file *f, uint8_t *dst, size_t *ret_n, struct err *e)
{
	int rc = read_up_to(f, dst, f->size - f->read, ret_n, e);
	if (rc == 0)
		rc = check_unchanged(f, e);
	let_go(f);
	return rc;
}

int input_file_rest(struct input_file *f, struct err *e)
{
	size_t n = 0;
	if (!f->is_open)
		return 0;
	int rc = f->size > f->max_bytes ? too_large(f, e) : 0;
	if (rc == 0 && f->read < f->size)
		rc = get_memory(f, e);
	if (rc == 0)
		rc = read_rest(f, (uint8_t *)(uintptr_t)f->data + f->read, &n, e);
	if (rc == 0)
		f->size = f->read += n;
	return rc;
}

int input_file_copy(struct input_file *f, uint8_t *dst, struct err *e)
{
	size_t n = 0;
	(void)memcpy(dst, f->data, f->read);
	if (!f->is_open)
		return 0;
	int rc = read_rest(f, dst + f->read, &n, e);
	if (rc == 0 && f->read + n < f->size)
		return err_set(e, -EBUSY, "%s%s ends after %zu bytes, but says that it has %zu",
			SHOWN(f), f->read + n, f->size);
	return rc;
}

int input_file_read(struct input_file *ret, const char *path, uint64_t max_bytes, struct err *e)
{
	int rc = input_file_open(ret, path, max_bytes, e);
	if (rc == 0)
		rc = input_file_rest(ret, e);
	if (rc < 0)
		input_file_close(ret);
	return rc;
}

void input_file_close(struct input_file *f)
{
	let_go(f);
	if (f->map_bytes)
		(void)munmap(f->memory, f->map_bytes);
	else
		free(f->memory);
	*f = (struct input_file){ 0 };
}
