/* SPDX-License-Identifier: MIT */
/*
 * Files that the user named, read to their end into memory of this process: what a file says of its
 * size is not believed (those of /proc say 0, FIFOs nothing), and none is mapped, as the pages of
 * one that shrinks meanwhile would be SIGBUS. What changes while it is read is refused.
 */
#ifndef NESTOR_BASE_INPUT_FILE_H
#define NESTOR_BASE_INPUT_FILE_H

#include "base/err.h"
#include "base/types.h"

#include <sys/types.h>
#include <time.h>

/* Of a large file, input_file_open reads no more than this: enough to tell what kind it is. */
#define INPUT_FILE_HEAD_BYTES (128 * KIB)

struct input_file {
	const char *path;    /* borrowed */
	const uint8_t *data; /* the first bytes of it; NULL where it is empty */
	size_t read;         /* how many: all, unless only input_file_open was called */
	size_t size;         /* of the whole file */
	/* The rest is its own. */
	bool is_open, is_borrowed; /* fd; and is not to be closed */
	int fd;
	void *memory;     /* that data are in */
	size_t map_bytes; /* of it; 0: from malloc */
	uint64_t max_bytes;
	struct timespec modified;
};

/*
 * Opens path and reads its first bytes; of what is no regular file, or says no size, all, at most
 * max_bytes. Errors say the path and what is wrong. ERR_CONFIG: absent, not readable, a directory
 * or a device, larger than max_bytes (-EFBIG), a FIFO that nobody writes to. A FIFO that somebody
 * has open for writing is waited for.
 */
int input_file_open(
	struct input_file *ret, const char *path, uint64_t max_bytes, struct err *e) MUST_CHECK;

/*
 * The same in two steps, for a file that is to be read again when its name may lead elsewhere:
 * input_fd_open only opens it, *ret_fd being the caller's (close), and input_file_of_fd begins to
 * read it, from its beginning each time. fd and path, which is for messages, are borrowed for as
 * long as there is something to read; there may be one reader of fd at a time. A FIFO is empty from
 * the second time on, and refused.
 */
int input_fd_open(const char *path, int *ret_fd, struct err *e) MUST_CHECK;
int input_file_of_fd(struct input_file *ret, int fd, const char *path, uint64_t max_bytes,
	struct err *e) MUST_CHECK;

/*
 * Reads the rest into data, and closes the file. -EBUSY where it changed since it was opened,
 * -EFBIG (ERR_CONFIG) where there is more than max_bytes.
 */
int input_file_rest(struct input_file *f, struct err *e) MUST_CHECK;

/*
 * Reads the rest, and puts all size bytes (> 0) to dst instead, once only and however many; data
 * stay the first bytes. -EBUSY as input_file_rest. On failure dst may have been written to.
 */
int input_file_copy(struct input_file *f, uint8_t *dst, struct err *e) MUST_CHECK;

/* Both of the first two. */
int input_file_read(
	struct input_file *ret, const char *path, uint64_t max_bytes, struct err *e) MUST_CHECK;

/* Accepts one never opened (all zero). */
void input_file_close(struct input_file *f);

/* "a directory", "a FIFO", … of st_mode. */
const char *input_file_kind(mode_t mode);

#endif
