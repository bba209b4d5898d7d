/* SPDX-License-Identifier: MIT */
#include "host/cache_dir.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_NAME "nestor"

static bool is_absolute(const char *path)
{
	return path && path[0] == '/';
}

int cache_dir_find(const struct cache_place *place, char *base, struct err *e)
{
	int n;
	if (is_absolute(place->xdg_cache_home))
		n = snprintf(base, PATH_MAX, "%s", place->xdg_cache_home);
	else if (is_absolute(place->home))
		n = snprintf(base, PATH_MAX, "%s/.cache", place->home);
	else
		return err_set(
			e, -ENOENT, "neither XDG_CACHE_HOME nor HOME is set to an absolute path");
	if (n < 0 || n >= PATH_MAX)
		return err_set(e, -ENOENT, "the path of the cache is too long");
	return 0;
}

/* A directory on the way to ours. */
static int check_above(int fd, const char *path, size_t path_size, struct err *e)
{
	struct stat st;
	uid_t user = geteuid();
	if (fstat(fd, &st) < 0)
		return err_set_errno(e, -errno, "cannot examine %.*s", (int)path_size, path);
	if (st.st_uid != 0 && st.st_uid != user)
		return err_set(e, -EPERM, "%.*s belongs to user %u, not to user %u or root",
			(int)path_size, path, (unsigned)st.st_uid, (unsigned)user);
	mode_t others = user == 0 ? S_IWOTH | S_IWGRP : S_IWOTH;
	if ((st.st_mode & others) && !(st.st_mode & S_ISVTX))
		return err_set(e, -EPERM, "others may write in %.*s (mode %04o)", (int)path_size,
			path, (unsigned)(st.st_mode & 07777));
	return 0;
}

/* Opens the directory at path, which has no links left, component by component. */
static int walk(char *path, int *ret_fd, struct err *e)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	FD_LOCAL fd = open("/", flags);
	if (fd < 0)
		return err_set_errno(e, -errno, "cannot open /");
	int rc = check_above(fd, "/", 1, e);
	char *at = path;
	while (rc == 0 && *(at += strspn(at, "/"))) {
		char *end = at + strcspn(at, "/");
		char saved = *end;
		*end = '\0';
		int next = openat(fd, at, flags);
		if (next < 0)
			rc = err_set_errno(e, -errno, "cannot open %s", path);
		*end = saved;
		if (rc < 0)
			break;
		(void)fd_close(fd);
		fd = next;
		rc = check_above(fd, path, (size_t)(end - path), e);
		at = end;
	}
	if (rc == 0)
		*ret_fd = fd_take(&fd);
	return rc;
}

static int open_own(int above, const char *path, int *ret_fd, struct err *e)
{
	struct stat st;
	FD_LOCAL fd = openat(above, OWN_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(e, -errno, "cannot open %s/" OWN_NAME, path);
	if (st.st_uid != geteuid())
		return err_set(e, -EPERM, "%s/" OWN_NAME " belongs to user %u, not to user %u",
			path, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 0777) != 0700)
		return err_set(e, -EPERM, "%s/" OWN_NAME " has mode %04o, not 0700", path,
			(unsigned)(st.st_mode & 07777));
	*ret_fd = fd_take(&fd);
	return 0;
}

/* Opens a directory that may have links in its path, for a look from it downwards. */
static int open_above(const char *path, int *ret_fd, char **ret_path, struct err *e)
{
	char *real = realpath(path, NULL);
	if (!real)
		return err_set_errno(e, -errno, "cannot open %s", path);
	int rc = walk(real, ret_fd, e);
	if (rc < 0) {
		free(real);
		return rc;
	}
	*ret_path = real;
	return 0;
}

/* Makes base, where all above it may be used. */
static int make_base(const char *base, struct err *e)
{
	char above[PATH_MAX], *real = NULL;
	(void)snprintf(above, sizeof(above), "%s", base);
	size_t size = strlen(above);
	while (size > 1 && above[size - 1] == '/')
		above[--size] = '\0';
	char *slash = strrchr(above, '/');
	FD_LOCAL fd = -1;
	*slash = '\0';
	int rc = open_above(slash == above ? "/" : above, &fd, &real, e);
	free(real);
	if (rc == 0 && mkdirat(fd, slash + 1, 0700) < 0)
		rc = err_set_errno(e, -errno, "cannot make %s", base);
	return rc;
}

int cache_dir_open(const char *base, bool create, int *ret_fd, struct err *e)
{
	FD_LOCAL above = -1;
	char *path = NULL;
	int rc = open_above(base, &above, &path, e);
	if (rc == -ENOENT && create) {
		rc = make_base(base, e);
		if (rc == 0)
			rc = open_above(base, &above, &path, e);
	}
	/* Where it is there already, or cannot be made, opening it says all. */
	if (rc == 0 && create)
		(void)mkdirat(above, OWN_NAME, 0700);
	if (rc == 0)
		rc = open_own(above, path, ret_fd, e);
	free(path);
	return rc;
}
