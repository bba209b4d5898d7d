/* SPDX-License-Identifier: MIT */
/*
 * How much memory this process may have, by everything that could refuse it, or end the process
 * once it is used: the host's own memory, cgroups of both versions up to the root, limits of the
 * process, the pool of huge pages. Files only, below a root, so that a test can give a tree of its
 * own.
 */
#ifndef NESTOR_HOST_MEMORY_LIMITS_H
#define NESTOR_HOST_MEMORY_LIMITS_H

#include "base/err.h"
#include "base/types.h"

/* What guest RAM is to be made of. */
struct memory_need {
	uint64_t bytes;
	uint64_t hugepage_bytes; /* 0: the kernel's normal pages; else 2 MiB or 1 GiB */
	bool is_shared;          /* a memfd, else private */
	bool is_touched;         /* all of it is used at once, else only mapped */
};

/*
 * -ENOMEM where something allows less, with the tightest limit: its name, its value, what is used
 * of it already, and what to do. root: "" for this machine, or a folder with proc and sys in it.
 * What cannot be read limits nothing.
 */
int memory_limits_check(const char *root, const struct memory_need *need, struct err *e) MUST_CHECK;

#endif
