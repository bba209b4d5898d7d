/* SPDX-License-Identifier: MIT */
#include "fake/tree.h"

#include <ftw.h>
#include <stdio.h>

#define OPEN_FOLDERS 16

static int drop(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int tree_remove(const char *path)
{
	return nftw(path, drop, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}
