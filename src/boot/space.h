/* SPDX-License-Identifier: MIT */
/*
 * Who lies where in guest RAM while a kernel is loaded: the RAM that the guest's memory map calls
 * usable, and the ranges already taken in it. Every byte that a loader writes was claimed here
 * first, so nothing is written over anything else or outside RAM. Messages name no file: callers
 * wrap them.
 */
#ifndef NESTOR_BOOT_SPACE_H
#define NESTOR_BOOT_SPACE_H

#include "base/err.h"
#include "base/types.h"
#include "memory/guest.h"
#include "plan/machine_plan.h"

#define SPACE_MAX_USED 192
#define SPACE_MAX_USABLE (PLAN_MAX_E820 * GUEST_MEMORY_MAX_REGIONS)

struct space_used {
	struct range range;
	const char *what; /* static text */
	int index;        /* -1: none; else appended to what */
};

struct space {
	struct range usable[SPACE_MAX_USABLE]; /* sorted by base */
	unsigned nr_usable;
	struct space_used used[SPACE_MAX_USED];
	unsigned nr_used;
	uint64_t ram_bytes; /* all RAM of the plan, for messages */
};

/* Usable: what both the plan's e820 map calls RAM and mem backs. Nothing is taken yet. */
void space_init(struct space *s, const struct machine_plan *plan, const struct guest_memory *mem);

/*
 * Takes r. -ENOSPC where a byte of it is not usable RAM (saying how much memory would do, if any
 * amount would), -EINVAL where it is empty, wraps, or overlaps what is taken (naming both).
 */
int space_claim(
	struct space *s, struct range r, const char *what, int index, struct err *e) MUST_CHECK;

/* Keeps later finds out of r, whatever it overlaps. */
void space_avoid(struct space *s, struct range r, const char *what);

/*
 * Gives up what was taken (claimed or avoided) when nr_used was from, up to when it was to; what
 * was taken later stays. from <= to <= nr_used.
 */
void space_release(struct space *s, unsigned from, unsigned to);

/*
 * Finds size bytes (> 0) of free RAM, aligned to the power of two align, in [from, to), as high or
 * as low as there is. -ENOSPC where there is none.
 */
int space_find_high(const struct space *s, uint64_t size, uint64_t align, struct range within,
	uint64_t *ret_base) MUST_CHECK;
int space_find_low(const struct space *s, uint64_t size, uint64_t align, struct range within,
	uint64_t *ret_base) MUST_CHECK;

/* True where r may be claimed. */
bool space_is_free(const struct space *s, struct range r);

/* The end of what is taken above the first MiB and below 4 GiB; 1 MiB where nothing is. */
uint64_t space_used_end(const struct space *s);

#endif
