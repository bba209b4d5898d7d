/* SPDX-License-Identifier: MIT */
#include "cli/vm_lock.h"

#include "base/fd.h"
#include "config/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN_BYTES 256
#define HOLD_TRIES 8 /* replacements of the file while we take its lock */

/* Up to n - 1 bytes of a small file of /proc; "" where it cannot be read. */
static void read_small(int dir, const char *path, char *buf, size_t n)
{
	FD_LOCAL fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, buf, n - 1);
	buf[got > 0 ? got : 0] = '\0';
}

/* True where a descriptor of the process whose folder is proc is this file, with a lock of ours on
 * it (an editor may have the file open, too). */
static bool holds(int proc, const struct stat *file)
{
	bool found = false;
	int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *fds = fd < 0 ? NULL : fdopendir(fd);
	if (!fds) {
		(void)fd_close(fd);
		return false;
	}
	for (const struct dirent *entry = readdir(fds); entry && !found; entry = readdir(fds)) {
		char path[300], info[1024];
		struct stat st;
		if (fstatat(fd, entry->d_name, &st, 0) < 0 || st.st_dev != file->st_dev ||
			st.st_ino != file->st_ino)
			continue;
		(void)snprintf(path, sizeof(path), "fdinfo/%s", entry->d_name);
		read_small(proc, path, info, sizeof(info));
		found = strstr(info, "OFDLCK") != NULL;
	}
	(void)closedir(fds);
	return found;
}

/* " (process 1234, nestor)", or "" where no process can be found: the kernel does not say whose an
 * open file description is. */
static const char *name_holder(int fd, char *text, size_t n)
{
	struct stat file;
	text[0] = '\0';
	DIR *proc = fstat(fd, &file) < 0 ? NULL : opendir("/proc");
	if (!proc)
		return text;
	for (const struct dirent *entry = readdir(proc); entry && text[0] == '\0';
		entry = readdir(proc)) {
		char own[16], comm[32], shown[32];
		(void)snprintf(own, sizeof(own), "%ld", (long)getpid());
		if (!isdigit((unsigned char)entry->d_name[0]) || strcmp(entry->d_name, own) == 0)
			continue;
		FD_LOCAL dir =
			openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 || !holds(dir, &file))
			continue;
		read_small(dir, "comm", comm, sizeof(comm));
		(void)snprintf(text, n, " (process %.10s, %s)", entry->d_name,
			text_printable(shown, sizeof(shown), comm, strcspn(comm, "\n")));
	}
	(void)closedir(proc);
	return text;
}

static int fail_busy(int fd, const char *path, bool changing, struct err *e)
{
	char shown[SHOWN_BYTES], holder[96];
	(void)text_printable(shown, sizeof(shown), path, strlen(path));
	(void)name_holder(fd, holder, sizeof(holder));
	int rc = err_set_config(e, -EBUSY,
		changing ? "%s is just being changed%s" : "%s: the VM is running%s", shown, holder);
	return changing ? err_hint(e, rc, "try again when that is done")
			: err_hint(e, rc,
				  "shut the VM down first: what a CPU is like is decided when a "
				  "VM starts");
}

static bool is_refused(int code)
{
	return code == EAGAIN || code == EACCES;
}

/* True where path leads to what is open. */
static bool is_still(const char *path, int fd)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int vm_lock_hold(const char *path, int *ret_fd, struct err *e)
{
	*ret_fd = -1;
	for (unsigned i = 0; i < HOLD_TRIES; i++) {
		struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
		struct stat st;
		FD_LOCAL fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			return 0;
		if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
			return is_refused(errno) ? fail_busy(fd, path, /* changing */ true, e) : 0;
		/* It may have been replaced between the two calls: then the lock is on the old one.
		 */
		if (is_still(path, fd)) {
			*ret_fd = fd_take(&fd);
			return 0;
		}
	}
	return 0;
}

int vm_lock_alone(int fd, const char *path, bool try_only, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (!try_only && (fcntl(fd, F_OFD_SETLK, &lock) == 0 || !is_refused(errno)))
		return 0;
	lock = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	bool known = fcntl(fd, F_OFD_GETLK, &lock) == 0;
	if (try_only && (!known || lock.l_type == F_UNLCK))
		return 0;
	return fail_busy(fd, path, known && lock.l_type == F_WRLCK, e);
}
