/* SPDX-License-Identifier: MIT */
#include "config/replace.h"

#include "base/analyzer.h"
#include "config/attributes.h"
#include "config/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SHOWN_BYTES 256
#define TEMP_NAME_BYTES 64
#define TEMP_TRIES 100 /* names that killed processes of the same number may have left */

static int real_openat(int dir, const char *path, int flags, mode_t mode)
{
	return openat(dir, path, flags, mode);
}

const struct replace_calls replace_calls_real = {
	.openat = real_openat,
	.fchown = fchown,
	.fchmod = fchmod,
	.fsetxattr = fsetxattr,
	.fremovexattr = fremovexattr,
	.ioctl = attributes_ioctl,
	.write = write,
	.fsync = fsync,
	.close = close,
	.renameat = renameat,
	.unlinkat = unlinkat,
};

/* One replacement on its way. */
struct replacement {
	const struct replace_calls *calls;
	const char *shown; /* the file's name for messages */
	const char *name;  /* in dir */
	int dir;
	int old;                    /* the file as it is, for reading; or -1 */
	char temp[TEMP_NAME_BYTES]; /* in dir; "": there is none (any more) */
	int fd;                     /* of temp, or -1 */
};

static int fail(const struct replacement *r, struct err *e, const char *what)
{
	int code = errno ? -errno : -EIO;
	return err_set_errno(e, code, "cannot change %s: %s", r->shown, what);
}

static int fail_changed(const struct replacement *r, struct err *e)
{
	return err_set_config(e, -ESTALE,
		"%s was changed by someone else meanwhile; nothing is changed", r->shown);
}

