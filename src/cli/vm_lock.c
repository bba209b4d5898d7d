/* SPDX-License-Identifier: MIT */
#include "cli/vm_lock.h"

#include "base/fd.h"
#include "base/types.h"
#include "config/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN_BYTES 256
#define HOLD_TRIES 8 /* replacements of the file while we take its lock */

/* What is locked: all of a file, or the byte of a folder that stands for a name in it. */
struct place {
	int fd;       /* borrowed */
	off_t offset; /* of the byte; -1: all of it */
};

static struct flock lock_at(const struct place *at, short type)
{
	return (struct flock){ .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = at->offset < 0 ? 0 : at->offset,
		.l_len = at->offset < 0 ? 0 : 1 };
}

/* FNV-1a of 64 bits, less the two highest: two names of one folder that fall together by chance
 * are not to be feared, and who means to do harm could as well lock the name itself. */
static off_t offset_of(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
	return (off_t)(hash >> 2);
}

/* --- who holds it --- */

/* Up to n - 1 bytes of a small file of /proc; "" where it cannot be read. */
static void read_small(int dir, const char *path, char *buf, size_t n)
{
	FD_LOCAL fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, buf, n - 1);
	buf[got > 0 ? got : 0] = '\0';
}

/* True where a descriptor of the process whose folder is proc is this file, with this lock on it
 * (an editor may have the file open, too). */
static bool holds(int proc, const struct stat *file, const struct place *at)
{
	char range[64] = " 0 EOF\n"; /* as proc_locks(5) writes it */
	if (at->offset >= 0)
		(void)snprintf(range, sizeof(range), " %jd %jd\n", (intmax_t)at->offset,
			(intmax_t)at->offset);
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
		found = strstr(info, "OFDLCK") && strstr(info, range);
	}
	(void)closedir(fds);
	return found;
}

/* " (process 1234, nestor)", or "" where no process can be found: the kernel does not say whose an
 * open file description is. */
static const char *name_holder(const struct place *at, char *text, size_t n)
{
	struct stat file;
	text[0] = '\0';
	DIR *proc = fstat(at->fd, &file) < 0 ? NULL : opendir("/proc");
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
		if (dir < 0 || !holds(dir, &file, at))
			continue;
		read_small(dir, "comm", comm, sizeof(comm));
		(void)snprintf(text, n, " (process %.10s, %s)", entry->d_name,
			text_printable(shown, sizeof(shown), comm, strcspn(comm, "\n")));
	}
	(void)closedir(proc);
	return text;
}

