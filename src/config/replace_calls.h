/* SPDX-License-Identifier: MIT */
/* Every system call by which a file is replaced that changes something, as in section 2 of the
 * manual: replaceable, so that a test can let each of them fail, or be the last one of the process.
 */
#ifndef NESTOR_CONFIG_REPLACE_CALLS_H
#define NESTOR_CONFIG_REPLACE_CALLS_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct replace_calls {
	int (*openat)(int dir, const char *path, int flags, mode_t mode);
	int (*fchown)(int fd, uid_t uid, gid_t gid);
	int (*fchmod)(int fd, mode_t mode);
	int (*fsetxattr)(int fd, const char *name, const void *value, size_t n, int flags);
	int (*fremovexattr)(int fd, const char *name);
	int (*ioctl)(int fd, unsigned long request, void *arg); /* flags and project, got and set */
	ssize_t (*write)(int fd, const void *buf, size_t n);
	int (*fsync)(int fd);
	int (*close)(int fd);
	int (*renameat)(int old_dir, const char *old_path, int new_dir, const char *new_path);
	int (*unlinkat)(int dir, const char *path, int flags);
};

extern const struct replace_calls replace_calls_real;

#endif
