/* SPDX-License-Identifier: MIT */
/*
 * Replaces a file's content in one step: at any moment, whatever happens, who opens the file finds
 * all of the old or all of the new.
 */
#ifndef NESTOR_CONFIG_REPLACE_H
#define NESTOR_CONFIG_REPLACE_H

#include "base/err.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Every system call that changes something, as in section 2 of the manual: replaceable, so that a
 * test can let each of them fail, or be the last one of the process. */
struct replace_calls {
	int (*openat)(int dir, const char *path, int flags, mode_t mode);
	int (*fchown)(int fd, uid_t uid, gid_t gid);
	int (*fchmod)(int fd, mode_t mode);
	ssize_t (*write)(int fd, const void *buf, size_t n);
	int (*fsync)(int fd);
	int (*close)(int fd);
	int (*renameat)(int old_dir, const char *old_path, int new_dir, const char *new_path);
	int (*unlinkat)(int dir, const char *path, int flags);
};

extern const struct replace_calls replace_calls_real;

/*
 * Puts text in the place of the regular file at path, through symbolic links, which stay. was: the
 * file as it was when it was read; it is refused (-ESTALE, ERR_CONFIG) where another one is there
 * by now, or where it has changed. Mode and owner are kept; where this user may not give the new
 * file to the old one's group, the group gets no access. Other names of the same file (hard links)
 * keep the old content. Returns 0, or -errno with the old file untouched; only where the very last
 * step fails, making the change last a crash of the host, the new one is there, and the error says
 * so.
 */
int file_replace(const struct replace_calls *calls, const char *path, const struct stat *was,
	const char *text, size_t n, struct err *e) MUST_CHECK;

#endif