static int fail_busy(const struct place *at, const char *path, bool changing, struct err *e)
{
	char shown[SHOWN_BYTES], holder[96];
	(void)text_printable(shown, sizeof(shown), path, strlen(path));
	(void)name_holder(at, holder, sizeof(holder));
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

/* --- the names --- */

/* The folder of path, below `at` where it is relative, for reading where that may be, and the name
 * in it. -1: there is none. */
static int open_folder(int at, const char *path, char name[NAME_MAX + 1])
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) + 1 : 0;
	const char *last = slash ? slash + 1 : path;
	if (n >= sizeof(folder) || strlen(last) > NAME_MAX)
		return -1;
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)n, path);
	(void)snprintf(name, NAME_MAX + 1, "%s", last);
	const char *shown = n ? folder : ".";
	int fd = openat(at, shown, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : openat(at, shown, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Calls fn for each name that leads to the file at path, in a folder that is lent, until it says
 * other than 0. */
static int each_name(const char *path, int (*fn)(void *ctx, int dir, const char *name), void *ctx)
{
	char here[PATH_MAX], name[NAME_MAX + 1];
	size_t n = strlen(path);
	FD_LOCAL dir = -1;
	if (n >= sizeof(here))
		return 0;
	memcpy(here, path, n + 1);
	for (unsigned i = 0; i <= VM_LOCK_MAX_LINKS; i++) {
		int next = open_folder(dir >= 0 ? dir : AT_FDCWD, here, name);
		(void)fd_close(dir);
		dir = next;
		if (dir < 0 || name[0] == '\0')
			return 0;
		int rc = fn(ctx, dir, name);
		ssize_t linked = rc ? 0 : readlinkat(dir, name, here, sizeof(here) - 1);
		if (linked <= 0)
			return rc;
		here[linked] = '\0';
	}
	return 0;
}

/* Where a folder cannot be locked, the file alone has to do. */
static int hold_name(void *ctx, int dir, const char *name)
{
	struct vm_lock *held = ctx;
	const struct place at = { .fd = dir, .offset = offset_of(name) };
	struct flock lock = lock_at(&at, F_RDLCK);
	if (held->nr_fds == ARRAY_SIZE(held->fds) - 1 || fcntl(dir, F_OFD_SETLK, &lock) < 0)
		return 0;
	int fd = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		held->fds[held->nr_fds++] = fd;
	return 0;
}

struct looking {
	const char *path;
	struct err *e;
};

static int check_name(void *ctx, int dir, const char *name)
{
	const struct looking *l = ctx;
	const struct place at = { .fd = dir, .offset = offset_of(name) };
	struct flock lock = lock_at(&at, F_WRLCK);
	if (fcntl(dir, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return fail_busy(&at, l->path, /* changing */ false, l->e);
}

static int check_names(const char *path, struct err *e)
{
	struct looking looking = { .path = path, .e = e };
	return each_name(path, check_name, &looking);
}

/* --- the file --- */

/* True where path leads to what is open. */
static bool is_still(const char *path, int fd)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int hold_file(const char *path, struct vm_lock *held, struct err *e)
{
	for (unsigned i = 0; i < HOLD_TRIES; i++) {
		struct stat st;
		/* Whoever writes to a FIFO would lose its reader when this is closed. */
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			return 0;
		FD_LOCAL fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			return 0;
		const struct place at = { .fd = fd, .offset = -1 };
		struct flock lock = lock_at(&at, F_RDLCK);
		if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
			return is_refused(errno) ? fail_busy(&at, path, /* changing */ true, e) : 0;
		/* It may have been replaced between the two calls: then the lock is on the old one.
		 */
		if (is_still(path, fd)) {
			held->fds[held->nr_fds++] = fd_take(&fd);
			return 0;
		}
	}
	return 0;
}

/* The names first: who changes the file has it alone while it looks at the names, so that one of
 * the two sees the other. */
int vm_lock_hold(const char *path, struct vm_lock *ret_lock, struct err *e)
{
	struct vm_lock held = { .nr_fds = 0 };
	*ret_lock = held;
	int rc = each_name(path, hold_name, &held);
	if (rc == 0)
		rc = hold_file(path, &held, e);
	if (rc)
		vm_lock_release(&held);
	*ret_lock = held;
	return rc;
}

void vm_lock_release(struct vm_lock *lock)
{
	while (lock->nr_fds > 0)
		(void)fd_close(lock->fds[--lock->nr_fds]);
}

static int alone(int fd, const char *path, bool try_only, struct err *e)
{
	const struct place at = { .fd = fd, .offset = -1 };
	struct flock lock = lock_at(&at, F_WRLCK);
	if (!try_only && (fcntl(fd, F_OFD_SETLK, &lock) == 0 || !is_refused(errno)))
		return 0;
	lock = lock_at(&at, F_WRLCK);
	bool known = fcntl(fd, F_OFD_GETLK, &lock) == 0;
	if (try_only && (!known || lock.l_type == F_UNLCK))
		return 0;
	return fail_busy(&at, path, known && lock.l_type == F_WRLCK, e);
}

int vm_lock_alone(int fd, const char *path, bool try_only, struct err *e)
{
	int rc = alone(fd, path, try_only, e);
	return rc ? rc : check_names(path, e);
}

int vm_lock_check(const char *path, struct err *e)
{
	FD_LOCAL fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc = fd < 0 ? 0 : alone(fd, path, /* try_only */ true, e);
	return rc ? rc : check_names(path, e);
}
