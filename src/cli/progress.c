/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 40

static uint64_t now_ns(void)
{
	struct timespec t;
	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void progress_start(struct progress *p, size_t total)
{
	*p = (struct progress){ .wanted = isatty(STDERR_FILENO) == 1 && total > 1, .total = total };
	if (p->wanted)
		p->next_ns = now_ns() + UINT64_C(500000000);
}

void progress_step(struct progress *p)
{
	p->done++;
	if (!p->wanted)
		return;
	uint64_t now = now_ns();
	if (now < p->next_ns)
		return;
	p->next_ns = now + UINT64_C(100000000);
	size_t filled = p->done >= p->total ? WIDTH : p->done * WIDTH / p->total;
	char bar[WIDTH + 1];
	memset(bar, '.', WIDTH);
	memset(bar, '#', filled);
	bar[WIDTH] = '\0';
	(void)fprintf(stderr, "\r[%s] %zu of %zu hosts", bar, p->done, p->total);
	(void)fflush(stderr);
	p->shown = true;
}

void progress_clear(struct progress *p)
{
	if (!p->shown)
		return;
	/* Erase in line: any terminal that has colours has it. */
	(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
	p->shown = false;
}