/* The folder of the file that path leads to, and the file's name there; *ret_path is owned. */
static int open_folder(struct replacement *r, const char *path, char **ret_path, struct err *e)
{
	char *resolved = realpath(path, NULL);
	if (!resolved)
		return fail(r, e, "cannot find it");
	*ret_path = resolved;
	/* A regular file's resolved path has a "/" with a name after it. */
	char *slash = strrchr(resolved, '/');
	r->name = slash + 1;
	*slash = '\0';
	r->dir = r->calls->openat(AT_FDCWD, slash == resolved ? "/" : resolved,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return r->dir < 0 ? fail(r, e, "cannot open its folder") : 0;
}

ANALYZER_MISTAKEN("-Wanalyzer-null-argument"); /* not reached without a name */
/* The path must still lead to the file that was read, and that to what was read. */
static int check_same(const struct replacement *r, const struct stat *was, struct err *e)
{
	struct stat is;
	if (fstatat(r->dir, r->name, &is, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(r, e, "cannot look at it");
	if (!S_ISREG(is.st_mode))
		return err_set_config(e, -EINVAL, "%s: not a regular file", r->shown);
	if (is.st_dev != was->st_dev || is.st_ino != was->st_ino || is.st_size != was->st_size ||
		is.st_mtim.tv_sec != was->st_mtim.tv_sec ||
		is.st_mtim.tv_nsec != was->st_mtim.tv_nsec)
		return fail_changed(r, e);
	return 0;
}
ANALYZER_END;

/* True where something is mounted on the very name: nothing can be renamed over that. */
static bool is_mounted(int fd)
{
	struct statx sx;
	return statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx) == 0 &&
	       (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int file_replace_check(int fd, const char *path, struct err *e)
{
	char shown[SHOWN_BYTES];
	struct stat st;
	(void)text_printable(shown, sizeof(shown), path, strlen(path));
	if (fstat(fd, &st) < 0)
		return err_set_errno(e, -errno, "cannot change %s: cannot look at it", shown);
	if (is_mounted(fd)) {
		int rc = err_set_config(e, -EBUSY,
			"cannot change %s: it is a mount of its own, over which no file can be put",
			shown);
		return err_hint(
			e, rc, "change it where it is mounted from, or mount its whole folder");
	}
	if (st.st_nlink > 1) {
		int rc = err_set_config(e, -EMLINK,
			"cannot change %s: it has %lu names (hard links), and the others would "
			"keep the old content",
			shown, (unsigned long)st.st_nlink);
		return err_hint(e, rc,
			"make it a file of its own first (cp -a it, and mv the copy over it), or "
			"use symbolic links");
	}
	return attributes_check(fd, shown, e);
}

/* The file that is there, to copy from. */
static int open_old(struct replacement *r, const char *path, const struct stat *was, struct err *e)
{
	struct stat is;
	r->old = r->calls->openat(
		r->dir, r->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (r->old < 0 || fstat(r->old, &is) < 0)
		return fail(r, e, "cannot open it");
	if (is.st_dev != was->st_dev || is.st_ino != was->st_ino)
		return fail_changed(r, e);
	return file_replace_check(r->old, path, e);
}

static int create_temp(struct replacement *r, const struct stat *was, struct err *e)
{
	for (unsigned i = 0; i < TEMP_TRIES; i++) {
		char name[TEMP_NAME_BYTES];
		(void)snprintf(name, sizeof(name), ".nestor-edit-%ld-%u", (long)getpid(), i);
		/* For nobody else; a default ACL of the folder lets in no one either, as its mask
		 * is that of the group (acl(5)). */
		r->fd = r->calls->openat(r->dir, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, was->st_mode & 0600);
		if (r->fd >= 0) {
			(void)memcpy(r->temp, name, sizeof(name));
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	return fail(r, e, "cannot create a file beside it");
}

static int write_temp(
	struct replacement *r, const struct stat *was, const char *text, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t done = r->calls->write(r->fd, text, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done == 0 ? ENOSPC : errno;
			return fail(r, e, "cannot write the new file");
		}
		text += done;
		n -= (size_t)done;
	}
	int rc = attributes_give_again(r->calls, r->old, was, r->fd, r->shown, e);
	if (rc)
		return rc;
	/* The bytes must be on the disk before the name leads to them. */
	if (r->calls->fsync(r->fd) < 0)
		return fail(r, e, "cannot write the new file");
	int fd = r->fd;
	r->fd = -1;
	return r->calls->close(fd) < 0 ? fail(r, e, "cannot write the new file") : 0;
}

static int swap(struct replacement *r, struct err *e)
{
	if (r->calls->renameat(r->dir, r->temp, r->dir, r->name) < 0)
		return fail(r, e, "cannot put the new file in its place");
	r->temp[0] = '\0';
	/* Some file systems have no fsync of folders; there is then no more to do. */
	if (r->calls->fsync(r->dir) < 0 && errno != EINVAL)
		return err_set_errno(
			e, -errno, "%s is changed, but perhaps not yet on its disk", r->shown);
	return 0;
}

int file_replace(const struct replace_calls *calls, const char *path, const struct stat *was,
	const char *text, size_t n, struct err *e)
{
	char shown[SHOWN_BYTES];
	char *resolved = NULL;
	struct replacement r = { .calls = calls, .dir = -1, .old = -1, .fd = -1 };
	r.shown = text_printable(shown, sizeof(shown), path, strlen(path));
	int rc = open_folder(&r, path, &resolved, e);
	if (rc == 0)
		rc = check_same(&r, was, e);
	if (rc == 0)
		rc = open_old(&r, path, was, e);
	if (rc == 0)
		rc = create_temp(&r, was, e);
	if (rc == 0)
		rc = attributes_give(calls, r.old, was, r.fd, r.shown, e);
	if (rc == 0)
		rc = write_temp(&r, was, text, n, e);
	/* Once more, as late as can be: the lock keeps out only who takes it. */
	if (rc == 0)
		rc = check_same(&r, was, e);
	if (rc == 0)
		rc = swap(&r, e);
	if (r.fd >= 0)
		(void)calls->close(r.fd);
	if (r.temp[0] != '\0')
		(void)calls->unlinkat(r.dir, r.temp, 0);
	if (r.old >= 0)
		(void)calls->close(r.old);
	if (r.dir >= 0)
		(void)calls->close(r.dir);
	free(resolved);
	return rc;
}
