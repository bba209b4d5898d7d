/* SPDX-License-Identifier: MIT */
#include "fake/tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPEN_FOLDERS 16

static int drop(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void tree_put(const char *root, const char *path, const void *bytes, size_t n)
{
	char full[1024];
	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		(void)mkdir(full, 0755);
		*at = '/';
	}
	int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n) {
		perror(full);
		abort();
	}
	(void)close(fd);
}

int tree_remove(const char *path)
{
	return nftw(path, drop, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}
