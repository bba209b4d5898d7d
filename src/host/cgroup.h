/* SPDX-License-Identifier: MIT */
/*
 * Where the cgroups of this process are, as far as it can see: in a container with a namespace of
 * its own, up to that namespace's root. Source: Linux, cgroup-v2.rst, cgroups.rst, proc(5).
 */
#ifndef NESTOR_HOST_CGROUP_H
#define NESTOR_HOST_CGROUP_H

#include "base/types.h"

#include <limits.h>

struct cgroup {
	unsigned version;    /* 1 or 2; 0: none */
	char path[PATH_MAX]; /* of its folder, with root in front; cgroup_up shortens it */
	size_t root_bytes;   /* of path that lead to the files that the user sees */
	size_t mount_bytes;  /* of path that the topmost folder has */
	bool counts_hugetlb; /* version 2, mounted so that memory.max counts huge pages */
};

/*
 * The cgroup that limits this process by controller ("memory"): of version 1, where that controller
 * is mounted so, else of version 2. version 0 where there is none, or none can be seen. root: as
 * memory_limits_check's.
 */
void cgroup_find(const char *root, const char *controller, struct cgroup *ret);

/* Goes to the cgroup above; false at the topmost that can be seen. */
bool cgroup_up(struct cgroup *c);

/*
 * The number in a file of c's folder. False where there is no such file; UINT64_MAX where it says
 * "max" or a number that is no limit.
 */
bool cgroup_number(const struct cgroup *c, const char *file, uint64_t *ret);

/* The number behind key in a file of lines "key number"; 0 where there is none. */
uint64_t cgroup_stat(const struct cgroup *c, const char *file, const char *key);

/* The folder as the user knows it, without root. */
const char *cgroup_name(const struct cgroup *c);

#endif
