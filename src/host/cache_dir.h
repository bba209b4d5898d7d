/* SPDX-License-Identifier: MIT */
/* Where nestor's cache is, and whether it may be used. */
#ifndef NESTOR_HOST_CACHE_DIR_H
#define NESTOR_HOST_CACHE_DIR_H

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>

/* What the environment says, for cache_dir_find; NULL: not set. */
struct cache_place {
	const char *xdg_cache_home, *home;
};

/*
 * The directory that holds nestor's own, by the XDG Base Directory Specification: $XDG_CACHE_HOME,
 * or where that is not set or not absolute, $HOME/.cache; base has PATH_MAX. -ENOENT where neither
 * gives one.
 */
int cache_dir_find(const struct cache_place *place, char *base, struct err *e) MUST_CHECK;

/*
 * Opens base's directory "nestor"; with create, makes it and base, but nothing above. It must be
 * the effective user's own with mode 0700. Of base and all above, links resolved, each directory
 * must belong to that user or root, and nobody else may write there, unless it has the sticky bit;
 * for users but root, a group may: groups of one are common, and what a stranger could put there
 * would not be theirs. So root, with another user's HOME, has no cache. -ENOENT where it is not
 * there, -EPERM where it may not be used; the message says which directory and why.
 */
int cache_dir_open(const char *base, bool create, int *ret_fd, struct err *e) MUST_CHECK;

#endif
