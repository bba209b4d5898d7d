/* SPDX-License-Identifier: MIT */
/* `nestor kernel cache`, and the cache of unpacked kernels as `nestor run` uses it. */
#ifndef NESTOR_CLI_KERNEL_CACHE_H
#define NESTOR_CLI_KERNEL_CACHE_H

#include "host/kernel_cache.h"
#include "host/loop.h"

#include <sys/types.h>

/* argv[0] is "nestor kernel cache". Returns an exit status. */
int cmd_kernel_cache(int argc, char **argv);

/* The user's cache, by the environment. -ENOENT where that names none. */
int user_kernel_cache(struct kernel_cache **ret_cache, struct err *e) MUST_CHECK;

/* A process that stores a kernel in the cache, watched by a loop. */
struct kernel_storing {
	struct loop_timer *timer; /* the loop's; NULL: there is none */
	const char *path;         /* of the kernel; borrowed */
	pid_t child;              /* 0: not started yet */
	const struct reporter *reporter;
};

/* Starts it once loop runs. What fails is reported as debugging. */
void kernel_storing_begin(struct kernel_storing *s, struct loop *loop, const char *path,
	const struct reporter *reporter);

/* No longer watches; the process goes on. Accepts one never begun (all zero). */
void kernel_storing_end(struct kernel_storing *s);

#endif
